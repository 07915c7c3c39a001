/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two gateways that are up with each other, and somebody between them who does as the input says:
 * sends bytes of his own, with and without right MACs, flips bits of what was sent, lets time pass;
 * and a peer that is authentic but says anything.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "fuzz.h"
#include "session/blob.h"
#include "session/state.h"

#define QUEUE 16
#define STEPS 64

struct end {
	struct lm_identity id;
	struct lm_sessions *s;
	struct lm_blobs *blobs;
	struct lm_peer *peer;
	struct lm_udp_addr addr;
	size_t bytes_sent;
	unsigned n_queued; /* datagrams that it sent */
	size_t len[QUEUE];
	uint8_t data[QUEUE][LM_DATAGRAM_MAX];
};

static struct end ends[2];
static struct lm_now now;
static uint64_t rng;

static void on_send(void *ctx, const struct lm_udp_addr *to, const uint8_t *data, size_t len)
{
	struct end *e = ctx;
	MUST(to->ip.family != 0 && len <= LM_DATAGRAM_MAX && len >= LM_WIRE_HEADER);
	e->bytes_sent += len;
	unsigned slot = e->n_queued++ % QUEUE;
	memcpy(e->data[slot], data, len);
	e->len[slot] = len;
}

static void on_random(void *ctx, void *buf, size_t len)
{
	uint8_t *p = buf;
	(void)ctx;
	while (len--) {
		rng = rng * 6364136223846793005ull + 1442695040888963407ull;
		*p++ = (uint8_t)(rng >> 56);
	}
}

static void on_up(void *ctx, struct lm_peer *peer, uint32_t epoch)
{
	(void)ctx;
	MUST(lm_peer_state(peer) == LM_PEER_UP && lm_peer_epoch(peer) == epoch);
}

static void on_down(void *ctx, struct lm_peer *peer, const char *reason)
{
	struct end *e = ctx;
	MUST(reason && lm_peer_state(peer) != LM_PEER_UP);
	lm_blobs_peer_down(e->blobs, peer);
}

static void on_moved(void *ctx, struct lm_peer *peer, const struct lm_udp_addr *to)
{
	(void)ctx;
	MUST(lm_udp_addr_equal(lm_peer_addr(peer), to));
}

static void on_message(
    void *ctx, struct lm_peer *peer, uint8_t type, const uint8_t *body, size_t len)
{
	struct end *e = ctx;
	MUST(type >= LM_MSG_BLOB && len <= LM_MESSAGE_MAX);
	if (lm_blobs_message(e->blobs, &now, peer, type, body, len))
		return;
	if (type == 0x30)
		lm_peer_remove(e->s, &now, peer);
	else if (type == 0x31 && len >= 33)
		lm_blob_pull(e->blobs, &now, peer, body, body[32] * 100u + 1, 0);
}

static const uint8_t *on_find(void *ctx, struct lm_peer *peer, const uint8_t hash[32], size_t *len)
{
	static const uint8_t content[3000];
	(void)ctx;
	(void)peer;
	*len = sizeof(content);
	return hash[0] & 1 ? content : NULL;
}

static void on_pulled(void *ctx, struct lm_peer *peer, const uint8_t hash[32], int err,
    const uint8_t *bytes, size_t len, uint64_t tag)
{
	(void)ctx;
	(void)peer;
	(void)hash;
	(void)tag;
	MUST(err ? !bytes : bytes && len);
}

static void input(struct end *to, const struct lm_udp_addr *from, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1); /* so that each byte beyond it is seen */
	MUST(copy);
	memcpy(copy, data, len);
	lm_sessions_input(to->s, &now, from, copy, len);
	free(copy);
}

/* The last datagram that this end sent, to the other. */
static void pass_on(struct end *from, struct end *to, size_t flip)
{
	if (from->n_queued == 0)
		return;
	unsigned slot = (from->n_queued - 1) % QUEUE;
	uint8_t copy[LM_DATAGRAM_MAX];
	memcpy(copy, from->data[slot], from->len[slot]);
	if (flip)
		copy[flip / 8 % from->len[slot]] ^= (uint8_t)(1 << flip % 8);
	input(to, &from->addr, copy, from->len[slot]);
}

