/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes from one manifest to another, for people: "+" comes, "-" goes, "~" becomes another.
 * Things are compared by what they are called: providers and members by name, replicas by member
 * and number. The order of names and addresses in the document means nothing, and is not compared;
 * that of rules means something only where some allow and others deny.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "manifest.h"
#include "rule.h"

struct diff {
	const struct lm_manifest *a, *b;
	unsigned changes;
};

static void say(struct diff *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct diff *d, const char *fmt, ...)
{
	va_list args;

	d->changes++;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

/* ---- the head ---- */

static void diff_owner(
    struct diff *d, const struct lm_signed_manifest *a, const struct lm_signed_manifest *b)
{
	char from[2 * LM_PUBLIC_KEY_LEN + 1], to[2 * LM_PUBLIC_KEY_LEN + 1];

	if (a && b && memcmp(&a->owner, &b->owner, sizeof(a->owner)) != 0)
		say(d, "~ owner: %s -> %s", lm_hex(from, a->owner.b, sizeof(a->owner.b)),
		    lm_hex(to, b->owner.b, sizeof(b->owner.b)));
}

static void diff_prefix(
    struct diff *d, const char *what, const struct lm_prefix *a, const struct lm_prefix *b)
{
	char from[LM_PREFIX_TEXT], to[LM_PREFIX_TEXT];

	if (memcmp(a, b, sizeof(*a)) == 0)
		return;
	say(d, "~ %s: %s -> %s", what, a->ip.family ? lm_prefix_text(from, a) : "none",
	    b->ip.family ? lm_prefix_text(to, b) : "none");
}

static void diff_head(struct diff *d)
{
	const struct lm_manifest *a = d->a, *b = d->b;
	char from[MANIFEST_EXPIRY_TEXT], to[MANIFEST_EXPIRY_TEXT];
	char pool_from[MANIFEST_POOL_TEXT], pool_to[MANIFEST_POOL_TEXT];

	if (strcmp(a->network, b->network) != 0)
		say(d, "~ network: %s -> %s (another network)", a->network, b->network);
	if (a->serial != b->serial)
		say(d, "~ serial: %" PRIu64 " -> %" PRIu64 "%s", a->serial, b->serial,
		    b->serial < a->serial ? " (lower: gateways will refuse it)" : "");
	if (a->expires != b->expires || (a->expires && a->on_expiry != b->on_expiry))
		say(d, "~ expires: %s -> %s", manifest_expiry_text(from, a),
		    manifest_expiry_text(to, b));
	diff_prefix(d, "ipv4 prefix", &a->ipv4, &b->ipv4);
	diff_prefix(d, "ipv6 prefix", &a->ipv6, &b->ipv6);
	manifest_pool_text(pool_from, a);
	manifest_pool_text(pool_to, b);
	if (strcmp(pool_from, pool_to) != 0)
		say(d, "~ pool: %s -> %s", pool_from, pool_to);
	if (a->default_allow != b->default_allow)
		say(d, "~ what no rule matches: %s",
		    b->default_allow ? "deny -> allow" : "allow -> deny");
}

/* ---- providers ---- */

static const struct lm_provider *find_provider(const struct lm_manifest *m, const char *name)
{
	for (unsigned i = 0; i < m->n_providers; i++)
		if (strcmp(m->providers[i].name, name) == 0)
			return &m->providers[i];
	return NULL;
}

static bool has_addr(const struct lm_provider *p, const struct lm_udp_addr *addr)
{
	for (unsigned i = 0; i < p->n_addrs; i++)
		if (lm_udp_addr_equal(&p->addrs[i], addr))
			return true;
	return false;
}

static void diff_addrs(
    struct diff *d, const struct lm_provider *p, const struct lm_provider *other, const char *what)
{
	char addr[LM_UDP_TEXT];

	for (unsigned i = 0; i < p->n_addrs; i++)
		if (!has_addr(other, &p->addrs[i]))
			say(d, "~ provider %s: %s address %s", p->name, what,
			    lm_udp_addr_text(addr, &p->addrs[i]));
}

static void diff_provider(struct diff *d, const struct lm_provider *a, const struct lm_provider *b)
{
	char from[2 * LM_PUBLIC_KEY_LEN + 1], to[2 * LM_PUBLIC_KEY_LEN + 1];

	if (memcmp(&a->key, &b->key, sizeof(a->key)) != 0)
		say(d, "~ provider %s: key %s -> %s", a->name,
		    lm_hex(from, a->key.b, sizeof(a->key.b)),
		    lm_hex(to, b->key.b, sizeof(b->key.b)));
	diff_addrs(d, a, b, "without");
	diff_addrs(d, b, a, "with");
}

static bool has_key(const struct lm_manifest *m, const struct lm_public_key *key)
{
	for (unsigned i = 0; i < m->n_providers; i++)
		if (memcmp(&m->providers[i].key, key, sizeof(*key)) == 0)
			return true;
	return false;
}

static bool same_keys(const struct lm_manifest *a, const struct lm_manifest *b)
{
	for (unsigned i = 0; i < a->n_providers; i++)
		if (!has_key(b, &a->providers[i].key))
			return false;
	return a->n_providers == b->n_providers;
}

static void diff_providers(struct diff *d)
{
	for (unsigned i = 0; i < d->a->n_providers; i++) {
		const struct lm_provider *a = &d->a->providers[i];
		const struct lm_provider *b = find_provider(d->b, a->name);
		if (b)
			diff_provider(d, a, b);
		else
			say(d, "- provider %s", a->name);
	}
	for (unsigned i = 0; i < d->b->n_providers; i++)
		if (!find_provider(d->a, d->b->providers[i].name))
			say(d, "+ provider %s", d->b->providers[i].name);
	/* The secret follows from the keys that are authorised. */
	if (!same_keys(d->a, d->b))
		say(d, "~ network secret: another set of providers has a new one");
}

/* ---- replicas ---- */

/* What is said about the address of this family, or that it is left to the gateways. */
static const char *address_text(
    char *out, const struct lm_manifest *m, const struct lm_endpoint *e, int family)
{
	const struct lm_ip *ip = family == 4 ? &e->ipv4 : &e->ipv6;
	const struct lm_prefix *prefix = family == 4 ? &m->ipv4 : &m->ipv6;

	if (ip->family)
		return lm_ip_text(out, ip);
	return lm_endpoint_given(e) && prefix->ip.family ? "from the pool" : "none";
}

static void diff_replica(
    struct diff *d, const char *member, const struct lm_endpoint *a, const struct lm_endpoint *b)
{
	char from_ip[LM_IP_TEXT], to_ip[LM_IP_TEXT];
	const char *from = manifest_provider_name(d->a, a), *to = manifest_provider_name(d->b, b);

	if (strcmp(from, to) != 0)
		say(d, "~ %s/%u: provider %s -> %s", member, a->replica, from, to);
	for (int family = 4; family <= 6; family += 2) {
		from = address_text(from_ip, d->a, a, family);
		to = address_text(to_ip, d->b, b, family);
		if (strcmp(from, to) != 0)
			say(d, "~ %s/%u: ipv%d %s -> %s", member, a->replica, family, from, to);
	}
}

static void diff_replicas(struct diff *d, const struct lm_member *a, const struct lm_member *b)
{
	unsigned n_a = a ? a->n_endpoints : 0, n_b = b ? b->n_endpoints : 0;
	const char *name = a ? a->name : b->name;
	char text[MANIFEST_PLACE_TEXT];

	for (unsigned r = 0; r < n_a || r < n_b; r++) {
		const struct lm_endpoint *x =
		    r < n_a ? &d->a->endpoints[a->first_endpoint + r] : NULL;
		const struct lm_endpoint *y =
		    r < n_b ? &d->b->endpoints[b->first_endpoint + r] : NULL;
		if (x && y)
			diff_replica(d, name, x, y);
		else
			say(d, "%c %s/%u %s", x ? '-' : '+', name, r,
			    x ? manifest_place_text(text, d->a, x)
			      : manifest_place_text(text, d->b, y));
	}
}

/* ---- rules ---- */

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A list of rules in words: as it is, and sorted. */
struct texts {
	char **list, **sorted;
	unsigned n;
	bool mixed; /* allows and denies: which comes first means something */
};

static void free_texts(struct texts *t)
{
	for (unsigned i = 0; t->list && i < t->n; i++)
		free(t->list[i]);
	free(t->list);
	free(t->sorted);
}

static int make_texts(struct texts *t, const struct lm_manifest *m, const struct lm_rule *rules,
    unsigned n, bool ingress)
{
	*t = (struct texts){.n = n};
	t->list = calloc(n + 1, sizeof(*t->list));
	t->sorted = calloc(n + 1, sizeof(*t->sorted));
	if (!t->list || !t->sorted)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		t->mixed |= rules[i].deny != rules[0].deny;
		t->list[i] = t->sorted[i] = rule_text(m, &rules[i], ingress);
		if (!t->list[i])
			return -1;
	}
	qsort(t->sorted, n, sizeof(*t->sorted), compare_texts);
	return 0;
}

