/* SPDX-License-Identifier: Apache-2.0 */
/* Rules with a rate: what is beyond it is denied, and nothing else is. */
#include <stdio.h>
#include "dataplane/tcp.h"
#include "dp_fixture.h"

#define WEB_MEMBER 0
#define DB_MEMBER 1

/* web's egress rules and db's ingress rules. */
static const char *policy(const char *egress, const char *ingress)
{
	static char text[1024];

	snprintf(text, sizeof text,
	    "  - name: web\n"
	    "    deployment: 1\n"
	    "    endpoints: [{provider: a, ipv4: 100.64.10.10, ipv6: \"fd5a:10::10\"}]\n"
	    "    egress: [%s]\n"
	    "  - name: db\n"
	    "    deployment: 3\n"
	    "    endpoints: [{provider: b, ipv4: 100.64.10.20, ipv6: \"fd5a:10::20\"}]\n"
	    "    ingress: [%s]\n",
	    egress, ingress);
	return text;
}

#define ALL_OUT "{to: db, protocol: any}"
#define ALL_IN "{from: web, protocol: any}"

static struct rig *create(const char *egress, const char *ingress)
{
	struct rig *r = rig_create(&rig_one_worker);

	rig_publish(r, 0, 0, policy(egress, ingress));
	rig_publish(r, 1, 0, policy(egress, ingress));
	return r;
}

static struct rig_packet udp(uint16_t from, uint16_t to)
{
	return (struct rig_packet){.from = WEB,
	    .to = DB,
	    .protocol = IPPROTO_UDP,
	    .src_port = from,
	    .dst_port = to,
	    .payload = 32};
}

static bool passes(struct rig *r, struct rig_packet p)
{
	return rig_passes(r, &p, NULL, NULL);
}

/* True if it was dropped for its rule's rate, at this gateway. */
static bool over(struct rig *r, struct rig_packet p, unsigned gw)
{
	uint64_t before = rig_drops(r, gw, LM_DROP_RULE_RATE);

	return !passes(r, p) && rig_drops(r, gw, LM_DROP_RULE_RATE) == before + 1;
}

static uint64_t hits(const struct rig *r, unsigned gw, enum lm_way way, uint16_t rule)
{
	return lm_dp_rule_hits(
	    r->gw[gw].dp, 0, r->rules[gw][0], way == LM_EGRESS ? WEB_MEMBER : DB_MEMBER, way, rule);
}

static uint64_t refused(const struct rig *r, unsigned gw, enum lm_way way, uint16_t rule)
{
	return lm_dp_rule_refused(
	    r->gw[gw].dp, 0, r->rules[gw][0], way == LM_EGRESS ? WEB_MEMBER : DB_MEMBER, way, rule);
}

static void wait_s(struct rig *r, unsigned seconds)
{
	for (unsigned gw = 0; gw < 2; gw++)
		lm_dp_pass_time(r->gw[gw].dp, 0, seconds);
}

