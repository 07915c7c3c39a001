/* SPDX-License-Identifier: Apache-2.0 */
/* Taking part: gateways join with their first attachment, leave with their last, die and return. */
#include "membership_sim.h"
#include "suite.h"

#define ALL3 0x7u

static enum lm_part part(const struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	const struct lm_network *net = lm_membership_find(s->node[gateway]->m, &d->net);

	return net ? lm_membership_part(s->node[gateway]->m, net->index) : LM_PART_OUT;
}

/* Records in all networks of a gateway, of others and its own. */
static unsigned records(const struct sim *s, unsigned gateway)
{
	struct lm_ledger_info info;

	lm_ledger_info(lm_membership_ledger(s->node[gateway]->m), &info);
	return info.records;
}

static struct sim *world(struct sim_doc *d, unsigned idle)
{
	struct sim *s = sim_new(1, 3);

	for (unsigned i = 0; i < 3; i++)
		s->node[i]->idle = idle >> i & 1;
	*d = sim_sign(s, "shop", 1, ALL3, NULL);
	CU_ASSERT_EQUAL(sim_submit(s, 0, d, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	return s;
}

/* Whoever has nothing attached has the manifest, and nothing else; its first attachment changes it.
 */
static void test_join(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 0x4);

	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(sim_serial(s, i, &d), 1);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	CU_ASSERT(sim_routed(s, 0, 1, &d) && sim_routed(s, 1, 0, &d));
	CU_ASSERT_EQUAL(part(s, 2, &d), LM_PART_OUT);
	CU_ASSERT_EQUAL(s->node[2]->live_sas, 0);
	CU_ASSERT_EQUAL(records(s, 2), 0);
	CU_ASSERT(!sim_routed(s, 0, 2, &d) && !sim_routed(s, 2, 0, &d));
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 2, &d));

	uint64_t before = s->now.mono;
	sim_attach(s, 2, true);
	while (!sim_all_ready(s, ALL3, &d) && s->now.mono - before < 2 * SIM_SECOND)
		sim_run(s, 10 * SIM_MS);
	CU_ASSERT(s->now.mono - before < 200 * SIM_MS); /* no LANES had to be repeated in vain */
	CU_ASSERT_EQUAL(part(s, 2, &d), LM_PART_JOINED);
	for (unsigned a = 0; a < 3; a++)
		for (unsigned b = 0; b < 3; b++)
			CU_ASSERT_EQUAL(sim_routed(s, a, b, &d), a != b);
	sim_doc_free(&d);
	sim_end(s);
}

static void test_leave(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 0);

	CU_ASSERT(sim_all_ready(s, ALL3, &d));
	unsigned before = s->node[0]->live_sas;
	sim_attach(s, 2, false);
	CU_ASSERT_EQUAL(part(s, 2, &d), LM_PART_LEAVING);
	CU_ASSERT_PTR_NULL(sim_out(s, 2, 0, &d));
	sim_run(s, 300 * SIM_MS);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT(!sim_routed(s, i, 2, &d));
		CU_ASSERT_PTR_NULL(sim_out(s, i, 2, &d));
	}
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	CU_ASSERT(s->node[0]->live_sas < before);
	sim_run(s, LM_LEAVE_TIME * SIM_SECOND);
	CU_ASSERT_EQUAL(part(s, 2, &d), LM_PART_OUT);
	CU_ASSERT_EQUAL(s->node[2]->live_sas, 0);
	CU_ASSERT_EQUAL(records(s, 2), 0);
	CU_ASSERT_EQUAL(sim_serial(s, 2, &d), 1); /* it still enforces and passes manifests on */

	/* Then a manifest comes, by way of the one that has left. */
	struct sim_doc two = sim_sign(s, "shop", 2, ALL3, NULL);
	CU_ASSERT_EQUAL(sim_submit(s, 2, &two, NULL), 0);
	sim_run(s, 3 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &d), 2);
	sim_attach(s, 2, true);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT(sim_all_ready(s, ALL3, &d));
	CU_ASSERT(sim_routed(s, 0, 2, &d));

	/* Away and back again before it has left. */
	sim_attach(s, 2, false);
	sim_run(s, SIM_SECOND);
	sim_attach(s, 2, true);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT_EQUAL(part(s, 2, &d), LM_PART_JOINED);
	CU_ASSERT(sim_all_ready(s, ALL3, &d));
	CU_ASSERT(sim_routed(s, 0, 2, &d) && sim_routed(s, 2, 1, &d));
	sim_doc_free(&d);
	sim_doc_free(&two);
	sim_end(s);
}

