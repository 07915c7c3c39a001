/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Streams of chance. */
#define STREAM_WORLD 1
#define STREAM_OWNERS 2

/* ---- what is noticed ---- */

void sim_note(struct sim *s, uint64_t what)
{
	s->digest = sim_rotl((s->digest ^ what) * 0x9e3779b97f4a7c15ull, 23);
}

static double seconds(const struct sim *s)
{
	return (double)s->now / (double)SIM_SECOND;
}

void sim_broken(struct sim *s, const char *fmt, ...)
{
	char text[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	sim_say(s, "BROKEN: %s", text);
	if (s->broken++ == 0)
		snprintf(
		    s->first_broken, sizeof(s->first_broken), "at %.3f s: %s", seconds(s), text);
}

void sim_say(struct sim *s, const char *fmt, ...)
{
	va_list args;

	if (!s->trace)
		return;
	fprintf(s->trace, "%12.6f  ", seconds(s));
	va_start(args, fmt);
	vfprintf(s->trace, fmt, args);
	va_end(args);
	fputc('\n', s->trace);
}

static void on_log(void *ctx, enum lm_log_level level, const char *line)
{
	struct sim *s = ctx;

	(void)level;
	if (s->current)
		sim_say(s, "gw%u: %s", s->current->index, line);
}

/* ---- a world ---- */

struct sim *sim_new(const struct sim_config *config)
{
	struct sim *s = calloc(1, sizeof(*s));
	struct sim_random random;

	if (!s || lm_crypto_init() < 0)
		abort();
	s->seed = config->seed;
	s->n_gateways = config->gateways;
	s->n_owners = config->owners ? config->owners : 1;
	s->gateways = calloc(s->n_gateways, sizeof(struct sim_gateway *));
	s->owners = calloc(s->n_owners, sizeof(s->owners[0]));
	if (!s->gateways || !s->owners)
		abort();
	s->trace = config->trace;
	lm_log_set_sink(on_log, s);
	lm_log_set_level(s->trace ? LM_INFO : LM_ERROR);
	sim_random_seed(&s->random, s->seed, STREAM_WORLD);
	sim_random_seed(&random, s->seed, STREAM_OWNERS);
	for (unsigned i = 0; i < s->n_owners; i++) {
		uint8_t seed[32];
		sim_random_bytes(&random, seed, sizeof(seed));
		lm_identity_from_seed(&s->owners[i], seed);
	}
	sim_network_open(&s->network, s->n_gateways, &config->link);
	for (unsigned i = 0; i < s->n_gateways; i++) {
		s->gateways[i] = sim_gateway_new(s, i, config);
		HASH_ADD(by_key, s->by_key, id.pub, sizeof(s->gateways[i]->id.pub), s->gateways[i]);
	}
	return s;
}

void sim_free(struct sim *s)
{
	lm_log_set_sink(NULL, NULL);
	lm_log_set_level(LM_INFO);
	HASH_CLEAR(by_key, s->by_key);
	sim_network_drop(s);
	sim_events_free(&s->events);
	for (unsigned i = 0; i < s->n_gateways; i++)
		sim_gateway_free(s->gateways[i]);
	sim_network_free(&s->network);
	free(s->gateways);
	free(s->owners);
	free(s);
}

struct sim_gateway *sim_by_key(const struct sim *s, const struct lm_public_key *key)
{
	struct sim_gateway *g;

	HASH_FIND(by_key, s->by_key, key, sizeof(*key), g);
	return g;
}

/* ---- time ---- */

void sim_run(struct sim *s, uint64_t ns)
{
	uint64_t end = s->now + ns;
	struct sim_event *e;

	while ((e = sim_event_first(&s->events)) && e->at <= end) {
		s->now = e->at;
		s->n_events++;
		sim_note(s, e->at);
		sim_event_set(&s->events, e, SIM_NEVER);
		e->fire(s, e);
		s->current = NULL;
	}
	s->now = end;
}

bool sim_run_until(struct sim *s, uint64_t ns, uint64_t every, sim_predicate *holds, void *ctx)
{
	uint64_t end = s->now + ns;

	while (!holds(s, ctx)) {
		if (s->now >= end)
			return false;
		sim_run(s, every < end - s->now ? every : end - s->now);
	}
	return true;
}
