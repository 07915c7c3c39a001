/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One network of many gateways and leases: how long a manifest takes to be enforced everywhere,
 * what an attachment costs the others, what a quiet minute costs, how soon a death is noticed.
 */
#include <stdlib.h>
#include <string.h>
#include "control.h"
#include "ledger/ledger.h"

#define PATIENCE (30 * 60 * SIM_SECOND)
#define SETTLE (20 * 60 * SIM_SECOND) /* until what doubles its waits has reached the longest */

struct one {
	const struct control_options *options;
	struct sim *s;
	uint64_t serial, submitted;
	bool spreading; /* a manifest, and it is timed */
	uint64_t *enforced; /* of each gateway, ns after the submission */
	unsigned n_enforced;
	unsigned records; /* that each gateway should have */
	unsigned victim;
};

static void on_in_force(void *ctx, struct sim_gateway *g, const struct lm_network *net)
{
	struct one *one = ctx;

	if (one->spreading && net->manifest->serial == one->serial)
		one->enforced[one->n_enforced++] = g->sim->now - one->submitted;
}

static bool everywhere(struct sim *s, void *ctx)
{
	return ((struct one *)ctx)->n_enforced == s->n_gateways;
}

static bool knows_all(const struct sim_gateway *g, unsigned records)
{
	struct lm_ledger_info info;

	lm_ledger_info(lm_membership_ledger(g->m), &info);
	return info.records == records;
}

static bool all_know_all(struct sim *s, void *ctx)
{
	const struct one *one = ctx;

	for (unsigned i = 0; i < s->n_gateways; i++)
		if (!knows_all(s->gateways[i], one->records))
			return false;
	return true;
}

/* Nobody believes in the victim any more. */
static bool all_miss(struct sim *s, void *ctx)
{
	const struct one *one = ctx;

	for (unsigned i = 0; i < s->n_gateways; i++)
		if (i != one->victim && sim_is_up(s->gateways[i], s->gateways[one->victim]))
			return false;
	return true;
}

static int broken(const struct one *one, const char *what)
{
	fprintf(stderr, "leasemesh-control: with %u gateways: %s\n", one->s->n_gateways, what);
	return 1;
}

static struct sim_document document(struct one *one, unsigned *providers)
{
	unsigned n = one->s->n_gateways;
	struct sim_plan plan = {
	    .network = "shop",
	    .serial = ++one->serial,
	    .providers = providers,
	    .n_providers = n,
	    .replicas = one->options->leases / n,
	};

	one->records = n + plan.replicas * n;
	return sim_sign(one->s, &plan);
}

/* Signs the next serial and brings it to the first gateway; until all enforce it. */
static int bring(struct one *one, unsigned *providers, const char *name)
{
	struct lm_why why = {""};
	struct sim_document d = document(one, providers);
	struct sent sent;
	double cpu = cpu_seconds();

	sent_begin(&sent, one->s);
	one->submitted = one->s->now;
	one->spreading = true;
	one->n_enforced = 0;
	int err = sim_submit(one->s->gateways[0], &d, &why);
	size_t len = d.len;
	sim_document_free(&d);
	if (err)
		return broken(one, why.text);
	if (!sim_run_until(one->s, PATIENCE, 10 * SIM_MS, everywhere, one))
		return broken(one, "a manifest is not enforced everywhere");
	one->spreading = false;
	if (!sim_run_until(one->s, PATIENCE, 100 * SIM_MS, all_know_all, one))
		return broken(one, "not everybody knows all records");
	double known = virtual_seconds(one->s->now - one->submitted);
	sim_run(one->s, 60 * SIM_SECOND);
	char key[32];
	snprintf(key, sizeof(key), "%s_sent", name);
	print_sent(key, sent_end(&sent, false));
	printf("\"%s\": {\"manifest_bytes\": %zu, \"p50\": %.3f, \"p95\": %.3f, \"last\": %.3f, "
	       "\"all_known\": %.1f, \"cpu\": %.2f},\n",
	    name, len, virtual_seconds(percentile(one->enforced, one->n_enforced, 0.5)),
	    virtual_seconds(percentile(one->enforced, one->n_enforced, 0.95)),
	    virtual_seconds(percentile(one->enforced, one->n_enforced, 1)), known,
	    cpu_seconds() - cpu);
	return 0;
}

