/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a chain: decisions, members that come and go, being behind, a new start. */
#include "../chain/world.h"
#include "suite.h"

static struct world *begin(unsigned members, unsigned others)
{
	struct world *w = world_new(11, members, others);

	world_run(w, SECOND);
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

static void isolate(struct world *w, unsigned node, bool cut)
{
	for (unsigned i = 0; i < w->n; i++) {
		world_cut(w, i, node, cut);
		world_cut(w, node, i, cut);
	}
}

/* Proposes, and runs until it has ended: the verdict. */
static enum lm_chain_verdict decide(struct world *w, unsigned node, struct lm_chain_command c)
{
	static uint64_t tag;

	tag++;
	CU_ASSERT_EQUAL(world_propose(w, node, c, tag), 0);
	for (unsigned i = 0; i < 3000 && !world_told(w, node, tag)->ended; i++)
		world_run(w, 50 * MS);
	CU_ASSERT_TRUE(world_told(w, node, tag)->ended);
	return world_told(w, node, tag)->verdict;
}

static enum lm_chain_verdict assign(struct world *w, unsigned node)
{
	return decide(w, node, world_command(w, LM_CHAIN_ASSIGN, 0));
}

static struct lm_chain_info info_of(struct world *w, unsigned node)
{
	struct lm_chain_info info = {0};

	CU_ASSERT_EQUAL(lm_chain_info(w->node[node].chain, &w->net, &info), 0);
	return info;
}

static int owner(struct world *w, unsigned node, uint32_t block)
{
	struct lm_chain_block b;

	CU_ASSERT_EQUAL(lm_chain_block(w->node[node].chain, &w->net, block, &b), 0);
	return b.owner ? world_index(w, b.owner) : b.until ? -2 : -1;
}

static void all_alike(struct world *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		CU_ASSERT_EQUAL(world_height(w, i), w->height);
		CU_ASSERT_EQUAL(memcmp(info_of(w, i).hash, info_of(w, 0).hash, HASH_LEN), 0);
	}
}

/* ---- decisions ---- */

static void all_learn_it(void)
{
	for (unsigned members = 1; members <= LM_CHAIN_MEMBERS_MAX; members++) {
		struct world *w = begin(members, 0);
		for (unsigned i = 0; i < members; i++)
			CU_ASSERT_EQUAL(assign(w, i), LM_CV_APPLIED);
		world_run(w, 5 * SECOND);
		all_alike(w);
		for (unsigned i = 0; i < members; i++)
			for (unsigned k = 0; k < members; k++)
				CU_ASSERT_EQUAL(owner(w, k, i), (int)i);
		end(w);
	}
}

static int note_block(void *ctx, uint32_t block, const struct lm_chain_block *b)
{
	unsigned *seen = ctx;

	CU_ASSERT_TRUE(b->owner || b->until);
	*seen |= 1u << block;
	return block == 2;
}

/* What is free is left out, and whoever has seen enough ends it. */
static void blocks_that_are_not_free(void)
{
	struct world *w = begin(3, 0);
	unsigned seen = 0;

	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(assign(w, i == 3), LM_CV_APPLIED);
	CU_ASSERT_EQUAL(decide(w, 0, world_command(w, LM_CHAIN_RELEASE, 1)), LM_CV_APPLIED);
	world_run(w, (QUARANTINE + 4 * SKEW) * SECOND);
	CU_ASSERT_EQUAL(decide(w, 0, world_command(w, LM_CHAIN_FREE, 1)), LM_CV_APPLIED);
	CU_ASSERT_EQUAL(lm_chain_each_block(w->node[0].chain, &w->net, note_block, &seen), 1);
	CU_ASSERT_EQUAL(seen, 1u << 0 | 1u << 2);
	CU_ASSERT_EQUAL(lm_chain_owned(w->node[0].chain, &w->net, &w->node[0].id.pub), 2);
	CU_ASSERT_EQUAL(lm_chain_owned(w->node[0].chain, &w->net, &w->node[1].id.pub), 1);
	CU_ASSERT_EQUAL(lm_chain_owned(w->node[0].chain, &w->net, &w->node[2].id.pub), 0);
	CU_ASSERT_EQUAL(info_of(w, 0).n_blocks, WORLD_BLOCKS);
	CU_ASSERT_EQUAL(info_of(w, 0).block_size, WORLD_BLOCK_SIZE);
	end(w);
}

