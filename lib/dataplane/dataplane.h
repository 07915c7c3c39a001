/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packet path: workers that poll ports, and the tables that the control
 * lcore publishes to them.
 *
 * Threads: everything here is called on the control lcore, except
 * lm_dp_worker_main, which is a worker's life. Workers only read what is
 * published; a replaced table is freed after every worker has passed a quiescent
 * state (rte_rcu_qsbr). Each counter is written by one worker and read by anyone.
 *
 * Conservation: at rest, for each worker
 *   rx + injected + handed_in = tx + handed_out + sum of drops + sum of punts
 * and in sum handed_in = handed_out.
 */
#ifndef LM_DATAPLANE_DATAPLANE_H
#define LM_DATAPLANE_DATAPLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "policy/policy.h"
#include "dataplane/counters.h"
#include "dataplane/rates.h"
#include "dataplane/timeouts.h"

#define LM_DP_PORTS_MAX 32
#define LM_DP_WORKERS_MAX 32
#define LM_DP_LANES_MAX 64
#define LM_DP_NONE UINT32_MAX

struct lm_dp;

struct lm_dp_config {
	unsigned n_workers;
	unsigned max_networks, max_peers, max_endpoints, max_sas;
	unsigned flows; /* of each worker, a power of two */
	unsigned network_flows; /* likewise, of one network; 0: what leaves room for others */
	struct lm_flow_seconds flow_seconds;
	uint16_t udp_port; /* ours on the underlay, host byte order */
	uint16_t reply_port_first, n_reply_ports; /* where resolvers' answers arrive */
	bool busy_poll;
	unsigned realtime_priority; /* of workers that sleep, 1..99; 0: ordinary threads */
	bool lane_source_ports;
	unsigned mbufs; /* packet buffers; each worker has its part, if that fills its queues */
};

int lm_dp_create(struct lm_dp **out, const struct lm_dp_config *config);
void lm_dp_free(struct lm_dp *dp); /* after the workers have stopped */

/* ---- ports -------------------------------------------------------------- */

struct lm_dp_port_config {
	char name[32];
	char device[512]; /* DPDK device arguments */
	bool underlay;
	uint16_t mtu; /* IP bytes; 0: leave the device's */
	uint16_t vlan; /* underlay's tag, 0 untagged */
	uint16_t rx_descriptors, tx_descriptors; /* of each queue; 0: what suits the driver */
};

struct lm_dp_port_info {
	char name[32], device[512], driver[32];
	bool underlay, link_up;
	uint16_t dpdk_port, mtu, n_rxq, n_txq;
	struct lm_mac mac;
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, rx_missed, rx_errors, rx_nombuf;
};

/* Probes, configures and starts a port, before the workers run. Returns its index or -errno. */
int lm_dp_port_add(struct lm_dp *dp, const struct lm_dp_port_config *config, struct lm_why *why);
/* A negative errno beyond the last port. */
int lm_dp_port_info(const struct lm_dp *dp, unsigned port, struct lm_dp_port_info *out);
/* Its address alone, without asking the device. */
struct lm_mac lm_dp_port_mac(const struct lm_dp *dp, unsigned port);
void lm_dp_ports_stop(struct lm_dp *dp);

/* ---- workers ------------------------------------------------------------ */

/* For rte_eal_remote_launch: arg is the struct lm_dp_worker_arg. Returns when lm_dp_stop was
 * called. */
struct lm_dp_worker_arg {
	struct lm_dp *dp;
	unsigned index;
};
int lm_dp_worker_main(void *arg);
/* May a thread of this process have it? Tries on the calling one, for a moment. -EPERM: no. */
int lm_dp_realtime_allowed(unsigned priority);
void lm_dp_stop(struct lm_dp *dp);
void lm_dp_set_busy_poll(struct lm_dp *dp, bool busy);
/* Packets to port 53 of a gateway that each worker takes of one attachment, a second; not 0. */
void lm_dp_set_questions(struct lm_dp *dp, unsigned per_second);
/* Also of the flows that there are. */
void lm_dp_set_flow_seconds(struct lm_dp *dp, const struct lm_flow_seconds *seconds);

