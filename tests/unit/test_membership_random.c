/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worlds in which everything happens at once: new manifests, some of them signed
 * twice, partitions, crashes, full disks, loss, doubles and delays. A failing seed
 * prints how to play it again.
 */
#include "chance.h"
#include "membership_sim.h"
#include "suite.h"

#include <errno.h>
#include <stdarg.h>

#define GATEWAYS 5
#define NETS 3
#define DOCS_MAX 64

struct story {
	struct sim *s;
	struct sim_doc docs[DOCS_MAX];
	unsigned net_of[DOCS_MAX], mask_of[DOCS_MAX], serial_of[DOCS_MAX], n_docs;
	unsigned serial[NETS], ever[NETS];
	unsigned left[NETS][GATEWAYS]; /* serial that took it off */
	bool failed;
};

static void wrong(struct story *t, const char *fmt, ...)
{
	va_list args;

	if (!t->failed)
		printf("\n  seed %llu: ", (unsigned long long)t->s->seed);
	else
		printf("; ");
	t->failed = true;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
}

static unsigned random_mask(struct sim *s)
{
	unsigned mask = 0;

	while (mask == 0)
		mask = (unsigned)sim_random(s, 1u << s->n) | (unsigned)sim_random(s, 1u << s->n);
	return mask;
}

static void judge_submission(struct story *t, unsigned doc, unsigned at)
{
	struct sim *s = t->s;
	struct sim_node *n = s->node[at];
	unsigned net = t->net_of[doc], serial = t->serial_of[doc];
	uint64_t before = sim_serial(s, at, &t->docs[doc]);
	int err = sim_submit(s, at, &t->docs[doc], NULL);
	uint64_t after = sim_serial(s, at, &t->docs[doc]);

	if (err == 0 && after != serial)
		wrong(t, "acknowledged serial %u is not in force", serial);
	if (err && err != -EACCES && after != before)
		wrong(t, "refused with %d, but %llu became %llu", err, (unsigned long long)before,
		    (unsigned long long)after);
	if (n->persist_fails && err == 0 && before != serial)
		wrong(t, "acknowledged without being stored");
	if (err == -EACCES && before && !after)
		t->left[net][at] = serial;
}

static void tell_new(struct story *t)
{
	struct sim *s = t->s;
	unsigned net = (unsigned)sim_random(s, NETS), i = t->n_docs++;
	char name[8];

	snprintf(name, sizeof(name), "net%u", net);
	/* Now and then the owner signs the same serial twice, for the same providers. */
	bool twice = i > 0 && sim_random(s, 12) == 0;
	if (twice)
		net = t->net_of[i - 1];
	snprintf(name, sizeof(name), "net%u", net);
	t->net_of[i] = net;
	t->serial_of[i] = twice ? t->serial_of[i - 1] : ++t->serial[net];
	t->mask_of[i] = twice ? t->mask_of[i - 1] : random_mask(s);
	t->ever[net] |= t->mask_of[i];
	t->docs[i] = sim_sign(s, name, t->serial_of[i], t->mask_of[i],
	    twice ? "expires: 2040-01-01T00:00:00Z\n" : NULL);
}

static void something_happens(struct story *t)
{
	struct sim *s = t->s;
	unsigned a = (unsigned)sim_random(s, s->n), b = (unsigned)sim_random(s, s->n);

	switch (sim_random(s, 11)) {
	case 0:
	case 1:
	case 2:
		if (t->n_docs < DOCS_MAX)
			tell_new(t);
		if (s->node[a]->running &&
		    (sim_random(s, 8) == 0 || (t->mask_of[t->n_docs - 1] >> a & 1)))
			judge_submission(t, t->n_docs - 1, a);
		break;
	case 3:
		if (s->node[a]->running && t->n_docs)
			judge_submission(t, (unsigned)sim_random(s, t->n_docs), a);
		break;
	case 4:
		s->cut[a][b] = sim_random(s, 2); /* one way only */
		break;
	case 5:
		sim_partition(s, a, b, sim_random(s, 2));
		break;
	case 6:
		if (s->node[a]->running)
			sim_crash(s, a);
		else
			sim_start(s, a);
		break;
	case 7:
		if (!s->node[a]->running)
			sim_start(s, a);
		break;
	case 10:
		sim_attach(s, a, sim_random(s, 2));
		break;
	case 8:
		s->node[a]->persist_fails = sim_random(s, 3) == 0;
		s->node[b]->sa_fails = sim_random(s, 3) == 0;
		break;
	default:
		s->loss = (unsigned)sim_random(s, 2) * (unsigned)sim_random(s, 40);
		s->dup = (unsigned)sim_random(s, 30);
		s->jitter = sim_random(s, 2) * sim_random(s, 3 * SIM_SECOND) + SIM_MS;
	}
}

static void heal(struct story *t)
{
	struct sim *s = t->s;

	s->loss = s->dup = 0;
	s->jitter = SIM_MS;
	memset(s->cut, 0, sizeof(s->cut));
	for (unsigned i = 0; i < s->n; i++) {
		s->node[i]->persist_fails = s->node[i]->sa_fails = false;
		if (!s->node[i]->running)
			sim_start(s, i);
	}
}

