/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's behaviour, one thing at a time (test_ledger_random.c does everything at once). */
#include "ledger_sim.h"
#include "suite.h"

#define HOUR (3600 * SECOND)

static void check_end(struct sim *s)
{
	if (s->broken)
		printf("\n  %u violations, the first %s\n", s->broken, s->first_broken);
	CU_ASSERT_EQUAL(s->broken, 0);
	sim_free(s);
}

static void check_converged(struct sim *s)
{
	char where[128] = "";

	if (!sim_converged(s, where, sizeof(where)))
		printf("\n  %s\n", where);
	CU_ASSERT_STRING_EQUAL(where, "");
}

/* n gateways in network 0, each with all its records, settled. */
static struct sim *settled(uint64_t seed, unsigned n)
{
	struct sim *s = sim_new(seed, n);

	sim_all(s, 0);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < SIM_KEYS; k++)
			CU_ASSERT_EQUAL(sim_publish(s, i, 0, k), 0);
	sim_run(s, 60 * SECOND);
	check_converged(s);
	return s;
}

static struct record *record_of(struct sim *s, unsigned node, unsigned author, unsigned key)
{
	struct network *net = lm_ledger_net(s->node[node].l, &s->net[0].id);
	uint8_t name[8], id[LM_LEAF_LEN];
	size_t len = sim_key(key, name);

	lm_ledger_record_id(net, &s->node[author].id.id,
	    key ? LM_LEDGER_ENDPOINT : LM_LEDGER_GATEWAY, name, len, id);
	return lm_ledger_record(net, id);
}

/* ---- spreading ---- */

static void test_push(void)
{
	struct sim *s = sim_new(1, 5);

	sim_all(s, 0);
	sim_run(s, 5 * SECOND);
	CU_ASSERT_EQUAL(sim_publish(s, 0, 0, 1), 0);
	uint64_t before = s->node[1].sent_messages;
	sim_run(s, 11 * MS); /* one way */
	for (unsigned i = 1; i < 5; i++)
		CU_ASSERT_EQUAL(sim_has(s, i, 0, 0, 1), s->node[0].stands[0][1]);
	CU_ASSERT_EQUAL(s->node[1].sent_messages, before); /* nobody passes it on */
	uint64_t changed = s->node[1].changed;
	sim_withdraw(s, 0, 0, 1);
	sim_run(s, 11 * MS);
	for (unsigned i = 1; i < 5; i++)
		CU_ASSERT_EQUAL(sim_has(s, i, 0, 0, 1), 0);
	CU_ASSERT_EQUAL(s->node[1].gone, 1);
	CU_ASSERT_EQUAL(s->node[1].changed, changed);
	check_end(s);
}

static void test_same_value_is_silent(void)
{
	struct sim *s = settled(1, 2);
	struct sim_node *n = &s->node[0];
	uint64_t sent = n->sent_messages, version = record_of(s, 0, 0, 1)->version;
	struct lm_now now = sim_now(n);
	const struct record *r = record_of(s, 0, 0, 1);

	CU_ASSERT_EQUAL(lm_ledger_publish(n->l, &now, &s->net[0].id, r->kind, r->bytes, r->key_len,
			    r->bytes + r->key_len, r->value_len, SIM_LIFETIME),
	    0);
	lm_ledger_tick(n->l, &now);
	CU_ASSERT_EQUAL(n->sent_messages, sent);
	CU_ASSERT_EQUAL(record_of(s, 0, 0, 1)->version, version);
	check_end(s);
}

static void test_lost_push(void)
{
	struct sim *s = settled(1, 4);

	s->loss = 100;
	sim_publish(s, 0, 0, 1);
	sim_run(s, 11 * MS);
	s->loss = 0;
	CU_ASSERT_NOT_EQUAL(sim_has(s, 1, 0, 0, 1), s->node[0].stands[0][1]);
	sim_run(s, 30 * SECOND);
	check_converged(s);
	check_end(s);
}

/* The few gateways of a small network find each other among many peers, soon. */
static void test_lost_push_among_many(void)
{
	unsigned slow = 0;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct sim *s = sim_new(seed, 30);
		sim_all(s, 0);
		for (unsigned i = 0; i < 3; i++)
			sim_authorise(s, 1, i, true);
		for (unsigned i = 0; i < 3; i++) {
			sim_tell(s, 1, i);
			sim_join(s, 1, i, true);
		}
		sim_run(s, 300 * SECOND);
		sim_cut(s, 0, 1, true);
		sim_publish(s, 0, 1, 1);
		sim_run(s, 20 * MS);
		sim_cut(s, 0, 1, false);
		CU_ASSERT_EQUAL(sim_has(s, 1, 1, 0, 1), 0);
		sim_run(s, 20 * SECOND);
		slow += sim_has(s, 1, 1, 0, 1) == 0;
		check_end(s);
	}
	CU_ASSERT_EQUAL(slow <= 1, true);
}

