/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"

#include <stdlib.h>
#include <string.h>

#define JOURNAL_MAX 1024 /* a disk writes back by itself when much has come together */

static struct sim_bytes copy_of(const uint8_t *bytes, size_t len)
{
	struct sim_bytes copy = {.len = len};

	if (!bytes)
		return copy;
	copy.data = malloc(len ? len : 1);
	if (!copy.data)
		abort();
	memcpy(copy.data, bytes, len);
	return copy;
}

void sim_disk_write(
    struct sim_disk *d, const struct lm_net_id *net, const uint8_t *bytes, size_t len)
{
	struct sim_manifest_file *file;

	HASH_FIND(hh, d->manifests, net, sizeof(*net), file);
	if (!file) {
		file = calloc(1, sizeof(*file));
		if (!file)
			abort();
		file->net = *net;
		HASH_ADD(hh, d->manifests, net, sizeof(file->net), file);
	}
	free(file->bytes.data);
	file->bytes = copy_of(bytes, len);
}

/* Takes bytes over; returns what was there. */
static struct sim_bytes put(
    struct sim_disk *d, const struct sim_record_key *key, struct sim_bytes bytes)
{
	struct sim_bytes before = {0};
	struct sim_record_file *file;

	HASH_FIND(hh, d->records, key, sizeof(*key), file);
	if (file)
		before = file->bytes;
	if (file && !bytes.data) {
		HASH_DEL(d->records, file);
		free(file);
		return before;
	}
	if (!bytes.data)
		return before;
	if (!file) {
		file = calloc(1, sizeof(*file));
		if (!file)
			abort();
		file->key = *key;
		HASH_ADD(hh, d->records, key, sizeof(file->key), file);
	}
	file->bytes = bytes;
	return before;
}

/* Takes bytes over; a crash may take it back. */
static void write_record(
    struct sim_disk *d, const struct sim_record_key *key, struct sim_bytes bytes)
{
	if (d->n_journal == JOURNAL_MAX)
		sim_disk_sync(d);
	if (d->n_journal == d->room) {
		d->room = d->room ? 2 * d->room : 64;
		d->journal = realloc(d->journal, d->room * sizeof(d->journal[0]));
		if (!d->journal)
			abort();
	}
	d->journal[d->n_journal++] = (struct sim_undo){.key = *key, .before = put(d, key, bytes)};
}

static struct sim_record_key key_of(
    const struct lm_net_id *net, const uint8_t id[SIM_RECORD_ID_LEN])
{
	struct sim_record_key key = {.net = *net};

	memcpy(key.id, id, SIM_RECORD_ID_LEN);
	return key;
}

void sim_disk_put_record(struct sim_disk *d, const struct lm_net_id *net,
    const uint8_t id[SIM_RECORD_ID_LEN], const uint8_t *bytes, size_t len)
{
	struct sim_record_key key = key_of(net, id);

	write_record(d, &key, copy_of(bytes, len));
}

void sim_disk_drop_record(
    struct sim_disk *d, const struct lm_net_id *net, const uint8_t id[SIM_RECORD_ID_LEN])
{
	struct sim_record_key key = key_of(net, id);

	write_record(d, &key, (struct sim_bytes){0});
}

void sim_disk_each_record(struct sim_disk *d, const struct lm_net_id *net,
    bool (*keep)(void *ctx, const uint8_t *bytes, size_t len), void *ctx)
{
	struct sim_record_file *file, *next;

	HASH_ITER(hh, d->records, file, next)
	{
		struct sim_record_key key = file->key;
		if (memcmp(&key.net, net, sizeof(*net)) == 0 &&
		    !keep(ctx, file->bytes.data, file->bytes.len))
			write_record(d, &key, (struct sim_bytes){0});
	}
}

/* ---- facts ---- */

static int order(
    const struct sim_fact_file *f, const struct lm_net_id *net, const void *key, size_t len)
{
	size_t shared = f->key_len < len ? f->key_len : len;
	int o = memcmp(f->net.b, net->b, sizeof(net->b));

	if (o == 0)
		o = memcmp(f->key, key, shared);
	return o ? o : (f->key_len > len) - (f->key_len < len);
}

static size_t fact_at(
    const struct sim_disk *d, const struct lm_net_id *net, const void *key, size_t len)
{
	size_t low = 0, high = d->n_facts;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (order(&d->facts[mid], net, key, len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void drop_fact(struct sim_disk *d, size_t at)
{
	free(d->facts[at].bytes.data);
	memmove(&d->facts[at], &d->facts[at + 1], (--d->n_facts - at) * sizeof(d->facts[0]));
}

void sim_disk_put_fact(struct sim_disk *d, const struct lm_net_id *net, const void *key,
    size_t key_len, const void *value, size_t len)
{
	size_t at = fact_at(d, net, key, key_len);

	if (d->reading_facts || key_len == 0 || key_len > SIM_FACT_KEY_MAX)
		abort();
	if (at < d->n_facts && order(&d->facts[at], net, key, key_len) == 0)
		drop_fact(d, at);
	if (len == 0)
		return;
	if (d->n_facts == d->facts_room) {
		d->facts_room = d->facts_room ? 2 * d->facts_room : 64;
		d->facts = realloc(d->facts, d->facts_room * sizeof(d->facts[0]));
		if (!d->facts)
			abort();
	}
	struct sim_fact_file *f = &d->facts[at];
	memmove(f + 1, f, (d->n_facts++ - at) * sizeof(*f));
	*f = (struct sim_fact_file){.net = *net, .key_len = key_len, .bytes = copy_of(value, len)};
	memcpy(f->key, key, key_len);
}

int sim_disk_each_fact(struct sim_disk *d, const struct lm_net_id *net,
    int (*each)(void *ctx, const void *key, size_t key_len, const void *value, size_t len),
    void *ctx)
{
	int result = 0;

	d->reading_facts = true;
	for (size_t at = fact_at(d, net, "", 0); at < d->n_facts && !result; at++) {
		const struct sim_fact_file *f = &d->facts[at];
		if (memcmp(f->net.b, net->b, sizeof(net->b)) != 0)
			break;
		result = each(ctx, f->key, f->key_len, f->bytes.data, f->bytes.len);
	}
	d->reading_facts = false;
	return result;
}

void sim_disk_sync(struct sim_disk *d)
{
	while (d->n_journal)
		free(d->journal[--d->n_journal].before.data);
}

void sim_disk_crash(struct sim_disk *d, struct sim_random *random)
{
	size_t lost = sim_random_below(random, d->n_journal + 1);

	while (lost--) {
		struct sim_undo *undo = &d->journal[--d->n_journal];
		struct sim_bytes after = put(d, &undo->key, undo->before);
		free(after.data);
	}
	sim_disk_sync(d);
}

void sim_disk_free(struct sim_disk *d)
{
	struct sim_manifest_file *file, *next;
	struct sim_record_file *record, *next_record;

	sim_disk_sync(d);
	free(d->journal);
	while (d->n_facts)
		free(d->facts[--d->n_facts].bytes.data);
	free(d->facts);
	HASH_ITER(hh, d->manifests, file, next)
	{
		HASH_DEL(d->manifests, file);
		free(file->bytes.data);
		free(file);
	}
	HASH_ITER(hh, d->records, record, next_record)
	{
		HASH_DEL(d->records, record);
		free(record->bytes.data);
		free(record);
	}
}
