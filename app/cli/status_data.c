/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of the data plane: ports, lanes, flows, drops, workers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "column.h"
#include "status.h"
#include "telemetry.h"

static void cell_lost(struct table *t, const json_t *row, const char *key)
{
	(void)key;
	table_cellf(t, "%lld",
	    (long long)(number_of(row, "rx_missed") + number_of(row, "rx_errors") +
			number_of(row, "rx_nombuf")));
}

void status_ports(const json_t *answer, const struct status_options *options)
{
	static const struct column columns[] = {
	    {"PORT", cell_text, "name"},
	    {"ROLE", cell_text, "role"},
	    {"LINK", cell_text, "link"},
	    {">MTU", cell_count, "mtu"},
	    {"MAC", cell_text, "mac"},
	    {">RX", cell_count, "rx_packets"},
	    {">", cell_bytes, "rx_bytes"},
	    {">TX", cell_count, "tx_packets"},
	    {">", cell_bytes, "tx_bytes"},
	    {">LOST", cell_lost, NULL},
	    {"DRIVER", cell_text, "driver"},
	    {"DEVICE", cell_text, "device"},
	    {0},
	};

	(void)options;
	columns_print(columns, json_object_get(answer, "ports"));
}

void status_lanes(const json_t *answer, const struct status_options *options)
{
	static const struct column columns[] = {
	    {"NETWORK", cell_text, "network"},
	    {">PEER", cell_count, "peer"},
	    {">LANE", cell_count, "lane"},
	    {"DIRECTION", cell_text, "direction"},
	    {"SPI", cell_text, "spi"},
	    {">WORKER", cell_count, "worker"},
	    {">PACKETS", cell_count, "packets"},
	    {">BYTES", cell_bytes, "bytes"},
	    {">SEQUENCE", cell_count, "sequence"},
	    {">REPLAYS", cell_count, "replays"},
	    {">FORGED", cell_count, "auth_failures"},
	    {0},
	};

	(void)options;
	columns_print(columns, json_object_get(answer, "lanes"));
}

