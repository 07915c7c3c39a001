/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network secret: derived by the owner, sealed to each provider. Private to
 * lib/manifest; providers use lm_manifest_secret().
 */
#ifndef LM_MANIFEST_SECRET_H
#define LM_MANIFEST_SECRET_H

#include "manifest/manifest.h"

/* From the owner's seed, the network's name and the set of providers, in whatever order. -ENOMEM.
 */
int lm_secret_derive(
    struct lm_secret *out, const struct lm_identity *owner, const struct lm_manifest *m);
/*
 * As lm_seal_secret(), but the same secret for the same provider is sealed into the same bytes:
 * signing a document twice gives the same file, hence the same hash, and no conflict between two
 * versions of one serial. -EINVAL for a key that is no valid point.
 */
int lm_secret_seal(uint8_t out[LM_SEALED_SECRET_LEN], const struct lm_secret *secret,
    const struct lm_identity *owner, const struct lm_public_key *to);

#endif
