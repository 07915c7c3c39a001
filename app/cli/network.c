/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh network show`: who takes part in a network, as this host's gateway knows it. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "column.h"
#include "telemetry.h"

const struct cli_help help_network = {
    .name = "network",
    .synopsis = "leasemesh network show [-p PREFIX] [-j] NAME|ID",
    .summary = "show who takes part in a network and what each enforces",
    .text = "Asks the gateway on this host. NAME is the network's, or the beginning of its id;\n"
	    "all networks of that name are shown, whoever owns them.\n"
	    "\n"
	    "  -p, --prefix PREFIX  which gateway (dpdk.file_prefix), if several run here\n"
	    "  -j, --json           one JSON array, an object a network\n",
};

#define ID_MIN 8 /* digits of an id that are no name by accident */

static bool is_meant(const json_t *row, const char *wanted)
{
	char text[128];

	if (strcmp(telemetry_text(row, "name", text, sizeof(text)), wanted) == 0)
		return true;
	return strlen(wanted) >= ID_MIN &&
	       strncmp(telemetry_text(row, "id", text, sizeof(text)), wanted, strlen(wanted)) == 0;
}

static void print_gateways(const json_t *gateways)
{
	static const struct column columns[] = {
	    {"PROVIDER", cell_text, "provider"},
	    {"ID", cell_id, "id"},
	    {"PART", cell_text, "part"},
	    {">SERIAL", cell_count, "serial"},
	    {"HASH", cell_text, "hash"},
	    {"AGREES", cell_text, "agrees"},
	    {">SERVES", cell_count, "serves"},
	    {0},
	};

	columns_print(columns, gateways);
}

static void print_served(const json_t *served)
{
	static const struct column columns[] = {
	    {"ENDPOINT", cell_endpoint, "member"},
	    {"PROVIDER", cell_text, "provider"},
	    {"SERVED", cell_text, "served"},
	    {"IPV4", cell_text, "ipv4"},
	    {"IPV6", cell_text, "ipv6"},
	    {0},
	};

	columns_print(columns, served);
}

static void print(const json_t *network)
{
	char name[128], id[128], part[32];

	printf("network %s, id %s: serial %lld is in force here, %s\n\n",
	    telemetry_text(network, "name", name, sizeof(name)),
	    telemetry_text(network, "id", id, sizeof(id)), (long long)number_of(network, "serial"),
	    telemetry_text(network, "part", part, sizeof(part)));
	print_gateways(json_object_get(network, "gateways"));
	putchar('\n');
	print_served(json_object_get(network, "served"));
}

/* Puts what /leasemesh/<list> says about the network into it. */
static int ask_more(struct telemetry *t, json_t *network, const char *list, struct lm_why *why)
{
	char cmd[64];
	json_t *answer;

	snprintf(
	    cmd, sizeof(cmd), "/leasemesh/%s,%lld", list, (long long)number_of(network, "index"));
	int err = telemetry_ask_list(t, cmd, list, &answer, why);
	if (err < 0)
		return err;
	json_object_set(network, list, json_object_get(answer, list));
	json_decref(answer);
	return 0;
}

static int ask(struct telemetry *t, const char *wanted, json_t *found, struct lm_why *why)
{
	json_t *answer, *row;
	size_t i;
	int err = telemetry_ask_list(t, "/leasemesh/networks", "networks", &answer, why);

	if (err < 0)
		return err;
	json_array_foreach(json_object_get(answer, "networks"), i, row)
	{
		if (!is_meant(row, wanted))
			continue;
		err = ask_more(t, row, "gateways", why);
		if (err >= 0)
			err = ask_more(t, row, "served", why);
		if (err < 0)
			break;
		json_array_append(found, row);
	}
	json_decref(answer);
	return err;
}

static int report(const json_t *found, const char *wanted, bool json)
{
	const json_t *row;
	size_t i;

	if (json_array_size(found) == 0)
		return cli_fail("no manifest of network '%s' is in force here", wanted);
	if (json) {
		int err = json_dumpf(found, stdout, JSON_INDENT(2));
		putchar('\n');
		return err < 0 ? cli_fail("cannot write JSON") : CLI_OK;
	}
	json_array_foreach(found, i, row)
	{
		if (i)
			putchar('\n');
		print(row);
	}
	return CLI_OK;
}

int cmd_network(int argc, char **argv)
{
	static const struct option options[] = {
	    {"prefix", required_argument, NULL, 'p'}, {"json", no_argument, NULL, 'j'}, {0}};
	const char *prefix = NULL;
	bool json = false;
	struct lm_why why = {0};
	struct telemetry *t;

	for (int c; (c = getopt_long(argc, argv, ":p:j", options, NULL)) != -1;) {
		if (c == 'p')
			prefix = optarg;
		else if (c == 'j')
			json = true;
		else
			return cli_bad_option(&help_network, c, argv);
	}
	if (optind + 2 != argc || strcmp(argv[optind], "show") != 0)
		return cli_usage_error(&help_network, "what is wanted is: show NAME");
	const char *wanted = argv[optind + 1];
	if (telemetry_open(&t, prefix, &why) < 0)
		return cli_fail("%s", why.text);
	json_t *found = json_array();
	int err = ask(t, wanted, found, &why);
	telemetry_close(t);
	int code = err < 0 ? cli_fail("%s", why.text) : report(found, wanted, json);
	json_decref(found);
	return code;
}
