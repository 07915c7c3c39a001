/* SPDX-License-Identifier: Apache-2.0 */
#include "base/domain.h"

#define LABEL_MAX 63

static bool is_domain(const char *name)
{
	if (strlen(name) + 2 > LM_DOMAIN_MAX)
		return false;
	for (;; name++) {
		size_t len = strcspn(name, ".");

		if (len == 0 || len > LABEL_MAX)
			return false;
		name += len;
		if (*name == '\0')
			return true;
	}
}

void lm_write_domain(struct lm_writer *w, const char *name)
{
	if (!is_domain(name))
		return;
	for (;; name++) {
		size_t len = strcspn(name, ".");

		lm_write_u8(w, (uint8_t)len);
		lm_write(w, name, len);
		name += len;
		if (*name == '\0')
			break;
	}
	lm_write_u8(w, 0);
}
