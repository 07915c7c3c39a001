/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worlds in which everything happens at once: records come and go, gateways crash with and without
 * their disks, join, part and are cut off, links lose, double, delay and work one way, clocks
 * differ, hours pass, and a member lies. A failing seed prints how to play it again.
 */
#include "chance.h"
#include "ledger_sim.h"
#include "suite.h"

#include <stdarg.h>

#define NETS 3
#define HEARD_MAX 64

struct story {
	struct sim *s;
	int liar; /* -1: none */
	bool failed;
};

static void wrong(struct story *t, const char *fmt, ...)
{
	va_list args;

	printf(t->failed ? "; " : "\n  seed %llu: ", (unsigned long long)t->s->seed);
	t->failed = true;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
}

static bool takes_part(const struct sim *s, unsigned node, unsigned net)
{
	const struct sim_node *n = &s->node[node];

	return n->l && n->knows[net] && n->joined[net] && n->authors[net][node];
}

/* ---- lies ---- */

static void lie_about_records(struct story *t, unsigned to)
{
	struct sim *s = t->s;
	uint8_t body[LM_MESSAGE_MAX];
	struct sim_forged f = {
	    .net = (unsigned)sim_random(s, NETS),
	    .author = (unsigned)sim_random(s, s->n),
	    .key = (unsigned)sim_random(s, SIM_KEYS),
	    .version = (sim_now(&s->node[to]).wall / MS) + sim_random(s, 1000000),
	    .expiry = sim_now(&s->node[to]).wall / SECOND + sim_random(s, 100000),
	    .serial = ++s->serial,
	    .window = (int64_t)sim_random(s, 5) - 2,
	};

	/* Its own may be good; those of others are not signed by them. */
	f.badly_signed = f.author != (unsigned)t->liar || sim_random(s, 4) == 0;
	if (sim_random(s, 4) == 0)
		f.flags = (uint8_t)sim_random(s, 3);
	if (sim_random(s, 8) == 0)
		f.version = UINT64_MAX - sim_random(s, 2);
	size_t len = sim_forge(s, &f, body);
	if (sim_random(s, 4) == 0) /* in another network's name */
		body[sim_random(s, len)] ^= 1;
	sim_say(s, (unsigned)t->liar, to, LM_MSG_LEDGER_RECORDS, body, len);
}

/* What was really said to somebody, said again to somebody else, now and later. */
static void replay(struct story *t, unsigned to)
{
	struct sim *s = t->s;

	for (unsigned i = 0; i < 20 && s->n_heap; i++) {
		const struct sim_event *e = &s->heap[1 + sim_random(s, s->n_heap)];
		if (!e->body)
			continue;
		uint8_t type = e->type, body[LM_MESSAGE_MAX];
		size_t len = e->len;
		memcpy(body, e->body, len);
		if (len && sim_random(s, 2))
			body[sim_random(s, len)] ^= (uint8_t)(1 + sim_random(s, 255));
		sim_say(s, (unsigned)t->liar, to, type, body, len);
	}
}

static void talk_nonsense(struct story *t, unsigned to)
{
	struct sim *s = t->s;
	uint8_t body[LM_MESSAGE_MAX];
	size_t len = sim_random(s, sizeof(body) + 1);

	for (size_t i = 0; i < len; i++)
		body[i] = (uint8_t)sim_random(s, 256);
	if (sim_random(s, 2))
		memset(body, 0, TAG_LEN < len ? TAG_LEN : len); /* the tree of networks */
	sim_say(s, (unsigned)t->liar, to, (uint8_t)(LM_MSG_LEDGER + sim_random(s, 8)), body, len);
}

static void lie(struct story *t)
{
	struct sim *s = t->s;
	unsigned to = (unsigned)sim_random(s, s->n);

	if (t->liar < 0 || !s->node[to].l)
		return;
	/* It may call itself a gateway whose session is up. */
	switch (sim_random(s, 3)) {
	case 0:
		lie_about_records(t, to);
		break;
	case 1:
		replay(t, to);
		break;
	case 2:
		talk_nonsense(t, to);
		break;
	}
}

/* ---- what happens ---- */

static void change_members(struct story *t, unsigned net, unsigned node)
{
	struct sim *s = t->s;

	sim_authorise(s, net, node, sim_random(s, 3) != 0);
	for (unsigned i = 0; i < s->n; i++)
		if (s->node[i].l && sim_random(s, 4))
			sim_tell(s, net, i);
}

static void crash_or_start(struct story *t, unsigned node)
{
	struct sim *s = t->s;
	struct sim_node *n = &s->node[node];

	if ((int)node == t->liar)
		return;
	if (!n->l) {
		sim_start(s, node);
		return;
	}
	sim_crash(s, node);
	if (sim_random(s, 2))
		n->n_files = 0;
	/* What it stands for may be another thing when it comes back. */
	for (unsigned net = 0; net < NETS; net++)
		if (sim_random(s, 4) == 0)
			n->stands[net][sim_random(s, SIM_KEYS)] = 0;
}

static void lose_everything(struct story *t)
{
	struct sim *s = t->s;

	for (unsigned i = 0; i < s->n; i++) {
		if (!s->node[i].l)
			continue;
		sim_crash(s, i);
		s->node[i].n_files = 0;
		sim_start(s, i);
	}
}