/* The last proposer needs one round trip. */
static void one_round_trip(void)
{
	struct world *w = begin(5, 0);

	assign(w, 0);
	world_settle(w, 60 * SECOND);
	uint64_t before = w->now, fast = lm_chain_stats(w->node[0].chain)->fast;
	world_propose(w, 0, world_command(w, LM_CHAIN_ASSIGN, 0), 77);
	while (!world_told(w, 0, 77)->ended)
		world_run(w, MS);
	CU_ASSERT(w->now - before <= 2 * w->delay);
	CU_ASSERT_EQUAL(lm_chain_stats(w->node[0].chain)->fast, fast + 1);
	end(w);
}

static void batches(void)
{
	struct world *w = begin(3, 0);

	for (unsigned i = 0; i < 12; i++)
		world_propose(w, i % 3, world_command(w, LM_CHAIN_ASSIGN, 0), 100 + i);
	world_run(w, 10 * SECOND);
	for (unsigned i = 0; i < 12; i++)
		CU_ASSERT_TRUE(world_verdict(w, i % 3, 100 + i, LM_CV_APPLIED));
	CU_ASSERT(w->height <= 6);
	all_alike(w);
	end(w);
}

/* A block that no datagram holds: its commands come as a blob, through loss. */
static void large_blocks(void)
{
	struct world *w = begin(3, 0);

	w->loss = 200;
	isolate(w, 0, true);
	for (unsigned i = 0; i < LM_CHAIN_COMMANDS_MAX; i++)
		world_propose(w, 0, world_command(w, LM_CHAIN_ASSIGN, 0), 100 + i);
	isolate(w, 0, false);
	world_run(w, 30 * SECOND);
	CU_ASSERT_EQUAL(w->n_applied, LM_CHAIN_COMMANDS_MAX);
	w->loss = 0;
	world_run(w, 30 * SECOND);
	all_alike(w);
	CU_ASSERT(world_drops(w, 1, LM_CD_NO_BODY) + world_drops(w, 2, LM_CD_NO_BODY) > 0);
	end(w);
}

static void silent_when_idle(void)
{
	struct world *w = begin(5, 2);
	uint64_t sent = 0;

	assign(w, 1);
	CU_ASSERT_TRUE(world_settle(w, 60 * SECOND));
	for (unsigned i = 0; i < w->n; i++)
		sent += w->node[i].sent;
	world_run(w, 24 * 3600 * SECOND);
	for (unsigned i = 0; i < w->n; i++)
		sent -= w->node[i].sent;
	CU_ASSERT_EQUAL(sent, 0);
	end(w);
}

/* Idle networks have no timers, so a gateway in many of them has none. */
static void many_networks(void)
{
	static const struct lm_chain_ops ops;
	struct lm_chain_genesis genesis = {.n_members = 3, .n_blocks = 1024, .block_size = 64};
	struct lm_now now = {.mono = SECOND};
	struct lm_identity self;
	struct lm_chain *c;
	struct lm_net_id net;

	lm_identity_from_seed(&self, (const uint8_t[32]){1});
	genesis.members[0] = self.pub;
	genesis.members[1].b[0] = 1;
	genesis.members[2].b[0] = 2;
	CU_ASSERT_EQUAL(lm_chain_create(&c, &self, 10000, &ops, NULL), 0);
	for (unsigned i = 0; i <= 10000; i++) {
		memset(&net, 0, sizeof(net));
		memcpy(net.b, &i, sizeof(i));
		CU_ASSERT_EQUAL(lm_chain_add(c, &net, &genesis, true), i < 10000 ? 0 : -ENOSPC);
	}
	CU_ASSERT_EQUAL(lm_chain_tick(c, &now), UINT64_MAX);
	lm_chain_free(c);
}

