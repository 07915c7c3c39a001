/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Being behind, and helping whoever is. Blocks come one a message, each proven by the members that
 * the one before names. While their commands are to be had they are applied one by one; beyond
 * that, headers are gathered up to the other's tip, and then its state is pulled, whose hash the
 * last header proves. While blocks are known that are not applied we do not vote.
 */
#include "chain/internal.h"

#define FETCH_BASE (300 * MS)
#define FETCH_MAX (5 * SECOND)
#define FETCH_TRIES 12 /* without anything new; then we wait to be greeted */

#define PATIENCE 2 /* tries with the same gateway, for the same thing */

#define TIP_ASK 0x01 /* tell me yours */
#define TIP_UNSURE 0x02 /* I may have accepted a block beyond it */

enum { BODY_NONE, BODY_INSIDE, BODY_BLOB };

/* ---- what we know to be decided ---- */

bool lm_chain_is_behind(const struct network *net)
{
	return net->ahead.restarted || net->ahead.n;
}

struct verified lm_chain_verified(const struct network *net)
{
	const struct ahead *a = &net->ahead;
	struct verified v = {.era = net->where.era, .height = net->height};

	v.members = lm_chain_is_behind(net) ? &a->members : &net->state.members;
	memcpy(v.hash, net->hash, HASH_LEN);
	if (a->restarted) {
		v.era = a->start.era;
		v.height = a->start.height;
		memcpy(v.hash, a->start.hash, HASH_LEN);
	}
	if (a->n) {
		v.height = a->last.height;
		lm_chain_header_hash(v.hash, &a->last);
	}
	return v;
}

void lm_chain_ahead_free(struct network *net)
{
	lm_chain_pieces_free(&net->ahead.pieces, &net->ahead.n, &net->ahead.room);
	net->ahead = (struct ahead){0};
}

/* ---- telling ---- */

void lm_chain_send_tip(struct network *net, const struct lm_public_key *to, bool ask)
{
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer w = lm_chain_begin(net, net->height, bytes);

	lm_write(&w, net->hash, HASH_LEN);
	lm_write_u32(&w, (uint32_t)lm_chain_state_len(&net->state));
	lm_write_u8(&w, (ask ? TIP_ASK : 0) | (lm_chain_sure(net) ? 0 : TIP_UNSURE));
	lm_chain_send(net, to, LM_MSG_CHAIN_TIP, &w);
}

void lm_chain_send_block(struct network *net, const struct lm_public_key *to, uint64_t height)
{
	const struct piece *p = lm_chain_piece(net, height);
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer w = lm_chain_begin(net, height, bytes);

	if (!p)
		return;
	lm_write_u64(&w, net->height);
	lm_write_u32(&w, (uint32_t)lm_chain_state_len(&net->state));
	lm_write(&w, p->bytes, p->len);
	bool fits = p->body && (size_t)(w.end - w.at) > p->body_len;
	lm_write_u8(&w, fits ? BODY_INSIDE : p->body ? BODY_BLOB : BODY_NONE);
	if (fits)
		lm_write(&w, p->body, p->body_len);
	lm_chain_send(net, to, LM_MSG_CHAIN_BLOCK, &w);
}

void lm_chain_on_get(struct message *m)
{
	struct network *net = m->net;
	uint64_t from = m->height;

	if (lm_reader_left(&m->r)) {
		lm_chain_drop(net, LM_CD_MALFORMED);
		return;
	}
	if (m->era > net->where.era) {
		lm_chain_fetch(net, m->from);
		return;
	}
	if (m->era < net->where.era || from < net->start.height) {
		lm_chain_send_start(net, m->from);
		from = net->start.height;
	}
	if (from >= net->height && m->era == net->where.era)
		lm_chain_send_tip(net, m->from, false);
	for (unsigned i = 1; i <= BLOCKS_AT_ONCE; i++)
		lm_chain_send_block(net, m->from, from + i);
}

/* ---- asking ---- */

static void send_get(struct network *net)
{
	struct verified v = lm_chain_verified(net);
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer w = lm_writer(bytes, sizeof(bytes));

	lm_write(&w, net->where.net.b, sizeof(net->where.net.b));
	lm_write_u32(&w, v.era);
	lm_write_u64(&w, v.height);
	lm_chain_send(net, &net->fetch.from, LM_MSG_CHAIN_GET, &w);
	net->fetch.until = v.height + BLOCKS_AT_ONCE;
}

void lm_chain_fetch(struct network *net, const struct lm_public_key *from)
{
	/* One at a time; but rather one that speaks than one that has not answered. */
	if (net->fetch.on && net->fetch.tries == 0)
		return;
	net->fetch = (struct fetch){
	    .on = true, .from = *from, .tries = net->fetch.on ? net->fetch.tries : 0};
	send_get(net);
	net->fetch_at = lm_chain_now(net) + lm_chain_backoff(net, FETCH_BASE, 0, FETCH_MAX);
}

/* How far somebody is, who may be the one to pull the state from. */
static void fetch_told(
    struct network *net, const struct lm_public_key *from, uint64_t tip, uint32_t state_len)
{
	if (!net->fetch.on)
		net->fetch.from = *from;
	if (memcmp(net->fetch.from.b, from->b, sizeof(from->b)) != 0)
		return;
	net->fetch.tip = tip;
	net->fetch.state_len = state_len;
}

