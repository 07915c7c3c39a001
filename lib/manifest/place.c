/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "manifest/manifest.h"
#include "manifest/place.h"

#define PATH_TEXT_MAX 112 /* the deepest legal path, and long enough to find an illegal one */
#define FILE_TEXT_MAX 56

struct lm_place lm_place_key(
    const struct lm_place *map, const char *key, const struct lm_yaml_node *value)
{
	return (struct lm_place){
	    .up = map, .file = map->file, .why = map->why, .key = key, .node = value};
}

struct lm_place lm_place_item(
    const struct lm_place *list, unsigned index, const struct lm_yaml_node *item)
{
	return (struct lm_place){
	    .up = list, .file = list->file, .why = list->why, .index = index, .node = item};
}

/* ---- saying what is wrong ---- */

/* "members[1].egress" into out; returns the length so far. The document itself has no name. */
static size_t write_path(char *out, size_t size, const struct lm_place *p)
{
	if (!p->up) {
		out[0] = '\0';
		return 0;
	}
	size_t len = write_path(out, size, p->up);
	int n = p->key ? snprintf(out + len, size - len, "%s%s", len ? "." : "", p->key)
		       : snprintf(out + len, size - len, "[%u]", p->index);
	if (n < 0)
		return len;
	return (size_t)n < size - len ? len + (size_t)n : size - 1;
}

static int say(struct lm_why *why, int err, const char *file, unsigned line, unsigned column,
    const char *path, const char *fmt, va_list args)
{
	char reason[LM_WHY_MAX];
	vsnprintf(reason, sizeof(reason), fmt, args);
	/* The reason must fit, whatever the file is called: the end of a path says most. */
	size_t len = strlen(file);
	const char *cut = "";
	if (len > FILE_TEXT_MAX) {
		file += len - FILE_TEXT_MAX;
		cut = "...";
	}
	return lm_why(why, err, "%s%s:%u:%u: %s%s%s", cut, file, line, column, path,
	    path[0] ? ": " : "", reason);
}

int lm_why_at(struct lm_why *why, int err, const char *file, unsigned line, unsigned column,
    const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	err = say(why, err, file, line, column, "", fmt, args);
	va_end(args);
	return err;
}

int lm_place_error(const struct lm_place *p, int err, const char *fmt, ...)
{
	char path[PATH_TEXT_MAX];
	write_path(path, sizeof(path), p);
	va_list args;
	va_start(args, fmt);
	err = say(p->why, err, p->file, p->node->line, p->node->column, path, fmt, args);
	va_end(args);
	return err;
}

char *lm_quote(char out[LM_QUOTE_MAX], const char *text)
{
	const size_t room = LM_QUOTE_MAX - sizeof("''...");
	size_t n = 0;
	out[n++] = '\'';
	for (; *text && n <= room; text++)
		out[n++] = *text >= ' ' && *text <= '~' ? *text : '?';
	if (*text) {
		memcpy(out + n, "...", 3);
		n += 3;
	}
	out[n++] = '\'';
	out[n] = '\0';
	return out;
}

int lm_place_expected(const struct lm_place *p, const char *what)
{
	static const char *const kinds[] = {
	    [LM_YAML_SCALAR] = "a value", [LM_YAML_LIST] = "a list", [LM_YAML_MAP] = "a map"};
	const struct lm_yaml_node *n = p->node;
	if (n->kind != LM_YAML_SCALAR)
		return lm_place_error(p, EINVAL, "expected %s, found %s", what, kinds[n->kind]);
	if (n->plain && n->text[0] == '\0')
		return lm_place_error(p, EINVAL, "expected %s, found nothing", what);
	char found[LM_QUOTE_MAX];
	return lm_place_error(p, EINVAL, "expected %s, found %s", what, lm_quote(found, n->text));
}

/* ---- reading values ---- */