static void add_peer(struct end *e, const struct end *other)
{
	MUST(lm_peer_add(e->s, &now, &other->id.pub, &other->addr, 1, &e->peer) == 0);
}

static void set_up(void)
{
	static const struct lm_session_ops ops = {
	    on_send, on_random, on_up, on_down, on_moved, on_message};
	static const struct lm_blob_ops blob_ops = {on_find, on_pulled};
	static const struct lm_session_config config = {
	    .lanes = 2, .max_peers = 2, .max_guests = 2, .max_handshakes_per_s = 20};
	static bool started;
	rng = 1;
	now = (struct lm_now){1000 * NS_PER_S, 1800000000 * NS_PER_S};
	for (int i = 0; i < 2; i++) {
		struct end *e = &ends[i];
		uint8_t seed[32] = {(uint8_t)(i + 1)};
		if (!started)
			lm_identity_from_seed(&e->id, seed);
		e->addr = (struct lm_udp_addr){{4, {192, 0, 2, (uint8_t)(i + 1)}}, 4500};
		e->n_queued = 0;
		MUST(lm_sessions_create(&e->s, &e->id, &config, &ops, e) == 0);
		MUST(lm_blobs_create(&e->blobs, &blob_ops, e) == 0);
	}
	started = true;
	add_peer(&ends[0], &ends[1]);
	pass_on(&ends[0], &ends[1], 0); /* as a guest: ends[1] learns of the peer only now */
	pass_on(&ends[1], &ends[0], 0);
	pass_on(&ends[0], &ends[1], 0);
	add_peer(&ends[1], &ends[0]);
	MUST(
	    lm_peer_state(ends[0].peer) == LM_PEER_UP && lm_peer_state(ends[1].peer) == LM_PEER_UP);
}

static void tear_down(void)
{
	for (int i = 0; i < 2; i++) {
		MUST(ends[i].s->n_guests <= 2 && ends[i].s->n_peers <= 2);
		if (i == 0)
			lm_sessions_goodbye(ends[i].s, &now);
		lm_sessions_free(ends[i].s);
		lm_blobs_free(ends[i].blobs);
	}
}

/* ---- what the input may ask for ---- */

/* Bytes from nowhere: never answered with more than came. */
static void raw(struct lm_reader *r, struct end *to)
{
	static const struct lm_udp_addr nowhere = {{6, {0x20, 1, 0xd, 0xb8}}, 9};
	uint8_t type = lm_read_u8(r);
	size_t len = lm_read_u16(r) % (LM_DATAGRAM_MAX + 2);
	uint8_t data[LM_DATAGRAM_MAX + 1] = {0};
	size_t have = len < lm_reader_left(r) ? len : lm_reader_left(r);
	lm_read(r, data, have);
	if (type & 0x80)
		len = (size_t[]){LM_INIT_LEN, LM_RESP_LEN, LM_COOKIE_MSG_LEN, len}[type & 3];
	if (type & 0x40 && len >= LM_WIRE_HEADER)
		lm_wire_header(data, (enum lm_wire_type)((type & 3) + 1));
	if (type & 0x20 && len == LM_INIT_LEN)
		lm_wire_mac(data + LM_INIT_MAC1, to->s->macs.mac1, 32, data, LM_INIT_MAC1);
	if (type & 0x20 && len == LM_RESP_LEN)
		lm_wire_mac(data + LM_RESP_MAC1, to->s->macs.mac1, 32, data, LM_RESP_MAC1);
	size_t before = to->bytes_sent;
	input(to, &nowhere, data, len);
	MUST(to->bytes_sent - before <= len);
}

