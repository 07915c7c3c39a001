/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker, and a packet on its way through the stages of a burst. Everything
 * here is written by one worker alone, except where a field says otherwise.
 *
 * A stage takes an array of packets, and returns how many are left of it, moved
 * together at the front. What it takes out was dropped, punted or handed over.
 */
#ifndef LM_DATAPLANE_WORKER_H
#define LM_DATAPLANE_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include "crypto/gcm.h"
#include "dataplane/attach.h"
#include "dataplane/dp.h"
#include "dataplane/flow.h"
#include "dataplane/fragment.h"
#include "dataplane/limit.h"
#include "dataplane/network.h"
#include "dataplane/overload.h"
#include "dataplane/path.h"
#include "dataplane/shares.h"

#define LM_BURST 32

enum lm_pkt_flags {
	LM_PKT_V6 = 1 << 0,
	LM_PKT_FROM_B = 1 << 1, /* the source is b of the key */
	LM_PKT_SYN = 1 << 2,
	LM_PKT_REPLY = 1 << 3, /* ICMP echo reply: only ever an answer */
	LM_PKT_ERROR = 1 << 4, /* ICMP error: the key is that of the packet it complains about */
	LM_PKT_STATELESS = 1 << 5, /* judged one by one, leaves no flow */
	LM_PKT_FRAGMENT = 1 << 6, /* the first of several */
	LM_PKT_LATER = 1 << 7, /* another: ports are those of its first */
	LM_PKT_MORE = 1 << 8, /* and not the last */
	LM_PKT_ON_WAY = 1 << 9, /* an error, but not of whom it was sent to */
	LM_PKT_QUICK = 1 << 10, /* named by its ends, not by key, hash and dst_port: see quick.h */
	LM_PKT_LIMITED = 1 << 11, /* its attachment has limits */
};

struct lm_pkt {
	struct rte_mbuf *m;
	uint8_t *ip; /* the inner IP header */
	uint16_t len; /* inner IP bytes */
	uint16_t flags;
	uint16_t dst_port; /* for policy: host byte order, 0 where there is none */
	uint8_t proto; /* for policy */
	uint8_t l4; /* offset of the upper layer */
	uint8_t tos; /* out of a tunnel: the outer packet's */
	uint8_t port; /* index of the port it came by, then of that by which it goes */
	uint16_t seal_len; /* bytes to encrypt or decrypt */
	uint16_t mtu; /* of its network */
	uint32_t from; /* its attachment, or the peer with LM_WHERE_PEER */
	uint32_t to; /* of ours: the attachment */
	union {
		struct lm_flow_key key;
		struct {
			struct lm_flow_ends ends; /* with LM_PKT_QUICK; key.net_proto is set too */
		};
	};
	uint64_t hash, slot_hash;
	/* Not on the quick way. */
	const struct lm_net *net;
	const struct lm_ep *src_ep, *dst_ep;
	struct lm_sa_in *sa; /* out of a tunnel; or NULL */
	uint64_t seq;
	struct lm_lane_out *lane;
	uint32_t frag_id; /* of fragments */
	uint16_t frag_at; /* likewise, units of 8 bytes */
	uint8_t frag_begin; /* likewise: offset of what was cut, in the packet */
	uint8_t tcp; /* flags */
	uint8_t nonce[12], aad[12]; /* salt or SPI, then the 64-bit sequence number */
	uint8_t tag[16]; /* computed */
};

/* What travels with a frame through a ring, in the mbuf's dynamic field. */
enum lm_ring_kind {
	LM_RING_FRAME, /* process it as if it came by port */
	LM_RING_FRAGMENT, /* likewise, and its ports are told here */
	LM_RING_TX,
};
struct lm_meta {
	uint8_t kind, port;
	uint8_t reason; /* enum lm_punt, on the way to control */
	uint8_t proto; /* with LM_RING_FRAGMENT, as the ports in network byte order */
	uint16_t src_port, dst_port;
	uint32_t attachment;
	uint16_t mtu, pad;
};
extern int lm_meta_offset; /* set once, before any worker runs */
static inline struct lm_meta *lm_meta(struct rte_mbuf *m)
{
	return RTE_MBUF_DYNFIELD(m, lm_meta_offset, struct lm_meta *);
}

struct access;

