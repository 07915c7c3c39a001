/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling and answering. A gateway tells one random peer at a time the digest of all that the two
 * share: soon after something has changed, and then ever more rarely (the thought of RFC 6206). If
 * it is not the other's, each pulls what the other has newer (pull.c); whoever is asked answers
 * from its tables and remembers nothing.
 */
#include "ledger/internal.h"

#define ROOT_COST 4 /* in answers: a look at every network that we share */
#define ANSWER_UNIT 512 /* so many bytes of an answer cost one more */
#define BRANCH 0xff
#define ROOT_LEN (1 + 4 + LM_LEAF_LEN)
/* One that has less than half of what we have is filling up: it asks us first. */
#define FILLING_SLACK 64

static bool may_answer(struct lm_ledger *l, struct gateway *g, unsigned n)
{
	if (lm_ledger_allow(l, &g->answers, ANSWERS_RATE, ANSWERS_BURST, n))
		return true;
	l->drops[LM_LD_RATE]++;
	return false;
}

/* ---- roots ---- */

static uint32_t root_of(struct gateway *g, uint8_t root[LM_LEAF_LEN])
{
	const struct lm_node all = {0};
	uint32_t n = 0;

	lm_ledger_refresh(g);
	lm_shelf_digest(&g->shared, &all, NULL, root);
	for (uint32_t i = 0; i < g->shared.n; i++)
		n += ((struct seat *)g->shared.at[i])->net->records.n;
	return n;
}

void lm_ledger_send_root(struct lm_ledger *l, struct gateway *to, uint8_t flags)
{
	uint8_t body[ROOT_LEN], root[LM_LEAF_LEN];
	struct lm_writer w = lm_writer(body, sizeof(body));

	lm_write_u8(&w, flags);
	lm_write_u32(&w, root_of(to, root));
	lm_write(&w, root, sizeof(root));
	l->ops.send(l->ctx, to->peer, LM_MSG_LEDGER_ROOT, body, sizeof(body));
}

void lm_ledger_root_message(
    struct lm_ledger *l, struct gateway *from, const uint8_t *body, size_t len)
{
	struct lm_reader r = lm_reader(body, len);
	uint8_t flags = lm_read_u8(&r), root[LM_LEAF_LEN], ours[LM_LEAF_LEN];
	uint32_t n = lm_read_u32(&r);

	lm_read(&r, root, sizeof(root));
	if (r.failed || lm_reader_left(&r) || (flags & ~ROOT_ASK)) {
		l->drops[LM_LD_MALFORMED]++;
		return;
	}
	if (!may_answer(l, from, ROOT_COST))
		return;
	uint32_t n_ours = root_of(from, ours);
	if (memcmp(root, ours, sizeof(root)) == 0)
		return;
	if (flags & ROOT_ASK)
		lm_ledger_send_root(l, from, 0);
	if (n_ours < FILLING_SLACK || n >= (n_ours - FILLING_SLACK) / 2)
		lm_ledger_pull_later(l, from);
}

/* The newest in place of a random one, if there are too many. */
static void note_recent(struct lm_ledger *l, const struct network *net)
{
	for (unsigned i = 0; i < l->n_recent; i++)
		if (memcmp(&l->recent[i], &net->id, sizeof(net->id)) == 0)
			return;
	if (l->n_recent < RECENT_MAX)
		l->recent[l->n_recent++] = net->id;
	else
		l->recent[lm_ledger_random(l, RECENT_MAX)] = net->id;
}

void lm_ledger_stir(struct lm_ledger *l, const struct network *net)
{
	const uint64_t soon = LM_LEDGER_COMPARE_MIN * SECOND;

	note_recent(l, net);

	l->compare_wait = soon;
	l->compare_at =
	    lm_min_u64(l->compare_at, l->now.mono + soon / 2 + lm_ledger_random(l, soon));
}

/* A random peer of a network in which something has just changed, or NULL. */
static struct gateway *somebody_concerned(struct lm_ledger *l)
{
	const struct network *net =
	    l->n_recent ? lm_ledger_net(l, &l->recent[lm_ledger_random(l, l->n_recent)]) : NULL;
	uint64_t first = net ? lm_ledger_random(l, net->n_seats) : 0;