void lm_chain_fetch_end(struct network *net)
{
	net->fetch.on = false;
	net->fetch_at = LM_NEVER;
}

/* The member after the one whom we ask, who may be gone. */
static void fetch_from_another(struct network *net)
{
	const struct members *m = lm_chain_verified(net).members;
	unsigned next = (unsigned)(lm_chain_member(m, &net->fetch.from) + 1) % m->n;

	if (memcmp(m->key[next].b, net->chain->self->pub.b, LM_PUBLIC_KEY_LEN) == 0)
		next = (next + 1) % m->n;
	net->fetch.from = m->key[next];
}

void lm_chain_fetch_due(struct network *net)
{
	if (!net->fetch.on)
		return;
	if (net->fetch.tries++ >= FETCH_TRIES && !lm_chain_is_behind(net)) {
		lm_chain_fetch_end(net);
		return;
	}
	if (net->fetch.tries % PATIENCE == 0) {
		fetch_from_another(net);
		/* The commands are not to be had any more; then the state is. */
		if (net->ahead.n)
			net->ahead.pieces[0].body_len = 0;
	}
	send_get(net);
	lm_chain_ahead_apply(net);
	if (net->fetch.on)
		net->fetch_at = lm_chain_now(net) +
				lm_chain_backoff(net, FETCH_BASE, net->fetch.tries, FETCH_MAX);
}

void lm_chain_on_tip(struct message *m)
{
	struct network *net = m->net;
	struct verified v = lm_chain_verified(net);
	const uint8_t *hash = lm_read_ref(&m->r, HASH_LEN);
	uint32_t state_len = lm_read_u32(&m->r);
	uint8_t flags = lm_read_u8(&m->r);

	if (m->r.failed || lm_reader_left(&m->r)) {
		lm_chain_drop(net, LM_CD_MALFORMED);
		return;
	}
	if (m->era == net->where.era)
		lm_chain_told(net, m->from, m->height);
	if (m->era == net->where.era && m->member >= 0 && !(flags & TIP_UNSURE))
		lm_chain_contact(net, m->from, m->height);
	if (lm_chain_is_behind(net) && m->era == v.era && m->height == v.height) {
		fetch_told(net, m->from, m->height, state_len);
		lm_chain_ahead_apply(net);
		return;
	}
	if (m->era > v.era || (m->era == v.era && m->height > v.height)) {
		lm_chain_fetch(net, m->from);
		return;
	}
	if (m->era == net->where.era && m->height == net->height &&
	    memcmp(hash, net->hash, HASH_LEN) != 0) {
		lm_chain_drop(net, LM_CD_FORKED);
		lm_chain_send_block(net, m->from, net->height);
		return;
	}
	if (flags & TIP_ASK)
		lm_chain_send_tip(net, m->from, false);
}

/* ---- following ---- */

/* Headers are proven: keeps the piece behind those that wait. */
static int put_behind(struct network *net, const struct decided *d, struct piece piece)
{
	struct ahead *a = &net->ahead;
	struct members after = d->new_members ? d->members : *lm_chain_verified(net).members;
	int err = lm_chain_piece_add(&a->pieces, &a->n, &a->room, piece);

	if (err < 0)
		return err;
	a->last = d->header;
	a->members = after;
	net->fetch.tries = 0;
	return 0;
}

bool lm_chain_piece_read(const struct piece *p, const struct network *net, struct decided *d)
{
	struct lm_reader r = lm_reader(p->bytes, p->len);

	return lm_chain_decided_read(&r, &net->where.net, d);
}

static void drop_first(struct ahead *a)
{
	free(a->pieces[0].bytes);
	free(a->pieces[0].body);
	memmove(&a->pieces[0], &a->pieces[1], --a->n * sizeof(a->pieces[0]));
}

/* The first of those that wait, if its commands are here. */
static bool apply_first(struct network *net)
{
	struct ahead *a = &net->ahead;
	struct decided d;
	struct value v = {0};

	if (!lm_chain_piece_read(&a->pieces[0], net, &d))
		return false;
	v.header = d.header;
	lm_chain_header_hash(v.hash, &v.header);
	const uint8_t *body = a->pieces[0].body;
	uint32_t len = v.header.body_len;
	if (!body)
		body = lm_chain_body(net, v.header.body, &len);
	if (!body || len != v.header.body_len)
		return false;
	v.body = (uint8_t *)body;
	struct value own;
	if (lm_chain_value_copy(&own, &v) < 0)
		return false;
	int err = lm_chain_learn(net, &own, &d.certificate, false);
	lm_chain_value_free(&own);
	if (err < 0)
		return false;
	drop_first(a);
	net->fetch.tries = 0;
	return true;
}

