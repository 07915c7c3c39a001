/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixed bursts through a worker whose cipher does nothing, for callgrind to count:
 * perf/instructions runs this one under valgrind, and divides what it counts inside of
 * lm_dp_bench_round.
 *
 *   leasemesh-instructions CASE
 *
 * prints what it was built with, and how many packets were counted. The gateways are those of the
 * unit tests, on rings.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_common.h>
#include <rte_random.h>
#include <rte_version.h>
#include "tests/unit/dp_rig.h"

#define BURST 32
#define BURSTS 64
#define FLOWS 64 /* of the cases that hit */
#ifdef __clang__
#define COMPILER "clang-" RTE_STR(__clang_major__)
#else
#define COMPILER "gcc-" RTE_STR(__GNUC__)
#endif

#define ROOM 65536 /* flows: nobody's share of the table is used up */

struct guard_case {
	const char *name;
	struct rig_packet packet;
	unsigned gw; /* whose worker is counted */
	bool fresh; /* each packet is a new flow's */
};

static const struct guard_case cases[] = {
    /* From a workload, known flow, into the tunnel. */
    {.name = "seal", .packet = {.from = WEB, .to = DB, .protocol = IPPROTO_UDP, .dst_port = 53}},
    /* Out of the tunnel, known flow, to a workload. */
    {.name = "open",
	.packet = {.from = WEB, .to = DB, .protocol = IPPROTO_UDP, .dst_port = 53},
	.gw = 1},
    /* Between two workloads of one gateway, known flow. */
    {.name = "local", .packet = {.from = WEB, .to = APP, .protocol = IPPROTO_UDP, .dst_port = 53}},
    /* As "seal", but each packet asks the policy and makes a flow. */
    {.name = "miss",
	.packet = {.from = WEB, .to = DB, .protocol = IPPROTO_UDP, .dst_port = 53},
	.fresh = true},
};

static void fail(const char *name, const char *what)
{
	fprintf(stderr, "leasemesh-instructions: %s: %s\n", name, what);
	exit(EXIT_FAILURE);
}

/* Puts the packets number first to first + BURST where the worker that is counted polls. */
static void put_burst(struct rig *r, const struct guard_case *c, unsigned first)
{
	for (unsigned i = first; i < first + BURST; i++) {
		uint8_t frame[RIG_FRAME_MAX];
		struct rig_packet p = c->packet;

		p.src_port = (uint16_t)(1024 + (c->fresh ? i : i % FLOWS));
		p.payload = 36; /* 64 bytes of IP */
		rig_send(r, p.from, frame, rig_build(r, frame, &p));
	}
}

static void count(struct rig *r, const struct guard_case *c)
{
	unsigned warm = c->fresh ? 0 : FLOWS;

	for (unsigned i = 0; i < warm; i += BURST)
		put_burst(r, c, i);
	rig_run(r);
	unsigned passed = rig_drain(r, rig_hosts[c->packet.to].gw);
	if (passed != warm)
		fail(c->name, "packets are lost before anything is counted");
	for (unsigned i = 0; i < BURSTS; i++) {
		put_burst(r, c, i * BURST);
		if (c->gw == 1) {
			lm_dp_poll_once(r->gw[0].dp, 0);
			rig_cross(r, 0);
		}
		if (lm_dp_bench_round(r->gw[c->gw].dp, 0) != BURST)
			fail(c->name, "a round does not move the burst");
		rig_run(r);
		passed = rig_drain(r, rig_hosts[c->packet.to].gw);
		if (passed != BURST)
			fail(c->name, "packets are lost");
	}
}

static const struct guard_case *find(const char *name)
{
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
		if (strcmp(cases[i].name, name) == 0)
			return &cases[i];
	fprintf(stderr, "usage: leasemesh-instructions seal|open|local|miss\n");
	exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	const struct rig_options options = {.workers = {1, 1}, .flows = ROOM};
	const struct guard_case *c = find(argc == 2 ? argv[1] : "");

	rig_start();
	rte_srand(1); /* where flows are in the table is the same each time */
	struct rig *r = rig_create(&options);
	for (unsigned g = 0; g < 2; g++) {
		lm_dp_bench_null_cipher(r->gw[g].dp);
		lm_dp_bench_endless(r->gw[g].dp); /* bursts are always full here */
	}
	count(r, c);
	rig_free(r);
	printf("%s dpdk-%02u.%02u %u\n", COMPILER, RTE_VER_YEAR, RTE_VER_MONTH, BURST * BURSTS);
	return EXIT_SUCCESS;
}
