/* SPDX-License-Identifier: Apache-2.0 */
/* The members, their endpoints with addresses, and their lists of rules. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "manifest/schema.h"

enum { K_NAME, K_DEPLOYMENT, K_ENDPOINTS, K_INGRESS, K_EGRESS, N_MEMBER_KEYS };

static const struct lm_key_rule member_keys[N_MEMBER_KEYS] = {
    [K_NAME] = {"name", true},
    [K_DEPLOYMENT] = {"deployment", true},
    [K_ENDPOINTS] = {"endpoints", true},
    [K_INGRESS] = {"ingress", false},
    [K_EGRESS] = {"egress", false},
};

enum { K_PROVIDER, K_IPV4, K_IPV6, N_ENDPOINT_KEYS };

static const struct lm_key_rule endpoint_keys[N_ENDPOINT_KEYS] = {
    [K_PROVIDER] = {"provider", true},
    [K_IPV4] = {"ipv4", false},
    [K_IPV6] = {"ipv6", false},
};

/* ---- endpoints ---- */

static int read_provider_name(
    struct lm_endpoint *out, const struct lm_sorted *names, const struct lm_place *p)
{
	const char *text = lm_place_text(p, "the name of a provider");
	if (!text)
		return -EINVAL;
	int64_t i = lm_sorted_find(names, text);
	if (i < 0) {
		char name[LM_QUOTE_MAX];
		return lm_place_error(p, EINVAL, "no provider is called %s", lm_quote(name, text));
	}
	out->provider = (uint16_t)i;
	return 0;
}

/* The last address of an IPv4 prefix: RFC 919's broadcast. */
static bool is_broadcast(const struct lm_prefix *p, const struct lm_ip *ip)
{
	if (p->ip.family != 4)
		return false;
	struct lm_ip last = lm_prefix_nth(p, (uint32_t)((UINT64_C(1) << (32 - p->len)) - 1));
	return lm_ip_equal(&last, ip);
}

static int read_address(
    struct lm_ip *out, const struct lm_manifest *m, int family, const struct lm_place *p)
{
	const struct lm_prefix *prefix = family == 4 ? &m->ipv4 : &m->ipv6;
	const char *what = family == 4 ? "an IPv4 address" : "an IPv6 address";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	struct lm_ip ip;
	if (lm_ip_parse(&ip, text) < 0 || ip.family != family)
		return lm_place_expected(p, what);
	if (prefix->ip.family == 0)
		return lm_place_error(p, EINVAL, "the network has no prefixes.ipv%d", family);

	char in[LM_PREFIX_TEXT];
	lm_prefix_text(in, prefix);
	struct lm_ip first = lm_prefix_nth(prefix, 0);
	struct lm_ip gateway = lm_manifest_gateway_ip(m, family);
	if (!lm_prefix_contains(prefix, &ip))
		return lm_place_error(p, EINVAL, "outside of the network's prefix %s", in);
	if (lm_ip_equal(&ip, &gateway))
		return lm_place_error(p, EINVAL, "the first address of %s is the gateway's", in);
	if (lm_ip_equal(&ip, &first) || is_broadcast(prefix, &ip))
		return lm_place_error(p, EINVAL, "a reserved address of %s", in);
	*out = ip;
	return 0;
}

static int read_endpoint(
    struct lm_endpoint *out, const struct lm_manifest_full *f, const struct lm_place *p)
{
	const struct lm_yaml_node *values[N_ENDPOINT_KEYS];
	int err = lm_place_map(p, endpoint_keys, N_ENDPOINT_KEYS, values);
	if (err < 0)
		return err;
	if (!values[K_IPV4] && !values[K_IPV6])
		return lm_place_error(p, EINVAL, "needs 'ipv4' or 'ipv6' or both");
	struct lm_place v = lm_place_key(p, "provider", values[K_PROVIDER]);
	err = read_provider_name(out, &f->provider_names, &v);
	if (err == 0 && values[K_IPV4]) {
		v = lm_place_key(p, "ipv4", values[K_IPV4]);
		err = read_address(&out->ipv4, &f->m, 4, &v);
	}
	if (err == 0 && values[K_IPV6]) {
		v = lm_place_key(p, "ipv6", values[K_IPV6]);
		err = read_address(&out->ipv6, &f->m, 6, &v);
	}
	return err;
}

/* Room for n more; `room` is what the array has, doubled so that growing costs little. */
static int reserve_endpoints(
    struct lm_manifest *m, unsigned *room, unsigned n, const struct lm_place *p)
{
	if (n > LM_ENDPOINTS_MAX - m->n_endpoints)
		return lm_place_error(
		    p, E2BIG, "more than %d endpoints in one network", LM_ENDPOINTS_MAX);
	if (m->n_endpoints + n <= *room)
		return 0;
	unsigned bigger = *room ? *room : 16;
	while (bigger < m->n_endpoints + n)
		bigger *= 2;
	struct lm_endpoint *list = realloc(m->endpoints, bigger * sizeof(*list));
	if (!list)
		return -ENOMEM;
	m->endpoints = list;
	*room = bigger;
	return 0;
}

