/* SPDX-License-Identifier: Apache-2.0 */
/* Decided blocks: checked, applied, kept, told. */
#include "chain/internal.h"

#define TELL_BASE (300 * MS)
#define TELL_MAX (5 * SECOND)
#define TELL_TRIES 12 /* longer than a dead session goes unnoticed; then it is greeted */
#define SETTLE (50 * MS) /* the last proposer goes first; others wait for a random part of this */

/* ---- the past ---- */

int lm_chain_piece_add(struct piece **pieces, unsigned *n, unsigned *room, struct piece piece)
{
	if (*n == *room) {
		unsigned more = *room ? 2 * *room : 8;
		struct piece *longer = realloc(*pieces, more * sizeof(*longer));
		if (!longer)
			return -ENOMEM;
		*pieces = longer;
		*room = more;
	}
	(*pieces)[(*n)++] = piece;
	return 0;
}

void lm_chain_pieces_free(struct piece **pieces, unsigned *n, unsigned *room)
{
	for (unsigned i = 0; i < *n; i++) {
		free((*pieces)[i].bytes);
		free((*pieces)[i].body);
	}
	free(*pieces);
	*pieces = NULL;
	*n = *room = 0;
}

const struct piece *lm_chain_piece(const struct network *net, uint64_t height)
{
	if (height <= net->start.height || height - net->start.height > net->n_pieces)
		return NULL;
	return &net->pieces[height - net->start.height - 1];
}

struct members lm_chain_voters(const struct network *net, uint64_t height)
{
	struct decided d;

	while (--height > net->start.height) {
		const struct piece *p = lm_chain_piece(net, height);
		struct lm_reader r = lm_reader(p ? p->bytes : NULL, p ? p->len : 0);
		if (lm_chain_decided_read(&r, &net->where.net, &d) && d.new_members)
			return d.members;
	}
	return net->start.members;
}

/* ---- durable ---- */

#define TIP_FIXED (2 + LM_CHAIN_RECOVERY_MAX + 8 + HASH_LEN + LM_PUBLIC_KEY_LEN + 1)

void lm_chain_store_begin(struct network *net)
{
	struct lm_chain *c = net->chain;

	if (c->ops.begin)
		c->ops.begin(c->ctx);
}

int lm_chain_store_commit(struct network *net, int err)
{
	struct lm_chain *c = net->chain;
	int failed = c->ops.commit ? c->ops.commit(c->ctx) : 0;

	if (err == 0 && failed < 0)
		lm_chain_drop(net, LM_CD_STORE);
	return err < 0 ? err : failed;
}

int lm_chain_tip_persist(struct network *net, const struct start *start, uint64_t height,
    const uint8_t hash[HASH_LEN], const struct lm_public_key *maker, const struct state *state)
{
	struct lm_chain *c = net->chain;
	size_t size = TIP_FIXED + lm_chain_state_len(state);
	uint8_t *bytes = malloc(size);

	if (!bytes)
		return -ENOMEM;
	struct lm_writer w = lm_writer(bytes, size);
	lm_write_u16(&w, (uint16_t)start->statement_len);
	lm_write(&w, start->statement, start->statement_len);
	lm_write_u64(&w, height);
	lm_write(&w, hash, HASH_LEN);
	lm_write(&w, maker->b, sizeof(maker->b));
	lm_write_u8(&w, net->votes);
	lm_chain_state_write(&w, state);
	int err =
	    c->ops.persist(c->ctx, &net->where.net, LM_CHAIN_TIP, 0, bytes, lm_writer_len(&w));
	free(bytes);
	if (err < 0)
		lm_chain_drop(net, LM_CD_STORE);
	return err;
}

