/* SPDX-License-Identifier: Apache-2.0 */
/* What gateways of a world keep over a crash: what a write returned 0 for, and perhaps more. */
#include "world.h"

static struct file *find_file(struct node *n, enum lm_chain_record what, uint64_t height)
{
	for (unsigned i = 0; i < n->n_files; i++)
		if (n->files[i].what == what && n->files[i].height == height)
			return &n->files[i];
	return NULL;
}

static void write_file(
    struct node *n, enum lm_chain_record what, uint64_t height, const void *bytes, size_t len)
{
	struct file *f = find_file(n, what, height);

	if (!f) {
		if (n->n_files == n->room) {
			n->room = n->room ? 2 * n->room : 16;
			n->files = must(realloc(n->files, n->room * sizeof(*n->files)));
		}
		f = &n->files[n->n_files++];
		*f = (struct file){.what = what, .height = height};
	}
	free(f->bytes);
	f->bytes = must(malloc(len));
	f->len = len;
	memcpy(f->bytes, bytes, len);
}

int disk_persist(void *ctx, const struct lm_net_id *net, enum lm_chain_record what, uint64_t height,
    const void *bytes, size_t len)
{
	struct node *n = ctx;
	struct world *w = n->world;

	(void)net;
	if (n->dying)
		return -EIO;
	if (what == LM_CHAIN_VOTE)
		check_vote(w, bytes, len);
	bool dies = n->dies_after && --n->dies_after == 0;
	bool fails = world_chance(w, n->bad_disk);
	if ((!dies && !fails) || world_chance(w, 500))
		write_file(n, what, height, bytes, len);
	n->dying = dies;
	return dies || fails ? -EIO : 0;
}

void disk_truncate(void *ctx, const struct lm_net_id *net, uint64_t height)
{
	struct node *n = ctx;

	(void)net;
	for (unsigned i = 0; i < n->n_files; i++) {
		struct file *f = &n->files[i];
		if (f->what != LM_CHAIN_HEADER || f->height <= height ||
		    world_chance(n->world, 300))
			continue;
		free(f->bytes);
		*f = n->files[--n->n_files];
		i--;
	}
}
