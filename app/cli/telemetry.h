/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of a running gateway's telemetry: DPDK's socket, one request and one
 * JSON answer a message. What comes back is not trusted: it is bounded here, and
 * every field may be missing or of another type.
 */
#ifndef LM_CLI_TELEMETRY_H
#define LM_CLI_TELEMETRY_H

#include <jansson.h>
#include "base/why.h"

struct telemetry;

/*
 * Connects to the gateway of this name (dpdk.file_prefix), or with NULL to the only one that runs
 * here. -ENOENT if there is none, -ENOTUNIQ if there are several: the reason names them.
 */
int telemetry_open(struct telemetry **out, const char *prefix, struct lm_why *why);
void telemetry_close(struct telemetry *t);

/* cmd: "/leasemesh/info", or with a parameter "/leasemesh/lanes,32". *out is the value, owned. */
int telemetry_ask(struct telemetry *t, const char *cmd, json_t **out, struct lm_why *why);
/*
 * Asks for all pages of a list and puts them together: *out is the first answer with its member
 * `list` as one JSON array, without "next". max bounds the rows.
 */
int telemetry_ask_list(
    struct telemetry *t, const char *cmd, const char *list, json_t **out, struct lm_why *why);
#define TELEMETRY_ROWS_MAX 100000

/* How long one answer may take from now on; 10 seconds at first. */
void telemetry_patience(struct telemetry *t, unsigned seconds);

/* A text member that may go on in "<key>_more" (telemetry's strings are short). Never NULL. */
const char *telemetry_text(const json_t *object, const char *key, char *buf, size_t size);

/* Of a command that does something: prints what came of it, and returns the exit code. */
int telemetry_outcome(const json_t *answer);

#endif
