/* SPDX-License-Identifier: Apache-2.0 */
/* What stays of chains in membership over restarts and losses, and how an owner recovers one. */
#include "membership_sim_chain.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "suite.h"

/* ---- what stays ---- */

static void test_restart(void)
{
	struct sim_doc one, two;
	struct sim *s = chain_world(3, &one);
	struct lm_chain_info info;

	two = chain_sign(s, 2, 0x7);
	chain_submit(s, 1, &two);
	sim_run(s, 60 * SIM_SECOND);
	uint64_t before = chain_height(s, 0, &one);
	CU_ASSERT(before > 0);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(chain_facts(s, i, 1), 1);
		CU_ASSERT_EQUAL(chain_facts(s, i, 3), before);
		sim_crash(s, i);
	}
	sim_start(s, 0);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(chain_info(s, 0, &one, &info));
	CU_ASSERT_EQUAL(info.height, before);
	CU_ASSERT(info.votes);
	CU_ASSERT_EQUAL(info.current, 0); /* alone it cannot know */
	sim_start(s, 2);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x5, &one));
	sim_start(s, 1);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x7, &one));
	/* The past is there as well, for one that knows nothing. */
	sim_crash(s, 1);
	sim_lose_facts(s, 1);
	sim_start(s, 1);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x7, &one));
	CU_ASSERT_EQUAL(chain_facts(s, 1, 3), before);
	chain_end(s, &one, &two);
}

/* What was accepted, and may be decided, is known after a restart. */
static void test_restart_undecided(void)
{
	struct sim_doc d;
	struct sim *s = chain_world(5, &d);
	struct lm_chain_info info;

	chain_attach(s, 0, &d, 0, 1);
	sim_run(s, 10 * SIM_SECOND);
	uint64_t before = chain_height(s, 0, &d);
	CU_ASSERT(before > 0);
	for (unsigned i = 2; i < 5; i++)
		sim_crash(s, i);
	chain_propose(s, 0, &d, (struct lm_chain_command){.kind = LM_CHAIN_ASSIGN, .serial = 1});
	sim_run(s, SIM_SECOND);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT(chain_info(s, i, &d, &info) && info.undecided);
		sim_crash(s, i);
	}
	for (unsigned i = 0; i < 2; i++) {
		sim_start(s, i);
		CU_ASSERT(chain_info(s, i, &d, &info) && info.undecided && info.votes);
	}
	for (unsigned i = 2; i < 5; i++)
		sim_start(s, i);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x1f, &d));
	CU_ASSERT(chain_height(s, 4, &d) > before);
	chain_end(s, &d, NULL);
}

/* Cut off for longer than blocks are told again, and back: it hears of it at once. */
static void test_cut_off(void)
{
	struct sim_doc one, two;
	struct sim *s = chain_world(3, &one);

	sim_partition(s, 2, 0, true);
	sim_partition(s, 2, 1, true);
	two = chain_sign(s, 2, 0x7);
	chain_submit(s, 0, &two);
	sim_run(s, 300 * SIM_SECOND);
	CU_ASSERT(chain_height(s, 0, &one) > 0);
	CU_ASSERT_EQUAL(chain_height(s, 2, &one), 0);
	sim_partition(s, 2, 0, false);
	while (chain_height(s, 2, &one) == 0 && s->now.mono < 1000 * SIM_SECOND)
		sim_run(s, 100 * SIM_MS);
	uint64_t heard = s->now.mono;
	CU_ASSERT(chain_height(s, 2, &one) == chain_height(s, 0, &one));
	/* Sessions that are not watched are called every two minutes in the end. */
	CU_ASSERT(heard < (303 + LM_CALL_EVERY_MAX + 5) * SIM_SECOND);
	chain_end(s, &one, &two);
}

/* A state that no datagram holds, for one that was away for more blocks than are kept whole. */
static void test_large_state(void)
{
	struct sim *s = sim_new(5, 3);
	char members[400];
	const char *name = "a-name-that-is-as-long-as-a-name-in-dns-may-be-so-that-it-is-63";
	struct lm_chain_info info;

	CU_ASSERT_EQUAL(strlen(name), 63);
	sprintf(members,
	    "  - name: %s\n    deployment: 7\n    replicas: 1500\n"
	    "  - name: web\n    deployment: 1\n    endpoints:\n"
	    "      - {provider: gw0, ipv4: 100.64.0.10}\n",
	    name);
	struct sim_doc d = sim_sign_members(s, "shop", 1, 0x7, "  ipv4: 100.64.0.0/18\n", members);
	chain_submit(s, 0, &d);
	sim_run(s, 3 * SIM_SECOND);
	sim_crash(s, 2);
	chain_attach(s, 0, &d, 0, 1500);
	for (unsigned i = 0; i < 60 && (!chain_info(s, 0, &d, &info) || info.n_endpoints < 1500);
	    i++)
		sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT_EQUAL(info.n_endpoints, 1500);
	CU_ASSERT(info.height > 90);
	s->loss = 5;
	sim_start(s, 2);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x7, &d));
	CU_ASSERT(chain_info(s, 2, &d, &info));
	CU_ASSERT_EQUAL(info.n_endpoints, 1500);
	unsigned tip = 0;
	for (unsigned i = 0; i < s->node[2]->n_facts; i++)
		if (s->node[2]->facts[i].key[0] == 1)
			tip = (unsigned)s->node[2]->facts[i].len;
	CU_ASSERT(tip > 100 * 1024);
	chain_end(s, &d, NULL);
}

