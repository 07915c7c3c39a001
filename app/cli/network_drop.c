/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh network drop`: ends a network here whose owner is not accepted any more. */
#include <stdio.h>
#include "cli.h"
#include "network.h"

/* Tenants choose names, so several may have the same: the operator says whose is meant. */
int network_say_which(const json_t *found, const char *wanted)
{
	char id[128], owner[128];
	const json_t *row;
	size_t i;

	json_array_foreach(found, i, row)
	    fprintf(stderr, "%s of owner %s\n", telemetry_text(row, "id", id, sizeof(id)),
		telemetry_text(row, "owner", owner, sizeof(owner)));
	return cli_fail("'%s' may be any of these: give the id of the one that is meant", wanted);
}

int network_drop(struct telemetry *t, const json_t *found, const char *wanted)
{
	char cmd[192], id[128];
	struct lm_why why = {0};
	json_t *answer;

	if (json_array_size(found) > 1)
		return network_say_which(found, wanted);
	telemetry_text(json_array_get(found, 0), "id", id, sizeof(id));
	snprintf(cmd, sizeof(cmd), "/leasemesh/network_drop,%s", id);
	if (telemetry_ask(t, cmd, &answer, &why) < 0)
		return cli_fail("%s", why.text);
	int code = telemetry_outcome(answer);
	json_decref(answer);
	return code;
}
