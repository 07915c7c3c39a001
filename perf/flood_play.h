/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker in real time, whose clock runs while it works, and a wire that offers it packets at
 * steady rates meanwhile: through a queue of FLOOD_QUEUE, as a card's is, and what finds no room
 * there is lost. What the wire itself takes is no time, for who plays it is the same thread.
 */
#ifndef LM_PERF_FLOOD_PLAY_H
#define LM_PERF_FLOOD_PLAY_H

#include <stdint.h>
#include "tests/unit/dp_rig.h"

#define FLOOD_QUEUE 1024

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
	struct flood_source sources[FLOOD_SOURCES];
	uint16_t known_len; /* of the frame that comes out */
};

struct flood_result {
	double seconds; /* of the worker's */
	uint64_t offered[FLOOD_SOURCES], no_room[FLOOD_SOURCES];
	uint64_t out; /* of FLOOD_KNOWN */
	struct lm_counters c; /* what the worker counted meanwhile */
};

/* p: the first packet. */
void flood_source_set(struct flood_source *s, const struct rig *r, const struct rig_packet *p);
/* Of gateway 0's worker, from its access port into the tunnel. */
void flood_play(struct flood_bench *b, double seconds, struct flood_result *out);

#endif
