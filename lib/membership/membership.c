/* SPDX-License-Identifier: Apache-2.0 */
#include "membership/facts.h"
#include "membership/internal.h"
#include "membership/places.h"

#include <errno.h>

#define GUESTS_DEFAULT 64
#define HANDSHAKES_DEFAULT 200
#define ROUNDS 4
#define TIMERS_AT_ONCE 256 /* of one call: a session that comes up must not stall the others */

const char *const lm_membership_drop_names[LM_MD_MAX] = {
#define X(id, name) [LM_MD_##id] = name,
    LM_MEMBERSHIP_DROPS(X)
#undef X
};

/* ---- entering and leaving ---- */

static void enter(struct lm_membership *m, const struct lm_now *now)
{
	m->now = *now;
}

static void judge_manifest(
    struct lm_membership *m, const struct pulled *doc, struct lm_document *read)
{
	bool submitted = doc->tag == PULL_SUBMITTED;
	struct lm_why why = {""};
	uint64_t serial;
	const struct origin from = {.kind = submitted ? FROM_TENANT : FROM_GATEWAY,
	    .session = doc->from ? doc->from->session : NULL,
	    .read = read};
	int err = lm_network_judge(m, doc->bytes, doc->len, &from, &serial, &why);

	if (submitted)
		lm_submit_judged(m, doc, err, serial, &why);
	else
		lm_gossip_judged(m, doc, err, &why);
}

/* Also if it has to wait for that. What is no use to be read is refused at once. */
static bool read_aside(struct lm_membership *m, struct pulled *doc)
{
	if (!m->ops.read_aside || lm_recovery_is(doc->bytes, doc->len) ||
	    lm_network_welcome(m, doc->bytes, doc->len, NULL) != 0)
		return false;
	int err = m->ops.read_aside(m->ctx, m->n_aside + 1, doc->bytes, doc->len);
	doc->waits = err == -EBUSY;
	if (err == 0)
		doc->number = ++m->n_aside;
	return err == 0 || doc->waits;
}

static void forget_pulled(struct lm_membership *m, struct pulled *doc)
{
	TAILQ_REMOVE(&m->pulled, doc, link);
	free(doc);
}

static void judge_pulled(struct lm_membership *m)
{
	struct pulled *doc = TAILQ_FIRST(&m->pulled), *next;

	/* It stays in the list meanwhile, so that `from` is cleared if that session ends. */
	for (; doc; doc = next) {
		bool fact = doc->tag == PULL_FACT || doc->tag == PULL_GENESIS;

		next = TAILQ_NEXT(doc, link);
		if (doc->number || (!fact && read_aside(m, doc)))
			continue;
		if (fact)
			lm_facts_pulled(m, doc);
		else
			judge_manifest(m, doc, NULL);
		forget_pulled(m, doc);
	}
}

static void run_timers(struct lm_membership *m)
{
	for (unsigned i = 0; i < TIMERS_AT_ONCE; i++) {
		struct lm_timer *first = lm_timers_first(&m->timers);
		if (!first || first->due > m->now.mono)
			break;
		struct timer *t = (struct timer *)((char *)first - offsetof(struct timer, at));
		lm_timers_set(&m->timers, first, LM_NEVER);
		t->fire(m, t);
	}
}

/* What callbacks have noted is done here, where no session is in the middle of something. */
static void leave(struct lm_membership *m)
{
	judge_pulled(m);
	run_timers(m);
	/* What is decided changes who serves what, which is said, and asks for new decisions. */
	for (unsigned round = 0; round < ROUNDS; round++) {
		lm_part_visit(m);
		lm_facts_visit(m);
		if (!lm_places_visit(m))
			break;
	}
	lm_remotes_visit(m);
	lm_gossip_feed(m);
	lm_outbox_flush(m);
}

/* ---- callbacks from sessions ---- */

static void on_send(void *ctx, const struct lm_udp_addr *to, const uint8_t *data, size_t len)
{
	struct lm_membership *m = ctx;

	m->ops.send(m->ctx, to, data, len);
}