static void duels_end(void)
{
	struct world *w = begin(7, 0);

	for (unsigned i = 0; i < w->n; i++)
		world_propose(w, i, world_command(w, LM_CHAIN_ASSIGN, 0), 200 + i);
	world_run(w, 10 * SECOND);
	for (unsigned i = 0; i < w->n; i++)
		CU_ASSERT_TRUE(world_verdict(w, i, 200 + i, LM_CV_APPLIED));
	all_alike(w);
	end(w);
}

static void minority_decides_nothing(void)
{
	struct world *w = begin(5, 0);

	for (unsigned i = 0; i < 3; i++)
		world_crash(w, i);
	world_propose(w, 3, world_command(w, LM_CHAIN_ASSIGN, 0), 300);
	world_run(w, 120 * SECOND);
	CU_ASSERT_EQUAL(w->height, 0);
	world_start(w, 0);
	world_run(w, 20 * SECOND);
	CU_ASSERT_TRUE(world_verdict(w, 3, 300, LM_CV_APPLIED));
	end(w);
}

/* ---- who may what ---- */

/* Whoever is no member reads, and lets a member propose. */
static void reader_asks_a_member(void)
{
	struct world *w = begin(3, 1);

	CU_ASSERT_FALSE(info_of(w, 3).member);
	CU_ASSERT_EQUAL(assign(w, 3), LM_CV_APPLIED);
	CU_ASSERT_EQUAL(owner(w, 3, 0), 3);
	end(w);
}

static void consent_is_needed(void)
{
	struct world *w = begin(3, 1);
	struct lm_chain_command add = world_command(w, LM_CHAIN_ADD, 3);

	/* Nobody but the author knows a manifest that authorises it. */
	world_manifest(w, 0x7);
	world_manifest(w, 0xf);
	for (unsigned i = 0; i < 3; i++)
		world_tell(w, i, 2);
	world_tell(w, 0, 3);
	CU_ASSERT_EQUAL(decide(w, 0, add), LM_CV_CONSENT);
	world_tell(w, 1, 3);
	CU_ASSERT_EQUAL(decide(w, 0, add), LM_CV_APPLIED);
	CU_ASSERT_EQUAL(info_of(w, 0).n_members, 4);
	/* What was consented under an older manifest is void. */
	add.serial = 2;
	CU_ASSERT_EQUAL(decide(w, 2, add), LM_CV_STALE);
	end(w);
}

/* A member takes some address blocks alone; more than that, the others must agree to. */
static void greed_needs_consent(void)
{
	struct world *w = begin(3, 0);

	CU_ASSERT_EQUAL(assign(w, 1), LM_CV_APPLIED); /* by a serial that the chain knows then */
	world_manifest(w, 0x6); /* 0 is authorised no more, and does not know it */
	world_tell(w, 1, 2);
	world_tell(w, 2, 2);
	for (unsigned i = 0; i < WORLD_BLOCKS / 8; i++)
		CU_ASSERT_EQUAL(assign(w, 0), LM_CV_APPLIED);
	CU_ASSERT_EQUAL(assign(w, 0), LM_CV_CONSENT);
	end(w);
}

/* No member makes all others' commands void by a serial that nobody else knows. */
static void alone_teaches_no_serial(void)
{
	struct world *w = begin(3, 0);
	struct lm_chain_command c = world_command(w, LM_CHAIN_ASSIGN, 0);

	CU_ASSERT_EQUAL(assign(w, 0), LM_CV_APPLIED);
	c.serial = UINT64_MAX;
	CU_ASSERT_EQUAL(decide(w, 0, c), LM_CV_CONSENT);
	c = world_command(w, LM_CHAIN_RELEASE, 0);
	c.serial = UINT64_MAX;
	CU_ASSERT_EQUAL(decide(w, 0, c), LM_CV_CONSENT);
	CU_ASSERT_EQUAL(info_of(w, 1).serial, 1);
	CU_ASSERT_EQUAL(assign(w, 1), LM_CV_APPLIED);
	end(w);
}

