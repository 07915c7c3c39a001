/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One test for each classic mistake of a Paxos implementation, and for what liars try. Which of
 * them goes red when the mistake is put into the code: tests/chain/README.md.
 */
#include "../chain/world.h"
#include "suite.h"

/* ---- what crosses the network ---- */

static struct {
	unsigned n[LM_MSG_CHAIN_END - LM_MSG_CHAIN];
	uint8_t swallow; /* a type that is not delivered */
	struct used {
		unsigned node;
		uint64_t height, ballot;
		uint8_t hash[HASH_LEN];
	} used[4096]; /* in ACCEPT */
	unsigned n_used, reused;
} seen;

static void note_accept(unsigned from, const uint8_t *body, size_t len)
{
	struct lm_reader r = lm_reader(body, len);
	struct lm_net_id net;
	struct header h;

	lm_read(&r, net.b, sizeof(net.b));
	lm_read_u32(&r);
	struct used u = {.node = from, .height = lm_read_u64(&r)};
	u.ballot = lm_read_u64(&r);
	lm_read_ref(&r, LM_SIGNATURE_LEN);
	for (unsigned mask = lm_read_u8(&r); mask; mask &= mask - 1)
		lm_read_ref(&r, (lm_read_u64(&r) ? HASH_LEN : 0) + LM_SIGNATURE_LEN);
	if (!lm_chain_header_read(&r, &net, &h))
		return;
	lm_chain_header_hash(u.hash, &h);
	for (unsigned i = 0; i < seen.n_used; i++)
		seen.reused += seen.used[i].node == from && seen.used[i].height == u.height &&
			       seen.used[i].ballot == u.ballot &&
			       memcmp(seen.used[i].hash, u.hash, HASH_LEN) != 0;
	if (seen.n_used < sizeof(seen.used) / sizeof(seen.used[0]))
		seen.used[seen.n_used++] = u;
}

static bool watch(
    struct world *w, unsigned from, unsigned to, uint8_t type, const uint8_t *body, size_t len)
{
	(void)w;
	(void)to;
	seen.n[type - LM_MSG_CHAIN]++;
	if (type == LM_MSG_CHAIN_ACCEPT)
		note_accept(from, body, len);
	return seen.swallow && type == seen.swallow;
}

static unsigned count(uint8_t type)
{
	return seen.n[type - LM_MSG_CHAIN];
}

static struct world *begin(unsigned members)
{
	struct world *w = world_new(7, members, 1);

	memset(&seen, 0, sizeof(seen));
	w->tamper = watch;
	world_run(w, SECOND);
	return w;
}

static void end(struct world *w)
{
	if (w->broken)
		printf("    %s\n", w->first_broken);
	CU_ASSERT_EQUAL(w->broken, 0);
	CU_ASSERT_EQUAL(seen.reused, 0);
	world_free(w);
}

static void isolate(struct world *w, unsigned node, bool cut)
{
	for (unsigned i = 0; i < w->n; i++) {
		world_cut(w, i, node, cut);
		world_cut(w, node, i, cut);
	}
}

static int propose(struct world *w, unsigned node, uint64_t tag)
{
	return world_propose(w, node, world_command(w, LM_CHAIN_ASSIGN, 0), tag);
}

static bool applied(struct world *w, unsigned node, uint64_t tag)
{
	return world_verdict(w, node, tag, LM_CV_APPLIED);
}

/* Members are sorted by key: which node is which member? */
static unsigned node_of(struct world *w, unsigned member)
{
	return (unsigned)world_index(w, &world_net(w, 0)->state.members.key[member]);
}

/* ---- made by hand ---- */

/* A block of one command, as this member could propose it after the tip. To be freed. */
static struct value make_block(struct world *w, unsigned author, enum lm_chain_kind kind)
{
	const struct network *net = world_net(w, author);
	uint8_t body[LM_CHAIN_BODY_MAX];
	struct lm_writer out = lm_writer(body, sizeof(body));
	struct command c = {.c = world_command(w, kind, w->n - 1)};
	struct value v = {.header = {.where = net->where,
			      .height = net->height + 1,
			      .maker = w->node[author].id.pub}},
		     copy;
	struct state next;

