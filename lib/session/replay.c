/* SPDX-License-Identifier: Apache-2.0 */
#include "session/replay.h"

#include <string.h>

static uint64_t bit(uint64_t counter)
{
	return (uint64_t)1 << (counter % 64);
}

bool lm_replay_fresh(const struct lm_replay *r, uint64_t counter)
{
	if (counter == UINT64_MAX)
		return false; /* `next` could not go above it */
	if (counter >= r->next)
		return true;
	if (r->next - counter > LM_REPLAY_WINDOW)
		return false;
	return !(r->bits[counter / 64 % LM_REPLAY_WORDS] & bit(counter));
}

void lm_replay_commit(struct lm_replay *r, uint64_t counter)
{
	if (counter >= r->next) {
		uint64_t last = r->next ? (r->next - 1) / 64 : 0;
		uint64_t steps = counter / 64 - last;
		if (steps > LM_REPLAY_WORDS)
			steps = LM_REPLAY_WORDS;
		for (uint64_t i = 1; i <= steps; i++)
			r->bits[(counter / 64 - steps + i) % LM_REPLAY_WORDS] = 0;
		r->next = counter + 1;
	}
	r->bits[counter / 64 % LM_REPLAY_WORDS] |= bit(counter);
}