static void test_lost_store(void)
{
	struct sim_doc one, two, three;
	struct sim *s = chain_world(3, &one);
	struct lm_chain_info info;

	two = chain_sign(s, 2, 0x7);
	chain_submit(s, 1, &two);
	sim_run(s, 60 * SIM_SECOND);
	sim_crash(s, 2);
	sim_lose_facts(s, 2);
	sim_start(s, 2);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(chain_info(s, 2, &one, &info));
	CU_ASSERT_EQUAL(info.height, chain_height(s, 0, &one));
	CU_ASSERT(info.member && info.mute && !info.votes);
	/* It says so for good. */
	sim_crash(s, 2);
	s->node[2]->lost_store = false;
	sim_start(s, 2);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(chain_info(s, 2, &one, &info) && info.mute);
	/* Nor does it vote when it is dropped and comes back. */
	CU_ASSERT_EQUAL(chain_drop(s, 2, &one), 0);
	chain_submit(s, 2, &two);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(chain_info(s, 2, &one, &info) && info.mute);
	/* Two do not decide without the third, who is there but does not vote. */
	uint64_t before = chain_height(s, 0, &one);
	sim_crash(s, 1);
	three = chain_sign(s, 3, 0x7);
	chain_submit(s, 0, &three);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT_EQUAL(chain_height(s, 0, &one), before);
	sim_start(s, 1);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(chain_height(s, 2, &one) > before);
	sim_doc_free(&three);
	chain_end(s, &one, &two);
}

static void test_damaged(void)
{
	struct sim_doc one, two, three;
	struct sim *s = chain_world(3, &one);

	two = chain_sign(s, 2, 0x7);
	chain_submit(s, 1, &two);
	sim_run(s, 60 * SIM_SECOND);
	sim_crash(s, 2);
	for (unsigned i = 0; i < s->node[2]->n_facts; i++)
		if (s->node[2]->facts[i].key[0] == 1)
			s->node[2]->facts[i].len--;
	sim_start(s, 2);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(!chain_there(s, 2, &one));
	CU_ASSERT_EQUAL(sim_drops(s, 2, LM_MD_FACTS), 1);
	CU_ASSERT(sim_all_ready(s, 0x7, &one)); /* the rest of the network is as it was */
	three = chain_sign(s, 3, 0x7);
	chain_submit(s, 2, &three);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x3, &one));
	CU_ASSERT(!chain_there(s, 2, &one));
	sim_doc_free(&three);
	chain_end(s, &one, &two);
}

/* The operator drops the network: nothing is left but that it must not vote there. */
static void test_dropped(void)
{
	struct sim_doc one, two;
	struct sim *s = chain_world(3, &one);
	struct lm_chain_info info;

	two = chain_sign(s, 2, 0x7);
	chain_submit(s, 1, &two);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT_EQUAL(chain_facts(s, 2, 2), 1);
	CU_ASSERT_EQUAL(chain_drop(s, 2, &one), 0);
	CU_ASSERT_EQUAL(s->node[2]->n_facts, 1);
	chain_submit(s, 2, &two);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(chain_info(s, 2, &one, &info));
	CU_ASSERT_EQUAL(info.height, chain_height(s, 0, &one));
	CU_ASSERT(info.member && info.mute);
	chain_end(s, &one, &two);
}

/* One that never voted there is as new afterwards. */
static void test_dropped_unvoted(void)
{
	struct sim_doc d;
	struct sim *s = chain_world(3, &d);
	struct lm_chain_info info;

	CU_ASSERT_EQUAL(chain_drop(s, 2, &d), 0);
	CU_ASSERT_EQUAL(s->node[2]->n_facts, 0);
	chain_submit(s, 2, &d);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(chain_info(s, 2, &d, &info) && info.votes);
	CU_ASSERT(chain_alike(s, 0x7, &d));
	chain_end(s, &d, NULL);
}

/* ---- recovery ---- */

