/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a packet costs a gateway that has much to remember: 64 bytes from workloads into tunnels,
 * of flows that it knows, drawn at random; one worker turned by hand (one_gateway.h).
 *
 *   leasemesh-growth EAL-ARGUMENTS -- FLOWS NETWORKS ENDPOINTS RULES PEERS
 *
 * ENDPOINTS and RULES are each network's. Prints ns of CPU time a packet, and beside it what
 * reading one cache line costs that is drawn from as many as there are flows: what the memory would
 * take for one miss, were nothing done about it. perf/growth runs it.
 */
#include <rte_eal.h>
#include <rte_malloc.h>
#include "base/log.h"
#include "bench.h"
#include "one_gateway.h"
#include "rules.h"

#define PACKETS (1u << 18) /* of a round */

static void play(struct one_gateway *g, const uint64_t *list, unsigned n)
{
	unsigned out = one_gateway_play(g, list, n);

	if (out == n)
		return;
	fprintf(stderr, "of %u packets %u came out\n", n, out);
	exit(EXIT_FAILURE);
}

static double packet_ns(struct one_gateway *g, unsigned flows)
{
	unsigned most = flows > PACKETS ? flows : PACKETS;
	uint64_t *list = bench_must(malloc(most * sizeof(*list)), "packets"), ns[BENCH_ROUNDS];

	for (unsigned i = 0; i < flows; i++)
		list[i] = one_gateway_flow(g, i);
	play(g, list, flows);
	for (unsigned i = 0; i < PACKETS; i++)
		list[i] = one_gateway_flow(g, rules_below(flows));
	for (unsigned round = 0; round < BENCH_ROUNDS; round++) {
		uint64_t begin = bench_ns();

		one_gateway_rehearse(g, list, PACKETS);
		uint64_t middle = bench_ns();
		play(g, list, PACKETS);
		uint64_t end = bench_ns(), rehearsed = middle - begin;
		ns[round] = end - middle > rehearsed ? end - middle - rehearsed : 0;
	}
	free(list);
	return bench_median(ns, PACKETS);
}

struct line {
	uint32_t next;
	uint8_t rest[60];
};

/* Each line says which is next, in one round through all of them (Sattolo's shuffle). */
static double line_ns(unsigned n)
{
	struct line *lines = bench_must(rte_malloc(NULL, n * sizeof(*lines), 64), "lines");
	uint64_t ns[BENCH_ROUNDS];
	uint32_t at = 0;

	for (uint32_t i = 0; i < n; i++)
		lines[i].next = i;
	for (uint32_t i = n - 1; i > 0; i--) {
		uint32_t k = rules_below(i), kept = lines[i].next;

		lines[i].next = lines[k].next;
		lines[k].next = kept;
	}
	for (unsigned round = 0; round < BENCH_ROUNDS; round++) {
		uint64_t begin = bench_ns();

		for (unsigned i = 0; i < PACKETS; i++)
			at = lines[at].next;
		ns[round] = bench_ns() - begin;
	}
	/* at is used, lest nothing be read. */
	double each = bench_median(ns, PACKETS) + (at == UINT32_MAX);
	rte_free(lines);
	return each;
}

static unsigned number(const char *text, unsigned least, unsigned most)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || n < least || n > most) {
		fprintf(stderr, "%s: not a number from %u to %u\n", text, least, most);
		exit(EXIT_FAILURE);
	}
	return (unsigned)n;
}

static void run(char **argv)
{
	unsigned flows = number(argv[0], 1, 1u << 22);
	const struct one_gateway_config config = {.flows = flows,
	    .networks = number(argv[1], 1, 10000),
	    .endpoints = number(argv[2], 2, 256) / 2 * 2,
	    .rules = number(argv[3], 1, 20000),
	    .peers = number(argv[4], 1, 1000)};
	struct one_gateway g;

	double line = line_ns(flows);
	one_gateway_open(&g, &config);
	double packet = packet_ns(&g, flows);
	printf("%.1f %.1f\n", packet, line);
	one_gateway_close(&g);
}

int main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);

	if (used < 0)
		return EXIT_FAILURE;
	lm_log_set_level(LM_WARN);
	if (argc - used != 6)
		bench_check(-EINVAL, "usage: leasemesh-growth EAL-ARGUMENTS -- "
				     "FLOWS NETWORKS ENDPOINTS RULES PEERS");
	run(argv + used + 1);
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}
