/* SPDX-License-Identifier: Apache-2.0 */
/* A command's bytes, its author's signature, and the members' consents. */
#include "chain/state.h"

#include <errno.h>
#include "base/number.h"

#define COMMAND_DOMAIN "leasemesh-chain-command-v1"
#define CONSENT_DOMAIN "leasemesh-chain-consent-v1"
#define ALONE_PART 8 /* of all address blocks: what one member gets without consent */

/* Which fields a kind has: the others are zero, and not among its bytes. */
enum { GATEWAY = 1, UNTIL = 2, BLOCK = 4, KEY = 8, PLACE = 16 };

static int fields_of(uint8_t kind)
{
	switch (kind) {
	case LM_CHAIN_ADD:
		return GATEWAY;
	case LM_CHAIN_REMOVE:
		return GATEWAY | UNTIL;
	case LM_CHAIN_RELEASE:
		return BLOCK | UNTIL;
	case LM_CHAIN_FREE:
		return BLOCK;
	case LM_CHAIN_MOVE:
		return KEY | GATEWAY | PLACE;
	case LM_CHAIN_FORGET:
		return KEY;
	case LM_CHAIN_ASSIGN:
	case LM_CHAIN_SERIAL:
		return 0;
	default:
		return -1;
	}
}

void lm_chain_statement_write(struct lm_writer *w, const struct lm_chain_command *c)
{
	int fields = fields_of(c->kind);

	lm_write_u8(w, c->kind);
	lm_write(w, c->author.b, sizeof(c->author.b));
	lm_write_u64(w, c->number);
	lm_write_u64(w, c->serial);
	if (fields & GATEWAY)
		lm_write(w, c->gateway.b, sizeof(c->gateway.b));
	if (fields & UNTIL)
		lm_write_u64(w, c->until);
	if (fields & BLOCK)
		lm_write_u32(w, c->block);
	if (fields & KEY) {
		lm_write_u8(w, c->key_len);
		lm_write(w, c->key, c->key_len);
	}
	if (fields & PLACE) {
		lm_write_u32(w, c->address);
		lm_write_u64(w, c->generation);
	}
}

static bool statement_read(struct lm_reader *r, struct lm_chain_command *c)
{
	int fields;

	*c = (struct lm_chain_command){.kind = lm_read_u8(r)};
	fields = fields_of(c->kind);
	if (fields < 0)
		return false;
	lm_read(r, c->author.b, sizeof(c->author.b));
	c->number = lm_read_u64(r);
	c->serial = lm_read_u64(r);
	if (fields & GATEWAY)
		lm_read(r, c->gateway.b, sizeof(c->gateway.b));
	if (fields & UNTIL)
		c->until = lm_read_u64(r);
	if (fields & BLOCK)
		c->block = lm_read_u32(r);
	if (fields & KEY) {
		c->key_len = lm_read_u8(r);
		if (c->key_len == 0 || c->key_len > LM_CHAIN_KEY_MAX)
			return false;
		lm_read(r, c->key, c->key_len);
	}
	if (fields & PLACE) {
		c->address = lm_read_u32(r);
		c->generation = lm_read_u64(r);
	}
	return !r->failed;
}

void lm_chain_command_write(struct lm_writer *w, const struct command *c)
{
	lm_chain_statement_write(w, &c->c);
	lm_write(w, c->signature.b, sizeof(c->signature.b));
	lm_write_u8(w, c->consents);
	for (unsigned i = 0; i < LM_CHAIN_MEMBERS_MAX; i++)
		if (c->consents & 1u << i)
			lm_write(w, c->consent[i].b, sizeof(c->consent[i].b));
}

bool lm_chain_command_read(struct lm_reader *r, struct command *c)
{
	*c = (struct command){0};
	if (!statement_read(r, &c->c))
		return false;
	lm_read(r, c->signature.b, sizeof(c->signature.b));
	c->consents = lm_read_u8(r);
	if (c->consents >= 1u << LM_CHAIN_MEMBERS_MAX)
		return false;
	for (unsigned i = 0; i < LM_CHAIN_MEMBERS_MAX; i++)
		if (c->consents & 1u << i)
			lm_read(r, c->consent[i].b, sizeof(c->consent[i].b));
	return !r->failed;
}

