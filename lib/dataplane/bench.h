/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For benchmarks and tests: what nobody calls in a running gateway. Control lcore,
 * except lm_dp_poll_once.
 */
#ifndef LM_DATAPLANE_BENCH_H
#define LM_DATAPLANE_BENCH_H

#include "dataplane/dataplane.h"

/*
 * A capture that is played for ever repeats its sequence numbers. From now on this inbound lane
 * takes a replay for the start of the next round: it forgets its window and counts no replay. The
 * check itself stays in the path and costs what it costs.
 */
void lm_dp_bench_loop(struct lm_dp *dp, uint32_t spi);
/*
 * From now on the workers' cipher changes nothing, and every tag is zero: what is left is our own
 * path. Before any packet; both ends of a tunnel, or neither.
 */
void lm_dp_bench_null_cipher(struct lm_dp *dp);
/*
 * One round of a worker, without the aging of flows, whose share of a round is a matter of time:
 * the same packets take the same instructions. Returns how many packets moved.
 */
unsigned lm_dp_bench_round(struct lm_dp *dp, unsigned worker);
/*
 * Before the workers run: queues that are always full are no overload, for what is played for ever
 * does not become less by dropping it.
 */
void lm_dp_bench_endless(struct lm_dp *dp);
/* One round of a worker by hand. Returns how many packets moved. */
unsigned lm_dp_poll_once(struct lm_dp *dp, unsigned worker);
/* Lets seconds pass for a worker's flow table and limits. */
void lm_dp_pass_time(struct lm_dp *dp, unsigned worker, unsigned seconds);
void lm_dp_pass_us(struct lm_dp *dp, unsigned worker, uint64_t us);
/* Sets the next sequence number of an outbound lane. */
int lm_dp_set_sequence(struct lm_dp *dp, uint32_t net, uint32_t peer, uint8_t lane, uint64_t next);
/* What its ports receive into. */
struct rte_mempool *lm_dp_pool(const struct lm_dp *dp, unsigned worker);

#endif
