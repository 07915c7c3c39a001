/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pulling what a peer has newer. The records of a network come from one peer at a time, so that a
 * gateway that comes up among hundreds gets each once; those of different networks from several,
 * so that one with thousands of networks does not wait for one peer after the other. The walk goes
 * down only where digests differ; what is open at once is bounded, answers make room for the next
 * questions, and what is lost is asked again.
 */
#include "ledger/internal.h"

#define BRANCH 0xff
#define ANSWER_WAIT SECOND
#define TRIES 3
/* Meanwhile others may have given us what it has: compare again first. */
#define STALE (2 * SECOND)
/* One that keeps us busy without giving a record is left, so that others get their turn. */
#define FRUITLESS (10 * SECOND)
#define PATIENCE (2 * SECOND)
#define LONGEST (60 * SECOND)

void lm_ledger_pull_later(struct lm_ledger *l, struct gateway *from)
{
	if (from->differs || from->pull)
		return;
	from->differs = true;
	from->differs_since = l->now.mono;
	TAILQ_INSERT_TAIL(&l->pullable, from, pulling);
}

/* ---- asking ---- */

/* A message under way: one tree's questions or wishes. */
struct letter {
	const struct gateway *to;
	struct lm_writer w;
	uint8_t type;
	uint8_t body[LM_MESSAGE_MAX];
};

static void letter_start(struct letter *t, const struct pull *p, uint8_t type)
{
	t->to = p->from;
	t->type = type;
	t->w = lm_writer(t->body, sizeof(t->body));
}

static void letter_send(struct lm_ledger *l, struct letter *t)
{
	if (lm_writer_len(&t->w) > TAG_LEN)
		l->ops.send(l->ctx, t->to->peer, t->type, t->body, lm_writer_len(&t->w));
	t->w.at = t->w.start;
}

static void letter_add(struct lm_ledger *l, struct letter *t, const uint8_t tag[TAG_LEN],
    const uint8_t *item, size_t len)
{
	if (memcmp(t->body, tag, TAG_LEN) != 0 || lm_writer_len(&t->w) + len > sizeof(t->body))
		letter_send(l, t);
	if (lm_writer_len(&t->w) == 0)
		lm_write(&t->w, tag, TAG_LEN);
	lm_write(&t->w, item, len);
}

static void add_question(struct lm_ledger *l, struct letter *t, const struct question *q)
{
	uint8_t node[NODE_LEN_MAX];
	struct lm_writer w = lm_writer(node, sizeof(node));

	lm_ledger_write_node(&w, &q->node);
	letter_add(l, t, q->tag, node, lm_writer_len(&w));
}

/* How many nodes may be open: whatever the answers hold, we can note it, and check it. */
static unsigned room_for_nodes(struct lm_ledger *l, const struct pull *p)
{
	unsigned records = lm_ledger_allowed(l, &p->from->checks, CHECKS_RATE, CHECKS_BURST);

	records = records < WANTED_MAX ? records : WANTED_MAX;
	return records > p->n_wanted ? (records - p->n_wanted) / LM_LEAVES_MAX : 0;
}

/* Asks what is on the stack. */
static void ask_more(struct lm_ledger *l, struct pull *p)
{
	unsigned room = room_for_nodes(l, p);
	struct letter t;

	letter_start(&t, p, LM_MSG_LEDGER_ASK);
	while (p->n_todo && p->n_asked < room) {
		p->asked[p->n_asked] = p->todo[--p->n_todo];
		add_question(l, &t, &p->asked[p->n_asked++]);
	}
	letter_send(l, &t);
}

static void ask_again(struct lm_ledger *l, const struct pull *p)
{
	struct letter t;

	letter_start(&t, p, LM_MSG_LEDGER_ASK);
	for (unsigned i = 0; i < p->n_asked; i++)
		add_question(l, &t, &p->asked[i]);
	letter_send(l, &t);
	letter_start(&t, p, LM_MSG_LEDGER_WANT);
	for (unsigned i = 0; i < p->n_wanted; i++)
		letter_add(l, &t, p->wanted[i].tag, p->wanted[i].id, LM_LEAF_LEN);
	letter_send(l, &t);
}

