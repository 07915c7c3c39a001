/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The acceptor. What it says is on disk before it says it, so a restart forgets no promise. It
 * votes at one height only: that after its tip, and only among the members whom the tip names.
 */
#include "chain/internal.h"

#define VOTE_MAX (4 + 8 + 8 + 8 + LM_SIGNATURE_LEN + HEADER_LEN + LM_CHAIN_BODY_MAX)
#define RESOLVE_AFTER (1 * SECOND) /* what we accepted should be decided by then */
/* Between two promises to one member at one height; doubled each time. */
#define PROMISE_BASE (10 * MS)
#define PROMISE_MAX (3 * SECOND)
#define RESOLVE_MAX (20 * SECOND)

/* ---- durable ---- */

static bool persist(struct network *net, const struct vote *v)
{
	struct lm_chain *c = net->chain;
	uint8_t bytes[VOTE_MAX];
	struct lm_writer w = lm_writer(bytes, sizeof(bytes));

	lm_write_u32(&w, net->where.era);
	lm_write_u64(&w, net->height + 1);
	lm_write_u64(&w, v->promised);
	lm_write_u64(&w, v->accepted);
	if (v->accepted) {
		lm_write(&w, v->proposer.b, sizeof(v->proposer.b));
		lm_chain_header_write(&w, &v->value.header);
		lm_write(&w, v->value.body, v->value.header.body_len);
	}
	if (w.failed || c->ops.persist(c->ctx, &net->where.net, LM_CHAIN_VOTE, 0, bytes,
			    lm_writer_len(&w)) < 0) {
		lm_chain_drop(net, LM_CD_STORE);
		return false;
	}
	return true;
}

int lm_chain_vote_restore(struct network *net, const void *bytes, size_t len)
{
	struct lm_reader r = lm_reader(bytes, len);
	uint32_t era = lm_read_u32(&r);
	uint64_t height = lm_read_u64(&r);
	struct vote v = {.promised = lm_read_u64(&r)};

	v.accepted = lm_read_u64(&r);
	if (v.accepted) {
		lm_read(&r, v.proposer.b, sizeof(v.proposer.b));
		if (!lm_chain_header_read(&r, &net->where.net, &v.value.header))
			return -EBADMSG;
		v.value.body = (uint8_t *)lm_read_ref(&r, v.value.header.body_len);
		lm_chain_header_hash(v.value.hash, &v.value.header);
	}
	if (r.failed || lm_reader_left(&r) || v.accepted > v.promised)
		return -EBADMSG;
	if (era != net->where.era || height != net->height + 1)
		return 0; /* of a height that is decided, or a start that is void */
	struct value own;
	if (v.accepted && lm_chain_value_copy(&own, &v.value) < 0)
		return -ENOMEM;
	if (v.accepted)
		v.value = own;
	lm_chain_value_free(&net->vote.value);
	net->vote = v;
	if (v.accepted)
		net->resolve_at = 0;
	return 0;
}

void lm_chain_vote_reset(struct network *net)
{
	lm_chain_value_free(&net->vote.value);
	net->vote = (struct vote){0};
	net->resolve_at = LM_NEVER;
	net->unresolved = 0;
}

bool lm_chain_vote_promise(struct network *net, uint64_t ballot)
{
	struct vote v = net->vote;

	v.promised = ballot;
	if (!persist(net, &v))
		return false;
	net->vote.promised = ballot;
	return true;
}

bool lm_chain_vote_accept(struct network *net, uint64_t ballot, const struct value *value,
    const struct lm_signature *proposer)
{
	struct vote v = net->vote;

	v.promised = v.accepted = ballot;
	v.proposer = *proposer;
	if (ballot < net->vote.promised)
		return false; /* of ours, and overtaken meanwhile */
	if (lm_chain_value_copy(&v.value, value) < 0) {
		lm_chain_drop(net, LM_CD_MEMORY);
		return false;
	}
	if (!persist(net, &v)) {
		lm_chain_value_free(&v.value);
		return false;
	}
	lm_chain_value_free(&net->vote.value);
	net->vote = v;
	net->resolve_at = lm_chain_now(net) +
			  lm_chain_backoff(net, 2 * RESOLVE_AFTER, net->unresolved++, RESOLVE_MAX);
	return true;
}

int lm_chain_vote_statement(const struct network *net, struct promise *out)
{
	*out = (struct promise){.ballot = net->vote.promised, .accepted = net->vote.accepted};
	if (out->accepted)
		memcpy(out->hash, net->vote.value.hash, HASH_LEN);
	return lm_chain_promise_sign(
	    out, net->chain->self, &net->where, net->height + 1, net->hash);
}

