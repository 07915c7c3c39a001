/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What takes long about a manifest that somebody brings, and depends on nothing but its
 * bytes: is it authentic and well formed, do its rules compile, and do they do what its
 * own tests expect? So it may be done on any thread; whether the manifest is to come into
 * force is decided on the control thread.
 */
#ifndef LM_MEMBERSHIP_DOCUMENT_H
#define LM_MEMBERSHIP_DOCUMENT_H

#include "manifest/manifest.h"
#include "policy/policy.h"

struct lm_document {
	struct lm_signed_manifest *sm; /* NULL: err and why say what is wrong with it */
	struct lm_policy *policy; /* NULL: rules_err and rules_why, unless err already */
	int err, rules_err;
	struct lm_why why, rules_why;
};

/* Both of what follows. */
void lm_document_read(struct lm_document *d, const void *bytes, size_t len);
void lm_document_open(struct lm_document *d, const void *bytes, size_t len);
/* Its rules, and its tests of them. */
void lm_document_check(struct lm_document *d);
/* What nobody has taken over (and set to NULL). */
void lm_document_free(struct lm_document *d);

#endif
