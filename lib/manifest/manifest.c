/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing as a whole, freeing, and looking things up in a parsed manifest. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "manifest/schema.h"

int lm_compare_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

int lm_compare_key_id(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct lm_key_id));
}

int lm_compare_ip(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct lm_ip));
}

int lm_schema_unique(struct lm_sorted *index, const struct lm_place *list, const char *key)
{
	lm_sorted_sort(index);
	uint32_t earlier, again;
	if (!lm_sorted_repeat(index, &earlier, &again))
		return 0;
	struct lm_place item = lm_place_item(list, again, lm_yaml_nth(list->node, again));
	struct lm_place value = lm_place_key(&item, key, lm_yaml_get(item.node, key));
	return lm_place_error(&value, EINVAL, "the same as in %s[%u]", list->key, earlier);
}

static void free_rules(struct lm_rule *rules, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		free(rules[i].peers);
		free(rules[i].labels);
		free(rules[i].prefixes);
		free(rules[i].except);
		free(rules[i].ports);
		free(rules[i].comment);
	}
	free(rules);
}

void lm_manifest_free(struct lm_manifest *m)
{
	if (!m)
		return;
	struct lm_manifest_full *f = (struct lm_manifest_full *)m;
	for (unsigned i = 0; i < m->n_members; i++) {
		free_rules(m->members[i].ingress, m->members[i].n_ingress);
		free_rules(m->members[i].egress, m->members[i].n_egress);
	}
	lm_sorted_free(&f->provider_names);
	lm_sorted_free(&f->provider_ids);
	lm_sorted_free(&f->member_names);
	lm_sorted_free(&f->label_names);
	lm_sorted_free(&f->ipv4);
	lm_sorted_free(&f->ipv6);
	free(m->providers);
	free(m->members);
	free(m->endpoints);
	for (unsigned i = 0; i < m->n_labels; i++)
		free(m->labels[i]);
	free(m->labels);
	free(m->probes);
	lm_routes_release(m);
	free(f);
}

static int build(struct lm_manifest **out, const struct lm_place *root)
{
	struct lm_manifest_full *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	int err = lm_schema_document(f, root);
	if (err < 0) {
		lm_manifest_free(&f->m);
		return err;
	}
	*out = &f->m;
	return 0;
}

int lm_manifest_parse(
    struct lm_manifest **out, const char *file, const void *yaml, size_t len, struct lm_why *why)
{
	if (len > LM_MANIFEST_BYTES_MAX)
		return lm_why(why, E2BIG, "%s: larger than %u bytes", file, LM_MANIFEST_BYTES_MAX);
	struct lm_yaml_tree *tree = NULL;
	int err = lm_yaml_parse(&tree, file, yaml, len, why);
	if (err == 0) {
		struct lm_place root = {.file = file, .why = why, .node = lm_yaml_root(tree)};
		err = build(out, &root);
	}
	lm_yaml_free(tree);
	/* Whoever knew more has said it: the first reason stays. */
	if (err == -ENOMEM)
		lm_why(why, ENOMEM, "%s: not enough memory", file);
	return err;
}

struct lm_ip lm_manifest_gateway_ip(const struct lm_manifest *m, int family)
{
	const struct lm_prefix *p = family == 4 ? &m->ipv4 : &m->ipv6;
	return p->ip.family ? lm_prefix_nth(p, 1) : (struct lm_ip){0};
}

int lm_manifest_provider(const struct lm_manifest *m, const struct lm_key_id *id)
{
	return (int)lm_sorted_find(&((const struct lm_manifest_full *)m)->provider_ids, id);
}

int lm_manifest_member(const struct lm_manifest *m, const char *name)
{
	return (int)lm_sorted_find(&((const struct lm_manifest_full *)m)->member_names, name);
}

int lm_manifest_endpoint(const struct lm_manifest *m, const char *member, unsigned replica)
{
	int i = lm_manifest_member(m, member);
	if (i < 0 || replica >= m->members[i].n_endpoints)
		return -ENOENT;
	return (int)(m->members[i].first_endpoint + replica);
}

int lm_manifest_address(const struct lm_manifest *m, const struct lm_ip *ip)
{
	const struct lm_manifest_full *f = (const struct lm_manifest_full *)m;
	return (int)lm_sorted_find(ip->family == 4 ? &f->ipv4 : &f->ipv6, ip);
}
