/* SPDX-License-Identifier: Apache-2.0 */
/* Whom liars lie to, how often, and lies about manifests and lanes. */
#include "liar.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

uint64_t lie_pick(struct lie *lie, uint64_t n)
{
	return sim_random_below(&lie->story->random, n);
}

const struct story_doc *lie_document(struct lie *lie)
{
	const struct story *t = lie->story;
	unsigned first = t->n_docs ? (unsigned)lie_pick(lie, t->n_docs) : 0;

	for (unsigned i = 0; i < t->n_docs; i++) {
		const struct story_doc *d = &t->docs[(first + i) % t->n_docs];
		if (d->paper->names[lie->liar->index])
			return d;
	}
	return NULL;
}

struct lm_secret lie_secret(const struct lie *lie, const struct story_doc *d)
{
	struct lm_signed_manifest *sm;
	struct lm_secret secret;
	struct lm_why why = {""};

	if (lm_manifest_open(&sm, "lie", d->doc.bytes, d->doc.len, &why) < 0 ||
	    lm_manifest_secret(&secret, sm, &lie->liar->id) < 0)
		abort();
	lm_signed_manifest_free(sm);
	return secret;
}

struct lm_net_id lie_network(struct lie *lie)
{
	struct lm_net_id id;

	if (lie_pick(lie, 8) == 0) {
		sim_random_bytes(&lie->story->random, id.b, sizeof(id.b));
		return id;
	}
	const struct story_net *net = &lie->story->nets[lie_pick(lie, lie->story->n_nets)];
	return lm_net_id(&lie->story->sim->owners[net->owner].pub, net->name);
}

static void spoil(struct lie *lie)
{
	if (lie_pick(lie, 2))
		lie->len = lie_pick(lie, lie->len + 1);
	else if (lie->len)
		lie->body[lie_pick(lie, lie->len)] ^= (uint8_t)(1u << lie_pick(lie, 8));
}

static void send(struct lie *lie, uint8_t type, const void *body, size_t len)
{
	uint32_t slot = sim_slot(lie->liar, lie->victim);
	struct lm_now now = sim_now(lie->liar);

	lm_peer_send(lm_membership_peer(lie->liar->m, slot), &now, type, body, len);
}

void lie_say(struct lie *lie)
{
	if (lie_pick(lie, 5) == 0)
		spoil(lie);
	send(lie, lie->type, lie->body, lie->len);
}

/* ---- manifests ---- */

/* Some bytes under their true hash, pressed on the victim before it can ask. */
static void press(struct lie *lie, const uint8_t hash[32], const uint8_t *bytes, size_t len)
{
	for (size_t at = 0; at < len; at += LM_BLOB_CHUNK) {
		uint8_t body[32 + 4 + LM_BLOB_CHUNK];
		struct lm_writer w = lm_writer(body, sizeof(body));
		lm_write(&w, hash, 32);
		lm_write_u32(&w, (uint32_t)at);
		lm_write(&w, bytes + at, len - at < LM_BLOB_CHUNK ? len - at : LM_BLOB_CHUNK);
		send(lie, LM_MSG_BLOB_DATA, body, lm_writer_len(&w));
	}
}

/* What the owner wrote, signed by the liar. */
static uint8_t *sign_myself(const struct lie *lie, const struct story_doc *d, size_t *len)
{
	struct lm_signed_manifest *sm;
	struct lm_why why = {""};
	uint8_t *bytes;

	if (lm_manifest_open(&sm, "lie", d->doc.bytes, d->doc.len, &why) < 0)
		abort();
	const char *yaml = strstr((const char *)d->doc.bytes, "\nleasemesh: 1\n") + 1;
	if (lm_manifest_sign(&bytes, len, "lie", yaml,
		d->doc.len - (size_t)(yaml - (const char *)d->doc.bytes), &lie->liar->id, &why) < 0)
		abort();
	lm_signed_manifest_free(sm);
	return bytes;
}

/* Garbage, an old document, or one of its own, under an invented serial. */
static bool lie_have(struct lie *lie)
{
	struct story *t = lie->story;
	const struct story_doc *d = t->n_docs ? &t->docs[lie_pick(lie, t->n_docs)] : NULL;
	uint8_t garbage[900], hash[32], *own = NULL;
	const uint8_t *bytes = garbage;
	size_t len = 1 + lie_pick(lie, sizeof(garbage));
	struct lm_writer w = lm_writer(lie->body, sizeof(lie->body));
	struct lm_net_id id = lie_network(lie);

	sim_random_bytes(&t->random, garbage, sizeof(garbage));
	if (d && lie_pick(lie, 3)) {
		bytes = lie_pick(lie, 2) ? d->doc.bytes : (own = sign_myself(lie, d, &len));
		len = own ? len : d->doc.len;
		id = d->doc.net;
	}
	crypto_generichash(hash, sizeof(hash), bytes, len, NULL, 0);
	lm_write(&w, id.b, sizeof(id.b));
	lm_write(&w, t->sim->owners[d ? t->nets[d->net].owner : 0].pub.b, LM_PUBLIC_KEY_LEN);
	lm_write_u64(&w, lie_pick(lie, 2) ? lie_pick(lie, 2000) : UINT64_MAX - lie_pick(lie, 3));
	lm_write(&w, hash, sizeof(hash));
	lm_write_u32(&w, (uint32_t)(lie_pick(lie, 4) ? len : lie_pick(lie, 1u << 21)));
	lm_write_u8(&w, (uint8_t)lie_pick(lie, 4));
	lie->type = LM_MSG_HAVE;
	lie->len = lm_writer_len(&w);
	lie_say(lie);
	if (lie_pick(lie, 2))
		press(lie, hash, bytes, len);
	free(own);
	return false; /* it is said */
}

