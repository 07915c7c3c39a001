/* SPDX-License-Identifier: Apache-2.0 */
#include "store/entry.h"

#include <errno.h>
#include <sodium.h>
#include "base/bytes.h"

#define CHECKSUM_LEN 16

static void checksum(uint8_t out[CHECKSUM_LEN], const uint8_t *bytes, size_t len)
{
	crypto_generichash(out, CHECKSUM_LEN, bytes, len, NULL, 0);
}

size_t lm_entry_write(uint8_t *out, const struct lm_entry *e)
{
	static const uint8_t no_id[LM_JOURNAL_ID_LEN];
	struct lm_writer w = lm_writer(out, LM_ENTRY_FIXED + e->len);

	lm_write_u8(&w, (uint8_t)e->op);
	lm_write_u16(&w, e->len);
	lm_write(&w, e->group, LM_JOURNAL_GROUP_LEN);
	lm_write(&w, e->id ? e->id : no_id, LM_JOURNAL_ID_LEN);
	lm_write(&w, e->value, e->len);
	checksum(w.at, out, lm_writer_len(&w));
	return lm_writer_len(&w) + CHECKSUM_LEN;
}

int lm_entry_read(struct lm_entry *e, const uint8_t *bytes, size_t len)
{
	struct lm_reader r = lm_reader(bytes, len);
	uint8_t sum[CHECKSUM_LEN];

	e->op = lm_read_u8(&r);
	e->len = lm_read_u16(&r);
	if (r.failed)
		return 0;
	if (e->op < LM_ENTRY_PUT || e->op > LM_ENTRY_DROP_GROUP || e->len > LM_JOURNAL_VALUE_MAX ||
	    (e->len && e->op != LM_ENTRY_PUT))
		return -EBADMSG;
	e->group = lm_read_ref(&r, LM_JOURNAL_GROUP_LEN);
	e->id = lm_read_ref(&r, LM_JOURNAL_ID_LEN);
	e->value = lm_read_ref(&r, e->len);
	const uint8_t *end = r.at, *theirs = lm_read_ref(&r, CHECKSUM_LEN);
	if (r.failed)
		return 0;
	checksum(sum, bytes, (size_t)(end - bytes));
	return memcmp(sum, theirs, CHECKSUM_LEN) == 0 ? (int)(r.at - bytes) : -EBADMSG;
}
