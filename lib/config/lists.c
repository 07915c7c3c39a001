/* SPDX-License-Identifier: Apache-2.0 */
#include "config/key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include "base/bytes.h"
#include "membership/membership.h"

int lm_read_cores(const struct lm_values *v, config_setting_t *s, const struct lm_config_key *key,
    struct lm_gateway_config *c)
{
	int r = lm_value_list(v, s, 1, LM_WORKERS_MAX, &c->n_workers);

	for (unsigned i = 0; !r && i < c->n_workers; i++) {
		uint64_t core;
		r = lm_value_uint(v, config_setting_get_elem(s, i), key->min, key->max, &core);
		if (!r)
			c->worker_cores[i] = (unsigned)core;
	}
	return r;
}

static int read_descriptors(const struct lm_values *v, config_setting_t *s, uint16_t *out)
{
	uint64_t n;

	if (!s)
		return 0;
	if (lm_value_uint(v, s, 64, 32768, &n))
		return -EINVAL;
	if ((n & (n - 1)) != 0)
		return lm_value_why(v, s, "%u is no power of two", (unsigned)n);
	*out = (uint16_t)n;
	return 0;
}

static int read_port(const struct lm_values *v, config_setting_t *s, struct lm_port_config *p)
{
	static const char *const keys[] = {
	    "name", "role", "device", "mtu", "vlan", "rx_descriptors", "tx_descriptors", NULL};
	static const char *const roles[] = {
	    [LM_PORT_UNDERLAY] = "underlay", [LM_PORT_ACCESS] = "access"};
	config_setting_t *m;
	unsigned role;
	uint64_t n;

	if (lm_value_group(v, s, keys))
		return -EINVAL;
	p->line = (unsigned)config_setting_source_line(s);
	if (!(m = lm_value_member(v, s, "name")) || lm_value_label(v, m, p->name, sizeof(p->name)))
		return -EINVAL;
	if (!(m = lm_value_member(v, s, "role")) || lm_value_choice(v, m, roles, 2, &role))
		return -EINVAL;
	p->role = (enum lm_port_role)role;
	if (!(m = lm_value_member(v, s, "device")) ||
	    lm_value_text(v, m, 1, p->device, sizeof(p->device)))
		return -EINVAL;
	if ((m = config_setting_get_member(s, "mtu"))) {
		/* 1280: the least that IPv6 lives on (RFC 8200 section 5). */
		if (lm_value_uint(v, m, 1280, 9702, &n))
			return -EINVAL;
		p->mtu = (uint16_t)n;
	}
	if ((m = config_setting_get_member(s, "vlan"))) {
		if (p->role != LM_PORT_UNDERLAY)
			return lm_value_why(v, m, "only for the underlay; attachments name theirs");
		if (lm_value_uint(v, m, 1, 4094, &n))
			return -EINVAL;
		p->vlan = (uint16_t)n;
	}
	if (read_descriptors(v, config_setting_get_member(s, "rx_descriptors"), &p->rx_descriptors))
		return -EINVAL;
	return read_descriptors(
	    v, config_setting_get_member(s, "tx_descriptors"), &p->tx_descriptors);
}

int lm_read_ports(const struct lm_values *v, config_setting_t *s, const struct lm_config_key *key,
    struct lm_gateway_config *c)
{
	int r = lm_value_list(v, s, 1, LM_PORTS_MAX, &c->n_ports);

	(void)key;
	for (unsigned i = 0; !r && i < c->n_ports; i++) {
		config_setting_t *e = config_setting_get_elem(s, i);

		r = read_port(v, e, &c->ports[i]);
		for (unsigned j = 0; !r && j < i; j++) {
			if (strcmp(c->ports[i].name, c->ports[j].name) == 0)
				r = lm_value_why(v, config_setting_get_member(e, "name"),
				    "ports[%u] is called \"%s\" as well", j, c->ports[j].name);
			else if (strcmp(c->ports[i].device, c->ports[j].device) == 0)
				r = lm_value_why(v, config_setting_get_member(e, "device"),
				    "ports[%u] has this device", j);
		}
	}
	return r;
}

/* The first and the last address of an IPv4 subnet are no host's, except in /31 (RFC 3021) and /32.
 */
static bool is_host_of_subnet(const struct lm_ifaddr *a)
{
	if (a->ip.family != 4 || a->len >= 31)
		return true;
	uint32_t ip = (uint32_t)a->ip.b[0] << 24 | (uint32_t)a->ip.b[1] << 16 |
		      (uint32_t)a->ip.b[2] << 8 | a->ip.b[3];
	uint32_t host_bits = UINT32_MAX >> a->len;
	return (ip & host_bits) != 0 && (ip & host_bits) != host_bits;
}

