/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/ledger: a binary heap of deadlines on the wall clock (expiry is told in UTC). Room is
 * reserved when an owner of a deadline is made, so that setting one cannot fail.
 */
#ifndef LM_LEDGER_DUE_H
#define LM_LEDGER_DUE_H

#include <stddef.h>
#include <stdint.h>

struct lm_due {
	uint64_t at; /* UTC ns */
	size_t pos; /* in the heap, from 1; 0: not set */
};

struct lm_dues {
	struct lm_due **heap; /* [1 .. n] */
	size_t n, cap, reserved;
};

int lm_dues_reserve(struct lm_dues *ds); /* 0 or -ENOMEM */
void lm_dues_set(struct lm_dues *ds, struct lm_due *d, uint64_t at);
/* Unsets it and gives its room back. */
void lm_dues_release(struct lm_dues *ds, struct lm_due *d);
struct lm_due *lm_dues_first(const struct lm_dues *ds); /* NULL: none */
void lm_dues_free(struct lm_dues *ds);

#endif
