/* SPDX-License-Identifier: Apache-2.0 */
/* What others say that they serve, and asking them: HOLDER ASK, HOLDER, and the ledger's claims. */
#include "membership/internal.h"
#include "membership/places.h"
#include <errno.h>
#include "places_world.h"

/* app/0 lives at gateway 2, whose place a program takes that has its key and talks to gateway 0. */
static struct sim *world_of_raw(struct sim_doc *d, struct sim_node **raw)
{
	struct sim *s = world(d, 3);

	sim_host(s, 2, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, d, 0, 2) <= NOW);
	sim_run(s, SETTLE);
	sim_crash(s, 2);
	*raw = sim_raw(s, 2, 0);
	sim_run(s, 40 * SIM_SECOND);
	CU_ASSERT((*raw)->raw_up);
	return s;
}

static void claim(
    struct sim_node *raw, const struct sim_doc *d, unsigned replica, const void *value, size_t len)
{
	const uint8_t key[] = {0, (uint8_t)replica, 'a', 'p', 'p'};
	int err = lm_ledger_publish(raw->ledger, &raw->sim->now, &d->net, LM_LEDGER_ENDPOINT, key,
	    sizeof(key), value, len, LM_LEDGER_LIFETIME);

	CU_ASSERT_EQUAL(err, 0);
	sim_tick(raw);
}

static void claim_as(struct sim_node *raw, const struct sim_doc *d, unsigned replica,
    uint8_t format, uint32_t index, uint64_t generation)
{
	uint8_t value[13] = {format};

	for (unsigned i = 0; i < 4; i++)
		value[1 + i] = (uint8_t)(index >> (24 - 8 * i));
	for (unsigned i = 0; i < 8; i++)
		value[5 + i] = (uint8_t)(generation >> (56 - 8 * i));
	claim(raw, d, replica, value, sizeof(value));
}

static void claim_place(struct sim_node *raw, const struct sim_doc *d, unsigned replica,
    uint32_t index, uint64_t generation)
{
	claim_as(raw, d, replica, 2, index, generation);
}

static bool has_address(const struct sim *s, const struct sim_doc *d, unsigned replica)
{
	const struct lm_network *net = lm_membership_find(s->node[0]->m, &d->net);

	return net->endpoints[sim_endpoint(s, 0, d, replica)].ipv4.family != 0;
}

static void test_lying_claims(void)
{
	struct sim_doc d;
	struct sim_node *raw;
	struct sim *s = world_of_raw(&d, &raw);

	sim_host(s, 1, 1, true);
	CU_ASSERT(sim_until_app_is_at(s, 0x3, &d, 1, 1) <= 5 * SIM_SECOND);
	sim_run(s, SETTLE);
	unsigned address = sim_address(s, 0, &d, 1);
	const uint32_t own = sim_address(s, 0, &d, 0) - 128; /* the pool is the upper half */
	sim_raw_join(raw, &d);

	/* Of what lives elsewhere, in others' blocks, of what there is not, or no number at all. */
	claim_place(raw, &d, 1, own + 1, 0);
	claim_place(raw, &d, 2, address - 128 + 1, 0);
	claim_place(raw, &d, 3, 4000000000u, 0);
	claim_place(raw, &d, 19, own, 0);
	claim_place(raw, &d, 99, own + 1, 0);
	claim(raw, &d, 4, "\2\0\0", 3);
	claim(raw, &d, 5, "\0", 1);
	claim(raw, &d, 6, "\1", 1);
	claim_as(raw, &d, 7, 3, own + 3, 0);
	sim_run(s, SETTLE);
	CU_ASSERT(sim_app_is_at(s, 0x3, &d, 1, 1));
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 1), address);
	for (unsigned r = 2; r < 20; r++) {
		CU_ASSERT_EQUAL(sim_route(s, 0, &d, r), -1);
		CU_ASSERT_EQUAL(sim_address(s, 0, &d, r), 0);
	}
	/* What a gateway may say of its own blocks is followed; one address is one endpoint's. */
	claim_place(raw, &d, 8, own + 2, 0);
	claim_place(raw, &d, 9, own + 2, 0);
	sim_run(s, SETTLE);
	CU_ASSERT_EQUAL((sim_route(s, 0, &d, 8) == 2) + (sim_route(s, 0, &d, 9) == 2) > 0, true);
	CU_ASSERT_EQUAL(has_address(s, &d, 8) + has_address(s, &d, 9), 1);

	/* A move that nobody knows of: he is asked, now and then. */
	claim_place(raw, &d, 1, address - 128, UINT64_MAX);
	uint64_t before = s->sent;
	unsigned tips = raw->tips;
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT(raw->tips - tips >= 2);
	sim_run(s, 600 * SIM_SECOND);
	CU_ASSERT(raw->tips - tips <= 40);
	CU_ASSERT(s->sent - before < 3000);
	CU_ASSERT(sim_app_is_at(s, 0x3, &d, 1, 1));

	/* The lie makes nobody send to where it lives and is not served any more. */
	sim_host(s, 1, 1, false);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(sim_route(s, 0, &d, 1), -1);
	end(s, &d);
}

