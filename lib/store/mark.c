/* SPDX-License-Identifier: Apache-2.0 */
#include "store/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>
#include "base/bytes.h"
#include "base/io.h"
#include "base/text.h"

#define TABLE "mark" /* by owner */
#define ID_LEN 16
#define FORMAT 1
#define VALUE_LEN (1 + 1 + ID_LEN + 8) /* format, lost, id, count */
#define WORD "leasemesh-store-v1"
#define LINE_MAX_LEN 160

/* What one side says: the store's, or the file's. */
struct side {
	bool is; /* it says anything about this owner */
	bool lost;
	uint8_t id[ID_LEN];
	uint64_t count;
};

/* ---- the store's side ---------------------------------------------------- */

static int read_store(struct lm_store *s, const uint8_t *owner, struct side *out)
{
	uint8_t value[VALUE_LEN];
	ssize_t len = lm_store_get(s, TABLE, owner, LM_MARK_OWNER_LEN, value, sizeof value);
	struct lm_reader r = lm_reader(value, sizeof value);

	*out = (struct side){0};
	if (len == -ENOENT)
		return 0;
	if (len == -EMSGSIZE)
		return -EBADMSG;
	if (len < 0)
		return (int)len;
	uint8_t format = lm_read_u8(&r);
	out->is = true;
	out->lost = lm_read_u8(&r) != 0;
	lm_read(&r, out->id, ID_LEN);
	out->count = lm_read_u64(&r);
	return len == VALUE_LEN && format == FORMAT ? 0 : -EBADMSG;
}

/* The first other owner who has lost nothing yet. */
struct search {
	const uint8_t *owner;
	bool any, found;
	uint8_t other[LM_MARK_OWNER_LEN];
};

static int look_at(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct search *s = ctx;

	if (key_len != LM_MARK_OWNER_LEN || memcmp(key, s->owner, key_len) == 0)
		return 0;
	s->any = true;
	s->found = len == VALUE_LEN && ((const uint8_t *)value)[1] == 0;
	memcpy(s->other, key, key_len);
	return s->found;
}

static int search(struct lm_store *s, const uint8_t *owner, struct search *out)
{
	*out = (struct search){.owner = owner};
	int r = lm_store_each(s, TABLE, look_at, out);
	return r < 0 ? r : 0;
}

static int write_store(struct lm_store *s, const uint8_t *owner, const struct side *side)
{
	uint8_t value[VALUE_LEN];
	struct lm_writer w = lm_writer(value, sizeof value);

	lm_write_u8(&w, FORMAT);
	lm_write_u8(&w, side->lost);
	lm_write(&w, side->id, ID_LEN);
	lm_write_u64(&w, side->count);
	return lm_store_put(s, TABLE, owner, LM_MARK_OWNER_LEN, value, sizeof value);
}

/* ---- the file's side ------------------------------------------------------ */

static bool parse(char *line, const uint8_t *owner, struct side *out)
{
	uint8_t whose[LM_MARK_OWNER_LEN];
	char *rest = NULL;
	const char *word = strtok_r(line, " ", &rest), *key = strtok_r(NULL, " ", &rest),
		   *id = strtok_r(NULL, " ", &rest), *count = strtok_r(NULL, " ", &rest);

	if (word && !key && strcmp(word, "lost") == 0) {
		out->is = out->lost = true;
		return true;
	}
	if (!count || strtok_r(NULL, " ", &rest) || strcmp(word, WORD) != 0 ||
	    lm_unhex(whose, sizeof whose, key, strlen(key)) < 0 ||
	    lm_unhex(out->id, ID_LEN, id, strlen(id)) < 0 ||
	    lm_text_number(&out->count, count, UINT64_MAX) < 0)
		return false;
	out->is = memcmp(whose, owner, sizeof whose) == 0;
	return true;
}

static int read_file(const char *path, const uint8_t *owner, struct side *out, struct lm_why *why)
{
	char line[LINE_MAX_LEN + 1] = "";

	*out = (struct side){0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return lm_why(why, errno, "%s: %s", path, strerror(errno));
	ssize_t len = lm_read_all(fd, line, LINE_MAX_LEN);
	close(fd);
	if (len < 0)
		return lm_why(why, (int)-len, "%s: %s", path, strerror((int)-len));
	line[strcspn(line, "\n")] = '\0';
	if ((size_t)len > strlen(line) + 1 || !parse(line, owner, out))
		return lm_why(why, EBADMSG,
		    "%s: does not say which store belongs to the key beside it. If that key was "
		    "ever used with a store that is not here any more, write the one word \"lost\" "
		    "into it; else remove it",
		    path);
	return 0;
}

static int sync_folder(const char *path)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof copy, "%s", path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return err;
}

