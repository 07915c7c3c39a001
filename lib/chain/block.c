/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/block.h"

#include <errno.h>
#include <stdlib.h>

#define BLOCK_DOMAIN "leasemesh-chain-block-v1"
#define ACCEPT_DOMAIN "leasemesh-chain-accept-v1"
#define PROMISE_DOMAIN "leasemesh-chain-promise-v1"
#define WHERE_LEN (LM_NET_ID_LEN + 4)

/* ---- headers ---- */

void lm_chain_header_write(struct lm_writer *w, const struct header *h)
{
	lm_write_u32(w, h->where.era);
	lm_write_u64(w, h->height);
	lm_write(w, h->prev, HASH_LEN);
	lm_write(w, h->body, HASH_LEN);
	lm_write_u32(w, h->body_len);
	lm_write(w, h->state, HASH_LEN);
	lm_write(w, h->members, HASH_LEN);
	lm_write(w, h->maker.b, sizeof(h->maker.b));
}

bool lm_chain_header_read(struct lm_reader *r, const struct lm_net_id *net, struct header *h)
{
	*h = (struct header){.where = {.net = *net, .era = lm_read_u32(r)}};
	h->height = lm_read_u64(r);
	lm_read(r, h->prev, HASH_LEN);
	lm_read(r, h->body, HASH_LEN);
	h->body_len = lm_read_u32(r);
	lm_read(r, h->state, HASH_LEN);
	lm_read(r, h->members, HASH_LEN);
	lm_read(r, h->maker.b, sizeof(h->maker.b));
	return !r->failed && h->body_len > 0 && h->body_len <= LM_CHAIN_BODY_MAX;
}

void lm_chain_header_hash(uint8_t out[HASH_LEN], const struct header *h)
{
	uint8_t bytes[sizeof(BLOCK_DOMAIN) + LM_NET_ID_LEN + HEADER_LEN];
	struct lm_writer w = lm_writer(bytes, sizeof(bytes));

	lm_write(&w, BLOCK_DOMAIN, sizeof(BLOCK_DOMAIN));
	lm_write(&w, h->where.net.b, LM_NET_ID_LEN);
	lm_chain_header_write(&w, h);
	lm_chain_hash(out, bytes, lm_writer_len(&w));
}

/* ---- values ---- */

void lm_chain_value_free(struct value *v)
{
	free(v->body);
	*v = (struct value){0};
}

int lm_chain_value_copy(struct value *to, const struct value *from)
{
	struct value v = *from;

	if (from->body) {
		v.body = malloc(from->header.body_len);
		if (!v.body)
			return -ENOMEM;
		memcpy(v.body, from->body, from->header.body_len);
	}
	*to = v;
	return 0;
}

int lm_chain_body_read(struct command out[LM_CHAIN_COMMANDS_MAX], const uint8_t *body, size_t len)
{
	struct lm_reader r = lm_reader(body, len);
	int n = lm_read_u8(&r);

	if (n == 0 || n > LM_CHAIN_COMMANDS_MAX)
		return -EINVAL;
	for (int i = 0; i < n; i++)
		if (!lm_chain_command_read(&r, &out[i]))
			return -EINVAL;
	return lm_reader_left(&r) ? -EINVAL : n;
}

/* Whether the header's hashes are those of what the commands lead to. */
static int check_outcome(const struct header *h, const struct state *next)
{
	uint8_t hash[HASH_LEN];

	lm_chain_members_hash(hash, &next->members);
	if (memcmp(hash, h->members, HASH_LEN) != 0)
		return -EINVAL;
	int err = lm_chain_state_hash(hash, next);
	if (err < 0)
		return err;
	return memcmp(hash, h->state, HASH_LEN) == 0 ? 0 : -EINVAL;
}

int lm_chain_value_apply(struct state *next, const struct state *state, const struct value *v,
    uint32_t blocks[LM_CHAIN_COMMANDS_MAX])
{
	struct command commands[LM_CHAIN_COMMANDS_MAX];
	uint8_t hash[HASH_LEN];
	int n = lm_chain_body_read(commands, v->body, v->header.body_len);

	lm_chain_hash(hash, v->body, v->header.body_len);
	if (n < 0 || memcmp(hash, v->header.body, HASH_LEN) != 0)
		return -EINVAL;
	int err = lm_chain_state_copy(next, state);
	if (err < 0)
		return err;
	for (int i = 0; i < n && err == 0; i++) {
		enum lm_chain_verdict verdict = lm_chain_apply_proven(next, &commands[i],
		    &state->members, &v->header.where, blocks ? &blocks[i] : NULL);
		if (verdict != LM_CV_APPLIED)
			err = verdict == LM_CV_MEMORY ? -ENOMEM : -EINVAL;
	}
	if (err == 0)
		err = check_outcome(&v->header, next);
	if (err < 0)
		lm_chain_state_free(next);
	return err;
}

/* ---- what members sign ---- */

#define ACCEPT_LEN (WHERE_LEN + 8 + 8 + HASH_LEN)

