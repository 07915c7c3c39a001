/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/rest.h"

#include <errno.h>
#include <sched.h>
#include <time.h>
#include <rte_cycles.h>
#include "dataplane/worker.h"

/* Long enough for a nap to pay at 40,000 packets a second; a round trip has four at most. */
#define NAP_US 100
/* One wait for each of these, and packets may come fast enough. */
#define BRISK_US 250

static int schedule(int priority)
{
	const struct sched_param param = {.sched_priority = priority};

	return sched_setscheduler(0, priority > 0 ? SCHED_FIFO : SCHED_OTHER, &param) < 0 ? -errno
											  : 0;
}

int lm_dp_realtime_allowed(unsigned priority)
{
	struct sched_param before;
	int policy = sched_getscheduler(0);

	if (policy < 0 || sched_getparam(0, &before) < 0)
		return -errno;
	int err = schedule((int)priority);
	if (err == 0 && sched_setscheduler(0, policy, &before) < 0)
		err = -errno;
	return err;
}

void lm_rest_init(struct lm_rest *r, int priority, uint64_t now, uint64_t hz)
{
	*r = (struct lm_rest){.priority = priority,
	    .ms = hz / 1000,
	    .turn = priority > 0 ? now : UINT64_MAX,
	    .brisk = hz / 1000000 * BRISK_US,
	    .patience = LM_REST_PATIENCE,
	    .since = now};
}

void lm_rest_turn(struct lm_rest *r, uint64_t now, bool busy)
{
	bool realtime = !r->realtime && !busy;

	if (realtime != r->realtime && schedule(realtime ? r->priority : 0) == 0)
		r->realtime = realtime;
	r->turn = now + (r->realtime ? LM_REST_TURN_MS : LM_REST_YIELD_MS) * r->ms;
}

/* True: it may take another one. */
static bool keep_napping(struct lm_rest *r, uint64_t now, uint64_t gathered)
{
	if (gathered >= LM_REST_PAYS) {
		r->naps = LM_REST_NAPS;
		r->patience = LM_REST_PATIENCE;
	} else if (--r->naps == 0) {
		r->waits = 0;
		r->since = now;
	}
	return r->naps > 0;
}

bool lm_rest_nap(struct lm_rest *r, uint64_t now, uint64_t packets)
{
	uint64_t gathered = packets - r->packets;

	r->packets = packets;
	if (r->naps > 0)
		return keep_napping(r, now, gathered);
	if (++r->waits < r->patience)
		return false;
	bool brisk = now - r->since < r->waits * r->brisk;
	r->naps = brisk ? LM_REST_NAPS : 0;
	r->patience = brisk ? RTE_MIN(2 * r->patience, LM_REST_PATIENCE_MAX) : LM_REST_PATIENCE;
	r->waits = 0;
	r->since = now;
	return brisk;
}

void lm_rest_take(struct lm_rest *r, struct lm_worker *w)
{
	const struct timespec nap = {.tv_nsec = NAP_US * 1000};

	if (unlikely(r->priority > 0 && !r->realtime))
		lm_rest_turn(r, w->now, false);
	if (r->realtime && lm_rest_nap(r, w->now, w->c.rx + w->c.handed_in))
		nanosleep(&nap, NULL);
	else
		lm_worker_sleep(w);
	if (r->realtime)
		r->turn = rte_rdtsc() + w->skew + LM_REST_TURN_MS * r->ms;
}