/* ---- what is published -------------------------------------------------- */

/* Where the gateway lives on the underlay. Replaces the list. */
int lm_dp_underlay_addrs(struct lm_dp *dp, const struct lm_ip *addrs, unsigned n);
/* Whose answers from port 53 to the reply ports are punted. Replaces the list. */
int lm_dp_resolvers(struct lm_dp *dp, const struct lm_ip *addrs, unsigned n);

struct lm_dp_attachment {
	uint32_t id; /* small and stable: index below max_endpoints, chosen by the control plane */
	unsigned port;
	uint16_t vlan; /* 0: untagged */
	bool has_mac; /* false: any source MAC here is punted until one is learned */
	/*
	 * With has_mac: DHCP and router solicitations from another MAC are punted, for that one may
	 * be the workload's now.
	 */
	bool learned;
	bool waits; /* its endpoint is not served here: it has no address */
	struct lm_mac mac;
	uint32_t net, endpoint; /* indices: network, and the endpoint inside it */
	struct lm_rates rates; /* of the endpoint */
};
/*
 * What all endpoints of a network together may send and receive here, each network for itself; and
 * for how long these limits and those of attachments may be exceeded by what was not used before.
 * For the attachments that are published from now on.
 */
void lm_dp_set_rates(struct lm_dp *dp, const struct lm_rates *network, unsigned burst_ms);
/*
 * With several workers, a few times a second while something attached has a limit: divides limits
 * that were exceeded among the workers anew. Returns how many.
 */
unsigned lm_dp_balance(struct lm_dp *dp);
bool lm_dp_limited(const struct lm_dp *dp);
/* The whole table at once. Copies. -ENOMEM: nothing has changed, or see attach.h. */
int lm_dp_attachments_publish(struct lm_dp *dp, const struct lm_dp_attachment *list, unsigned n);

struct lm_dp_endpoint {
	struct lm_ip ipv4, ipv6; /* family 0: none */
	uint16_t member;
	uint32_t attachment; /* local: id of its attachment; LM_DP_NONE: not attached here */
	uint32_t peer; /* remote: slot of the peer that hosts it; LM_DP_NONE: it is ours */
	bool away; /* nobody elsewhere serves it now, so nothing is sent there */
};
/* A prefix that is reached via the first of these endpoints that is served somewhere. */
struct lm_dp_route {
	struct lm_prefix
	    prefix; /* not inside of the network's own; a larger one does not count there */
	const uint16_t *vias; /* indices of endpoints, in order of preference; at least one */
	unsigned n_vias;
};
struct lm_dp_network {
	struct lm_prefix net4, net6;
	struct lm_ip gateway4, gateway6;
	uint16_t mtu; /* inner IP bytes towards peers; MSS is clamped to it */
	struct lm_policy *policy; /* taken over: freed by the data plane */
	const struct lm_dp_endpoint *endpoints; /* copied */
	unsigned n_endpoints;
	const struct lm_dp_route *routes; /* copied */
	unsigned n_routes;
};
/* Replaces the network at this index in one step; flows of it are judged anew. */
int lm_dp_network_publish(struct lm_dp *dp, uint32_t net, const struct lm_dp_network *spec);
void lm_dp_network_remove(struct lm_dp *dp, uint32_t net);

/* Outer headers towards a peer. NULL: nothing can be sent to it now. */
struct lm_dp_path {
	unsigned port; /* underlay port */
	struct lm_mac src, dst;
	uint16_t vlan;
	struct lm_ip src_ip, dst_ip;
	uint16_t dst_port; /* host byte order; the source port is ours, or ours + a lane's own */
	bool one_source_port; /* behind a NAT: every lane from udp_port */
};
int lm_dp_peer_path(struct lm_dp *dp, uint32_t peer, const struct lm_dp_path *path);

