/* SPDX-License-Identifier: Apache-2.0 */
/* What workers note of what rules denied, and of what is to be logged. */
#include <netinet/in.h>
#include <pthread.h>
#include "dataplane/notes.h"
#include "dataplane/worker.h"
#include "dp_fixture.h"

static const char policy[] =
    "  - name: web\n"
    "    deployment: 1\n"
    "    endpoints: [{provider: a, ipv4: 100.64.10.10, ipv6: \"fd5a:10::10\"}]\n"
    "    egress:\n"
    "      - {to: db, protocol: udp, ports: 54, action: deny}\n"
    "      - {to: db, protocol: udp}\n"
    "  - name: db\n"
    "    deployment: 3\n"
    "    endpoints: [{provider: b, ipv4: 100.64.10.20, ipv6: \"fd5a:10::20\"}]\n"
    "    ingress:\n"
    "      - {from: web, protocol: udp, ports: 55, action: deny}\n"
    "      - {from: web, protocol: udp, ports: 56, log: true}\n"
    "      - {from: web, protocol: udp}\n";

#define WEB_MEMBER 0
#define DB_MEMBER 1

static struct rig_packet udp(bool ipv6, uint16_t port)
{
	return (struct rig_packet){.from = WEB,
	    .to = DB,
	    .ipv6 = ipv6,
	    .protocol = IPPROTO_UDP,
	    .src_port = 4000,
	    .dst_port = port,
	    .payload = 32};
}

static bool passes(struct rig *r, struct rig_packet p)
{
	return rig_passes(r, &p, NULL, NULL);
}

static struct rig *create(void)
{
	struct rig *r = rig_create(&rig_one_worker);

	rig_publish(r, 0, 0, policy);
	rig_publish(r, 1, 0, policy);
	return r;
}

static unsigned noted(
    const struct rig *r, unsigned gw, uint32_t net, struct lm_dp_noted_info out[LM_DP_NOTED_MAX])
{
	return lm_dp_noted(r->gw[gw].dp, net, 0, out);
}

static uint32_t line_of(const struct rig *r, uint16_t member, enum lm_way way, uint16_t rule)
{
	return lm_policy_rule(r->rules[0][0], member, way, rule)->line;
}

static void is(const struct lm_dp_noted_info *note, bool ipv6, uint16_t port, enum lm_noted verdict,
    enum lm_way way, uint32_t line)
{
	struct lm_ip web = rig_ip(ipv6 ? "fd5a:10::10" : "100.64.10.10"),
		     db = rig_ip(ipv6 ? "fd5a:10::20" : "100.64.10.20");

	CU_ASSERT_EQUAL(note->protocol, IPPROTO_UDP);
	CU_ASSERT_TRUE(lm_ip_equal(&note->src, &web));
	CU_ASSERT_TRUE(lm_ip_equal(&note->dst, &db));
	CU_ASSERT_EQUAL(note->src_port, 4000);
	CU_ASSERT_EQUAL(note->dst_port, port);
	CU_ASSERT_EQUAL(note->verdict, verdict);
	CU_ASSERT_EQUAL(note->way, way);
	CU_ASSERT_EQUAL(note->line, line);
}

static void test_contents(void)
{
	struct lm_dp_noted_info out[LM_DP_NOTED_MAX];
	struct rig *r = create();

	CU_ASSERT_EQUAL(noted(r, 0, 0, out), 0);
	CU_ASSERT_FALSE(passes(r, udp(false, 54)));
	lm_dp_pass_time(r->gw[0].dp, 0, 3);
	CU_ASSERT_FALSE(passes(r, udp(true, 55)));
	CU_ASSERT_TRUE(passes(r, udp(false, 53)));
	CU_ASSERT_TRUE(passes(r, udp(false, 56)));
	CU_ASSERT_TRUE(passes(r, udp(false, 56)));
	struct rig_packet back = udp(false, 57);
	back.from = DB;
	back.to = WEB;
	CU_ASSERT_FALSE(passes(r, back));

	CU_ASSERT_EQUAL_FATAL(noted(r, 0, 0, out), 3);
	is(&out[0], true, 55, LM_NOTED_DENIED, LM_INGRESS, line_of(r, DB_MEMBER, LM_INGRESS, 0));
	is(&out[1], false, 54, LM_NOTED_DENIED, LM_EGRESS, line_of(r, WEB_MEMBER, LM_EGRESS, 0));
	is(&out[2], false, 56, LM_NOTED_ALLOWED, LM_INGRESS, line_of(r, DB_MEMBER, LM_INGRESS, 1));
	CU_ASSERT_EQUAL(out[0].ago_s, 0);
	CU_ASSERT_EQUAL(out[1].ago_s, 3);
	/* The other gateway saw what was let out, and what db wanted: no rule of its. */
	CU_ASSERT_EQUAL_FATAL(noted(r, 1, 0, out), 2);
	CU_ASSERT_EQUAL(out[0].way, LM_EGRESS);
	CU_ASSERT_EQUAL(out[0].line, 0);
	CU_ASSERT_EQUAL(out[0].dst_port, 57);
	is(&out[1], false, 56, LM_NOTED_ALLOWED, LM_INGRESS, line_of(r, DB_MEMBER, LM_INGRESS, 1));
	rig_end(r);
}

