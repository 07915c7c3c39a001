/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "store/store.h"

#define MIB ((size_t)1024 * 1024)

struct folder {
	char parent[64], path[80];
};

static struct folder folder_make(void)
{
	struct folder d;

	strcpy(d.parent, "/tmp/lm-test-store-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(d.parent));
	snprintf(d.path, sizeof d.path, "%s/state", d.parent);
	return d;
}

static void folder_remove(const struct folder *d)
{
	static const char *const files[] = {"data.mdb", "lock.mdb"};
	char path[128];

	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", d->path, files[i]);
		unlink(path);
	}
	rmdir(d->path);
	CU_ASSERT_EQUAL(rmdir(d->parent), 0);
}

static struct lm_store *open_store(const struct folder *d, size_t max_bytes)
{
	struct lm_store *s = NULL;
	struct lm_why why = {0};

	CU_ASSERT_EQUAL_FATAL(lm_store_open(&s, d->path, max_bytes, &why), 0);
	CU_ASSERT_STRING_EQUAL(why.text, "");
	return s;
}

static int put(struct lm_store *s, const char *table, const char *key, const char *value)
{
	return lm_store_put(s, table, key, strlen(key), value, strlen(value));
}

/* "key=value;" of every entry. */
struct listing {
	char text[512];
	int stop_after; /* returns 7 at this entry; 0: never */
};

static int list_entry(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct listing *l = ctx;
	size_t at = strlen(l->text);

	snprintf(l->text + at, sizeof l->text - at, "%.*s=%.*s;", (int)key_len, (const char *)key,
	    (int)len, (const char *)value);
	return l->stop_after > 0 && --l->stop_after == 0 ? 7 : 0;
}

static const char *list(struct lm_store *s, const char *table)
{
	static struct listing l;

	memset(&l, 0, sizeof l);
	CU_ASSERT_EQUAL(lm_store_each(s, table, list_entry, &l), 0);
	return l.text;
}

static void test_put_and_delete(void)
{
	struct folder d = folder_make();
	struct lm_store *s = open_store(&d, MIB);
	struct stat st;

	CU_ASSERT_EQUAL(stat(d.path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0700);
	CU_ASSERT_STRING_EQUAL(list(s, "none"), "");
	CU_ASSERT_EQUAL(lm_store_delete(s, "none", "x", 1), -ENOENT);

	CU_ASSERT_EQUAL(put(s, "manifest", "b", "2"), 0);
	CU_ASSERT_EQUAL(put(s, "manifest", "aa", "3"), 0);
	CU_ASSERT_EQUAL(put(s, "manifest", "a", "1"), 0);
	CU_ASSERT_EQUAL(put(s, "other", "a", "elsewhere"), 0);
	CU_ASSERT_STRING_EQUAL(list(s, "manifest"), "a=1;aa=3;b=2;");
	CU_ASSERT_EQUAL(put(s, "manifest", "aa", "longer than before"), 0);
	CU_ASSERT_EQUAL(put(s, "manifest", "b", ""), 0);
	CU_ASSERT_STRING_EQUAL(list(s, "manifest"), "a=1;aa=longer than before;b=;");
	CU_ASSERT_EQUAL(lm_store_delete(s, "manifest", "a", 1), 0);
	CU_ASSERT_EQUAL(lm_store_delete(s, "manifest", "a", 1), -ENOENT);
	CU_ASSERT_STRING_EQUAL(list(s, "manifest"), "aa=longer than before;b=;");
	CU_ASSERT_STRING_EQUAL(list(s, "other"), "a=elsewhere;");
	lm_store_close(s);
	folder_remove(&d);
}

static void test_reopen(void)
{
	struct folder d = folder_make();
	struct lm_store *s = open_store(&d, MIB);

	CU_ASSERT_EQUAL(put(s, "manifest", "net", "serial 1"), 0);
	CU_ASSERT_EQUAL(put(s, "manifest", "net", "serial 2"), 0);
	CU_ASSERT_EQUAL(put(s, "manifest", "gone", "x"), 0);
	CU_ASSERT_EQUAL(lm_store_delete(s, "manifest", "gone", 4), 0);
	lm_store_close(s);
	s = open_store(&d, MIB);
	CU_ASSERT_STRING_EQUAL(list(s, "manifest"), "net=serial 2;");
	lm_store_close(s);
	lm_store_close(NULL);
	folder_remove(&d);
}

/* What put acknowledged survives a process that is killed without any chance to close. */
static void test_killed(void)
{
	struct folder d = folder_make();
	int acknowledged[2];
	char byte;

	CU_ASSERT_EQUAL_FATAL(pipe(acknowledged), 0);
	pid_t child = fork();
	CU_ASSERT_FATAL(child >= 0);
	if (child == 0) {
		struct lm_store *s = NULL;
		if (lm_store_open(&s, d.path, MIB, NULL) == 0 && put(s, "t", "k", "v") == 0 &&
		    write(acknowledged[1], "+", 1) == 1)
			pause();
		_exit(1);
	}
	close(acknowledged[1]);
	CU_ASSERT_EQUAL(read(acknowledged[0], &byte, 1), 1);
	struct lm_store *second = NULL;
	struct lm_why why = {0};
	CU_ASSERT_EQUAL(lm_store_open(&second, d.path, MIB, &why), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, d.path));
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "in use"));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(acknowledged[0]);

	struct lm_store *s = open_store(&d, MIB);
	CU_ASSERT_STRING_EQUAL(list(s, "t"), "k=v;");
	lm_store_close(s);
	folder_remove(&d);
}