static int recover(struct sim *s, unsigned gateway, const struct lm_identity *owner,
    const char *request, size_t len, struct lm_why *why)
{
	char text[LM_RECOVERY_TEXT_MAX];
	struct lm_chain_recovery r;

	CU_ASSERT_EQUAL(lm_recovery_read(&r, request, len, why), 0);
	int n = lm_recovery_sign(text, &r, owner);
	CU_ASSERT(n > 0);
	struct sim_doc d = {.bytes = (uint8_t *)text, .len = (size_t)n};
	return sim_submit(s, gateway, &d, why);
}

static void test_recovery(void)
{
	struct sim_doc one, two;
	struct sim *s = chain_world(5, &one);
	struct lm_why why = {""};
	struct lm_chain_info info;
	char request[LM_RECOVERY_TEXT_MAX];

	sim_crash(s, 0);
	sim_crash(s, 1);
	sim_crash(s, 2);
	two = chain_sign(s, 2, 0x18);
	CU_ASSERT_EQUAL(sim_submit(s, 3, &two, &why), 0);
	CU_ASSERT(strstr(why.text, "only 2 of the 5") != NULL);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT_EQUAL(chain_height(s, 3, &one), 0);

	struct lm_public_key keys[3] = {s->node[3]->id.pub, s->node[4]->id.pub, s->node[0]->id.pub};
	why = (struct lm_why){""};
	CU_ASSERT_EQUAL(
	    lm_membership_recovery(s->node[3]->m, &one.net, keys, 3, request, &why), -EINVAL);
	why = (struct lm_why){""};
	int len = lm_membership_recovery(s->node[3]->m, &one.net, keys, 2, request, &why);
	CU_ASSERT(len > 0);
	CU_ASSERT_EQUAL(recover(s, 3, &s->node[3]->id, request, (size_t)len, &why), -EBADMSG);
	why = (struct lm_why){""};
	CU_ASSERT_EQUAL(recover(s, 3, &s->owner, request, (size_t)len, &why), 0);
	CU_ASSERT(strstr(why.text, "era 1") != NULL);
	why = (struct lm_why){""};
	CU_ASSERT_EQUAL(recover(s, 3, &s->owner, request, (size_t)len, &why), -ESTALE);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x18, &one));
	CU_ASSERT(chain_seats_are(s, 4, 0x18, &one));
	CU_ASSERT(chain_info(s, 4, &one, &info));
	CU_ASSERT_EQUAL(info.era, 1);
	CU_ASSERT_EQUAL(info.serial, 2); /* it decides again */
	sim_crash(s, 4);
	sim_start(s, 4);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x18, &one));
	chain_end(s, &one, &two);
}

/* A tenant who is a guest of the gateway. */
static void test_recovery_by_guest(void)
{
	struct sim_doc one;
	struct sim *s = chain_world(3, &one);
	struct lm_why why = {""};
	char request[LM_RECOVERY_TEXT_MAX], text[LM_RECOVERY_TEXT_MAX];
	struct lm_chain_recovery r;
	struct sim_node *guest = sim_raw(s, 100, 0);
	struct lm_chain_info info;

	int len =
	    lm_membership_recovery(s->node[0]->m, &one.net, &s->node[0]->id.pub, 1, request, &why);
	CU_ASSERT(len > 0);
	CU_ASSERT_EQUAL(lm_recovery_read(&r, request, (size_t)len, &why), 0);
	CU_ASSERT_EQUAL(lm_recovery_read(&r, request, (size_t)len - 5, &why), -EINVAL);
	CU_ASSERT_EQUAL(lm_recovery_read(&r, request, 3, &why), -EINVAL);
	lm_recovery_read(&r, request, (size_t)len, &why);
	len = lm_recovery_sign(text, &r, &s->owner);
	struct sim_doc d = {.bytes = (uint8_t *)text, .len = (size_t)len};
	crypto_generichash(d.hash, sizeof(d.hash), d.bytes, d.len, NULL, 0);
	sim_run(s, SIM_SECOND);
	sim_raw_submit(s, guest, &d);
	sim_run(s, SIM_SECOND);
	CU_ASSERT(guest->answered && guest->code == 0);
	CU_ASSERT_EQUAL(guest->serial, 1);
	CU_ASSERT(chain_info(s, 0, &one, &info));
	CU_ASSERT_EQUAL(info.era, 1);
	/* It alone decides that the others have seats again. */
	CU_ASSERT(chain_seats_are(s, 0, 0x7, &one));
	/* The others hear it as well. */
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x7, &one));
	chain_end(s, &one, NULL);
}

LM_SUITE("membership_chain", {"restart", test_restart},
    {"restart_undecided", test_restart_undecided}, {"cut_off", test_cut_off},
    {"large_state", test_large_state}, {"lost_store", test_lost_store}, {"damaged", test_damaged},
    {"dropped", test_dropped}, {"dropped_unvoted", test_dropped_unvoted},
    {"recovery", test_recovery}, {"recovery_by_guest", test_recovery_by_guest})
