/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks of more gateways than watch each other: what idling costs, how a death is noticed by
 * those who do not look, and what liars can do.
 */
#include "membership/internal.h"
#include "membership_sim.h"
#include "session/state.h"
#include "suite.h"

#define HOUR (3600 * SIM_SECOND)
/* Silence, the word of it, and a look: what a silent death takes to be known everywhere. */
#define KNOWN_EVERYWHERE (2 * LM_DEAD_AFTER * SIM_SECOND + 3 * SIM_SECOND)

static unsigned mask_of(unsigned n)
{
	return (1u << n) - 1;
}

static struct sim *world(struct sim_doc *d, unsigned n)
{
	struct sim *s = sim_new(n, n);

	*d = sim_sign(s, "shop", 1, mask_of(n), NULL);
	CU_ASSERT_EQUAL(sim_submit(s, 0, d, NULL), 0);
	sim_run(s, 400 * SIM_SECOND); /* what can sleep does */
	CU_ASSERT(sim_all_ready(s, mask_of(n), d));
	return s;
}

static unsigned routed_to(const struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += i != gateway && s->node[i]->running && sim_routed(s, i, gateway, d);
	return n;
}

static int count_kind(void *ctx, const struct lm_ledger_record *record)
{
	(void)record;
	++*(unsigned *)ctx;
	return 0;
}

/* Who says that somebody is missing, as a gateway knows it. */
static unsigned missing(const struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	unsigned n = 0;

	lm_ledger_each(
	    lm_membership_ledger(s->node[gateway]->m), &d->net, LM_LEDGER_MISSING, count_kind, &n);
	return n;
}

static struct lm_peer *session(const struct sim *s, unsigned a, unsigned b)
{
	return lm_membership_peer(s->node[a]->m, (uint32_t)sim_slot(s->node[a], b));
}

static bool asleep(const struct sim *s, unsigned a, unsigned b)
{
	struct lm_peer_info info;

	lm_peer_info(session(s, a, b), &info);
	return info.asleep;
}

/* Of the others, one that has forgotten its keys with this one; -1: none. */
static int sleeper(const struct sim *s, unsigned gateway)
{
	for (unsigned i = 0; i < s->n; i++)
		if (i != gateway && s->node[i]->running && asleep(s, i, gateway) &&
		    asleep(s, gateway, i))
			return (int)i;
	return -1;
}

/* ---- cost ---- */

/* A gateway's, a minute. */
static uint64_t idle_bytes(unsigned n)
{
	struct sim_doc d;
	struct sim *s = world(&d, n);
	uint64_t before = s->sent_bytes;

	sim_run(s, 20 * 60 * SIM_SECOND);
	uint64_t bytes = (s->sent_bytes - before) / n / 20;
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT_EQUAL(routed_to(s, i, &d), n - 1);
	CU_ASSERT(sim_all_ready(s, mask_of(n), &d));
	sim_doc_free(&d);
	sim_end(s);
	return bytes;
}

/*
 * What a gateway sends while nothing happens does not depend on how many there are: four sessions
 * that are watched, and two comparisons of the ledger a minute, which wake some session each.
 */
static void test_idle_cost(void)
{
	uint64_t few = idle_bytes(12), many = idle_bytes(24);

	CU_ASSERT(many < few + few / 6);
	CU_ASSERT(many < 2500);
}

/* ---- deaths ---- */

