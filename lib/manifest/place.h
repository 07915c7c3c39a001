/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place in a document: a node and the keys that lead to it, so that whatever
 * reads a value can say where it is wrong: "shop.yaml:12:7: members[1].deployment:
 * expected a number ...". Places are made on the way down and live on the stack.
 *
 * The readers below take the value at a place or refuse it with a reason.
 * Private to lib/manifest.
 */
#ifndef LM_MANIFEST_PLACE_H
#define LM_MANIFEST_PLACE_H

#include <stdint.h>
#include "base/why.h"
#include "manifest/tree.h"

struct lm_place {
	const struct lm_place *up; /* NULL: the document */
	const char *file;
	struct lm_why *why;
	const char *key; /* in a map; else NULL */
	unsigned index; /* in a list */
	const struct lm_yaml_node *node;
};

/* One key of a map's schema. */
struct lm_key_rule {
	const char *name;
	bool required;
};

struct lm_place lm_place_key(
    const struct lm_place *map, const char *key, const struct lm_yaml_node *value);
struct lm_place lm_place_item(
    const struct lm_place *list, unsigned index, const struct lm_yaml_node *item);

/* "file:line:column: reason" / "file:line:column: key path: reason". Return -err. */
int lm_why_at(struct lm_why *why, int err, const char *file, unsigned line, unsigned column,
    const char *fmt, ...) __attribute__((format(printf, 6, 7)));
int lm_place_error(const struct lm_place *p, int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The usual one: -EINVAL, "expected <what>, found <the value>". */
int lm_place_expected(const struct lm_place *p, const char *what);

/*
 * A map with exactly the keys of the schema: values[i] is the value of keys[i], NULL if an optional
 * one is absent. n at most 32.
 */
int lm_place_map(const struct lm_place *p, const struct lm_key_rule *keys, unsigned n,
    const struct lm_yaml_node **values);
/* A list of min to max items; beyond: -E2BIG. */
int lm_place_list(const struct lm_place *p, unsigned min, unsigned max);
/*
 * The same, where one item may stand alone in place of a list of one. Then:
 *   for (unsigned i = 0; lm_place_next(p, &item, i); i++)
 */
int lm_place_items(const struct lm_place *p, unsigned max, unsigned *n);
bool lm_place_next(const struct lm_place *p, struct lm_place *item, unsigned i);
/* 'true' or 'false', not quoted. */
int lm_place_bool(const struct lm_place *p, bool *out);
/* A scalar's text, or NULL after saying that `what` was expected. */
const char *lm_place_text(const struct lm_place *p, const char *what);
/* A decimal number, not quoted, without sign or leading zero. */
int lm_place_number(const struct lm_place *p, uint64_t min, uint64_t max, uint64_t *out);
/* A DNS label in lower case; out holds LM_NAME_MAX + 1. */
int lm_place_label(const struct lm_place *p, char *out);

/* Decimal digits without a leading zero, the whole text; false if it is none or beyond 64 bits. */
bool lm_parse_decimal(const char *text, size_t len, uint64_t *out);

#define LM_QUOTE_MAX 48
/* Untrusted text for a message: in quotes, cut, printable ASCII. Returns out. */
char *lm_quote(char out[LM_QUOTE_MAX], const char *text);

#endif
