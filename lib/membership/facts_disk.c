/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain's records in the store, as facts of their network. Their keys are in the order in which
 * the chain wants them back: the genesis first, then tip and vote, then headers by height.
 *
 * While a network is in force elsewhere they are never dropped, also not when it has expired here
 * or leaves us out: it may come back, and who forgets what it voted votes twice. Only the operator
 * drops them (lm_membership_drop); then a mark stays by which we never vote there again.
 */
#include "membership/facts.h"

#include <errno.h>
#include "base/log.h"

#define LM_LOG_MODULE "membership"

#define HEADER_KEY_LEN (1 + 8)

/* After the genesis, before the rest: we have voted there, and forgotten what. */
static const uint8_t mute_key[2] = {FACT_GENESIS, 1};

static int kind_of(const void *key, size_t key_len)
{
	const uint8_t *k = key;

	return key_len ? k[0] : -1;
}

static bool is_mute(const void *key, size_t key_len)
{
	return key_len == sizeof(mute_key) && memcmp(key, mute_key, key_len) == 0;
}

/* ---- the chain's callbacks ---- */

static size_t write_key(uint8_t key[HEADER_KEY_LEN], enum lm_chain_record what, uint64_t height)
{
	struct lm_writer w = lm_writer(key, HEADER_KEY_LEN);

	_Static_assert((int)FACT_TIP == LM_CHAIN_TIP && (int)FACT_VOTE == LM_CHAIN_VOTE &&
			   (int)FACT_HEADER == LM_CHAIN_HEADER,
	    "a record's number is its kind of fact");
	lm_write_u8(&w, (uint8_t)what);
	if (what == LM_CHAIN_HEADER)
		lm_write_u64(&w, height);
	return lm_writer_len(&w);
}

int lm_facts_on_persist(void *ctx, const struct lm_net_id *id, enum lm_chain_record what,
    uint64_t height, const void *bytes, size_t len)
{
	struct lm_membership *m = ctx;
	uint8_t key[HEADER_KEY_LEN];
	size_t key_len = write_key(key, what, height);

	return m->ops.fact_put(m->ctx, id, key, key_len, bytes, len);
}

void lm_facts_on_begin(void *ctx)
{
	struct lm_membership *m = ctx;

	if (m->ops.facts_begin)
		m->ops.facts_begin(m->ctx);
}

int lm_facts_on_commit(void *ctx)
{
	struct lm_membership *m = ctx;

	return m->ops.facts_commit ? m->ops.facts_commit(m->ctx) : 0;
}

/* ---- dropping ---- */

struct fact_key {
	uint8_t len, bytes[LM_FACT_KEY_MAX];
};

/* Keys from this one on. The store does not bear changes while it is read. */
struct collect {
	uint8_t from[HEADER_KEY_LEN];
	size_t from_len;
	bool all; /* else of the chain only */
	struct fact_key *keys;
	unsigned n, room;
};

static int collect_one(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct collect *c = ctx;
	size_t shared = key_len < c->from_len ? key_len : c->from_len;
	int order = memcmp(key, c->from, shared);

	(void)value;
	(void)len;
	if (key_len > LM_FACT_KEY_MAX || order < 0 || (order == 0 && key_len < c->from_len))
		return 0;
	if (!c->all && kind_of(key, key_len) > FACT_HEADER)
		return 1;
	if (c->n == c->room) {
		unsigned room = c->room ? 2 * c->room : 64;
		struct fact_key *more = realloc(c->keys, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		c->keys = more;
		c->room = room;
	}
	c->keys[c->n].len = (uint8_t)key_len;
	memcpy(c->keys[c->n++].bytes, key, key_len);
	return 0;
}

static int drop_facts(struct lm_membership *m, const struct lm_net_id *id, struct collect *c)
{
	int err = m->ops.facts_each(m->ctx, id, collect_one, c);

	err = err < 0 ? err : 0;
	for (unsigned i = 0; i < c->n && !err; i++)
		if (!is_mute(c->keys[i].bytes, c->keys[i].len))
			err = m->ops.fact_put(m->ctx, id, c->keys[i].bytes, c->keys[i].len, "", 0);
	free(c->keys);
	return err;
}

void lm_facts_on_truncate(void *ctx, const struct lm_net_id *id, uint64_t height)
{
	struct collect c = {0};

	c.from_len = write_key(c.from, LM_CHAIN_HEADER, height + 1);
	drop_facts(ctx, id, &c);
}

int lm_facts_forget(struct lm_membership *m, const struct lm_net_id *id)
{
	struct collect c = {.from = {FACT_GENESIS}, .from_len = 1};

	return drop_facts(m, id, &c);
}

static int find_vote(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	(void)value;
	(void)len;
	*(bool *)ctx |= kind_of(key, key_len) == FACT_VOTE;
	return 0;
}

int lm_facts_erase(struct lm_membership *m, const struct network *net)
{
	const struct lm_net_id *id = &net->pub.id;
	struct collect c = {.from = {FACT_GENESIS}, .from_len = 1, .all = true};
	struct lm_chain_info info;
	bool voted = false;

	if (!m->chain)
		return 0;
	int err = m->ops.facts_each(m->ctx, id, find_vote, &voted);
	if (lm_chain_info(m->chain, id, &info) == 0)
		voted |= info.mute; /* it had forgotten that before */
	if (!err && voted)
		err = m->ops.fact_put(m->ctx, id, mute_key, sizeof(mute_key), "1", 1);
	return err ? err : drop_facts(m, id, &c);
}

/* ---- reading ---- */

struct restore {
	struct lm_membership *m;
	struct facts *f;
	bool mute, added;
};

static int add(struct restore *r, bool known)
{
	struct lm_membership *m = r->m;
	struct facts *f = r->f;
	/* Lost with the store, if the chain was in it; what is there now came later. */
	bool votes = !r->mute && (known || !m->config.lost_store);

	if (r->added)
		return 0;
	lm_genesis_find(m, f);
	if (!f->genesis.known)
		return -EAGAIN;
	int err = lm_chain_add(m->chain, &f->net->pub.id, &f->genesis.chain, votes);
	r->added = err == 0;
	return err;
}

static int restore_record(
    struct restore *r, int kind, const void *key, size_t key_len, const void *value, size_t len)
{
	struct lm_reader k = lm_reader(key, key_len);
	uint64_t height = 0;

	lm_read_u8(&k);
	if (kind == FACT_HEADER)
		height = lm_read_u64(&k);
	if (k.failed || lm_reader_left(&k))
		return -EBADMSG;
	int err = add(r, kind == FACT_TIP);
	return err ? err
		   : lm_chain_restore(r->m->chain, &r->f->net->pub.id, (enum lm_chain_record)kind,
			 height, value, len);
}

static int restore_one(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct restore *r = ctx;
	int kind = kind_of(key, key_len);

	if (is_mute(key, key_len)) {
		r->mute = true;
		return 0;
	}
	if (kind == FACT_GENESIS) {
		/* One that cannot be read is asked for like one that was never there. */
		lm_genesis_take(r->m, r->f, value, len, true, NULL);
		return 0;
	}
	return kind > FACT_HEADER ? 1 : restore_record(r, kind, key, key_len, value, len);
}

int lm_facts_restore(struct lm_membership *m, struct facts *f)
{
	struct restore r = {.m = m, .f = f};
	int err = m->ops.facts_each(m->ctx, &f->net->pub.id, restore_one, &r);

	if (err >= 0)
		err = add(&r, false);
	if (err < 0 && r.added)
		lm_chain_remove(m->chain, &f->net->pub.id);
	return err;
}