static void something_happens(struct story *t)
{
	struct sim *s = t->s;
	unsigned a = (unsigned)sim_random(s, s->n), b = (unsigned)sim_random(s, s->n);
	unsigned net = (unsigned)sim_random(s, NETS), key = (unsigned)sim_random(s, SIM_KEYS);

	switch (sim_random(s, 20)) {
	case 0 ... 5:
		if (takes_part(s, a, net) && sim_publish(s, a, net, key) != 0)
			wrong(t, "gateway %u cannot publish", a);
		break;
	case 6:
	case 7:
		if (takes_part(s, a, net))
			sim_withdraw(s, a, net, key);
		break;
	case 8:
		if (a != b)
			sim_cut(s, a, b, sim_random(s, 2)); /* one way */
		break;
	case 9:
		if (a != b) {
			sim_cut(s, a, b, true);
			sim_cut(s, b, a, true);
		}
		break;
	case 10:
	case 11:
		crash_or_start(t, a);
		break;
	case 12:
		change_members(t, net, a);
		break;
	case 13:
		if (s->node[a].knows[net])
			sim_join(s, net, a, sim_random(s, 3) != 0);
		break;
	case 14:
		s->loss = (unsigned)sim_random(s, 30);
		s->dup = (unsigned)sim_random(s, 30);
		break;
	case 15:
		s->delay = (1 + sim_random(s, 100)) * MS;
		s->jitter = sim_random(s, 300) * MS + 1;
		break;
	case 16:
		if (sim_random(s, 6) == 0)
			lose_everything(t);
		break;
	default:
		for (unsigned n = (unsigned)sim_random(s, 30); n--;)
			lie(t);
	}
}

static void time_passes(struct story *t)
{
	struct sim *s = t->s;

	switch (sim_random(s, 40)) {
	case 0:
		sim_run(s, sim_random(s, 2 * SIM_LIFETIME) * SECOND);
		break;
	case 1 ... 10:
		sim_run(s, sim_random(s, 60 * SECOND));
		break;
	default:
		sim_run(s, sim_random(s, 2 * SECOND));
	}
}

static void heal(struct story *t)
{
	struct sim *s = t->s;

	s->loss = s->dup = 0;
	s->delay = 10 * MS;
	s->jitter = 0;
	memset(s->cut, 0, (size_t)s->n * s->n * sizeof(s->cut[0]));
	s->unsettled = true;
	for (unsigned i = 0; i < s->n; i++) {
		if (!s->node[i].l && (int)i != t->liar)
			sim_start(s, i);
		for (unsigned net = 0; net < NETS && s->node[i].l; net++)
			sim_tell(s, net, i);
	}
}

static void set_up(struct story *t)
{
	struct sim *s = t->s;

	for (unsigned i = 0; i < s->n; i++) {
		struct sim_node *n = &s->node[i];
		n->keeps = sim_random(s, 2);
		/* Any two differ by a window at most. */
		if (s->skewed)
			n->clock =
			    ((int64_t)sim_random(s, LM_LEDGER_WINDOW) - LM_LEDGER_WINDOW / 2) *
			    (int64_t)SECOND;
	}
	for (unsigned net = 0; net < NETS; net++) {
		for (unsigned i = 0; i < s->n; i++)
			sim_authorise(s, net, i, net == 0 || sim_random(s, 3) != 0);
		for (unsigned i = 0; i < s->n; i++) {
			sim_tell(s, net, i);
			if (sim_random(s, 4))
				sim_join(s, net, i, true);
		}
	}
	if (t->liar >= 0) {
		sim_crash(s, (unsigned)t->liar);
		s->node[t->liar].liar = true;
	}
}

static unsigned size_of(uint64_t seed)
{
	return seed % 50 == 0 ? 50 : seed % 10 == 0 ? 20 : 2 + (unsigned)(seed % 6);
}

static bool play(uint64_t seed)
{
	struct story t = {.s = sim_new(seed, size_of(seed)), .liar = -1};
	struct sim *s = t.s;
	char where[128];

	s->skewed = sim_random(s, 2);
	if (s->n > 2 && sim_random(s, 2))
		t.liar = (int)sim_random(s, s->n);
	set_up(&t);
	for (unsigned i = 30 + (unsigned)sim_random(s, 60); i--;) {
		something_happens(&t);
		time_passes(&t);
	}
	heal(&t);
	/* Reclaiming what nobody stands for, and then a few comparisons. */
	sim_run(s, (LM_LEDGER_RECLAIM + 120) * SECOND);
	if (!sim_converged(s, where, sizeof(where)))
		wrong(&t, "%s", where);
	if (s->broken)
		wrong(&t, "%u violations, the first %s", s->broken, s->first_broken);
	if (t.failed)
		printf("\n  play it again: LM_SEED=%llu test_ledger_random\n",
		    (unsigned long long)seed);
	sim_free(s);
	return !t.failed;
}

static void test_random(void)
{
	CU_ASSERT_EQUAL(chance_play(play, 300), 0);
}

LM_SUITE("ledger_random", {"random", test_random})
