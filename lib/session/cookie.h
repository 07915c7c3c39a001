/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands before the expensive part of a handshake. The first MAC is keyed
 * by the responder's public key: whoever does not know it gets no answer at all.
 * The second is keyed by a cookie that only the owner of the source address can
 * have received; it is asked for under load (WireGuard's paper, section 5.3).
 *
 * Control thread. Randomness is passed in.
 */
#ifndef LM_SESSION_COOKIE_H
#define LM_SESSION_COOKIE_H

#include "base/addr.h"
#include "session/wire.h"

#define LM_COOKIE_LIFE_S 120 /* of a secret; a cookie is good for one to two of these */

/* Keys that follow from the receiver's public name. */
struct lm_mac_keys {
	uint8_t mac1[32];
	uint8_t cookie[32]; /* seals cookie replies */
};

void lm_mac_keys(struct lm_mac_keys *out, const uint8_t name[LM_WIRE_NAME]);
/* Over everything before it in the datagram. key is 32 bytes (first MAC) or a cookie of 16. */
void lm_wire_mac(
    uint8_t out[LM_WIRE_MAC], const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);
bool lm_wire_mac_ok(
    const uint8_t *mac, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);

/* The secret behind the cookies that we give out, and the one before it. */
struct lm_cookie_jar {
	uint8_t secret[2][32];
	uint64_t made; /* mono; secret[0] since then */
	bool filled;
};

typedef void lm_random_fn(void *ctx, void *buf, size_t len);

/* Renew the secret if it is due. Call before the two below. */
void lm_cookie_jar_turn(struct lm_cookie_jar *jar, uint64_t now, lm_random_fn *random, void *ctx);
void lm_cookie_bake(
    uint8_t out[LM_COOKIE_LEN], const struct lm_cookie_jar *jar, const struct lm_udp_addr *from);
/* Is the second MAC of this initiation made with a cookie that we gave to this source? */
bool lm_cookie_proven(
    const struct lm_cookie_jar *jar, const struct lm_udp_addr *from, const uint8_t *initiation);

/* A whole cookie reply, LM_COOKIE_MSG_LEN bytes, to the initiation that is bound in by its MAC. */
void lm_cookie_reply(uint8_t *out, const struct lm_mac_keys *own, uint32_t receiver,
    const uint8_t nonce[LM_COOKIE_NONCE_LEN], const uint8_t cookie[LM_COOKIE_LEN],
    const uint8_t mac1[LM_WIRE_MAC]);
/* -EBADMSG unless it answers our message that had this first MAC. */
int lm_cookie_open(uint8_t cookie[LM_COOKIE_LEN], const uint8_t *reply,
    const struct lm_mac_keys *peer, const uint8_t mac1[LM_WIRE_MAC]);

#endif