void lm_chain_command_hash(uint8_t out[HASH_LEN], const struct lm_chain_command *c)
{
	uint8_t bytes[STATEMENT_MAX];
	struct lm_writer w = lm_writer(bytes, sizeof(bytes));

	lm_chain_statement_write(&w, c);
	lm_chain_hash(out, bytes, lm_writer_len(&w));
}

/* What the author signs, and the beginning of what a member does. */
static void write_where(struct lm_writer *w, const struct where *where)
{
	lm_write(w, where->net.b, sizeof(where->net.b));
	lm_write_u32(w, where->era);
}

static size_t signed_bytes(
    uint8_t out[STATEMENT_MAX + 36], const struct lm_chain_command *c, const struct where *where)
{
	struct lm_writer w = lm_writer(out, STATEMENT_MAX + 36);

	write_where(&w, where);
	lm_chain_statement_write(&w, c);
	return lm_writer_len(&w);
}

int lm_chain_command_sign(
    struct command *c, const struct lm_identity *author, const struct where *where)
{
	uint8_t bytes[STATEMENT_MAX + 36];
	size_t len = signed_bytes(bytes, &c->c, where);

	return lm_sign(&c->signature, author, COMMAND_DOMAIN, bytes, len);
}

bool lm_chain_command_verify(const struct command *c, const struct where *where)
{
	uint8_t bytes[STATEMENT_MAX + 36];
	size_t len = signed_bytes(bytes, &c->c, where);

	return lm_verify(&c->signature, &c->c.author, COMMAND_DOMAIN, bytes, len);
}

#define CONSENT_LEN (LM_NET_ID_LEN + 4 + HASH_LEN + HASH_LEN)

static void consent_bytes(uint8_t out[CONSENT_LEN], const struct where *where,
    const uint8_t members[HASH_LEN], const uint8_t command[HASH_LEN])
{
	struct lm_writer w = lm_writer(out, CONSENT_LEN);

	write_where(&w, where);
	lm_write(&w, members, HASH_LEN);
	lm_write(&w, command, HASH_LEN);
}

int lm_chain_consent_sign(struct lm_signature *out, const struct lm_identity *member,
    const struct where *where, const uint8_t members[HASH_LEN], const uint8_t command[HASH_LEN])
{
	uint8_t bytes[CONSENT_LEN];

	consent_bytes(bytes, where, members, command);
	return lm_sign(out, member, CONSENT_DOMAIN, bytes, sizeof(bytes));
}

bool lm_chain_consent_verify(const struct lm_signature *sig, const struct lm_public_key *member,
    const struct where *where, const uint8_t members[HASH_LEN], const uint8_t command[HASH_LEN])
{
	uint8_t bytes[CONSENT_LEN];

	consent_bytes(bytes, where, members, command);
	return lm_verify(sig, member, CONSENT_DOMAIN, bytes, sizeof(bytes));
}

bool lm_chain_needs_consent(
    const struct lm_chain_command *c, const struct members *m, const struct state *s)
{
	int author = lm_chain_known(s, &c->author);
	unsigned owned = 0;

	/* What teaches the chain a serial makes all that was judged by a lower one void. It begins
	 * with serial 1. */
	if (c->kind != LM_CHAIN_ASSIGN || c->serial > lm_max_u64(s->serial, 1) ||
	    lm_chain_member(m, &c->author) < 0)
		return true;
	for (unsigned i = 0; author >= 0 && i < s->n_slots; i++)
		owned += s->slots[i].owner == author;
	return owned >= lm_min_u64(LM_CHAIN_BLOCKS_ALONE, s->n_blocks / ALONE_PART);
}

bool lm_chain_consented(const struct command *c, const struct members *m, const struct state *s,
    const struct where *where)
{
	uint8_t members[HASH_LEN], hash[HASH_LEN];
	unsigned n = 0;

	if (!lm_chain_needs_consent(&c->c, m, s))
		return true;
	lm_chain_members_hash(members, m);
	lm_chain_command_hash(hash, &c->c);
	for (unsigned i = 0; i < LM_CHAIN_MEMBERS_MAX; i++) {
		if (!(c->consents & 1u << i))
			continue;
		if (i >= m->n ||
		    !lm_chain_consent_verify(&c->consent[i], &m->key[i], where, members, hash))
			return false;
		n++;
	}
	return n >= majority(m);
}
