/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is given out in small pieces and freed all at once. Private to
 * lib/manifest: a YAML tree has as many as 2^18 nodes and lives for one parse.
 */
#ifndef LM_MANIFEST_ARENA_H
#define LM_MANIFEST_ARENA_H

#include <stddef.h>

struct lm_arena_chunk;

struct lm_arena {
	struct lm_arena_chunk *chunks;
	size_t used; /* of the newest chunk */
};

/* Zeroed, aligned for any type; NULL when memory is short. */
void *lm_arena_alloc(struct lm_arena *arena, size_t size);
void lm_arena_free(struct lm_arena *arena);

#endif
