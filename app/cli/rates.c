/* SPDX-License-Identifier: Apache-2.0 */
#include "rates.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "column.h"

double rates_of(const json_t *row, const char *key)
{
	return json_number_value(json_object_get(row, key));
}

/* ---- asking --------------------------------------------------------------- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void rates_release(struct rates_sample *s)
{
	for (unsigned i = 0; i < RATES_ANSWERS; i++)
		json_decref(s->answer[i]);
	*s = (struct rates_sample){0};
}

int rates_ask(struct telemetry *t, struct rates_sample *s, struct lm_why *why)
{
	static const struct {
		const char *cmd, *list;
	} questions[RATES_ANSWERS] = {
	    [RATES_WORKERS] = {"/leasemesh/workers", "workers"},
	    [RATES_DROPS] = {"/leasemesh/drops", NULL},
	    [RATES_ENDPOINTS] = {"/leasemesh/endpoints", "endpoints"},
	};
	int r = 0;

	rates_release(s);
	for (unsigned i = 0; i < RATES_ANSWERS && r == 0; i++) {
		const char *cmd = questions[i].cmd, *list = questions[i].list;

		r = list ? telemetry_ask_list(t, cmd, list, &s->answer[i], why)
			 : telemetry_ask(t, cmd, &s->answer[i], why);
		s->at[i] = now();
	}
	return r;
}

/* ---- differences ---------------------------------------------------------- */

static double grown(const json_t *old, const json_t *new, const char *key)
{
	double more = (double)number_of(new, key) - (double)number_of(old, key);

	return more > 0 ? more : 0;
}

static void put(json_t *row, const char *key, double value)
{
	json_object_set_new(row, key, json_real(value));
}

/* The row of that worker, or endpoint. NULL: it is new. */
static const json_t *before(const json_t *rows, const char *key, const json_t *row)
{
	const json_t *wanted = json_object_get(row, key), *other;
	size_t i;

	json_array_foreach(rows, i, other)
	{
		if (json_equal(json_object_get(other, key), wanted))
			return other;
	}
	return NULL;
}

/* Cycles of all stages; of each one, for a packet, into the row. */
static double put_stages(json_t *out, const json_t *old, const json_t *new)
{
	json_t *stages = json_object();
	const json_t *value;
	const char *key;
	double sum = 0;

	json_object_foreach((json_t *)new, key, value)
	{
		size_t len = strlen(key), suffix = strlen("_packets");
		char name[32], cycles[48];

		if (len <= suffix || len - suffix >= sizeof(name) ||
		    strcmp(key + len - suffix, "_packets") != 0)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(len - suffix), key);
		snprintf(cycles, sizeof(cycles), "%s_cycles", name);
		double packets = grown(old, new, key), spent = grown(old, new, cycles);
		sum += spent;
		put(stages, name, packets > 0 ? spent / packets : 0);
	}
	json_object_set_new(out, "stages", stages);
	return sum;
}

static json_t *worker_rates(
    const json_t *old, const json_t *new, double seconds, double cycles_passed)
{
	json_t *row = json_object();
	double received = grown(old, new, "rx");
	double in = received + grown(old, new, "handed_in") + grown(old, new, "injected");

	json_object_set(row, "index", json_object_get(new, "index"));
	put(row, "received", received / seconds);
	put(row, "sent", grown(old, new, "tx") / seconds);
	put(row, "handed", grown(old, new, "handed_out") / seconds);
	put(row, "dropped", grown(old, new, "dropped") / seconds);
	put(row, "punted", grown(old, new, "punted") / seconds);
	double spent =
	    put_stages(row, json_object_get(old, "stages"), json_object_get(new, "stages"));
	put(row, "busy", cycles_passed > 0 ? 100 * spent / cycles_passed : 0);
	put(row, "cycles", in > 0 ? spent / in : 0);
	return row;
}

static json_t *workers(const json_t *old, const json_t *new, double seconds)
{
	const json_t *rows = json_object_get(new, "workers"), *row;
	json_t *out = json_array();
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const json_t *was = before(json_object_get(old, "workers"), "index", row);
		json_array_append_new(
		    out, worker_rates(was, row, seconds, grown(old, new, "cycles")));
	}
	return out;
}

static const char *sort_key;

