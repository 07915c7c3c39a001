/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict subset of YAML that manifests are written in, as a tree: one
 * document of maps, lists and scalars. Anchors, aliases, tags, directives and
 * keys that are no scalars are refused, because they make a document mean
 * something else than it seems to say. Scalars are text; what a text means is
 * the schema's business (so `no` is not false and `010` is not eight).
 *
 * Private to lib/manifest. Depth and number of nodes are bounded.
 */
#ifndef LM_MANIFEST_TREE_H
#define LM_MANIFEST_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/why.h"

#define LM_YAML_DEPTH_MAX 8
#define LM_YAML_NODES_MAX (1u << 18)

enum lm_yaml_kind { LM_YAML_SCALAR, LM_YAML_LIST, LM_YAML_MAP };

struct lm_yaml_node {
	enum lm_yaml_kind kind;
	bool plain; /* a scalar without quotes */
	unsigned line, column; /* from 1 */
	const char *text; /* of a scalar, NUL terminated, no NUL inside */
	struct lm_yaml_node *key; /* if the parent is a map: the scalar that names this value */
	struct lm_yaml_node *first, *last, *next;
	unsigned count; /* of a list: its items; of a map: its values */
};

struct lm_yaml_tree;

/* -EINVAL or -E2BIG with "file:line:column: reason". */
int lm_yaml_parse(
    struct lm_yaml_tree **out, const char *file, const void *data, size_t len, struct lm_why *why);
void lm_yaml_free(struct lm_yaml_tree *tree);
const struct lm_yaml_node *lm_yaml_root(const struct lm_yaml_tree *tree);
/* The value of a map's key, or NULL. */
const struct lm_yaml_node *lm_yaml_get(const struct lm_yaml_node *map, const char *key);
/* The n-th item of a list, or NULL. Linear: for error messages. */
const struct lm_yaml_node *lm_yaml_nth(const struct lm_yaml_node *list, unsigned n);

#endif
