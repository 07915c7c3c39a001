/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the policy costs a flow that the flow table does not know, beside DPDK's
 * rte_acl with the same rules; both must give the same verdicts.
 *
 *   leasemesh-policy RULES NETWORKS    rules of each network
 *   leasemesh-policy worst             the costliest lists that a manifest can hold
 *
 * Prints one line: rules, networks, then for us ns a verdict, us to compile and bytes,
 * then for rte_acl ns one by one and in bursts of 32, us to build and bytes ("-":
 * not compared, as with many networks packets of one do not come in bursts).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include "policy/policy.h"
#include "policy_acl.h"

#define LIST 100 /* rules of one list */
#define PACKETS ACL_PACKETS
#define LOOKUPS 1000000
#define ROUNDS 5
#define BURST 32

static uint64_t random_state = 88172645463325252;

static uint32_t below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % n;
}

/* CPU time, so that a busy machine does not count. */
static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *must(void *p, const char *what)
{
	if (!p) {
		fprintf(stderr, "%s: %s\n", what, rte_strerror(rte_errno));
		exit(EXIT_FAILURE);
	}
	return p;
}

static void check(int err, const char *what)
{
	if (err == 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-err));
	exit(EXIT_FAILURE);
}

static int compare_ns(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* ---- rules, and packets that they are about ---- */

static struct lm_rule *random_list(unsigned n, unsigned n_members)
{
	struct lm_rule *list = must(calloc(n + 1, sizeof(*list)), "rules");
	for (unsigned i = 0; i < n; i++) {
		struct lm_rule *r = &list[i];
		r->deny = below(4) == 0;
		r->any_peer = below(4) == 0;
		r->protocol = below(3) ? LM_PROTO_TCP : LM_PROTO_UDP;
		r->peers = must(calloc(1, sizeof(*r->peers)), "peers");
		r->ports = must(calloc(1, sizeof(*r->ports)), "ports");
		r->n_peers = !r->any_peer;
		r->peers[0] = (uint16_t)below(n_members);
		r->n_ports = 1;
		r->ports[0].from = (uint16_t)(1 + below(2000));
		r->ports[0].to = (uint16_t)(r->ports[0].from + (below(2) ? 0 : below(200)));
	}
	return list;
}

static void random_manifest(struct lm_manifest *m, unsigned rules)
{
	unsigned each = rules < 2          ? 1
			: rules / 2 < LIST ? rules / 2
					   : LIST,
		 lists = (rules + each - 1) / each;
	*m = (struct lm_manifest){.n_members = lists / 2 + 2};
	m->members = must(calloc(m->n_members, sizeof(*m->members)), "members");
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

static void free_list(struct lm_rule *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		free(list[i].peers);
		free(list[i].ports);
	}
	free(list);
}

static void free_manifest(struct lm_manifest *m)
{
	for (unsigned i = 0; i < m->n_members; i++) {
		free_list(m->members[i].egress, m->members[i].n_egress);
		free_list(m->members[i].ingress, m->members[i].n_ingress);
	}
	free(m->members);
}

/* Most are what some rule of the source is about, so that both sides are asked. */
static struct lm_policy_key random_packet(const struct lm_manifest *m)
{
	struct lm_policy_key k = {.src_member = (uint16_t)below(m->n_members),
	    .dst_member = (uint16_t)below(m->n_members),
	    .protocol = below(2) ? LM_PROTO_TCP : LM_PROTO_UDP,
	    .dst_port = (uint16_t)below(2200),
	    .src = {.family = 4, .b = {10, 0, 0, 1}},
	    .dst = {.family = 4, .b = {10, 0, 0, 2}}};
	const struct lm_member *src = &m->members[k.src_member];
	if (src->n_egress == 0 || below(5) == 0)
		return k;
	const struct lm_rule *r = &src->egress[below(src->n_egress)];
	if (!r->any_peer)
		k.dst_member = r->peers[0];
	k.protocol = (uint8_t)r->protocol;
	k.dst_port = r->ports[0].from;
	return k;
}

/* ---- measuring ---- */

struct bench {
	unsigned rules, networks;
	struct lm_policy **policies;
	struct lm_policy_key packets[PACKETS];
	uint32_t net[PACKETS];
	struct acl acl;
};

static double median_ns(uint64_t rounds[ROUNDS], unsigned each)
{
	qsort(rounds, ROUNDS, sizeof(rounds[0]), compare_ns);
	return (double)rounds[ROUNDS / 2] / each;
}

static double measure_ours(const struct bench *b, unsigned *allowed)
{
	uint64_t rounds[ROUNDS];
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t begin = now_ns();
		*allowed = 0;
		for (unsigned i = 0; i < LOOKUPS; i++) {
			unsigned k = i % PACKETS;
			struct lm_ruling r =
			    lm_policy_judge(b->policies[b->net[k]], &b->packets[k]);
			*allowed += r.verdict == LM_ALLOW;
		}
		rounds[round] = now_ns() - begin;
	}
	return median_ns(rounds, LOOKUPS);
}

