/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold whenever a chain has grown. The reckoning of owners and places here is a second
 * one, made from the commands alone, so that a mistake in lib/chain/apply.c is no standard.
 */
#include "world.h"

void check_begin(struct world *w)
{
	struct state genesis;

	if (lm_chain_genesis_state(&genesis, &w->genesis) < 0)
		abort();
	w->truth[0] = (struct truth){.known = true, .members = genesis.members};
	lm_chain_state_hash(w->truth[0].state, &genesis);
	for (unsigned i = 0; i < WORLD_BLOCKS; i++)
		w->owner_of[i] = -1;
	for (unsigned i = 0; i < WORLD_KEYS; i++)
		w->place[i] = -1;
}

/* ---- the second reckoning ---- */

static void note_applied(struct world *w, const struct node *n, const struct lm_chain_command *c)
{
	uint64_t id = (uint64_t)world_index(w, &c->author) << 48 ^ c->number;

	for (unsigned i = 0; i < w->n_applied; i++)
		if (w->applied[i] == id)
			world_broken(w, n, "a command is applied twice");
	if (w->n_applied % 64 == 0)
		w->applied = realloc(w->applied, (w->n_applied + 64) * sizeof(*w->applied));
	if (!w->applied)
		abort();
	w->applied[w->n_applied++] = id;
}

static void reckon_remove(struct world *w, int gateway, uint64_t until)
{
	for (unsigned i = 0; i < WORLD_BLOCKS; i++) {
		if (w->owner_of[i] != gateway)
			continue;
		w->owner_of[i] = -2;
		w->until[i] = until;
	}
	for (unsigned i = 0; i < WORLD_KEYS; i++)
		if (w->place[i] == gateway)
			w->place[i] = -1;
}

static void reckon_free(struct world *w, const struct node *n, uint32_t block)
{
	/* Whatever clocks say: no honest majority's is ahead of the time by more than SKEW. */
	uint64_t now = world_now(n).wall / SECOND - (uint64_t)(n->clock / (int64_t)SECOND);

	if (w->owner_of[block] != -2)
		world_broken(w, n, "address block %u, not in quarantine, is freed", block);
	if (now + SKEW < w->until[block])
		world_broken(w, n, "address block %u is freed before its time", block);
	w->owner_of[block] = -1;
}

static void reckon(struct world *w, const struct node *n, const struct lm_chain_command *c)
{
	int author = world_index(w, &c->author), gateway = world_index(w, &c->gateway);
	unsigned i = 0, key = c->key_len ? (unsigned)(c->key[3] - '0') : 0;

	note_applied(w, n, c);
	switch (c->kind) {
	case LM_CHAIN_REMOVE:
		reckon_remove(w, gateway, c->until);
		break;
	case LM_CHAIN_ASSIGN:
		while (i < WORLD_BLOCKS && w->owner_of[i] != -1)
			i++;
		if (i == WORLD_BLOCKS)
			world_broken(w, n, "an address block out of nothing");
		else
			w->owner_of[i] = author;
		break;
	case LM_CHAIN_RELEASE:
		if (w->owner_of[c->block] != author)
			world_broken(w, n, "another's address block is released");
		w->owner_of[c->block] = -2;
		w->until[c->block] = c->until;
		break;
	case LM_CHAIN_FREE:
		reckon_free(w, n, c->block);
		break;
	case LM_CHAIN_MOVE:
		if (c->generation <= w->generation[key])
			world_broken(w, n, "endpoint %u moves back", key);
		w->generation[key] = c->generation;
		w->place[key] = gateway;
		break;
	case LM_CHAIN_FORGET:
		w->generation[key] = 0;
		w->place[key] = -1;
		break;
	default:
		break;
	}
}

static void check_state(struct node *n)
{
	struct world *w = n->world;
	struct lm_chain_block block;
	struct lm_chain_endpoint e;
	uint8_t key[LM_CHAIN_KEY_MAX];

	for (unsigned i = 0; i < WORLD_BLOCKS; i++) {
		lm_chain_block(n->chain, &w->net, i, &block);
		int owner = block.owner ? world_index(w, block.owner) : block.until ? -2 : -1;
		if (owner != w->owner_of[i])
			world_broken(
			    w, n, "address block %u is %d's, not %d's", i, owner, w->owner_of[i]);
	}
	for (unsigned i = 0; i < WORLD_KEYS; i++) {
		size_t len = world_key(i, key);
		int place = -1;
		if (lm_chain_endpoint(n->chain, &w->net, key, len, &e) == 0 && e.gateway)
			place = world_index(w, e.gateway);
		if (place != w->place[i])
			world_broken(
			    w, n, "endpoint %u is at %d, not at %d", i, place, w->place[i]);
	}
}

/* ---- commands ---- */

static const struct seen *find_seen(const struct world *w, const uint8_t hash[HASH_LEN])
{
	for (unsigned i = w->n_seen; i > 0; i--)
		if (memcmp(w->seen[i - 1].hash, hash, HASH_LEN) == 0)
			return &w->seen[i - 1];
	return NULL;
}

void check_vote(struct world *w, const uint8_t *bytes, size_t len)
{
	struct lm_reader r = lm_reader(bytes, len);
	struct header h;

	lm_read_ref(&r, 4 + 8 + 8);
	if (lm_read_u64(&r) == 0)
		return;
	lm_read_ref(&r, LM_SIGNATURE_LEN);
	if (!lm_chain_header_read(&r, &w->net, &h) || find_seen(w, h.body))
		return;
	if (w->n_seen % 64 == 0)
		w->seen = realloc(w->seen, (w->n_seen + 64) * sizeof(*w->seen));
	if (!w->seen)
		abort();
	struct seen *s = &w->seen[w->n_seen++];
	*s = (struct seen){.len = h.body_len, .bytes = malloc(h.body_len)};
	memcpy(s->hash, h.body, HASH_LEN);
	lm_read(&r, s->bytes, s->len);
}

