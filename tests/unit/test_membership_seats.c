/* SPDX-License-Identifier: Apache-2.0 */
/* Who votes in a chain, who has a say, and who hears of it. */
#include "membership_sim_chain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "suite.h"

static void test_revoked(void)
{
	struct sim_doc one, two;
	struct sim *s = chain_world(3, &one);

	two = chain_sign(s, 2, 0x3);
	chain_submit(s, 1, &two);
	sim_run(s, 30 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x3, &one));
	CU_ASSERT(chain_seats_are(s, 0, 0x3, &one));
	/* It has not heard of it, and nobody hears it. */
	CU_ASSERT(chain_there(s, 2, &one));
	CU_ASSERT_EQUAL(chain_height(s, 2, &one), 0);
	CU_ASSERT_EQUAL(sim_submit(s, 2, &two, NULL), -EACCES);
	CU_ASSERT(!chain_there(s, 2, &one));
	/* Votes are not forgotten when a network ends. */
	CU_ASSERT_EQUAL(chain_facts(s, 2, 0), 1);
	chain_end(s, &one, &two);
}

/* Whoever should do it is down, and another one as well. */
static void test_two_of_five_down(void)
{
	struct sim_doc one, two;
	struct sim *s = chain_world(5, &one);
	unsigned first = chain_lowest(s, 5), out = (first + 1) % 5, third = (first + 2) % 5;

	sim_crash(s, first);
	sim_crash(s, out);
	two = chain_sign(s, 2, 0x1f & ~(1u << out));
	chain_submit(s, third, &two);
	sim_run(s, 30 * SIM_SECOND);
	unsigned up = 0x1f & ~(1u << out) & ~(1u << first);
	CU_ASSERT(chain_alike(s, up, &one));
	CU_ASSERT(chain_seats_are(s, third, 0x1f & ~(1u << out), &one));
	sim_start(s, first);
	sim_run(s, 30 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, up | 1u << first, &one));
	chain_end(s, &one, &two);
}

/* One that has no seat, but address blocks and an endpoint: both are others' again in time. */
static void test_revoked_reader(void)
{
	struct sim_doc one, two;
	struct sim *s = chain_world(9, &one);
	struct lm_chain_block block;
	struct lm_chain_endpoint app;
	const uint8_t key[] = {0, 3, 'a', 'p', 'p'};

	chain_attach(s, 8, &one, 3, 4);
	sim_run(s, 10 * SIM_SECOND);
	const struct lm_chain *chain = lm_membership_chain(s->node[0]->m);
	CU_ASSERT_EQUAL(lm_chain_block(chain, &one.net, 0, &block), 0);
	CU_ASSERT(block.owner && memcmp(block.owner, &s->node[8]->id.pub, 32) == 0);
	CU_ASSERT_EQUAL(lm_chain_endpoint(chain, &one.net, key, sizeof(key), &app), 0);
	CU_ASSERT(app.gateway != NULL);
	two = chain_sign(s, 2, 0xff);
	chain_submit(s, 7, &two);
	sim_run(s, 30 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0xff, &one));
	CU_ASSERT_EQUAL(lm_chain_block(chain, &one.net, 0, &block), 0);
	CU_ASSERT(!block.owner && block.until > s->now.wall / SIM_SECOND);
	CU_ASSERT_EQUAL(lm_chain_endpoint(chain, &one.net, key, sizeof(key), &app), 0);
	CU_ASSERT(app.gateway == NULL);
	CU_ASSERT(chain_seats_are(s, 7, 0x7f, &one));
	chain_end(s, &one, &two);
}

/* A chain in which nothing happens says next to nothing: each gateway asks the members once a day.
 */