/* How long an address block is nobody's, the others must agree to. */
static void quarantine_without_end(void)
{
	struct world *w = begin(3, 0);
	struct lm_chain_command c = world_command(w, LM_CHAIN_RELEASE, 0);

	CU_ASSERT_EQUAL(assign(w, 0), LM_CV_APPLIED);
	c.until = UINT64_MAX;
	CU_ASSERT_EQUAL(decide(w, 0, c), LM_CV_CONSENT);
	c.until = 1;
	CU_ASSERT_EQUAL(decide(w, 0, c), LM_CV_CONSENT);
	CU_ASSERT_EQUAL(owner(w, 1, 0), 0);
	end(w);
}

static void members_of_the_block_before(void)
{
	struct world *w = begin(3, 1);

	CU_ASSERT_EQUAL(decide(w, 0, world_command(w, LM_CHAIN_ADD, 3)), LM_CV_APPLIED);
	world_run(w, 5 * SECOND);
	CU_ASSERT_TRUE(info_of(w, 3).member);
	/* Two of the three of before are not enough among four. */
	world_crash(w, 2);
	world_crash(w, 3);
	world_propose(w, 0, world_command(w, LM_CHAIN_ASSIGN, 0), 400);
	world_run(w, 60 * SECOND);
	CU_ASSERT_EQUAL(w->height, 1);
	world_start(w, 3);
	world_run(w, 20 * SECOND);
	CU_ASSERT_TRUE(world_verdict(w, 0, 400, LM_CV_APPLIED));
	end(w);
}

/* It was removed and has not heard of it. */
static void stale_proposer(void)
{
	struct world *w = begin(5, 0);

	assign(w, 0); /* so the first ballot of the next height is its */
	world_run(w, 5 * SECOND);
	isolate(w, 0, true);
	world_manifest(w, 0x1e);
	for (unsigned i = 1; i < 5; i++)
		world_tell(w, i, 2);
	CU_ASSERT_EQUAL(decide(w, 1, world_command(w, LM_CHAIN_REMOVE, 0)), LM_CV_APPLIED);
	CU_ASSERT_EQUAL(owner(w, 1, 0), -2);
	world_propose(w, 0, world_command(w, LM_CHAIN_ASSIGN, 0), 500);
	isolate(w, 0, false);
	world_run(w, 10 * SECOND);
	CU_ASSERT_FALSE(info_of(w, 0).member);
	CU_ASSERT_EQUAL(world_height(w, 0), 2);
	world_run(w, 200 * SECOND);
	CU_ASSERT_FALSE(world_verdict(w, 0, 500, LM_CV_APPLIED));
	CU_ASSERT_EQUAL(w->height, 2);
	end(w);
}

/* ---- addresses and endpoints ---- */

static void quarantine(void)
{
	struct world *w = begin(5, 0);

	assign(w, 0);
	CU_ASSERT_EQUAL(decide(w, 0, world_command(w, LM_CHAIN_RELEASE, 0)), LM_CV_APPLIED);
	CU_ASSERT_EQUAL(owner(w, 0, 0), -2);
	CU_ASSERT_EQUAL(decide(w, 1, world_command(w, LM_CHAIN_RELEASE, 0)), LM_CV_NOT_OWNER);
	assign(w, 1);
	CU_ASSERT_EQUAL(owner(w, 1, 1), 1);
	world_propose(w, 2, world_command(w, LM_CHAIN_FREE, 0), 600);
	world_run(w, QUARANTINE / 2 * SECOND);
	CU_ASSERT_FALSE(world_told(w, 2, 600)->ended);
	world_run(w, QUARANTINE * SECOND);
	CU_ASSERT_TRUE(world_verdict(w, 2, 600, LM_CV_APPLIED));
	assign(w, 3);
	CU_ASSERT_EQUAL(owner(w, 3, 0), 3);
	end(w);
}

static struct lm_chain_command move(struct world *w, unsigned key, unsigned to, uint64_t gen)
{
	struct lm_chain_command c = world_command(w, LM_CHAIN_MOVE, key);

	w->manifests[w->serial - 1].place[key] = (uint8_t)to;
	c.gateway = w->node[to].id.pub;
	c.generation = gen;
	return c;
}