static double measure_acl(const struct bench *b, unsigned burst)
{
	uint64_t rounds[ROUNDS];
	uint32_t out[BURST], in[BURST];
	volatile uint32_t sink = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t begin = now_ns();
		for (unsigned i = 0; i < LOOKUPS; i += burst) {
			acl_ask(&b->acl, i % PACKETS, burst, out, in);
			sink = sink + out[0] + in[0];
		}
		rounds[round] = now_ns() - begin;
	}
	return median_ns(rounds, LOOKUPS);
}

static void compare_verdicts(const struct bench *b)
{
	for (unsigned i = 0; i < PACKETS; i++) {
		struct lm_ruling r = lm_policy_judge(b->policies[0], &b->packets[i]);
		uint32_t out, in;
		acl_ask(&b->acl, i, 1, &out, &in);
		if ((r.verdict == LM_ALLOW) == (out == ACL_ALLOWED && in == ACL_ALLOWED))
			continue;
		fprintf(stderr, "packet %u: the verdicts differ\n", i);
		exit(EXIT_FAILURE);
	}
}

static void compare_with_acl(struct bench *b, const struct lm_manifest *m)
{
	struct rte_malloc_socket_stats before = {0}, after = {0};
	rte_malloc_get_socket_stats(0, &before);
	uint64_t begin = now_ns();
	acl_build(&b->acl, m, b->rules + LIST);
	double us = (double)(now_ns() - begin) / 1000;
	rte_malloc_get_socket_stats(0, &after);
	acl_packets(&b->acl, b->packets);
	/* A table without rules cannot be asked. */
	if (b->rules > 1) {
		compare_verdicts(b);
		printf(" %8.1f %8.1f", measure_acl(b, 1), measure_acl(b, BURST));
	} else {
		printf(" %8s %8s", "-", "-");
	}
	printf(" %10.0f %10zu", us, after.heap_allocsz_bytes - before.heap_allocsz_bytes);
	acl_free(&b->acl);
}

static void run(unsigned rules, unsigned networks)
{
	struct bench *b = must(calloc(1, sizeof(*b)), "bench");
	struct lm_manifest m = {0};
	uint64_t ns = 0;
	size_t bytes = 0;
	unsigned allowed;
	*b = (struct bench){.rules = rules, .networks = networks};
	b->policies = must(calloc(networks, sizeof(struct lm_policy *)), "networks");
	for (unsigned i = 0; i < networks; i++) {
		free_manifest(&m);
		random_manifest(&m, rules);
		uint64_t begin = now_ns();
		check(lm_policy_compile(&b->policies[i], &m), "lm_policy_compile");
		ns += now_ns() - begin;
		bytes += lm_policy_info(b->policies[i]).bytes;
		for (unsigned k = i; k < PACKETS; k += networks) {
			b->net[k] = i;
			b->packets[k] = random_packet(&m);
		}
	}
	double ours = measure_ours(b, &allowed);
	printf("%8u %8u | %8.1f %10.0f %10zu |", rules, networks, ours,
	    (double)ns / 1000 / networks, bytes / networks);
	if (networks == 1)
		compare_with_acl(b, &m);
	else
		printf(" %8s %8s %10s %10s", "-", "-", "-", "-");
	printf("   %.0f %% allowed\n", 100.0 * allowed / LOOKUPS);
	for (unsigned i = 0; i < networks; i++)
		lm_policy_free(b->policies[i]);
	free_manifest(&m);
	free(b->policies);
	free(b);
}

