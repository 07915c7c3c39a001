/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proposer. It accepts its own value, durably, before it asks others to; so it never proposes
 * two values in one ballot, whatever it forgets. Each attempt has a ballot that was never used.
 */
#include "chain/internal.h"

#define DUEL_BASE (50 * MS)
#define DUEL_MAX (3 * SECOND)
#define REPEAT_BASE (200 * MS)
#define REPEAT_MAX (5 * SECOND)
#define YIELD_AFTER 3 /* repetitions, if somebody has promised a higher ballot */
#define STORE_RETRY (1 * SECOND)

static bool can_propose(const struct network *net)
{
	return net->self >= 0 && net->votes && !lm_chain_is_behind(net);
}

void lm_chain_propose_soon(struct network *net, uint64_t delay)
{
	if (net->proposal.phase == IDLE && net->self >= 0)
		net->propose_at = lm_min_u64(net->propose_at, lm_chain_now(net) + delay);
}

void lm_chain_proposal_reset(struct network *net)
{
	lm_chain_value_free(&net->proposal.highest);
	lm_chain_value_free(&net->proposal.value);
	net->proposal = (struct proposal){.phase = IDLE};
	net->repeat_at = LM_NEVER;
}

static void repeat_later(struct network *net)
{
	net->repeat_at =
	    lm_chain_now(net) + lm_chain_backoff(net, REPEAT_BASE, net->proposal.tries, REPEAT_MAX);
}

static void give_up(struct network *net, uint64_t retry_after)
{
	lm_chain_proposal_reset(net);
	lm_chain_propose_soon(net, retry_after);
}

/* Somebody else is at it: let him, for a random while. */
static void yield_to_other(struct network *net)
{
	net->chain->stats.preempted++;
	give_up(net,
	    lm_chain_random(net, lm_min_u64(DUEL_BASE << lm_min_u64(net->duels++, 10), DUEL_MAX)));
}

/* ---- the value ---- */

/* Puts the commands of the queue that apply into a body; drops those that never will. */
static unsigned fill_body(struct network *net, struct state *next, struct lm_writer *w,
    uint32_t blocks[LM_CHAIN_COMMANDS_MAX])
{
	struct wish *wish, *after;
	unsigned n = 0;

	for (wish = TAILQ_FIRST(&net->queue); wish && n < LM_CHAIN_COMMANDS_MAX; wish = after) {
		after = TAILQ_NEXT(wish, entry);
		struct lm_writer before = *w;
		lm_chain_command_write(w, &wish->command);
		if (w->failed) {
			*w = before;
			break;
		}
		if (lm_chain_apply_proven(next, &wish->command, &net->state.members, &net->where,
			&blocks[n]) == LM_CV_APPLIED) {
			n++;
			continue;
		}
		*w = before;
		lm_chain_drop(net, LM_CD_REFUSED); /* one of ours is looked at again later */
		lm_chain_queue_drop(net, &wish->command.c);
	}
	return n;
}

/* What waits, as a block. The number of commands, or a negative errno. */
static int make_value(struct network *net, struct value *v)
{
	uint8_t body[LM_CHAIN_BODY_MAX];
	struct lm_writer w = lm_writer(body, sizeof(body));
	uint32_t blocks[LM_CHAIN_COMMANDS_MAX] = {0};
	struct header *h = &v->header;
	struct state next;

	int err = lm_chain_state_copy(&next, &net->state);
	if (err < 0)
		return err;
	lm_write_u8(&w, 0);
	unsigned n = fill_body(net, &next, &w, blocks);
	body[0] = (uint8_t)n;
	*v = (struct value){.header = {.where = net->where,
				.height = net->height + 1,
				.body_len = (uint32_t)lm_writer_len(&w),
				.maker = net->chain->self->pub}};
	memcpy(h->prev, net->hash, HASH_LEN);
	lm_chain_hash(h->body, body, h->body_len);
	lm_chain_members_hash(h->members, &next.members);
	err = lm_chain_state_hash(h->state, &next);
	lm_chain_header_hash(v->hash, h);
	if (err == 0 && n)
		lm_chain_outcome_keep(net, v->hash, &next, blocks);
	else
		lm_chain_state_free(&next);
	struct value borrowed = *v;
	borrowed.body = body;
	if (err == 0 && n)
		err = lm_chain_value_copy(v, &borrowed);
	return err < 0 ? err : (int)n;
}

/* ---- accepting ---- */

static void send_accept(struct network *net)
{
	const struct proposal *p = &net->proposal;
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer w = lm_chain_begin(net, net->height + 1, bytes);

	lm_write_u64(&w, p->ballot);
	lm_write(&w, p->signature[net->self].b, LM_SIGNATURE_LEN);
	lm_write_u8(&w, p->promised);
	for (unsigned i = 0; i < LM_CHAIN_MEMBERS_MAX; i++) {
		if (!(p->promised & 1u << i))
			continue;
		lm_write_u64(&w, p->promise[i].accepted);
		if (p->promise[i].accepted)
			lm_write(&w, p->promise[i].hash, HASH_LEN);
		lm_write(&w, p->promise[i].signature.b, LM_SIGNATURE_LEN);
	}
	lm_chain_value_write(&w, &p->value);
	lm_chain_send_members(net, p->accepted, LM_MSG_CHAIN_ACCEPT, &w);
}