static int by_bytes(const void *a, const void *b)
{
	json_int_t x = number_of(*(json_t *const *)a, "bytes");
	json_int_t y = number_of(*(json_t *const *)b, "bytes");

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Rows of a list in another order; the caller frees the array. NULL: no memory. */
static const json_t **sort_rows(const json_t *rows, int (*compare)(const void *, const void *))
{
	size_t n = json_array_size(rows);
	const json_t **sorted = calloc(n ? n : 1, sizeof(*sorted));

	for (size_t i = 0; sorted && i < n; i++)
		sorted[i] = json_array_get(rows, i);
	if (sorted)
		qsort(sorted, n, sizeof(*sorted), compare);
	return sorted;
}

static void cell_protocol(struct table *t, const json_t *row, const char *key)
{
	json_int_t protocol = number_of(row, key);

	if (protocol == 1 || protocol == 58)
		table_cell(t, "icmp");
	else if (protocol == 6 || protocol == 17)
		table_cell(t, protocol == 6 ? "tcp" : "udp");
	else
		table_cellf(t, "%lld", (long long)protocol);
}

static void socket_cell(struct table *t, const json_t *row, const char *ip, const char *port)
{
	char text[64];

	telemetry_text(row, ip, text, sizeof(text));
	if (number_of(row, port) == 0)
		table_cell(t, text);
	else
		table_cellf(t, strchr(text, ':') ? "[%s]:%lld" : "%s:%lld", text,
		    (long long)number_of(row, port));
}

static void cell_from(struct table *t, const json_t *row, const char *key)
{
	socket_cell(t, row, key, "sport");
}

static void cell_to(struct table *t, const json_t *row, const char *key)
{
	socket_cell(t, row, key, "dport");
}

void status_flows(const json_t *answer, const struct status_options *options)
{
	static const struct column columns[] = {
	    {"NETWORK", cell_text, "network"},
	    {"PROTOCOL", cell_protocol, "protocol"},
	    {"FROM", cell_from, "src"},
	    {"TO", cell_to, "dst"},
	    {"STATE", cell_text, "state"},
	    {">PACKETS", cell_count, "packets"},
	    {">BYTES", cell_bytes, "bytes"},
	    {">IDLE", cell_age, "idle_s"},
	    {">WORKER", cell_count, "worker"},
	    {0},
	};
	const json_t *rows = json_object_get(answer, "flows");
	size_t n = json_array_size(rows);
	const json_t **sorted = sort_rows(rows, by_bytes);
	struct table t;

	if (!sorted)
		return;
	columns_start(&t, columns);
	for (size_t i = 0; i < n && (options->all || i < options->top); i++)
		columns_row(&t, columns, sorted[i]);
	table_end(&t);
	free(sorted);
	json_int_t count = number_of(answer, "count");
	if (!options->all && n > options->top)
		printf(
		    "the %u largest of %lld; --all shows more\n", options->top, (long long)count);
}

static int by_age(const void *a, const void *b)
{
	json_int_t x = number_of(*(json_t *const *)a, "ago_s");
	json_int_t y = number_of(*(json_t *const *)b, "ago_s");

	return x < y ? -1 : x > y ? 1 : 0;
}

/* What rules denied last, and what they allowed with `log`: of all networks, the newest first. */
void status_denied(const json_t *answer, const struct status_options *options)
{
	static const struct column columns[] = {
	    {">AGO", cell_age, "ago_s"},
	    {"NETWORK", cell_text, "network"},
	    {"VERDICT", cell_text, "verdict"},
	    {"PROTOCOL", cell_protocol, "protocol"},
	    {"FROM", cell_from, "src"},
	    {"TO", cell_to, "dst"},
	    {"BY", cell_text, "direction"},
	    {">LINE", cell_count, "line"},
	    {0},
	};

	const json_t *rows = json_object_get(answer, "denied");
	const json_t **sorted = sort_rows(rows, by_age);
	struct table t;

	(void)options;
	if (!sorted)
		return;
	columns_start(&t, columns);
	for (size_t i = 0; i < json_array_size(rows); i++)
		columns_row(&t, columns, sorted[i]);
	table_end(&t);
	free(sorted);
}

static void reasons(struct table *t, const json_t *counts, const char *kind, bool all)
{
	const json_t *value;
	const char *key;

	json_object_foreach((json_t *)counts, key, value)
	{
		if (!json_is_integer(value) || (json_integer_value(value) == 0 && !all))
			continue;
		table_cell(t, kind);
		table_cell(t, key);
		table_cellf(t, "%lld", (long long)json_integer_value(value));
	}
}

void status_drops(const json_t *answer, const struct status_options *options)
{
	static const char *const heads[] = {"WHAT", "REASON", ">PACKETS", NULL};
	long long rx = number_of(answer, "rx"), injected = number_of(answer, "injected");
	long long tx = number_of(answer, "tx"), dropped = number_of(answer, "dropped");
	long long punted = number_of(answer, "punted");
	struct table t;

	printf("received %lld + from control %lld = sent %lld + dropped %lld + to control %lld", rx,
	    injected, tx, dropped, punted);
	/* Counters are read while workers work: what is inside a burst is in none of them yet. */
	if (rx + injected != tx + dropped + punted)
		printf(" + under way %lld", rx + injected - tx - dropped - punted);
	putchar('\n');
	table_start(&t, heads);
	reasons(&t, json_object_get(answer, "drops"), "dropped", options->all);
	reasons(&t, json_object_get(answer, "punts"), "to control", options->all);
	reasons(&t, json_object_get(answer, "control"), "in control", options->all);
	table_end(&t);
}

/* Stages come as {"rx_packets": 5, "rx_cycles": 100, ...} beside each other. */
static void stages(struct table *t, const json_t *row)
{
	const json_t *all = json_object_get(row, "stages"), *value;
	const char *key;

	json_object_foreach((json_t *)all, key, value)
	{
		size_t len = strlen(key), suffix = strlen("_packets");
		char stage[32], cycles[48];

		if (len <= suffix || len - suffix >= sizeof(stage) ||
		    strcmp(key + len - suffix, "_packets") != 0)
			continue;
		snprintf(stage, sizeof(stage), "%.*s", (int)(len - suffix), key);
		snprintf(cycles, sizeof(cycles), "%s_cycles", stage);
		json_int_t packets = json_integer_value(value);
		cell_count(t, row, "index");
		table_cell(t, stage);
		table_cellf(t, "%lld", (long long)packets);
		if (packets > 0)
			table_cellf(t, "%.1f", (double)number_of(all, cycles) / (double)packets);
		else
			table_cell(t, NULL);
	}
}

void status_workers(const json_t *answer, const struct status_options *options)
{
	static const struct column columns[] = {
	    {">WORKER", cell_count, "index"},
	    {">RECEIVED", cell_count, "rx"},
	    {">SENT", cell_count, "tx"},
	    {">FLOW HITS", cell_count, "flow_hits"},
	    {">FLOW MISSES", cell_count, "flow_misses"},
	    {0},
	};
	static const char *const stage_heads[] = {
	    ">WORKER", "STAGE", ">PACKETS", ">CYCLES/PACKET", NULL};
	const json_t *rows = json_object_get(answer, "workers"), *row;
	struct table t;
	size_t i;

	(void)options;
	columns_print(columns, rows);
	table_start(&t, stage_heads);
	json_array_foreach(rows, i, row) stages(&t, row);
	table_end(&t);
}