/* What one gateway cannot tell another comes through a third. */
static void test_around_a_cut(void)
{
	struct sim *s = settled(1, 3);

	sim_cut(s, 0, 1, true);
	sim_cut(s, 1, 0, true);
	sim_publish(s, 0, 0, 1);
	sim_run(s, 30 * SECOND);
	check_converged(s);
	check_end(s);
}

static void test_late_joiner(void)
{
	struct sim *s = sim_new(1, 5);

	for (unsigned i = 0; i < 5; i++)
		sim_authorise(s, 0, i, true);
	for (unsigned i = 0; i < 4; i++) {
		sim_tell(s, 0, i);
		sim_join(s, 0, i, true);
		for (unsigned k = 0; k < SIM_KEYS; k++)
			sim_publish(s, i, 0, k);
	}
	sim_run(s, 60 * SECOND);
	check_converged(s);
	sim_tell(s, 0, 4);
	sim_run(s, 60 * SECOND);
	CU_ASSERT_EQUAL(sim_has(s, 4, 0, 0, 0), 0); /* not joined: hears nothing */
	CU_ASSERT_EQUAL(sim_publish(s, 4, 0, 0), -ENOENT);
	s->node[4].stands[0][0] = 0;
	sim_join(s, 0, 4, true);
	sim_run(s, SECOND);
	check_converged(s);
	CU_ASSERT_NOT_EQUAL(sim_has(s, 4, 0, 3, 2), 0);
	/* And it is heard again, though the others had put it down as absent. */
	sim_publish(s, 4, 0, 0);
	sim_run(s, SECOND);
	check_converged(s);
	check_end(s);
}

/* Whoever does not take part costs the others nothing once it has said so. */
static void test_absent_is_quiet(void)
{
	struct sim *s = sim_new(1, 3);

	sim_all(s, 0);
	sim_join(s, 0, 2, false);
	sim_publish(s, 0, 0, 1);
	sim_run(s, 300 * SECOND);
	uint64_t sent = s->node[2].sent_messages;
	for (unsigned i = 0; i < 10; i++)
		sim_publish(s, 0, 0, 1);
	sim_run(s, 600 * SECOND);
	CU_ASSERT_EQUAL(s->node[2].sent_messages, sent);
	CU_ASSERT_EQUAL(
	    lm_ledger_seat(lm_ledger_net(s->node[0].l, &s->net[0].id), &s->node[2].id.id)->absent,
	    true);
	check_end(s);
}

static void test_leaving(void)
{
	struct sim *s = settled(1, 3);
	struct lm_now now = sim_now(&s->node[0]);

	CU_ASSERT_EQUAL(lm_ledger_withdraw_all(s->node[0].l, &now, &s->net[0].id), 0);
	memset(s->node[0].stands[0], 0, sizeof(s->node[0].stands[0]));
	lm_ledger_tick(s->node[0].l, &now);
	sim_run(s, 11 * MS);
	check_converged(s);
	CU_ASSERT_EQUAL(sim_has(s, 1, 0, 0, 0), 0);
	sim_join(s, 0, 0, false);
	struct lm_ledger_info info;
	lm_ledger_info(s->node[0].l, &info);
	CU_ASSERT_EQUAL(info.records + info.tombstones, 0);
	CU_ASSERT_EQUAL(info.joined, 0);
	check_end(s);
}

/* ---- losing things ---- */

static void test_refill(void)
{
	struct sim *s = settled(1, 5);

	sim_crash(s, 2);
	s->node[2].n_files = 0;
	sim_start(s, 2);
	sim_run(s, 3 * SECOND);
	check_converged(s);
	CU_ASSERT_NOT_EQUAL(sim_has(s, 2, 0, 4, 3), 0);
	check_end(s);
}