static void on_random(void *ctx, void *buf, size_t len)
{
	struct lm_membership *m = ctx;

	m->ops.random(m->ctx, buf, len);
}

/* The remote behind a session, or NULL for guests. */
static struct remote *remote_of(const struct lm_peer *session)
{
	struct party *party = lm_peer_user(session);

	return party && party->slot != UINT32_MAX ? (struct remote *)party : NULL;
}

static void on_up(void *ctx, struct lm_peer *session, uint32_t epoch)
{
	struct remote *r = remote_of(session);

	if (r)
		lm_remote_up(ctx, r, epoch);
}

static void on_down(void *ctx, struct lm_peer *session, const char *reason)
{
	struct lm_membership *m = ctx;
	struct party *party = lm_peer_user(session);
	struct remote *r = remote_of(session);

	lm_blobs_peer_down(m->blobs, session);
	if (r) {
		lm_remote_down(m, r, reason);
	} else if (party) {
		lm_outbox_forget(m, session);
		lm_peer_set_user(session, NULL);
		lm_guest_free(m, (struct guest *)party);
	}
}

static void on_moved(void *ctx, struct lm_peer *session, const struct lm_udp_addr *to)
{
	struct remote *r = remote_of(session);

	if (r)
		lm_remote_moved(ctx, r, to);
}

static void on_message(
    void *ctx, struct lm_peer *session, uint8_t type, const uint8_t *body, size_t len)
{
	struct lm_membership *m = ctx;
	struct remote *r = remote_of(session);
	struct guest *g = r ? NULL : lm_guest_of(m, session);
	struct party *from = r ? &r->party : g ? &g->party : NULL;

	if (!from || lm_blobs_message(m->blobs, &m->now, session, type, body, len))
		return;
	if (type >= LM_MSG_LEDGER && type < LM_MSG_LEDGER_END) {
		if (r)
			lm_ledger_input(m->ledger, &m->now, &r->key, type, body, len);
		else
			m->drops[LM_MD_UNAUTHORISED]++;
		return;
	}
	if (type >= LM_MSG_CHAIN && type < LM_MSG_CHAIN_END) {
		lm_facts_message(m, from, type, body, len);
		return;
	}
	switch (type) {
	case LM_MSG_HAVE:
		lm_inbox_follow(m, from, body, len, lm_gossip_follow);
		break;
	case LM_MSG_LANES:
		lm_inbox_follow(m, from, body, len, lm_lanes_follow);
		break;
	case LM_MSG_LANES_ACK:
		lm_inbox_follow(m, from, body, len, lm_lanes_ack_follow);
		break;
	case LM_MSG_AWAY:
		lm_inbox_follow(m, from, body, len, lm_away_follow);
		break;
	case LM_MSG_HOLDER_ASK:
		lm_inbox_follow(m, from, body, len, lm_holder_ask_follow);
		break;
	case LM_MSG_HOLDER:
		lm_inbox_follow(m, from, body, len, lm_holder_follow);
		break;
	case LM_MSG_GENESIS_ASK:
		lm_inbox_follow(m, from, body, len, lm_genesis_ask_follow);
		break;
	case LM_MSG_GENESIS:
		lm_inbox_follow(m, from, body, len, lm_genesis_follow);
		break;
	case LM_MSG_SUBMIT:
		lm_submit_message(m, from, body, len);
		break;
	default:
		m->drops[LM_MD_MALFORMED]++;
	}
}

/* ---- callbacks from blobs ---- */

static const uint8_t *on_find(
    void *ctx, struct lm_peer *session, const uint8_t hash[32], size_t *len)
{
	const uint8_t *bytes = lm_gossip_find(ctx, session, hash, len);
	struct remote *r = bytes ? NULL : remote_of(session);

	return r ? lm_facts_blob(ctx, r, hash, len) : bytes;
}

/* A pull ended: whoever it was for may start another. Is what has come still of use? */
static bool ended(struct lm_membership *m, struct lm_peer *session, const uint8_t hash[32], int err,
    enum pull_tag tag, struct lm_net_id *net)
{
	struct remote *r = remote_of(session);

