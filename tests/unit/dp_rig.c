/* SPDX-License-Identifier: Apache-2.0 */
#include "dp_rig_parts.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_eth_ring.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include "base/log.h"
#include "packet/frame.h"

#define RING_SIZE 2048

static bool started;

int rig_start_with(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);

	MUST(used >= 0);
	started = true;
	return used;
}

void rig_start(void)
{
	char *argv[] = {"test", "--no-huge", "--no-pci", "--no-telemetry", "--no-shconf",
	    "--log-level=error", "--lcores", "(0-6)@(0-1)", "-m", "1024", "--iova-mode=va", NULL};

	if (!started)
		rig_start_with(RTE_DIM(argv) - 1, argv);
	lm_log_set_level(LM_WARN);
}

/* ---- sanitizers ----------------------------------------------------------- */

/* Between two frames a buffer is open to everybody; in between, nobody may go behind the frame. */
#ifdef __has_feature /* clang's way to say what gcc says by a macro */
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
static void guard(const struct rig *r, struct rte_mbuf *m, bool access)
{
	/* A tunnel's trailer is written behind the workload's packet. */
	uint8_t *end = rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len + (access ? 24 : 0));
	uint8_t *buffer = m->buf_addr;

	if (r->options.guard)
		ASAN_POISON_MEMORY_REGION(end, (size_t)(buffer + m->buf_len - end));
}

static void unguard(struct rte_mbuf *m)
{
	ASAN_UNPOISON_MEMORY_REGION(m->buf_addr, m->buf_len);
}
/* The leak detector does not look into DPDK's memory, and would miss what is only known there. */
static void forget_leaks(bool forget)
{
	forget ? __lsan_disable() : __lsan_enable();
}
#else
static void guard(const struct rig *r, struct rte_mbuf *m, bool access)
{
	(void)r, (void)m, (void)access;
}

static void unguard(struct rte_mbuf *m)
{
	(void)m;
}

static void forget_leaks(bool forget)
{
	(void)forget;
}
#endif

static void open_buffer(struct rte_mempool *pool, void *ctx, void *m, unsigned index)
{
	(void)pool, (void)ctx, (void)index;
	unguard(m);
}

/* ---- ports ---------------------------------------------------------------- */

static void open_port(
    struct rig_gw *gw, struct rig_port *port, bool underlay, unsigned n_queues, struct lm_mac *mac)
{
	static unsigned serial;
	struct lm_dp_port_config config = {.underlay = underlay};
	struct lm_dp_port_info info;
	struct lm_why why = {0};
	char name[24];

