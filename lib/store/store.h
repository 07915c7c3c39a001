/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durable key-value store over LMDB: one environment a gateway. Every put and
 * delete is synced to disk before it returns, and is done wholly or not at all,
 * whatever happens to the machine meanwhile. Control thread only.
 */
#ifndef LM_STORE_STORE_H
#define LM_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/why.h"

struct lm_store;

#define LM_STORE_KEY_MAX 128
#define LM_STORE_TABLES_MAX 16

/*
 * Opens or makes the directory (mode 0700; its parent must exist). max_bytes bounds the file.
 * It forks: a child reads all of it first, so call it before memory is given to devices.
 * -EBUSY if another process has it open, -EIO if what is there was cut off or is damaged. A failure
 * names the directory.
 */
int lm_store_open(struct lm_store **out, const char *dir, size_t max_bytes, struct lm_why *why);
void lm_store_close(struct lm_store *s); /* NULL is allowed */

/*
 * table: a short constant name ("manifest"). -EINVAL: an empty or too long key. -ENOSPC: the bound
 * or the disk is full, what was there before stays; deleting still works. -EIO and others: as the
 * system said, logged.
 */
int lm_store_put(struct lm_store *s, const char *table, const void *key, size_t key_len,
    const void *value, size_t len);
int lm_store_delete(
    struct lm_store *s, const char *table, const void *key, size_t key_len); /* -ENOENT */
/* Deletes all for which is_void, in one step: all of them or none. is_void calls nothing here. */
int lm_store_sweep(struct lm_store *s, const char *table,
    bool (*is_void)(void *ctx, const void *key, size_t key_len), void *ctx);
/* Copies a value, and returns its length. -ENOENT, -EMSGSIZE: it is longer than size. */
ssize_t lm_store_get(struct lm_store *s, const char *table, const void *key, size_t key_len,
    void *value, size_t size);

typedef int lm_store_each_fn(
    void *ctx, const void *key, size_t key_len, const void *value, size_t len);
/*
 * From begin to commit puts and deletes, all of one table, are one transaction, and synced once:
 * done when commit returns 0, and none of them otherwise. Nothing else may be asked meanwhile.
 */
void lm_store_begin(struct lm_store *s);
int lm_store_commit(struct lm_store *s);
/*
 * Calls each for every entry in key order (bytewise; a prefix comes first); stops at and returns
 * its first non-zero result. key and value are the store's, valid during the call. each must not
 * call the store again: -EDEADLK.
 */
int lm_store_each(struct lm_store *s, const char *table, lm_store_each_fn *each, void *ctx);
/* Likewise for the entries whose keys begin so: it costs what they are, whatever else is there. */
int lm_store_each_prefix(struct lm_store *s, const char *table, const void *prefix,
    size_t prefix_len, lm_store_each_fn *each, void *ctx);

#endif
