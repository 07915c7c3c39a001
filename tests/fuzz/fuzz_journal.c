/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal's file of whatever content: it opens, what it holds is within the bounds,
 * and after that it keeps what is put, as if nothing had been.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "store/journal.h"

#define MAX_BYTES 4096
#define MUST(condition) \
	do { \
		if (!(condition)) \
			abort(); \
	} while (0)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void ignore(void *ctx, enum lm_log_level level, const char *line)
{
	(void)ctx, (void)level, (void)line;
}

static void remove_file(void)
{
	unlink(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	lm_log_set_sink(ignore, NULL);
	snprintf(path, sizeof(path), "/dev/shm/lm-fuzz-journal-%d", (int)getpid());
	atexit(remove_file);
	return 0;
}

static struct lm_journal *open_journal(void)
{
	struct lm_journal *j = NULL;
	struct lm_journal_info info;

	MUST(lm_journal_open(&j, path, MAX_BYTES, NULL) == 0);
	lm_journal_info(j, &info);
	MUST(!info.failed && info.bytes <= MAX_BYTES && info.bytes <= info.file_bytes);
	return j;
}

static bool count_value(void *ctx, const uint8_t *value, size_t len)
{
	MUST(len <= LM_JOURNAL_VALUE_MAX);
	*(uint64_t *)ctx += 1 + (len && value[len - 1] == 0xff);
	return len % 2;
}

struct walk {
	uint8_t groups[MAX_BYTES / LM_JOURNAL_GROUP_LEN][LM_JOURNAL_GROUP_LEN];
	unsigned n;
};

static bool note_group(void *ctx, const uint8_t *group)
{
	struct walk *w = ctx;

	memcpy(w->groups[w->n++], group, LM_JOURNAL_GROUP_LEN);
	return group[0] % 4;
}

static bool is_ours(void *ctx, const uint8_t *value, size_t len)
{
	*(bool *)ctx = len == 4 && memcmp(value, "ours", 4) == 0;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t group[LM_JOURNAL_GROUP_LEN] = "group", id[LM_JOURNAL_ID_LEN] = "id";
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct walk w = {.n = 0};
	uint64_t seen = 0;
	bool ours = false;

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	struct lm_journal *j = open_journal();
	lm_journal_groups(j, note_group, &w);
	for (unsigned i = 0; i < w.n; i++)
		lm_journal_each(j, w.groups[i], count_value, &seen);
	lm_journal_drop_group(j, group);
	for (unsigned i = 0; i < w.n; i++)
		lm_journal_drop_group(j, w.groups[i]);
	lm_journal_put(j, group, id, "ours", 4);
	lm_journal_flush(j);
	lm_journal_close(j);
	j = open_journal();
	lm_journal_each(j, group, is_ours, &ours);
	MUST(ours);
	lm_journal_close(j);
	return 0;
}
