/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/sa.h"

#include <errno.h>
#include <stdlib.h>
#include <rte_bitops.h>
#include <rte_common.h>
#include <rte_random.h>

int lm_sa_table_init(struct lm_sa_table *t, uint32_t limit)
{
	/* Twice the limit: slots rest as long as possible before they are used again. */
	uint32_t n = rte_align32pow2(RTE_MAX(limit, 8u) * 2);

	if (limit == 0 || limit > UINT32_C(1) << 22)
		return -EINVAL;
	*t = (struct lm_sa_table){.mask = n - 1, .limit = limit};
	t->bits = (uint8_t)rte_log2_u32(n);
	t->slots = calloc(n, sizeof(struct lm_sa_in *));
	t->versions = calloc(n, sizeof *t->versions);
	if (!t->slots || !t->versions) {
		lm_sa_table_free(t);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < n; i++)
		t->versions[i] = (uint32_t)rte_rand();
	t->next = (uint32_t)rte_rand();
	return 0;
}

void lm_sa_table_free(struct lm_sa_table *t)
{
	for (uint32_t i = 0; t->slots && i <= t->mask; i++)
		lm_sa_in_free(t->slots[i]);
	free(t->slots);
	free(t->versions);
	t->slots = NULL;
	t->versions = NULL;
}

struct lm_tunnel *lm_tunnel_hold(struct lm_tunnels *tunnels, uint32_t net, uint32_t peer)
{
	uint64_t id = (uint64_t)net << 32 | peer;
	struct lm_tunnel *t;

	HASH_FIND(hh, tunnels->by_id, &id, sizeof id, t);
	if (!t) {
		t = calloc(1, sizeof *t);
		if (!t)
			return NULL;
		t->net = net;
		t->peer = peer;
		t->id = id;
		t->registry = tunnels;
		HASH_ADD(hh, tunnels->by_id, id, sizeof id, t);
	}
	t->holders++;
	return t;
}

void lm_tunnel_release(struct lm_tunnel *t)
{
	if (!t || --t->holders > 0)
		return;
	HASH_DEL(t->registry->by_id, t);
	lm_sa_out_free(t->out);
	free(t);
}

void lm_sa_in_free(void *arg)
{
	struct lm_sa_in *sa = arg;

	if (!sa)
		return;
	lm_gcm_key_free(sa->key);
	free(sa);
}

void lm_sa_out_free(void *arg)
{
	struct lm_sa_out *out = arg;

	if (!out)
		return;
	for (uint32_t i = 0; i < out->n_lanes; i++)
		lm_gcm_key_free(out->lanes[i].key);
	free(out);
}
