/* SPDX-License-Identifier: Apache-2.0 */
/* What workloads may do, and what becomes of their packets: both gateways, real keys. */
#include <errno.h>
#include "dataplane/tcp.h"
#include "dataplane/worker.h"
#include "dp_fixture.h"
#include "packet/build.h"
#include "packet/frame.h"

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

/* What arrives is the packet that was sent, one hop (or two) older, in a new Ethernet frame. */
static void check_arrived(const struct rig *r, const struct rig_packet *p, const uint8_t *frame,
    size_t len, unsigned hops)
{
	const struct rig_host *to = &rig_hosts[p->to];
	uint8_t sent[RIG_FRAME_MAX];
	struct lm_frame a, b;

	CU_ASSERT_EQUAL(lm_frame_parse(&a, sent, rig_build(r, sent, p)), 0);
	CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&b, frame, len), 0);
	CU_ASSERT_EQUAL(memcmp(frame, to->mac.b, 6), 0);
	CU_ASSERT_EQUAL(memcmp(frame + 6, r->gw[to->gw].access_mac.b, 6), 0);
	CU_ASSERT_EQUAL(b.vlan, to->vlan);
	CU_ASSERT_EQUAL(len, (size_t)(b.l3 - frame) + a.l3_len);
	CU_ASSERT_EQUAL_FATAL(a.l3_len, b.l3_len);
	CU_ASSERT_EQUAL(memcmp(a.l4, b.l4, a.l4_len), 0);
	if (p->ipv6) {
		CU_ASSERT_EQUAL(a.ip6->hop_limits - b.ip6->hop_limits, hops);
	} else {
		CU_ASSERT_EQUAL(a.ip4->time_to_live - b.ip4->time_to_live, hops);
		CU_ASSERT_TRUE(lm_frame_ipv4_checksum_ok(&b));
	}
}

static void test_delivery(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	uint8_t frame[RIG_FRAME_MAX];
	size_t len;

	for (unsigned i = 0; i < 40; i++) {
		struct rig_packet p = rig_query;

		p.ipv6 = i & 1;
		p.payload = (uint16_t)(i * 34); /* every length of padding, up to the MTU */
		struct rig_packet back = rig_reply(&p);
		CU_ASSERT_TRUE_FATAL(rig_passes(r, &p, frame, &len));
		check_arrived(r, &p, frame, len, 2);
		CU_ASSERT_TRUE_FATAL(rig_passes(r, &back, frame, &len));
		check_arrived(r, &back, frame, len, 2);
	}
	CU_ASSERT_EQUAL(r->wired, 80);
	CU_ASSERT_EQUAL(lm_dp_peer(r->gw[1].dp, RIG_PEER).rx_packets, 40);
	CU_ASSERT_EQUAL(lm_dp_peer(r->gw[1].dp, RIG_PEER).tx_packets, 40);
	CU_ASSERT_EQUAL(lm_dp_peer(r->gw[1].dp, RIG_PEER - 1).tx_packets, 0);
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[0].dp), 2);
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[1].dp), 2);
	rig_end(r);
}

static void test_ipv6_underlay(void)
{
	struct rig_options o = rig_one_worker;

	o.ipv6 = true;
	struct rig *r = rig_create(&o);
	CU_ASSERT_TRUE(passes(r, rig_query));
	CU_ASSERT_TRUE(passes(r, rig_reply(&rig_query)));
	rig_end(r);
}

static void test_local(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct rig_packet p = rig_query;
	uint8_t frame[RIG_FRAME_MAX];
	size_t len;

	p.to = APP;
	CU_ASSERT_TRUE(rig_passes(r, &p, frame, &len));
	check_arrived(r, &p, frame, len, 1);
	CU_ASSERT_TRUE(passes(r, rig_reply(&p)));
	CU_ASSERT_EQUAL(r->wired, 0);
	p.dst_port = 54;
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_POLICY_INGRESS));
	rig_end(r);
}

