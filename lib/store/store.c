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
	/* Between begin and commit: */
	bool batching;
	MDB_txn *batch; /* NULL: it could not begin */
	int batch_rc; /* of the first that failed */
	struct table batch_table; /* name empty: nothing was put or deleted yet */
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
	if (s->batch)
		mdb_txn_abort(s->batch);
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

static int change_in(struct lm_store *s, MDB_txn *txn, const char *table, MDB_val *key,
    MDB_val *value, struct table *t)
{
	int rc = table_open(s, txn, table, value ? MDB_CREATE : 0, t);

	if (rc == 0)
		rc = value ? mdb_put(txn, t->dbi, key, value, 0) : mdb_del(txn, t->dbi, key, NULL);
	return rc;
}

/* What has failed makes the whole batch void, but for what was not there to be deleted. */
static int stage(struct lm_store *s, const char *table, MDB_val *key, MDB_val *value)
{
	struct table t;

	if (s->batch_rc != 0)
		return s->batch_rc;
	if (s->batch_table.name[0] != '\0' && strcmp(s->batch_table.name, table) != 0)
		return EINVAL;
	int rc = change_in(s, s->batch, table, key, value, &t);
	if (rc == 0)
		s->batch_table = t;
	else if (rc != MDB_NOTFOUND)
		s->batch_rc = rc;
	return rc;
}

/* Puts value, or deletes if it is NULL; one synced transaction. */
static int change(struct lm_store *s, const char *table, MDB_val *key, MDB_val *value)
{
	struct table t;
	MDB_txn *txn;

	if (s->batching)
		return stage(s, table, key, value);
	int rc = mdb_txn_begin(s->env, NULL, 0, &txn);
	if (rc != 0)
		return rc;
	rc = change_in(s, txn, table, key, value, &t);
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
	if (rc == MDB_MAP_FULL && !s->batching && mdb_env_set_mapsize(s->env, s->max_bytes) == 0) {
		rc = change(s, table, &k, NULL);
		mdb_env_set_mapsize(s->env, s->put_bytes);
	}
	return report("delete", table, rc);
}

void lm_store_begin(struct lm_store *s)
{
	s->batching = true;
	s->batch_table.name[0] = '\0';
	s->batch_rc = mdb_txn_begin(s->env, NULL, 0, &s->batch);
	if (s->batch_rc != 0)
		s->batch = NULL;
}

int lm_store_commit(struct lm_store *s)
{
	int rc = s->batch_rc;

	if (rc == 0)
		rc = mdb_txn_commit(s->batch);
	else if (s->batch)
		mdb_txn_abort(s->batch);
	if (rc == 0 && s->batch_table.name[0] != '\0')
		table_keep(s, &s->batch_table);
	s->batching = false;
	s->batch = NULL;
	return rc == 0 ? 0 : report("put", "a batch", rc);
}

static int sweep(MDB_txn *txn, MDB_dbi dbi,
    bool (*is_void)(void *ctx, const void *key, size_t key_len), void *ctx)
{
	MDB_cursor *cursor;
	MDB_val k, v;

	int rc = mdb_cursor_open(txn, dbi, &cursor);
	if (rc != 0)
		return rc;
	while (rc == 0 && (rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0)
		if (is_void(ctx, k.mv_data, k.mv_size))
			rc = mdb_cursor_del(cursor, 0);
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int lm_store_sweep(struct lm_store *s, const char *table,
    bool (*is_void)(void *ctx, const void *key, size_t key_len), void *ctx)
{
	struct table t;
	MDB_txn *txn;

	if (s->iterating || s->batching)
		return -EDEADLK;
	int rc = mdb_txn_begin(s->env, NULL, 0, &txn);
	if (rc != 0)
		return report("sweep", table, rc);
	rc = table_open(s, txn, table, 0, &t);
	if (rc == 0)
		rc = sweep(txn, t.dbi, is_void, ctx);
	if (rc != 0)
		mdb_txn_abort(txn);
	else if ((rc = mdb_txn_commit(txn)) == 0)
		table_keep(s, &t);
	return rc == MDB_NOTFOUND ? 0 : report("sweep", table, rc);
}

/* Entries whose keys begin with a prefix, which may be empty. */
struct walk {
	const char *table;
	MDB_val prefix;
	lm_store_each_fn *each;
	void *ctx;
	int result;
};

static bool has_prefix(const MDB_val *key, const MDB_val *prefix)
{
	return key->mv_size >= prefix->mv_size &&
	       memcmp(key->mv_data, prefix->mv_data, prefix->mv_size) == 0;
}

static int walk_table(MDB_txn *txn, MDB_dbi dbi, struct walk *w)
{
	MDB_cursor *cursor;
	MDB_val k = w->prefix, v;

	int rc = mdb_cursor_open(txn, dbi, &cursor);
	if (rc != 0)
		return rc;
	rc = mdb_cursor_get(cursor, &k, &v, k.mv_size > 0 ? MDB_SET_RANGE : MDB_FIRST);
	while (rc == 0 && (w->prefix.mv_size == 0 || has_prefix(&k, &w->prefix))) {
		w->result = w->each(w->ctx, k.mv_data, k.mv_size, v.mv_data, v.mv_size);
		if (w->result != 0)
			break;
		rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int walk(struct lm_store *s, struct walk *w)
{
	struct table t;
	MDB_txn *txn;

	if (s->iterating || s->batching)
		return -EDEADLK;
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
	if (rc != 0)
		return report("read", w->table, rc);
	rc = table_open(s, txn, w->table, 0, &t);
	if (rc == 0) {
		s->iterating = true;
		rc = walk_table(txn, t.dbi, w);
		s->iterating = false;
	}
	/* Committing a read keeps the handle that it opened; it changes nothing. */
	if (rc == 0 && mdb_txn_commit(txn) == 0)
		table_keep(s, &t);
	else if (rc != 0)
		mdb_txn_abort(txn);
	if (rc == MDB_NOTFOUND)
		return 0; /* nobody has put anything into this table yet */
	rc = report("read", w->table, rc);
	return rc != 0 ? rc : w->result;
}

int lm_store_each(struct lm_store *s, const char *table, lm_store_each_fn *each, void *ctx)
{
	struct walk w = {.table = table, .each = each, .ctx = ctx};

	return walk(s, &w);
}

int lm_store_each_prefix(struct lm_store *s, const char *table, const void *prefix,
    size_t prefix_len, lm_store_each_fn *each, void *ctx)
{
	struct walk w = {.table = table,
	    .prefix = {.mv_size = prefix_len, .mv_data = (void *)prefix},
	    .each = each,
	    .ctx = ctx};

	return key_is_valid(prefix, prefix_len) ? walk(s, &w) : -EINVAL;
}

struct copy {
	size_t key_len, size;
	void *value;
};

static int copy(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct copy *c = ctx;

	(void)key;
	if (key_len != c->key_len)
		return -ENOENT; /* the key itself would have been the first */
	if (len > c->size)
		return -EMSGSIZE;
	memcpy(c->value, value, len);
	c->size = len;
	return 1;
}

ssize_t lm_store_get(struct lm_store *s, const char *table, const void *key, size_t key_len,
    void *value, size_t size)
{
	struct copy c = {.key_len = key_len, .size = size, .value = value};
	int r = lm_store_each_prefix(s, table, key, key_len, copy, &c);

	return r == 1 ? (ssize_t)c.size : r < 0 ? r : -ENOENT;
}
