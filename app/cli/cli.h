/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the subcommands of `leasemesh` share. A subcommand lives in a file of its
 * own, which defines cmd_<name> and help_<name>; one line in the list below
 * makes it known. argv[0] is the subcommand's name, so getopt works as in any
 * main(). `--help` and `-h` are answered by main.c.
 */
#ifndef LM_CLI_CLI_H
#define LM_CLI_CLI_H

#include <stddef.h>
#include <stdint.h>
#include "base/why.h"

/* clang-format off */
#define CLI_COMMANDS(X) \
	X(keygen)       \
	X(key)          \
	X(manifest)     \
	X(policy)       \
	X(submit)       \
	X(status)       \
	X(top)          \
	X(network)      \
	X(trace)        \
	X(reload)
/* clang-format on */

/* Exit codes of the whole tool, documented in docs/leasemesh.1.md. */
enum {
	CLI_OK = 0,
	CLI_FAILED = 1, /* refused, or could not be done: the reason is on stderr */
	CLI_USAGE = 2, /* the command line makes no sense */
	CLI_NO_ANSWER = 3, /* submit: the gateway said nothing */
};

struct cli_help {
	const char *name; /* "keygen" */
	const char *synopsis; /* "leasemesh keygen [-o FILE]"; several lines are allowed */
	const char *summary; /* for the list of commands: a few words, no full stop */
	const char *text; /* the rest of --help, each line ends with a newline */
};

#define CLI_DECLARE(command) \
	int cmd_##command(int argc, char **argv); \
	extern const struct cli_help help_##command;
CLI_COMMANDS(CLI_DECLARE)
#undef CLI_DECLARE

/* "leasemesh keygen: <text>" and the synopsis on stderr. Returns CLI_USAGE. */
int cli_usage_error(const struct cli_help *help, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* For getopt loops with opterr = 0: says what is wrong with optopt. Returns CLI_USAGE. */
int cli_bad_option(const struct cli_help *help, int getopt_result, char **argv);
/* "leasemesh: <text>" on stderr. Returns CLI_FAILED. */
int cli_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* How a path is called in messages: "-" is "<stdin>". */
const char *cli_input_name(const char *path);
/* Reads a file, or stdin for "-". *out is malloc'd. -E2BIG beyond max bytes. */
int cli_read(uint8_t **out, size_t *len, const char *path, size_t max, struct lm_why *why);
/*
 * Writes a file, or stdout for "-". A file is replaced in one step and synced: who reads it sees
 * the old or the new contents, whole. A device, pipe or link is written to, not replaced.
 */
int cli_write(const char *path, const void *data, size_t len, struct lm_why *why);

#endif
