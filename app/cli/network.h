/* SPDX-License-Identifier: Apache-2.0 */
/* What `leasemesh network` does with the networks that were found: an exit code each. */
#ifndef LM_CLI_NETWORK_H
#define LM_CLI_NETWORK_H

#include <stdbool.h>
#include "telemetry.h"

/* found: rows of /leasemesh/networks, at least one. */
int network_show(struct telemetry *t, json_t *found, bool json);
int network_drop(struct telemetry *t, const json_t *found, const char *wanted);

#endif
