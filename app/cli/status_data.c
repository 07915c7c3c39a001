/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of the data plane: ports, lanes, flows, drops, workers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "status.h"
#include "telemetry.h"

void status_ports(const json_t *answer, const struct status_options *options)
{
	static const char *const heads[] = {"PORT", "ROLE", "LINK", ">MTU", "MAC", ">RX", ">",
	    ">TX", ">", ">LOST", "DRIVER", "DEVICE", NULL};
	struct table t;
	const json_t *row;
	size_t i;

	(void)options;
	table_start(&t, heads);
	json_array_foreach(json_object_get(answer, "ports"), i, row)
	{
		cell_text(&t, row, "name");
		cell_text(&t, row, "role");
		cell_text(&t, row, "link");
		cell_count(&t, row, "mtu");
		cell_text(&t, row, "mac");
		cell_count(&t, row, "rx_packets");
		cell_bytes(&t, row, "rx_bytes");
		cell_count(&t, row, "tx_packets");
		cell_bytes(&t, row, "tx_bytes");
		table_cellf(&t, "%lld",
		    (long long)(number_of(row, "rx_missed") + number_of(row, "rx_errors") +
				number_of(row, "rx_nombuf")));
		cell_text(&t, row, "driver");
		cell_text(&t, row, "device");
	}
	table_end(&t);
}

void status_lanes(const json_t *answer, const struct status_options *options)
{
	static const char *const heads[] = {"NETWORK", ">PEER", ">LANE", "DIRECTION", "SPI",
	    ">WORKER", ">PACKETS", ">BYTES", ">SEQUENCE", ">REPLAYS", ">FORGED", NULL};
	struct table t;
	const json_t *row;
	size_t i;

	(void)options;
	table_start(&t, heads);
	json_array_foreach(json_object_get(answer, "lanes"), i, row)
	{
		cell_text(&t, row, "network");
		cell_count(&t, row, "peer");
		cell_count(&t, row, "lane");
		cell_text(&t, row, "direction");
		cell_text(&t, row, "spi");
		cell_count(&t, row, "worker");
		cell_count(&t, row, "packets");
		cell_bytes(&t, row, "bytes");
		cell_count(&t, row, "sequence");
		cell_count(&t, row, "replays");
		cell_count(&t, row, "auth_failures");
	}
	table_end(&t);
}

static int by_bytes(const void *a, const void *b)
{
	json_int_t x = number_of(*(json_t *const *)a, "bytes");
	json_int_t y = number_of(*(json_t *const *)b, "bytes");

	return x < y ? 1 : x > y ? -1 : 0;
}

static void cell_protocol(struct table *t, const json_t *row)
{
	json_int_t protocol = number_of(row, "protocol");

	if (protocol == 1 || protocol == 58)
		table_cell(t, "icmp");
	else if (protocol == 6 || protocol == 17)
		table_cell(t, protocol == 6 ? "tcp" : "udp");
	else
		table_cellf(t, "%lld", (long long)protocol);
}

static void cell_end(struct table *t, const json_t *row, const char *ip, const char *port)
{
	char text[64];

	telemetry_text(row, ip, text, sizeof(text));
	if (number_of(row, port) == 0)
		table_cell(t, text);
	else
		table_cellf(t, strchr(text, ':') ? "[%s]:%lld" : "%s:%lld", text,
		    (long long)number_of(row, port));
}

void status_flows(const json_t *answer, const struct status_options *options)
{
	static const char *const heads[] = {
	    "NETWORK", "PROTOCOL", "FROM", "TO", ">PACKETS", ">BYTES", ">IDLE", ">WORKER", NULL};
	const json_t *rows = json_object_get(answer, "flows");
	size_t n = json_array_size(rows);
	const json_t **sorted = calloc(n ? n : 1, sizeof(*sorted));
	struct table t;

	if (!sorted)
		return;
	for (size_t i = 0; i < n; i++)
		sorted[i] = json_array_get(rows, i);
	qsort(sorted, n, sizeof(*sorted), by_bytes);
	table_start(&t, heads);
	for (size_t i = 0; i < n && (options->all || i < options->top); i++) {
		cell_text(&t, sorted[i], "network");
		cell_protocol(&t, sorted[i]);
		cell_end(&t, sorted[i], "src", "sport");
		cell_end(&t, sorted[i], "dst", "dport");
		cell_count(&t, sorted[i], "packets");
		cell_bytes(&t, sorted[i], "bytes");
		cell_age(&t, sorted[i], "idle_s");
		cell_count(&t, sorted[i], "worker");
	}
	table_end(&t);
	free(sorted);
	json_int_t count = number_of(answer, "count");
	if (!options->all && n > options->top)
		printf(
		    "the %u largest of %lld; --all shows more\n", options->top, (long long)count);
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
	static const char *const heads[] = {
	    ">WORKER", ">RECEIVED", ">SENT", ">FLOW HITS", ">FLOW MISSES", NULL};
	static const char *const stage_heads[] = {
	    ">WORKER", "STAGE", ">PACKETS", ">CYCLES/PACKET", NULL};
	const json_t *rows = json_object_get(answer, "workers"), *row;
	struct table t;
	size_t i;

	(void)options;
	table_start(&t, heads);
	json_array_foreach(rows, i, row)
	{
		cell_count(&t, row, "index");
		cell_count(&t, row, "rx");
		cell_count(&t, row, "tx");
		cell_count(&t, row, "flow_hits");
		cell_count(&t, row, "flow_misses");
	}
	table_end(&t);
	table_start(&t, stage_heads);
	json_array_foreach(rows, i, row) stages(&t, row);
	table_end(&t);
}
