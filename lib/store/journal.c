/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "store/entry.h"
#include "store/toc.h"

#define LM_LOG_MODULE "journal"

#define TAIL_MAX ((size_t)64 * 1024)
#define REWRITE_MIN ((uint64_t)1024 * 1024) /* outdated bytes that are worth it */
#define REWRITE_STEP 256 /* entries a turn: half a millisecond */

struct lm_journal {
	char path[PATH_MAX], next_path[PATH_MAX]; /* the latter: while it is rewritten */
	int fd; /* written to; -1: the disk has failed */
	int old_fd; /* what is being copied into fd; -1: nothing is */
	unsigned file; /* number of fd; what is in the table with another one is in old_fd */
	uint64_t file_len; /* of fd, written */
	uint8_t tail[TAIL_MAX]; /* what follows there, and is not written yet */
	size_t tail_len;
	struct lm_toc toc;
	uint64_t max_bytes; /* of what is in the table */
	uint64_t full;
};

/* ---- writing ---- */

static void close_files(struct lm_journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	if (j->old_fd >= 0)
		close(j->old_fd);
	j->fd = j->old_fd = -1;
}

static void fail(struct lm_journal *j, int err)
{
	lm_error("%s: %s; nothing more is kept there until the next start", j->path, strerror(err));
	close_files(j);
	j->tail_len = 0;
	lm_toc_clear(&j->toc);
}