void lm_chain_ahead_apply(struct network *net)
{
	struct lm_chain *c = net->chain;
	struct ahead *a = &net->ahead;
	struct decided d;

	while (a->n && !a->restarted && apply_first(net))
		;
	if (!lm_chain_is_behind(net)) {
		lm_chain_ahead_free(net);
		return;
	}
	if (!net->fetch.on)
		lm_chain_fetch(net, &net->fetch.from);
	if (a->n && !a->restarted && a->pieces[0].body_len &&
	    lm_chain_piece_read(&a->pieces[0], net, &d))
		lm_chain_body_want(net, &net->fetch.from, d.header.body, d.header.body_len);
	else if (lm_chain_verified(net).height == net->fetch.tip && net->fetch.state_len)
		c->ops.pull(c->ctx, &net->where.net, &net->fetch.from,
		    a->n ? a->last.state : a->start.state, net->fetch.state_len);
}

/* The certificate proves the header only; a body is proven by its hash. */
static bool is_body_of(const struct piece *piece, const struct decided *d)
{
	uint8_t hash[HASH_LEN];

	if (!piece->body)
		return false;
	lm_chain_hash(hash, piece->body, piece->body_len);
	return memcmp(hash, d->header.body, HASH_LEN) == 0;
}

static bool read_block(
    struct message *m, uint64_t *tip, uint32_t *state_len, struct decided *d, struct piece *piece)
{
	*tip = lm_read_u64(&m->r);
	*state_len = lm_read_u32(&m->r);
	const uint8_t *start = m->r.at;
	if (!lm_chain_decided_read(&m->r, &m->net->where.net, d))
		return false;
	*piece = (struct piece){.bytes = (uint8_t *)start, .len = (uint32_t)(m->r.at - start)};
	uint8_t kind = lm_read_u8(&m->r);
	if (kind != BODY_NONE)
		piece->body_len = d->header.body_len;
	if (kind == BODY_INSIDE) {
		piece->body = (uint8_t *)lm_read_ref(&m->r, piece->body_len);
		if (!is_body_of(piece, d))
			return false;
	}
	return !m->r.failed && lm_reader_left(&m->r) == 0 && kind <= BODY_BLOB &&
	       d->header.where.era == m->era && d->header.height == m->height;
}

/* One at or below our tip: the same, or the proof of a fork. */
static void compare(const struct message *m, const struct decided *d)
{
	struct network *net = m->net;
	const struct piece *p = lm_chain_piece(net, m->height);
	uint8_t ours[HASH_LEN], theirs[HASH_LEN];
	struct decided have;

	lm_chain_drop(net, LM_CD_OLD);
	if (m->era != net->where.era) {
		lm_chain_send_tip(net, m->from, false);
		return;
	}
	if (!p || !lm_chain_piece_read(p, net, &have))
		return;
	lm_chain_header_hash(ours, &have.header);
	lm_chain_header_hash(theirs, &d->header);
	if (memcmp(ours, theirs, HASH_LEN) != 0)
		lm_chain_fork(net, d);
	else
		lm_chain_send_tip(net, m->from, false);
}

/* The next one: its piece, which points into the message, is copied. */
static void follow(struct network *net, const struct decided *d, const struct piece *borrowed)
{
	struct piece p = *borrowed;

	p.bytes = malloc(p.len);
	p.body = borrowed->body ? malloc(p.body_len) : NULL;
	if (!p.bytes || (borrowed->body && !p.body)) {
		lm_chain_drop(net, LM_CD_MEMORY);
		free(p.bytes);
		free(p.body);
		return;
	}
	memcpy(p.bytes, borrowed->bytes, p.len);
	if (p.body)
		memcpy(p.body, borrowed->body, p.body_len);
	if (put_behind(net, d, p) < 0) {
		lm_chain_drop(net, LM_CD_MEMORY);
		free(p.bytes);
		free(p.body);
		return;
	}
	lm_chain_proposal_reset(net);
	lm_chain_ahead_apply(net);
}

void lm_chain_on_block(struct message *m)
{
	struct network *net = m->net;
	struct verified v = lm_chain_verified(net);
	struct decided d;
	struct piece piece;
	uint64_t tip;
	uint32_t state_len;

	if (!read_block(m, &tip, &state_len, &d, &piece)) {
		lm_chain_drop(net, LM_CD_MALFORMED);
		return;
	}
	if (m->era > v.era || (m->era == v.era && m->height > v.height + 1)) {
		lm_chain_drop(net, LM_CD_AHEAD);
		lm_chain_fetch(net, m->from);
		return;
	}
	if (m->era < v.era || m->height <= v.height) {
		compare(m, &d);
		return;
	}
	if (memcmp(d.header.prev, v.hash, HASH_LEN) != 0) {
		lm_chain_drop(net, LM_CD_FORKED);
		return;
	}
	if (!lm_chain_decided_verify(&d, v.members)) {
		lm_chain_drop(net, LM_CD_SIGNATURE);
		return;
	}
	fetch_told(net, m->from, tip, state_len);
	follow(net, &d, &piece);
	if (!lm_chain_is_behind(net)) {
		lm_chain_send_tip(net, m->from, false);
		if (net->fetch.on && net->height >= net->fetch.tip)
			lm_chain_fetch_end(net);
	}
	if (net->fetch.on && m->height < tip && m->height >= net->fetch.until)
		send_get(net);
}
