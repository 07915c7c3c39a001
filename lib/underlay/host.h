/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/underlay: the state of the host and what its parts offer each other.
 *
 *	underlay.c   configuration, input, announcements, the timer
 *	route.c      which next hop, and from which of our addresses
 *	neighbour.c  next hops and their MACs: the state machine
 *	watch.c      paths that the caller wants to know about
 *	arp.c nd.c   the two ways to ask and to be asked
 *	ip.c         what arrives by IP: echo and UDP
 */
#ifndef LM_UNDERLAY_HOST_H
#define LM_UNDERLAY_HOST_H

#include <sys/queue.h>
#include <uthash.h>
#include "packet/build.h"
#include "packet/frame.h"
#include "underlay/underlay.h"

#define UL_SECOND UINT64_C(1000000000)
#define UL_NEVER UINT64_MAX
#define UL_LINK_HEADER_MAX 18 /* Ethernet with a tag */

/* ---- limits on what others make us send ------------------------------------ */

/* A token bucket of one second's worth. */
struct limit {
	uint64_t last;
	uint64_t tokens; /* in 1 / UL_SECOND of an answer */
};
#define UL_ANSWERS_PER_S 1000 /* ARP and ND */
#define UL_ECHOES_PER_S 200
#define UL_DEFEND_INTERVAL (10 * UL_SECOND) /* RFC 5227 section 1.1 */

/* ---- neighbours ------------------------------------------------------------ */

enum neighbour_state {
	NEIGHBOUR_INCOMPLETE, /* no MAC: asking everybody */
	NEIGHBOUR_REACHABLE, /* confirmed not long ago */
	NEIGHBOUR_PROBE, /* has a MAC, in use, being confirmed */
};

struct watch;

/* A datagram that waits for its next hop. */
struct pending {
	struct lm_udp_addr to;
	uint16_t from_port;
	size_t len;
	uint8_t data[];
};

struct neighbour {
	struct lm_ip ip;
	struct lm_mac mac; /* not in INCOMPLETE */
	enum neighbour_state state;
	unsigned tries; /* requests without an answer */
	uint64_t due; /* next step of the state machine */
	uint64_t used; /* last datagram that was sent through it */
	uint64_t mac_since; /* when its MAC was last set */
	struct pending *pending;
	unsigned n_watches;
	LIST_HEAD(, watch) watches;
	UT_hash_handle hh;
};

/* ---- watches --------------------------------------------------------------- */

struct watch {
	struct lm_udp_addr to; /* the key: padding is zero */
	unsigned references;
	struct neighbour *via; /* NULL: no route */
	struct lm_ip src;
	struct lm_underlay_path told; /* as the caller knows it */
	bool queued;
	LIST_ENTRY(watch) of_neighbour;
	TAILQ_ENTRY(watch) of_queue;
	UT_hash_handle hh;
};

struct lm_underlay {
	struct lm_underlay_config config;
	struct lm_ip link_local; /* from the MAC, RFC 4291 appendix A */
	const struct lm_underlay_ops *ops;
	void *ctx;
	uint8_t *out; /* the frame that is being built: mtu + UL_LINK_HEADER_MAX bytes */

	struct neighbour *neighbours;
	unsigned n_unwatched; /* neighbours without a watch */
	uint64_t due; /* no neighbour is due earlier */
	struct watch *watches;
	TAILQ_HEAD(, watch) changed; /* watches to look at before the call returns */
	bool telling;

	unsigned announcements; /* still to be repeated */
	uint64_t announce_due;
	uint64_t defend_after;
	struct limit answers, echoes;
	struct lm_underlay_info info;
};

/* underlay.c */
bool limit_take(struct lm_underlay *u, struct limit *l, uint64_t now, unsigned per_second);
void frame_start(
    struct lm_underlay *u, struct lm_build *b, const struct lm_mac *dst, uint16_t ether_type);