#define IDLE 10 /* networks */
static void test_idle(void)
{
	uint64_t sent[2], bytes[2];

	for (unsigned k = 0; k < 2; k++) {
		struct sim *s = sim_new(1, 3);
		char name[16];
		struct sim_doc d[IDLE];
		for (unsigned i = 0; i < IDLE; i++) {
			sprintf(name, "net%u", i);
			d[i] = k ? sim_sign_members(s, name, 1, 0x7, NULL,
				       "  - name: app\n    deployment: 7\n    replicas: 8\n"
				       "  - name: web\n    deployment: 1\n    endpoints:\n"
				       "      - {provider: gw0, ipv4: 100.64.10.10}\n"
				       "      - {provider: gw1, ipv4: 100.64.10.11}\n"
				       "      - {provider: gw2, ipv4: 100.64.10.12}\n")
				 : sim_sign(s, name, 1, 0x7, NULL);
			chain_submit(s, i % 3, &d[i]);
		}
		sim_run(s, 60 * SIM_SECOND);
		sent[k] = s->sent;
		bytes[k] = s->sent_bytes;
		sim_run(s, 86400 * SIM_SECOND);
		sent[k] = s->sent - sent[k];
		bytes[k] = s->sent_bytes - bytes[k];
		for (unsigned i = 0; i < IDLE; i++)
			sim_doc_free(&d[i]);
		sim_end(s);
	}
	/* Three gateways, two members, question and answer, with what a session adds. */
	CU_ASSERT(bytes[1] < bytes[0] + IDLE * 3 * 2 * 2 * 150);
	CU_ASSERT(sent[1] < sent[0] + IDLE * 3 * 2 * 2);
}

static void test_comes_back(void)
{
	struct sim_doc one, two, three;
	struct sim *s = chain_world(3, &one);

	two = chain_sign(s, 2, 0x3);
	chain_submit(s, 0, &two);
	sim_run(s, 30 * SIM_SECOND);
	three = chain_sign(s, 3, 0x7);
	chain_submit(s, 0, &three);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x7, &one));
	CU_ASSERT(chain_seats_are(s, 2, 0x7, &one));
	struct lm_chain_info info;
	CU_ASSERT(chain_info(s, 2, &one, &info) && info.votes);
	sim_doc_free(&three);
	chain_end(s, &one, &two);
}

/* A seat is for whoever takes part, but a founder votes without it. */
static void test_seats_of_idle(void)
{
	struct sim *s = sim_new(1, 4);
	struct sim_doc one = chain_sign(s, 1, 0x3), two = chain_sign(s, 2, 0xf);

	for (unsigned i = 0; i < 4; i++)
		s->node[i]->idle = true;
	chain_submit(s, 0, &one);
	sim_run(s, 3 * SIM_SECOND);
	chain_submit(s, 0, &two);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(chain_seats_are(s, 3, 0x3, &one));
	CU_ASSERT(chain_height(s, 0, &one) > 0);
	CU_ASSERT_EQUAL(chain_height(s, 3, &one), 0); /* who takes no part is not told */
	sim_attach(s, 3, true);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0xb, &one));
	CU_ASSERT(chain_seats_are(s, 3, 0xb, &one));
	chain_end(s, &one, &two);
}

static bool served_soon(struct sim *s, unsigned gateway, const struct sim_doc *d, uint64_t within)
{
	const struct lm_network *net = lm_membership_find(s->node[gateway]->m, &d->net);
	int at = lm_manifest_endpoint(net->manifest, "app", 0);

	chain_attach(s, gateway, d, 0, 1);
	sim_run(s, within);
	return lm_membership_served(s->node[gateway]->m, net, (unsigned)at, NULL);
}

/* Who joins asks first whether it has missed anything: one round trip, or none if it is alone. */
static void test_joins_at_once(void)
{
	for (unsigned n = 1; n <= 3; n += 2) {
		struct sim *s = sim_new(1, n);
		struct sim_doc d = chain_sign(s, 1, (1u << n) - 1);
		for (unsigned i = 0; i < n; i++)
			s->node[i]->idle = true;
		chain_submit(s, 0, &d);
		sim_run(s, 100 * SIM_SECOND);
		/* To be current, to have an address block, and membership looks ten times a second.
		 */
		CU_ASSERT(served_soon(s, 0, &d, 200 * SIM_MS));
		chain_end(s, &d, NULL);
	}
}

/* Nobody gives a seat to one who will not vote; it does not even ask. */
static void test_mute_wants_no_seat(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc one = chain_sign(s, 1, 0x3), two = chain_sign(s, 2, 0x7);

	sim_crash(s, 2);
	s->node[2]->lost_store = true;
	sim_start(s, 2);
	chain_submit(s, 0, &one);
	sim_run(s, 3 * SIM_SECOND);
	chain_submit(s, 0, &two);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x7, &one));
	CU_ASSERT(chain_seats_are(s, 2, 0x3, &one));
	chain_end(s, &one, &two);
}

