/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of the lanes of a (network, peer) pair. The receiver makes before the
 * sender breaks: new inbound SAs are installed first, then told (LANES), then the
 * peer switches its outbound and says so (LANES_ACK), and only some seconds later
 * are the old inbound SAs deleted. So no packet is lost while keys change.
 *
 * A key check names the keys: both ends derive it as the key of a lane that
 * carries nothing. Whoever has another epoch of the session or another network
 * secret does not find it, and stays silent until it has caught up.
 */
#include "membership/internal.h"

#include <errno.h>
#include "base/log.h"

#define LM_LOG_MODULE "membership"

#define LANES_FIXED_LEN (LM_NET_ID_LEN + 8 + 4 + LANE_CHECK_LEN + 1)

#define LANES_WAIT (250 * MS)
#define LANES_WAIT_MAX (5 * SECOND)
#define LANES_WAIT_UNSETTLED (60 * SECOND) /* a peer without our manifest cannot follow */
#define LANES_TRIES_DOUBT 4 /* unanswered: perhaps it has lost the manifest */
#define DRAIN (10 * SECOND) /* packets under the old keys may still be on their way */
/* After the session's end the other side may believe in it for as long as its keys live. */
#define LINGER (LM_REJECT_AFTER * SECOND)

static void set_free(struct lm_membership *m, struct lane_set *set)
{
	for (unsigned i = 0; i < set->n; i++)
		m->ops.sa_in_del(m->ctx, set->spis[i]);
	free(set);
}

static void set_remove(struct lm_membership *m, struct pair *p, unsigned at)
{
	set_free(m, p->in[at]);
	p->n_in--;
	memmove(&p->in[at], &p->in[at + 1], (p->n_in - at) * sizeof(p->in[0]));
}

/* Index of the newest set that the peer has used, or n_in. */
static unsigned newest_acked(const struct pair *p)
{
	unsigned i = 0;

	while (i < p->n_in && !p->in[i]->acked)
		i++;
	return i;
}

/* Room for one more: what the peer can least be using goes. */
static void make_room(struct lm_membership *m, struct pair *p)
{
	if (p->n_in < LANE_SETS_MAX)
		return;
	unsigned oldest = p->n_in - 1;
	set_remove(m, p, newest_acked(p) == oldest ? oldest - 1 : oldest);
}

static int set_key(const struct lm_membership *m, const struct pair *p, const struct lane_set *set,
    uint8_t lane, uint8_t key[LANE_KEY_LEN])
{
	const struct network *net = p->key.net;
	const struct lm_lane_set name = {m->incarnation, set->generation};

	return lm_peer_lane_key(
	    pair_session(p), set->epoch, &net->pub.id, &net->secret, &name, true, lane, key);
}

static int set_install(
    struct lm_membership *m, const struct pair *p, struct lane_set *set, uint8_t n_lanes)
{
	uint8_t key[LANE_KEY_LEN];
	int err = set_key(m, p, set, LANE_CHECK, key);

	memcpy(set->check, key, LANE_CHECK_LEN);
	while (!err && set->n < n_lanes) {
		err = set_key(m, p, set, set->n, key);
		if (!err)
			err = m->ops.sa_in_add(m->ctx, p->key.net->pub.index,
			    p->key.peer->party.slot, set->n, n_lanes, key, &set->spis[set->n]);
		if (!err)
			set->n++;
	}
	lm_wipe(key, sizeof(key));
	return err;
}

static uint8_t lanes_of(const struct pair *p)
{
	uint8_t n = lm_peer_lanes(pair_session(p));

	return n > LM_LANES_MAX ? LM_LANES_MAX : n;
}

