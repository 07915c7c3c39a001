/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One datagram carries the records of many networks: when a session comes up, a
 * pair of gateways with a thousand networks in common exchanges a few hundred
 * datagrams and not thousands.
 */
#include "membership/internal.h"

static void send_box(struct lm_membership *m, unsigned i)
{
	struct outbox *box = &m->outboxes[i];

	/* Lost like any datagram if the session has just ended: whoever waits asks again. */
	if (box->to)
		lm_peer_send(box->to, &m->now, box->type, box->body, box->len);
	box->to = NULL;
	box->len = 0;
}

struct lm_writer lm_outbox_record(
    struct lm_membership *m, struct lm_peer *to, uint8_t type, size_t len)
{
	unsigned i = type == LM_MSG_CHAIN_TIP ? OUTBOXES - 1 : type - LM_MSG_HAVE;
	struct outbox *box = &m->outboxes[i];

	if (box->to != to || box->len + len > sizeof(box->body))
		send_box(m, i);
	uint8_t *room = box->body + box->len;
	box->to = to;
	box->type = type;
	box->len += len;
	return lm_writer(room, len);
}

void lm_outbox_flush(struct lm_membership *m)
{
	for (unsigned i = 0; i < OUTBOXES; i++)
		send_box(m, i);
}

void lm_outbox_forget(struct lm_membership *m, const struct lm_peer *to)
{
	for (unsigned i = 0; i < OUTBOXES; i++) {
		if (m->outboxes[i].to == to) {
			m->outboxes[i].to = NULL;
			m->outboxes[i].len = 0;
		}
	}
}