static int write_all(int fd, const uint8_t *bytes, size_t len, uint64_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, bytes, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		bytes += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

static void write_tail(struct lm_journal *j)
{
	int err = j->tail_len ? write_all(j->fd, j->tail, j->tail_len, j->file_len) : 0;

	if (err) {
		fail(j, -err);
		return;
	}
	j->file_len += j->tail_len;
	j->tail_len = 0;
}

static void make_room(struct lm_journal *j)
{
	if (j->tail_len + LM_ENTRY_MAX > TAIL_MAX)
		write_tail(j);
}

/* Where the entry will be. */
static uint64_t append(struct lm_journal *j, const struct lm_entry *e)
{
	make_room(j);
	uint64_t at = j->file_len + j->tail_len;
	if (j->fd >= 0)
		j->tail_len += lm_entry_write(j->tail + j->tail_len, e);
	return at;
}

/* ---- rewriting ---- */

/* Nonblocking: whoever put a pipe there does not stop us. */
static int open_file(const char *path)
{
	int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	int fd = open(path, flags, S_IRUSR | S_IWUSR);

	return fd < 0 ? -errno : fd;
}

static int read_at(int fd, uint8_t *out, size_t len, uint64_t at)
{
	ssize_t n = pread(fd, out, len, (off_t)at);

	return n < 0 ? -errno : (size_t)n == len ? 0 : -EIO;
}

static int read_item(const struct lm_journal *j, const struct lm_item *item, uint8_t *out)
{
	return read_at(
	    item->file == j->file ? j->fd : j->old_fd, out, lm_item_size(item), item->at);
}

/*
 * What is put from now on goes into the next file, and what counts of the old one is copied behind
 * it, some a turn. If we end meanwhile, the next start reads the old file and then the next one.
 */
static void rewrite_begin(struct lm_journal *j)
{
	int fd = open_file(j->next_path);

	if (fd < 0) {
		fail(j, -fd);
		return;
	}
	j->old_fd = j->fd;
	j->fd = fd;
	j->file++;
	j->file_len = 0;
	memcpy(j->tail, LM_ENTRY_MAGIC, LM_ENTRY_MAGIC_LEN);
	j->tail_len = LM_ENTRY_MAGIC_LEN;
}

static void rewrite_end(struct lm_journal *j)
{
	write_tail(j);
	if (j->fd < 0)
		return;
	if (rename(j->next_path, j->path) < 0) {
		fail(j, errno);
		return;
	}
	close(j->old_fd);
	j->old_fd = -1;
}

static void rewrite_some(struct lm_journal *j)
{
	for (unsigned i = 0; i < REWRITE_STEP && j->fd >= 0; i++) {
		struct lm_item *item = TAILQ_FIRST(&j->toc.order);
		if (!item || item->file == j->file) {
			rewrite_end(j);
			return;
		}
		make_room(j);
		int err = j->fd < 0 ? 0 : read_item(j, item, j->tail + j->tail_len);
		if (err)
			fail(j, -err);
		if (j->fd < 0)
			return;
		lm_toc_moved(&j->toc, item, j->file, j->file_len + j->tail_len);
		j->tail_len += lm_item_size(item);
	}
}

void lm_journal_flush(struct lm_journal *j)
{
	if (j->tail_len)
		write_tail(j);
	if (j->fd >= 0 && j->old_fd < 0 && j->file_len > 2 * j->toc.bytes + REWRITE_MIN)
		rewrite_begin(j);
	if (j->old_fd >= 0)
		rewrite_some(j);
}

/* ---- opening ---- */

static bool has_room(const struct lm_journal *j, const struct lm_entry *e)
{
	const struct lm_item *old = lm_toc_find(&j->toc, e->group, e->id);

	return j->toc.bytes - (old ? lm_item_size(old) : 0) + LM_ENTRY_FIXED + e->len <=
	       j->max_bytes;
}

static void apply(struct lm_journal *j, const struct lm_entry *e, uint64_t at)
{
	if (e->op == LM_ENTRY_DROP_GROUP)
		lm_toc_drop_group(&j->toc, e->group);
	else if (e->op == LM_ENTRY_DROP || !has_room(j, e))
		lm_toc_drop(&j->toc, e->group, e->id);
	else
		lm_toc_put(&j->toc, e->group, e->id, j->file, at, e->len);
}

/* Cuts off what does not hold together, as after a crash in the middle of writing. */
static int mend(struct lm_journal *j, uint64_t size, const char *what)
{
	lm_warn("%s: %s at byte %llu of %llu: what follows is thrown away", j->path, what,
	    (unsigned long long)j->file_len, (unsigned long long)size);
	return ftruncate(j->fd, (off_t)j->file_len) < 0 ? -errno : 0;
}

/* Reads up to size, by way of the tail; file_len is where it stopped to hold together. */
static int load_entries(struct lm_journal *j, uint64_t size)
{
	while (j->file_len < size) {
		size_t have = size - j->file_len < TAIL_MAX ? size - j->file_len : TAIL_MAX;
		size_t used = 0;
		struct lm_entry e;
		int n = 1, err = read_at(j->fd, j->tail, have, j->file_len);
		if (err)
			return err;
		while (used < have && (n = lm_entry_read(&e, j->tail + used, have - used)) > 0) {
			apply(j, &e, j->file_len + used);
			used += (size_t)n;
		}
		j->file_len += used;
		if (n < 0 || !used)
			return mend(j, size, n < 0 ? "damaged" : "cut off");
	}
	return 0;
}

static int load(struct lm_journal *j)
{
	uint8_t magic[LM_ENTRY_MAGIC_LEN] = {0};
	struct stat st;

	j->file_len = 0;
	if (fstat(j->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	uint64_t size = (uint64_t)st.st_size;
	if (size >= sizeof(magic) && read_at(j->fd, magic, sizeof(magic), 0) < 0)
		return -EIO;
	if (memcmp(magic, LM_ENTRY_MAGIC, sizeof(magic)) == 0) {
		j->file_len = sizeof(magic);
		return load_entries(j, size);
	}
	int err = size ? mend(j, size, "is no journal of this version") : 0;
	if (!err)
		err = write_all(j->fd, (const uint8_t *)LM_ENTRY_MAGIC, sizeof(magic), 0);
	j->file_len = sizeof(magic);
	return err;
}

static int load_files(struct lm_journal *j)
{
	j->fd = open_file(j->path);
	int err = j->fd < 0 ? j->fd : load(j);
	if (err || access(j->next_path, F_OK) < 0)
		return err;
	j->old_fd = j->fd;
	j->file++;
	j->fd = open_file(j->next_path);
	return j->fd < 0 ? j->fd : load(j);
}

int lm_journal_open(struct lm_journal **out, const char *path, size_t max_bytes, struct lm_why *why)
{
	struct lm_journal *j = calloc(1, sizeof(*j));

	if (!j)
		return lm_why(why, ENOMEM, "%s: out of memory", path);
	snprintf(j->path, sizeof(j->path), "%s", path);
	snprintf(j->next_path, sizeof(j->next_path), "%s.new", path);
	j->max_bytes = max_bytes;
	j->fd = j->old_fd = -1;
	lm_toc_init(&j->toc);
	int err = load_files(j);
	if (err) {
		lm_journal_close(j);
		return lm_why(why, -err, "%s: %s", path,
		    err == -EINVAL ? "is no regular file" : strerror(-err));
	}
	*out = j;
	return 0;
}

void lm_journal_close(struct lm_journal *j)
{
	if (!j)
		return;
	if (j->fd >= 0 && j->tail_len)
		write_tail(j);
	lm_toc_clear(&j->toc);
	close_files(j);
	free(j);
}

/* ---- the other calls ---- */

void lm_journal_put(struct lm_journal *j, const uint8_t group[LM_JOURNAL_GROUP_LEN],
    const uint8_t id[LM_JOURNAL_ID_LEN], const void *value, size_t len)
{
	const struct lm_entry e = {
	    .op = LM_ENTRY_PUT, .group = group, .id = id, .value = value, .len = (uint16_t)len};

	if (j->fd < 0)
		return;
	if (len > LM_JOURNAL_VALUE_MAX || !has_room(j, &e)) {
		lm_warn_limited("%s: is full, some entries are not kept", j->path);
		j->full++;
		lm_journal_drop(j, group, id); /* what it was to replace is outdated */
		return;
	}
	uint64_t at = append(j, &e);
	if (j->fd >= 0)
		lm_toc_put(&j->toc, group, id, j->file, at, e.len);
}

void lm_journal_drop(struct lm_journal *j, const uint8_t group[LM_JOURNAL_GROUP_LEN],
    const uint8_t id[LM_JOURNAL_ID_LEN])
{
	if (!lm_toc_find(&j->toc, group, id))
		return;
	append(j, &(struct lm_entry){.op = LM_ENTRY_DROP, .group = group, .id = id});
	lm_toc_drop(&j->toc, group, id);
}

void lm_journal_drop_group(struct lm_journal *j, const uint8_t group[LM_JOURNAL_GROUP_LEN])
{
	if (!lm_toc_count(&j->toc, group))
		return;
	append(j, &(struct lm_entry){.op = LM_ENTRY_DROP_GROUP, .group = group});
	lm_toc_drop_group(&j->toc, group);
}

struct visit {
	const struct lm_journal *j;
	bool (*keep)(void *ctx, const uint8_t *value, size_t len);
	void *ctx;
	uint8_t (*useless)[LM_JOURNAL_ID_LEN];
	size_t n_useless;
};

static void visit_item(void *ctx, const struct lm_item *item)
{
	uint8_t bytes[LM_ENTRY_MAX];
	struct visit *v = ctx;
	struct lm_entry e;
	bool whole =
	    read_item(v->j, item, bytes) == 0 && lm_entry_read(&e, bytes, lm_item_size(item)) > 0;

	if (!whole || !v->keep(v->ctx, e.value, e.len))
		memcpy(v->useless[v->n_useless++], item->id, LM_JOURNAL_ID_LEN);
}

void lm_journal_each(struct lm_journal *j, const uint8_t group[LM_JOURNAL_GROUP_LEN],
    bool (*keep)(void *ctx, const uint8_t *value, size_t len), void *ctx)
{
	struct visit v = {.j = j, .keep = keep, .ctx = ctx};

	write_tail(j);
	v.useless = calloc(lm_toc_count(&j->toc, group) + 1, sizeof(*v.useless));
	if (!v.useless)
		return;
	lm_toc_each(&j->toc, group, visit_item, &v);
	while (v.n_useless-- > 0)
		lm_journal_drop(j, group, v.useless[v.n_useless]);
	free(v.useless);
}

void lm_journal_groups(struct lm_journal *j,
    bool (*keep)(void *ctx, const uint8_t group[LM_JOURNAL_GROUP_LEN]), void *ctx)
{
	const uint8_t *group = lm_toc_next_group(&j->toc, NULL);

	while (group) {
		uint8_t id[LM_JOURNAL_GROUP_LEN];
		memcpy(id, group, sizeof(id));
		group = lm_toc_next_group(&j->toc, group);
		if (!keep(ctx, id))
			lm_journal_drop_group(j, id);
	}
}

void lm_journal_info(const struct lm_journal *j, struct lm_journal_info *out)
{
	*out = (struct lm_journal_info){
	    .entries = j->toc.items,
	    .bytes = j->toc.bytes,
	    .file_bytes = j->file_len + j->tail_len,
	    .full = j->full,
	    .failed = j->fd < 0,
	};
}
