/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

_Static_assert(LM_SEALED_SECRET_LEN == LM_SECRET_LEN + crypto_box_SEALBYTES, "sealed box");
_Static_assert(LM_PUBLIC_KEY_LEN == crypto_sign_PUBLICKEYBYTES, "Ed25519 public key");
_Static_assert(LM_SIGNATURE_LEN == crypto_sign_BYTES, "Ed25519 signature");
_Static_assert(LM_KEY_ID_LEN >= crypto_generichash_BYTES_MIN, "key id");

int lm_crypto_init(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

void lm_wipe(void *p, size_t len)
{
	sodium_memzero(p, len);
}

bool lm_equal_secret(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

void lm_identity_from_seed(struct lm_identity *out, const uint8_t seed[32])
{
	memcpy(out->seed, seed, sizeof out->seed);
	crypto_sign_seed_keypair(out->pub.b, out->secret, seed);
	out->id = lm_key_id(&out->pub);
	crypto_sign_ed25519_sk_to_curve25519(out->x_secret, out->secret);
	crypto_scalarmult_base(out->x_public, out->x_secret);
}

struct lm_key_id lm_key_id(const struct lm_public_key *pub)
{
	struct lm_key_id id;

	crypto_generichash(id.b, sizeof id.b, pub->b, sizeof pub->b, NULL, 0);
	return id;
}

int lm_public_x25519(uint8_t out[32], const struct lm_public_key *pub)
{
	return crypto_sign_ed25519_pk_to_curve25519(out, pub->b) < 0 ? -EINVAL : 0;
}

struct lm_net_id lm_net_id(const struct lm_public_key *owner, const char *name)
{
	struct lm_net_id id;
	crypto_generichash_state h;

	/* The key has a fixed length, so no other (key, name) gives the same bytes. */
	crypto_generichash_init(&h, NULL, 0, sizeof id.b);
	crypto_generichash_update(&h, owner->b, sizeof owner->b);
	crypto_generichash_update(&h, (const uint8_t *)name, strlen(name));
	crypto_generichash_final(&h, id.b, sizeof id.b);
	return id;
}

/* domain || 0x00 || message: to be freed. NULL without memory. */
static uint8_t *in_domain(const char *domain, const void *msg, size_t len, size_t *total)
{
	size_t prefix = strlen(domain) + 1;

	if (len > SIZE_MAX - prefix)
		return NULL;
	uint8_t *bytes = malloc(prefix + len);
	if (!bytes)
		return NULL;
	memcpy(bytes, domain, prefix);
	if (len)
		memcpy(bytes + prefix, msg, len);
	*total = prefix + len;
	return bytes;
}

int lm_sign(struct lm_signature *out, const struct lm_identity *id, const char *domain,
    const void *msg, size_t len)
{
	size_t total;
	uint8_t *bytes = in_domain(domain, msg, len, &total);

	if (!bytes)
		return -ENOMEM;
	crypto_sign_detached(out->b, NULL, bytes, total, id->secret);
	free(bytes);
	return 0;
}

bool lm_verify(const struct lm_signature *sig, const struct lm_public_key *pub, const char *domain,
    const void *msg, size_t len)
{
	size_t total;
	uint8_t *bytes = in_domain(domain, msg, len, &total);

	if (!bytes)
		return false;
	bool good = crypto_sign_verify_detached(sig->b, bytes, total, pub->b) == 0;
	free(bytes);
	return good;
}

int lm_seal_secret(uint8_t out[LM_SEALED_SECRET_LEN], const struct lm_secret *secret,
    const struct lm_public_key *to)
{
	uint8_t x_public[32];

	if (lm_public_x25519(x_public, to) < 0 ||
	    crypto_box_seal(out, secret->b, sizeof secret->b, x_public) < 0)
		return -EINVAL;
	return 0;
}

int lm_unseal_secret(
    struct lm_secret *out, const uint8_t sealed[LM_SEALED_SECRET_LEN], const struct lm_identity *id)
{
	if (crypto_box_seal_open(out->b, sealed, LM_SEALED_SECRET_LEN, id->x_public, id->x_secret) <
	    0)
		return -EBADMSG;
	return 0;
}