/* Peers with which it shares different networks are asked side by side, not one after the other. */
static void test_refill_of_many(void)
{
	const unsigned nets = SIM_NETS;
	struct sim *s = sim_new(1, nets + 1);

	for (unsigned net = 0; net < nets; net++) {
		sim_authorise(s, net, 0, true);
		sim_authorise(s, net, net + 1, true);
		sim_tell(s, net, 0);
		sim_tell(s, net, net + 1);
		sim_join(s, net, 0, true);
		sim_join(s, net, net + 1, true);
		CU_ASSERT_EQUAL(sim_publish(s, net + 1, net, 1), 0);
	}
	sim_run(s, 10 * SECOND);
	sim_crash(s, 0);
	s->node[0].n_files = 0;
	sim_run(s, 60 * SECOND);
	s->delay = 200 * MS; /* a walk takes four round trips */
	sim_start(s, 0);
	sim_run(s, 3 * SECOND);
	for (unsigned net = 0; net < nets; net++)
		CU_ASSERT_NOT_EQUAL(sim_has(s, 0, net, net + 1, 1), 0);
	check_end(s);
}

static void test_all_lost(void)
{
	struct sim *s = settled(1, 5);

	for (unsigned i = 0; i < 5; i++) {
		sim_crash(s, i);
		s->node[i].n_files = 0;
	}
	sim_run(s, 60 * SECOND);
	for (unsigned i = 0; i < 5; i++)
		sim_start(s, i);
	sim_run(s, 3 * SECOND);
	check_converged(s);
	CU_ASSERT_NOT_EQUAL(sim_has(s, 2, 0, 4, 3), 0);
	check_end(s);
}

/* Its clock fell back when it lost everything: what it says goes on above what it said before. */
static void test_above_former_life(void)
{
	struct sim *s = settled(1, 3);
	uint64_t before = record_of(s, 1, 0, 1)->version;
	uint64_t expiry = record_of(s, 1, 0, 1)->expiry;

	sim_crash(s, 0);
	s->node[0].n_files = 0;
	s->node[0].clock -= (int64_t)(3000 * SECOND);
	s->node[0].stands[0][1] = ++s->serial;
	sim_start(s, 0);
	sim_run(s, 10 * SECOND);
	check_converged(s);
	CU_ASSERT_EQUAL(record_of(s, 1, 0, 1)->version > before, true);
	/* What it said before must not outlive it. */
	CU_ASSERT_EQUAL(record_of(s, 1, 0, 1)->expiry >= expiry, true);
	check_end(s);
}

/* What it no longer stands for it takes back, but not before it had time to say it again. */
static void test_reclaim(void)
{
	struct sim *s = settled(1, 3);

	sim_crash(s, 0);
	s->node[0].n_files = 0;
	s->node[0].stands[0][1] = 0;
	sim_start(s, 0);
	sim_run(s, (LM_LEDGER_RECLAIM - 5) * SECOND);
	CU_ASSERT_NOT_EQUAL(sim_has(s, 1, 0, 0, 1), 0);
	sim_run(s, 10 * SECOND);
	CU_ASSERT_EQUAL(sim_has(s, 1, 0, 0, 1), 0);
	check_converged(s);
	check_end(s);
}

static void test_disk(void)
{
	struct sim *s = sim_new(1, 3);

	s->node[1].keeps = true;
	sim_all(s, 0);
	sim_publish(s, 0, 0, 1);
	sim_run(s, SECOND);
	CU_ASSERT_EQUAL_FATAL(s->node[1].n_files, 1);
	const struct sim_file *f = &s->node[1].files[0];
	uint8_t key[8];
	size_t len = sim_key(1, key);
	CU_ASSERT_PTR_NULL(memmem(f->bytes, f->len, key, len));
	CU_ASSERT_PTR_NULL(memmem(f->bytes, f->len, s->node[0].id.id.b, LM_KEY_ID_LEN));
	CU_ASSERT_PTR_NULL(memmem(f->bytes, f->len, s->net[0].id.b, LM_NET_ID_LEN));
	/* Alone, hours later: it serves from its disk. */
	for (unsigned i = 0; i < 3; i++)
		sim_crash(s, i);
	sim_run(s, 3 * HOUR);
	sim_start(s, 1);
	CU_ASSERT_EQUAL(sim_has(s, 1, 0, 0, 1), s->node[0].stands[0][1]);
	/* What came from there is judged like a message. */
	struct lm_now now = sim_now(&s->node[1]);
	struct sim_file bad = s->node[1].files[0];
	bad.bytes[SECTION_FIXED] ^= 1;
	CU_ASSERT_EQUAL(
	    lm_ledger_restore(s->node[1].l, &now, &s->net[0].id, bad.bytes, bad.len), -EBADMSG);
	CU_ASSERT_EQUAL(
	    lm_ledger_restore(s->node[1].l, &now, &s->net[0].id, bad.bytes, bad.len - 1), -EINVAL);
	sim_run(s, 3 * HOUR);
	CU_ASSERT_EQUAL(sim_has(s, 1, 0, 0, 1), 0); /* expired there as well */
	CU_ASSERT_EQUAL(s->node[1].n_files, 0);
	check_end(s);
}

