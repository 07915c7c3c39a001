/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One gateway that lies, within what agreement bears: it says anything but two votes. It keeps
 * to its promises (the real code runs in it), and besides sends what it has heard or said again,
 * changed, to others, about other ballots; makes up ballots, tips and blocks; signs commands and
 * consents as it likes; keeps silent to some. Voting twice breaks any majority of a small set of
 * members, and is the subject of tests of its own: it must be proven.
 */
#ifndef LM_TESTS_CHAIN_LIAR_H
#define LM_TESTS_CHAIN_LIAR_H

#include "world.h"

void liar_begin(struct world *w, unsigned node, struct sim_random *random);

#endif
