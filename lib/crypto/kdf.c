/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC (RFC 2104) and HKDF (RFC 5869) over BLAKE2b-512. */
#include "crypto/identity.h"

#include <assert.h>
#include <string.h>
#include <sodium.h>

#define HASH_LEN 64
#define BLOCK_LEN 128

struct hmac {
	crypto_generichash_state inner;
	uint8_t outer_pad[BLOCK_LEN];
};

static void hmac_init(struct hmac *h, const void *key, size_t key_len)
{
	uint8_t pad[BLOCK_LEN] = {0};

	if (key_len > BLOCK_LEN)
		crypto_generichash(pad, HASH_LEN, key, key_len, NULL, 0);
	else if (key_len > 0)
		memcpy(pad, key, key_len);
	for (unsigned i = 0; i < BLOCK_LEN; i++) {
		h->outer_pad[i] = pad[i] ^ 0x5c;
		pad[i] ^= 0x36;
	}
	crypto_generichash_init(&h->inner, NULL, 0, HASH_LEN);
	crypto_generichash_update(&h->inner, pad, sizeof pad);
	lm_wipe(pad, sizeof pad);
}

static void hmac_update(struct hmac *h, const void *msg, size_t len)
{
	crypto_generichash_update(&h->inner, msg, len);
}

static void hmac_final(struct hmac *h, uint8_t out[HASH_LEN])
{
	uint8_t inner[HASH_LEN];
	crypto_generichash_state outer;

	crypto_generichash_final(&h->inner, inner, sizeof inner);
	crypto_generichash_init(&outer, NULL, 0, HASH_LEN);
	crypto_generichash_update(&outer, h->outer_pad, sizeof h->outer_pad);
	crypto_generichash_update(&outer, inner, sizeof inner);
	crypto_generichash_final(&outer, out, HASH_LEN);
	lm_wipe(inner, sizeof inner);
	lm_wipe(&outer, sizeof outer);
	lm_wipe(h, sizeof *h);
}

void lm_hmac_blake2b(uint8_t out[64], const void *key, size_t key_len, const void *msg, size_t len)
{
	struct hmac h;

	hmac_init(&h, key, key_len);
	hmac_update(&h, msg, len);
	hmac_final(&h, out);
}

void lm_hkdf(uint8_t *out, size_t out_len, const void *salt, size_t salt_len, const void *ikm,
    size_t ikm_len, const void *info, size_t info_len)
{
	uint8_t prk[HASH_LEN], block[HASH_LEN];

	assert(out_len <= 255 * HASH_LEN);
	/* An absent salt stands for HASH_LEN zeros; HMAC's padding makes that the empty key. */
	lm_hmac_blake2b(prk, salt, salt ? salt_len : 0, ikm, ikm_len);
	for (uint8_t i = 1; out_len > 0; i++) {
		struct hmac h;
		size_t n = out_len < HASH_LEN ? out_len : HASH_LEN;

		hmac_init(&h, prk, sizeof prk);
		if (i > 1)
			hmac_update(&h, block, sizeof block);
		hmac_update(&h, info, info_len);
		hmac_update(&h, &i, 1);
		hmac_final(&h, block);
		memcpy(out, block, n);
		out += n;
		out_len -= n;
	}
	lm_wipe(prk, sizeof prk);
	lm_wipe(block, sizeof block);
}
