/* SPDX-License-Identifier: Apache-2.0 */
#include "membership/document.h"

void lm_document_open(struct lm_document *d, const void *bytes, size_t len)
{
	*d = (struct lm_document){0};
	d->err = lm_manifest_open(&d->sm, "manifest", bytes, len, &d->why);
}

void lm_document_check(struct lm_document *d)
{
	if (!d->err)
		d->rules_err =
		    lm_policy_make(&d->policy, d->sm->manifest, "manifest", &d->rules_why);
}

void lm_document_read(struct lm_document *d, const void *bytes, size_t len)
{
	lm_document_open(d, bytes, len);
	lm_document_check(d);
}

void lm_document_free(struct lm_document *d)
{
	lm_signed_manifest_free(d->sm);
	lm_policy_free(d->policy);
	*d = (struct lm_document){0};
}