/* Beyond the bound it is left for the next time. */
static void todo(struct pull *p, const uint8_t tag[TAG_LEN], const struct lm_node *node)
{
	if (p->n_todo == TODO_MAX)
		return;
	memcpy(p->todo[p->n_todo].tag, tag, TAG_LEN);
	p->todo[p->n_todo++].node = *node;
}

/* Are this network's records ours to ask for? They are if no other pull is at it. */
static bool claim(struct lm_ledger *l, struct pull *p, struct network *net)
{
	const struct pull *other;

	TAILQ_FOREACH(other, &l->pulls, link)
	if (other != p && other->number == net->pulled_by) {
		p->left = true;
		return false;
	}
	net->pulled_by = p->number;
	p->claimed = true;
	return true;
}

static void progress(const struct lm_ledger *l, struct pull *p)
{
	p->last = l->now.mono;
	p->tries = 0;
}

/* ---- answers ---- */

/* What the peer says is below a node: digests of the children, or leaves. */
struct answer {
	struct lm_node node;
	bool branch;
	uint8_t n; /* leaves */
	const uint8_t *data;
};

static bool read_answer(struct lm_reader *r, struct answer *a)
{
	bool sound = lm_ledger_read_node(r, &a->node);

	a->n = lm_read_u8(r);
	a->branch = a->n == BRANCH;
	a->data =
	    lm_read_ref(r, a->branch ? 16 * LM_LEAF_LEN : (size_t)a->n * sizeof(struct lm_leaf));
	return sound && !r->failed &&
	       (a->branch ? a->node.depth < LM_DEPTH_MAX : a->n <= LM_LEAVES_MAX);
}

static const struct lm_leaf *leaf_at(const struct answer *a, unsigned i)
{
	return (const struct lm_leaf *)(a->data + i * sizeof(struct lm_leaf));
}

static void look_below(struct pull *p, const uint8_t tag[TAG_LEN], struct lm_shelf *shelf,
    const uint8_t *key, const struct answer *a)
{
	static const uint8_t nothing[LM_LEAF_LEN];

	for (unsigned c = 0; c < 16; c++) {
		const uint8_t *theirs = a->data + c * LM_LEAF_LEN;
		uint8_t ours[LM_LEAF_LEN];
		struct lm_node child = lm_node_child(&a->node, c);
		lm_shelf_digest(shelf, &child, key, ours);
		if (memcmp(ours, theirs, LM_LEAF_LEN) == 0)
			continue;
		/* Records that only we have are the peer's to pull; of networks we ask. */
		if (is_pair_tree(tag) || memcmp(theirs, nothing, LM_LEAF_LEN) != 0)
			todo(p, tag, &child);
	}
}

static bool listed(const struct answer *a, const uint8_t id[LM_LEAF_LEN])
{
	for (unsigned i = 0; i < a->n; i++)
		if (memcmp(leaf_at(a, i)->id, id, LM_LEAF_LEN) == 0)
			return true;
	return false;
}

/* Networks that the peer shares with us, as it sees it, and their roots. */
static void compare_networks(struct lm_ledger *l, struct pull *p, const struct answer *a)
{
	struct gateway *from = p->from;
	const struct lm_node all = {0};
	uint8_t absent[LM_LEAVES_MAX * TAG_LEN];
	unsigned n_absent = 0;

	for (unsigned i = 0; i < a->n; i++) {
		const struct lm_leaf *leaf = leaf_at(a, i);
		struct seat *seat;
		struct network *net = lm_ledger_net_shared(l, from, leaf->id, &seat);
		if (!net) {
			memcpy(absent + TAG_LEN * n_absent++, leaf->id, TAG_LEN);
			continue;
		}
		lm_ledger_presence(seat, false);
		if (memcmp(lm_ledger_root(net), leaf->state, LM_LEAF_LEN) != 0 && claim(l, p, net))
			todo(p, net->tag, &all);
	}
	lm_ledger_send_absent(l, from, absent, n_absent);
	/* Of the others it has not heard from us yet, or it does not take part: it will say. */
	uint32_t first, end = lm_shelf_range(&from->shared, &a->node, &first);
	for (uint32_t i = first; i < end; i++) {
		const struct seat *seat = (const struct seat *)from->shared.at[i];
		if (!listed(a, seat->leaf.id) && claim(l, p, seat->net))
			todo(p, seat->leaf.id, &all);
	}
}

