/* SPDX-License-Identifier: Apache-2.0 */
/* The labels that members carry: each is kept once, members and rules hold its position. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "manifest/schema.h"

_Static_assert(LM_LABELS_MAX <= UINT16_MAX, "a label's position fits into 16 bits");

static int read_labels(struct lm_sorted *mentions, const struct lm_place *p)
{
	unsigned n;
	int err = lm_place_items(p, LM_MEMBER_LABELS_MAX, &n);
	struct lm_place item;
	for (unsigned i = 0; err == 0 && lm_place_next(p, &item, i); i++) {
		char label[LM_NAME_MAX + 1];
		err = lm_place_label(&item, label);
		if (err == 0)
			lm_sorted_add(mentions, item.node->text, 0);
	}
	return err;
}

/* Runs through the members that have labels. */
static bool next_labels(
    const struct lm_place *members, struct lm_place *item, struct lm_place *labels, unsigned *i)
{
	while (lm_place_next(members, item, (*i)++)) {
		const struct lm_yaml_node *node = lm_yaml_get(item->node, "labels");
		*labels = lm_place_key(item, "labels", node);
		if (node)
			return true;
	}
	return false;
}

/* Each label once, in alphabetical order. */
static int keep_labels(struct lm_manifest_full *f, struct lm_sorted *mentions)
{
	lm_sorted_sort(mentions);
	f->m.labels = calloc(mentions->n + 1, sizeof(*f->m.labels));
	int err = lm_sorted_init(&f->label_names, mentions->n, lm_compare_name);
	if (!f->m.labels || err < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < mentions->n; i++) {
		const char *name = mentions->entries[i].key;
		if (i > 0 && strcmp(name, mentions->entries[i - 1].key) == 0)
			continue;
		char *label = strdup(name);
		if (!label)
			return -ENOMEM;
		lm_sorted_add(&f->label_names, label, f->m.n_labels);
		f->m.labels[f->m.n_labels++] = label;
	}
	lm_sorted_sort(&f->label_names);
	return 0;
}

static int give_labels(
    struct lm_member *member, const struct lm_sorted *names, const struct lm_place *p)
{
	struct lm_place item;
	for (unsigned i = 0; lm_place_next(p, &item, i); i++) {
		uint16_t label = (uint16_t)lm_sorted_find(names, item.node->text);
		for (unsigned k = 0; k < member->n_labels; k++)
			if (member->labels[k] == label)
				return lm_place_error(
				    &item, EINVAL, "repeated label '%s'", item.node->text);
		member->labels[member->n_labels++] = label;
	}
	return 0;
}

int lm_schema_labels(struct lm_manifest_full *f, const struct lm_place *members)
{
	struct lm_sorted mentions;
	struct lm_place item, labels;
	unsigned i = 0;
	int err = lm_sorted_init(&mentions, f->m.n_members * LM_MEMBER_LABELS_MAX, lm_compare_name);
	while (err == 0 && next_labels(members, &item, &labels, &i))
		err = read_labels(&mentions, &labels);
	if (err == 0)
		err = keep_labels(f, &mentions);
	lm_sorted_free(&mentions);
	for (i = 0; err == 0 && next_labels(members, &item, &labels, &i);)
		err = give_labels(&f->m.members[i - 1], &f->label_names, &labels);
	return err;
}
