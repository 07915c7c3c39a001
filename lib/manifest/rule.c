/* SPDX-License-Identifier: Apache-2.0 */
/* One rule: whom it is about, which protocol, which destination ports. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "manifest/schema.h"

#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_GRE 47
#define PROTO_ICMPV6 58
#define PROTO_SCTP 132

enum { K_PEER, K_PROTOCOL, K_PORTS, N_KEYS };

/* SCTP's ports are not looked at by the data path: a rule on them would never match. */
static bool has_ports(uint16_t protocol)
{
	return protocol == PROTO_TCP || protocol == PROTO_UDP;
}

/* ---- peers ---- */

static const char peers_what[] = "the name of a member, a list of names, or 'any'";

static int add_peer(
    struct lm_rule *rule, const struct lm_sorted *names, const char *text, const struct lm_place *p)
{
	int64_t i = lm_sorted_find(names, text);
	if (i < 0) {
		char name[LM_QUOTE_MAX];
		return lm_place_error(p, EINVAL, "no member is called %s", lm_quote(name, text));
	}
	for (unsigned k = 0; k < rule->n_peers; k++)
		if (rule->peers[k] == i)
			return lm_place_error(p, EINVAL, "repeated member '%s'", text);
	rule->peers[rule->n_peers++] = (uint16_t)i;
	return 0;
}

static int read_peer_list(
    struct lm_rule *rule, const struct lm_sorted *names, const struct lm_place *p)
{
	int err = lm_place_list(p, 1, LM_RULE_PEERS_MAX);
	unsigned i = 0;
	for (const struct lm_yaml_node *n = p->node->first; n && err == 0; n = n->next) {
		struct lm_place item = lm_place_item(p, i++, n);
		const char *text = lm_place_text(&item, "the name of a member");
		if (!text)
			return -EINVAL;
		if (strcmp(text, "any") == 0)
			return lm_place_error(&item, EINVAL, "'any' stands alone, not in a list");
		err = add_peer(rule, names, text, &item);
	}
	return err;
}

static int read_peers(struct lm_rule *rule, const struct lm_sorted *names, const struct lm_place *p)
{
	bool is_list = p->node->kind == LM_YAML_LIST;
	unsigned room = is_list && p->node->count <= LM_RULE_PEERS_MAX ? p->node->count : 1;
	rule->peers = calloc(room ? room : 1, sizeof(*rule->peers));
	if (!rule->peers)
		return -ENOMEM;
	if (is_list)
		return read_peer_list(rule, names, p);
	const char *text = lm_place_text(p, peers_what);
	if (!text)
		return -EINVAL;
	if (strcmp(text, "any") == 0) {
		rule->any_peer = true;
		return 0;
	}
	return add_peer(rule, names, text, p);
}

/* ---- protocol ---- */

static int read_protocol(struct lm_rule *rule, const struct lm_place *p)
{
	static const struct {
		const char *name;
		uint16_t number;
	} names[] = {
	    {"any", LM_PROTO_ANY},
	    {"icmp", LM_PROTO_ICMP},
	    {"tcp", PROTO_TCP},
	    {"udp", PROTO_UDP},
	    {"gre", PROTO_GRE},
	    {"sctp", PROTO_SCTP},
	};
	static const char what[] = "tcp, udp, icmp, sctp, gre, any or a number from 1 to 254";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i].name) == 0) {
			rule->protocol = names[i].number;
			return 0;
		}
	}
	uint64_t number;
	if (!p->node->plain || !lm_parse_decimal(text, strlen(text), &number) || number < 1 ||
	    number > 254)
		return lm_place_expected(p, what);
	/* A rule on 58 would never match: one word covers both families. */
	if (number == PROTO_ICMPV6)
		return lm_place_error(p, EINVAL, "ICMPv6 is written 'icmp', which means both");
	rule->protocol = (uint16_t)number;
	return 0;
}

/* ---- ports ---- */

static bool parse_port(const char *text, size_t len, uint16_t *out)
{
	uint64_t v;
	if (!lm_parse_decimal(text, len, &v) || v < 1 || v > 65535)
		return false;
	*out = (uint16_t)v;
	return true;
}

static int read_range(struct lm_rule *rule, const struct lm_place *p)
{
	static const char what[] = "a port from 1 to 65535 or a range like 8000-8010";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	struct lm_port_range r;
	size_t first = strcspn(text, "-");
	const char *second = text[first] ? text + first + 1 : text;
	if (!parse_port(text, first, &r.from) || !parse_port(second, strlen(second), &r.to))
		return lm_place_expected(p, what);
	if (r.from > r.to)
		return lm_place_error(p, EINVAL, "the range %u-%u runs backwards", r.from, r.to);
	rule->ports[rule->n_ports++] = r;
	return 0;
}

static int read_ports(struct lm_rule *rule, const struct lm_place *p)
{
	if (!has_ports(rule->protocol))
		return lm_place_error(p, EINVAL, "only tcp and udp have ports");
	bool is_list = p->node->kind == LM_YAML_LIST;
	int err = is_list ? lm_place_list(p, 1, LM_RULE_PORTS_MAX) : 0;
	if (err < 0)
		return err;
	rule->ports = calloc(is_list ? p->node->count : 1, sizeof(*rule->ports));
	if (!rule->ports)
		return -ENOMEM;
	if (!is_list)
		return read_range(rule, p);
	unsigned i = 0;
	for (const struct lm_yaml_node *n = p->node->first; n && err == 0; n = n->next) {
		struct lm_place item = lm_place_item(p, i++, n);
		err = read_range(rule, &item);
	}
	return err;
}

/* ---- the rule ---- */

int lm_schema_rule(struct lm_rule *rule, const struct lm_sorted *member_names, const char *peer_key,
    const struct lm_place *p)
{
	const struct lm_key_rule keys[N_KEYS] = {
	    [K_PEER] = {peer_key, true},
	    [K_PROTOCOL] = {"protocol", true},
	    [K_PORTS] = {"ports", false},
	};
	const struct lm_yaml_node *values[N_KEYS];
	int err = lm_place_map(p, keys, N_KEYS, values);
	if (err < 0)
		return err;
	rule->line = p->node->line;
	struct lm_place v = lm_place_key(p, peer_key, values[K_PEER]);
	err = read_peers(rule, member_names, &v);
	if (err < 0)
		return err;
	v = lm_place_key(p, "protocol", values[K_PROTOCOL]);
	err = read_protocol(rule, &v);
	if (err < 0 || !values[K_PORTS])
		return err;
	v = lm_place_key(p, "ports", values[K_PORTS]);
	return read_ports(rule, &v);
}
