/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays seeds. One is told as it happens; of many, only those that fail are, with the command that
 * plays each again.
 *
 *   sim --seed N                    what happens, line by line
 *   sim --seeds FROM..TO [--jobs J] [--seconds S]
 *                                   on J processes (1), beginning no more after S seconds
 *   sim --same FROM..TO             plays each twice and compares
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "jobs.h"
#include "story.h"

#define FAILURES_SHOWN 10

struct options {
	uint64_t from, to;
	unsigned jobs, seconds;
	bool one, same;
	const char *program;
};

/* Of one process, or of all. */
struct tally {
	uint64_t played, failed, events, checked, placed;
	uint64_t slowest, slowest_seed; /* ns until all agreed */
};

static void usage(const char *program)
{
	fprintf(stderr,
	    "usage: %s --seed N | --seeds FROM..TO [--jobs J] [--seconds S] | --same FROM..TO\n",
	    program);
	exit(2);
}

static void failed(const struct options *o, uint64_t seed, const char *what)
{
	printf("seed %" PRIu64 ": %s\n    %s --seed %" PRIu64 "\n", seed, what, o->program, seed);
	fflush(stdout);
}

static void count(struct tally *t, uint64_t seed, const struct story_result *r)
{
	t->played++;
	t->failed += r->failed;
	t->events += r->events;
	t->checked += r->checked;
	t->placed += r->placed;
	if (!r->failed && r->agreed_after > t->slowest) {
		t->slowest = r->agreed_after;
		t->slowest_seed = seed;
	}
}

static void play(const struct options *o, uint64_t seed, struct tally *t)
{
	struct story_result r, again;

	story_play(seed, NULL, &r);
	if (o->same) {
		story_play(seed, NULL, &again);
		if (r.digest != again.digest || r.events != again.events) {
			r.failed = true;
			snprintf(r.first_broken, sizeof(r.first_broken),
			    "went otherwise when it was played again");
		}
	}
	count(t, seed, &r);
	if (r.failed && t->failed <= FAILURES_SHOWN)
		failed(o, seed, r.first_broken);
}

static void play_share(void *ctx, unsigned job, void *tally)
{
	const struct options *o = ctx;
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (uint64_t seed = o->from + job; seed <= o->to; seed += o->jobs) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (o->seconds && now.tv_sec - start.tv_sec >= (time_t)o->seconds)
			break;
		play(o, seed, tally);
	}
}

static void add(void *all, const void *part)
{
	struct tally *sum = all;
	const struct tally *t = part;

	sum->played += t->played;
	sum->failed += t->failed;
	sum->events += t->events;
	sum->checked += t->checked;
	sum->placed += t->placed;
	if (t->slowest > sum->slowest) {
		sum->slowest = t->slowest;
		sum->slowest_seed = t->slowest_seed;
	}
}

static int play_one(const struct options *o)
{
	struct story_result r;

	story_play(o->from, stdout, &r);
	printf("%" PRIu64 " events, %" PRIu64 " records and lanes checked, digest %016" PRIx64 "\n",
	    r.events, r.checked, r.digest);
	if (r.failed)
		failed(o, o->from, r.first_broken);
	return r.failed;
}

static int play_many(struct options *o)
{
	const struct jobs jobs = {
	    .n = o->jobs, .play = play_share, .add = add, .size = sizeof(struct tally)};
	struct tally t = {0};

	unsigned dead = jobs_run(&jobs, o, &t);

	t.failed += dead;
	printf("%" PRIu64 " seeds, %" PRIu64 " failed; %" PRIu64 " events, %" PRIu64
	       " records and lanes checked, %" PRIu64
	       " endpoints placed by gateways; all agreed after at most %.0f s (seed %" PRIu64
	       ")\n",
	    t.played, t.failed, t.events, t.checked, t.placed,
	    (double)t.slowest / (double)SIM_SECOND, t.slowest_seed);
	return t.failed || !t.played;
}

static uint64_t number(const struct options *o, const char *text, const char **rest)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);

	if (end == text || (*end && !rest))
		usage(o->program);
	if (rest)
		*rest = end;
	return n;
}

static void range(struct options *o, const char *text)
{
	o->from = number(o, text, &text);
	if (strncmp(text, "..", 2) != 0)
		usage(o->program);
	o->to = number(o, text + 2, NULL);
}

static struct options read_options(int argc, char **argv)
{
	static const struct option known[] = {{"seed", required_argument, NULL, 'n'},
	    {"seeds", required_argument, NULL, 'r'}, {"same", required_argument, NULL, 'e'},
	    {"jobs", required_argument, NULL, 'j'}, {"seconds", required_argument, NULL, 's'}, {0}};
	struct options o = {.program = argv[0], .to = UINT64_MAX, .jobs = 1};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'n') {
			o.from = number(&o, optarg, NULL);
			o.one = true;
		} else if (c == 'r' || c == 'e') {
			range(&o, optarg);
			o.same = c == 'e';
		} else if (c == 'j') {
			o.jobs = (unsigned)number(&o, optarg, NULL);
		} else if (c == 's') {
			o.seconds = (unsigned)number(&o, optarg, NULL);
		} else {
			usage(o.program);
		}
	}
	if (optind < argc || o.jobs == 0 || (!o.one && o.to == UINT64_MAX))
		usage(o.program);
	return o;
}

int main(int argc, char **argv)
{
	struct options o = read_options(argc, argv);

	return o.one ? play_one(&o) : play_many(&o);
}
