/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a network. */
#include "ledger/internal.h"

#include <sodium.h>

void lm_ledger_record_id(const struct network *net, const struct lm_key_id *author, uint8_t kind,
    const void *key, size_t key_len, uint8_t out[LM_LEAF_LEN])
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, net->digest_key, sizeof(net->digest_key), LM_LEAF_LEN);
	crypto_generichash_update(&h, (const uint8_t *)"record", 6);
	crypto_generichash_update(&h, author->b, LM_KEY_ID_LEN);
	crypto_generichash_update(&h, &kind, 1);
	if (key_len)
		crypto_generichash_update(&h, key, key_len);
	crypto_generichash_final(&h, out, LM_LEAF_LEN);
}

struct record *lm_ledger_record(const struct network *net, const uint8_t id[LM_LEAF_LEN])
{
	return (struct record *)lm_shelf_find(&net->records, id);
}

struct lm_ledger_record lm_ledger_view(const struct record *r)
{
	return (struct lm_ledger_record){
	    .author = &r->seat->gateway->key,
	    .own = r->standing != OTHERS,
	    .kind = r->kind,
	    .key_len = r->key_len,
	    .value_len = r->value_len,
	    .key = r->bytes,
	    .value = r->bytes + r->key_len,
	    .version = r->version,
	    .expiry = r->expiry,
	};
}

void lm_ledger_say_gone(struct lm_ledger *l, const struct record *r, const char *reason)
{
	struct lm_ledger_record view = lm_ledger_view(r);

	if (is_live(r) && r->standing == OTHERS)
		l->ops.gone(l->ctx, &r->net->id, &view, reason);
}

void lm_ledger_persist(struct lm_ledger *l, const struct record *r)
{
	uint8_t plain[RECORD_MAX], sealed[SECTION_FIXED + RECORD_MAX];
	struct lm_writer w = lm_writer(plain, sizeof(plain));
	struct fields f;

	if (!l->ops.persist || l->restoring)
		return;
	lm_ledger_fields_of(&f, r);
	lm_ledger_write_fields(&w, &f);
	lm_ledger_seal(l, r->net, plain, lm_writer_len(&w), sealed);
	l->ops.persist(l->ctx, &r->net->id, r->leaf.id, sealed, SECTION_FIXED + lm_writer_len(&w));
}

/* ---- bounds ---- */

static size_t weight(uint8_t key_len, uint16_t value_len)
{
	return (size_t)key_len + value_len;
}

bool lm_ledger_has_room(const struct lm_ledger *l, const struct network *net,
    const struct seat *seat, const struct fields *f, const struct record *old)
{
	const struct lm_ledger_config *c = &l->config;
	unsigned one = old ? 0 : 1;
	size_t bytes = seat->n_bytes + weight(f->key_len, f->value_len);

	if (old)
		bytes -= weight(old->key_len, old->value_len);
	return seat->n_records + one <= c->max_author_records && bytes <= c->max_author_bytes &&
	       net->records.n + one <= c->max_network_records &&
	       l->info.records + l->info.tombstones + one <= c->max_records;
}

/* sign 1: counted in; -1: out. */
static void count(struct lm_ledger *l, const struct record *r, int sign)
{
	r->seat->n_records += (uint32_t)sign;
	r->seat->n_bytes += (uint32_t)sign * (uint32_t)weight(r->key_len, r->value_len);
	if (is_live(r))
		l->info.records += (unsigned)sign;
	else
		l->info.tombstones += (unsigned)sign;
}

/* ---- putting in, taking out ---- */

static void record_free(struct lm_ledger *l, struct record *r)
{
	count(l, r, -1);
	lm_timers_release(&l->dues, &r->due);
	if (r->pending)
		TAILQ_REMOVE(&l->pending, r, push);
	free(r);
}

struct record *lm_ledger_put(struct lm_ledger *l, struct network *net, struct seat *seat,
    const uint8_t id[LM_LEAF_LEN], const struct fields *f)
{
	struct record *old = lm_ledger_record(net, id);
	struct record *r = calloc(1, sizeof(*r) + weight(f->key_len, f->value_len));

	if (!r || (!old && lm_shelf_reserve(&net->records) < 0) ||
	    lm_timers_reserve(&l->dues) < 0) {
		free(r);
		return NULL;
	}
	memcpy(r->leaf.id, id, LM_LEAF_LEN);
	lm_ledger_state_of(r->leaf.state, f);
	r->net = net;
	r->seat = seat;
	r->version = f->version;
	r->expiry = f->expiry;
	memcpy(r->signature, f->signature, LM_SIGNATURE_LEN);
	r->kind = f->kind;
	r->flags = f->flags;
	r->key_len = f->key_len;
	r->value_len = f->value_len;
	if (f->key_len)
		memcpy(r->bytes, f->key, f->key_len);
	if (f->value_len)
		memcpy(r->bytes + f->key_len, f->value, f->value_len);
	lm_shelf_put(&net->records, &r->leaf);
	net->root_valid = false;
	if (old)
		record_free(l, old);
	count(l, r, 1);
	lm_timers_set(&l->dues, &r->due, r->expiry * SECOND);
	lm_ledger_persist(l, r);
	return r;
}

void lm_ledger_drop_record(struct lm_ledger *l, struct record *r, bool forget)
{
	struct network *net = r->net;

	if (forget && l->ops.forget)
		l->ops.forget(l->ctx, &net->id, r->leaf.id);
	lm_shelf_take(&net->records, &r->leaf);
	net->root_valid = false;
	record_free(l, r);
}

void lm_ledger_drop_records(struct lm_ledger *l, struct network *net, bool forget)
{
	while (net->records.n)
		lm_ledger_drop_record(
		    l, (struct record *)net->records.at[net->records.n - 1], forget);
	lm_shelf_free(&net->records);
	net->root_valid = false;
}
