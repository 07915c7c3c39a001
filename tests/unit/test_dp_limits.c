/* SPDX-License-Identifier: Apache-2.0 */
/* What an endpoint and a network may send and receive in a second: held, and counted. */
#include "limits_rig.h"

/* ---- one endpoint ---------------------------------------------------------- */

static const struct {
	enum lm_rate which;
	uint64_t rate;
	enum rig_host_id limited, from, to;
	enum lm_drop why;
} ways[] = {
    {LM_RATE_BITS_OUT, 8000000, WEB, WEB, DB, LM_DROP_ENDPOINT_RATE_OUT},
    {LM_RATE_BITS_OUT, 4000000, WEB, WEB, APP, LM_DROP_ENDPOINT_RATE_OUT},
    {LM_RATE_PACKETS_OUT, 777, WEB, WEB, DB, LM_DROP_ENDPOINT_RATE_OUT},
    {LM_RATE_BITS_IN, 8000000, DB, WEB, DB, LM_DROP_ENDPOINT_RATE_IN},
    {LM_RATE_BITS_IN, 12000000, APP, WEB, APP, LM_DROP_ENDPOINT_RATE_IN},
    {LM_RATE_PACKETS_IN, 1500, DB, WEB, DB, LM_DROP_ENDPOINT_RATE_IN},
};

static void test_endpoint(void)
{
	for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		struct rig *r = create(&rig_one_worker);
		unsigned gw = rig_hosts[ways[i].limited].gw;
		struct load load = {.packet = datagram(ways[i].from, ways[i].to, 4000), .each = 4};

		r->rates[ways[i].limited].of[ways[i].which] = ways[i].rate;
		rig_publish_attachments(r, gw);
		struct span span = run_loads(r, &load, 1, 3000);
		held(load.got, packets_of(ways[i].which, ways[i].rate), span, BURST_MS / 1e3);

		/* Each that did not arrive has this reason, and is told of this endpoint. */
		CU_ASSERT_EQUAL(rig_drops(r, gw, ways[i].why), load.sent - load.got);
		CU_ASSERT_EQUAL(all_drops(r, 0) + all_drops(r, 1), load.sent - load.got);
		struct lm_dp_limited l =
		    lm_dp_attachment_limited(r->gw[gw].dp, rig_hosts[ways[i].limited].attachment);
		bool out = ways[i].why == LM_DROP_ENDPOINT_RATE_OUT;
		CU_ASSERT_EQUAL(out ? l.out : l.in, load.sent - load.got);
		CU_ASSERT_EQUAL(out ? l.in : l.out, 0);
		rig_end(r);
	}
}

/* What is refused counts in no flow, and begins none. */
static void test_no_flow(void)
{
	struct rig *r = create(&rig_one_worker);
	struct load load = {.packet = datagram(WEB, DB, 4000), .each = 4};
	struct lm_counters c;

	r->rates[WEB].of[LM_RATE_PACKETS_OUT] = 10;
	rig_publish_attachments(r, 0);
	run_loads(r, &load, 1, 200);
	lm_dp_counters(r->gw[0].dp, -1, &c);
	CU_ASSERT_EQUAL(c.flow_hits + c.flow_misses, load.got);
	CU_ASSERT_TRUE(load.got < 10);
	rig_end(r);
}

/* Bits and packets at once: whichever is the less, and what one refuses costs the other nothing. */
static void test_both(void)
{
	struct rig *r = create(&rig_one_worker);
	struct load load = {.packet = datagram(WEB, DB, 4000), .each = 4};

	r->rates[WEB].of[LM_RATE_BITS_OUT] = 8000000; /* 1000 packets */
	r->rates[WEB].of[LM_RATE_PACKETS_OUT] = 300;
	rig_publish_attachments(r, 0);
	struct span span = run_loads(r, &load, 1, 2000);
	held(load.got, 300, span, BURST_MS / 1e3);
	r->rates[WEB].of[LM_RATE_PACKETS_OUT] = 3000;
	rig_publish_attachments(r, 0);
	span = run_loads(r, &load, 1, 2000);
	/* The bytes' bucket was full all the time, for far less came than would have passed. */
	held(load.got, 1000, span, BURST_MS / 1e3);
	rig_end(r);
}

