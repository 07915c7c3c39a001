/* SPDX-License-Identifier: Apache-2.0 */
/* What `leasemesh network` does with the networks that were found: an exit code each. */
#ifndef LM_CLI_NETWORK_H
#define LM_CLI_NETWORK_H

#include <stdbool.h>
#include "telemetry.h"

/* Adds to found the rows of /leasemesh/networks that wanted, a name or the start of an id, may
 * mean. */
int network_find(struct telemetry *t, const char *wanted, json_t *found, struct lm_why *why);
/* found: rows of /leasemesh/networks, at least one. */
int network_show(struct telemetry *t, json_t *found, bool json);
int network_rules(struct telemetry *t, json_t *found, bool json);
int network_drop(struct telemetry *t, const json_t *found, const char *wanted);
/* providers: names in the manifest, or key ids. Writes what the owner is to sign. */
int network_recovery(struct telemetry *t, const json_t *found, const char *wanted,
    char *const *providers, unsigned n, const char *out);
/* The owner signs what is in file; needs no gateway. */
int network_sign_recovery(const char *key, const char *file, const char *out);
/* Puts the list that /leasemesh/<list> says of a network into it, under this name. */
int network_ask(
    struct telemetry *t, json_t *network, const char *list, const char *as, struct lm_why *why);
/* All of them, as JSON or each printed. An exit code. */
int network_report(const json_t *found, bool json, void (*print_one)(const json_t *network));
/* Several have that name: says so, for a command that is about one. */
int network_say_which(const json_t *found, const char *wanted);

#endif
