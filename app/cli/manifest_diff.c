/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes from one manifest to another, for people: "+" comes, "-" goes, "~" becomes another.
 * Things are compared by what they are called: providers and members by name, replicas by member
 * and number. The order of rules, names and addresses in the document means nothing, and is not
 * compared.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "manifest.h"

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

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int compare_ports(const void *a, const void *b)
{
	const struct lm_port_range *x = a, *y = b;

	return x->from != y->from ? (x->from < y->from ? -1 : 1) : (int)x->to - y->to;
}

/* A rule in words that are the same for rules that mean the same; to be freed, NULL: no memory. */
static char *rule_text(const struct lm_manifest *m, const struct lm_rule *rule)
{
	const char *names[LM_RULE_PEERS_MAX];
	struct lm_port_range ports[LM_RULE_PORTS_MAX];
	struct lm_rule sorted = *rule;
	char *text = NULL;
	size_t len;

	for (unsigned i = 0; i < rule->n_peers; i++)
		names[i] = m->members[rule->peers[i]].name;
	qsort(names, rule->n_peers, sizeof(names[0]), compare_names);
	if (rule->n_ports)
		memcpy(ports, rule->ports, rule->n_ports * sizeof(ports[0]));
	qsort(ports, rule->n_ports, sizeof(ports[0]), compare_ports);
	sorted.ports = ports;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	manifest_print_rule(out, names, &sorted);
	return fclose(out) == 0 ? text : NULL;
}

static void free_texts(char **texts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
}

/* The rules' texts, sorted. */
static char **rule_texts(const struct lm_manifest *m, const struct lm_rule *rules, unsigned n)
{
	char **texts = calloc(n ? n : 1, sizeof(*texts));

	for (unsigned i = 0; texts && i < n; i++) {
		texts[i] = rule_text(m, &rules[i]);
		if (!texts[i]) {
			free_texts(texts, n);
			return NULL;
		}
	}
	if (texts)
		qsort(texts, n, sizeof(*texts), compare_names);
	return texts;
}

static int diff_rules(struct diff *d, const char *member, const char *verb, const struct lm_rule *a,
    unsigned n_a, const struct lm_rule *b, unsigned n_b)
{
	char **from = rule_texts(d->a, a, n_a), **to = rule_texts(d->b, b, n_b);
	unsigned i = 0, k = 0;

	while (from && to && (i < n_a || k < n_b)) {
		int order = i == n_a ? 1 : k == n_b ? -1 : strcmp(from[i], to[k]);
		if (order < 0)
			say(d, "- %s %s%s", member, verb, from[i]);
		else if (order > 0)
			say(d, "+ %s %s%s", member, verb, to[k]);
		i += order <= 0;
		k += order >= 0;
	}
	int err = from && to ? 0 : -1;
	if (from)
		free_texts(from, n_a);
	if (to)
		free_texts(to, n_b);
	return err;
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
	int err = diff_rules(
	    d, name, "may be reached from", a->ingress, a->n_ingress, b->ingress, b->n_ingress);
	return err ? err
		   : diff_rules(
			 d, name, "may reach", a->egress, a->n_egress, b->egress, b->n_egress);
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

int manifest_diff(const struct manifest_file *a, const struct manifest_file *b)
{
	struct diff d = {.a = manifest_of(a), .b = manifest_of(b)};

	diff_owner(&d, a->signed_file, b->signed_file);
	diff_head(&d);
	diff_providers(&d);
	return diff_members(&d) < 0 ? -1 : (int)d.changes;
}
