/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own changes go to all peers of their network at once, sealed once for all of them, and many
 * in one datagram. Nobody passes on what was pushed: whoever missed it finds it by comparing.
 */
#include "ledger/internal.h"

void lm_ledger_push_later(struct lm_ledger *l, struct record *r)
{
	if (r->pending)
		return;
	r->pending = true;
	TAILQ_INSERT_TAIL(&l->pending, r, push);
}

static void send_box(struct lm_ledger *l, struct gateway *g)
{
	if (g->box_len)
		l->ops.send(l->ctx, g->peer, LM_MSG_LEDGER_RECORDS, g->box, g->box_len);
	g->box_len = 0;
}

void lm_ledger_unbox(struct lm_ledger *l, struct gateway *g)
{
	if (!g->box)
		return;
	TAILQ_REMOVE(&l->boxes, g, boxed);
	free(g->box);
	g->box = NULL;
	g->box_len = 0;
}

static void box(struct lm_ledger *l, struct gateway *g, const uint8_t *section, size_t len)
{
	if (!g->box && (g->box = malloc(LM_MESSAGE_MAX)))
		TAILQ_INSERT_TAIL(&l->boxes, g, boxed);
	if (!g->box) {
		l->ops.send(l->ctx, g->peer, LM_MSG_LEDGER_RECORDS, section, len);
		return;
	}
	if (g->box_len + len > LM_MESSAGE_MAX)
		send_box(l, g);
	memcpy(g->box + g->box_len, section, len);
	g->box_len += len;
}

static void push_section(
    struct lm_ledger *l, const struct network *net, const uint8_t *plain, size_t len)
{
	uint8_t section[LM_MESSAGE_MAX];

	lm_ledger_seal(l, net, plain, len, section);
	for (unsigned i = 0; i < net->n_seats; i++) {
		const struct seat *seat = &net->seats[i];
		if (seat != net->self && !seat->absent && seat->gateway->peer)
			box(l, seat->gateway, section, SECTION_FIXED + len);
	}
}

/* Writes r if it fits. */
static bool append(struct lm_writer *w, const struct record *r)
{
	struct fields f;

	if (lm_writer_len(w) + record_len(r) > SECTION_PLAIN_MAX)
		return false;
	lm_ledger_fields_of(&f, r);
	lm_ledger_write_fields(w, &f);
	return true;
}

void lm_ledger_push(struct lm_ledger *l)
{
	uint8_t plain[SECTION_PLAIN_MAX];
	struct gateway *g;
	struct record *r;

	while ((r = TAILQ_FIRST(&l->pending))) {
		struct lm_writer w = lm_writer(plain, sizeof(plain));
		const struct network *net = r->net;
		while (r && r->net == net && append(&w, r)) {
			TAILQ_REMOVE(&l->pending, r, push);
			r->pending = false;
			r = TAILQ_FIRST(&l->pending);
		}
		push_section(l, net, plain, lm_writer_len(&w));
	}
	while ((g = TAILQ_FIRST(&l->boxes))) {
		send_box(l, g);
		lm_ledger_unbox(l, g);
	}
}

void lm_ledger_send_records(struct lm_ledger *l, struct gateway *to, const struct network *net,
    struct record *const *records, unsigned n)
{
	uint8_t plain[SECTION_PLAIN_MAX], section[LM_MESSAGE_MAX];

	for (unsigned i = 0; i < n;) {
		struct lm_writer w = lm_writer(plain, sizeof(plain));
		while (i < n && append(&w, records[i]))
			i++;
		lm_ledger_seal(l, net, plain, lm_writer_len(&w), section);
		l->ops.send(l->ctx, to->peer, LM_MSG_LEDGER_RECORDS, section,
		    SECTION_FIXED + lm_writer_len(&w));
	}
}
