/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain of each network in which gateways decide something. lib/chain holds them; this is what
 * it has around it: other gateways (facts_wire.c), the store (facts_disk.c), the manifest in force
 * (seats.c and places.c, who propose and consent), and time.
 *
 * The chain's callbacks take notes only. What follows from them happens in lm_facts_visit.
 */
#include "membership/facts.h"
#include "membership/places.h"

#include <errno.h>
#include <inttypes.h>
#include "base/log.h"

#define LM_LOG_MODULE "membership"

#define ROUNDS 4 /* what is decided leads to new commands */
#define VISITS_AT_ONCE 32
#define RECENT (2 * SECOND) /* who said so long ago that we are current need not say it again */

/* ---- callbacks from the chain ---- */

static void on_random(void *ctx, void *buf, size_t len)
{
	struct lm_membership *m = ctx;

	m->ops.random(m->ctx, buf, len);
}

static bool on_consent(
    void *ctx, const struct lm_net_id *id, const struct lm_chain_command *command)
{
	struct network *net = lm_network_find(ctx, id);

	if (!net || command->serial != net->pub.manifest->serial)
		return false;
	switch (command->kind) {
	case LM_CHAIN_ADD:
	case LM_CHAIN_REMOVE:
	case LM_CHAIN_SERIAL:
		return lm_seats_consent(ctx, net, command);
	default:
		return lm_places_consent(ctx, net, command);
	}
}

static struct facts *facts_of(const struct lm_membership *m, const struct lm_net_id *id)
{
	const struct network *net = lm_network_find(m, id);

	return net ? net->facts : NULL;
}

static void on_done(void *ctx, const struct lm_net_id *id, uint64_t tag,
    enum lm_chain_verdict verdict, uint32_t block)
{
	struct lm_membership *m = ctx;
	struct facts *f = facts_of(m, id);
	struct motion *motion = f ? TAILQ_FIRST(&f->motions) : NULL;

	while (motion && motion->tag != tag)
		motion = TAILQ_NEXT(motion, link);
	if (!motion)
		return;
	motion->verdict = verdict;
	motion->block = block;
	TAILQ_REMOVE(&f->motions, motion, link);
	TAILQ_INSERT_TAIL(&m->ended, motion, link);
}

static void on_grown(void *ctx, const struct lm_net_id *id, uint64_t height, bool ours)
{
	struct facts *f = facts_of(ctx, id);

	(void)height;
	if (!f)
		return;
	f->grown = true;
	f->grown_ours |= ours;
	lm_facts_look(ctx, f);
}

/* The chain has logged it and keeps the proof. */
static void on_guilty(void *ctx, const struct lm_net_id *id, const struct lm_chain_guilt *guilt)
{
	(void)ctx;
	(void)id;
	(void)guilt;
}

int lm_facts_open(struct lm_membership *m)
{
	static const struct lm_chain_ops ops = {
	    .send = lm_facts_on_send,
	    .random = on_random,
	    .persist = lm_facts_on_persist,
	    .begin = lm_facts_on_begin,
	    .commit = lm_facts_on_commit,
	    .truncate = lm_facts_on_truncate,
	    .consent = on_consent,
	    .pull = lm_facts_on_pull,
	    .done = on_done,
	    .grown = on_grown,
	    .guilty = on_guilty,
	};

	m->chain_at = LM_NEVER;
	TAILQ_INIT(&m->facts_stirred);
	TAILQ_INIT(&m->ended);
	TAILQ_INIT(&m->fact_pulls);
	if (!m->ops.fact_put || !m->ops.facts_each)
		return 0;
	return lm_chain_create(&m->chain, m->self, m->config.max_networks, &ops, m);
}

void lm_facts_close(struct lm_membership *m)
{
	lm_chain_free(m->chain);
	m->chain = NULL;
}

/* ---- a network's chain comes and goes ---- */

void lm_facts_look(struct lm_membership *m, struct facts *f)
{
	if (!f->stirred)
		TAILQ_INSERT_TAIL(&m->facts_stirred, f, stir);
	f->stirred = true;
}

static void facts_fire(struct lm_membership *m, struct timer *t)
{
	lm_facts_look(m, (struct facts *)((char *)t - offsetof(struct facts, timer)));
}

