/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that we want decided: which, how many at once, and when again. */
#include "address/internal.h"

#define OPS_MAX 24 /* on their way in one network; the chain's other users have the rest */
#define MOVES_MAX 16 /* of those, of endpoints that live elsewhere, which may wait for long */
#define RETRY_BASE SECOND
#define RETRY_MAX (60 * SECOND)
#define RETRY_SERVED (600 * SECOND) /* of what its holder says that it serves */
#define RETRY_STEP (250 * MS) /* many endpoints are looked at together */
#define FULL_WAIT (500 * MS)
#define ANEW_AFTER (3 * SECOND) /* until then the chain asks often enough by itself */
#define ORPHANS_APART 30 /* s; the members do not all propose it at once */

static uint64_t backoff(const struct network *net, unsigned tries, uint32_t about, uint64_t max)
{
	uint64_t wait = lm_min_u64(RETRY_BASE << lm_min_u64(tries, 20), max), hash = about;

	for (unsigned i = 0; i < 8; i++)
		hash = (hash ^ net->address->self->b[i]) * 0x100000001b3ull;
	hash = (hash ^ tries) * 0x9e3779b97f4a7c15ull;
	return wait - (hash >> 32) % (wait / 2);
}

int lm_address_rank(const struct network *net)
{
	int rank = 0;

	if (!net->info.member)
		return -1;
	for (unsigned i = 0; i < net->info.n_members; i++) {
		const struct lm_public_key *key = &net->info.members[i];
		if (lm_address_is_self(net, key))
			return rank;
		rank += lm_address_provider(net, key) != NOBODY;
	}
	return -1;
}

void lm_address_hurry(struct network *net)
{
	for (unsigned i = 0; i < net->n_order; i++) {
		struct spot *spot = &net->spots[net->order[i]];
		spot->retry = 0;
		spot->tries = 0;
	}
	memset(net->pace, 0, sizeof(net->pace));
}

/* ---- on their way ---- */

bool lm_address_op_of(const struct network *net, uint8_t kind, uint32_t block)
{
	const struct op *op;

	LIST_FOREACH(op, &net->ops, entry)
	if (!op->old && op->command.kind == kind && op->command.block == block)
		return true;
	return false;
}

bool lm_address_pace(struct network *net, uint8_t kind)
{
	uint64_t at = lm_max_u64(net->pace[kind].at, net->full_until);

	if (now_mono(net) < at)
		wake_at(net, at);
	return now_mono(net) >= at && net->n_ops < OPS_MAX;
}

struct op *lm_address_propose(struct network *net, const struct lm_chain_command *command)
{
	struct lm_address *a = net->address;
	struct op *op = net->n_ops < OPS_MAX ? calloc(1, sizeof(*op)) : NULL;

	if (!op)
		return NULL;
	*op = (struct op){.command = *command, .tag = ++a->last_tag, .since = now_mono(net)};
	op->command.serial = net->man->serial;
	if (a->ops.propose(a->ctx, &net->id, &op->command, op->tag) < 0) {
		free(op);
		net->full_until = now_mono(net) + FULL_WAIT;
		wake_at(net, net->full_until);
		return NULL;
	}
	LIST_INSERT_HEAD(&net->ops, op, entry);
	net->n_ops++;
	net->n_kind[command->kind]++;
	return op;
}

static void forget_op(struct network *net, struct op *op)
{
	if (op->old)
		return;
	op->old = true;
	net->n_ops--;
	net->n_kind[op->command.kind]--;
	net->n_moves -= op->command.kind == LM_CHAIN_MOVE && op->command.generation > 1;
}

void lm_address_ops_abandon(struct network *net)
{
	struct op *op;

	LIST_FOREACH(op, &net->ops, entry)
	forget_op(net, op);
	memset(net->pace, 0, sizeof(net->pace));
}

void lm_address_move_again(struct network *net, struct spot *spot)
{
	spot->retry = 0;
	/* The old one goes on and comes to nothing, or to the same; few do at a time. */
	if (!spot->op || now_mono(net) < spot->op->since + ANEW_AFTER)
		return;
	forget_op(net, spot->op);
	spot->op = NULL;
}

static void move_ended(struct network *net, const struct op *op, enum lm_chain_verdict verdict)
{
	struct spot *spot = lm_address_spot(net, op->command.key, op->command.key_len);

	if (!spot || spot->op != op)
		return;
	spot->op = NULL;
	spot->tries++;
	/* Should another gateway stop serving it, its claim ends, and that is noticed at once. */
	spot->retry = now_mono(net) + (spot->holder_claims
					      ? backoff(net, UINT8_MAX, spot->index, RETRY_SERVED)
					      : backoff(net, spot->tries, spot->index, RETRY_MAX));
	if (verdict == LM_CV_APPLIED)
		spot->tries = spot->retry = 0;
}

