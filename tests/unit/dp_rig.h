/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two gateways in one process, on rings instead of wires, and their workers
 * turned by hand: what a test sends is what arrives, in an order that repeats.
 *
 *   web  (100, VLAN 101) --\                            /-- db (VLAN 0)
 *   app  (101, VLAN 102) ---- gateway 0 === gateway 1 ----- cache (VLAN 202)
 *   twin (102, VLAN 103) --/                            \-- mirror (VLAN 203)
 *
 * web, app, db and cache are network 0; twin and mirror are network 1, with the
 * addresses of web and db.
 */
#ifndef LM_TESTS_UNIT_DP_RIG_H
#define LM_TESTS_UNIT_DP_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "dataplane/bench.h"
#include "dataplane/dataplane.h"

#define RIG_PEER 3 /* the slot of the other gateway, at both */
#define RIG_LANES_MAX 8
#define RIG_QUEUES_MAX 4
#define RIG_FRAME_MAX 2048
#define RIG_MTU 1400 /* of the networks */
#define RIG_UDP 4500
#define RIG_REPLY_PORT 40000 /* the first of 100 */
#define RIG_KEY(seed, net, gw, lane) \
	((int)((seed) + 64 * (net) + 16 * (gw) + (lane))) /* each byte */

enum rig_host_id { WEB, APP, TWIN, DB, CACHE, MIRROR, RIG_HOSTS };

struct rig_host {
	const char *member;
	unsigned gw;
	uint32_t net, attachment, endpoint;
	uint16_t vlan;
	struct lm_mac mac;
	const char *ip4, *ip6;
};
extern const struct rig_host rig_hosts[RIG_HOSTS];

struct rig_options {
	unsigned workers[2];
	unsigned queues[2]; /* of each port; 0: as many as workers */
	unsigned flows; /* 0: 4096 */
	bool one_source_port;
	bool ipv6; /* the underlay's */
	bool guard; /* with ASan: whoever reads behind a frame is caught. Not with lm_dp_inject */
};

struct rte_ring;
struct rig_port {
	unsigned index, n_queues;
	struct rte_ring *rx[RIG_QUEUES_MAX], *tx[RIG_QUEUES_MAX];
};

struct rig_gw {
	struct lm_dp *dp;
	unsigned n_workers;
	struct rig_port under, access;
	struct lm_mac under_mac, access_mac;
	struct lm_ip outer;
	uint32_t spi[2][RIG_LANES_MAX]; /* of networks 0 and 1, inbound */
	uint64_t sent; /* frames that the test put into its ports */
	unsigned turn; /* queue of the next frame without UDP */
};

struct rig {
	struct rig_gw gw[2];
	unsigned n_lanes;
	struct rig_options options;
	/* Sees, and may change, every frame between the gateways. False: it is lost. */
	bool (*wire)(void *ctx, unsigned from, uint8_t *frame, size_t *len);
	void *ctx;
	uint64_t wired;
	const struct lm_policy *rules[2][2]; /* what was published, by gateway and network */
	bool same_rules; /* rig_publish leaves the rules as they are */
	struct lm_rates rates[RIG_HOSTS]; /* for rig_publish_attachments */
	bool away[2]; /* at this gateway: the other one serves nothing; for rig_publish */
	/* For rig_publish of network 0, at this gateway: its routes, and endpoints not served. */
	const struct lm_dp_route *routes[2];
	unsigned n_routes[2];
	unsigned gone[2]; /* bits */
};

/* Policies of network 0 (and 1) in YAML: the lists "egress" and "ingress" of members. */
extern const char rig_policy[];

/* EAL without hardware, once a process. */
void rig_start(void);
/* Or with these arguments, before anything else. Returns how many of them were EAL's. */
int rig_start_with(int argc, char **argv);
struct rig *rig_create(const struct rig_options *options);
void rig_free(struct rig *r);
/* Policies as a manifest's text at one gateway; NULL: rig_policy. */
void rig_publish(struct rig *r, unsigned gw, uint32_t net, const char *yaml);
/* The attachments of a gateway, anew. */
void rig_publish_attachments(struct rig *r, unsigned gw);
/* New keys for all lanes of both networks, in both directions; the old inbound ones stay. */
void rig_keys(struct rig *r, uint8_t seed);

