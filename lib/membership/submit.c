/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tenants, who are guests in a session: they announce a signed manifest, we pull
 * it, judge it and answer with what became of it. Datagrams get lost, so a tenant
 * repeats SUBMIT until it has the answer; the last answer is kept for that.
 */
#include "membership/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include "base/log.h"

#define LM_LOG_MODULE "membership"

#define SUBMIT_LEN (32 + LM_PUBLIC_KEY_LEN + 4)
#define RESULT_LEN (32 + 4 + 8 + 2) /* and the text */

/* Pulls that guests may start: bursts, and a second. */
#define GUEST_BURST 4
#define GUEST_RATE 1
#define GUESTS_RATE 32

struct guest *lm_guest_of(struct lm_membership *m, struct lm_peer *session)
{
	struct guest *g = lm_peer_user(session);

	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->party = (struct party){.slot = UINT32_MAX, .session = session};
	lm_bucket_fill(&g->party.records, m->now.mono, GUEST_RECORDS_BURST);
	lm_bucket_fill(&g->pulls, m->now.mono, GUEST_BURST);
	LIST_INSERT_HEAD(&m->guests, g, link);
	lm_peer_set_user(session, &g->party);
	return g;
}

void lm_guest_free(struct lm_membership *m, struct guest *g)
{
	struct pulled *doc;

	TAILQ_FOREACH(doc, &m->pulled, link)
	if (doc->from == &g->party)
		doc->from = NULL;
	LIST_REMOVE(g, link);
	free(g);
}

bool lm_guest_may_pull(struct lm_membership *m, struct guest *g)
{
	uint64_t now = m->now.mono;

	return lm_bucket_take(&g->pulls, now, GUEST_RATE, GUEST_BURST) &&
	       lm_bucket_take(&m->pulls_of_guests, now, GUESTS_RATE, GUESTS_BURST);
}

static void answer(struct lm_membership *m, const struct guest *g)
{
	uint8_t body[RESULT_LEN + SUBMIT_TEXT_MAX];
	struct lm_writer w = lm_writer(body, sizeof(body));
	size_t text_len = strlen(g->text);

	lm_write(&w, g->hash, 32);
	lm_write_u32(&w, g->code);
	lm_write_u64(&w, g->serial);
	lm_write_u16(&w, (uint16_t)text_len);
	lm_write(&w, g->text, text_len);
	lm_peer_send(g->party.session, &m->now, LM_MSG_SUBMIT_RESULT, body, lm_writer_len(&w));
}

static void settle(
    struct lm_membership *m, struct guest *g, int err, uint64_t serial, const char *text)
{
	g->pulling = false;
	g->answered = true;
	g->code = (uint32_t)-err;
	g->serial = serial;
	snprintf(g->text, sizeof(g->text), "%s", text);
	answer(m, g);
}

void lm_submit_message(struct lm_membership *m, struct party *from, const uint8_t *body, size_t len)
{
	struct lm_reader r = lm_reader(body, len);
	struct lm_public_key owner;
	uint8_t hash[32];

	lm_read(&r, hash, sizeof(hash));
	lm_read(&r, owner.b, LM_PUBLIC_KEY_LEN);
	uint32_t size = lm_read_u32(&r);
	if (r.failed || lm_reader_left(&r) || from->slot != UINT32_MAX) {
		m->drops[LM_MD_MALFORMED]++;
		return;
	}
	struct guest *g = (struct guest *)from;
	if (memcmp(g->hash, hash, 32) == 0 && (g->pulling || g->answered)) {
		if (g->answered)
			answer(m, g);
		return;
	}
	if (g->pulling) { /* one at a time: it asks again */
		m->drops[LM_MD_LIMIT]++;
		return;
	}
	memcpy(g->hash, hash, 32);
	g->answered = false;
	if (size == 0 || size > LM_MANIFEST_BYTES_MAX) {
		settle(m, g, -E2BIG, 0, "a manifest has at most 1 MiB");
		return;
	}
	/* The owner is only claimed here; the signature decides. It saves the pull of a stranger's.
	 */
	struct lm_why why = {""};
	int err = lm_owner_check(m, &owner, &why);
	if (err) {
		m->drops[LM_MD_UNKNOWN_OWNER]++;
		settle(m, g, err, 0, why.text);
		return;
	}
	if (lm_gossip_full(m) || !lm_guest_may_pull(m, g)) {
		m->drops[LM_MD_LIMIT]++;
		return;
	}
	g->pulling =
	    lm_blob_pull(m->blobs, &m->now, from->session, hash, size, PULL_SUBMITTED) == 0;
	if (!g->pulling)
		m->drops[LM_MD_LIMIT]++;
}

void lm_submit_failed(struct lm_membership *m, struct lm_peer *session, int err)
{
	struct party *party = lm_peer_user(session);

	m->drops[LM_MD_PULL]++;
	if (!party || party->slot != UINT32_MAX)
		return;
	struct guest *g = (struct guest *)party;
	if (err == -EBADMSG)
		settle(
		    m, g, err, 0, "the manifest that was sent is not the one that was announced");
	else
		g->pulling = false; /* it asks again */
}

void lm_submit_judged(struct lm_membership *m, const struct pulled *doc, int err, uint64_t serial,
    const struct lm_why *why)
{
	if (err) {
		m->drops[LM_MD_REFUSED]++;
		lm_warn_limited("submitted manifest refused: %s", why->text);
	}
	if (!doc->from || doc->from->slot != UINT32_MAX)
		return;
	char text[SUBMIT_TEXT_MAX];
	if (err)
		snprintf(text, sizeof(text), "%s", why->text[0] ? why->text : strerror(-err));
	else
		snprintf(text, sizeof(text), "serial %" PRIu64 " is in force%s%.200s", serial,
		    why->text[0] ? "; " : "", why->text);
	settle(m, (struct guest *)doc->from, err, serial, text);
}
