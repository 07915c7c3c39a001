/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules look at, as packets have it: both gateways, real keys. */
#include <netinet/in.h>
#include "dp_fixture.h"
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
	CU_ASSERT_TRUE(refused(r, error, 1, LM_DROP_POLICY_EGRESS));
	rig_end(r);
}

LM_SUITE("dp_rules", {"deny and addresses", test_deny_and_addresses},
    {"icmpv6 alone", test_icmpv6_alone}, {"sctp ports", test_sctp_ports})
