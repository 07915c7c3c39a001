/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ESP's anti-replay window (RFC 6479) over 64-bit extended sequence numbers
 * (RFC 4303, 3.3.3 and appendix A): a ring of words, so that advancing clears
 * whole words and never shifts. Belongs to the worker of its lane.
 */
#ifndef LM_DATAPLANE_WINDOW_H
#define LM_DATAPLANE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <rte_branch_prediction.h>

#define LM_WINDOW_WORDS 32 /* a power of two */
/* One word less than the ring: the word that holds the top is only partly filled. */
#define LM_WINDOW_BITS ((LM_WINDOW_WORDS - 1) * 64)

struct lm_window {
	uint64_t top; /* highest authentic sequence number, 0: none yet */
	uint64_t bits[LM_WINDOW_WORDS];
};

/*
 * The 64-bit number that a packet's low half stands for (RFC 4303, A2.2): the one that is nearest
 * to the window, given that a sender is never 2^32 ahead.
 */
static inline uint64_t lm_window_extend(const struct lm_window *w, uint32_t low)
{
	uint64_t top = w->top;

	/* Behind the top, as nearly all are, and not by half of all numbers. */
	if (likely(low > (uint32_t)top && low - (uint32_t)top <= INT32_MAX))
		return (top & ~(uint64_t)UINT32_MAX) | low;
	uint32_t top_low = (uint32_t)top, high = (uint32_t)(top >> 32);
	uint32_t bottom = top_low - (LM_WINDOW_BITS - 1);

	if (top_low >= LM_WINDOW_BITS - 1)
		high += low < bottom; /* below the window: the sender's low half has wrapped */
	else if (high > 0)
		high -= low >= bottom; /* the window reaches back into the previous 2^32 */
	return (uint64_t)high << 32 | low;
}

/* The word that a number will be marked in. */
static inline const uint64_t *lm_window_word(const struct lm_window *w, uint64_t seq)
{
	return &w->bits[seq / 64 % LM_WINDOW_WORDS];
}

/* Can it be new? Asked before decryption, being the cheaper question. */
static inline bool lm_window_fresh(const struct lm_window *w, uint64_t seq)
{
	if (seq > w->top)
		return true;
	if (seq == 0 || w->top - seq >= LM_WINDOW_BITS)
		return false;
	return !(w->bits[seq / 64 % LM_WINDOW_WORDS] >> (seq % 64) & 1);
}

/* Marks an authentic number. False if it is not new after all: its twin was in the same burst. */
static inline bool lm_window_commit(struct lm_window *w, uint64_t seq)
{
	uint64_t word = seq / 64, top_word = w->top / 64;

	if (likely(seq > w->top)) {
		if (word - top_word >= LM_WINDOW_WORDS)
			memset(w->bits, 0, sizeof w->bits);
		else
			while (top_word != word)
				w->bits[++top_word % LM_WINDOW_WORDS] = 0;
		w->top = seq;
	} else if (!lm_window_fresh(w, seq)) {
		return false;
	}
	w->bits[word % LM_WINDOW_WORDS] |= UINT64_C(1) << (seq % 64);
	return true;
}

#endif
