/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a rule is about: members, labels that members carry, and prefixes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "manifest/schema.h"

/* ---- by name ---- */

/* Members or labels: what is asked for, and what is wrong with a name that there is not. */
struct kind {
	const char *name, *what, *unknown;
};
static const struct kind member_kind = {"member", "the name of a member", "no member is called"};
static const struct kind label_kind = {"label", "a label", "no member carries the label"};

static int add_name(uint16_t *list, unsigned *n, const struct lm_sorted *names,
    const struct lm_place *p, const struct kind *kind)
{
	const char *text = p->node->text;
	int64_t i = lm_sorted_find(names, text);
	if (i < 0) {
		char name[LM_QUOTE_MAX];
		return lm_place_error(p, EINVAL, "%s %s", kind->unknown, lm_quote(name, text));
	}
	for (unsigned k = 0; k < *n; k++)
		if (list[k] == i)
			return lm_place_error(p, EINVAL, "repeated %s '%s'", kind->name, text);
	list[(*n)++] = (uint16_t)i;
	return 0;
}

static const char peers_what[] = "the name of a member, a list of names, or 'any'";

int lm_schema_peers(
    struct lm_rule *rule, const struct lm_manifest_full *f, const struct lm_place *p)
{
	bool is_list = p->node->kind == LM_YAML_LIST;
	struct lm_place item;
	unsigned n;
	int err = lm_place_items(p, LM_RULE_PEERS_MAX, &n);
	if (err < 0)
		return err;
	rule->peers = calloc(n, sizeof(*rule->peers));
	if (!rule->peers)
		return -ENOMEM;
	for (unsigned i = 0; err == 0 && lm_place_next(p, &item, i); i++) {
		const char *text = lm_place_text(&item, is_list ? member_kind.what : peers_what);
		if (!text)
			return -EINVAL;
		bool any = strcmp(text, "any") == 0;
		if (any && is_list)
			return lm_place_error(&item, EINVAL, "'any' stands alone, not in a list");
		rule->any_peer |= any;
		if (!any)
			err = add_name(
			    rule->peers, &rule->n_peers, &f->member_names, &item, &member_kind);
	}
	return err;
}

/* To say at the place of the other key. */
static int check_any(const struct lm_rule *rule, const struct lm_place *p)
{
	return rule->any_peer ? lm_place_error(p, EINVAL, "has no meaning beside 'any'") : 0;
}

int lm_schema_rule_labels(
    struct lm_rule *rule, const struct lm_manifest_full *f, const struct lm_place *p)
{
	struct lm_place item;
	unsigned n;
	int err = check_any(rule, p);
	if (err == 0)
		err = lm_place_items(p, LM_RULE_LABELS_MAX, &n);
	if (err < 0)
		return err;
	rule->labels = calloc(n, sizeof(*rule->labels));
	if (!rule->labels)
		return -ENOMEM;
	for (unsigned i = 0; err == 0 && lm_place_next(p, &item, i); i++) {
		if (!lm_place_text(&item, label_kind.what))
			return -EINVAL;
		err = add_name(rule->labels, &rule->n_labels, &f->label_names, &item, &label_kind);
	}
	return err;
}

/* ---- by address ---- */

int lm_schema_prefix(struct lm_prefix *out, const struct lm_place *p)
{
	static const char what[] = "a prefix like 10.0.0.0/8 or \"fd00::/8\", or an address";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	if (lm_prefix_parse(out, text) == 0)
		return 0;
	struct lm_ifaddr with_host;
	if (lm_ifaddr_parse(&with_host, text) == 0)
		return lm_place_error(p, EINVAL, "has bits beyond its length %u", with_host.len);
	struct lm_ip ip;
	if (lm_ip_parse(&ip, text) < 0)
		return lm_place_expected(p, what);
	*out = (struct lm_prefix){.ip = ip, .len = ip.family == 4 ? 32 : 128};
	return 0;
}

static bool same_prefix(const struct lm_prefix *a, const struct lm_prefix *b)
{
	return a->len == b->len && lm_ip_equal(&a->ip, &b->ip);
}

static int read_prefixes(struct lm_prefix **out, unsigned *n_out, const struct lm_place *p)
{
	struct lm_place item;
	unsigned n;
	int err = lm_place_items(p, LM_RULE_PREFIXES_MAX, &n);
	if (err < 0)
		return err;
	struct lm_prefix *list = calloc(n, sizeof(*list));
	if (!list)
		return -ENOMEM;
	*out = list;
	for (unsigned i = 0; err == 0 && lm_place_next(p, &item, i); i++) {
		err = lm_schema_prefix(&list[i], &item);
		for (unsigned k = 0; k < i && err == 0; k++)
			if (same_prefix(&list[k], &list[i]))
				err = lm_place_error(
				    &item, EINVAL, "repeated prefix '%s'", item.node->text);
		*n_out = i + 1;
	}
	return err;
}

int lm_schema_rule_prefixes(struct lm_rule *rule, const struct lm_place *p)
{
	int err = check_any(rule, p);
	return err ? err : read_prefixes(&rule->prefixes, &rule->n_prefixes, p);
}

static bool is_inside(const struct lm_rule *rule, const struct lm_prefix *except)
{
	for (unsigned i = 0; i < rule->n_prefixes; i++)
		if (except->len >= rule->prefixes[i].len &&
		    lm_prefix_contains(&rule->prefixes[i], &except->ip))
			return true;
	return false;
}

/* What excepts nothing was meant otherwise. */
int lm_schema_except(struct lm_rule *rule, const struct lm_place *p)
{
	if (rule->n_prefixes == 0)
		return lm_place_error(p, EINVAL, "has no meaning without 'prefixes'");
	int err = read_prefixes(&rule->except, &rule->n_except, p);
	struct lm_place item;
	for (unsigned i = 0; err == 0 && lm_place_next(p, &item, i); i++)
		if (!is_inside(rule, &rule->except[i]))
			err = lm_place_error(&item, EINVAL, "in none of the rule's prefixes");
	return err;
}
