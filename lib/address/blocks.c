/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our address blocks: asked for before they are needed, given back when they are not. The store
 * has a mark for each. One without it may have been ours in a life of which nothing is left, so
 * nothing is given out of it until whatever was has ended.
 */
#include "address/internal.h"

#define ASSIGNS 4 /* on their way at once */
#define USELESS 2 /* address blocks without a single address, then we ask for no more */
#define FREE_APART 60 /* s; the members do not all propose it at once */

struct block *lm_address_block(const struct network *net, uint32_t block)
{
	unsigned low = 0, high = net->n_blocks;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		if (net->blocks[mid].index == block)
			return &net->blocks[mid];
		if (net->blocks[mid].index < block)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

void lm_address_blocks_free(struct network *net)
{
	free(net->blocks);
	net->blocks = NULL;
	net->n_blocks = net->room_blocks = 0;
}

bool lm_address_usable(const struct network *net, uint32_t index)
{
	const struct lm_manifest *m = net->man;

	return (!m->ipv4.ip.family || lm_manifest_pool_ip(m, 4, index).family) &&
	       (!m->ipv6.ip.family || lm_manifest_pool_ip(m, 6, index).family);
}

/* What a prefix or the pool cuts off is at the ends. */
static void set_range(const struct network *net, struct block *b)
{
	uint64_t low = (uint64_t)b->index * net->info.block_size;
	uint64_t high = lm_min_u64(low + net->info.block_size, net->man->pool.n);

	while (low < high && !lm_address_usable(net, (uint32_t)low))
		low++;
	while (high > low && !lm_address_usable(net, (uint32_t)high - 1))
		high--;
	b->low = (uint32_t)low;
	b->high = (uint32_t)lm_max_u64(high, low);
	b->next = b->low;
}

void lm_address_blocks_range(struct network *net)
{
	for (unsigned i = 0; i < net->n_blocks; i++)
		set_range(net, &net->blocks[i]);
}

/* The one there is, or a new one; NULL: no memory. */
static struct block *add(struct network *net, uint32_t block)
{
	struct block *b = lm_address_block(net, block);

