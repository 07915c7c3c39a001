/* SPDX-License-Identifier: Apache-2.0 */
/* The tenant's own tests of the rules, and what no rule matches. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "manifest/schema.h"

enum { K_FROM, K_TO, K_PROTOCOL, K_PORT, K_EXPECT, N_KEYS };

static const struct lm_key_rule keys[N_KEYS] = {
    [K_FROM] = {"from", true},
    [K_TO] = {"to", true},
    [K_PROTOCOL] = {"protocol", true},
    [K_PORT] = {"port", false},
    [K_EXPECT] = {"expect", true},
};

/* ---- policy ---- */

int lm_schema_policy(struct lm_manifest *m, const struct lm_place *p)
{
	static const struct lm_key_rule policy_keys[] = {{"default", true}};
	const struct lm_yaml_node *value;
	bool deny;
	int err = lm_place_map(p, policy_keys, 1, &value);
	if (err < 0)
		return err;
	struct lm_place v = lm_place_key(p, "default", value);
	err = lm_schema_action(&deny, &v);
	m->default_allow = err == 0 && !deny;
	return err;
}

/* ---- tests ---- */

int lm_schema_via(struct lm_via *out, const struct lm_manifest_full *f, const struct lm_place *p)
{
	static const char what[] = "the name of a member, or of a replica like web/0";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	char name[LM_NAME_MAX + 1], quoted[LM_QUOTE_MAX];
	size_t len = strcspn(text, "/");
	if (len > LM_NAME_MAX)
		return lm_place_expected(p, what);
	memcpy(name, text, len);
	name[len] = '\0';
	int64_t i = lm_sorted_find(&f->member_names, name);
	if (i < 0)
		return lm_place_error(p, EINVAL, "no member is called %s", lm_quote(quoted, name));
	*out = (struct lm_via){.member = (uint16_t)i, .replica = -1};
	if (text[len] == '\0')
		return 0;
	uint64_t replica;
	if (!lm_parse_decimal(text + len + 1, strlen(text + len + 1), &replica))
		return lm_place_expected(p, what);
	unsigned n = f->m.members[i].n_endpoints;
	if (replica >= n)
		return lm_place_error(p, EINVAL, "%s has %u replica%s", name, n, n == 1 ? "" : "s");
	out->replica = (int32_t)replica;
	return 0;
}

/* An endpoint's own address, or a routed one. */
static int read_address(
    struct lm_probe_end *out, const struct lm_manifest *m, const struct lm_place *p)
{
	int e = lm_manifest_address(m, &out->ip);
	out->route = lm_manifest_route(m, &out->ip);
	if (e >= 0)
		out->who = (struct lm_via){m->endpoints[e].member, m->endpoints[e].replica};
	else if (out->route >= 0)
		out->who = m->routes[out->route].vias[0];
	else
		return lm_place_error(p, EINVAL,
		    "no endpoint is given this address here, and no "
		    "route leads there");
	return 0;
}

static int read_end(
    struct lm_probe_end *out, const struct lm_manifest_full *f, const struct lm_place *p)
{
	*out = (struct lm_probe_end){.route = -1};
	if (p->node->kind == LM_YAML_SCALAR && lm_ip_parse(&out->ip, p->node->text) == 0)
		return read_address(out, &f->m, p);
	return lm_schema_via(&out->who, f, p);
}

static int read_port(
    struct lm_probe *probe, const struct lm_place *p, const struct lm_yaml_node *node)
{
	bool has = lm_proto_has_ports(probe->protocol);
	if (!node)
		return has ? lm_place_error(p, EINVAL, "missing key 'port'") : 0;
	struct lm_place v = lm_place_key(p, "port", node);
	if (!has)
		return lm_place_error(&v, EINVAL, "only tcp, udp and sctp have ports");
	return lm_schema_port(&probe->port, &v);
}

static int read_probe(
    struct lm_probe *probe, const struct lm_manifest_full *f, const struct lm_place *p)
{
	const struct lm_yaml_node *values[N_KEYS];
	uint16_t protocol = 0;
	int err = lm_place_map(p, keys, N_KEYS, values);
	if (err < 0)
		return err;
	probe->line = p->node->line;
	struct lm_place v = lm_place_key(p, "from", values[K_FROM]);
	err = read_end(&probe->from, f, &v);
	v = lm_place_key(p, "to", values[K_TO]);
	if (err == 0)
		err = read_end(&probe->to, f, &v);
	v = lm_place_key(p, "protocol", values[K_PROTOCOL]);
	if (err == 0)
		err = lm_schema_protocol(&protocol, false, &v);
	probe->protocol = (uint8_t)protocol;
	if (err == 0)
		err = read_port(probe, p, values[K_PORT]);
	v = lm_place_key(p, "expect", values[K_EXPECT]);
	return err ? err : lm_schema_action(&probe->deny, &v);
}

int lm_schema_probes(struct lm_manifest_full *f, const struct lm_place *p)
{
	int err = lm_place_list(p, 0, LM_PROBES_MAX);
	if (err < 0 || p->node->count == 0)
		return err;
	f->m.probes = calloc(p->node->count, sizeof(*f->m.probes));
	if (!f->m.probes)
		return -ENOMEM;
	struct lm_place item;
	for (unsigned i = 0; err == 0 && lm_place_next(p, &item, i); i++) {
		err = read_probe(&f->m.probes[i], f, &item);
		f->m.n_probes = i + 1;
	}
	return err;
}