static void test_policy(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct rig_packet p = rig_query;

	/* Nothing comes back before something was sent, and db may not begin. */
	CU_ASSERT_TRUE(refused(r, rig_reply(&rig_query), 1, LM_DROP_POLICY_EGRESS));
	p.protocol = IPPROTO_TCP;
	p.tcp_flags = LM_TCP_SYN;
	p.dst_port = 5432;
	CU_ASSERT_TRUE(passes(r, p));
	struct rig_packet answer = rig_reply(&p);
	answer.tcp_flags = LM_TCP_SYN | LM_TCP_ACK;
	CU_ASSERT_TRUE(passes(r, answer));
	p.dst_port = 8005; /* egress of web, but no ingress of db */
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_POLICY_INGRESS));
	p.dst_port = 9000; /* the other way round */
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_POLICY_EGRESS));
	p.to = CACHE;
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_POLICY_EGRESS));
	p.dst_ip = "100.64.10.99";
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_NO_ROUTE));
	/* What was denied is not remembered. */
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[0].dp), 1);
	rig_end(r);
}

/* A gateway that lets everything pass cannot talk its peer into it. */
static void test_policy_at_both_ends(void)
{
	static const char lax[] =
	    "  - {name: web, deployment: 1, endpoints: [{provider: a, ipv4: 100.64.10.10}],\n"
	    "     egress: [{to: any, protocol: any}], ingress: [{from: any, protocol: any}]}\n"
	    "  - {name: db, deployment: 3, endpoints: [{provider: b, ipv4: 100.64.10.20}],\n"
	    "     egress: [{to: any, protocol: any}], ingress: [{from: any, protocol: any}]}\n";
	struct rig *r = rig_create(&rig_one_worker);
	struct rig_packet p = rig_query;

	p.protocol = IPPROTO_TCP;
	p.tcp_flags = LM_TCP_SYN;
	p.dst_port = 22;
	rig_publish(r, 0, 0, lax);
	CU_ASSERT_TRUE(refused(r, p, 1, LM_DROP_POLICY_EGRESS));
	p.dst_port = 8005;
	CU_ASSERT_TRUE(refused(r, p, 1, LM_DROP_POLICY_INGRESS));
	rig_publish(r, 0, 0, NULL);
	rig_publish(r, 1, 0, lax);
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_POLICY_INGRESS));
	rig_publish(r, 0, 0, lax);
	CU_ASSERT_TRUE(passes(r, p));
	rig_end(r);
}

/* Who sent how much is counted of packets of new flows, known ones, and of what is refused. */
static void test_counted(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct lm_dp_endpoint_info info;
	uint8_t frame[RIG_FRAME_MAX];
	size_t len = rig_build(r, frame, &rig_query);
	uint64_t sent = 0;

	for (; sent < 5; sent++)
		CU_ASSERT_TRUE(passes(r, rig_query));
	/* Once, also when networks have shares of a worker's time. */
	r->gw[0].dp->workers[0]->fair_time = true;
	CU_ASSERT_TRUE(passes(r, rig_query));
	r->gw[0].dp->workers[0]->fair_time = false;
	sent++;
	struct rig_packet p = rig_query;
	p.src_ip = "100.64.10.99";
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_SPOOFED_SOURCE));
	sent++;
	lm_dp_attachment_counters(r->gw[0].dp, rig_hosts[WEB].attachment, &info);
	CU_ASSERT_EQUAL(info.rx_packets, sent);
	CU_ASSERT_EQUAL(info.rx_bytes, sent * len);
	/* Its network goes, and it is still attached. */
	lm_dp_network_remove(r->gw[0].dp, 0);
	CU_ASSERT_TRUE(refused(r, rig_query, 0, LM_DROP_NO_NETWORK));
	p = rig_query;
	p.src_port++;
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_NO_NETWORK));
	lm_dp_attachment_counters(r->gw[0].dp, rig_hosts[WEB].attachment, &info);
	CU_ASSERT_EQUAL(info.rx_packets, sent + 2);
	rig_end(r);
}

