/* SPDX-License-Identifier: Apache-2.0 */
/* What a simulated gateway keeps of its chains, in the order in which a store would read it. */
#include "membership_sim.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int order(const struct sim_fact *f, const struct lm_net_id *net, const void *key, size_t len)
{
	size_t shared = f->key_len < len ? f->key_len : len;
	int o = memcmp(f->net.b, net->b, sizeof(net->b));

	if (o == 0)
		o = memcmp(f->key, key, shared);
	return o ? o : (f->key_len > len) - (f->key_len < len);
}

int sim_on_fact_put(void *ctx, const struct lm_net_id *net, const void *key, size_t key_len,
    const void *value, size_t len)
{
	struct sim_node *n = ctx;
	unsigned at = 0;

	assert(!n->reading_facts && key_len > 0 && key_len <= LM_FACT_KEY_MAX);
	if (n->persist_fails)
		return -EIO;
	while (at < n->n_facts && order(&n->facts[at], net, key, key_len) < 0)
		at++;
	bool there = at < n->n_facts && order(&n->facts[at], net, key, key_len) == 0;
	if (there)
		free(n->facts[at].bytes);
	if (there && len == 0)
		memmove(
		    &n->facts[at], &n->facts[at + 1], (--n->n_facts - at) * sizeof(n->facts[0]));
	if (len == 0)
		return 0;
	if (!there && n->n_facts == n->cap_facts) {
		n->cap_facts = n->cap_facts ? 2 * n->cap_facts : 64;
		n->facts = realloc(n->facts, n->cap_facts * sizeof(n->facts[0]));
		assert(n->facts);
	}
	struct sim_fact *f = &n->facts[at];
	if (!there)
		memmove(f + 1, f, (n->n_facts++ - at) * sizeof(*f));
	*f = (struct sim_fact){.net = *net, .key_len = key_len, .len = len};
	memcpy(f->key, key, key_len);
	f->bytes = malloc(len);
	assert(f->bytes);
	memcpy(f->bytes, value, len);
	return 0;
}

static struct sim_fact *copy_facts(const struct sim_fact *facts, unsigned n)
{
	struct sim_fact *copy = malloc((n + 1) * sizeof(*copy));

	assert(copy);
	for (unsigned i = 0; i < n; i++) {
		copy[i] = facts[i];
		copy[i].bytes = malloc(facts[i].len);
		assert(copy[i].bytes);
		memcpy(copy[i].bytes, facts[i].bytes, facts[i].len);
	}
	return copy;
}

static void free_facts(struct sim_fact *facts, unsigned n)
{
	while (n)
		free(facts[--n].bytes);
	free(facts);
}

void sim_on_facts_begin(void *ctx)
{
	struct sim_node *n = ctx;

	assert(!n->facts_before);
	n->facts_before = copy_facts(n->facts, n->n_facts);
	n->n_facts_before = n->n_facts;
	n->n_batches++;
}

int sim_on_facts_commit(void *ctx)
{
	struct sim_node *n = ctx;
	struct sim_fact *before = n->facts_before;

	assert(before);
	n->facts_before = NULL;
	if (!n->persist_fails && !n->commit_fails) {
		free_facts(before, n->n_facts_before);
		return 0;
	}
	free_facts(n->facts, n->n_facts);
	n->facts = before;
	n->n_facts = n->n_facts_before;
	n->cap_facts = n->n_facts + 1;
	return -EIO;
}

int sim_on_facts_each(void *ctx, const struct lm_net_id *net, lm_fact_each_fn *each, void *each_ctx)
{
	struct sim_node *n = ctx;
	int err = 0;

	n->reading_facts = true;
	for (unsigned i = 0; i < n->n_facts && !err; i++) {
		const struct sim_fact *f = &n->facts[i];
		if (memcmp(f->net.b, net->b, sizeof(net->b)) == 0)
			err = each(each_ctx, f->key, f->key_len, f->bytes, f->len);
	}
	n->reading_facts = false;
	return err;
}

void sim_facts_free(struct sim_node *n)
{
	while (n->n_facts)
		free(n->facts[--n->n_facts].bytes);
	free(n->facts);
	n->facts = NULL;
	n->cap_facts = 0;
}

void sim_lose_facts(struct sim *s, unsigned gateway)
{
	struct sim_node *n = s->node[gateway];

	assert(!n->running);
	sim_facts_free(n);
	n->lost_store = true;
}
