/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   leasemesh-answers ENDPOINTS
 *
 * How long the control thread takes from a punted frame to the answer: the real gateway code
 * (app/gateway/punts.c and below) and the real membership, with a manifest of so many endpoints
 * that are all attached here. Only the data plane is missing, which would have brought the frame
 * and taken the answer. Each endpoint is asked about once a round, in an order that no cache likes.
 * Prints a table; perf/address runs it.
 */
#include <netinet/in.h>
#include <rte_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "../app/gateway/gateway.h"
#include "dhcp.h"
#include "packet/build.h"
#include "percentile.h"
#include "sim.h"

#define ROUNDS 5
#define PORT 1
#define PACE 7919 /* a prime: every endpoint comes, and none beside the one before */

static struct {
	struct gateway gw;
	struct lm_gateway_config config;
	struct gw_attachment *attachments;
	unsigned n;
	uint8_t answer[2048];
	size_t answer_len; /* 0: there was none */
} t;

/* ---- instead of the data plane ---- */

int lm_dp_inject(struct lm_dp *dp, unsigned port, const uint8_t *frame, size_t len)
{
	(void)dp, (void)port;
	memcpy(t.answer, frame, len);
	t.answer_len = len;
	return 0;
}

struct lm_mac lm_dp_port_mac(const struct lm_dp *dp, unsigned port)
{
	(void)dp;
	return (struct lm_mac){{2, 0, 0, 0, 0, (uint8_t)port}};
}

int lm_dp_port_info(const struct lm_dp *dp, unsigned port, struct lm_dp_port_info *out)
{
	(void)dp, (void)port, (void)out;
	return -ENOENT;
}

int lm_dp_underlay_addrs(struct lm_dp *dp, const struct lm_ip *addrs, unsigned n)
{
	(void)dp, (void)addrs, (void)n;
	return 0;
}

int lm_dp_resolvers(struct lm_dp *dp, const struct lm_ip *addrs, unsigned n)
{
	(void)dp, (void)addrs, (void)n;
	return 0;
}

void lm_dp_set_questions(struct lm_dp *dp, unsigned per_second)
{
	(void)dp, (void)per_second;
}

/* ---- the rest of the gateway ---- */

struct lm_now gw_now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	uint64_t ns = (uint64_t)at.tv_sec * GW_SECOND + (uint64_t)at.tv_nsec;
	return (struct lm_now){.mono = ns, .wall = SIM_WORLD_BEGINS * GW_SECOND + ns};
}

uint16_t gw_workload_mtu(const struct gateway *gw)
{
	(void)gw;
	return 1418;
}

void gw_path_refresh(struct gateway *gw, const struct lm_udp_addr *to)
{
	(void)gw, (void)to;
}

struct gw_attachment *gw_attachment(struct gateway *gw, uint32_t id)
{
	(void)gw;
	return id < t.n ? &t.attachments[id] : NULL;
}

void gw_attachment_learn(struct gateway *gw, struct gw_attachment *at, const struct lm_mac *mac)
{
	(void)gw, (void)at, (void)mac;
}

/* ---- the world ---- */

static void on_in_force(void *ctx, struct sim_gateway *g, const struct lm_network *net)
{
	(void)g;
	*(uint32_t *)ctx = net->index;
}

static struct sim *begin(void)
{
	const struct sim_hooks hooks = {.in_force = on_in_force};
	struct sim_config config = {.seed = 1, .gateways = 1, .owners = 1};
	struct sim *s = sim_new(&config);
	unsigned here = 0;
	uint32_t net = UINT32_MAX;
	struct sim_plan plan = {
	    .network = "shop", .serial = 1, .providers = &here, .n_providers = 1, .replicas = t.n};
	struct lm_why why;

	s->hooks = hooks;
	s->hooks_ctx = &net;
	sim_start_all(s);
	sim_attach_all(s->gateways[0], true);
	struct sim_document d = sim_sign(s, &plan);
	if (sim_submit(s->gateways[0], &d, &why) < 0 || net == UINT32_MAX)
		abort();
	sim_document_free(&d);
	sim_run(s, 10 * SIM_SECOND);
	strcpy(t.config.domain, "internal");
	t.config.dhcp_lease_seconds = 3600;
	t.gw.config = &t.config;
	t.gw.identity = s->gateways[0]->id;
	t.gw.membership = s->gateways[0]->m;
	for (unsigned i = 0; i < t.n; i++) {
		struct gw_attachment *at = &t.attachments[i];
		*at = (struct gw_attachment){.id = i,
		    .state = GW_ACTIVE,
		    .port = PORT,
		    .net = net,
		    .endpoint = i,
		    .served = true,
		    .ipv4 = lm_membership_network(t.gw.membership, net)->endpoints[i].ipv4,
		    .mac_known = true,
		    .mac = dhcp_mac(i)};
		at->a.has_mac = true;
	}
	if (gw_dns_open(&t.gw) < 0)
		abort();
	return s;
}

/* ---- questions ---- */

