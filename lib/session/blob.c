/* SPDX-License-Identifier: Apache-2.0 */
#include "session/blob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sodium.h>

#include "base/bytes.h"
#include "base/number.h"

#define NS_PER_MS 1000000ull

/*
 * Chunks asked for and not yet here: one more with each that comes, so twice as many after a round
 * trip, and half as many after a loss, as TCP has it (RFC 5681).
 */
#define WINDOW_FIRST 16
#define WINDOW_MIN 4
#define WINDOW_MAX 64
#define GET_LEN (LM_BLOB_HASH_LEN + 4)
#define RETRY_FIRST_NS (500 * NS_PER_MS) /* until a round trip was measured */
#define RETRY_MIN_NS (100 * NS_PER_MS)
#define RETRY_MAX_NS (1000 * NS_PER_MS)
#define STALL_NS (15000 * NS_PER_MS) /* without a new chunk: given up */

_Static_assert(GET_LEN + LM_BLOB_CHUNK <= LM_MESSAGE_MAX, "a chunk does not fit");

struct slot {
	uint32_t chunk;
	bool used, retried;
	uint64_t sent; /* mono */
};

struct pull {
	TAILQ_ENTRY(pull) link;
	struct lm_peer *peer;
	uint8_t hash[LM_BLOB_HASH_LEN];
	uint64_t tag;
	size_t size;
	uint32_t n_chunks, asked, got; /* asked: chunks are asked for in order, these so far */
	uint64_t retry_ns, progress; /* progress: mono of the last new chunk */
	unsigned window, open; /* open: slots in use */
	uint64_t halved; /* mono */
	struct slot slots[WINDOW_MAX];
	uint8_t *bytes;
};

struct lm_blobs {
	struct lm_blob_ops ops;
	void *ctx;
	TAILQ_HEAD(, pull) pulls;
	unsigned n;
};

int lm_blobs_create(struct lm_blobs **out, const struct lm_blob_ops *ops, void *ctx)
{
	struct lm_blobs *b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->ops = *ops;
	b->ctx = ctx;
	TAILQ_INIT(&b->pulls);
	*out = b;
	return 0;
}

static void pull_free(struct lm_blobs *b, struct pull *p)
{
	TAILQ_REMOVE(&b->pulls, p, link);
	b->n--;
	free(p->bytes);
	free(p);
}

void lm_blobs_free(struct lm_blobs *b)
{
	struct pull *p;
	if (!b)
		return;
	while ((p = TAILQ_FIRST(&b->pulls)))
		pull_free(b, p);
	free(b);
}

/* The pull leaves the list before its owner hears of it, who may start another from there. */
static void finish(struct lm_blobs *b, struct pull *p, int err)
{
	struct pull done = *p;
	p->bytes = NULL;
	pull_free(b, p);
	b->ops.pulled(b->ctx, done.peer, done.hash, err, err ? NULL : done.bytes,
	    err ? 0 : done.size, done.tag);
	free(done.bytes);
}

static struct pull *pull_find(struct lm_blobs *b, const struct lm_peer *peer, const uint8_t *hash)
{
	struct pull *p;
	TAILQ_FOREACH(p, &b->pulls, link)
	if (p->peer == peer && memcmp(p->hash, hash, LM_BLOB_HASH_LEN) == 0)
		return p;
	return NULL;
}

/* ---- the receiving side: asks ---- */

static void ask(struct pull *p, const struct lm_now *now, struct slot *slot)
{
	uint8_t body[GET_LEN];
	struct lm_writer w = lm_writer(body, sizeof(body));
	lm_write(&w, p->hash, sizeof(p->hash));
	lm_write_u32(&w, slot->chunk * LM_BLOB_CHUNK);
	slot->sent = now->mono;
	/* Without a session right now: asked again by the timer, given up by the stall. */
	lm_peer_send(p->peer, now, LM_MSG_BLOB_GET, body, sizeof(body));
}

