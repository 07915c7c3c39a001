/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The identifiers that everything hangs on. A key id (a gateway's, a provider's
 * or an owner's) is BLAKE2b-160 of an Ed25519 public key, 40 hexadecimal digits
 * as text. A network id is BLAKE2b-256 over owner key and network name: nobody
 * hands ids out, so they cannot collide. A lease is
 * "owner/dseq/gseq/oseq/provider" with key ids at both ends.
 */
#ifndef LM_BASE_ID_H
#define LM_BASE_ID_H

#include <stdint.h>
#include "base/why.h"

#define LM_KEY_ID_LEN 20
#define LM_NET_ID_LEN 32
#define LM_KEY_ID_TEXT (2 * LM_KEY_ID_LEN + 1)
#define LM_NET_ID_TEXT (2 * LM_NET_ID_LEN + 1)
#define LM_LEASE_TEXT 160

struct lm_key_id {
	uint8_t b[LM_KEY_ID_LEN];
};

struct lm_net_id {
	uint8_t b[LM_NET_ID_LEN];
};

struct lm_lease {
	struct lm_key_id owner;
	uint64_t dseq; /* the deployment */
	uint32_t gseq, oseq;
	struct lm_key_id provider;
};

/* Parse "owner/dseq/gseq/oseq/provider"; -EINVAL with a reason. */
int lm_lease_parse(struct lm_lease *out, const char *text, struct lm_why *why);
/* out holds LM_LEASE_TEXT characters. Returns out. */
char *lm_lease_text(char *out, const struct lm_lease *lease);

#endif
