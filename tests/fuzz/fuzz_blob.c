/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pulls of blobs, and messages about them in any order and shape. What is handed out must have
 * the hash that was asked for.
 */
#include <string.h>
#include <sodium.h>

#include "base/bytes.h"
#include "fuzz.h"
#include "session/blob.h"
#include "session/state.h"

#define PEERS 3
#define CONTENT 5000

/* Without sessions: what is sent is lost, and answers come from the input. */
static struct lm_peer peers[PEERS];
static struct lm_blobs *blobs;
static uint8_t content[CONTENT], name[LM_BLOB_HASH_LEN];
static unsigned open_pulls;

static const uint8_t *on_find(void *ctx, struct lm_peer *peer, const uint8_t hash[32], size_t *len)
{
	(void)ctx;
	(void)peer;
	*len = CONTENT;
	return memcmp(hash, name, sizeof(name)) == 0 ? content : NULL;
}

static void on_pulled(void *ctx, struct lm_peer *peer, const uint8_t hash[32], int err,
    const uint8_t *bytes, size_t len, uint64_t tag)
{
	uint8_t got[32];
	(void)ctx;
	MUST(open_pulls > 0 && peer == &peers[tag]);
	open_pulls--;
	if (err) {
		MUST(!bytes && len == 0);
		return;
	}
	crypto_generichash(got, sizeof(got), bytes, len, NULL, 0);
	MUST(memcmp(got, hash, sizeof(got)) == 0);
}

/* A chunk as an honest peer would send it, but where the input says. */
static size_t honest_chunk(struct lm_reader *r, uint8_t *body)
{
	uint32_t chunk = lm_read_u8(r) % 6, offset = chunk * LM_BLOB_CHUNK;
	size_t len = offset < CONTENT ? CONTENT - offset : 0;
	if (len > LM_BLOB_CHUNK)
		len = LM_BLOB_CHUNK;
	struct lm_writer w = lm_writer(body, LM_MESSAGE_MAX);
	lm_write(&w, name, sizeof(name));
	lm_write_u32(&w, offset);
	lm_write(&w, content + offset * (len > 0), len);
	return lm_writer_len(&w);
}

static size_t any_bytes(struct lm_reader *r, uint8_t *body)
{
	size_t len = lm_read_u16(r) % LM_MESSAGE_MAX;
	bool named = lm_read_u8(r) & 1;
	memset(body, 0, len);
	lm_read(r, body, len < lm_reader_left(r) ? len : lm_reader_left(r));
	if (named && len >= sizeof(name))
		memcpy(body, name, sizeof(name));
	return len;
}

static void pull(struct lm_reader *r, const struct lm_now *now, uint8_t who)
{
	size_t size = lm_read_u16(r);
	uint8_t flags = lm_read_u8(r), hash[32] = {flags};
	if (flags & 1)
		memcpy(hash, name, sizeof(hash));
	if (flags & 2)
		size = CONTENT;
	open_pulls += lm_blob_pull(blobs, now, &peers[who], hash, size, who) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct lm_blob_ops ops = {on_find, on_pulled};
	struct lm_reader r = lm_reader(data, size);
	struct lm_now now = {1000 * NS_PER_S, 0};
	uint8_t body[LM_MESSAGE_MAX];
	for (size_t i = 0; i < CONTENT; i++)
		content[i] = (uint8_t)(i * 7 + i / 256);
	crypto_generichash(name, sizeof(name), content, CONTENT, NULL, 0);
	open_pulls = 0;
	MUST(lm_blobs_create(&blobs, &ops, NULL) == 0);
	while (!r.failed && lm_reader_left(&r) > 0) {
		uint8_t step = lm_read_u8(&r), who = step >> 4 & 3;
		who = who < PEERS ? who : 0;
		switch (step % 6) {
		case 0:
			pull(&r, &now, who);
			break;
		case 1:
			lm_blobs_message(blobs, &now, &peers[who], LM_MSG_BLOB_DATA, body,
			    honest_chunk(&r, body));
			break;
		case 2: {
			uint8_t type = LM_MSG_BLOB + lm_read_u8(&r) % 4;
			lm_blobs_message(blobs, &now, &peers[who], type, body, any_bytes(&r, body));
			break;
		}
		case 3:
			now.mono += lm_read_u16(&r) * NS_PER_MS;
			MUST(lm_blobs_tick(blobs, &now) > now.mono);
			break;
		case 4:
			lm_blobs_peer_down(blobs, &peers[who]);
			break;
		default:
			break;
		}
		MUST(open_pulls <= PEERS * LM_BLOB_PULLS_PER_PEER);
	}
	lm_blobs_free(blobs);
	return 0;
}
