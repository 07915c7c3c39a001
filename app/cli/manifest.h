/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest as the tool reads it: a document, or a signed file with a document in it. */
#ifndef LM_CLI_MANIFEST_H
#define LM_CLI_MANIFEST_H

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

#endif