/* One workload of the last gateway goes, and comes back. */
static int attach(struct one *one, struct lm_net_id net)
{
	struct sim_gateway *g = one->s->gateways[one->s->n_gateways - 1];
	unsigned replica = one->s->n_gateways - 1;
	struct sent sent;

	sim_attach(g, &net, "app", replica, false);
	one->records--;
	if (!sim_run_until(one->s, PATIENCE, 10 * SIM_MS, all_know_all, one))
		return broken(one, "not everybody knows that a workload has gone");
	sim_run(one->s, SETTLE);
	sent_begin(&sent, one->s);
	uint64_t begin = one->s->now;
	double cpu = cpu_seconds();
	sim_attach(g, &net, "app", replica, true);
	one->records++;
	if (!sim_run_until(one->s, PATIENCE, 10 * SIM_MS, all_know_all, one))
		return broken(one, "not everybody knows that a workload has come");
	double known = virtual_seconds(one->s->now - begin);
	sim_run(one->s, 60 * SIM_SECOND);
	print_sent("attach_sent", sent_end(&sent, false));
	printf("\"attach\": {\"all_known\": %.2f, \"cpu\": %.2f},\n", known, cpu_seconds() - cpu);
	return 0;
}

static void idle(struct one *one)
{
	struct sent sent;
	double cpu = cpu_seconds();
	unsigned minutes = one->options->idle_minutes;

	sim_run(one->s, SETTLE);
	sent_begin(&sent, one->s);
	sim_run(one->s, (uint64_t)minutes * 60 * SIM_SECOND);
	print_sent("idle_minute", sent_end(&sent, true));
	printf("\"idle_minutes\": %u, \"idle_cpu\": %.2f,\n", minutes, cpu_seconds() - cpu);
}

static int die(struct one *one)
{
	uint64_t begin = one->s->now;

	one->victim = one->s->n_gateways / 2;
	sim_crash(one->s->gateways[one->victim]);
	if (!sim_run_until(one->s, PATIENCE, 100 * SIM_MS, all_miss, one))
		return broken(one, "not everybody notices that a gateway is dead");
	printf("\"death_noticed\": %.1f,\n", virtual_seconds(one->s->now - begin));
	sim_start(one->s->gateways[one->victim]);
	if (!sim_run_until(one->s, PATIENCE, 100 * SIM_MS, all_know_all, one))
		return broken(one, "the gateway that came back does not know all");
	sim_run(one->s, 60 * SIM_SECOND);
	return 0;
}

static int measure(struct one *one, unsigned *providers)
{
	struct lm_net_id net = lm_net_id(&one->s->owners[0].pub, "shop");

	int err = bring(one, providers, "first");
	if (!err)
		idle(one);
	if (!err)
		err = bring(one, providers, "change");
	if (!err)
		err = attach(one, net);
	if (!err)
		err = die(one);
	return err;
}

int control_one_network(const struct control_options *options)
{
	struct one one = {.options = options};
	const struct sim_hooks hooks = {.in_force = on_in_force};
	unsigned *providers = calloc(options->gateways, sizeof(*providers));

	one.enforced = calloc(options->gateways, sizeof(*one.enforced));
	if (!providers || !one.enforced)
		abort();
	for (unsigned i = 0; i < options->gateways; i++)
		providers[i] = i;
	one.s = control_world(options, 1, &hooks, &one);
	printf("{\"gateways\": %u, \"leases\": %u,\n", options->gateways,
	    options->leases / options->gateways * options->gateways);
	int err = measure(&one, providers);
	printf("\"events\": %llu, ", (unsigned long long)one.s->n_events);
	printf("\"memory\": %zu}\n", control_end(one.s));
	free(providers);
	free(one.enforced);
	return err;
}
