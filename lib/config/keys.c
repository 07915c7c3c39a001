/* SPDX-License-Identifier: Apache-2.0 */
#include "config/key.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "config/rates.h"
#include "membership/membership.h"

#define READER(name) \
	static int name(const struct lm_values *v, config_setting_t *s, \
	    const struct lm_config_key *key, struct lm_gateway_config *c)

static void *value_of(const struct lm_config_key *key, struct lm_gateway_config *c)
{
	return (char *)c + key->offset;
}

READER(read_bool)
{
	return lm_value_bool(v, s, value_of(key, c));
}

READER(read_uint)
{
	uint64_t n;
	int r = lm_value_uint(v, s, key->min, key->max, &n);

	if (r)
		return r;
	if (key->size == sizeof(uint16_t))
		*(uint16_t *)value_of(key, c) = (uint16_t)n;
	else
		*(uint32_t *)value_of(key, c) = (uint32_t)n;
	return 0;
}

READER(read_rate)
{
	return lm_value_rate(v, s, key->min, key->max, value_of(key, c));
}

READER(read_power_of_two)
{
	int r = read_uint(v, s, key, c);
	uint32_t n = *(uint32_t *)value_of(key, c);

	if (!r && (n & (n - 1)) != 0)
		r = lm_value_why(v, s, "%u is no power of two", n);
	return r;
}

READER(read_text)
{
	return lm_value_text(v, s, key->min, value_of(key, c), key->size);
}

READER(read_path)
{
	return lm_value_path(v, s, key->min, value_of(key, c), key->size);
}

READER(read_log_level)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	unsigned level;
	int r = lm_value_choice(v, s, names, 4, &level);

	(void)key;
	if (!r)
		c->log_level = (enum lm_log_level)level;
	return r;
}

