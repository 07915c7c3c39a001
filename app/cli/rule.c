/* SPDX-License-Identifier: Apache-2.0 */
#include "rule.h"

#include <stdlib.h>
#include <string.h>

static void print_protocol(FILE *out, uint16_t protocol)
{
	switch (protocol) {
	case LM_PROTO_ANY:
		fprintf(out, " any protocol");
		break;
	case LM_PROTO_ICMP:
		fprintf(out, " icmp");
		break;
	case LM_PROTO_ICMPV6:
		fprintf(out, " icmpv6");
		break;
	case LM_PROTO_TCP:
		fprintf(out, " tcp");
		break;
	case LM_PROTO_UDP:
		fprintf(out, " udp");
		break;
	case LM_PROTO_GRE:
		fprintf(out, " gre");
		break;
	case LM_PROTO_SCTP:
		fprintf(out, " sctp");
		break;
	default:
		fprintf(out, " protocol %u", protocol);
	}
}

/* ---- peers ---- */

static void print_prefixes(FILE *out, const char *first, const struct lm_prefix *list, unsigned n)
{
	char text[LM_PREFIX_TEXT];
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "%s %s", i ? "," : first, lm_prefix_text(text, &list[i]));
}

static void print_peers(FILE *out, const struct lm_manifest *m, const struct lm_rule *r)
{
	const char *comma = "";
	if (r->any_peer)
		fprintf(out, " any");
	for (unsigned i = 0; i < r->n_peers; i++, comma = ",")
		fprintf(out, "%s %s", comma, m->members[r->peers[i]].name);
	for (unsigned i = 0; i < r->n_labels; i++, comma = ",")
		fprintf(out, "%s label %s", comma, m->labels[r->labels[i]]);
	print_prefixes(out, comma, r->prefixes, r->n_prefixes);
	print_prefixes(out, " except", r->except, r->n_except);
}

void rule_print(FILE *out, const struct lm_manifest *m, const struct lm_rule *r, bool ingress)
{
	char rate[LM_FLOW_RATE_TEXT];
	fprintf(out, "may %s%s", r->deny ? "not " : "", ingress ? "be reached from" : "reach");
	print_peers(out, m, r);
	putc(':', out);
	print_protocol(out, r->protocol);
	for (unsigned i = 0; i < r->n_ports; i++) {
		fprintf(out, "%s %u", i ? "," : "", r->ports[i].from);
		if (r->ports[i].to != r->ports[i].from)
			fprintf(out, "-%u", r->ports[i].to);
	}
	if (r->rate.n > 0)
		fprintf(out, ", at most %s", lm_flow_rate_text(rate, &r->rate));
	if (r->log)
		fprintf(out, " (log)");
}

/* ---- the same words for the same meaning ---- */

static int compare_ports(const void *a, const void *b)
{
	const struct lm_port_range *x = a, *y = b;
	return x->from != y->from ? (x->from < y->from ? -1 : 1) : (int)x->to - y->to;
}

static int compare_prefixes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct lm_prefix));
}

static int compare_names(const void *a, const void *b, void *m)
{
	const struct lm_manifest *manifest = m;
	const uint16_t *x = a, *y = b;
	return strcmp(manifest->members[*x].name, manifest->members[*y].name);
}

/* Labels are numbered by their names' order. */
static int compare_labels(const void *a, const void *b)
{
	const uint16_t *x = a, *y = b;
	return (int)*x - *y;
}

char *rule_text(const struct lm_manifest *m, const struct lm_rule *rule, bool ingress)
{
	uint16_t peers[LM_RULE_PEERS_MAX], labels[LM_RULE_LABELS_MAX];
	struct lm_prefix prefixes[LM_RULE_PREFIXES_MAX], except[LM_RULE_PREFIXES_MAX];
	struct lm_port_range ports[LM_RULE_PORTS_MAX];
	struct lm_rule sorted = *rule;
	char *text = NULL;
	size_t len;

#define SORTED_COPY(list, n, compare) \
	do { \
		if (n) \
			memcpy(list, rule->list, (n) * sizeof((list)[0])); \
		qsort(list, n, sizeof((list)[0]), compare); \
		sorted.list = list; \
	} while (0)
	SORTED_COPY(labels, rule->n_labels, compare_labels);
	SORTED_COPY(prefixes, rule->n_prefixes, compare_prefixes);
	SORTED_COPY(except, rule->n_except, compare_prefixes);
	SORTED_COPY(ports, rule->n_ports, compare_ports);
#undef SORTED_COPY
	if (rule->n_peers)
		memcpy(peers, rule->peers, rule->n_peers * sizeof(peers[0]));
	qsort_r(peers, rule->n_peers, sizeof(peers[0]), compare_names, (void *)(uintptr_t)m);
	sorted.peers = peers;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	rule_print(out, m, &sorted, ingress);
	return fclose(out) == 0 ? text : NULL;
}

/* ---- tests ---- */

static void print_via(FILE *out, const struct lm_manifest *m, const struct lm_via *via)
{
	fprintf(out, "%s", m->members[via->member].name);
	if (via->replica >= 0)
		fprintf(out, "/%d", via->replica);
}

static void print_end(FILE *out, const struct lm_manifest *m, const struct lm_probe_end *end)
{
	char text[LM_IP_TEXT];
	if (end->ip.family)
		fprintf(out, "%s", lm_ip_text(text, &end->ip));
	else
		print_via(out, m, &end->who);
}

void rule_print_probe(FILE *out, const struct lm_manifest *m, const struct lm_probe *probe)
{
	print_end(out, m, &probe->from);
	fprintf(out, " to ");
	print_end(out, m, &probe->to);
	putc(',', out);
	print_protocol(out, probe->protocol);
	if (probe->port)
		fprintf(out, " %u", probe->port);
}

/* ---- routes ---- */

void rule_print_vias(FILE *out, const struct lm_manifest *m, const struct lm_route *r)
{
	for (unsigned i = 0; i < r->n_vias; i++) {
		fprintf(out, "%s", i ? ", " : "");
		print_via(out, m, &r->vias[i]);
	}
}

char *rule_vias_text(const struct lm_manifest *m, const struct lm_route *r)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	rule_print_vias(out, m, r);
	return fclose(out) == 0 ? text : NULL;
}