/* Two say that they know more than we: neither keeps us from asking the other. */
static void test_greeted_in_turn(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 5);
	struct sim_node *raw[2];
	unsigned tips[2];

	for (unsigned i = 0; i < 2; i++) {
		sim_crash(s, 2 + i);
		raw[i] = sim_raw(s, 2 + i, 0);
	}
	sim_run(s, 40 * SIM_SECOND);
	sim_raw_join(raw[0], &d);
	sim_raw_join(raw[1], &d);
	sim_run(s, SETTLE);
	for (unsigned i = 0; i < 2; i++) {
		tips[i] = raw[i]->tips;
		claim_place(raw[i], &d, 1 + i, 3, UINT64_MAX);
	}
	sim_run(s, 40 * SIM_SECOND);
	CU_ASSERT(raw[0]->tips > tips[0]);
	CU_ASSERT(raw[1]->tips > tips[1]);
	/* Who lies for long is asked rarely, but when he says something else. */
	unsigned before = raw[0]->tips + raw[1]->tips;
	sim_run(s, 3600 * SIM_SECOND);
	CU_ASSERT(raw[0]->tips + raw[1]->tips - before <= 60);
	for (unsigned i = 0; i < 2; i++) {
		tips[i] = raw[i]->tips;
		claim_place(raw[i], &d, 3 + i, 4, 7);
		sim_run(s, 2 * SIM_SECOND);
	}
	sim_run(s, 40 * SIM_SECOND);
	CU_ASSERT(raw[0]->tips > tips[0]);
	CU_ASSERT(raw[1]->tips > tips[1]);
	end(s, &d);
}