static int count_entry(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	(void)key, (void)key_len, (void)value, (void)len;
	(*(unsigned *)ctx)++;
	return 0;
}

static int size_kib(const char *path)
{
	struct stat st;

	CU_ASSERT_EQUAL(stat(path, &st), 0);
	return (int)(st.st_size / 1024);
}

static void ignore_line(void *ctx, enum lm_log_level level, const char *line)
{
	(void)level, (void)line;
	(*(unsigned *)ctx)++;
}

/* One transaction: all of it, or nothing. */
static void test_batch(void)
{
	struct folder d = folder_make();
	struct lm_store *s = open_store(&d, MIB);
	static char large[2 * MIB];
	unsigned logged = 0;

	lm_log_set_sink(ignore_line, &logged);
	lm_store_begin(s);
	CU_ASSERT_EQUAL(lm_store_commit(s), 0); /* nothing */
	lm_store_begin(s);
	CU_ASSERT_EQUAL(put(s, "t", "a", "1"), 0);
	CU_ASSERT_EQUAL(put(s, "t", "b", "2"), 0);
	CU_ASSERT_EQUAL(lm_store_delete(s, "t", "none", 4), -ENOENT); /* breaks nothing */
	CU_ASSERT_EQUAL(lm_store_delete(s, "t", "a", 1), 0);
	CU_ASSERT_EQUAL(put(s, "other", "a", "1"), -EINVAL);
	CU_ASSERT_EQUAL(lm_store_each(s, "t", count_entry, &logged), -EDEADLK);
	CU_ASSERT_EQUAL(lm_store_commit(s), 0);
	CU_ASSERT_STRING_EQUAL(list(s, "t"), "b=2;");

	lm_store_begin(s);
	CU_ASSERT_EQUAL(put(s, "t", "c", "3"), 0);
	CU_ASSERT_EQUAL(lm_store_put(s, "t", "d", 1, large, sizeof large), -ENOSPC);
	CU_ASSERT_EQUAL(put(s, "t", "e", "5"), -ENOSPC);
	CU_ASSERT_EQUAL(lm_store_commit(s), -ENOSPC);
	CU_ASSERT_STRING_EQUAL(list(s, "t"), "b=2;");
	/* The first batch of a new table fails: the table is not there, and may still come. */
	lm_store_begin(s);
	CU_ASSERT_EQUAL(put(s, "new", "c", "3"), 0);
	CU_ASSERT_EQUAL(lm_store_put(s, "new", "d", 1, large, sizeof large), -ENOSPC);
	CU_ASSERT_EQUAL(lm_store_commit(s), -ENOSPC);
	CU_ASSERT_EQUAL(put(s, "new", "c", "4"), 0);
	CU_ASSERT_EQUAL(put(s, "t", "f", "6"), 0);
	lm_store_begin(s);
	CU_ASSERT_EQUAL(put(s, "t", "lost", "7"), 0);
	lm_store_close(s); /* without commit */
	s = open_store(&d, MIB);
	CU_ASSERT_STRING_EQUAL(list(s, "t"), "b=2;f=6;");
	CU_ASSERT_STRING_EQUAL(list(s, "new"), "c=4;");
	lm_log_set_sink(NULL, NULL);
	lm_store_close(s);
	folder_remove(&d);
}