static size_t discover(uint8_t *frame, unsigned i)
{
	return dhcp_ask(frame, i, i, NULL);
}

static const struct lm_network *network(void)
{
	return lm_membership_network(t.gw.membership, t.attachments[0].net);
}

static size_t request(uint8_t *frame, unsigned i)
{
	const struct lm_network *net = network();
	struct lm_ip gateway = lm_manifest_gateway_ip(net->manifest, 4);
	struct dhcp_offer offer = {.type = DHCP_OFFER};

	memcpy(offer.yours, net->endpoints[i].ipv4.b, 4);
	memcpy(offer.server, gateway.b, 4);
	return dhcp_ask(frame, i, i, &offer);
}

/* For the address of some other endpoint. */
static size_t question(uint8_t *frame, unsigned i)
{
	const struct lm_network *net = network();
	struct lm_ip gateway = lm_manifest_gateway_ip(net->manifest, 4);
	struct lm_mac mac = dhcp_mac(i), to = lm_dp_port_mac(NULL, PORT);
	struct lm_build b;
	char name[16];

	lm_build_ether(&b, frame, DHCP_FRAME_MAX, &to, &mac, 0, RTE_ETHER_TYPE_IPV4);
	lm_build_ip(&b, &net->endpoints[i].ipv4, &gateway, IPPROTO_UDP, LM_HOP_LIMIT);
	lm_build_udp(&b, (uint16_t)(20000 + i % 10000), 53);
	lm_write_u16(&b.w, (uint16_t)i);
	lm_write_u16(&b.w, 0x0100); /* recursion desired */
	lm_write(&b.w, (const uint8_t[]){0, 1, 0, 0, 0, 0, 0, 0}, 8);
	int len = snprintf(name, sizeof(name), "app-%u", (i * 31 + 17) % t.n);
	lm_write_u8(&b.w, (uint8_t)len);
	lm_write(&b.w, name, (size_t)len);
	lm_write(&b.w, "\4shop\10internal", sizeof("\4shop\10internal")); /* and the root */
	lm_write(&b.w, (const uint8_t[]){0, 1, 0, 1}, 4);
	return lm_build_end(&b);
}

/* ---- figures ---- */

static bool is_offer(void)
{
	struct dhcp_offer offer;

	return dhcp_read(&offer, t.answer, t.answer_len) && offer.type == DHCP_OFFER;
}

static bool is_ack(void)
{
	struct dhcp_offer offer;

	return dhcp_read(&offer, t.answer, t.answer_len) && offer.type == DHCP_ACK;
}

static bool is_address(void)
{
	const uint8_t *dns = t.answer + 14 + 20 + 8;

	return t.answer_len > 60 && (dns[3] & 15) == 0 && dns[7] >= 1; /* NOERROR, and an answer */
}

static void measure(const char *name, enum lm_punt reason, size_t (*ask)(uint8_t *, unsigned),
    bool (*is_right)(void))
{
	uint64_t *took = calloc((size_t)t.n * ROUNDS, sizeof(*took)), all = 0;
	uint8_t frame[DHCP_FRAME_MAX];
	unsigned n = 0;

	if (!took)
		abort();
	for (unsigned k = 0; k < t.n * ROUNDS; k++) {
		unsigned i = (unsigned)((uint64_t)k * PACE % t.n);
		struct lm_dp_punt punt = {
		    .reason = reason, .port = PORT, .attachment = i, .data = frame};
		punt.len = ask(frame, i);
		t.answer_len = 0;
		uint64_t begun = gw_now().mono;
		gw_punt(&t.gw, &punt);
		took[n] = gw_now().mono - begun;
		all += took[n++];
		if (!is_right()) {
			fprintf(
			    stderr, "leasemesh-answers: %s: no answer for endpoint %u\n", name, i);
			exit(1);
		}
	}
	printf("%-24s%12.2f%12.2f%12.2f%12.0f\n", name, (double)percentile(took, n, 0.5) / 1e3,
	    (double)percentile(took, n, 0.99) / 1e3, (double)percentile(took, n, 1) / 1e3,
	    1e9 * n / (double)all);
	free(took);
}

int main(int argc, char **argv)
{
	t.n = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	if (t.n == 0 || t.n > LM_ENDPOINTS_MAX) {
		fputs("usage: leasemesh-answers ENDPOINTS\n", stderr);
		return 2;
	}
	t.attachments = calloc(t.n, sizeof(*t.attachments));
	if (!t.attachments)
		abort();
	struct sim *s = begin();
	printf("\nControl thread, from punt to answer, %u endpoints attached; us\n"
	       "%-24s%12s%12s%12s%12s\n",
	    t.n, "", "p50", "p99", "max", "/s");
	measure("DISCOVER -> OFFER", LM_PUNT_WORKLOAD, discover, is_offer);
	measure("REQUEST -> ACK", LM_PUNT_WORKLOAD, request, is_ack);
	measure("A -> address", LM_PUNT_DNS, question, is_address);
	gw_dns_close(&t.gw);
	free(t.attachments);
	sim_free(s);
	return 0;
}
