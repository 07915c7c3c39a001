/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of ours on their way: the consents of a majority, then into our queue if we are a
 * member, else to a member that proposes them for us. And the same for others, as a member.
 */
#include "chain/internal.h"

#define ASK_BASE (300 * MS)
#define ASK_MAX (5 * SECOND)
#define ASK_TRIES 20 /* then nobody consents */

/* ---- the queue ---- */

static bool same_command(const struct lm_chain_command *a, const struct lm_chain_command *b)
{
	return a->number == b->number && memcmp(a->author.b, b->author.b, sizeof(a->author.b)) == 0;
}

static struct wish *find_wish(struct network *net, const struct lm_chain_command *c)
{
	struct wish *wish;

	TAILQ_FOREACH(wish, &net->queue, entry)
	if (same_command(&wish->command.c, c))
		return wish;
	return NULL;
}

static void drop_wish(struct network *net, struct wish *wish)
{
	TAILQ_REMOVE(&net->queue, wish, entry);
	net->n_queue--;
	free(wish);
}

void lm_chain_queue_drop(struct network *net, const struct lm_chain_command *c)
{
	struct wish *wish = find_wish(net, c);

	if (wish)
		drop_wish(net, wish);
}

static bool has_room(const struct network *net, const struct lm_public_key *author)
{
	const struct wish *wish;
	unsigned n = 0;

	TAILQ_FOREACH(wish, &net->queue, entry)
	n += memcmp(wish->command.c.author.b, author->b, sizeof(author->b)) == 0;
	return net->n_queue < LM_CHAIN_QUEUE_MAX && n < QUEUE_PER_AUTHOR;
}

/* Behind those that wait; one that is there gets the newer consents. */
static bool enqueue(struct network *net, const struct command *command)
{
	struct wish *wish = find_wish(net, &command->c);

	/* A command that waits already does not cut short what it waits for. */
	if (!wish || net->propose_at == LM_NEVER)
		lm_chain_propose_soon(net, 0);
	if (!wish) {
		wish = has_room(net, &command->c.author) ? calloc(1, sizeof(*wish)) : NULL;
		if (!wish) {
			lm_chain_drop(net, LM_CD_LIMIT);
			return false;
		}
		TAILQ_INSERT_TAIL(&net->queue, wish, entry);
		net->n_queue++;
	}
	wish->command = *command;
	return true;
}

void lm_chain_wishes_free(struct network *net)
{
	struct own *own;

	while (!TAILQ_EMPTY(&net->queue))
		drop_wish(net, TAILQ_FIRST(&net->queue));
	while ((own = TAILQ_FIRST(&net->own))) {
		TAILQ_REMOVE(&net->own, own, entry);
		free(own);
	}
}

/* ---- ours ---- */

struct own *lm_chain_own_find(struct network *net, const struct lm_chain_command *c)
{
	struct own *own;

	TAILQ_FOREACH(own, &net->own, entry)
	if (same_command(&own->command.c, c))
		return own;
	return NULL;
}

void lm_chain_own_end(
    struct network *net, struct own *own, enum lm_chain_verdict verdict, uint32_t block)
{
	struct lm_chain *c = net->chain;
	uint64_t tag = own->tag;

	lm_chain_queue_drop(net, &own->command.c);
	TAILQ_REMOVE(&net->own, own, entry);
	net->n_own--;
	free(own);
	c->ops.done(c->ctx, &net->where.net, tag, verdict, block);
}

void lm_chain_own_again(struct network *net)
{
	struct own *own;

	TAILQ_FOREACH(own, &net->own, entry)
	own->tries = 0;
	if (!TAILQ_EMPTY(&net->own))
		net->own_at = lm_chain_now(net);
}

/* Consents of other members than those of now are void, and so is a signature of another era. */
static void refresh(struct network *net, struct own *own)
{
	if (own->era != net->where.era) {
		own->command.consents = 0;
		own->at = 0;
		own->era = net->where.era;
		if (lm_chain_command_sign(&own->command, net->chain->self, &net->where) < 0)
			lm_chain_drop(net, LM_CD_MEMORY);
	}
	if (memcmp(net->members_hash, own->members, HASH_LEN) != 0) {
		own->command.consents = 0;
		own->at = 0;
		memcpy(own->members, net->members_hash, HASH_LEN);
	}
}

