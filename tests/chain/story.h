/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens in a world, from its seed: first anything, all faults together; then a majority of
 * honest members can talk, and must decide within BOUND; then all is well, and must become silent
 * with all chains alike.
 */
#ifndef LM_TESTS_CHAIN_STORY_H
#define LM_TESTS_CHAIN_STORY_H

#include <stdio.h>
#include "base/log.h"
#include "world.h"

/*
 * A command of a gateway that can talk to a majority of members that can talk to each other is
 * decided within this, with links of 60 ms and 5 % loss, whatever has happened before. Most of it
 * is waiting for the repetitions of an attempt from before (REPEAT_MAX in propose.c).
 */
#define BOUND (60 * SECOND)

struct story_sum {
	uint64_t blocks, fast, preempted, commands, member_changes, crashes;
	uint64_t slowest; /* ns, of those that BOUND is for */
};

/* True, or why not. */
bool story(uint64_t seed, FILE *trace, struct story_sum *sum, char *why, size_t size);
/* Says what lib/chain logs, which should be nothing. */
void story_log(void *ctx, enum lm_log_level level, const char *line);

#endif
