/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That an owner signed one serial twice. All gateways settle on the same document, but whoever gets
 * only that one could not know, and an operator or tenant who looks there would see nothing wrong.
 * So the one that lost is kept beside it, one a network, and passed on as proof (gossip.c) until
 * every gateway of the network has said it.
 */
#include "membership/internal.h"

#define PROOF_BYTES_MAX ((size_t)16 << 20) /* of all networks; beyond, each says it for itself */

struct proof *lm_proof_new(struct lm_membership *m, const struct lm_signed_manifest *sm)
{
	struct proof *proof = calloc(1, sizeof(*proof));

	if (!proof)
		return NULL;
	memcpy(proof->hash, sm->hash, sizeof(proof->hash));
	proof->size = (uint32_t)sm->len;
	if (m->proof_bytes + sm->len > PROOF_BYTES_MAX || !(proof->bytes = malloc(sm->len))) {
		m->drops[LM_MD_LIMIT]++;
		return proof;
	}
	memcpy(proof->bytes, sm->bytes, sm->len);
	m->proof_bytes += sm->len;
	return proof;
}

void lm_proof_free(struct lm_membership *m, struct proof *proof)
{
	if (!proof)
		return;
	if (proof->bytes)
		m->proof_bytes -= proof->size;
	free(proof->bytes);
	free(proof);
}

void lm_proof_keep(struct lm_membership *m, struct network *net, struct proof *proof)
{
	/* One is enough, and a hash has one place in the table. */
	if (!proof || net->proof || lm_proof_find(m, proof->hash)) {
		lm_proof_free(m, proof);
		return;
	}
	proof->net = net;
	net->proof = proof;
	HASH_ADD(hh, m->proofs, hash, sizeof(proof->hash), proof);
	for (unsigned i = 0; i < net->pub.manifest->n_providers; i++)
		if (net->pairs[i])
			lm_gossip_prove(m, net->pairs[i]);
}

void lm_proof_drop(struct lm_membership *m, struct network *net)
{
	if (!net->proof)
		return;
	HASH_DEL(m->proofs, net->proof);
	lm_proof_free(m, net->proof);
	net->proof = NULL;
}

struct proof *lm_proof_find(const struct lm_membership *m, const uint8_t hash[32])
{
	struct proof *proof;

	HASH_FIND(hh, m->proofs, hash, 32, proof);
	return proof;
}
