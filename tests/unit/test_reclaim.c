/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <pthread.h>
#include <rte_rcu_qsbr.h>
#include "dataplane/reclaim.h"

static unsigned freed;

static void count(void *what)
{
	CU_ASSERT_PTR_NOT_NULL(what);
	freed++;
}

static void test_poll(void)
{
	struct lm_reclaim r;

	CU_ASSERT_EQUAL_FATAL(lm_reclaim_init(&r, 1), 0);
	freed = 0;
	rte_rcu_qsbr_thread_register(r.qsbr, 0);
	rte_rcu_qsbr_thread_online(r.qsbr, 0);
	lm_retire(&r, &r, count);
	lm_retire(&r, NULL, count);
	lm_reclaim_poll(&r);
	CU_ASSERT_EQUAL(freed, 0);
	rte_rcu_qsbr_quiescent(r.qsbr, 0);
	lm_reclaim_poll(&r);
	CU_ASSERT_EQUAL(freed, 1);
	/* A worker that sleeps holds nothing. */
	rte_rcu_qsbr_thread_offline(r.qsbr, 0);
	lm_retire(&r, &r, count);
	lm_reclaim_wait(&r);
	CU_ASSERT_EQUAL(freed, 2);
	rte_rcu_qsbr_thread_online(r.qsbr, 0);
	lm_retire(&r, &r, count);
	lm_reclaim_fini(&r);
	CU_ASSERT_EQUAL(freed, 3);
}

struct worker {
	struct lm_reclaim *r;
	unsigned held; /* what was freed when the burst ended */
};

/* In the middle of a burst, while control waits. */
static void *burst(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < 1000; i++)
		sched_yield();
	w->held = __atomic_load_n(&freed, __ATOMIC_ACQUIRE);
	rte_rcu_qsbr_quiescent(w->r->qsbr, 0);
	return NULL;
}

static void test_wait(void)
{
	struct lm_reclaim r;
	struct worker w = {.r = &r};
	pthread_t thread;

	CU_ASSERT_EQUAL_FATAL(lm_reclaim_init(&r, 1), 0);
	freed = 0;
	lm_reclaim_wait(&r); /* for nothing */
	rte_rcu_qsbr_thread_register(r.qsbr, 0);
	rte_rcu_qsbr_thread_online(r.qsbr, 0);
	lm_retire(&r, &r, count);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, burst, &w), 0);
	lm_reclaim_wait(&r);
	CU_ASSERT_EQUAL(freed, 1);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(w.held, 0);
	lm_reclaim_fini(&r);
}

LM_SUITE("reclaim", {"poll", test_poll}, {"wait", test_wait})