void frame_send(struct lm_underlay *u, struct lm_build *b);
/* Somebody else uses one of our addresses: count it, and say at most now and then that it is ours.
 */
void defend(struct lm_underlay *u, uint64_t now, const struct lm_ip *ip);
bool is_own(const struct lm_underlay *u, const struct lm_ip *ip);
static inline bool is_own_mac(const struct lm_underlay *u, const uint8_t mac[6])
{
	return memcmp(mac, u->config.mac.b, 6) == 0;
}

/* route.c */
struct route {
	struct lm_ip hop, src;
};
bool route_find(const struct lm_underlay *u, const struct lm_ip *dst, struct route *out);
/* Is it a possible next hop: a station on the link or a gateway? */
bool route_is_hop(const struct lm_underlay *u, const struct lm_ip *ip);
/* Which of our addresses to speak from to a station on the link; NULL: none of its family. */
const struct lm_ip *route_source(const struct lm_underlay *u, const struct lm_ip *on_link);

/* neighbour.c */
struct neighbour *neighbour_find(const struct lm_underlay *u, const struct lm_ip *ip);
/* Finds or makes. NULL: the table is full, or, unless it is for a watch, its share of it. */
struct neighbour *neighbour_get(
    struct lm_underlay *u, uint64_t now, const struct lm_ip *ip, bool for_watch);
void neighbour_watch(struct lm_underlay *u, struct neighbour *n, struct watch *w);
void neighbour_unwatch(struct lm_underlay *u, struct watch *w);
/* After a change of configuration, without watches: keeps those that are still next hops. */
void neighbours_flush(struct lm_underlay *u, bool same_link);
/* It answered our request. */
void neighbour_confirmed(
    struct lm_underlay *u, uint64_t now, struct neighbour *n, const struct lm_mac *mac);
/* It, or somebody who claims to be it, said its MAC unasked. */
void neighbour_heard(
    struct lm_underlay *u, uint64_t now, struct neighbour *n, const struct lm_mac *mac);
/* Doubt what we know of it: ask now. */
void neighbour_doubt(struct lm_underlay *u, uint64_t now, struct neighbour *n);
static inline bool neighbour_ready(const struct neighbour *n)
{
	return n->state != NEIGHBOUR_INCOMPLETE;
}
void neighbours_tick(struct lm_underlay *u, uint64_t now);

/* watch.c */
struct lm_udp_addr watch_key(const struct lm_udp_addr *to);
void watch_changed(struct lm_underlay *u, struct watch *w);
/* After a change of configuration: off their next hops, and onto what those are now. */
void watches_detach(struct lm_underlay *u);
void watches_attach(struct lm_underlay *u, uint64_t now);
/* Tells the caller what changed; the last step of every call that changes something. */
void watches_tell(struct lm_underlay *u);
void watches_free(struct lm_underlay *u);

/* arp.c, nd.c: mac NULL asks everybody */
void arp_request(struct lm_underlay *u, const struct lm_ip *src, const struct lm_ip *target,
    const struct lm_mac *mac);
void arp_announce(struct lm_underlay *u, const struct lm_ip *own);
enum lm_underlay_result arp_input(struct lm_underlay *u, uint64_t now, const struct lm_frame *f);
void nd_solicit(struct lm_underlay *u, const struct lm_ip *src, const struct lm_ip *target,
    const struct lm_mac *mac);
void nd_announce(struct lm_underlay *u, const struct lm_ip *own);
enum lm_underlay_result nd_input(struct lm_underlay *u, uint64_t now, const struct lm_frame *f);

/* ip.c */
enum lm_underlay_result ip_input(struct lm_underlay *u, uint64_t now, const struct lm_frame *f);
void udp_output(struct lm_underlay *u, const struct neighbour *via, const struct lm_ip *src,
    uint16_t from_port, const struct lm_udp_addr *to, const uint8_t *data, size_t len);

#endif