static struct facts *facts_new(struct lm_membership *m, struct network *net)
{
	struct facts *f = calloc(1, sizeof(*f));

	if (!f || lm_timers_reserve(&m->timers) < 0) {
		free(f);
		return NULL;
	}
	f->net = net;
	f->genesis.facts = f;
	f->timer.fire = facts_fire;
	f->ask_at = f->tips_at = f->seats.at = LM_NEVER;
	TAILQ_INIT(&f->motions);
	net->facts = f;
	return f;
}

void lm_facts_height(struct lm_membership *m, struct facts *f)
{
	struct lm_chain_info info;

	if (lm_chain_info(m->chain, &f->net->pub.id, &info) != 0)
		return;
	f->era = info.era;
	f->height = info.height;
}

static void say_damaged(struct lm_membership *m, struct facts *f, int err)
{
	f->damaged = true;
	m->drops[LM_MD_FACTS]++;
	lm_error(
	    "network %s: what is stored of its chain cannot be used (%s): this gateway takes no "
	    "part in its decisions until it is put right",
	    f->net->pub.manifest->network, strerror(-err));
}

bool lm_facts_begin(struct lm_membership *m, struct facts *f)
{
	struct lm_chain_info info;

	if (f->begun || f->damaged || f->unfit)
		return f->begun;
	int err = lm_facts_restore(m, f);
	if (err == -EAGAIN) {
		lm_genesis_ask(m, f);
		return false;
	}
	if (err) {
		say_damaged(m, f, err);
		return false;
	}
	f->begun = true;
	f->told_current = f->current_from = 0;
	f->tips_at = m->now.mono;
	f->tips_tries = 0;
	lm_chain_info(m->chain, &f->net->pub.id, &info);
	f->era = info.era;
	f->height = info.height;
	lm_info_limited("network %s: its chain is at height %" PRIu64 ", with %u members; %s",
	    f->net->pub.manifest->network, info.height, info.n_members,
	    info.votes    ? "this gateway is one"
	    : info.member ? "this gateway is one, but has lost its store and does not vote"
			  : "this gateway is none");
	lm_facts_greet_all(m, f);
	lm_facts_look(m, f);
	return true;
}

static void motions_free(struct lm_membership *m, struct facts *f)
{
	struct motion *motion, *next;

	while ((motion = TAILQ_FIRST(&f->motions))) {
		TAILQ_REMOVE(&f->motions, motion, link);
		free(motion);
	}
	for (motion = TAILQ_FIRST(&m->ended); motion; motion = next) {
		next = TAILQ_NEXT(motion, link);
		if (motion->facts != f)
			continue;
		TAILQ_REMOVE(&m->ended, motion, link);
		free(motion);
	}
	f->n_motions = 0;
}

void lm_facts_stop(struct lm_membership *m, struct facts *f)
{
	if (f->begun)
		lm_chain_remove(m->chain, &f->net->pub.id);
	f->begun = f->grown = f->grown_ours = false;
	f->tips_at = LM_NEVER;
	f->seats = (struct seats){.at = LM_NEVER};
	motions_free(m, f);
	lm_facts_pulls_end(m, &f->net->pub.id);
}

void lm_facts_end(struct lm_membership *m, struct network *net)
{
	struct facts *f = net->facts;

	if (!f)
		return;
	lm_facts_stop(m, f);
	lm_genesis_drop(m, f);
	if (f->stirred)
		TAILQ_REMOVE(&m->facts_stirred, f, stir);
	lm_timers_release(&m->timers, &f->timer.at);
	net->facts = NULL;
	free(f);
}

/* Where gateways decide nothing any more the chain rests, in the store, until they do again. */
void lm_facts_set(struct lm_membership *m, struct network *net)
{
	struct facts *f = net->facts;

	if (!m->chain)
		return;
	if (!lm_manifest_decided(net->pub.manifest)) {
		if (f)
			lm_places_end(m, net);
		lm_facts_end(m, net);
		return;
	}
	if (!f)
		f = facts_new(m, net);
	if (!f) {
		lm_error("network %s: no memory for its chain", net->pub.manifest->network);
		return;
	}
	lm_genesis_changed(m, f);
	lm_facts_begin(m, f);
	f->seats.look = f->seats.scan = true;
	lm_facts_look(m, f);
}