static int write_line(const char *path, const char *line)
{
	char aside[PATH_MAX];

	if (snprintf(aside, sizeof aside, "%s.new", path) >= (int)sizeof aside)
		return -ENAMETOOLONG;
	unlink(aside); /* of a start that was interrupted */
	int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (fd < 0)
		return -errno;
	int err = lm_write_all(fd, line, strlen(line));
	if (!err && fsync(fd) < 0)
		err = -errno;
	close(fd);
	if (!err && rename(aside, path) < 0)
		err = -errno;
	if (err)
		unlink(aside);
	return err ? err : sync_folder(path);
}

static int write_file(const char *path, const uint8_t *owner, const struct side *side)
{
	char line[LINE_MAX_LEN], key[2 * LM_MARK_OWNER_LEN + 1], id[2 * ID_LEN + 1];

	snprintf(line, sizeof line, WORD " %s %s %" PRIu64 "\n",
	    lm_hex(key, owner, LM_MARK_OWNER_LEN), lm_hex(id, side->id, ID_LEN), side->count);
	return write_line(path, line);
}

/* ---- both ----------------------------------------------------------------- */

static void judge(const struct side *store, const struct side *file, struct lm_mark *out,
    const char *path, struct lm_why *why)
{
	const char *missed = NULL;

	if (file->is && file->lost)
		missed = "it was written there that the store was lost";
	else if (file->is && !store->is)
		missed = "this store knows nothing of the key, which was used with another one";
	else if (file->is && memcmp(store->id, file->id, ID_LEN) != 0)
		missed = "the key was last used with another store than this one";
	else if (file->is && store->count < file->count)
		missed = "this store is an old copy";
	*out = (struct lm_mark){.lost = missed || store->lost, .news = missed && !store->lost};
	if (missed)
		lm_why(why, ESTALE, "%s: %s", path, missed);
	else if (store->lost)
		lm_why(why, ESTALE, "%s: the store was lost earlier", path);
}

int lm_mark_disown(struct lm_store *s, const uint8_t owner[LM_MARK_OWNER_LEN], struct lm_why *why)
{
	struct search other;
	struct side side;
	int err;

	while ((err = search(s, owner, &other)) == 0 && other.found) {
		err = read_store(s, other.other, &side);
		side.lost = true;
		if (!err)
			err = write_store(s, other.other, &side);
		if (err)
			break;
	}
	return err ? lm_why(why, -err, "the store's ids cannot be changed: %s", strerror(-err)) : 0;
}

int lm_mark_check(struct lm_store *s, const char *path, const uint8_t owner[LM_MARK_OWNER_LEN],
    struct lm_mark *out, struct lm_why *why)
{
	struct side store, file;
	struct search others;
	int err = read_store(s, owner, &store);

	if (!err)
		err = search(s, owner, &others);
	if (err)
		return lm_why(why, -err, "the store's id is damaged: %s", strerror(-err));
	err = read_file(path, owner, &file, why);
	if (err)
		return err;
	judge(&store, &file, out, path, why);
	out->foreign = !store.is && others.any;
	return 0;
}

int lm_mark_count(struct lm_store *s, const char *path, const uint8_t owner[LM_MARK_OWNER_LEN],
    const struct lm_mark *mark, bool *unmarked, struct lm_why *why)
{
	struct side side;
	int err = read_store(s, owner, &side);

	*unmarked = false;
	if (!err && !side.is)
		randombytes_buf(side.id, ID_LEN);
	side.count++;
	side.lost |= mark->lost;
	/* First the store: one that has counted more than the mark is no old copy. */
	if (!err)
		err = write_store(s, owner, &side);
	if (err)
		return lm_why(why, -err, "the store's id cannot be stored: %s", strerror(-err));
	if (side.lost)
		return 0;
	err = write_file(path, owner, &side);
	*unmarked = err != 0;
	if (err)
		lm_why(why, -err, "%s: %s", path, strerror(-err));
	return 0;
}