	for (unsigned i = 0; net && i < net->n_seats; i++) {
		const struct seat *seat = &net->seats[(first + i) % net->n_seats];
		if (seat->shelved && seat->gateway->peer)
			return seat->gateway;
	}
	return NULL;
}

/* A random peer that shares a network with us, or NULL. */
static struct gateway *somebody(struct lm_ledger *l)
{
	uint64_t first = lm_ledger_random(l, l->n_ups);

	for (uint32_t i = 0; i < l->n_ups; i++) {
		struct gateway *g = l->ups[(first + i) % l->n_ups];
		if (g->shared.n)
			return g;
	}
	return NULL;
}

void lm_ledger_compare_due(struct lm_ledger *l)
{
	if (l->now.mono < l->compare_at)
		return;
	/* Mostly where a change may have been missed, and sometimes anywhere. */
	struct gateway *g = lm_ledger_random(l, 4) ? somebody_concerned(l) : NULL;
	if (!g)
		g = somebody(l);
	if (g)
		lm_ledger_send_root(l, g, ROOT_ASK);
	uint64_t wait = lm_min_u64(2 * l->compare_wait, LM_LEDGER_COMPARE_MAX * SECOND);
	l->compare_wait = wait;
	if (wait == LM_LEDGER_COMPARE_MAX * SECOND)
		l->n_recent = 0;
	l->compare_at =
	    l->info.joined ? l->now.mono + wait / 2 + lm_ledger_random(l, wait) : LM_NEVER;
}

/* ---- nodes ---- */

void lm_ledger_write_node(struct lm_writer *w, const struct lm_node *node)
{
	lm_write_u8(w, node->depth);
	lm_write(w, node->prefix, (node->depth + 1u) / 2);
}

bool lm_ledger_read_node(struct lm_reader *r, struct lm_node *node)
{
	*node = (struct lm_node){.depth = lm_read_u8(r)};
	if (node->depth > LM_DEPTH_MAX)
		return false;
	lm_read(r, node->prefix, (node->depth + 1u) / 2);
	/* One spelling a node. */
	return !r->failed && !(node->depth % 2 && node->prefix[node->depth / 2] & 0xf);
}

static void write_answer(
    struct lm_writer *w, struct lm_shelf *shelf, const uint8_t *key, const struct lm_node *node)
{
	uint32_t from, to = lm_shelf_range(shelf, node, &from);

	lm_ledger_write_node(w, node);
	if (to - from <= LM_LEAVES_MAX || node->depth == LM_DEPTH_MAX) {
		uint32_t n = to - from < LM_LEAVES_MAX ? to - from : LM_LEAVES_MAX;
		lm_write_u8(w, (uint8_t)n);
		for (uint32_t i = from; i < from + n; i++)
			lm_write(w, shelf->at[i]->id, sizeof(struct lm_leaf));
		return;
	}
	lm_write_u8(w, BRANCH);
	for (unsigned c = 0; c < 16; c++) {
		uint8_t digest[LM_LEAF_LEN];
		struct lm_node child = lm_node_child(node, c);
		lm_shelf_digest(shelf, &child, key, digest);
		lm_write(w, digest, sizeof(digest));
	}
}

/* Answers to one message of questions about one tree, in as few messages as hold them. */
static void answer(struct lm_ledger *l, struct gateway *from, const uint8_t tag[TAG_LEN],
    struct lm_shelf *shelf, const uint8_t *key, struct lm_reader *r)
{
	uint8_t body[LM_MESSAGE_MAX],
	    item[NODE_LEN_MAX + 1 + LM_LEAVES_MAX * sizeof(struct lm_leaf)];
	struct lm_writer out = lm_writer(body, sizeof(body));
	struct lm_node node;

