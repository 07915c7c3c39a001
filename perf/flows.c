/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the flow table makes of rules: the cost of packets whose flow it knows and of
 * those whose flow it does not, through the data path of one gateway (one_gateway.h).
 *
 *   leasemesh-flows EAL-ARGUMENTS -- path NETWORKS RULES FLOWS
 *   leasemesh-flows EAL-ARGUMENTS -- hits NETWORKS LIMIT
 *   leasemesh-flows EAL-ARGUMENTS -- table FLOWS
 *   leasemesh-flows EAL-ARGUMENTS -- swap RULES FLOWS
 *
 * path: a line with ns a packet. hits: whether 10,000 rules make a hit dearer than 1
 * does; ends with 1 if it is more than LIMIT times as dear. table: beside rte_hash
 * (flows_hash.c). swap: other rules for a network (flows_swap.c). perf/policy runs them.
 */
#include "flows.h"

#include <math.h>
#include <rte_eal.h>
#include "base/log.h"
#include "bench.h"
#include "one_gateway.h"
#include "rules.h"

#define PACKETS (1u << 19) /* of a round */
#define SKEW 7.2 /* of the flows a fifth gets four fifths of the packets: log 0.2 / log 0.8 */

static unsigned endpoints_of(unsigned networks)
{
	return networks > 1 ? FLOWS_ENDPOINTS_EACH : FLOWS_ENDPOINTS;
}

/* ---- in which order ---------------------------------------------------------- */

enum order { ONE_BY_ONE, UNIFORM, SKEWED };

static uint64_t *order(const struct one_gateway *g, enum order how, unsigned flows, unsigned n)
{
	uint64_t *list = bench_must(malloc(n * sizeof(*list)), "packets");

	for (unsigned i = 0; i < n; i++) {
		uint32_t number = i % flows;

		if (how == UNIFORM)
			number = rules_below(flows);
		else if (how == SKEWED)
			number = (uint32_t)(flows * pow(rules_below(1u << 30) / 0x1p30, SKEW));
		list[i] = one_gateway_flow(g, number);
	}
	return list;
}

/* ---- measuring ------------------------------------------------------------------ */

/* CPU time, less that of making the packets. */
static uint64_t play_ns(struct one_gateway *g, const uint64_t *list, unsigned n, unsigned expected)
{
	uint64_t begin = bench_ns();

	one_gateway_rehearse(g, list, n);
	uint64_t middle = bench_ns();
	unsigned out = one_gateway_play(g, list, n);
	uint64_t end = bench_ns(), rehearsed = middle - begin;
	if (out != expected) {
		fprintf(stderr, "of %u packets %u came out, not %u\n", n, out, expected);
		exit(EXIT_FAILURE);
	}
	return end - middle > rehearsed ? end - middle - rehearsed : 0;
}

static uint64_t misses(const struct one_gateway *g)
{
	struct lm_counters c;

	lm_dp_counters(g->dp, -1, &c);
	return c.flow_misses;
}

/* Packets of flows that are known, or of which none passes. */
static double measure(struct one_gateway *g, const uint64_t *list, unsigned n, bool hits)
{
	uint64_t ns[BENCH_ROUNDS];

	for (unsigned round = 0; round < BENCH_ROUNDS; round++) {
		uint64_t before = misses(g);

		ns[round] = play_ns(g, list, n, hits ? n : 0);
		if (misses(g) - before != (hits ? 0 : n))
			bench_check(-EINVAL, "the flow table knows other flows than it should");
	}
	return bench_median(ns, n);
}

/* All flows are new: routed, judged, and remembered. At the end the table has them. */
static double measure_set_up(struct one_gateway *g, unsigned flows)
{
	unsigned n = flows < PACKETS ? flows : PACKETS;
	uint64_t *list = order(g, ONE_BY_ONE, flows, flows), ns[BENCH_ROUNDS];

	for (unsigned round = 0; round < BENCH_ROUNDS; round++) {
		one_gateway_forget(g);
		ns[round] = play_ns(g, list, n, n);
	}
	one_gateway_play(g, list + n, flows - n);
	free(list);
	return bench_median(ns, n);
}

static double measure_order(
    struct one_gateway *g, enum order how, unsigned flows, unsigned n, bool hits)
{
	uint64_t *list = order(g, how, flows, n);
	double ns = measure(g, list, n, hits);

	free(list);
	return ns;
}

