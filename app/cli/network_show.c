/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh network show`: who takes part in a network, as this host's gateway knows it. */
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "column.h"
#include "network.h"

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
	char name[128], id[128], part[32], text[32];

	printf("network %s, id %s: serial %lld is in force here, %s\n\n",
	    telemetry_text(network, "name", name, sizeof(name)),
	    telemetry_text(network, "id", id, sizeof(id)), (long long)number_of(network, "serial"),
	    telemetry_text(network, "part", part, sizeof(part)));
	print_gateways(json_object_get(network, "gateways"));
	if (strcmp(telemetry_text(network, "accepted", text, sizeof(text)), "no") == 0)
		puts("\nits owner is not accepted here any more: no newer manifest is, and it can "
		     "be dropped");
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

static int report(const json_t *found, bool json)
{
	const json_t *row;
	size_t i;

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

int network_show(struct telemetry *t, json_t *found, bool json)
{
	struct lm_why why = {0};
	json_t *row;
	size_t i;

	json_array_foreach(found, i, row)
	{
		if (ask_more(t, row, "gateways", &why) < 0 || ask_more(t, row, "served", &why) < 0)
			return cli_fail("%s", why.text);
	}
	return report(found, json);
}
