/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identities: Ed25519 keys of gateways and owners (RFC 8032, libsodium), the
 * X25519 keys derived from them (RFC 7748) for Noise and for sealing, and the
 * few keyed hashes that protocol code needs.
 *
 * Any thread, once lm_crypto_init() has returned 0. Secrets are wiped by their
 * owner with lm_wipe().
 */
#ifndef LM_CRYPTO_IDENTITY_H
#define LM_CRYPTO_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/id.h"
#include "base/why.h"

#define LM_PUBLIC_KEY_LEN 32
#define LM_SIGNATURE_LEN 64
#define LM_SECRET_LEN 32
#define LM_SEALED_SECRET_LEN (LM_SECRET_LEN + 48) /* libsodium sealed box of 32 bytes */

struct lm_public_key {
	uint8_t b[LM_PUBLIC_KEY_LEN];
};

struct lm_signature {
	uint8_t b[LM_SIGNATURE_LEN];
};

/* A network's or a session's symmetric secret. */
struct lm_secret {
	uint8_t b[LM_SECRET_LEN];
};

struct lm_identity {
	uint8_t seed[32];
	uint8_t secret[64]; /* Ed25519 */
	struct lm_public_key pub;
	struct lm_key_id id;
	uint8_t x_secret[32], x_public[32]; /* X25519, derived */
};

/* Once per process before anything else. -EIO if libsodium cannot start. */
int lm_crypto_init(void);
void lm_wipe(void *p, size_t len);
bool lm_equal_secret(const void *a, const void *b, size_t len); /* constant time */

void lm_identity_from_seed(struct lm_identity *out, const uint8_t seed[32]);
/*
 * Key files: one line "leasemesh-key-v1 <64 hex of the seed>", mode 0600; a file
 * that group or others may read is refused. -EINVAL, -EACCES, -ENOENT ... with a
 * reason that names the file.
 */
int lm_identity_load(struct lm_identity *out, const char *path, struct lm_why *why);
/* Creates the file, never overwrites one (-EEXIST); synced before it returns. */
int lm_identity_save(const struct lm_identity *id, const char *path, struct lm_why *why);

struct lm_key_id lm_key_id(const struct lm_public_key *pub);
/* The X25519 form of a public key; -EINVAL for one that is no valid point. */
int lm_public_x25519(uint8_t out[32], const struct lm_public_key *pub);
struct lm_net_id lm_net_id(const struct lm_public_key *owner, const char *name);

/*
 * Signatures are over domain || 0x00 || message, so that nothing signed for one
 * purpose can stand for another. domain is a versioned constant string.
 */
int lm_sign(struct lm_signature *out, const struct lm_identity *id, const char *domain,
    const void *msg, size_t len);
bool lm_verify(const struct lm_signature *sig, const struct lm_public_key *pub, const char *domain,
    const void *msg, size_t len);

/* Seal a secret to a public key, anonymously; open it with the identity. -EBADMSG: not for us. */
int lm_seal_secret(uint8_t out[LM_SEALED_SECRET_LEN], const struct lm_secret *secret,
    const struct lm_public_key *to);
int lm_unseal_secret(struct lm_secret *out, const uint8_t sealed[LM_SEALED_SECRET_LEN],
    const struct lm_identity *id);

/* HMAC (RFC 2104) with BLAKE2b-512 as Noise uses it, block 128 bytes. */
void lm_hmac_blake2b(uint8_t out[64], const void *key, size_t key_len, const void *msg, size_t len);
/*
 * HKDF (RFC 5869) over HMAC-BLAKE2b-512: extract with salt (may be NULL), expand
 * with info to out_len bytes, at most 255 * 64.
 */
void lm_hkdf(uint8_t *out, size_t out_len, const void *salt, size_t salt_len, const void *ikm,
    size_t ikm_len, const void *info, size_t info_len);

#endif
