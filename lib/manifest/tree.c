/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "manifest/arena.h"
#include "manifest/place.h"
#include "manifest/tree.h"

struct lm_yaml_tree {
	struct lm_arena arena;
	struct lm_yaml_node *root;
	unsigned nodes;
};

/* A list or map whose end has not been seen. */
struct open_node {
	struct lm_yaml_node *node;
	struct lm_yaml_node *key; /* of a map: read, but its value not yet */
};

struct builder {
	struct lm_yaml_tree *tree;
	const char *file;
	struct lm_why *why;
	struct open_node open[LM_YAML_DEPTH_MAX];
	unsigned depth;
};

static int refuse(const struct builder *b, const yaml_mark_t *mark, int err, const char *reason)
{
	return lm_why_at(b->why, err, b->file, (unsigned)mark->line + 1, (unsigned)mark->column + 1,
	    "%s", reason);
}

/* ---- building the tree ---- */

static int new_node(
    struct builder *b, const yaml_event_t *event, enum lm_yaml_kind kind, struct lm_yaml_node **out)
{
	if (b->tree->nodes >= LM_YAML_NODES_MAX)
		return refuse(b, &event->start_mark, E2BIG, "too many values in one document");
	struct lm_yaml_node *n = lm_arena_alloc(&b->tree->arena, sizeof(*n));
	if (!n)
		return -ENOMEM;
	b->tree->nodes++;
	n->kind = kind;
	n->line = (unsigned)event->start_mark.line + 1;
	n->column = (unsigned)event->start_mark.column + 1;
	*out = n;
	return 0;
}

static void append(struct lm_yaml_node *parent, struct lm_yaml_node *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->count++;
}

static int attach(struct builder *b, const yaml_event_t *event, struct lm_yaml_node *n)
{
	if (b->depth == 0) {
		b->tree->root = n;
		return 0;
	}
	struct open_node *parent = &b->open[b->depth - 1];
	if (parent->node->kind == LM_YAML_MAP) {
		if (!parent->key) {
			if (n->kind != LM_YAML_SCALAR)
				return refuse(
				    b, &event->start_mark, EINVAL, "a key must be a plain word");
			parent->key = n;
			return 0;
		}
		n->key = parent->key;
		parent->key = NULL;
	}
	append(parent->node, n);
	return 0;
}

static int on_scalar(struct builder *b, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	if (memchr(value, '\0', len))
		return refuse(b, &event->start_mark, EINVAL, "a text with a NUL character");
	struct lm_yaml_node *n = NULL;
	int err = new_node(b, event, LM_YAML_SCALAR, &n);
	if (err < 0)
		return err;
	char *text = lm_arena_alloc(&b->tree->arena, len + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, value, len);
	n->text = text;
	n->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return attach(b, event, n);
}

static int on_start(struct builder *b, const yaml_event_t *event, enum lm_yaml_kind kind)
{
	if (b->depth == LM_YAML_DEPTH_MAX)
		return refuse(b, &event->start_mark, E2BIG, "lists and maps nested too deeply");
	struct lm_yaml_node *n = NULL;
	int err = new_node(b, event, kind, &n);
	if (err < 0)
		return err;
	err = attach(b, event, n);
	if (err < 0)
		return err;
	b->open[b->depth++] = (struct open_node){.node = n};
	return 0;
}

/* ---- what is not allowed ---- */

static bool has_anchor_or_tag(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor || event->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor || event->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor || event->data.mapping_start.tag;
	default:
		return false;
	}
}

static int on_document(struct builder *b, const yaml_event_t *event)
{
	return b->tree->root ? refuse(b, &event->start_mark, EINVAL, "a second document") : 0;
}

static int on_event(struct builder *b, const yaml_event_t *event)
{
	if (has_anchor_or_tag(event))
		return refuse(
		    b, &event->start_mark, EINVAL, "YAML anchors and tags are not allowed");
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(b, event);
	case YAML_ALIAS_EVENT:
		return refuse(b, &event->start_mark, EINVAL, "YAML aliases are not allowed");
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(b, event, LM_YAML_LIST);
	case YAML_MAPPING_START_EVENT:
		return on_start(b, event, LM_YAML_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return 0;
	default:
		return 0;
	}
}

/* ---- libyaml ---- */

