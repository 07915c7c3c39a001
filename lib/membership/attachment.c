/* SPDX-License-Identifier: Apache-2.0 */
#include "membership/attachment.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "base/bytes.h"

static bool same_id(const struct lm_key_id *a, const struct lm_key_id *b)
{
	return memcmp(a->b, b->b, LM_KEY_ID_LEN) == 0;
}

static const char *id_text(char out[LM_KEY_ID_TEXT], const struct lm_key_id *id)
{
	return lm_hex(out, id->b, LM_KEY_ID_LEN);
}

/* The lease itself: whose it is and where it runs. */
static int check_lease(const struct lm_attachment *a, const struct lm_signed_manifest *sm,
    const struct lm_key_id *self, struct lm_why *why)
{
	struct lm_key_id owner = lm_key_id(&sm->owner);
	char is[LM_KEY_ID_TEXT], wanted[LM_KEY_ID_TEXT];

	if (!same_id(&a->lease.owner, &owner))
		return lm_why(why, EACCES, "lease: owner %s, but network %s belongs to owner %s",
		    id_text(is, &a->lease.owner), sm->manifest->network, id_text(wanted, &owner));
	if (!same_id(&a->lease.provider, self))
		return lm_why(why, EACCES, "lease: provider %s, but this gateway is provider %s",
		    id_text(is, &a->lease.provider), id_text(wanted, self));
	return 0;
}

int lm_attachment_check(const struct lm_attachment *a, const struct lm_signed_manifest *sm,
    const struct lm_key_id *self, struct lm_why *why)
{
	const struct lm_manifest *m = sm->manifest;

	if (strcmp(a->network, m->network) != 0)
		return lm_why(why, ENOENT, "network: the manifest is of network %s, not of %s",
		    m->network, a->network);
	int err = check_lease(a, sm, self, why);
	if (err)
		return err;

	int member = lm_manifest_member(m, a->member);
	if (member < 0)
		return lm_why(why, ENOENT, "member: network %s has no member %s in serial %" PRIu64,
		    m->network, a->member, m->serial);
	const struct lm_member *mem = &m->members[member];
	if (a->lease.dseq != mem->deployment)
		return lm_why(why, EACCES,
		    "lease: deployment %" PRIu64 ", but serial %" PRIu64
		    " of network %s names deployment %" PRIu64 " for member %s",
		    a->lease.dseq, m->serial, m->network, mem->deployment, mem->name);

	if (a->replica >= mem->n_endpoints)
		return lm_why(why, ENOENT, "replica: member %s has %u endpoints, there is no %s/%u",
		    mem->name, mem->n_endpoints, mem->name, a->replica);
	unsigned index = mem->first_endpoint + a->replica;
	unsigned provider = m->endpoints[index].provider;
	if (provider == LM_ANY_PROVIDER && lm_manifest_provider(m, self) >= 0)
		return (int)index;
	if (provider == LM_ANY_PROVIDER)
		return lm_why(why, ENOENT,
		    "replica: %s/%u may be at any provider of network %s, which this gateway is "
		    "not",
		    mem->name, a->replica, m->network);
	const struct lm_provider *host = &m->providers[provider];
	if (!same_id(&host->id, self))
		return lm_why(why, ENOENT,
		    "replica: %s/%u belongs to provider %s, not to this gateway", mem->name,
		    a->replica, host->name);
	return (int)index;
}