static int set_make(struct lm_membership *m, struct pair *p)
{
	uint8_t n = lanes_of(p);
	struct lane_set *set = calloc(1, sizeof(*set) + n * sizeof(set->spis[0]));

	if (!set)
		return -ENOMEM;
	set->generation = ++m->generation;
	set->epoch = p->key.peer->epochs[0];
	set->drop_at = LM_NEVER;
	int err = set_install(m, p, set, n);
	if (err) {
		set_free(m, set);
		return err;
	}
	make_room(m, p);
	memmove(&p->in[1], &p->in[0], p->n_in * sizeof(p->in[0]));
	p->in[0] = set;
	p->n_in++;
	return 0;
}

void lm_lanes_renew(struct lm_membership *m, struct pair *p)
{
	if (!p->on || !p->key.peer->up)
		return;
	p->renew = true;
	p->lanes_tries = 0;
	p->lanes_wait = LANES_WAIT;
	p->lanes_at = m->now.mono;
	lm_pair_arm(m, p);
}

void lm_lanes_hurry(struct lm_membership *m, struct pair *p)
{
	if (p->lanes_at == LM_NEVER || p->lanes_at == m->now.mono)
		return;
	p->lanes_wait = LANES_WAIT;
	p->lanes_at = m->now.mono;
	lm_pair_arm(m, p);
}

static void send_lanes(struct lm_membership *m, const struct pair *p)
{
	const struct lane_set *set = p->in[0];
	size_t len = LANES_FIXED_LEN + 4u * set->n;
	struct lm_writer w = lm_outbox_record(m, pair_session(p), LM_MSG_LANES, len);

	lm_write(&w, p->key.net->pub.id.b, LM_NET_ID_LEN);
	lm_write_u64(&w, m->incarnation);
	lm_write_u32(&w, set->generation);
	lm_write(&w, set->check, LANE_CHECK_LEN);
	lm_write_u8(&w, set->n | (p->out->n ? 0 : LANES_ASK));
	for (unsigned i = 0; i < set->n; i++)
		lm_write_u32(&w, set->spis[i]);
}

static void tell(struct lm_membership *m, struct pair *p)
{
	if (p->renew && lm_peer_epoch(pair_session(p)) == 0) {
		/* Asleep: with the keys that it wakes up with, we are called again. */
		lm_peer_wake(pair_session(p), &m->now);
		return;
	}
	if (p->renew) {
		int err = set_make(m, p);
		if (err) {
			m->drops[LM_MD_NO_SA]++;
			if (p->lanes_tries++ == 0)
				lm_warn("network %s: no lanes from peer %u: %s",
				    p->key.net->pub.manifest->network, p->key.peer->party.slot,
				    strerror(-err));
			return;
		}
		p->renew = false;
		p->lanes_tries = 0;
	}
	send_lanes(m, p);
	if (++p->lanes_tries == LANES_TRIES_DOUBT && p->settled)
		lm_gossip_start(m, p);
}

void lm_lanes_due(struct lm_membership *m, struct pair *p)
{
	uint64_t now = m->now.mono;

	for (unsigned i = p->n_in; i-- > 0;)
		if (p->in[i]->drop_at <= now)
			set_remove(m, p, i);
	if (p->lanes_at > now)
		return;
	tell(m, p);
	p->lanes_at = now + p->lanes_wait;
	p->lanes_wait =
	    lm_min_u64(2 * p->lanes_wait, p->settled ? LANES_WAIT_MAX : LANES_WAIT_UNSETTLED);
}

uint64_t lm_lanes_next_drop(const struct pair *p)
{
	uint64_t at = LM_NEVER;

	for (unsigned i = 0; i < p->n_in; i++)
		at = lm_min_u64(at, p->in[i]->drop_at);
	return at;
}

static void acked(struct lm_membership *m, struct pair *p, uint32_t generation)
{
	unsigned at = 0;

	while (at < p->n_in && p->in[at]->generation != generation)
		at++;
	if (at == p->n_in)
		return;
	p->in[at]->acked = true;
	for (unsigned i = at + 1; i < p->n_in; i++)
		p->in[i]->drop_at = lm_min_u64(p->in[i]->drop_at, m->now.mono + DRAIN);
	if (at == 0 && !p->renew)
		p->lanes_at = LM_NEVER;
	lm_pair_arm(m, p);
}

