/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint's name for those who do not have our manifest's indices. */
#include <errno.h>
#include <string.h>
#include "base/bytes.h"
#include "manifest/manifest.h"

size_t lm_endpoint_key(
    uint8_t out[LM_ENDPOINT_KEY_MAX], const struct lm_manifest *m, unsigned endpoint)
{
	const struct lm_endpoint *e = &m->endpoints[endpoint];
	const char *name = m->members[e->member].name;
	struct lm_writer w = lm_writer(out, LM_ENDPOINT_KEY_MAX);

	lm_write_u16(&w, e->replica);
	lm_write(&w, name, strlen(name));
	return lm_writer_len(&w);
}

int lm_endpoint_of(const struct lm_manifest *m, const uint8_t *key, size_t key_len)
{
	struct lm_reader r = lm_reader(key, key_len);
	char name[LM_NAME_MAX + 1] = "";
	uint16_t replica = lm_read_u16(&r);
	size_t len = lm_reader_left(&r);

	if (r.failed || len == 0 || len > LM_NAME_MAX)
		return -ENOENT;
	lm_read(&r, name, len);
	return strlen(name) == len ? lm_manifest_endpoint(m, name, replica) : -ENOENT;
}
