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
	*frag = (struct lm_frag){
	    .key = *key, .seen = now, .ports = *ports, .n_got = 1, .got = {{.end = units}}};
	return FINE;
}

/* Can it be of the same datagram as what has come? */
static bool fits(const struct lm_frag *frag, struct lm_frag_range r, bool more)
{
	if (frag->whole != 0 && (!more || r.end > frag->whole))
		return false;
	for (unsigned i = 0; i < frag->n_got; i++) {
		const struct lm_frag_range *got = &frag->got[i];

		if ((r.begin < got->end && got->begin < r.end) || (!more && got->end > r.end))
			return false;
	}
	return true;
}

/* False: no room for one more gap. */
static bool take(struct lm_frag *frag, struct lm_frag_range r)
{
	for (unsigned i = 0; i < frag->n_got;) {
		const struct lm_frag_range got = frag->got[i];

		if (got.end != r.begin && got.begin != r.end) {
			i++;
			continue;
		}
		r.begin = RTE_MIN(r.begin, got.begin);
		r.end = RTE_MAX(r.end, got.end);
		frag->got[i] = frag->got[--frag->n_got];
	}
	if (frag->n_got == LM_FRAG_RANGES)
		return false;
	frag->got[frag->n_got++] = r;
	return true;
}

enum lm_drop lm_frag_later(struct lm_frags *f, const struct lm_frag_key *key,
    const struct lm_frag_part *part, uint32_t now, struct lm_frag_ports *ports)
{
	struct lm_frag *frag = find(f, bucket_of(f, key), key, now);

	if (!frag)
		return LM_DROP_FRAGMENT;
	const struct lm_frag_range r = {
	    .begin = part->at, .end = (uint16_t)(part->at + part->units)};
	if (!fits(frag, r, part->more))
		frag->broken = true;
	if (frag->broken)
		return LM_DROP_FRAGMENT_BAD;
	if (!take(frag, r))
		return LM_DROP_FRAGMENT;
	*ports = frag->ports;
	if (!part->more)
		frag->whole = r.end;
	/* All has come: the same name may be another datagram's now. */
	if (frag->n_got == 1 && frag->got[0].end == frag->whole)
		frag->key.net = UNUSED;
	return FINE;
}