/* ---- the session's life ---- */

/* Has anything been sent under the keys of these lanes, in either direction? */
static bool used(struct lm_membership *m, const struct pair *p)
{
	const struct lane_set *set = p->in[0];

	if (!m->ops.sa_in_used)
		return true;
	for (unsigned i = 0; i < set->n; i++)
		if (m->ops.sa_in_used(m->ctx, set->spis[i]))
			return true;
	return m->ops.sa_out_used(m->ctx, p->key.net->pub.index, p->key.peer->party.slot);
}

/*
 * Lanes that nothing was sent by stay as they are: their keys protect nothing that a newer key
 * would protect better, and two gateways may share thousands of networks in which nothing happens.
 * Those that the peer has not confirmed are told anew, for it may not have the keys of before any
 * more.
 */
void lm_lanes_rekeyed(struct lm_membership *m, struct pair *p)
{
	if (p->renew || p->n_in == 0 || !p->in[0]->acked || used(m, p))
		lm_lanes_renew(m, p);
}

void lm_lanes_asked(struct lm_membership *m, struct pair *p)
{
	if (p->n_in && p->in[0]->acked && !p->renew)
		lm_lanes_renew(m, p);
}

void lm_lanes_follow_epoch(struct lm_membership *m, struct pair *p)
{
	if (!p->renew && p->n_in && p->in[0]->epoch != p->key.peer->epochs[0])
		lm_lanes_renew(m, p);
}

void lm_lanes_up(struct lm_membership *m, struct pair *p)
{
	unsigned used = newest_acked(p);

	for (unsigned i = 0; i < p->n_in && (i <= used || used == p->n_in); i++)
		p->in[i]->drop_at = LM_NEVER;
	lm_lanes_renew(m, p);
}

void lm_lanes_down(struct lm_membership *m, struct pair *p)
{
	lm_lanes_out_stop(m, p);
	for (unsigned i = 0; i < p->n_in; i++)
		p->in[i]->drop_at = lm_min_u64(p->in[i]->drop_at, m->now.mono + LINGER);
	p->renew = false;
	p->lanes_at = LM_NEVER;
	lm_pair_arm(m, p);
}

void lm_lanes_cut(struct lm_membership *m, struct pair *p)
{
	lm_lanes_out_stop(m, p);
	while (p->n_in)
		set_remove(m, p, p->n_in - 1);
	p->renew = false;
	p->lanes_at = LM_NEVER;
	lm_pair_arm(m, p);
}

bool lm_lanes_ack_follow(struct lm_membership *m, struct party *from, struct lm_reader *r)
{
	struct lm_net_id id;

	lm_read(r, id.b, LM_NET_ID_LEN);
	uint64_t incarnation = lm_read_u64(r);
	uint32_t generation = lm_read_u32(r);
	if (r->failed)
		return false;
	struct pair *p = lm_pair_authorised(m, from, &id);
	if (p && incarnation == m->incarnation)
		acked(m, p, generation);
	return true;
}

void lm_membership_lanes(
    const struct lm_membership *m, uint32_t net, uint32_t slot, struct lm_lanes_info *out)
{
	struct pair *p = NULL;

	memset(out, 0, sizeof(*out));
	if (net < m->networks_end && m->networks[net] && slot < m->remotes_end && m->remotes[slot])
		p = lm_pair_find(m, m->networks[net], m->remotes[slot]);
	if (!p)
		return;
	out->n_out = p->out->n;
	if (p->n_in) {
		out->epoch = p->in[0]->epoch;
		out->generation = p->in[0]->generation;
		out->n_in = p->in[0]->n;
		out->acked = p->in[0]->acked;
	}
}
