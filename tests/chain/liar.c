/* SPDX-License-Identifier: Apache-2.0 */
#include "liar.h"

#define KEPT 64

/* One world at a time. */
static struct {
	struct sim_random random;
	unsigned node;
	struct {
		uint8_t type;
		size_t len;
		uint8_t body[LM_MESSAGE_MAX];
	} heard[KEPT]; /* said, rather, by anybody */
	unsigned n_heard;
} liar;

static uint64_t below(uint64_t n)
{
	return sim_random_below(&liar.random, n);
}

static void keep(uint8_t type, const uint8_t *body, size_t len)
{
	unsigned at = liar.n_heard++ % KEPT;

	liar.heard[at].type = type;
	liar.heard[at].len = len;
	memcpy(liar.heard[at].body, body, len);
}

/* Something that was said, to somebody, as it was or with some bytes changed. */
static void say_again(struct world *w, unsigned to)
{
	uint8_t body[LM_MESSAGE_MAX];
	unsigned n = liar.n_heard < KEPT ? liar.n_heard : KEPT;

	if (n == 0)
		return;
	unsigned at = (unsigned)below(n);
	size_t len = liar.heard[at].len;
	memcpy(body, liar.heard[at].body, len);
	for (uint64_t changes = below(4); changes; changes--)
		body[LM_NET_ID_LEN + below(len - LM_NET_ID_LEN)] ^= (uint8_t)(1u << below(8));
	if (below(8) == 0)
		len = below(len + 1);
	uint8_t type = below(8) ? liar.heard[at].type
				: (uint8_t)(LM_MSG_CHAIN + below(LM_MSG_CHAIN_END - LM_MSG_CHAIN));
	world_send(w, liar.node, to, type, body, len);
}

/* A ballot of its own, as high as it likes; or of somebody else. */
static void say_prepare(struct world *w, unsigned to)
{
	const struct network *net = world_net(w, liar.node);
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer out = lm_chain_begin(net, net->height + below(3), bytes);
	unsigned who = below(2) && net->self >= 0 ? (unsigned)net->self : (unsigned)below(8);

	lm_write(&out, net->hash, HASH_LEN);
	lm_write_u64(
	    &out, ballot_of(below(4) ? below(40) : sim_random_next(&liar.random) >> 4, who));
	world_send(w, liar.node, to, LM_MSG_CHAIN_PREPARE, bytes, lm_writer_len(&out));
}

static void say_preempted(struct world *w, unsigned to)
{
	const struct network *net = world_net(w, liar.node);
	const struct network *theirs = w->node[to].chain ? world_net(w, to) : net;
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer out = lm_chain_begin(net, theirs->height + 1, bytes);

	lm_write_u64(&out, theirs->proposal.ballot);
	lm_write_u64(&out, theirs->proposal.ballot + 1 + below(1ull << below(40)));
	world_send(w, liar.node, to, LM_MSG_CHAIN_PREEMPTED, bytes, lm_writer_len(&out));
}

static void say_tip(struct world *w, unsigned to)
{
	const struct network *net = world_net(w, liar.node);
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer out = lm_chain_begin(net, net->height + below(20), bytes);

	lm_write(&out, net->hash, HASH_LEN);
	lm_write_u32(&out, (uint32_t)below(1000));
	lm_write_u8(&out, (uint8_t)below(2));
	world_send(w, liar.node, to, LM_MSG_CHAIN_TIP, bytes, lm_writer_len(&out));
}

/* Signed by itself as if it were a majority. */
static void say_block(struct world *w, unsigned to)
{
	const struct network *net = world_net(w, liar.node);
	const struct members *m = &net->state.members;
	uint8_t bytes[LM_MESSAGE_MAX], hash[HASH_LEN];
	struct lm_writer out = lm_chain_begin(net, net->height + 1, bytes);
	struct decided d = {.header = {.where = net->where,
				.height = net->height + 1,
				.body_len = 1 + (uint32_t)below(100),
				.maker = w->node[liar.node].id.pub}};

	memcpy(d.header.prev, net->hash, HASH_LEN);
	lm_chain_members_hash(d.header.members, m);
	d.certificate.ballot = ballot_of(1, 0);
	d.certificate.members = (uint8_t)((1u << m->n) - 1);
	lm_chain_header_hash(hash, &d.header);
	for (unsigned i = 0; i < m->n; i++)
		lm_chain_accept_sign(&d.certificate.signature[i], &w->node[liar.node].id,
		    &net->where, net->height + 1, d.certificate.ballot, hash);
	lm_write_u64(&out, net->height + 1);
	lm_write_u32(&out, 100);
	lm_chain_decided_write(&out, &d);
	lm_write_u8(&out, 0);
	world_send(w, liar.node, to, LM_MSG_CHAIN_BLOCK, bytes, lm_writer_len(&out));
}

/* Its own command with consents that it made itself, or for somebody else. */
static void say_request(struct world *w, unsigned to)
{
	const struct network *net = world_net(w, liar.node);
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer out = lm_chain_begin(net, net->height, bytes);
	struct command c = {.c = world_command(w, (enum lm_chain_kind)(1 + below(8)), 0)};

	c.c.author = w->node[below(4) ? liar.node : below(w->n)].id.pub;
	c.c.number = 1 + sim_random_next(&liar.random) % (2000000000000ull);
	c.c.serial = w->serial + below(2);
	lm_chain_command_sign(&c, &w->node[liar.node].id, &net->where);
	c.consents = (uint8_t)below(1u << net->state.members.n);
	for (unsigned i = 0; i < net->state.members.n; i++)
		c.consent[i] = c.signature;
	lm_chain_command_write(&out, &c);
	world_send(w, liar.node, to, LM_MSG_CHAIN_REQUEST, bytes, lm_writer_len(&out));
}

static void lie(struct world *w, unsigned to)
{
	switch (below(10)) {
	case 0:
		say_prepare(w, to);
		break;
	case 1:
		say_preempted(w, to);
		break;
	case 2:
		say_tip(w, to);
		break;
	case 3:
		say_block(w, to);
		break;
	case 4:
		say_request(w, to);
		break;
	default:
		say_again(w, to);
	}
}

static bool tamper(
    struct world *w, unsigned from, unsigned to, uint8_t type, const uint8_t *body, size_t len)
{
	if (len <= LM_MESSAGE_MAX)
		keep(type, body, len);
	if (w->node[liar.node].chain && below(3) == 0) {
		unsigned whom = (unsigned)below(w->n);
		if (whom != liar.node)
			lie(w, whom);
	}
	return from == liar.node && (to + below(3)) % 3 == 0; /* it keeps this to itself */
}

void liar_begin(struct world *w, unsigned node, struct sim_random *random)
{
	liar.random = *random;
	liar.node = node;
	liar.n_heard = 0;
	w->node[node].liar = true;
	w->tamper = tamper;
}