static void test_bound(void)
{
	struct folder d = folder_make();
	struct lm_store *s = open_store(&d, MIB);
	char value[10000], data[128];
	unsigned n = 0, seen = 0, logged = 0;
	int ret = 0;

	memset(value, 'x', sizeof value);
	lm_log_set_sink(ignore_line, &logged);
	while (n < 1000 && (ret = lm_store_put(s, "t", &n, sizeof n, value, sizeof value)) == 0)
		n++;
	CU_ASSERT_EQUAL(ret, -ENOSPC);
	CU_ASSERT(logged == 1);
	CU_ASSERT(n >= 60 && n <= 105);
	/* Small entries fill what the large ones left, up to the last page. */
	while (n < 10000 && (ret = lm_store_put(s, "t", &n, sizeof n, value, 100)) == 0)
		n++;
	CU_ASSERT_EQUAL(ret, -ENOSPC);
	snprintf(data, sizeof data, "%s/data.mdb", d.path);
	CU_ASSERT(size_kib(data) <= 1024);

	/* What was there stays, also over a reopening, and a full store can be emptied. */
	lm_store_close(s);
	s = open_store(&d, MIB);
	CU_ASSERT_EQUAL(lm_store_each(s, "t", count_entry, &seen), 0);
	CU_ASSERT_EQUAL(seen, n);
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT_EQUAL(lm_store_delete(s, "t", &i, sizeof i), 0);
	CU_ASSERT_EQUAL(lm_store_put(s, "t", "k", 1, value, sizeof value), 0);
	CU_ASSERT(size_kib(data) <= 1024);
	lm_log_set_sink(NULL, NULL);
	lm_store_close(s);
	folder_remove(&d);
}

struct writer {
	struct lm_store *s;
	int put, delete;
};

static int write_within(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct writer *w = ctx;

	w->put = lm_store_put(w->s, "t", key, key_len, value, len);
	w->delete = lm_store_delete(w->s, "t", key, key_len);
	return -ECANCELED;
}

static void test_each(void)
{
	struct folder d = folder_make();
	struct lm_store *s = open_store(&d, MIB);
	struct listing l = {.stop_after = 2};
	struct writer w = {.s = s};

	put(s, "t", "1", "a");
	put(s, "t", "2", "b");
	put(s, "t", "3", "c");
	CU_ASSERT_EQUAL(lm_store_each(s, "t", list_entry, &l), 7);
	CU_ASSERT_STRING_EQUAL(l.text, "1=a;2=b;");
	CU_ASSERT_EQUAL(lm_store_each(s, "t", write_within, &w), -ECANCELED);
	CU_ASSERT_EQUAL(w.put, -EDEADLK);
	CU_ASSERT_EQUAL(w.delete, -EDEADLK);
	CU_ASSERT_EQUAL(put(s, "t", "4", "d"), 0);
	CU_ASSERT_STRING_EQUAL(list(s, "t"), "1=a;2=b;3=c;4=d;");
	lm_store_close(s);
	folder_remove(&d);
}

