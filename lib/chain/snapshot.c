/* SPDX-License-Identifier: Apache-2.0 */
/* A state instead of commands: taken over when all headers up to it are proven. */
#include "chain/internal.h"

static int store_all(struct network *net, const struct start *start, const struct state *state)
{
	struct lm_chain *c = net->chain;
	struct verified v = lm_chain_verified(net);
	struct lm_public_key nobody = {0};
	struct decided d;

	for (unsigned i = 0; i < net->ahead.n; i++) {
		const struct piece *p = &net->ahead.pieces[i];
		if (!lm_chain_piece_read(p, net, &d))
			return -EBADMSG;
		int err = c->ops.persist(
		    c->ctx, &net->where.net, LM_CHAIN_HEADER, d.header.height, p->bytes, p->len);
		if (err < 0)
			return err;
	}
	return lm_chain_tip_persist(
	    net, start, v.height, v.hash, net->ahead.n ? &net->ahead.last.maker : &nobody, state);
}

/* Thousands of headers, perhaps: each for itself would be synced. */
static int keep_all(struct network *net, const struct start *start, const struct state *state)
{
	lm_chain_store_begin(net);
	return lm_chain_store_commit(net, store_all(net, start, state));
}

/* Everything is durable: takes over state and headers. */
static void adopt(struct network *net, const struct start *start, struct state *state)
{
	struct ahead *a = &net->ahead;
	struct verified v = lm_chain_verified(net);

	if (a->restarted) {
		lm_chain_pieces_free(&net->pieces, &net->n_pieces, &net->room);
		net->start = *start;
		net->where.era = start->era;
		lm_chain_contacts_reset(net);
	}
	for (unsigned i = 0; i < a->n; i++) {
		struct piece *p = &a->pieces[i];
		free(p->body);
		p->body = NULL;
		p->body_len = 0;
		/* Without memory for it the history has an end, but the chain goes on. */
		if (lm_chain_piece_add(&net->pieces, &net->n_pieces, &net->room, *p) < 0) {
			lm_chain_drop(net, LM_CD_MEMORY);
			free(p->bytes);
		}
	}
	net->height = v.height;
	memcpy(net->hash, v.hash, HASH_LEN);
	net->maker = a->n ? a->last.maker : (struct lm_public_key){0};
	a->n = 0;
	lm_chain_ahead_free(net);
	lm_chain_state_free(&net->state);
	net->state = *state;
}

static bool state_fits(const struct network *net, const struct state *s)
{
	uint8_t theirs[HASH_LEN], proven[HASH_LEN];

	lm_chain_members_hash(theirs, &s->members);
	lm_chain_members_hash(proven, &net->ahead.members);
	return memcmp(theirs, proven, HASH_LEN) == 0;
}

bool lm_chain_ahead_state(
    struct network *net, const uint8_t hash[HASH_LEN], const uint8_t *bytes, size_t len)
{
	struct lm_chain *c = net->chain;
	const struct ahead *a = &net->ahead;
	struct lm_reader r = lm_reader(bytes, len);
	uint8_t actual[HASH_LEN];
	struct state state;

	if (!lm_chain_is_behind(net) ||
	    memcmp(hash, a->n ? a->last.state : a->start.state, HASH_LEN) != 0)
		return false;
	lm_chain_hash(actual, bytes, len);
	if (memcmp(actual, hash, HASH_LEN) != 0 || lm_chain_state_read(&state, &r) < 0)
		return false;
	struct start start = a->restarted ? a->start : net->start;
	bool restarted = a->restarted;
	if (!state_fits(net, &state) || keep_all(net, &start, &state) < 0) {
		lm_chain_state_free(&state);
		return false;
	}
	adopt(net, &start, &state);
	memcpy(net->state_hash, hash, HASH_LEN);
	lm_chain_tip_moved(net);
	lm_chain_fetch_end(net);
	if (restarted)
		c->ops.truncate(c->ctx, &net->where.net, net->height);
	c->stats.learned++;
	c->ops.grown(c->ctx, &net->where.net, net->height, false);
	return true;
}
