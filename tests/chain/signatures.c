/* SPDX-License-Identifier: Apache-2.0 */
#include "signatures.h"

#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#define MAX 64
#define KEY crypto_shorthash_siphashx24_KEYBYTES
_Static_assert(KEY == crypto_shorthash_siphashx24_BYTES, "a hash is the next key");

static struct {
	struct lm_public_key pub;
	uint8_t seed[32];
} known[MAX];
static unsigned n_known;
static bool real;

int __real_lm_sign(struct lm_signature *out, const struct lm_identity *id, const char *domain,
    const void *msg, size_t len);
int __wrap_lm_sign(struct lm_signature *out, const struct lm_identity *id, const char *domain,
    const void *msg, size_t len);
bool __real_lm_verify(const struct lm_signature *sig, const struct lm_public_key *pub,
    const char *domain, const void *msg, size_t len);
bool __wrap_lm_verify(const struct lm_signature *sig, const struct lm_public_key *pub,
    const char *domain, const void *msg, size_t len);

void signatures_identity(struct lm_identity *out, const uint8_t seed[32])
{
	lm_identity_from_seed(out, seed);
	if (n_known == MAX)
		abort();
	known[n_known].pub = out->pub;
	memcpy(known[n_known++].seed, seed, 32);
}

void signatures_real(bool yes)
{
	real = yes;
}

void signatures_forget(void)
{
	n_known = 0;
}

/* SipHash: what is signed is short, and nobody here looks for two messages with one signature. */
static void keyed_hash(struct lm_signature *out, const uint8_t seed[32], const char *domain,
    const void *msg, size_t len)
{
	uint8_t key[2][KEY] = {{0}};

	memset(out, 0, sizeof(*out));
	crypto_shorthash_siphashx24(key[0], seed, 32, key[1]);
	crypto_shorthash_siphashx24(key[1], (const uint8_t *)domain, strlen(domain), key[0]);
	crypto_shorthash_siphashx24(out->b, msg, len, key[1]);
}

int __wrap_lm_sign(struct lm_signature *out, const struct lm_identity *id, const char *domain,
    const void *msg, size_t len)
{
	if (real)
		return __real_lm_sign(out, id, domain, msg, len);
	keyed_hash(out, id->seed, domain, msg, len);
	return 0;
}

bool __wrap_lm_verify(const struct lm_signature *sig, const struct lm_public_key *pub,
    const char *domain, const void *msg, size_t len)
{
	struct lm_signature expected;

	if (real)
		return __real_lm_verify(sig, pub, domain, msg, len);
	for (unsigned i = 0; i < n_known; i++) {
		if (memcmp(known[i].pub.b, pub->b, sizeof(pub->b)) != 0)
			continue;
		keyed_hash(&expected, known[i].seed, domain, msg, len);
		return memcmp(expected.b, sig->b, sizeof(sig->b)) == 0;
	}
	return false;
}
