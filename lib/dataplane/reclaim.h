/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deferred free: what was published and replaced is freed after every worker has
 * passed a quiescent state. Control lcore only.
 */
#ifndef LM_DATAPLANE_RECLAIM_H
#define LM_DATAPLANE_RECLAIM_H

#include <stdint.h>
#include <sys/queue.h>

struct rte_rcu_qsbr;

struct lm_retired {
	STAILQ_ENTRY(lm_retired) next;
	uint64_t token;
	void (*free)(void *);
	void *what;
};

struct lm_reclaim {
	struct rte_rcu_qsbr *qsbr;
	STAILQ_HEAD(, lm_retired) waiting; /* oldest first */
	unsigned n;
};

int lm_reclaim_init(struct lm_reclaim *r, unsigned n_workers);
/* No worker runs any more: frees everything. */
void lm_reclaim_fini(struct lm_reclaim *r);
/* what is no longer published. NULL is allowed. Frees what has waited long enough, too. */
void lm_retire(struct lm_reclaim *r, void *what, void (*free)(void *));
/* Frees what has waited long enough. Never blocks, as the above. */
void lm_reclaim_poll(struct lm_reclaim *r);
/* Blocks until every worker has let go of everything: for the length of a burst, usually not at
 * all. */
void lm_reclaim_wait(struct lm_reclaim *r);

#endif