static void test_new_flows(void)
{
	struct rig *r = create("{to: db, protocol: udp, ports: 53, rate: 3/m}, " ALL_OUT, ALL_IN);
	struct rig_packet p = udp(1000, 53);
	struct lm_dp_noted_info note[LM_DP_NOTED_MAX];

	for (uint16_t i = 0; i < 3; i++)
		CU_ASSERT_TRUE(passes(r, udp(1000 + i, 53)));
	CU_ASSERT_TRUE(over(r, udp(1003, 53), 0));
	CU_ASSERT_TRUE(over(r, udp(1003, 53), 0));
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[0].dp), 3);
	/* What there is goes on, both ways, and other rules have nothing to do with it. */
	CU_ASSERT_TRUE(passes(r, p));
	CU_ASSERT_TRUE(passes(r, rig_reply(&p)));
	CU_ASSERT_TRUE(passes(r, udp(1003, 54)));
	CU_ASSERT_EQUAL(hits(r, 0, LM_EGRESS, 0), 5);
	CU_ASSERT_EQUAL(hits(r, 0, LM_EGRESS, 1), 1);
	CU_ASSERT_EQUAL(refused(r, 0, LM_EGRESS, 0), 2);
	CU_ASSERT_EQUAL(refused(r, 0, LM_EGRESS, 1), 0);
	CU_ASSERT_EQUAL(refused(r, 0, LM_EGRESS, LM_RULE_NONE), 0);
	CU_ASSERT_EQUAL(refused(r, 1, LM_EGRESS, 0), 0);
	CU_ASSERT_EQUAL(lm_dp_noted(r->gw[0].dp, 0, 0, note), 2);
	CU_ASSERT_EQUAL(note[0].verdict, LM_NOTED_RATE);
	CU_ASSERT_EQUAL(note[0].way, LM_EGRESS);
	CU_ASSERT_EQUAL(
	    note[0].line, lm_policy_rule(r->rules[0][0], WEB_MEMBER, LM_EGRESS, 0)->line);

	/* A third of a minute each, and never more than three at once. */
	wait_s(r, 20);
	CU_ASSERT_TRUE(passes(r, udp(1003, 53)));
	CU_ASSERT_TRUE(over(r, udp(1004, 53), 0));
	wait_s(r, 100000);
	for (uint16_t i = 0; i < 3; i++)
		CU_ASSERT_TRUE(passes(r, udp(1010 + i, 53)));
	CU_ASSERT_TRUE(over(r, udp(1013, 53), 0));
	rig_end(r);
}

/* Each gateway for itself, and the receiver's rules as the sender's. */
static void test_both_gateways(void)
{
	struct rig *r = create(ALL_OUT, "{from: web, protocol: udp, rate: 2/h}");

	rig_publish(r, 0, 0, policy(ALL_OUT, ALL_IN)); /* of a careless provider */
	CU_ASSERT_TRUE(passes(r, udp(1, 53)));
	CU_ASSERT_TRUE(passes(r, udp(2, 53)));
	CU_ASSERT_TRUE(over(r, udp(3, 53), 1));
	CU_ASSERT_EQUAL(refused(r, 1, LM_INGRESS, 0), 1);
	CU_ASSERT_EQUAL(refused(r, 0, LM_INGRESS, 0), 0);
	struct lm_dp_noted_info note[LM_DP_NOTED_MAX];
	CU_ASSERT_EQUAL(lm_dp_noted(r->gw[1].dp, 0, 0, note), 1);
	CU_ASSERT_EQUAL(note[0].verdict, LM_NOTED_RATE);
	CU_ASSERT_EQUAL(note[0].way, LM_INGRESS);
	rig_end(r);
}

/* What one side refuses costs the other side's rule nothing. */
static void test_both_rules(void)
{
	struct rig *r = create("{to: db, protocol: udp, rate: 2/h}",
	    "{from: web, protocol: udp, ports: 53, rate: 1/h}, " ALL_IN);

	CU_ASSERT_TRUE(passes(r, udp(1, 53)));
	CU_ASSERT_TRUE(over(r, udp(2, 53), 0));
	CU_ASSERT_EQUAL(refused(r, 0, LM_INGRESS, 0), 1);
	CU_ASSERT_TRUE(passes(r, udp(3, 54)));
	CU_ASSERT_TRUE(over(r, udp(4, 54), 0));
	CU_ASSERT_EQUAL(refused(r, 0, LM_EGRESS, 0), 1);
	CU_ASSERT_EQUAL(refused(r, 0, LM_INGRESS, 1), 0);
	rig_end(r);
}