/*
 * Nothing is sent to whom the peer does not serve now, in flows as well; what still comes from
 * there is the peer's to say. A flow outlives the pause.
 */
static void test_away(void)
{
	struct rig *r = rig_create(&rig_one_worker);

	CU_ASSERT_TRUE(passes(r, rig_query));
	r->away[0] = true;
	rig_publish(r, 0, 0, NULL);
	/* The first one finds the network changed, the second one all as it was. */
	CU_ASSERT_TRUE(refused(r, rig_query, 0, LM_DROP_NO_ROUTE));
	CU_ASSERT_TRUE(refused(r, rig_query, 0, LM_DROP_NO_ROUTE));
	CU_ASSERT_TRUE(passes(r, rig_reply(&rig_query)));
	struct rig_packet p = rig_query;
	p.src_port++;
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_NO_ROUTE));
	r->away[0] = false;
	rig_publish(r, 0, 0, NULL);
	CU_ASSERT_TRUE(passes(r, rig_query));
	CU_ASSERT_TRUE(passes(r, rig_reply(&rig_query)));
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[0].dp), 1);
	rig_end(r);
}

/* A flow ends at its next packet when a new policy denies it; one that is still allowed goes on. */
static void test_policy_change(void)
{
	static const char strict[] =
	    "  - {name: db, deployment: 3, endpoints: [{provider: b, ipv4: 100.64.10.20}],\n"
	    "     ingress: [{from: web, protocol: tcp, ports: 5432}]}\n"
	    "  - {name: web, deployment: 1, endpoints: [{provider: a, ipv4: 100.64.10.10}],\n"
	    "     egress: [{to: db, protocol: tcp, ports: 5432}]}\n";
	struct rig *r = rig_create(&rig_one_worker);
	struct rig_packet p = rig_query;

	p.protocol = IPPROTO_TCP;
	p.tcp_flags = LM_TCP_ACK;
	p.dst_port = 5432;
	CU_ASSERT_TRUE(passes(r, rig_query));
	CU_ASSERT_TRUE(passes(r, p));
	rig_publish(r, 0, 0, strict);
	rig_publish(r, 1, 0, strict);
	CU_ASSERT_TRUE(refused(r, rig_query, 0, LM_DROP_POLICY_EGRESS));
	/* A reply, first: db's gateway asks in the direction of the flow. */
	CU_ASSERT_TRUE(passes(r, rig_reply(&p)));
	CU_ASSERT_TRUE(passes(r, p));
	CU_ASSERT_TRUE(refused(r, rig_reply(&rig_query), 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[0].dp), 1);
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[1].dp), 1);
	rig_end(r);
}

/* Also those that no packet asks for: at once means that they take no place any more. */
static void test_unasked_flows_end(void)
{
	static const char strict[] =
	    "  - {name: db, deployment: 3, endpoints: [{provider: b, ipv4: 100.64.10.20}],\n"
	    "     ingress: [{from: web, protocol: tcp, ports: 5432}]}\n"
	    "  - {name: web, deployment: 1, endpoints: [{provider: a, ipv4: 100.64.10.10}],\n"
	    "     egress: [{to: db, protocol: tcp, ports: 5432}]}\n";
	struct rig *r = rig_create(&rig_one_worker);
	struct lm_dp *dp = r->gw[0].dp;
	struct rig_packet p = rig_query, twin = rig_query;

	p.protocol = IPPROTO_TCP;
	p.tcp_flags = LM_TCP_ACK;
	p.dst_port = 5432;
	twin.from = TWIN;
	twin.to = MIRROR;
	CU_ASSERT_TRUE(passes(r, rig_query));
	CU_ASSERT_TRUE(passes(r, p));
	CU_ASSERT_TRUE(passes(r, twin));
	rig_publish(r, 0, 0, strict);
	lm_dp_pass_time(dp, 0, 12);
	for (unsigned i = 0; i < 100; i++)
		lm_dp_poll_once(dp, 0);
	CU_ASSERT_EQUAL(lm_dp_network_flows(dp, 0).flows, 1);
	CU_ASSERT_EQUAL(lm_dp_flows_in(dp, LM_FLOW_TCP_OPENING), 1);
	CU_ASSERT_EQUAL(lm_dp_network_flows(dp, 1).flows, 1);
	lm_dp_network_remove(dp, 1);
	lm_dp_pass_time(dp, 0, 12);
	for (unsigned i = 0; i < 100; i++)
		lm_dp_poll_once(dp, 0);
	CU_ASSERT_EQUAL(lm_dp_network_flows(dp, 1).flows, 0);
	CU_ASSERT_EQUAL(lm_dp_flow_count(dp), 1);
	rig_end(r);
}

