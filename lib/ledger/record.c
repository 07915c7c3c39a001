/* SPDX-License-Identifier: Apache-2.0 */
/* A record's bytes and signature. */
#include "ledger/internal.h"

#define DOMAIN "leasemesh-ledger-record-v1"

static void write_signed(struct lm_writer *w, const struct fields *f)
{
	lm_write(w, f->author.b, LM_KEY_ID_LEN);
	lm_write_u8(w, f->kind);
	lm_write_u8(w, f->flags);
	lm_write_u8(w, f->key_len);
	lm_write(w, f->key, f->key_len);
	lm_write_u64(w, f->version);
	lm_write_u64(w, f->expiry);
	lm_write_u16(w, f->value_len);
	lm_write(w, f->value, f->value_len);
}

void lm_ledger_write_fields(struct lm_writer *w, const struct fields *f)
{
	write_signed(w, f);
	lm_write(w, f->signature, LM_SIGNATURE_LEN);
}

bool lm_ledger_read_fields(struct lm_reader *r, struct fields *f)
{
	lm_read(r, f->author.b, LM_KEY_ID_LEN);
	f->kind = lm_read_u8(r);
	f->flags = lm_read_u8(r);
	f->key_len = lm_read_u8(r);
	f->key = lm_read_ref(r, f->key_len);
	f->version = lm_read_u64(r);
	f->expiry = lm_read_u64(r);
	f->value_len = lm_read_u16(r);
	f->value = lm_read_ref(r, f->value_len);
	f->signature = lm_read_ref(r, LM_SIGNATURE_LEN);
	/*
	 * A version is a time at which the record lived. One that is far ahead of all clocks would
	 * leave its author no room to write above it.
	 */
	return !r->failed && f->kind && !(f->flags & ~TOMBSTONE) && f->version &&
	       f->version / VERSIONS_OF_SECOND <= f->expiry && f->key_len <= LM_LEDGER_KEY_MAX &&
	       f->value_len <= LM_LEDGER_VALUE_MAX &&
	       (!(f->flags & TOMBSTONE) || f->value_len == 0);
}

void lm_ledger_fields_of(struct fields *out, const struct record *r)
{
	*out = (struct fields){
	    .author = r->seat->gateway->id,
	    .kind = r->kind,
	    .flags = r->flags,
	    .key_len = r->key_len,
	    .value_len = r->value_len,
	    .key = r->bytes,
	    .value = r->bytes + r->key_len,
	    .signature = r->signature,
	    .version = r->version,
	    .expiry = r->expiry,
	};
}

void lm_ledger_state_of(uint8_t out[LM_LEAF_LEN], const struct fields *f)
{
	struct lm_writer w = lm_writer(out, LM_LEAF_LEN);

	lm_write_u64(&w, f->version);
	lm_write(&w, f->signature, LM_LEAF_LEN - 8);
}

/* What is signed: the network, so that a record of one cannot stand in another, and all fields. */
static size_t message_of(
    uint8_t out[LM_NET_ID_LEN + RECORD_MAX], const struct lm_net_id *net, const struct fields *f)
{
	struct lm_writer w = lm_writer(out, LM_NET_ID_LEN + RECORD_MAX);

	lm_write(&w, net->b, LM_NET_ID_LEN);
	write_signed(&w, f);
	return lm_writer_len(&w);
}

int lm_ledger_sign(const struct lm_identity *self, const struct lm_net_id *net,
    const struct fields *f, struct lm_signature *out)
{
	uint8_t msg[LM_NET_ID_LEN + RECORD_MAX];
	size_t len = message_of(msg, net, f);

	return lm_sign(out, self, DOMAIN, msg, len);
}

bool lm_ledger_verify(
    const struct lm_public_key *author, const struct lm_net_id *net, const struct fields *f)
{
	uint8_t msg[LM_NET_ID_LEN + RECORD_MAX];
	size_t len = message_of(msg, net, f);
	struct lm_signature sig;

	memcpy(sig.b, f->signature, LM_SIGNATURE_LEN);
	return lm_verify(&sig, author, DOMAIN, msg, len);
}