/* Does a line begin at this offset, by any of the line breaks that YAML 1.1 knows? */
static bool begins_line(const uint8_t *data, size_t i)
{
	static const char *const breaks[] = {
	    "\n", "\r", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
	for (size_t k = 0; k < sizeof(breaks) / sizeof(breaks[0]); k++) {
		size_t len = strlen(breaks[k]);
		if (i >= len && memcmp(data + i - len, breaks[k], len) == 0)
			return true;
	}
	return i == 0;
}

/* The first directive's offset, or len. */
static size_t find_directive(const uint8_t *data, size_t len)
{
	const uint8_t *at = data;
	while ((at = memchr(at, '%', len - (size_t)(at - data)))) {
		if (begins_line(data, (size_t)(at - data)))
			return (size_t)(at - data);
		at++;
	}
	return len;
}

/*
 * Where an offset is, as the reader's errors come with an offset only. Continuation bytes of UTF-8
 * are no characters of their own.
 */
static yaml_mark_t mark_of_offset(const uint8_t *data, size_t len, size_t offset)
{
	yaml_mark_t mark = {0};
	for (size_t i = 0; i < offset && i < len; i++) {
		if (data[i] == '\n') {
			mark.line++;
			mark.column = 0;
		} else if ((data[i] & 0xc0) != 0x80) {
			mark.column++;
		}
	}
	return mark;
}

static int syntax_error(
    const struct builder *b, const yaml_parser_t *parser, const void *data, size_t len)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	yaml_mark_t mark = parser->problem_mark;
	if (parser->error == YAML_READER_ERROR)
		mark = mark_of_offset(data, len, parser->problem_offset);
	const char *problem = parser->problem ? parser->problem : "unknown problem";
	const char *context = parser->context;
	return lm_why_at(b->why, EINVAL, b->file, (unsigned)mark.line + 1,
	    (unsigned)mark.column + 1, "not valid YAML: %s%s%s", problem, context ? " " : "",
	    context ? context : "");
}

static int run(struct builder *b, yaml_parser_t *parser, const void *data, size_t len)
{
	for (;;) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event))
			return syntax_error(b, parser, data, len);
		bool end = event.type == YAML_STREAM_END_EVENT;
		int err = on_event(b, &event);
		yaml_event_delete(&event);
		if (err < 0)
			return err;
		if (end)
			break;
	}
	if (!b->tree->root)
		return lm_why_at(b->why, EINVAL, b->file, 1, 1, "an empty document");
	return 0;
}

static int parse_all(struct builder *b, const void *data, size_t len)
{
	if (len == 0)
		return lm_why_at(b->why, EINVAL, b->file, 1, 1, "an empty document");
	/* Before libyaml meets them: it compares each tag directive with all before it. */
	size_t directive = find_directive(data, len);
	if (directive < len) {
		yaml_mark_t mark = mark_of_offset(data, len, directive);
		return refuse(b, &mark, EINVAL, "YAML directives are not allowed");
	}
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	/* Not guessed from a byte order mark: what was signed is UTF-8 for everybody. */
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, data, len);
	int err = run(b, &parser, data, len);
	yaml_parser_delete(&parser);
	return err;
}

int lm_yaml_parse(
    struct lm_yaml_tree **out, const char *file, const void *data, size_t len, struct lm_why *why)
{
	struct lm_yaml_tree *tree = calloc(1, sizeof(*tree));
	if (!tree)
		return -ENOMEM;
	struct builder b = {.tree = tree, .file = file, .why = why};
	int err = parse_all(&b, data, len);
	if (err < 0) {
		lm_yaml_free(tree);
		return err;
	}
	*out = tree;
	return 0;
}

void lm_yaml_free(struct lm_yaml_tree *tree)
{
	if (!tree)
		return;
	lm_arena_free(&tree->arena);
	free(tree);
}

const struct lm_yaml_node *lm_yaml_root(const struct lm_yaml_tree *tree)
{
	return tree->root;
}

const struct lm_yaml_node *lm_yaml_get(const struct lm_yaml_node *map, const char *key)
{
	for (const struct lm_yaml_node *n = map->first; n; n = n->next)
		if (strcmp(n->key->text, key) == 0)
			return n;
	return NULL;
}

const struct lm_yaml_node *lm_yaml_nth(const struct lm_yaml_node *list, unsigned n)
{
	const struct lm_yaml_node *item = list->first;
	while (item && n-- > 0)
		item = item->next;
	return item;
}
