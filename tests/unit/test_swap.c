/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes without a gap: while two workers carry flows as fast as they can, control
 * publishes one of the networks thousands of times, in turns with other rules and
 * with members and endpoints at other indices. No packet that both manifests allow
 * may be lost, late or at the wrong workload, and none may pass that neither of
 * them allows: what one lets out, the other lets in.
 *
 * Gateway 0 has threads. A further one is the outside: it feeds both gateways, is the
 * wire between them, turns gateway 1, which allows everything, and counts.
 */
#include <malloc.h>
#include <sched.h>
#include <unistd.h>
#include <rte_ether.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include "dataplane/bench.h"
#include "dataplane/dp.h"
#include "dataplane/tcp.h"
#include "dp_fixture.h"
#include "packet/frame.h"

enum { SWAPS = 4000, EXACT_EVERY = 200, WINDOW = 512, LANES = 8, FIRST_PORT = 10000 };
/* Packets a swap, at least: threads may have to wait for a processor. */
enum { PACE = 11 };
/* What one of the tables takes is ten times that, at least. */
enum { LEAKED = 128 };

/* ---- two manifests --------------------------------------------------------- */

#define MEMBER(name, number, provider, host) \
	"  - name: " name "\n" \
	"    deployment: " number "\n" \
	"    endpoints: [{provider: " provider ", ipv4: 100.64.10." host \
	", ipv6: \"fd5a:10::" host "\"}]\n"
#define WEB_IS MEMBER("web", "1", "a", "10")
#define APP_IS MEMBER("app", "2", "a", "11")
#define DB_IS MEMBER("db", "3", "b", "20")
#define CACHE_IS MEMBER("cache", "4", "b", "21")
#define RULES(way, peers, ports) \
	"    " way ", protocol: udp, ports: [" ports "]}, {" peers ", protocol: tcp}]\n"
#define OUT(to, ports) RULES("egress: [{to: " to, "to: " to, ports)
#define IN(from, ports) RULES("ingress: [{from: " from, "from: " from, ports)

enum { RESET = 4000, KEPT = 5000, FLIPS = 6000, NEVER = 7000 };

static const char *const manifests[2] = {
    WEB_IS OUT("[app, db]", "5000, 6000, 7000") IN("db", "5000, 6000") APP_IS IN(
	"web", "5000, 6000") DB_IS OUT("web", "5000, 6000, 7000") IN("web", "5000, 6000") CACHE_IS,
    DB_IS OUT("web", "5000") IN("web", "5000, 6000, 7000") CACHE_IS WEB_IS OUT("[app, db]", "5000")
	IN("db", "5000, 6000, 7000") APP_IS IN("web", "5000, 6000, 7000"),
};
static const char lax[] = WEB_IS APP_IS DB_IS CACHE_IS "policy: {default: allow}\n";

/* ---- flows ------------------------------------------------------------------ */

struct flow {
	struct rig_packet packet;
	size_t len, tag; /* where the number is in the frame */
	uint8_t frame[256];
	uint32_t sent, got, last; /* last: the highest number that came */
	bool exact; /* one more has to come */
};

struct outside {
	struct rig *r;
	struct flow *flows;
	unsigned n;
	uint64_t late, strayed, strange; /* out of order; at the wrong workload; nobody's */
	uint64_t sent; /* control reads it */
	uint64_t got;
	uint32_t ended; /* set by control */
	uint32_t asked, answered; /* questions about what is published now, by number */
	uint32_t allowed; /* set by control: what flips passes */
	uint32_t wrong; /* exact answers that were not as they should be */
};

static const struct {
	enum rig_host_id from, to;
	uint16_t port;
} kinds[] = {
    {WEB, APP, KEPT}, {WEB, APP, FLIPS}, {WEB, APP, NEVER}, /* delivered here */
    {WEB, DB, KEPT}, {WEB, DB, FLIPS}, {WEB, DB, NEVER}, /* into a tunnel */
    {DB, WEB, KEPT}, {DB, WEB, FLIPS}, {DB, WEB, NEVER}, /* out of one */
    {WEB, APP, RESET}, {WEB, DB, RESET}, {DB, WEB, RESET}, /* leave no flow: judged each time */
    {TWIN, MIRROR, 53}, {TWIN, MIRROR, 54}, /* the network that stays */
};

/* Bytes before a number. */
static unsigned header(const struct lm_frame *f)
{
	return f->protocol == IPPROTO_TCP ? 20 : 8;
}