/* Nobody heard that it left: those that ask it later learn it. */
static void leave_unheard(uint64_t clock_goes_back)
{
	struct sim_doc d;
	struct sim *s = world(&d, 0);

	s->now.wall -= clock_goes_back;
	s->cut[2][0] = s->cut[2][1] = true;
	sim_attach(s, 2, false);
	sim_run(s, (LM_LEAVE_TIME + 1) * SIM_SECOND);
	CU_ASSERT_EQUAL(part(s, 2, &d), LM_PART_OUT);
	s->cut[2][0] = s->cut[2][1] = false;
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(!sim_routed(s, 0, 2, &d) && !sim_routed(s, 1, 2, &d));
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 2, &d));
	sim_doc_free(&d);
	sim_end(s);
}

static void test_leave_unheard(void)
{
	leave_unheard(0);
}

/* Its records are of a time that, by its clock, has yet to come. */
static void test_leave_clock_back(void)
{
	leave_unheard(2 * 3600 * SIM_SECOND);
}

/*
 * Started again, and its attachments are there only some seconds later: it says that it is away,
 * and then that it is there, with records that say what they said before.
 */
static void test_returns_late(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 0);

	sim_crash(s, 2);
	s->node[2]->idle = true;
	sim_start(s, 2);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT(!sim_routed(s, 0, 2, &d) && !sim_routed(s, 1, 2, &d));
	sim_attach(s, 2, true);
	sim_run(s, SIM_SECOND);
	CU_ASSERT(sim_all_ready(s, ALL3, &d));
	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT(sim_routed(s, i, 2, &d) && sim_routed(s, 2, i, &d));
	sim_doc_free(&d);
	sim_end(s);
}

/* A gateway that is taken off by a manifest which it alone has: the others hear it from it. */
static void test_ends_alone(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 0);
	struct sim_doc two = sim_sign(s, "shop", 2, 0x3, NULL);
	struct sim_doc other = sim_sign(s, "other", 1, ALL3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &other, NULL), 0); /* keeps the sessions */
	sim_run(s, 2 * SIM_SECOND);
	sim_submit(s, 2, &two, NULL);
	CU_ASSERT_EQUAL(sim_serial(s, 2, &d), 0);
	sim_run(s, 300 * SIM_MS);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &d), 1);
	CU_ASSERT(!sim_routed(s, 0, 2, &d) && !sim_routed(s, 1, 2, &d));
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 2, &d));
	CU_ASSERT(sim_lanes_ready(s, 0, 2, &other));
	sim_doc_free(&d);
	sim_doc_free(&two);
	sim_doc_free(&other);
	sim_end(s);
}

/* Without a word: noticed within LM_DEAD_AFTER, and healed by itself. */
static void test_dies(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 0);

	sim_run(s, 60 * SIM_SECOND);
	sim_crash(s, 2);
	sim_run(s, (LM_DEAD_AFTER + LM_KEEPALIVE + 1) * SIM_SECOND);
	CU_ASSERT(!sim_routed(s, 0, 2, &d) && !sim_routed(s, 1, 2, &d));
	CU_ASSERT(sim_routed(s, 0, 1, &d) && sim_lanes_ready(s, 0, 1, &d));
	sim_start(s, 2);
	sim_run(s, 15 * SIM_SECOND);
	CU_ASSERT(sim_all_ready(s, ALL3, &d));
	for (unsigned a = 0; a < 3; a++)
		for (unsigned b = 0; b < 3; b++)
			CU_ASSERT_EQUAL(sim_routed(s, a, b, &d), a != b);

	/* One that returns with nothing attached takes back what it said in its former life. */
	sim_crash(s, 2);
	s->node[2]->idle = true;
	sim_start(s, 2);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(!sim_routed(s, 0, 2, &d) && !sim_routed(s, 1, 2, &d));
	sim_doc_free(&d);
	sim_end(s);
}

/* All three start again with gateway 2's ledger on disk. */
static struct sim *world_on_disk(struct sim_doc *d)
{
	struct sim *s = world(d, 0);

