/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs: what is larger than a datagram (a manifest) is named by its BLAKE2b-256
 * hash, pulled by the receiver in chunks and checked at the end. The sender keeps
 * no state; the receiver paces itself and asks again for what was lost.
 *
 * Deterministic, control thread only.
 */
#ifndef LM_SESSION_BLOB_H
#define LM_SESSION_BLOB_H

#include "session/session.h"

#define LM_BLOB_HASH_LEN 32
#define LM_BLOB_CHUNK 1024
#define LM_BLOB_PULLS_MAX 64 /* at once, over all peers; per peer LM_BLOB_PULLS_PER_PEER */
#define LM_BLOB_PULLS_PER_PEER 4

enum { LM_MSG_BLOB_GET = LM_MSG_BLOB, LM_MSG_BLOB_DATA, LM_MSG_BLOB_NONE };

struct lm_blobs;

struct lm_blob_ops {
	/* A blob that we may give to this peer, valid until the caller returns; or NULL. */
	const uint8_t *(*find)(
	    void *ctx, struct lm_peer *peer, const uint8_t hash[32], size_t *len);
	/* A pull ended: 0 and the checked bytes, or -ETIMEDOUT, -ENOENT, -EBADMSG, -ECONNRESET. */
	void (*pulled)(void *ctx, struct lm_peer *peer, const uint8_t hash[32], int err,
	    const uint8_t *bytes, size_t len, uint64_t tag);
};

int lm_blobs_create(struct lm_blobs **out, const struct lm_blob_ops *ops, void *ctx);
void lm_blobs_free(struct lm_blobs *b);
/*
 * size is what the peer claims; bounded by the caller. -EALREADY if it is under way, -EBUSY at a
 * bound, -EINVAL for a size of 0. pulled is called later, never from here.
 */
int lm_blob_pull(struct lm_blobs *b, const struct lm_now *now, struct lm_peer *peer,
    const uint8_t hash[32], size_t size, uint64_t tag);
/* Returns true if the message was one of ours. */
bool lm_blobs_message(struct lm_blobs *b, const struct lm_now *now, struct lm_peer *peer,
    uint8_t type, const uint8_t *body, size_t len);
/* Drops the pulls of a peer that is about to go away (pulled is called with -ECONNRESET). */
void lm_blobs_peer_down(struct lm_blobs *b, struct lm_peer *peer);
uint64_t lm_blobs_tick(struct lm_blobs *b, const struct lm_now *now);

#endif