int lm_chain_tip_restore(struct network *net, const void *bytes, size_t len)
{
	struct lm_reader r = lm_reader(bytes, len);
	struct start start = net->start;
	struct state state;

	size_t statement_len = lm_read_u16(&r);
	const uint8_t *statement = lm_read_ref(&r, statement_len);
	uint64_t height = lm_read_u64(&r);
	const uint8_t *hash = lm_read_ref(&r, HASH_LEN);
	const uint8_t *maker = lm_read_ref(&r, LM_PUBLIC_KEY_LEN);
	uint8_t votes = lm_read_u8(&r);
	if (r.failed)
		return -EBADMSG;
	if (statement_len && lm_chain_start_read(&start, net, statement, statement_len) < 0)
		return -EBADMSG;
	int err = height < start.height ? -EBADMSG : lm_chain_state_read(&state, &r);
	if (err < 0)
		return err;
	lm_chain_state_free(&net->state);
	net->state = state;
	net->start = start;
	net->where.era = start.era;
	net->height = height;
	memcpy(net->hash, hash, HASH_LEN);
	memcpy(net->maker.b, maker, sizeof(net->maker.b));
	net->votes = votes && net->votes;
	lm_chain_tip_moved(net);
	return lm_chain_state_hash(net->state_hash, &net->state);
}

static uint8_t *copy_bytes(const void *bytes, size_t len)
{
	uint8_t *copy = bytes ? malloc(len) : NULL;

	return copy ? memcpy(copy, bytes, len) : NULL;
}

int lm_chain_header_restore(struct network *net, uint64_t height, const void *bytes, size_t len)
{
	struct lm_reader r = lm_reader(bytes, len);
	struct decided d;

	if (!lm_chain_decided_read(&r, &net->where.net, &d) || lm_reader_left(&r) ||
	    d.header.height != height)
		return -EBADMSG;
	/* One that was written before a crash came between it and its tip, or before a restart. */
	if (height > net->height || height <= net->start.height ||
	    d.header.where.era != net->where.era)
		return 0;
	if (height != net->start.height + net->n_pieces + 1)
		return -EBADMSG;
	struct piece piece = {.bytes = copy_bytes(bytes, len), .len = (uint32_t)len};
	if (!piece.bytes)
		return -ENOMEM;
	int err = lm_chain_piece_add(&net->pieces, &net->n_pieces, &net->room, piece);
	if (err < 0)
		free(piece.bytes);
	return err;
}

/* ---- the tip ---- */

void lm_chain_tip_moved(struct network *net)
{
	const struct lm_chain *c = net->chain;
	bool ours = memcmp(net->maker.b, c->self->pub.b, sizeof(net->maker.b)) == 0;

	net->self = lm_chain_member(&net->state.members, &c->self->pub);
	lm_chain_members_hash(net->members_hash, &net->state.members);
	free(net->state_bytes);
	net->state_bytes = NULL;
	lm_chain_outcome_drop(net);
	lm_chain_proposal_reset(net);
	lm_chain_vote_reset(net);
	net->propose_at = LM_NEVER;
	net->overtaken = 0;
	net->duels = 0;
	lm_chain_own_again(net);
	if (!TAILQ_EMPTY(&net->queue))
		lm_chain_propose_soon(net, ours ? 0 : lm_chain_random(net, SETTLE));
}

/* ---- telling ---- */

static void tell_add(struct tell *t, const struct members *m, const struct lm_public_key *self)
{
	for (unsigned i = 0; i < m->n; i++) {
		bool known = memcmp(m->key[i].b, self->b, sizeof(self->b)) == 0;
		for (unsigned k = 0; k < t->n && !known; k++)
			known = memcmp(t->to[k].b, m->key[i].b, sizeof(self->b)) == 0;
		if (!known && t->n < 2 * LM_CHAIN_MEMBERS_MAX)
			t->to[t->n++] = m->key[i];
	}
}

void lm_chain_tell_due(struct network *net)
{
	struct tell *t = &net->tell;

	if (t->tries == TELL_TRIES)
		t->n = 0;
	for (unsigned i = 0; i < t->n; i++)
		lm_chain_send_block(net, &t->to[i], net->height);
	if (t->n)
		net->tell_at =
		    lm_chain_now(net) + lm_chain_backoff(net, TELL_BASE, t->tries++, TELL_MAX);
}

void lm_chain_told(struct network *net, const struct lm_public_key *who, uint64_t height)
{
	struct tell *t = &net->tell;

	for (unsigned i = 0; i < t->n; i++)
		if (height >= net->height && memcmp(t->to[i].b, who->b, sizeof(who->b)) == 0)
			t->to[i] = t->to[--t->n];
	if (t->n == 0)
		net->tell_at = LM_NEVER;
}

