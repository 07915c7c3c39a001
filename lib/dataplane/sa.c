/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/sa.h"

#include <errno.h>
#include <stdlib.h>
#include <rte_bitops.h>
#include <rte_common.h>
#include <rte_random.h>
#include "dataplane/lines.h"

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

static lm_lanes_word *take_word(struct lm_tunnels *tunnels)
{
	if (!tunnels->unused) {
		struct lm_lanes_words *more = lm_lines_alloc(sizeof *more);
		if (!more)
			return NULL;
		more->next = tunnels->words;
		tunnels->words = more;
		for (unsigned i = 0; i < LM_LANES_WORDS; i++) {
			more->words[i] = (uintptr_t)tunnels->unused;
			tunnels->unused = &more->words[i];
		}
	}
	lm_lanes_word *word = tunnels->unused;
	tunnels->unused = (lm_lanes_word *)(uintptr_t)*word;
	*word = 0;
	return word;
}

/* No worker asks for it any more: the networks that did are freed. */
static void give_word(struct lm_tunnels *tunnels, lm_lanes_word *word)
{
	*word = (uintptr_t)tunnels->unused;
	tunnels->unused = word;
}

void lm_tunnels_free(struct lm_tunnels *tunnels)
{
	for (struct lm_lanes_words *words = tunnels->words, *next; words; words = next) {
		next = words->next;
		free(words);
	}
	*tunnels = (struct lm_tunnels){0};
}

struct lm_sa_out *lm_tunnel_set(struct lm_tunnel *t, struct lm_sa_out *out)
{
	struct lm_sa_out *old = t->out;

	t->out = out;
	__atomic_store_n(
	    t->lanes, out ? (uintptr_t)out | rte_log2_u32(out->n_lanes) : 0, __ATOMIC_RELEASE);
	return old;
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
		t->lanes = take_word(tunnels);
		if (!t->lanes) {
			free(t);
			return NULL;
		}
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
	give_word(t->registry, t->lanes);
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