	c.c.author = w->node[author].id.pub;
	c.c.number = 1000 + author;
	c.c.serial = 1;
	lm_chain_command_sign(&c, &w->node[author].id, &net->where);
	lm_write_u8(&out, 1);
	lm_chain_command_write(&out, &c);
	v.header.body_len = (uint32_t)lm_writer_len(&out);
	lm_chain_hash(v.header.body, body, v.header.body_len);
	memcpy(v.header.prev, net->hash, HASH_LEN);
	lm_chain_state_copy(&next, &net->state);
	lm_chain_apply(&next, &c.c, NULL);
	lm_chain_members_hash(v.header.members, &next.members);
	lm_chain_state_hash(v.header.state, &next);
	lm_chain_state_free(&next);
	lm_chain_header_hash(v.hash, &v.header);
	v.body = body;
	lm_chain_value_copy(&copy, &v);
	return copy;
}

static struct value make_value(struct world *w, unsigned author)
{
	return make_block(w, author, LM_CHAIN_ASSIGN);
}

static void say_prepare(struct world *w, unsigned from, unsigned to, uint64_t ballot)
{
	const struct network *net = world_net(w, from);
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer out = lm_chain_begin(net, net->height + 1, bytes);

	lm_write(&out, net->hash, HASH_LEN);
	lm_write_u64(&out, ballot);
	world_deliver(w, from, to, LM_MSG_CHAIN_PREPARE, bytes, lm_writer_len(&out));
}

struct proof { /* promises that an ACCEPT carries */
	uint8_t members;
	struct promise promise[LM_CHAIN_MEMBERS_MAX];
};

/* Adds what this node would promise now, as it stands. */
static void add_promise(struct world *w, struct proof *proof, unsigned node, uint64_t ballot)
{
	struct network *net = world_net(w, node);
	struct promise *p = &proof->promise[net->self];

	*p = (struct promise){.ballot = ballot, .accepted = net->vote.accepted};
	if (p->accepted)
		memcpy(p->hash, net->vote.value.hash, HASH_LEN);
	lm_chain_promise_sign(p, &w->node[node].id, &net->where, net->height + 1, net->hash);
	proof->members |= (uint8_t)(1u << net->self);
}

static void say_accept(struct world *w, unsigned from, unsigned to, uint64_t ballot,
    const struct value *v, const struct proof *proof)
{
	const struct network *net = world_net(w, from);
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer out = lm_chain_begin(net, net->height + 1, bytes);
	struct lm_signature sig;

	lm_chain_accept_sign(
	    &sig, &w->node[from].id, &net->where, net->height + 1, ballot, v->hash);
	lm_write_u64(&out, ballot);
	lm_write(&out, sig.b, sizeof(sig.b));
	lm_write_u8(&out, proof->members);
	for (unsigned i = 0; i < LM_CHAIN_MEMBERS_MAX; i++) {
		if (!(proof->members & 1u << i))
			continue;
		lm_write_u64(&out, proof->promise[i].accepted);
		if (proof->promise[i].accepted)
			lm_write(&out, proof->promise[i].hash, HASH_LEN);
		lm_write(&out, proof->promise[i].signature.b, LM_SIGNATURE_LEN);
	}
	lm_chain_value_write(&out, v);
	world_deliver(w, from, to, LM_MSG_CHAIN_ACCEPT, bytes, lm_writer_len(&out));
}

static uint64_t his_ballot(struct world *w, uint64_t round, unsigned node)
{
	return ballot_of(round, (unsigned)world_net(w, node)->self);
}

static const struct vote *vote_of(struct world *w, unsigned node)
{
	return &world_net(w, node)->vote;
}

static void restart(struct world *w, unsigned node)
{
	world_crash(w, node);
	world_start(w, node);
}

/* ---- acceptors ---- */

