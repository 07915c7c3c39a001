/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh key show`: the public half and the id of a key. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "crypto/identity.h"
#include "cli.h"
#include "key.h"

const struct cli_help help_key = {
    .name = "key",
    .synopsis = "leasemesh key show [--public | --id] FILE|PUBLIC-KEY",
    .summary = "show the public key and the key id of a key",
    .text = "Prints the public key (what manifests and gateway.conf name) and the key id (what\n"
	    "leases name) of a key file or of a public key of 64 hexadecimal digits.\n"
	    "\n"
	    "  -p, --public  only the public key, for scripts\n"
	    "  -i, --id      only the key id, for scripts\n",
};

static void print_hex(const char *label, const void *data, size_t len)
{
	char text[2 * LM_PUBLIC_KEY_LEN + 1];
	printf("%s%s\n", label, lm_hex(text, data, len));
}

void key_print(const struct lm_public_key *pub)
{
	struct lm_key_id id = lm_key_id(pub);
	print_hex("public key: ", pub->b, sizeof(pub->b));
	print_hex("key id:     ", id.b, sizeof(id.b));
}

static int find_public_key(struct lm_public_key *out, const char *arg, struct lm_why *why)
{
	if (lm_unhex(out->b, sizeof(out->b), arg, strlen(arg)) == 0) {
		uint8_t x[32];
		return lm_public_x25519(x, out) < 0
			   ? lm_why(why, EINVAL, "%s: not a valid Ed25519 public key", arg)
			   : 0;
	}
	struct lm_identity id;
	int err = lm_identity_load(&id, arg, why);
	if (err < 0)
		return err;
	*out = id.pub;
	lm_wipe(&id, sizeof(id));
	return 0;
}

int cmd_key(int argc, char **argv)
{
	static const struct option options[] = {
	    {"public", no_argument, NULL, 'p'}, {"id", no_argument, NULL, 'i'}, {0}};
	bool only_public = false, only_id = false;
	for (int c; (c = getopt_long(argc, argv, ":pi", options, NULL)) != -1;) {
		if (c == 'p')
			only_public = true;
		else if (c == 'i')
			only_id = true;
		else
			return cli_bad_option(&help_key, c, argv);
	}
	if (argc - optind != 2 || strcmp(argv[optind], "show") != 0)
		return cli_usage_error(&help_key, "expected 'show' and one key");
	if (only_public && only_id)
		return cli_usage_error(&help_key, "--public and --id exclude each other");

	struct lm_public_key pub;
	struct lm_why why = {0};
	if (find_public_key(&pub, argv[optind + 1], &why) < 0)
		return cli_fail("%s", why.text);
	struct lm_key_id id = lm_key_id(&pub);
	if (only_public)
		print_hex("", pub.b, sizeof(pub.b));
	else if (only_id)
		print_hex("", id.b, sizeof(id.b));
	else
		key_print(&pub);
	return CLI_OK;
}
