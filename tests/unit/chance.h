/* SPDX-License-Identifier: Apache-2.0 */
/* Chance that a seed determines, and tests that play many seeds. */
#ifndef LM_TESTS_CHANCE_H
#define LM_TESTS_CHANCE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* splitmix64: the next number of a stream whose state starts as the seed. */
static inline uint64_t chance_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/*
 * Plays seeds 1 to n; with LM_SEED in the environment that one, with LM_SEEDS that many. False
 * from play is a failure; some of them are enough. How many there were.
 */
static inline unsigned chance_play(bool (*play)(uint64_t seed), uint64_t n)
{
	const char *one = getenv("LM_SEED"), *many = getenv("LM_SEEDS");
	uint64_t first = one ? strtoull(one, NULL, 10) : 1;
	unsigned failed = 0;

	n = one ? 1 : many ? strtoull(many, NULL, 10) : n;
	for (uint64_t seed = first; seed < first + n && failed < 5; seed++)
		failed += !play(seed);
	return failed;
}

#endif