static void promise_not_durable(void)
{
	struct world *w = begin(3);
	uint64_t high = his_ballot(w, 5, 0), low = his_ballot(w, 4, 2);
	struct proof proof = {0};

	isolate(w, 1, true);
	say_prepare(w, 0, 1, high);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_PROMISE), 1);
	/* A lower ballot that was justified before it promised: after a restart as before. */
	struct value v = make_value(w, 2);
	add_promise(w, &proof, 1, low);
	add_promise(w, &proof, 2, low);
	restart(w, 1);
	CU_ASSERT_EQUAL(vote_of(w, 1)->promised, high);
	say_accept(w, 2, 1, low, &v, &proof);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_ACCEPTED), 0);
	CU_ASSERT_EQUAL(vote_of(w, 1)->accepted, 0);
	lm_chain_value_free(&v);
	end(w);
}

/* A disk that refuses; or the machine dies in the write: then nothing was said. */
static void promise_before_write(void)
{
	struct world *w = begin(3);

	w->node[1].bad_disk = 1000;
	say_prepare(w, 0, 1, his_ballot(w, 5, 0));
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_PROMISE), 0);
	CU_ASSERT_EQUAL(world_drops(w, 1, LM_CD_STORE), 1);
	w->node[1].bad_disk = 0;
	w->node[1].dies_after = 1;
	world_run(w, SECOND);
	say_prepare(w, 0, 1, his_ballot(w, 6, 0));
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_PROMISE), 0);
	CU_ASSERT_PTR_NULL(w->node[1].chain);
	end(w);
}

static void accept_not_durable(void)
{
	struct world *w = begin(3);
	uint64_t ballot = his_ballot(w, 1, 0);
	struct proof proof = {0};
	struct value v = make_value(w, 0);

	isolate(w, 1, true);
	add_promise(w, &proof, 0, ballot);
	add_promise(w, &proof, 2, ballot);
	w->node[1].bad_disk = 1000;
	say_accept(w, 0, 1, ballot, &v, &proof);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_ACCEPTED), 0);
	w->node[1].bad_disk = 0;
	say_accept(w, 0, 1, ballot, &v, &proof);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_ACCEPTED), 1);
	restart(w, 1);
	CU_ASSERT_EQUAL(vote_of(w, 1)->accepted, ballot);
	CU_ASSERT_NOT_EQUAL(world_net(w, 1)->timer.pos, 0); /* it will see to its being decided */
	CU_ASSERT_EQUAL(memcmp(vote_of(w, 1)->value.hash, v.hash, HASH_LEN), 0);
	lm_chain_value_free(&v);
	end(w);
}

static void accept_below_promise(void)
{
	struct world *w = begin(3);
	uint64_t high = his_ballot(w, 2, 2), low = his_ballot(w, 1, 0);
	struct proof proof = {0};
	struct value v = make_value(w, 0);

	isolate(w, 1, true);
	add_promise(w, &proof, 0, low);
	add_promise(w, &proof, 1, low);
	say_prepare(w, 2, 1, high);
	say_accept(w, 0, 1, low, &v, &proof);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_ACCEPTED), 0);
	CU_ASSERT_EQUAL(vote_of(w, 1)->accepted, 0);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_PREEMPTED), 1);
	lm_chain_value_free(&v);
	end(w);
}

/* A proposer is an acceptor, too: what it has promised to another binds its own ballot. */
static void own_accept_below_promise(void)
{
	struct world *w = begin(3);
	struct proof proof = {0};

	isolate(w, 0, true);
	propose(w, 0, 1);
	uint64_t ballot = world_net(w, 0)->proposal.ballot;
	CU_ASSERT_EQUAL(world_net(w, 0)->proposal.phase, PREPARING);
	add_promise(w, &proof, 1, ballot);
	say_prepare(w, 2, 0, his_ballot(w, ballot_round(ballot) + 1, 2));

	const struct network *net = world_net(w, 1);
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer out = lm_chain_begin(net, 1, bytes);
	lm_write_u64(&out, ballot);
	lm_write_u64(&out, 0);
	lm_write(&out, proof.promise[net->self].signature.b, LM_SIGNATURE_LEN);
	world_deliver(w, 1, 0, LM_MSG_CHAIN_PROMISE, bytes, lm_writer_len(&out));
	CU_ASSERT_EQUAL(vote_of(w, 0)->accepted, 0);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_ACCEPT), 0);
	end(w);
}

