/* SPDX-License-Identifier: Apache-2.0 */
/* What others may cause: so much work a second, and refused documents only once. */
#include "membership/internal.h"

#define RECORDS_RATE 2000 /* a second */
#define GUEST_RECORDS_RATE 16

void lm_bucket_fill(struct bucket *b, uint64_t now, unsigned burst)
{
	b->milli = burst * 1000ull;
	b->refilled = now;
}

bool lm_bucket_take(struct bucket *b, uint64_t now, unsigned rate, unsigned burst)
{
	uint64_t full = burst * 1000ull, ms = (now - b->refilled) / MS;

	b->refilled += ms * MS;
	b->milli = ms > full ? full : lm_min_u64(full, b->milli + ms * rate);
	if (b->milli < 1000)
		return false;
	b->milli -= 1000;
	return true;
}

bool lm_record_allowed(struct lm_membership *m, struct party *from)
{
	uint64_t now = m->now.mono;
	bool guest = from->slot == UINT32_MAX;
	bool allowed =
	    guest ? lm_bucket_take(&from->records, now, GUEST_RECORDS_RATE, GUEST_RECORDS_BURST)
		  : lm_bucket_take(&from->records, now, RECORDS_RATE, RECORDS_BURST);

	m->drops[LM_MD_LIMIT] += !allowed;
	return allowed;
}

bool lm_memory_has(const struct memory *mem, const uint8_t hash[32], uint64_t now)
{
	for (unsigned i = 0; i < MEMORY_LEN; i++)
		if (mem->at[i].until > now && memcmp(mem->at[i].hash, hash, 32) == 0)
			return true;
	return false;
}

void lm_memory_put(struct memory *mem, const uint8_t hash[32], uint64_t until)
{
	unsigned at = 0;

	while (at < MEMORY_LEN && memcmp(mem->at[at].hash, hash, 32) != 0)
		at++;
	if (at == MEMORY_LEN)
		at = mem->next++ % MEMORY_LEN;
	memcpy(mem->at[at].hash, hash, 32);
	mem->at[at].until = until;
}
