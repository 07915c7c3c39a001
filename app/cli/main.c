/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh`: the tenant's and the operator's tool. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "crypto/identity.h"
#include "cli.h"

struct command {
	int (*run)(int argc, char **argv);
	const struct cli_help *help;
};

static const struct command commands[] = {
#define CLI_ENTRY(command) {cmd_##command, &help_##command},
    CLI_COMMANDS(CLI_ENTRY)
#undef CLI_ENTRY
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_overview(FILE *to)
{
	fputs("usage: leasemesh COMMAND [ARGUMENTS]\n\ncommands:\n", to);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i].help->name, commands[i].help->summary);
	fputs("  version    print the version\n"
	      "  help       this list, or `leasemesh help COMMAND`\n"
	      "\n"
	      "Exit status: 0 done, 1 refused or failed, 2 the command line makes no sense.\n",
	    to);
}

static void print_synopsis(FILE *to, const struct cli_help *help)
{
	const char *line = help->synopsis;
	const char *label = "usage: ";
	for (;;) {
		int len = (int)strcspn(line, "\n");
		fprintf(to, "%s%.*s\n", label, len, line);
		if (line[len] == '\0' || line[len + 1] == '\0')
			break;
		line += len + 1;
		label = "       ";
	}
}

static void print_help(const struct cli_help *help)
{
	print_synopsis(stdout, help);
	printf("\n%s", help->text);
}

int cli_usage_error(const struct cli_help *help, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fprintf(stderr, "leasemesh %s: ", help->name);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	print_synopsis(stderr, help);
	return CLI_USAGE;
}

int cli_bad_option(const struct cli_help *help, int getopt_result, char **argv)
{
	if (getopt_result == ':')
		return cli_usage_error(help, "'%s' needs an argument", argv[optind - 1]);
	/* A short option may stand inside a group, a long one has been passed over by now. */
	if (optopt && strchr(argv[optind - 1], '='))
		return cli_usage_error(help, "'%s': this option takes no value", argv[optind - 1]);
	if (optopt)
		return cli_usage_error(help, "unknown option '-%c'", optopt);
	return cli_usage_error(help, "unknown option '%s'", argv[optind - 1]);
}

int cli_fail(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fputs("leasemesh: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	return CLI_FAILED;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].help->name, name) == 0)
			return &commands[i];
	return NULL;
}

static int is_help(const char *arg)
{
	return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

static int run(int argc, char **argv)
{
	if (argc < 2) {
		print_overview(stderr);
		return CLI_USAGE;
	}
	const char *name = argv[1];
	if (is_help(name) || (strcmp(name, "help") == 0 && argc == 2)) {
		print_overview(stdout);
		return CLI_OK;
	}
	if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
		puts("leasemesh " LM_VERSION);
		return CLI_OK;
	}
	int wants_help = strcmp(name, "help") == 0;
	if (wants_help)
		name = argv[2];
	const struct command *c = find(name);
	if (!c) {
		fprintf(stderr, "leasemesh: unknown command '%s'\n", name);
		print_overview(stderr);
		return CLI_USAGE;
	}
	for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
		wants_help |= is_help(argv[i]);
	if (wants_help) {
		print_help(c->help);
		return CLI_OK;
	}
	if (lm_crypto_init() < 0)
		return cli_fail("the cryptographic library does not start");
	return c->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	opterr = 0; /* the commands say it in their own words */
	int code = run(argc, argv);
	/* A full disk behind a redirection must not look like success. */
	if (fflush(stdout) != 0 || ferror(stdout))
		code = code == CLI_OK ? cli_fail("cannot write to standard output: %m") : code;
	return code;
}
