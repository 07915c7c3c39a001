/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: their states, what belongs to them, and when they end. Both gateways, real keys. */
#include "dataplane/tcp.h"
#include "dp_fixture.h"
#include "packet/frame.h"

#define SYN LM_TCP_SYN
#define ACK LM_TCP_ACK
#define FIN LM_TCP_FIN
#define RST LM_TCP_RST
#define PSH 8
#define URG 32

static const struct rig_packet client = {
    .from = WEB, .to = DB, .protocol = IPPROTO_TCP, .src_port = 4000, .dst_port = 5432};

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

static struct rig_packet to_db(uint8_t flags)
{
	struct rig_packet p = client;

	p.tcp_flags = flags;
	return p;
}

static struct rig_packet to_web(uint8_t flags)
{
	struct rig_packet p = rig_reply(&client);

	p.tcp_flags = flags;
	return p;
}

/* Both gateways have exactly one connection, in this state. */
static bool in_state(struct rig *r, enum lm_flow_state state)
{
	for (unsigned g = 0; g < 2; g++)
		if (lm_dp_flow_count(r->gw[g].dp) != 1 || lm_dp_flows_in(r->gw[g].dp, state) != 1)
			return false;
	return true;
}

static void pass_time(struct rig *r, unsigned seconds)
{
	for (unsigned g = 0; g < 2; g++)
		lm_dp_pass_time(r->gw[g].dp, 0, seconds);
}

static void set_seconds(struct rig *r, struct lm_flow_seconds s)
{
	for (unsigned g = 0; g < 2; g++) {
		lm_dp_set_flow_seconds(r->gw[g].dp, &s);
		lm_dp_poll_once(r->gw[g].dp, 0);
	}
}

/* So that nothing is taken over from the side that may not open. */
static struct rig *create_settled(void)
{
	struct rig *r = rig_create(&rig_one_worker);

	pass_time(r, 1000);
	return r;
}

static void establish(struct rig *r)
{
	CU_ASSERT_TRUE(passes(r, to_db(SYN)));
	CU_ASSERT_TRUE(passes(r, to_web(SYN | ACK)));
	CU_ASSERT_TRUE(passes(r, to_db(ACK)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_ESTABLISHED));
}

/* ---- the steps alone --------------------------------------------------------- */

static void test_flags(void)
{
	/* As RFC 9293 lets them be; PSH, URG, ECE and CWR do not matter. */
	static const uint8_t valid[] = {SYN, SYN | ACK, ACK, FIN | ACK, RST, RST | ACK};

	for (unsigned flags = 0; flags < 256; flags++) {
		bool ok = false;

		for (unsigned i = 0; i < sizeof valid; i++)
			ok |= (flags & (SYN | ACK | FIN | RST)) == valid[i];
		CU_ASSERT_EQUAL(lm_tcp_valid((uint8_t)flags), ok);
	}
}

struct step {
	uint8_t flags;
	bool reverse;
	uint8_t state; /* afterwards */
};

static void walk(const struct step *steps, unsigned n)
{
	struct lm_tcp_state s = {.state = LM_FLOW_TCP_OPENING};

	for (unsigned i = 0; i < n; i++) {
		CU_ASSERT_EQUAL(lm_tcp_step(&s, steps[i].flags, steps[i].reverse), LM_TCP_PASS);
		CU_ASSERT_EQUAL(s.state, steps[i].state);
	}
}
#define WALK(...) \
	do { \
		static const struct step steps[] = {__VA_ARGS__}; \
		walk(steps, sizeof steps / sizeof steps[0]); \
	} while (0)
#define OPENING LM_FLOW_TCP_OPENING
#define ANSWERED LM_FLOW_TCP_ANSWERED
#define ESTABLISHED LM_FLOW_TCP_ESTABLISHED
#define CLOSING LM_FLOW_TCP_CLOSING
#define CLOSED LM_FLOW_TCP_CLOSED