static void moves(void)
{
	struct world *w = begin(3, 1);
	struct lm_chain_endpoint e;
	uint8_t key[LM_CHAIN_KEY_MAX];
	size_t len = world_key(2, key);

	CU_ASSERT_EQUAL(decide(w, 1, move(w, 2, 1, 1)), LM_CV_APPLIED);
	CU_ASSERT_EQUAL(decide(w, 3, move(w, 2, 3, 2)), LM_CV_APPLIED);
	CU_ASSERT_EQUAL(decide(w, 1, move(w, 2, 1, 2)), LM_CV_GENERATION);
	CU_ASSERT_EQUAL(lm_chain_endpoint(w->node[3].chain, &w->net, key, len, &e), 0);
	CU_ASSERT_EQUAL(world_index(w, e.gateway), 3);
	CU_ASSERT_EQUAL(e.address, 2);
	/* Another endpoint must not get its address. */
	struct lm_chain_command other = move(w, 3, 1, 1);
	other.address = 2;
	CU_ASSERT_EQUAL(decide(w, 1, other), LM_CV_ADDRESS);
	other.address = WORLD_BLOCKS * WORLD_BLOCK_SIZE;
	CU_ASSERT_EQUAL(decide(w, 1, other), LM_CV_ADDRESS);
	CU_ASSERT_EQUAL(decide(w, 0, world_command(w, LM_CHAIN_FORGET, 2)), LM_CV_APPLIED);
	other.address = 2;
	CU_ASSERT_EQUAL(decide(w, 1, other), LM_CV_APPLIED);
	end(w);
}

/* The same command, brought to each member, twice. */
static bool double_requests(
    struct world *w, unsigned from, unsigned to, uint8_t type, const uint8_t *body, size_t len)
{
	(void)to;
	if (type != LM_MSG_CHAIN_REQUEST)
		return false;
	for (unsigned i = 0; i < 6; i++)
		world_send(w, from, i % 3, type, body, len);
	return true;
}

static void applied_once(void)
{
	struct world *w = begin(3, 1);

	w->tamper = double_requests;
	CU_ASSERT_EQUAL(assign(w, 3), LM_CV_APPLIED);
	world_run(w, 20 * SECOND);
	CU_ASSERT_EQUAL(w->n_applied, 1);
	CU_ASSERT_EQUAL(info_of(w, 0).n_owned, 1);
	end(w);
}

/* ---- being behind ---- */

static void catch_up(unsigned blocks)
{
	struct world *w = begin(3, 1);

	world_crash(w, 2);
	isolate(w, 3, true);
	for (unsigned i = 0; i < blocks; i++) {
		world_manifest(w, 0xf);
		for (unsigned k = 0; k < w->n; k++)
			world_tell(w, k, w->serial);
		CU_ASSERT_EQUAL(
		    decide(w, i % 2, world_command(w, LM_CHAIN_SERIAL, 0)), LM_CV_APPLIED);
	}
	CU_ASSERT_EQUAL(w->height, blocks);
	world_run(w, 40 * SECOND);
	world_start(w, 2);
	isolate(w, 3, false);
	world_run(w, 20 * SECOND);
	all_alike(w);
	CU_ASSERT_EQUAL(world_net(w, 2)->n_pieces, w->height);
	/* And from its own disk, the same. */
	world_crash(w, 2);
	world_start(w, 2);
	CU_ASSERT_EQUAL(world_height(w, 2), w->height);
	CU_ASSERT_EQUAL(world_net(w, 2)->n_pieces, w->height);
	CU_ASSERT_EQUAL(assign(w, 2), LM_CV_APPLIED);
	end(w);
}

/* For so short a time that no session went down, so nobody greets. */
static void missed_block_is_told_again(void)
{
	struct world *w = begin(3, 0);

	isolate(w, 2, true);
	CU_ASSERT_EQUAL(assign(w, 0), LM_CV_APPLIED);
	world_run(w, 10 * SECOND);
	CU_ASSERT_EQUAL(world_height(w, 2), 0);
	isolate(w, 2, false);
	world_run(w, 15 * SECOND);
	CU_ASSERT_EQUAL(world_height(w, 2), 1);
	end(w);
}