static void test_idle_flows_end(void)
{
	struct rig *r = rig_create(&rig_one_worker);

	CU_ASSERT_TRUE(passes(r, rig_query));
	lm_dp_pass_time(r->gw[1].dp, 0, 50);
	CU_ASSERT_TRUE(passes(r, rig_reply(&rig_query)));
	lm_dp_pass_time(r->gw[1].dp, 0, 290);
	CU_ASSERT_TRUE(passes(r, rig_reply(&rig_query)));
	lm_dp_pass_time(r->gw[1].dp, 0, 310);
	CU_ASSERT_TRUE(refused(r, rig_reply(&rig_query), 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[1].dp), 0);
	/* Also if nobody asks for them; bit by bit. */
	lm_dp_pass_time(r->gw[0].dp, 0, 310);
	for (unsigned i = 0; i < 100; i++)
		lm_dp_poll_once(r->gw[0].dp, 0);
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[0].dp), 0);
	rig_end(r);
}

static void test_networks_never_meet(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct rig_packet p = rig_query;
	uint8_t frame[RIG_FRAME_MAX];
	size_t len;

	/* The same 5-tuple in both networks; each reaches its own. */
	CU_ASSERT_TRUE(passes(r, rig_query));
	p.from = TWIN;
	p.to = MIRROR;
	CU_ASSERT_TRUE(refused(r, rig_reply(&p), 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(rig_passes(r, &p, frame, &len));
	check_arrived(r, &p, frame, len, 2);
	CU_ASSERT_TRUE(passes(r, rig_reply(&p)));
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[1].dp), 2);
	lm_dp_network_remove(r->gw[1].dp, 1);
	CU_ASSERT_TRUE(refused(r, p, 1, LM_DROP_NO_NETWORK));
	CU_ASSERT_TRUE(passes(r, rig_query));
	rig_end(r);
}

/* What cannot be is refused, and what was in force stays. */
static void test_publish_refused(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct lm_dp *dp = r->gw[0].dp;
	struct lm_dp_endpoint eps[2] = {{.ipv4 = rig_ip("100.64.10.10"), .peer = LM_DP_NONE},
	    {.ipv4 = rig_ip("100.64.10.20"), .ipv6 = rig_ip("fd5a:10::20"), .peer = RIG_PEER}};
	struct lm_dp_network spec = {.mtu = RIG_MTU, .endpoints = eps, .n_endpoints = 2};

	CU_ASSERT_EQUAL(lm_dp_network_publish(dp, 4, &spec), -EINVAL);
	eps[1].peer = 8;
	CU_ASSERT_EQUAL(lm_dp_network_publish(dp, 0, &spec), -EINVAL);
	eps[1].peer = RIG_PEER;
	eps[1].ipv4 = eps[0].ipv4;
	CU_ASSERT_EQUAL(lm_dp_network_publish(dp, 0, &spec), -EINVAL);
	eps[1].ipv4 = rig_ip("100.64.10.20");
	eps[0].ipv6 = eps[1].ipv6;
	CU_ASSERT_EQUAL(lm_dp_network_publish(dp, 0, &spec), -EINVAL);
	spec.n_endpoints = 65536;
	CU_ASSERT_EQUAL(lm_dp_network_publish(dp, 0, &spec), -EINVAL);
	CU_ASSERT_TRUE(passes(r, rig_query));
	/* Without a policy nothing passes; without endpoints there is nowhere to go. */
	eps[0].ipv6.family = 0;
	eps[0].attachment = rig_hosts[WEB].attachment;
	spec.n_endpoints = 2;
	CU_ASSERT_EQUAL(lm_dp_network_publish(dp, 0, &spec), 0);
	CU_ASSERT_TRUE(refused(r, rig_query, 0, LM_DROP_POLICY_EGRESS));
	spec.n_endpoints = 0;
	CU_ASSERT_EQUAL(lm_dp_network_publish(dp, 0, &spec), 0);
	CU_ASSERT_TRUE(refused(r, rig_query, 0, LM_DROP_SPOOFED_SOURCE));
	rig_end(r);
}

