/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest as the tool reads it: a document, or a signed file with a document in it. */
#ifndef LM_CLI_MANIFEST_H
#define LM_CLI_MANIFEST_H

#include <stdio.h>
#include "manifest/manifest.h"

struct manifest_file {
	struct lm_signed_manifest *signed_file; /* NULL: a document that is not signed */
	struct lm_manifest *document; /* NULL if it is signed */
};

/* Reads and checks; path may be "-". */
int manifest_read(struct manifest_file *out, const char *path, struct lm_why *why);
void manifest_release(struct manifest_file *f);
const struct lm_manifest *manifest_of(const struct manifest_file *f);
/* Everything about it for people, on stdout. */
void manifest_show(const struct manifest_file *f);
/* What would change, on stdout, one line each: how many lines, or -1 without memory. */
int manifest_diff(const struct manifest_file *a, const struct manifest_file *b);

#define MANIFEST_EXPIRY_TEXT 64
char *manifest_expiry_text(char out[MANIFEST_EXPIRY_TEXT], const struct lm_manifest *m);
/* "100.64.10.128/25, 16 blocks of 8", or "none": gateways give nothing out. */
#define MANIFEST_POOL_TEXT (LM_PREFIX_TEXT + 48)
char *manifest_pool_text(char out[MANIFEST_POOL_TEXT], const struct lm_manifest *m);
/* "at beta 100.64.10.20", "at any provider, address from the pool" */
#define MANIFEST_PLACE_TEXT (LM_NAME_MAX + 2 * LM_IP_TEXT + 40)
char *manifest_place_text(
    char out[MANIFEST_PLACE_TEXT], const struct lm_manifest *m, const struct lm_endpoint *e);
/* Who hosts it: a name of the manifest's, or "any provider". */
const char *manifest_provider_name(const struct lm_manifest *m, const struct lm_endpoint *e);

#endif