/* Without a word, and most have not heard of it for long: no route is left in time. */
static void test_silent_death(void)
{
	for (unsigned n = 6; n <= 20; n += 7) {
		struct sim_doc d;
		struct sim *s = world(&d, n);

		CU_ASSERT(n < 10 || sleeper(s, 3) >= 0);
		sim_crash(s, 3);
		sim_run(s, KNOWN_EVERYWHERE);
		CU_ASSERT_EQUAL(routed_to(s, 3, &d), 0);
		for (unsigned i = 0; i < n; i++)
			CU_ASSERT_EQUAL(routed_to(s, i, &d), i == 3 ? 0 : n - 2);
		CU_ASSERT(missing(s, 0, &d) >= 4 && missing(s, 0, &d) <= 8);

		/* Back: it joins by itself, and nobody misses it any more. */
		sim_start(s, 3);
		sim_run(s, 15 * SIM_SECOND);
		CU_ASSERT_EQUAL(routed_to(s, 3, &d), n - 1);
		CU_ASSERT(sim_all_ready(s, mask_of(n), &d));
		sim_run(s, 60 * SIM_SECOND);
		CU_ASSERT_EQUAL(missing(s, 0, &d), 0);
		sim_doc_free(&d);
		sim_end(s);
	}
}

/* A manifest without the one that is missed: nobody misses it, nor when it is back years later. */
static void test_missed_and_left_out(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 12);
	struct sim_doc without = sim_sign(s, "shop", 2, mask_of(12) & ~(1u << 3), NULL);
	struct sim_doc with = sim_sign(s, "shop", 3, mask_of(12), NULL);

	sim_crash(s, 3);
	sim_run(s, KNOWN_EVERYWHERE);
	CU_ASSERT(missing(s, 0, &d) >= 4);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &without, NULL), 0);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT_EQUAL(missing(s, 0, &d), 0);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &with, NULL), 0);
	sim_start(s, 3);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT_EQUAL(routed_to(s, 3, &d), 11);
	CU_ASSERT_EQUAL(missing(s, 0, &d), 0);
	sim_doc_free(&d);
	sim_doc_free(&without);
	sim_doc_free(&with);
	sim_end(s);
}

/* All that stand beside it have died before: others watch it in their place. */
static void test_many_deaths(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 12);
	unsigned dead = 0;

	while (dead < 9) {
		sim_crash(s, dead++);
		sim_run(s, KNOWN_EVERYWHERE);
		for (unsigned i = 0; i < dead; i++)
			CU_ASSERT_EQUAL(routed_to(s, i, &d), 0);
	}
	for (unsigned i = 0; i < dead; i++)
		sim_start(s, i);
	sim_run(s, 30 * SIM_SECOND);
	for (unsigned i = 0; i < 12; i++)
		CU_ASSERT_EQUAL(routed_to(s, i, &d), 11);
	sim_doc_free(&d);
	sim_end(s);
}

/* Two halves that do not see each other for an hour: all of it heals as soon as they do. */
static void test_halves(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 12);

	for (unsigned a = 0; a < 6; a++)
		for (unsigned b = 6; b < 12; b++)
			sim_partition(s, a, b, true);
	sim_run(s, HOUR);
	for (unsigned i = 0; i < 12; i++)
		CU_ASSERT_EQUAL(routed_to(s, i, &d), 5);
	memset(s->cut, 0, sizeof(s->cut));
	sim_run(s, 30 * SIM_SECOND);
	for (unsigned i = 0; i < 12; i++)
		CU_ASSERT_EQUAL(routed_to(s, i, &d), 11);
	CU_ASSERT(sim_all_ready(s, mask_of(12), &d));
	sim_doc_free(&d);
	sim_end(s);
}

/* Nobody told us: the first packet does. */
static void test_traffic_to_the_dead(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 12);
	int from = sleeper(s, 3);

	CU_ASSERT_FATAL(from >= 0);
	for (unsigned i = 0; i < s->n; i++) /* alone with a dead gateway */
		sim_partition(s, (unsigned)from, i, true);
	sim_crash(s, 3);
	CU_ASSERT(sim_routed(s, (unsigned)from, 3, &d));
	CU_ASSERT(!sim_traffic(s, (unsigned)from, 3, &d));
	sim_run(s, (LM_DEAD_AFTER + 1) * SIM_SECOND);
	CU_ASSERT(!sim_routed(s, (unsigned)from, 3, &d));
	sim_doc_free(&d);
	sim_end(s);
}

/* ---- asleep, and needed ---- */

