/* SPDX-License-Identifier: Apache-2.0 */
#include "rules.h"

#include "bench.h"

static uint64_t random_state = 88172645463325252;

uint32_t rules_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % n;
}

static struct lm_rule *random_list(unsigned n, unsigned n_members)
{
	struct lm_rule *list = bench_must(calloc(n + 1, sizeof(*list)), "rules");
	for (unsigned i = 0; i < n; i++) {
		struct lm_rule *r = &list[i];
		r->deny = rules_below(4) == 0;
		r->any_peer = rules_below(4) == 0;
		r->protocol = rules_below(3) ? LM_PROTO_TCP : LM_PROTO_UDP;
		r->peers = bench_must(calloc(1, sizeof(*r->peers)), "peers");
		r->ports = bench_must(calloc(1, sizeof(*r->ports)), "ports");
		r->n_peers = !r->any_peer;
		r->peers[0] = (uint16_t)rules_below(n_members);
		r->n_ports = 1;
		r->ports[0].from = (uint16_t)(1 + rules_below(2000));
		r->ports[0].to =
		    (uint16_t)(r->ports[0].from + (rules_below(2) ? 0 : rules_below(200)));
	}
	return list;
}

/* Rules of a list. */
static unsigned each_of(unsigned rules)
{
	return rules < 2 ? 1 : rules / 2 < RULES_LIST ? rules / 2 : RULES_LIST;
}

static unsigned lists_of(unsigned rules)
{
	return (rules + each_of(rules) - 1) / each_of(rules);
}

/* Lists in turns, from the first member on. */
static void fill(struct lm_manifest *m, unsigned members, unsigned lists, unsigned each)
{
	*m = (struct lm_manifest){.n_members = members};
	m->members = bench_must(calloc(m->n_members, sizeof(*m->members)), "members");
	for (unsigned i = 0; i < lists; i++) {
		struct lm_member *member = &m->members[i / 2];
		struct lm_rule *list = random_list(each, m->n_members);
		if (i % 2) {
			member->ingress = list;
			member->n_ingress = each;
		} else {
			member->egress = list;
			member->n_egress = each;
		}
	}
}

void rules_manifest(struct lm_manifest *m, unsigned rules)
{
	unsigned lists = lists_of(rules);

	fill(m, lists / 2 + 2, lists, each_of(rules));
}

void rules_members(struct lm_manifest *m, unsigned members, unsigned rules)
{
	fill(m, members, members * 2, rules / 2);
}

static void free_list(struct lm_rule *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		free(list[i].peers);
		free(list[i].labels);
		free(list[i].prefixes);
		free(list[i].ports);
	}
}

void rules_manifest_free(struct lm_manifest *m)
{
	for (unsigned i = 0; i < m->n_members; i++) {
		free_list(m->members[i].egress, m->members[i].n_egress);
		free_list(m->members[i].ingress, m->members[i].n_ingress);
		free(m->members[i].egress);
		free(m->members[i].ingress);
	}
	free(m->members);
}

struct lm_policy_key rules_packet(const struct lm_manifest *m)
{
	struct lm_policy_key k = {.src_member = (uint16_t)rules_below(m->n_members),
	    .dst_member = (uint16_t)rules_below(m->n_members),
	    .protocol = rules_below(2) ? LM_PROTO_TCP : LM_PROTO_UDP,
	    .dst_port = (uint16_t)rules_below(RULES_PORT_MAX),
	    .src = {.family = 4, .b = {10, 0, 0, 1}},
	    .dst = {.family = 4, .b = {10, 0, 0, 2}}};
	const struct lm_member *src = &m->members[k.src_member];
	if (src->n_egress == 0 || rules_below(5) == 0)
		return k;
	const struct lm_rule *r = &src->egress[rules_below(src->n_egress)];
	if (!r->any_peer)
		k.dst_member = r->peers[0];
	k.protocol = (uint8_t)r->protocol;
	k.dst_port = r->ports[0].from;
	return k;
}

/* ---- the costliest ---- */

static void worst_rule(struct lm_rule *rule, unsigned r)
{
	*rule = (struct lm_rule){.protocol = LM_PROTO_TCP,
	    .n_peers = LM_RULE_PEERS_MAX,
	    .n_labels = LM_RULE_LABELS_MAX,
	    .n_prefixes = LM_RULE_PREFIXES_MAX,
	    .n_ports = LM_RULE_PORTS_MAX};
	rule->peers = bench_must(calloc(rule->n_peers, sizeof(*rule->peers)), "peers");
	rule->labels = bench_must(calloc(rule->n_labels, sizeof(*rule->labels)), "labels");
	rule->prefixes = bench_must(calloc(rule->n_prefixes, sizeof(*rule->prefixes)), "nets");
	rule->ports = bench_must(calloc(rule->n_ports, sizeof(*rule->ports)), "ports");
	for (unsigned i = 0; i < LM_RULE_PEERS_MAX; i++)
		rule->peers[i] = (uint16_t)((r * 64 + i) % LM_MEMBERS_MAX);
	for (unsigned i = 0; i < LM_RULE_LABELS_MAX; i++)
		rule->labels[i] = (uint16_t)((r * 32 + i) % 8192);
	for (unsigned i = 0; i < LM_RULE_PREFIXES_MAX; i++) {
		uint16_t n = (uint16_t)(r * 64 + i);
		rule->prefixes[i] = (struct lm_prefix){
		    .ip = {.family = 6, .b = {0xfd, 0, n >> 8, n & 0xff, 1}}, .len = 40};
	}
	for (unsigned i = 0; i < LM_RULE_PORTS_MAX; i++)
		rule->ports[i].from = rule->ports[i].to =
		    (uint16_t)(1 + 2 * (r * LM_RULE_PORTS_MAX + i));
}

void rules_worst(struct lm_manifest *m)
{
	struct lm_rule *list = bench_must(calloc(LM_RULES_MAX, sizeof(*list)), "rules");
	*m = (struct lm_manifest){.n_members = LM_MEMBERS_MAX};
	for (unsigned r = 0; r < LM_RULES_MAX; r++)
		worst_rule(&list[r], r);
	m->members = bench_must(calloc(m->n_members, sizeof(*m->members)), "members");
	for (unsigned i = 0; i < m->n_members; i++) {
		m->members[i].n_labels = LM_MEMBER_LABELS_MAX;
		for (unsigned k = 0; k < LM_MEMBER_LABELS_MAX; k++)
			m->members[i].labels[k] = (uint16_t)(i * LM_MEMBER_LABELS_MAX + k);
	}
	m->members[0].egress = m->members[0].ingress = list;
	m->members[0].n_egress = m->members[0].n_ingress = LM_RULES_MAX;
}

void rules_worst_free(struct lm_manifest *m)
{
	free_list(m->members[0].egress, LM_RULES_MAX);
	free(m->members[0].egress);
	free(m->members);
}
