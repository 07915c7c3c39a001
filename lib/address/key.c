/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint's key: replica (2), the member's name. The same as in the ledger. */
#include "address/internal.h"

size_t lm_address_key(
    uint8_t out[LM_CHAIN_KEY_MAX], const struct lm_manifest *man, unsigned endpoint)
{
	const struct lm_endpoint *e = &man->endpoints[endpoint];
	const char *name = man->members[e->member].name;
	struct lm_writer w = lm_writer(out, LM_CHAIN_KEY_MAX);

	lm_write_u16(&w, e->replica);
	lm_write(&w, name, strlen(name));
	return lm_writer_len(&w);
}

int lm_address_endpoint(const struct lm_manifest *man, const uint8_t *key, size_t key_len)
{
	struct lm_reader r = lm_reader(key, key_len);
	char name[LM_NAME_MAX + 1] = {0};

	unsigned replica = lm_read_u16(&r);
	size_t len = lm_reader_left(&r);
	if (r.failed || len > LM_NAME_MAX)
		return -ENOENT;
	lm_read(&r, name, len);
	return strlen(name) == len ? lm_manifest_endpoint(man, name, replica) : -ENOENT;
}

int lm_address_key_compare(
    const struct lm_manifest *man, unsigned endpoint, const uint8_t *key, size_t key_len)
{
	uint8_t ours[LM_CHAIN_KEY_MAX];
	size_t len = lm_address_key(ours, man, endpoint);
	int order = memcmp(ours, key, len < key_len ? len : key_len);

	return order ? order : (int)len - (int)key_len;
}

static int compare(const void *a, const void *b, void *ctx)
{
	uint8_t key[LM_CHAIN_KEY_MAX];
	size_t len = lm_address_key(key, ctx, *(const uint32_t *)b);

	return lm_address_key_compare(ctx, *(const uint32_t *)a, key, len);
}

void lm_address_key_sort(const struct lm_manifest *man, uint32_t *endpoints, unsigned n)
{
	if (n)
		qsort_r(endpoints, n, sizeof(*endpoints), compare, (void *)man);
}

struct spot *lm_address_spot(const struct network *net, const uint8_t *key, size_t key_len)
{
	int at = lm_address_endpoint(net->man, key, key_len);

	return at >= 0 && net->spots[at].decided ? &net->spots[at] : NULL;
}