/* A flood is a few lines, and takes nobody else's place, however long it goes on. */
static void test_flood(void)
{
	struct lm_dp_noted_info out[LM_DP_NOTED_MAX];
	struct rig *r = create();
	struct rig_packet other = udp(false, 1);

	rig_publish(r, 0, 1, policy);
	other.from = TWIN;
	other.to = MIRROR;
	other.protocol = IPPROTO_ICMP;
	other.src_port = 8;
	CU_ASSERT_FALSE(passes(r, other));
	CU_ASSERT_TRUE(passes(r, udp(false, 56)));
	for (unsigned i = 0; i < 100; i++)
		CU_ASSERT_FALSE(passes(r, udp(false, 54)));
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_POLICY_EGRESS), 101);
	unsigned n = noted(r, 0, 0, out);
	/* And the one that is logged. */
	CU_ASSERT_TRUE(n > LM_NOTES_BURST && n < LM_NOTES_BURST + 5);
	for (unsigned i = 0; i < 1000; i++) {
		lm_dp_pass_time(r->gw[0].dp, 0, 1);
		CU_ASSERT_FALSE(passes(r, udp(false, 54)));
		CU_ASSERT_FALSE(passes(r, udp(false, 54)));
	}
	CU_ASSERT_EQUAL_FATAL(noted(r, 0, 0, out), LM_NOTES + 1);
	is(&out[LM_NOTES], false, 56, LM_NOTED_ALLOWED, LM_INGRESS,
	    line_of(r, DB_MEMBER, LM_INGRESS, 1));
	CU_ASSERT_EQUAL_FATAL(noted(r, 0, 1, out), 1);
	CU_ASSERT_EQUAL(out[0].protocol, IPPROTO_ICMP);
	CU_ASSERT_EQUAL(out[0].src_port + out[0].dst_port, 0);
	CU_ASSERT_EQUAL(out[0].ago_s, 1000);
	rig_end(r);
}

/* The last ones are kept. */
static void test_overwritten(void)
{
	struct lm_dp_noted_info out[LM_DP_NOTED_MAX];
	struct rig *r = create();

	for (unsigned i = 0; i < LM_NOTES + 44; i++) {
		struct rig_packet p = udp(false, 54);

		p.src_port = (uint16_t)(1000 + i);
		CU_ASSERT_FALSE(passes(r, p));
		lm_dp_pass_time(r->gw[0].dp, 0, 1);
	}
	CU_ASSERT_EQUAL_FATAL(noted(r, 0, 0, out), LM_NOTES);
	for (unsigned i = 0; i < LM_NOTES; i++)
		CU_ASSERT_EQUAL(out[i].src_port, 1000 + LM_NOTES + 43 - i);
	rig_end(r);
}

/* A network's notes outlive its publications, and end with it, whoever has its index then. */
static void test_another_network(void)
{
	struct lm_dp_noted_info out[LM_DP_NOTED_MAX];
	struct rig *r = create();

	CU_ASSERT_FALSE(passes(r, udp(false, 54)));
	rig_publish(r, 0, 0, policy);
	CU_ASSERT_EQUAL(noted(r, 0, 0, out), 1);
	lm_dp_network_remove(r->gw[0].dp, 0);
	CU_ASSERT_EQUAL(noted(r, 0, 0, out), 0);
	/* A publication waits for the workers, who are turned by hand here. */
	rig_run(r);
	rig_publish(r, 0, 0, policy);
	CU_ASSERT_EQUAL(noted(r, 0, 0, out), 0);
	CU_ASSERT_FALSE(passes(r, udp(false, 54)));
	CU_ASSERT_EQUAL(noted(r, 0, 0, out), 1);
	CU_ASSERT_EQUAL(lm_dp_noted(r->gw[0].dp, 0, 9999, out), 0);
	CU_ASSERT_EQUAL(lm_dp_noted(r->gw[0].dp, 9999, 0, out), 0);
	rig_end(r);
}

