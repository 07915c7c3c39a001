/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes without manners: sessions and blobs, and whatever the test wants to say. */
#include "membership_sim.h"

#include <assert.h>
#include <string.h>
#include "base/bytes.h"

static void raw_up(void *ctx, struct lm_peer *peer, uint32_t epoch)
{
	struct sim_node *n = ctx;
	(void)epoch;
	n->raw_up = true;
	if (n->ledger)
		lm_ledger_up(n->ledger, &n->sim->now, lm_peer_key(peer), peer);
}

static void raw_down(void *ctx, struct lm_peer *peer, const char *reason)
{
	struct sim_node *n = ctx;
	(void)reason;
	n->raw_up = false;
	if (n->ledger)
		lm_ledger_down(n->ledger, &n->sim->now, lm_peer_key(peer));
	lm_blobs_peer_down(n->blobs, peer);
}

static void raw_moved(void *ctx, struct lm_peer *peer, const struct lm_udp_addr *to)
{
	(void)ctx;
	(void)peer;
	(void)to;
}

/* The answer to the first of the questions. */
static void raw_asked(struct sim_node *n, struct lm_peer *peer, const uint8_t *body, size_t len)
{
	uint8_t answer[LM_MESSAGE_MAX];
	size_t key = 1u + body[32];

	assert(len >= 32 + key);
	n->asked++;
	if (n->holder_silent)
		return;
	memcpy(answer, body, 32);
	answer[32] = n->holder_serves;
	memcpy(answer + 33, body + 32, key);
	lm_peer_send(peer, &n->sim->now, LM_MSG_HOLDER, answer, 33 + key);
}

static void raw_message(
    void *ctx, struct lm_peer *peer, uint8_t type, const uint8_t *body, size_t len)
{
	struct sim_node *n = ctx;

	if (lm_blobs_message(n->blobs, &n->sim->now, peer, type, body, len))
		return;
	if (n->ledger && type >= LM_MSG_LEDGER && type < LM_MSG_LEDGER_END)
		lm_ledger_input(n->ledger, &n->sim->now, lm_peer_key(peer), type, body, len);
	n->haves += type == LM_MSG_HAVE;
	n->acks += type == LM_MSG_LANES_ACK;
	n->chains += type == LM_MSG_GENESIS || (type >= LM_MSG_CHAIN && type < LM_MSG_CHAIN_END);
	n->tips += type == LM_MSG_CHAIN_TIP;
	if (type == LM_MSG_HOLDER_ASK)
		raw_asked(n, peer, body, len);
	if (type == LM_MSG_HOLDER) {
		n->told++;
		n->told_serves = body[32];
	}
	if (type == LM_MSG_LANES) {
		memcpy(n->lanes_body, body, len);
		n->lanes_len = len;
	}
	if (type != LM_MSG_SUBMIT_RESULT)
		return;
	struct lm_reader r = lm_reader(body, len);
	lm_read_ref(&r, 32);
	n->code = lm_read_u32(&r);
	n->serial = lm_read_u64(&r);
	uint16_t text_len = lm_read_u16(&r);
	const uint8_t *text = lm_read_ref(&r, text_len);
	assert(!r.failed && text_len < sizeof(n->text));
	memcpy(n->text, text, text_len);
	n->text[text_len] = '\0';
	n->answered = true;
}

static const uint8_t *raw_find(void *ctx, struct lm_peer *peer, const uint8_t hash[32], size_t *len)
{
	struct sim_node *n = ctx;
	(void)peer;
	(void)hash;
	n->finds++;
	*len = n->offer_len;
	return n->offer;
}

static void raw_pulled(void *ctx, struct lm_peer *peer, const uint8_t hash[32], int err,
    const uint8_t *bytes, size_t len, uint64_t tag)
{
	struct sim_node *n = ctx;
	(void)peer;
	(void)hash;
	(void)bytes;
	(void)len;
	(void)tag;
	n->pull_err = err;
}

struct sim_node *sim_raw(struct sim *s, unsigned identity, unsigned gateway)
{
	static const struct lm_session_ops session_ops = {.send = sim_on_send,
	    .random = sim_on_random,
	    .up = raw_up,
	    .down = raw_down,
	    .moved = raw_moved,
	    .message = raw_message};
	static const struct lm_blob_ops blob_ops = {.find = raw_find, .pulled = raw_pulled};
	const struct lm_session_config config = {
	    .lanes = 1, .max_peers = 4, .max_guests = 4, .max_handshakes_per_s = 100};
	unsigned index = SIM_GATEWAYS;
	while (s->node[index] && index < SIM_NODES - 1)
		index++;
	struct sim_node *n = sim_node_new(s, index, identity);
	const struct sim_node *to = s->node[gateway];

	int err = lm_blobs_create(&n->blobs, &blob_ops, n);
	if (!err)
		err = lm_sessions_create(&n->sessions, &n->id, &config, &session_ops, n);
	if (!err)
		err = lm_peer_add(n->sessions, &s->now, &to->id.pub, &to->addr, 1, &n->peer);
	assert(err == 0);
	n->running = true;
	sim_tick(n);
	return n;
}

void sim_raw_send(struct sim_node *raw, uint8_t type, const void *body, size_t len)
{
	lm_peer_send(raw->peer, &raw->sim->now, type, body, len);
}

