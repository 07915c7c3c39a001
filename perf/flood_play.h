/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker at work in real time, on a processor of its own, and a generator on another that offers
 * it packets at steady rates through a queue of FLOOD_QUEUE, as a card's is: what finds no room
 * there is lost.
 */
#ifndef LM_PERF_FLOOD_PLAY_H
#define LM_PERF_FLOOD_PLAY_H

#include <stdint.h>
#include "tests/unit/dp_rig.h"

#define FLOOD_QUEUE 1024
#define FLOOD_FLAT_OUT 1e9 /* packets a second: as many as the generator makes */

/* Packets of one workload, all of one length, which alone tells what came out. */
struct flood_source {
	uint8_t frame[RIG_FRAME_MAX];
	uint16_t len, ports; /* bytes; where ports are */
	uint16_t from, to; /* the first ports */
	uint32_t flows; /* it has so many, in turns, by source port; 0: each packet is a new one */
	double rate; /* packets a second; 0: none */
	uint32_t next;
	double due;
};

enum { FLOOD_KNOWN, FLOOD_NEW, FLOOD_SOURCES };

struct flood_bench {
	struct rig *rig;
	int cpus[2]; /* the generator's, the worker's */
	struct flood_source sources[FLOOD_SOURCES];
	uint16_t known_len; /* of the frame that comes out */
};

struct flood_result {
	double seconds; /* in which both had their processors: others do not count */
	double share; /* of all the time */
	uint64_t offered[FLOOD_SOURCES], no_room[FLOOD_SOURCES];
	uint64_t out; /* of FLOOD_KNOWN */
	struct lm_counters c; /* what the worker counted meanwhile */
};

/* p: the first packet. */
void flood_source_set(struct flood_source *s, const struct rig *r, const struct rig_packet *p);
/* Of gateway 0's worker, from its access port into the tunnel. */
void flood_play(struct flood_bench *b, double seconds, struct flood_result *out);

#endif
