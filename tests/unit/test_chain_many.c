/* SPDX-License-Identifier: Apache-2.0 */
/* Many commands at once: each is asked for once, and what is too long for a message is not slow. */
#include "../chain/world.h"
#include "suite.h"

#define MANY 12

static unsigned sent[LM_MSG_CHAIN_END - LM_MSG_CHAIN];
static bool swallow_consents;

static bool watch(
    struct world *w, unsigned from, unsigned to, uint8_t type, const uint8_t *body, size_t len)
{
	(void)w, (void)from, (void)to, (void)body, (void)len;
	sent[type - LM_MSG_CHAIN]++;
	return swallow_consents && type == LM_MSG_CHAIN_CONSENT;
}

static unsigned count(uint8_t type)
{
	return sent[type - LM_MSG_CHAIN];
}

/* Three members and a reader, which needs consents for everything. */
static struct world *begin(void)
{
	struct world *w = world_new(13, 3, 1);

	world_run(w, SECOND);
	memset(sent, 0, sizeof(sent));
	swallow_consents = false;
	w->tamper = watch;
	return w;
}

static void end(struct world *w)
{
	check_told(w);
	if (w->broken)
		printf("    %s\n", w->first_broken);
	CU_ASSERT_EQUAL(w->broken, 0);
	world_free(w);
}

static void propose_many(struct world *w, unsigned node)
{
	for (uint64_t tag = 1; tag <= MANY; tag++)
		CU_ASSERT_EQUAL(
		    world_propose(w, node, world_command(w, LM_CHAIN_ASSIGN, 0), tag), 0);
}

static unsigned n_applied(struct world *w, unsigned node)
{
	unsigned n = 0;

	for (uint64_t tag = 1; tag <= MANY; tag++)
		n += world_verdict(w, node, tag, LM_CV_APPLIED);
	return n;
}

/*
 * Consents, request, promises and accepts: three round trips and a half, and one for the commands,
 * which fill more than a message. Nobody waits for anything to be repeated.
 */
static void all_at_once(void)
{
	struct world *w = begin();
	uint64_t begun = w->now;

	propose_many(w, 3);
	while (w->n_applied < MANY && w->now - begun < 60 * SECOND)
		world_run(w, MS);
	CU_ASSERT_EQUAL(w->n_applied, MANY);
	CU_ASSERT(w->now - begun <= 10 * w->delay);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_ASK), 3 * MANY);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_REQUEST), MANY);
	end(w);
}

/* Others' decisions are no reason to ask again. */
static void asked_in_their_own_time(void)
{
	struct world *w = begin();

	swallow_consents = true;
	propose_many(w, 3);
	for (unsigned i = 0; i < 3 * (WORLD_BLOCKS / 8); i++) {
		CU_ASSERT_EQUAL(
		    world_propose(w, i % 3, world_command(w, LM_CHAIN_ASSIGN, 0), 100 + i), 0);
		world_run(w, 10 * w->delay);
		CU_ASSERT(world_verdict(w, i % 3, 100 + i, LM_CV_APPLIED));
		if (i == 0)
			world_greet_all(w, 3);
	}
	CU_ASSERT(count(LM_MSG_CHAIN_ASK) >= 3 * MANY);
	CU_ASSERT(count(LM_MSG_CHAIN_ASK) <= 3 * MANY * (1 + (w->now - SECOND) / (150 * MS)));
	end(w);
}

/* Pulled from whoever said it, and then the vote is there without his saying it again. */
static void long_body(void)
{
	struct world *w = begin();
	struct network *net;

	for (uint64_t tag = 1; tag <= MANY; tag++)
		CU_ASSERT_EQUAL(world_propose(w, 0, world_command(w, LM_CHAIN_ASSIGN, 0), tag), 0);
	world_run(w, 20 * w->delay);
	CU_ASSERT_EQUAL(n_applied(w, 0), MANY);
	net = world_net(w, 0);
	CU_ASSERT(net->pieces[net->n_pieces - 1].body_len > LM_MESSAGE_MAX);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_ACCEPT), 2 * net->height);
	for (unsigned i = 0; i < BODIES; i++)
		CU_ASSERT_PTR_NULL(world_net(w, 1)->bodies[i].parked);
	end(w);
}

LM_SUITE("chain_many", {"all_at_once", all_at_once},
    {"asked_in_their_own_time", asked_in_their_own_time}, {"long_body", long_body})