static void test_spoofing(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct rig_packet p = rig_query;
	struct lm_dp_endpoint_info info;
	uint8_t frame[RIG_FRAME_MAX];

	p.src_ip = "100.64.10.11"; /* app's */
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_SPOOFED_SOURCE));
	p.src_ip = "100.64.10.20"; /* db's, who lives elsewhere */
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_SPOOFED_SOURCE));
	p = rig_query;
	p.ipv6 = true;
	p.src_ip = "fd5a:10::11";
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_SPOOFED_SOURCE));
	p.src_ip = "::";
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_MALFORMED));
	/* ::ffff:100.64.10.10 never passes for the IPv4 address. */
	static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 100, 64, 10, 10};
	size_t len = rig_build(r, frame, &p);
	memcpy(frame + 18 + 8, mapped, sizeof mapped);
	rig_send(r, WEB, frame, len);
	rig_run(r);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_MALFORMED), 2);
	len = rig_build(r, frame, &rig_query);
	frame[11] ^= 0x10; /* source MAC */
	rig_send(r, WEB, frame, len);
	rig_run(r);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_SPOOFED_MAC), 1);
	frame[11] ^= 0x10;
	memset(frame + 6, 0xff, 6);
	rig_send(r, WEB, frame, len);
	rig_run(r);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_SPOOFED_MAC), 2);
	memcpy(frame + 6, rig_hosts[WEB].mac.b, 6);
	frame[15] ^= 0x04; /* VLAN */
	rig_send(r, WEB, frame, len);
	rig_run(r);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_NO_ATTACHMENT), 1);
	frame[15] ^= 0x04;
	frame[5] ^= 1; /* destination MAC */
	rig_send(r, WEB, frame, len);
	rig_run(r);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_NOT_OURS), 1);
	lm_dp_attachment_counters(r->gw[0].dp, rig_hosts[WEB].attachment, &info);
	CU_ASSERT_EQUAL(info.spoofed, 3);
	CU_ASSERT_EQUAL(r->wired, 0);
	rig_end(r);
}

