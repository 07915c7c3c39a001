/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Next hops. An entry is confirmed by an answer to a request of ours, and asked
 * again, unicast, before that grows old; so a path that is in use never waits for
 * resolution. When it does not answer it may have a new MAC: everybody is asked,
 * and only then it is lost. Entries that nobody watches go when they are idle.
 *
 * Each step has a due time; u->due is not later than the earliest of them.
 */
#include "underlay/host.h"

#include <stdlib.h>

#define PROBE_AFTER (20 * UL_SECOND) /* since it was confirmed */
#define PROBE_INTERVAL UL_SECOND /* RetransTimer, RFC 4861 section 10 */
#define PROBES_UNICAST 3
#define PROBES_ALL 6 /* the second half to everybody; then it is lost */
#define RETRY_MAX (30 * UL_SECOND) /* back-off while a watched next hop is silent */
#define TRIES_UNWATCHED 3
#define IDLE_KEEP (60 * UL_SECOND) /* an unwatched entry since its last datagram */
/* Unwatched ones come from answering strangers: they must not crowd out our peers. */
#define UNWATCHED_MAX 256
/* A MAC that was just set stays for so long, whoever says another one unasked. */
#define MAC_LOCK UL_SECOND

static void schedule(struct lm_underlay *u, struct neighbour *n, uint64_t due)
{
	n->due = due;
	if (due < u->due)
		u->due = due;
}

/* Nothing of what a path consists of may change without this. */
static void changed(struct lm_underlay *u, struct neighbour *n)
{
	struct watch *w;

	LIST_FOREACH(w, &n->watches, of_neighbour)
	watch_changed(u, w);
}

static void request(struct lm_underlay *u, const struct neighbour *n, const struct lm_mac *mac)
{
	const struct lm_ip *src = route_source(u, &n->ip);

	if (!src)
		return;
	if (n->ip.family == 4)
		arp_request(u, src, &n->ip, mac);
	else
		nd_solicit(u, src, &n->ip, mac);
}

static void ask_everybody(struct lm_underlay *u, uint64_t now, struct neighbour *n)
{
	uint64_t wait = n->tries < 5 ? UL_SECOND << n->tries : RETRY_MAX;

	request(u, n, NULL);
	n->tries++;
	/* Who is waited for only by one datagram is asked at a steady pace. */
	schedule(u, n, now + (n->n_watches > 0 ? wait : UL_SECOND));
}

struct neighbour *neighbour_find(const struct lm_underlay *u, const struct lm_ip *ip)
{
	struct neighbour *n;

	HASH_FIND(hh, u->neighbours, ip, sizeof *ip, n);
	return n;
}

struct neighbour *neighbour_get(
    struct lm_underlay *u, uint64_t now, const struct lm_ip *ip, bool for_watch)
{
	struct neighbour *n = neighbour_find(u, ip);

	if (n)
		return n;
	if (HASH_COUNT(u->neighbours) >= LM_NEIGHBOURS_MAX ||
	    (!for_watch && u->n_unwatched >= UNWATCHED_MAX))
		return NULL;
	n = calloc(1, sizeof *n);
	if (!n)
		return NULL;
	n->ip = *ip;
	n->used = now;
	n->state = NEIGHBOUR_INCOMPLETE;
	LIST_INIT(&n->watches);
	HASH_ADD(hh, u->neighbours, ip, sizeof n->ip, n);
	u->n_unwatched++;
	ask_everybody(u, now, n);
	return n;
}

void neighbour_watch(struct lm_underlay *u, struct neighbour *n, struct watch *w)
{
	if (n->n_watches++ == 0)
		u->n_unwatched--;
	w->via = n;
	LIST_INSERT_HEAD(&n->watches, w, of_neighbour);
}

void neighbour_unwatch(struct lm_underlay *u, struct watch *w)
{
	struct neighbour *n = w->via;

	if (!n)
		return;
	w->via = NULL;
	LIST_REMOVE(w, of_neighbour);
	if (--n->n_watches == 0)
		u->n_unwatched++;
}

static void neighbour_remove(struct lm_underlay *u, struct neighbour *n)
{
	HASH_DELETE(hh, u->neighbours, n);
	u->n_unwatched--;
	free(n->pending);
	free(n);
}

