/* SPDX-License-Identifier: Apache-2.0 */
/* From a manifest's rules to the vectors of layout.h: on the control thread. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "policy/compiler.h"

/* A rule names a member or a label. */
struct pair {
	uint16_t name, rule;
};

int lm_compiler_scratch(struct lm_pool *p, size_t n, size_t size, void *at)
{
	if (p->n + n > p->room) {
		size_t room = p->room ? p->room : 64;
		while (room < p->n + n)
			room *= 2;
		void *data = reallocarray(p->data, room, size);
		if (!data)
			return -ENOMEM;
		p->data = data;
		p->room = room;
	}
	char *item = (char *)p->data + p->n * size;
	memset(item, 0, n * size);
	memcpy(at, &item, sizeof(item));
	p->n += n;
	return 0;
}

int lm_compiler_add(struct lm_compiler *c, struct lm_pool *p, size_t n, size_t size, void *at)
{
	c->bytes += n * size;
	return c->bytes > LM_POLICY_BYTES_MAX ? -E2BIG : lm_compiler_scratch(p, n, size, at);
}

/* ---- who, by name ---- */

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	return x->name != y->name ? (int)x->name - y->name : (int)x->rule - y->rule;
}

static int collect_pairs(struct lm_compiler *c, bool labels)
{
	c->pairs.n = 0;
	for (unsigned r = 0; r < c->n_list; r++) {
		const struct lm_rule *rule = &c->list[r];
		const uint16_t *names = labels ? rule->labels : rule->peers;
		unsigned n = labels ? rule->n_labels : rule->n_peers;
		struct pair *pairs;
		if (n == 0)
			continue;
		int err = lm_compiler_scratch(&c->pairs, n, sizeof(*pairs), &pairs);
		if (err < 0)
			return err;
		for (unsigned i = 0; i < n; i++)
			pairs[i] = (struct pair){.name = names[i], .rule = (uint16_t)r};
	}
	if (c->pairs.n > 0)
		qsort(c->pairs.data, c->pairs.n, sizeof(struct pair), compare_pairs);
	return 0;
}

static int compile_names(struct lm_compiler *c, struct lm_policy_index *index, bool labels)
{
	int err = collect_pairs(c, labels);
	const struct pair *pairs = c->pairs.data;
	uint64_t *vector = NULL;
	index->first = (uint32_t)c->names.n;
	index->bits = (uint32_t)c->bits.n;
	for (size_t i = 0; i < c->pairs.n && err == 0; i++) {
		if (i == 0 || pairs[i].name != pairs[i - 1].name) {
			uint16_t *name;
			err = lm_compiler_add(c, &c->names, 1, sizeof(*name), &name);
			if (err == 0)
				err = lm_compiler_add(
				    c, &c->bits, c->words, sizeof(*vector), &vector);
			if (err < 0)
				return err;
			*name = pairs[i].name;
			index->n++;
		}
		lm_set_bit(vector, pairs[i].rule);
	}
	return err;
}

static int compile_any(struct lm_compiler *c, struct lm_policy_list *list)
{
	uint64_t *vector;
	list->any = (uint32_t)c->bits.n;
	int err = lm_compiler_add(c, &c->bits, c->words, sizeof(*vector), &vector);
	for (unsigned r = 0; r < c->n_list && err == 0; r++)
		if (c->list[r].any_peer)
			lm_set_bit(vector, r);
	return err;
}

/* ---- a list ---- */

static int copy_rate(struct lm_compiler *c, const struct lm_flow_rate *from, uint32_t *at)
{
	struct lm_flow_rate *rate;
	*at = (uint32_t)c->rates.n;
	int err = lm_compiler_add(c, &c->rates, 1, sizeof(*rate), &rate);
	if (err == 0)
		*rate = *from;
	return err;
}

static int copy_rules(struct lm_compiler *c, struct lm_policy_list *list)
{
	struct lm_policy_rule *rules;
	list->first_rule = (uint32_t)c->rules.n;
	list->n_rules = (uint16_t)c->n_list;
	int err = lm_compiler_add(c, &c->rules, c->n_list, sizeof(*rules), &rules);
	for (unsigned r = 0; r < c->n_list && err == 0; r++) {
		rules[r] = (struct lm_policy_rule){.line = c->list[r].line,
		    .deny = c->list[r].deny,
		    .log = c->list[r].log,
		    .rate = LM_RULE_NO_RATE};
		if (c->list[r].rate.n > 0)
			err = copy_rate(c, &c->list[r].rate, &rules[r].rate);
	}
	return err;
}