	sim_crash(s, 2);
	s->node[2]->keeps_records = true;
	sim_start(s, 2);
	sim_run(s, 15 * SIM_SECOND);
	return s;
}

/* Alone after a restart it knows who takes part and serves what; with the session routes return. */
static void test_disk(void)
{
	struct sim_doc d;
	struct sim *s = world_on_disk(&d);
	unsigned had = records(s, 2);

	CU_ASSERT_EQUAL(had, 6);
	CU_ASSERT_EQUAL(s->node[2]->n_records, had);
	for (unsigned i = 0; i < 3; i++)
		sim_crash(s, i);
	sim_start(s, 2);
	CU_ASSERT_EQUAL(records(s, 2), had);
	CU_ASSERT_EQUAL(s->node[2]->n_records, had);
	CU_ASSERT(!sim_routed(s, 2, 0, &d) && !sim_routed(s, 2, 1, &d));
	struct lm_enforced e;
	const struct lm_network *net = lm_membership_find(s->node[2]->m, &d.net);
	CU_ASSERT(lm_membership_enforced(s->node[2]->m, net, 0, &e));
	CU_ASSERT_EQUAL(e.serial, 1);
	sim_start(s, 0);
	sim_run(s, 15 * SIM_SECOND);
	CU_ASSERT(sim_routed(s, 2, 0, &d) && sim_lanes_ready(s, 0, 2, &d));
	CU_ASSERT(!sim_routed(s, 2, 1, &d));
	sim_doc_free(&d);
	sim_end(s);
}

/* What was on disk is no authority: it is judged by the manifest in force, and by the time. */
static void test_disk_refused(void)
{
	struct sim_doc d;
	struct sim *s = world_on_disk(&d);
	struct lm_ledger_info info;

	/* A newer manifest is in its store, which leaves gateway 1 out and has a new secret. */
	sim_crash(s, 2);
	sim_crash(s, 0);
	sim_crash(s, 1);
	struct sim_doc two = sim_sign(s, "shop", 2, 0x5, NULL);
	unsigned on_disk = s->node[2]->n_records;
	struct sim_record *kept = s->node[2]->records;
	s->node[2]->records = NULL;
	s->node[2]->n_records = s->node[2]->cap_records = 0;
	sim_start(s, 2);
	CU_ASSERT_EQUAL(sim_submit(s, 2, &two, NULL), 0);
	sim_crash(s, 2);
	for (unsigned i = 0; i < s->node[2]->n_records; i++)
		free(s->node[2]->records[i].bytes);
	free(s->node[2]->records);
	s->node[2]->records = kept;
	s->node[2]->n_records = s->node[2]->cap_records = on_disk;
	sim_start(s, 2);
	lm_ledger_info(lm_membership_ledger(s->node[2]->m), &info);
	CU_ASSERT_EQUAL(info.restored, 0); /* sealed with the old secret */
	CU_ASSERT_EQUAL(s->node[2]->n_records, 2); /* its own, said anew */

	/* Away for longer than any record lives. */
	sim_start(s, 0);
	sim_run(s, 15 * SIM_SECOND);
	CU_ASSERT_EQUAL(s->node[2]->n_records, 4);
	sim_crash(s, 0);
	sim_crash(s, 2);
	sim_run(s, 30 * 3600 * SIM_SECOND);
	sim_start(s, 2);
	CU_ASSERT_EQUAL(records(s, 2), 2);
	CU_ASSERT_EQUAL(s->node[2]->n_records, 2);

	/* Who leaves takes its records along. */
	sim_attach(s, 2, false);
	sim_run(s, (LM_LEAVE_TIME + 1) * SIM_SECOND);
	CU_ASSERT_EQUAL(s->node[2]->n_records, 0);
	sim_doc_free(&d);
	sim_doc_free(&two);
	sim_end(s);
}

static int count_own(void *ctx, const struct lm_ledger_record *record)
{
	*(unsigned *)ctx += record->own;
	return 0;
}

/* Endpoints that the gateway says it serves. */
static unsigned endpoints_of(const struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	unsigned n = 0;

	lm_ledger_each(
	    lm_membership_ledger(s->node[gateway]->m), &d->net, LM_LEDGER_ENDPOINT, count_own, &n);
	return n;
}

