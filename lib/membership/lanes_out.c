/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outbound lanes: a peer tells by which SPIs it receives (LANES), we derive the
 * keys, switch all lanes in one step, and say so. See lanes.c for the other half.
 */
#include "membership/internal.h"

#define ACK_LEN (LM_NET_ID_LEN + 8 + 4)

#define KEYS_LIVE (LM_REJECT_AFTER * SECOND)

struct lanes {
	struct lm_net_id net;
	struct lm_lane_set set;
	const uint8_t *check;
	uint8_t n;
	bool asks; /* the peer has no lanes from us */
	uint32_t spis[LM_LANES_MAX];
};

/* ---- what outlives a pair ---- */

/*
 * A provider may leave a manifest and come back while the session's keys live, and LANES of before
 * may be late: were they followed again, our first packets would meet numbers that their keys have
 * seen.
 */
struct lanes_out *lm_lanes_out_get(
    struct lm_membership *m, const struct network *net, struct remote *r)
{
	struct lanes_out *out, *next;

	for (out = LIST_FIRST(&r->retired); out; out = next) {
		next = LIST_NEXT(out, link);
		bool ours = memcmp(&out->net, &net->pub.id, sizeof(out->net)) == 0;
		if (!ours && out->until > m->now.mono)
			continue;
		LIST_REMOVE(out, link);
		if (ours)
			return out;
		free(out);
	}
	return calloc(1, sizeof(*out));
}

void lm_lanes_out_retire(
    struct lm_membership *m, const struct network *net, struct remote *r, struct lanes_out *out)
{
	if (!out->epoch_order) { /* nothing was ever sent */
		free(out);
		return;
	}
	out->net = net->pub.id;
	out->until = m->now.mono + KEYS_LIVE;
	LIST_INSERT_HEAD(&r->retired, out, link);
}

void lm_lanes_out_free(struct remote *r)
{
	struct lanes_out *out;

	while ((out = LIST_FIRST(&r->retired))) {
		LIST_REMOVE(out, link);
		free(out);
	}
}

/* ---- following LANES ---- */

/* The order of the epoch whose keys give this check, counted from 1; 0: none that we have. */
static uint64_t epoch_of(const struct pair *p, const struct lanes *l, uint32_t *epoch)
{
	const struct remote *r = p->key.peer;
	const struct network *net = p->key.net;
	uint8_t key[LANE_KEY_LEN];
	uint64_t order = 0;

	for (unsigned i = 0; i < 2 && i < r->n_epochs && !order; i++) {
		*epoch = r->epochs[i];
		if (lm_peer_lane_key(pair_session(p), *epoch, &net->pub.id, &net->secret, &l->set,
			false, LANE_CHECK, key) == 0 &&
		    lm_equal_secret(key, l->check, LANE_CHECK_LEN))
			order = r->n_epochs - i;
	}
	lm_wipe(key, sizeof(key));
	return order;
}

/*
 * Is this newer than all that we have sent by? Generations count up while the peer lives, and none
 * is ever taken up again: its keys have seen our first numbers. A peer that started again counts
 * from the beginning, and can only know epochs that are newer than the last of its former life;
 * anything else with another incarnation is an old datagram that was late. That holds for the
 * newest epoch of all sets, not only of the last one, or incarnations could lead us in a circle.
 */
static bool is_newer(const struct pair *p, const struct lanes *l, uint64_t order)
{
	if (l->set.incarnation == p->out->set.incarnation)
		return l->set.generation > p->out->set.generation;
	return order > p->out->epoch_order;
}

static int switch_out(
    struct lm_membership *m, struct pair *p, const struct lanes *l, uint32_t epoch)
{
	struct network *net = p->key.net;
	uint8_t keys[LM_LANES_MAX][LANE_KEY_LEN];
	int err = 0;

	for (uint8_t i = 0; i < l->n && !err; i++)
		err = lm_peer_lane_key(
		    pair_session(p), epoch, &net->pub.id, &net->secret, &l->set, false, i, keys[i]);
	if (!err)
		err = m->ops.sa_out_set(m->ctx, net->pub.index, p->key.peer->party.slot, l->n,
		    l->spis, (const uint8_t(*)[LANE_KEY_LEN])keys);
	lm_wipe(keys, sizeof(keys));
	return err;
}

