/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "manifest/secret.h"

#define DERIVE_LABEL "leasemesh-network-secret-v1"
#define SEAL_LABEL "leasemesh-sealing-v1"

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct lm_public_key));
}

/* Sorted, so that the order of the document does not matter. */
static struct lm_public_key *sorted_keys(const struct lm_manifest *m)
{
	struct lm_public_key *keys = calloc(m->n_providers, sizeof(*keys));
	if (!keys)
		return NULL;
	for (unsigned i = 0; i < m->n_providers; i++)
		keys[i] = m->providers[i].key;
	qsort(keys, m->n_providers, sizeof(*keys), compare_keys);
	return keys;
}

int lm_secret_derive(
    struct lm_secret *out, const struct lm_identity *owner, const struct lm_manifest *m)
{
	struct lm_public_key *keys = sorted_keys(m);
	if (!keys)
		return -ENOMEM;
	struct lm_net_id net = lm_net_id(&owner->pub, m->network);
	uint8_t set[32];
	crypto_generichash_state h;
	crypto_generichash_init(&h, NULL, 0, sizeof(set));
	crypto_generichash_update(&h, net.b, sizeof(net.b));
	crypto_generichash_update(&h, keys->b, m->n_providers * sizeof(*keys));
	crypto_generichash_final(&h, set, sizeof(set));
	free(keys);
	lm_hkdf(out->b, sizeof(out->b), DERIVE_LABEL, strlen(DERIVE_LABEL), owner->seed,
	    sizeof(owner->seed), set, sizeof(set));
	return 0;
}

/* The ephemeral key of one sealed box: known to the owner alone, its own for each secret and key.
 */
static void ephemeral_key(uint8_t pub[crypto_box_PUBLICKEYBYTES],
    uint8_t sec[crypto_box_SECRETKEYBYTES], const struct lm_secret *secret,
    const struct lm_identity *owner, const struct lm_public_key *to)
{
	uint8_t info[LM_SECRET_LEN + LM_PUBLIC_KEY_LEN];
	memcpy(info, secret->b, LM_SECRET_LEN);
	memcpy(info + LM_SECRET_LEN, to->b, LM_PUBLIC_KEY_LEN);
	uint8_t seed[crypto_box_SEEDBYTES];
	lm_hkdf(seed, sizeof(seed), SEAL_LABEL, strlen(SEAL_LABEL), owner->seed,
	    sizeof(owner->seed), info, sizeof(info));
	crypto_box_seed_keypair(pub, sec, seed);
	lm_wipe(seed, sizeof(seed));
	lm_wipe(info, sizeof(info));
}

int lm_secret_seal(uint8_t out[LM_SEALED_SECRET_LEN], const struct lm_secret *secret,
    const struct lm_identity *owner, const struct lm_public_key *to)
{
	uint8_t recipient[crypto_box_PUBLICKEYBYTES];
	if (lm_public_x25519(recipient, to) < 0)
		return -EINVAL;
	/* libsodium's sealed box: ephemeral key || box, its nonce BLAKE2b-192 of both public keys.
	 */
	uint8_t *pub = out, sec[crypto_box_SECRETKEYBYTES], nonce[crypto_box_NONCEBYTES];
	ephemeral_key(pub, sec, secret, owner, to);
	crypto_generichash_state h;
	crypto_generichash_init(&h, NULL, 0, sizeof(nonce));
	crypto_generichash_update(&h, pub, crypto_box_PUBLICKEYBYTES);
	crypto_generichash_update(&h, recipient, sizeof(recipient));
	crypto_generichash_final(&h, nonce, sizeof(nonce));
	int err = crypto_box_easy(
	    out + crypto_box_PUBLICKEYBYTES, secret->b, LM_SECRET_LEN, nonce, recipient, sec);
	lm_wipe(sec, sizeof(sec));
	return err ? -EINVAL : 0;
}

int lm_manifest_secret(
    struct lm_secret *out, const struct lm_signed_manifest *sm, const struct lm_identity *id)
{
	int i = lm_manifest_provider(sm->manifest, &id->id);
	if (i < 0)
		return -EACCES;
	return lm_unseal_secret(out, sm->sealed[i], id);
}