static void make_flows(struct outside *o)
{
	o->n = RTE_DIM(kinds) * LANES;
	o->flows = calloc(o->n, sizeof(*o->flows));
	for (unsigned i = 0; i < o->n; i++) {
		struct flow *f = &o->flows[i];
		unsigned kind = i % RTE_DIM(kinds);
		struct lm_frame parsed;

		bool reset = kinds[kind].port == RESET;

		f->packet = (struct rig_packet){.from = kinds[kind].from,
		    .to = kinds[kind].to,
		    .protocol = reset ? IPPROTO_TCP : IPPROTO_UDP,
		    .tcp_flags = reset ? LM_TCP_RST : 0,
		    .src_port = (uint16_t)(FIRST_PORT + i),
		    .dst_port = kinds[kind].port,
		    .payload = 32};
		f->len = rig_build(o->r, f->frame, &f->packet);
		CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&parsed, f->frame, f->len), 0);
		f->tag = (size_t)(parsed.l4 + header(&parsed) - f->frame);
	}
}

static bool is_kept(const struct flow *f)
{
	return f->packet.dst_port != FLIPS && f->packet.dst_port != NEVER;
}

/* ---- the outside, a thread ----------------------------------------------------- */

static void send_one(struct outside *o, struct flow *f)
{
	f->sent++;
	__atomic_store_n(&o->sent, o->sent + 1, __ATOMIC_RELAXED);
	memcpy(f->frame + f->tag, &f->sent, sizeof(f->sent));
	rig_send(o->r, f->packet.from, f->frame, f->len);
}

static void receive(struct outside *o, const uint8_t *frame, size_t len)
{
	struct lm_frame parsed;
	uint32_t number;

	if (lm_frame_parse(&parsed, frame, len) != 0 || parsed.l4_len < 24) {
		o->strange++;
		return;
	}
	unsigned i = (unsigned)(parsed.l4[0] << 8 | parsed.l4[1]) - FIRST_PORT;
	if (i >= o->n) {
		o->strange++;
		return;
	}
	struct flow *f = &o->flows[i];
	memcpy(&number, parsed.l4 + header(&parsed), sizeof(number));
	o->late += number <= f->last;
	o->strayed += memcmp(frame, rig_hosts[f->packet.to].mac.b, RTE_ETHER_ADDR_LEN) != 0;
	f->last = number;
	f->got++;
	o->got++;
}

/* Everything that is on its way goes one step on. */
static void turn(struct outside *o)
{
	uint8_t frame[RIG_FRAME_MAX];
	struct rig *r = o->r;
	struct rte_mbuf *m;
	size_t len;

	lm_dp_poll_once(r->gw[1].dp, 0);
	for (unsigned g = 0; g < 2; g++) {
		struct rig_port *under = &r->gw[g].under;

		for (unsigned q = 0; q < under->n_queues; q++)
			while (rte_ring_dequeue(under->tx[q], (void **)&m) == 0) {
				rig_put(r, !g, &r->gw[!g].under, rte_pktmbuf_mtod(m, void *),
				    rte_pktmbuf_data_len(m), -1);
				rte_pktmbuf_free(m);
			}
		while ((len = rig_take(r, g, frame)) > 0)
			receive(o, frame, len);
	}
}

static uint64_t drops(const struct rig *r)
{
	uint64_t sum = 0;

	for (unsigned g = 0; g < 2; g++) {
		struct lm_counters c;

		lm_dp_counters(r->gw[g].dp, -1, &c);
		for (unsigned i = 0; i < LM_DROP_MAX; i++)
			sum += c.drops[i];
	}
	return sum;
}

static uint64_t under_way(const struct outside *o)
{
	return o->sent - o->got - drops(o->r);
}

static void drain(struct outside *o)
{
	while (under_way(o) > 0) {
		turn(o);
		sched_yield();
	}
}

/* Nothing is under way and nothing is published meanwhile: now it is known who must pass. */
static void ask_exactly(struct outside *o)
{
	drain(o);
	for (unsigned i = 0; i < o->n; i++) {
		o->flows[i].exact =
		    is_kept(&o->flows[i]) || (o->allowed && o->flows[i].packet.dst_port == FLIPS);
		send_one(o, &o->flows[i]);
	}
	drain(o);
	for (unsigned i = 0; i < o->n; i++)
		o->wrong += o->flows[i].exact != (o->flows[i].last == o->flows[i].sent);
}

