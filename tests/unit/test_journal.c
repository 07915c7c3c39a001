/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "store/journal.h"

#define MIB ((size_t)1024 * 1024)

static char folder[64], path[80], next_path[96];
static unsigned warnings, errors;

static void count_line(void *ctx, enum lm_log_level level, const char *line)
{
	(void)ctx, (void)line;
	warnings += level == LM_WARN;
	errors += level == LM_ERROR;
}

static void begin(void)
{
	strcpy(folder, "/tmp/lm-test-journal-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/ledger", folder);
	snprintf(next_path, sizeof(next_path), "%s.new", path);
	warnings = errors = 0;
	lm_log_set_sink(count_line, NULL);
}

static void end(void)
{
	lm_log_set_sink(NULL, NULL);
	unlink(path);
	unlink(next_path);
	CU_ASSERT_EQUAL(rmdir(folder), 0); /* nothing else is left there */
}

static struct lm_journal *open_journal(size_t max_bytes)
{
	struct lm_journal *j = NULL;
	struct lm_why why = {0};

	CU_ASSERT_EQUAL_FATAL(lm_journal_open(&j, path, max_bytes, &why), 0);
	CU_ASSERT_STRING_EQUAL(why.text, "");
	return j;
}

/* Groups and ids of these tests are one character, repeated. */
static const uint8_t *name(char c)
{
	static uint8_t names[128][LM_JOURNAL_GROUP_LEN];

	return memset(names[(unsigned)c], c, sizeof(names[0]));
}

static void put(struct lm_journal *j, char group, char id, const char *value)
{
	lm_journal_put(j, name(group), name(id), value, strlen(value));
}

struct listing {
	const char *drop; /* this value is of no use */
	unsigned n;
	char values[64][32];
};

