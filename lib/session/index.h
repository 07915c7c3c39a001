/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receiver indices: the 32-bit random numbers by which datagrams name the
 * handshake or the keys they belong to. Control thread.
 */
#ifndef LM_SESSION_INDEX_H
#define LM_SESSION_INDEX_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

struct lm_peer;
struct lm_keypair;

struct lm_index {
	uint32_t value;
	struct lm_peer *peer;
	struct lm_keypair *keypair; /* NULL: the peer's handshake under way */
	UT_hash_handle hh;
};

struct lm_indices {
	struct lm_index *head;
	void (*random)(void *ctx, void *buf, size_t len);
	void *ctx;
};

/* Gives ix a fresh random value and finds it from now on. */
void lm_index_add(
    struct lm_indices *map, struct lm_index *ix, struct lm_peer *peer, struct lm_keypair *keypair);
/* The handshake has become keys: they take over its value, which the peer knows them by. */
void lm_index_hand_over(
    struct lm_indices *map, struct lm_index *from, struct lm_index *to, struct lm_keypair *keypair);
void lm_index_remove(struct lm_indices *map, struct lm_index *ix); /* no-op if it is not in */
struct lm_index *lm_index_find(const struct lm_indices *map, uint32_t value);

#endif
