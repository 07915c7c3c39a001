/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many handshakes we work on, and whose. Below `rate` initiations a second
 * everybody is served. Beyond, only sources that have proven their address by a
 * cookie, each at a bounded rate; and when even those are too many, only
 * addresses at which a peer is known. So neither spoofed floods nor floods of
 * guests keep peers from each other.
 *
 * Constant memory. Control thread.
 */
#ifndef LM_SESSION_GATE_H
#define LM_SESSION_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

#define LM_GATE_SOURCES 1024 /* buckets; sources that hash alike share one */
#define LM_GATE_SOURCE_RATE 10 /* a second, of one proven source (an IPv6 source is a /64) */
#define LM_GATE_PROVEN_FACTOR 4 /* all proven strangers together: so many times `rate` */

struct lm_bucket {
	uint64_t spent; /* mono; how far into the future tokens are taken already */
};

struct lm_gate {
	unsigned rate;
	uint8_t hash_key[16]; /* secret, so that nobody can aim at another's bucket */
	struct lm_bucket open, proven;
	/* Apart, so that strangers can never use up what is a peer's. */
	struct lm_bucket strangers[LM_GATE_SOURCES], peers[LM_GATE_SOURCES];
};

void lm_gate_init(struct lm_gate *g, unsigned rate, const uint8_t hash_key[16]);
/* May this be worked on without asking for a cookie? */
bool lm_gate_open(struct lm_gate *g, uint64_t now);
/* May this source, which has proven its address? is_peer: a peer is known to be there. */
bool lm_gate_proven(struct lm_gate *g, uint64_t now, const struct lm_udp_addr *from, bool is_peer);

#endif
