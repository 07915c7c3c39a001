/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Later fragments have no ports. What is kept of a first one is what its datagram's
 * other fragments need to find the same flow, and nothing of its bytes: each is
 * sent on or dropped as it comes. They may come in any order behind the first, but
 * must not overlap.
 *
 * What comes before the first is dropped. To hold it back would mean to keep buffers that
 * ports and other tenants need, for whoever sends what never gets a first; and hosts send the
 * first one first, and a lane is one path through the underlay.
 *
 * One table a worker: no lock, no sharing. It is small, since an entry lives from a
 * datagram's first fragment to its last, and no network can drive others out of it.
 */
#ifndef LM_DATAPLANE_FRAGMENT_H
#define LM_DATAPLANE_FRAGMENT_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/counters.h"
#include "dataplane/flow.h"

#define LM_FRAG_WAYS 8
#define LM_FRAG_BUCKETS 128
#define LM_FRAG_SECONDS 5
#define LM_FRAG_RANGES 4 /* without a gap, of one datagram; more than these are not kept apart */
#define LM_FRAG_UNIT 8 /* bytes: offsets count these */

struct lm_frag_key {
	struct lm_addr src, dst;
	uint32_t id; /* IPv4: with the protocol in the upper half */
	uint32_t net;
	uint32_t peer; /* out of whose tunnel; LM_DP_NONE: from a workload */
};

/* As they are in the first fragment. */
struct lm_frag_ports {
	uint16_t src, dst; /* network byte order */
	uint8_t proto;
};

struct lm_frag_range {
	uint16_t begin, end; /* units */
};

struct lm_frag {
	struct lm_frag_key key; /* net LM_FLOW_NETS_MAX: unused */
	uint32_t seen; /* tick of the first fragment */
	struct lm_frag_ports ports;
	bool broken; /* they overlapped: none of them passes any more, RFC 5722 */
	uint8_t n_got;
	uint16_t whole; /* units: where the last one ends; 0: it did not come yet */
	struct lm_frag_range got[LM_FRAG_RANGES]; /* in no order; they do not touch */
};

struct lm_frags {
	struct lm_frag *slots;
	uint32_t timeout; /* ticks */
	uint64_t seed;
};

/* Which of them: offset and length in units, rounded up for the last. */
struct lm_frag_part {
	uint16_t at, units;
	bool more;
};

int lm_frags_init(struct lm_frags *f, uint32_t timeout, uint64_t seed, int socket);
void lm_frags_free(struct lm_frags *f);
/* A first fragment, units long. LM_DROP_MAX: remembered. */
enum lm_drop lm_frag_first(struct lm_frags *f, const struct lm_frag_key *key,
    const struct lm_frag_ports *ports, uint16_t units, uint32_t now);
/* Another. LM_DROP_MAX: it belongs to these ports. */
enum lm_drop lm_frag_later(struct lm_frags *f, const struct lm_frag_key *key,
    const struct lm_frag_part *part, uint32_t now, struct lm_frag_ports *ports);

#endif