static void ask_more(struct pull *p, const struct lm_now *now)
{
	for (size_t i = 0; p->open < p->window && p->asked < p->n_chunks; i++) {
		if (p->slots[i].used)
			continue;
		p->open++;
		p->slots[i] = (struct slot){.chunk = p->asked++, .used = true};
		ask(p, now, &p->slots[i]);
	}
}

static unsigned pulls_of(const struct lm_blobs *b, const struct lm_peer *peer)
{
	const struct pull *p;
	unsigned n = 0;
	TAILQ_FOREACH(p, &b->pulls, link)
	n += p->peer == peer;
	return n;
}

int lm_blob_pull(struct lm_blobs *b, const struct lm_now *now, struct lm_peer *peer,
    const uint8_t hash[32], size_t size, uint64_t tag)
{
	if (size == 0 || size > UINT32_MAX - LM_BLOB_CHUNK)
		return -EINVAL; /* offsets are 32 bits */
	if (pull_find(b, peer, hash))
		return -EALREADY;
	if (b->n >= LM_BLOB_PULLS_MAX || pulls_of(b, peer) >= LM_BLOB_PULLS_PER_PEER)
		return -EBUSY;
	struct pull *p = calloc(1, sizeof(*p));
	if (!p || !(p->bytes = malloc(size))) {
		free(p);
		return -ENOMEM;
	}
	p->peer = peer;
	memcpy(p->hash, hash, sizeof(p->hash));
	p->tag = tag;
	p->size = size;
	p->n_chunks = (uint32_t)((size + LM_BLOB_CHUNK - 1) / LM_BLOB_CHUNK);
	p->retry_ns = RETRY_FIRST_NS;
	p->progress = now->mono;
	p->window = WINDOW_FIRST;
	TAILQ_INSERT_TAIL(&b->pulls, p, link);
	b->n++;
	ask_more(p, now);
	return 0;
}

static void measure(struct pull *p, const struct slot *slot, uint64_t now)
{
	/* A repeated question may have been answered twice: which answer is this? (Karn) */
	if (slot->retried)
		return;
	uint64_t wait = 3 * (now - slot->sent);
	p->retry_ns = lm_min_u64(lm_max_u64(wait, RETRY_MIN_NS), RETRY_MAX_NS);
}

static void check_and_finish(struct lm_blobs *b, struct pull *p)
{
	uint8_t hash[LM_BLOB_HASH_LEN];
	crypto_generichash(hash, sizeof(hash), p->bytes, p->size, NULL, 0);
	finish(b, p, memcmp(hash, p->hash, sizeof(hash)) == 0 ? 0 : -EBADMSG);
}

static void on_data(
    struct lm_blobs *b, const struct lm_now *now, struct lm_peer *peer, struct lm_reader *r)
{
	const uint8_t *hash = lm_read_ref(r, LM_BLOB_HASH_LEN);
	uint32_t offset = lm_read_u32(r);
	struct pull *p = r->failed ? NULL : pull_find(b, peer, hash);
	struct slot *slot = NULL;
	for (size_t i = 0; p && i < WINDOW_MAX; i++)
		if (p->slots[i].used && p->slots[i].chunk * LM_BLOB_CHUNK == offset)
			slot = &p->slots[i];
	if (!slot)
		return; /* a duplicate, or not asked for */
	size_t left = p->size - offset;
	size_t want = left < LM_BLOB_CHUNK ? left : LM_BLOB_CHUNK;
	/* What the peer has under this name is not of the size that it claimed. */
	if (lm_reader_left(r) != want)
		return finish(b, p, -EBADMSG);
	lm_read(r, p->bytes + offset, want);
	measure(p, slot, now->mono);
	if (!slot->retried && p->window < WINDOW_MAX)
		p->window++;
	slot->used = false;
	p->open--;
	p->progress = now->mono;
	if (++p->got == p->n_chunks)
		check_and_finish(b, p);
	else
		ask_more(p, now);
}

static void on_none(struct lm_blobs *b, struct lm_peer *peer, struct lm_reader *r)
{
	const uint8_t *hash = lm_read_ref(r, LM_BLOB_HASH_LEN);
	struct pull *p = hash ? pull_find(b, peer, hash) : NULL;
	if (p)
		finish(b, p, -ENOENT);
}

