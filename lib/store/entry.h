/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a journal's file consists of: a magic, then entries. Integers are big endian.
 *
 *   op (1) || length of the value (2) || group (32) || id (16) || value || checksum (16)
 *
 * The checksum is BLAKE2b-128 over all before it, and finds damage, not malice.
 */
#ifndef LM_STORE_ENTRY_H
#define LM_STORE_ENTRY_H

#include "store/journal.h"

#define LM_ENTRY_MAGIC "LMJRNL1\n"
#define LM_ENTRY_MAGIC_LEN 8
#define LM_ENTRY_FIXED (1 + 2 + LM_JOURNAL_GROUP_LEN + LM_JOURNAL_ID_LEN + 16)
#define LM_ENTRY_MAX (LM_ENTRY_FIXED + LM_JOURNAL_VALUE_MAX)

enum lm_entry_op { LM_ENTRY_PUT = 1, LM_ENTRY_DROP, LM_ENTRY_DROP_GROUP };

struct lm_entry {
	enum lm_entry_op op;
	const uint8_t *group, *id; /* id: not of LM_ENTRY_DROP_GROUP; zeros when written */
	const uint8_t *value;
	uint16_t len; /* of the value; 0 unless LM_ENTRY_PUT */
};

/* Into LM_ENTRY_FIXED + len bytes; returns how many. */
size_t lm_entry_write(uint8_t *out, const struct lm_entry *e);
/* Points into the bytes. Returns how many it took, 0: they end before it does, or -EBADMSG. */
int lm_entry_read(struct lm_entry *e, const uint8_t *bytes, size_t len);

#endif