static int read_endpoints(
    struct lm_manifest_full *f, unsigned *room, unsigned member, const struct lm_place *p)
{
	struct lm_manifest *m = &f->m;
	int err = lm_place_list(p, 0, LM_ENDPOINTS_MAX);
	if (err == 0)
		err = reserve_endpoints(m, room, p->node->count, p);
	if (err < 0)
		return err;
	m->members[member].first_endpoint = m->n_endpoints;
	for (const struct lm_yaml_node *n = p->node->first; n; n = n->next) {
		unsigned replica = m->members[member].n_endpoints++;
		struct lm_endpoint *e = &m->endpoints[m->n_endpoints++];
		*e = (struct lm_endpoint){.member = (uint16_t)member, .replica = (uint16_t)replica};
		struct lm_place item = lm_place_item(p, replica, n);
		err = read_endpoint(e, f, &item);
		if (err < 0)
			return err;
	}
	return 0;
}

/* "members[2].endpoints[0].ipv4: 100.64.10.20 is already db/0's" */
static int repeated_address(const struct lm_manifest *m, const struct lm_place *list,
    const char *key, uint32_t earlier, uint32_t again)
{
	const struct lm_endpoint *owner = &m->endpoints[earlier], *e = &m->endpoints[again];
	struct lm_place member = lm_place_item(list, e->member, lm_yaml_nth(list->node, e->member));
	struct lm_place endpoints =
	    lm_place_key(&member, "endpoints", lm_yaml_get(member.node, "endpoints"));
	struct lm_place endpoint =
	    lm_place_item(&endpoints, e->replica, lm_yaml_nth(endpoints.node, e->replica));
	struct lm_place value = lm_place_key(&endpoint, key, lm_yaml_get(endpoint.node, key));
	return lm_place_error(&value, EINVAL, "%s is already %s/%u's", value.node->text,
	    m->members[owner->member].name, owner->replica);
}

static int index_addresses(struct lm_sorted *index, const struct lm_manifest *m, int family,
    const char *key, const struct lm_place *list)
{
	int err = lm_sorted_init(index, m->n_endpoints, lm_compare_ip);
	if (err < 0)
		return err;
	for (unsigned i = 0; i < m->n_endpoints; i++) {
		const struct lm_endpoint *e = &m->endpoints[i];
		const struct lm_ip *ip = family == 4 ? &e->ipv4 : &e->ipv6;
		if (ip->family)
			lm_sorted_add(index, ip, i);
	}
	lm_sorted_sort(index);
	uint32_t earlier, again;
	if (lm_sorted_repeat(index, &earlier, &again))
		err = repeated_address(m, list, key, earlier, again);
	return err;
}

/* ---- rules ---- */

static int read_rules(struct lm_rule **out, unsigned *n_out, const struct lm_sorted *names,
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
		err = lm_schema_rule(&rules[(*n_out)++], names, peer_key, &item);
	}
	return err;
}

static int read_member_rules(
    struct lm_member *member, const struct lm_sorted *names, const struct lm_place *p)
{
	const struct lm_yaml_node *ingress = lm_yaml_get(p->node, "ingress");
	const struct lm_yaml_node *egress = lm_yaml_get(p->node, "egress");
	int err = 0;
	if (ingress) {
		struct lm_place list = lm_place_key(p, "ingress", ingress);
		err = read_rules(&member->ingress, &member->n_ingress, names, "from", &list);
	}
	if (err == 0 && egress) {
		struct lm_place list = lm_place_key(p, "egress", egress);
		err = read_rules(&member->egress, &member->n_egress, names, "to", &list);
	}
	return err;
}

/* ---- members ---- */

static int read_member(
    struct lm_manifest_full *f, unsigned *room, unsigned index, const struct lm_place *p)
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
	v = lm_place_key(p, "endpoints", values[K_ENDPOINTS]);
	return read_endpoints(f, room, index, &v);
}

static int index_members(struct lm_manifest_full *f, const struct lm_place *list)
{
	int err = lm_sorted_init(&f->member_names, f->m.n_members, lm_compare_name);
	if (err < 0)
		return err;
	for (unsigned i = 0; i < f->m.n_members; i++)
		lm_sorted_add(&f->member_names, f->m.members[i].name, i);
	err = lm_schema_unique(&f->member_names, list, "name");
	if (err == 0)
		err = index_addresses(&f->ipv4, &f->m, 4, "ipv4", list);
	if (err == 0)
		err = index_addresses(&f->ipv6, &f->m, 6, "ipv6", list);
	return err;
}

int lm_schema_members(struct lm_manifest_full *f, const struct lm_place *p)
{
	int err = lm_place_list(p, 1, LM_MEMBERS_MAX);
	if (err < 0)
		return err;
	f->m.members = calloc(p->node->count, sizeof(*f->m.members));
	if (!f->m.members)
		return -ENOMEM;
	unsigned room = 0;
	for (const struct lm_yaml_node *n = p->node->first; n; n = n->next) {
		unsigned i = f->m.n_members++;
		struct lm_place item = lm_place_item(p, i, n);
		err = read_member(f, &room, i, &item);
		if (err < 0)
			return err;
	}
	err = index_members(f, p);
	unsigned i = 0;
	for (const struct lm_yaml_node *n = p->node->first; n && err == 0; n = n->next, i++) {
		struct lm_place item = lm_place_item(p, i, n);
		err = read_member_rules(&f->m.members[i], &f->member_names, &item);
	}
	return err;
}