static int outside(void *arg)
{
	struct outside *o = arg;
	unsigned next = 0;

	while (!__atomic_load_n(&o->ended, __ATOMIC_ACQUIRE)) {
		uint32_t asked = __atomic_load_n(&o->asked, __ATOMIC_ACQUIRE);

		if (asked != o->answered) {
			ask_exactly(o);
			__atomic_store_n(&o->answered, asked, __ATOMIC_RELEASE);
		}
		uint64_t room = WINDOW - under_way(o);
		for (; room > 0; room--)
			send_one(o, &o->flows[next++ % o->n]);
		/* There are more threads than processors. */
		sched_yield();
		turn(o);
	}
	drain(o);
	return 0;
}

/* ---- control ---------------------------------------------------------------------- */

static void await_answer(struct outside *o, unsigned which)
{
	o->allowed = which == 0;
	uint32_t question = o->asked + 1;
	__atomic_store_n(&o->asked, question, __ATOMIC_RELEASE);
	while (__atomic_load_n(&o->answered, __ATOMIC_ACQUIRE) != question)
		sched_yield();
}

static size_t heap(void)
{
	return mallinfo2().uordblks; /* 0 with a sanitizer, which finds leaks itself */
}

static void check_flows(const struct outside *o)
{
	uint64_t refused = 0, flipped = 0, kept = 0;

	for (unsigned i = 0; i < o->n; i++) {
		const struct flow *f = &o->flows[i];

		if (is_kept(f)) {
			CU_ASSERT_EQUAL(f->got, f->sent);
			kept += f->got;
		} else if (f->packet.dst_port == NEVER) {
			CU_ASSERT_EQUAL(f->got, 0);
		} else {
			flipped += f->got;
		}
		refused += f->sent - f->got;
	}
	/* Both sides of the change were seen, and no packet was refused for anything else. */
	CU_ASSERT_TRUE(kept > SWAPS && flipped > 0 && refused > flipped);
	CU_ASSERT_EQUAL(drops(o->r), refused);
	CU_ASSERT_EQUAL(
	    rig_drops(o->r, 0, LM_DROP_POLICY_EGRESS) + rig_drops(o->r, 0, LM_DROP_POLICY_INGRESS),
	    refused);
	CU_ASSERT_EQUAL(o->late, 0);
	CU_ASSERT_EQUAL(o->strayed, 0);
	CU_ASSERT_EQUAL(o->strange, 0);
	CU_ASSERT_EQUAL(o->wrong, 0);
}

static void test_swap(void)
{
	static const struct rig_options options = {.workers = {2, 1}};
	struct rig *r = rig_create(&options);
	struct outside o = {.r = r};
	struct lm_dp_worker_arg args[2];
	unsigned lcore = rte_get_next_lcore(-1, 1, 0);

	alarm(500);
	rig_publish(r, 1, 0, lax);
	rig_publish(r, 0, 0, manifests[0]);
	make_flows(&o);
	/* What comes back is sent again at once: however slow workers are, that is no overload. */
	for (unsigned g = 0; g < 2; g++)
		lm_dp_bench_endless(r->gw[g].dp);
	for (unsigned w = 0; w < 2; w++) {
		args[w] = (struct lm_dp_worker_arg){.dp = r->gw[0].dp, .index = w};
		CU_ASSERT_EQUAL_FATAL(rte_eal_remote_launch(lm_dp_worker_main, &args[w], lcore), 0);
		lcore = rte_get_next_lcore(lcore, 1, 0);
	}
	CU_ASSERT_EQUAL_FATAL(rte_eal_remote_launch(outside, &o, lcore), 0);
	await_answer(&o, 0);
	lm_reclaim_wait(&r->gw[0].dp->reclaim);
	size_t before = heap();
	for (unsigned i = 1; i <= SWAPS; i++) {
		rig_publish(r, 0, 0, manifests[i % 2]);
		while (__atomic_load_n(&o.sent, __ATOMIC_RELAXED) < (uint64_t)i * PACE)
			sched_yield();
		if (i % EXACT_EVERY < 2)
			await_answer(&o, i % 2);
	}
	/* What was replaced is gone as soon as the workers have gone on. */
	lm_reclaim_wait(&r->gw[0].dp->reclaim);
	size_t after = heap();
	CU_ASSERT_TRUE(after < before + SWAPS * LEAKED);
	__atomic_store_n(&o.ended, 1, __ATOMIC_RELEASE);
	rte_eal_wait_lcore(lcore);
	lm_dp_stop(r->gw[0].dp);
	rte_eal_mp_wait_lcore();
	check_flows(&o);
	alarm(0);
	free(o.flows);
	rig_end(r);
}

LM_SUITE("swap", {"swap", test_swap})
