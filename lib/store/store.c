/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <lmdb.h>
#include "base/log.h"
#include "store/check.h"

#define LM_LOG_MODULE "store"
#define TABLE_NAME_MAX 31
#define GRAIN ((size_t)64 * 1024) /* a multiple of every page size that Linux uses */

struct table {
	char name[TABLE_NAME_MAX + 1];
	MDB_dbi dbi;
};

struct lm_store {
	MDB_env *env;
	int dir_fd; /* holds the lock that keeps a second process out */
	size_t put_bytes, max_bytes;
	bool iterating;
	struct table tables[LM_STORE_TABLES_MAX];
	unsigned n_tables;
};

/* LMDB returns errno values and negative codes of its own. */
static int to_errno(int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return 0;
	case MDB_NOTFOUND:
		return -ENOENT;
	case MDB_MAP_FULL:
	case MDB_DBS_FULL:
		return -ENOSPC;
	case MDB_BAD_VALSIZE:
		return -EINVAL;
	default:
		return rc > 0 ? -rc : -EIO;
	}
}

static int open_dir(const char *dir, struct lm_why *why)
{
	if (mkdir(dir, S_IRWXU) < 0 && errno != EEXIST)
		return lm_why(
		    why, errno, "%s: cannot make the directory: %s", dir, strerror(errno));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return lm_why(
		    why, errno, "%s: cannot open the directory: %s", dir, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int err = errno == EWOULDBLOCK ? EBUSY : errno;
		close(fd);
		return lm_why(why, err, "%s: %s", dir,
		    err == EBUSY ? "is in use by another process" : strerror(err));
	}
	return fd;
}