static void test_steps(void)
{
	/* Who opened it finishes first, the other later; the last acknowledgement. */
	WALK({SYN, 0, OPENING}, {SYN | ACK, 1, ANSWERED}, {SYN | ACK, 1, ANSWERED},
	    {ACK, 0, ESTABLISHED}, {SYN | ACK, 1, ESTABLISHED}, {ACK, 1, ESTABLISHED},
	    {FIN | ACK, 0, CLOSING}, {ACK, 1, CLOSING}, {FIN | ACK, 0, CLOSING},
	    {FIN | ACK, 1, CLOSED}, {ACK, 0, CLOSED});
	/* The other way round, and both at once. */
	WALK({SYN | ACK, 1, ANSWERED}, {ACK, 0, ESTABLISHED}, {FIN | ACK, 1, CLOSING},
	    {ACK | PSH, 0, CLOSING}, {FIN | ACK, 0, CLOSED});
	/* Refused; given up; reset on the way. */
	WALK({RST | ACK, 1, CLOSED}, {ACK, 1, CLOSED}, {ACK, 0, CLOSED});
	WALK({SYN | ACK, 1, ANSWERED}, {RST, 0, CLOSED});
	WALK({SYN | ACK, 1, ANSWERED}, {ACK, 0, ESTABLISHED}, {RST, 1, CLOSED});
	/* Both open it at the same time: each answers the other's SYN. */
	WALK({SYN | ACK, 0, OPENING}, {SYN | ACK, 1, ANSWERED}, {SYN | ACK, 0, ESTABLISHED});
	/* One side alone never gets beyond what is limited, whatever it sends. */
	WALK(
	    {ACK, 0, OPENING}, {FIN | ACK, 0, OPENING}, {SYN, 0, OPENING}, {ACK | PSH, 0, OPENING});
	/* A connection that is taken over while it closes. */
	WALK(
	    {FIN | ACK, 0, OPENING}, {ACK, 1, ANSWERED}, {ACK, 0, CLOSING}, {FIN | ACK, 1, CLOSED});
}

static void test_steps_refused(void)
{
	for (uint8_t state = LM_FLOW_TCP_OPENING; state <= LM_FLOW_TCP_CLOSED; state++)
		for (int reverse = 0; reverse < 2; reverse++) {
			struct lm_tcp_state s = {.state = state}, before = s;
			bool opening =
			    state == LM_FLOW_TCP_OPENING || state == LM_FLOW_TCP_ANSWERED;

			CU_ASSERT_EQUAL(lm_tcp_step(&s, SYN | FIN, reverse), LM_TCP_INVALID);
			CU_ASSERT_EQUAL(lm_tcp_step(&s, SYN | RST, reverse), LM_TCP_INVALID);
			CU_ASSERT_EQUAL(lm_tcp_step(&s, FIN, reverse), LM_TCP_INVALID);
			CU_ASSERT_EQUAL(lm_tcp_step(&s, 0, reverse), LM_TCP_INVALID);
			CU_ASSERT_EQUAL(
			    lm_tcp_step(&s, SYN, reverse), reverse ? LM_TCP_CONTRARY : LM_TCP_PASS);
			CU_ASSERT_EQUAL(memcmp(&s, &before, sizeof s), 0);
			CU_ASSERT_EQUAL(lm_tcp_step(&s, SYN | ACK, reverse),
			    reverse || opening ? LM_TCP_PASS : LM_TCP_NO_STATE);
		}
}

/* ---- TCP ----------------------------------------------------------------------- */

static void test_tcp(void)
{
	struct rig *r = create_settled();

	CU_ASSERT_TRUE(passes(r, to_db(SYN)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_OPENING));
	CU_ASSERT_TRUE(passes(r, to_web(SYN | ACK)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_ANSWERED));
	CU_ASSERT_TRUE(passes(r, to_db(ACK)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_ESTABLISHED));
	CU_ASSERT_TRUE(passes(r, to_web(ACK | PSH)));
	CU_ASSERT_TRUE(passes(r, to_web(FIN | ACK)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_CLOSING));
	CU_ASSERT_TRUE(passes(r, to_db(ACK | PSH)));
	CU_ASSERT_TRUE(passes(r, to_db(FIN | ACK)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_CLOSED));
	CU_ASSERT_TRUE(passes(r, to_web(ACK)));
	/* The same ports again, while the old connection is still remembered. */
	CU_ASSERT_TRUE(passes(r, to_db(SYN)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_OPENING));
	rig_end(r);
}

