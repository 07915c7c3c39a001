/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger_sim.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "chance.h"

#define WALL0 (1800000000ull * SECOND) /* 2027-01-15 */
#define DEAD_AFTER (LM_DEAD_AFTER * SECOND)
#define VALUE_LEN 12

__attribute__((constructor)) static void before_main(void)
{
	if (lm_crypto_init() < 0)
		abort();
}

/* ---- chance and time ---- */

uint64_t sim_random(struct sim *s, uint64_t below)
{
	return chance_next(&s->random) % below;
}

struct lm_now sim_now(const struct sim_node *n)
{
	return (struct lm_now){
	    .mono = n->sim->mono, .wall = WALL0 + n->sim->mono + (uint64_t)n->clock};
}

void sim_broken(struct sim *s, const struct sim_node *n, const char *fmt, ...)
{
	va_list args;

	if (s->broken++)
		return;
	int at = snprintf(s->first_broken, sizeof(s->first_broken),
	    "at %.3f s, gateway %u: ", (double)s->mono / (double)SECOND, n->index);
	va_start(args, fmt);
	vsnprintf(s->first_broken + at, sizeof(s->first_broken) - (size_t)at, fmt, args);
	va_end(args);
}

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void sim_add_event(struct sim *s, struct sim_event e)
{
	if (s->n_heap + 1 >= s->cap_heap) {
		s->cap_heap = s->cap_heap ? 2 * s->cap_heap : 1024;
		s->heap = realloc(s->heap, s->cap_heap * sizeof(e));
		assert(s->heap);
	}
	e.order = s->order++;
	size_t i = ++s->n_heap;
	for (; i > 1 && before(&e, &s->heap[i / 2]); i /= 2)
		s->heap[i] = s->heap[i / 2];
	s->heap[i] = e;
}

static struct sim_event sim_take_event(struct sim *s)
{
	struct sim_event first = s->heap[1], last = s->heap[s->n_heap--];
	size_t i = 1;

	for (size_t c; (c = 2 * i) <= s->n_heap; i = c) {
		if (c < s->n_heap && before(&s->heap[c + 1], &s->heap[c]))
			c++;
		if (!before(&s->heap[c], &last))
			break;
		s->heap[i] = s->heap[c];
	}
	s->heap[i] = last;
	return first;
}

/* ---- sessions ---- */

static bool runs(const struct sim_node *n)
{
	return n->l || n->liar;
}

static bool linked(const struct sim *s, unsigned a, unsigned b)
{
	return runs(&s->node[a]) && runs(&s->node[b]) && !s->cut[a * s->n + b] &&
	       !s->cut[b * s->n + a];
}

static void look_at_session(struct sim *s, unsigned a, unsigned b)
{
	struct sim_node *n = &s->node[a];
	struct lm_now now = sim_now(n);

	if (!n->l)
		return;
	if (linked(s, a, b)) {
		n->lost_at[b] = 0;
		if (n->up[b])
			return;
		n->up[b] = true;
		lm_ledger_up(
		    n->l, &now, &s->node[b].id.pub, (struct lm_peer *)(void *)&n->handles[b]);
		sim_tick(n);
		return;
	}
	if (!n->up[b])
		return;
	if (!n->lost_at[b])
		n->lost_at[b] = s->mono;
	if (s->mono - n->lost_at[b] < DEAD_AFTER) {
		s->unsettled = true;
		return;
	}
	lm_ledger_down(n->l, &now, &s->node[b].id.pub);
	n->up[b] = false;
	n->lost_at[b] = 0;
	sim_tick(n);
}

static void look_at_sessions(struct sim *s)
{
	s->sessions_at = s->mono + SECOND;
	if (!s->unsettled)
		return;
	s->unsettled = false;
	for (unsigned a = 0; a < s->n; a++)
		for (unsigned b = 0; b < s->n; b++)
			if (a != b)
				look_at_session(s, a, b);
}

void sim_cut(struct sim *s, unsigned from, unsigned to, bool cut)
{
	s->cut[from * s->n + to] = cut;
	s->unsettled = true;
}

/* ---- time passes ---- */

static void happen(struct sim *s, const struct sim_event *e)
{
	struct sim_node *n = &s->node[e->node];
	struct lm_now now = sim_now(n);

	if (!n->l || (!e->body && e->at != n->tick_at))
		return;
	if (e->body && n->up[e->from])
		lm_ledger_input(n->l, &now, &s->node[e->from].id.pub, e->type, e->body, e->len);
	sim_tick(n);
}