static int open_env(struct lm_store *s, const char *dir, struct lm_why *why)
{
	int rc = mdb_env_create(&s->env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(s->env, LM_STORE_TABLES_MAX);
	if (rc == 0)
		rc = mdb_env_set_mapsize(s->env, s->put_bytes);
	if (rc == 0)
		rc = mdb_env_open(s->env, dir, 0, S_IRUSR | S_IWUSR);
	if (rc != 0)
		return lm_why(
		    why, -to_errno(rc), "%s: cannot open the store: %s", dir, mdb_strerror(rc));
	/* LMDB syncs its files; that they exist is the directory's data. */
	if (fsync(s->dir_fd) < 0)
		return lm_why(why, errno, "%s: %s", dir, strerror(errno));
	return 0;
}

/* LMDB takes an empty file for a new one; whoever lost a store should hear of it. */
static int check_file(const struct lm_store *s, const char *dir, struct lm_why *why)
{
	struct stat st;

	if (fstatat(s->dir_fd, "data.mdb", &st, 0) < 0)
		return 0; /* a new store, or opening it says what is wrong */
	if (st.st_size == 0) {
		lm_warn("%s/data.mdb was empty: what was stored there is gone", dir);
		return 0;
	}
	return lm_store_check(dir, s->put_bytes, why);
}

int lm_store_open(struct lm_store **out, const char *dir, size_t max_bytes, struct lm_why *why)
{
	struct lm_store *s = calloc(1, sizeof *s);

	if (!s)
		return lm_why(why, ENOMEM, "%s: out of memory", dir);
	/*
	 * Deleting copies pages before it frees any. Puts stop a little below the bound, so that a
	 * full store can still be emptied.
	 */
	s->max_bytes = max_bytes < 4 * GRAIN ? 4 * GRAIN : max_bytes / GRAIN * GRAIN;
	s->put_bytes = s->max_bytes - 2 * GRAIN;
	s->dir_fd = open_dir(dir, why);
	int ret = s->dir_fd < 0 ? s->dir_fd : check_file(s, dir, why);
	if (ret == 0)
		ret = open_env(s, dir, why);
	if (ret < 0) {
		lm_store_close(s);
		return ret;
	}
	*out = s;
	return 0;
}

void lm_store_close(struct lm_store *s)
{
	if (!s)
		return;
	if (s->env)
		mdb_env_close(s->env);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	free(s);
}

/* MDB_NOTFOUND if the table is not there and the transaction may not make it. */
static int table_open(
    struct lm_store *s, MDB_txn *txn, const char *name, unsigned flags, struct table *out)
{
	for (unsigned i = 0; i < s->n_tables; i++) {
		if (strcmp(s->tables[i].name, name) == 0) {
			*out = s->tables[i];
			return 0;
		}
	}
	if (name[0] == '\0' || strlen(name) > TABLE_NAME_MAX)
		return EINVAL;
	strcpy(out->name, name);
	return mdb_dbi_open(txn, name, flags, &out->dbi);
}

/* A handle belongs to everybody only once the transaction that opened it has committed. */
static void table_keep(struct lm_store *s, const struct table *t)
{
	for (unsigned i = 0; i < s->n_tables; i++)
		if (strcmp(s->tables[i].name, t->name) == 0)
			return;
	if (s->n_tables < LM_STORE_TABLES_MAX)
		s->tables[s->n_tables++] = *t;
}

static bool key_is_valid(const void *key, size_t key_len)
{
	return key && key_len > 0 && key_len <= LM_STORE_KEY_MAX;
}

/* Puts value, or deletes if it is NULL; one synced transaction. */
static int change(struct lm_store *s, const char *table, MDB_val *key, MDB_val *value)
{
	struct table t;
	MDB_txn *txn;

	int rc = mdb_txn_begin(s->env, NULL, 0, &txn);
	if (rc != 0)
		return rc;
	rc = table_open(s, txn, table, value ? MDB_CREATE : 0, &t);
	if (rc == 0)
		rc = value ? mdb_put(txn, t.dbi, key, value, 0) : mdb_del(txn, t.dbi, key, NULL);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = mdb_txn_commit(txn);
	if (rc == 0)
		table_keep(s, &t);
	return rc;
}

static int report(const char *what, const char *table, int rc)
{
	int ret = to_errno(rc);

	if (ret != 0 && ret != -ENOENT)
		lm_error_limited("cannot %s in table %s: %s", what, table, mdb_strerror(rc));
	return ret;
}

int lm_store_put(struct lm_store *s, const char *table, const void *key, size_t key_len,
    const void *value, size_t len)
{
	MDB_val k = {.mv_size = key_len, .mv_data = (void *)key};
	MDB_val v = {.mv_size = len, .mv_data = (void *)value};

	if (s->iterating)
		return -EDEADLK;
	if (!key_is_valid(key, key_len))
		return -EINVAL;
	return report("put", table, change(s, table, &k, &v));
}

int lm_store_delete(struct lm_store *s, const char *table, const void *key, size_t key_len)
{
	MDB_val k = {.mv_size = key_len, .mv_data = (void *)key};

	if (s->iterating)
		return -EDEADLK;
	if (!key_is_valid(key, key_len))
		return -EINVAL;
	int rc = change(s, table, &k, NULL);
	if (rc == MDB_MAP_FULL && mdb_env_set_mapsize(s->env, s->max_bytes) == 0) {
		rc = change(s, table, &k, NULL);
		mdb_env_set_mapsize(s->env, s->put_bytes);
	}
	return report("delete", table, rc);
}

static int walk(MDB_txn *txn, MDB_dbi dbi,
    int (*each)(void *ctx, const void *key, size_t key_len, const void *value, size_t len),
    void *ctx, int *result)
{
	MDB_cursor *cursor;
	MDB_val k, v;

	int rc = mdb_cursor_open(txn, dbi, &cursor);
	if (rc != 0)
		return rc;
	*result = 0;
	while (*result == 0 && (rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0)
		*result = each(ctx, k.mv_data, k.mv_size, v.mv_data, v.mv_size);
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int lm_store_each(struct lm_store *s, const char *table,
    int (*each)(void *ctx, const void *key, size_t key_len, const void *value, size_t len),
    void *ctx)
{
	struct table t;
	MDB_txn *txn;
	int result = 0;

	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
	if (rc != 0)
		return report("read", table, rc);
	rc = table_open(s, txn, table, 0, &t);
	if (rc == 0) {
		s->iterating = true;
		rc = walk(txn, t.dbi, each, ctx, &result);
		s->iterating = false;
	}
	/* Committing a read keeps the handle that it opened; it changes nothing. */
	if (rc == 0 && mdb_txn_commit(txn) == 0)
		table_keep(s, &t);
	else if (rc != 0)
		mdb_txn_abort(txn);
	if (rc == MDB_NOTFOUND)
		return 0; /* nobody has put anything into this table yet */
	rc = report("read", table, rc);
	return rc != 0 ? rc : result;
}
