/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs stories from seeds: sim_address [--real] (--seed N | --seeds FIRST..LAST). --seed tells what
 * happens.
 */
#include <stdio.h>
#include <time.h>
#include "../chain/signatures.h"
#include "story.h"

#define REAL_EVERY 500 /* seeds: this one with real signatures */

static int run_one(uint64_t seed, bool real, FILE *trace, struct story_sum *sum)
{
	char why[512];

	signatures_real(real);
	if (story(seed, trace, sum, why, sizeof(why)))
		return 0;
	printf("seed %llu: %s\n    replay: sim_address%s --seed %llu\n", (unsigned long long)seed,
	    why, real ? " --real" : "", (unsigned long long)seed);
	return 1;
}

static int run_many(uint64_t first, uint64_t count)
{
	struct story_sum sum = {0};
	clock_t start = clock();
	int failed = 0;

	for (uint64_t seed = first; seed < first + count; seed++)
		failed += run_one(seed, seed % REAL_EVERY == 0, NULL, &sum);
	double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	printf("%llu seeds, %d failed, %.1f s\n", (unsigned long long)count, failed, seconds);
	printf("%llu blocks, %llu times something was served, %llu moves, %llu crashes, "
	       "%llu manifests without a provider, %llu looks at two that serve one endpoint, "
	       "%llu times cut off for long\n",
	    (unsigned long long)sum.blocks, (unsigned long long)sum.served,
	    (unsigned long long)sum.moved, (unsigned long long)sum.crashes,
	    (unsigned long long)sum.removed, (unsigned long long)sum.conflicts,
	    (unsigned long long)sum.fenced);
	printf(
	    "slowest once a majority could talk: %.1f s\n", (double)sum.slowest / (double)SECOND);
	return failed || sum.moved == 0;
}

/* "FIRST..LAST" */
static bool read_range(const char *text, uint64_t *first, uint64_t *last)
{
	char *end;

	*first = strtoull(text, &end, 10);
	if (end == text || strncmp(end, "..", 2) != 0)
		return false;
	text = end + 2;
	*last = strtoull(text, &end, 10);
	return end != text && *end == '\0' && *last >= *first;
}

int main(int argc, char **argv)
{
	struct story_sum sum = {0};
	uint64_t first, last;
	int at = 1;
	bool real = argc > at && strcmp(argv[at], "--real") == 0;

	at += real;
	setvbuf(stdout, NULL, _IOLBF, 0);
	lm_log_set_level(LM_ERROR);
	lm_log_set_sink(story_log, NULL);
	if (argc == at + 2 && strcmp(argv[at], "--seed") == 0)
		return run_one(strtoull(argv[at + 1], NULL, 10), real, stdout, &sum);
	if (argc == at + 2 && strcmp(argv[at], "--seeds") == 0 &&
	    read_range(argv[at + 1], &first, &last))
		return run_many(first, last - first + 1);
	fprintf(stderr, "usage: sim_address [--real] (--seed N | --seeds FIRST..LAST)\n");
	return 2;
}