/* We were the first to have it and the only ones, so nobody who is cut off goes on serving it. */
static void forget_ended(struct network *net, const struct op *op, enum lm_chain_verdict verdict)
{
	struct record *r = lm_address_record(net, op->about);

	if (r && verdict == LM_CV_APPLIED && op->first && r->state == RECORD_GIVEN &&
	    r->key_len == op->command.key_len && memcmp(r->key, op->command.key, r->key_len) == 0)
		r->forgotten = true;
}

void lm_address_ended(
    struct network *net, struct op *op, enum lm_chain_verdict verdict, uint32_t block)
{
	uint8_t kind = op->command.kind;
	struct pace *pace = &net->pace[kind];

	if (kind == LM_CHAIN_MOVE)
		move_ended(net, op, verdict);
	if (kind == LM_CHAIN_FORGET)
		forget_ended(net, op, verdict);
	if (kind == LM_CHAIN_ASSIGN && verdict == LM_CV_APPLIED && block != LM_CHAIN_SOME_BLOCK)
		lm_address_block_granted(net, block);
	if (verdict == LM_CV_APPLIED || op->old)
		*pace = (struct pace){0};
	else if (kind != LM_CHAIN_MOVE)
		*pace = (struct pace){.tries = pace->tries + 1,
		    .at = now_mono(net) + backoff(net, pace->tries + 1, kind, RETRY_MAX)};
	forget_op(net, op);
	LIST_REMOVE(op, entry);
	free(op);
}

/* ---- endpoints ---- */

static bool wants_move(const struct network *net, const struct spot *spot)
{
	if (spot->op)
		return false;
	if (!spot->known)
		return spot->record != NULL;
	return spot->attached && spot->provider != net->self;
}

/* False: no more can be proposed for now. */
static bool propose_move(struct network *net, unsigned endpoint)
{
	struct spot *spot = &net->spots[endpoint];
	struct lm_chain_command c = {.kind = LM_CHAIN_MOVE,
	    .gateway = *net->address->self,
	    .address = spot->known ? spot->index : spot->record->index,
	    .generation = spot->known ? spot->generation + 1 : 1};

	if (spot->known && net->n_moves >= MOVES_MAX)
		return true;
	c.key_len = (uint8_t)lm_endpoint_key(c.key, net->man, endpoint);
	spot->op = lm_address_propose(net, &c);
	net->n_moves += spot->op && c.generation > 1;
	return spot->op;
}

static void wish_endpoints(struct network *net)
{
	unsigned start = net->cursor, n = net->n_order;

	if (now_mono(net) < net->full_until) {
		wake_at(net, net->full_until);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned at = (start + i) % n;
		struct spot *spot = &net->spots[net->order[at]];
		if (!wants_move(net, spot))
			continue;
		net->cursor = at;
		if (now_mono(net) < spot->retry)
			wake_at(net, (spot->retry / RETRY_STEP + 1) * RETRY_STEP);
		else if (!propose_move(net, net->order[at]))
			return;
	}
}

/* ---- the rest ---- */

static bool is_being_forgotten(const struct network *net, const struct leftover *l)
{
	const struct op *op;

	LIST_FOREACH(op, &net->ops, entry)
	if (!op->old && op->command.kind == LM_CHAIN_FORGET && op->command.key_len == l->key_len &&
	    memcmp(op->command.key, l->key, l->key_len) == 0)
		return true;
	return false;
}

static bool may_forget(struct network *net, const struct leftover *l)
{
	int rank = lm_address_rank(net);

	if (!l->orphan)
		return true;
	if (rank < 0)
		return false;
	uint64_t at = net->orphans_since + (uint64_t)rank * ORPHANS_APART * SECOND;
	if (now_mono(net) < at)
		wake_at(net, at);
	return now_mono(net) >= at;
}

static void wish_forget(struct network *net)
{
	for (unsigned i = 0; i < net->n_leftovers; i++) {
		const struct leftover *l = &net->leftovers[i];
		struct lm_chain_command c = {.kind = LM_CHAIN_FORGET, .key_len = l->key_len};
		if (is_being_forgotten(net, l) || !may_forget(net, l) ||
		    !lm_address_pace(net, c.kind))
			continue;
		memcpy(c.key, l->key, l->key_len);
		struct op *op = lm_address_propose(net, &c);
		if (!op)
			return;
		op->about = l->index;
		op->first = !l->orphan && l->generation == 1;
	}
}

/* A rest that cannot end before the chain knows that ours is the manifest in force. */
static void wish_serial(struct network *net)
{
	struct lm_chain_command c = {.kind = LM_CHAIN_SERIAL};

	if (net->stale && net->info.serial < net->man->serial && !net->n_kind[c.kind] &&
	    lm_address_pace(net, c.kind))
		lm_address_propose(net, &c);
}

/* By a manifest that the chain knows to be out of date nothing is decided any more. */
void lm_address_wishes(struct network *net)
{
	if (net->info.serial > net->man->serial)
		return;
	lm_address_blocks_wish(net);
	wish_endpoints(net);
	wish_forget(net);
	wish_serial(net);
}
