/* SPDX-License-Identifier: Apache-2.0 */
/* Whether LMDB can read a store's file at all, found out where it costs nobody's life. */
#ifndef LM_STORE_CHECK_H
#define LM_STORE_CHECK_H

#include <stddef.h>
#include "base/why.h"

/*
 * LMDB maps its file and trusts every page in it: where the file was cut off reading is SIGBUS,
 * and where it is damaged whatever the bytes lead to. So a child process reads all of it first.
 * -EIO: it did not come through; the reason names the file. 0: it did, or there is no file.
 */
int lm_store_check(const char *dir, size_t map_bytes, struct lm_why *why);

#endif