/* It has a MAC from here on. */
static void set_mac(
    struct lm_underlay *u, uint64_t now, struct neighbour *n, const struct lm_mac *mac)
{
	bool had = neighbour_ready(n);

	if (!had || memcmp(n->mac.b, mac->b, sizeof n->mac.b) != 0) {
		n->mac = *mac;
		n->mac_since = now;
		changed(u, n);
	}
	n->tries = 0;
}

static void send_pending(struct lm_underlay *u, struct neighbour *n)
{
	struct pending *p = n->pending;
	struct route r;

	n->pending = NULL;
	if (p && route_find(u, &p->to.ip, &r) && lm_ip_equal(&r.hop, &n->ip))
		udp_output(u, n, &r.src, p->from_port, &p->to, p->data, p->len);
	free(p);
}

void neighbour_confirmed(
    struct lm_underlay *u, uint64_t now, struct neighbour *n, const struct lm_mac *mac)
{
	set_mac(u, now, n, mac);
	n->state = NEIGHBOUR_REACHABLE;
	schedule(u, n, now + PROBE_AFTER);
	send_pending(u, n);
}

void neighbour_doubt(struct lm_underlay *u, uint64_t now, struct neighbour *n)
{
	if (n->state != NEIGHBOUR_REACHABLE)
		return;
	n->state = NEIGHBOUR_PROBE;
	n->tries = 0;
	schedule(u, n, now);
}

void neighbour_heard(
    struct lm_underlay *u, uint64_t now, struct neighbour *n, const struct lm_mac *mac)
{
	if (n->state == NEIGHBOUR_INCOMPLETE) {
		set_mac(u, now, n, mac);
		n->state = NEIGHBOUR_REACHABLE;
		neighbour_doubt(u, now, n);
		send_pending(u, n);
		return;
	}
	if (memcmp(n->mac.b, mac->b, sizeof n->mac.b) == 0)
		return; /* that it can speak does not prove that it hears us */
	if (now - n->mac_since >= MAC_LOCK)
		set_mac(u, now, n, mac);
	neighbour_doubt(u, now, n);
}

static void lose(struct lm_underlay *u, uint64_t now, struct neighbour *n)
{
	n->state = NEIGHBOUR_INCOMPLETE;
	n->tries = 0;
	u->info.lost++;
	changed(u, n);
	ask_everybody(u, now, n);
}

/* The step that is due. */
static void step(struct lm_underlay *u, uint64_t now, struct neighbour *n)
{
	if (n->n_watches == 0 && (now - n->used >= IDLE_KEEP || (n->state == NEIGHBOUR_INCOMPLETE &&
								    n->tries >= TRIES_UNWATCHED))) {
		neighbour_remove(u, n);
		return;
	}
	switch (n->state) {
	case NEIGHBOUR_INCOMPLETE:
		ask_everybody(u, now, n);
		break;
	case NEIGHBOUR_REACHABLE:
		n->state = NEIGHBOUR_PROBE;
		n->tries = 0;
		/* fall through */
	case NEIGHBOUR_PROBE:
		if (n->tries >= PROBES_ALL) {
			lose(u, now, n);
			break;
		}
		request(u, n, n->tries < PROBES_UNICAST ? &n->mac : NULL);
		n->tries++;
		schedule(u, n, now + PROBE_INTERVAL);
		break;
	}
}

void neighbours_flush(struct lm_underlay *u, bool same_link)
{
	struct neighbour *n, *next;

	HASH_ITER(hh, u->neighbours, n, next)
	if (!same_link || !route_is_hop(u, &n->ip))
		neighbour_remove(u, n);
}

void neighbours_tick(struct lm_underlay *u, uint64_t now)
{
	struct neighbour *n, *next;
	uint64_t due = UL_NEVER;

	if (now < u->due)
		return;
	HASH_ITER(hh, u->neighbours, n, next)
	if (n->due <= now)
		step(u, now, n);
	for (n = u->neighbours; n; n = n->hh.next)
		if (n->due < due)
			due = n->due;
	u->due = due;
}