static void check_accepted(struct network *net)
{
	struct proposal *p = &net->proposal;
	struct certificate cert = {.ballot = p->ballot, .members = p->accepted};

	if ((unsigned)__builtin_popcount(p->accepted) < majority(&net->state.members))
		return;
	memcpy(cert.signature, p->signature, sizeof(cert.signature));
	struct value v = p->value;
	p->value = (struct value){0};
	bool fast = ballot_round(p->ballot) == 0;
	/* If it cannot be kept it is not known to be decided here; the vote is, and is resolved. */
	if (lm_chain_learn(net, &v, &cert, true) < 0)
		give_up(net, STORE_RETRY);
	else
		net->chain->stats.fast += fast;
	lm_chain_value_free(&v);
}

/* Takes the value over. */
static void start_accepting(struct network *net, struct value *v)
{
	struct proposal *p = &net->proposal;
	struct lm_signature *sig = &p->signature[net->self];

	lm_chain_value_free(&p->value);
	p->value = *v;
	if (lm_chain_accept_sign(
		sig, net->chain->self, &net->where, net->height + 1, p->ballot, v->hash) < 0 ||
	    !lm_chain_vote_accept(net, p->ballot, v, sig)) {
		yield_to_other(net);
		return;
	}
	p->phase = ACCEPTING;
	p->accepted = (uint8_t)(1u << net->self);
	p->preempted = 0;
	p->tries = 0;
	send_accept(net);
	repeat_later(net);
	check_accepted(net);
}

void lm_chain_on_accepted(struct message *m)
{
	struct network *net = m->net;
	struct proposal *p = &net->proposal;
	uint64_t ballot = lm_read_u64(&m->r);
	const uint8_t *hash = lm_read_ref(&m->r, HASH_LEN);
	struct lm_signature sig;

	lm_read(&m->r, sig.b, sizeof(sig.b));
	if (m->r.failed || lm_reader_left(&m->r)) {
		lm_chain_drop(net, LM_CD_MALFORMED);
		return;
	}
	if (p->phase != ACCEPTING || m->era != net->where.era || m->height != net->height + 1 ||
	    ballot != p->ballot || m->member < 0 || p->accepted & 1u << m->member ||
	    memcmp(hash, p->value.hash, HASH_LEN) != 0) {
		lm_chain_drop(net, LM_CD_UNASKED);
		return;
	}
	if (!lm_chain_accept_verify(&sig, m->from, &net->where, m->height, ballot, hash)) {
		lm_chain_drop(net, LM_CD_SIGNATURE);
		return;
	}
	p->signature[m->member] = sig;
	p->accepted |= (uint8_t)(1u << m->member);
	check_accepted(net);
}

/* ---- preparing ---- */

static void send_prepare(struct network *net, const struct lm_public_key *to, uint64_t ballot)
{
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer w = lm_chain_begin(net, net->height + 1, bytes);

	lm_write(&w, net->hash, HASH_LEN);
	lm_write_u64(&w, ballot);
	lm_chain_send(net, to, LM_MSG_CHAIN_PREPARE, &w);
}

static void send_prepares(struct network *net)
{
	const struct members *m = &net->state.members;

	for (unsigned i = 0; i < m->n; i++)
		if (!(net->proposal.promised & 1u << i))
			send_prepare(net, &m->key[i], net->proposal.ballot);
}

/*
 * With a majority's promises: the value of the highest ballot among what they accepted. It may be
 * decided already, so nothing else may be proposed. If there is none, ours.
 */
static void check_promised(struct network *net)
{
	struct proposal *p = &net->proposal;
	const uint8_t *hash;
	struct value v = {0};

	if (lm_chain_justified(p->promise, p->promised, &net->state.members, &hash) < 0)
		return;
	int err = hash ? lm_chain_value_copy(&v, &p->highest) : make_value(net, &v);
	if (err < 0) {
		lm_chain_drop(net, LM_CD_MEMORY);
		give_up(net, STORE_RETRY);
	} else if (!v.body) {
		lm_chain_proposal_reset(net); /* nothing is left to be decided */
	} else {
		start_accepting(net, &v);
	}
}

static bool keep_promise(struct network *net, unsigned member, const struct promise *promise,
    const struct value *accepted)
{
	struct proposal *p = &net->proposal;

	if (promise->accepted > p->highest_ballot) {
		struct value v;
		if (lm_chain_value_copy(&v, accepted) < 0) {
			lm_chain_drop(net, LM_CD_MEMORY);
			return false;
		}
		lm_chain_value_free(&p->highest);
		p->highest = v;
		p->highest_ballot = promise->accepted;
	}
	p->promise[member] = *promise;
	p->promised |= (uint8_t)(1u << member);
	return true;
}