struct lm_batch {
	unsigned n;
	struct rte_mbuf *m[2 * LM_BURST];
};

/* What a worker keeps of each attachment. */
struct lm_attach_state {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, spoofed;
	struct lm_limit punts, dns;
	uint64_t pad;
};
_Static_assert(sizeof(struct lm_attach_state) == 64, "one cache line each");

struct lm_rx_queue {
	uint8_t port;
	uint16_t ethdev, queue;
	bool underlay;
	uint32_t full; /* rounds in which it gave a full burst; for overload.c */
};

/* Authentic packets from a peer, and packets to it. Written by one worker. */
struct lm_peer_traffic {
	uint64_t rx, tx;
};

struct lm_worker {
	struct lm_dp *dp;
	unsigned index;
	uint64_t now; /* cycles, at the start of the round */
	uint64_t mark; /* cycles, when the last stage ended */
	uint32_t until_measured; /* rounds */
	bool measured; /* this round's stages are */
	uint32_t tick; /* the same in ticks */
	uint64_t skew; /* tests let time pass by adding to it */
	struct lm_gcm_engine *gcm;
	struct lm_flows flows;
	struct lm_frags frags;
	uint64_t tcp_pickup, udp_pickup; /* cycles */

	/* Copies of what is constant while workers run, to be found in our own lines. */
	uint32_t lane_mask;
	uint32_t fair_ports; /* one bit each: networks have shares of what it takes */
	bool fair_time; /* networks have shares of our time */
	uint8_t worker_of_lane[LM_DP_WORKERS_MAX];
	uint8_t tx_by[LM_DP_PORTS_MAX]; /* who transmits on a port for us */
	struct lm_net **nets;
	uint64_t *briefs;
	struct lm_path **paths;

	struct lm_rx_queue rxq[LM_DP_PORTS_MAX];
	unsigned n_rxq;
	struct rte_ring *from[LM_DP_WORKERS_MAX]; /* we consume; NULL: our own */
	struct rte_ring *to[LM_DP_WORKERS_MAX]; /* we produce */
	struct rte_ring *up, *down; /* to and from control */
	struct lm_batch tx[LM_DP_PORTS_MAX], hand[LM_DP_WORKERS_MAX], punted, dead;

	struct lm_pkt pkts[LM_BURST];
	struct lm_pkt *live[LM_BURST], *aside[LM_BURST];
	const struct access *access; /* the burst under way, if it is from workloads */

	struct lm_limit stranger_punts, peer_punts, underlay_punts, resolver_punts;
	struct lm_limit *sources; /* LM_SOURCES: each one's messages of sessions */
	uint64_t aged; /* cycles: when flows were last aged */
	struct lm_attach_state *attached; /* by attachment id */
	struct lm_peer_traffic *peers; /* by peer slot */
	struct lm_marks marks;
	struct lm_overload overload;

	struct lm_counters c LM_CACHE_ALIGNED;

	/* Sleep: see sleep.c. */
	unsigned idle; /* empty polls in a row */
	int wake_fd; /* an eventfd that others kick */
	uint32_t asleep LM_CACHE_ALIGNED; /* set by us, cleared by whoever kicks */
} LM_CACHE_ALIGNED;

/* worker.c. Returns how many packets were moved: 0 means an idle round. */
unsigned lm_worker_poll(struct lm_worker *w);
/* Likewise, at the time that a test says, in cycles. */
unsigned lm_worker_poll_at(struct lm_worker *w, uint64_t now);
int lm_worker_create(struct lm_worker **out, struct lm_dp *dp, unsigned index);
void lm_worker_free(struct lm_worker *w);
/* Let the peers and control know of what was put into their rings, send what is to be sent. */
void lm_worker_flush(struct lm_worker *w);
/* Sends what is queued for a port of which we have a queue. */
void lm_worker_send(struct lm_worker *w, unsigned port);
/* To the worker that transmits on a port for us. */
void lm_worker_hand_tx(struct lm_worker *w, unsigned port, struct rte_mbuf *m);
/* To another worker, which will treat it as if it had received it. */
void lm_worker_hand(struct lm_worker *w, unsigned to, unsigned port, struct rte_mbuf *m);

/* sleep.c */
void lm_worker_sleep(struct lm_worker *w);
void lm_worker_wake(struct lm_worker *w); /* any thread: after putting something into a ring of w */