int lm_read_addresses(const struct lm_values *v, config_setting_t *s,
    const struct lm_config_key *key, struct lm_gateway_config *c)
{
	unsigned max = (unsigned)(key->size / sizeof(c->addrs[0]));
	int r = lm_value_list(v, s, 1, max, &c->n_addrs);

	for (unsigned i = 0; !r && i < c->n_addrs; i++) {
		config_setting_t *e = config_setting_get_elem(s, i);
		struct lm_ifaddr *a = &c->addrs[i];
		const char *text;

		r = lm_value_string(v, e, 1, 64, &text);
		if (r)
			break;
		if (lm_ifaddr_parse(a, text) || a->len == 0)
			r = lm_value_why(v, e, "\"%s\" is no address with a prefix length", text);
		else if (lm_ip_is_special(&a->ip) || !is_host_of_subnet(a))
			r = lm_value_why(v, e, "%s is no host's address", text);
		for (unsigned j = 0; !r && j < i; j++)
			if (lm_ip_equal(&a->ip, &c->addrs[j].ip))
				r = lm_value_why(v, e, "%s is given twice", text);
	}
	return r;
}

int lm_read_forwarders(const struct lm_values *v, config_setting_t *s,
    const struct lm_config_key *key, struct lm_gateway_config *c)
{
	int r = lm_value_list(v, s, 0, LM_FORWARDERS_MAX, &c->n_forwarders);

	(void)key;
	for (unsigned i = 0; !r && i < c->n_forwarders; i++) {
		config_setting_t *e = config_setting_get_elem(s, i);
		struct lm_ip *ip = &c->forwarders[i];
		const char *text;

		r = lm_value_string(v, e, 1, 64, &text);
		if (r)
			break;
		if (lm_ip_parse(ip, text))
			r = lm_value_why(v, e, "\"%s\" is no address", text);
		else if (lm_ip_is_special(ip))
			r = lm_value_why(v, e, "%s is no host's address", text);
		for (unsigned j = 0; !r && j < i; j++)
			if (lm_ip_equal(ip, &c->forwarders[j]))
				r = lm_value_why(v, e, "%s is given twice", text);
	}
	return r;
}

struct owner_seen {
	const struct lm_owner_config *owner;
	unsigned index;
	UT_hash_handle by_name, by_key;
};

static int read_owner(const struct lm_values *v, config_setting_t *s, struct lm_owner_config *o)
{
	static const char *const keys[] = {"name", "key", NULL};
	config_setting_t *m;
	const char *text;
	uint8_t point[32];

	if (lm_value_group(v, s, keys))
		return -EINVAL;
	if (!(m = lm_value_member(v, s, "name")) ||
	    lm_value_text(v, m, 1, o->name, sizeof(o->name)))
		return -EINVAL;
	if (!(m = lm_value_member(v, s, "key")) || lm_value_string(v, m, 1, 128, &text))
		return -EINVAL;
	if (lm_unhex(o->key.b, sizeof(o->key.b), text, strlen(text)))
		return lm_value_why(v, m, "a public key is 64 hexadecimal digits");
	if (lm_public_x25519(point, &o->key))
		return lm_value_why(v, m, "this is no valid Ed25519 public key");
	return 0;
}

static int unique_owner(const struct lm_values *v, config_setting_t *s, struct owner_seen *o,
    struct owner_seen **names, struct owner_seen **keys)
{
	struct owner_seen *other;

	HASH_FIND(by_name, *names, o->owner->name, strlen(o->owner->name), other);
	if (other)
		return lm_value_why(v, config_setting_get_member(s, "name"),
		    "owners[%u] is called \"%s\" as well", other->index, o->owner->name);
	HASH_FIND(by_key, *keys, o->owner->key.b, sizeof(o->owner->key.b), other);
	if (other)
		return lm_value_why(v, config_setting_get_member(s, "key"),
		    "owners[%u] \"%s\" has this key", other->index, other->owner->name);
	HASH_ADD_KEYPTR(by_name, *names, o->owner->name, strlen(o->owner->name), o);
	HASH_ADD_KEYPTR(by_key, *keys, o->owner->key.b, sizeof(o->owner->key.b), o);
	return 0;
}

int lm_read_owners(const struct lm_values *v, config_setting_t *s, const struct lm_config_key *key,
    struct lm_gateway_config *c)
{
	struct owner_seen *seen, *names = NULL, *keys = NULL;
	unsigned n;
	int r = lm_value_list(v, s, 0, LM_OWNERS_MAX, &n);

	(void)key;
	if (r || n == 0)
		return r;
	c->owners = calloc(n, sizeof(*c->owners));
	seen = calloc(n, sizeof(*seen));
	if (!c->owners || !seen)
		r = lm_why(v->why, ENOMEM, "%s: out of memory", v->src->name);
	for (unsigned i = 0; !r && i < n; i++) {
		config_setting_t *e = config_setting_get_elem(s, i);

		seen[i].owner = &c->owners[i];
		seen[i].index = i;
		r = read_owner(v, e, &c->owners[i]);
		if (!r)
			r = unique_owner(v, e, &seen[i], &names, &keys);
	}
	HASH_CLEAR(by_name, names);
	HASH_CLEAR(by_key, keys);
	free(seen);
	if (!r)
		c->n_owners = n;
	return r;
}