/* The next one from *i on that the other list has, too; NULL: none. */
static const char *next_common(const struct texts *t, const struct texts *other, unsigned *i)
{
	while (*i < t->n) {
		char **text = &t->list[(*i)++];
		if (bsearch(text, other->sorted, other->n, sizeof(*text), compare_texts))
			return *text;
	}
	return NULL;
}

static bool same_order(const struct texts *a, const struct texts *b)
{
	for (unsigned i = 0, k = 0;;) {
		const char *x = next_common(a, b, &i), *y = next_common(b, a, &k);
		if (!x || !y)
			return true;
		if (strcmp(x, y) != 0)
			return false;
	}
}

static void say_texts(
    struct diff *d, const char *member, bool ingress, const struct texts *a, const struct texts *b)
{
	unsigned i = 0, k = 0;

	while (i < a->n || k < b->n) {
		int order = i == a->n ? 1 : k == b->n ? -1 : strcmp(a->sorted[i], b->sorted[k]);
		if (order < 0)
			say(d, "- %s %s", member, a->sorted[i]);
		else if (order > 0)
			say(d, "+ %s %s", member, b->sorted[k]);
		i += order <= 0;
		k += order >= 0;
	}
	if ((a->mixed || b->mixed) && !same_order(a, b))
		say(d, "~ %s: the order of its %s rules", member, ingress ? "ingress" : "egress");
}

