/* SPDX-License-Identifier: Apache-2.0 */
#include "config/key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int lm_config_restart_needed(const struct lm_gateway_config *running,
    const struct lm_gateway_config *next, const char *path, struct lm_why *why)
{
	char file[112], key_path[64];

	for (unsigned i = 0; i < lm_config_n_keys; i++) {
		const struct lm_config_key *key = &lm_config_keys[i];
		unsigned line = next->lines[i];

		if (key->live)
			continue;
		snprintf(key_path, sizeof(key_path), "%s", key->path);
		/* Texts compare as bytes: what follows their NUL is zero. */
		bool differs = key->differs
				   ? key->differs(running, next, key_path, sizeof(key_path), &line)
				   : memcmp((const char *)running + key->offset,
					 (const char *)next + key->offset, key->size) != 0;
		if (!differs)
			continue;
		lm_source_name(file, sizeof(file), path);
		if (line == 0) /* it was taken out of the file: back to the default */
			return lm_why(why, EBUSY, "%s: %s: needs a restart", file, key_path);
		return lm_why(why, EBUSY, "%s:%u: %s: needs a restart", file, line, key_path);
	}
	return 0;
}
