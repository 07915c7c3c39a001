/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 takes most of the time of a simulated decision and none of it is what the simulator
 * looks for. So lm_sign and lm_verify are wrapped at link time (-Wl,--wrap): a signature is a hash
 * keyed by the signer's seed, which is looked up by his public key. Nobody in a world can make
 * one without the seed, as nobody can with the real ones. Some seeds are run with the real ones.
 */
#ifndef LM_TESTS_CHAIN_SIGNATURES_H
#define LM_TESTS_CHAIN_SIGNATURES_H

#include <stdbool.h>
#include "crypto/identity.h"

/* Makes an identity whose signatures are to be verified. */
void signatures_identity(struct lm_identity *out, const uint8_t seed[32]);
void signatures_real(bool real);
void signatures_forget(void); /* all identities */

#endif
