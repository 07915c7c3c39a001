/* SPDX-License-Identifier: Apache-2.0 */
#include "story.h"

#include <stdlib.h>
#include <string.h>

#define STREAM_STORY 3

#define MINUTE (60 * SIM_SECOND)
#define HOUR (60 * MINUTE)
#define BIG_EVERY 50 /* of so many seeds one is a big world */
#define SLOW_EVERY 25

/*
 * In a minute in which nothing changes, what all send by session and end: keep-alives, now and then
 * new keys, and comparisons of ledgers, of which each gateway sends one in 30 s.
 */
#define IDLE_BYTES_OF_SESSION 1500
#define IDLE_BYTES_OF_GATEWAY 1000
/* It may have said what it cannot take back, and what is asked for in vain now and then. */
#define IDLE_BYTES_OF_LIAR 8000
/* Who can reach no majority of its chain: what is asked for in vain, in a minute. */
#define IDLE_BYTES_OF_STUCK 30000

struct sim_gateway *story_anybody(struct story *t)
{
	return t->sim->gateways[sim_random_below(&t->random, t->sim->n_gateways)];
}

struct sim_gateway *story_running(struct story *t)
{
	for (unsigned i = 0; i < 4; i++) {
		struct sim_gateway *g = story_anybody(t);
		if (g->m)
			return g;
	}
	return NULL;
}

/* ---- how it begins ---- */

static unsigned size_of(struct story *t, uint64_t seed)
{
	if (seed % BIG_EVERY == 0)
		return 10 + (unsigned)sim_random_below(&t->random, 41);
	return (t->slow ? 2 : 3) + (unsigned)sim_random_below(&t->random, t->slow ? 3 : 6);
}

static void open_gateway(struct story *t, struct sim_gateway *g)
{
	const uint8_t lanes[] = {1, 1, 2, 4};
	int64_t skew = 50 * 60; /* s, between any two: within a window */

	g->config.lanes = lanes[sim_random_below(&t->random, 4)];
	g->keeps_ledger = sim_random_one_in(&t->random, 2);
	g->reads_aside = g->index % 2; /* nothing is drawn: the stories stay as they were */
	g->attached = !sim_random_one_in(&t->random, 8);
	g->talks = sim_random_one_in(&t->random, 3);
	g->clock.offset = ((int64_t)sim_random_below(&t->random, (uint64_t)skew) - skew / 2) *
			  (int64_t)SIM_SECOND;
	g->clock.drift = (int64_t)sim_random_below(&t->random, 200001) - 100000; /* 100 ppm */
}

static void open_world(struct story *t, uint64_t seed, FILE *trace)
{
	struct sim_config config = {.seed = seed,
	    .owners = 2,
	    .link = {.delay = 10 * SIM_MS, .jitter = SIM_MS},
	    .trace = trace};

	sim_random_seed(&t->random, seed, STREAM_STORY);
	t->slow = seed % SLOW_EVERY == SLOW_EVERY - 1;
	config.gateways = size_of(t, seed);
	t->sim = sim_new(&config);
	audit_open(&t->audit, t->sim);
	t->clocks = t->audit.clocks_set = sim_random_one_in(&t->random, 8);
	for (unsigned i = 0; i < config.gateways; i++)
		open_gateway(t, t->sim->gateways[i]);
	if (sim_random_one_in(&t->random, 2))
		t->n_liars = 1 + (unsigned)sim_random_below(&t->random, config.gateways / 2);
	for (unsigned i = 0; i < t->n_liars; i++)
		t->audit.gateways[config.gateways - 1 - i].liar = true;
	tenant_open(t);
	sim_start_all(t->sim);
	workloads_begin(t);
}

/* ---- what happens ---- */

static void step(struct story *t)
{
	unsigned what = (unsigned)sim_random_below(&t->random, 100);

	if (what < 30)
		tenant_acts(t);
	else if (what < 45)
		workload_moves(t);
	else if (what < 70 || !t->n_liars)
		fault_happens(t);
	else
		liar_acts(t);
}

static uint64_t pause_of(struct story *t)
{
	switch (sim_random_below(&t->random, t->slow ? 5 : 4)) {
	case 0:
		return sim_random_below(&t->random, 100 * SIM_MS);
	case 1:
	case 2:
		return sim_random_below(&t->random, 3 * SIM_SECOND);
	case 3:
		return sim_random_below(&t->random, 50 * SIM_SECOND);
	default:
		return sim_random_below(&t->random, HOUR);
	}
}

/* ---- how it ends ---- */

static bool agree(struct sim *s, void *ctx)
{
	struct story *t = ctx;

	(void)s;
	return audit_end(&t->audit, false) == 0;
}

static uint64_t bytes_sent(const struct sim *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->n_gateways; i++)
		sum += s->gateways[i]->traffic.tx_bytes;
	return sum;
}

static unsigned session_ends(const struct sim *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_gateways; i++)
		for (uint32_t slot = 0; slot < s->gateways[i]->n_slots; slot++)
			n += s->gateways[i]->slots[slot].path;
	return n;
}

