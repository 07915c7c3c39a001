/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses at which peers are known, for the gate to ask about while it is
 * under load. Each is counted as often as it was added. Control thread.
 */
#ifndef LM_SESSION_PLACES_H
#define LM_SESSION_PLACES_H

#include <stdbool.h>
#include "base/addr.h"

struct lm_place;

/* All zero: none. */
struct lm_places {
	struct lm_place *head;
};

/* Family 0 is no address. Without memory it is not known: a peer there waits like a stranger. */
void lm_places_add(struct lm_places *ps, const struct lm_ip *ip);
void lm_places_remove(struct lm_places *ps, const struct lm_ip *ip); /* no-op if it is not known */
bool lm_places_has(const struct lm_places *ps, const struct lm_ip *ip);
void lm_places_free(struct lm_places *ps);

#endif