/* ---- learning ---- */

static void piece_free(struct piece *p)
{
	free(p->bytes);
	free(p->body);
}

static int make_piece(const struct network *net, const struct value *v,
    const struct certificate *cert, struct piece *out)
{
	const struct members *before = &net->state.members, *after = &net->outcome.state.members;
	struct decided d = {.header = v->header, .certificate = *cert, .members = *after};
	uint8_t bytes[DECIDED_MAX];
	struct lm_writer w = lm_writer(bytes, sizeof(bytes));

	d.new_members = before->n != after->n ||
			memcmp(before->key, after->key, after->n * sizeof(after->key[0])) != 0;
	lm_chain_decided_write(&w, &d);
	*out = (struct piece){.bytes = copy_bytes(bytes, lm_writer_len(&w)),
	    .len = (uint32_t)lm_writer_len(&w),
	    .body = copy_bytes(v->body, v->header.body_len),
	    .body_len = v->header.body_len};
	return out->bytes && out->body ? 0 : -ENOMEM;
}

/* Header first: a tip without its header would be a hole in the history. */
static int keep(struct network *net, const struct value *v, const struct piece *piece)
{
	struct lm_chain *c = net->chain;

	lm_chain_store_begin(net);
	int err = c->ops.persist(
	    c->ctx, &net->where.net, LM_CHAIN_HEADER, v->header.height, piece->bytes, piece->len);
	if (err < 0)
		lm_chain_drop(net, LM_CD_STORE);
	else
		err = lm_chain_tip_persist(net, &net->start, v->header.height, v->hash,
		    &v->header.maker, &net->outcome.state);
	return lm_chain_store_commit(net, err);
}

/* An old block is its header only. */
static void shrink(struct network *net)
{
	if (net->n_pieces <= BODIES_KEPT)
		return;
	struct piece *old = &net->pieces[net->n_pieces - BODIES_KEPT - 1];
	free(old->body);
	old->body = NULL;
	old->body_len = 0;
}

static void end_commands(struct network *net, const struct piece *piece, const uint32_t *blocks)
{
	struct command commands[LM_CHAIN_COMMANDS_MAX];
	int n = lm_chain_body_read(commands, piece->body, piece->body_len);

	for (int i = 0; i < n; i++) {
		struct own *own = lm_chain_own_find(net, &commands[i].c);
		lm_chain_queue_drop(net, &commands[i].c);
		if (own)
			lm_chain_own_end(net, own, LM_CV_APPLIED, blocks[i]);
	}
}

int lm_chain_learn(
    struct network *net, const struct value *v, const struct certificate *cert, bool ours)
{
	struct lm_chain *c = net->chain;
	struct members before = net->state.members;
	uint32_t blocks[LM_CHAIN_COMMANDS_MAX];
	struct piece piece = {0};

	int err = lm_chain_outcome(net, v);
	if (err == 0)
		err = make_piece(net, v, cert, &piece);
	if (err == 0)
		err = keep(net, v, &piece);
	if (err == 0)
		err = lm_chain_piece_add(&net->pieces, &net->n_pieces, &net->room, piece);
	if (err < 0) {
		if (err == -EINVAL)
			lm_chain_drop(net, LM_CD_INVALID);
		piece_free(&piece);
		return err;
	}
	lm_chain_state_free(&net->state);
	net->state = net->outcome.state;
	net->outcome.state = (struct state){0};
	memcpy(blocks, net->outcome.blocks, sizeof(blocks));
	net->height = v->header.height;
	net->maker = v->header.maker;
	memcpy(net->hash, v->hash, HASH_LEN);
	memcpy(net->state_hash, v->header.state, HASH_LEN);
	*(ours ? &c->stats.decided : &c->stats.learned) += 1;
	shrink(net);
	end_commands(net, &piece, blocks);
	lm_chain_tip_moved(net);
	net->tell = (struct tell){0};
	net->tell_at = LM_NEVER;
	if (ours) {
		tell_add(&net->tell, &before, &c->self->pub);
		tell_add(&net->tell, &net->state.members, &c->self->pub);
		lm_chain_tell_due(net);
	}
	c->ops.grown(c->ctx, &net->where.net, net->height, ours);
	return 0;
}