static const char *list_prefix(struct lm_store *s, const char *prefix)
{
	static struct listing l;

	memset(&l, 0, sizeof l);
	CU_ASSERT_EQUAL(lm_store_each_prefix(s, "t", prefix, strlen(prefix), list_entry, &l), 0);
	return l.text;
}

static void test_prefix(void)
{
	struct folder d = folder_make();
	struct lm_store *s = open_store(&d, MIB);
	struct listing l = {.stop_after = 2};
	char key[LM_STORE_KEY_MAX + 1];

	CU_ASSERT_STRING_EQUAL(list_prefix(s, "a"), "");
	put(s, "t", "a", "0");
	put(s, "t", "b", "1");
	put(s, "t", "b2", "2");
	put(s, "t", "b1", "3");
	put(s, "t", "bb", "4");
	put(s, "t", "c", "5");
	CU_ASSERT_STRING_EQUAL(list_prefix(s, "b"), "b=1;b1=3;b2=2;bb=4;");
	CU_ASSERT_STRING_EQUAL(list_prefix(s, "b1"), "b1=3;");
	CU_ASSERT_STRING_EQUAL(list_prefix(s, "b0"), "");
	CU_ASSERT_STRING_EQUAL(list_prefix(s, "c"), "c=5;");
	CU_ASSERT_STRING_EQUAL(list_prefix(s, "d"), "");
	CU_ASSERT_EQUAL(lm_store_each_prefix(s, "t", "b", 1, list_entry, &l), 7);
	CU_ASSERT_STRING_EQUAL(l.text, "b=1;b1=3;");
	CU_ASSERT_EQUAL(lm_store_each_prefix(s, "t", "", 0, list_entry, &l), -EINVAL);
	CU_ASSERT_EQUAL(lm_store_each_prefix(s, "t", key, sizeof key, list_entry, &l), -EINVAL);
	lm_store_close(s);
	folder_remove(&d);
}

static int get_within(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct lm_store *s = ctx;
	char copy[8];

	(void)value, (void)len;
	CU_ASSERT_EQUAL(lm_store_get(s, "t", key, key_len, copy, sizeof copy), -EDEADLK);
	CU_ASSERT_EQUAL(lm_store_each(s, "t", get_within, s), -EDEADLK);
	return 0;
}

static void test_get(void)
{
	struct folder d = folder_make();
	struct lm_store *s = open_store(&d, MIB);
	char value[8] = "1234567";

	CU_ASSERT_EQUAL(lm_store_get(s, "t", "k", 1, value, sizeof value), -ENOENT);
	put(s, "t", "kk", "longer");
	CU_ASSERT_EQUAL(lm_store_get(s, "t", "k", 1, value, sizeof value), -ENOENT);
	CU_ASSERT_EQUAL(lm_store_get(s, "t", "kk", 2, value, 5), -EMSGSIZE);
	CU_ASSERT_STRING_EQUAL(value, "1234567");
	CU_ASSERT_EQUAL(lm_store_get(s, "t", "kk", 2, value, 6), 6);
	CU_ASSERT_STRING_EQUAL(value, "longer7");
	put(s, "t", "k", "");
	CU_ASSERT_EQUAL(lm_store_get(s, "t", "k", 1, value, 0), 0);
	CU_ASSERT_EQUAL(lm_store_get(s, "t", "", 0, value, sizeof value), -EINVAL);
	CU_ASSERT_EQUAL(lm_store_each(s, "t", get_within, s), 0);
	CU_ASSERT_EQUAL(put(s, "t", "k", "again"), 0);
	lm_store_close(s);
	folder_remove(&d);
}

static bool begins_with(void *ctx, const void *key, size_t key_len)
{
	return key_len > 0 && *(const char *)key == *(const char *)ctx;
}

