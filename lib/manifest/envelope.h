/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a signed manifest, taken apart but not believed: references into
 * the caller's bytes. Private to lib/manifest.
 */
#ifndef LM_MANIFEST_ENVELOPE_H
#define LM_MANIFEST_ENVELOPE_H

#include "manifest/manifest.h"

/* The first line, "owner ", "secret ", ... as in manifest.h. */
#define LM_ENVELOPE_MAGIC LM_MANIFEST_DOMAIN "\n"

struct lm_envelope {
	struct lm_signature signature;
	struct lm_public_key owner;
	const uint8_t *secrets; /* the first secret line; all have the same length */
	unsigned n_secrets;
	const uint8_t *body; /* what is signed: the owner line up to the end */
	size_t body_len;
	const uint8_t *document;
	size_t document_len;
};

struct lm_sealed_line {
	struct lm_key_id provider;
	uint8_t sealed[LM_SEALED_SECRET_LEN];
};

/* Strict: exactly one text has a given meaning, so upper-case digits are refused too. -EINVAL,
 * -E2BIG. */
int lm_envelope_split(struct lm_envelope *out, const char *file, const uint8_t *bytes, size_t len,
    struct lm_why *why);
/* The i-th secret line; -EINVAL if its digits are none. */
int lm_envelope_secret(struct lm_sealed_line *out, const struct lm_envelope *e, unsigned i);

/* The file's text: *out is malloc'd and holds `len`; the signature's digits are still to be filled
 * in. */
struct lm_envelope_text {
	uint8_t *bytes;
	size_t len;
	size_t signature_at; /* 2 * LM_SIGNATURE_LEN digits */
	size_t body_at; /* what is to be signed */
};
int lm_envelope_write(struct lm_envelope_text *out, const struct lm_public_key *owner,
    const struct lm_sealed_line *secrets, unsigned n_secrets, const void *document, size_t len);

#endif
