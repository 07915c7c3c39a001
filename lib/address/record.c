/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses of our blocks that are not free: given to an endpoint, or resting after that. An
 * address is given once that is durable. Everything else may reach the store later: what it says
 * then keeps an address from being given out for longer, never for a shorter time.
 */
#include "address/internal.h"

struct record *lm_address_record(const struct network *net, uint32_t index)
{
	struct record *r;

	HASH_FIND(hh, net->records, &index, sizeof(index), r);
	return r;
}

static struct block *block_of(const struct network *net, uint32_t index)
{
	return lm_address_block(net, index / net->info.block_size);
}

static void set_dirty(struct network *net, struct record *r)
{
	if (!r->dirty)
		TAILQ_INSERT_TAIL(&net->dirty, r, entry);
	r->dirty = true;
}

static void set_clean(struct network *net, struct record *r)
{
	if (r->dirty)
		TAILQ_REMOVE(&net->dirty, r, entry);
	r->dirty = false;
}

static struct record *add(struct network *net, uint32_t index)
{
	struct record *r = lm_address_record(net, index);

	if (r || HASH_COUNT(net->records) >= RECORDS_MAX)
		return r;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	*r = (struct record){.index = index, .state = RECORD_FREE};
	HASH_ADD(hh, net->records, index, sizeof(r->index), r);
	return r;
}

static void drop(struct network *net, struct record *r)
{
	set_clean(net, r);
	HASH_DEL(net->records, r);
	free(r);
}

void lm_address_records_free(struct network *net)
{
	struct record *r, *next;

	HASH_ITER(hh, net->records, r, next)
	drop(net, r);
}

/* ---- what becomes of them ---- */

static void set_given(struct record *r, const uint8_t *key, size_t key_len)
{
	r->state = RECORD_GIVEN;
	r->key_len = (uint8_t)key_len;
	memcpy(r->key, key, key_len);
	r->until = r->until_utc = r->serial = 0;
	r->fresh = r->forgotten = false;
}

static bool is_key(const struct record *r, const uint8_t *key, size_t key_len)
{
	return r->key_len == key_len && memcmp(r->key, key, key_len) == 0;
}

void lm_address_record_seen(struct network *net, const struct lm_chain_endpoint *e)
{
	struct record *r = add(net, e->address);

	if (!r)
		return;
	r->mark = net->mark;
	r->fresh = false;
	if (r->state == RECORD_GIVEN && is_key(r, e->key, e->key_len))
		return;
	set_given(r, e->key, e->key_len);
	set_dirty(net, r);
}

/*
 * Others than we may have served it, unless the chain has never known it, or we, who were the first
 * to have it, have had it forgotten ourselves. A MOVE of ours may still be decided until the chain
 * knows a higher serial than the one that it was proposed with.
 */
static void rest(struct network *net, struct record *r, const struct spot *spot)
{
	uint64_t seconds = r->fresh || r->forgotten ? LM_ADDRESS_REST : LM_ADDRESS_QUARANTINE;

	r->state = RECORD_RESTING;
	r->fresh = r->forgotten = false;
	r->until = now_mono(net) + seconds * SECOND;
	r->until_utc = now_utc(net) + seconds;
	r->serial = net->man->serial - (spot == NULL);
	set_dirty(net, r);
}

/* Given, and the chain does not know it: still the endpoint's if it may be ours. */
static void settle_given(struct network *net, struct record *r)
{
	struct spot *spot = lm_address_spot(net, r->key, r->key_len);

	if (spot && !spot->known && !spot->record &&
	    may_be_ours(net, (unsigned)(spot - net->spots)))
		spot->record = r;
	else
		rest(net, r, spot);
}

static void settle_resting(struct network *net, struct record *r)
{
	if (now_mono(net) < r->until) {
		net->rest_at = lm_min_u64(net->rest_at, r->until);
		return;
	}
	if (net->info.serial <= r->serial) {
		net->stale = true;
		return;
	}
	r->state = RECORD_FREE;
	set_dirty(net, r);
}

void lm_address_records_settle(struct network *net)
{
	struct record *r, *next;

	net->rest_at = LM_NEVER;
	net->stale = false;
	HASH_ITER(hh, net->records, r, next)
	{
		struct block *b = block_of(net, r->index);
		if (!b || !b->ours) {
			r->state = RECORD_FREE;
			set_dirty(net, r);
			continue;
		}
		if (r->state == RECORD_GIVEN && r->mark != net->mark)
			settle_given(net, r);
		if (r->state == RECORD_RESTING)
			settle_resting(net, r);
		if (r->state != RECORD_FREE)
			lm_address_block_use(b, r->index);
	}
}