/* Whoever knows that the owner has named another start, though not the state there, votes no more.
 */
static void no_votes_in_an_era_that_is_over(void)
{
	struct world *w = begin(3);
	struct lm_now now = world_now(&w->node[1]);
	uint8_t bytes[LM_CHAIN_RECOVERY_MAX];
	struct lm_chain_recovery r;

	isolate(w, 1, true);
	propose(w, 0, 1);
	world_run(w, 5 * SECOND);
	CU_ASSERT_EQUAL(world_height(w, 0), 1);
	lm_chain_recovery_from(w->node[0].chain, &w->net, &w->node[0].id.pub, 1, &r);
	int len = lm_chain_recovery_sign(&r, &w->owner, bytes);
	CU_ASSERT_EQUAL(lm_chain_recover(w->node[1].chain, &now, &w->net, bytes, (size_t)len), 0);
	unsigned before = count(LM_MSG_CHAIN_PROMISE);
	world_crash(w, 2); /* so that it is at height 0 again, like 1 */
	world_lose_disk(w, 2);
	world_start(w, 2);
	say_prepare(w, 2, 1, his_ballot(w, 1, 2));
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_PROMISE), before);
	CU_ASSERT_EQUAL(world_drops(w, 1, LM_CD_NO_MEMBER), 1);
	end(w);
}

/* ---- proposers ---- */

/* Two have accepted different values in different ballots; a third must go on with the higher. */
static void value_of_lower_ballot(void)
{
	struct world *w = begin(5);
	unsigned a = node_of(w, 0), b = node_of(w, 1), c = node_of(w, 2);
	struct value low = make_value(w, a), high = make_value(w, b);
	struct lm_signature sig = {0};
	struct proof proof = {0};

	lm_chain_vote_accept(world_net(w, a), ballot_of(1, 0), &low, &sig);
	lm_chain_vote_accept(world_net(w, b), ballot_of(2, 1), &high, &sig);
	isolate(w, node_of(w, 3), true);
	isolate(w, node_of(w, 4), true);
	add_promise(w, &proof, a, ballot_of(3, 2));
	add_promise(w, &proof, b, ballot_of(3, 2));
	add_promise(w, &proof, c, ballot_of(3, 2));
	say_accept(w, c, node_of(w, 3), ballot_of(3, 2), &low, &proof);
	CU_ASSERT_EQUAL(world_drops(w, node_of(w, 3), LM_CD_UNJUSTIFIED), 1);
	propose(w, c, 1);
	world_run(w, 5 * SECOND);
	CU_ASSERT(world_height(w, c) >= 1);
	CU_ASSERT_EQUAL(memcmp(w->truth[1].hash, high.hash, HASH_LEN), 0);
	CU_ASSERT_TRUE(applied(w, c, 1));
	lm_chain_value_free(&low);
	lm_chain_value_free(&high);
	end(w);
}

/* Nobody follows a proposer that ignores what its promises say, or has none. */
static void unjustified_value(void)
{
	struct world *w = begin(3);
	struct proof proof = {0}, none = {0}, doubled = {0};
	struct value chosen = make_value(w, 0), other = make_value(w, 2);
	struct lm_signature sig = {0};
	uint64_t ballot = his_ballot(w, 9, 2);

	lm_chain_vote_accept(world_net(w, 0), his_ballot(w, 1, 0), &chosen, &sig);
	isolate(w, 1, true);
	say_accept(w, 2, 1, ballot, &other, &none);
	CU_ASSERT_EQUAL(world_drops(w, 1, LM_CD_UNJUSTIFIED), 1);
	add_promise(w, &proof, 0, ballot);
	add_promise(w, &proof, 2, ballot);
	say_accept(w, 2, 1, ballot, &other, &proof);
	CU_ASSERT_EQUAL(world_drops(w, 1, LM_CD_UNJUSTIFIED), 2);
	/* One promise in two places is no majority. */
	add_promise(w, &doubled, 2, ballot);
	unsigned self = (unsigned)world_net(w, 2)->self, another = (self + 1) % 3;
	doubled.promise[another] = doubled.promise[self];
	doubled.members |= (uint8_t)(1u << another);
	say_accept(w, 2, 1, ballot, &other, &doubled);
	CU_ASSERT_EQUAL(world_drops(w, 1, LM_CD_UNJUSTIFIED), 3);
	say_accept(w, 2, 1, his_ballot(w, 0, 2), &other, &none); /* the first ballot is nobody's */
	CU_ASSERT_EQUAL(world_drops(w, 1, LM_CD_UNJUSTIFIED), 4);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_ACCEPTED), 0);
	say_accept(w, 2, 1, ballot, &chosen, &proof);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_ACCEPTED), 1);
	lm_chain_value_free(&chosen);
	lm_chain_value_free(&other);
	end(w);
}