static bool consents_here(const struct network *net, const struct lm_chain_command *c)
{
	const struct lm_chain *chain = net->chain;

	return net->self >= 0 && chain->ops.consent(chain->ctx, &net->where.net, c);
}

static void ask_consents(struct network *net, struct own *own)
{
	uint8_t bytes[LM_MESSAGE_MAX], hash[HASH_LEN], self = (uint8_t)(1u << (net->self & 7));
	struct lm_writer w = lm_chain_begin(net, net->height, bytes);
	struct command bare = own->command;

	if (!(own->command.consents & self) && consents_here(net, &own->command.c)) {
		lm_chain_command_hash(hash, &own->command.c);
		if (lm_chain_consent_sign(&own->command.consent[net->self], net->chain->self,
			&net->where, own->members, hash) == 0)
			own->command.consents |= self;
	}
	bare.consents = 0;
	lm_write(&w, own->members, HASH_LEN);
	lm_chain_command_write(&w, &bare);
	lm_chain_send_members(net, own->command.consents, LM_MSG_CHAIN_ASK, &w);
}

static bool has_consents(const struct network *net, const struct own *own)
{
	return (unsigned)__builtin_popcount(own->command.consents) >= majority(&net->state.members);
}

/*
 * To the maker of the last block, who needs no promises for the next; so several commands come
 * together in it. Members who each propose some of them would only hinder each other.
 */
static void request(struct network *net, struct own *own)
{
	const struct members *m = &net->state.members;
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer w = lm_chain_begin(net, net->height, bytes);
	int maker = lm_chain_member(m, &net->maker);
	unsigned first = maker < 0 ? net->chain->self->pub.b[0] : (unsigned)maker;

	lm_chain_command_write(&w, &own->command);
	lm_chain_send(net, &m->key[(first + own->tries++) % m->n], LM_MSG_CHAIN_REQUEST, &w);
}

/*
 * One step of one of ours. What happens to others' commands is no reason to ask again for this
 * one: that is done when its own time has come.
 */
static void step(struct network *net, struct own *own)
{
	const struct state *s = &net->state;

	refresh(net, own);
	bool need = lm_chain_needs_consent(&own->command.c, &s->members, s);
	/* It may have come to need consents only now. */
	bool due = own->at <= lm_chain_now(net) || (need && own->asked == 0);
	enum lm_chain_verdict verdict = lm_chain_check(s, &own->command.c);
	if (verdict == LM_CV_APPLIED && need && !has_consents(net, own) && due) {
		if (own->asked++ < ASK_TRIES)
			ask_consents(net, own);
		else
			verdict = LM_CV_CONSENT;
	}
	/* In a block of which only the outcome was learned. */
	if (lm_chain_applied(&net->state, &own->command.c)) {
		lm_chain_own_end(net, own, LM_CV_APPLIED, LM_CHAIN_SOME_BLOCK);
		return;
	}
	if (verdict != LM_CV_APPLIED) {
		lm_chain_own_end(net, own, verdict, 0);
		return;
	}
	if (need && !has_consents(net, own))
		own->tries += due;
	else if (net->self >= 0)
		own->tries += enqueue(net, &own->command);
	else if (due)
		request(net, own);
	if (due)
		own->at = lm_chain_now(net) + lm_chain_backoff(net, ASK_BASE, own->tries, ASK_MAX);
}

void lm_chain_own_due(struct network *net)
{
	struct own *own, *next;

	for (own = TAILQ_FIRST(&net->own); own; own = next) {
		next = TAILQ_NEXT(own, entry);
		step(net, own);
	}
	net->own_at = LM_NEVER;
	TAILQ_FOREACH(own, &net->own, entry)
	net->own_at = lm_min_u64(net->own_at, own->at);
}

/* ---- consents ---- */