/* ICMP: a reply belongs to its request, an error to the packet it complains about. */
static void test_icmp(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	uint8_t sent[RIG_FRAME_MAX];
	struct lm_frame f;

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		uint8_t request = ipv6 ? 128 : 8, reply = ipv6 ? 129 : 0, error = ipv6 ? 1 : 3;
		struct rig_packet echo = {.from = WEB,
		    .to = DB,
		    .ipv6 = ipv6,
		    .protocol = ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
		    .src_port = request,
		    .dst_port = 7,
		    .payload = 56};
		struct rig_packet back = echo, other = echo, complaint = echo, udp = rig_query;

		back.from = DB;
		back.to = WEB;
		back.src_port = reply;
		CU_ASSERT_TRUE(refused(r, back, 1, LM_DROP_NO_FLOW));
		CU_ASSERT_TRUE(passes(r, echo));
		CU_ASSERT_TRUE(passes(r, back));
		back.dst_port = 8; /* identifier */
		CU_ASSERT_TRUE(refused(r, back, 1, LM_DROP_NO_FLOW));
		/* A request in the other direction is not a reply. */
		other.from = DB;
		other.to = WEB;
		CU_ASSERT_TRUE(refused(r, other, 1, LM_DROP_POLICY_EGRESS));
		other = echo;
		other.dst_port = 0;
		CU_ASSERT_TRUE(passes(r, other));
		other.from = DB;
		other.to = WEB;
		CU_ASSERT_TRUE(refused(r, other, 1, LM_DROP_NO_FLOW));

		udp.ipv6 = ipv6;
		udp.src_port = 4001;
		lm_frame_parse(&f, sent, rig_build(r, sent, &udp));
		complaint.from = DB;
		complaint.to = WEB;
		complaint.src_port = error;
		complaint.inside = f.l3;
		complaint.payload = ipv6 ? 48 : 28;
		CU_ASSERT_TRUE(refused(r, complaint, 1, LM_DROP_NO_FLOW));
		CU_ASSERT_TRUE(passes(r, udp));
		CU_ASSERT_TRUE(passes(r, complaint));
		complaint.payload--; /* cut off inside the ports */
		CU_ASSERT_TRUE(refused(r, complaint, 1, LM_DROP_NO_FLOW));
		complaint.payload++;
		/* About somebody else's packet. */
		complaint.from = CACHE;
		CU_ASSERT_TRUE(refused(r, complaint, 1, LM_DROP_NO_FLOW));
	}
	rig_end(r);
}

/* RFC 1812, 5.2.2: before it is asked what the packet wants, and of whom. */
static void test_header_checksum(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	uint8_t frame[RIG_FRAME_MAX];
	unsigned l2 = 18, punts[LM_PUNT_MAX];

	for (unsigned bit = 0; bit < 160; bit++) {
		struct rig_packet p = rig_query;
		uint64_t before =
		    rig_drops(r, 0, LM_DROP_IP_CHECKSUM) + rig_drops(r, 0, LM_DROP_MALFORMED);

		p.dst_ip = bit & 1 ? "100.64.10.1" : NULL; /* the gateway itself */
		size_t len = rig_build(r, frame, &p);
		frame[l2 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		rig_send(r, WEB, frame, len);
		rig_run(r);
		CU_ASSERT_EQUAL(rig_drain(r, 0) + rig_drain(r, 1) + rig_punts(r, 0, punts), 0);
		CU_ASSERT_EQUAL(
		    rig_drops(r, 0, LM_DROP_IP_CHECKSUM) + rig_drops(r, 0, LM_DROP_MALFORMED),
		    before + 1);
	}
	CU_ASSERT_TRUE(rig_drops(r, 0, LM_DROP_IP_CHECKSUM) >= 136);
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[0].dp), 0);
	CU_ASSERT_TRUE(passes(r, rig_query));
	rig_end(r);
}

static void test_hops(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct rig_packet p = rig_query;

	p.ttl = 1;
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_TTL_EXPIRED));
	p.ttl = 2;
	CU_ASSERT_TRUE(refused(r, p, 1, LM_DROP_TTL_EXPIRED));
	p.ttl = 3;
	CU_ASSERT_TRUE(passes(r, p));
	rig_end(r);
}