/* A frame into a port, as if from outside. queue < 0: chosen by the wire. */
void rig_put(
    struct rig *r, unsigned gw, struct rig_port *port, const void *frame, size_t len, int queue);
void rig_send(struct rig *r, enum rig_host_id from, const void *frame, size_t len);
/* Turns all workers and the wire until nothing moves. */
void rig_run(struct rig *r);
/* Turns the wire alone, in one direction. Returns how many frames there were. */
unsigned rig_cross(struct rig *r, unsigned from);
/* The next frame out of a gateway's access port: its length, or 0. */
size_t rig_take(struct rig *r, unsigned gw, void *frame);
/* Throws away what came out of the access ports; returns how many frames. */
unsigned rig_drain(struct rig *r, unsigned gw);
/* Reads all punts of a gateway; counts by reason. */
unsigned rig_punts(struct rig *r, unsigned gw, unsigned by_reason[LM_PUNT_MAX]);
uint64_t rig_drops(const struct rig *r, unsigned gw, enum lm_drop why);
/* The identity of counters.h at both gateways, and no buffer in use. */
bool rig_balanced(struct rig *r);

/* Frames of workloads. */
struct rig_packet {
	enum rig_host_id from, to;
	bool ipv6;
	uint8_t protocol; /* IPPROTO_UDP, _TCP, _ICMP (ICMPv6 with ipv6) */
	uint16_t src_port, dst_port; /* ICMP: type in src_port, identifier in dst_port */
	uint8_t tcp_flags;
	uint16_t mss; /* 0: no option */
	uint16_t payload; /* bytes */
	uint32_t tag; /* first four bytes of the payload */
	uint8_t ttl; /* 0: 64 */
	const char *src_ip, *dst_ip; /* NULL: the hosts' own */
	const uint8_t *inside; /* payload bytes, for ICMP errors */
};
size_t rig_build(const struct rig *r, uint8_t *frame, const struct rig_packet *p);
/* Builds, sends and runs; true if exactly one frame comes out at the destination, left in frame. */
bool rig_passes(struct rig *r, const struct rig_packet *p, uint8_t *frame, size_t *len);
struct lm_ip rig_ip(const char *text);
/* Bytes before the IP header in its sender's frame. */
unsigned rig_l2(const struct rig_packet *p);
void rig_put16(uint8_t *at, unsigned v);
/* The bytes from..to of what the packet carries, as a fragment. The frame's length. */
size_t rig_cut(const struct rig *r, uint8_t *frame, const struct rig_packet *p, unsigned from,
    unsigned to, bool more, uint16_t id);
#define RIG_CHAIN_END 0xff
/*
 * IPv6 with these extension headers before what the packet carries, 8 bytes each, every second one
 * 16 (a fragment header: 8). fragmented: more fragments follow.
 */
size_t rig_chained(const struct rig *r, uint8_t *frame, const struct rig_packet *p,
    const uint8_t *types, bool fragmented);
/* Sends p's frame as it is and runs; true if exactly this one comes out at the destination. */
bool rig_sent(struct rig *r, const struct rig_packet *p, const uint8_t *frame, size_t len);

/* ---- a peer that knows the keys of rig_keys(r, 1), and does not behave --------- */

#define RIG_OUTER 42 /* Ethernet, IPv4, UDP */
/* ESP from gateway 0 to gateway 1, network 0, lane 0, with whatever is inside. The length. */
size_t rig_seal(
    const struct rig *r, uint8_t *frame, uint64_t seq, const uint8_t *payload, size_t len);
/* The inner packet of p, with padding and trailer. The length. */
size_t rig_inner(const struct rig *r, uint8_t *payload, const struct rig_packet *p);

#endif