/* What the gateways decided: who serves it, and why whoever has it as well does not. */
static void say_places(const struct story *t, const struct sim_gateway *g)
{
	for (unsigned n = 0; n < t->audit.n_nets; n++) {
		const struct lm_network *net = lm_membership_find(g->m, &t->audit.nets[n].id);
		for (unsigned i = 0; net && i < net->manifest->n_endpoints; i++) {
			const struct lm_endpoint *e = &net->endpoints[i];
			const char *why = NULL;
			if (!lm_endpoint_decided(&net->manifest->endpoints[i]) ||
			    !sim_hosts(g, &net->id, net->manifest, i))
				continue;
			bool serves = lm_membership_served(g->m, net, i, &why);
			sim_say(t->sim, "gw%u: %s/%u of %s %s", g->index,
			    net->manifest->members[e->member].name, e->replica,
			    net->manifest->network,
			    serves ? "is served"
			    : why  ? why
				   : "?");
		}
	}
	for (unsigned k = 0; k < LM_CD_MAX; k++)
		if (lm_chain_drops(lm_membership_chain(g->m))[k])
			sim_say(t->sim, "gw%u: chain: %llu %s", g->index,
			    (unsigned long long)lm_chain_drops(lm_membership_chain(g->m))[k],
			    lm_chain_drop_names[k]);
}

/* For who replays a seed: what each gateway has done with what it was told. */
static void say_counters(const struct story *t)
{
	for (unsigned i = 0; t->sim->trace && i < t->sim->n_gateways; i++) {
		const struct sim_gateway *g = t->sim->gateways[i];
		const struct lm_ledger *l = lm_membership_ledger(g->m);
		struct lm_ledger_info info;
		lm_ledger_info(l, &info);
		sim_say(t->sim,
		    "gw%u: %llu datagrams sent; ledger: %u records, %u tombstones, %llu "
		    "pulls, %llu accepted, %llu written",
		    i, (unsigned long long)g->traffic.tx_datagrams, info.records, info.tombstones,
		    (unsigned long long)info.pulls, (unsigned long long)info.accepted,
		    (unsigned long long)info.written);
		for (unsigned k = 0; k < LM_LD_MAX; k++)
			if (lm_ledger_drops(l)[k])
				sim_say(t->sim, "gw%u: ledger: %llu %s", i,
				    (unsigned long long)lm_ledger_drops(l)[k],
				    lm_ledger_drop_names[k]);
		for (unsigned k = 0; k < LM_MD_MAX; k++)
			if (lm_membership_drops(g->m)[k])
				sim_say(t->sim, "gw%u: membership: %llu %s", i,
				    (unsigned long long)lm_membership_drops(g->m)[k],
				    lm_membership_drop_names[k]);
		say_places(t, g);
	}
}

static void check_idle(struct story *t)
{
	struct sim *s = t->sim;
	uint64_t before = bytes_sent(s);

	say_counters(t);
	sim_run(s, MINUTE);
	say_counters(t);
	uint64_t sent = bytes_sent(s) - before;
	uint64_t due = (uint64_t)session_ends(s) * IDLE_BYTES_OF_SESSION +
		       (uint64_t)s->n_gateways * IDLE_BYTES_OF_GATEWAY +
		       (uint64_t)t->n_liars * IDLE_BYTES_OF_LIAR +
		       (uint64_t)t->audit.stuck * IDLE_BYTES_OF_STUCK;
	sim_say(s, "a minute in which nothing changes: %llu bytes, at most %llu are due",
	    (unsigned long long)sent, (unsigned long long)due);
	if (sent > due)
		sim_broken(s, "%llu bytes are sent in a minute in which nothing changes",
		    (unsigned long long)sent);
}

static void end(struct story *t)
{
	struct sim *s = t->sim;
	uint64_t from = s->now;

	if (sim_random_one_in(&t->random, 4))
		workloads_begin(t);
	sim_say(s, "the faults stop");
	faults_stop(t);
	if (!sim_run_until(s, STORY_AGREE, SIM_SECOND, agree, t)) {
		t->agreed_after = SIM_NEVER;
		audit_end(&t->audit, true);
		return;
	}
	t->agreed_after = s->now - from;
	sim_say(s, "all agree after %.0f s", (double)t->agreed_after / (double)SIM_SECOND);
	/* What is still told to those who do not answer becomes rare. */
	sim_run(s, 3 * MINUTE);
	check_idle(t);
	/* Unless keys are being changed just now. */
	if (!sim_run_until(s, 5 * SIM_SECOND, SIM_SECOND, agree, t))
		audit_end(&t->audit, true);
}

void story_play(uint64_t seed, FILE *trace, struct story_result *out)
{
	struct story *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	open_world(t, seed, trace);
	unsigned steps = 10 + (unsigned)sim_random_below(&t->random, 30);
	for (unsigned i = 0; i < steps && !t->sim->broken; i++) {
		step(t);
		sim_run(t->sim, pause_of(t));
	}
	if (!t->sim->broken)
		end(t);
	*out = (struct story_result){.digest = t->sim->digest,
	    .events = t->sim->n_events,
	    .agreed_after = t->agreed_after,
	    .checked = t->audit.checked,
	    .placed = t->audit.placed,
	    .failed = t->sim->broken > 0};
	memcpy(out->first_broken, t->sim->first_broken, sizeof(out->first_broken));
	tenant_close(t);
	audit_close(&t->audit);
	sim_free(t->sim);
	free(t);
}