static void send_ack(struct lm_membership *m, const struct pair *p)
{
	struct lm_writer w = lm_outbox_record(m, pair_session(p), LM_MSG_LANES_ACK, ACK_LEN);

	lm_write(&w, p->key.net->pub.id.b, LM_NET_ID_LEN);
	lm_write_u64(&w, p->out->set.incarnation);
	lm_write_u32(&w, p->out->set.generation);
}

static void told(struct lm_membership *m, struct pair *p, const struct lanes *l)
{
	bool again = p->out->n > 0 && l->set.incarnation == p->out->set.incarnation &&
		     l->set.generation == p->out->set.generation;
	uint32_t epoch;
	uint64_t order = again ? 0 : epoch_of(p, l, &epoch);

	if (!again && !order) {
		m->drops[LM_MD_NO_KEY]++;
		return;
	}
	if (!again && !is_newer(p, l, order)) {
		m->drops[LM_MD_OLD]++;
		return;
	}
	if (!again && switch_out(m, p, l, epoch) != 0) {
		m->drops[LM_MD_NO_SA]++;
		return;
	}
	if (!again) {
		p->out->set = l->set;
		p->out->epoch_order = lm_max_u64(p->out->epoch_order, order);
		p->out->n = l->n;
	}
	send_ack(m, p);
	if (!again && order == p->key.peer->n_epochs)
		lm_lanes_follow_epoch(m, p);
	if (l->asks)
		lm_lanes_asked(m, p);
	/* It can follow ours now, if it could not before. */
	if (!again)
		lm_lanes_hurry(m, p);
}

void lm_lanes_out_stop(struct lm_membership *m, struct pair *p)
{
	if (p->out->n)
		m->ops.sa_out_set(
		    m->ctx, p->key.net->pub.index, p->key.peer->party.slot, 0, NULL, NULL);
	p->out->n = 0;
}

static bool read_lanes(struct lm_reader *r, struct lanes *l)
{
	lm_read(r, l->net.b, LM_NET_ID_LEN);
	l->set.incarnation = lm_read_u64(r);
	l->set.generation = lm_read_u32(r);
	l->check = lm_read_ref(r, LANE_CHECK_LEN);
	uint8_t n = lm_read_u8(r);
	l->n = n & ~LANES_ASK;
	l->asks = n & LANES_ASK;
	if (r->failed || l->n == 0 || l->n > LM_LANES_MAX || (l->n & (l->n - 1)) != 0)
		return false;
	for (unsigned i = 0; i < l->n; i++) {
		l->spis[i] = lm_read_u32(r);
		if (l->spis[i] <= 255)
			return false;
	}
	return true;
}

/*
 * Not both of us take part, as far as we know. Perhaps it does again since it said that it does
 * not: its record is a newer version then, which looks like the one before and so is no news.
 */
static void absent(struct lm_membership *m, struct pair *p)
{
	m->drops[LM_MD_ABSENT]++;
	if (p->version == p->void_version)
		lm_part_news(m, p->key.net);
}

/* Each lane costs deriving a key, of which eight are worth any other record. */
static bool affordable(struct lm_membership *m, struct party *from, const struct lanes *l)
{
	for (unsigned i = 0; i < l->n / 8u; i++)
		if (!lm_record_allowed(m, from))
			return false;
	return true;
}

bool lm_lanes_follow(struct lm_membership *m, struct party *from, struct lm_reader *r)
{
	struct lanes l;

	if (!read_lanes(r, &l))
		return false;
	if (!affordable(m, from, &l))
		return true;
	struct pair *p = lm_pair_authorised(m, from, &l.net);
	/* Who is about to join stays silent: the peer tells it again. */
	if (!p || (p->key.net->part != LM_PART_JOINED && !p->key.net->n_attached))
		lm_away_answer(m, from, &l.net);
	if (p && !p->on)
		absent(m, p);
	else if (p && p->key.peer->up)
		told(m, p, &l);
	return true;
}