/* What the manifest does not say, members do not agree to. */
static void test_consent(void)
{
	struct sim_doc d;
	struct sim *s = chain_world(3, &d);
	uint64_t until = s->now.wall / SIM_SECOND + LM_ADDRESS_QUARANTINE;
	const struct lm_chain_command wrong[] = {
	    {.kind = LM_CHAIN_REMOVE, .serial = 1, .gateway = s->node[2]->id.pub, .until = until},
	    {.kind = LM_CHAIN_REMOVE, .serial = 2, .gateway = s->owner.pub, .until = until},
	    {.kind = LM_CHAIN_ADD, .serial = 1, .gateway = s->owner.pub},
	    {.kind = LM_CHAIN_ADD, .serial = 1, .gateway = s->node[2]->id.pub},
	    {.kind = LM_CHAIN_SERIAL, .serial = 2},
	    {.kind = LM_CHAIN_FREE, .serial = 1, .block = 3},
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		chain_propose(s, 0, &d, wrong[i]);
	sim_run(s, 300 * SIM_SECOND);
	CU_ASSERT_EQUAL(chain_height(s, 0, &d), 0);
	CU_ASSERT(chain_seats_are(s, 1, 0x7, &d));
	chain_propose(s, 0, &d, (struct lm_chain_command){.kind = LM_CHAIN_SERIAL, .serial = 1});
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(chain_height(s, 2, &d), 1);
	chain_end(s, &d, NULL);
}

/* A seat is for whoever asks for it: the dead, in others' seats, would leave no majority. */
static void test_no_seats_for_others(void)
{
	struct sim *s = sim_new(1, 7);
	struct sim_doc one = chain_sign(s, 1, 0x7), two = chain_sign(s, 2, 0x7f);

	for (unsigned i = 3; i < 7; i++)
		sim_crash(s, i);
	chain_submit(s, 0, &one);
	sim_run(s, 3 * SIM_SECOND);
	chain_submit(s, 0, &two);
	sim_run(s, 30 * SIM_SECOND);
	for (unsigned i = 3; i < 7; i++)
		chain_propose(s, 0, &two,
		    (struct lm_chain_command){
			.kind = LM_CHAIN_ADD, .serial = 2, .gateway = s->node[i]->id.pub});
	sim_run(s, 300 * SIM_SECOND);
	CU_ASSERT(chain_seats_are(s, 1, 0x7, &one));
	sim_start(s, 3);
	sim_run(s, 900 * SIM_SECOND); /* until it is called */
	CU_ASSERT(chain_seats_are(s, 1, 0xf, &one));
	chain_end(s, &one, &two);
}

/* How long the blocks of one that was left out are nobody's: a week, give or take an hour. */
static void test_consent_to_until(void)
{
	struct sim_doc one, two;
	struct sim *s = chain_world(5, &one);
	unsigned first = chain_lowest(s, 5), out = (first + 1) % 5, third = (first + 2) % 5;
	struct lm_chain_command c = {
	    .kind = LM_CHAIN_REMOVE, .serial = 2, .gateway = s->node[out]->id.pub};
	struct lm_chain_block block;

	chain_attach(s, out, &one, 0, 1);
	sim_run(s, 10 * SIM_SECOND);
	sim_crash(s, first); /* it would do it at once */
	two = chain_sign(s, 2, 0x1f & ~(1u << out));
	chain_submit(s, third, &two);
	uint64_t until = s->now.wall / SIM_SECOND + LM_ADDRESS_QUARANTINE;
	c.until = until - 3700;
	chain_propose(s, third, &one, c);
	c.until = until + 3700;
	chain_propose(s, third, &one, c);
	sim_run(s, 30 * SIM_SECOND);
	CU_ASSERT(chain_seats_are(s, third, 0x1f & ~(1u << out), &one));
	CU_ASSERT_EQUAL(
	    lm_chain_block(lm_membership_chain(s->node[third]->m), &one.net, 0, &block), 0);
	CU_ASSERT(block.until >= until - 60 && block.until <= until + 60);
	chain_end(s, &one, &two);
}

static uint64_t chain_drops(const struct sim *s, unsigned gateway)
{
	const uint64_t *drops = lm_chain_drops(lm_membership_chain(s->node[gateway]->m));
	uint64_t sum = 0;

	for (unsigned i = 0; i < LM_CD_MAX; i++)
		sum += drops[i];
	return sum;
}

/* One that is left out hears nothing, though it shares another network, and is heard no more. */
static void test_left_out(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc one = chain_sign(s, 1, 0x7), two = chain_sign(s, 2, 0x3);
	struct sim_doc other = sim_sign(s, "other", 1, 0x7, NULL);

	unsigned first = chain_lowest(s, 2); /* who does what there is to do */
	sim_crash(s, 2);
	chain_submit(s, first, &one);
	chain_submit(s, first, &other);
	struct sim_node *raw = sim_raw(s, 2, first);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT(raw->chains > 0);
	/* While it has a say it may have what it asks for. */
	CU_ASSERT_EQUAL(lm_blob_pull(raw->blobs, &s->now, raw->peer, one.hash, one.len, 0), 0);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(raw->pull_err, 0);
	chain_submit(s, first, &two);
	sim_run(s, 10 * SIM_MS);
	unsigned before = raw->chains;
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT_EQUAL(raw->chains, before);
	CU_ASSERT(chain_seats_are(s, first, 0x3, &one));
	struct lm_chain_info info;
	chain_info(s, first, &one, &info);
	const uint8_t *hashes[] = {one.hash, info.state};
	for (unsigned i = 0; i < 2; i++) {
		raw->pull_err = 1;
		CU_ASSERT_EQUAL(lm_blob_pull(raw->blobs, &s->now, raw->peer, hashes[i], 600, 0), 0);
		sim_run(s, SIM_SECOND);
		CU_ASSERT_EQUAL(raw->pull_err, -ENOENT);
	}
	uint64_t in_chain = chain_drops(s, first),
		 refused = sim_drops(s, first, LM_MD_UNAUTHORISED);
	uint8_t get[44] = {0};
	memcpy(get, one.net.b, LM_NET_ID_LEN);
	sim_raw_send(raw, LM_MSG_CHAIN_PREPARE, get, sizeof(get));
	sim_raw_send(raw, LM_MSG_GENESIS_ASK, get, LM_NET_ID_LEN);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(sim_drops(s, first, LM_MD_UNAUTHORISED), refused + 2);
	CU_ASSERT_EQUAL(raw->chains, before);
	CU_ASSERT_EQUAL(chain_drops(s, first), in_chain);
	sim_doc_free(&other);
	chain_end(s, &one, &two);
}

/* More than a peer may say is not worked on. */
static void test_flood(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc one = chain_sign(s, 1, 0x7);
	uint8_t body[LM_MESSAGE_MAX] = {0};

	sim_crash(s, 2);
	chain_submit(s, 0, &one);
	struct sim_node *raw = sim_raw(s, 2, 0);
	sim_run(s, 2 * SIM_SECOND);
	memcpy(body, one.net.b, LM_NET_ID_LEN);
	for (unsigned i = 0; i < 4096; i++)
		sim_raw_send(raw, LM_MSG_CHAIN_ACCEPT, body, sizeof(body));
	sim_run(s, 100 * SIM_MS);
	/* Ten records each; a burst of 16,384 is what a session may say when it comes up. */
	CU_ASSERT(sim_drops(s, 0, LM_MD_LIMIT) > 4096 - 16384 / 10 - 100);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &one));
	chain_end(s, &one, NULL);
}

LM_SUITE("membership_seats", {"revoked", test_revoked}, {"two_of_five_down", test_two_of_five_down},
    {"revoked_reader", test_revoked_reader}, {"idle", test_idle}, {"comes_back", test_comes_back},
    {"seats_of_idle", test_seats_of_idle}, {"joins_at_once", test_joins_at_once},
    {"mute_wants_no_seat", test_mute_wants_no_seat}, {"consent", test_consent},
    {"no_seats_for_others", test_no_seats_for_others}, {"consent_to_until", test_consent_to_until},
    {"left_out", test_left_out}, {"flood", test_flood})