/* punt.c */
void lm_worker_punt(struct lm_worker *w, struct rte_mbuf *m, enum lm_punt reason, unsigned port,
    uint32_t attachment, uint16_t mtu);
void lm_worker_punt_flush(struct lm_worker *w);

/* The same with a fragment whose first one had these ports. */
void lm_worker_hand_fragment(struct lm_worker *w, unsigned to, unsigned port, struct rte_mbuf *m,
    const struct lm_frag_ports *ports);

/* The stages, each in its file. told: they are fragments, and their ports are in their meta. */
void lm_access_burst(
    struct lm_worker *w, unsigned port, struct rte_mbuf **m, unsigned n, bool told);
void lm_underlay_burst(struct lm_worker *w, unsigned port, struct rte_mbuf **m, unsigned n);
unsigned lm_open_burst(struct lm_worker *w, struct lm_pkt **p, unsigned n);
/* Out of tunnels. */
unsigned lm_judge_opened(struct lm_worker *w, struct lm_pkt **p, unsigned n);
/* From workloads. What goes to peers is in w->aside, with its lane; returns the others. */
unsigned lm_judge_sent(struct lm_worker *w, struct lm_pkt **p, unsigned n, unsigned *aside);
/* For aging: does its network, as it is now, still allow it? */
bool lm_judge_keep(void *worker, struct lm_flow *f);
void lm_seal_burst(struct lm_worker *w, struct lm_pkt **p, unsigned n);
void lm_deliver_burst(struct lm_worker *w, struct lm_pkt **p, unsigned n);

/* counters.c: on control, of a copy. */
void lm_flow_describe(
    struct lm_dp_flow_info *out, const struct lm_flow *f, const struct lm_worker *w);

/* Its frame is still as received: control answers the sender. */
void lm_access_too_big(struct lm_worker *w, struct lm_pkt *p, uint16_t mtu);

#define LM_FINE LM_DROP_MAX /* no reason to drop */
#define LM_GONE (LM_DROP_MAX + 1) /* somebody has it already */

static inline void lm_worker_drop(struct lm_worker *w, struct rte_mbuf *m, enum lm_drop why)
{
	w->c.drops[why]++;
	if (unlikely(w->dead.n == RTE_DIM(w->dead.m))) {
		rte_pktmbuf_free_bulk(w->dead.m, w->dead.n);
		w->dead.n = 0;
	}
	w->dead.m[w->dead.n++] = m;
}

/* At the end of each round. moved: packets. */
static inline void lm_overload_round(struct lm_worker *w, unsigned moved)
{
	w->overload.rounds++;
	if (unlikely(w->overload.on || w->now >= w->overload.until))
		lm_overload_look(w, moved);
}

/* Queue for a port, by whoever transmits there for us. */
static inline void lm_worker_tx(struct lm_worker *w, unsigned port, struct rte_mbuf *m)
{
	struct lm_batch *b = &w->tx[port];

	if (unlikely(w->tx_by[port] != w->index)) {
		lm_worker_hand_tx(w, port, m);
		return;
	}
	b->m[b->n++] = m;
	if (unlikely(b->n == RTE_DIM(b->m)))
		lm_worker_send(w, port);
}

/* The same for a burst, each by its p->port. */
void lm_worker_tx_all(struct lm_worker *w, struct lm_pkt **p, unsigned n);

/* The owner of a hash. Peers have at least as many lanes as we have workers, see lm_dp_lanes_min.
 */
static inline unsigned lm_worker_of(const struct lm_worker *w, uint64_t hash)
{
	return w->worker_of_lane[hash & w->lane_mask];
}

/*
 * Since the last stage ended. Reading the clock costs as much as a fifth of a packet, so one round
 * in LM_STAGE_ROUNDS is measured and stands for all of them: odd, lest it keep step with traffic.
 */
#define LM_STAGE_ROUNDS 7
static inline void lm_stage_done(struct lm_worker *w, enum lm_stage stage, unsigned packets)
{
	if (likely(!w->measured))
		return;
	uint64_t now = rte_rdtsc();

	w->c.stage_packets[stage] += (uint64_t)packets * LM_STAGE_ROUNDS;
	w->c.stage_cycles[stage] += (now - w->mark) * LM_STAGE_ROUNDS;
	w->mark = now;
}

#endif