static void test_sweep(void)
{
	struct folder d = folder_make();
	struct lm_store *s = open_store(&d, MIB);
	char a = 'a', z = 'z';

	CU_ASSERT_EQUAL(lm_store_sweep(s, "t", begins_with, &a), 0);
	put(s, "t", "a", "0");
	put(s, "t", "a1", "1");
	put(s, "t", "b", "2");
	put(s, "t", "a2", "3");
	put(s, "other", "a", "stays");
	CU_ASSERT_EQUAL(lm_store_sweep(s, "t", begins_with, &z), 0);
	CU_ASSERT_STRING_EQUAL(list(s, "t"), "a=0;a1=1;a2=3;b=2;");
	CU_ASSERT_EQUAL(lm_store_sweep(s, "t", begins_with, &a), 0);
	lm_store_close(s);
	s = open_store(&d, MIB);
	CU_ASSERT_STRING_EQUAL(list(s, "t"), "b=2;");
	CU_ASSERT_STRING_EQUAL(list(s, "other"), "a=stays;");
	lm_store_close(s);
	folder_remove(&d);
}

static void test_keys(void)
{
	struct folder d = folder_make();
	struct lm_store *s = open_store(&d, MIB);
	char key[LM_STORE_KEY_MAX + 1];
	unsigned seen = 0, logged = 0;

	memset(key, 'k', sizeof key);
	CU_ASSERT_EQUAL(lm_store_put(s, "t", key, 0, "v", 1), -EINVAL);
	CU_ASSERT_EQUAL(lm_store_put(s, "t", NULL, 4, "v", 1), -EINVAL);
	CU_ASSERT_EQUAL(lm_store_put(s, "t", key, sizeof key, "v", 1), -EINVAL);
	CU_ASSERT_EQUAL(lm_store_delete(s, "t", key, sizeof key), -EINVAL);
	CU_ASSERT_EQUAL(lm_store_put(s, "t", key, LM_STORE_KEY_MAX, "v", 1), 0);
	/* Binary keys. */
	CU_ASSERT_EQUAL(lm_store_put(s, "t", "\0\0", 2, "v", 1), 0);
	CU_ASSERT_EQUAL(lm_store_put(s, "t", "\0", 1, "v", 1), 0);
	CU_ASSERT_EQUAL(lm_store_each(s, "t", count_entry, &seen), 0);
	CU_ASSERT_EQUAL(seen, 3);
	lm_log_set_sink(ignore_line, &logged);
	CU_ASSERT_EQUAL(put(s, "", "k", "v"), -EINVAL);
	CU_ASSERT_EQUAL(put(s, "a table whose name is much too long", "k", "v"), -EINVAL);
	lm_log_set_sink(NULL, NULL);
	lm_store_close(s);
	folder_remove(&d);
}

static void test_tables(void)
{
	struct folder d = folder_make();
	struct lm_store *s = open_store(&d, MIB);
	unsigned logged = 0;
	char name[16];

	lm_log_set_sink(ignore_line, &logged);
	for (unsigned i = 0; i <= LM_STORE_TABLES_MAX; i++) {
		snprintf(name, sizeof name, "table-%u", i);
		CU_ASSERT_EQUAL(put(s, name, "k", name), i < LM_STORE_TABLES_MAX ? 0 : -ENOSPC);
	}
	lm_log_set_sink(NULL, NULL);
	CU_ASSERT_STRING_EQUAL(list(s, "table-0"), "k=table-0;");
	CU_ASSERT_STRING_EQUAL(list(s, "table-15"), "k=table-15;");
	lm_store_close(s);
	folder_remove(&d);
}

static void refused(const char *path, int expected)
{
	struct lm_store *s = NULL;
	struct lm_why why = {0};

	CU_ASSERT_EQUAL(lm_store_open(&s, path, MIB, &why), expected);
	CU_ASSERT_PTR_NULL(s);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, path));
}