void sim_run(struct sim *s, uint64_t ns)
{
	uint64_t end = s->mono + ns;

	for (;;) {
		uint64_t next = s->n_heap ? s->heap[1].at : LM_NEVER;
		if (s->sessions_at <= next && s->sessions_at <= end) {
			s->mono = lm_max_u64(s->mono, s->sessions_at);
			look_at_sessions(s);
			continue;
		}
		if (next > end)
			break;
		struct sim_event e = sim_take_event(s);
		s->mono = e.at;
		happen(s, &e);
		free(e.body);
	}
	s->mono = end;
}

/* ---- the world ---- */

struct sim *sim_new(uint64_t seed, unsigned n)
{
	struct sim *s = calloc(1, sizeof(*s));

	assert(s && n <= SIM_NODES);
	s->seed = s->random = seed;
	s->n = n;
	s->mono = SECOND;
	s->delay = 10 * MS;
	s->check_every = 1 + n / 8;
	s->node = calloc(n, sizeof(*s->node));
	s->cut = calloc((size_t)n * n, sizeof(*s->cut));
	assert(s->node && s->cut);
	for (unsigned i = 0; i < SIM_NETS; i++) {
		memset(&s->net[i].id, (int)i + 1, sizeof(s->net[i].id));
		memset(&s->net[i].secret, (int)i + 101, sizeof(s->net[i].secret));
	}
	for (unsigned i = 0; i < n; i++) {
		struct sim_node *node = &s->node[i];
		uint8_t key[32] = {(uint8_t)i, (uint8_t)(i >> 8), 1};
		node->sim = s;
		node->index = i;
		lm_identity_from_seed(&node->id, key);
		unsigned at = sim_bucket(&node->id.pub);
		while (s->by_key[at])
			at = (at + 1) % SIM_BUCKETS;
		s->by_key[at] = (uint16_t)(i + 1);
		node->handles = calloc(n, sizeof(*node->handles));
		node->up = calloc(n, sizeof(*node->up));
		node->lost_at = calloc(n, sizeof(*node->lost_at));
		assert(node->handles && node->up && node->lost_at);
		for (unsigned k = 0; k < n; k++)
			node->handles[k] = (struct sim_handle){.of = node, .to = k};
		if (n <= 50) {
			node->seen = calloc(SIM_NETS, sizeof(*node->seen));
			assert(node->seen);
		}
		sim_start(s, i);
	}
	return s;
}

void sim_free(struct sim *s)
{
	while (s->n_heap)
		free(sim_take_event(s).body);
	for (unsigned i = 0; i < s->n; i++) {
		struct sim_node *n = &s->node[i];
		lm_ledger_free(n->l);
		free(n->handles);
		free(n->up);
		free(n->lost_at);
		free(n->seen);
		free(n->files);
	}
	free(s->heap);
	free(s->node);
	free(s->cut);
	free(s);
}

void sim_authorise(struct sim *s, unsigned net, unsigned node, bool yes)
{
	struct sim_net *nt = &s->net[net];

	if (nt->authors[node] && !yes) {
		nt->generation++;
		memset(&nt->secret, (int)(net + 101 + 8 * nt->generation), sizeof(nt->secret));
	}
	nt->authors[node] = yes;
}

void sim_all(struct sim *s, unsigned net)
{
	for (unsigned i = 0; i < s->n; i++)
		s->net[net].authors[i] = true;
	for (unsigned i = 0; i < s->n; i++) {
		sim_tell(s, net, i);
		sim_join(s, net, i, true);
	}
}

static bool takes_part(const struct sim *s, unsigned node, unsigned net)
{
	const struct sim_node *n = &s->node[node];

	return n->l && n->knows[net] && n->joined[net] && s->net[net].authors[node];
}

bool sim_converged(struct sim *s, char *where, size_t size)
{
	for (unsigned net = 0; net < SIM_NETS; net++) {
		int first = -1;
		for (unsigned i = 0; i < s->n; i++) {
			if (!takes_part(s, i, net))
				continue;
			first = first < 0 ? (int)i : first;
			for (unsigned a = 0; a < s->n; a++) {
				for (unsigned k = 0; k < SIM_KEYS; k++) {
					uint32_t has = sim_has(s, i, net, a, k);
					bool stands = takes_part(s, a, net);
					uint32_t want =
					    stands ? s->node[a].stands[net][k]
						   : sim_has(s, (unsigned)first, net, a, k);
					/* By clocks that differ it expires at different times. */
					if (has == want || (!stands && s->skewed))
						continue;
					snprintf(where, size,
					    "gateway %u, network %u: %u/%u is %u instead of %u", i,
					    net, a, k, has, want);
					return false;
				}
			}
		}
	}
	return true;
}

uint64_t sim_drops(const struct sim *s, unsigned node, enum lm_ledger_drop reason)
{
	return lm_ledger_drops(s->node[node].l)[reason];
}