	if (b)
		return b;
	if (net->n_blocks == net->room_blocks) {
		unsigned room = net->room_blocks ? 2 * net->room_blocks : 4;
		struct block *more = realloc(net->blocks, room * sizeof(*more));
		if (!more)
			return NULL;
		net->blocks = more;
		net->room_blocks = room;
	}
	unsigned at = net->n_blocks++;
	for (; at && net->blocks[at - 1].index > block; at--)
		net->blocks[at] = net->blocks[at - 1];
	net->blocks[at] = (struct block){.index = block};
	set_range(net, &net->blocks[at]);
	return &net->blocks[at];
}

void lm_address_block_granted(struct network *net, uint32_t block)
{
	struct block *b = block < net->info.n_blocks ? add(net, block) : NULL;

	if (!b)
		return;
	b->granted = b->dirty = true;
	b->until = b->until_utc = 0;
}

/* ---- reading the chain ---- */

static void became_ours(const struct network *net, struct block *b)
{
	b->ours = true;
	if (b->marked && !b->dirty)
		return;
	b->dirty = true;
	b->releasing = false;
	if (b->granted)
		return;
	b->until = now_mono(net) + LM_ADDRESS_QUARANTINE * SECOND;
	b->until_utc = now_utc(net) + LM_ADDRESS_QUARANTINE;
}

static int read_block(void *ctx, uint32_t block, const struct lm_chain_block *b)
{
	struct network *net = ctx;

	if (b->until && (net->quarantined_until == 0 || b->until < net->quarantined_until)) {
		net->quarantined_until = b->until;
		net->quarantined = block;
	}
	struct block *ours = lm_address_is_self(net, b->owner) ? add(net, block) : NULL;
	if (ours)
		ours->used = 1; /* it is there, for now */
	return 0;
}

void lm_address_blocks_read(struct network *net)
{
	unsigned n = 0;

	for (unsigned i = 0; i < net->n_blocks; i++)
		net->blocks[i].used = 0;
	net->quarantined_until = 0;
	lm_chain_each_block(net->address->chain, &net->id, read_block, net);
	for (unsigned i = 0; i < net->n_blocks; i++) {
		struct block *b = &net->blocks[i];
		if (b->used && !b->ours)
			became_ours(net, b);
		else if (!b->used && (b->ours || b->marked)) {
			b->ours = b->granted = b->releasing = false;
			b->dirty = b->marked;
		}
		b->used = b->busy = 0;
		b->full = false;
		if (b->ours || b->marked || b->granted)
			net->blocks[n++] = *b;
	}
	net->n_blocks = n;
}

/* ---- durable ---- */

static int write_block(struct network *net, const struct block *b)
{
	uint8_t key[5], value[10];
	struct lm_writer k = lm_writer(key, sizeof(key)), v = lm_writer(value, sizeof(value));

	lm_write_u8(&k, STORE_BLOCK);
	lm_write_u32(&k, b->index);
	if (b->ours) {
		lm_write_u8(&v, STORE_FORMAT);
		lm_write_u8(&v, b->releasing);
		lm_write_u64(&v, b->until_utc);
	}
	return lm_address_store(net, key, lm_writer_len(&k), value, lm_writer_len(&v));
}

bool lm_address_blocks_write(struct network *net, unsigned *budget)
{
	for (unsigned i = 0; i < net->n_blocks; i++) {
		struct block *b = &net->blocks[i];
		if (!b->dirty || (!b->ours && b->granted))
			continue;
		if (*budget == 0) {
			wake_at(net, now_mono(net));
			return false;
		}
		--*budget;
		if (write_block(net, b) < 0) {
			*budget = 0;
			wake_at(net, now_mono(net) + SECOND);
			return false;
		}
		b->dirty = false;
		b->marked = b->ours;
	}
	return true;
}

int lm_address_block_restore(struct network *net, uint32_t block, struct lm_reader *r)
{
	uint8_t releasing = lm_read_u8(r);
	uint64_t until = lm_read_u64(r), now = now_utc(net);

	if (r->failed || lm_reader_left(r) || releasing > 1 || block >= net->info.n_blocks ||
	    lm_address_block(net, block))
		return -EBADMSG;
	struct block *b = add(net, block);
	if (!b)
		return -ENOMEM;
	b->marked = true;
	b->releasing = releasing;
	b->until_utc = until;
	if (until > now)
		b->until = now_mono(net) + lm_min_u64(until - now, LM_ADDRESS_QUARANTINE) * SECOND;
	return 0;
}

/* ---- giving out ---- */

static bool is_sure(const struct network *net, const struct block *b)
{
	return b->ours && b->marked && !b->dirty && !b->releasing && now_mono(net) >= b->until;
}

static bool is_free(const struct network *net, uint32_t index)
{
	const struct record *r = lm_address_record(net, index);

	return !r || r->state == RECORD_FREE;
}

uint32_t lm_address_pick(struct network *net)
{
	for (unsigned i = 0; i < net->n_blocks; i++) {
		struct block *b = &net->blocks[i];
		if (b->full || !is_sure(net, b))
			continue;
		for (uint32_t left = b->high - b->low; left; left--) {
			uint32_t index = b->next < b->high ? b->next : b->low;
			b->next = index + 1;
			if (is_free(net, index))
				return index;
		}
		b->full = true;
	}
	return LM_ADDRESS_NONE;
}

/* ---- wishes ---- */

/* What there is has no address by this manifest, or is somebody's. */
bool lm_address_none_left(const struct network *net)
{
	unsigned useless = 0;

	for (unsigned i = 0; i < net->n_blocks; i++)
		useless += net->blocks[i].ours && net->blocks[i].low == net->blocks[i].high;
	return useless >= USELESS ||
	       net->info.n_owned + net->info.n_quarantined >= net->info.n_blocks;
}

static unsigned count_free(const struct network *net)
{
	unsigned n = 0;

	for (unsigned i = 0; i < net->n_blocks; i++) {
		const struct block *b = &net->blocks[i];
		/* One that has yet to be marked will be used in a moment. */
		if (b->ours && !b->releasing && now_mono(net) >= b->until)
			n += b->high - b->low - b->busy;
	}
	return n;
}

static unsigned count_needed(const struct network *net)
{
	unsigned n = 0;

	for (unsigned i = 0; i < net->n_order; i++) {
		const struct spot *spot = &net->spots[net->order[i]];
		n += spot->attached && !spot->known && !spot->record;
	}
	return n;
}

/* No majority consents to more (may_assign in consent.c). */
static bool has_most(const struct network *net)
{
	unsigned n = 0;

	for (unsigned i = 0; i < net->n_blocks; i++)
		n += net->blocks[i].ours;
	return (uint64_t)n * net->info.block_size >= LM_ENDPOINTS_MAX &&
	       (!net->info.member || n >= LM_CHAIN_BLOCKS_ALONE);
}

/* True: we want more, or wait for some. */
static bool wish_more(struct network *net)
{
	unsigned size = net->info.block_size, needed = count_needed(net);
	uint64_t there = count_free(net);
	uint64_t want = needed + (net->n_attached ? (size + 3) / 4 : 0);
	struct lm_chain_command c = {.kind = LM_CHAIN_ASSIGN};

	there += (uint64_t)net->n_kind[LM_CHAIN_ASSIGN] * size;
	if (net->no_block || has_most(net))
		return needed;
	while (there < want && net->n_kind[LM_CHAIN_ASSIGN] < ASSIGNS &&
	       lm_address_pace(net, LM_CHAIN_ASSIGN) && lm_address_propose(net, &c))
		there += size;
	return needed || net->n_kind[LM_CHAIN_ASSIGN];
}

/* The last one that is empty, if there are more than we keep. */
static struct block *superfluous(struct network *net)
{
	uint64_t idle = net->idle_since ? now_mono(net) - net->idle_since : 0;
	bool over = net->idle_since && idle >= LM_ADDRESS_REST * SECOND;
	struct block *last = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < net->n_blocks; i++) {
		struct block *b = &net->blocks[i];
		if (!is_sure(net, b) || b->used)
			continue;
		last = b;
		n++;
	}
	if (n && net->idle_since && !over)
		wake_at(net, net->idle_since + LM_ADDRESS_REST * SECOND);
	return n > (over ? 0u : 1u) ? last : NULL;
}