/* Bucket smaller than a packet: still one passes now and then, at the rate. */
static void test_small(void)
{
	struct rig *r = create(&rig_one_worker);
	struct load load = {.packet = datagram(WEB, DB, 4000), .each = 1};

	r->rates[WEB].of[LM_RATE_BITS_OUT] = 16000; /* 2 packets; the bucket holds 200 bytes */
	rig_publish_attachments(r, 0);
	struct span span = run_loads(r, &load, 1, 10000);
	CU_ASSERT_TRUE(load.got >= 19 && (double)load.got <= 2 * span.most + 1);
	rig_end(r);
}

/* Control traffic has allowances of its own. */
static void test_not_metered(void)
{
	struct rig *r = create(&rig_one_worker);
	struct rig_packet question = datagram(WEB, DB, 4000);
	unsigned punts[LM_PUNT_MAX] = {0};

	r->rates[WEB].of[LM_RATE_PACKETS_OUT] = 1;
	rig_publish_attachments(r, 0);
	question.dst_ip = "100.64.10.1";
	for (unsigned i = 0; i < 20; i++)
		send_packet(r, &question);
	rig_run(r);
	rig_punts(r, 0, punts);
	CU_ASSERT_EQUAL(punts[LM_PUNT_DNS], 20);
	CU_ASSERT_EQUAL(all_drops(r, 0), 0);
	rig_end(r);
}

/* ---- networks -------------------------------------------------------------- */

/* All endpoints of one network together, and no other network. */
static void test_network(void)
{
	static const struct lm_rates out = {.of[LM_RATE_BITS_OUT] = 16000000}; /* 2000 packets */
	static const struct lm_rates in = {.of[LM_RATE_PACKETS_IN] = 1200};
	struct rig *r = create(&rig_one_worker);
	struct load loads[] = {
	    {.packet = datagram(WEB, DB, 4000), .each = 3},
	    {.packet = datagram(APP, CACHE, 4000), .each = 3},
	    {.packet = datagram(TWIN, MIRROR, 4000), .each = 1},
	};

	lm_dp_set_rates(r->gw[0].dp, &out, BURST_MS);
	rig_publish_attachments(r, 0);
	struct span span = run_loads(r, loads, 3, 2000);
	held(loads[0].got + loads[1].got, 2000, span, BURST_MS / 1e3);
	CU_ASSERT_EQUAL(loads[2].got, loads[2].sent);
	uint64_t lost = loads[0].sent + loads[1].sent - loads[0].got - loads[1].got;
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_NETWORK_RATE_OUT), lost);
	CU_ASSERT_EQUAL(lm_dp_network_limited(r->gw[0].dp, 0).out, lost);
	CU_ASSERT_EQUAL(lm_dp_network_limited(r->gw[0].dp, 1).out, 0);
	CU_ASSERT_EQUAL(lm_dp_attachment_limited(r->gw[0].dp, rig_hosts[WEB].attachment).out, 0);

	/* The other way and the other unit, at the other end; none any more here. */
	lm_dp_set_rates(r->gw[0].dp, &(struct lm_rates){{0}}, BURST_MS);
	rig_publish_attachments(r, 0);
	lm_dp_set_rates(r->gw[1].dp, &in, BURST_MS);
	rig_publish_attachments(r, 1);
	span = run_loads(r, loads, 3, 2000);
	held(loads[0].got + loads[1].got, 1200, span, BURST_MS / 1e3);
	CU_ASSERT_EQUAL(loads[2].got, loads[2].sent);
	lost = loads[0].sent + loads[1].sent - loads[0].got - loads[1].got;
	CU_ASSERT_EQUAL(rig_drops(r, 1, LM_DROP_NETWORK_RATE_IN), lost);
	CU_ASSERT_EQUAL(lm_dp_network_limited(r->gw[1].dp, 0).in, lost);
	CU_ASSERT_EQUAL(lm_dp_network_limited(r->gw[0].dp, 0).out, 0);

	/* Whoever comes to its place is another. */
	lm_dp_network_remove(r->gw[1].dp, 0);
	CU_ASSERT_EQUAL(lm_dp_network_limited(r->gw[1].dp, 0).in, 0);
	rig_end(r);
}

