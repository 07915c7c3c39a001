/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sample of what rules decided, for people: of each network the last of what was
 * denied, and of what a rule with `log` allowed. Made by the control lcore with the
 * network's table, and kept from one table of the network to the next. Each worker
 * writes rings of its own; control reads them meanwhile and leaves out what is
 * overwritten under its hands.
 */
#ifndef LM_DATAPLANE_NOTES_H
#define LM_DATAPLANE_NOTES_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/flow.h"
#include "dataplane/limit.h"
#include "policy/policy.h"

#define LM_NOTES 16u /* of each network, worker and kind, a power of two */
#define LM_NOTES_SECOND 2 /* likewise */
#define LM_NOTES_BURST 8

struct lm_note {
	uint64_t number; /* from 1 on; 0: being written, or never was */
	uint64_t at; /* cycles */
	struct lm_addr src, dst;
	uint32_t line;
	uint16_t src_port, dst_port; /* host byte order */
	uint8_t proto, way, verdict; /* enum lm_noted */
};
_Static_assert(sizeof(struct lm_note) == 64, "one cache line each");

struct lm_note_ring {
	struct lm_note notes[LM_NOTES];
	uint64_t written;
	struct lm_limit limit;
	uint64_t pad[6];
};

enum lm_note_kind { LM_NOTE_DENIED, LM_NOTE_ALLOWED, LM_NOTE_KINDS };

struct lm_notes {
	unsigned holders; /* control's alone */
	struct lm_note_ring (*rings)[LM_NOTE_KINDS]; /* by worker */
};

/* NULL: no memory. */
struct lm_notes *lm_notes_create(unsigned n_workers);
struct lm_notes *lm_notes_hold(struct lm_notes *notes);
/* The last one to call it frees it; NULL is allowed. */
void lm_notes_release(struct lm_notes *notes);

struct lm_worker;
struct lm_pkt;
/* If it is worth a note, and the network has not had too many. back: src and dst are exchanged. */
void lm_note_ruling(
    struct lm_worker *w, const struct lm_pkt *p, bool back, const struct lm_ruling *ruling);

#endif
