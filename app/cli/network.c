/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh network`: one network, as this host's gateway knows it. */
#include <getopt.h>
#include <string.h>
#include "cli.h"
#include "network.h"

const struct cli_help help_network = {
    .name = "network",
    .synopsis = "leasemesh network show [-p PREFIX] [-j] NAME|ID\n"
		"leasemesh network drop [-p PREFIX] NAME|ID",
    .summary = "show who takes part in a network, or end it here",
    .text = "Asks the gateway on this host. NAME is the network's, or the beginning of its id.\n"
	    "\n"
	    "show: who takes part and what each enforces; all networks of that name are shown,\n"
	    "whoever owns them.\n"
	    "drop: a network whose owner is not in `owners` any more ends on this gateway: its\n"
	    "workloads are cut off, and nothing of it is kept.\n"
	    "\n"
	    "  -p, --prefix PREFIX  which gateway (dpdk.file_prefix), if several run here\n"
	    "  -j, --json           show: one JSON array, an object a network\n",
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

static int find(struct telemetry *t, const char *wanted, json_t *found, struct lm_why *why)
{
	json_t *answer, *row;
	size_t i;
	int err = telemetry_ask_list(t, "/leasemesh/networks", "networks", &answer, why);

	if (err < 0)
		return err;
	json_array_foreach(json_object_get(answer, "networks"), i, row)
	{
		if (is_meant(row, wanted))
			json_array_append(found, row);
	}
	json_decref(answer);
	return 0;
}

static int run(const char *prefix, const char *wanted, bool drop, bool json)
{
	struct lm_why why = {0};
	struct telemetry *t;

	if (telemetry_open(&t, prefix, &why) < 0)
		return cli_fail("%s", why.text);
	json_t *found = json_array();
	int code;
	if (find(t, wanted, found, &why) < 0)
		code = cli_fail("%s", why.text);
	else if (json_array_size(found) == 0)
		code = cli_fail("no manifest of network '%s' is in force here", wanted);
	else
		code = drop ? network_drop(t, found, wanted) : network_show(t, found, json);
	json_decref(found);
	telemetry_close(t);
	return code;
}

int cmd_network(int argc, char **argv)
{
	static const struct option options[] = {
	    {"prefix", required_argument, NULL, 'p'}, {"json", no_argument, NULL, 'j'}, {0}};
	const char *prefix = NULL;
	bool json = false;

	for (int c; (c = getopt_long(argc, argv, ":p:j", options, NULL)) != -1;) {
		if (c == 'p')
			prefix = optarg;
		else if (c == 'j')
			json = true;
		else
			return cli_bad_option(&help_network, c, argv);
	}
	const char *verb = optind + 2 == argc ? argv[optind] : "";
	bool drop = strcmp(verb, "drop") == 0;
	if ((!drop && strcmp(verb, "show") != 0) || (drop && json))
		return cli_usage_error(&help_network, "what is wanted is: show NAME, or drop NAME");
	return run(prefix, argv[optind + 1], drop, json);
}
