/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh manifest check|sign|show|diff`. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "manifest.h"
#include "policy/policy.h"

const struct cli_help help_manifest = {
    .name = "manifest",
    .synopsis = "leasemesh manifest check FILE\n"
		"leasemesh manifest sign -k KEYFILE [-o OUT] FILE\n"
		"leasemesh manifest show FILE\n"
		"leasemesh manifest diff OLD NEW\n",
    .summary = "check, sign, show and compare descriptions of a network",
    .text = "check  says whether FILE is valid: a YAML document, or a signed manifest, whose\n"
	    "       signature is then checked too. The first problem is named with its line,\n"
	    "       column and key; lines are counted in the YAML document. The document's own\n"
	    "       tests must come out as they expect.\n"
	    "sign   checks the document FILE and signs it with the owner's key. Writes FILE with\n"
	    "       the suffix .signed instead of .yaml, or OUT.\n"
	    "show   prints what FILE, document or signed, says.\n"
	    "diff   prints what would change from OLD to NEW, documents or signed: + comes,\n"
	    "       - goes, ~ becomes another. Exit status 0: nothing, 1: something, 2: error.\n"
	    "\n"
	    "Files may be -, for standard input and output.\n"
	    "\n"
	    "  -k, --key KEYFILE  the owner's key, made by `leasemesh keygen`\n"
	    "  -o, --output OUT   where to write the signed manifest\n",
};

/* ---- reading either kind ---- */

static int is_signed(const uint8_t *bytes, size_t len)
{
	/* Any version: a later one must be told that it is unknown, not that it is no YAML. */
	static const char magic[] = "leasemesh-manifest-v";
	return len >= sizeof(magic) - 1 && memcmp(bytes, magic, sizeof(magic) - 1) == 0;
}

int manifest_read(struct manifest_file *out, const char *path, struct lm_why *why)
{
	*out = (struct manifest_file){0};
	uint8_t *bytes;
	size_t len;
	int err = cli_read(&bytes, &len, path, LM_MANIFEST_BYTES_MAX, why);
	if (err < 0)
		return err;
	const char *name = cli_input_name(path);
	if (is_signed(bytes, len))
		err = lm_manifest_open(&out->signed_file, name, bytes, len, why);
	else
		err = lm_manifest_parse(&out->document, name, bytes, len, why);
	free(bytes);
	return err;
}

void manifest_release(struct manifest_file *f)
{
	lm_signed_manifest_free(f->signed_file);
	lm_manifest_free(f->document);
}

const struct lm_manifest *manifest_of(const struct manifest_file *f)
{
	return f->signed_file ? f->signed_file->manifest : f->document;
}

/* ---- check and show ---- */

static int check(const char *path)
{
	struct manifest_file f;
	struct lm_why why = {0};
	int err = manifest_read(&f, path, &why);
	if (err == 0 && (err = lm_policy_check(manifest_of(&f), cli_input_name(path), &why)) < 0)
		manifest_release(&f);
	if (err < 0)
		return cli_fail("%s", why.text);
	const struct lm_manifest *m = manifest_of(&f);
	printf("%s: valid%s: network %s, serial %llu, %u providers, %u members, %u endpoints",
	    cli_input_name(path), f.signed_file ? " and signed" : "", m->network,
	    (unsigned long long)m->serial, m->n_providers, m->n_members, m->n_endpoints);
	if (lm_manifest_decided(m))
		printf(", %u of them for the gateways to decide", m->n_decided);
	putchar('\n');
	manifest_release(&f);
	return CLI_OK;
}

static int show(const char *path)
{
	struct manifest_file f;
	struct lm_why why = {0};
	if (manifest_read(&f, path, &why) < 0)
		return cli_fail("%s", why.text);
	manifest_show(&f);
	manifest_release(&f);
	return CLI_OK;
}

/* ---- diff ---- */

/* As diff(1): a script must be able to tell "differs" from "cannot say". */
enum { DIFF_SAME = 0, DIFF_DIFFERS = 1, DIFF_TROUBLE = 2 };

static int diff(const char *old_path, const char *new_path)
{
	struct manifest_file a, b = {0};
	struct lm_why why = {0};
	int changes = -1;
	if (strcmp(old_path, "-") == 0 && strcmp(new_path, "-") == 0) {
		cli_usage_error(&help_manifest, "only one of the two can be standard input");
		return DIFF_TROUBLE;
	}
	if (manifest_read(&a, old_path, &why) < 0 || manifest_read(&b, new_path, &why) < 0)
		cli_fail("%s", why.text);
	else if ((changes = manifest_diff(&a, &b)) < 0)
		cli_fail("not enough memory");
	manifest_release(&a);
	manifest_release(&b);
	return changes < 0 ? DIFF_TROUBLE : changes == 0 ? DIFF_SAME : DIFF_DIFFERS;
}

/* ---- sign ---- */

/* "shop.yaml" -> "shop.signed", to be freed. Standard input is signed to standard output. */
static char *default_output(const char *path)
{
	if (strcmp(path, "-") == 0)
		return strdup("-");
	size_t len = strlen(path);
	if (len > 5 && strcmp(path + len - 5, ".yaml") == 0)
		len -= 5;
	else if (len > 4 && strcmp(path + len - 4, ".yml") == 0)
		len -= 4;
	char *out = NULL;
	return asprintf(&out, "%.*s.signed", (int)len, path) < 0 ? NULL : out;
}

/* What lm_manifest_sign does not see to. */
static int check_policy(const char *name, const uint8_t *yaml, size_t len, struct lm_why *why)
{
	struct lm_manifest *m;
	int err = lm_manifest_parse(&m, name, yaml, len, why);
	if (err < 0)
		return err;
	err = lm_policy_check(m, name, why);
	lm_manifest_free(m);
	return err;
}

static int sign_document(
    uint8_t **out, size_t *out_len, const char *path, const char *key_path, struct lm_why *why)
{
	struct lm_identity owner;
	int err = lm_identity_load(&owner, key_path, why);
	if (err < 0)
		return err;
	uint8_t *yaml;
	size_t len;
	err = cli_read(&yaml, &len, path, LM_MANIFEST_BYTES_MAX, why);
	if (err == 0) {
		const char *name = cli_input_name(path);
		err = check_policy(name, yaml, len, why);
		if (err == 0)
			err = lm_manifest_sign(out, out_len, name, yaml, len, &owner, why);
		free(yaml);
	}
	lm_wipe(&owner, sizeof(owner));
	return err;
}

static int sign(const char *path, const char *key_path, const char *out_path)
{
	struct lm_why why = {0};
	uint8_t *bytes;
	size_t len;
	if (sign_document(&bytes, &len, path, key_path, &why) < 0)
		return cli_fail("%s", why.text);
	char *chosen = out_path ? strdup(out_path) : default_output(path);
	int err = chosen ? cli_write(chosen, bytes, len, &why)
			 : lm_why(&why, ENOMEM, "not enough memory");
	free(bytes);
	if (err == 0 && strcmp(chosen, "-") != 0)
		printf("%s: signed, %zu bytes\n", chosen, len);
	free(chosen);
	return err < 0 ? cli_fail("%s", why.text) : CLI_OK;
}

int cmd_manifest(int argc, char **argv)
{
	static const struct option options[] = {
	    {"key", required_argument, NULL, 'k'}, {"output", required_argument, NULL, 'o'}, {0}};
	const char *key_path = NULL, *out_path = NULL;
	for (int c; (c = getopt_long(argc, argv, ":k:o:", options, NULL)) != -1;) {
		if (c == 'k')
			key_path = optarg;
		else if (c == 'o')
			out_path = optarg;
		else
			return cli_bad_option(&help_manifest, c, argv);
	}
	const char *verb = optind < argc ? argv[optind] : "";
	if (strcmp(verb, "diff") == 0 && !key_path && !out_path)
		return argc - optind == 3 ? diff(argv[optind + 1], argv[optind + 2])
					  : cli_usage_error(&help_manifest, "diff needs two files");
	if (argc - optind != 2)
		return cli_usage_error(
		    &help_manifest, "expected check, sign or show, and one file");
	const char *path = argv[optind + 1];
	if (strcmp(verb, "sign") == 0)
		return key_path ? sign(path, key_path, out_path)
				: cli_usage_error(&help_manifest, "sign needs -k KEYFILE");
	if (key_path || out_path)
		return cli_usage_error(&help_manifest, "-k and -o belong to sign");
	if (strcmp(verb, "check") == 0)
		return check(path);
	if (strcmp(verb, "show") == 0)
		return show(path);
	return cli_usage_error(&help_manifest, "unknown action '%s'", verb);
}