static bool lie_submit(struct lie *lie)
{
	struct lm_writer w = lm_writer(lie->body, sizeof(lie->body));

	sim_random_bytes(&lie->story->random, lm_write_ref(&w, 32), 32);
	lm_write(&w, lie->story->sim->owners[0].pub.b, LM_PUBLIC_KEY_LEN);
	lm_write_u32(&w, (uint32_t)lie_pick(lie, 1u << 21));
	lie->type = LM_MSG_SUBMIT;
	lie->len = lm_writer_len(&w);
	return true;
}

/* ---- lanes ---- */

/* With true keys if it has them, by SPIs and in the name of a process that it invents. */
static bool lie_lanes(struct lie *lie)
{
	const struct story_doc *d = lie_document(lie);
	struct lm_lane_set set = {lie_pick(lie, 3), (uint32_t)lie_pick(lie, 1000)};
	struct lm_net_id id = d ? d->doc.net : lie_network(lie);
	const struct lm_peer *peer =
	    lm_membership_peer(lie->liar->m, sim_slot(lie->liar, lie->victim));
	struct lm_writer w = lm_writer(lie->body, sizeof(lie->body));
	uint8_t check[SIM_LANE_KEY] = {0}, n = (uint8_t)(1u << lie_pick(lie, 4));

	if (d && lie_pick(lie, 4)) {
		struct lm_secret secret = lie_secret(lie, d);
		lm_peer_lane_key(peer, lm_peer_epoch(peer), &id, &secret, &set, true, 0xff, check);
	}
	if (lie_pick(lie, 4) == 0)
		id = lie_network(lie);
	lm_write(&w, id.b, sizeof(id.b));
	lm_write_u64(&w, set.incarnation);
	lm_write_u32(&w, set.generation);
	lm_write(&w, check, 16);
	lm_write_u8(&w, n);
	for (uint8_t i = 0; i < n; i++)
		lm_write_u32(&w, 250u + (uint32_t)lie_pick(lie, 100));
	lie->type = LM_MSG_LANES;
	lie->len = lm_writer_len(&w);
	return true;
}

static bool lie_ack(struct lie *lie)
{
	struct lm_net_id id = lie_network(lie);
	struct lm_writer w = lm_writer(lie->body, sizeof(lie->body));

	lm_write(&w, id.b, sizeof(id.b));
	lm_write_u64(&w, lie_pick(lie, 3));
	lm_write_u32(&w, (uint32_t)lie_pick(lie, 100));
	lie->type = LM_MSG_LANES_ACK;
	lie->len = lm_writer_len(&w);
	return true;
}

static bool lie_away(struct lie *lie)
{
	struct lm_net_id id = lie_network(lie);
	struct lm_writer w = lm_writer(lie->body, sizeof(lie->body));

	lm_write(&w, id.b, sizeof(id.b));
	lm_write_u8(&w, (uint8_t)lie_pick(lie, 5));
	lm_write_u64(&w, lie_pick(lie, 2) ? UINT64_MAX : sim_now(lie->liar).wall / SIM_MS);
	lie->type = LM_MSG_AWAY;
	lie->len = lm_writer_len(&w);
	return true;
}

static bool lie_noise(struct lie *lie)
{
	lie->type = (uint8_t)(LM_MSG_BLOB + lie_pick(lie, 0x40));
	lie->len = lie_pick(lie, sizeof(lie->body));
	sim_random_bytes(&lie->story->random, lie->body, lie->len);
	return true;
}

/* ---- whom, and how often ---- */

static struct sim_gateway *somebody(struct story *t, struct sim_gateway *liar)
{
	for (unsigned i = 0; i < 4; i++) {
		struct sim_gateway *g = story_anybody(t);
		if (g != liar && sim_is_up(liar, g))
			return g;
	}
	return NULL;
}

static void one_lie(struct lie *lie)
{
	static bool (*const lies[])(struct lie *lie) = {lie_record, lie_record, lie_record,
	    lie_replay, lie_replay, lie_digest, lie_have, lie_submit, lie_lanes, lie_ack, lie_away,
	    lie_noise};

	if (lies[lie_pick(lie, sizeof(lies) / sizeof(lies[0]))](lie))
		lie_say(lie);
}

void liar_acts(struct story *t)
{
	struct sim *s = t->sim;
	unsigned index = s->n_gateways - 1 - (unsigned)sim_random_below(&t->random, t->n_liars);
	struct sim_gateway *liar = s->gateways[index];
	unsigned n = sim_random_one_in(&t->random, 20)
			 ? 200
			 : 1 + (unsigned)sim_random_below(&t->random, 12);

	for (unsigned i = 0; liar->m && i < n; i++) {
		struct lie lie = {.story = t, .liar = liar, .victim = somebody(t, liar)};
		if (!lie.victim)
			break;
		if (i == 0)
			sim_say(s, "gw%u: lies to gw%u", index, lie.victim->index);
		lie_keep(&lie);
		one_lie(&lie);
	}
	sim_touch(liar);
}