static void test_mss(void)
{
	struct rig *r = rig_create(&rig_one_worker);

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct rig_packet p = {.from = WEB,
		    .to = DB,
		    .ipv6 = ipv6,
		    .protocol = IPPROTO_TCP,
		    .src_port = 5000,
		    .dst_port = 5432,
		    .tcp_flags = 2,
		    .mss = 1460};
		unsigned fits = RIG_MTU - (ipv6 ? 60 : 40);
		uint8_t frame[RIG_FRAME_MAX];
		struct lm_frame f;
		size_t len;

		CU_ASSERT_TRUE_FATAL(rig_passes(r, &p, frame, &len));
		CU_ASSERT_EQUAL(lm_frame_parse(&f, frame, len), 0);
		CU_ASSERT_EQUAL((unsigned)(f.l4[22] << 8 | f.l4[23]), fits);
		CU_ASSERT_TRUE(lm_frame_l4_checksum_ok(&f));
		p.mss = 1000;
		p.src_port++;
		CU_ASSERT_TRUE_FATAL(rig_passes(r, &p, frame, &len));
		CU_ASSERT_EQUAL(lm_frame_parse(&f, frame, len), 0);
		CU_ASSERT_EQUAL(f.l4[22] << 8 | f.l4[23], 1000);
		p.mss = 1460;
		p.tcp_flags = LM_TCP_ACK; /* not a SYN: nobody looks at its options */
		CU_ASSERT_TRUE_FATAL(rig_passes(r, &p, frame, &len));
		CU_ASSERT_EQUAL(lm_frame_parse(&f, frame, len), 0);
		CU_ASSERT_EQUAL(f.l4[22] << 8 | f.l4[23], 1460);
	}
	rig_end(r);
}

/* The frame's IPv4 header, made longer by these options. Its new length. */
static size_t with_options(uint8_t *frame, size_t len, unsigned l2, const uint8_t options[8])
{
	uint8_t *ip = frame + l2;

	memmove(ip + 28, ip + 20, len - l2 - 20);
	memcpy(ip + 20, options, 8);
	ip[0] = 0x47;
	rig_put16(ip + 2, (unsigned)(len - l2 + 8));
	rig_put16(ip + 10, 0);
	uint16_t sum = lm_checksum(ip, 28);
	memcpy(ip + 10, &sum, 2);
	return len + 8;
}

static void test_header_options(void)
{
	static const struct {
		uint8_t bytes[8];
		bool passes;
	} cases[] = {
	    {{0x94, 4, 0, 0, 1, 1, 0, 0}, true}, /* router alert, and padding */
	    {{0, 0x83, 0, 0, 0, 0, 0, 0}, true}, /* what is behind the end is nothing */
	    {{0x83, 7, 4, 100, 64, 10, 20, 0}, false}, /* loose source route */
	    {{1, 0x89, 7, 4, 100, 64, 10, 20}, false}, /* strict, behind padding */
	    {{0x94, 4, 0, 0, 0x83, 3, 4, 0}, false},
	    {{0x94, 9, 0, 0, 0, 0, 0, 0}, false}, /* longer than the header */
	    {{0x94, 1, 0, 0, 0, 0, 0, 0}, false}, /* shorter than itself */
	    {{1, 1, 1, 1, 1, 1, 1, 0x94}, false}, /* no room for its length */
	};
	struct rig *r = rig_create(&rig_one_worker);
	uint8_t frame[RIG_FRAME_MAX];
	struct rig_packet p = rig_query;

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t before = rig_drops(r, 0, LM_DROP_IP_OPTION);
		size_t len =
		    with_options(frame, rig_build(r, frame, &p), rig_l2(&p), cases[i].bytes);

		rig_send(r, WEB, frame, len);
		rig_run(r);
		CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_IP_OPTION) - before, !cases[i].passes);
		CU_ASSERT_EQUAL(rig_drain(r, 0) + rig_drain(r, 1), cases[i].passes);
	}
	rig_end(r);
}

LM_SUITE("dataplane", {"delivery", test_delivery}, {"IPv6 underlay", test_ipv6_underlay},
    {"local", test_local}, {"policy", test_policy},
    {"policy at both ends", test_policy_at_both_ends}, {"policy change", test_policy_change},
    {"counted", test_counted}, {"away", test_away}, {"unasked flows end", test_unasked_flows_end},
    {"idle flows end", test_idle_flows_end}, {"networks never meet", test_networks_never_meet},
    {"publish refused", test_publish_refused}, {"spoofing", test_spoofing}, {"ICMP", test_icmp},
    {"header checksum", test_header_checksum}, {"header options", test_header_options},
    {"hops", test_hops}, {"MSS", test_mss})
