/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh policy test`. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "manifest.h"
#include "policy/policy.h"
#include "rule.h"

const struct cli_help help_policy = {
    .name = "policy",
    .synopsis = "leasemesh policy test FILE\n",
    .summary = "ask a manifest's rules what its tests say",
    .text = "test  asks the rules of FILE, a document or a signed manifest, all that its `tests`\n"
	    "      ask, and prints one line each: what came out, and if it is not what is\n"
	    "      expected, which rule decided. Exit status 0: all as expected, 1: not.\n"
	    "\n"
	    "FILE may be -, for standard input. Nobody else is asked: this runs anywhere.\n",
};

/* How many are not as expected. */
static unsigned run_all(const struct lm_policy *p, const struct lm_manifest *m)
{
	unsigned steps = LM_PROBE_STEPS_MAX, failed = 0;
	for (unsigned i = 0; i < m->n_probes; i++) {
		const struct lm_probe *probe = &m->probes[i];
		struct lm_why why = {{0}};
		bool bad = lm_policy_probe(p, m, i, &steps, &why) < 0;
		printf("%s  line %u: ", bad ? "FAIL" : "ok  ", probe->line);
		rule_print_probe(stdout, m, probe);
		printf(": %s\n", bad ? why.text : probe->deny ? "deny" : "allow");
		failed += bad;
	}
	return failed;
}

static int test(const char *path)
{
	struct manifest_file f;
	struct lm_why why = {{0}};
	struct lm_policy *p;
	if (manifest_read(&f, path, &why) < 0)
		return cli_fail("%s", why.text);
	const struct lm_manifest *m = manifest_of(&f);
	int err = lm_policy_compile(&p, m);
	unsigned failed = 0;
	if (err < 0) {
		/* Says the same as everybody else who refuses it. */
		lm_policy_check(m, cli_input_name(path), &why);
		cli_fail("%s", why.text);
	} else {
		struct lm_policy_info info = lm_policy_info(p);
		failed = run_all(p, m);
		printf("%u rules, %zu bytes compiled; %u tests, %u failed\n", info.n_rules,
		    info.bytes, m->n_probes, failed);
		lm_policy_free(p);
	}
	manifest_release(&f);
	return err < 0 || failed ? CLI_FAILED : CLI_OK;
}

int cmd_policy(int argc, char **argv)
{
	static const struct option options[] = {{0}};
	for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;)
		return cli_bad_option(&help_policy, c, argv);
	if (argc - optind != 2 || strcmp(argv[optind], "test") != 0)
		return cli_usage_error(&help_policy, "expected test, and one file");
	return test(argv[optind + 1]);
}
