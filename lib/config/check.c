/* SPDX-License-Identifier: Apache-2.0 */
#include "config/key.h"

#include <errno.h>
#include <string.h>

/* As lib/dataplane lays them out: a buffer fills a page, a flow takes two slots of 64 bytes. */
#define MBUF_BYTES 4096u
#define FLOW_BYTES 128u

static int check_ports(const struct lm_gateway_config *c, const char *file, struct lm_why *why)
{
	unsigned underlay = 0;

	for (unsigned i = 0; i < c->n_ports; i++)
		underlay += c->ports[i].role == LM_PORT_UNDERLAY;
	if (underlay != 1)
		return lm_config_why(c, file, "ports", why,
		    "needs exactly one with role \"underlay\", has %u", underlay);
	return 0;
}

static int check_cores(const struct lm_gateway_config *c, const char *file, struct lm_why *why)
{
	for (unsigned i = 0; c->pin && i < c->n_workers; i++) {
		if (c->worker_cores[i] == c->control_core)
			return lm_config_why(c, file, "dpdk.worker_cores", why,
			    "core %u is the control core; use another, or pin = false",
			    c->control_core);
		for (unsigned j = 0; j < i; j++)
			if (c->worker_cores[i] == c->worker_cores[j])
				return lm_config_why(c, file, "dpdk.worker_cores", why,
				    "core %u is given twice", c->worker_cores[i]);
	}
	return 0;
}

static int check_memory(const struct lm_gateway_config *c, const char *file, struct lm_why *why)
{
	uint64_t buffers = (uint64_t)c->mbufs * MBUF_BYTES >> 20;
	uint64_t flows = (uint64_t)c->flows * FLOW_BYTES * c->n_workers >> 20;

	if (buffers >= c->memory_mb)
		return lm_config_why(c, file, "dpdk.mbufs", why,
		    "%u buffers take %llu MB, memory_mb is %u", c->mbufs,
		    (unsigned long long)buffers, c->memory_mb);
	if (buffers + flows >= c->memory_mb)
		return lm_config_why(c, file, "dpdk.memory_mb", why,
		    "%u is too little: buffers and flow tables alone take %llu", c->memory_mb,
		    (unsigned long long)(buffers + flows));
	return 0;
}

static bool on_link(const struct lm_ifaddr *a, const struct lm_ip *ip)
{
	if (a->ip.family != ip->family)
		return false;
	for (unsigned bit = 0; bit < a->len; bit++)
		if ((a->ip.b[bit / 8] ^ ip->b[bit / 8]) & (0x80 >> bit % 8))
			return false;
	return true;
}

static int check_gateway(const struct lm_gateway_config *c, const char *file, const char *path,
    const struct lm_ip *gateway, struct lm_why *why)
{
	char text[LM_IP_TEXT];
	bool reachable = false;

	if (gateway->family == 0)
		return 0;
	lm_ip_text(text, gateway);
	/* A router's link-local address is reachable on any link (RFC 4861 section 6.3.4). */
	if (lm_ip_is_link_local(gateway))
		reachable = true;
	else if (lm_ip_is_special(gateway))
		return lm_config_why(c, file, path, why, "%s is no host's address", text);
	for (unsigned i = 0; i < c->n_addrs; i++) {
		if (lm_ip_equal(&c->addrs[i].ip, gateway))
			return lm_config_why(c, file, path, why, "%s is our own address", text);
		reachable |= on_link(&c->addrs[i], gateway);
	}
	if (!reachable)
		return lm_config_why(
		    c, file, path, why, "%s is not on the link of any of underlay.addresses", text);
	return 0;
}

/* What we send to ourselves never leaves. */
static int check_forwarders(const struct lm_gateway_config *c, const char *file, struct lm_why *why)
{
	char text[LM_IP_TEXT];

	for (unsigned i = 0; i < c->n_forwarders; i++)
		for (unsigned j = 0; j < c->n_addrs; j++)
			if (lm_ip_equal(&c->forwarders[i], &c->addrs[j].ip))
				return lm_config_why(c, file, "dns.forward", why,
				    "%s is our own address", lm_ip_text(text, &c->forwarders[i]));
	return 0;
}

int lm_config_check(const struct lm_gateway_config *c, const char *file, struct lm_why *why)
{
	int r = check_ports(c, file, why);

	if (!r)
		r = check_cores(c, file, why);
	if (!r)
		r = check_memory(c, file, why);
	if (!r)
		r = check_gateway(c, file, "underlay.gateway4", &c->gateway4, why);
	if (!r)
		r = check_gateway(c, file, "underlay.gateway6", &c->gateway6, why);
	if (!r)
		r = check_forwarders(c, file, why);
	return r;
}

int lm_config_check_cores(const struct lm_gateway_config *c, const char *path,
    bool (*usable)(void *ctx, unsigned core), void *ctx, struct lm_why *why)
{
	if (!c->pin)
		return 0;
	if (!usable(ctx, c->control_core))
		return lm_config_why(c, path, "dpdk.control_core", why,
		    "core %u is not ours to use on this host", c->control_core);
	for (unsigned i = 0; i < c->n_workers; i++)
		if (!usable(ctx, c->worker_cores[i]))
			return lm_config_why(c, path, "dpdk.worker_cores", why,
			    "core %u is not ours to use on this host", c->worker_cores[i]);
	return 0;
}