/*
 * Restarted before anything is attached, a gateway says that it is away; when it takes part again,
 * its record says the very same as before the restart, and counts.
 */
static void test_back_after_restart(void)
{
	struct sim *s = sim_new(1, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT(sim_routed(s, 1, 0, &d));
	sim_crash(s, 0);
	s->node[0]->idle = true;
	sim_start(s, 0);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT(!sim_routed(s, 1, 0, &d));
	sim_attach(s, 0, true);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT(sim_routed(s, 1, 0, &d) && sim_routed(s, 0, 1, &d));
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	sim_doc_free(&d);
	sim_end(s);
}

/* What is not served any more is taken back, while the gateway goes on taking part. */
static void test_stale(void)
{
	struct sim *s = sim_new(1, 2);
	/* db is at gateway 0, beside web; then at gateway 1. */
	struct sim_doc one = sim_sign_at(s, "shop", 1, 0x3, 0);
	struct sim_doc two = sim_sign_at(s, "shop", 2, 0x3, 1);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &one, NULL), 0);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT_EQUAL(endpoints_of(s, 0, &one), 2);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &two, NULL), 0);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT_EQUAL(endpoints_of(s, 0, &one), 1);
	CU_ASSERT_EQUAL(part(s, 0, &one), LM_PART_JOINED);
	CU_ASSERT(sim_serves(s, 0, 1, &one));
	sim_doc_free(&one);
	sim_doc_free(&two);
	sim_end(s);
}

/* All networks of a peer change at once: each is published once, not once a record. */
static void test_batch(void)
{
	enum { N = 40 };
	struct sim *s = sim_new(1, 2);
	struct sim_doc docs[N];

	for (unsigned i = 0; i < N; i++) {
		char name[16];
		snprintf(name, sizeof(name), "net%u", i);
		docs[i] = sim_sign(s, name, 1, 0x3, NULL);
		CU_ASSERT_EQUAL(sim_submit(s, 0, &docs[i], NULL), 0);
	}
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT(s->node[0]->routed <= 2 * N);
	unsigned before = s->node[0]->routed;
	sim_attach(s, 1, false);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT(s->node[0]->routed - before <= 2 * N);
	for (unsigned i = 0; i < N; i++) {
		CU_ASSERT(!sim_routed(s, 0, 1, &docs[i]));
		sim_doc_free(&docs[i]);
	}
	sim_end(s);
}

/* Does this gateway hold the keys by which a sends to b? */
static bool knows(const struct sim_node *n, const struct sim_out *out)
{
	for (unsigned lane = 0; out && lane < out->n; lane++) {
		for (uint32_t i = 0; i < n->n_sas; i++)
			if (memcmp(n->sas[i].key, out->keys[lane], 36) == 0)
				return true;
		for (unsigned net = 0; net < 4; net++)
			for (unsigned slot = 0; slot < SIM_NODES; slot++)
				for (unsigned k = 0; k < n->out[net][slot].n; k++)
					if (memcmp(n->out[net][slot].keys[k], out->keys[lane],
						36) == 0)
						return true;
	}
	return false;
}

static bool live(const struct sim *s, unsigned gateway, uint32_t spi)
{
	return s->node[gateway]->sas[spi - 256].there;
}

/*
 * A manifest without gateway 2: within two seconds everything is under keys that it cannot have,
 * though it keeps all that it ever had; what it sends and says is refused.
 */
