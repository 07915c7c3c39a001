/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/lines.h"
#include "dataplane/reclaim.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <rte_common.h>
#include <rte_rcu_qsbr.h>

int lm_reclaim_init(struct lm_reclaim *r, unsigned n_workers)
{
	size_t size = rte_rcu_qsbr_get_memsize(n_workers);

	STAILQ_INIT(&r->waiting);
	r->n = 0;
	r->qsbr = lm_lines_alloc(size);
	if (!r->qsbr)
		return -ENOMEM;
	return rte_rcu_qsbr_init(r->qsbr, n_workers) == 0 ? 0 : -EINVAL;
}

static void free_oldest(struct lm_reclaim *r)
{
	struct lm_retired *oldest = STAILQ_FIRST(&r->waiting);

	STAILQ_REMOVE_HEAD(&r->waiting, next);
	r->n--;
	oldest->free(oldest->what);
	free(oldest);
}

void lm_reclaim_fini(struct lm_reclaim *r)
{
	while (r->qsbr && !STAILQ_EMPTY(&r->waiting))
		free_oldest(r);
	free(r->qsbr);
	r->qsbr = NULL;
}

void lm_retire(struct lm_reclaim *r, void *what, void (*free_it)(void *))
{
	struct lm_retired *entry;

	lm_reclaim_poll(r);
	if (!what)
		return;
	uint64_t token = rte_rcu_qsbr_start(r->qsbr);
	entry = malloc(sizeof *entry);
	if (!entry) {
		/* Rather wait for the workers than leak or free under their hands. */
		rte_rcu_qsbr_check(r->qsbr, token, true);
		free_it(what);
		return;
	}
	*entry = (struct lm_retired){.token = token, .free = free_it, .what = what};
	STAILQ_INSERT_TAIL(&r->waiting, entry, next);
	r->n++;
}

void lm_reclaim_poll(struct lm_reclaim *r)
{
	while (!STAILQ_EMPTY(&r->waiting) &&
	       rte_rcu_qsbr_check(r->qsbr, STAILQ_FIRST(&r->waiting)->token, false) == 1)
		free_oldest(r);
}

void lm_reclaim_wait(struct lm_reclaim *r)
{
	for (lm_reclaim_poll(r); !STAILQ_EMPTY(&r->waiting); lm_reclaim_poll(r))
		sched_yield(); /* the worker may need this very processor to get on */
}