static int most_first(const void *a, const void *b)
{
	double x = rates_of(*(json_t *const *)a, sort_key);
	double y = rates_of(*(json_t *const *)b, sort_key);

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Takes rows over; returns the first top of them, by key. */
static json_t *sorted(json_t *rows, const char *key, size_t top)
{
	size_t n = json_array_size(rows);
	json_t **all = calloc(n ? n : 1, sizeof(json_t *)), *out = json_array();

	for (size_t i = 0; all && i < n; i++)
		all[i] = json_array_get(rows, i);
	sort_key = key;
	if (all)
		qsort(all, n, sizeof(json_t *), most_first);
	for (size_t i = 0; all && i < n && i < top; i++)
		json_array_append(out, all[i]);
	free(all);
	json_decref(rows);
	return out;
}

static void add_reasons(
    json_t *out, const char *what, const json_t *old, const json_t *new, double seconds)
{
	const json_t *value;
	const char *key;

	json_object_foreach((json_t *)new, key, value)
	{
		double more = grown(old, new, key);
		if (more <= 0)
			continue;
		json_t *row = json_object();
		json_object_set_new(row, "what", json_string(what));
		json_object_set_new(row, "reason", json_string(key));
		put(row, "packets", more / seconds);
		json_array_append_new(out, row);
	}
}

static json_t *reasons(const json_t *old, const json_t *new, double seconds)
{
	json_t *out = json_array();

	add_reasons(
	    out, "dropped", json_object_get(old, "drops"), json_object_get(new, "drops"), seconds);
	add_reasons(out, "to control", json_object_get(old, "punts"), json_object_get(new, "punts"),
	    seconds);
	return sorted(out, "packets", SIZE_MAX);
}

/* ---- endpoints and networks ------------------------------------------------ */

static const char *const traffic[] = {"rx_packets", "rx_bytes", "tx_packets", "tx_bytes"};
#define N_TRAFFIC (sizeof(traffic) / sizeof(traffic[0]))

/* By attachment, to find each at once: there may be thousands. */
static json_t *by_attachment(const json_t *rows)
{
	json_t *index = json_object();
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "attachment"));
		if (name)
			json_object_set(index, name, row);
	}
	return index;
}

static json_t *endpoint_rates(const json_t *old, const json_t *new, double seconds)
{
	static const char *const copied[] = {"attachment", "network", "net", "member", "replica"};
	json_t *row = json_object();

	for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++)
		json_object_set(row, copied[i], json_object_get(new, copied[i]));
	for (size_t i = 0; i < N_TRAFFIC; i++)
		put(row, traffic[i], grown(old, new, traffic[i]) / seconds);
	return row;
}

/* Of one that came meanwhile nothing is known yet, for its counters go on from somebody else's. */
static json_t *endpoints(const json_t *old, const json_t *new, double seconds)
{
	json_t *index = by_attachment(json_object_get(old, "endpoints")), *out = json_array();
	const json_t *rows = json_object_get(new, "endpoints"), *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "attachment"));
		const json_t *was = name ? json_object_get(index, name) : NULL;
		if (was)
			json_array_append_new(out, endpoint_rates(was, row, seconds));
	}
	json_decref(index);
	return out;
}

/* Two networks may have one name, under two owners: the index tells them apart. */
static json_t *network_of(json_t *index, json_t *out, const json_t *endpoint)
{
	char name[256], key[300];

	telemetry_text(endpoint, "network", name, sizeof(name));
	snprintf(key, sizeof(key), "%lld %s", (long long)number_of(endpoint, "net"), name);
	json_t *row = json_object_get(index, key);
	if (row)
		return row;
	row = json_object();
	json_object_set(row, "network", json_object_get(endpoint, "network"));
	json_object_set(row, "net", json_object_get(endpoint, "net"));
	json_object_set_new(index, key, row);
	json_array_append(out, row);
	return row;
}

static json_t *networks(const json_t *of)
{
	json_t *index = json_object(), *out = json_array();
	const json_t *row;
	size_t i;

	json_array_foreach(of, i, row)
	{
		json_t *net = network_of(index, out, row);
		for (size_t k = 0; k < N_TRAFFIC; k++)
			put(net, traffic[k], rates_of(net, traffic[k]) + rates_of(row, traffic[k]));
	}
	json_decref(index);
	return out;
}

/* What counts is bytes in both directions; packets, where there are none. */
static json_t *busiest(json_t *rows, size_t top)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	    put(row, "bytes", rates_of(row, "rx_bytes") + rates_of(row, "tx_bytes"));
	json_t *out = sorted(rows, "bytes", top);
	json_array_foreach(out, i, row) json_object_del(row, "bytes");
	return out;
}

json_t *rates_between(const struct rates_sample *old, const struct rates_sample *new, unsigned top)
{
	double seconds[RATES_ANSWERS];
	json_t *all = json_object();

	for (unsigned i = 0; i < RATES_ANSWERS; i++) {
		seconds[i] = new->at[i] - old->at[i];
		seconds[i] = seconds[i] > 0 ? seconds[i] : 1;
	}
	put(all, "seconds", seconds[RATES_WORKERS]);
	json_object_set_new(all, "workers",
	    workers(
		old->answer[RATES_WORKERS], new->answer[RATES_WORKERS], seconds[RATES_WORKERS]));
	json_object_set_new(all, "reasons",
	    reasons(old->answer[RATES_DROPS], new->answer[RATES_DROPS], seconds[RATES_DROPS]));
	json_t *eps = endpoints(
	    old->answer[RATES_ENDPOINTS], new->answer[RATES_ENDPOINTS], seconds[RATES_ENDPOINTS]);
	json_object_set_new(all, "networks", busiest(networks(eps), top));
	json_object_set_new(all, "endpoints", busiest(eps, top));
	return all;
}
