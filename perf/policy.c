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
#include <rte_eal.h>
#include <rte_malloc.h>
#include "bench.h"
#include "policy/policy.h"
#include "policy_acl.h"
#include "rules.h"

#define PACKETS ACL_PACKETS
#define LOOKUPS 1000000
#define BURST 32

/* ---- measuring ---- */

struct bench {
	unsigned rules, networks;
	struct lm_policy **policies;
	struct lm_policy_key packets[PACKETS];
	uint32_t net[PACKETS];
	uint64_t compile_ns;
	size_t bytes;
	unsigned allowed; /* of LOOKUPS */
	struct acl acl;
};

static uint64_t ask_ours(const struct bench *b, unsigned *allowed)
{
	uint64_t begin = bench_ns();
	*allowed = 0;
	for (unsigned i = 0; i < LOOKUPS; i++) {
		unsigned k = i % PACKETS;
		struct lm_ruling r = lm_policy_judge(b->policies[b->net[k]], &b->packets[k]);
		*allowed += r.verdict == LM_ALLOW;
	}
	return bench_ns() - begin;
}

static uint64_t ask_acl(const struct bench *b, unsigned burst)
{
	uint32_t out[BURST], in[BURST];
	volatile uint32_t sink = 0;
	uint64_t begin = bench_ns();
	for (unsigned i = 0; i < LOOKUPS; i += burst) {
		acl_ask(&b->acl, i % PACKETS, burst, out, in);
		sink = sink + out[0] + in[0];
	}
	return bench_ns() - begin;
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

/* With the same rules. Bytes are those of DPDK's memory. */
static void build_acl(struct bench *b, const struct lm_manifest *m, double *us, size_t *bytes)
{
	struct rte_malloc_socket_stats before = {0}, after = {0};
	rte_malloc_get_socket_stats(0, &before);
	uint64_t begin = bench_ns();
	acl_build(&b->acl, m, b->rules + RULES_LIST);
	*us = (double)(bench_ns() - begin) / 1000;
	rte_malloc_get_socket_stats(0, &after);
	*bytes = after.heap_allocsz_bytes - before.heap_allocsz_bytes;
	acl_packets(&b->acl, b->packets);
}

/* In turns, as the machine's speed changes. A table of rte_acl without rules cannot be asked. */
static void measure(struct bench *b, const struct lm_manifest *m)
{
	uint64_t ours[BENCH_ROUNDS], one[BENCH_ROUNDS], many[BENCH_ROUNDS];
	bool acl = b->networks == 1, asked = acl && b->rules > 1;
	double us = 0;
	size_t bytes = 0;
	if (acl)
		build_acl(b, m, &us, &bytes);
	if (asked)
		compare_verdicts(b);
	for (unsigned round = 0; round < BENCH_ROUNDS; round++) {
		ours[round] = ask_ours(b, &b->allowed);
		if (asked)
			one[round] = ask_acl(b, 1);
		if (asked)
			many[round] = ask_acl(b, BURST);
	}
	printf("%8u %8u | %8.1f %10.0f %10zu |", b->rules, b->networks, bench_median(ours, LOOKUPS),
	    (double)b->compile_ns / 1000 / b->networks, b->bytes / b->networks);
	if (asked)
		printf(" %8.1f %8.1f", bench_median(one, LOOKUPS), bench_median(many, LOOKUPS));
	else
		printf(" %8s %8s", "-", "-");
	if (acl)
		printf(" %10.0f %10zu", us, bytes);
	else
		printf(" %10s %10s", "-", "-");
	printf("   %.0f %% allowed\n", 100.0 * b->allowed / LOOKUPS);
	if (acl)
		acl_free(&b->acl);
}

static void run(unsigned rules, unsigned networks)
{
	struct bench *b = bench_must(calloc(1, sizeof(*b)), "bench");
	struct lm_manifest m = {0};
	*b = (struct bench){.rules = rules, .networks = networks};
	b->policies = bench_must(calloc(networks, sizeof(struct lm_policy *)), "networks");
	for (unsigned i = 0; i < networks; i++) {
		rules_manifest_free(&m);
		rules_manifest(&m, rules);
		uint64_t begin = bench_ns();
		bench_check(lm_policy_compile(&b->policies[i], &m), "lm_policy_compile");
		b->compile_ns += bench_ns() - begin;
		b->bytes += lm_policy_info(b->policies[i]).bytes;
		for (unsigned k = i; k < PACKETS; k += networks) {
			b->net[k] = i;
			b->packets[k] = rules_packet(&m);
		}
	}
	measure(b, &m);
	for (unsigned i = 0; i < networks; i++)
		lm_policy_free(b->policies[i]);
	rules_manifest_free(&m);
	free(b->policies);
	free(b);
}

static void run_worst(void)
{
	struct lm_manifest m;
	struct bench *b = bench_must(calloc(1, sizeof(*b)), "bench");
	struct lm_policy *policy;
	rules_worst(&m);
	uint64_t begin = bench_ns();
	bench_check(lm_policy_compile(&policy, &m), "lm_policy_compile");
	double us = (double)(bench_ns() - begin) / 1000;
	b->policies = &policy;
	for (unsigned i = 0; i < PACKETS; i++) {
		uint16_t net = (uint16_t)rules_below(LM_RULES_MAX * LM_RULE_PREFIXES_MAX);
		struct lm_ip ip = {.family = 6, .b = {0xfd, 0, net >> 8, net & 0xff, 1, 1}};
		/* Both sides are the same member, whose two lists are the same. */
		b->packets[i] = (struct lm_policy_key){.protocol = LM_PROTO_TCP,
		    .dst_port = (uint16_t)(1 + 2 * (net / 64 * 32 + rules_below(32))),
		    .src = ip,
		    .dst = ip};
	}
	uint64_t rounds[BENCH_ROUNDS];
	for (unsigned round = 0; round < BENCH_ROUNDS; round++)
		rounds[round] = ask_ours(b, &b->allowed);
	printf("%8s %8u | %8.1f %10.0f %10zu |   %.0f %% allowed\n", "worst", 1,
	    bench_median(rounds, LOOKUPS), us, lm_policy_info(policy).bytes,
	    100.0 * b->allowed / LOOKUPS);
	lm_policy_free(policy);
	rules_worst_free(&m);
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
		bench_check(-rte_errno, "rte_eal_init");
	run(rules, networks);
	return EXIT_SUCCESS;
}