/* Inbound SA of one lane. Chooses *spi. Ready when it returns. */
int lm_dp_sa_in_add(struct lm_dp *dp, uint32_t net, uint32_t peer, uint8_t lane, uint8_t n_lanes,
    const uint8_t keymat[36], uint32_t *spi);
void lm_dp_sa_in_del(struct lm_dp *dp, uint32_t spi);
/* All outbound lanes of (net, peer), replaced in one step; n_lanes is 0 or a power of two. */
int lm_dp_sa_out_set(struct lm_dp *dp, uint32_t net, uint32_t peer, uint8_t n_lanes,
    const uint32_t *spis, const uint8_t (*keymat)[36]);

/* Has the inbound SA, have the outbound lanes since they were set, carried a packet? */
bool lm_dp_sa_in_used(const struct lm_dp *dp, uint32_t spi);
bool lm_dp_sa_out_used(const struct lm_dp *dp, uint32_t net, uint32_t peer);

/* ---- packets between workers and control --------------------------------- */

struct lm_dp_punt {
	enum lm_punt reason;
	unsigned port;
	uint32_t attachment; /* LM_DP_NONE on the underlay */
	uint16_t mtu; /* with LM_PUNT_TOO_BIG: what would have fitted, inner IP bytes */
	const uint8_t *data; /* the Ethernet frame; valid during the call */
	size_t len;
};
/* Hands up to max punted packets to cb. Returns how many. */
unsigned lm_dp_punts(struct lm_dp *dp, unsigned max,
    void (*cb)(void *ctx, const struct lm_dp_punt *punt), void *ctx);
/* Readable when punts are waiting: for the epoll loop. Drained by lm_dp_punts. */
int lm_dp_punt_fd(const struct lm_dp *dp);
/* One Ethernet frame out of a port, through the worker that owns its queue. -ENOBUFS when full. */
int lm_dp_inject(struct lm_dp *dp, unsigned port, const uint8_t *frame, size_t len);
/* Frames that the workers have not yet taken over. */
unsigned lm_dp_inject_pending(const struct lm_dp *dp);

/* ---- what one sees -------------------------------------------------------- */

/* Sum over the workers, or of one (worker >= 0). */
void lm_dp_counters(const struct lm_dp *dp, int worker, struct lm_counters *out);
struct lm_dp_lane_info {
	uint32_t spi, net, peer;
	uint8_t lane, worker;
	bool inbound;
	uint64_t packets, bytes, sequence, replays, auth_failures;
};
/* cursor from 0; fills up to max, returns how many, advances cursor; 0 at the end. */
unsigned lm_dp_lanes(
    const struct lm_dp *dp, uint32_t *cursor, struct lm_dp_lane_info *out, unsigned max);
/* How many security associations there are, each of one lane. */
void lm_dp_lane_counts(const struct lm_dp *dp, uint32_t *in, uint32_t *out);
/*
 * Packets since start: what was authentic from this peer is evidence that it lives, what went to it
 * that somebody needs it.
 */
struct lm_dp_peer_info {
	uint64_t rx_packets, tx_packets;
};
struct lm_dp_peer_info lm_dp_peer(const struct lm_dp *dp, uint32_t peer);
struct lm_dp_endpoint_info {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, spoofed; /* rx: from the workload */
};
void lm_dp_attachment_counters(
    const struct lm_dp *dp, uint32_t attachment, struct lm_dp_endpoint_info *out);
/* Packets that were over the endpoint's limits, or the network's, since it has one. */
struct lm_dp_limited {
	uint64_t out, in;
};
struct lm_dp_limited lm_dp_attachment_limited(const struct lm_dp *dp, uint32_t attachment);
struct lm_dp_limited lm_dp_network_limited(const struct lm_dp *dp, uint32_t net);
struct lm_dp_route_info {
	unsigned route; /* position in the network's list */
	uint32_t endpoint; /* where its packets go, or would go if it were served */
	bool up; /* it is */
};
/* As published last: the n-th route, or an address's. -ENOENT. */
int lm_dp_route_at(
    const struct lm_dp *dp, uint32_t net, unsigned route, struct lm_dp_route_info *out);
