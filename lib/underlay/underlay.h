/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway as a host on its underlay: its own IPv4 and IPv6 addresses, ARP
 * (RFC 826, with address conflict detection's announcements, RFC 5227), neighbour
 * discovery (RFC 4861), a default gateway for each family, ICMP echo, UDP.
 *
 * Deterministic: (now, event) in, effects through ops. Control thread only. The
 * neighbour table is bounded; entries are made only for next hops that we ourselves
 * want to reach, never because somebody sent something.
 */
#ifndef LM_UNDERLAY_UNDERLAY_H
#define LM_UNDERLAY_UNDERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"

#define LM_UNDERLAY_ADDRS_MAX 8
#define LM_NEIGHBOURS_MAX 4096

struct lm_underlay;

struct lm_underlay_config {
	struct lm_mac mac;
	uint16_t vlan; /* 0: untagged */
	uint16_t mtu;  /* of the link, IP bytes */
	uint16_t port; /* our UDP port, host byte order */
	struct lm_ifaddr addrs[LM_UNDERLAY_ADDRS_MAX];
	unsigned n_addrs;
	struct lm_ip gateway4, gateway6; /* family 0: none */
};

/* Everything in front of a UDP payload towards one destination. */
struct lm_underlay_path {
	bool ready;          /* false: no route, or the neighbour is not resolved (yet) */
	uint8_t family;      /* 4 or 6 */
	struct lm_mac src, dst;
	uint16_t vlan;
	struct lm_ip src_ip, dst_ip;
	uint16_t src_port, dst_port; /* host byte order */
};

enum lm_underlay_result {
	LM_UL_HANDLED, LM_UL_UDP, LM_UL_NOT_OURS, LM_UL_MALFORMED, LM_UL_UNHANDLED, LM_UL_MAX
};
extern const char *const lm_underlay_result_names[LM_UL_MAX];

struct lm_underlay_ops {
	/* Send one Ethernet frame. */
	void (*frame)(void *ctx, const uint8_t *data, size_t len);
	/* The path to a watched destination changed: resolved, moved, or lost. */
	void (*path_changed)(void *ctx, const struct lm_udp_addr *to);
	/* A UDP payload for our port arrived (checksum already verified). */
	void (*udp)(void *ctx, const struct lm_udp_addr *from, const uint8_t *data, size_t len);
};

int lm_underlay_create(struct lm_underlay **out, const struct lm_underlay_config *config,
    const struct lm_underlay_ops *ops, void *ctx);
void lm_underlay_free(struct lm_underlay *u);
/* New addresses or gateways without a restart; resolved neighbours that still apply are kept. */
int lm_underlay_reconfigure(struct lm_underlay *u, uint64_t now, const struct lm_underlay_config *c);
/* Gratuitous ARP and unsolicited neighbour advertisements for our addresses. */
void lm_underlay_announce(struct lm_underlay *u, uint64_t now);

/* One frame that the workers punted (ARP, ND, ICMP, UDP to our port ...). now: monotonic ns. */
enum lm_underlay_result lm_underlay_input(
    struct lm_underlay *u, uint64_t now, const uint8_t *frame, size_t len);
/* Send a UDP payload; one waits for resolution, a second replaces it. -EHOSTUNREACH: no route. */
int lm_underlay_send(
    struct lm_underlay *u, uint64_t now, const struct lm_udp_addr *to, const uint8_t *data, size_t len);
/* Keep the next hop towards `to` resolved and report changes, until unwatched. Counted references. */
int lm_underlay_watch(struct lm_underlay *u, uint64_t now, const struct lm_udp_addr *to);
void lm_underlay_unwatch(struct lm_underlay *u, const struct lm_udp_addr *to);
void lm_underlay_path(const struct lm_underlay *u, const struct lm_udp_addr *to, struct lm_underlay_path *out);
uint64_t lm_underlay_tick(struct lm_underlay *u, uint64_t now);

#endif
