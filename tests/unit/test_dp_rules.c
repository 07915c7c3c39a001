/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules look at, as packets have it: both gateways, real keys. */
#include <netinet/in.h>
#include "dp_fixture.h"
#include "dataplane/tcp.h"
#include "packet/frame.h"

#define SCTP_HEADER 12

static const char policy[] =
    "  - name: web\n"
    "    deployment: 1\n"
    "    labels: front\n"
    "    endpoints: [{provider: a, ipv4: 100.64.10.10, ipv6: \"fd5a:10::10\"}]\n"
    "    egress:\n"
    "      - {to: db, protocol: udp, ports: 54, action: deny}\n"
    "      - {prefixes: [100.64.10.16/28, \"fd5a:10::/64\"], except: \"fd5a:10::21\",\n"
    "         protocol: udp}\n"
    "      - {to: db, protocol: sctp, ports: 9000}\n"
    "      - {to: db, protocol: icmpv6}\n"
    "  - name: db\n"
    "    deployment: 3\n"
    "    endpoints: [{provider: b, ipv4: 100.64.10.20, ipv6: \"fd5a:10::20\"}]\n"
    "    ingress:\n"
    "      - {prefixes: \"fd5a:10::10\", protocol: udp, ports: 55, action: deny}\n"
    "      - {labels: front, protocol: any}\n"
    "  - name: cache\n"
    "    deployment: 4\n"
    "    endpoints: [{provider: b, ipv4: 100.64.10.21, ipv6: \"fd5a:10::21\"}]\n"
    "    ingress: [{from: any, protocol: any}]\n";

static bool passes(struct rig *r, struct rig_packet p)
{
	return rig_passes(r, &p, NULL, NULL);
}

/* True if the packet was dropped for this reason, at this gateway, and for no other. */
static bool refused(struct rig *r, struct rig_packet p, unsigned gw, enum lm_drop why)
{
	uint64_t before = rig_drops(r, gw, why);

	return !passes(r, p) && rig_drops(r, gw, why) == before + 1;
}

static struct rig *create(void)
{
	struct rig *r = rig_create(&rig_one_worker);

	rig_publish(r, 0, 0, policy);
	rig_publish(r, 1, 0, policy);
	return r;
}

static struct rig_packet udp(enum rig_host_id to, bool ipv6, uint16_t port)
{
	return (struct rig_packet){.from = WEB,
	    .to = to,
	    .ipv6 = ipv6,
	    .protocol = IPPROTO_UDP,
	    .src_port = 4000,
	    .dst_port = port,
	    .payload = 32};
}

static void test_deny_and_addresses(void)
{
	struct rig *r = create();

	CU_ASSERT_TRUE(passes(r, udp(DB, false, 53)));
	CU_ASSERT_TRUE(passes(r, udp(DB, true, 53)));
	CU_ASSERT_TRUE(refused(r, udp(DB, false, 54), 0, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(refused(r, udp(DB, true, 54), 0, LM_DROP_POLICY_EGRESS));
	/* The same two members: the family's own addresses decide. */
	CU_ASSERT_TRUE(passes(r, udp(DB, false, 55)));
	CU_ASSERT_TRUE(refused(r, udp(DB, true, 55), 0, LM_DROP_POLICY_INGRESS));
	CU_ASSERT_TRUE(passes(r, udp(CACHE, false, 53)));
	CU_ASSERT_TRUE(refused(r, udp(CACHE, true, 53), 0, LM_DROP_POLICY_EGRESS));
	/* Asked again after a publication, in the flow's own family and direction. */
	rig_publish(r, 0, 0, policy);
	rig_publish(r, 1, 0, policy);
	struct rig_packet p = udp(DB, true, 53);
	CU_ASSERT_TRUE(passes(r, rig_reply(&p)));
	p = udp(DB, false, 55);
	CU_ASSERT_TRUE(passes(r, rig_reply(&p)));
	CU_ASSERT_TRUE(passes(r, p));
	char *other = strdup(policy);
	CU_ASSERT_PTR_NOT_NULL_FATAL(other);
	memcpy(strstr(other, "ports: 55"), "ports: 53", 9);
	rig_publish(r, 1, 0, other);
	free(other);
	p = udp(DB, false, 53);
	CU_ASSERT_TRUE(passes(r, rig_reply(&p)));
	p = udp(DB, true, 53);
	CU_ASSERT_TRUE(refused(r, rig_reply(&p), 1, LM_DROP_POLICY_EGRESS));
	rig_end(r);
}

static void test_icmpv6_alone(void)
{
	struct rig *r = create();
	struct rig_packet p = {.from = WEB,
	    .to = DB,
	    .ipv6 = true,
	    .protocol = IPPROTO_ICMPV6,
	    .src_port = 128,
	    .dst_port = 7,
	    .payload = 16};

	CU_ASSERT_TRUE(passes(r, p));
	rig_publish(r, 0, 0, policy);
	CU_ASSERT_TRUE(passes(r, p));
	p.ipv6 = false;
	p.protocol = IPPROTO_ICMP;
	p.src_port = 8;
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_POLICY_EGRESS));
	rig_end(r);
}

