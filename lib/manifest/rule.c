/* SPDX-License-Identifier: Apache-2.0 */
/* One rule: what becomes of which packets. Its parts are read in rule_peers.c and rule_ports.c. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "manifest/schema.h"

enum {
	K_PEER,
	K_LABELS,
	K_PREFIXES,
	K_EXCEPT,
	K_PROTOCOL,
	K_PORTS,
	K_ACTION,
	K_LOG,
	K_RATE,
	K_COMMENT,
	N_KEYS
};

int lm_schema_action(bool *deny, const struct lm_place *p)
{
	static const char what[] = "'allow' or 'deny'";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	*deny = strcmp(text, "deny") == 0;
	return *deny || strcmp(text, "allow") == 0 ? 0 : lm_place_expected(p, what);
}

/* ---- how many ---- */

static const struct {
	char unit;
	uint16_t seconds;
} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
#define N_UNITS (sizeof(units) / sizeof(units[0]))

char *lm_flow_rate_text(char out[LM_FLOW_RATE_TEXT], const struct lm_flow_rate *r)
{
	char unit = 's';
	for (size_t i = 0; i < N_UNITS; i++)
		if (units[i].seconds == r->seconds)
			unit = units[i].unit;
	snprintf(out, LM_FLOW_RATE_TEXT, "%" PRIu32 "/%c", r->n, unit);
	return out;
}

static bool parse_rate(struct lm_flow_rate *out, const char *text)
{
	uint64_t n;
	size_t digits = strcspn(text, "/");
	if (!lm_parse_decimal(text, digits, &n) || n < 1 || n > LM_RULE_RATE_MAX ||
	    strlen(text) != digits + 2)
		return false;
	for (size_t i = 0; i < N_UNITS; i++)
		if (units[i].unit == text[digits + 1])
			*out = (struct lm_flow_rate){.n = (uint32_t)n, .seconds = units[i].seconds};
	return out->n > 0;
}

static int read_rate(struct lm_rule *rule, struct lm_manifest_full *f, const struct lm_place *p)
{
	static const char what[] = "a number from 1 to 1000000 a second, minute or hour: "
				   "100/s, 100/m or 100/h";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	if (rule->deny)
		return lm_place_error(p, EINVAL, "has no meaning beside 'action: deny'");
	if (!parse_rate(&rule->rate, text))
		return lm_place_expected(p, what);
	if (++f->n_rates > LM_RULE_RATES_MAX)
		return lm_place_error(
		    p, E2BIG, "more than %u rules with a rate in one network", LM_RULE_RATES_MAX);
	return 0;
}

/* ---- what people read ---- */

/* Shown to people on terminals, so nothing that makes these do something. */
static bool is_printable(const char *text)
{
	for (const unsigned char *b = (const unsigned char *)text; *b; b++)
		if (*b < ' ' || *b == 0x7f || (b[0] == 0xc2 && b[1] >= 0x80 && b[1] < 0xa0))
			return false;
	return true;
}

int lm_schema_comment(char **out, const struct lm_place *p)
{
	const char *text = lm_place_text(p, "a text");
	if (!text)
		return -EINVAL;
	if (strlen(text) > LM_RULE_COMMENT_MAX)
		return lm_place_error(p, E2BIG, "%zu bytes, at most %u are allowed", strlen(text),
		    LM_RULE_COMMENT_MAX);
	if (!is_printable(text))
		return lm_place_error(p, EINVAL, "a control character in the text");
	*out = strdup(text);
	return *out ? 0 : -ENOMEM;
}

/* ---- the rule ---- */

/* Peers first: the others' meaning hangs on them, and except's on prefixes. */
static int read_who(struct lm_rule *rule, const struct lm_manifest_full *f, const char *peer_key,
    const struct lm_place *p, const struct lm_yaml_node *const *values)
{
	int err = 0;
	if (!values[K_PEER] && !values[K_LABELS] && !values[K_PREFIXES])
		return lm_place_error(p, EINVAL, "needs '%s', 'labels' or 'prefixes'", peer_key);
	struct lm_place v = lm_place_key(p, peer_key, values[K_PEER]);
	if (v.node)
		err = lm_schema_peers(rule, f, &v);
	v = lm_place_key(p, "labels", values[K_LABELS]);
	if (v.node && err == 0)
		err = lm_schema_rule_labels(rule, f, &v);
	v = lm_place_key(p, "prefixes", values[K_PREFIXES]);
	if (v.node && err == 0)
		err = lm_schema_rule_prefixes(rule, &v);
	v = lm_place_key(p, "except", values[K_EXCEPT]);
	if (v.node && err == 0)
		err = lm_schema_except(rule, &v);
	return err;
}

static int read_what(struct lm_rule *rule, struct lm_manifest_full *f, const struct lm_place *p,
    const struct lm_yaml_node *const *values)
{
	struct lm_place v = lm_place_key(p, "protocol", values[K_PROTOCOL]);
	int err = lm_schema_protocol(&rule->protocol, true, &v);
	v = lm_place_key(p, "ports", values[K_PORTS]);
	if (v.node && err == 0)
		err = lm_schema_ports(rule, &v);
	v = lm_place_key(p, "action", values[K_ACTION]);
	if (v.node && err == 0)
		err = lm_schema_action(&rule->deny, &v);
	v = lm_place_key(p, "log", values[K_LOG]);
	if (v.node && err == 0)
		err = lm_place_bool(&v, &rule->log);
	v = lm_place_key(p, "rate", values[K_RATE]);
	if (v.node && err == 0)
		err = read_rate(rule, f, &v);
	v = lm_place_key(p, "comment", values[K_COMMENT]);
	if (v.node && err == 0)
		err = lm_schema_comment(&rule->comment, &v);
	return err;
}

int lm_schema_rule(struct lm_rule *rule, struct lm_manifest_full *f, const char *peer_key,
    const struct lm_place *p)
{
	const struct lm_key_rule keys[N_KEYS] = {
	    [K_PEER] = {peer_key, false},
	    [K_LABELS] = {"labels", false},
	    [K_PREFIXES] = {"prefixes", false},
	    [K_EXCEPT] = {"except", false},
	    [K_PROTOCOL] = {"protocol", true},
	    [K_PORTS] = {"ports", false},
	    [K_ACTION] = {"action", false},
	    [K_LOG] = {"log", false},
	    [K_RATE] = {"rate", false},
	    [K_COMMENT] = {"comment", false},
	};
	const struct lm_yaml_node *values[N_KEYS];
	int err = lm_place_map(p, keys, N_KEYS, values);
	if (err < 0)
		return err;
	rule->line = p->node->line;
	err = read_who(rule, f, peer_key, p, values);
	return err ? err : read_what(rule, f, p, values);
}
