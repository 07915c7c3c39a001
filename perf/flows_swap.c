/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other rules for a network: what compiling and publishing them take, until when a
 * busy worker goes by them, and what it costs to judge all flows anew.
 */
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include "bench.h"
#include "dataplane/worker.h"
#include "flows.h"
#include "one_gateway.h"

#define SWAPS 501

/* ---- publication -------------------------------------------------------------- */

struct swap {
	double compile_us, publish_us, until_us, until_p99_us; /* until the worker goes by it */
};

static double us(uint64_t cycles)
{
	return (double)cycles * 1e6 / (double)rte_get_tsc_hz();
}

/* By the clock on the wall, beside a worker whose port is always full. */
static struct swap swap_beside_worker(unsigned rules)
{
	static uint64_t publish[SWAPS], until[SWAPS];
	struct one_gateway g;

	one_gateway_open(&g, &(struct one_gateway_config){.networks = 1,
				 .endpoints = FLOWS_ENDPOINTS,
				 .rules = rules,
				 .flows = 1000,
				 .busy = true});
	struct lm_dp_worker_arg arg = {.dp = g.dp};
	unsigned lcore = rte_get_next_lcore(-1, 1, 0);
	bench_check(rte_eal_remote_launch(lm_dp_worker_main, &arg, lcore), "worker");
	for (unsigned i = 0; i < SWAPS; i++) {
		uint64_t begin = rte_rdtsc();

		one_gateway_publish(&g, 0, i % 2);
		publish[i] = rte_rdtsc() - begin;
		lm_reclaim_wait(&g.dp->reclaim);
		until[i] = rte_rdtsc() - begin;
		rte_delay_us_block(200);
	}
	lm_dp_stop(g.dp);
	rte_eal_wait_lcore(lcore);
	struct swap s = {.compile_us = (double)g.tenants.compile_ns / 1e3,
	    .publish_us = us(percentile(publish, SWAPS, 0.5)),
	    .until_us = us(percentile(until, SWAPS, 0.5)),
	    .until_p99_us = us(percentile(until, SWAPS, 0.99))};
	one_gateway_close(&g);
	return s;
}

/* ---- flows ----------------------------------------------------------------------- */

/* One look at the whole table. */
static uint64_t sweep(struct one_gateway *g)
{
	struct lm_worker *w = g->dp->workers[0];
	uint64_t begin = bench_ns();

	lm_flows_age(&w->flows, w->tick, w->flows.slot_mask + 1, lm_judge_keep, w);
	return bench_ns() - begin;
}

enum { QUIET, ALLOWED, DENIED, SWEEPS };

/* ns a flow: nothing has changed; all are judged anew and stay; all are judged anew and end. */
static void swap_flows(unsigned rules, unsigned flows, double out[SWEEPS])
{
	uint64_t ns[SWEEPS][BENCH_ROUNDS],
	    *list = bench_must(malloc(flows * sizeof(*list)), "flows");
	struct one_gateway g;

	one_gateway_open(
	    &g, &(struct one_gateway_config){
		    .networks = 1, .endpoints = FLOWS_ENDPOINTS, .rules = rules, .flows = flows});
	for (unsigned i = 0; i < flows; i++)
		list[i] = one_gateway_flow(&g, i);
	for (unsigned round = 0; round < BENCH_ROUNDS; round++) {
		one_gateway_publish(&g, 0, false);
		if (one_gateway_play(&g, list, flows) != flows)
			bench_check(-EINVAL, "not all flows pass");
		ns[QUIET][round] = sweep(&g);
		one_gateway_publish(&g, 0, false);
		ns[ALLOWED][round] = sweep(&g);
		if (lm_dp_flow_count(g.dp) != flows)
			bench_check(-EINVAL, "flows have ended that are allowed");
		one_gateway_publish(&g, 0, true);
		ns[DENIED][round] = sweep(&g);
		if (lm_dp_flow_count(g.dp) != 0)
			bench_check(-EINVAL, "flows go on that are denied");
	}
	for (unsigned i = 0; i < SWEEPS; i++)
		out[i] = bench_median(ns[i], flows);
	one_gateway_close(&g);
	free(list);
}

void flows_swap(unsigned rules, unsigned flows)
{
	double sweeps[SWEEPS];
	struct swap s = swap_beside_worker(rules);

	swap_flows(rules, flows, sweeps);
	printf("%8u | %10.0f %10.1f %10.1f %10.1f | %8u %8.1f %8.1f %8.1f\n", rules, s.compile_us,
	    s.publish_us, s.until_us, s.until_p99_us, flows, sweeps[QUIET], sweeps[ALLOWED],
	    sweeps[DENIED]);
}