static struct rig_packet sctp(const uint8_t header[SCTP_HEADER], uint16_t len)
{
	return (struct rig_packet){
	    .from = WEB, .to = DB, .protocol = IPPROTO_SCTP, .inside = header, .payload = len};
}

static void test_sctp_ports(void)
{
	static const uint8_t to_9000[SCTP_HEADER] = {0x10, 0x00, 9000 >> 8, 9000 & 0xff},
			     to_9001[SCTP_HEADER] = {0x10, 0x00, 9001 >> 8, 9001 & 0xff},
			     answer[SCTP_HEADER] = {9000 >> 8, 9000 & 0xff, 0x10, 0x00},
			     other[SCTP_HEADER] = {9000 >> 8, 9000 & 0xff, 0x10, 0x01};
	struct rig *r = create();
	struct rig_packet p = sctp(to_9000, SCTP_HEADER);

	CU_ASSERT_TRUE(passes(r, p));
	CU_ASSERT_TRUE(refused(r, sctp(to_9001, SCTP_HEADER), 0, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(refused(r, sctp(to_9000, SCTP_HEADER - 1), 0, LM_DROP_MALFORMED));
	/* Asked again with its ports: a reply passes only with a flow. */
	rig_publish(r, 0, 0, policy);
	rig_publish(r, 1, 0, policy);
	struct rig_packet back = p;
	back.from = DB;
	back.to = WEB;
	back.inside = answer;
	CU_ASSERT_TRUE(passes(r, back));
	back.inside = other;
	CU_ASSERT_TRUE(refused(r, back, 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[0].dp), 1);

	/* An error is about the flow whose ports it quotes. */
	uint8_t sent[RIG_FRAME_MAX];
	struct lm_frame f;
	lm_frame_parse(&f, sent, rig_build(r, sent, &p));
	struct rig_packet error = {.from = DB,
	    .to = WEB,
	    .protocol = IPPROTO_ICMP,
	    .src_port = 3,
	    .inside = f.l3,
	    .payload = 28};
	CU_ASSERT_TRUE(passes(r, error));
	p.inside = to_9001;
	lm_frame_parse(&f, sent, rig_build(r, sent, &p));
	CU_ASSERT_TRUE(refused(r, error, 1, LM_DROP_NO_FLOW));
	rig_end(r);
}

/* Anything but an INIT may be an answer in an association that is older than the gateway. */
static void test_sctp_pickup(void)
{
	uint8_t chunk[SCTP_HEADER + 4] = {9000 >> 8, 9000 & 0xff, 0x10, 0x00};
	struct rig *r = create();
	struct rig_packet p = sctp(chunk, sizeof chunk);

	p.from = DB;
	p.to = WEB;
	chunk[SCTP_HEADER] = 1;
	CU_ASSERT_TRUE(refused(r, p, 1, LM_DROP_POLICY_EGRESS));
	p.payload = SCTP_HEADER;
	CU_ASSERT_TRUE(refused(r, p, 1, LM_DROP_POLICY_EGRESS));
	p.payload = sizeof chunk;
	chunk[SCTP_HEADER] = 0;
	CU_ASSERT_TRUE(passes(r, p));
	chunk[1]++;
	CU_ASSERT_TRUE(refused(r, p, 1, LM_DROP_POLICY_EGRESS));
	chunk[1]--, chunk[3]++;
	for (unsigned g = 0; g < 2; g++)
		lm_dp_pass_time(r->gw[g].dp, 0, 910);
	CU_ASSERT_TRUE(refused(r, p, 1, LM_DROP_POLICY_EGRESS));
	rig_end(r);
}

#define WEB_MEMBER 0
#define DB_MEMBER 1

static uint64_t hits(
    const struct rig *r, unsigned gw, uint16_t member, enum lm_way way, uint16_t rule)
{
	return lm_dp_rule_hits(r->gw[gw].dp, 0, r->rules[gw][0], member, way, rule);
}

/* Of all rules and defaults of network 0 at this gateway. */
static uint64_t all_hits(const struct rig *r, unsigned gw)
{
	uint64_t sum = 0;

	for (uint16_t member = 0; member < 3; member++)
		for (unsigned way = 0; way < 2; way++) {
			sum += hits(r, gw, member, way, LM_RULE_NONE);
			for (uint16_t rule = 0; rule < LM_RULES_MAX; rule++)
				sum += hits(r, gw, member, way, rule);
		}
	return sum;
}

static struct rig_packet tcp(enum rig_host_id to, uint16_t port, uint8_t flags)
{
	return (struct rig_packet){.from = WEB,
	    .to = to,
	    .protocol = IPPROTO_TCP,
	    .src_port = 4000,
	    .dst_port = port,
	    .tcp_flags = flags};
}

/* Each side counts for itself; a flow once, and what is denied each time. */
static void test_hits(void)
{
	struct rig *r = create();
	struct rig_packet p = udp(DB, false, 53);

	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_TRUE(passes(r, p));
	CU_ASSERT_TRUE(passes(r, rig_reply(&p)));
	for (unsigned gw = 0; gw < 2; gw++) {
		CU_ASSERT_EQUAL(hits(r, gw, WEB_MEMBER, LM_EGRESS, 1), 1);
		CU_ASSERT_EQUAL(hits(r, gw, DB_MEMBER, LM_INGRESS, 1), 1);
		CU_ASSERT_EQUAL(all_hits(r, gw), 2);
	}

	/* By the sender's rule: the receiver's were not asked, and the other gateway saw nothing.
	 */
	CU_ASSERT_FALSE(passes(r, udp(DB, false, 54)));
	CU_ASSERT_FALSE(passes(r, udp(DB, false, 54)));
	CU_ASSERT_EQUAL(hits(r, 0, WEB_MEMBER, LM_EGRESS, 0), 2);
	CU_ASSERT_EQUAL(all_hits(r, 0), 4);
	CU_ASSERT_EQUAL(all_hits(r, 1), 2);
	/* By the receiver's rule. */
	CU_ASSERT_FALSE(passes(r, udp(DB, true, 55)));
	CU_ASSERT_EQUAL(hits(r, 0, WEB_MEMBER, LM_EGRESS, 1), 2);
	CU_ASSERT_EQUAL(hits(r, 0, DB_MEMBER, LM_INGRESS, 0), 1);
	/* By no rule. */
	CU_ASSERT_FALSE(passes(r, tcp(DB, 80, LM_TCP_SYN)));
	CU_ASSERT_EQUAL(hits(r, 0, WEB_MEMBER, LM_EGRESS, LM_RULE_NONE), 1);
	CU_ASSERT_EQUAL(all_hits(r, 0), 7);
	/* Rules did not decide about what no TCP sends, nor about what answers nothing. */
	CU_ASSERT_FALSE(passes(r, tcp(DB, 80, LM_TCP_SYN | LM_TCP_ACK)));
	CU_ASSERT_FALSE(passes(r, tcp(DB, 80, LM_TCP_SYN | LM_TCP_FIN)));
	CU_ASSERT_EQUAL(all_hits(r, 0), 7);
	CU_ASSERT_EQUAL(hits(r, 0, WEB_MEMBER, LM_EGRESS, LM_RULE_UNASKED), 0);
	CU_ASSERT_EQUAL(hits(r, 0, 3, LM_EGRESS, LM_RULE_NONE), 0);
	CU_ASSERT_EQUAL(lm_dp_rule_hits(r->gw[0].dp, 9999, r->rules[0][0], 0, LM_EGRESS, 0), 0);
	rig_end(r);
}

/* An endpoint comes or moves: the counts go on. Other rules: they begin anew. */
static void test_hits_and_publication(void)
{
	struct rig *r = create();

	CU_ASSERT_TRUE(passes(r, udp(DB, false, 53)));
	CU_ASSERT_FALSE(passes(r, udp(DB, false, 54)));
	r->same_rules = true;
	for (unsigned i = 0; i < 3; i++)
		rig_publish(r, 0, 0, policy);
	/* The flow is asked about anew, but it is not another one. */
	CU_ASSERT_TRUE(passes(r, udp(DB, false, 53)));
	CU_ASSERT_FALSE(passes(r, udp(DB, false, 54)));
	CU_ASSERT_EQUAL(hits(r, 0, WEB_MEMBER, LM_EGRESS, 0), 2);
	CU_ASSERT_EQUAL(hits(r, 0, WEB_MEMBER, LM_EGRESS, 1), 1);
	CU_ASSERT_EQUAL(all_hits(r, 0), 4);

	struct lm_policy *old = lm_policy_hold((struct lm_policy *)r->rules[0][0]);
	r->same_rules = false;
	rig_publish(r, 0, 0, policy);
	CU_ASSERT_EQUAL(all_hits(r, 0), 0);
	CU_ASSERT_FALSE(passes(r, udp(DB, false, 54)));
	CU_ASSERT_EQUAL(hits(r, 0, WEB_MEMBER, LM_EGRESS, 0), 1);
	CU_ASSERT_EQUAL(lm_dp_rule_hits(r->gw[0].dp, 0, old, WEB_MEMBER, LM_EGRESS, 0), 0);
	lm_policy_free(old);
	rig_end(r);
}

/* Who opened a connection is what rules are asked about, whoever speaks first or meanwhile. */
static void test_hits_of_the_opener(void)
{
	static const char *const opener =
	    "  - name: web\n"
	    "    deployment: 1\n"
	    "    endpoints: [{provider: a, ipv4: 100.64.10.10, ipv6: \"fd5a:10::10\"}]\n"
	    "    egress: [{to: db, protocol: tcp, ports: 80}]\n"
	    "  - name: db\n"
	    "    deployment: 3\n"
	    "    endpoints: [{provider: b, ipv4: 100.64.10.20, ipv6: \"fd5a:10::20\"}]\n"
	    "    ingress: [{from: web, protocol: tcp}]\n";
	struct rig *r = rig_create(&rig_one_worker);
	struct rig_packet p = tcp(DB, 80, LM_TCP_ACK), back = rig_reply(&p);

	rig_publish(r, 0, 0, opener);
	rig_publish(r, 1, 0, opener);
	/* In the middle of a connection that was lost, the side that was called. */
	CU_ASSERT_TRUE(passes(r, back));
	CU_ASSERT_EQUAL(hits(r, 1, WEB_MEMBER, LM_EGRESS, 0), 1);
	CU_ASSERT_EQUAL(hits(r, 1, DB_MEMBER, LM_INGRESS, 0), 1);
	CU_ASSERT_EQUAL(all_hits(r, 1), 2);
	/* Both call at once: the other one's call is asked about, too. */
	p = tcp(DB, 80, LM_TCP_SYN);
	p.src_port = 4001;
	back = rig_reply(&p);
	CU_ASSERT_TRUE(passes(r, p));
	CU_ASSERT_TRUE(refused(r, back, 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_EQUAL(hits(r, 1, DB_MEMBER, LM_EGRESS, LM_RULE_NONE), 1);
	CU_ASSERT_EQUAL(all_hits(r, 1), 5);
	rig_end(r);
}

/* Whichever worker judges: the sum is what one asks for. */
static void test_hits_of_workers(void)
{
	static const struct rig_options options = {.workers = {3, 2}};
	struct rig *r = rig_create(&options);

	rig_publish(r, 0, 0, policy);
	rig_publish(r, 1, 0, policy);
	for (uint16_t i = 0; i < 40; i++) {
		struct rig_packet p = udp(DB, false, 53);

		p.src_port = (uint16_t)(5000 + i);
		CU_ASSERT_TRUE(passes(r, p));
	}
	for (unsigned gw = 0; gw < 2; gw++) {
		CU_ASSERT_EQUAL(hits(r, gw, WEB_MEMBER, LM_EGRESS, 1), 40);
		CU_ASSERT_EQUAL(hits(r, gw, DB_MEMBER, LM_INGRESS, 1), 40);
		CU_ASSERT_EQUAL(all_hits(r, gw), 80);
	}
	rig_end(r);
}

LM_SUITE("dp_rules", {"deny and addresses", test_deny_and_addresses},
    {"icmpv6 alone", test_icmpv6_alone}, {"sctp ports", test_sctp_ports},
    {"SCTP pickup", test_sctp_pickup}, {"hits", test_hits},
    {"hits and publication", test_hits_and_publication},
    {"hits of the opener", test_hits_of_the_opener}, {"hits of workers", test_hits_of_workers})
