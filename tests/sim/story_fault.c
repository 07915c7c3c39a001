/* SPDX-License-Identifier: Apache-2.0 */
/* What fails, what is mended, and workloads that come and go. */
#include <string.h>
#include "story.h"

#define HOURS(n) ((int64_t)(n) * 3600 * (int64_t)SIM_SECOND)

/* ---- gateways ---- */

static void life(struct story *t)
{
	struct sim_gateway *g = story_anybody(t);

	if (!g->m)
		sim_start(g);
	else if (story_pick(t, 3))
		sim_crash(g);
	else
		sim_stop(g);
}

static void restart(struct story *t)
{
	struct sim_gateway *g = story_running(t);

	if (!g)
		return;
	sim_crash(g);
	sim_start(g);
}

static void disk(struct story *t)
{
	struct sim_gateway *g = story_anybody(t);

	if (story_pick(t, 2))
		sim_disk_sync(&g->disk);
	else
		g->disk_full = story_pick(t, 2);
	story_anybody(t)->no_room_for_lanes = story_pick(t, 4) == 0;
	sim_say(t->sim, "gw%u: its disk is %s", g->index, g->disk_full ? "full" : "fine");
}

static void clock_fault(struct story *t)
{
	struct sim_gateway *g = story_anybody(t);

	if (!t->clocks)
		return;
	g->clock.offset =
	    HOURS(1) / 10 * ((int64_t)story_pick(t, 100) - 50); /* by up to five hours */
	sim_say(t->sim, "gw%u: its clock is wrong by %lld s", g->index,
	    (long long)(g->clock.offset / (int64_t)SIM_SECOND));
	sim_touch(g);
}

/* ---- the network ---- */

static void cut(struct story *t)
{
	unsigned a = story_anybody(t)->index, b = story_anybody(t)->index;
	bool is = story_pick(t, 3) > 0;

	if (story_pick(t, 2))
		sim_cut(t->sim, a, b, is);
	else
		sim_part(t->sim, a, b, is);
	sim_say(t->sim, "network: gw%u and gw%u are %s", a, b, is ? "cut off" : "joined");
}

static void islands(struct story *t)
{
	unsigned n = t->sim->n_gateways, border = 1 + story_pick(t, n - 1);

	for (unsigned a = 0; a < border; a++)
		for (unsigned b = border; b < n; b++)
			sim_part(t->sim, a, b, true);
	sim_say(t->sim, "network: gw%u and above are an island", border);
}

static void weather(struct story *t)
{
	struct sim_link link = {.delay = (1 + story_pick(t, 100)) * SIM_MS,
	    .jitter = story_pick(t, 2) ? sim_random_below(&t->random, 3 * SIM_SECOND) : SIM_MS,
	    .loss = story_pick(t, 2) * story_pick(t, 400),
	    .twice = story_pick(t, 2) * story_pick(t, 300),
	    .late = story_pick(t, 2) ? sim_random_below(&t->random, 60 * SIM_SECOND) : SIM_MS};

	if (story_pick(t, 3))
		sim_set_links(t->sim, &link);
	else
		sim_set_link(t->sim, story_anybody(t)->index, story_anybody(t)->index, &link);
	sim_say(t->sim, "network: delay %llu to %llu ms, %u of 1,000 lost, %u doubled",
	    (unsigned long long)(link.delay / SIM_MS),
	    (unsigned long long)((link.delay + link.jitter) / SIM_MS), link.loss, link.twice);
}

void fault_happens(struct story *t)
{
	switch (story_pick(t, 12)) {
	case 0:
	case 1:
		life(t);
		break;
	case 2:
		restart(t);
		break;
	case 3:
	case 4:
		cut(t);
		break;
	case 5:
		islands(t);
		break;
	case 6:
	case 7:
		sim_heal_cuts(t->sim);
		sim_say(t->sim, "network: no cuts any more");
		break;
	case 8:
		disk(t);
		break;
	case 9:
		clock_fault(t);
		break;
	default:
		weather(t);
	}
}

/* ---- workloads ---- */

/* It ends where it was, or that one does not know yet, or it just ends; and begins elsewhere. */
static void replica_moves(
    struct story *t, const struct story_net *net, const char *member, unsigned r)
{
	struct lm_net_id id = lm_net_id(&t->sim->owners[net->owner].pub, net->name);
	const struct sim_gateway *to = t->sim->gateways[tenant_authorised(t, net)];
	unsigned keep = story_pick(t, 4), begin = story_pick(t, 8);

	for (unsigned i = 0; i < t->sim->n_gateways; i++)
		if (keep || i == to->index)
			sim_host(t->sim->gateways[i], &id, member, r, i == to->index && begin);
	sim_say(t->sim, "gw%u: %s/%u %s here%s", to->index, member, r, begin ? "begins" : "ends",
	    keep ? ", and ends elsewhere" : "");
}

void workloads_begin(struct story *t)
{
	for (unsigned n = 0; n < t->n_nets; n++)
		for (unsigned m = 0; m < STORY_MEMBERS && t->nets[n].leaves; m++)
			for (unsigned r = 0; r < STORY_REPLICAS; r++)
				replica_moves(t, &t->nets[n], story_members[m], r);
}

void workload_moves(struct story *t)
{
	struct sim_gateway *g = story_anybody(t);
	const struct story_net *net = &t->nets[story_pick(t, t->n_nets)];
	struct lm_net_id id = lm_net_id(&t->sim->owners[net->owner].pub, net->name);
	unsigned m = story_pick(t, STORY_MEMBERS), r = story_pick(t, STORY_REPLICAS);

	if (story_pick(t, 6) == 0)
		g->talks = !g->talks;
	if (story_pick(t, 3) == 0) {
		sim_attach_all(g, story_pick(t, 3) > 0);
		sim_say(t->sim, "gw%u: everything is %s", g->index,
		    g->attached ? "attached" : "detached");
		return;
	}
	if (net->leaves && story_pick(t, 2)) {
		replica_moves(t, net, story_members[m], r);
		return;
	}
	bool attached = story_pick(t, 2);
	sim_attach(g, &id, story_members[m], r, attached);
	sim_say(t->sim, "gw%u: %s/%u of %s is %s", g->index, story_members[m], r, net->name,
	    attached ? "attached" : "detached");
}

/* ---- and everything is well again ---- */

void faults_stop(struct story *t)
{
	const struct sim_link fine = {.delay = 10 * SIM_MS, .jitter = SIM_MS};
	const int64_t most = HOURS(1) / 60 * 25;

	sim_set_links(t->sim, &fine);
	sim_heal_cuts(t->sim);
	for (unsigned i = 0; i < t->sim->n_gateways; i++) {
		struct sim_gateway *g = t->sim->gateways[i];
		g->disk_full = g->no_room_for_lanes = false;
		if (g->clock.offset > most || g->clock.offset < -most)
			g->clock.offset = most / 25 * ((int64_t)story_pick(t, 50) - 25);
		if (!g->m)
			sim_start(g);
		else
			sim_touch(g);
	}
}