/* The authentic peer says anything. */
static void sealed(struct lm_reader *r, struct end *from, struct end *to)
{
	uint8_t type = lm_read_u8(r), body[LM_MESSAGE_MAX] = {0};
	size_t len = lm_read_u16(r) % (LM_MESSAGE_MAX + 1);
	size_t have = len < lm_reader_left(r) ? len : lm_reader_left(r);
	lm_read(r, body, have);
	if (from->peer && lm_transport_send(from->peer, &now, type, body, len) == 0)
		pass_on(from, to, 0);
}

/* A guest whose initiation is right but for what it says. */
static void guest(struct lm_reader *r, struct end *to)
{
	const struct lm_udp_addr from = {{4, {203, 0, 113, lm_read_u8(r)}}, 7};
	uint8_t seed[32] = {9, lm_read_u8(r)}, e[32] = {1}, payload[LM_HELLO1_LEN];
	uint8_t out[LM_INIT_LEN] = {0};
	struct lm_identity id;
	struct lm_noise noise;
	lm_read(r, payload, sizeof(payload));
	lm_identity_from_seed(&id, seed);
	lm_noise_init(&noise, LM_NOISE_INITIATOR, LM_NOISE_PROLOGUE, strlen(LM_NOISE_PROLOGUE),
	    id.x_secret, id.x_public, to->id.x_public);
	lm_wire_header(out, LM_WIRE_INITIATION);
	lm_noise_write(&noise, e, payload, sizeof(payload), out + LM_INIT_NOISE, LM_INIT_NOISE_LEN);
	lm_wire_mac(out + LM_INIT_MAC1, to->s->macs.mac1, 32, out, LM_INIT_MAC1);
	size_t before = to->bytes_sent;
	input(to, &from, out, sizeof(out));
	MUST(to->bytes_sent - before < sizeof(out));
}

static void pass_time(struct lm_reader *r)
{
	uint64_t ns = lm_read_u16(r) * 10 * NS_PER_MS;
	now.mono += ns;
	now.wall += ns;
	for (int i = 0; i < 2; i++) {
		MUST(lm_sessions_tick(ends[i].s, &now) > now.mono);
		MUST(lm_blobs_tick(ends[i].blobs, &now) > now.mono);
	}
}

static void rejoin(struct end *e, const struct end *other)
{
	add_peer(e, other);
	lm_handshake_start(e->peer, &now);
}

/* What callers may do with a peer that is there. */
static void use(uint8_t how, struct end *e, const struct end *other)
{
	if (!e->peer || e->peer->guest)
		how = 0;
	switch (how) {
	case 1:
	case 2:
		lm_peer_watch(e->peer, &now, how == 1);
		break;
	case 3:
		lm_peer_wake(e->peer, &now);
		break;
	case 4:
		lm_peer_sent(e->peer, &now);
		break;
	case 5:
		lm_peer_heard(e->peer, &now);
		break;
	case 6:
		lm_peer_send(e->peer, &now, LM_MSG_MEMBERSHIP, "word", 4);
		break;
	default:
		rejoin(e, other);
	}
}

/* Peers may have been removed by a message, or given way: look them up. */
static void refresh(void)
{
	for (int i = 0; i < 2; i++)
		ends[i].peer = lm_peer_find(ends[i].s, ends[!i].s->name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct lm_reader r = lm_reader(data, size);
	if (!ready)
		MUST(lm_crypto_init() == 0);
	ready = true;
	set_up();
	for (int i = 0; i < STEPS && !r.failed && lm_reader_left(&r) > 0; i++) {
		uint8_t step = lm_read_u8(&r);
		struct end *a = &ends[step >> 7], *b = &ends[!(step >> 7)];
		refresh();
		switch (step % 8) {
		case 0:
			raw(&r, a);
			break;
		case 1:
		case 2:
			sealed(&r, a, b);
			break;
		case 3:
			pass_on(a, b, 0);
			break;
		case 4:
			pass_on(a, b, lm_read_u16(&r));
			break;
		case 5:
			guest(&r, a);
			break;
		case 6:
			pass_time(&r);
			break;
		case 7:
			use(step >> 3 & 0xf, a, b);
			break;
		}
	}
	tear_down();
	return 0;
}
