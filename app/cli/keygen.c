/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh keygen`: a new identity, for a gateway or for an owner of networks. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "crypto/identity.h"
#include "cli.h"
#include "key.h"

#define DEFAULT_FILE "leasemesh.key"

const struct cli_help help_keygen = {
    .name = "keygen",
    .synopsis = "leasemesh keygen [-o FILE]",
    .summary = "make a new key",
    .text =
	"Makes a new Ed25519 key, writes it to FILE (default " DEFAULT_FILE ") with mode 0600,\n"
	"and prints its public key and its key id. A file that exists is never overwritten.\n"
	"A gateway's identity and a tenant's owner key are made alike. Whoever has the file\n"
	"is you: keep it secret and keep a copy.\n"
	"\n"
	"  -o, --output FILE  the key file to create\n",
};

static int random_seed(uint8_t seed[32])
{
	ssize_t n;
	do
		n = getrandom(seed, 32, 0);
	while (n < 0 && errno == EINTR);
	return n == 32 ? 0 : -EIO;
}

static int make_key(const char *path)
{
	uint8_t seed[32];
	if (random_seed(seed) < 0)
		return cli_fail("the system gives no random numbers");

	struct lm_identity id;
	lm_identity_from_seed(&id, seed);
	struct lm_why why = {0};
	int err = lm_identity_save(&id, path, &why);
	struct lm_public_key pub = id.pub;
	lm_wipe(seed, sizeof(seed));
	lm_wipe(&id, sizeof(id));
	if (err < 0)
		return cli_fail("%s", why.text);

	printf("key file:   %s\n", path);
	key_print(&pub);
	return CLI_OK;
}

int cmd_keygen(int argc, char **argv)
{
	static const struct option options[] = {{"output", required_argument, NULL, 'o'}, {0}};
	const char *path = DEFAULT_FILE;
	for (int c; (c = getopt_long(argc, argv, ":o:", options, NULL)) != -1;) {
		if (c != 'o')
			return cli_bad_option(&help_keygen, c, argv);
		path = optarg;
	}
	if (optind < argc)
		return cli_usage_error(&help_keygen, "unexpected argument '%s'", argv[optind]);
	return make_key(path);
}
