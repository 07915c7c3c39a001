/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notices that a store was lost, or is an old copy of what it was.
 *
 * Some promises must outlive everything: who has forgotten them must at least know that it has. So
 * a store has a random id and counts how often it was opened, for each owner (a public key) of its
 * own; and a small file, the mark, which lies where the owner's secret key does and not in the
 * store, says which id and count were the last. A store that does not know that id, or has counted
 * less, is not the one in which that owner has made its promises.
 *
 * The mark is one line of text: "leasemesh-store-v1 <owner> <id> <count>", or "lost", by which an
 * operator says that the key was used with a store that is not here: a key that was put back onto
 * another machine, a machine that was put back as a whole. Another owner's mark says nothing.
 * Control thread only.
 */
#ifndef LM_STORE_MARK_H
#define LM_STORE_MARK_H

#include <stdbool.h>
#include "store/store.h"

#define LM_MARK_OWNER_LEN 32

struct lm_mark {
	/*
	 * Promises of this owner were lost. So it stays, whatever the mark says later; with the
	 * store that is missed, put back as it was, it is as if nothing had happened.
	 */
	bool lost;
	bool news; /* it was noticed just now: what the store has of promises is void */
	bool foreign; /* the owner is new here, and others were before: so are their promises */
};

/*
 * After lm_store_open; changes nothing yet. A reason is given for lost as well: what was missed.
 * -EBADMSG: the mark is no such file, or the store's side of it is damaged; others: it cannot be
 * read. Then better not start.
 */
int lm_mark_check(struct lm_store *s, const char *path, const uint8_t owner[LM_MARK_OWNER_LEN],
    struct lm_mark *out, struct lm_why *why);
/*
 * If it is foreign, before the others' promises are thrown away: should one of those owners come
 * back, his are lost.
 */
int lm_mark_disown(struct lm_store *s, const uint8_t owner[LM_MARK_OWNER_LEN], struct lm_why *why);
/*
 * Counts and makes both sides agree: at each start after lm_mark_check, and at the end, so that a
 * copy from before is an old one. A lost store leaves the mark as it is, and is remembered to be
 * one. Fails before the file is touched (-EIO ...) or *unmarked says that the file could not be
 * written: then nobody will notice next time.
 */
int lm_mark_count(struct lm_store *s, const char *path, const uint8_t owner[LM_MARK_OWNER_LEN],
    const struct lm_mark *mark, bool *unmarked, struct lm_why *why);

#endif
