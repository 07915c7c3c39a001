/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chance that follows from a seed: xoshiro256** (Blackman, Vigna), its state filled by splitmix64.
 * A seed has many streams, so that what one part of a world draws does not shift what another one
 * does: a changed story keeps the gateways' keys, a changed gateway keeps the story.
 */
#ifndef LM_TESTS_SIM_RANDOM_H
#define LM_TESTS_SIM_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_random {
	uint64_t s[4];
};

static inline uint64_t sim_splitmix(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline void sim_random_seed(struct sim_random *r, uint64_t seed, uint64_t stream)
{
	uint64_t state = seed, base = sim_splitmix(&state);

	state = base ^ (stream * 0xd1342543de82ef95ull);
	for (unsigned i = 0; i < 4; i++)
		r->s[i] = sim_splitmix(&state);
}

static inline uint64_t sim_rotl(uint64_t x, unsigned k)
{
	return x << k | x >> (64 - k);
}

static inline uint64_t sim_random_next(struct sim_random *r)
{
	uint64_t result = sim_rotl(r->s[1] * 5, 7) * 9, t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = sim_rotl(r->s[3], 45);
	return result;
}

/* 0 .. below - 1; below is small beside 2^64, so the modulo's bias does not matter. */
static inline uint64_t sim_random_below(struct sim_random *r, uint64_t below)
{
	return sim_random_next(r) % below;
}

static inline bool sim_random_one_in(struct sim_random *r, uint64_t n)
{
	return sim_random_below(r, n) == 0;
}

static inline void sim_random_bytes(struct sim_random *r, void *buf, size_t len)
{
	uint8_t *at = buf;

	while (len--)
		*at++ = (uint8_t)(sim_random_next(r) >> 56);
}

#endif
