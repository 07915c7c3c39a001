/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh network rules`: how often each rule of a network decided at this host's gateway. */
#include <stdio.h>
#include "cli.h"
#include "column.h"
#include "network.h"

/* A position from 0 on, as messages about manifests count; a list's default has none. */
static void cell_rule(struct table *t, const json_t *row, const char *key)
{
	if (json_is_integer(json_object_get(row, key)))
		table_cellf(t, "%lld", (long long)number_of(row, key));
	else
		table_cell(t, "default");
}

static void print(const json_t *network)
{
	static const struct column columns[] = {
	    {"MEMBER", cell_text, "member"},
	    {"DIRECTION", cell_text, "direction"},
	    {">RULE", cell_rule, "rule"},
	    {">LINE", cell_count, "line"},
	    {"ACTION", cell_text, "action"},
	    {">HITS", cell_count, "hits"},
	    {">RATE", cell_text, "rate"},
	    {">REFUSED", cell_count, "refused"},
	    {"COMMENT", cell_text, "comment"},
	    {0},
	};
	char name[128], id[128];

	printf("network %s, id %s: serial %lld\n\n",
	    telemetry_text(network, "name", name, sizeof(name)),
	    telemetry_text(network, "id", id, sizeof(id)), (long long)number_of(network, "serial"));
	columns_print(columns, json_object_get(network, "rule_hits"));
}

int network_rules(struct telemetry *t, json_t *found, bool json)
{
	struct lm_why why = {0};
	json_t *row;
	size_t i;

	json_array_foreach(found, i, row)
	{
		/* The network's own "rules" says how many there are. */
		if (network_ask(t, row, "rules", "rule_hits", &why) < 0)
			return cli_fail("%s", why.text);
	}
	return network_report(found, json, print);
}
