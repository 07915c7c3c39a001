/* SPDX-License-Identifier: Apache-2.0 */
/* The order of endpoints' keys, and what a key leads to. */
#include "address/internal.h"

_Static_assert(LM_ENDPOINT_KEY_MAX <= LM_CHAIN_KEY_MAX, "the chain takes every endpoint's key");

int lm_address_key_compare(
    const struct lm_manifest *man, unsigned endpoint, const uint8_t *key, size_t key_len)
{
	uint8_t ours[LM_ENDPOINT_KEY_MAX];
	size_t len = lm_endpoint_key(ours, man, endpoint);
	int order = memcmp(ours, key, len < key_len ? len : key_len);

	return order ? order : (int)len - (int)key_len;
}

static int compare(const void *a, const void *b, void *ctx)
{
	uint8_t key[LM_ENDPOINT_KEY_MAX];
	size_t len = lm_endpoint_key(key, ctx, *(const uint32_t *)b);

	return lm_address_key_compare(ctx, *(const uint32_t *)a, key, len);
}

void lm_address_key_sort(const struct lm_manifest *man, uint32_t *endpoints, unsigned n)
{
	if (n)
		qsort_r(endpoints, n, sizeof(*endpoints), compare, (void *)man);
}

struct spot *lm_address_spot(const struct network *net, const uint8_t *key, size_t key_len)
{
	int at = lm_endpoint_of(net->man, key, key_len);

	return at >= 0 && net->spots[at].decided ? &net->spots[at] : NULL;
}
