/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One configuration file, read whole and parsed by libconfig, after a check of
 * its text for what libconfig would swallow: unterminated strings and comments,
 * NUL bytes, numbers that it would wrap, keys given twice (it does not say which),
 * @include, nesting without end. Internal to lib/config.
 */
#ifndef LM_CONFIG_SOURCE_H
#define LM_CONFIG_SOURCE_H

#include <stddef.h>
#include <libconfig.h>
#include "base/why.h"

struct lm_source {
	char name[112]; /* of the file, for messages; shortened from the left */
	config_t config;
};

/* -EINVAL, -E2BIG, -ENOENT ... with the reason. Never follows into a device, a FIFO or a folder. */
int lm_source_open(struct lm_source *out, const char *path, size_t max_bytes, struct lm_why *why);
/* Likewise from memory; text need not be NUL terminated. */
int lm_source_parse(
    struct lm_source *out, const char *path, const char *text, size_t len, struct lm_why *why);
void lm_source_close(struct lm_source *src);

/* path as messages show it: at most size - 1 characters, the end of it if it is longer. */
void lm_source_name(char *out, size_t size, const char *path);

/* The checks of text that come before libconfig (scan.c). text[len] is readable. */
int lm_source_scan(const char *name, const char *text, size_t len, struct lm_why *why);

#endif