static void path(unsigned networks, unsigned rules, unsigned flows)
{
	struct one_gateway g;

	one_gateway_open(&g, &(struct one_gateway_config){.networks = networks,
				 .endpoints = endpoints_of(networks),
				 .rules = rules,
				 .flows = flows});
	double set_up = measure_set_up(&g, flows);
	double uniform = measure_order(&g, UNIFORM, flows, PACKETS, true);
	double skewed = measure_order(&g, SKEWED, flows, PACKETS, true);
	for (unsigned i = 0; i < networks; i++)
		one_gateway_publish(&g, i, true);
	one_gateway_forget(&g);
	double denied = measure_order(&g, UNIFORM, flows, PACKETS, false);
	printf("%8u %8u %8u | %8.1f %8.1f | %8.1f %8.1f | %10.2f\n", rules, networks, flows,
	    uniform, skewed, denied, set_up, 1e3 / set_up);
	one_gateway_close(&g);
}

/* ---- hits cost the same ---------------------------------------------------------- */

enum { HIT_FLOWS = 64000, HIT_ROUNDS = 3 * BENCH_ROUNDS };

/* In turns, and each round is compared with its neighbour: the machine changes slower than that. */
static int hits(unsigned networks, double limit)
{
	static const unsigned rules[2] = {1, 10000};
	struct one_gateway g[2];
	uint64_t *list[2], parts[HIT_ROUNDS], ns[2][HIT_ROUNDS];

	for (unsigned i = 0; i < 2; i++) {
		one_gateway_open(&g[i], &(struct one_gateway_config){.networks = networks,
					    .endpoints = endpoints_of(networks),
					    .rules = rules[i],
					    .flows = HIT_FLOWS});
		uint64_t *all = order(&g[i], ONE_BY_ONE, HIT_FLOWS, HIT_FLOWS);
		one_gateway_play(&g[i], all, HIT_FLOWS);
		free(all);
		list[i] = order(&g[i], UNIFORM, HIT_FLOWS, PACKETS);
	}
	for (unsigned round = 0; round < HIT_ROUNDS; round++) {
		for (unsigned k = 0; k < 2; k++) {
			unsigned i = (round + k) % 2;
			ns[i][round] = play_ns(&g[i], list[i], PACKETS, PACKETS);
		}
		parts[round] = ns[1][round] * 1000000 / (ns[0][round] ? ns[0][round] : 1);
	}
	double ratio = (double)percentile(parts, HIT_ROUNDS, 0.5) / 1e6;
	printf("a hit in one of %u networks: %.1f ns with 1 rule each, %.1f ns with 10,000; %.3f "
	       "times, "
	       "at most %.2f: %s\n",
	    networks, (double)percentile(ns[0], HIT_ROUNDS, 0.5) / PACKETS,
	    (double)percentile(ns[1], HIT_ROUNDS, 0.5) / PACKETS, ratio, limit,
	    ratio <= limit ? "as it should be" : "TOO MUCH");
	for (unsigned i = 0; i < 2; i++) {
		free(list[i]);
		one_gateway_close(&g[i]);
	}
	return ratio <= limit ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- arguments --------------------------------------------------------------------- */

static unsigned number(const char *text, unsigned most)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || n == 0 || n > most) {
		fprintf(stderr, "%s: not a number from 1 to %u\n", text, most);
		exit(EXIT_FAILURE);
	}
	return (unsigned)n;
}

static int run(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "path") == 0 && argc == 5)
		path(number(argv[2], 10000), number(argv[3], 20000), number(argv[4], 1u << 22));
	else if (strcmp(what, "hits") == 0 && argc == 4)
		return hits(number(argv[2], 10000), strtod(argv[3], NULL));
	else if (strcmp(what, "table") == 0 && argc == 3)
		flows_table(number(argv[2], 1u << 22));
	else if (strcmp(what, "swap") == 0 && argc == 4)
		flows_swap(number(argv[2], 20000), number(argv[3], 1u << 22));
	else
		bench_check(-EINVAL, "usage: leasemesh-flows EAL-ARGUMENTS -- "
				     "path N R F | hits N LIMIT | table F | swap R F");
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);

	if (used < 0)
		return EXIT_FAILURE;
	lm_log_set_level(LM_WARN);
	int result = run(argc - used, argv + used);
	rte_eal_cleanup();
	return result;
}