/* ---- durable ---- */

static int write_record(struct network *net, const struct record *r)
{
	uint8_t key[5], value[LM_ADDRESS_STORE_VALUE_MAX];
	struct lm_writer k = lm_writer(key, sizeof(key)), v = lm_writer(value, sizeof(value));

	lm_write_u8(&k, STORE_ADDRESS);
	lm_write_u32(&k, r->index);
	if (r->state != RECORD_FREE) {
		lm_write_u8(&v, STORE_FORMAT);
		lm_write_u8(&v, r->state);
		lm_write_u64(&v, r->until_utc);
		lm_write_u64(&v, r->serial);
		lm_write_u8(&v, r->key_len);
		lm_write(&v, r->key, r->key_len);
	}
	return lm_address_store(net, key, lm_writer_len(&k), value, lm_writer_len(&v));
}

/* As many as the budget allows, in one transaction. How many were written, or a negative errno. */
static int write_dirty(struct network *net, unsigned budget)
{
	struct record *r;
	int n = 0, err = 0;

	lm_address_store_begin(net);
	TAILQ_FOREACH(r, &net->dirty, entry)
	{
		if ((unsigned)n == budget || (err = write_record(net, r)) < 0)
			break;
		n++;
	}
	int failed = lm_address_store_commit(net);
	return err < 0 ? err : failed < 0 ? failed : n;
}

bool lm_address_records_write(struct network *net, unsigned *budget)
{
	if (TAILQ_EMPTY(&net->dirty))
		return true;
	int n = write_dirty(net, *budget);
	if (n < 0) {
		*budget = 0;
		wake_at(net, now_mono(net) + SECOND);
		return false;
	}
	*budget -= (unsigned)n;
	for (; n > 0; n--) {
		struct record *r = TAILQ_FIRST(&net->dirty);
		set_clean(net, r);
		if (r->state == RECORD_FREE)
			drop(net, r);
	}
	if (!TAILQ_EMPTY(&net->dirty))
		wake_at(net, now_mono(net));
	return TAILQ_EMPTY(&net->dirty);
}

int lm_address_record_give(struct network *net, unsigned endpoint)
{
	struct spot *spot = &net->spots[endpoint];
	uint32_t index = lm_address_pick(net);
	uint8_t key[LM_CHAIN_KEY_MAX];
	size_t len = lm_endpoint_key(key, net->man, endpoint);

	if (index == LM_ADDRESS_NONE)
		return -ENOSPC;
	struct record *r = add(net, index);
	if (!r)
		return -ENOMEM;
	set_given(r, key, len);
	int err = write_record(net, r);
	if (err < 0) {
		/* It may be there all the same; then it is the endpoint's after a crash. */
		r->state = RECORD_FREE;
		set_dirty(net, r);
		return err;
	}
	set_clean(net, r);
	r->fresh = true;
	r->mark = net->mark;
	lm_address_block_use(block_of(net, index), index);
	spot->record = r;
	return 0;
}

/* It may be there all the same; then it is the endpoint's after a crash. */
void lm_address_record_take_back(struct network *net, unsigned endpoint)
{
	struct spot *spot = &net->spots[endpoint];
	struct record *r = spot->record;

	lm_address_block_unuse(block_of(net, r->index), r->index);
	spot->record = NULL;
	r->state = RECORD_FREE;
	set_dirty(net, r);
}

int lm_address_record_restore(struct network *net, uint32_t index, struct lm_reader *v)
{
	uint8_t state = lm_read_u8(v);
	uint64_t until = lm_read_u64(v), serial = lm_read_u64(v), now = now_utc(net);
	uint8_t key_len = lm_read_u8(v);
	const uint8_t *key = lm_read_ref(v, key_len);

	if (v->failed || lm_reader_left(v) || key_len == 0 || key_len > LM_CHAIN_KEY_MAX ||
	    (state != RECORD_GIVEN && state != RECORD_RESTING) ||
	    index >= (uint64_t)net->info.n_blocks * net->info.block_size ||
	    lm_address_record(net, index))
		return -EBADMSG;
	struct record *r = add(net, index);
	if (!r)
		return HASH_COUNT(net->records) >= RECORDS_MAX ? -EBADMSG : -ENOMEM;
	set_given(r, key, key_len);
	r->state = state;
	r->serial = serial;
	r->until_utc = until;
	if (state == RECORD_RESTING)
		r->until =
		    now_mono(net) +
		    (until > now ? lm_min_u64(until - now, LM_ADDRESS_QUARANTINE) : 0) * SECOND;
	return 0;
}