static void accept_bytes(uint8_t out[ACCEPT_LEN], const struct where *where, uint64_t height,
    uint64_t ballot, const uint8_t hash[HASH_LEN])
{
	struct lm_writer w = lm_writer(out, ACCEPT_LEN);

	lm_write(&w, where->net.b, LM_NET_ID_LEN);
	lm_write_u32(&w, where->era);
	lm_write_u64(&w, height);
	lm_write_u64(&w, ballot);
	lm_write(&w, hash, HASH_LEN);
}

int lm_chain_accept_sign(struct lm_signature *out, const struct lm_identity *member,
    const struct where *where, uint64_t height, uint64_t ballot, const uint8_t hash[HASH_LEN])
{
	uint8_t bytes[ACCEPT_LEN];

	accept_bytes(bytes, where, height, ballot, hash);
	return lm_sign(out, member, ACCEPT_DOMAIN, bytes, sizeof(bytes));
}

bool lm_chain_accept_verify(const struct lm_signature *sig, const struct lm_public_key *member,
    const struct where *where, uint64_t height, uint64_t ballot, const uint8_t hash[HASH_LEN])
{
	uint8_t bytes[ACCEPT_LEN];

	accept_bytes(bytes, where, height, ballot, hash);
	return lm_verify(sig, member, ACCEPT_DOMAIN, bytes, sizeof(bytes));
}

#define PROMISE_LEN (WHERE_LEN + 8 + HASH_LEN + 8 + 8 + HASH_LEN)

static void promise_bytes(uint8_t out[PROMISE_LEN], const struct promise *p,
    const struct where *where, uint64_t height, const uint8_t prev[HASH_LEN])
{
	struct lm_writer w = lm_writer(out, PROMISE_LEN);

	lm_write(&w, where->net.b, LM_NET_ID_LEN);
	lm_write_u32(&w, where->era);
	lm_write_u64(&w, height);
	lm_write(&w, prev, HASH_LEN);
	lm_write_u64(&w, p->ballot);
	lm_write_u64(&w, p->accepted);
	lm_write(&w, p->hash, HASH_LEN);
}

int lm_chain_promise_sign(struct promise *p, const struct lm_identity *member,
    const struct where *where, uint64_t height, const uint8_t prev[HASH_LEN])
{
	uint8_t bytes[PROMISE_LEN];

	promise_bytes(bytes, p, where, height, prev);
	return lm_sign(&p->signature, member, PROMISE_DOMAIN, bytes, sizeof(bytes));
}

bool lm_chain_promise_verify(const struct promise *p, const struct lm_public_key *member,
    const struct where *where, uint64_t height, const uint8_t prev[HASH_LEN])
{
	uint8_t bytes[PROMISE_LEN];

	promise_bytes(bytes, p, where, height, prev);
	return lm_verify(&p->signature, member, PROMISE_DOMAIN, bytes, sizeof(bytes));
}

/* ---- decided blocks ---- */

void lm_chain_decided_write(struct lm_writer *w, const struct decided *d)
{
	lm_chain_header_write(w, &d->header);
	lm_write_u64(w, d->certificate.ballot);
	lm_write_u8(w, d->certificate.members);
	for (unsigned i = 0; i < LM_CHAIN_MEMBERS_MAX; i++)
		if (d->certificate.members & 1u << i)
			lm_write(w, d->certificate.signature[i].b, LM_SIGNATURE_LEN);
	lm_write_u8(w, d->new_members);
	if (d->new_members)
		lm_chain_members_write(w, &d->members);
}

bool lm_chain_decided_read(struct lm_reader *r, const struct lm_net_id *net, struct decided *d)
{
	*d = (struct decided){0};
	if (!lm_chain_header_read(r, net, &d->header))
		return false;
	d->certificate.ballot = lm_read_u64(r);
	d->certificate.members = lm_read_u8(r);
	if (d->certificate.ballot == 0 || d->certificate.members >= 1u << LM_CHAIN_MEMBERS_MAX)
		return false;
	for (unsigned i = 0; i < LM_CHAIN_MEMBERS_MAX; i++)
		if (d->certificate.members & 1u << i)
			lm_read(r, d->certificate.signature[i].b, LM_SIGNATURE_LEN);
	uint8_t new_members = lm_read_u8(r);
	d->new_members = new_members == 1;
	if (new_members > 1 || (new_members && !lm_chain_members_read(r, &d->members)))
		return false;
	return !r->failed;
}

/* The members that it names for the next block are those that its header does. */
static bool members_fit(const struct decided *d, const struct members *before)
{
	uint8_t hash[HASH_LEN];

	lm_chain_members_hash(hash, d->new_members ? &d->members : before);
	return memcmp(hash, d->header.members, HASH_LEN) == 0;
}

bool lm_chain_decided_verify(const struct decided *d, const struct members *before)
{
	const struct certificate *c = &d->certificate;
	uint8_t hash[HASH_LEN];
	unsigned n = 0;

	if (!members_fit(d, before))
		return false;
	lm_chain_header_hash(hash, &d->header);
	for (unsigned i = 0; i < LM_CHAIN_MEMBERS_MAX; i++) {
		if (!(c->members & 1u << i))
			continue;
		if (i >= before->n || !lm_chain_accept_verify(&c->signature[i], &before->key[i],
					  &d->header.where, d->header.height, c->ballot, hash))
			return false;
		n++;
	}
	return n >= majority(before);
}