void lm_chain_on_promise(struct message *m)
{
	struct network *net = m->net;
	struct proposal *p = &net->proposal;
	struct promise promise = {.ballot = lm_read_u64(&m->r)};
	struct value v = {0};

	promise.accepted = lm_read_u64(&m->r);
	lm_read(&m->r, promise.signature.b, sizeof(promise.signature.b));
	if (p->phase != PREPARING || m->era != net->where.era || m->height != net->height + 1 ||
	    promise.ballot != p->ballot || m->member < 0 || p->promised & 1u << m->member) {
		lm_chain_drop(net, LM_CD_UNASKED);
		return;
	}
	if (promise.accepted ? !lm_chain_value_read(m, &v) : m->r.failed || lm_reader_left(&m->r)) {
		lm_chain_drop(net, LM_CD_MALFORMED);
		return;
	}
	memcpy(promise.hash, v.hash, HASH_LEN);
	if (promise.accepted >= promise.ballot ||
	    !lm_chain_promise_verify(&promise, m->from, &net->where, m->height, net->hash)) {
		lm_chain_drop(net, LM_CD_SIGNATURE);
		return;
	}
	if (promise.accepted && !v.body)
		return; /* it is being pulled, and we shall ask again */
	if (promise.accepted && !lm_chain_value_valid(net, &v)) {
		lm_chain_invalid(m);
		return;
	}
	if (keep_promise(net, (unsigned)m->member, &promise, &v))
		check_promised(net);
}

/* ---- attempts ---- */

/* The first ballot of all at this height is ours if we made the block before: no need to ask. */
static bool is_ours_at_once(const struct network *net)
{
	return net->vote.promised == 0 && !TAILQ_EMPTY(&net->queue) &&
	       memcmp(net->maker.b, net->chain->self->pub.b, sizeof(net->maker.b)) == 0;
}

static void propose_at_once(struct network *net)
{
	struct value v;
	int n = make_value(net, &v);

	if (n < 0)
		give_up(net, STORE_RETRY);
	if (n <= 0)
		return;
	net->proposal.ballot = ballot_of(0, (unsigned)net->self);
	start_accepting(net, &v);
}

static void prepare(struct network *net)
{
	struct proposal *p = &net->proposal;
	uint64_t round = ballot_round(lm_max_u64(net->vote.promised, net->overtaken)) + 1;
	struct promise promise;

	p->ballot = ballot_of(round, (unsigned)net->self);
	if (!lm_chain_vote_promise(net, p->ballot) || lm_chain_vote_statement(net, &promise) < 0 ||
	    !keep_promise(net, (unsigned)net->self, &promise, &net->vote.value)) {
		give_up(net, STORE_RETRY);
		return;
	}
	p->phase = PREPARING;
	send_prepares(net);
	repeat_later(net);
	check_promised(net);
}

void lm_chain_propose_due(struct network *net)
{
	if (net->proposal.phase != IDLE || !can_propose(net))
		return;
	if (is_ours_at_once(net))
		propose_at_once(net);
	else if (net->vote.accepted || !TAILQ_EMPTY(&net->queue))
		prepare(net);
}

/*
 * One that has not heard of our ballot's neighbours refuses to jump so far at once (a liar could
 * use up all ballots). It gets one in between, which is not used for anything else.
 */
static void lead_up(struct network *net, const struct lm_public_key *member, uint64_t promised)
{
	uint64_t round = ballot_round(promised) + ROUND_STEP;

	send_prepare(net, member, ballot_of(round, (unsigned)net->self));
	send_prepare(net, member, net->proposal.ballot);
}

void lm_chain_on_preempted(struct message *m)
{
	struct network *net = m->net;
	struct proposal *p = &net->proposal;
	uint64_t ballot = lm_read_u64(&m->r), promised = lm_read_u64(&m->r);

	if (m->r.failed || lm_reader_left(&m->r)) {
		lm_chain_drop(net, LM_CD_MALFORMED);
		return;
	}
	if (p->phase == IDLE || m->era != net->where.era || m->height != net->height + 1 ||
	    ballot != p->ballot || m->member < 0 ||
	    (promised <= ballot && ballot_round(ballot) - ballot_round(promised) <= ROUND_STEP)) {
		lm_chain_drop(net, LM_CD_UNASKED);
		return;
	}
	if (promised < ballot) {
		lead_up(net, m->from, promised);
		return;
	}
	uint64_t most = ballot_of(ballot_round(ballot) + ROUND_STEP, 0);
	p->preempted |= (uint8_t)(1u << m->member);
	net->overtaken = lm_max_u64(net->overtaken, lm_min_u64(promised, most));
	/* One alone may lie: the others can be a majority. */
	unsigned left = net->state.members.n - (unsigned)__builtin_popcount(p->preempted);
	if (left < majority(&net->state.members))
		yield_to_other(net);
}

void lm_chain_repeat_due(struct network *net)
{
	struct proposal *p = &net->proposal;

	if (p->phase == IDLE)
		return;
	if (p->preempted && p->tries >= YIELD_AFTER) {
		yield_to_other(net);
		return;
	}
	p->tries++;
	if (p->phase == PREPARING)
		send_prepares(net);
	else
		send_accept(net);
	repeat_later(net);
}
