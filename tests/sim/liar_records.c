/* SPDX-License-Identifier: Apache-2.0 */
/* Lies of the ledger: records that are not so, not one's own, or not of today, and digests. */
#include <stdlib.h>
#include <string.h>
#include "ledger/internal.h"
#include "liar.h"

static void on_random(void *ctx, void *buf, size_t len)
{
	struct lie *lie = ctx;

	sim_random_bytes(&lie->story->random, buf, len);
}

/* One section with this record, sealed as a member can, for an hour that may not be now. */
static void seal(struct lie *lie, const struct lm_net_id *id, const struct lm_secret *secret,
    const uint8_t *record, size_t len)
{
	struct lm_ledger *l = calloc(1, sizeof(*l)); /* what sealing looks at */
	struct network net = {.id = *id, .secret = *secret};
	uint64_t hours = lie_pick(lie, 4) ? 0 : lie_pick(lie, 5);

	if (!l)
		abort();
	l->ops.random = on_random;
	l->ctx = lie;
	l->now = sim_now(lie->liar);
	l->now.wall = l->now.wall - 2 * 3600 * SIM_SECOND * (hours > 0) + hours * 3600 * SIM_SECOND;
	lm_ledger_keys(&net);
	lm_ledger_seal(l, &net, record, len, lie->body);
	free(l);
	lie->type = LM_MSG_LEDGER_RECORDS;
	lie->len = SECTION_FIXED + len;
}

static uint64_t some_version(struct lie *lie)
{
	uint64_t now = sim_now(lie->liar).wall / SIM_MS;

	switch (lie_pick(lie, 5)) {
	case 0:
		return UINT64_MAX - lie_pick(lie, 3);
	case 1:
		return lie_pick(lie, 3);
	case 2:
		return now + 3600000;
	default:
		return now;
	}
}

static uint64_t some_expiry(struct lie *lie)
{
	uint64_t now = sim_now(lie->liar).wall / SIM_SECOND;

	switch (lie_pick(lie, 6)) {
	case 0:
		return UINT64_MAX;
	/* Clearly over, or clearly too long: at the edge, clocks may differ about it. */
	case 1:
		return now - 2 * LM_LEDGER_WINDOW - lie_pick(lie, 7200);
	case 2:
		return now + 29 * 3600 + lie_pick(lie, 7200);
	default:
		return now + 6 * 3600;
	}
}

/* Of any author, and of whatever that one might say. */
bool lie_record(struct lie *lie)
{
	static const char *const names[] = {"web", "db", "job", "nobody"};
	const struct story_doc *d = lie_document(lie);
	const struct sim_gateway *author = lie_pick(lie, 2) ? lie->liar : story_anybody(lie->story);
	uint8_t key[2 + LM_NAME_MAX] = {0}, value[32], bytes[RECORD_MAX];
	struct lm_writer w = lm_writer(bytes, sizeof(bytes));
	struct lm_signature sig;

	if (!d)
		return false;
	struct fields f = {.author = author->id.id,
	    .kind = (uint8_t)(lie_pick(lie, 8) ? 1 + lie_pick(lie, 2) : lie_pick(lie, 256)),
	    .flags = (uint8_t)(lie_pick(lie, 4) == 0),
	    .key = key,
	    .value = value,
	    .version = some_version(lie),
	    .expiry = some_expiry(lie),
	    .signature = sig.b};
	if (f.kind == LM_LEDGER_ENDPOINT) {
		const char *name = names[lie_pick(lie, 4)];
		key[1] = (uint8_t)lie_pick(lie, STORY_REPLICAS);
		memcpy(key + 2, name, strlen(name));
		f.key_len = (uint8_t)(2 + strlen(name));
	}
	sim_random_bytes(&lie->story->random, value, sizeof(value));
	f.value_len = f.flags ? 0 : (uint16_t)(f.kind == LM_LEDGER_GATEWAY ? 18 : 1);
	value[0] = 1;
	lm_ledger_sign(&lie->liar->id, &d->doc.net, &f, &sig);
	lm_ledger_write_fields(&w, &f);
	struct lm_secret secret = lie_secret(lie, d);
	seal(lie, &d->doc.net, &secret, bytes, lm_writer_len(&w));
	return true;
}

void lie_keep(struct lie *lie)
{
	struct story *t = lie->story;
	const struct lm_ledger *l = lm_membership_ledger(lie->liar->m);
	const struct network *net = lm_ledger_net(l, &t->audit.nets[lie_pick(lie, AUDIT_NETS)].id);
	struct liar_record *kept =
	    &t->kept[t->n_kept < LIAR_KEEPS ? t->n_kept : lie_pick(lie, LIAR_KEEPS)];
	struct fields f;

	if (!net || !net->records.n)
		return;
	lm_ledger_fields_of(
	    &f, (const struct record *)net->records.at[lie_pick(lie, net->records.n)]);
	struct lm_writer w = lm_writer(kept->bytes, sizeof(kept->bytes));
	lm_ledger_write_fields(&w, &f);
	kept->net = net->id;
	kept->len = lm_writer_len(&w);
	t->n_kept += t->n_kept < LIAR_KEEPS;
}

/* What somebody said once, perhaps in another network. */
bool lie_replay(struct lie *lie)
{
	const struct story_doc *d = lie_document(lie);
	const struct story *t = lie->story;

	if (!d || !t->n_kept)
		return false;
	const struct liar_record *kept = &t->kept[lie_pick(lie, t->n_kept)];
	struct lm_secret secret = lie_secret(lie, d);
	seal(lie, &d->doc.net, &secret, kept->bytes, kept->len);
	return true;
}

bool lie_digest(struct lie *lie)
{
	const struct story_doc *d = lie_document(lie);
	struct network net = {0};
	struct lm_writer w = lm_writer(lie->body, sizeof(lie->body));

	if (!d)
		return false;
	net.id = d->doc.net;
	net.secret = lie_secret(lie, d);
	lm_ledger_keys(&net);
	lie->type = (uint8_t)(LM_MSG_LEDGER_ROOT + lie_pick(lie, 6));
	if (lie->type == LM_MSG_LEDGER_ROOT) {
		lm_write_u8(&w, (uint8_t)lie_pick(lie, 2));
		lm_write_u32(&w, (uint32_t)lie_pick(lie, 100));
	} else if (lie_pick(lie, 3)) {
		lm_write(&w, net.tag, TAG_LEN);
	} else { /* the tree of networks */
		memset(lm_write_ref(&w, TAG_LEN), 0, TAG_LEN);
	}
	if (lie->type == LM_MSG_LEDGER_ASK || lie->type == LM_MSG_LEDGER_NODES)
		lm_write_u8(&w, 0); /* all of it */
	if (lie->type == LM_MSG_LEDGER_NODES)
		lm_write_u8(&w, (uint8_t)(lie_pick(lie, 2) ? 255 : 8));
	size_t rest = lie->type == LM_MSG_LEDGER_NODES ? 256 : 16;
	if (lie->type != LM_MSG_LEDGER_ASK && lie->type != LM_MSG_LEDGER_ABSENT)
		sim_random_bytes(&lie->story->random, lm_write_ref(&w, rest), rest);
	lie->len = lm_writer_len(&w);
	return true;
}
