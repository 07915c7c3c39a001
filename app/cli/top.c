/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh top`: where a gateway's time goes, live. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/text.h"
#include "cli.h"
#include "column.h"
#include "rates.h"
#include "screen.h"

#define SECONDS_MIN 0.1
#define SECONDS_MAX 3600
/* Asking takes no more than this part of the gateway's time, however many endpoints it has. */
#define ASKING_SHARE 20

const struct cli_help help_top = {
    .name = "top",
    .synopsis = "leasemesh top [-p PREFIX] [-i SECONDS] [-n COUNT] [--once] [--json]",
    .summary = "show live what the gateway's workers do",
    .text =
	"A line for each worker: packets a second, how busy it is, cycles a packet in all and\n"
	"in each stage; why packets were dropped; the networks and endpoints with most\n"
	"traffic. q ends it.\n"
	"\n"
	"  -p, --prefix PREFIX      which gateway (dpdk.file_prefix), if several run here\n"
	"  -i, --interval SECONDS   of what time it shows the average, 0.1 to 3600 (default 2)\n"
	"  -n, --top COUNT          how many networks and endpoints (default 10)\n"
	"  -1, --once               show one interval, and end\n"
	"  -j, --json               one JSON object an interval, a line each\n",
};

struct top {
	struct telemetry *t;
	char name[64];
	double interval;
	unsigned top;
	bool once, json;
	struct rates_sample old, new;
};

/* ---- tables --------------------------------------------------------------- */

static void cell_percent(struct table *t, const json_t *row, const char *key)
{
	table_cellf(t, "%.1f %%", rates_of(row, key));
}

static void cell_cycles(struct table *t, const json_t *row, const char *key)
{
	double cycles = rates_of(row, key);

	if (cycles > 0)
		table_cellf(t, "%.0f", cycles);
	else
		table_cell(t, NULL);
}

static const struct column worker_columns[] = {
    {">WORKER", cell_count, "index"},
    {">RECEIVED", cell_rate, "received"},
    {">SENT", cell_rate, "sent"},
    {">HANDED", cell_rate, "handed"},
    {">DROPPED", cell_rate, "dropped"},
    {">TO CONTROL", cell_rate, "punted"},
    {">BUSY", cell_percent, "busy"},
    {">CYCLES", cell_cycles, "cycles"},
};
#define N_WORKER_COLUMNS (sizeof(worker_columns) / sizeof(worker_columns[0]))

/* The stages are the gateway's: as many as fit. */
static void print_workers(FILE *to, const json_t *rows)
{
	char heads[TABLE_COLUMNS_MAX][40];
	struct column columns[TABLE_COLUMNS_MAX + 1] = {0};
	const json_t *stages = json_object_get(json_array_get(rows, 0), "stages"), *value, *row;
	unsigned n = N_WORKER_COLUMNS, first = n;
	const char *key;
	struct table t;
	size_t i;

	memcpy(columns, worker_columns, sizeof(worker_columns));
	json_object_foreach((json_t *)stages, key, value)
	{
		if (n == TABLE_COLUMNS_MAX)
			break;
		snprintf(heads[n], sizeof(heads[n]), ">%s", key);
		columns[n] = (struct column){heads[n], cell_cycles, key};
		n++;
	}
	columns_start(&t, columns);
	t.to = to;
	json_array_foreach(rows, i, row)
	{
		for (unsigned c = 0; c < n; c++)
			columns[c].cell(
			    &t, c < first ? row : json_object_get(row, "stages"), columns[c].key);
	}
	table_end(&t);
}

static void print_rows(FILE *to, const struct column *columns, const json_t *rows)
{
	struct table t;
	const json_t *row;
	size_t i;

	columns_start(&t, columns);
	t.to = to;
	json_array_foreach(rows, i, row) columns_row(&t, columns, row);
	if (t.n_cells > 0)
		fputc('\n', to);
	table_end(&t);
}

static void print_tables(FILE *to, const json_t *rates)
{
	static const struct column reasons[] = {
	    {"WHAT", cell_text, "what"},
	    {"REASON", cell_text, "reason"},
	    {">PACKETS", cell_rate, "packets"},
	    {0},
	};
	static const struct column networks[] = {
	    {"NETWORK", cell_text, "network"},
	    {">FROM WORKLOADS", cell_rate, "rx_packets"},
	    {">", cell_bits, "rx_bytes"},
	    {">TO WORKLOADS", cell_rate, "tx_packets"},
	    {">", cell_bits, "tx_bytes"},
	    {0},
	};
	static const struct column endpoints[] = {
	    {"NETWORK", cell_text, "network"},
	    {"ENDPOINT", cell_endpoint, "member"},
	    {"ATTACHMENT", cell_text, "attachment"},
	    {">FROM WORKLOAD", cell_rate, "rx_packets"},
	    {">", cell_bits, "rx_bytes"},
	    {">TO WORKLOAD", cell_rate, "tx_packets"},
	    {">", cell_bits, "tx_bytes"},
	    {0},
	};

	print_workers(to, json_object_get(rates, "workers"));
	print_rows(to, reasons, json_object_get(rates, "reasons"));
	print_rows(to, networks, json_object_get(rates, "networks"));
	print_rows(to, endpoints, json_object_get(rates, "endpoints"));
}

static void print_head(FILE *to, const struct top *top, const json_t *rates)
{
	time_t at = time(NULL);
	char clock[16] = "";
	struct tm tm;

	if (localtime_r(&at, &tm))
		strftime(clock, sizeof(clock), "%T", &tm);
	fprintf(to, "%s at %s: packets a second, of the last %.1f s\n\n", top->name, clock,
	    rates_of(rates, "seconds"));
}

/* ---- intervals ------------------------------------------------------------ */

static int show(const struct top *top, bool screen, const json_t *rates)
{
	char *text = NULL;
	size_t size;

	if (top->json) {
		if (json_dumpf(rates, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6)) < 0)
			return cli_fail("cannot write JSON");
		putchar('\n');
		return CLI_OK;
	}
	FILE *to = open_memstream(&text, &size);
	if (!to)
		return cli_fail("out of memory");
	print_head(to, top, rates);
	print_tables(to, rates);
	fclose(to);
	if (screen)
		screen_draw(text);
	else
		printf("%s%s", text, top->once ? "" : "\n");
	free(text);
	return CLI_OK;
}

/* Waits, asks, shows. False: the end, with *code. */
static bool turn(struct top *top, bool screen, json_t **rates, int *code)
{
	double asked = top->new.at[RATES_ENDPOINTS] - top->new.at[RATES_WORKERS];
	double pause = asked * ASKING_SHARE > top->interval ? asked * ASKING_SHARE : top->interval;
	struct lm_why why = {0};
	bool resized;

	if (!screen_wait(pause, &resized))
		return false;
	if (!resized) {
		rates_release(&top->old);
		top->old = top->new;
		top->new = (struct rates_sample){0};
		if (rates_ask(top->t, &top->new, &why) < 0) {
			screen_end();
			*code = cli_fail("%s", why.text);
			return false;
		}
		json_decref(*rates);
		*rates = rates_between(&top->old, &top->new, top->top);
	}
	if (*rates)
		*code = show(top, screen, *rates);
	/* Whoever reads from a pipe wants it now, and may be gone. */
	return fflush(stdout) == 0 && *code == CLI_OK && !top->once;
}

static int run(struct top *top)
{
	struct lm_why why = {0};
	json_t *rates = NULL;
	int code = CLI_OK;

	if (rates_ask(top->t, &top->new, &why) < 0)
		return cli_fail("%s", why.text);
	if (!top->once)
		screen_signals();
	bool screen = !top->once && !top->json && screen_begin();
	while (turn(top, screen, &rates, &code))
		;
	screen_end();
	json_decref(rates);
	rates_release(&top->old);
	rates_release(&top->new);
	return code;
}

static int start(struct top *top, const char *prefix)
{
	struct lm_why why = {0};
	json_t *info;
	int code;

	if (telemetry_open(&top->t, prefix, &why) < 0)
		return cli_fail("%s", why.text);
	if (telemetry_ask(top->t, "/leasemesh/info", &info, &why) < 0) {
		code = cli_fail("%s", why.text);
	} else {
		telemetry_text(info, "name", top->name, sizeof(top->name));
		json_decref(info);
		code = run(top);
	}
	telemetry_close(top->t);
	return code;
}

static bool parse_interval(double *out, const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end != '\0' || !(seconds >= SECONDS_MIN && seconds <= SECONDS_MAX))
		return false;
	*out = seconds;
	return true;
}

int cmd_top(int argc, char **argv)
{
	static const struct option options[] = {{"prefix", required_argument, NULL, 'p'},
	    {"interval", required_argument, NULL, 'i'}, {"top", required_argument, NULL, 'n'},
	    {"once", no_argument, NULL, '1'}, {"json", no_argument, NULL, 'j'}, {0}};
	struct top top = {.interval = 2, .top = 10};
	const char *prefix = NULL;
	uint64_t count;

	for (int c; (c = getopt_long(argc, argv, ":p:i:n:1j", options, NULL)) != -1;) {
		switch (c) {
		case 'p':
			prefix = optarg;
			break;
		case 'i':
			if (!parse_interval(&top.interval, optarg))
				return cli_usage_error(
				    &help_top, "'%s' is no time from 0.1 to 3600 seconds", optarg);
			break;
		case 'n':
			if (lm_text_number(&count, optarg, TELEMETRY_ROWS_MAX) < 0)
				return cli_usage_error(&help_top, "'%s' is no count", optarg);
			top.top = (unsigned)count;
			break;
		case '1':
			top.once = true;
			break;
		case 'j':
			top.json = true;
			break;
		default:
			return cli_bad_option(&help_top, c, argv);
		}
	}
	if (optind < argc)
		return cli_usage_error(&help_top, "'%s' is too much", argv[optind]);
	return start(&top, prefix);
}
