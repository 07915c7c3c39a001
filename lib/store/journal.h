/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key-value store for what may be lost: one file that is only appended to, and
 * rewritten when most of it is outdated. Nothing is ever synced, so nobody waits
 * for a disk; what was flushed survives the process, not the machine's crash.
 *
 * LMDB without syncing would be less code, but after a crash its pages may be of
 * different ages, and it takes the process down when it meets one. Here each entry
 * bears a checksum and the file is read, never mapped: whatever is in it, what
 * holds together up to the first damage counts and the rest is thrown away.
 *
 * The keys are in memory (about 100 bytes each), the values are not. Control thread only.
 */
#ifndef LM_STORE_JOURNAL_H
#define LM_STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/why.h"

/* A key has two parts: all entries of a group can be visited and dropped together. */
#define LM_JOURNAL_GROUP_LEN 32
#define LM_JOURNAL_ID_LEN 16
#define LM_JOURNAL_VALUE_MAX 2048

struct lm_journal;

/*
 * Opens or makes the file (mode 0600). Whatever is damaged or foreign in it is thrown away with a
 * warning. max_bytes bounds what is kept; the files are at most about three times as large. The
 * caller keeps other processes out. An error names the file: it is none, or it cannot be opened.
 */
int lm_journal_open(
    struct lm_journal **out, const char *path, size_t max_bytes, struct lm_why *why);
void lm_journal_close(struct lm_journal *j); /* flushes; NULL is allowed */

/*
 * These cannot fail: what does not fit (counted), or comes after the disk has failed (logged once,
 * then the journal is empty and stays so), is not kept.
 */
void lm_journal_put(struct lm_journal *j, const uint8_t group[LM_JOURNAL_GROUP_LEN],
    const uint8_t id[LM_JOURNAL_ID_LEN], const void *value, size_t len);
void lm_journal_drop(struct lm_journal *j, const uint8_t group[LM_JOURNAL_GROUP_LEN],
    const uint8_t id[LM_JOURNAL_ID_LEN]);
void lm_journal_drop_group(struct lm_journal *j, const uint8_t group[LM_JOURNAL_GROUP_LEN]);

/*
 * Every entry of the group, in any order; dropped if keep returns false. The value is valid during
 * the call, in which the journal must not be touched.
 */
void lm_journal_each(struct lm_journal *j, const uint8_t group[LM_JOURNAL_GROUP_LEN],
    bool (*keep)(void *ctx, const uint8_t *value, size_t len), void *ctx);
/* Every group that has entries; likewise. */
void lm_journal_groups(struct lm_journal *j,
    bool (*keep)(void *ctx, const uint8_t group[LM_JOURNAL_GROUP_LEN]), void *ctx);

/* Hands what was collected to the system; call it once a turn. Cheap when there is nothing. */
void lm_journal_flush(struct lm_journal *j);

struct lm_journal_info {
	uint64_t entries;
	uint64_t bytes, file_bytes; /* of entries that count; of the file that is written to */
	uint64_t full; /* entries that were not kept for want of room */
	bool failed;
};
void lm_journal_info(const struct lm_journal *j, struct lm_journal_info *out);

#endif
