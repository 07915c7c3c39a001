/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a limit of bytes and packets costs a packet, and how exact it is: our meter
 * beside two of DPDK's rte_meter (srTCM, colour blind), in turns.
 *
 *   leasemesh-meter [EAL arguments]
 */
#include <stdio.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_meter.h>
#include "bench.h"
#include "dataplane/meter.h"

#define LIMITS_MAX 65536
#define LOOKUPS 4000000
#define BURST 32
#define PACKETS_SECOND 100000000 /* beyond what comes, and so are the bits: everything passes */
#define BITS_SECOND UINT64_C(400000000000)

struct rte_limit {
	struct rte_meter_srtcm bytes, packets;
	struct rte_meter_srtcm_profile byte_profile, packet_profile;
	uint64_t offered[2]; /* likewise counted, to divide a limit among workers */
};

static struct lm_meter *ours;
static struct rte_limit *theirs;

/* As after lm_meter_adopt. */
static void set_ours(struct lm_meter *m, uint64_t bits, uint64_t packets)
{
	uint64_t hz = rte_get_tsc_hz();

	*m = (struct lm_meter){.burst = hz / 5 << LM_METER_TIME_SHIFT};
	m->cost[LM_METER_BYTES] = lm_meter_cost(hz, bits, LM_METER_BYTES);
	m->cost[LM_METER_PACKETS] = packets ? lm_meter_cost(hz, packets, LM_METER_PACKETS) : 0;
}

static void set_theirs(struct rte_limit *l, uint64_t bits, uint64_t packets)
{
	struct rte_meter_srtcm_params bytes = {.cir = bits / 8, .cbs = bits / 40},
				      each = {.cir = packets, .cbs = packets / 5};

	bench_check(rte_meter_srtcm_profile_config(&l->byte_profile, &bytes), "rte_meter");
	bench_check(rte_meter_srtcm_profile_config(&l->packet_profile, &each), "rte_meter");
	bench_check(rte_meter_srtcm_config(&l->bytes, &l->byte_profile), "rte_meter");
	bench_check(rte_meter_srtcm_config(&l->packets, &l->packet_profile), "rte_meter");
}

static bool pass_ours(struct lm_meter *m, uint64_t now, unsigned bytes)
{
	uint64_t full_at[LM_METER_UNITS];

	if (!lm_meter_fits(m, now << LM_METER_TIME_SHIFT, bytes, full_at))
		return false;
	lm_meter_take(m, full_at);
	return true;
}

static bool pass_theirs(struct rte_limit *l, uint64_t now, unsigned bytes)
{
	l->offered[0] += bytes;
	l->offered[1]++;
	return rte_meter_srtcm_color_blind_check(&l->bytes, &l->byte_profile, now, bytes) !=
		   RTE_COLOR_RED &&
	       rte_meter_srtcm_color_blind_check(&l->packets, &l->packet_profile, now, 1) !=
		   RTE_COLOR_RED;
}

/* Packets of 64 to 1,087 bytes that meet one of n limits at random; the clock is read each burst.
 */
#define TIME(pass, limits) \
	uint64_t begin = bench_ns(), now = 0; \
	uint32_t random = 1; \
\
	for (unsigned i = 0; i < LOOKUPS; i++) { \
		if (i % BURST == 0) \
			now = rte_rdtsc(); \
		random = random * 1664525 + 1013904223; \
		*passed += pass(&(limits)[(random >> 10) & (n - 1)], now, 64 + (random & 1023)); \
	} \
	return bench_ns() - begin

static uint64_t time_ours(unsigned n, unsigned *passed)
{
	TIME(pass_ours, ours);
}

static uint64_t time_theirs(unsigned n, unsigned *passed)
{
	TIME(pass_theirs, theirs);
}

static void measure(unsigned n)
{
	uint64_t a[BENCH_ROUNDS], b[BENCH_ROUNDS];
	unsigned passed = 0;

	for (unsigned i = 0; i < n; i++) {
		set_ours(&ours[i], BITS_SECOND, PACKETS_SECOND);
		set_theirs(&theirs[i], BITS_SECOND, PACKETS_SECOND);
	}
	for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
		a[i] = time_ours(n, &passed);
		b[i] = time_theirs(n, &passed);
	}
	if (passed != 2 * BENCH_ROUNDS * LOOKUPS)
		bench_check(-EDOM, "not everything has passed");
	printf("%8u limits %8.1f ns, rte_meter %5.1f ns\n", n, bench_median(a, LOOKUPS),
	    bench_median(b, LOOKUPS));
}

/* How much more than the rate passes of twice as much, once the bucket is empty? Per cent. */
#define EXCESS(pass, limit) \
	double gap = size * 8.0 / (double)bits / 2 * (double)rte_get_tsc_hz(); \
	uint64_t start = rte_rdtsc(), bytes = 0; \
	const unsigned n = 2000000; \
\
	while (pass(limit, start, size)) \
		; \
	for (unsigned i = 1; i <= n; i++) \
		if (pass(limit, start + (uint64_t)(gap * i), size)) \
			bytes += size; \
	return ((double)bytes * 8 / (gap * n / (double)rte_get_tsc_hz()) / (double)bits - 1) * 100

static double excess_ours(uint64_t bits, unsigned size)
{
	set_ours(ours, bits, 0);
	EXCESS(pass_ours, ours);
}

static bool only_bytes(struct rte_limit *l, uint64_t now, unsigned bytes)
{
	return rte_meter_srtcm_color_blind_check(&l->bytes, &l->byte_profile, now, bytes) !=
	       RTE_COLOR_RED;
}

static double excess_theirs(uint64_t bits, unsigned size)
{
	set_theirs(theirs, bits, 10);
	EXCESS(only_bytes, theirs);
}

int main(int argc, char **argv)
{
	static const uint64_t bits[] = {
	    10000000, 100000000, 700000000, 1000000000, 2500000000, UINT64_C(10000000000)};

	bench_check(rte_eal_init(argc, argv), "EAL");
	ours =
	    bench_must(rte_calloc(NULL, LIMITS_MAX, sizeof *ours, RTE_CACHE_LINE_SIZE), "memory");
	theirs =
	    bench_must(rte_calloc(NULL, LIMITS_MAX, sizeof *theirs, RTE_CACHE_LINE_SIZE), "memory");
	printf("bytes of a limit, one way: %zu, rte_meter %zu\n", sizeof *ours, sizeof *theirs);
	for (unsigned n = 1; n <= LIMITS_MAX; n *= 256)
		measure(n);
	for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++)
		printf("%8.0f Mb/s passes %+7.3f %%, rte_meter %+6.3f %% more than that\n",
		    (double)bits[i] / 1e6, excess_ours(bits[i], 512), excess_theirs(bits[i], 512));
	return 0;
}
