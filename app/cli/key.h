/* SPDX-License-Identifier: Apache-2.0 */
/* How the tool prints public keys: the same everywhere, easy to cut with awk. */
#ifndef LM_CLI_KEY_H
#define LM_CLI_KEY_H

#include "crypto/identity.h"

/* Two lines on stdout: "public key: <64 hex>" and "key id:     <40 hex>". */
void key_print(const struct lm_public_key *pub);

#endif
