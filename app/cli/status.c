/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh status`: what a running gateway does, for people and for programs. */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "cli.h"
#include "status.h"
#include "telemetry.h"

const struct cli_help help_status = {
    .name = "status",
    .synopsis = "leasemesh status [-p PREFIX] [-a] [-n COUNT] [--json] [SECTION...]",
    .summary = "show what the gateway on this host does",
    .text = "Sections: gateway, ports, sessions, networks, endpoints, attachments, drops (these\n"
	    "are shown if none is named), control, lanes, flows, denied, workers.\n"
	    "\n"
	    "  -p, --prefix PREFIX  which gateway (dpdk.file_prefix), if several run here\n"
	    "  -a, --all            also counters that are zero, attachments that are in order,\n"
	    "                       all flows, whole ids\n"
	    "  -n, --top COUNT      how many flows, the largest first (default 20)\n"
	    "  -j, --json           the gateway's own answers, one JSON object by section\n",
};

static const struct status_section sections[] = {
    {"gateway", "/leasemesh/info", NULL, true, status_gateway},
    {"control", "/leasemesh/control", NULL, false, status_control},
    {"ports", "/leasemesh/ports", "ports", true, status_ports},
    {"sessions", "/leasemesh/sessions", "sessions", true, status_sessions},
    {"networks", "/leasemesh/networks", "networks", true, status_networks},
    {"endpoints", "/leasemesh/endpoints", "endpoints", true, status_endpoints},
    {"attachments", "/leasemesh/attachments", "attachments", true, status_attachments},
    {"drops", "/leasemesh/drops", NULL, true, status_drops},
    {"lanes", "/leasemesh/lanes", "lanes", false, status_lanes},
    {"flows", "/leasemesh/flows", "flows", false, status_flows},
    {"denied", "/leasemesh/denied", "denied", false, status_denied},
    {"workers", "/leasemesh/workers", "workers", false, status_workers},
};
#define N_SECTIONS (sizeof(sections) / sizeof(sections[0]))

static int find_section(const char *name)
{
	for (size_t i = 0; i < N_SECTIONS; i++)
		if (strcmp(sections[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int ask(
    struct telemetry *t, const struct status_section *s, json_t **out, struct lm_why *why)
{
	return s->list ? telemetry_ask_list(t, s->cmd, s->list, out, why)
		       : telemetry_ask(t, s->cmd, out, why);
}

/* Everything is asked before anything is printed: an answer that fails leaves no half a report. */
static int ask_all(struct telemetry *t, const bool *wanted, json_t **answers, struct lm_why *why)
{
	for (size_t i = 0; i < N_SECTIONS; i++) {
		int r = wanted[i] ? ask(t, &sections[i], &answers[i], why) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int print_json(json_t *const *answers)
{
	json_t *all = json_object();

	for (size_t i = 0; i < N_SECTIONS; i++)
		if (answers[i])
			json_object_set(all, sections[i].name, answers[i]);
	int r = json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
	return r < 0 ? cli_fail("cannot write JSON") : CLI_OK;
}

static bool is_empty(const struct status_section *s, const json_t *answer)
{
	return s->list && json_array_size(json_object_get(answer, s->list)) == 0;
}

static void print_tables(json_t *const *answers, const struct status_options *options)
{
	unsigned n = 0, printed = 0;

	for (size_t i = 0; i < N_SECTIONS; i++)
		n += answers[i] != NULL;
	for (size_t i = 0; i < N_SECTIONS; i++) {
		if (!answers[i])
			continue;
		if (n > 1)
			printf("%s%s\n", printed++ ? "\n" : "", sections[i].name);
		if (is_empty(&sections[i], answers[i]))
			puts("none");
		else
			sections[i].print(answers[i], options);
	}
}

static int show(const char *prefix, const bool *wanted, bool json, const struct status_options *o)
{
	json_t *answers[N_SECTIONS] = {NULL};
	struct lm_why why = {0};
	struct telemetry *t;
	int code = CLI_OK;

	if (telemetry_open(&t, prefix, &why) < 0)
		return cli_fail("%s", why.text);
	if (ask_all(t, wanted, answers, &why) < 0)
		code = cli_fail("%s", why.text);
	else if (json)
		code = print_json(answers);
	else
		print_tables(answers, o);
	for (size_t i = 0; i < N_SECTIONS; i++)
		json_decref(answers[i]);
	telemetry_close(t);
	return code;
}

int cmd_status(int argc, char **argv)
{
	static const struct option options[] = {{"prefix", required_argument, NULL, 'p'},
	    {"all", no_argument, NULL, 'a'}, {"top", required_argument, NULL, 'n'},
	    {"json", no_argument, NULL, 'j'}, {0}};
	struct status_options o = {.top = 20};
	bool wanted[N_SECTIONS] = {false}, json = false;
	const char *prefix = NULL;
	uint64_t top;

	for (int c; (c = getopt_long(argc, argv, ":p:an:j", options, NULL)) != -1;) {
		switch (c) {
		case 'p':
			prefix = optarg;
			break;
		case 'a':
			o.all = true;
			break;
		case 'n':
			if (lm_text_number(&top, optarg, TELEMETRY_ROWS_MAX) < 0)
				return cli_usage_error(&help_status, "'%s' is no count", optarg);
			o.top = (unsigned)top;
			break;
		case 'j':
			json = true;
			break;
		default:
			return cli_bad_option(&help_status, c, argv);
		}
	}
	for (size_t i = 0; optind == argc && i < N_SECTIONS; i++)
		wanted[i] = sections[i].in_overview;
	for (; optind < argc; optind++) {
		int i = find_section(argv[optind]);
		if (i < 0)
			return cli_usage_error(&help_status, "no section '%s'", argv[optind]);
		wanted[i] = true;
	}
	return show(prefix, wanted, json, &o);
}
