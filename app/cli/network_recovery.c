/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `leasemesh network recovery` and `sign-recovery`: when a majority of the members that decide for
 * a network is lost for good, a gateway says what is to go on, and the owner signs it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "cli.h"
#include "column.h"
#include "membership/membership.h"
#include "network.h"

/* ---- the gateway's part ---- */

/* The request's lines come in pieces; "ends" is where a line does. */
static size_t join(const json_t *answer, char out[LM_RECOVERY_TEXT_MAX])
{
	const json_t *row;
	char piece[256];
	size_t i, len = 0;

	json_array_foreach(json_object_get(answer, "pieces"), i, row)
	{
		telemetry_text(row, "text", piece, sizeof(piece));
		size_t n = strlen(piece), room = LM_RECOVERY_TEXT_MAX - 2 - len;
		if (n > room)
			return 0;
		memcpy(out + len, piece, n);
		len += n;
		if (number_of(row, "ends"))
			out[len++] = '\n';
	}
	return len;
}

static int ask(struct telemetry *t, const json_t *network, char *const *providers, unsigned n,
    json_t **answer, struct lm_why *why)
{
	char cmd[1024];
	int len = snprintf(
	    cmd, sizeof(cmd), "/leasemesh/recovery,%lld", (long long)number_of(network, "index"));

	for (unsigned i = 0; i < n && len < (int)sizeof(cmd); i++)
		len += snprintf(cmd + len, sizeof(cmd) - (size_t)len, ",%s", providers[i]);
	if (len >= (int)sizeof(cmd))
		return lm_why(why, E2BIG, "too many names");
	return telemetry_ask_list(t, cmd, "pieces", answer, why);
}

int network_recovery(struct telemetry *t, const json_t *found, const char *wanted,
    char *const *providers, unsigned n, const char *out)
{
	char text[LM_RECOVERY_TEXT_MAX], result[16];
	struct lm_why why = {0};
	json_t *answer;

	if (json_array_size(found) > 1)
		return network_say_which(found, wanted);
	if (ask(t, json_array_get(found, 0), providers, n, &answer, &why) < 0)
		return cli_fail("%s", why.text);
	int code = CLI_OK;
	size_t len = join(answer, text);
	if (strcmp(telemetry_text(answer, "result", result, sizeof(result)), "ok") != 0)
		code = telemetry_outcome(answer);
	else if (len == 0)
		code = cli_fail("the gateway's answer makes no sense");
	else if (cli_write(out, text, len, &why) < 0)
		code = cli_fail("%s", why.text);
	json_decref(answer);
	return code;
}

/* ---- the owner's part ---- */

/* On stderr: the signed text may go to standard output. */
static void tell(const struct lm_chain_recovery *r)
{
	char text[LM_NET_ID_TEXT];

	fprintf(stderr, "network id %s: goes on at height %" PRIu64 ", era %" PRIu32 ", with\n",
	    lm_hex(text, &r->net, sizeof(r->net)), r->height, r->era);
	for (unsigned i = 0; i < r->n_members; i++) {
		struct lm_key_id id = lm_key_id(&r->members[i]);
		fprintf(stderr, "  %s\n", lm_hex(text, &id, sizeof(id)));
	}
}

int network_sign_recovery(const char *key, const char *file, const char *out)
{
	char text[LM_RECOVERY_TEXT_MAX];
	struct lm_chain_recovery r;
	struct lm_identity owner;
	struct lm_why why = {0};
	uint8_t *bytes;
	size_t len;

	if (cli_read(&bytes, &len, file, LM_RECOVERY_TEXT_MAX, &why) < 0)
		return cli_fail("%s", why.text);
	int err = lm_recovery_read(&r, bytes, len, &why);
	free(bytes);
	if (err)
		return cli_fail("%s: %s", cli_input_name(file), why.text);
	if (lm_identity_load(&owner, key, &why) < 0)
		return cli_fail("%s", why.text);
	tell(&r);
	err = lm_recovery_sign(text, &r, &owner);
	lm_wipe(&owner, sizeof(owner));
	if (err < 0)
		return cli_fail("cannot sign: %s", strerror(-err));
	return cli_write(out, text, (size_t)err, &why) < 0 ? cli_fail("%s", why.text) : CLI_OK;
}