static bool list_value(void *ctx, const uint8_t *value, size_t len)
{
	struct listing *l = ctx;

	snprintf(l->values[l->n++], sizeof(l->values[0]), "%.*s", (int)len, (const char *)value);
	return !l->drop || strcmp(l->values[l->n - 1], l->drop) != 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The values of a group, sorted: "a;b;". */
static const char *list(struct lm_journal *j, char group, const char *drop)
{
	static char text[512];
	struct listing l = {.drop = drop};

	lm_journal_each(j, name(group), list_value, &l);
	qsort(l.values, l.n, sizeof(l.values[0]), compare);
	text[0] = '\0';
	for (unsigned i = 0; i < l.n; i++)
		strcat(strcat(text, l.values[i]), ";");
	return text;
}

static void check_entries(const struct lm_journal *j, uint64_t expected)
{
	struct lm_journal_info info;

	lm_journal_info(j, &info);
	CU_ASSERT_EQUAL(info.entries, expected);
}

static void test_put_and_drop(void)
{
	begin();
	struct lm_journal *j = open_journal(MIB);
	struct stat st;

	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	CU_ASSERT_STRING_EQUAL(list(j, 'A', NULL), "");
	put(j, 'A', '1', "one");
	put(j, 'A', '2', "two");
	put(j, 'B', '1', "else");
	put(j, 'A', '1', "longer than before");
	for (int again = 0; again < 2; again++) {
		CU_ASSERT_STRING_EQUAL(list(j, 'A', NULL), "longer than before;two;");
		CU_ASSERT_STRING_EQUAL(list(j, 'B', NULL), "else;");
		check_entries(j, 3);
		lm_journal_close(j);
		j = open_journal(MIB);
	}
	lm_journal_drop(j, name('A'), name('2'));
	lm_journal_drop(j, name('A'), name('3')); /* is not there */
	put(j, 'A', '4', "");
	CU_ASSERT_STRING_EQUAL(list(j, 'A', "longer than before"), ";longer than before;");
	for (int again = 0; again < 2; again++) {
		CU_ASSERT_STRING_EQUAL(list(j, 'A', NULL), ";");
		CU_ASSERT_STRING_EQUAL(list(j, 'B', NULL), "else;");
		lm_journal_close(j);
		j = open_journal(MIB);
	}
	lm_journal_close(j);
	lm_journal_close(NULL);
	CU_ASSERT_EQUAL(warnings + errors, 0);
	end();
}

static bool is_b(void *ctx, const uint8_t *group)
{
	(*(unsigned *)ctx)++;
	return group[0] == 'B';
}

static void test_groups(void)
{
	begin();
	struct lm_journal *j = open_journal(MIB);
	unsigned seen = 0;

	put(j, 'A', '1', "a1");
	put(j, 'A', '2', "a2");
	put(j, 'B', '1', "b1");
	put(j, 'C', '1', "c1");
	lm_journal_drop_group(j, name('C'));
	lm_journal_drop_group(j, name('D'));
	check_entries(j, 3);
	lm_journal_groups(j, is_b, &seen);
	CU_ASSERT_EQUAL(seen, 2);
	for (int again = 0; again < 2; again++) {
		check_entries(j, 1);
		CU_ASSERT_STRING_EQUAL(list(j, 'A', NULL), "");
		CU_ASSERT_STRING_EQUAL(list(j, 'B', NULL), "b1;");
		lm_journal_close(j);
		j = open_journal(MIB);
	}
	lm_journal_close(j);
	end();
}

/* What was flushed survives a process that is killed. */
static void test_killed(void)
{
	begin();
	int flushed[2];
	char byte;

	CU_ASSERT_EQUAL_FATAL(pipe(flushed), 0);
	pid_t child = fork();
	CU_ASSERT_FATAL(child >= 0);
	if (child == 0) {
		struct lm_journal *j = open_journal(MIB);
		put(j, 'A', '1', "one");
		lm_journal_flush(j);
		put(j, 'A', '2', "two");
		if (write(flushed[1], "+", 1) == 1)
			pause();
		_exit(1);
	}
	CU_ASSERT_EQUAL(read(flushed[0], &byte, 1), 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(flushed[0]);
	close(flushed[1]);
	struct lm_journal *j = open_journal(MIB);
	CU_ASSERT_STRING_EQUAL(list(j, 'A', NULL), "one;");
	lm_journal_close(j);
	end();
}

/* ---- damage ---- */

static size_t read_file(uint8_t *out, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, out, size);

	CU_ASSERT_FATAL(n >= 0);
	close(fd);
	return (size_t)n;
}

static void write_file(const uint8_t *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CU_ASSERT_EQUAL_FATAL(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

/* What is left is a prefix of what was put, it is said, and it can be written again. */
static void check_mended(const char *what, size_t at, bool whole)
{
	static const char *const prefixes[] = {"", "one;", "one;two;", "one;three;two;"};
	unsigned said = warnings;
	struct lm_journal *j = open_journal(MIB);
	const char *left = list(j, 'A', NULL);
	bool good = false;

	for (unsigned i = 0; i < 4; i++)
		good = good || (strcmp(left, prefixes[i]) == 0 && (i == 3) == whole);
	if (!good)
		printf("\n  %s %zu: '%s' is left", what, at, left);
	CU_ASSERT(good);
	CU_ASSERT_EQUAL(warnings - said, !whole);
	put(j, 'B', '1', "again");
	lm_journal_close(j);
	said = warnings;
	j = open_journal(MIB);
	CU_ASSERT_STRING_EQUAL(list(j, 'B', NULL), "again;");
	CU_ASSERT_EQUAL(warnings, said);
	lm_journal_close(j);
}

static void test_damaged(void)
{
	begin();
	uint8_t bytes[1024];
	struct lm_journal *j = open_journal(MIB);

	put(j, 'A', '1', "one");
	put(j, 'A', '2', "two");
	put(j, 'A', '3', "three");
	lm_journal_close(j);
	size_t len = read_file(bytes, sizeof(bytes));
	for (size_t i = 0; i < len; i++) {
		bytes[i] ^= 0x10;
		write_file(bytes, len);
		check_mended("damaged at", i, false);
		bytes[i] ^= 0x10;
	}
	/* An end at an entry's end cannot be told from one entry less. */
	for (size_t i = 1; i < len; i++) {
		write_file(bytes, i);
		unsigned said = warnings;
		j = open_journal(MIB);
		lm_journal_close(j);
		if (warnings != said) {
			write_file(bytes, i);
			check_mended("cut off at", i, false);
		}
	}
	memset(bytes + len, 0, 100); /* a file system that lost what was written last */
	write_file(bytes, len + 100);
	j = open_journal(MIB);
	CU_ASSERT_STRING_EQUAL(list(j, 'A', NULL), "one;three;two;");
	lm_journal_close(j);
	CU_ASSERT_EQUAL(read_file(bytes, sizeof(bytes)), len);
	end();
}

static void refused(int expected)
{
	struct lm_journal *j = NULL;
	struct lm_why why = {0};

	CU_ASSERT_EQUAL(lm_journal_open(&j, path, MIB, &why), expected);
	CU_ASSERT_PTR_NULL(j);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, path));
}

static void test_refused(void)
{
	begin();
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	refused(-EISDIR);
	rmdir(path);
	CU_ASSERT_EQUAL(symlink("/tmp", path), 0);
	refused(-ELOOP);
	unlink(path);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	refused(-EINVAL);
	end();
}

/* ---- bounds ---- */

static uint64_t file_size(void)
{
	struct stat st;

	CU_ASSERT_EQUAL(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}

static void test_full(void)
{
	begin();
	struct lm_journal *j = open_journal(10000);
	struct lm_journal_info info;
	char value[901], too_long[LM_JOURNAL_VALUE_MAX + 1] = {0};

	memset(value, 'x', sizeof(value));
	value[900] = '\0';
	for (char id = 'a'; id < 'a' + 20; id++)
		put(j, 'A', id, value);
	lm_journal_info(j, &info);
	CU_ASSERT_EQUAL(info.entries, 10);
	CU_ASSERT_EQUAL(info.full, 10);
	CU_ASSERT(info.bytes <= 10000);
	CU_ASSERT_EQUAL(warnings, 10);
	/* In its place there is room; for a longer one there is none, and the old one is outdated.
	 */
	put(j, 'A', 'a', value);
	lm_journal_info(j, &info);
	CU_ASSERT_EQUAL(info.full, 10);
	lm_journal_put(j, name('A'), name('b'), too_long, LM_JOURNAL_VALUE_MAX);
	lm_journal_put(j, name('A'), name('c'), too_long, LM_JOURNAL_VALUE_MAX + 1);
	lm_journal_info(j, &info);
	CU_ASSERT_EQUAL(info.full, 12);
	CU_ASSERT_EQUAL(info.entries, 8);
	lm_journal_close(j);
	j = open_journal(10000);
	check_entries(j, 8);
	lm_journal_close(j);
	/* A smaller bound than last time: the first five fit, of which two were dropped later. */
	j = open_journal(5000);
	check_entries(j, 3);
	lm_journal_close(j);
	end();
}

static void put_number(struct lm_journal *j, unsigned key, unsigned number)
{
	uint8_t id[LM_JOURNAL_ID_LEN] = {0};
	char value[300];

	memcpy(id, &key, sizeof(key));
	memset(value, ' ', sizeof(value));
	snprintf(value, sizeof(value), "%u", number);
	lm_journal_put(j, name('A'), id, value, sizeof(value));
}

static bool add_number(void *ctx, const uint8_t *value, size_t len)
{
	(void)len;
	*(uint64_t *)ctx += strtoul((const char *)value, NULL, 10);
	return true;
}

static uint64_t sum_of(struct lm_journal *j)
{
	uint64_t sum = 0;

	lm_journal_each(j, name('A'), add_number, &sum);
	return sum;
}

/* In the middle of being rewritten everything is there: now, after a crash, and after damage. */
static void test_rewrite_in_steps(void)
{
	enum { N = 5000 };
	begin();
	struct lm_journal *j = open_journal(64 * MIB);
	unsigned round = 0, turns = 0, i = 0;
	uint64_t sum = 0;

	for (; access(next_path, F_OK) < 0; i = (i + 1) % N) {
		round += i == 0;
		put_number(j, i, round);
		lm_journal_flush(j);
	}
	/* It has just begun, in the middle of a round. */
	CU_ASSERT(round >= 3);
	sum = (uint64_t)i * round + (uint64_t)(N - i) * (round - 1);
	CU_ASSERT_EQUAL(sum_of(j), sum);
	lm_journal_flush(j);
	lm_journal_drop(j, name('A'), (const uint8_t[LM_JOURNAL_ID_LEN]){0});
	sum -= round;
	put_number(j, N - 1, 1000);
	sum += 1000 - (round - 1);
	CU_ASSERT_EQUAL(sum_of(j), sum);
	lm_journal_close(j); /* it takes the time to write the tail, not to rewrite */
	CU_ASSERT_EQUAL(access(next_path, F_OK), 0);
	j = open_journal(64 * MIB);
	CU_ASSERT_EQUAL(sum_of(j), sum);
	check_entries(j, N - 1);
	for (; access(next_path, F_OK) == 0; turns++)
		lm_journal_flush(j);
	CU_ASSERT(turns > 10 && turns < 30);
	for (int again = 0; again < 2; again++) {
		CU_ASSERT_EQUAL(sum_of(j), sum);
		check_entries(j, N - 1);
		lm_journal_close(j);
		j = open_journal(64 * MIB);
	}
	lm_journal_close(j);
	CU_ASSERT_EQUAL(warnings + errors, 0);

	/* What is next to it is no journal: everything is in the old one. */
	CU_ASSERT_EQUAL(symlink("/dev/null", next_path), 0);
	struct lm_why why = {0};
	CU_ASSERT_EQUAL(lm_journal_open(&j, path, MIB, &why), -ELOOP);
	unlink(next_path);
	int fd = open(next_path, O_WRONLY | O_CREAT, 0600);
	CU_ASSERT_EQUAL(write(fd, "no journal", 10), 10);
	close(fd);
	j = open_journal(64 * MIB);
	CU_ASSERT_EQUAL(warnings, 1);
	CU_ASSERT_EQUAL(sum_of(j), sum);
	put_number(j, N, 7);
	for (int again = 0; again < 2; again++) {
		lm_journal_close(j);
		j = open_journal(64 * MIB);
		CU_ASSERT_EQUAL(warnings, 1); /* it has been mended */
		CU_ASSERT_EQUAL(sum_of(j), sum + 7);
	}
	lm_journal_close(j);
	end();
}

/* The same entries again and again: the file stays small, and holds the last of each. */
static void test_rewrite(void)
{
	begin();
	struct lm_journal *j = open_journal(MIB);
	char value[64], expected[64];
	uint64_t largest = 0;

	put(j, 'B', '1', "stays");
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(value, sizeof(value), "%u", i);
		put(j, 'A', (char)('a' + i % 2), value);
		lm_journal_flush(j);
		if (i % 1000 == 0)
			largest = file_size() > largest ? file_size() : largest;
	}
	CU_ASSERT(largest > MIB / 2 && largest < MIB + 2048);
	snprintf(expected, sizeof(expected), "%u;%u;", 99998, 99999);
	for (int again = 0; again < 2; again++) {
		CU_ASSERT_STRING_EQUAL(list(j, 'A', NULL), expected);
		CU_ASSERT_STRING_EQUAL(list(j, 'B', NULL), "stays;");
		lm_journal_close(j);
		j = open_journal(MIB);
	}
	lm_journal_close(j);
	CU_ASSERT_EQUAL(warnings + errors, 0);
	end();
}

/* Larger than what is written at once. */
static void test_many(void)
{
	begin();
	struct lm_journal *j = open_journal(64 * MIB);
	uint8_t group[LM_JOURNAL_GROUP_LEN] = {0}, id[LM_JOURNAL_ID_LEN] = {0}, value[1000] = {0};
	struct lm_journal_info info;

	for (unsigned again = 0; again < 5; again++) {
		for (unsigned i = 0; i < 10000; i++) {
			memcpy(group, &(unsigned){i / 100}, sizeof(unsigned));
			memcpy(id, &i, sizeof(i));
			memcpy(value, &i, sizeof(i));
			lm_journal_put(j, group, id, value, 1 + i % sizeof(value));
		}
		lm_journal_flush(j);
	}
	for (int again = 0; again < 2; again++) {
		lm_journal_info(j, &info);
		CU_ASSERT_EQUAL(info.entries, 10000);
		CU_ASSERT(info.file_bytes <= 2 * info.bytes + 2 * MIB);
		CU_ASSERT_EQUAL(info.file_bytes, file_size());
		lm_journal_close(j);
		j = open_journal(64 * MIB);
	}
	lm_journal_close(j);
	CU_ASSERT_EQUAL(warnings + errors, 0);
	end();
}

/* A disk that takes no more (here: no larger file) costs the records, once said, and nothing else.
 */
static void test_disk_fails(void)
{
	begin();
	struct lm_journal *j = open_journal(MIB);
	struct rlimit old, small = {.rlim_cur = 5000};
	struct lm_journal_info info;

	put(j, 'A', '1', "one");
	lm_journal_flush(j);
	signal(SIGXFSZ, SIG_IGN);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (unsigned i = 0; i < 1000; i++)
		put(j, 'A', (char)('a' + i % 20), "two");
	lm_journal_flush(j);
	setrlimit(RLIMIT_FSIZE, &old);
	put(j, 'A', '2', "three");
	lm_journal_flush(j);
	CU_ASSERT_EQUAL(errors, 1);
	lm_journal_info(j, &info);
	CU_ASSERT(info.failed);
	CU_ASSERT_STRING_EQUAL(list(j, 'A', NULL), "");
	lm_journal_drop(j, name('A'), name('1'));
	lm_journal_drop_group(j, name('A'));
	lm_journal_close(j);
	j = open_journal(MIB); /* a new start: what got there */
	lm_journal_info(j, &info);
	CU_ASSERT(!info.failed && info.entries > 1);
	lm_journal_close(j);
	end();
}

LM_SUITE("journal", {"put_and_drop", test_put_and_drop}, {"groups", test_groups},
    {"killed", test_killed}, {"damaged", test_damaged}, {"refused", test_refused},
    {"full", test_full}, {"rewrite", test_rewrite}, {"rewrite_in_steps", test_rewrite_in_steps},
    {"many", test_many}, {"disk_fails", test_disk_fails})
