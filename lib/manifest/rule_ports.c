/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule, or a test, says about protocol and ports. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "manifest/schema.h"

#define PROTOCOLS "tcp, udp, icmp, icmpv6, sctp, gre"

/* ---- protocol ---- */

int lm_schema_protocol(uint16_t *out, bool any, const struct lm_place *p)
{
	static const struct {
		const char *name;
		uint16_t number;
	} names[] = {
	    {"tcp", LM_PROTO_TCP},
	    {"udp", LM_PROTO_UDP},
	    {"icmp", LM_PROTO_ICMP},
	    {"icmpv6", LM_PROTO_ICMPV6},
	    {"sctp", LM_PROTO_SCTP},
	    {"gre", LM_PROTO_GRE},
	    {"any", LM_PROTO_ANY},
	};
	const size_t n = sizeof(names) / sizeof(names[0]) - (any ? 0 : 1);
	const char *what = any ? PROTOCOLS ", any or a number from 1 to 254"
			       : PROTOCOLS " or a number from 1 to 254";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(text, names[i].name) == 0) {
			*out = names[i].number;
			return 0;
		}
	}
	uint64_t number;
	if (!p->node->plain || !lm_parse_decimal(text, strlen(text), &number) || number < 1 ||
	    number > 254)
		return lm_place_expected(p, what);
	*out = (uint16_t)number;
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

int lm_schema_port(uint16_t *out, const struct lm_place *p)
{
	static const char what[] = "a port from 1 to 65535 or the name of a service like https";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	*out = lm_service_port(text);
	return *out || parse_port(text, strlen(text), out) ? 0 : lm_place_expected(p, what);
}

static int read_range(struct lm_rule *rule, const struct lm_place *p)
{
	static const char what[] =
	    "a port from 1 to 65535, a range like 8000-8010 or the name of a "
	    "service like https";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	struct lm_port_range r;
	r.from = r.to = lm_service_port(text);
	size_t first = strcspn(text, "-");
	const char *second = text[first] ? text + first + 1 : text;
	if (r.from == 0 &&
	    (!parse_port(text, first, &r.from) || !parse_port(second, strlen(second), &r.to)))
		return lm_place_expected(p, what);
	if (r.from > r.to)
		return lm_place_error(p, EINVAL, "the range %u-%u runs backwards", r.from, r.to);
	rule->ports[rule->n_ports++] = r;
	return 0;
}

int lm_schema_ports(struct lm_rule *rule, const struct lm_place *p)
{
	if (!lm_proto_has_ports(rule->protocol))
		return lm_place_error(p, EINVAL, "only tcp, udp and sctp have ports");
	unsigned n;
	int err = lm_place_items(p, LM_RULE_PORTS_MAX, &n);
	if (err < 0)
		return err;
	rule->ports = calloc(n, sizeof(*rule->ports));
	if (!rule->ports)
		return -ENOMEM;
	struct lm_place item;
	for (unsigned i = 0; err == 0 && lm_place_next(p, &item, i); i++)
		err = read_range(rule, &item);
	return err;
}
