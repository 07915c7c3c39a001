/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh network show`: who takes part in a network, as this host's gateway knows it. */
#include <stdbool.h>
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

/* Where gateways decide nothing, nothing moves or waits for them. */
static void print_served(const json_t *served, bool decided)
{
	static const struct column columns[] = {
	    {"ENDPOINT", cell_endpoint, "member"},
	    {"PROVIDER", cell_text, "provider"},
	    {"SERVED", cell_text, "served"},
	    {"IPV4", cell_text, "ipv4"},
	    {"IPV6", cell_text, "ipv6"},
	    {">MOVES", cell_count, "generation"},
	    {"WAITS HERE", cell_text, "reason"},
	    {0},
	};
	struct column shown[sizeof(columns) / sizeof(columns[0])];

	memcpy(shown, columns, sizeof(columns));
	if (!decided)
		shown[5] = (struct column){0};
	columns_print(shown, served);
}

static void print_routes(const json_t *routes)
{
	static const struct column columns[] = {
	    {"ROUTE", cell_text, "prefix"},
	    {"UP", cell_text, "up"},
	    {"VIA", cell_text, "via"},
	    {"PROVIDER", cell_text, "provider"},
	    {">REPLICAS", cell_count, "replicas"},
	    {"COMMENT", cell_text, "comment"},
	    {0},
	};

	if (json_array_size(routes) == 0)
		return;
	putchar('\n');
	columns_print(columns, routes);
}

static bool says(const json_t *object, const char *key, const char *text)
{
	char buf[64];

	return strcmp(telemetry_text(object, key, buf, sizeof(buf)), text) == 0;
}

static void print_members(const json_t *chain)
{
	const json_t *member;
	char name[128], id[64];
	size_t i;

	fputs("chain members:", stdout);
	json_array_foreach(json_object_get(chain, "members"), i, member)
	{
		telemetry_text(member, "provider", name, sizeof(name));
		telemetry_text(member, "id", id, sizeof(id));
		/* One that the manifest does not authorise any more has no name. */
		printf("%s %s%s", i ? "," : "", name[0] ? name : id,
		    says(member, "here", "yes") ? " (here)" : "");
	}
	putchar('\n');
}

/* What stands in the way, in words. */
static void print_troubles(const json_t *chain)
{
	if (says(chain, "votes", "never"))
		puts("this gateway votes no more: its store was lost");
	if (says(chain, "behind", "yes"))
		puts("this gateway knows of blocks that it does not have yet");
	if (!json_is_integer(json_object_get(chain, "current_s")))
		puts("this gateway has heard from no majority of the members since its start");
	if (says(chain, "fenced", "yes"))
		puts("this gateway was cut off from the members for too long: it serves no "
		     "endpoint that they decide");
	if (number_of(chain, "guilty"))
		printf("%lld members are proven to have voted twice: the log names them\n",
		    (long long)number_of(chain, "guilty"));
}

static void print_chain(const json_t *chain)
{
	if (says(chain, "chain", "unknown"))
		puts("\nits chain's start, the manifest with serial 1, is not known here yet");
	if (!says(chain, "chain", "yes"))
		return;
	printf("\nchain: height %lld, era %lld, %lld endpoints; of %lld address blocks of %lld, "
	       "%lld are in use and %lld in quarantine\n",
	    (long long)number_of(chain, "height"), (long long)number_of(chain, "era"),
	    (long long)number_of(chain, "endpoints"), (long long)number_of(chain, "blocks"),
	    (long long)number_of(chain, "block_size"), (long long)number_of(chain, "blocks_owned"),
	    (long long)number_of(chain, "blocks_quarantined"));
	printf("here: %lld blocks; of their %lld addresses, %lld are given out and %lld rest\n",
	    (long long)number_of(chain, "blocks_here"),
	    (long long)number_of(chain, "addresses_here"),
	    (long long)number_of(chain, "given_here"), (long long)number_of(chain, "resting_here"));
	print_members(chain);
	print_troubles(chain);
}

static void print_rules(const json_t *network)
{
	printf("%lld rules, compiled to %lld bytes in %.1f ms\n\n",
	    (long long)number_of(network, "rules"), (long long)number_of(network, "rules_bytes"),
	    (double)number_of(network, "rules_compile_us") / 1000);
}

static void print(const json_t *network)
{
	char name[128], id[128], part[32], text[32];

	printf("network %s, id %s: serial %lld is in force here, %s\n",
	    telemetry_text(network, "name", name, sizeof(name)),
	    telemetry_text(network, "id", id, sizeof(id)), (long long)number_of(network, "serial"),
	    telemetry_text(network, "part", part, sizeof(part)));
	print_rules(network);
	print_gateways(json_object_get(network, "gateways"));
	if (strcmp(telemetry_text(network, "accepted", text, sizeof(text)), "no") == 0)
		puts("\nits owner is not accepted here any more: no newer manifest is, and it can "
		     "be dropped");
	const json_t *chain = json_object_get(network, "chain");
	print_chain(chain);
	putchar('\n');
	print_served(json_object_get(network, "served"), !says(chain, "chain", "none"));
	print_routes(json_object_get(network, "routes"));
}

int network_ask(
    struct telemetry *t, json_t *network, const char *list, const char *as, struct lm_why *why)
{
	char cmd[64];
	json_t *answer;

	snprintf(
	    cmd, sizeof(cmd), "/leasemesh/%s,%lld", list, (long long)number_of(network, "index"));
	int err = telemetry_ask_list(t, cmd, list, &answer, why);
	if (err < 0)
		return err;
	json_object_set(network, as, json_object_get(answer, list));
	json_decref(answer);
	return 0;
}

static int ask_chain(struct telemetry *t, json_t *network, struct lm_why *why)
{
	char cmd[64];
	json_t *answer;

	snprintf(cmd, sizeof(cmd), "/leasemesh/chain,%lld", (long long)number_of(network, "index"));
	int err = telemetry_ask_list(t, cmd, "members", &answer, why);
	if (err < 0)
		return err;
	json_object_set_new(network, "chain", answer);
	return 0;
}

int network_report(const json_t *found, bool json, void (*print_one)(const json_t *network))
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
		print_one(row);
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
		if (network_ask(t, row, "gateways", "gateways", &why) < 0 ||
		    ask_chain(t, row, &why) < 0 ||
		    network_ask(t, row, "served", "served", &why) < 0 ||
		    network_ask(t, row, "routes", "routes", &why) < 0)
			return cli_fail("%s", why.text);
	}
	return network_report(found, json, print);
}