/* Nor does what fails for want of room. */
static void test_no_room(void)
{
	static const struct rig_options options = {.workers = {1, 1}, .flows = 64};
	struct rig *r = rig_create(&options);
	struct rig_packet p = udp(0, 80);
	unsigned passed = 0;

	rig_publish(r, 0, 0, policy("{to: db, protocol: any, rate: 30/h}", ALL_IN));
	rig_publish(r, 1, 0, policy(ALL_OUT, ALL_IN));
	p.protocol = IPPROTO_TCP;
	p.tcp_flags = LM_TCP_SYN;
	for (uint16_t i = 0; i < 100; i++) {
		p.src_port = (uint16_t)(1000 + i);
		passed += passes(r, p);
	}
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_HALF_OPEN), 100 - passed);
	CU_ASSERT_TRUE(passed > 0 && passed < 30);
	for (uint16_t i = 0; i < 100; i++)
		passed += passes(r, udp((uint16_t)(1000 + i), 53));
	CU_ASSERT_EQUAL(passed, 30);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_NETWORK_FLOWS), 0);
	rig_end(r);
}

/* What leaves no flow is counted by the packet. */
static void test_packets(void)
{
	struct rig *r = create("{to: db, protocol: any, rate: 4/h}", ALL_IN);
	struct rig_packet gre = {.from = WEB, .to = DB, .protocol = IPPROTO_GRE, .payload = 64};
	struct rig_packet reset = udp(1, 80);

	reset.protocol = IPPROTO_TCP;
	reset.tcp_flags = LM_TCP_RST;
	CU_ASSERT_TRUE(passes(r, reset));
	CU_ASSERT_TRUE(passes(r, reset));
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[0].dp), 0);
	CU_ASSERT_TRUE(passes(r, udp(1, 53)));
	CU_ASSERT_TRUE(passes(r, gre));
	CU_ASSERT_TRUE(over(r, reset, 0));
	/* Its flow, if it leaves one, goes on. */
	CU_ASSERT_EQUAL(passes(r, gre), lm_dp_flow_count(r->gw[0].dp) == 2);
	/* Nor are rules asked about what no TCP sends. */
	reset.tcp_flags = 0;
	CU_ASSERT_FALSE(passes(r, reset));
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_TCP_FLAGS), 1);
	rig_end(r);
}

/* Both call at once: the second call is a wish of its own, as often as it comes. */
static void test_contrary(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	static const char *const both =
	    "  - name: web\n"
	    "    deployment: 1\n"
	    "    endpoints: [{provider: a, ipv4: 100.64.10.10, ipv6: \"fd5a:10::10\"}]\n"
	    "    egress: [{to: db, protocol: tcp}]\n"
	    "    ingress: [{from: db, protocol: tcp, rate: 2/h}]\n"
	    "  - name: db\n"
	    "    deployment: 3\n"
	    "    endpoints: [{provider: b, ipv4: 100.64.10.20, ipv6: \"fd5a:10::20\"}]\n"
	    "    ingress: [{from: web, protocol: tcp}]\n"
	    "    egress: [{to: web, protocol: tcp}]\n";
	struct rig_packet p = udp(4000, 80), back;

	rig_publish(r, 0, 0, both);
	rig_publish(r, 1, 0, both);
	p.protocol = IPPROTO_TCP;
	p.tcp_flags = LM_TCP_SYN;
	back = rig_reply(&p);
	CU_ASSERT_TRUE(passes(r, p));
	CU_ASSERT_TRUE(passes(r, back));
	CU_ASSERT_TRUE(passes(r, back));
	CU_ASSERT_TRUE(over(r, back, 1));
	rig_end(r);
}

/* A connection that is taken over from its answering side counts for who opened it. */
static void test_taken_over(void)
{
	static const char *const rules[2][2] = {
	    {"{to: db, protocol: tcp, rate: 1/h}", ALL_IN},
	    {ALL_OUT, "{from: web, protocol: tcp, rate: 1/h}"},
	};

	for (unsigned way = 0; way < 2; way++) {
		struct rig *r = create(rules[way][LM_EGRESS], rules[way][LM_INGRESS]);
		struct rig_packet p = udp(4000, 80);

		p.protocol = IPPROTO_TCP;
		p.tcp_flags = LM_TCP_ACK;
		CU_ASSERT_TRUE(passes(r, rig_reply(&p)));
		p.src_port++;
		CU_ASSERT_TRUE(over(r, rig_reply(&p), 1));
		CU_ASSERT_TRUE(over(r, p, 0));
		CU_ASSERT_EQUAL(refused(r, 1, (enum lm_way)way, 0), 1);
		rig_end(r);
	}
}

