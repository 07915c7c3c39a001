/* SPDX-License-Identifier: Apache-2.0 */
/* Between telemetry.c (one connection) and telemetry_find.c (which one). */
#ifndef LM_CLI_TELEMETRY_FIND_H
#define LM_CLI_TELEMETRY_FIND_H

#include "telemetry.h"

int telemetry_connect(struct telemetry **out, const char *path, struct lm_why *why);

#endif
