/* SPDX-License-Identifier: Apache-2.0 */
#include <stdalign.h>
#include <stdlib.h>
#include "manifest/arena.h"

#define CHUNK_SIZE (64u << 10)

struct lm_arena_chunk {
	struct lm_arena_chunk *next;
	size_t size;
	alignas(max_align_t) unsigned char data[];
};

static struct lm_arena_chunk *add_chunk(struct lm_arena *arena, size_t size)
{
	struct lm_arena_chunk *c = calloc(1, sizeof(*c) + size);
	if (!c)
		return NULL;
	c->size = size;
	c->next = arena->chunks;
	arena->chunks = c;
	arena->used = 0;
	return c;
}

void *lm_arena_alloc(struct lm_arena *arena, size_t size)
{
	const size_t mask = alignof(max_align_t) - 1;
	if (size > (size_t)-1 / 2)
		return NULL;
	size = (size + mask) & ~mask;
	struct lm_arena_chunk *c = arena->chunks;
	if (!c || c->size - arena->used < size)
		c = add_chunk(arena, size > CHUNK_SIZE ? size : CHUNK_SIZE);
	if (!c)
		return NULL;
	void *p = c->data + arena->used;
	arena->used += size;
	return p;
}

void lm_arena_free(struct lm_arena *arena)
{
	while (arena->chunks) {
		struct lm_arena_chunk *c = arena->chunks;
		arena->chunks = c->next;
		free(c);
	}
	arena->used = 0;
}