void sim_raw_submit(struct sim *s, struct sim_node *raw, const struct sim_doc *d)
{
	uint8_t body[68];
	struct lm_writer w = lm_writer(body, sizeof(body));

	raw->offer = d->bytes;
	raw->offer_len = d->len;
	raw->answered = false;
	lm_write(&w, d->hash, 32);
	lm_write(&w, s->owner.pub.b, 32);
	lm_write_u32(&w, (uint32_t)d->len);
	sim_raw_send(raw, LM_MSG_SUBMIT, body, sizeof(body));
}

void sim_raw_have(
    struct sim *s, struct sim_node *raw, const struct sim_doc *d, uint64_t serial, uint8_t flags)
{
	uint8_t body[109];
	struct lm_writer w = lm_writer(body, sizeof(body));

	lm_write(&w, d->net.b, 32);
	lm_write(&w, s->owner.pub.b, 32);
	lm_write_u64(&w, serial);
	lm_write(&w, d->hash, 32);
	lm_write_u32(&w, (uint32_t)d->len);
	lm_write_u8(&w, flags);
	sim_raw_send(raw, LM_MSG_HAVE, body, sizeof(body));
}

static void raw_ledger_send(
    void *ctx, struct lm_peer *peer, uint8_t type, const uint8_t *body, size_t len)
{
	struct sim_node *n = ctx;
	lm_peer_send(peer, &n->sim->now, type, body, len);
}

static void raw_ledger_changed(
    void *ctx, const struct lm_net_id *net, const struct lm_ledger_record *record)
{
	(void)ctx;
	(void)net;
	(void)record;
}

static void raw_ledger_gone(void *ctx, const struct lm_net_id *net,
    const struct lm_ledger_record *record, const char *reason)
{
	(void)reason;
	raw_ledger_changed(ctx, net, record);
}

void sim_raw_join(struct sim_node *raw, const struct sim_doc *d)
{
	static const struct lm_ledger_ops ops = {.send = raw_ledger_send,
	    .random = sim_on_random,
	    .changed = raw_ledger_changed,
	    .gone = raw_ledger_gone};
	const struct lm_ledger_config config = {0};
	static const uint8_t value[18] = {1, 1};
	const struct lm_now *now = &raw->sim->now;
	struct lm_public_key keys[SIM_GATEWAYS];
	struct lm_signed_manifest *sm;
	struct lm_secret secret;
	struct lm_why why = {""};

	int err = lm_manifest_open(&sm, "raw", d->bytes, d->len, &why);
	assert(err == 0);
	err = lm_manifest_secret(&secret, sm, &raw->id);
	assert(err == 0);
	for (unsigned i = 0; i < sm->manifest->n_providers; i++)
		keys[i] = sm->manifest->providers[i].key;
	err = lm_ledger_create(&raw->ledger, &raw->id, &config, &ops, raw);
	assert(err == 0);
	err = lm_ledger_set(raw->ledger, now, &d->net, &secret, keys, sm->manifest->n_providers);
	assert(err == 0);
	err = lm_ledger_join(raw->ledger, now, &d->net);
	assert(err == 0);
	err = lm_ledger_publish(raw->ledger, now, &d->net, LM_LEDGER_GATEWAY, NULL, 0, value,
	    sizeof(value), LM_LEDGER_LIFETIME);
	assert(err == 0);
	lm_signed_manifest_free(sm);
	if (raw->raw_up)
		lm_ledger_up(raw->ledger, now, lm_peer_key(raw->peer), raw->peer);
	sim_tick(raw);
}

void sim_raw_lanes(struct sim_node *raw, const struct sim_doc *d, uint64_t incarnation,
    uint32_t generation, uint32_t spi)
{
	sim_raw_lanes_of(raw, d, lm_peer_epoch(raw->peer), incarnation, generation, spi);
}

void sim_raw_lanes_of(struct sim_node *raw, const struct sim_doc *d, uint32_t epoch,
    uint64_t incarnation, uint32_t generation, uint32_t spi)
{
	uint8_t body[65], check[36];
	struct lm_writer w = lm_writer(body, sizeof(body));
	struct lm_signed_manifest *sm;
	struct lm_secret secret;
	struct lm_why why = {""};

	int err = lm_manifest_open(&sm, "raw", d->bytes, d->len, &why);
	assert(err == 0);
	err = lm_manifest_secret(&secret, sm, &raw->id);
	assert(err == 0);
	lm_signed_manifest_free(sm);
	err = lm_peer_lane_key(raw->peer, epoch, &d->net, &secret,
	    &(struct lm_lane_set){incarnation, generation}, true, 0xff, check);
	assert(err == 0);
	lm_write(&w, d->net.b, 32);
	lm_write_u64(&w, incarnation);
	lm_write_u32(&w, generation);
	lm_write(&w, check, 16);
	lm_write_u8(&w, 1);
	lm_write_u32(&w, spi);
	sim_raw_send(raw, LM_MSG_LANES, body, sizeof(body));
}

void sim_raw_ack(struct sim_node *raw, uint64_t incarnation_off)
{
	struct lm_reader r = lm_reader(raw->lanes_body, raw->lanes_len);
	uint8_t body[44];
	struct lm_writer w = lm_writer(body, sizeof(body));

	lm_write(&w, lm_read_ref(&r, 32), 32);
	lm_write_u64(&w, lm_read_u64(&r) + incarnation_off);
	lm_write_u32(&w, lm_read_u32(&r));
	assert(!r.failed);
	sim_raw_send(raw, LM_MSG_LANES_ACK, body, sizeof(body));
}