/* It becomes the name of a folder and of a lock file. */
READER(read_file_prefix)
{
	int r = read_text(v, s, key, c);

	if (r)
		return r;
	size_t ok = strspn(c->file_prefix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789_-.");
	if (c->file_prefix[ok] != '\0' || c->file_prefix[0] == '.' || c->file_prefix[0] == '-')
		return lm_value_why(
		    v, s, "only letters, digits, '_', '-' and '.', and a letter or digit first");
	return 0;
}

READER(read_gateway)
{
	struct lm_ip *ip = value_of(key, c);
	const char *text;
	int r = lm_value_string(v, s, 1, 64, &text);

	if (r)
		return r;
	if (lm_ip_parse(ip, text) || ip->family != key->min)
		return lm_value_why(v, s, "\"%s\" is no IPv%u address", text, (unsigned)key->min);
	return 0;
}

READER(read_domain)
{
	int r = read_text(v, s, key, c);

	if (r)
		return r;
	for (const char *at = c->domain;; at++) {
		size_t len = strcspn(at, ".");
		if (!lm_is_label(at, len))
			return lm_value_why(v, s, "\"%s\" is no domain name", c->domain);
		at += len;
		if (*at == '\0')
			return 0;
	}
}

static bool cores_differ(const struct lm_gateway_config *a, const struct lm_gateway_config *b,
    char *path, size_t size, unsigned *line)
{
	(void)path, (void)size, (void)line;
	return a->n_workers != b->n_workers ||
	       memcmp(a->worker_cores, b->worker_cores, a->n_workers * sizeof(unsigned)) != 0;
}

static bool ports_differ(const struct lm_gateway_config *a, const struct lm_gateway_config *b,
    char *path, size_t size, unsigned *line)
{
	if (a->n_ports != b->n_ports)
		return true;
	for (unsigned i = 0; i < a->n_ports; i++) {
		const struct lm_port_config *p = &a->ports[i], *q = &b->ports[i];
		const char *what = strcmp(p->name, q->name) != 0            ? "name"
				   : p->role != q->role                     ? "role"
				   : strcmp(p->device, q->device) != 0      ? "device"
				   : p->mtu != q->mtu                       ? "mtu"
				   : p->vlan != q->vlan                     ? "vlan"
				   : p->rx_descriptors != q->rx_descriptors ? "rx_descriptors"
				   : p->tx_descriptors != q->tx_descriptors ? "tx_descriptors"
									    : NULL;
		if (what) {
			snprintf(path, size, "ports[%u].%s", i, what);
			*line = q->line;
			return true;
		}
	}
	return false;
}

#define AT(field) \
	offsetof(struct lm_gateway_config, field), sizeof(((struct lm_gateway_config *)0)->field)
#define REQUIRED .required = true
#define LIVE .live = true

/* clang-format off */
const struct lm_config_key lm_config_keys[] = {
	{"identity", read_path, AT(identity), .min = 1, REQUIRED},
	{"state_dir", read_path, AT(state_dir), .min = 1, REQUIRED},
	{"attachments", read_path, AT(attachments), .min = 1, REQUIRED},
	{"log_level", read_log_level, AT(log_level), LIVE},
	{"key_log", read_path, AT(key_log), LIVE},

	{"dpdk.huge_pages", read_bool, AT(huge_pages)},
	{"dpdk.memory_mb", read_uint, AT(memory_mb), .min = 64, .max = 1 << 20},
	{"dpdk.file_prefix", read_file_prefix, AT(file_prefix), .min = 1},
	{"dpdk.control_core", read_uint, AT(control_core), .min = 0, .max = 1023},
	{"dpdk.worker_cores", lm_read_cores, AT(worker_cores), .min = 0, .max = 1023, REQUIRED,
	    .differs = cores_differ},
	{"dpdk.pin", read_bool, AT(pin)},
	{"dpdk.busy_poll", read_bool, AT(busy_poll), LIVE},
	{"dpdk.realtime_priority", read_uint, AT(realtime_priority), .min = 0, .max = 99},
	{"dpdk.eal_args", read_text, AT(eal_args)},
	{"dpdk.mbufs", read_uint, AT(mbufs), .min = 2048, .max = 1 << 24},

	{"ports", lm_read_ports, AT(ports), REQUIRED, .differs = ports_differ},

	{"underlay.addresses", lm_read_addresses, AT(addrs), REQUIRED, LIVE},
	{"underlay.gateway4", read_gateway, AT(gateway4), .min = 4, LIVE},
	{"underlay.gateway6", read_gateway, AT(gateway6), .min = 6, LIVE},
	{"underlay.port", read_uint, AT(udp_port), .min = 1, .max = 65535},
	{"underlay.lane_source_ports", read_bool, AT(lane_source_ports)},

	{"owners", lm_read_owners, AT(owners), REQUIRED, LIVE},

	{"ledger.on_disk", read_bool, AT(ledger_on_disk)},

	{"workload.mtu", read_uint, AT(workload_mtu), .min = 1280, .max = 9600, LIVE},
	{"workload.dhcp_lease", read_uint, AT(dhcp_lease_seconds), .min = 5, .max = 31536000, LIVE},
	{"workload.default_route", read_bool, AT(default_route), LIVE},
	{"workload.domain", read_domain, AT(domain), .min = 1, LIVE},

	{"dns.forward", lm_read_forwarders, AT(forwarders), LIVE},
	{"dns.questions", read_uint, AT(dns_questions), .min = 1, .max = 1000000, LIVE},

	{"limits.networks", read_uint, AT(max_networks), .min = 1, .max = LM_NETWORKS_MAX},
	{"limits.peers", read_uint, AT(max_peers), .min = 1, .max = 16384},
	{"limits.endpoints", read_uint, AT(max_endpoints), .min = 1, .max = 1 << 20},
	{"limits.flows", read_power_of_two, AT(flows), .min = 1024, .max = 1 << 26},
	{"limits.network_flows", read_uint, AT(network_flows), .min = 0, .max = 1 << 26},

	{"flows.tcp_opening", read_uint, AT(flow_seconds.tcp_opening), .min = 1, .max = 864000, LIVE},
	{"flows.tcp_established", read_uint, AT(flow_seconds.tcp_established), .min = 1, .max = 864000, LIVE},
	{"flows.tcp_closing", read_uint, AT(flow_seconds.tcp_closing), .min = 1, .max = 864000, LIVE},
	{"flows.tcp_closed", read_uint, AT(flow_seconds.tcp_closed), .min = 1, .max = 864000, LIVE},
	{"flows.tcp_pickup", read_uint, AT(flow_seconds.tcp_pickup), .min = 0, .max = 864000, LIVE},
	{"flows.udp_pickup", read_uint, AT(flow_seconds.udp_pickup), .min = 0, .max = 864000, LIVE},
	{"flows.udp_one_way", read_uint, AT(flow_seconds.udp_one_way), .min = 1, .max = 864000, LIVE},
	{"flows.udp", read_uint, AT(flow_seconds.udp), .min = 1, .max = 864000, LIVE},
	{"flows.icmp", read_uint, AT(flow_seconds.icmp), .min = 1, .max = 864000, LIVE},
	{"flows.other", read_uint, AT(flow_seconds.other), .min = 1, .max = 864000, LIVE},

	{"rates.endpoint_bits_out", read_rate, AT(endpoint_rates.of[LM_RATE_BITS_OUT]), .min = LM_RATE_BITS_MIN, .max = LM_RATE_BITS_LIMIT, LIVE},
	{"rates.endpoint_packets_out", read_rate, AT(endpoint_rates.of[LM_RATE_PACKETS_OUT]), .min = 1, .max = LM_RATE_PACKETS_LIMIT, LIVE},
	{"rates.endpoint_bits_in", read_rate, AT(endpoint_rates.of[LM_RATE_BITS_IN]), .min = LM_RATE_BITS_MIN, .max = LM_RATE_BITS_LIMIT, LIVE},
	{"rates.endpoint_packets_in", read_rate, AT(endpoint_rates.of[LM_RATE_PACKETS_IN]), .min = 1, .max = LM_RATE_PACKETS_LIMIT, LIVE},
	{"rates.network_bits_out", read_rate, AT(network_rates.of[LM_RATE_BITS_OUT]), .min = LM_RATE_BITS_MIN, .max = LM_RATE_BITS_LIMIT, LIVE},
	{"rates.network_packets_out", read_rate, AT(network_rates.of[LM_RATE_PACKETS_OUT]), .min = 1, .max = LM_RATE_PACKETS_LIMIT, LIVE},
	{"rates.network_bits_in", read_rate, AT(network_rates.of[LM_RATE_BITS_IN]), .min = LM_RATE_BITS_MIN, .max = LM_RATE_BITS_LIMIT, LIVE},
	{"rates.network_packets_in", read_rate, AT(network_rates.of[LM_RATE_PACKETS_IN]), .min = 1, .max = LM_RATE_PACKETS_LIMIT, LIVE},
	{"rates.burst_ms", read_uint, AT(rate_burst_ms), .min = 1, .max = LM_RATE_BURST_MS_MAX, LIVE},
};
/* clang-format on */

const unsigned lm_config_n_keys = sizeof(lm_config_keys) / sizeof(lm_config_keys[0]);
_Static_assert(sizeof(lm_config_keys) / sizeof(lm_config_keys[0]) <= LM_CONFIG_KEYS_MAX,
    "struct lm_gateway_config must have a line for every key");

int lm_config_key_find(const char *group, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s%s", group, group[0] ? "." : "", name);
	for (unsigned i = 0; i < lm_config_n_keys; i++)
		if (strcmp(lm_config_keys[i].path, path) == 0)
			return (int)i;
	return -ENOENT;
}

int lm_config_why(const struct lm_gateway_config *c, const char *file, const char *path,
    struct lm_why *why, const char *fmt, ...)
{
	char name[112], reason[LM_WHY_MAX];
	int key = lm_config_key_find("", path);
	unsigned line = key < 0 ? 0 : c->lines[key];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	lm_source_name(name, sizeof(name), file);
	if (line == 0)
		return lm_why(why, EINVAL, "%s: %s: %s", name, path, reason);
	return lm_why(why, EINVAL, "%s:%u: %s: %s", name, line, path, reason);
}
