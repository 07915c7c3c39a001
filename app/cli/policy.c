/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh policy test`. */
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "manifest.h"
#include "policy/policy.h"
#include "rule.h"

const struct cli_help help_policy = {
    .name = "policy",
    .synopsis = "leasemesh policy [-j] test FILE\n",
    .summary = "ask a manifest's rules what its tests say",
    .text = "test  asks the rules of FILE, a document or a signed manifest, all that its `tests`\n"
	    "      ask, and prints one line each: what came out, and if it is not what is\n"
	    "      expected, which rule decided. Exit status 0: all as expected, 1: not.\n"
	    "\n"
	    "  -j, --json  one JSON object, for programs\n"
	    "\n"
	    "FILE may be -, for standard input. Nobody else is asked: this runs anywhere.\n",
};

struct run {
	const struct lm_policy *policy;
	const struct lm_manifest *m;
	unsigned steps, failed;
	json_t *rows; /* NULL: for people */
};

static void say_for_people(const struct run *r, const struct lm_probe *probe, const char *wrong)
{
	printf("%s  line %u: ", wrong ? "FAIL" : "ok  ", probe->line);
	rule_print_probe(stdout, r->m, probe);
	printf(": %s\n", wrong ? wrong : probe->deny ? "deny" : "allow");
}

static void say_json(struct run *r, const struct lm_probe *probe, const char *wrong)
{
	char *asked = NULL;
	size_t len;
	FILE *text = open_memstream(&asked, &len);

	if (!text)
		return;
	rule_print_probe(text, r->m, probe);
	fclose(text);
	json_t *row = json_pack("{s:i, s:s, s:s, s:s}", "line", (int)probe->line, "asked", asked,
	    "expect", probe->deny ? "deny" : "allow", "result", wrong ? "fail" : "ok");
	if (wrong)
		json_object_set_new(row, "reason", json_string(wrong));
	json_array_append_new(r->rows, row);
	free(asked);
}

static void run_all(struct run *r)
{
	for (unsigned i = 0; i < r->m->n_probes; i++) {
		struct lm_why why = {{0}};
		bool bad = lm_policy_probe(r->policy, r->m, i, &r->steps, &why) < 0;

		r->failed += bad;
		if (r->rows)
			say_json(r, &r->m->probes[i], bad ? why.text : NULL);
		else
			say_for_people(r, &r->m->probes[i], bad ? why.text : NULL);
	}
}

static int report(struct run *r)
{
	struct lm_policy_info info = lm_policy_info(r->policy);
	int err = 0;

	if (!r->rows) {
		if (r->m->n_probes == 0)
			puts("the manifest has no tests: nothing was asked");
		printf("%u rules, %zu bytes compiled; %u tests, %u failed\n", info.n_rules,
		    info.bytes, r->m->n_probes, r->failed);
	} else {
		json_t *all = json_pack("{s:i, s:I, s:i, s:O}", "rules", (int)info.n_rules, "bytes",
		    (json_int_t)info.bytes, "failed", (int)r->failed, "tests", r->rows);
		err = json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(all);
	}
	return err < 0 ? cli_fail("cannot write JSON") : r->failed ? CLI_FAILED : CLI_OK;
}

static int test(const char *path, bool json)
{
	struct manifest_file f;
	struct lm_why why = {{0}};
	struct lm_policy *p;
	int code;

	if (manifest_read(&f, path, &why) < 0)
		return cli_fail("%s", why.text);
	const struct lm_manifest *m = manifest_of(&f);
	if (lm_policy_compile(&p, m) < 0) {
		/* Says the same as everybody else who refuses it. */
		lm_policy_check(m, cli_input_name(path), &why);
		code = cli_fail("%s", why.text);
	} else {
		struct run r = {.policy = p,
		    .m = m,
		    .steps = LM_PROBE_STEPS_MAX,
		    .rows = json ? json_array() : NULL};

		run_all(&r);
		code = report(&r);
		json_decref(r.rows);
		lm_policy_free(p);
	}
	manifest_release(&f);
	return code;
}

int cmd_policy(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
	bool json = false;

	for (int c; (c = getopt_long(argc, argv, ":j", options, NULL)) != -1;) {
		if (c != 'j')
			return cli_bad_option(&help_policy, c, argv);
		json = true;
	}
	if (argc - optind != 2 || strcmp(argv[optind], "test") != 0)
		return cli_usage_error(&help_policy, "expected test, and one file");
	return test(argv[optind + 1], json);
}