static void compare_records(
    struct lm_ledger *l, struct pull *p, const struct network *net, const struct answer *a)
{
	struct letter t;

	letter_start(&t, p, LM_MSG_LEDGER_WANT);
	for (unsigned i = 0; i < a->n; i++) {
		const struct lm_leaf *theirs = leaf_at(a, i);
		const struct lm_leaf *ours = lm_shelf_find(&net->records, theirs->id);
		if (ours && memcmp(ours->state, theirs->state, LM_LEAF_LEN) >= 0)
			continue;
		if (p->n_wanted == WANTED_MAX) /* cannot be: see ask_more */
			break;
		memcpy(p->wanted[p->n_wanted].tag, net->tag, TAG_LEN);
		memcpy(p->wanted[p->n_wanted++].id, theirs->id, LM_LEAF_LEN);
		letter_add(l, &t, net->tag, theirs->id, LM_LEAF_LEN);
	}
	letter_send(l, &t);
}

/* Takes a question off the list of those without an answer; false: it was not asked. */
static bool was_asked(const struct lm_ledger *l, struct pull *p, const uint8_t tag[TAG_LEN],
    const struct lm_node *node)
{
	for (unsigned i = 0; i < p->n_asked; i++) {
		const struct question *q = &p->asked[i];
		if (q->node.depth != node->depth || memcmp(q->tag, tag, TAG_LEN) != 0 ||
		    memcmp(q->node.prefix, node->prefix, LM_LEAF_LEN) != 0)
			continue;
		p->asked[i] = p->asked[--p->n_asked];
		progress(l, p);
		return true;
	}
	return false;
}

static void follow(
    struct lm_ledger *l, struct pull *p, const uint8_t tag[TAG_LEN], const struct answer *a)
{
	struct gateway *from = p->from;
	struct seat *seat;

	if (is_pair_tree(tag)) {
		lm_ledger_refresh(from);
		if (a->branch)
			look_below(p, tag, &from->shared, NULL, a);
		else
			compare_networks(l, p, a);
		return;
	}
	struct network *net = lm_ledger_net_shared(l, from, tag, &seat);
	if (!net)
		return; /* we have left it meanwhile */
	lm_ledger_presence(seat, false);
	if (a->branch)
		look_below(p, tag, &net->records, net->digest_key, a);
	else
		compare_records(l, p, net, a);
}

void lm_ledger_nodes_message(
    struct lm_ledger *l, struct gateway *from, const uint8_t *body, size_t len)
{
	struct lm_reader r = lm_reader(body, len);
	const uint8_t *tag = lm_read_ref(&r, TAG_LEN);
	struct pull *p = from->pull;
	struct answer a;

	if (!p) {
		l->drops[LM_LD_UNASKED]++;
		return;
	}
	if (!tag) {
		l->drops[LM_LD_MALFORMED]++;
		return;
	}
	while (lm_reader_left(&r)) {
		if (!read_answer(&r, &a)) {
			l->drops[LM_LD_MALFORMED]++;
			break;
		}
		if (was_asked(l, p, tag, &a.node))
			follow(l, p, tag, &a);
		else
			l->drops[LM_LD_UNASKED]++;
	}
	ask_more(l, p);
}

void lm_ledger_pulled(struct lm_ledger *l, const struct gateway *from, const uint8_t tag[TAG_LEN],
    const uint8_t id[LM_LEAF_LEN], bool accepted)
{
	struct pull *p = from->pull;

	if (!p)
		return;
	for (unsigned i = 0; i < p->n_wanted; i++) {
		if (memcmp(p->wanted[i].id, id, LM_LEAF_LEN) != 0 ||
		    memcmp(p->wanted[i].tag, tag, TAG_LEN) != 0)
			continue;
		p->wanted[i] = p->wanted[--p->n_wanted];
		progress(l, p);
		if (accepted) {
			p->accepted = true;
			p->accepted_at = l->now.mono;
		}
		return;
	}
}

void lm_ledger_pull_on(struct lm_ledger *l, const struct gateway *from)
{
	if (from->pull)
		ask_more(l, from->pull);
}

void lm_ledger_pull_absent(
    struct lm_ledger *l, const struct gateway *from, const uint8_t tag[TAG_LEN])
{
	struct pull *p = from->pull;

