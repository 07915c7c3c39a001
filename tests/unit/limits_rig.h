/* SPDX-License-Identifier: Apache-2.0 */
/* Loads on the rig over simulated seconds, and what passed of them. */
#ifndef LM_TESTS_LIMITS_RIG_H
#define LM_TESTS_LIMITS_RIG_H

#include <rte_cycles.h>
#include "dataplane/shares.h"
#include "dp_fixture.h"

/* Everybody may speak UDP to everybody. */
static const char open_policy[] =
    "  - name: web\n"
    "    deployment: 1\n"
    "    endpoints: [{provider: a, ipv4: 100.64.10.10, ipv6: \"fd5a:10::10\"}]\n"
    "    egress: [{to: any, protocol: udp}]\n"
    "    ingress: [{from: any, protocol: udp}]\n"
    "  - name: app\n"
    "    deployment: 2\n"
    "    endpoints: [{provider: a, ipv4: 100.64.10.11, ipv6: \"fd5a:10::11\"}]\n"
    "    egress: [{to: any, protocol: udp}]\n"
    "    ingress: [{from: any, protocol: udp}]\n"
    "  - name: db\n"
    "    deployment: 3\n"
    "    endpoints: [{provider: b, ipv4: 100.64.10.20, ipv6: \"fd5a:10::20\"}]\n"
    "    egress: [{to: any, protocol: udp}]\n"
    "    ingress: [{from: any, protocol: udp}]\n"
    "  - name: cache\n"
    "    deployment: 4\n"
    "    endpoints: [{provider: b, ipv4: 100.64.10.21, ipv6: \"fd5a:10::21\"}]\n"
    "    egress: [{to: any, protocol: udp}]\n"
    "    ingress: [{from: any, protocol: udp}]\n";

#define IP_BYTES 1000
#define BURST_MS LM_RATE_BURST_MS
#define STEP_US 1000

static uint64_t span_ended; /* cycles */

static inline struct rig *create(const struct rig_options *options)
{
	struct rig *r = rig_create(options);

	for (unsigned gw = 0; gw < 2; gw++)
		for (uint32_t net = 0; net < 2; net++)
			rig_publish(r, gw, net, open_policy);
	span_ended = rte_rdtsc();
	return r;
}

static inline struct rig_packet datagram(enum rig_host_id from, enum rig_host_id to, uint16_t port)
{
	return (struct rig_packet){.from = from,
	    .to = to,
	    .protocol = IPPROTO_UDP,
	    .src_port = port,
	    .dst_port = 53,
	    .payload = IP_BYTES - 28};
}

static inline void pass_us(struct rig *r, uint64_t us)
{
	for (unsigned gw = 0; gw < 2; gw++)
		for (unsigned w = 0; w < r->gw[gw].n_workers; w++)
			lm_dp_pass_us(r->gw[gw].dp, w, us);
}

static inline void send_packet(struct rig *r, const struct rig_packet *p)
{
	uint8_t frame[RIG_FRAME_MAX];

	rig_send(r, p->from, frame, rig_build(r, frame, p));
}

/* A flow, and how many packets of it are sent in each step of STEP_US. */
struct load {
	struct rig_packet packet;
	unsigned each;
	uint64_t sent, got;
};

struct span {
	double least, most; /* seconds: what the test let pass, and the clock besides, since the
			       span before */
};

static inline uint64_t got_of(const struct rig *r, const struct load *l)
{
	const struct rig_host *to = &rig_hosts[l->packet.to];
	struct lm_dp_endpoint_info info;

	lm_dp_attachment_counters(r->gw[to->gw].dp, to->attachment, &info);
	return info.tx_packets;
}

/* Each load has a destination of its own, by which it is counted. */
static inline struct span run_loads(struct rig *r, struct load *l, unsigned n, unsigned ms)
{
	for (unsigned i = 0; i < n; i++) {
		l[i].got = got_of(r, &l[i]);
		l[i].sent = 0;
	}
	for (unsigned step = 0; step < ms * 1000 / STEP_US; step++) {
		pass_us(r, STEP_US);
		for (unsigned i = 0; i < n; i++)
			for (unsigned k = 0; k < l[i].each; k++, l[i].sent++)
				send_packet(r, &l[i].packet);
		rig_run(r);
		rig_drain(r, 0);
		rig_drain(r, 1);
	}
	for (unsigned i = 0; i < n; i++)
		l[i].got = got_of(r, &l[i]) - l[i].got;
	uint64_t now = rte_rdtsc();
	double real = (double)(now - span_ended) / (double)rte_get_tsc_hz();
	span_ended = now;
	return (struct span){.least = ms / 1e3, .most = ms / 1e3 + real};
}

/* Of IP_BYTES each, that a rate lets pass in a second. */
static inline double packets_of(enum lm_rate which, uint64_t rate)
{
	bool bits = which == LM_RATE_BITS_OUT || which == LM_RATE_BITS_IN;

	return (double)rate / (bits ? 8.0 * IP_BYTES : 1);
}

/* From full buckets: never more than the burst and the rate, and never less. */
static inline void held(uint64_t got, double a_second, struct span span, double burst_s)
{
	CU_ASSERT_TRUE((double)got <= a_second * (span.most + burst_s) + 1);
	CU_ASSERT_TRUE((double)got >= a_second * (span.least + burst_s) * 0.999 - 2);
}

static inline uint64_t all_drops(const struct rig *r, unsigned gw)
{
	struct lm_counters c;
	uint64_t sum = 0;

	lm_dp_counters(r->gw[gw].dp, -1, &c);
	for (unsigned i = 0; i < LM_DROP_MAX; i++)
		sum += c.drops[i];
	return sum;
}

static inline void set_web(struct rig *r, uint64_t packets)
{
	r->rates[WEB].of[LM_RATE_PACKETS_OUT] = packets;
	rig_publish_attachments(r, 0);
}

#endif
