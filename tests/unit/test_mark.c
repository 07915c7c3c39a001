/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "store/mark.h"

#define MIB ((size_t)1024 * 1024)

static const uint8_t owner[LM_MARK_OWNER_LEN] = "the gateway's public key";
static const uint8_t other[LM_MARK_OWNER_LEN] = "another one, in the same file";

/* A folder with a mark and some stores in it. */
struct host {
	char dir[64], mark[96];
};

static struct host host_make(void)
{
	struct host h;

	strcpy(h.dir, "/tmp/lm-test-mark-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(h.dir));
	snprintf(h.mark, sizeof h.mark, "%s/key.store", h.dir);
	return h;
}

static void run(const char *fmt, const char *a, const char *b)
{
	char command[256];

	snprintf(command, sizeof command, fmt, a, b);
	CU_ASSERT_EQUAL(system(command), 0);
}

static void host_remove(const struct host *h)
{
	run("rm -rf %s%s", h->dir, "");
}

static void mark_write(const struct host *h, const char *text)
{
	FILE *f = fopen(h->mark, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

/* One start of a gateway: what it is told of its store. times: how often it counts. */
static struct lm_mark start_as(
    const struct host *h, const char *store, const uint8_t *who, unsigned times)
{
	struct lm_store *s = NULL;
	struct lm_mark mark = {0};
	struct lm_why why = {0};
	bool unmarked = true;
	char path[96];

	snprintf(path, sizeof path, "%s/%s", h->dir, store);
	CU_ASSERT_EQUAL_FATAL(lm_store_open(&s, path, MIB, &why), 0);
	CU_ASSERT_EQUAL(lm_mark_check(s, h->mark, who, &mark, &why), 0);
	CU_ASSERT_EQUAL(mark.lost, why.text[0] != '\0');
	if (mark.foreign)
		CU_ASSERT_EQUAL(lm_mark_disown(s, who, &why), 0);
	while (times-- > 0) {
		CU_ASSERT_EQUAL(lm_mark_count(s, h->mark, who, &mark, &unmarked, &why), 0);
		CU_ASSERT_FALSE(unmarked);
	}
	lm_store_close(s);
	return mark;
}

static bool kept(const struct host *h, const char *store)
{
	struct lm_mark mark = start_as(h, store, owner, 2);

	return !mark.lost && !mark.news;
}

/* Noticed now, and from then on known. */
static bool lost(const struct host *h, const char *store)
{
	struct lm_mark first = start_as(h, store, owner, 2), second = start_as(h, store, owner, 2);

	return first.lost && first.news && second.lost && !second.news;
}

static void test_kept(void)
{
	struct host h = host_make();
	struct stat st;

	for (int i = 0; i < 3; i++)
		CU_ASSERT_TRUE(kept(&h, "a"));
	CU_ASSERT_EQUAL(stat(h.mark, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	/* Folders and files may have other names, and the mark may never have been there. */
	run("mv %s/a %s/b", h.dir, h.dir);
	CU_ASSERT_TRUE(kept(&h, "b"));
	unlink(h.mark);
	CU_ASSERT_TRUE(kept(&h, "b"));
	/* A crash between the two sides. */
	run("cp %s %s.before", h.mark, h.mark);
	CU_ASSERT_TRUE(kept(&h, "b"));
	run("mv %s.before %s", h.mark, h.mark);
	CU_ASSERT_TRUE(kept(&h, "b"));
	host_remove(&h);
}

static void test_lost(void)
{
	struct host h = host_make();

	CU_ASSERT_TRUE(kept(&h, "a"));
	CU_ASSERT_TRUE(lost(&h, "empty"));
	/* Where it was is where it is found again, as if it had not been missed. */
	CU_ASSERT_TRUE(kept(&h, "a"));
	/* What is lost stays so, whatever becomes of the mark. */
	unlink(h.mark);
	CU_ASSERT_TRUE(start_as(&h, "empty", owner, 1).lost);
	host_remove(&h);
}

static void test_another(void)
{
	struct host h = host_make();

	CU_ASSERT_TRUE(kept(&h, "a"));
	unlink(h.mark);
	CU_ASSERT_TRUE(kept(&h, "b")); /* it has no way of knowing */
	CU_ASSERT_TRUE(lost(&h, "a")); /* but here it has */
	CU_ASSERT_TRUE(kept(&h, "b"));
	host_remove(&h);
}

static void test_old_copy(void)
{
	struct host h = host_make();

	CU_ASSERT_TRUE(kept(&h, "a"));
	run("cp -r %s/a %s/copy", h.dir, h.dir);
	run("cp -r %s/a %s/later", h.dir, h.dir);
	CU_ASSERT_TRUE(kept(&h, "copy")); /* nothing has happened since */
	CU_ASSERT_TRUE(lost(&h, "a"));
	CU_ASSERT_TRUE(lost(&h, "later"));
	CU_ASSERT_TRUE(kept(&h, "copy"));
	host_remove(&h);
}

/* Copied while the gateway ran: when it has ended, that is an old one. */
static void test_copied_in_use(void)
{
	struct host h = host_make();

	start_as(&h, "a", owner, 1);
	run("cp -r %s/a %s/copy", h.dir, h.dir);
	start_as(&h, "a", owner, 1);
	CU_ASSERT_TRUE(lost(&h, "copy"));
	host_remove(&h);
}

static void test_owners(void)
{
	static const uint8_t third[LM_MARK_OWNER_LEN] = "a third one";
	struct host h = host_make();
	struct lm_mark mark;

	mark = start_as(&h, "a", owner, 2);
	CU_ASSERT_FALSE(mark.lost || mark.foreign);
	/* A new key has promised nothing, wherever it is used. */
	mark = start_as(&h, "a", other, 2);
	CU_ASSERT(!mark.lost && mark.foreign);
	mark = start_as(&h, "a", other, 2);
	CU_ASSERT_FALSE(mark.lost || mark.foreign);
	mark = start_as(&h, "a", third, 2);
	CU_ASSERT(!mark.lost && mark.foreign);
	/* What the others have promised had to go, and the mark that would have said so as well. */
	CU_ASSERT_TRUE(start_as(&h, "a", owner, 1).lost);
	CU_ASSERT_TRUE(start_as(&h, "a", other, 1).lost);
	CU_ASSERT_FALSE(start_as(&h, "a", third, 1).lost);
	/* Elsewhere it is missed. */
	CU_ASSERT_TRUE(start_as(&h, "b", third, 1).lost);
	host_remove(&h);
}

static void test_written(void)
{
	static const char *const bad[] = {"", "\n", "found\n", "lost again\n", "lost\nlost\n",
	    "leasemesh-store-v1 00 00 1\n",
	    "leasemesh-store-v1 "
	    "00000000000000000000000000000000000000000000000000000000000000000 "
	    "00000000000000000000000000000000 1\n",
	    "leasemesh-store-v1 "
	    "0000000000000000000000000000000000000000000000000000000000000000 "
	    "00000000000000000000000000000000 -1\n",
	    "leasemesh-store-v2 "
	    "0000000000000000000000000000000000000000000000000000000000000000 "
	    "00000000000000000000000000000000 1\n"};
	struct host h = host_make();
	struct lm_store *s = NULL;
	struct lm_mark mark;
	char path[96];

	mark_write(&h, "lost\n");
	CU_ASSERT_TRUE(lost(&h, "a"));
	CU_ASSERT_TRUE(kept(&h, "b") == false);
	mark_write(&h, "lost");
	CU_ASSERT_TRUE(lost(&h, "c"));
	snprintf(path, sizeof path, "%s/d", h.dir);
	CU_ASSERT_EQUAL_FATAL(lm_store_open(&s, path, MIB, NULL), 0);
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct lm_why why = {0};
		mark_write(&h, bad[i]);
		CU_ASSERT_EQUAL(lm_mark_check(s, h.mark, owner, &mark, &why), -EBADMSG);
		CU_ASSERT_PTR_NOT_NULL(strstr(why.text, h.mark));
	}
	unlink(h.mark);
	mkdir(h.mark, 0700);
	CU_ASSERT_EQUAL(lm_mark_check(s, h.mark, owner, &mark, NULL), -EISDIR);
	rmdir(h.mark);
	CU_ASSERT_EQUAL(lm_store_put(s, "mark", owner, sizeof owner, "?", 1), 0);
	CU_ASSERT_EQUAL(lm_mark_check(s, h.mark, owner, &mark, NULL), -EBADMSG);
	lm_store_close(s);
	host_remove(&h);
}

static void test_unmarked(void)
{
	struct host h = host_make();
	struct lm_store *s = NULL;
	struct lm_mark mark;
	struct lm_why why = {0};
	bool unmarked = false;
	char path[96], missing[96];

	snprintf(path, sizeof path, "%s/a", h.dir);
	snprintf(missing, sizeof missing, "%s/no/key.store", h.dir);
	CU_ASSERT_EQUAL_FATAL(lm_store_open(&s, path, MIB, NULL), 0);
	CU_ASSERT_EQUAL(lm_mark_check(s, missing, owner, &mark, NULL), 0);
	CU_ASSERT_EQUAL(lm_mark_count(s, missing, owner, &mark, &unmarked, &why), 0);
	CU_ASSERT_TRUE(unmarked);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, missing));
	lm_store_close(s);
	host_remove(&h);
}

LM_SUITE("mark", {"kept", test_kept}, {"lost", test_lost}, {"another", test_another},
    {"old_copy", test_old_copy}, {"copied_in_use", test_copied_in_use}, {"owners", test_owners},
    {"written", test_written}, {"unmarked", test_unmarked})