	if (tag == PULL_MANIFEST)
		lm_gossip_pulled(m, hash);
	if (tag == PULL_SUBMITTED && err)
		lm_submit_failed(m, session, err);
	else if (err)
		m->drops[LM_MD_PULL]++;
	if (tag == PULL_FACT || tag == PULL_GENESIS)
		return r && lm_facts_pull_ended(m, r, hash, net) && !err;
	return !err;
}

static void on_pulled(void *ctx, struct lm_peer *session, const uint8_t hash[32], int err,
    const uint8_t *bytes, size_t len, uint64_t tag)
{
	struct lm_membership *m = ctx;
	struct pulled *doc = err ? NULL : malloc(sizeof(*doc) + len);
	struct lm_net_id net = {0};

	if (!ended(m, session, hash, doc ? 0 : err ? err : -ENOMEM, (enum pull_tag)tag, &net)) {
		free(doc);
		return;
	}
	doc->from = lm_peer_user(session);
	doc->tag = (enum pull_tag)tag;
	doc->net = net;
	doc->number = 0;
	doc->waits = false;
	memcpy(doc->hash, hash, 32);
	doc->len = len;
	memcpy(doc->bytes, bytes, len);
	TAILQ_INSERT_TAIL(&m->pulled, doc, link);
}

/* ---- the public calls ---- */

static int create_channels(struct lm_membership *m)
{
	static const struct lm_session_ops session_ops = {
	    .send = on_send,
	    .random = on_random,
	    .up = on_up,
	    .down = on_down,
	    .moved = on_moved,
	    .message = on_message,
	};
	static const struct lm_blob_ops blob_ops = {.find = on_find, .pulled = on_pulled};
	const struct lm_membership_config *c = &m->config;
	struct lm_session_config config = {
	    .lanes = c->lanes,
	    .max_peers = c->max_peers,
	    .max_guests = c->max_guests ? c->max_guests : GUESTS_DEFAULT,
	    .max_handshakes_per_s =
		c->max_handshakes_per_s ? c->max_handshakes_per_s : HANDSHAKES_DEFAULT,
	};
	int err = lm_sessions_create(&m->sessions, m->self, &config, &session_ops, m);

	return err ? err : lm_blobs_create(&m->blobs, &blob_ops, m);
}

int lm_membership_create(struct lm_membership **out, const struct lm_identity *self,
    const struct lm_membership_config *config, const struct lm_membership_ops *ops, void *ctx)
{
	if (config->max_networks == 0 || config->max_networks > LM_NETWORKS_MAX ||
	    config->max_peers == 0)
		return -EINVAL;
	struct lm_membership *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->self = self;
	m->config = *config;
	m->ops = *ops;
	m->ctx = ctx;
	TAILQ_INIT(&m->visits);
	TAILQ_INIT(&m->hungry);
	TAILQ_INIT(&m->pulled);
	TAILQ_INIT(&m->stirred);
	LIST_INIT(&m->guests);
	lm_bucket_fill(&m->pulls_of_guests, 0, GUESTS_BURST);
	m->ops.random(ctx, &m->incarnation, sizeof(m->incarnation));
	m->networks = calloc(config->max_networks, sizeof(m->networks[0]));
	m->remotes = calloc(config->max_peers, sizeof(m->remotes[0]));
	int err = m->networks && m->remotes ? create_channels(m) : -ENOMEM;
	if (!err)
		err = lm_part_open(m);
	if (!err)
		err = lm_facts_open(m);
	if (!err)
		err = lm_places_open(m);
	if (err) {
		lm_membership_free(m);
		return err;
	}
	*out = m;
	return 0;
}

