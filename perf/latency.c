/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays a capture into a gateway's one port at a steady rate, and takes what comes out of the
 * other: how long was each packet inside? Both ports are shared memory (DPDK's memif).
 *
 *   leasemesh-latency EAL-ARGUMENTS -- SOCKET CAPTURE SECONDS PPS
 *
 * PPS 0: as fast as the gateway takes them, to learn its capacity. Prints JSON. A packet's time
 * begins when it was due, not when there was room for it (or else a slow gateway would be asked
 * less often). Packets leave a worker in the order in which they came, so the nth that comes out is
 * the nth that went in; where one is lost, the run is worth nothing and says so. perf/latency runs
 * it.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include "histogram.h"
#include "traffic.h"

#define MBUFS 16383
#define BURST 32
#define DESCRIPTORS 1024
#define PENDING (1u << 16) /* sent and not yet back */
#define CONNECT_SECONDS 20
#define DRAIN_SECONDS 0.2

struct run {
	const struct perf_frames *frames;
	struct rte_mempool *pool;
	uint16_t in, out; /* ports: into the gateway, out of it */
	uint64_t hz, begin, end;
	double gap; /* cycles between two packets; 0: none */
	uint64_t sent, back, refused;
	uint64_t due[PENDING];
	struct histogram times;
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "leasemesh-latency: %s\n", what);
	exit(EXIT_FAILURE);
}

static uint16_t port_start(struct rte_mempool *pool, const char *socket, unsigned id)
{
	struct rte_eth_conf conf = {0};
	char name[32], device[256];
	uint16_t port;

	snprintf(name, sizeof name, "net_memif%u", id);
	snprintf(device, sizeof device,
	    "%s,role=client,id=%u,socket=%s,socket-abstract=no,rsize=10", name, id, socket);
	if (rte_dev_probe(device) != 0 || rte_eth_dev_get_port_by_name(name, &port) != 0)
		fail("no memif port");
	if (rte_eth_dev_configure(port, 1, 1, &conf) != 0 ||
	    rte_eth_rx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL, pool) != 0 ||
	    rte_eth_tx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL) != 0 ||
	    rte_eth_dev_start(port) != 0)
		fail("the memif port does not start");
	return port;
}

static void await_link(const struct run *r, uint16_t port)
{
	struct rte_eth_link link = {0};
	uint64_t limit = rte_rdtsc() + CONNECT_SECONDS * r->hz;

	while (link.link_status != RTE_ETH_LINK_UP) {
		if (rte_rdtsc() > limit)
			fail("the gateway does not connect");
		if (rte_eth_link_get_nowait(port, &link) != 0)
			fail("the memif port does not tell its link");
	}
}

/* How many are due now. Never more than there is memory for. */
static unsigned due(const struct run *r, uint64_t now)
{
	uint64_t behind = BURST;

	if (now >= r->end)
		return 0;
	if (r->gap > 0) {
		double so_far = (double)(now - r->begin) / r->gap;
		behind = so_far > (double)r->sent ? (uint64_t)so_far - r->sent : 0;
	}
	if (r->sent - r->back + BURST > PENDING)
		return 0;
	return behind < BURST ? (unsigned)behind : BURST;
}

static void send_due(struct run *r, uint64_t now)
{
	struct rte_mbuf *m[BURST];
	unsigned n = due(r, now);

	if (n == 0 || rte_pktmbuf_alloc_bulk(r->pool, m, n) != 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		unsigned frame = (unsigned)((r->sent + i) % r->frames->n);
		memcpy(rte_pktmbuf_append(m[i], r->frames->len[frame]), r->frames->data[frame],
		    r->frames->len[frame]);
	}
	unsigned taken = rte_eth_tx_burst(r->in, 0, m, (uint16_t)n);
	for (unsigned i = 0; i < taken; i++) {
		uint64_t when =
		    r->gap > 0 ? r->begin + (uint64_t)((double)(r->sent + 1) * r->gap) : now;
		r->due[r->sent++ % PENDING] = when;
	}
	r->refused += n - taken;
	rte_pktmbuf_free_bulk(m + taken, n - taken);
}

static unsigned take_back(struct run *r)
{
	struct rte_mbuf *m[BURST];
	unsigned n = rte_eth_rx_burst(r->out, 0, m, BURST);

	if (n == 0)
		return 0;
	uint64_t now = rte_rdtsc();
	for (unsigned i = 0; i < n && r->back < r->sent; i++)
		histogram_add(&r->times, now - r->due[r->back++ % PENDING]);
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

static void play(struct run *r, double seconds)
{
	r->begin = rte_rdtsc();
	r->end = r->begin + (uint64_t)(seconds * (double)r->hz);
	for (uint64_t now = r->begin; now < r->end; now = rte_rdtsc()) {
		send_due(r, now);
		take_back(r);
	}
	uint64_t limit = r->end + (uint64_t)(DRAIN_SECONDS * (double)r->hz);
	while (r->back < r->sent && rte_rdtsc() < limit)
		take_back(r);
}

static double ns(const struct run *r, double share)
{
	return (double)histogram_at(&r->times, share) * 1e9 / (double)r->hz;
}

int main(int argc, char **argv)
{
	static struct perf_frames frames;
	static struct run r;

	int used = rte_eal_init(argc, argv);
	if (used < 0)
		return EXIT_FAILURE;
	argc -= used;
	argv += used;
	if (argc != 5)
		fail("usage: leasemesh-latency EAL-ARGUMENTS -- SOCKET CAPTURE SECONDS PPS");
	if (perf_capture_read(&frames, argv[2]) < 0)
		fail("cannot read the capture");
	r.frames = &frames;
	r.hz = rte_get_tsc_hz();
	r.pool = rte_pktmbuf_pool_create(
	    "latency", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, (int)rte_socket_id());
	if (!r.pool)
		fail("no memory for packets");
	r.in = port_start(r.pool, argv[1], 0);
	r.out = port_start(r.pool, argv[1], 1);
	await_link(&r, r.in);
	await_link(&r, r.out);
	double seconds = strtod(argv[3], NULL), pps = strtod(argv[4], NULL);
	/* The first packets open flows and warm caches. */
	r.gap = (double)r.hz / 1e5;
	play(&r, 0.1);
	bool lost = r.back != r.sent;
	r.gap = pps > 0 ? (double)r.hz / pps : 0;
	r.sent = r.back = r.refused = 0;
	memset(&r.times, 0, sizeof r.times);
	play(&r, seconds);
	lost |= r.back != r.sent;
	printf("{\"sent\": %" PRIu64 ", \"back\": %" PRIu64 ", \"refused\": %" PRIu64
	       ", \"lost\": %s, \"p50\": %.0f, \"p99\": %.0f, \"p999\": %.0f, \"max\": %.0f}\n",
	    r.sent, r.back, r.refused, lost ? "true" : "false", ns(&r, 0.5), ns(&r, 0.99),
	    ns(&r, 0.999), ns(&r, 1));
	fflush(stdout);
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}