static void catch_up_by_blocks(void)
{
	catch_up(10);
}

static void catch_up_by_state(void)
{
	catch_up(60);
}

/* Whatever is handed over for the state: only the one that the last header names is taken. */
static void wrong_state(void)
{
	struct world *w = begin(3, 0);
	struct node *n = &w->node[2];
	struct lm_now now;
	uint8_t bytes[8192];

	world_crash(w, 2);
	for (unsigned i = 0; i < 24; i++)
		CU_ASSERT_EQUAL(assign(w, i % 2), LM_CV_APPLIED);
	world_start(w, 2);
	const struct network *net = world_net(w, 2);
	while (net->ahead.n < 24 && w->now < 3600 * SECOND)
		world_run(w, MS / 4);
	isolate(w, 2, true);
	struct lm_writer out = lm_writer(bytes, sizeof(bytes));
	lm_chain_state_write(&out, &net->state); /* a state of these members, but not that one */
	now = world_now(n);
	lm_chain_pulled(n->chain, &now, &w->net, net->ahead.last.state, bytes, lm_writer_len(&out));
	CU_ASSERT_EQUAL(world_height(w, 2), 0);
	CU_ASSERT_TRUE(info_of(w, 2).behind);
	isolate(w, 2, false);
	world_run(w, 20 * SECOND);
	all_alike(w);
	end(w);
}

/* A gateway that lost its store reads on, but votes no more. */
static void lost_store(void)
{
	struct world *w = begin(3, 0);
	struct node *n = &w->node[2];

	assign(w, 0);
	world_run(w, 5 * SECOND);
	world_crash(w, 2);
	world_lose_disk(w, 2);
	n->mute = true;
	world_start(w, 2);
	world_run(w, 5 * SECOND);
	CU_ASSERT_EQUAL(world_height(w, 2), 1);
	CU_ASSERT_FALSE(info_of(w, 2).votes);
	/* Nor after a restart, when it has a store again. */
	world_crash(w, 2);
	n->mute = false;
	world_start(w, 2);
	CU_ASSERT_FALSE(info_of(w, 2).votes);
	world_crash(w, 1);
	world_propose(w, 0, world_command(w, LM_CHAIN_ASSIGN, 0), 700);
	world_run(w, 60 * SECOND);
	CU_ASSERT_EQUAL(w->height, 1);
	world_start(w, 1);
	world_run(w, 20 * SECOND);
	CU_ASSERT_TRUE(world_verdict(w, 0, 700, LM_CV_APPLIED));
	CU_ASSERT_EQUAL(world_height(w, 2), 2);
	end(w);
}

/* ---- being current ---- */

static void current_by_a_majority(void)
{
	struct world *w = begin(3, 1);

	for (unsigned i = 0; i < w->n; i++)
		CU_ASSERT(info_of(w, i).current > 0);
	world_crash(w, 0);
	isolate(w, 0, true);
	world_start(w, 0);
	world_run(w, 5 * SECOND);
	CU_ASSERT_EQUAL(info_of(w, 0).current, 0);
	/* A reader's word is none. */
	world_cut(w, 0, 3, false);
	world_cut(w, 3, 0, false);
	world_greet_all(w, 0);
	world_run(w, SECOND);
	CU_ASSERT_EQUAL(info_of(w, 0).current, 0);
	world_cut(w, 0, 1, false);
	world_cut(w, 1, 0, false);
	uint64_t before = w->now;
	world_greet_all(w, 0);
	world_run(w, SECOND);
	CU_ASSERT(info_of(w, 0).current > before);
	CU_ASSERT(info_of(w, 0).current <= w->now);
	end(w);
}