/* ---- whose turn ---- */

bool lm_chain_turn(const struct message *m)
{
	struct network *net = m->net;

	if (m->era < net->where.era || (m->era == net->where.era && m->height <= net->height)) {
		lm_chain_drop(net, LM_CD_OLD);
		if (m->era == net->where.era && m->height > net->start.height)
			lm_chain_send_block(net, m->from, m->height);
		else
			lm_chain_send_tip(net, m->from, false);
		return false;
	}
	if (m->era > net->where.era || m->height > net->height + 1) {
		lm_chain_drop(net, LM_CD_AHEAD);
		lm_chain_fetch(net, m->from);
		return false;
	}
	if (m->member < 0 || net->self < 0 || !net->votes || lm_chain_is_behind(net)) {
		lm_chain_drop(net, LM_CD_NO_MEMBER);
		return false;
	}
	return true;
}

/* May this member use this ballot here? If it is only too low, or too high, it is told so. */
static bool ballot_is_his(const struct message *m, uint64_t ballot)
{
	struct network *net = m->net;
	uint8_t bytes[LM_MESSAGE_MAX];

	if (ballot == 0 || (int)ballot_member(ballot) != m->member) {
		lm_chain_drop(net, LM_CD_BALLOT);
		return false;
	}
	if (ballot >= net->vote.promised &&
	    ballot_round(ballot) <= ballot_round(net->vote.promised) + ROUND_STEP)
		return true;
	struct lm_writer w = lm_chain_begin(net, net->height + 1, bytes);
	lm_write_u64(&w, ballot);
	lm_write_u64(&w, net->vote.promised);
	lm_chain_send(net, m->from, LM_MSG_CHAIN_PREEMPTED, &w);
	lm_chain_drop(net, LM_CD_OLD);
	return false;
}

/* ---- prepare ---- */

/* A member that asks for one promise after the other leaves no time in which anything is decided.
 */
static bool may_promise(const struct message *m)
{
	struct network *net = m->net;
	struct grant *g = &net->vote.grants[m->member];

	if (lm_chain_now(net) < g->next) {
		lm_chain_drop(net, LM_CD_LIMIT);
		return false;
	}
	g->next =
	    lm_chain_now(net) + lm_min_u64(PROMISE_BASE << lm_min_u64(g->n++, 20), PROMISE_MAX);
	return true;
}

static void answer_promise(const struct message *m)
{
	struct network *net = m->net;
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer w = lm_chain_begin(net, net->height + 1, bytes);
	struct promise p;

	if (lm_chain_vote_statement(net, &p) < 0)
		return;
	lm_write_u64(&w, p.ballot);
	lm_write_u64(&w, p.accepted);
	lm_write(&w, p.signature.b, sizeof(p.signature.b));
	if (p.accepted)
		lm_chain_value_write(&w, &net->vote.value);
	lm_chain_send(net, m->from, LM_MSG_CHAIN_PROMISE, &w);
}

void lm_chain_on_prepare(struct message *m)
{
	struct network *net = m->net;
	const uint8_t *prev = lm_read_ref(&m->r, HASH_LEN);
	uint64_t ballot = lm_read_u64(&m->r);

	if (m->r.failed || lm_reader_left(&m->r) || ballot_round(ballot) == 0) {
		lm_chain_drop(net, LM_CD_MALFORMED);
		return;
	}
	if (!lm_chain_turn(m))
		return;
	if (memcmp(prev, net->hash, HASH_LEN) != 0) {
		lm_chain_drop(net, LM_CD_FORKED);
		return;
	}
	if (!ballot_is_his(m, ballot) || ballot == net->vote.accepted)
		return;
	if (ballot > net->vote.promised && (!may_promise(m) || !lm_chain_vote_promise(net, ballot)))
		return;
	answer_promise(m);
}

/* ---- accept ---- */

int lm_chain_justified(const struct promise promise[LM_CHAIN_MEMBERS_MAX], uint8_t members,
    const struct members *who, const uint8_t **hash)
{
	uint64_t highest = 0;
	unsigned n = 0;

	*hash = NULL;
	for (unsigned i = 0; i < who->n; i++) {
		if (!(members & 1u << i))
			continue;
		n++;
		if (promise[i].accepted > highest) {
			highest = promise[i].accepted;
			*hash = promise[i].hash;
		}
	}
	return n >= majority(who) ? 0 : -1;
}

struct request { /* please accept this */
	uint64_t ballot;
	struct lm_signature proposer;
	uint8_t members; /* whose promises are there */
	struct promise promise[LM_CHAIN_MEMBERS_MAX];
	struct value value; /* body borrowed */
};

