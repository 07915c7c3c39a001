/* SPDX-License-Identifier: Apache-2.0 */
#include "config/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* "ports[1].role" of a setting: from the root down, hence recursive; scan.c bounds the depth. */
static size_t key_text(char *out, size_t size, const config_setting_t *s)
{
	const config_setting_t *parent = config_setting_parent(s);
	int n;

	out[0] = '\0';
	if (!parent)
		return 0;
	size_t at = key_text(out, size, parent);
	if (config_setting_name(s))
		n = snprintf(out + at, size - at, "%s%s", at ? "." : "", config_setting_name(s));
	else
		n = snprintf(out + at, size - at, "[%d]", config_setting_index(s));
	at += n > 0 ? (size_t)n : 0;
	return at < size ? at : size - 1;
}

/*
 * The line of a string inside an array is that of the token after it, as libconfig joins adjacent
 * strings first; the line of the array is right, and the index says the rest.
 */
static unsigned line_of(const config_setting_t *s)
{
	const config_setting_t *parent = config_setting_parent(s);

	if (parent && !config_setting_name(s) && !config_setting_is_aggregate(s))
		s = parent;
	return (unsigned)config_setting_source_line(s);
}

int lm_value_why(const struct lm_values *v, const config_setting_t *s, const char *fmt, ...)
{
	char key[80], reason[LM_WHY_MAX];
	unsigned line = line_of(s);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	key_text(key, sizeof(key), s);
	if (line == 0) /* the root: the whole file */
		return lm_why(
		    v->why, EINVAL, "%s: %s%s%s", v->src->name, key, key[0] ? ": " : "", reason);
	return lm_why(v->why, EINVAL, "%s:%u: %s: %s", v->src->name, line, key, reason);
}

int lm_value_bool(const struct lm_values *v, config_setting_t *s, bool *out)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		return lm_value_why(v, s, "must be true or false");
	*out = config_setting_get_bool(s) != 0;
	return 0;
}

int lm_value_uint(
    const struct lm_values *v, config_setting_t *s, uint64_t min, uint64_t max, uint64_t *out)
{
	long long n;

	if (config_setting_type(s) == CONFIG_TYPE_INT)
		n = config_setting_get_int(s);
	else if (config_setting_type(s) == CONFIG_TYPE_INT64)
		n = config_setting_get_int64(s);
	else
		return lm_value_why(v, s, "must be a whole number");
	if (config_setting_get_format(s) != CONFIG_FORMAT_DEFAULT)
		return lm_value_why(v, s, "must be a decimal number");
	if (n < 0 || (uint64_t)n < min || (uint64_t)n > max)
		return lm_value_why(v, s, "%lld is not within %" PRIu64 "..%" PRIu64, n, min, max);
	*out = (uint64_t)n;
	return 0;
}

int lm_value_string(
    const struct lm_values *v, config_setting_t *s, size_t min, size_t size, const char **out)
{
	if (config_setting_type(s) != CONFIG_TYPE_STRING)
		return lm_value_why(v, s, "must be a string");
	const char *text = config_setting_get_string(s);
	size_t len = text ? strlen(text) : 0;
	if (len < min)
		return lm_value_why(v, s, "must not be empty");
	if (len >= size)
		return lm_value_why(v, s, "longer than %zu characters", size - 1);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return lm_value_why(v, s, "contains a control character");
	*out = text ? text : "";
	return 0;
}

int lm_value_text(
    const struct lm_values *v, config_setting_t *s, size_t min, char *out, size_t size)
{
	const char *text;
	int r = lm_value_string(v, s, min, size, &text);

	if (r)
		return r;
	memset(out, 0, size);
	memcpy(out, text, strlen(text));
	return 0;
}

int lm_value_path(
    const struct lm_values *v, config_setting_t *s, size_t min, char *out, size_t size)
{
	const char *text;
	int r = lm_value_string(v, s, min, size, &text);

	if (r)
		return r;
	memset(out, 0, size);
	const char *slash = strrchr(v->path, '/');
	size_t dir = slash ? (size_t)(slash + 1 - v->path) : 0;
	if (text[0] == '/' || text[0] == '\0')
		dir = 0;
	if (dir + strlen(text) >= size)
		return lm_value_why(v, s, "longer than %zu characters with its folder", size - 1);
	memcpy(out, v->path, dir);
	memcpy(out + dir, text, strlen(text));
	return 0;
}

int lm_value_choice(const struct lm_values *v, config_setting_t *s, const char *const *names,
    unsigned n, unsigned *out)
{
	const char *text;
	char all[96] = "";
	int r = lm_value_string(v, s, 1, 64, &text);

	if (r)
		return r;
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = i;
			return 0;
		}
		size_t at = strlen(all);
		snprintf(all + at, sizeof(all) - at, "%s%s", i ? ", " : "", names[i]);
	}
	return lm_value_why(v, s, "\"%s\" is none of %s", text, all);
}

bool lm_is_label(const char *text, size_t len)
{
	if (len == 0 || len > 63 || text[0] == '-' || text[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') ||
			text[i] == '-'))
			return false;
	return true;
}

int lm_value_label(const struct lm_values *v, config_setting_t *s, char *out, size_t size)
{
	int r = lm_value_text(v, s, 1, out, size);

	if (!r && !lm_is_label(out, strlen(out)))
		r = lm_value_why(v, s, "\"%s\" is no name (a-z, 0-9 and inner hyphens)", out);
	return r;
}

int lm_value_group(const struct lm_values *v, config_setting_t *s, const char *const *keys)
{
	if (!config_setting_is_group(s))
		return lm_value_why(v, s, "must be a group { ... }");
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *m = config_setting_get_elem(s, (unsigned)i);
		const char *const *k = keys;

		while (*k && strcmp(*k, config_setting_name(m)) != 0)
			k++;
		if (!*k)
			return lm_value_why(v, m, "unknown key");
	}
	return 0;
}

config_setting_t *lm_value_member(
    const struct lm_values *v, config_setting_t *group, const char *name)
{
	config_setting_t *m = config_setting_get_member(group, name);

	if (!m) {
		char key[80];
		unsigned line = line_of(group);

		size_t at = key_text(key, sizeof(key), group);
		snprintf(key + at, sizeof(key) - at, "%s%s", at ? "." : "", name);
		if (line)
			lm_why(v->why, EINVAL, "%s:%u: %s: missing", v->src->name, line, key);
		else
			lm_why(v->why, EINVAL, "%s: %s: missing", v->src->name, key);
	}
	return m;
}

int lm_value_list(
    const struct lm_values *v, config_setting_t *s, unsigned min, unsigned max, unsigned *n)
{
	if (!config_setting_is_list(s) && !config_setting_is_array(s))
		return lm_value_why(v, s, "must be a list");
	int len = config_setting_length(s);
	if (len < 0 || (unsigned)len < min)
		return lm_value_why(v, s, "needs at least %u", min);
	if ((unsigned)len > max)
		return lm_value_why(v, s, "has %d entries, at most %u are possible", len, max);
	*n = (unsigned)len;
	return 0;
}
