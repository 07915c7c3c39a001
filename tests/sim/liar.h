/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A liar is a real gateway with a true key, true sessions and all secrets that its owners gave it,
 * which says more than it should. What follows are the lies; each goes to one victim with which it
 * has a session.
 */
#ifndef LM_TESTS_SIM_LIAR_H
#define LM_TESTS_SIM_LIAR_H

#include "base/bytes.h"
#include "session/blob.h"
#include "story.h"

struct lie {
	struct story *story;
	struct sim_gateway *liar, *victim;
	uint8_t type;
	uint8_t body[LM_MESSAGE_MAX];
	size_t len;
};

/* A document that names the liar; NULL: none does. */
const struct story_doc *lie_document(struct lie *lie);
/* As the document gives it to the liar. */
struct lm_secret lie_secret(const struct lie *lie, const struct story_doc *d);
/* A network's id; now and then nobody's. */
struct lm_net_id lie_network(struct lie *lie);
uint64_t lie_pick(struct lie *lie, uint64_t n);
/* Says it, sometimes spoilt. */
void lie_say(struct lie *lie);

/* liar_records.c: each makes one lie; false: it has nothing to say. */
bool lie_record(struct lie *lie);
bool lie_replay(struct lie *lie);
bool lie_digest(struct lie *lie);
/* Keeps a record of somebody else, to say it again when it is old. */
void lie_keep(struct lie *lie);

#endif
