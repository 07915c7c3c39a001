/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys that one handshake made: transport keys, replay window, and the
 * epoch's secret from which lane keys come. Control thread.
 */
#ifndef LM_SESSION_KEYPAIR_H
#define LM_SESSION_KEYPAIR_H

#include "crypto/identity.h"
#include "session/index.h"
#include "session/noise.h"
#include "session/replay.h"

struct lm_keypair {
	struct lm_index index; /* ours, by which the peer addresses it */
	uint32_t remote_index;
	bool initiator; /* we were */
	bool heard; /* something authentic came under these keys */
	uint8_t lanes;
	uint32_t epoch;
	uint32_t incarnation; /* of the peer's process */
	uint64_t born; /* mono */
	uint64_t rekey_jitter; /* ns */
	uint64_t sent; /* counter of the next message */
	struct lm_replay replay;
	uint8_t send_key[32], recv_key[32];
	struct lm_secret secret;
};

/* Takes what a finished handshake knows. NULL without memory. */
struct lm_keypair *lm_keypair_create(const struct lm_noise *n, uint64_t now);
/* Takes it out of the index map, wipes, frees; NULL is allowed. */
void lm_keypair_free(struct lm_indices *map, struct lm_keypair *kp);
bool lm_keypair_expired(const struct lm_keypair *kp, uint64_t now);

struct lm_lane_set; /* session.h */
void lm_keypair_lane_key(const struct lm_keypair *kp, const struct lm_net_id *net,
    const struct lm_secret *net_secret, const struct lm_lane_set *set, bool inbound, uint8_t lane,
    uint8_t out[36]);

#endif
