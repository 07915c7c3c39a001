/* SPDX-License-Identifier: Apache-2.0 */
/* What messages have in common; values in them, and the bodies that do not fit. */
#include "chain/internal.h"

struct lm_writer lm_chain_begin(
    const struct network *net, uint64_t height, uint8_t bytes[LM_MESSAGE_MAX])
{
	struct lm_writer w = lm_writer(bytes, LM_MESSAGE_MAX);

	lm_write(&w, net->where.net.b, sizeof(net->where.net.b));
	lm_write_u32(&w, net->where.era);
	lm_write_u64(&w, height);
	return w;
}

void lm_chain_send(
    struct network *net, const struct lm_public_key *to, uint8_t type, const struct lm_writer *w)
{
	struct lm_chain *c = net->chain;

	if (!w->failed)
		c->ops.send(c->ctx, to, type, w->start, lm_writer_len(w));
}

void lm_chain_send_members(
    struct network *net, uint8_t except, uint8_t type, const struct lm_writer *w)
{
	const struct members *m = &net->state.members;

	for (unsigned i = 0; i < m->n; i++)
		if ((int)i != net->self && !(except & 1u << i))
			lm_chain_send(net, &m->key[i], type, w);
}

/* ---- values ---- */

static struct body *wanted_from(struct network *net, const struct lm_public_key *from)
{
	int member = lm_chain_member(&net->state.members, from);

	return &net->bodies[member < 0 ? LM_CHAIN_MEMBERS_MAX : member];
}

void lm_chain_value_write(struct lm_writer *w, const struct value *v)
{
	lm_chain_header_write(w, &v->header);
	bool fits = v->body && (size_t)(w->end - w->at) > v->header.body_len;
	lm_write_u8(w, fits);
	if (fits)
		lm_write(w, v->body, v->header.body_len);
}

/* The sender repeats it, but not soon. Without memory for it we wait for that. */
static void park(const struct message *m)
{
	struct parked *parked = malloc(sizeof(*parked) + m->len);

	if (!parked)
		return;
	*parked = (struct parked){.from = *m->from, .type = m->type, .len = m->len};
	memcpy(parked->bytes, m->bytes, m->len);
	struct body *b = wanted_from(m->net, m->from);
	free(b->parked);
	b->parked = parked;
}

bool lm_chain_value_read(struct message *m, struct value *v)
{
	*v = (struct value){0};
	if (!lm_chain_header_read(&m->r, &m->net->where.net, &v->header))
		return false;
	lm_chain_header_hash(v->hash, &v->header);
	uint8_t inside = lm_read_u8(&m->r);
	if (inside > 1)
		return false;
	uint32_t len = v->header.body_len;
	const uint8_t *body =
	    inside ? lm_read_ref(&m->r, len) : lm_chain_body(m->net, v->header.body, &len);
	if (m->r.failed || lm_reader_left(&m->r) || len != v->header.body_len)
		return false;
	v->body = (uint8_t *)body; /* borrowed: the caller copies what it keeps */
	if (!body) {
		lm_chain_body_want(m->net, m->from, v->header.body, v->header.body_len);
		park(m);
	}
	return true;
}

/* ---- bodies ---- */

static bool is_body(const struct value *v, const uint8_t hash[HASH_LEN])
{
	return v->body && memcmp(v->header.body, hash, HASH_LEN) == 0;
}

static bool is_body_of_piece(const struct piece *p, const uint8_t hash[HASH_LEN])
{
	struct lm_reader r = lm_reader(p->bytes, p->len);
	struct lm_net_id any = {0};
	struct header h;

	return p->body && lm_chain_header_read(&r, &any, &h) && memcmp(h.body, hash, HASH_LEN) == 0;
}

const uint8_t *lm_chain_body(const struct network *net, const uint8_t hash[HASH_LEN], uint32_t *len)
{
	const struct value *values[] = {
	    &net->vote.value, &net->proposal.value, &net->proposal.highest};

	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (!is_body(values[i], hash))
			continue;
		*len = values[i]->header.body_len;
		return values[i]->body;
	}
	for (unsigned i = 0; i < BODIES; i++) {
		const struct body *b = &net->bodies[i];
		if (!b->bytes || memcmp(b->hash, hash, HASH_LEN) != 0)
			continue;
		*len = b->len;
		return b->bytes;
	}
	for (unsigned i = net->n_pieces; i > 0 && net->n_pieces - i < BODIES_KEPT; i--) {
		const struct piece *p = &net->pieces[i - 1];
		if (!is_body_of_piece(p, hash))
			continue;
		*len = p->body_len;
		return p->body;
	}
	return NULL;
}

static void body_free(struct body *b)
{
	free(b->bytes);
	free(b->parked);
}

void lm_chain_body_want(struct network *net, const struct lm_public_key *from,
    const uint8_t hash[HASH_LEN], uint32_t len)
{
	struct lm_chain *c = net->chain;
	struct body *b = wanted_from(net, from);

	lm_chain_drop(net, LM_CD_NO_BODY);
	if (memcmp(b->hash, hash, HASH_LEN) != 0) {
		body_free(b);
		*b = (struct body){.len = len};
		memcpy(b->hash, hash, HASH_LEN);
	}
	c->ops.pull(c->ctx, &net->where.net, from, hash, len);
}

struct body *lm_chain_body_take(
    struct network *net, const uint8_t hash[HASH_LEN], const uint8_t *bytes, size_t len)
{
	uint8_t actual[HASH_LEN];

	for (unsigned i = 0; i < BODIES; i++) {
		struct body *b = &net->bodies[i];
		if (b->bytes || b->len != len || memcmp(b->hash, hash, HASH_LEN) != 0)
			continue;
		lm_chain_hash(actual, bytes, len);
		if (memcmp(actual, hash, HASH_LEN) != 0)
			return NULL;
		b->bytes = malloc(len);
		if (b->bytes)
			memcpy(b->bytes, bytes, len);
		return b->bytes ? b : NULL;
	}
	return NULL;
}

void lm_chain_bodies_free(struct network *net)
{
	for (unsigned i = 0; i < BODIES; i++)
		body_free(&net->bodies[i]);
	memset(net->bodies, 0, sizeof(net->bodies));
}