/* Hours later the first packet goes by the old lanes, and then they are renewed. */
static void test_first_packet(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 12);
	sim_run(s, 3 * HOUR);
	int from = sleeper(s, 3);

	CU_ASSERT_FATAL(from >= 0);
	struct sim_out old = *sim_out(s, (unsigned)from, 3, &d);
	CU_ASSERT(sim_traffic(s, (unsigned)from, 3, &d));
	sim_run(s, 15 * SIM_SECOND);
	const struct sim_out *now = sim_out(s, (unsigned)from, 3, &d);
	CU_ASSERT_FATAL(now != NULL);
	CU_ASSERT(memcmp(old.keys[0], now->keys[0], 36) != 0);
	CU_ASSERT(!s->node[3]->sas[old.spis[0] - SIM_FIRST_SPI].there);
	CU_ASSERT(sim_lanes_ready(s, (unsigned)from, 3, &d));
	sim_run(s, 600 * SIM_SECOND);
	CU_ASSERT(sim_lanes_ready(s, (unsigned)from, 3, &d));
	sim_doc_free(&d);
	sim_end(s);
}

/* Where it lives has changed: also those that have not spoken to it for hours know. */
static void test_moved(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 12);
	int from = sleeper(s, 3);

	CU_ASSERT_FATAL(from >= 0);
	s->node[3]->addr.port = 4700;
	lm_membership_moved(s->node[3]->m, &s->now);
	sim_tick(s->node[3]);
	sim_run(s, (LM_KEEPALIVE + 1) * SIM_SECOND);
	for (unsigned i = 0; i < s->n; i++)
		CU_ASSERT(i == 3 || lm_peer_addr(session(s, i, 3))->port == 4700);
	CU_ASSERT(sim_traffic(s, (unsigned)from, 3, &d));
	sim_doc_free(&d);
	sim_end(s);
}

/* A manifest without one of them: its lanes end at once, and the others have new keys soon. */
static void test_revocation(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 12);
	struct sim_doc two = sim_sign(s, "shop", 2, mask_of(12) & ~(1u << 3), NULL);

	sim_run(s, HOUR);
	struct sim_out old = *sim_out(s, 7, 8, &d);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &two, NULL), 0);
	sim_run(s, 3 * SIM_SECOND);
	for (unsigned i = 0; i < 12; i++)
		CU_ASSERT(i == 3 || !sim_out(s, i, 3, &d));
	CU_ASSERT(sim_all_ready(s, mask_of(12) & ~(1u << 3), &d));
	CU_ASSERT(memcmp(old.keys[0], sim_out(s, 7, 8, &d)->keys[0], 36) != 0);
	sim_doc_free(&d);
	sim_doc_free(&two);
	sim_end(s);
}

/* What was on its way to one that slept is not sent once a manifest has left that one out. */
static void test_revoked_asleep(void)
{
	const uint8_t format = 1;
	struct sim_doc d;
	struct sim *s = world(&d, 12);
	struct sim_doc other = sim_sign(s, "other", 1, mask_of(12), NULL); /* keeps the sessions */
	struct sim_doc two = sim_sign(s, "shop", 2, mask_of(12) & ~(1u << 3), NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &other, NULL), 0);
	sim_run(s, HOUR);
	int from = sleeper(s, 3);
	CU_ASSERT_FATAL(from >= 0);
	struct sim_node *n = s->node[from];
	sim_partition(s, (unsigned)from, 3, true);
	CU_ASSERT_EQUAL(lm_ledger_publish((struct lm_ledger *)lm_membership_ledger(n->m), &s->now,
			    &d.net, LM_LEDGER_MISSING, &s->node[7]->id.pub, LM_PUBLIC_KEY_LEN,
			    &format, 1, LM_LEDGER_LIFETIME),
	    0);
	sim_tick(n);
	CU_ASSERT(session(s, (unsigned)from, 3)->waiting.n > 0);
	CU_ASSERT_EQUAL(sim_submit(s, (unsigned)from, &two, NULL), 0);
	sim_partition(s, (unsigned)from, 3, false);
	sim_run(s, (LM_HANDSHAKE_RETRY + 2) * SIM_SECOND);
	CU_ASSERT(!asleep(s, (unsigned)from, 3));
	CU_ASSERT_EQUAL(missing(s, 3, &d), 0);
	sim_doc_free(&d);
	sim_doc_free(&other);
	sim_doc_free(&two);
	sim_end(s);
}