/* Whoever answers may not begin: not during a connection, not after it. */
static void test_contrary_syn(void)
{
	struct rig *r = create_settled();

	CU_ASSERT_TRUE(passes(r, to_db(SYN)));
	CU_ASSERT_TRUE(refused(r, to_web(SYN), 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(passes(r, to_web(SYN | ACK)));
	CU_ASSERT_TRUE(passes(r, to_db(ACK)));
	CU_ASSERT_TRUE(refused(r, to_web(SYN), 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(refused(r, to_db(SYN | ACK), 0, LM_DROP_TCP_STATE));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_ESTABLISHED));
	CU_ASSERT_TRUE(passes(r, to_web(ACK)));
	CU_ASSERT_TRUE(passes(r, to_web(RST)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_CLOSED));
	CU_ASSERT_TRUE(refused(r, to_web(SYN), 1, LM_DROP_POLICY_EGRESS));
	rig_end(r);
}

/* Both may open, and both do. */
static void test_simultaneous_open(void)
{
	static const char both[] =
	    "  - {name: web, deployment: 1, endpoints: [{provider: a, ipv4: 100.64.10.10}],\n"
	    "     egress: [{to: db, protocol: tcp}], ingress: [{from: db, protocol: tcp}]}\n"
	    "  - {name: db, deployment: 3, endpoints: [{provider: b, ipv4: 100.64.10.20}],\n"
	    "     egress: [{to: web, protocol: tcp}], ingress: [{from: web, protocol: tcp}]}\n";
	struct rig *r = create_settled();

	rig_publish(r, 0, 0, both);
	rig_publish(r, 1, 0, both);
	CU_ASSERT_TRUE(passes(r, to_db(SYN)));
	CU_ASSERT_TRUE(passes(r, to_web(SYN)));
	CU_ASSERT_TRUE(passes(r, to_db(SYN | ACK)));
	CU_ASSERT_TRUE(passes(r, to_web(SYN | ACK)));
	CU_ASSERT_TRUE(passes(r, to_db(ACK)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_ESTABLISHED));
	/* After its end the other side may be the first. */
	CU_ASSERT_TRUE(passes(r, to_db(RST)));
	CU_ASSERT_TRUE(passes(r, to_web(SYN)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_OPENING));
	CU_ASSERT_TRUE(passes(r, to_db(SYN | ACK)));
	CU_ASSERT_TRUE(passes(r, to_web(ACK)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_ESTABLISHED));
	rig_end(r);
}

/* What scanners send: with and without a connection to hide behind. */
static void test_scans(void)
{
	static const uint8_t invalid[] = {0, FIN, FIN | PSH | URG, SYN | FIN, SYN | RST, RST | FIN,
	    SYN | FIN | ACK | RST | PSH | URG, PSH, URG};
	struct rig *r = create_settled();

	for (int connected = 0; connected < 2; connected++) {
		for (unsigned i = 0; i < sizeof invalid; i++)
			CU_ASSERT_TRUE(refused(r, to_db(invalid[i]), 0, LM_DROP_TCP_FLAGS));
		CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[0].dp), (unsigned)connected);
		if (!connected)
			establish(r);
	}
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_ESTABLISHED));
	/* To another port: answers to nothing, and what policy does not let through anyway. */
	struct rig_packet p = to_db(SYN | ACK);
	p.src_port++;
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_TCP_STATE));
	p.dst_port = 22;
	for (unsigned flags = 0; flags < 64; flags++) {
		p.tcp_flags = (uint8_t)flags;
		CU_ASSERT_FALSE(passes(r, p));
	}
	/* A reset leaves nothing behind. */
	p = to_db(RST);
	p.src_port++;
	CU_ASSERT_TRUE(passes(r, p));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_ESTABLISHED));
	rig_end(r);
}

