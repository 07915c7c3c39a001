/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "base/text.h"

enum { OWNER, DSEQ, GSEQ, OSEQ, PROVIDER, LEASE_PARTS };

static int parse_key_id(struct lm_key_id *out, const char *text)
{
	return lm_unhex(out->b, sizeof out->b, text, strlen(text));
}

int lm_lease_parse(struct lm_lease *out, const char *text, struct lm_why *why)
{
	char copy[LM_LEASE_TEXT];
	char *part[LEASE_PARTS];
	struct lm_lease lease;
	uint64_t gseq, oseq;
	size_t len = strnlen(text, sizeof copy);

	if (len >= sizeof copy)
		return lm_why(why, EINVAL, "lease is too long");
	memcpy(copy, text, len + 1);
	char *rest = copy;
	for (int i = 0; i < LEASE_PARTS; i++) {
		part[i] = strsep(&rest, "/");
		if ((rest == NULL) != (i == LEASE_PARTS - 1))
			return lm_why(
			    why, EINVAL, "lease '%s' is not owner/dseq/gseq/oseq/provider", text);
	}
	if (parse_key_id(&lease.owner, part[OWNER]) < 0)
		return lm_why(why, EINVAL, "lease: owner '%s' is not a key id of %d hex digits",
		    part[OWNER], 2 * LM_KEY_ID_LEN);
	if (lm_text_number(&lease.dseq, part[DSEQ], UINT64_MAX) < 0)
		return lm_why(why, EINVAL, "lease: dseq '%s' is not a number", part[DSEQ]);
	if (lm_text_number(&gseq, part[GSEQ], UINT32_MAX) < 0)
		return lm_why(why, EINVAL, "lease: gseq '%s' is not a number", part[GSEQ]);
	if (lm_text_number(&oseq, part[OSEQ], UINT32_MAX) < 0)
		return lm_why(why, EINVAL, "lease: oseq '%s' is not a number", part[OSEQ]);
	if (parse_key_id(&lease.provider, part[PROVIDER]) < 0)
		return lm_why(why, EINVAL, "lease: provider '%s' is not a key id of %d hex digits",
		    part[PROVIDER], 2 * LM_KEY_ID_LEN);
	lease.gseq = (uint32_t)gseq;
	lease.oseq = (uint32_t)oseq;
	*out = lease;
	return 0;
}

char *lm_lease_text(char *out, const struct lm_lease *lease)
{
	char owner[LM_KEY_ID_TEXT], provider[LM_KEY_ID_TEXT];

	snprintf(out, LM_LEASE_TEXT, "%s/%" PRIu64 "/%" PRIu32 "/%" PRIu32 "/%s",
	    lm_hex(owner, lease->owner.b, LM_KEY_ID_LEN), lease->dseq, lease->gseq, lease->oseq,
	    lm_hex(provider, lease->provider.b, LM_KEY_ID_LEN));
	return out;
}