/* ---- time ---- */

static void test_renewal_and_expiry(void)
{
	struct sim *s = settled(1, 3);
	uint64_t changed = s->node[1].changed, version = record_of(s, 1, 0, 1)->version;

	sim_run(s, 6 * HOUR);
	check_converged(s);
	CU_ASSERT_EQUAL(record_of(s, 1, 0, 1)->version > version, true);
	CU_ASSERT_EQUAL(s->node[1].changed, changed); /* a renewal is no change */
	sim_crash(s, 0);
	sim_run(s, SIM_LIFETIME * SECOND / 3 - 60 * SECOND);
	CU_ASSERT_NOT_EQUAL(sim_has(s, 1, 0, 0, 1), 0);
	sim_run(s, SIM_LIFETIME * SECOND);
	CU_ASSERT_EQUAL(sim_has(s, 1, 0, 0, 1), 0);
	CU_ASSERT_EQUAL(s->node[1].gone, SIM_KEYS);
	check_end(s);
}

/* Clocks a window apart: nothing expires that is renewed, everything is heard. */
static void test_clocks_differ(void)
{
	struct sim *s = sim_new(1, 3);

	s->node[0].clock = -(int64_t)(1790 * SECOND);
	s->node[2].clock = (int64_t)(1790 * SECOND);
	sim_all(s, 0);
	for (unsigned i = 0; i < 3; i++)
		sim_publish(s, i, 0, 1);
	for (unsigned i = 0; i < 48; i++) {
		sim_run(s, HOUR / 2);
		check_converged(s);
	}
	CU_ASSERT_EQUAL(s->node[2].gone, 0);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_LD_WINDOW) + sim_drops(s, 2, LM_LD_WINDOW), 0);
	check_end(s);
}

static void test_tombstone_stays(void)
{
	struct sim *s = settled(1, 3);
	uint8_t old[LM_MESSAGE_MAX];
	struct sim_forged f = {.author = 0,
	    .key = 1,
	    .version = record_of(s, 1, 0, 1)->version,
	    .expiry = record_of(s, 1, 0, 1)->expiry,
	    .serial = s->node[0].stands[0][1]};
	size_t len = sim_forge(s, &f, old); /* what was really said */

	sim_withdraw(s, 0, 0, 1);
	sim_run(s, SECOND);
	sim_say(s, 2, 1, LM_MSG_LEDGER_RECORDS, old, len);
	sim_run(s, SECOND);
	CU_ASSERT_EQUAL(sim_has(s, 1, 0, 0, 1), 0);
	CU_ASSERT_EQUAL(sim_drops(s, 1, LM_LD_OLD), 1);
	/* Once the tombstone is gone, the record has expired by any clock. */
	uint64_t end = record_of(s, 1, 0, 1)->expiry;
	CU_ASSERT_EQUAL(end >= f.expiry + LM_LEDGER_WINDOW, true);
	sim_run(s, (end + 1) * SECOND - sim_now(&s->node[1]).wall);
	CU_ASSERT_PTR_NULL(record_of(s, 1, 0, 1));
	len = sim_forge(s, &f, old); /* sealed for now */
	sim_say(s, 2, 1, LM_MSG_LEDGER_RECORDS, old, len);
	sim_run(s, SECOND);
	CU_ASSERT_EQUAL(sim_drops(s, 1, LM_LD_EXPIRED), 1);
	check_end(s);
}

LM_SUITE("ledger", {"push", test_push}, {"same_value_is_silent", test_same_value_is_silent},
    {"lost_push", test_lost_push}, {"lost_push_among_many", test_lost_push_among_many},
    {"around_a_cut", test_around_a_cut}, {"late_joiner", test_late_joiner},
    {"absent_is_quiet", test_absent_is_quiet}, {"leaving", test_leaving}, {"refill", test_refill},
    {"refill_of_many", test_refill_of_many}, {"all_lost", test_all_lost},
    {"above_former_life", test_above_former_life}, {"reclaim", test_reclaim}, {"disk", test_disk},
    {"renewal_and_expiry", test_renewal_and_expiry}, {"clocks_differ", test_clocks_differ},
    {"tombstone_stays", test_tombstone_stays})
