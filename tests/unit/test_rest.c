/* SPDX-License-Identifier: Apache-2.0 */
/* How a worker rests, on a reckoned clock, and what its thread is scheduled as. */
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "dataplane/rest.h"
#include "dataplane/worker.h"
#include "dp_rig.h"
#include "suite.h"

#define HZ UINT64_C(1000000000)
#define US (HZ / 1000000)
#define MS (HZ / 1000)
#define NAP (100 * US)

struct sleeper {
	struct lm_rest r;
	uint64_t now, packets;
	unsigned naps, waits;
};

static void sleeper_init(struct sleeper *s)
{
	*s = (struct sleeper){.now = HZ};
	lm_rest_init(&s->r, 1, s->now, HZ);
}

/* So many rests, with a packet each gap: who waits sleeps until the next one. */
static void rests(struct sleeper *s, unsigned n, uint64_t gap)
{
	s->naps = s->waits = 0;
	for (unsigned i = 0; i < n; i++) {
		bool nap = lm_rest_nap(&s->r, s->now, s->packets);

		s->now += nap ? RTE_MAX(NAP, gap) : gap;
		s->packets += nap ? RTE_MAX(NAP / gap, 1u) : 1;
		*(nap ? &s->naps : &s->waits) += 1;
	}
}

/* A nap for each packet of a conversation would double its round trips. */
static void test_conversation(void)
{
	struct sleeper s;

	sleeper_init(&s);
	rests(&s, 20000, 60 * US);
	CU_ASSERT(s.naps > 0 && s.naps <= 20000 / 50);
	/* Nor does it nap at rest. */
	sleeper_init(&s);
	rests(&s, 5000, 10 * MS);
	CU_ASSERT_EQUAL(s.naps, 0);
}

static void test_stream(void)
{
	struct sleeper s;

	sleeper_init(&s);
	rests(&s, 1000, 10 * US);
	CU_ASSERT_EQUAL(s.waits, LM_REST_PATIENCE - 1);
	rests(&s, 1000, 10 * US);
	CU_ASSERT_EQUAL(s.waits, 0);
	/* Too slow for naps to pay, and it waits for each packet again. */
	rests(&s, 1000, 50 * US);
	CU_ASSERT(s.naps < 100);
	/* However often they were useless, naps are tried, and soon once they pay. */
	rests(&s, 20000, 50 * US);
	CU_ASSERT_EQUAL(s.r.patience, LM_REST_PATIENCE_MAX);
	rests(&s, 2 * LM_REST_PATIENCE_MAX, 10 * US);
	CU_ASSERT(s.naps > LM_REST_PATIENCE_MAX / 2);
	CU_ASSERT_EQUAL(s.r.patience, LM_REST_PATIENCE);
}

/* The sender did not get a processor for a moment, or for good. */
static void test_silence(void)
{
	struct sleeper s;

	sleeper_init(&s);
	rests(&s, 100, 10 * US);
	for (unsigned i = 0; i < LM_REST_NAPS - 1; i++)
		CU_ASSERT_TRUE(lm_rest_nap(&s.r, s.now += NAP, s.packets));
	s.packets += LM_REST_PAYS;
	for (unsigned i = 0; i < LM_REST_NAPS; i++)
		CU_ASSERT_TRUE(lm_rest_nap(&s.r, s.now += NAP, s.packets));
	CU_ASSERT_FALSE(lm_rest_nap(&s.r, s.now += NAP, s.packets));
}

static bool is_realtime(void)
{
	struct sched_param p;

	CU_ASSERT_EQUAL(sched_getparam(0, &p), 0);
	return sched_getscheduler(0) == SCHED_FIFO && p.sched_priority == 1;
}

/* Real-time threads that never rest would leave nothing to others. */
static void test_turns(void)
{
	struct lm_rest r;
	uint64_t now = HZ;

	CU_ASSERT_EQUAL_FATAL(lm_dp_realtime_allowed(1), 0); /* as root, tests/run does so */
	CU_ASSERT_EQUAL(sched_getscheduler(0), SCHED_OTHER);
	lm_rest_init(&r, 1, now, HZ);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_FATAL(lm_rest_due(&r, now));
		lm_rest_turn(&r, now, false);
		CU_ASSERT_TRUE(is_realtime());
		CU_ASSERT_FALSE(lm_rest_due(&r, now + LM_REST_TURN_MS * MS - 1));
		now += LM_REST_TURN_MS * MS;
		CU_ASSERT_FATAL(lm_rest_due(&r, now));
		lm_rest_turn(&r, now, false);
		CU_ASSERT_FALSE(is_realtime());
		CU_ASSERT_FALSE(lm_rest_due(&r, now + LM_REST_YIELD_MS * MS - 1));
		now += LM_REST_YIELD_MS * MS;
	}
	/* A real-time one that is told to poll without end, and from then on. */
	lm_rest_turn(&r, now, false);
	for (unsigned i = 0; i < 3; i++) {
		lm_rest_turn(&r, now, true);
		CU_ASSERT_FALSE(is_realtime());
	}
	lm_rest_init(&r, 0, now, HZ);
	CU_ASSERT_FALSE(lm_rest_due(&r, UINT64_MAX - 1));
}

/* A rest begins a new turn; with priority 0 nothing is changed. */
static void test_take(void)
{
	struct rig_options o = {.workers = {3, 1}, .queues = {1, 1}};
	struct rig *r = rig_create(&o);
	struct lm_worker *w = r->gw[0].dp->workers[2];
	struct lm_rest rest;

	CU_ASSERT_EQUAL_FATAL(w->n_rxq, 0);
	struct rte_mbuf *m = rte_pktmbuf_alloc(lm_dp_pool(r->gw[0].dp, 0));
	*lm_meta(m) = (struct lm_meta){.kind = LM_RING_TX, .port = 0};
	CU_ASSERT_EQUAL(rte_ring_enqueue(w->from[0], m), 0); /* lest it sleeps for ever */
	uint64_t hz = r->gw[0].dp->hz, begin = rte_rdtsc();
	lm_rest_init(&rest, 0, begin, hz);
	lm_rest_take(&rest, w);
	CU_ASSERT_FALSE(rest.realtime || is_realtime());
	CU_ASSERT_EQUAL(rest.turn, UINT64_MAX);
	lm_rest_init(&rest, 1, begin, hz);
	w->now = begin;
	lm_rest_take(&rest, w);
	CU_ASSERT_TRUE(rest.realtime && is_realtime());
	CU_ASSERT(rest.turn > begin + LM_REST_TURN_MS * rest.ms);
	lm_rest_turn(&rest, rest.turn, false);
	CU_ASSERT_FALSE(is_realtime());
	rig_run(r);
	rig_drain(r, 0);
	rig_free(r);
}

/* Who may not have such threads is told, and stays what it was. */
static void test_forbidden(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		const struct rlimit none = {0, 0};

		if (setrlimit(RLIMIT_RTPRIO, &none) < 0 || setuid(65534) < 0)
			_exit(2);
		_exit(lm_dp_realtime_allowed(1) != -EPERM || sched_getscheduler(0) != SCHED_OTHER);
	}
	int status = -1;
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

LM_SUITE("rest", {"conversation", test_conversation}, {"stream", test_stream},
    {"silence", test_silence}, {"turns", test_turns}, {"take", test_take},
    {"forbidden", test_forbidden})
