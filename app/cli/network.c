/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh network`: one network, as this host's gateway knows it. */
#include <getopt.h>
#include <string.h>
#include "chain/chain.h"
#include "cli.h"
#include "network.h"

const struct cli_help help_network = {
    .name = "network",
    .synopsis = "leasemesh network show [-p PREFIX] [-j] NAME|ID\n"
		"leasemesh network rules [-p PREFIX] [-j] NAME|ID\n"
		"leasemesh network drop [-p PREFIX] NAME|ID\n"
		"leasemesh network recovery [-p PREFIX] [-o OUT] NAME|ID PROVIDER...\n"
		"leasemesh network sign-recovery -k KEYFILE [-o OUT] FILE",
    .summary = "show who takes part in a network and what its rules do, end it here, or recover it",
    .text =
	"Asks the gateway on this host (sign-recovery asks nobody). NAME is the network's, or\n"
	"the beginning of its id.\n"
	"\n"
	"show: who takes part and what each enforces; all networks of that name are shown,\n"
	"whoever owns them.\n"
	"rules: how often each rule, and each member's default, decided at this gateway since\n"
	"the manifest came into force here, or since the gateway was started.\n"
	"drop: a network whose owner is not in `owners` any more ends on this gateway: its\n"
	"workloads are cut off, and nothing of it is kept.\n"
	"recovery: when a majority of the members that decide for the network is lost for good:\n"
	"writes what its owner is to sign so that it goes on from what this gateway knows, with\n"
	"these providers as members (names in the manifest, or key ids).\n"
	"sign-recovery: the owner signs that. `leasemesh submit --manifest` brings it to a\n"
	"gateway.\n"
	"\n"
	"  -p, --prefix PREFIX  which gateway (dpdk.file_prefix), if several run here\n"
	"  -j, --json           show, rules: one JSON array, an object a network\n"
	"  -k, --key KEYFILE    sign-recovery: the owner's key\n"
	"  -o, --output OUT     where to write; standard output if absent\n",
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

int network_find(struct telemetry *t, const char *wanted, json_t *found, struct lm_why *why)
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

enum verb { SHOW, RULES, DROP, RECOVERY, SIGN, VERBS };

struct options {
	enum verb verb;
	const char *prefix, *key, *out;
	bool json;
	char *const *names; /* the network's, or the file; then those of providers */
	unsigned n_names;
};

static const struct {
	const char *name, *options; /* those that it takes */
	unsigned least, most; /* names */
} verbs[VERBS] = {
    [SHOW] = {"show", "pj", 1, 1},
    [RULES] = {"rules", "pj", 1, 1},
    [DROP] = {"drop", "p", 1, 1},
    [RECOVERY] = {"recovery", "po", 2, 1 + LM_CHAIN_MEMBERS_MAX},
    [SIGN] = {"sign-recovery", "ko", 1, 1},
};

static int act(struct telemetry *t, json_t *found, const struct options *o)
{
	const char *wanted = o->names[0];

	if (json_array_size(found) == 0)
		return cli_fail("no manifest of network '%s' is in force here", wanted);
	if (o->verb == RULES)
		return network_rules(t, found, o->json);
	if (o->verb == DROP)
		return network_drop(t, found, wanted);
	if (o->verb == RECOVERY)
		return network_recovery(
		    t, found, wanted, o->names + 1, o->n_names - 1, o->out ? o->out : "-");
	return network_show(t, found, o->json);
}

static int run(const struct options *o)
{
	struct lm_why why = {0};
	struct telemetry *t;

	if (o->verb == SIGN)
		return network_sign_recovery(o->key, o->names[0], o->out ? o->out : "-");
	if (telemetry_open(&t, o->prefix, &why) < 0)
		return cli_fail("%s", why.text);
	json_t *found = json_array();
	int code = network_find(t, o->names[0], found, &why) < 0 ? cli_fail("%s", why.text)
								 : act(t, found, o);
	json_decref(found);
	telemetry_close(t);
	return code;
}

/* given: the letters of the options. */
static bool makes_sense(struct options *o, const char *verb, const char *given)
{
	for (o->verb = SHOW; o->verb < VERBS; o->verb++)
		if (strcmp(verbs[o->verb].name, verb) == 0)
			break;
	return o->verb < VERBS && o->n_names >= verbs[o->verb].least &&
	       o->n_names <= verbs[o->verb].most &&
	       given[strspn(given, verbs[o->verb].options)] == '\0' && (o->verb != SIGN || o->key);
}

int cmd_network(int argc, char **argv)
{
	static const struct option options[] = {{"prefix", required_argument, NULL, 'p'},
	    {"json", no_argument, NULL, 'j'}, {"key", required_argument, NULL, 'k'},
	    {"output", required_argument, NULL, 'o'}, {0}};
	struct options o = {0};
	char given[8] = "";

	for (int c; (c = getopt_long(argc, argv, ":p:jk:o:", options, NULL)) != -1;) {
		if (c == 'p')
			o.prefix = optarg;
		else if (c == 'j')
			o.json = true;
		else if (c == 'k')
			o.key = optarg;
		else if (c == 'o')
			o.out = optarg;
		else
			return cli_bad_option(&help_network, c, argv);
		if (!strchr(given, c) && strlen(given) < sizeof(given) - 1)
			given[strlen(given)] = (char)c;
	}
	const char *verb = optind < argc ? argv[optind++] : "";
	o.names = argv + optind;
	o.n_names = (unsigned)(argc - optind);
	if (!makes_sense(&o, verb, given))
		return cli_usage_error(&help_network, "what is wanted is: show NAME, rules NAME, "
						      "drop NAME, recovery NAME PROVIDER..., or "
						      "sign-recovery -k KEYFILE FILE");
	return run(&o);
}