static void ballot_reused_after_restart(void)
{
	struct world *w = begin(3);

	seen.swallow = LM_MSG_CHAIN_PROMISE;
	propose(w, 0, 1);
	uint64_t ballot = world_net(w, 0)->proposal.ballot;
	world_run(w, SECOND);
	restart(w, 0);
	seen.swallow = 0;
	propose(w, 0, 2);
	CU_ASSERT(world_net(w, 0)->proposal.ballot > ballot);
	world_run(w, 5 * SECOND);
	CU_ASSERT_TRUE(applied(w, 0, 2));
	end(w);
}

/* The ballot that needs no promises is used once, whatever is forgotten. */
static void first_ballot_reused_after_restart(void)
{
	struct world *w = begin(3);

	propose(w, 0, 1);
	world_run(w, 5 * SECOND);
	CU_ASSERT_TRUE(applied(w, 0, 1));
	isolate(w, 0, true);
	propose(w, 0, 2);
	CU_ASSERT_EQUAL(ballot_round(vote_of(w, 0)->accepted), 0);
	CU_ASSERT_NOT_EQUAL(vote_of(w, 0)->accepted, 0);
	restart(w, 0);
	world_run(w, 40 * SECOND);
	propose(w, 0, 3);
	isolate(w, 0, false);
	world_run(w, 20 * SECOND);
	/* What it proposed first is found again, and decided as well. */
	CU_ASSERT_TRUE(applied(w, 0, 3));
	CU_ASSERT_EQUAL(w->n_applied, 3);
	end(w);
}

/* Accepted by all, and then its proposer dies: those who accepted it finish it, though unasked. */
static void orphan_is_decided(void)
{
	struct world *w = begin(3);

	seen.swallow = LM_MSG_CHAIN_ACCEPTED;
	propose(w, 0, 1);
	world_run(w, SECOND / 2);
	CU_ASSERT_NOT_EQUAL(vote_of(w, 1)->accepted, 0);
	world_crash(w, 0);
	seen.swallow = 0;
	world_run(w, 20 * SECOND);
	CU_ASSERT_EQUAL(world_height(w, 1), 1);
	CU_ASSERT_EQUAL(world_height(w, 2), 1);
	CU_ASSERT_EQUAL(w->n_applied, 1);
	end(w);
}

/* ---- liars ---- */

/* Two of three can decide, whatever the third says. */
static void one_liar_does_not_preempt(void)
{
	struct world *w = begin(3);
	uint8_t bytes[LM_MESSAGE_MAX];

	isolate(w, 1, true);
	isolate(w, 2, true);
	propose(w, 0, 1);
	uint64_t ballot = world_net(w, 0)->proposal.ballot;
	struct lm_writer out = lm_chain_begin(world_net(w, 0), 1, bytes);
	lm_write_u64(&out, ballot);
	lm_write_u64(&out, his_ballot(w, 8, 2));
	world_deliver(w, 2, 0, LM_MSG_CHAIN_PREEMPTED, bytes, lm_writer_len(&out));
	CU_ASSERT_EQUAL(world_net(w, 0)->proposal.phase, PREPARING);
	CU_ASSERT_EQUAL(world_net(w, 0)->proposal.ballot, ballot);
	isolate(w, 1, false);
	world_run(w, SECOND);
	CU_ASSERT_TRUE(applied(w, 0, 1));
	end(w);
}

