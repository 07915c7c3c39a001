/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed values out of a libconfig setting. Each reader returns 0, or -EINVAL
 * with "file:line: key: reason". Internal to lib/config.
 */
#ifndef LM_CONFIG_VALUE_H
#define LM_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config/source.h"

/* What every reader is given: which file this is, and where to say why. */
struct lm_values {
	const struct lm_source *src;
	const char *path; /* of the file, as opened: relative paths start at its folder */
	struct lm_why *why;
};

/* -EINVAL with "file:line: key: " in front; the key's path is taken from the setting. */
int lm_value_why(const struct lm_values *v, const config_setting_t *s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

int lm_value_bool(const struct lm_values *v, config_setting_t *s, bool *out);
int lm_value_uint(
    const struct lm_values *v, config_setting_t *s, uint64_t min, uint64_t max, uint64_t *out);
/* A string of min .. size - 1 printable characters; *out stays valid as long as the source. */
int lm_value_string(
    const struct lm_values *v, config_setting_t *s, size_t min, size_t size, const char **out);
/* Likewise, copied into out of size bytes; what follows the NUL is zero. */
int lm_value_text(
    const struct lm_values *v, config_setting_t *s, size_t min, char *out, size_t size);
/* A file name, relative to the folder of the configuration file. "" stays "" if min is 0. */
int lm_value_path(
    const struct lm_values *v, config_setting_t *s, size_t min, char *out, size_t size);
/* One of the names; *out is its index. */
int lm_value_choice(const struct lm_values *v, config_setting_t *s, const char *const *names,
    unsigned n, unsigned *out);
/* A lower-case DNS label of at most 63 characters (RFC 1035 section 2.3.1, RFC 1123 section 2.1).
 */
int lm_value_label(const struct lm_values *v, config_setting_t *s, char *out, size_t size);
bool lm_is_label(const char *text, size_t len);

/* s must be a group ({ }) and have no other keys than these (NULL ends the list). */
int lm_value_group(const struct lm_values *v, config_setting_t *s, const char *const *keys);
/* The member of a group, or NULL with "missing" said. */
config_setting_t *lm_value_member(
    const struct lm_values *v, config_setting_t *group, const char *name);
/* s must be a list ( ) or an array [ ]; how many elements it has is checked as well. */
int lm_value_list(
    const struct lm_values *v, config_setting_t *s, unsigned min, unsigned max, unsigned *n);

#endif
