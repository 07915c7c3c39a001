/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Noise_IK_25519_ChaChaPoly_BLAKE2b (Noise Protocol Framework, revision 34) as
 * pure functions over a value: no clock, no socket, no randomness. Ephemeral
 * keys are passed in, so published vectors and simulations run the same code.
 *
 *   <- s
 *   ...
 *   -> e, es, s, ss
 *   <- e, ee, se
 *
 * Any thread. The state holds secrets: lm_wipe() it when done.
 */
#ifndef LM_SESSION_NOISE_H
#define LM_SESSION_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LM_NOISE_KEY_LEN 32
#define LM_NOISE_TAG_LEN 16
#define LM_NOISE_HASH_LEN 64
/* What the two handshake messages add to their payloads. */
#define LM_NOISE_MSG1_OVERHEAD (32 + 32 + 16 + 16)
#define LM_NOISE_MSG2_OVERHEAD (32 + 16)

#define LM_NOISE_PROLOGUE "leasemesh-session-v1"

enum lm_noise_role { LM_NOISE_INITIATOR, LM_NOISE_RESPONDER };

struct lm_noise {
	enum lm_noise_role role;
	uint8_t step; /* handshake messages done; 2: ready to split */
	bool has_key;
	uint64_t nonce;
	uint8_t k[LM_NOISE_KEY_LEN];
	uint8_t ck[LM_NOISE_HASH_LEN], h[LM_NOISE_HASH_LEN];
	uint8_t s_secret[32], s_public[32];
	uint8_t e_secret[32], e_public[32];
	uint8_t rs[32], re[32]; /* the other's static and ephemeral public keys */
};

/* rs: the responder's static key, known to the initiator; NULL for the responder. */
void lm_noise_init(struct lm_noise *n, enum lm_noise_role role, const void *prologue,
    size_t prologue_len, const uint8_t s_secret[32], const uint8_t s_public[32], const uint8_t *rs);

/*
 * Write our handshake message with a fresh ephemeral secret. Returns its length, -ENOBUFS if it
 * does not fit, -EPROTO out of turn or if a key is of low order.
 */
int lm_noise_write(struct lm_noise *n, const uint8_t e_secret[32], const void *payload, size_t len,
    uint8_t *out, size_t size);
/*
 * Read the other's handshake message; returns the payload's length. -EBADMSG if it is not
 * authentic, -ENOBUFS if the payload does not fit, -EPROTO out of turn. On any failure the state
 * is as before, so that a forged message cannot end a handshake that waits for the true one.
 */
int lm_noise_read(
    struct lm_noise *n, const uint8_t *msg, size_t len, uint8_t *payload, size_t size);
/* The two transport keys, from our point of view. -EPROTO before both messages are done. */
int lm_noise_split(const struct lm_noise *n, uint8_t send[32], uint8_t recv[32]);

/* One message under a transport key: nonce is the 64-bit counter. out: len + 16 bytes. */
void lm_noise_seal(uint8_t *out, const uint8_t key[32], uint64_t counter, const void *ad,
    size_t ad_len, const void *plain, size_t len);
/* out: len - 16 bytes. -EBADMSG; then nothing was written that may be used. */
int lm_noise_open(uint8_t *out, const uint8_t key[32], uint64_t counter, const void *ad,
    size_t ad_len, const uint8_t *sealed, size_t len);

#endif
