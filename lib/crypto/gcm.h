/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-256-GCM for ESP (RFC 4106) by intel-ipsec-mb, one shot a packet. One
 * engine belongs to one worker; an expanded key may be read by any thread.
 * Built against ipsec-mb 2.0 or 1.3; see docs/dependencies.md.
 */
#ifndef LM_CRYPTO_GCM_H
#define LM_CRYPTO_GCM_H

#include <stddef.h>
#include <stdint.h>

#define LM_GCM_KEY_LEN 32
#define LM_GCM_SALT_LEN 4
#define LM_GCM_KEYMAT_LEN (LM_GCM_KEY_LEN + LM_GCM_SALT_LEN) /* key || salt, RFC 4106 section 8.1 */
#define LM_GCM_IV_LEN 12
#define LM_GCM_TAG_LEN 16

struct lm_gcm_engine; /* one worker's manager */
struct lm_gcm_key;    /* expanded key, about 1 KiB, 64-byte aligned */

/* -ENOTSUP (with one log line) on a CPU without AES and PCLMUL instructions. */
int lm_gcm_engine_create(struct lm_gcm_engine **out);
void lm_gcm_engine_free(struct lm_gcm_engine *e);
/* Version text of the library in use, and whether its calls write shared memory (1.x do). */
const char *lm_gcm_library(int *writes_shared);

int lm_gcm_key_create(struct lm_gcm_key **out, struct lm_gcm_engine *e, const uint8_t key[32]);
/* Wipes and frees; NULL is allowed. */
void lm_gcm_key_free(struct lm_gcm_key *k);

/*
 * In place or not. iv is 12 bytes (salt || explicit IV). tag is 16 bytes, written
 * by seal; open writes the computed tag, the caller compares (lm_gcm_tag_equal).
 */
void lm_gcm_seal(struct lm_gcm_engine *e, const struct lm_gcm_key *k, uint8_t *out,
    const uint8_t *in, size_t len, const uint8_t *iv, const uint8_t *aad, size_t aad_len,
    uint8_t *tag);
void lm_gcm_open(struct lm_gcm_engine *e, const struct lm_gcm_key *k, uint8_t *out,
    const uint8_t *in, size_t len, const uint8_t *iv, const uint8_t *aad, size_t aad_len,
    uint8_t *tag);

static inline int lm_gcm_tag_equal(const uint8_t *a, const uint8_t *b)
{
	uint64_t x[2], y[2];
	__builtin_memcpy(x, a, 16);
	__builtin_memcpy(y, b, 16);
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

#endif
