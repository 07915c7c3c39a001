/* SPDX-License-Identifier: Apache-2.0 */
#include "session/gate.h"

#include <string.h>
#include <sodium.h>

#define NS_PER_S 1000000000ull

/* Takes one token of a bucket that holds a second's worth. */
static bool take(struct lm_bucket *b, uint64_t now, uint64_t rate)
{
	if (rate == 0)
		return false;
	uint64_t cost = NS_PER_S / rate;
	if (b->spent < now)
		b->spent = now;
	if (b->spent - now > NS_PER_S - cost)
		return false;
	b->spent += cost;
	return true;
}

void lm_gate_init(struct lm_gate *g, unsigned rate, const uint8_t hash_key[16])
{
	memset(g, 0, sizeof(*g));
	g->rate = rate;
	memcpy(g->hash_key, hash_key, sizeof(g->hash_key));
}

bool lm_gate_open(struct lm_gate *g, uint64_t now)
{
	return take(&g->open, now, g->rate);
}

static struct lm_bucket *bucket_of(
    const struct lm_gate *g, struct lm_bucket *buckets, const struct lm_udp_addr *from)
{
	uint8_t source[17] = {from->ip.family}, hash[crypto_shorthash_BYTES];
	/* Who has one IPv6 address has its /64, RFC 4291 section 2.5.4. */
	memcpy(source + 1, from->ip.b, from->ip.family == 6 ? 8 : 4);
	crypto_shorthash(hash, source, sizeof(source), g->hash_key);
	return &buckets[(hash[0] | (unsigned)hash[1] << 8) % LM_GATE_SOURCES];
}

bool lm_gate_proven(struct lm_gate *g, uint64_t now, const struct lm_udp_addr *from, bool is_peer)
{
	struct lm_bucket *own = bucket_of(g, is_peer ? g->peers : g->strangers, from);
	if (!take(own, now, LM_GATE_SOURCE_RATE))
		return false;
	return is_peer || take(&g->proven, now, (uint64_t)g->rate * LM_GATE_PROVEN_FACTOR);
}