void check_told(struct world *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		for (unsigned k = 0; k < w->node[i].n_told; k++) {
			const struct told *t = &w->node[i].told[k];
			uint64_t id = (uint64_t)i << 48 ^ t->number;
			bool found = !t->ended || t->verdict != LM_CV_APPLIED;
			for (unsigned a = 0; a < w->n_applied && !found; a++)
				found = w->applied[a] == id;
			if (!found)
				world_broken(w, &w->node[i], "command %llu, acknowledged, is lost",
				    (unsigned long long)t->tag);
		}
	}
}

void check_free(struct world *w)
{
	for (unsigned i = 0; i < w->n_seen; i++)
		free(w->seen[i].bytes);
	free(w->seen);
	free(w->applied);
}

/* ---- blocks ---- */

static unsigned count_good(
    const struct decided *d, const uint8_t hash[HASH_LEN], const struct members *before)
{
	unsigned good = 0;

	for (unsigned i = 0; i < before->n; i++)
		if (d->certificate.members & 1u << i &&
		    lm_chain_accept_verify(&d->certificate.signature[i], &before->key[i],
			&d->header.where, d->header.height, d->certificate.ballot, hash))
			good++;
	return good;
}

/* Nobody has seen this height before: it becomes what all others are compared with. */
static void first_seen(struct node *n, const struct decided *d, const uint8_t hash[HASH_LEN])
{
	struct world *w = n->world;
	uint64_t height = d->header.height;
	struct command commands[LM_CHAIN_COMMANDS_MAX];
	struct truth *t = &w->truth[height];
	const struct seen *seen = find_seen(w, d->header.body);
	int count = seen ? lm_chain_body_read(commands, seen->bytes, seen->len) : -1;

	if (height != w->height + 1 || memcmp(d->header.prev, w->truth[height - 1].hash,
					   HASH_LEN * (height > w->start + 1)) != 0)
		world_broken(w, n, "height %llu does not follow", (unsigned long long)height);
	if (count < 0)
		world_broken(w, n, "height %llu is new, but nobody voted for it",
		    (unsigned long long)height);
	*t = (struct truth){.known = true,
	    .at = w->now,
	    .members = d->new_members ? d->members : w->truth[height - 1].members};
	memcpy(t->hash, hash, HASH_LEN);
	memcpy(t->state, d->header.state, HASH_LEN);
	w->height = height;
	for (int i = 0; i < count; i++) {
		if (!lm_chain_command_verify(&commands[i], &d->header.where))
			world_broken(w, n, "a command that its author did not sign");
		reckon(w, n, &commands[i].c);
	}
}

static void check_piece(struct node *n, const struct piece *p, uint64_t height)
{
	struct world *w = n->world;
	struct lm_reader r = lm_reader(p->bytes, p->len);
	const struct truth *t = &w->truth[height];
	uint8_t hash[HASH_LEN];
	struct decided d;

	if (!lm_chain_decided_read(&r, &w->net, &d) || d.header.height != height) {
		world_broken(w, n, "a damaged block");
		return;
	}
	lm_chain_header_hash(hash, &d.header);
	const struct members *before = &w->truth[height - 1].members;
	if (count_good(&d, hash, before) < before->n / 2 + 1)
		world_broken(w, n, "height %llu without a majority of those who vote on it",
		    (unsigned long long)height);
	if (!t->known)
		first_seen(n, &d, hash);
	else if (memcmp(t->hash, hash, HASH_LEN) != 0 && !w->forks_allowed)
		world_broken(w, n, "two blocks of height %llu", (unsigned long long)height);
}

void check_grown(struct node *n)
{
	struct world *w = n->world;
	const struct network *net = world_net(w, n->index);
	uint8_t state[HASH_LEN];

	if (net->where.era != w->era)
		return; /* a chain that the owner has ended, or a new one: tests look for themselves
			 */
	if (n->era == net->where.era && net->height < n->height)
		world_broken(w, n, "height %llu after %llu", (unsigned long long)net->height,
		    (unsigned long long)n->height);
	if (net->height >= WORLD_HEIGHTS) {
		world_broken(w, n, "the test's chain is too long");
		return;
	}
	uint64_t from = n->era == net->where.era ? n->height : net->start.height;
	for (uint64_t h = from + 1; h <= net->height; h++) {
		const struct piece *p = lm_chain_piece(net, h);
		if (p)
			check_piece(n, p, h);
		else
			world_broken(w, n, "height %llu is missing", (unsigned long long)h);
	}
	n->era = net->where.era;
	n->height = net->height;
	lm_chain_state_hash(state, &net->state);
	if (w->forks_allowed || !w->truth[net->height].known)
		return;
	if (memcmp(state, w->truth[net->height].state, HASH_LEN) != 0)
		world_broken(w, n, "another state at height %llu", (unsigned long long)net->height);
	if (net->height == w->height)
		check_state(n);
}

/* One liar is enough to deceive a majority of three; messages are late by a known time. */
void check_current(struct node *n)
{
	const struct world *w = n->world;
	const struct network *net = world_net(n->world, n->index);

	for (unsigned i = 0; i < w->n; i++)
		if (w->node[i].liar)
			return;
	if (net->where.era != w->era || net->height >= w->height)
		return;
	if (w->truth[net->height + 1].at + w->slowest < lm_chain_current(net))
		world_broken(
		    n->world, n, "it calls height %llu current", (unsigned long long)net->height);
}
