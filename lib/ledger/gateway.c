/* SPDX-License-Identifier: Apache-2.0 */
/* The other gateways. One is known while it is an author somewhere or its session is up. */
#include "ledger/internal.h"

struct gateway *lm_ledger_gateway(const struct lm_ledger *l, const struct lm_public_key *key)
{
	struct gateway *g;

	HASH_FIND(hh, l->gateways, key->b, LM_PUBLIC_KEY_LEN, g);
	return g;
}

struct gateway *lm_ledger_gateway_get(struct lm_ledger *l, const struct lm_public_key *key)
{
	struct gateway *g = lm_ledger_gateway(l, key);

	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->key = *key;
	g->id = lm_key_id(key);
	g->answers = (struct allowance){1000ull * ANSWERS_BURST, l->now.mono};
	g->checks = (struct allowance){1000ull * CHECKS_BURST, l->now.mono};
	HASH_ADD(hh, l->gateways, key, LM_PUBLIC_KEY_LEN, g);
	return g;
}

static void gateway_free(struct lm_ledger *l, struct gateway *g)
{
	HASH_DEL(l->gateways, g);
	lm_shelf_free(&g->shared);
	free(g);
}

void lm_ledger_gateway_release(struct lm_ledger *l, struct gateway *g)
{
	if (!g->seats && !g->peer)
		gateway_free(l, g);
}

void lm_ledger_tell(struct lm_ledger *l, struct gateway *g)
{
	if (!g->peer || g->tell)
		return;
	g->tell = true;
	TAILQ_INSERT_TAIL(&l->tells, g, telling);
}

void lm_ledger_refresh(struct gateway *g)
{
	for (uint32_t i = 0; i < g->shared.n; i++) {
		struct lm_leaf *leaf = g->shared.at[i];
		const uint8_t *root = lm_ledger_root(((struct seat *)leaf)->net);
		if (memcmp(leaf->state, root, LM_LEAF_LEN) == 0)
			continue;
		memcpy(leaf->state, root, LM_LEAF_LEN);
		lm_shelf_touch(&g->shared, leaf);
	}
}

static int list_up(struct lm_ledger *l, struct gateway *g)
{
	if (l->n_ups == l->cap_ups) {
		uint32_t cap = l->cap_ups ? 2 * l->cap_ups : 16;
		struct gateway **ups = realloc(l->ups, cap * sizeof(*ups));
		if (!ups)
			return -ENOMEM;
		l->ups = ups;
		l->cap_ups = cap;
	}
	g->up_index = l->n_ups;
	l->ups[l->n_ups++] = g;
	return 0;
}

static void session_ended(struct lm_ledger *l, struct gateway *g)
{
	g->peer = NULL;
	l->ups[g->up_index] = l->ups[--l->n_ups];
	l->ups[g->up_index]->up_index = g->up_index;
	if (g->tell)
		TAILQ_REMOVE(&l->tells, g, telling);
	if (g->differs)
		TAILQ_REMOVE(&l->pullable, g, pulling);
	g->tell = g->differs = false;
	lm_ledger_wait_no_more(l, g);
	lm_ledger_unbox(l, g);
	lm_ledger_pull_forget(l, g);
}

/* In a new session the peer may take part again where it did not. */
static void forget_absence(struct lm_ledger *l, struct gateway *g)
{
	struct network *net, *next;

	HASH_ITER(by_id, l->by_id, net, next)
	{
		struct seat *seat = net->joined ? lm_ledger_seat(net, &g->id) : NULL;
		if (seat && seat != net->self)
			lm_ledger_presence(seat, false);
	}
}

int lm_ledger_up(struct lm_ledger *l, const struct lm_now *now, const struct lm_public_key *key,
    struct lm_peer *peer)
{
	l->now = *now;
	struct gateway *g = lm_ledger_gateway_get(l, key);
	if (!g)
		return -ENOMEM;
	if (!g->peer && list_up(l, g) < 0) {
		lm_ledger_gateway_release(l, g);
		return -ENOMEM;
	}
	bool again = g->peer != NULL;
	g->peer = peer;
	if (again) /* a peer that has lost its memory asks us */
		return 0;
	if (g->n_absent)
		forget_absence(l, g);
	lm_ledger_tell(l, g);
	return 0;
}

void lm_ledger_down(struct lm_ledger *l, const struct lm_now *now, const struct lm_public_key *key)
{
	struct gateway *g = lm_ledger_gateway(l, key);

	l->now = *now;
	if (!g || !g->peer)
		return;
	session_ended(l, g);
	lm_ledger_gateway_release(l, g);
}

void lm_ledger_gateways_free(struct lm_ledger *l)
{
	struct gateway *g, *next;

	HASH_ITER(hh, l->gateways, g, next)
	{
		if (g->peer)
			session_ended(l, g);
		gateway_free(l, g);
	}
	free(l->ups);
}