static void test_refused(void)
{
	struct folder d = folder_make();
	char path[160];

	snprintf(path, sizeof path, "%s/missing/state", d.parent);
	refused(path, -ENOENT);
	refused("/dev/null", -ENOTDIR);

	/* Something else under our file's name. */
	CU_ASSERT_EQUAL(mkdir(d.path, 0700), 0);
	snprintf(path, sizeof path, "%s/data.mdb", d.path);
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (int i = 0; i < 2000; i++)
		fputs("not a store ", f);
	fclose(f);
	refused(d.path, -EIO);
	unlink(path);

	/* A directory that we may not write; root may write everywhere. */
	CU_ASSERT_EQUAL(chmod(d.parent, 0755), 0);
	CU_ASSERT_EQUAL(chmod(d.path, 0555), 0);
	bool root = geteuid() == 0;
	if (root)
		CU_ASSERT_EQUAL_FATAL(seteuid(65534), 0);
	refused(d.path, -EACCES);
	snprintf(path, sizeof path, "%s/another", d.parent);
	if (root) {
		refused(path, -EACCES);
		CU_ASSERT_EQUAL_FATAL(seteuid(0), 0);
	}
	CU_ASSERT_EQUAL(chmod(d.path, 0700), 0);
	folder_remove(&d);
}

static void count_warning(void *ctx, enum lm_log_level level, const char *line)
{
	unsigned *n = ctx;

	*n += level == LM_WARN && strstr(line, "data.mdb was empty") != NULL;
}

static void test_emptied(void)
{
	struct folder d = folder_make();
	unsigned warnings = 0;
	char path[128];

	lm_log_set_sink(count_warning, &warnings);
	lm_store_close(open_store(&d, MIB));
	lm_store_close(open_store(&d, MIB));
	CU_ASSERT_EQUAL(warnings, 0);
	snprintf(path, sizeof path, "%s/data.mdb", d.path);
	CU_ASSERT_EQUAL(truncate(path, 0), 0);
	lm_store_close(open_store(&d, MIB));
	CU_ASSERT_EQUAL(warnings, 1);
	lm_log_set_sink(NULL, NULL);
	folder_remove(&d);
}

static int open_errno(const char *dir, unsigned *entries)
{
	struct lm_store *s = NULL;
	struct lm_why why = {0};
	int ret = lm_store_open(&s, dir, MIB, &why);

	*entries = 0;
	if (ret == 0)
		CU_ASSERT_EQUAL(lm_store_each(s, "t", count_entry, entries), 0);
	if (ret < 0)
		CU_ASSERT_PTR_NOT_NULL(strstr(why.text, dir));
	lm_store_close(s);
	return ret;
}

static void write_file(const char *path, const uint8_t *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

/* However short the file has become: it is refused with a reason, or nothing in it was lost. */
static void test_cut_off(void)
{
	static uint8_t bytes[MIB];
	struct folder d = folder_make();
	struct lm_store *s = open_store(&d, MIB);
	char value[9000], path[128];
	unsigned entries, refusals = 0;

	memset(value, 'x', sizeof value);
	for (unsigned i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(lm_store_put(s, "t", &i, sizeof i, value, sizeof value), 0);
	lm_store_close(s);
	snprintf(path, sizeof path, "%s/data.mdb", d.path);
	FILE *f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	size_t len = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	CU_ASSERT(len > 200000);
	for (size_t cut = 1; cut < len; cut += cut < 8192 ? 1023 : 4096) {
		write_file(path, bytes, cut);
		int ret = open_errno(d.path, &entries);
		CU_ASSERT(ret == -EIO || (ret == 0 && entries == 20));
		refusals += ret == -EIO;
	}
	CU_ASSERT(refusals > 40);
	write_file(path, bytes, len);
	CU_ASSERT_EQUAL(open_errno(d.path, &entries), 0);
	CU_ASSERT_EQUAL(entries, 20);
	folder_remove(&d);
}

LM_SUITE("store", {"put_and_delete", test_put_and_delete}, {"batch", test_batch},
    {"reopen", test_reopen}, {"killed", test_killed}, {"bound", test_bound}, {"each", test_each},
    {"prefix", test_prefix}, {"get", test_get}, {"sweep", test_sweep}, {"keys", test_keys},
    {"tables", test_tables}, {"refused", test_refused}, {"emptied", test_emptied},
    {"cut_off", test_cut_off})