static int diff_rules(struct diff *d, const char *member, bool ingress, const struct lm_member *a,
    const struct lm_member *b)
{
	struct texts x, y = {0};
	int err = make_texts(&x, d->a, ingress ? a->ingress : a->egress,
	    ingress ? a->n_ingress : a->n_egress, ingress);
	if (err == 0)
		err = make_texts(&y, d->b, ingress ? b->ingress : b->egress,
		    ingress ? b->n_ingress : b->n_egress, ingress);
	if (err == 0)
		say_texts(d, member, ingress, &x, &y);
	free_texts(&x);
	free_texts(&y);
	return err;
}

/* ---- labels ---- */

static bool has_label(const struct lm_manifest *m, const struct lm_member *member, const char *name)
{
	for (unsigned i = 0; i < member->n_labels; i++)
		if (strcmp(m->labels[member->labels[i]], name) == 0)
			return true;
	return false;
}

static void diff_labels(struct diff *d, const struct lm_manifest *m, const struct lm_member *a,
    const struct lm_manifest *other, const struct lm_member *b, char sign)
{
	for (unsigned i = 0; i < a->n_labels; i++) {
		const char *label = m->labels[a->labels[i]];
		if (!has_label(other, b, label))
			say(d, "%c %s has label %s", sign, a->name, label);
	}
}

/* ---- members ---- */

static int diff_member(struct diff *d, const struct lm_member *a, const struct lm_member *b)
{
	static const struct lm_member none;
	const char *name = a ? a->name : b->name;

	if (!a)
		say(d, "+ member %s, deployment %" PRIu64, name, b->deployment);
	else if (!b)
		say(d, "- member %s, deployment %" PRIu64, name, a->deployment);
	else if (a->deployment != b->deployment)
		say(d, "~ member %s: deployment %" PRIu64 " -> %" PRIu64, name, a->deployment,
		    b->deployment);
	diff_replicas(d, a, b);
	a = a ? a : &none;
	b = b ? b : &none;
	diff_labels(d, d->a, a, d->b, b, '-');
	diff_labels(d, d->b, b, d->a, a, '+');
	int err = diff_rules(d, name, true, a, b);
	return err ? err : diff_rules(d, name, false, a, b);
}

static int diff_members(struct diff *d)
{
	int err = 0;

	for (unsigned i = 0; !err && i < d->a->n_members; i++) {
		int k = lm_manifest_member(d->b, d->a->members[i].name);
		err = diff_member(d, &d->a->members[i], k < 0 ? NULL : &d->b->members[k]);
	}
	for (unsigned k = 0; !err && k < d->b->n_members; k++)
		if (lm_manifest_member(d->a, d->b->members[k].name) < 0)
			err = diff_member(d, NULL, &d->b->members[k]);
	return err;
}

/* ---- routes ---- */

static const struct lm_route *find_route(const struct lm_manifest *m, const struct lm_prefix *p)
{
	for (unsigned i = 0; i < m->n_routes; i++)
		if (memcmp(&m->routes[i].prefix, p, sizeof(*p)) == 0)
			return &m->routes[i];
	return NULL;
}

/* Either may be NULL, not both. */
static int diff_route(struct diff *d, const struct lm_route *a, const struct lm_route *b)
{
	char *from = a ? rule_vias_text(d->a, a) : NULL, *to = b ? rule_vias_text(d->b, b) : NULL;
	char prefix[LM_PREFIX_TEXT];
	int err = (a && !from) || (b && !to) ? -1 : 0;

	lm_prefix_text(prefix, a ? &a->prefix : &b->prefix);
	if (!err && !b)
		say(d, "- route %s via %s", prefix, from);
	else if (!err && !a)
		say(d, "+ route %s via %s", prefix, to);
	else if (!err && strcmp(from, to) != 0)
		say(d, "~ route %s: via %s -> %s", prefix, from, to);
	free(from);
	free(to);
	return err;
}

static int diff_routes(struct diff *d)
{
	int err = 0;

	for (unsigned i = 0; !err && i < d->a->n_routes; i++)
		err = diff_route(d, &d->a->routes[i], find_route(d->b, &d->a->routes[i].prefix));
	for (unsigned i = 0; !err && i < d->b->n_routes; i++)
		if (!find_route(d->a, &d->b->routes[i].prefix))
			err = diff_route(d, NULL, &d->b->routes[i]);
	return err;
}

int manifest_diff(const struct manifest_file *a, const struct manifest_file *b)
{
	struct diff d = {.a = manifest_of(a), .b = manifest_of(b)};

	diff_owner(&d, a->signed_file, b->signed_file);
	diff_head(&d);
	diff_providers(&d);
	return diff_members(&d) < 0 || diff_routes(&d) < 0 ? -1 : (int)d.changes;
}