static bool read_request(struct message *m, struct request *q)
{
	*q = (struct request){.ballot = lm_read_u64(&m->r)};
	lm_read(&m->r, q->proposer.b, sizeof(q->proposer.b));
	q->members = lm_read_u8(&m->r);
	for (unsigned i = 0; i < 8; i++) {
		if (!(q->members & 1u << i))
			continue;
		if (i >= LM_CHAIN_MEMBERS_MAX)
			return false;
		struct promise *p = &q->promise[i];
		p->ballot = q->ballot;
		p->accepted = lm_read_u64(&m->r);
		if (p->accepted)
			lm_read(&m->r, p->hash, HASH_LEN);
		lm_read(&m->r, p->signature.b, sizeof(p->signature.b));
	}
	return lm_chain_value_read(m, &q->value) && q->ballot;
}

/*
 * The proof that the value may be proposed in this ballot: a majority's promises. So a proposer
 * that ignores what was accepted before finds nobody who follows.
 */
static bool is_justified(const struct message *m, const struct request *q)
{
	const struct network *net = m->net;
	const struct members *who = &net->state.members;
	const uint8_t *hash;

	if (ballot_round(q->ballot) == 0)
		return q->members == 0 &&
		       memcmp(net->maker.b, m->from->b, sizeof(net->maker.b)) == 0;
	for (unsigned i = 0; i < LM_CHAIN_MEMBERS_MAX; i++) {
		const struct promise *p = &q->promise[i];
		if (!(q->members & 1u << i))
			continue;
		if (i >= who->n || p->accepted >= q->ballot ||
		    !lm_chain_promise_verify(
			p, &who->key[i], &net->where, net->height + 1, net->hash))
			return false;
	}
	if (lm_chain_justified(q->promise, q->members, who, &hash) < 0)
		return false;
	return !hash || memcmp(hash, q->value.hash, HASH_LEN) == 0;
}

bool lm_chain_value_valid(struct network *net, const struct value *v)
{
	if (v->header.where.era != net->where.era || v->header.height != net->height + 1 ||
	    memcmp(v->header.prev, net->hash, HASH_LEN) != 0 ||
	    lm_chain_member(&net->state.members, &v->header.maker) < 0)
		return false;
	return lm_chain_outcome(net, v) == 0;
}

static void answer_accepted(const struct message *m)
{
	struct network *net = m->net;
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer w = lm_chain_begin(net, net->height + 1, bytes);
	struct lm_signature sig;

	if (lm_chain_accept_sign(&sig, net->chain->self, &net->where, net->height + 1,
		net->vote.accepted, net->vote.value.hash) < 0)
		return;
	lm_write_u64(&w, net->vote.accepted);
	lm_write(&w, net->vote.value.hash, HASH_LEN);
	lm_write(&w, sig.b, sizeof(sig.b));
	lm_chain_send(net, m->from, LM_MSG_CHAIN_ACCEPTED, &w);
}

/* The same ballot again: a repetition, or another value, which proves its owner guilty. */
static void accept_again(const struct message *m, const struct request *q)
{
	struct network *net = m->net;
	const struct vote *v = &net->vote;

	if (memcmp(v->value.hash, q->value.hash, HASH_LEN) == 0) {
		answer_accepted(m);
		return;
	}
	lm_chain_drop(net, LM_CD_UNJUSTIFIED);
	lm_chain_guilty(net, m->from, net->height + 1, q->ballot,
	    (struct accepted){v->value.hash, &v->proposer},
	    (struct accepted){q->value.hash, &q->proposer});
}

void lm_chain_on_accept(struct message *m)
{
	struct network *net = m->net;
	struct request q;

	if (!lm_chain_turn(m))
		return;
	if (!read_request(m, &q)) {
		lm_chain_drop(net, LM_CD_MALFORMED);
		return;
	}
	if (!ballot_is_his(m, q.ballot))
		return;
	if (!lm_chain_accept_verify(
		&q.proposer, m->from, &net->where, net->height + 1, q.ballot, q.value.hash)) {
		lm_chain_drop(net, LM_CD_SIGNATURE);
		return;
	}
	if (q.ballot == net->vote.accepted) {
		accept_again(m, &q);
		return;
	}
	if (!is_justified(m, &q)) {
		lm_chain_drop(net, LM_CD_UNJUSTIFIED);
		return;
	}
	if (!q.value.body)
		return; /* it is being pulled, and we shall be asked again */
	if (!lm_chain_value_valid(net, &q.value)) {
		lm_chain_invalid(m);
		return;
	}
	if (lm_chain_vote_accept(net, q.ballot, &q.value, &q.proposer))
		answer_accepted(m);
}