static unsigned lanes_in(const struct sim *s, unsigned gateway)
{
	const struct lm_membership *m = s->node[gateway]->m;
	unsigned n = 0;

	for (uint32_t net = 0; net < lm_membership_networks_end(m); net++) {
		for (uint32_t slot = 0; slot < lm_membership_peers_end(m); slot++) {
			struct lm_lanes_info info;
			lm_membership_lanes(m, net, slot, &info);
			n += info.n_in;
		}
	}
	return n;
}

/* The newest that anybody has is everywhere where it belongs, and nowhere else. */
static void check_end(struct story *t, unsigned net)
{
	struct sim *s = t->s;
	unsigned best = 0, mask = 0;
	const struct sim_doc *d = NULL;

	for (unsigned i = 0; i < t->n_docs; i++) {
		if (t->net_of[i] != net)
			continue;
		for (unsigned g = 0; g < s->n; g++) {
			if (sim_serial(s, g, &t->docs[i]) == t->serial_of[i] &&
			    t->serial_of[i] > best) {
				best = t->serial_of[i];
				mask = t->mask_of[i];
				d = &t->docs[i];
			}
		}
	}
	for (unsigned g = 0; d && g < s->n; g++) {
		if (t->left[net][g] > best)
			mask &= ~(1u << g);
		if ((mask >> g & 1) && sim_serial(s, g, d) != best)
			wrong(t, "net %u serial %u did not reach gateway %u, which has %llu", net,
			    best, g, (unsigned long long)sim_serial(s, g, d));
		if (!(t->ever[net] >> g & 1) && sim_serial(s, g, d) != 0)
			wrong(t, "net %u reached gateway %u", net, g);
	}
	const struct lm_network *one = NULL;
	for (unsigned g = 0; d && g < s->n; g++) {
		const struct lm_network *has = lm_membership_find(s->node[g]->m, &d->net);
		if (!(mask >> g & 1) || !has)
			continue;
		if (one && memcmp(one->sm->hash, has->sm->hash, 32) != 0)
			wrong(t, "net %u: gateway %u has another serial %u", net, g, best);
		one = has;
	}
	/* Of these, those take part at which something is attached. */
	unsigned enforcing = mask;
	for (unsigned g = 0; g < s->n; g++)
		if (s->node[g]->idle)
			mask &= ~(1u << g);
	if (d && !sim_all_ready(s, mask, d))
		sim_run(s, 3 * SIM_SECOND); /* keys may be changing just now */
	if (d && !sim_all_ready(s, mask, d))
		wrong(t, "net %u serial %u: lanes are missing", net, best);
	for (unsigned a = 0; d && a < s->n; a++) {
		for (unsigned b = 0; b < s->n; b++) {
			bool both = a != b && (mask >> a & 1) && (mask >> b & 1);
			if ((enforcing >> a & 1) && sim_routed(s, a, b, d) != both)
				wrong(t, "net %u: gateway %u %s to %u", net, a,
				    both ? "has no route" : "has a route", b);
			if ((enforcing >> a & 1) && !both && sim_out(s, a, b, d))
				wrong(t, "net %u: gateway %u has lanes to %u", net, a, b);
		}
	}
}

/* Everybody sends to everybody: who was away too long to be told otherwise is found out by that. */
static void run_with_traffic(struct story *t, uint64_t ns)
{
	for (uint64_t end = t->s->now.mono + ns; t->s->now.mono < end;) {
		for (unsigned i = 0; i < t->n_docs; i++)
			for (unsigned a = 0; a < t->s->n; a++)
				for (unsigned b = 0; b < t->s->n; b++)
					sim_traffic(t->s, a, b, &t->docs[i]);
		sim_run(t->s, 10 * SIM_SECOND);
	}
}

static bool play(uint64_t seed)
{
	struct story t = {.s = sim_new(seed, 2 + (unsigned)(seed % (GATEWAYS - 1)))};
	struct sim *s = t.s;

	tell_new(&t);
	unsigned events = 10 + (unsigned)sim_random(s, 30);
	for (unsigned i = 0; i < events; i++) {
		something_happens(&t);
		sim_run(s, sim_random(s, 2) ? sim_random(s, 2 * SIM_SECOND)
					    : sim_random(s, 60 * SIM_SECOND));
	}
	heal(&t);
	run_with_traffic(&t, 200 * SIM_SECOND);
	for (unsigned net = 0; net < NETS; net++)
		check_end(&t, net);
	for (unsigned g = 0; g < s->n; g++)
		if (s->node[g]->live_sas > 4 * lanes_in(s, g)) /* peers that do not follow */
			wrong(&t, "gateway %u keeps %u inbound lanes of %u", g,
			    s->node[g]->live_sas, lanes_in(s, g));
	if (s->broken)
		wrong(&t, "%u violations, the first %s", s->broken, s->first_broken);
	if (t.failed)
		printf("\n  play it again: LM_SEED=%llu test_membership_random\n",
		    (unsigned long long)seed);
	for (unsigned i = 0; i < t.n_docs; i++)
		sim_doc_free(&t.docs[i]);
	sim_free(s);
	return !t.failed;
}

static void test_random(void)
{
	CU_ASSERT_EQUAL(chance_play(play, 200), 0);
}

LM_SUITE("membership_random", {"random", test_random})