/* ---- control reads while a worker writes ------------------------------------- */

#define RACE_NOTES 3000000

struct race {
	struct rig *r;
	bool ended; /* written by the worker's thread */
};

static const struct lm_ep *ep_of(const struct lm_net *net, const char *ip)
{
	struct lm_ip addr = rig_ip(ip);

	return &net->eps[lm_net_route(net, lm_addr_of(&addr))];
}

static struct lm_pkt packet_of(const struct lm_worker *w, bool ipv6)
{
	const struct lm_net *net = w->nets[0];
	struct lm_pkt p = {.net = net, .proto = IPPROTO_UDP};
	uint64_t hash;

	p.src_ep = ep_of(net, "100.64.10.10");
	p.dst_ep = ep_of(net, "100.64.10.20");
	if (lm_flow_key_set(&p.key, &hash, ipv6 ? p.src_ep->addr6 : p.src_ep->addr4,
		ipv6 ? p.dst_ep->addr6 : p.dst_ep->addr4, rte_cpu_to_be_16(ipv6 ? 5000 : 20000),
		rte_cpu_to_be_16(ipv6 ? 55 : 54), 0, IPPROTO_UDP))
		p.flags = LM_PKT_FROM_B;
	return p;
}

/*
 * As fast as it can, so that notes change under the reader's hands: two kinds of packets by turns,
 * whose notes have no field in common.
 */
static void *race_worker(void *arg)
{
	static const struct lm_ruling rulings[] = {
	    {.verdict = LM_DENY_EGRESS, .egress = 0, .ingress = LM_RULE_UNASKED},
	    {.verdict = LM_DENY_INGRESS, .egress = 1, .ingress = 0}};
	struct race *race = arg;
	struct lm_worker *w = race->r->gw[0].dp->workers[0];
	const struct lm_pkt packets[] = {packet_of(w, false), packet_of(w, true)};

	for (unsigned i = 0; i < RACE_NOTES; i++) {
		w->now += w->dp->hz;
		/* Not by turns of the ring: each place has now the one, now the other. */
		unsigned kind = (i ^ i / LM_NOTES) & 1;
		lm_note_ruling(w, &packets[kind], false, &rulings[kind]);
	}
	__atomic_store_n(&race->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

/* No note is half of one packet and half of another. */
static bool is_whole(const struct rig *r, const struct lm_dp_noted_info *n)
{
	bool ipv6 = n->dst_port == 55;
	struct lm_ip web = rig_ip(ipv6 ? "fd5a:10::10" : "100.64.10.10"),
		     db = rig_ip(ipv6 ? "fd5a:10::20" : "100.64.10.20");
	uint32_t line =
	    ipv6 ? line_of(r, DB_MEMBER, LM_INGRESS, 0) : line_of(r, WEB_MEMBER, LM_EGRESS, 0);

	return (ipv6 || n->dst_port == 54) && (n->src_port < 20000) == ipv6 &&
	       lm_ip_equal(&n->src, &web) && lm_ip_equal(&n->dst, &db) && n->line == line &&
	       n->way == (ipv6 ? LM_INGRESS : LM_EGRESS) && n->protocol == IPPROTO_UDP &&
	       n->verdict == LM_NOTED_DENIED;
}

static void test_race(void)
{
	struct lm_dp_noted_info out[LM_DP_NOTED_MAX];
	struct race race = {.r = create()};
	uint64_t read = 0, torn = 0;
	pthread_t thread;

	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, race_worker, &race), 0);
	while (!__atomic_load_n(&race.ended, __ATOMIC_ACQUIRE)) {
		unsigned n = noted(race.r, 0, 0, out);
		read += n;
		for (unsigned i = 0; i < n; i++)
			torn += !is_whole(race.r, &out[i]);
	}
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(torn, 0);
	CU_ASSERT_TRUE(read > 0);
	CU_ASSERT_EQUAL(noted(race.r, 0, 0, out), LM_NOTES);
	rig_end(race.r);
}

LM_SUITE("dp_notes", {"contents", test_contents}, {"flood", test_flood},
    {"overwritten", test_overwritten}, {"another network", test_another_network},
    {"race", test_race})
