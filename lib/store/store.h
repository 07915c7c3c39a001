/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durable key-value store over LMDB: one environment a gateway. Every put and
 * delete is synced to disk before it returns. Control thread only.
 */
#ifndef LM_STORE_STORE_H
#define LM_STORE_STORE_H

#include <stddef.h>
#include <stdint.h>
#include "base/why.h"

struct lm_store;

#define LM_STORE_KEY_MAX 128

/* Opens or makes the directory (mode 0700). max_bytes bounds the file. */
int lm_store_open(struct lm_store **out, const char *dir, size_t max_bytes, struct lm_why *why);
void lm_store_close(struct lm_store *s);

/* table: a short constant name ("manifest"). -ENOSPC when the bound is reached, -EIO ... */
int lm_store_put(struct lm_store *s, const char *table, const void *key, size_t key_len,
    const void *value, size_t len);
int lm_store_delete(struct lm_store *s, const char *table, const void *key, size_t key_len); /* -ENOENT */
/* Calls each for every entry in key order; stops at and returns its first non-zero result. */
int lm_store_each(struct lm_store *s, const char *table,
    int (*each)(void *ctx, const void *key, size_t key_len, const void *value, size_t len),
    void *ctx);

#endif