static void two_values_in_one_ballot(void)
{
	struct world *w = begin(3);
	struct proof proof = {0};
	struct value a = make_value(w, 0), b = make_value(w, 2);
	uint64_t ballot = his_ballot(w, 1, 0);

	isolate(w, 1, true);
	add_promise(w, &proof, 0, ballot);
	add_promise(w, &proof, 2, ballot);
	say_accept(w, 0, 1, ballot, &a, &proof);
	CU_ASSERT_EQUAL(w->node[1].guilty, 0);
	say_accept(w, 0, 1, ballot, &a, &proof);
	CU_ASSERT_EQUAL(w->node[1].guilty, 0);
	say_accept(w, 0, 1, ballot, &b, &proof);
	say_accept(w, 0, 1, ballot, &b, &proof);
	CU_ASSERT_EQUAL(w->node[1].guilty, 1);
	CU_ASSERT_EQUAL(world_index(w, &w->node[1].guilt.member), 0);
	unsigned n;
	const struct lm_chain_guilt *kept = lm_chain_guilts(w->node[1].chain, &w->net, &n);
	CU_ASSERT_EQUAL_FATAL(n, 1);
	CU_ASSERT_EQUAL(memcmp(kept, &w->node[1].guilt, sizeof(*kept)), 0);
	CU_ASSERT_EQUAL(memcmp(vote_of(w, 1)->value.hash, a.hash, HASH_LEN), 0);
	lm_chain_value_free(&a);
	lm_chain_value_free(&b);
	end(w);
}

/* Two certificates of one height: who signed both is named by whoever sees both. */
static void fork_is_proven(void)
{
	struct world *w = begin(3);
	struct proof proof = {0};
	struct value a = make_value(w, 0), b = make_value(w, 2);
	uint64_t ballot = his_ballot(w, 1, 0);

	/* 0 lies: it gets 1 to accept a, and 2 to accept b, and votes for both itself. */
	w->forks_allowed = true;
	add_promise(w, &proof, 0, ballot);
	add_promise(w, &proof, 1, ballot);
	isolate(w, 1, true);
	isolate(w, 2, true);
	say_accept(w, 0, 1, ballot, &a, &proof);
	say_accept(w, 0, 2, ballot, &b, &proof);
	for (unsigned node = 1; node <= 2; node++) {
		struct network *net = world_net(w, node);
		struct certificate cert = {.ballot = ballot};
		for (unsigned who = 0; who <= node; who += node) {
			int at = world_net(w, who)->self;
			lm_chain_accept_sign(&cert.signature[at], &w->node[who].id, &net->where, 1,
			    ballot, node == 1 ? a.hash : b.hash);
			cert.members |= (uint8_t)(1u << at);
		}
		CU_ASSERT_EQUAL(lm_chain_learn(net, node == 1 ? &a : &b, &cert, false), 0);
	}
	world_run(w, 40 * SECOND);
	isolate(w, 1, false);
	isolate(w, 2, false);
	world_run(w, 5 * SECOND);
	CU_ASSERT(w->node[1].guilty + w->node[2].guilty >= 1);
	const struct node *judge = &w->node[w->node[1].guilty ? 1 : 2];
	CU_ASSERT_EQUAL(world_index(w, &judge->guilt.member), 0);
	CU_ASSERT(lm_chain_stats(judge->chain)->forks >= 1);
	lm_chain_value_free(&a);
	lm_chain_value_free(&b);
	end(w);
}

