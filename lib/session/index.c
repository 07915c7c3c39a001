/* SPDX-License-Identifier: Apache-2.0 */
#include "session/index.h"

struct lm_index *lm_index_find(const struct lm_indices *map, uint32_t value)
{
	struct lm_index *ix;
	HASH_FIND(hh, map->head, &value, sizeof(value), ix);
	return ix;
}

static void insert(
    struct lm_indices *map, struct lm_index *ix, struct lm_peer *peer, struct lm_keypair *keypair)
{
	ix->peer = peer;
	ix->keypair = keypair;
	HASH_ADD(hh, map->head, value, sizeof(ix->value), ix);
}

void lm_index_add(
    struct lm_indices *map, struct lm_index *ix, struct lm_peer *peer, struct lm_keypair *keypair)
{
	/* Zero stays free, so that an index that was never given cannot be asked for. */
	do
		map->random(map->ctx, &ix->value, sizeof(ix->value));
	while (ix->value == 0 || lm_index_find(map, ix->value));
	insert(map, ix, peer, keypair);
}

void lm_index_remove(struct lm_indices *map, struct lm_index *ix)
{
	if (!ix->peer)
		return;
	HASH_DELETE(hh, map->head, ix);
	ix->peer = NULL;
	ix->value = 0;
}

void lm_index_hand_over(
    struct lm_indices *map, struct lm_index *from, struct lm_index *to, struct lm_keypair *keypair)
{
	struct lm_peer *peer = from->peer;
	to->value = from->value;
	lm_index_remove(map, from);
	insert(map, to, peer, keypair);
}