static bool alive_after(struct rig *r, unsigned seconds)
{
	pass_time(r, seconds);
	return passes(r, to_web(ACK));
}

static void test_tcp_timeouts(void)
{
	struct rig *r = create_settled();

	CU_ASSERT_TRUE(passes(r, to_db(SYN)));
	CU_ASSERT_FALSE(alive_after(r, 70));
	CU_ASSERT_TRUE(passes(r, to_db(SYN)));
	CU_ASSERT_TRUE(passes(r, to_web(SYN | ACK)));
	CU_ASSERT_FALSE(alive_after(r, 70));
	establish(r);
	CU_ASSERT_TRUE(alive_after(r, 7000));
	CU_ASSERT_TRUE(passes(r, to_db(FIN | ACK)));
	CU_ASSERT_TRUE(alive_after(r, 200));
	CU_ASSERT_TRUE(passes(r, to_web(FIN | ACK)));
	CU_ASSERT_TRUE(alive_after(r, 5));
	CU_ASSERT_FALSE(alive_after(r, 15));
	establish(r);
	CU_ASSERT_FALSE(alive_after(r, 7500));
	/* They may be changed at any time, for connections that there are as well. */
	establish(r);
	struct lm_flow_seconds s = LM_FLOW_SECONDS_DEFAULT;
	s.tcp_established = 100;
	set_seconds(r, s);
	CU_ASSERT_FALSE(alive_after(r, 110));
	rig_end(r);
}

/* ---- connections that are not known ---------------------------------------------- */