static void test_publication(void)
{
	static const char *const rated = "{to: db, protocol: udp, rate: 2/h}";
	struct rig *r = create(rated, ALL_IN);

	rig_publish(r, 1, 0, policy(ALL_OUT, ALL_IN));
	CU_ASSERT_TRUE(passes(r, udp(1, 53)));
	CU_ASSERT_TRUE(passes(r, udp(2, 53)));
	/* The same rules: the rate, and what was refused, go on; and so do flows. */
	r->same_rules = true;
	rig_publish(r, 0, 0, policy(rated, ALL_IN));
	CU_ASSERT_TRUE(over(r, udp(3, 53), 0));
	rig_publish(r, 0, 0, policy(rated, ALL_IN));
	CU_ASSERT_TRUE(passes(r, udp(2, 53)));
	CU_ASSERT_TRUE(over(r, udp(3, 53), 0));
	CU_ASSERT_EQUAL(refused(r, 0, LM_EGRESS, 0), 2);
	/* Others begin anew, and flows that they allow as well need none of it. */
	r->same_rules = false;
	rig_publish(r, 0, 0, policy(rated, ALL_IN));
	CU_ASSERT_EQUAL(refused(r, 0, LM_EGRESS, 0), 0);
	CU_ASSERT_TRUE(passes(r, udp(1, 53)));
	CU_ASSERT_TRUE(passes(r, udp(2, 53)));
	CU_ASSERT_TRUE(passes(r, udp(3, 53)));
	CU_ASSERT_TRUE(passes(r, udp(4, 53)));
	CU_ASSERT_TRUE(over(r, udp(5, 53), 0));
	/* Without a rate there is none. */
	rig_publish(r, 0, 0, policy(ALL_OUT, ALL_IN));
	for (uint16_t i = 0; i < 50; i++)
		CU_ASSERT_TRUE(passes(r, udp(1000 + i, 53)));
	CU_ASSERT_EQUAL(refused(r, 0, LM_EGRESS, 0), 0);
	rig_end(r);
}

/* Each worker has its part, rounded up: three have 14 each of 40, and 13.33 an hour. */
static void test_workers(void)
{
	static const struct rig_options options = {.workers = {3, 2}};
	struct rig *r = rig_create(&options);
	unsigned passed = 0;

	rig_publish(r, 0, 0, policy("{to: db, protocol: udp, rate: 40/h}", ALL_IN));
	rig_publish(r, 1, 0, policy(ALL_OUT, ALL_IN));
	for (uint16_t i = 0; i < 400; i++)
		passed += passes(r, udp(1000 + i, 53));
	CU_ASSERT_EQUAL(passed, 42);
	CU_ASSERT_EQUAL(refused(r, 0, LM_EGRESS, 0), 400 - 42);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_RULE_RATE), 400 - 42);
	for (unsigned w = 0; w < 3; w++)
		lm_dp_pass_time(r->gw[0].dp, w, 3 * 90);
	for (uint16_t i = 400; i < 800; i++)
		passed += passes(r, udp(1000 + i, 53));
	CU_ASSERT_EQUAL(passed, 42 + 3);
	rig_end(r);
}

LM_SUITE("dp_quotas", {"new flows", test_new_flows}, {"both gateways", test_both_gateways},
    {"both rules", test_both_rules}, {"no room", test_no_room}, {"packets", test_packets},
    {"contrary", test_contrary}, {"taken over", test_taken_over}, {"publication", test_publication},
    {"workers", test_workers})
