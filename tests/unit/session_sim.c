/* SPDX-License-Identifier: Apache-2.0 */
#include "session_sim.h"

#include "base/bytes.h"
#include "chance.h"

uint64_t sim_random(struct sim *sim)
{
	return chance_next(&sim->rng);
}

struct lm_now sim_now(const struct sim *sim, const struct sim_node *node)
{
	return (struct lm_now){sim->now, sim->now + (uint64_t)node->clock_offset};
}

/* ---- callbacks ---- */

static void fly(struct sim *sim, const struct sim_packet *p)
{
	struct sim_packet *copy = malloc(sizeof(*copy)), *later;
	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	CU_ASSERT_FATAL(sim->n_flying < SIM_PACKETS);
	*copy = *p;
	copy->at = sim->now + sim->delay_min;
	if (sim->delay_max > sim->delay_min)
		copy->at += sim_random(sim) % (sim->delay_max - sim->delay_min);
	sim->n_flying++;
	TAILQ_FOREACH(later, &sim->flying, link)
	if (later->at > copy->at)
		break;
	if (later)
		TAILQ_INSERT_BEFORE(later, copy, link);
	else
		TAILQ_INSERT_TAIL(&sim->flying, copy, link);
}

static void on_send(void *ctx, const struct lm_udp_addr *to, const uint8_t *data, size_t len)
{
	struct sim_node *n = ctx;
	struct sim_packet p = {.from = n->addr, .to = *to, .len = len};
	CU_ASSERT_FATAL(len <= LM_DATAGRAM_MAX && to->ip.family != 0);
	memcpy(p.data, data, len);
	n->bytes_sent += len;
	n->sent++;
	if (n->sim->tap && !n->sim->tap(n->sim, &p))
		return;
	if (sim_random(n->sim) % 100 < n->sim->loss)
		return;
	fly(n->sim, &p);
	if (sim_random(n->sim) % 100 < n->sim->dup)
		fly(n->sim, &p);
}

static void on_random(void *ctx, void *buf, size_t len)
{
	struct sim_node *n = ctx;
	uint8_t *p = buf;
	while (len--)
		*p++ = (uint8_t)(sim_random(n->sim) >> 32);
}

static void on_up(void *ctx, struct lm_peer *peer, uint32_t epoch)
{
	struct sim_node *n = ctx;
	n->ups++;
	n->epoch = epoch;
	n->last_up = n->sim->now;
	if (lm_peer_is_guest(peer))
		n->guest = peer;
	CU_ASSERT_EQUAL(lm_peer_state(peer), LM_PEER_UP);
	CU_ASSERT_EQUAL(lm_peer_epoch(peer), epoch);
	if (n->on_up)
		n->on_up(n, peer);
}

static void on_down(void *ctx, struct lm_peer *peer, const char *reason)
{
	struct sim_node *n = ctx;
	n->downs++;
	n->last_down = n->sim->now;
	snprintf(n->reason, sizeof(n->reason), "%s", reason);
	if (lm_peer_is_guest(peer)) {
		n->guest_downs++;
		n->guest = NULL;
	}
	CU_ASSERT_NOT_EQUAL(lm_peer_state(peer), LM_PEER_UP);
}

static void on_moved(void *ctx, struct lm_peer *peer, const struct lm_udp_addr *to)
{
	struct sim_node *n = ctx;
	n->moves++;
	CU_ASSERT(lm_udp_addr_equal(to, lm_peer_addr(peer)));
}

static void on_message(
    void *ctx, struct lm_peer *peer, uint8_t type, const uint8_t *body, size_t len)
{
	struct sim_node *n = ctx;
	n->messages++;
	n->bytes_got += len;
	CU_ASSERT_EQUAL(lm_peer_state(peer), LM_PEER_UP);
	if (n->on_message) {
		n->on_message(n, peer, type, body, len);
	} else if (type == MSG_SEQ && len == 8) {
		struct lm_reader r = lm_reader(body, len);
		uint64_t seq = lm_read_u64(&r);
		CU_ASSERT_FATAL(seq < SIM_SEQ_MAX);
		n->doubled += sim_seen(n, seq);
		n->seen[seq / 8] |= (uint8_t)(1 << seq % 8);
	}
}

/* ---- the world ---- */