	port->n_queues = n_queues;
	for (unsigned q = 0; q < n_queues; q++) {
		snprintf(name, sizeof name, "rig_rx_%u_%u", serial, q);
		port->rx[q] = rte_ring_create(name, RING_SIZE, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
		snprintf(name, sizeof name, "rig_tx_%u_%u", serial, q);
		port->tx[q] = rte_ring_create(name, RING_SIZE, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
		MUST(port->rx[q] && port->tx[q]);
	}
	snprintf(name, sizeof name, "rig%u", serial++);
	int ethdev = rte_eth_from_rings(name, port->rx, n_queues, port->tx, n_queues, 0);
	MUST(ethdev >= 0);
	snprintf(config.name, sizeof config.name, underlay ? "wan" : "lan");
	MUST(rte_eth_dev_get_name_by_port((uint16_t)ethdev, config.device) == 0);
	int index = lm_dp_port_add(gw->dp, &config, &why);
	rig_must(index >= 0, why.text);
	port->index = (unsigned)index;
	MUST(lm_dp_port_info(gw->dp, port->index, &info) == 0);
	*mac = info.mac; /* the driver's choice */
}

static void free_rings(struct rig_port *port)
{
	struct rte_mbuf *m;

	for (unsigned q = 0; q < port->n_queues; q++) {
		while (rte_ring_dequeue(port->rx[q], (void **)&m) == 0)
			rte_pktmbuf_free(m);
		while (rte_ring_dequeue(port->tx[q], (void **)&m) == 0)
			rte_pktmbuf_free(m);
		rte_ring_free(port->rx[q]);
		rte_ring_free(port->tx[q]);
	}
}

/* ---- create and free ------------------------------------------------------ */

static void open_gw(struct rig *r, unsigned g)
{
	struct rig_gw *gw = &r->gw[g];
	const struct rig_options *o = &r->options;
	unsigned n_queues = o->queues[g] ? o->queues[g] : o->workers[g];
	const struct lm_dp_config config = {.n_workers = o->workers[g],
	    .reply_port_first = RIG_REPLY_PORT,
	    .n_reply_ports = 100,
	    .max_networks = 4,
	    .max_peers = 8,
	    .max_endpoints = 256,
	    .max_sas = 64,
	    .flows = o->flows ? o->flows : 4096,
	    .flow_seconds = LM_FLOW_SECONDS_DEFAULT,
	    .udp_port = RIG_UDP,
	    .busy_poll = true,
	    .lane_source_ports = true,
	    .mbufs = 8191};

	gw->n_workers = o->workers[g];
	gw->outer = o->ipv6 ? rig_ip(g ? "2001:db8::2" : "2001:db8::1")
			    : rig_ip(g ? "192.0.2.2" : "192.0.2.1");
	MUST(lm_dp_create(&gw->dp, &config) == 0);
	open_port(gw, &gw->under, true, n_queues, &gw->under_mac);
	open_port(gw, &gw->access, false, n_queues, &gw->access_mac);
}

struct rig *rig_create(const struct rig_options *options)
{
	struct rig *r = calloc(1, sizeof *r);

	rig_start();
	MUST(r != NULL);
	r->options = *options;
	unsigned most = RTE_MAX(options->workers[0], options->workers[1]);
	r->n_lanes = rte_align32pow2(most);
	if (options->guard)
		forget_leaks(true);
	for (unsigned g = 0; g < 2; g++)
		open_gw(r, g);
	for (unsigned g = 0; g < 2; g++) {
		rig_publish_attachments(r, g);
		rig_publish_path(r, g);
		rig_publish(r, g, 0, NULL);
		rig_publish(r, g, 1, NULL);
	}
	rig_keys(r, 1);
	if (options->guard)
		forget_leaks(false);
	return r;
}

void rig_free(struct rig *r)
{
	for (unsigned g = 0; g < 2; g++) {
		free_rings(&r->gw[g].under);
		free_rings(&r->gw[g].access);
		lm_dp_ports_stop(r->gw[g].dp);
	}
	for (unsigned g = 0; g < 2; g++) {
		rte_mempool_obj_iter(lm_dp_pool(r->gw[g].dp, 0), open_buffer, NULL);
		lm_dp_free(r->gw[g].dp);
	}
	free(r);
}

/* ---- frames --------------------------------------------------------------- */

/* As RSS would: all of a flow, and all of a lane, in one queue. */
static unsigned choose_queue(
    struct rig_gw *gw, const struct rig_port *port, const uint8_t *frame, size_t len)
{
	struct lm_frame f;

	if (lm_frame_parse(&f, frame, len) != 0 || f.ip == 0 || f.l4_len < 4)
		return gw->turn++ % port->n_queues;
	return (f.l4[0] + f.l4[1] + f.l4[2] + f.l4[3]) % port->n_queues;
}

void rig_put(
    struct rig *r, unsigned gw, struct rig_port *port, const void *frame, size_t len, int queue)
{
	struct rig_gw *to = &r->gw[gw];
	struct rte_mbuf *m = rte_pktmbuf_alloc(lm_dp_pool(to->dp, 0));

	MUST(m != NULL);
	unguard(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	guard(r, m, port == &to->access);
	unsigned q = queue < 0 ? choose_queue(to, port, frame, len) : (unsigned)queue;
	MUST(rte_ring_enqueue(port->rx[q], m) == 0);
	to->sent++;
}

void rig_send(struct rig *r, enum rig_host_id from, const void *frame, size_t len)
{
	unsigned gw = rig_hosts[from].gw;

	rig_put(r, gw, &r->gw[gw].access, frame, len, -1);
}

static size_t take(struct rig_port *port, void *frame)
{
	struct rte_mbuf *m;

	for (unsigned q = 0; q < port->n_queues; q++) {
		if (rte_ring_dequeue(port->tx[q], (void **)&m) != 0)
			continue;
		size_t len = rte_pktmbuf_data_len(m);
		MUST(m->nb_segs == 1 && len == rte_pktmbuf_pkt_len(m) && len <= RIG_FRAME_MAX);
		memcpy(frame, rte_pktmbuf_mtod(m, void *), len);
		rte_pktmbuf_free(m);
		return len;
	}
	return 0;
}

unsigned rig_cross(struct rig *r, unsigned from)
{
	uint8_t frame[RIG_FRAME_MAX];
	size_t len;
	unsigned n = 0;

	for (; (len = take(&r->gw[from].under, frame)) > 0; n++) {
		r->wired++;
		if (!r->wire || r->wire(r->ctx, from, frame, &len))
			rig_put(r, !from, &r->gw[!from].under, frame, len, -1);
	}
	return n;
}

void rig_run(struct rig *r)
{
	unsigned moved;

	do {
		moved = 0;
		for (unsigned g = 0; g < 2; g++)
			for (unsigned w = 0; w < r->gw[g].n_workers; w++)
				moved += lm_dp_poll_once(r->gw[g].dp, w);
		for (unsigned g = 0; g < 2; g++)
			moved += rig_cross(r, g);
	} while (moved > 0);
}

size_t rig_take(struct rig *r, unsigned gw, void *frame)
{
	return take(&r->gw[gw].access, frame);
}

unsigned rig_drain(struct rig *r, unsigned gw)
{
	uint8_t frame[RIG_FRAME_MAX];
	unsigned n = 0;

	while (rig_take(r, gw, frame) > 0)
		n++;
	return n;
}

static void count_punt(void *ctx, const struct lm_dp_punt *punt)
{
	unsigned *by_reason = ctx;

	by_reason[punt->reason]++;
}

unsigned rig_punts(struct rig *r, unsigned gw, unsigned by_reason[LM_PUNT_MAX])
{
	unsigned ignored[LM_PUNT_MAX] = {0}, n = 0, got;

	while (
	    (got = lm_dp_punts(r->gw[gw].dp, 32, count_punt, by_reason ? by_reason : ignored)) > 0)
		n += got;
	return n;
}

uint64_t rig_drops(const struct rig *r, unsigned gw, enum lm_drop why)
{
	struct lm_counters c;

	lm_dp_counters(r->gw[gw].dp, -1, &c);
	return c.drops[why];
}

static bool balanced(const struct lm_counters *c)
{
	uint64_t in = c->rx + c->injected + c->handed_in, out = c->tx + c->handed_out;

	for (unsigned i = 0; i < LM_DROP_MAX; i++)
		out += c->drops[i];
	for (unsigned i = 0; i < LM_PUNT_MAX; i++)
		out += c->punts[i];
	return in == out;
}

bool rig_balanced(struct rig *r)
{
	bool ok = true;

	for (unsigned g = 0; g < 2; g++) {
		struct rig_gw *gw = &r->gw[g];
		struct lm_counters c;

		for (unsigned w = 0; w < gw->n_workers; w++) {
			lm_dp_counters(gw->dp, (int)w, &c);
			ok = ok && balanced(&c);
		}
		lm_dp_counters(gw->dp, -1, &c);
		ok = ok && balanced(&c) && c.handed_in == c.handed_out && c.rx == gw->sent;
		rig_punts(r, g, NULL);
		rig_drain(r, g);
		ok = ok && lm_dp_mbufs_in_use(gw->dp) == 0;
	}
	return ok;
}