/* ---- the costliest ---- */

/* Lists of 256 rules about as many members, labels, prefixes and ports as there may be. */
static void worst_list(struct lm_rule *list)
{
	for (unsigned r = 0; r < LM_RULES_MAX; r++) {
		struct lm_rule *rule = &list[r];
		*rule = (struct lm_rule){.protocol = LM_PROTO_TCP,
		    .n_peers = LM_RULE_PEERS_MAX,
		    .n_labels = LM_RULE_LABELS_MAX,
		    .n_prefixes = LM_RULE_PREFIXES_MAX,
		    .n_ports = LM_RULE_PORTS_MAX};
		rule->peers = must(calloc(rule->n_peers, sizeof(*rule->peers)), "peers");
		rule->labels = must(calloc(rule->n_labels, sizeof(*rule->labels)), "labels");
		rule->prefixes = must(calloc(rule->n_prefixes, sizeof(*rule->prefixes)), "nets");
		rule->ports = must(calloc(rule->n_ports, sizeof(*rule->ports)), "ports");
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
}

static void run_worst(void)
{
	static struct lm_rule list[LM_RULES_MAX];
	struct lm_manifest m = {.n_members = LM_MEMBERS_MAX};
	struct bench *b = must(calloc(1, sizeof(*b)), "bench");
	struct lm_policy *policy;
	unsigned allowed;
	worst_list(list);
	m.members = must(calloc(m.n_members, sizeof(*m.members)), "members");
	for (unsigned i = 0; i < m.n_members; i++) {
		m.members[i].n_labels = LM_MEMBER_LABELS_MAX;
		for (unsigned k = 0; k < LM_MEMBER_LABELS_MAX; k++)
			m.members[i].labels[k] = (uint16_t)(i * LM_MEMBER_LABELS_MAX + k);
	}
	m.members[0].egress = m.members[0].ingress = list;
	m.members[0].n_egress = m.members[0].n_ingress = LM_RULES_MAX;
	uint64_t begin = now_ns();
	check(lm_policy_compile(&policy, &m), "lm_policy_compile");
	double us = (double)(now_ns() - begin) / 1000;
	b->policies = &policy;
	for (unsigned i = 0; i < PACKETS; i++) {
		uint16_t net = (uint16_t)below(LM_RULES_MAX * LM_RULE_PREFIXES_MAX);
		struct lm_ip ip = {.family = 6, .b = {0xfd, 0, net >> 8, net & 0xff, 1, 1}};
		/* Both sides are the same member, whose two lists are the same. */
		b->packets[i] = (struct lm_policy_key){.protocol = LM_PROTO_TCP,
		    .dst_port = (uint16_t)(1 + 2 * (net / 64 * 32 + below(32))),
		    .src = ip,
		    .dst = ip};
	}
	double ns = measure_ours(b, &allowed);
	printf("%8s %8u | %8.1f %10.0f %10zu |   %.0f %% allowed\n", "worst", 1, ns, us,
	    lm_policy_info(policy).bytes, 100.0 * allowed / LOOKUPS);
	lm_policy_free(policy);
	for (unsigned r = 0; r < LM_RULES_MAX; r++) {
		free(list[r].peers);
		free(list[r].labels);
		free(list[r].prefixes);
		free(list[r].ports);
	}
	free(m.members);
	free(b);
}

int main(int argc, char **argv)
{
	char *eal[] = {argv[0], "--no-huge", "--no-shconf", "-m", "1024", "--no-pci",
	    "--no-telemetry", "--log-level=error", NULL};
	if (argc == 2 && strcmp(argv[1], "worst") == 0) {
		run_worst();
		return EXIT_SUCCESS;
	}
	unsigned rules = argc == 3 ? (unsigned)atoi(argv[1]) : 0;
	unsigned networks = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
	if (rules == 0 || rules > 100000 || networks == 0 || networks > PACKETS) {
		fprintf(stderr, "usage: leasemesh-policy RULES NETWORKS | worst\n");
		return EXIT_FAILURE;
	}
	if (networks == 1 && rte_eal_init((int)(sizeof(eal) / sizeof(eal[0])) - 1, eal) < 0)
		check(-rte_errno, "rte_eal_init");
	run(rules, networks);
	return EXIT_SUCCESS;
}