static void test_revocation(void)
{
	struct sim_doc one;
	struct sim *s = world(&one, 0);
	struct sim_doc two = sim_sign(s, "shop", 2, 0x3, NULL);
	struct lm_signed_manifest *sm;
	struct lm_secret before, after;
	struct lm_why why = {""};

	CU_ASSERT(sim_all_ready(s, ALL3, &one));
	const struct sim_out old01 = *sim_out(s, 0, 1, &one);
	const struct sim_out old20 = *sim_out(s, 2, 0, &one), old21 = *sim_out(s, 2, 1, &one);
	CU_ASSERT(knows(s->node[2], sim_out(s, 0, 2, &one))); /* it can fail */
	unsigned had = records(s, 0);

	/* The secret: the one before does not follow from it, and the new one is not for gateway 2.
	 */
	CU_ASSERT_EQUAL(lm_manifest_open(&sm, "one", one.bytes, one.len, &why), 0);
	CU_ASSERT_EQUAL(lm_manifest_secret(&before, sm, &s->node[2]->id), 0);
	lm_signed_manifest_free(sm);
	CU_ASSERT_EQUAL(lm_manifest_open(&sm, "two", two.bytes, two.len, &why), 0);
	CU_ASSERT(lm_manifest_secret(&after, sm, &s->node[2]->id) != 0);
	CU_ASSERT_EQUAL(lm_manifest_secret(&after, sm, &s->node[0]->id), 0);
	CU_ASSERT(memcmp(&before, &after, sizeof(after)) != 0);
	lm_signed_manifest_free(sm);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &two, NULL), 0);
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 2, &one)); /* at once where it was submitted */
	CU_ASSERT(!live(s, 0, old20.spis[0]));
	sim_run(s, 2 * SIM_SECOND);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(sim_serial(s, i, &one), 2);
		CU_ASSERT_PTR_NULL(sim_out(s, i, 2, &one));
		CU_ASSERT(!sim_routed(s, i, 2, &one));
		CU_ASSERT_EQUAL(records(s, i), had - 2);
		CU_ASSERT_EQUAL(lm_membership_peers_end(s->node[i]->m), 1);
	}
	for (unsigned k = 0; k < old21.n; k++)
		CU_ASSERT(!live(s, 1, old21.spis[k]));
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &one));
	CU_ASSERT(memcmp(old01.keys[0], sim_out(s, 0, 1, &one)->keys[0], 36) != 0);
	CU_ASSERT(!knows(s->node[2], sim_out(s, 0, 1, &one)));
	CU_ASSERT(!knows(s->node[2], sim_out(s, 1, 0, &one)));

	/* With its key and the old secret in hand it talks on: nothing comes of it. */
	sim_crash(s, 2);
	struct sim_node *raw = sim_raw(s, 2, 0);
	sim_raw_join(raw, &one);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT(raw->raw_up);
	sim_raw_lanes(raw, &one, 7, 1, 4711);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT_EQUAL(raw->lanes_len, 0);
	CU_ASSERT_EQUAL(raw->acks, 0);
	CU_ASSERT_EQUAL(raw->haves, 0);
	CU_ASSERT_EQUAL(records(s, 0), had - 2);
	CU_ASSERT(sim_drops(s, 0, LM_MD_UNAUTHORISED) > 0);
	sim_doc_free(&one);
	sim_doc_free(&two);
	sim_end(s);
}

/*
 * db is re-pointed: the same member, name and address, at another provider. One new serial moves
 * it; the gateway that had it leaves, and the new one serves it as soon as it is attached there.
 */
static void test_repointed(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc one = sim_sign_at(s, "shop", 1, ALL3, 1);
	struct sim_doc two = sim_sign_at(s, "shop", 2, ALL3, 2);

	s->node[2]->idle = true;
	CU_ASSERT_EQUAL(sim_submit(s, 0, &one, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT(sim_serves(s, 0, 1, &one));
	CU_ASSERT_EQUAL(sim_submit(s, 1, &two, NULL), 0);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &one), 2);
	CU_ASSERT(!sim_serves(s, 0, 1, &one) && !sim_serves(s, 0, 2, &one));
	CU_ASSERT_EQUAL(part(s, 1, &one), LM_PART_LEAVING);
	sim_attach(s, 2, true);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT(sim_serves(s, 0, 2, &one));
	CU_ASSERT(sim_lanes_ready(s, 0, 2, &one));
	sim_run(s, LM_LEAVE_TIME * SIM_SECOND);
	CU_ASSERT_EQUAL(part(s, 1, &one), LM_PART_OUT);
	CU_ASSERT_EQUAL(s->node[1]->live_sas, 0);
	sim_doc_free(&one);
	sim_doc_free(&two);
	sim_end(s);
}

LM_SUITE("membership_part", {"join", test_join}, {"leave", test_leave},
    {"leave_unheard", test_leave_unheard}, {"leave_clock_back", test_leave_clock_back},
    {"returns_late", test_returns_late}, {"ends_alone", test_ends_alone}, {"dies", test_dies},
    {"batch", test_batch}, {"back_after_restart", test_back_after_restart}, {"stale", test_stale},
    {"disk", test_disk}, {"disk_refused", test_disk_refused}, {"revocation", test_revocation},
    {"repointed", test_repointed})