/* From the side that may open it, a connection is taken over at any time. */
static void test_pickup(void)
{
	struct rig *r = create_settled();

	CU_ASSERT_TRUE(passes(r, to_db(ACK | PSH)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_OPENING));
	/* A flood of these ends as soon as one of SYNs. */
	CU_ASSERT_FALSE(alive_after(r, 70));
	CU_ASSERT_TRUE(passes(r, to_db(ACK | PSH)));
	CU_ASSERT_TRUE(passes(r, to_web(ACK)));
	CU_ASSERT_TRUE(passes(r, to_db(ACK)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_ESTABLISHED));
	/* Not from the other. */
	pass_time(r, 8000);
	CU_ASSERT_TRUE(refused(r, to_web(ACK), 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(refused(r, to_web(RST), 1, LM_DROP_POLICY_EGRESS));
	rig_end(r);
}

/* After a restart whoever speaks first; but only what could have been opened, and no SYN. */
static void test_pickup_after_start(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct rig_packet p;

	CU_ASSERT_TRUE(refused(r, to_web(SYN), 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(refused(r, to_web(SYN | ACK), 1, LM_DROP_TCP_STATE));
	CU_ASSERT_TRUE(refused(r, to_web(FIN), 1, LM_DROP_TCP_FLAGS));
	CU_ASSERT_TRUE(passes(r, to_web(ACK | PSH)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_ANSWERED));
	CU_ASSERT_TRUE(refused(r, to_web(SYN), 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(passes(r, to_db(ACK)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_ESTABLISHED));
	p = to_web(ACK);
	p.src_port = 22; /* web may not open that */
	CU_ASSERT_TRUE(refused(r, p, 1, LM_DROP_POLICY_EGRESS));
	p = to_web(ACK);
	p.dst_port++;
	p.protocol = IPPROTO_UDP;
	p.src_port = 53; /* nothing refuses it on its own */
	CU_ASSERT_TRUE(refused(r, p, 1, LM_DROP_POLICY_EGRESS));
	p = to_web(ACK);
	p.dst_port += 2;
	pass_time(r, 890);
	CU_ASSERT_TRUE(passes(r, p));
	p.dst_port++;
	pass_time(r, 20);
	CU_ASSERT_TRUE(refused(r, p, 1, LM_DROP_POLICY_EGRESS));
	rig_end(r);
}

static struct rig_packet answer(uint16_t from, uint16_t to)
{
	struct rig_packet p = rig_reply(&rig_query);

	p.src_port = from;
	p.dst_port = to;
	return p;
}

/* What looks like an answer, and is one to something that could have been asked. */
static void test_pickup_udp(void)
{
	static const char one_port[] =
	    "  - {name: web, deployment: 1, endpoints: [{provider: a, ipv4: 100.64.10.10}],\n"
	    "     egress: [{to: db, protocol: udp, ports: 53}]}\n"
	    "  - {name: db, deployment: 3, endpoints: [{provider: b, ipv4: 100.64.10.20}],\n"
	    "     ingress: [{from: web, protocol: udp, ports: [53, 54]}]}\n";
	struct rig *r = rig_create(&rig_one_worker);

	for (unsigned g = 0; g < 2; g++)
		rig_publish(r, g, 0, one_port);
	CU_ASSERT_TRUE(passes(r, answer(53, 40000)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_UDP_ONE_WAY));
	struct rig_packet asks = answer(53, 40000);
	CU_ASSERT_TRUE(passes(r, rig_reply(&asks)));
	CU_ASSERT_TRUE(passes(r, answer(53, 32768)));
	CU_ASSERT_TRUE(refused(r, answer(53, 32767), 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(refused(r, answer(54, 40000), 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[0].dp), 2);
	/* It is web's connection: db may not go on with it when web may not ask any more. */
	for (unsigned g = 0; g < 2; g++)
		rig_publish(r, g, 0, NULL);
	CU_ASSERT_TRUE(passes(r, answer(53, 40000)));
	for (unsigned g = 0; g < 2; g++)
		rig_publish(r, g, 0, one_port);
	pass_time(r, 290);
	CU_ASSERT_TRUE(passes(r, answer(53, 40001)));
	pass_time(r, 20);
	CU_ASSERT_TRUE(refused(r, answer(53, 40002), 1, LM_DROP_POLICY_EGRESS));
	rig_end(r);
}

static void test_pickup_off(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct lm_flow_seconds s = LM_FLOW_SECONDS_DEFAULT;

	s.tcp_pickup = 0;
	s.udp_pickup = 0;
	set_seconds(r, s);
	CU_ASSERT_TRUE(refused(r, to_web(ACK), 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(refused(r, answer(53, 40000), 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(passes(r, to_db(ACK)));
	rig_end(r);
}

/* An endpoint that moves brings its connections along; one that stays does not get young again. */
static void test_pickup_after_move(void)
{
	static const char without_db[] =
	    "  - {name: web, deployment: 1, endpoints: [{provider: a, ipv4: 100.64.10.10}],\n"
	    "     egress: [{to: any, protocol: any}]}\n";
	struct lm_dp_endpoint eps[2] = {
	    {.ipv4 = rig_ip("100.64.10.10"), .attachment = LM_DP_NONE, .peer = RIG_PEER - 1},
	    {.ipv4 = rig_ip("100.64.10.20"),
		.attachment = rig_hosts[DB].attachment,
		.peer = LM_DP_NONE}};
	const struct lm_dp_network elsewhere = {.mtu = RIG_MTU, .endpoints = eps, .n_endpoints = 2};
	struct rig *r = create_settled();

	rig_publish(r, 0, 0, NULL);
	rig_publish(r, 1, 0, NULL);
	CU_ASSERT_TRUE(refused(r, to_web(ACK), 1, LM_DROP_POLICY_EGRESS));
	/* web was at another peer for a moment, db was nowhere. */
	CU_ASSERT_EQUAL(lm_dp_network_publish(r->gw[1].dp, 0, &elsewhere), 0);
	rig_publish(r, 1, 0, NULL);
	CU_ASSERT_TRUE(refused(r, to_web(ACK), 0, LM_DROP_POLICY_EGRESS));
	rig_publish(r, 0, 0, without_db);
	rig_publish(r, 0, 0, NULL);
	CU_ASSERT_TRUE(passes(r, to_web(ACK)));
	rig_end(r);
}

/* ---- other protocols --------------------------------------------------------------- */

static void test_udp_and_echo(void)
{
	struct rig *r = create_settled();
	struct rig_packet echo = {.from = WEB,
	    .to = DB,
	    .protocol = IPPROTO_ICMP,
	    .src_port = 8,
	    .dst_port = 7,
	    .payload = 56};

	CU_ASSERT_TRUE(passes(r, rig_query));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_UDP_ONE_WAY));
	CU_ASSERT_TRUE(passes(r, rig_query));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_UDP_ONE_WAY));
	pass_time(r, 70);
	CU_ASSERT_TRUE(refused(r, rig_reply(&rig_query), 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(passes(r, rig_query));
	CU_ASSERT_TRUE(passes(r, rig_reply(&rig_query)));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_UDP));
	pass_time(r, 290);
	CU_ASSERT_TRUE(passes(r, rig_reply(&rig_query)));
	pass_time(r, 310);
	CU_ASSERT_TRUE(refused(r, rig_reply(&rig_query), 1, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(passes(r, echo));
	pass_time(r, 40);
	struct rig_packet back = rig_reply(&echo);
	back.src_port = 0;
	back.dst_port = 7;
	CU_ASSERT_TRUE(refused(r, back, 1, LM_DROP_NO_FLOW));
	CU_ASSERT_TRUE(passes(r, echo));
	CU_ASSERT_TRUE(passes(r, back));
	CU_ASSERT_EQUAL(lm_dp_flows_in(r->gw[1].dp, LM_FLOW_ICMP), 1);
	rig_end(r);
}

/* An ICMP error passes with its connection, from either end of it, and changes nothing there. */
static void test_errors(void)
{
	struct rig *r = create_settled();
	uint8_t sent[RIG_FRAME_MAX];
	struct lm_frame f;
	struct rig_packet p = to_db(ACK), error = {.from = DB,
					      .to = WEB,
					      .protocol = IPPROTO_ICMP,
					      .src_port = 3,
					      .dst_port = 7,
					      .payload = 28};

	establish(r);
	lm_frame_parse(&f, sent, rig_build(r, sent, &p));
	error.inside = f.l3;
	CU_ASSERT_TRUE(passes(r, error));
	p = to_web(ACK);
	lm_frame_parse(&f, sent, rig_build(r, sent, &p));
	error.inside = f.l3;
	CU_ASSERT_TRUE(refused(r, error, 1, LM_DROP_NO_FLOW)); /* about its own packet */
	error.from = WEB;
	error.to = DB;
	CU_ASSERT_TRUE(passes(r, error));
	pass_time(r, 7400);
	CU_ASSERT_TRUE(passes(r, error));
	pass_time(r, 100); /* it did not keep the connection alive */
	CU_ASSERT_TRUE(refused(r, error, 0, LM_DROP_NO_FLOW));
	/* One that has been closed: nothing in the error is taken for a SYN. */
	establish(r);
	CU_ASSERT_TRUE(passes(r, to_db(RST)));
	p = to_db(SYN);
	p.dst_port = 22;
	CU_ASSERT_FALSE(passes(r, p));
	CU_ASSERT_TRUE(passes(r, error));
	CU_ASSERT_TRUE(in_state(r, LM_FLOW_TCP_CLOSED));
	rig_end(r);
}

LM_SUITE("connections", {"flags", test_flags}, {"steps", test_steps},
    {"steps refused", test_steps_refused}, {"TCP", test_tcp}, {"contrary SYN", test_contrary_syn},
    {"simultaneous open", test_simultaneous_open}, {"scans", test_scans},
    {"TCP timeouts", test_tcp_timeouts}, {"pickup", test_pickup},
    {"pickup after start", test_pickup_after_start}, {"pickup of UDP", test_pickup_udp},
    {"pickup off", test_pickup_off}, {"pickup after move", test_pickup_after_move},
    {"UDP and echo", test_udp_and_echo}, {"errors", test_errors})
