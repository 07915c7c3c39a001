/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sample of what rules decided, for people: the last of what was denied, and of
 * what a rule with `log` allowed. Each worker writes a ring of its own; control
 * reads it meanwhile and leaves out what is overwritten under its hands.
 */
#ifndef LM_DATAPLANE_NOTES_H
#define LM_DATAPLANE_NOTES_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/flow.h"
#include "dataplane/limit.h"
#include "policy/policy.h"

#define LM_NOTES 256u /* of each worker, a power of two */
#define LM_NOTES_SECOND 2 /* of a network, each worker, denied and allowed apart */
#define LM_NOTES_BURST 8

struct lm_note {
	uint64_t number; /* from 1 on; 0: being written, or never was */
	uint64_t at; /* cycles */
	struct lm_addr src, dst;
	uint32_t net, generation; /* the network's, when it was written */
	uint32_t line;
	uint16_t src_port, dst_port; /* host byte order */
	uint8_t proto, way, verdict; /* enum lm_noted */
};

struct lm_notes {
	struct lm_note *ring;
	struct lm_limit (*limits)[2]; /* by network; denied and allowed */
	uint64_t written;
};

int lm_notes_init(struct lm_notes *notes, unsigned n_networks);
void lm_notes_free(struct lm_notes *notes);

struct lm_worker;
struct lm_pkt;
/* If it is worth a note, and the network has not had too many. back: src and dst are exchanged. */
void lm_note_ruling(
    struct lm_worker *w, const struct lm_pkt *p, bool back, const struct lm_ruling *ruling);

#endif