/* It was decided, but the only one who knew has crashed. */
static void accepted_is_not_unknown(void)
{
	struct world *w = begin(3, 0);

	world_crash(w, 2);
	assign(w, 0);
	world_settle(w, 60 * SECOND);
	world_cut(w, 1, 0, true);
	world_propose(w, 0, world_command(w, LM_CHAIN_ASSIGN, 0), 800);
	world_run(w, 4 * w->delay);
	CU_ASSERT(world_net(w, 1)->vote.accepted > 0);
	world_crash(w, 0);
	world_start(w, 2);
	world_run(w, 20 * w->delay);
	CU_ASSERT_EQUAL(world_height(w, 2), 1);
	CU_ASSERT_EQUAL(world_height(w, 1), 1);
	CU_ASSERT_EQUAL(info_of(w, 2).current, 0);
	world_run(w, 20 * SECOND);
	CU_ASSERT_EQUAL(world_height(w, 2), 2);
	world_greet_all(w, 2);
	world_run(w, SECOND);
	CU_ASSERT(info_of(w, 2).current > 0);
	end(w);
}

/* Who has lost its store cannot know what it has accepted. */
static void mute_is_not_sure(void)
{
	struct world *w = begin(3, 0);

	assign(w, 0);
	world_crash(w, 2);
	world_lose_disk(w, 2);
	w->node[2].mute = true;
	world_crash(w, 1);
	world_crash(w, 0);
	world_start(w, 2);
	world_start(w, 0);
	world_run(w, 5 * SECOND);
	CU_ASSERT_TRUE(info_of(w, 2).mute);
	CU_ASSERT_FALSE(info_of(w, 0).mute);
	CU_ASSERT_EQUAL(info_of(w, 0).current, 0);
	CU_ASSERT_EQUAL(info_of(w, 2).current, 0);
	world_start(w, 1);
	world_run(w, 5 * SECOND);
	CU_ASSERT(info_of(w, 0).current > 0);
	CU_ASSERT(info_of(w, 2).current > 0);
	end(w);
}

/* ---- recovery ---- */

/* What the owner is asked to sign is what it signs. */
static void recovery_to_sign(void)
{
	struct world *w = begin(3, 0);
	struct lm_public_key keys[2] = {w->node[2].id.pub, w->node[0].id.pub};
	uint8_t bytes[LM_CHAIN_RECOVERY_MAX], again[LM_CHAIN_RECOVERY_MAX];
	struct lm_chain_recovery r, read;

	assign(w, 1);
	CU_ASSERT_EQUAL(lm_chain_recovery_from(w->node[1].chain, &w->net, keys, 2, &r), 0);
	size_t len = lm_chain_recovery_write(&r, bytes);
	CU_ASSERT_EQUAL(lm_chain_recovery_read(&read, bytes, len), 0);
	CU_ASSERT_EQUAL(lm_chain_recovery_write(&read, again), len);
	CU_ASSERT_EQUAL(memcmp(bytes, again, len), 0);
	CU_ASSERT_EQUAL(read.n_members, 2);
	CU_ASSERT_EQUAL(read.height, 2);
	CU_ASSERT_EQUAL(lm_chain_recovery_sign(&read, &w->owner, again), (int)len + 64);
	CU_ASSERT_EQUAL(memcmp(bytes, again, len), 0);
	for (size_t cut = 0; cut < len; cut++)
		CU_ASSERT_EQUAL(lm_chain_recovery_read(&read, bytes, cut), -EBADMSG);
	CU_ASSERT_EQUAL(lm_chain_recovery_read(&read, again, len + 64), -EBADMSG);
	end(w);
}

static size_t sign_recovery(struct world *w, unsigned node, const unsigned *nodes, unsigned n,
    uint8_t out[LM_CHAIN_RECOVERY_MAX])
{
	struct lm_public_key keys[LM_CHAIN_MEMBERS_MAX];
	struct lm_chain_recovery r;

	for (unsigned i = 0; i < n; i++)
		keys[i] = w->node[nodes[i]].id.pub;
	CU_ASSERT_EQUAL(lm_chain_recovery_from(w->node[node].chain, &w->net, keys, n, &r), 0);
	return (size_t)lm_chain_recovery_sign(&r, &w->owner, out);
}

static int recover(struct world *w, unsigned node, const uint8_t *bytes, size_t len)
{
	struct lm_now now = world_now(&w->node[node]);
	int err = lm_chain_recover(w->node[node].chain, &now, &w->net, bytes, len);

	world_run(w, MS);
	return err;
}