/* ---- liars ---- */

static uint64_t handshakes(const struct sim *s, unsigned a, unsigned b)
{
	struct lm_peer_info info;

	lm_peer_info(session(s, a, b), &info);
	return info.handshakes;
}

/* When a gateway may be made to look for another one again by those who have made it look. */
static uint64_t doubted_until(const struct sim *s, unsigned a, unsigned b, const struct sim_doc *d)
{
	const struct lm_membership *m = s->node[a]->m;
	struct remote *r = m->remotes[sim_slot(s->node[a], b)];

	return lm_pair_find(m, lm_network_find(m, &d->net), r)->doubt_until;
}

/*
 * A member that cries wolf, over and over, of one that lives: no route is withdrawn, and the others
 * look for the victim no more than once in five minutes.
 */
static void test_liar(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 12);
	const uint8_t format = 1;
	int witness = sleeper(s, 3);

	CU_ASSERT_FATAL(witness >= 0);
	unsigned liar = (unsigned)witness == 5 ? 6 : 5, there = routed_to(s, 3, &d);
	struct lm_ledger *lies = (struct lm_ledger *)lm_membership_ledger(s->node[liar]->m);
	uint64_t before = handshakes(s, (unsigned)witness, 3);
	uint64_t until = 0;
	unsigned looks = 0;
	for (unsigned i = 0; i < 60; i++) {
		CU_ASSERT_EQUAL(
		    lm_ledger_publish(lies, &s->now, &d.net, LM_LEDGER_MISSING, &s->node[3]->id.pub,
			LM_PUBLIC_KEY_LEN, &format, 1, LM_LEDGER_LIFETIME),
		    0);
		sim_tick(s->node[liar]);
		sim_run(s, 15 * SIM_SECOND);
		CU_ASSERT_EQUAL(missing(s, (unsigned)witness, &d), 1);
		CU_ASSERT_EQUAL(routed_to(s, 3, &d), there);
		CU_ASSERT_EQUAL(lm_ledger_withdraw(lies, &s->now, &d.net, LM_LEDGER_MISSING,
				    &s->node[3]->id.pub, LM_PUBLIC_KEY_LEN),
		    0);
		sim_tick(s->node[liar]);
		sim_run(s, 15 * SIM_SECOND);
		CU_ASSERT_EQUAL(routed_to(s, 3, &d), there);
		looks += until != doubted_until(s, (unsigned)witness, 3, &d);
		until = doubted_until(s, (unsigned)witness, 3, &d);
	}
	/* Half an hour; comparing ledgers wakes sessions as well, now and then. */
	uint64_t woken = handshakes(s, (unsigned)witness, 3) - before;
	CU_ASSERT(woken >= 4 && woken < 25);
	CU_ASSERT(looks >= 6 && looks <= 7);

	/* Then it is true, and those who say it are more than the liar. */
	sim_crash(s, 3);
	sim_run(s, KNOWN_EVERYWHERE);
	CU_ASSERT_EQUAL(routed_to(s, 3, &d), 0);
	sim_doc_free(&d);
	sim_end(s);
}

LM_SUITE("membership_watch", {"idle_cost", test_idle_cost}, {"silent_death", test_silent_death},
    {"missed_and_left_out", test_missed_and_left_out}, {"many_deaths", test_many_deaths},
    {"halves", test_halves}, {"traffic_to_the_dead", test_traffic_to_the_dead},
    {"first_packet", test_first_packet}, {"moved", test_moved}, {"revocation", test_revocation},
    {"revoked_asleep", test_revoked_asleep}, {"liar", test_liar})
