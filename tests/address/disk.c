/* SPDX-License-Identifier: Apache-2.0 */
/* What gateways of a world keep over a crash: what a write returned 0 for, and perhaps more. */
#include "world.h"

/* As in lib/membership's facts: the chain's records in the order in which they are restored. */
enum { OF_CHAIN = 1, OF_ADDRESS = 200 };

static struct file *find_file(struct node *n, const void *key, size_t key_len)
{
	for (unsigned i = 0; i < n->n_files; i++)
		if (n->files[i].key_len == key_len && memcmp(n->files[i].key, key, key_len) == 0)
			return &n->files[i];
	return NULL;
}

static void keep(struct node *n, const void *key, size_t key_len, const void *value, size_t len)
{
	struct file *f = find_file(n, key, key_len);

	if (!f && len == 0)
		return;
	if (len == 0) {
		free(f->bytes);
		*f = n->files[--n->n_files];
		return;
	}
	if (!f) {
		if (n->n_files == n->room) {
			n->room = n->room ? 2 * n->room : 32;
			n->files = must(realloc(n->files, n->room * sizeof(*n->files)));
		}
		f = &n->files[n->n_files++];
		*f = (struct file){.key_len = (uint8_t)key_len};
		memcpy(f->key, key, key_len);
	}
	free(f->bytes);
	f->bytes = must(malloc(len));
	f->len = len;
	memcpy(f->bytes, value, len);
}

/* Does a write succeed? There or not it may be though it does not. */
static bool may_write(struct node *n, bool *there)
{
	struct world *w = n->world;

	*there = false;
	if (n->dying)
		return false;
	bool dies = n->dies_after && --n->dies_after == 0;
	bool fails = world_chance(w, n->bad_disk);
	*there = (!dies && !fails) || world_chance(w, 500);
	n->dying = dies;
	return !dies && !fails;
}

int disk_write(struct node *n, const void *key, size_t key_len, const void *value, size_t len)
{
	bool there, good = may_write(n, &there);

	if (there)
		keep(n, key, key_len, value, len);
	return good ? 0 : -EIO;
}

int disk_chain(void *ctx, const struct lm_net_id *net, enum lm_chain_record what, uint64_t height,
    const void *bytes, size_t len)
{
	uint8_t key[10];
	struct lm_writer k = lm_writer(key, sizeof(key));

	(void)net;
	lm_write_u8(&k, OF_CHAIN);
	lm_write_u8(&k, (uint8_t)what);
	lm_write_u64(&k, height);
	return disk_write(ctx, key, sizeof(key), bytes, len);
}

void disk_truncate(void *ctx, const struct lm_net_id *net, uint64_t height)
{
	(void)ctx;
	(void)net;
	(void)height; /* only after a recovery */
}

int disk_address(void *ctx, const struct lm_net_id *net, const void *key, size_t key_len,
    const void *value, size_t len)
{
	struct node *n = ctx;
	uint8_t whole[1 + LM_ADDRESS_STORE_KEY_MAX] = {OF_ADDRESS};

	(void)net;
	if (key_len > LM_ADDRESS_STORE_KEY_MAX || len > LM_ADDRESS_STORE_VALUE_MAX)
		world_broken(n->world, n, "a record of %zu and %zu bytes", key_len, len);
	memcpy(whole + 1, key, key_len);
	if (!n->staging)
		return disk_write(n, whole, 1 + key_len, value, len);
	if (n->n_staged == n->room_staged) {
		n->room_staged = 2 * n->room_staged + 16;
		n->staged = must(realloc(n->staged, n->room_staged * sizeof(*n->staged)));
	}
	struct file *f = &n->staged[n->n_staged++];
	*f = (struct file){
	    .key_len = (uint8_t)(1 + key_len), .len = len, .bytes = must(malloc(len + 1))};
	memcpy(f->key, whole, f->key_len);
	if (len)
		memcpy(f->bytes, value, len);
	return 0;
}

/* In every other world: several writes, of which all are there or none. */
void disk_begin(void *ctx)
{
	struct node *n = ctx;

	n->staging = n->world->seed % 2;
}

int disk_commit(void *ctx)
{
	struct node *n = ctx;
	bool good = !n->staging || (n->n_staged == 0 && !n->dying), there = good;

	n->staging = false;
	if (!good)
		good = may_write(n, &there);
	for (unsigned i = 0; i < n->n_staged; i++) {
		const struct file *f = &n->staged[i];
		if (there)
			keep(n, f->key, f->key_len, f->bytes, f->len);
		free(f->bytes);
	}
	n->n_staged = 0;
	return good ? 0 : -EIO;
}

static int compare_files(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	int order = memcmp(x->key, y->key, x->key_len < y->key_len ? x->key_len : y->key_len);

	return order ? order : (int)x->key_len - (int)y->key_len;
}

void disk_restore_chain(struct node *n)
{
	if (n->n_files)
		qsort(n->files, n->n_files, sizeof(*n->files), compare_files);
	for (unsigned i = 0; i < n->n_files; i++) {
		const struct file *f = &n->files[i];
		struct lm_reader r = lm_reader(f->key + 2, 8);
		uint64_t height = lm_read_u64(&r);
		if (f->key[0] == OF_CHAIN && lm_chain_restore(n->chain, &n->world->net, f->key[1],
						 height, f->bytes, f->len) < 0)
			world_broken(n->world, n, "a record of its chain is not restored");
	}
}

/* In any order. */
void disk_restore_address(struct node *n)
{
	struct world *w = n->world;

	for (unsigned i = n->n_files; i > 1; i--) {
		unsigned other = (unsigned)sim_random_below(&w->random, i);
		struct file f = n->files[i - 1];
		n->files[i - 1] = n->files[other];
		n->files[other] = f;
	}
	for (unsigned i = 0; i < n->n_files; i++) {
		const struct file *f = &n->files[i];
		if (f->key[0] == OF_ADDRESS && lm_address_restore(n->address, &w->net, f->key + 1,
						   f->key_len - 1u, f->bytes, f->len) < 0)
			world_broken(w, n, "a record of its addresses is not restored");
	}
}
