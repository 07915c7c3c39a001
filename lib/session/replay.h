/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replay window over 64-bit counters (RFC 6479): a ring of words, of which the
 * one that is being entered is cleared, so that advancing costs no shifting.
 * Control thread.
 */
#ifndef LM_SESSION_REPLAY_H
#define LM_SESSION_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#define LM_REPLAY_WORDS 16
/* One word less than the ring: the word that is being filled is only partly valid. */
#define LM_REPLAY_WINDOW ((LM_REPLAY_WORDS - 1) * 64)

struct lm_replay {
	uint64_t next; /* one above the highest counter seen; 0: none yet */
	uint64_t bits[LM_REPLAY_WORDS];
};

/* May this counter be new? Asked before decryption, because it is the cheaper question. */
bool lm_replay_fresh(const struct lm_replay *r, uint64_t counter);
/* Mark an authentic counter as seen. The caller asked lm_replay_fresh before. */
void lm_replay_commit(struct lm_replay *r, uint64_t counter);

#endif