void lm_membership_free(struct lm_membership *m)
{
	struct arrival *a, *next;

	if (!m)
		return;
	if (m->blobs)
		lm_blobs_free(m->blobs);
	if (m->sessions)
		lm_sessions_free(m->sessions);
	while (!TAILQ_EMPTY(&m->pulled))
		forget_pulled(m, TAILQ_FIRST(&m->pulled));
	while (!LIST_EMPTY(&m->guests))
		lm_guest_free(m, LIST_FIRST(&m->guests));
	HASH_ITER(hh, m->arrivals, a, next)
	{
		HASH_DEL(m->arrivals, a);
		free(a);
	}
	lm_networks_free(m);
	lm_remotes_free(m);
	lm_ledger_free(m->ledger);
	lm_places_close(m);
	lm_facts_close(m);
	lm_timers_free(&m->timers);
	free(m->owners);
	free(m);
}

void lm_membership_goodbye(struct lm_membership *m, const struct lm_now *now)
{
	enter(m, now);
	lm_outbox_flush(m);
	lm_sessions_goodbye(m->sessions, now);
}

int lm_membership_restore(struct lm_membership *m, const struct lm_now *now, const void *bytes,
    size_t len, struct lm_why *why)
{
	const struct origin from = {.kind = FROM_STORE};
	uint64_t serial;

	enter(m, now);
	int err = lm_network_judge(m, bytes, len, &from, &serial, why);
	leave(m);
	return err;
}

int lm_membership_submit(struct lm_membership *m, const struct lm_now *now, const void *bytes,
    size_t len, struct lm_why *why)
{
	const struct origin from = {.kind = FROM_TENANT};
	uint64_t serial;

	enter(m, now);
	int err = lm_network_judge(m, bytes, len, &from, &serial, why);
	leave(m);
	return err;
}

void lm_membership_read(
    struct lm_membership *m, const struct lm_now *now, uint64_t number, struct lm_document *d)
{
	struct pulled *doc = TAILQ_FIRST(&m->pulled);

	while (doc && doc->number != number)
		doc = TAILQ_NEXT(doc, link);
	if (!doc || !number)
		return;
	enter(m, now);
	judge_manifest(m, doc, d);
	forget_pulled(m, doc);
	leave(m);
}

int lm_membership_drop(struct lm_membership *m, const struct lm_now *now,
    const struct lm_net_id *net, struct lm_why *why)
{
	enter(m, now);
	int err = lm_network_drop(m, net, why);
	leave(m);
	return err;
}

void lm_membership_input(struct lm_membership *m, const struct lm_now *now,
    const struct lm_udp_addr *from, const uint8_t *data, size_t len)
{
	enter(m, now);
	lm_sessions_input(m->sessions, now, from, data, len);
	leave(m);
}

void lm_membership_heard(struct lm_membership *m, const struct lm_now *now, uint32_t slot)
{
	if (slot < m->remotes_end && m->remotes[slot])
		lm_peer_heard(m->remotes[slot]->party.session, now);
}

void lm_membership_sent(struct lm_membership *m, const struct lm_now *now, uint32_t slot)
{
	if (slot < m->remotes_end && m->remotes[slot])
		lm_peer_sent(m->remotes[slot]->party.session, now);
}

void lm_membership_moved(struct lm_membership *m, const struct lm_now *now)
{
	for (uint32_t slot = 0; slot < m->remotes_end; slot++)
		if (m->remotes[slot])
			lm_peer_wake(m->remotes[slot]->party.session, now);
}

uint64_t lm_membership_tick(struct lm_membership *m, const struct lm_now *now)
{
	enter(m, now);
	lm_sessions_tick(m->sessions, now);
	uint64_t blobs = lm_blobs_tick(m->blobs, now);
	leave(m);
	uint64_t next = lm_min_u64(lm_timers_next(&m->timers), m->ledger_at);
	next = lm_min_u64(next, lm_min_u64(lm_sessions_next(m->sessions), blobs));
	next = lm_min_u64(next, lm_min_u64(m->chain_at, m->address_at));
	/* More was due than one call does, or became so: let the caller breathe. */
	bool more = !TAILQ_EMPTY(&m->stirred) || m->address_called;
	return next <= now->mono || more ? now->mono + MS : next;
}

struct lm_sessions *lm_membership_sessions(struct lm_membership *m)
{
	return m->sessions;
}

const uint64_t *lm_membership_drops(const struct lm_membership *m)
{
	return m->drops;
}
