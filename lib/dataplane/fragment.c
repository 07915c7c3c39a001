/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/fragment.h"

#include <errno.h>
#include <rte_malloc.h>

#define UNUSED LM_FLOW_NETS_MAX
#define FINE LM_DROP_MAX

int lm_frags_init(struct lm_frags *f, uint32_t timeout, uint64_t seed, int socket)
{
	const size_t n = (size_t)LM_FRAG_WAYS * LM_FRAG_BUCKETS;

	*f = (struct lm_frags){.timeout = timeout, .seed = seed};
	f->slots =
	    rte_zmalloc_socket("lm_frags", n * sizeof *f->slots, RTE_CACHE_LINE_SIZE, socket);
	if (!f->slots)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		f->slots[i].key.net = UNUSED;
	return 0;
}

void lm_frags_free(struct lm_frags *f)
{
	rte_free(f->slots);
	f->slots = NULL;
}

static struct lm_frag *bucket_of(const struct lm_frags *f, const struct lm_frag_key *k)
{
	uint64_t h = lm_mix(k->src.w[0] ^ f->seed, k->src.w[1] ^ LM_HASH_K1);

	h ^= lm_mix(k->dst.w[0] ^ LM_HASH_K2, k->dst.w[1] ^ f->seed);
	h = lm_mix(h ^ LM_HASH_K4, ((uint64_t)k->id << 32 | k->net) ^ LM_HASH_K5 ^ k->peer);
	return &f->slots[(h % LM_FRAG_BUCKETS) * LM_FRAG_WAYS];
}

static bool is_free(const struct lm_frags *f, const struct lm_frag *frag, uint32_t now)
{
	return frag->key.net == UNUSED || now - frag->seen > f->timeout;
}

static struct lm_frag *find(
    const struct lm_frags *f, struct lm_frag *bucket, const struct lm_frag_key *k, uint32_t now)
{
	for (unsigned i = 0; i < LM_FRAG_WAYS; i++) {
		const struct lm_frag_key *x = &bucket[i].key;

		if (x->id == k->id && x->net == k->net && x->peer == k->peer &&
		    lm_addr_equal(x->src, k->src) && lm_addr_equal(x->dst, k->dst) &&
		    !is_free(f, &bucket[i], now))
			return &bucket[i];
	}
	return NULL;
}

static unsigned count_net(const struct lm_frag *bucket, uint32_t net)
{
	unsigned n = 0;

	for (unsigned i = 0; i < LM_FRAG_WAYS; i++)
		n += bucket[i].key.net == net;
	return n;
}

/*
 * A free entry, else the oldest of the network that has the most in this bucket: our own, unless
 * another has more.
 */
static struct lm_frag *make_room(
    const struct lm_frags *f, struct lm_frag *bucket, uint32_t net, uint32_t now)
{
	unsigned most = count_net(bucket, net);
	struct lm_frag *oldest = NULL;

	for (unsigned i = 0; i < LM_FRAG_WAYS; i++)
		if (is_free(f, &bucket[i], now))
			return &bucket[i];
	for (unsigned i = 0; i < LM_FRAG_WAYS; i++) {
		unsigned n = count_net(bucket, bucket[i].key.net);

		if (n > most) {
			most = n;
			net = bucket[i].key.net;
		}
	}
	for (unsigned i = 0; i < LM_FRAG_WAYS; i++)
		if (bucket[i].key.net == net &&
		    (!oldest || now - bucket[i].seen > now - oldest->seen))
			oldest = &bucket[i];
	return oldest;
}

enum lm_drop lm_frag_first(struct lm_frags *f, const struct lm_frag_key *key,
    const struct lm_frag_ports *ports, uint16_t units, uint32_t now)
{
	struct lm_frag *bucket = bucket_of(f, key), *frag = find(f, bucket, key, now);

	if (frag) {
		frag->broken = true;
		return LM_DROP_FRAGMENT_BAD;
	}
	frag = make_room(f, bucket, key->net, now);
	*frag = (struct lm_frag){.key = *key, .seen = now, .ports = *ports, .next = units};
	return FINE;
}

enum lm_drop lm_frag_later(struct lm_frags *f, const struct lm_frag_key *key,
    const struct lm_frag_part *part, uint32_t now, struct lm_frag_ports *ports)
{
	struct lm_frag *frag = find(f, bucket_of(f, key), key, now);

	if (!frag)
		return LM_DROP_FRAGMENT;
	if (part->at < frag->next)
		frag->broken = true;
	if (frag->broken)
		return LM_DROP_FRAGMENT_BAD;
	/* One has been lost before it, and with it the datagram. */
	if (part->at > frag->next)
		return LM_DROP_FRAGMENT;
	*ports = frag->ports;
	frag->next = (uint16_t)(part->at + part->units);
	if (!part->more)
		frag->key.net = UNUSED;
	return FINE;
}