static void wish_less(struct network *net)
{
	struct lm_chain_command c = {
	    .kind = LM_CHAIN_RELEASE, .until = now_utc(net) + LM_ADDRESS_QUARANTINE};

	for (unsigned i = 0; i < net->n_blocks; i++) {
		const struct block *b = &net->blocks[i];
		if (!b->ours || !b->releasing)
			continue;
		c.block = b->index;
		/* Durable first: after a crash nothing may be given out of what is on its way. */
		if (!b->dirty && !lm_address_op_of(net, c.kind, b->index) &&
		    lm_address_pace(net, c.kind))
			lm_address_propose(net, &c);
		return;
	}
	struct block *b = superfluous(net);
	if (!b)
		return;
	b->releasing = b->dirty = true;
	wake_at(net, now_mono(net));
}

static void wish_quarantine_over(struct network *net)
{
	int rank = lm_address_rank(net);
	struct lm_chain_command c = {.kind = LM_CHAIN_FREE, .block = net->quarantined};

	if (net->quarantined_until == 0 || rank < 0)
		return;
	uint64_t at = net->quarantined_until + (uint64_t)rank * FREE_APART;
	if (now_utc(net) < at)
		wake_at(net, now_mono(net) + lm_min_u64(at - now_utc(net), 86400) * SECOND);
	else if (!net->n_kind[LM_CHAIN_FREE] && lm_address_pace(net, LM_CHAIN_FREE))
		lm_address_propose(net, &c);
}

void lm_address_blocks_wish(struct network *net)
{
	for (unsigned i = 0; i < net->n_blocks; i++)
		if (net->blocks[i].ours && now_mono(net) < net->blocks[i].until)
			wake_at(net, net->blocks[i].until);
	if (!wish_more(net))
		wish_less(net);
	wish_quarantine_over(net);
}
