/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway as a host on its underlay: its own IPv4 and IPv6 addresses, ARP
 * (RFC 826, with address conflict detection's announcements, RFC 5227), neighbour
 * discovery (RFC 4861), a default gateway for each family, ICMP echo, UDP.
 *
 * Deterministic: (now, event) in, effects through ops. Control thread only. The
 * neighbour table is bounded; entries are made only for next hops that we ourselves
 * want to reach, never because somebody sent something.
 *
 * What it is not: addresses are the operator's, so there is no duplicate address
 * detection before use (a conflict is counted and our address announced again) and
 * no autoconfiguration. It has no path MTU cache: our datagrams are at most 1,232
 * bytes, and ICMP errors are counted and dropped. IPv4 options, IPv6 extension
 * headers and fragments to our addresses are not taken.
 */
#ifndef LM_UNDERLAY_UNDERLAY_H
#define LM_UNDERLAY_UNDERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"

#define LM_UNDERLAY_ADDRS_MAX 8
#define LM_NEIGHBOURS_MAX 4096
#define LM_WATCHES_MAX (16384 + 64) /* a peer each, and some that are just moving */

struct lm_underlay;

struct lm_underlay_config {
	struct lm_mac mac;
	uint16_t vlan; /* 0: untagged */
	uint16_t mtu; /* of the link, IP bytes */
	uint16_t port; /* our UDP port, host byte order */
	uint16_t reply_port_first, n_reply_ports; /* where answers to lm_underlay_ask arrive */
	struct lm_ifaddr addrs[LM_UNDERLAY_ADDRS_MAX];
	unsigned n_addrs;
	struct lm_ip gateway4, gateway6; /* family 0: none */
};

/* Everything in front of a UDP payload towards one destination. */
struct lm_underlay_path {
	bool ready; /* false: no route, or the neighbour is not resolved (yet) */
	uint8_t family; /* 4 or 6 */
	struct lm_mac src, dst;
	uint16_t vlan;
	struct lm_ip src_ip, dst_ip;
	uint16_t src_port, dst_port; /* host byte order */
};

enum lm_underlay_result {
	LM_UL_HANDLED, /* ARP, ND, echo: ours, answered if it is due */
	LM_UL_UDP, /* handed to ops.udp or ops.reply */
	LM_UL_NOT_OURS, /* another MAC, VLAN, address or port */
	LM_UL_MALFORMED, /* headers, lengths, checksums */
	LM_UL_UNHANDLED, /* to us, but nothing that we speak */
	LM_UL_MAX
};
extern const char *const lm_underlay_result_names[LM_UL_MAX];

/* Callbacks may call back into the underlay. */
struct lm_underlay_ops {
	/* Send one Ethernet frame. */
	void (*frame)(void *ctx, const uint8_t *data, size_t len);
	/* The path to a watched destination changed: resolved, moved, or lost. */
	void (*path_changed)(void *ctx, const struct lm_udp_addr *to);
	/* A UDP payload for our port arrived (checksum already verified). */
	void (*udp)(void *ctx, const struct lm_udp_addr *from, const uint8_t *data, size_t len);
	/* Likewise for one of the reply ports. */
	void (*reply)(void *ctx, const struct lm_udp_addr *from, uint16_t to_port,
	    const uint8_t *data, size_t len);
};

int lm_underlay_create(struct lm_underlay **out, const struct lm_underlay_config *config,
    const struct lm_underlay_ops *ops, void *ctx);
void lm_underlay_free(struct lm_underlay *u);
/* New addresses or gateways without a restart; resolved neighbours that still apply are kept. */
int lm_underlay_reconfigure(
    struct lm_underlay *u, uint64_t now, const struct lm_underlay_config *c);
/* Gratuitous ARP and unsolicited neighbour advertisements for our addresses. */
void lm_underlay_announce(struct lm_underlay *u, uint64_t now);

/* One frame that the workers punted (ARP, ND, ICMP, UDP to our port ...). now: monotonic ns. */
enum lm_underlay_result lm_underlay_input(
    struct lm_underlay *u, uint64_t now, const uint8_t *frame, size_t len);
/*
 * Send a UDP payload; one waits for resolution, a second replaces it. -EHOSTUNREACH: no route,
 * -EMSGSIZE: over the link's MTU, -ENOBUFS: too many next hops wait for resolution.
 */
int lm_underlay_send(struct lm_underlay *u, uint64_t now, const struct lm_udp_addr *to,
    const uint8_t *data, size_t len);
/* The same from another port than ours. */
int lm_underlay_ask(struct lm_underlay *u, uint64_t now, uint16_t from_port,
    const struct lm_udp_addr *to, const uint8_t *data, size_t len);
/*
 * Keep the next hop towards `to` resolved and report changes, until unwatched. Counted references.
 * Without a route it waits for one (lm_underlay_reconfigure). -ENOSPC at LM_WATCHES_MAX.
 */
int lm_underlay_watch(struct lm_underlay *u, uint64_t now, const struct lm_udp_addr *to);
void lm_underlay_unwatch(struct lm_underlay *u, const struct lm_udp_addr *to);
void lm_underlay_path(
    const struct lm_underlay *u, const struct lm_udp_addr *to, struct lm_underlay_path *out);
/* Runs timers that are due; the time of the next, or UINT64_MAX. Any other call may make it
 * earlier. */
uint64_t lm_underlay_tick(struct lm_underlay *u, uint64_t now);

struct lm_underlay_info {
	uint64_t results[LM_UL_MAX]; /* of every frame that came in */
	uint64_t limited; /* answers not given: too many in this second */
	uint64_t conflicts; /* somebody else uses one of our addresses */
	uint64_t lost; /* next hops that stopped answering */
	unsigned neighbours, resolved, watches;
};
void lm_underlay_info(const struct lm_underlay *u, struct lm_underlay_info *out);

#endif