bool lm_facts_has(const struct network *net)
{
	return net->facts && net->facts->begun;
}

/*
 * Nobody tells who takes no part what is decided, so what we know may be old: as after a restart,
 * endpoints that the chain gave to us wait for the members' word.
 */
void lm_facts_joined(struct lm_membership *m, struct network *net)
{
	struct facts *f = net->facts;
	struct lm_chain_info info;

	if (!lm_facts_has(net) || lm_chain_info(m->chain, &net->pub.id, &info) != 0)
		return;
	f->seats.look = true;
	lm_facts_ask(m, net);
	if (info.current + RECENT >= m->now.mono)
		return;
	f->current_from = m->now.mono;
	f->told_current = 0;
	lm_places_end(m, net);
	lm_places_set(m, net);
}

void lm_facts_ask(struct lm_membership *m, struct network *net)
{
	struct facts *f = net->facts;

	if (!lm_facts_has(net))
		return;
	f->ask_members = true;
	lm_facts_look(m, f);
}

/* ---- commands of ours ---- */

int lm_facts_propose(struct lm_membership *m, struct network *net,
    const struct lm_chain_command *command, uint64_t tag)
{
	struct facts *f = net->facts;

	if (!lm_facts_has(net))
		return -ENOENT;
	if (f->n_motions == LM_CHAIN_OWN_MAX)
		return -ENOSPC;
	struct motion *motion = calloc(1, sizeof(*motion));
	if (!motion)
		return -ENOMEM;
	int err = lm_chain_propose(m->chain, &m->now, &net->pub.id, command, tag);
	if (err) {
		free(motion);
		return err;
	}
	motion->facts = f;
	motion->tag = tag;
	TAILQ_INSERT_TAIL(&f->motions, motion, link);
	f->n_motions++;
	m->chain_at = m->now.mono;
	return 0;
}

static void deliver(struct lm_membership *m)
{
	struct motion *motion;

	while ((motion = TAILQ_FIRST(&m->ended))) {
		const struct motion ended = *motion;
		TAILQ_REMOVE(&m->ended, motion, link);
		free(motion);
		ended.facts->n_motions--;
		if (ended.tag & TAG_SEATS)
			lm_seats_done(m, ended.facts, ended.tag, ended.verdict);
		else
			lm_places_done(m, ended.facts->net, ended.tag, ended.verdict, ended.block);
	}
}

/* ---- what is due ---- */

static void grown(struct lm_membership *m, struct facts *f)
{
	bool ours = f->grown_ours;

	f->grown = f->grown_ours = false;
	lm_facts_height(m, f);
	f->seats.look = true;
	lm_places_grown(m, f->net);
	if (ours)
		lm_facts_greet_readers(m, f);
}

static void visit(struct lm_membership *m, struct facts *f)
{
	if (f->ask_at <= m->now.mono)
		lm_genesis_due(m, f);
	if (f->grown)
		grown(m, f);
	if (f->begun) {
		lm_facts_tips(m, f);
		lm_seats_visit(m, f);
	}
	uint64_t at = lm_min_u64(f->ask_at, f->tips_at);
	lm_timers_set(&m->timers, &f->timer.at, lm_min_u64(at, f->begun ? f->seats.at : at));
}

void lm_facts_visit(struct lm_membership *m)
{
	unsigned left = VISITS_AT_ONCE;
	struct facts *f;

	if (!m->chain)
		return;
	for (unsigned round = 0; round < ROUNDS; round++) {
		m->chain_at = lm_chain_tick(m->chain, &m->now);
		deliver(m);
		while ((f = TAILQ_FIRST(&m->facts_stirred)) && left) {
			left--;
			TAILQ_REMOVE(&m->facts_stirred, f, stir);
			f->stirred = false;
			visit(m, f);
		}
		m->chain_at = lm_chain_tick(m->chain, &m->now);
		if (TAILQ_EMPTY(&m->ended) && (!left || TAILQ_EMPTY(&m->facts_stirred)))
			break;
	}
	if (!TAILQ_EMPTY(&m->ended) || !TAILQ_EMPTY(&m->facts_stirred))
		m->chain_at = m->now.mono;
}

const struct lm_chain *lm_membership_chain(const struct lm_membership *m)
{
	return m->chain;
}
