/* SPDX-License-Identifier: Apache-2.0 */
/* Whose manifests are accepted here. */
#include "membership/internal.h"

#include <errno.h>

static int key_order(const void *a, const void *b)
{
	return memcmp(a, b, LM_PUBLIC_KEY_LEN);
}

bool lm_membership_accepts(const struct lm_membership *m, const struct lm_public_key *owner)
{
	return m->n_owners &&
	       bsearch(owner, m->owners, m->n_owners, sizeof(*owner), key_order) != NULL;
}

int lm_owner_check(
    const struct lm_membership *m, const struct lm_public_key *owner, struct lm_why *why)
{
	char text[2 * LM_PUBLIC_KEY_LEN + 1];

	if (lm_membership_accepts(m, owner))
		return 0;
	return lm_why(why, EACCES,
	    "this gateway does not serve owner %s: its operator has to list that key",
	    lm_hex(text, owner->b, LM_PUBLIC_KEY_LEN));
}

int lm_membership_set_owners(
    struct lm_membership *m, const struct lm_public_key *owners, unsigned n)
{
	struct lm_public_key *copy = NULL;

	if (n > LM_OWNERS_MAX)
		return -E2BIG;
	if (n) {
		copy = malloc(n * sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		memcpy(copy, owners, n * sizeof(*copy));
		qsort(copy, n, sizeof(*copy), key_order);
	}
	free(m->owners);
	m->owners = copy;
	m->n_owners = n;
	/* What was refused because of its owner may be welcome now. */
	memset(&m->refused, 0, sizeof(m->refused));
	return 0;
}
