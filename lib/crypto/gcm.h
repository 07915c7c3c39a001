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
/* key || salt, RFC 4106 section 8.1 */
#define LM_GCM_KEYMAT_LEN (LM_GCM_KEY_LEN + LM_GCM_SALT_LEN)
#define LM_GCM_IV_LEN 12
#define LM_GCM_TAG_LEN 16

struct lm_gcm_key; /* expanded key, about 1 KiB, 64-byte aligned */

/* ipsec-mb's types and its call, named here so that nobody else needs its header. */
struct IMB_MGR;
struct gcm_key_data;
struct gcm_context_data;
typedef void (*lm_gcm_call)(const struct gcm_key_data *key, struct gcm_context_data *ctx,
    uint8_t *out, const uint8_t *in, uint64_t len, const uint8_t *iv, const uint8_t *aad,
    uint64_t aad_len, uint8_t *tag, uint64_t tag_len);

/* One worker's. The calls are copied out of the manager, which is large: one line to touch. */
struct lm_gcm_engine {
	lm_gcm_call enc, dec;
	struct gcm_context_data *ctx; /* scratch of a call */
	struct IMB_MGR *mgr;
	uint64_t pad[4]; /* a cache line of its own */
};

/* -ENOTSUP (with one log line) on a CPU without AES and PCLMUL instructions. */
int lm_gcm_engine_create(struct lm_gcm_engine **out);
void lm_gcm_engine_free(struct lm_gcm_engine *e);
/* Version text of the library in use, and whether its calls write shared memory (1.x do). */
const char *lm_gcm_library(int *writes_shared);

int lm_gcm_key_create(struct lm_gcm_key **out, struct lm_gcm_engine *e, const uint8_t key[32]);
/* Wipes and frees; NULL is allowed. */
void lm_gcm_key_free(struct lm_gcm_key *k);

/* The lines of it that every packet reads: round keys and the first powers of the hash key. */
static inline void lm_gcm_prefetch(const struct lm_gcm_key *k)
{
	for (unsigned i = 0; i < 6; i++)
		__builtin_prefetch((const char *)k + 64 * i, 0, 3);
}

/*
 * In place or not. iv is 12 bytes (salt || explicit IV). tag is 16 bytes, written
 * by seal; open writes the computed tag, the caller compares (lm_gcm_tag_equal).
 */
static inline void lm_gcm_seal(struct lm_gcm_engine *e, const struct lm_gcm_key *k, uint8_t *out,
    const uint8_t *in, size_t len, const uint8_t *iv, const uint8_t *aad, size_t aad_len,
    uint8_t *tag)
{
	e->enc((const struct gcm_key_data *)k, e->ctx, out, in, len, iv, aad, aad_len, tag,
	    LM_GCM_TAG_LEN);
}

static inline void lm_gcm_open(struct lm_gcm_engine *e, const struct lm_gcm_key *k, uint8_t *out,
    const uint8_t *in, size_t len, const uint8_t *iv, const uint8_t *aad, size_t aad_len,
    uint8_t *tag)
{
	e->dec((const struct gcm_key_data *)k, e->ctx, out, in, len, iv, aad, aad_len, tag,
	    LM_GCM_TAG_LEN);
}

/* In constant time. */
static inline int lm_gcm_tag_equal(const uint8_t *a, const uint8_t *b)
{
	uint64_t x[2], y[2];
	__builtin_memcpy(x, a, 16);
	__builtin_memcpy(y, b, 16);
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

#endif