/* ---- the sending side: answers, and keeps nothing ---- */

static void on_get(
    struct lm_blobs *b, const struct lm_now *now, struct lm_peer *peer, struct lm_reader *r)
{
	uint8_t body[GET_LEN + LM_BLOB_CHUNK];
	struct lm_writer w = lm_writer(body, sizeof(body));
	const uint8_t *hash = lm_read_ref(r, LM_BLOB_HASH_LEN);
	uint32_t offset = lm_read_u32(r);
	size_t len = 0;
	if (r->failed)
		return;
	const uint8_t *bytes = b->ops.find(b->ctx, peer, hash, &len);
	lm_write(&w, hash, LM_BLOB_HASH_LEN);
	if (!bytes || offset >= len) {
		lm_peer_send(peer, now, LM_MSG_BLOB_NONE, body, lm_writer_len(&w));
		return;
	}
	size_t n = len - offset < LM_BLOB_CHUNK ? len - offset : LM_BLOB_CHUNK;
	lm_write_u32(&w, offset);
	lm_write(&w, bytes + offset, n);
	lm_peer_send(peer, now, LM_MSG_BLOB_DATA, body, lm_writer_len(&w));
}

bool lm_blobs_message(struct lm_blobs *b, const struct lm_now *now, struct lm_peer *peer,
    uint8_t type, const uint8_t *body, size_t len)
{
	struct lm_reader r = lm_reader(body, len);
	switch (type) {
	case LM_MSG_BLOB_GET:
		on_get(b, now, peer, &r);
		return true;
	case LM_MSG_BLOB_DATA:
		on_data(b, now, peer, &r);
		return true;
	case LM_MSG_BLOB_NONE:
		on_none(b, peer, &r);
		return true;
	default:
		return false;
	}
}

void lm_blobs_peer_down(struct lm_blobs *b, struct lm_peer *peer)
{
	struct pull *p = TAILQ_FIRST(&b->pulls);
	while (p) {
		if (p->peer != peer) {
			p = TAILQ_NEXT(p, link);
			continue;
		}
		finish(b, p, -ECONNRESET);
		p = TAILQ_FIRST(&b->pulls); /* the callback may have changed the list */
	}
}

/* What is lost together counts once. */
static void slow_down(struct pull *p, uint64_t now)
{
	p->retry_ns = lm_min_u64(2 * p->retry_ns, RETRY_MAX_NS);
	if (now < p->halved + p->retry_ns)
		return;
	p->halved = now;
	p->window = p->window / 2 > WINDOW_MIN ? p->window / 2 : WINDOW_MIN;
}

/* Asks again what is overdue; returns when the next will be. */
static uint64_t retry(struct pull *p, const struct lm_now *now)
{
	uint64_t next = p->progress + STALL_NS;
	bool late = false;
	for (size_t i = 0; i < WINDOW_MAX; i++) {
		struct slot *slot = &p->slots[i];
		if (slot->used && now->mono >= slot->sent + p->retry_ns) {
			slot->retried = true;
			ask(p, now, slot);
			late = true;
		}
	}
	/* Loss may be our own doing: ask more slowly until an answer comes. */
	if (late)
		slow_down(p, now->mono);
	for (size_t i = 0; i < WINDOW_MAX; i++)
		if (p->slots[i].used)
			next = lm_min_u64(next, p->slots[i].sent + p->retry_ns);
	return next;
}

static struct pull *stalled(struct lm_blobs *b, uint64_t now)
{
	struct pull *p;
	TAILQ_FOREACH(p, &b->pulls, link)
	if (now >= p->progress + STALL_NS)
		return p;
	return NULL;
}

uint64_t lm_blobs_tick(struct lm_blobs *b, const struct lm_now *now)
{
	uint64_t next = UINT64_MAX;
	struct pull *p;
	while ((p = stalled(b, now->mono)))
		finish(b, p, -ETIMEDOUT);
	TAILQ_FOREACH(p, &b->pulls, link)
	next = lm_min_u64(next, retry(p, now));
	return next;
}