static int find_key(const struct lm_key_rule *keys, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(keys[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* At the key, but named after the map that should not have it. */
static int key_error(const struct lm_place *map, const struct lm_yaml_node *key, const char *what)
{
	struct lm_place at = *map;
	at.node = key;
	char name[LM_QUOTE_MAX];
	return lm_place_error(&at, EINVAL, "%s %s", what, lm_quote(name, key->text));
}

int lm_place_map(const struct lm_place *p, const struct lm_key_rule *keys, unsigned n,
    const struct lm_yaml_node **values)
{
	if (p->node->kind != LM_YAML_MAP)
		return lm_place_expected(p, "a map");
	memset(values, 0, n * sizeof(*values));
	for (const struct lm_yaml_node *v = p->node->first; v; v = v->next) {
		int i = find_key(keys, n, v->key->text);
		if (i < 0)
			return key_error(p, v->key, "unknown key");
		if (values[i])
			return key_error(p, v->key, "repeated key");
		values[i] = v;
	}
	for (unsigned i = 0; i < n; i++)
		if (keys[i].required && !values[i])
			return lm_place_error(p, EINVAL, "missing key '%s'", keys[i].name);
	return 0;
}

int lm_place_list(const struct lm_place *p, unsigned min, unsigned max)
{
	if (p->node->kind != LM_YAML_LIST)
		return lm_place_expected(p, "a list");
	if (p->node->count < min)
		return lm_place_error(p, EINVAL, "needs at least %u item", min);
	if (p->node->count > max)
		return lm_place_error(
		    p, E2BIG, "%u items, at most %u are allowed", p->node->count, max);
	return 0;
}

int lm_place_items(const struct lm_place *p, unsigned max, unsigned *n)
{
	bool is_list = p->node->kind == LM_YAML_LIST;
	*n = is_list ? p->node->count : 1;
	return is_list ? lm_place_list(p, 1, max) : 0;
}

bool lm_place_next(const struct lm_place *p, struct lm_place *item, unsigned i)
{
	bool is_list = p->node->kind == LM_YAML_LIST;
	if (!is_list) {
		*item = *p;
		return i == 0;
	}
	const struct lm_yaml_node *node = i == 0 ? p->node->first : item->node->next;
	*item = lm_place_item(p, i, node);
	return node;
}

int lm_place_bool(const struct lm_place *p, bool *out)
{
	const struct lm_yaml_node *n = p->node;
	bool yes = n->kind == LM_YAML_SCALAR && strcmp(n->text, "true") == 0;
	bool no = n->kind == LM_YAML_SCALAR && strcmp(n->text, "false") == 0;
	if (!(yes || no) || !n->plain)
		return lm_place_expected(p, "true or false without quotes");
	*out = yes;
	return 0;
}

const char *lm_place_text(const struct lm_place *p, const char *what)
{
	if (p->node->kind == LM_YAML_SCALAR && p->node->text[0] != '\0')
		return p->node->text;
	lm_place_expected(p, what);
	return NULL;
}

bool lm_parse_decimal(const char *text, size_t len, uint64_t *out)
{
	if (len == 0 || (len > 1 && text[0] == '0'))
		return false;
	uint64_t v = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)(unsigned char)text[i] - '0';
		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

int lm_place_number(const struct lm_place *p, uint64_t min, uint64_t max, uint64_t *out)
{
	const struct lm_yaml_node *n = p->node;
	uint64_t v;
	if (n->kind == LM_YAML_SCALAR && n->plain &&
	    lm_parse_decimal(n->text, strlen(n->text), &v) && v >= min && v <= max) {
		*out = v;
		return 0;
	}
	char what[96];
	snprintf(what, sizeof(what), "a number from %llu to %llu%s", (unsigned long long)min,
	    (unsigned long long)max,
	    n->kind == LM_YAML_SCALAR && !n->plain ? " without quotes" : "");
	return lm_place_expected(p, what);
}

static bool is_label(const char *text)
{
	size_t len = strlen(text);
	if (len == 0 || len > LM_NAME_MAX || text[0] == '-' || text[len - 1] == '-')
		return false;
	return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

int lm_place_label(const struct lm_place *p, char *out)
{
	static const char what[] =
	    "a name of at most 63 characters a-z, 0-9 and '-' (not first or last)";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	if (!is_label(text))
		return lm_place_expected(p, what);
	memcpy(out, text, strlen(text) + 1);
	return 0;
}
