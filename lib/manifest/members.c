/* SPDX-License-Identifier: Apache-2.0 */
/* The members, and their lists of rules. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "manifest/schema.h"

enum {
	K_NAME,
	K_DEPLOYMENT,
	K_ENDPOINTS,
	K_REPLICAS,
	K_LABELS,
	K_INGRESS,
	K_EGRESS,
	N_MEMBER_KEYS
};

static const struct lm_key_rule member_keys[N_MEMBER_KEYS] = {
    [K_NAME] = {"name", true},
    [K_DEPLOYMENT] = {"deployment", true},
    [K_ENDPOINTS] = {"endpoints", false},
    [K_REPLICAS] = {"replicas", false},
    [K_LABELS] = {"labels", false},
    [K_INGRESS] = {"ingress", false},
    [K_EGRESS] = {"egress", false},
};

/* ---- rules ---- */

static int read_rules(struct lm_rule **out, unsigned *n_out, struct lm_manifest_full *f,
    const char *peer_key, const struct lm_place *p)
{
	int err = lm_place_list(p, 0, LM_RULES_MAX);
	if (err < 0 || p->node->count == 0)
		return err;
	struct lm_rule *rules = calloc(p->node->count, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	*out = rules;
	for (const struct lm_yaml_node *n = p->node->first; n && err == 0; n = n->next) {
		struct lm_place item = lm_place_item(p, *n_out, n);
		err = lm_schema_rule(&rules[(*n_out)++], f, peer_key, &item);
	}
	return err;
}

static int read_member_rules(
    struct lm_member *member, struct lm_manifest_full *f, const struct lm_place *p)
{
	const struct lm_yaml_node *ingress = lm_yaml_get(p->node, "ingress");
	const struct lm_yaml_node *egress = lm_yaml_get(p->node, "egress");
	int err = 0;
	if (ingress) {
		struct lm_place list = lm_place_key(p, "ingress", ingress);
		err = read_rules(&member->ingress, &member->n_ingress, f, "from", &list);
	}
	if (err == 0 && egress) {
		struct lm_place list = lm_place_key(p, "egress", egress);
		err = read_rules(&member->egress, &member->n_egress, f, "to", &list);
	}
	return err;
}

/* ---- members ---- */

/* `replicas: 3` is the short form of `endpoints: [{}, {}, {}]`. */
static int read_endpoints(struct lm_manifest_full *f, unsigned index, const struct lm_place *p,
    const struct lm_yaml_node *endpoints, const struct lm_yaml_node *replicas)
{
	if (!endpoints && !replicas)
		return lm_place_error(p, EINVAL, "needs 'endpoints' or 'replicas'");
	if (!endpoints) {
		struct lm_place v = lm_place_key(p, "replicas", replicas);
		return lm_schema_replicas(f, index, &v);
	}
	if (replicas) {
		struct lm_place v = lm_place_key(p, "replicas", replicas);
		return lm_place_error(&v, EINVAL, "has no meaning beside 'endpoints'");
	}
	struct lm_place v = lm_place_key(p, "endpoints", endpoints);
	return lm_schema_endpoints(f, index, &v);
}

static int read_member(struct lm_manifest_full *f, unsigned index, const struct lm_place *p)
{
	struct lm_member *member = &f->m.members[index];
	const struct lm_yaml_node *values[N_MEMBER_KEYS];
	int err = lm_place_map(p, member_keys, N_MEMBER_KEYS, values);
	if (err < 0)
		return err;
	struct lm_place v = lm_place_key(p, "name", values[K_NAME]);
	err = lm_place_label(&v, member->name);
	if (err < 0)
		return err;
	if (strcmp(member->name, "any") == 0)
		return lm_place_error(&v, EINVAL, "'any' means every member in rules");
	v = lm_place_key(p, "deployment", values[K_DEPLOYMENT]);
	err = lm_place_number(&v, 1, INT64_MAX, &member->deployment);
	if (err < 0)
		return err;
	return read_endpoints(f, index, p, values[K_ENDPOINTS], values[K_REPLICAS]);
}

static int index_members(struct lm_manifest_full *f, const struct lm_place *list)
{
	int err = lm_sorted_init(&f->member_names, f->m.n_members, lm_compare_name);
	if (err < 0)
		return err;
	for (unsigned i = 0; i < f->m.n_members; i++)
		lm_sorted_add(&f->member_names, f->m.members[i].name, i);
	return lm_schema_unique(&f->member_names, list, "name");
}

int lm_schema_members(struct lm_manifest_full *f, const struct lm_place *p)
{
	int err = lm_place_list(p, 1, LM_MEMBERS_MAX);
	if (err < 0)
		return err;
	f->m.members = calloc(p->node->count, sizeof(*f->m.members));
	if (!f->m.members)
		return -ENOMEM;
	for (const struct lm_yaml_node *n = p->node->first; n; n = n->next) {
		unsigned i = f->m.n_members++;
		struct lm_place item = lm_place_item(p, i, n);
		err = read_member(f, i, &item);
		if (err < 0)
			return err;
	}
	err = index_members(f, p);
	if (err == 0)
		err = lm_schema_index_addresses(f, p);
	if (err == 0)
		err = lm_schema_labels(f, p);
	unsigned i = 0;
	for (const struct lm_yaml_node *n = p->node->first; n && err == 0; n = n->next, i++) {
		struct lm_place item = lm_place_item(p, i, n);
		err = read_member_rules(&f->m.members[i], f, &item);
	}
	return err;
}