	lm_write(&out, tag, TAG_LEN);
	for (unsigned n = 0; lm_reader_left(r); n++) {
		if (!lm_ledger_read_node(r, &node) || n == ASKED_MAX) {
			l->drops[LM_LD_MALFORMED]++;
			break;
		}
		if (!may_answer(l, from, 1))
			break;
		struct lm_writer w = lm_writer(item, sizeof(item));
		write_answer(&w, shelf, key, &node);
		lm_ledger_allow(l, &from->answers, ANSWERS_RATE, ANSWERS_BURST,
		    (unsigned)(lm_writer_len(&w) / ANSWER_UNIT));
		if (lm_writer_len(&out) + lm_writer_len(&w) > sizeof(body)) {
			l->ops.send(
			    l->ctx, from->peer, LM_MSG_LEDGER_NODES, body, lm_writer_len(&out));
			out.at = out.start + TAG_LEN;
		}
		lm_write(&out, item, lm_writer_len(&w));
	}
	if (lm_writer_len(&out) > TAG_LEN)
		l->ops.send(l->ctx, from->peer, LM_MSG_LEDGER_NODES, body, lm_writer_len(&out));
}

/* The network of this tag that we share, or NULL: the sender is told that we do not. */
static struct network *shared_or_tell(
    struct lm_ledger *l, struct gateway *from, const uint8_t tag[TAG_LEN])
{
	struct seat *seat;
	struct network *net = lm_ledger_net_shared(l, from, tag, &seat);

	if (net) {
		lm_ledger_presence(seat, false);
		return net;
	}
	l->drops[LM_LD_UNKNOWN_NET]++;
	lm_ledger_send_absent(l, from, tag, 1);
	return NULL;
}

void lm_ledger_ask_message(
    struct lm_ledger *l, struct gateway *from, const uint8_t *body, size_t len)
{
	struct lm_reader r = lm_reader(body, len);
	const uint8_t *tag = lm_read_ref(&r, TAG_LEN);

	if (!tag) {
		l->drops[LM_LD_MALFORMED]++;
		return;
	}
	if (is_pair_tree(tag)) {
		lm_ledger_refresh(from);
		answer(l, from, tag, &from->shared, NULL, &r);
		return;
	}
	struct network *net = shared_or_tell(l, from, tag);
	if (net)
		answer(l, from, tag, &net->records, net->digest_key, &r);
}

/* ---- records ---- */

void lm_ledger_want_message(
    struct lm_ledger *l, struct gateway *from, const uint8_t *body, size_t len)
{
	struct record *found[LM_MESSAGE_MAX / LM_LEAF_LEN];
	struct lm_reader r = lm_reader(body, len);
	const uint8_t *tag = lm_read_ref(&r, TAG_LEN), *id;
	unsigned n = 0;

	if (!tag || lm_reader_left(&r) % LM_LEAF_LEN || len > LM_MESSAGE_MAX) {
		l->drops[LM_LD_MALFORMED]++;
		return;
	}
	struct network *net = shared_or_tell(l, from, tag);
	while (net && lm_reader_left(&r) && (id = lm_read_ref(&r, LM_LEAF_LEN))) {
		found[n] = lm_ledger_record(net, id);
		if (!found[n])
			continue;
		if (!may_answer(l, from, 1))
			break;
		n++;
	}
	if (n)
		lm_ledger_send_records(l, from, net, found, n);
}

/* ---- networks that one of the two does not take part in ---- */

void lm_ledger_send_absent(struct lm_ledger *l, struct gateway *to, const uint8_t *tags, unsigned n)
{
	if (n && may_answer(l, to, 1))
		l->ops.send(l->ctx, to->peer, LM_MSG_LEDGER_ABSENT, tags, (size_t)n * TAG_LEN);
}

void lm_ledger_absent_message(
    struct lm_ledger *l, struct gateway *from, const uint8_t *body, size_t len)
{
	struct lm_reader r = lm_reader(body, len);
	const uint8_t *tag;

	if (len % TAG_LEN) {
		l->drops[LM_LD_MALFORMED]++;
		return;
	}
	while (lm_reader_left(&r) && (tag = lm_read_ref(&r, TAG_LEN))) {
		struct seat *seat;
		lm_ledger_pull_absent(l, from, tag);
		if (lm_ledger_net_shared(l, from, tag, &seat))
			lm_ledger_presence(seat, true);
	}
}
