/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a worker with nothing to do rests, and when it is a real-time thread. Belongs to one worker.
 *
 * Where threads share processors, a worker that is woken waits until those that run have had
 * their turn, milliseconds for each hop of a packet. So it is a real-time thread (SCHED_FIFO): it
 * runs when its packets are there. Two things would be bad about that, and are bounded here:
 *
 * - It wakes for each packet, and takes the processor from who is about to send the next. So where
 *   packets come fast it does not wait for the first one but naps, and finds several. Whether they
 *   do, a few naps now and then tell: if they gather nothing, as between a question and its
 *   answer, packets are waited for again, and the next naps are tried later each time.
 * - A worker that is sent more than it can carry would never leave its processor to others. So
 *   whoever has had no rest for LM_REST_TURN_MS is an ordinary thread for LM_REST_YIELD_MS. (Not
 *   until it rests: as an ordinary thread it might never come so far, for want of time.)
 */
#ifndef LM_DATAPLANE_REST_H
#define LM_DATAPLANE_REST_H

#include <stdbool.h>
#include <stdint.h>
#include <rte_branch_prediction.h>

struct lm_worker;

struct lm_rest {
	uint64_t ms; /* in cycles */
	uint64_t turn; /* cycles: when to become an ordinary thread, or a real-time one again */
	uint64_t brisk; /* cycles: waits that last no longer are reason to try naps */
	int priority; /* as a real-time thread; 0: never one */
	bool realtime; /* it is one now */
	unsigned naps; /* that it may still take though they do not pay; 0: it waits */
	unsigned waits; /* since it napped */
	unsigned patience; /* so many waits until it tries naps */
	uint64_t since; /* cycles: when these began */
	uint64_t packets; /* that had come before the last rest */
};

#define LM_REST_TURN_MS 40
#define LM_REST_YIELD_MS 10
#define LM_REST_NAPS 8
#define LM_REST_PATIENCE 64u
#define LM_REST_PATIENCE_MAX 1024u
#define LM_REST_PAYS 4 /* packets that a nap must gather */

/* now in cycles, hz of them a second. */
void lm_rest_init(struct lm_rest *r, int priority, uint64_t now, uint64_t hz);
/* Before a rest; packets: that have come to this worker until now. True: nap, do not wait. */
bool lm_rest_nap(struct lm_rest *r, uint64_t now, uint64_t packets);
/* Sleeps: a nap, or until there is something to do. On the worker's thread. */
void lm_rest_take(struct lm_rest *r, struct lm_worker *w);
/* After each round: is it to be scheduled as something else? */
static inline bool lm_rest_due(const struct lm_rest *r, uint64_t now)
{
	return unlikely(now >= r->turn);
}
/* Then. On the worker's thread. Who never sleeps (busy) is an ordinary thread. */
void lm_rest_turn(struct lm_rest *r, uint64_t now, bool busy);

#endif