/* What the network refuses is not taken from the endpoint: of two, each gets what is left. */
static void test_endpoint_in_network(void)
{
	struct rig *r = create(&rig_one_worker);
	struct load load = {.packet = datagram(WEB, DB, 4000), .each = 4};

	lm_dp_set_rates(r->gw[0].dp, &(struct lm_rates){.of[LM_RATE_PACKETS_OUT] = 500}, BURST_MS);
	r->rates[WEB].of[LM_RATE_PACKETS_OUT] = 1000;
	rig_publish_attachments(r, 0);
	struct span span = run_loads(r, &load, 1, 2000);
	held(load.got, 500, span, BURST_MS / 1e3);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_ENDPOINT_RATE_OUT), 0);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_NETWORK_RATE_OUT), load.sent - load.got);
	rig_end(r);
}

/* ---- changes ---------------------------------------------------------------- */

static void test_changes(void)
{
	struct rig *r = create(&rig_one_worker);
	struct load load = {.packet = datagram(WEB, DB, 4000), .each = 4};
	uint32_t id = rig_hosts[WEB].attachment;

	set_web(r, 500);
	struct span span = run_loads(r, &load, 1, 1000);
	held(load.got, 500, span, BURST_MS / 1e3);
	uint64_t lost = load.sent - load.got;
	/* From an empty bucket: no burst is given away with the new rate. */
	set_web(r, 2000);
	span = run_loads(r, &load, 1, 1000);
	held(load.got, 2000, span, 0);
	lost += load.sent - load.got;
	set_web(r, 100);
	span = run_loads(r, &load, 1, 2000);
	/* What the time until the first packet has brought at the old rate stays, up to a bucket.
	 */
	CU_ASSERT_TRUE((double)load.got <= 100 * (span.most + BURST_MS / 1e3) + 1);
	CU_ASSERT_TRUE((double)load.got >= 100 * span.least - 2);
	lost += load.sent - load.got;
	CU_ASSERT_EQUAL(lm_dp_attachment_limited(r->gw[0].dp, id).out, lost);

	/* There and back, again and again: what is there is not multiplied. */
	uint64_t got = 0;
	double least = 0, most = 0;
	for (unsigned i = 0; i < 50; i++) {
		set_web(r, i % 2 ? 1000 : 200);
		span = run_loads(r, &load, 1, 20);
		got += load.got;
		least += span.least * (i % 2 ? 1000 : 200);
		/* The clock's own time may have passed at either rate. */
		most += span.least * (i % 2 ? 1000 : 200) + (span.most - span.least) * 1000;
	}
	CU_ASSERT_TRUE((double)got >= least * 0.99 - 60 && (double)got <= most + 2);

	set_web(r, 0);
	run_loads(r, &load, 1, 100);
	CU_ASSERT_EQUAL(load.got, load.sent);
	rig_end(r);
}

/* A longer burst lets more pass at once, not more in the long run. */
static void test_burst(void)
{
	struct rig *r = create(&rig_one_worker);
	struct load load = {.packet = datagram(WEB, DB, 4000), .each = 4};

	lm_dp_set_rates(r->gw[0].dp, &(struct lm_rates){{0}}, 1000);
	set_web(r, 500);
	struct span span = run_loads(r, &load, 1, 2000);
	held(load.got, 500, span, 1);
	lm_dp_set_rates(r->gw[0].dp, &(struct lm_rates){{0}}, 10);
	set_web(r, 500);
	pass_us(r, 5000000);
	span = run_loads(r, &load, 1, 2000);
	held(load.got, 500, span, 0.01);
	rig_end(r);
}

