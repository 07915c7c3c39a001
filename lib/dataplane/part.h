/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments on their way to their flow: what lm_inner_parse could not name alone. */
#ifndef LM_DATAPLANE_PART_H
#define LM_DATAPLANE_PART_H

#include "dataplane/inner.h"

/* The worker that keeps what belongs to the fragments between these two. */
static inline unsigned lm_part_worker(const struct lm_worker *w, struct lm_ends ends)
{
	struct lm_flow_key key;
	uint64_t hash;

	lm_flow_key_set(&key, &hash, ends.src, ends.dst, 0, 0, 0, 0);
	return lm_worker_of(w, hash);
}

/* Ports and protocol of the first of several. */
struct lm_frag_ports lm_part_ports(const struct lm_pkt *p);
/* Key and hash of a later one. */
void lm_part_name(
    struct lm_pkt *p, struct lm_ends ends, uint32_t net, const struct lm_frag_ports *ports);
/* Remembers the first of several, names a later one. LM_FINE or why not. */
enum lm_drop lm_part(struct lm_worker *w, struct lm_pkt *p, struct lm_ends ends, uint32_t net);

/* Of what was parsed: does any of this concern it? */
static inline bool lm_is_part(const struct lm_pkt *p, enum lm_drop why)
{
	return why == LM_DROP_FRAGMENT || (why == LM_FINE && (p->flags & LM_PKT_FRAGMENT));
}

#endif