static void test_asked(void)
{
	struct sim_doc d;
	struct sim_node *raw;
	struct sim *s = world_of_raw(&d, &raw);
	const uint8_t key[] = {5, 0, 0, 'a', 'p', 'p'};
	uint8_t body[64];

	memcpy(body, d.net.b, 32);
	memcpy(body + 32, key, sizeof(key));
	sim_raw_send(raw, LM_MSG_HOLDER_ASK, body, 32 + sizeof(key));
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(raw->told, 1);
	CU_ASSERT_EQUAL(raw->told_serves, 0);
	sim_host(s, 0, 1, true);
	CU_ASSERT(sim_until_app_is_at(s, 0x3, &d, 1, 0) <= 5 * SIM_SECOND);
	body[34] = 1;
	sim_raw_send(raw, LM_MSG_HOLDER_ASK, body, 32 + sizeof(key));
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(raw->told, 2);
	CU_ASSERT_EQUAL(raw->told_serves, 1);
	/* It is attached there, too, and lives elsewhere. */
	sim_host(s, 1, 2, true);
	CU_ASSERT(sim_until_app_is_at(s, 0x3, &d, 2, 1) <= 5 * SIM_SECOND);
	sim_host(s, 0, 2, true);
	sim_run(s, SIM_SECOND);
	body[34] = 2;
	sim_raw_send(raw, LM_MSG_HOLDER_ASK, body, 32 + sizeof(key));
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(raw->told, 3);
	CU_ASSERT_EQUAL(raw->told_serves, 0);

	/* A network that nobody knows, an answer that nobody asked for, what does not hold
	 * together. */
	body[0] ^= 1;
	sim_raw_send(raw, LM_MSG_HOLDER_ASK, body, 32 + sizeof(key));
	body[0] ^= 1;
	uint8_t answer[64] = {0};
	memcpy(answer, body, 32);
	memcpy(answer + 33, key, sizeof(key));
	sim_raw_send(raw, LM_MSG_HOLDER, answer, 33 + sizeof(key));
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_UNAUTHORISED), 1);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_UNASKED), 1);
	for (size_t cut = 1; cut < 32 + sizeof(key); cut++)
		sim_raw_send(raw, LM_MSG_HOLDER_ASK, body, cut);
	for (size_t cut = 1; cut < 33 + sizeof(key); cut++)
		sim_raw_send(raw, LM_MSG_HOLDER, answer, cut);
	body[32] = 66;
	sim_raw_send(raw, LM_MSG_HOLDER_ASK, body, 33);
	answer[32] = 2;
	sim_raw_send(raw, LM_MSG_HOLDER, answer, 33 + sizeof(key));
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_MALFORMED), 37 + 38 + 2);
	CU_ASSERT_EQUAL(raw->told, 3);
	end(s, &d);
}

/* Guests hear nothing of what gateways decide, nor does anything that they say of it count. */
static void test_guest(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 3);
	struct sim_node *guest = sim_raw(s, 100, 0);
	uint8_t body[LM_MESSAGE_MAX] = {0};
	unsigned sent = 0;

	sim_run(s, SIM_SECOND);
	CU_ASSERT(guest->raw_up);
	memcpy(body, d.net.b, 32);
	body[43] = 9; /* a height, in those that have one */
	for (unsigned type = LM_MSG_CHAIN; type < LM_MSG_CHAIN_END; type++, sent++)
		sim_raw_send(guest, (uint8_t)type, body, 81);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_UNAUTHORISED), sent);
	sim_raw_send(guest, LM_MSG_GENESIS_ASK, body, 32);
	sim_run(s, SIM_SECOND);
	body[32] = 3;
	sim_raw_send(guest, LM_MSG_HOLDER_ASK, body, 36);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(guest->chains, 0);
	CU_ASSERT_EQUAL(guest->told, 0);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_UNAUTHORISED), sent + 2);
	CU_ASSERT_EQUAL(lm_blob_pull(guest->blobs, &s->now, guest->peer, d.hash, d.len, 0), 0);
	sim_run(s, 3 * SIM_SECOND);
	CU_ASSERT_EQUAL(guest->pull_err, -ENOENT);
	end(s, &d);
}

/* Who says that it serves an endpoint keeps it; who says that it does not, loses it at once. */
static void holder_says(bool silent, bool serves, uint64_t least, uint64_t most)
{
	struct sim_doc d;
	struct sim_node *raw;
	struct sim *s = world_of_raw(&d, &raw);

	raw->holder_silent = silent;
	raw->holder_serves = serves;
	sim_host(s, 0, 0, true);
	uint64_t took = sim_until_app_is_at(s, 0x3, &d, 0, 0);
	CU_ASSERT(raw->asked > 0);
	CU_ASSERT(took >= least && took <= most);
	end(s, &d);
}

