/* SPDX-License-Identifier: Apache-2.0 */
/* Flows that there are between two ends, as `leasemesh trace` asks for them. */
#include "dataplane/tcp.h"
#include "dp_fixture.h"

static const char policy[] =
    "  - name: web\n"
    "    deployment: 1\n"
    "    endpoints: [{provider: a, ipv4: 100.64.10.10, ipv6: \"fd5a:10::10\"}]\n"
    "    egress: [{to: any, protocol: any}]\n"
    "    ingress: [{from: any, protocol: any}]\n"
    "  - name: db\n"
    "    deployment: 3\n"
    "    endpoints: [{provider: b, ipv4: 100.64.10.20, ipv6: \"fd5a:10::20\"}]\n"
    "    egress: [{to: any, protocol: any}]\n"
    "    ingress: [{from: any, protocol: any}]\n";

static struct rig *create(const struct rig_options *options)
{
	struct rig *r = rig_create(options);

	for (unsigned gw = 0; gw < 2; gw++)
		rig_publish(r, gw, 0, policy);
	return r;
}

static unsigned find(const struct rig *r, unsigned gw, bool from_web, bool ipv6, uint8_t protocol,
    uint16_t port, struct lm_dp_flow_info *latest)
{
	struct lm_ip web = rig_ip(ipv6 ? "fd5a:10::10" : "100.64.10.10"),
		     db = rig_ip(ipv6 ? "fd5a:10::20" : "100.64.10.20");
	struct lm_dp_flow_query q = {.src = from_web ? web : db,
	    .dst = from_web ? db : web,
	    .protocol = protocol,
	    .dst_port = port};

	return lm_dp_flows_like(r->gw[gw].dp, &q, latest);
}

static bool send_one(struct rig *r, uint8_t protocol, bool ipv6, uint16_t from, uint16_t to)
{
	struct rig_packet p = {.from = WEB,
	    .to = DB,
	    .ipv6 = ipv6,
	    .protocol = protocol,
	    .src_port = from,
	    .dst_port = to,
	    .tcp_flags = LM_TCP_SYN,
	    .payload = 8};

	return rig_passes(r, &p, NULL, NULL);
}

static void test_which(void)
{
	struct rig *r = create(&rig_one_worker);
	struct lm_dp_flow_info f;

	CU_ASSERT_EQUAL(find(r, 0, true, false, IPPROTO_UDP, 53, &f), 0);
	CU_ASSERT_TRUE(send_one(r, IPPROTO_UDP, false, 1000, 53));
	CU_ASSERT_TRUE(send_one(r, IPPROTO_UDP, false, 1001, 53));
	CU_ASSERT_TRUE(send_one(r, IPPROTO_UDP, true, 1002, 53));
	CU_ASSERT_TRUE(send_one(r, IPPROTO_TCP, false, 1000, 53));
	CU_ASSERT_TRUE(send_one(r, IPPROTO_ICMP, false, 8, 1));
	CU_ASSERT_TRUE(send_one(r, IPPROTO_ICMPV6, true, 128, 1));
	for (unsigned gw = 0; gw < 2; gw++) {
		CU_ASSERT_EQUAL(find(r, gw, true, false, IPPROTO_UDP, 53, &f), 2);
		CU_ASSERT_EQUAL(find(r, gw, true, false, IPPROTO_UDP, 54, &f), 0);
		CU_ASSERT_EQUAL(find(r, gw, true, false, IPPROTO_UDP, 1000, &f), 0);
		/* In the direction in which they were opened. */
		CU_ASSERT_EQUAL(find(r, gw, false, false, IPPROTO_UDP, 53, &f), 0);
		CU_ASSERT_EQUAL(find(r, gw, false, false, IPPROTO_UDP, 1000, &f), 0);
		CU_ASSERT_EQUAL(find(r, gw, true, true, IPPROTO_UDP, 53, &f), 1);
		CU_ASSERT_EQUAL(f.src.family, 6);
		CU_ASSERT_EQUAL(f.src_port, 1002);
		CU_ASSERT_EQUAL(find(r, gw, true, false, IPPROTO_TCP, 53, &f), 1);
		CU_ASSERT_EQUAL(f.state, LM_FLOW_TCP_OPENING);
		CU_ASSERT_EQUAL(f.packets, 1);
		/* Echo has no port, and "icmp" is that of either family. */
		CU_ASSERT_EQUAL(find(r, gw, true, false, IPPROTO_ICMP, 0, &f), 1);
		CU_ASSERT_EQUAL(find(r, gw, true, true, IPPROTO_ICMP, 0, &f), 1);
		CU_ASSERT_EQUAL(find(r, gw, true, true, IPPROTO_ICMPV6, 0, &f), 1);
		CU_ASSERT_EQUAL(find(r, gw, false, true, IPPROTO_ICMPV6, 0, &f), 0);
	}
	struct rig_packet back = {
	    .from = DB, .to = WEB, .protocol = IPPROTO_UDP, .src_port = 53, .dst_port = 99};
	CU_ASSERT_TRUE(rig_passes(r, &back, NULL, NULL));
	CU_ASSERT_EQUAL(find(r, 0, false, false, IPPROTO_UDP, 99, &f), 1);
	CU_ASSERT_EQUAL(find(r, 0, true, false, IPPROTO_UDP, 99, &f), 0);
	CU_ASSERT_EQUAL(find(r, 0, true, false, IPPROTO_UDP, 53, &f), 2);
	/* Another network has the same addresses. */
	struct lm_dp_flow_query q = {.net = 1,
	    .src = rig_ip("100.64.10.10"),
	    .dst = rig_ip("100.64.10.20"),
	    .protocol = IPPROTO_UDP,
	    .dst_port = 53};
	CU_ASSERT_EQUAL(lm_dp_flows_like(r->gw[0].dp, &q, &f), 0);
	rig_end(r);
}

/* Of several, that which was used last; none that is only not swept yet. */
static void test_latest(void)
{
	static const struct rig_options options = {.workers = {3, 2}};
	struct rig *r = create(&options);
	struct lm_dp_flow_info f;

	for (uint16_t i = 0; i < 20; i++) {
		CU_ASSERT_TRUE(send_one(r, IPPROTO_UDP, false, (uint16_t)(1000 + i), 53));
		for (unsigned w = 0; w < 3; w++) {
			lm_dp_pass_time(r->gw[0].dp, w, 1);
			lm_dp_poll_once(r->gw[0].dp, w);
		}
	}
	CU_ASSERT_TRUE(send_one(r, IPPROTO_UDP, false, 1007, 53));
	CU_ASSERT_EQUAL(find(r, 0, true, false, IPPROTO_UDP, 53, &f), 20);
	CU_ASSERT_EQUAL(f.src_port, 1007);
	CU_ASSERT_EQUAL(f.packets, 2);
	CU_ASSERT_EQUAL(f.idle_s, 0);
	for (unsigned w = 0; w < 3; w++) {
		lm_dp_pass_time(r->gw[0].dp, w, 100000);
		lm_dp_poll_once(r->gw[0].dp, w);
	}
	CU_ASSERT_EQUAL(find(r, 0, true, false, IPPROTO_UDP, 53, &f), 0);
	rig_end(r);
}

LM_SUITE("dp_flow_find", {"which", test_which}, {"latest", test_latest})