/* The members that the asker means are ours? Else one of us is behind. */
static bool same_members(const struct message *m, const uint8_t members[HASH_LEN])
{
	const struct network *net = m->net;

	if (m->era == net->where.era && memcmp(net->members_hash, members, HASH_LEN) == 0)
		return true;
	lm_chain_drop(m->net, m->height > m->net->height ? LM_CD_AHEAD : LM_CD_OLD);
	lm_chain_send_tip(m->net, m->from, true);
	return false;
}

void lm_chain_on_ask(struct message *m)
{
	struct network *net = m->net;
	uint8_t bytes[LM_MESSAGE_MAX], members[HASH_LEN], hash[HASH_LEN];
	struct lm_signature sig;
	struct command command;

	lm_read(&m->r, members, HASH_LEN);
	if (!lm_chain_command_read(&m->r, &command) || lm_reader_left(&m->r) || command.consents) {
		lm_chain_drop(net, LM_CD_MALFORMED);
		return;
	}
	if (net->self < 0) {
		lm_chain_drop(net, LM_CD_NO_MEMBER);
		return;
	}
	if (!same_members(m, members))
		return;
	if (!lm_chain_command_verify(&command, &net->where)) {
		lm_chain_drop(net, LM_CD_SIGNATURE);
		return;
	}
	if (!consents_here(net, &command.c)) {
		lm_chain_drop(net, LM_CD_REFUSED);
		return;
	}
	lm_chain_command_hash(hash, &command.c);
	if (lm_chain_consent_sign(&sig, net->chain->self, &net->where, members, hash) < 0)
		return;
	struct lm_writer w = lm_chain_begin(net, net->height, bytes);
	lm_write(&w, hash, HASH_LEN);
	lm_write(&w, sig.b, sizeof(sig.b));
	lm_chain_send(net, m->from, LM_MSG_CHAIN_CONSENT, &w);
}

static struct own *find_by_hash(struct network *net, const uint8_t hash[HASH_LEN])
{
	uint8_t ours[HASH_LEN];
	struct own *own;

	TAILQ_FOREACH(own, &net->own, entry)
	{
		lm_chain_command_hash(ours, &own->command.c);
		if (memcmp(ours, hash, HASH_LEN) == 0)
			return own;
	}
	return NULL;
}

void lm_chain_on_consent(struct message *m)
{
	struct network *net = m->net;
	const uint8_t *hash = lm_read_ref(&m->r, HASH_LEN);
	struct lm_signature sig;

	lm_read(&m->r, sig.b, sizeof(sig.b));
	if (m->r.failed || lm_reader_left(&m->r)) {
		lm_chain_drop(net, LM_CD_MALFORMED);
		return;
	}
	struct own *own = find_by_hash(net, hash);
	if (!own || m->member < 0 || own->command.consents & 1u << m->member) {
		lm_chain_drop(net, LM_CD_UNASKED);
		return;
	}
	refresh(net, own);
	if (!lm_chain_consent_verify(&sig, m->from, &net->where, own->members, hash)) {
		lm_chain_drop(net, LM_CD_SIGNATURE);
		return;
	}
	bool had = has_consents(net, own);
	own->command.consent[m->member] = sig;
	own->command.consents |= (uint8_t)(1u << m->member);
	if (!had && has_consents(net, own))
		own->at = net->own_at = lm_chain_now(net);
}

/* ---- for others ---- */

void lm_chain_on_request(struct message *m)
{
	struct network *net = m->net;
	struct command command;

	if (!lm_chain_command_read(&m->r, &command) || lm_reader_left(&m->r)) {
		lm_chain_drop(net, LM_CD_MALFORMED);
		return;
	}
	if (net->self < 0) {
		lm_chain_drop(net, LM_CD_NO_MEMBER);
		return;
	}
	/* Only what would apply now is worth a place in the queue. */
	if (lm_chain_check_proven(&net->state, &command, &net->state.members, &net->where) !=
	    LM_CV_APPLIED) {
		lm_chain_drop(net, LM_CD_REFUSED);
		/* Applied already, perhaps: whoever asks looks for himself. */
		lm_chain_send_tip(net, m->from, true);
		return;
	}
	enqueue(net, &command);
}
