/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many networks, each of a few of the gateways: what one more network costs in memory and in quiet,
 * how long all take to come up, and whether one network's change costs the others anything.
 */
#include <stdlib.h>
#include "control.h"

#define PATIENCE (60 * 60 * SIM_SECOND)
#define SETTLE (20 * 60 * SIM_SECOND)
#define OWNERS 100
#define MEMBERS_MAX 64

struct tenant_network {
	struct lm_net_id id;
	unsigned at[MEMBERS_MAX]; /* its gateways */
};

struct many {
	const struct control_options *options;
	struct sim *s;
	struct tenant_network *networks;
	struct sim_random random;
	unsigned ready; /* the networks before this one were seen to be complete */
};

static void pick_gateways(struct many *many, struct tenant_network *net)
{
	for (unsigned n = 0; n < many->options->members;) {
		unsigned at = (unsigned)sim_random_below(&many->random, many->options->gateways);
		unsigned same = 0;
		while (same < n && net->at[same] != at)
			same++;
		if (same == n)
			net->at[n++] = at;
	}
}

static int bring(struct many *many, unsigned index, uint64_t serial)
{
	struct tenant_network *net = &many->networks[index];
	char name[32];
	struct lm_why why = {""};
	struct sim_plan plan = {
	    .owner = index % OWNERS,
	    .network = name,
	    .serial = serial,
	    .providers = net->at,
	    .n_providers = many->options->members,
	};

	snprintf(name, sizeof(name), "net%u", index);
	struct sim_document d = sim_sign(many->s, &plan);
	net->id = d.net;
	int err = sim_submit(many->s->gateways[net->at[0]], &d, &why);
	sim_document_free(&d);
	if (err)
		fprintf(stderr, "leasemesh-control: %s: %s\n", name, why.text);
	return err ? 1 : 0;
}

static bool complete(const struct many *many, const struct tenant_network *net)
{
	for (unsigned a = 0; a < many->options->members; a++)
		for (unsigned b = a + 1; b < many->options->members; b++)
			if (!sim_lanes_ready(many->s->gateways[net->at[a]],
				many->s->gateways[net->at[b]], &net->id))
				return false;
	return true;
}

/* Once complete they stay so: nothing is lost in this world. */
static bool all_complete(struct sim *s, void *ctx)
{
	struct many *many = ctx;

	(void)s;
	while (
	    many->ready < many->options->networks && complete(many, &many->networks[many->ready]))
		many->ready++;
	return many->ready == many->options->networks;
}

static bool changed_everywhere(struct sim *s, void *ctx)
{
	const struct many *many = ctx;
	const struct tenant_network *net = &many->networks[0];

	(void)s;
	for (unsigned i = 0; i < many->options->members; i++)
		if (sim_serial(many->s->gateways[net->at[i]], &net->id) != 2)
			return false;
	return true;
}

static int wait_for(struct many *many, sim_predicate *what, const char *name)
{
	uint64_t begin = many->s->now;
	double cpu = cpu_seconds();

	if (!sim_run_until(many->s, PATIENCE, 100 * SIM_MS, what, many)) {
		fprintf(stderr, "leasemesh-control: %s: not within an hour\n", name);
		return 1;
	}
	printf("\"%s\": {\"seconds\": %.1f, \"cpu\": %.2f},\n", name,
	    virtual_seconds(many->s->now - begin), cpu_seconds() - cpu);
	return 0;
}

static int change(struct many *many)
{
	struct sent sent;

	sent_begin(&sent, many->s);
	if (bring(many, 0, 2) || wait_for(many, changed_everywhere, "change"))
		return 1;
	/* Quiet goes on meanwhile: what the busiest sent above the median is the change. */
	print_sent("change_sent", sent_end(&sent, false));
	return 0;
}

static int restart(struct many *many)
{
	struct sim_gateway *g = many->s->gateways[many->networks[0].at[0]];

	sim_crash(g);
	sim_run(many->s, 60 * SIM_SECOND);
	many->ready = 0;
	sim_start(g);
	return wait_for(many, all_complete, "restart");
}

static int measure(struct many *many)
{
	struct sent sent;

	double cpu = cpu_seconds();
	for (unsigned i = 0; i < many->options->networks; i++) {
		pick_gateways(many, &many->networks[i]);
		if (bring(many, i, 1))
			return 1;
	}
	printf("\"submit_cpu\": %.2f,\n", cpu_seconds() - cpu);
	if (wait_for(many, all_complete, "start"))
		return 1;
	sim_run(many->s, SETTLE);
	sent_begin(&sent, many->s);
	cpu = cpu_seconds();
	sim_run(many->s, (uint64_t)many->options->idle_minutes * 60 * SIM_SECOND);
	print_sent("idle_minute", sent_end(&sent, true));
	printf("\"idle_minutes\": %u, \"idle_cpu\": %.2f,\n", many->options->idle_minutes,
	    cpu_seconds() - cpu);
	return change(many) || restart(many);
}

int control_many_networks(const struct control_options *options)
{
	const struct sim_hooks none = {0};
	struct many many = {.options = options};

	if (options->members > MEMBERS_MAX || options->members > options->gateways)
		return 2;
	many.networks = calloc(options->networks, sizeof(*many.networks));
	if (!many.networks)
		abort();
	sim_random_seed(&many.random, options->seed, 0);
	many.s = control_world(options, OWNERS, &none, NULL);
	printf("{\"gateways\": %u, \"networks\": %u, \"members\": %u,\n", options->gateways,
	    options->networks, options->members);
	int err = measure(&many);
	printf("\"events\": %llu, ", (unsigned long long)many.s->n_events);
	printf("\"memory\": %zu}\n", control_end(many.s));
	free(many.networks);
	return err;
}