static int compile_list(struct lm_compiler *c, struct lm_policy_list *list,
    const struct lm_rule *rules, unsigned n_rules)
{
	if (n_rules == 0)
		return 0;
	c->list = rules;
	c->n_list = n_rules;
	c->words = (n_rules + LM_POLICY_WORD_BITS - 1) / LM_POLICY_WORD_BITS;
	list->words = (uint16_t)c->words;
	int err = copy_rules(c, list);
	if (err == 0)
		err = compile_any(c, list);
	if (err == 0)
		err = compile_names(c, &list->members, false);
	if (err == 0)
		err = compile_names(c, &list->labels, true);
	if (err == 0)
		err = lm_compile_addresses(c, &list->ip4, 4);
	if (err == 0)
		err = lm_compile_addresses(c, &list->ip6, 6);
	return err ? err : lm_compile_targets(c, &list->targets);
}

/* ---- the whole ---- */

/* Which labels the members carry. */
static int copy_labels(struct lm_compiler *c, const struct lm_manifest *m)
{
	int err = 0;
	for (unsigned i = 0; i < m->n_members && err == 0; i++) {
		const struct lm_member *member = &m->members[i];
		uint16_t *labels;
		if (member->n_labels > 0)
			err = lm_compiler_add(
			    c, &c->carried, member->n_labels, sizeof(*labels), &labels);
		if (member->n_labels > 0 && err == 0)
			memcpy(labels, member->labels, member->n_labels * sizeof(*labels));
		c->policy->label_at[i + 1] = (uint32_t)c->carried.n;
	}
	return err;
}

static int compile_members(struct lm_compiler *c, const struct lm_manifest *m)
{
	struct lm_policy *p = c->policy;
	int err = copy_labels(c, m);
	for (unsigned i = 0; i < m->n_members && err == 0; i++) {
		const struct lm_member *member = &m->members[i];
		err = compile_list(c, &p->lists[LM_EGRESS][i], member->egress, member->n_egress);
		if (err == 0)
			err = compile_list(
			    c, &p->lists[LM_INGRESS][i], member->ingress, member->n_ingress);
	}
	return err;
}

/* Without the room that was left for more. */
static void *take(struct lm_pool *p, size_t size)
{
	void *fit = p->n > 0 ? realloc(p->data, p->n * size) : NULL;
	return fit ? fit : p->data;
}

static void finish(struct lm_compiler *c)
{
	struct lm_policy *p = c->policy;
	p->rules = take(&c->rules, sizeof(*p->rules));
	p->rates = take(&c->rates, sizeof(*p->rates));
	p->carried = take(&c->carried, sizeof(*p->carried));
	p->names = take(&c->names, sizeof(*p->names));
	p->points = take(&c->points, sizeof(*p->points));
	p->points6 = take(&c->points6, sizeof(*p->points6));
	p->bits = take(&c->bits, sizeof(*p->bits));
	p->info = (struct lm_policy_info){
	    .bytes = c->bytes, .n_rules = (unsigned)c->rules.n, .n_rates = (unsigned)c->rates.n};
	free(c->pairs.data);
	free(c->events.data);
}

static struct lm_policy *new_policy(const struct lm_manifest *m, size_t *bytes)
{
	struct lm_policy *p = calloc(1, sizeof(*p));
	size_t n = m->n_members ? m->n_members : 1;
	if (!p)
		return NULL;
	p->holders = 1;
	p->n_members = m->n_members;
	p->default_allow = m->default_allow;
	p->lists[LM_EGRESS] = calloc(n, sizeof(*p->lists[0]));
	p->lists[LM_INGRESS] = calloc(n, sizeof(*p->lists[0]));
	p->label_at = calloc(n + 1, sizeof(*p->label_at));
	*bytes = sizeof(*p) + n * (2 * sizeof(*p->lists[0])) + (n + 1) * sizeof(*p->label_at);
	if (p->lists[LM_EGRESS] && p->lists[LM_INGRESS] && p->label_at)
		return p;
	lm_policy_free(p);
	return NULL;
}

int lm_policy_compile(struct lm_policy **out, const struct lm_manifest *m)
{
	struct lm_compiler c = {0};
	c.policy = new_policy(m, &c.bytes);
	if (!c.policy)
		return -ENOMEM;
	int err = compile_members(&c, m);
	finish(&c);
	if (err < 0) {
		lm_policy_free(c.policy);
		return err;
	}
	*out = c.policy;
	return 0;
}

struct lm_policy *lm_policy_hold(struct lm_policy *p)
{
	p->holders++;
	return p;
}

void lm_policy_free(struct lm_policy *p)
{
	if (!p || --p->holders > 0)
		return;
	free(p->lists[LM_EGRESS]);
	free(p->lists[LM_INGRESS]);
	free(p->rules);
	free(p->rates);
	free(p->label_at);
	free(p->carried);
	free(p->names);
	free(p->points);
	free(p->points6);
	free(p->bits);
	free(p);
}
