/* SPDX-License-Identifier: Apache-2.0 */
/* A member's endpoints: where each is hosted and which addresses it has, as far as it is said. */
#include <errno.h>
#include <stdlib.h>
#include "manifest/schema.h"

enum { K_PROVIDER, K_IPV4, K_IPV6, N_KEYS };

static const struct lm_key_rule keys[N_KEYS] = {
    [K_PROVIDER] = {"provider", false},
    [K_IPV4] = {"ipv4", false},
    [K_IPV6] = {"ipv6", false},
};

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
	const struct lm_yaml_node *values[N_KEYS];
	int err = lm_place_map(p, keys, N_KEYS, values);
	if (err == 0 && values[K_PROVIDER]) {
		struct lm_place v = lm_place_key(p, "provider", values[K_PROVIDER]);
		err = read_provider_name(out, &f->provider_names, &v);
	}
	if (err == 0 && values[K_IPV4]) {
		struct lm_place v = lm_place_key(p, "ipv4", values[K_IPV4]);
		err = read_address(&out->ipv4, &f->m, 4, &v);
	}
	if (err == 0 && values[K_IPV6]) {
		struct lm_place v = lm_place_key(p, "ipv6", values[K_IPV6]);
		err = read_address(&out->ipv6, &f->m, 6, &v);
	}
	return err;
}

/* Room for n more, doubled so that growing costs little. */
static int reserve(struct lm_manifest_full *f, unsigned n, const struct lm_place *p)
{
	struct lm_manifest *m = &f->m;
	if (n > LM_ENDPOINTS_MAX - m->n_endpoints)
		return lm_place_error(
		    p, E2BIG, "more than %d endpoints in one network", LM_ENDPOINTS_MAX);
	if (m->n_endpoints + n <= f->endpoints_room)
		return 0;
	unsigned bigger = f->endpoints_room ? f->endpoints_room : 16;
	while (bigger < m->n_endpoints + n)
		bigger *= 2;
	struct lm_endpoint *list = realloc(m->endpoints, bigger * sizeof(*list));
	if (!list)
		return -ENOMEM;
	m->endpoints = list;
	f->endpoints_room = bigger;
	return 0;
}

/* The member's next one, of which nothing is said yet. */
static struct lm_endpoint *add_endpoint(struct lm_manifest *m, unsigned member)
{
	struct lm_endpoint *e = &m->endpoints[m->n_endpoints++];
	*e = (struct lm_endpoint){.member = (uint16_t)member,
	    .replica = (uint16_t)m->members[member].n_endpoints++,
	    .provider = LM_ANY_PROVIDER};
	return e;
}

int lm_schema_endpoints(struct lm_manifest_full *f, unsigned member, const struct lm_place *p)
{
	struct lm_manifest *m = &f->m;
	int err = lm_place_list(p, 0, LM_ENDPOINTS_MAX);
	if (err == 0)
		err = reserve(f, p->node->count, p);
	if (err < 0)
		return err;
	m->members[member].first_endpoint = m->n_endpoints;
	for (const struct lm_yaml_node *n = p->node->first; n; n = n->next) {
		struct lm_endpoint *e = add_endpoint(m, member);
		struct lm_place item = lm_place_item(p, e->replica, n);
		err = read_endpoint(e, f, &item);
		if (err < 0)
			return err;
		m->n_decided += lm_endpoint_decided(e);
	}
	return 0;
}

int lm_schema_replicas(struct lm_manifest_full *f, unsigned member, const struct lm_place *p)
{
	uint64_t n;
	int err = lm_place_number(p, 1, LM_ENDPOINTS_MAX, &n);
	if (err == 0)
		err = reserve(f, (unsigned)n, p);
	if (err < 0)
		return err;
	f->m.members[member].first_endpoint = f->m.n_endpoints;
	for (uint64_t i = 0; i < n; i++)
		add_endpoint(&f->m, member);
	f->m.n_decided += (unsigned)n;
	return 0;
}

/* ---- addresses, over all members ---- */

/* The way from the list of members to a value of an endpoint; not to be copied. */
struct way {
	struct lm_place member, endpoints, endpoint, value;
};

static void find_value(
    struct way *w, const struct lm_place *list, const struct lm_endpoint *e, const char *key)
{
	w->member = lm_place_item(list, e->member, lm_yaml_nth(list->node, e->member));
	w->endpoints =
	    lm_place_key(&w->member, "endpoints", lm_yaml_get(w->member.node, "endpoints"));
	w->endpoint =
	    lm_place_item(&w->endpoints, e->replica, lm_yaml_nth(w->endpoints.node, e->replica));
	w->value = lm_place_key(&w->endpoint, key, lm_yaml_get(w->endpoint.node, key));
}

/* "members[2].endpoints[0].ipv4: 100.64.10.20 is already db/0's" */
static int repeated_address(const struct lm_manifest *m, const struct lm_place *list,
    const char *key, uint32_t earlier, uint32_t again)
{
	const struct lm_endpoint *owner = &m->endpoints[earlier];
	struct way w;
	find_value(&w, list, &m->endpoints[again], key);
	return lm_place_error(&w.value, EINVAL, "%s is already %s/%u's", w.value.node->text,
	    m->members[owner->member].name, owner->replica);
}

/* What the gateways give out they must be able to give to anybody. */
static int check_outside_pool(const struct lm_manifest *m, const struct lm_place *list, int family,
    const char *key, const struct lm_endpoint *e)
{
	const struct lm_prefix pool = lm_manifest_pool(m, family);
	const struct lm_ip *ip = family == 4 ? &e->ipv4 : &e->ipv6;
	if (m->n_decided == 0 || !lm_prefix_contains(&pool, ip))
		return 0;
	char text[LM_PREFIX_TEXT];
	struct way w;
	find_value(&w, list, e, key);
	return lm_place_error(&w.value, EINVAL,
	    "inside of the pool %s, which the gateways give out", lm_prefix_text(text, &pool));
}

static int index_family(struct lm_sorted *index, const struct lm_manifest *m, int family,
    const char *key, const struct lm_place *list)
{
	int err = lm_sorted_init(index, m->n_endpoints, lm_compare_ip);
	for (unsigned i = 0; i < m->n_endpoints && err == 0; i++) {
		const struct lm_endpoint *e = &m->endpoints[i];
		const struct lm_ip *ip = family == 4 ? &e->ipv4 : &e->ipv6;
		if (ip->family == 0)
			continue;
		lm_sorted_add(index, ip, i);
		err = check_outside_pool(m, list, family, key, e);
	}
	if (err < 0)
		return err;
	lm_sorted_sort(index);
	uint32_t earlier, again;
	if (lm_sorted_repeat(index, &earlier, &again))
		err = repeated_address(m, list, key, earlier, again);
	return err;
}

int lm_schema_index_addresses(struct lm_manifest_full *f, const struct lm_place *members)
{
	int err = index_family(&f->ipv4, &f->m, 4, "ipv4", members);
	return err ? err : index_family(&f->ipv6, &f->m, 6, "ipv6", members);
}
