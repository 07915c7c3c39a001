/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh reload`: the running gateway reads its configuration again. */
#include <getopt.h>
#include "cli.h"
#include "telemetry.h"

const struct cli_help help_reload = {
    .name = "reload",
    .synopsis = "leasemesh reload [-p PREFIX]",
    .summary = "make the gateway read its configuration again",
    .text = "The gateway reads its configuration file again and says what came of it. A file\n"
	    "with an error, or with a change that needs a restart, changes nothing: the file,\n"
	    "line and key are named, and the exit status is 1. The same as SIGHUP.\n"
	    "\n"
	    "  -p, --prefix PREFIX  which gateway (dpdk.file_prefix), if several run here\n",
};

int cmd_reload(int argc, char **argv)
{
	static const struct option options[] = {{"prefix", required_argument, NULL, 'p'}, {0}};
	const char *prefix = NULL;
	struct lm_why why = {0};
	struct telemetry *t;
	json_t *answer;

	for (int c; (c = getopt_long(argc, argv, ":p:", options, NULL)) != -1;) {
		if (c != 'p')
			return cli_bad_option(&help_reload, c, argv);
		prefix = optarg;
	}
	if (optind < argc)
		return cli_usage_error(&help_reload, "unexpected argument '%s'", argv[optind]);
	if (telemetry_open(&t, prefix, &why) < 0)
		return cli_fail("%s", why.text);
	telemetry_patience(t, 60);
	int r = telemetry_ask(t, "/leasemesh/reload", &answer, &why);
	telemetry_close(t);
	if (r < 0)
		return cli_fail("%s", why.text);
	int code = telemetry_outcome(answer);
	json_decref(answer);
	return code;
}