/* The world's reckoning goes on from there. */
static void new_era(struct world *w, unsigned node)
{
	const struct network *net = world_net(w, node);

	w->era = net->where.era;
	w->start = w->height = net->height;
	w->truth[w->height] = (struct truth){.known = true, .members = net->state.members};
	memcpy(w->truth[w->height].hash, net->hash, HASH_LEN);
	memcpy(w->truth[w->height].state, net->state_hash, HASH_LEN);
}

static void owner_recovers(void)
{
	struct world *w = begin(5, 1);
	uint8_t bytes[LM_CHAIN_RECOVERY_MAX];

	for (unsigned i = 0; i < 5; i++)
		assign(w, i);
	world_run(w, 5 * SECOND);
	isolate(w, 0, true); /* it comes back one day */
	world_crash(w, 1);
	world_crash(w, 2);
	size_t len = sign_recovery(w, 3, (unsigned[]){3, 4, 5}, 3, bytes);
	bytes[50] ^= 1;
	CU_ASSERT_EQUAL(recover(w, 3, bytes, len), -EBADMSG);
	bytes[50] ^= 1;
	CU_ASSERT_EQUAL(recover(w, 3, bytes, len - 1), -EBADMSG);
	w->era = 1;
	CU_ASSERT_EQUAL(recover(w, 3, bytes, len), 0);
	CU_ASSERT_EQUAL(recover(w, 3, bytes, len), -ESTALE);
	new_era(w, 3);
	world_greet_all(w, 3);
	world_run(w, 10 * SECOND);
	CU_ASSERT_EQUAL(info_of(w, 4).era, 1);
	CU_ASSERT_EQUAL(info_of(w, 5).era, 1);
	CU_ASSERT_EQUAL(assign(w, 4), LM_CV_APPLIED);
	CU_ASSERT_EQUAL(assign(w, 5), LM_CV_APPLIED);
	/* The old member follows, and nobody follows it. */
	isolate(w, 0, false);
	world_run(w, 60 * SECOND);
	world_greet_all(w, 0);
	world_run(w, 10 * SECOND);
	CU_ASSERT_EQUAL(info_of(w, 0).era, 1);
	CU_ASSERT_EQUAL(world_height(w, 0), w->height);
	CU_ASSERT_FALSE(info_of(w, 0).member);
	CU_ASSERT_EQUAL(owner(w, 0, 0), 0);
	/* It is there after a restart. */
	world_crash(w, 0);
	world_start(w, 0);
	CU_ASSERT_EQUAL(info_of(w, 0).era, 1);
	CU_ASSERT_EQUAL(world_height(w, 0), w->height);
	end(w);
}

LM_SUITE("chain", {"all_learn_it", all_learn_it},
    {"blocks_that_are_not_free", blocks_that_are_not_free}, {"one_round_trip", one_round_trip},
    {"batches", batches}, {"large_blocks", large_blocks}, {"silent_when_idle", silent_when_idle},
    {"many_networks", many_networks}, {"duels_end", duels_end},
    {"minority_decides_nothing", minority_decides_nothing},
    {"reader_asks_a_member", reader_asks_a_member}, {"consent_is_needed", consent_is_needed},
    {"greed_needs_consent", greed_needs_consent},
    {"alone_teaches_no_serial", alone_teaches_no_serial},
    {"quarantine_without_end", quarantine_without_end},
    {"members_of_the_block_before", members_of_the_block_before},
    {"stale_proposer", stale_proposer}, {"quarantine", quarantine}, {"moves", moves},
    {"applied_once", applied_once}, {"missed_block_is_told_again", missed_block_is_told_again},
    {"catch_up_by_blocks", catch_up_by_blocks}, {"catch_up_by_state", catch_up_by_state},
    {"wrong_state", wrong_state}, {"lost_store", lost_store},
    {"current_by_a_majority", current_by_a_majority},
    {"accepted_is_not_unknown", accepted_is_not_unknown}, {"mute_is_not_sure", mute_is_not_sure},
    {"recovery_to_sign", recovery_to_sign}, {"owner_recovers", owner_recovers})