void sim_init(struct sim *sim, uint64_t seed)
{
	memset(sim, 0, sizeof(*sim));
	sim->rng = seed;
	sim->now = 1000 * SEC;
	sim->delay_min = sim->delay_max = 10 * MSEC;
	TAILQ_INIT(&sim->flying);
	CU_ASSERT_EQUAL_FATAL(lm_crypto_init(), 0);
	for (unsigned i = 0; i < SIM_NODES; i++) {
		struct sim_node *n = &sim->nodes[i];
		uint8_t key[32] = {(uint8_t)(i + 1)};
		n->sim = sim;
		n->n = i;
		n->clock_offset = (int64_t)(1800000000 * SEC);
		n->addr = (struct lm_udp_addr){{4, {192, 0, 2, (uint8_t)(i + 1)}}, 4500};
		lm_identity_from_seed(&n->id, key);
	}
}

static void forget_events(struct sim_node *n)
{
	memset(n->peers, 0, sizeof(n->peers));
	n->guest = NULL;
	n->ups = n->downs = n->moves = n->messages = n->guest_downs = n->doubled = 0;
	memset(n->seen, 0, sizeof(n->seen));
}

void sim_start_with(struct sim *sim, unsigned n, const struct lm_session_config *config)
{
	static const struct lm_session_ops ops = {
	    on_send, on_random, on_up, on_down, on_moved, on_message};
	struct sim_node *node = &sim->nodes[n];
	forget_events(node);
	CU_ASSERT_EQUAL_FATAL(lm_sessions_create(&node->s, &node->id, config, &ops, node), 0);
}

void sim_start(struct sim *sim, unsigned n)
{
	const struct lm_session_config config = {
	    .lanes = 2, .max_peers = 8, .max_guests = 4, .max_handshakes_per_s = 50};
	sim_start_with(sim, n, &config);
}

void sim_stop(struct sim *sim, unsigned n)
{
	lm_sessions_free(sim->nodes[n].s);
	sim->nodes[n].s = NULL;
}

void sim_free(struct sim *sim)
{
	struct sim_packet *p;
	while ((p = TAILQ_FIRST(&sim->flying))) {
		TAILQ_REMOVE(&sim->flying, p, link);
		free(p);
	}
	for (unsigned i = 0; i < SIM_NODES; i++)
		sim_stop(sim, i);
}

struct lm_peer *sim_know(struct sim *sim, unsigned n, unsigned other, bool with_addr)
{
	struct sim_node *node = &sim->nodes[n];
	struct lm_now now = sim_now(sim, node);
	CU_ASSERT_EQUAL_FATAL(lm_peer_add(node->s, &now, &sim->nodes[other].id.pub,
				  &sim->nodes[other].addr, with_addr, &node->peers[other]),
	    0);
	return node->peers[other];
}

static struct sim_node *node_at(struct sim *sim, const struct lm_udp_addr *addr)
{
	for (unsigned i = 0; i < SIM_NODES; i++)
		if (sim->nodes[i].s && lm_udp_addr_equal(&sim->nodes[i].addr, addr))
			return &sim->nodes[i];
	return NULL;
}

