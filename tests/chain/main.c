/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs stories from seeds: sim_chain [--real] (--seed N | --seeds FIRST..LAST [--jobs J]). --seed
 * tells what happens; many are played by J processes (1).
 */
#include <stdio.h>
#include <time.h>
#include "../sim/jobs.h"
#include "signatures.h"
#include "story.h"

#define REAL_EVERY 100 /* seeds: this one with real signatures */

static int run_one(uint64_t seed, bool real, FILE *trace, struct story_sum *sum)
{
	char why[512];

	signatures_real(real);
	if (story(seed, trace, sum, why, sizeof(why)))
		return 0;
	printf("seed %llu: %s\n    replay: sim_chain%s --seed %llu\n", (unsigned long long)seed,
	    why, real ? " --real" : "", (unsigned long long)seed);
	return 1;
}

struct options {
	uint64_t first, last;
	unsigned jobs;
};

/* Of one process, or of all. */
struct tally {
	struct story_sum sum;
	uint64_t played, failed;
};

static void run_share(void *ctx, unsigned job, void *tally)
{
	const struct options *o = ctx;
	struct tally *t = tally;

	for (uint64_t seed = o->first + job; seed <= o->last; seed += o->jobs) {
		t->failed += (uint64_t)run_one(seed, seed % REAL_EVERY == 0, NULL, &t->sum);
		t->played++;
	}
}

static void add(void *all, const void *part)
{
	const struct tally *t = part;
	struct tally *a = all;

	a->played += t->played;
	a->failed += t->failed;
	a->sum.blocks += t->sum.blocks;
	a->sum.fast += t->sum.fast;
	a->sum.preempted += t->sum.preempted;
	a->sum.commands += t->sum.commands;
	a->sum.member_changes += t->sum.member_changes;
	a->sum.crashes += t->sum.crashes;
	a->sum.slowest = lm_max_u64(a->sum.slowest, t->sum.slowest);
}

static int run_many(struct options *o)
{
	const struct jobs jobs = {
	    .n = o->jobs, .play = run_share, .add = add, .size = sizeof(struct tally)};
	struct tally all = {0};
	struct timespec start, end;

	clock_gettime(CLOCK_MONOTONIC, &start);
	uint64_t failed = jobs_run(&jobs, o, &all);
	clock_gettime(CLOCK_MONOTONIC, &end);
	struct story_sum sum = all.sum;
	failed += all.failed;
	printf("%llu seeds, %llu failed, %lld s\n", (unsigned long long)all.played,
	    (unsigned long long)failed, (long long)(end.tv_sec - start.tv_sec));
	printf("%llu blocks (%llu with no prepare round, %llu changed members), %llu commands, "
	       "%llu crashes, %llu preempted\n",
	    (unsigned long long)sum.blocks, (unsigned long long)sum.fast,
	    (unsigned long long)sum.member_changes, (unsigned long long)sum.commands,
	    (unsigned long long)sum.crashes, (unsigned long long)sum.preempted);
	printf("slowest decision once a majority could talk: %.1f s\n",
	    (double)sum.slowest / (double)SECOND);
	return failed > 0 || sum.blocks == 0;
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
	struct options o = {.jobs = 1};
	struct story_sum sum = {0};
	int at = 1;
	bool real = argc > at && strcmp(argv[at], "--real") == 0;

	at += real;
	lm_log_set_level(LM_ERROR);
	lm_log_set_sink(story_log, NULL);
	if (argc == at + 2 && strcmp(argv[at], "--seed") == 0)
		return run_one(strtoull(argv[at + 1], NULL, 10), real, stdout, &sum);
	if (argc == at + 4 && strcmp(argv[at + 2], "--jobs") == 0) {
		o.jobs = (unsigned)strtoul(argv[at + 3], NULL, 10);
		argc -= 2;
	}
	if (argc == at + 2 && strcmp(argv[at], "--seeds") == 0 &&
	    read_range(argv[at + 1], &o.first, &o.last) && o.jobs > 0)
		return run_many(&o);
	fprintf(stderr, "usage: sim_chain [--real] (--seed N | --seeds FIRST..LAST [--jobs J])\n");
	return 2;
}