	if (!p)
		return;
	for (unsigned i = p->n_asked; i-- > 0;)
		if (memcmp(p->asked[i].tag, tag, TAG_LEN) == 0)
			p->asked[i] = p->asked[--p->n_asked];
	for (unsigned i = p->n_wanted; i-- > 0;)
		if (memcmp(p->wanted[i].tag, tag, TAG_LEN) == 0)
			p->wanted[i] = p->wanted[--p->n_wanted];
	progress(l, p);
	ask_more(l, p);
}

/* ---- its life ---- */

static void start(struct lm_ledger *l, struct gateway *from)
{
	static const uint8_t pair[TAG_LEN];
	const struct lm_node all = {0};
	struct pull *p = calloc(1, sizeof(*p));

	if (!p) {
		l->drops[LM_LD_MEMORY]++; /* the next comparison finds it again */
		return;
	}
	p->from = from;
	p->number = ++l->info.pulls;
	p->started = p->last = p->accepted_at = l->now.mono;
	from->pull = p;
	TAILQ_INSERT_TAIL(&l->pulls, p, link);
	l->n_pulls++;
	todo(p, pair, &all);
	ask_more(l, p);
}

static void compare_waiting(struct lm_ledger *l)
{
	struct gateway *g;

	while ((g = TAILQ_FIRST(&l->waiting))) {
		lm_ledger_wait_no_more(l, g);
		lm_ledger_tell(l, g);
	}
}

void lm_ledger_wait_no_more(struct lm_ledger *l, struct gateway *g)
{
	if (g->waits)
		TAILQ_REMOVE(&l->waiting, g, wait);
	g->waits = false;
}

void lm_ledger_pull_forget(struct lm_ledger *l, struct gateway *from)
{
	struct pull *p = from->pull;

	if (!p)
		return;
	TAILQ_REMOVE(&l->pulls, p, link);
	l->n_pulls--;
	from->pull = NULL;
	/* What it had claimed is free. */
	if (p->claimed)
		compare_waiting(l);
	free(p);
}

static void end(struct lm_ledger *l, struct pull *p)
{
	struct gateway *from = p->from;
	bool accepted = p->accepted, left = p->left;

	lm_ledger_pull_forget(l, from);
	/* We have more now than we told it; and if something was left, this finds it. */
	if (accepted || (left && !l->n_pulls)) {
		lm_ledger_send_root(l, from, ROOT_ASK);
	} else if (left && !from->waits) {
		from->waits = true;
		TAILQ_INSERT_TAIL(&l->waiting, from, wait);
	}
}

static bool is_over(const struct lm_ledger *l, const struct pull *p)
{
	uint64_t now = l->now.mono;

	return (!p->n_todo && !p->n_asked && !p->n_wanted) || now >= p->started + LONGEST ||
	       (now >= p->started + FRUITLESS && now >= p->accepted_at + PATIENCE);
}

static void due(struct lm_ledger *l, struct pull *p)
{
	if (is_over(l, p)) {
		end(l, p);
	} else if (l->now.mono >= p->last + ANSWER_WAIT) {
		if (p->tries++ == TRIES) {
			end(l, p);
			return;
		}
		p->last = l->now.mono;
		ask_again(l, p);
		ask_more(l, p); /* if what held us back was the allowance */
	}
}

void lm_ledger_pull_due(struct lm_ledger *l)
{
	struct pull *p, *following;
	struct gateway *next;

	for (p = TAILQ_FIRST(&l->pulls); p; p = following) {
		following = TAILQ_NEXT(p, link);
		due(l, p);
	}
	while (l->n_pulls < PULLS_MAX && (next = TAILQ_FIRST(&l->pullable))) {
		TAILQ_REMOVE(&l->pullable, next, pulling);
		next->differs = false;
		if (l->now.mono <= next->differs_since + STALE)
			start(l, next);
		else
			lm_ledger_send_root(l, next, ROOT_ASK);
	}
}

uint64_t lm_ledger_pull_next(const struct lm_ledger *l)
{
	const struct pull *p;
	uint64_t at = LM_NEVER;

	TAILQ_FOREACH(p, &l->pulls, link)
	at = lm_min_u64(at, lm_min_u64(p->last + ANSWER_WAIT, p->started + LONGEST));
	return at;
}