int lm_dp_route_of(
    const struct lm_dp *dp, uint32_t net, const struct lm_ip *ip, struct lm_dp_route_info *out);
struct lm_dp_flow_info {
	uint32_t net;
	struct lm_ip src, dst;
	uint16_t src_port, dst_port;
	uint8_t protocol, worker;
	uint8_t state; /* enum lm_flow_state */
	uint32_t idle_s;
	uint64_t packets, bytes;
};
/* A racy sample for people: rows may be torn, never out of bounds. */
unsigned lm_dp_flows(const struct lm_dp *dp, unsigned worker, uint32_t *cursor,
    struct lm_dp_flow_info *out, unsigned max);
/*
 * How many flows src has opened to this port of dst, as racy; the one that was used last is in
 * *latest. Reads all tables: for questions of people, not for what happens often.
 */
struct lm_dp_flow_query {
	uint32_t net;
	struct lm_ip src, dst;
	uint8_t protocol;
	uint16_t dst_port; /* host byte order; only looked at if the protocol has ports */
};
unsigned lm_dp_flows_like(
    const struct lm_dp *dp, const struct lm_dp_flow_query *q, struct lm_dp_flow_info *latest);
uint32_t lm_dp_flow_count(const struct lm_dp *dp);
/* Of one network. */
struct lm_dp_network_flows {
	uint32_t flows, half_open;
};
struct lm_dp_network_flows lm_dp_network_flows(const struct lm_dp *dp, uint32_t net);
/* Packets of this network that were dropped because it was over its share, since it came here. */
uint64_t lm_dp_network_over_share(const struct lm_dp *dp, uint32_t net);
uint32_t lm_dp_flows_in(const struct lm_dp *dp, enum lm_flow_state state);
/*
 * How often a rule of this policy, or with LM_RULE_NONE the default, decided here about a flow, or
 * about a packet that is denied or leaves no flow, since the policy was published first. 0 if the
 * network has another policy, or there is no such rule.
 */
uint64_t lm_dp_rule_hits(const struct lm_dp *dp, uint32_t net, const struct lm_policy *policy,
    uint16_t member, enum lm_way way, uint16_t rule);
/* Of them, how many the rule allowed, but refused for its rate. Likewise. */
uint64_t lm_dp_rule_refused(const struct lm_dp *dp, uint32_t net, const struct lm_policy *policy,
    uint16_t member, enum lm_way way, uint16_t rule);
/*
 * What rules of a network decided last, by one worker: a sample of what they denied, and then of
 * what one with `log` allowed, of each the newest first. Bounded by the second. How many there are.
 */
#define LM_DP_NOTED_MAX 32
enum lm_noted { LM_NOTED_DENIED, LM_NOTED_ALLOWED, LM_NOTED_RATE }; /* over the rule's rate */
struct lm_dp_noted_info {
	struct lm_ip src, dst; /* src opened the flow, or wanted to */
	uint16_t src_port, dst_port; /* host byte order; 0: the protocol has none */
	uint8_t protocol;
	enum lm_noted verdict;
	enum lm_way way; /* in whose list the rule is */
	uint32_t line; /* of the rule, in the manifest that was in force; 0: the default */
	uint32_t ago_s;
};
unsigned lm_dp_noted(const struct lm_dp *dp, uint32_t net, unsigned worker,
    struct lm_dp_noted_info out[LM_DP_NOTED_MAX]);
/* Packet buffers in use, to prove that none is lost. Those that wait in a device's queues count. */
unsigned lm_dp_mbufs_in_use(const struct lm_dp *dp);

#endif