/* Who goes takes its state along, and who comes begins anew. */
static void test_comes_and_goes(void)
{
	struct rig *r = create(&rig_one_worker);
	struct load load = {.packet = datagram(WEB, DB, 4000), .each = 4};
	uint32_t id = rig_hosts[WEB].attachment;
	struct lm_dp_attachment other = {.id = id,
	    .port = r->gw[0].access.index,
	    .vlan = 101,
	    .has_mac = true,
	    .mac = rig_hosts[WEB].mac,
	    .net = 0,
	    .endpoint = 1,
	    .rates = {.of[LM_RATE_PACKETS_OUT] = 100}};

	set_web(r, 100);
	struct span span = run_loads(r, &load, 1, 100);
	CU_ASSERT_TRUE(lm_dp_attachment_limited(r->gw[0].dp, id).out > 0);
	/* Its limits go on if nothing but the table is new. */
	rig_publish_attachments(r, 0);
	CU_ASSERT_TRUE(lm_dp_attachment_limited(r->gw[0].dp, id).out > 0);
	span = run_loads(r, &load, 1, 1000);
	held(load.got, 100, span, 0);

	CU_ASSERT_EQUAL(lm_dp_attachments_publish(r->gw[0].dp, &other, 1), 0);
	CU_ASSERT_EQUAL(lm_dp_attachment_limited(r->gw[0].dp, id).out, 0);
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(r->gw[0].dp, NULL, 0), 0);
	CU_ASSERT_EQUAL(lm_dp_attachment_limited(r->gw[0].dp, id).out, 0);
	rig_publish_attachments(r, 0);
	CU_ASSERT_EQUAL(lm_dp_attachment_limited(r->gw[0].dp, id).out, 0);
	span = run_loads(r, &load, 1, 500);
	held(load.got, 100, span, BURST_MS / 1e3);
	rig_end(r);
}

/* ---- the meter alone -------------------------------------------------------- */

#define HZ UINT64_C(2639336310)

/* Bytes that pass in a second, from an empty bucket, of packets of this size; too many are sent. */
static double metered(uint64_t bits, unsigned size)
{
	struct lm_meter m = {.wanted_version = 1, .wanted_burst = HZ / 10 << LM_METER_TIME_SHIFT};
	uint64_t full_at[LM_METER_UNITS], bytes = 0, now = HZ << LM_METER_TIME_SHIFT;
	double gap = (double)size * 8 / (double)bits / 1.7 * HZ * (1 << LM_METER_TIME_SHIFT);
	unsigned n = 200000;

	m.wanted_cost[LM_METER_BYTES] = lm_meter_cost(HZ, bits, LM_METER_BYTES);
	while (lm_meter_fits(&m, now, size, full_at))
		lm_meter_take(&m, full_at);
	for (unsigned i = 1; i <= n; i++)
		if (lm_meter_fits(&m, now + (uint64_t)(gap * i), size, full_at)) {
			lm_meter_take(&m, full_at);
			bytes += size;
		}
	return (double)bytes / (gap * n / HZ / (1 << LM_METER_TIME_SHIFT));
}

/* Never more than the rate, and hardly less: also where a packet costs a few cycles. */
static void test_exact(void)
{
	static const uint64_t bits[] = {
	    2000000, 99999999, 1000000000, UINT64_C(10000000000), UINT64_C(100000000000)};

	for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++)
		for (unsigned size = 64; size < 1500; size += 333) {
			double ratio = metered(bits[i], size) * 8 / (double)bits[i];

			CU_ASSERT_TRUE(ratio <= 1.0001 && ratio > 0.995);
		}
}

LM_SUITE("limits", {"endpoint", test_endpoint}, {"in no flow", test_no_flow},
    {"bits and packets", test_both}, {"smaller than a packet", test_small},
    {"not metered", test_not_metered}, {"network", test_network},
    {"endpoint in a network", test_endpoint_in_network}, {"changes", test_changes},
    {"burst", test_burst}, {"comes and goes", test_comes_and_goes}, {"exact", test_exact})