/* Blocks that do not follow from the tip; each is justified, and nobody votes for it. */
static void invalid_blocks(void)
{
	struct world *w = begin(3);
	struct value good = make_value(w, 0), bad[6];
	struct proof proof = {0};
	uint64_t ballot = his_ballot(w, 1, 0);
	const unsigned n = sizeof(bad) / sizeof(bad[0]);

	isolate(w, 1, true);
	add_promise(w, &proof, 0, ballot);
	add_promise(w, &proof, 2, ballot);
	bad[0] = make_block(w, 0, LM_CHAIN_ADD); /* nobody has consented */
	for (unsigned i = 1; i < n; i++)
		lm_chain_value_copy(&bad[i], &good);
	bad[1].header.state[0] ^= 1;
	bad[2].header.members[0] ^= 1;
	bad[3].header.prev[0] ^= 1;
	bad[4].header.height++;
	bad[5].header.maker = w->node[3].id.pub; /* no member */
	for (unsigned i = 0; i < n; i++) {
		lm_chain_header_hash(bad[i].hash, &bad[i].header);
		say_accept(w, 0, 1, ballot, &bad[i], &proof);
		CU_ASSERT_EQUAL(world_drops(w, 1, LM_CD_INVALID), i + 1);
		lm_chain_value_free(&bad[i]);
	}
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_ACCEPTED), 0);
	say_accept(w, 0, 1, ballot, &good, &proof);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_ACCEPTED), 1);
	lm_chain_value_free(&good);
	end(w);
}

/* Nobody keeps us busy with blocks that are none; the others are heard all the same. */
static void many_invalid_blocks(void)
{
	struct world *w = begin(3);
	struct value good = make_value(w, 2), bad = make_block(w, 0, LM_CHAIN_ADD);
	struct proof proof = {0}, other = {0};
	uint64_t ballot = his_ballot(w, 1, 0), higher = his_ballot(w, 2, 2);

	isolate(w, 1, true);
	add_promise(w, &proof, 0, ballot);
	add_promise(w, &proof, 2, ballot);
	for (unsigned i = 0; i < 200; i++)
		say_accept(w, 0, 1, ballot, &bad, &proof);
	CU_ASSERT(world_drops(w, 1, LM_CD_INVALID) >= 20);
	CU_ASSERT(world_drops(w, 1, LM_CD_INVALID) <= 40);
	CU_ASSERT_EQUAL(world_drops(w, 1, LM_CD_INVALID) + world_drops(w, 1, LM_CD_LIMIT), 200);
	add_promise(w, &other, 0, higher);
	add_promise(w, &other, 2, higher);
	say_accept(w, 2, 1, higher, &good, &other);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_ACCEPTED), 1);
	world_run(w, SECOND);
	say_accept(w, 0, 1, ballot, &bad, &proof);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_PREEMPTED), 1); /* heard again */
	lm_chain_value_free(&good);
	lm_chain_value_free(&bad);
	end(w);
}

/* A certificate proves the header; who passes it on may put other commands beside it. */
static void commands_of_another_block(void)
{
	struct world *w = begin(3);
	uint8_t bytes[LM_MESSAGE_MAX];

	isolate(w, 2, true);
	propose(w, 0, 1);
	world_run(w, 5 * SECOND);
	const struct piece *p = lm_chain_piece(world_net(w, 0), 1);
	struct lm_writer out = lm_chain_begin(world_net(w, 0), 1, bytes);
	lm_write_u64(&out, 1);
	lm_write_u32(&out, 100);
	lm_write(&out, p->bytes, p->len);
	lm_write_u8(&out, 1);
	lm_write(&out, p->body, p->body_len);
	out.at[-1] ^= 1;
	world_deliver(w, 1, 2, LM_MSG_CHAIN_BLOCK, bytes, lm_writer_len(&out));
	CU_ASSERT_EQUAL(world_drops(w, 2, LM_CD_MALFORMED), 1);
	CU_ASSERT_FALSE(lm_chain_is_behind(world_net(w, 2)));
	out.at[-1] ^= 1;
	world_deliver(w, 1, 2, LM_MSG_CHAIN_BLOCK, bytes, lm_writer_len(&out));
	CU_ASSERT_EQUAL(world_height(w, 2), 1);
	end(w);
}

