/* SPDX-License-Identifier: Apache-2.0 */
#include "store/check.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <lmdb.h>
#include "base/log.h"
#include "store/store.h"

#define LM_LOG_MODULE "store"
#define FREE_PAGES ((MDB_dbi)0) /* LMDB's own list of them, which mdb_stat reads like this, too */
#define STEP 4096 /* no page is smaller */

static void touch(const MDB_val *v)
{
	const volatile uint8_t *bytes = v->mv_data;

	for (size_t i = 0; i < v->mv_size; i += STEP)
		(void)bytes[i];
	if (v->mv_size)
		(void)bytes[v->mv_size - 1];
}

static bool read_table(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int rc = mdb_cursor_open(txn, dbi, &cursor);

	if (rc != 0)
		return false;
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		touch(&key);
		touch(&value);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND;
}

/* The table of tables has their names as keys. */
static bool read_tables(MDB_txn *txn)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	MDB_dbi all, table;
	bool good =
	    mdb_dbi_open(txn, NULL, 0, &all) == 0 && mdb_cursor_open(txn, all, &cursor) == 0;

	while (good && mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
		char name[LM_STORE_KEY_MAX + 1];
		if (key.mv_size >= sizeof(name))
			return false;
		memcpy(name, key.mv_data, key.mv_size);
		name[key.mv_size] = '\0';
		good = mdb_dbi_open(txn, name, 0, &table) == 0 && read_table(txn, table);
	}
	return good;
}

static bool read_all(const char *dir, size_t map_bytes)
{
	MDB_env *env;
	MDB_txn *txn;

	return mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, LM_STORE_TABLES_MAX) == 0 &&
	       mdb_env_set_mapsize(env, map_bytes) == 0 &&
	       mdb_env_open(env, dir, MDB_RDONLY | MDB_NOLOCK, 0) == 0 &&
	       mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0 && read_table(txn, FREE_PAGES) &&
	       read_tables(txn);
}

/* It may die of what it reads: that is to leave neither a core file nor a report. */
static void child(const char *dir, size_t map_bytes)
{
	static const int deadly[] = {SIGBUS, SIGSEGV, SIGABRT, SIGILL, SIGFPE};
	const struct rlimit none = {0};

	setrlimit(RLIMIT_CORE, &none);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		signal(deadly[i], SIG_DFL);
	_exit(read_all(dir, map_bytes) ? EXIT_SUCCESS : EXIT_FAILURE);
}

int lm_store_check(const char *dir, size_t map_bytes, struct lm_why *why)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		child(dir, map_bytes);
	while (pid > 0 && waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			pid = -1;
	}
	if (pid < 0) {
		lm_warn("%s: is not checked before it is used: %s", dir, strerror(errno));
		return 0;
	}
	if (status == 0)
		return 0;
	return lm_why(why, EIO,
	    "%s/data.mdb: was cut off or is damaged: put back a copy, or move it away and start "
	    "with nothing stored",
	    dir);
}