void sim_inject(
    struct sim *sim, unsigned to, const struct lm_udp_addr *from, const uint8_t *data, size_t len)
{
	struct lm_now now = sim_now(sim, &sim->nodes[to]);
	/* A copy of exactly this size, so that the sanitizer sees each byte read beyond it. */
	uint8_t *copy = malloc(len ? len : 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	if (len)
		memcpy(copy, data, len);
	lm_sessions_input(sim->nodes[to].s, &now, from, copy, len);
	free(copy);
}

static void land(struct sim *sim, struct sim_packet *p)
{
	struct sim_node *to = node_at(sim, &p->to);
	if (to)
		sim_inject(sim, to->n, &p->from, p->data, p->len);
}

static uint64_t tick_all(struct sim *sim)
{
	uint64_t next = UINT64_MAX;
	for (unsigned i = 0; i < SIM_NODES; i++) {
		if (!sim->nodes[i].s)
			continue;
		struct lm_now now = sim_now(sim, &sim->nodes[i]);
		uint64_t at = lm_sessions_tick(sim->nodes[i].s, &now);
		CU_ASSERT_FATAL(at > sim->now); /* or time would stand still */
		next = at < next ? at : next;
	}
	return next;
}

void sim_run(struct sim *sim, uint64_t ns)
{
	uint64_t end = sim->now + ns;
	for (;;) {
		uint64_t next = tick_all(sim);
		struct sim_packet *p = TAILQ_FIRST(&sim->flying);
		if (p && p->at <= next) {
			if (p->at > end)
				break;
			sim->now = p->at;
			TAILQ_REMOVE(&sim->flying, p, link);
			sim->n_flying--;
			land(sim, p);
			free(p);
		} else {
			if (next > end)
				break;
			sim->now = next;
		}
	}
	sim->now = end;
}

int64_t sim_send(struct sim *sim, unsigned n, struct lm_peer *p)
{
	uint8_t body[8];
	struct lm_writer w = lm_writer(body, sizeof(body));
	struct lm_now now = sim_now(sim, &sim->nodes[n]);
	lm_write_u64(&w, sim->next_seq);
	int err = lm_peer_send(p, &now, MSG_SEQ, body, sizeof(body));
	return err ? err : (int64_t)sim->next_seq++;
}

bool sim_seen(const struct sim_node *node, uint64_t seq)
{
	return node->seen[seq / 8] >> seq % 8 & 1;
}

uint64_t sim_drops(const struct sim_node *node, enum lm_session_drop reason)
{
	return lm_sessions_drops(node->s)[reason];
}

bool sim_agree(const struct sim *sim, unsigned a, unsigned b)
{
	const struct lm_peer *pa = sim->nodes[a].peers[b], *pb = sim->nodes[b].peers[a];
	return lm_peer_state(pa) == LM_PEER_UP && lm_peer_state(pb) == LM_PEER_UP &&
	       lm_peer_epoch(pa) == lm_peer_epoch(pb);
}

void sim_two(struct sim *sim, uint64_t seed)
{
	sim_init(sim, seed);
	sim_start(sim, 0);
	sim_start(sim, 1);
}

void sim_meet(struct sim *sim, uint64_t time)
{
	sim_know(sim, 1, 0, false);
	sim_know(sim, 0, 1, true);
	sim_run(sim, time);
}

void sim_two_up(struct sim *sim, uint64_t seed)
{
	sim_two(sim, seed);
	sim_meet(sim, SEC);
	CU_ASSERT_FATAL(sim_agree(sim, 0, 1));
}

void sim_initiation(struct sim *sim, unsigned to, const struct lm_identity *id, uint32_t index,
    const uint8_t *cookie, uint8_t out[LM_INIT_LEN])
{
	const struct lm_sessions *s = sim->nodes[to].s;
	uint8_t seed[32] = {0xaa, (uint8_t)index, (uint8_t)(index >> 8)};
	uint8_t e[32], payload[LM_HELLO1_LEN];
	struct lm_hello hello = {.version = LM_WIRE_VERSION, .lanes = 1, .timestamp = sim->now};
	struct lm_identity fresh;
	struct lm_noise noise;
	if (!id) {
		lm_identity_from_seed(&fresh, seed);
		id = &fresh;
	}
	hello.sign = id->pub.b[31] >> 7;
	for (size_t i = 0; i < sizeof(e); i++)
		e[i] = (uint8_t)sim_random(sim);
	lm_hello1_write(payload, &hello);
	lm_noise_init(&noise, LM_NOISE_INITIATOR, LM_NOISE_PROLOGUE, strlen(LM_NOISE_PROLOGUE),
	    id->x_secret, id->x_public, s->self->x_public);
	lm_wire_header(out, LM_WIRE_INITIATION);
	lm_wire_put_index(out + LM_INIT_SENDER, index);
	lm_noise_write(&noise, e, payload, sizeof(payload), out + LM_INIT_NOISE, LM_INIT_NOISE_LEN);
	lm_wire_mac(out + LM_INIT_MAC1, s->macs.mac1, 32, out, LM_INIT_MAC1);
	memset(out + LM_INIT_MAC2, 0, LM_WIRE_MAC);
	if (cookie)
		lm_wire_mac(out + LM_INIT_MAC2, cookie, LM_COOKIE_LEN, out, LM_INIT_MAC2);
}

bool sim_lose_first_transport(struct sim *sim, struct sim_packet *p)
{
	unsigned *lost = sim->tap_ctx;
	return p->data[4] != LM_WIRE_TRANSPORT || (*lost)++ > 0;
}
