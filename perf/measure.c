/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "control.h"

static size_t heap_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

struct sim *control_world(const struct control_options *options, unsigned owners,
    const struct sim_hooks *hooks, void *hooks_ctx)
{
	struct sim_config config = {
	    .seed = options->seed,
	    .gateways = options->gateways,
	    .owners = owners,
	    .link = {.delay = CONTROL_DELAY},
	};
	struct sim *s = sim_new(&config);

	s->hooks = *hooks;
	s->hooks_ctx = hooks_ctx;
	sim_start_all(s);
	for (unsigned i = 0; i < s->n_gateways; i++)
		sim_attach_all(s->gateways[i], true);
	return s;
}

/* Only what the control code itself gives back counts, not the rig around it. */
size_t control_end(struct sim *s)
{
	size_t freed = 0;
	unsigned n = s->n_gateways;

	for (unsigned i = 0; i < n; i++) {
		size_t before = heap_in_use();
		lm_membership_free(s->gateways[i]->m);
		s->gateways[i]->m = NULL;
		freed += before - heap_in_use();
	}
	sim_free(s);
	return freed / n;
}

double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double virtual_seconds(uint64_t ns)
{
	return (double)ns / (double)SIM_SECOND;
}

void sent_begin(struct sent *t, const struct sim *s)
{
	t->s = s;
	t->since = s->now;
	t->bytes = calloc(s->n_gateways, sizeof(*t->bytes));
	t->datagrams = calloc(s->n_gateways, sizeof(*t->datagrams));
	if (!t->bytes || !t->datagrams)
		abort();
	for (unsigned i = 0; i < s->n_gateways; i++) {
		t->bytes[i] = s->gateways[i]->traffic.tx_bytes;
		t->datagrams[i] = s->gateways[i]->traffic.tx_datagrams;
	}
}

struct sent_figures sent_end(struct sent *t, bool per_minute)
{
	unsigned n = t->s->n_gateways;
	double minutes = per_minute ? virtual_seconds(t->s->now - t->since) / 60 : 1;

	for (unsigned i = 0; i < n; i++) {
		t->bytes[i] = t->s->gateways[i]->traffic.tx_bytes - t->bytes[i];
		t->datagrams[i] = t->s->gateways[i]->traffic.tx_datagrams - t->datagrams[i];
	}
	struct sent_figures f = {
	    .median = (double)percentile(t->bytes, n, 0.5) / minutes,
	    .most = (double)percentile(t->bytes, n, 1) / minutes,
	    .datagrams = (double)percentile(t->datagrams, n, 0.5) / minutes,
	};
	free(t->bytes);
	free(t->datagrams);
	return f;
}

void print_sent(const char *name, struct sent_figures f)
{
	printf(
	    "\"%s\": {\"median_bytes\": %.0f, \"most_bytes\": %.0f, \"median_datagrams\": %.1f},\n",
	    name, f.median, f.most, f.datagrams);
}