static void test_holder(void)
{
	holder_says(false, true, UINT64_MAX, UINT64_MAX);
	/* The other member cannot ask it. */
	holder_says(false, false, 9 * SIM_SECOND, 20 * SIM_SECOND);
	holder_says(true, false, 9 * SIM_SECOND, 20 * SIM_SECOND);
}

#define MANY "  - {name: app, deployment: 1, replicas: 100}\n"

static enum lm_holder ask_for(
    struct sim *s, const struct sim_doc *d, unsigned asker, unsigned gateway, unsigned replica)
{
	struct lm_membership *m = s->node[0]->m;
	unsigned endpoint = (unsigned)sim_endpoint(s, 0, d, replica);

	m->now = s->now;
	enum lm_holder answer = lm_holder_of(m, lm_network_find(m, &d->net),
	    &s->node[gateway]->id.pub, endpoint, &s->node[asker]->id.pub);
	sim_tick(s->node[0]);
	return answer;
}

static unsigned dropped(struct sim *s)
{
	return (unsigned)sim_drops(s, 0, LM_MD_LIMIT);
}

/* Who wants everything at once has a part of the questions, and the others have theirs. */
static void test_fair_questions(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc d = sim_sign_members(s, "shop", 1, ALL3, NULL, MANY HOMES);
	unsigned r = 0;

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, SETTLE);
	unsigned before = dropped(s);
	for (; r < 80; r++)
		CU_ASSERT_EQUAL(ask_for(s, &d, 2, 1, r), LM_HOLDER_UNKNOWN);
	CU_ASSERT_EQUAL(dropped(s) - before, 80 - 64);
	CU_ASSERT_EQUAL(ask_for(s, &d, 0, 1, 90), LM_HOLDER_UNKNOWN);
	CU_ASSERT_EQUAL(ask_for(s, &d, 2, 1, 90), LM_HOLDER_UNKNOWN);
	CU_ASSERT_EQUAL(dropped(s) - before, 80 - 64);
	sim_run(s, SIM_SECOND / 2);
	CU_ASSERT_EQUAL(ask_for(s, &d, 0, 1, 90), LM_HOLDER_IDLE);
	CU_ASSERT_EQUAL(ask_for(s, &d, 2, 1, 0), LM_HOLDER_IDLE);
	/* Answers that may still be wanted stay; those that are not wanted give way. */
	CU_ASSERT_EQUAL(ask_for(s, &d, 2, 1, r), LM_HOLDER_UNKNOWN);
	CU_ASSERT_EQUAL(dropped(s) - before, 80 - 64 + 1);
	sim_run(s, SIM_SECOND);
	for (unsigned i = 0; i < 10; i++)
		ask_for(s, &d, 2, 1, r++);
	CU_ASSERT_EQUAL(dropped(s) - before, 80 - 64 + 1);
	CU_ASSERT_EQUAL(ask_for(s, &d, 2, 1, 0), LM_HOLDER_IDLE);
	CU_ASSERT_EQUAL(dropped(s) - before, 80 - 64 + 1);

	/* What is being asked stays until whoever does not answer is taken for dead. */
	sim_crash(s, 1);
	sim_run(s, 60 * SIM_SECOND);
	before = dropped(s);
	for (r = 0; r < 64; r++)
		ask_for(s, &d, 2, 1, r);
	sim_run(s, 9 * SIM_SECOND);
	ask_for(s, &d, 2, 1, r);
	CU_ASSERT_EQUAL(dropped(s) - before, 1);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT_EQUAL(ask_for(s, &d, 2, 1, 5), LM_HOLDER_IDLE);
	ask_for(s, &d, 2, 1, r);
	CU_ASSERT_EQUAL(dropped(s) - before, 1);
	end(s, &d);
}

LM_SUITE("membership_claims", {"lying_claims", test_lying_claims},
    {"greeted_in_turn", test_greeted_in_turn}, {"asked", test_asked}, {"guest", test_guest},
    {"holder", test_holder}, {"fair_questions", test_fair_questions})