/* A header that was found good once vouches for no other commands than its own. */
static void other_body_of_a_known_block(void)
{
	struct world *w = begin(3);
	uint64_t first = his_ballot(w, 1, 0), second = his_ballot(w, 2, 0);
	struct value v = make_value(w, 0);
	struct proof proof = {0}, later = {0};

	isolate(w, 1, true);
	add_promise(w, &proof, 0, first);
	add_promise(w, &proof, 2, first);
	say_accept(w, 0, 1, first, &v, &proof);
	CU_ASSERT_EQUAL(vote_of(w, 1)->accepted, first);
	add_promise(w, &later, 1, second);
	add_promise(w, &later, 2, second);
	v.body[v.header.body_len - 2] ^= 1;
	say_accept(w, 0, 1, second, &v, &later);
	CU_ASSERT_EQUAL(vote_of(w, 1)->accepted, first);
	CU_ASSERT_EQUAL(world_drops(w, 1, LM_CD_INVALID), 1);
	v.body[v.header.body_len - 2] ^= 1;
	say_accept(w, 0, 1, second, &v, &later);
	CU_ASSERT_EQUAL(vote_of(w, 1)->accepted, second);
	lm_chain_value_free(&v);
	end(w);
}

static void others_ballots(void)
{
	struct world *w = begin(3);

	isolate(w, 1, true);
	say_prepare(w, 0, 1, his_ballot(w, 5, 2)); /* another member's */
	CU_ASSERT_EQUAL(world_drops(w, 1, LM_CD_BALLOT), 1);
	say_prepare(w, 3, 1, ballot_of(5, 0)); /* of no member */
	CU_ASSERT_EQUAL(world_drops(w, 1, LM_CD_NO_MEMBER), 1);
	say_prepare(w, 0, 1, his_ballot(w, 1ull << 50, 0)); /* too far: no ballot would be left */
	CU_ASSERT_EQUAL(vote_of(w, 1)->promised, 0);
	CU_ASSERT_EQUAL(count(LM_MSG_CHAIN_PREEMPTED), 1);
	say_prepare(w, 0, 1, his_ballot(w, 1, 0));
	say_prepare(w, 0, 1, his_ballot(w, 2, 0)); /* too soon after the one before */
	CU_ASSERT_EQUAL(vote_of(w, 1)->promised, his_ballot(w, 1, 0));
	CU_ASSERT_EQUAL(world_drops(w, 1, LM_CD_LIMIT), 1);
	end(w);
}

/* One was led far up by a liar; another one, who was not, follows it in steps. */
static void far_ballots_are_led_up_to(void)
{
	struct world *w = begin(3);

	isolate(w, 1, true);
	for (unsigned i = 1; i <= 4; i++) {
		say_prepare(w, 2, 1, his_ballot(w, i * ROUND_STEP, 2));
		world_run(w, 40 * SECOND);
	}
	CU_ASSERT_EQUAL(vote_of(w, 1)->promised, his_ballot(w, 4 * ROUND_STEP, 2));
	isolate(w, 1, false);
	isolate(w, 2, true);
	propose(w, 1, 1);
	world_run(w, 60 * SECOND);
	CU_ASSERT_TRUE(applied(w, 1, 1));
	end(w);
}

LM_SUITE("chain_paxos", {"promise_not_durable", promise_not_durable},
    {"promise_before_write", promise_before_write}, {"accept_not_durable", accept_not_durable},
    {"accept_below_promise", accept_below_promise},
    {"own_accept_below_promise", own_accept_below_promise},
    {"no_votes_in_an_era_that_is_over", no_votes_in_an_era_that_is_over},
    {"value_of_lower_ballot", value_of_lower_ballot}, {"unjustified_value", unjustified_value},
    {"ballot_reused_after_restart", ballot_reused_after_restart},
    {"first_ballot_reused_after_restart", first_ballot_reused_after_restart},
    {"orphan_is_decided", orphan_is_decided},
    {"one_liar_does_not_preempt", one_liar_does_not_preempt},
    {"two_values_in_one_ballot", two_values_in_one_ballot}, {"fork_is_proven", fork_is_proven},
    {"invalid_blocks", invalid_blocks}, {"many_invalid_blocks", many_invalid_blocks},
    {"commands_of_another_block", commands_of_another_block},
    {"other_body_of_a_known_block", other_body_of_a_known_block},
    {"others_ballots", others_ballots}, {"far_ballots_are_led_up_to", far_ballots_are_led_up_to})
