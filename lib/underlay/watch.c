/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watched destinations. Changes are collected while the state changes, and told
 * when it is consistent again; a path that came back to what the caller knows is
 * not told.
 */
#include "underlay/host.h"

#include <stdlib.h>

struct lm_udp_addr watch_key(const struct lm_udp_addr *to)
{
	struct lm_udp_addr key;

	memset(&key, 0, sizeof key); /* the padding too: the whole struct is the key */
	key.ip.family = to->ip.family;
	memcpy(key.ip.b, to->ip.b, sizeof key.ip.b);
	key.port = to->port;
	return key;
}

static struct watch *watch_find(const struct lm_underlay *u, const struct lm_udp_addr *to)
{
	struct lm_udp_addr key = watch_key(to);
	struct watch *w;

	HASH_FIND(hh, u->watches, &key, sizeof key, w);
	return w;
}

static void path_fill(const struct lm_underlay *u, const struct neighbour *via,
    const struct lm_ip *src, const struct lm_udp_addr *to, struct lm_underlay_path *out)
{
	*out = (struct lm_underlay_path){.family = to->ip.family,
	    .src = u->config.mac,
	    .vlan = u->config.vlan,
	    .src_ip = *src,
	    .dst_ip = to->ip,
	    .src_port = u->config.port,
	    .dst_port = to->port};
	if (via && neighbour_ready(via)) {
		out->ready = true;
		out->dst = via->mac;
	}
}

static bool path_equal(const struct lm_underlay_path *a, const struct lm_underlay_path *b)
{
	if (a->ready != b->ready)
		return false;
	/* What is not ready is not used. */
	return !a->ready ||
	       (memcmp(a->src.b, b->src.b, sizeof a->src.b) == 0 &&
		   memcmp(a->dst.b, b->dst.b, sizeof a->dst.b) == 0 && a->vlan == b->vlan &&
		   lm_ip_equal(&a->src_ip, &b->src_ip) && a->src_port == b->src_port);
}

void watch_changed(struct lm_underlay *u, struct watch *w)
{
	if (w->queued)
		return;
	w->queued = true;
	TAILQ_INSERT_TAIL(&u->changed, w, of_queue);
}

void watches_tell(struct lm_underlay *u)
{
	struct watch *w;

	/* A callback may call in again; what that changes is told by the loop that runs already. */
	if (u->telling)
		return;
	u->telling = true;
	while ((w = TAILQ_FIRST(&u->changed))) {
		struct lm_underlay_path path;
		struct lm_udp_addr to = w->to;

		TAILQ_REMOVE(&u->changed, w, of_queue);
		w->queued = false;
		path_fill(u, w->via, &w->src, &w->to, &path);
		if (path_equal(&path, &w->told))
			continue;
		w->told = path;
		u->ops->path_changed(u->ctx, &to); /* w may be gone afterwards */
	}
	u->telling = false;
}

/* False: it has a route, but no place for its next hop. */
static bool attach(struct lm_underlay *u, uint64_t now, struct watch *w)
{
	struct neighbour *n;
	struct route r;

	w->src = (struct lm_ip){0};
	if (!route_find(u, &w->to.ip, &r))
		return true;
	w->src = r.src;
	n = neighbour_get(u, now, &r.hop, true);
	if (n)
		neighbour_watch(u, n, w);
	return n != NULL;
}

void watches_detach(struct lm_underlay *u)
{
	for (struct watch *w = u->watches; w; w = w->hh.next)
		neighbour_unwatch(u, w);
}

void watches_attach(struct lm_underlay *u, uint64_t now)
{
	for (struct watch *w = u->watches; w; w = w->hh.next) {
		attach(u, now, w);
		watch_changed(u, w);
	}
}

static void watch_remove(struct lm_underlay *u, struct watch *w)
{
	neighbour_unwatch(u, w);
	if (w->queued)
		TAILQ_REMOVE(&u->changed, w, of_queue);
	HASH_DELETE(hh, u->watches, w);
	free(w);
}

int lm_underlay_watch(struct lm_underlay *u, uint64_t now, const struct lm_udp_addr *to)
{
	struct watch *w = watch_find(u, to);

	if (w) {
		w->references++;
		return 0;
	}
	if (HASH_COUNT(u->watches) >= LM_WATCHES_MAX)
		return -ENOSPC;
	w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	w->to = watch_key(to);
	w->references = 1;
	HASH_ADD(hh, u->watches, to, sizeof w->to, w);
	if (!attach(u, now, w)) {
		watch_remove(u, w);
		return -ENOSPC;
	}
	/* The caller asks for the path when it is ready for it; later changes are told. */
	path_fill(u, w->via, &w->src, &w->to, &w->told);
	return 0;
}

void lm_underlay_unwatch(struct lm_underlay *u, const struct lm_udp_addr *to)
{
	struct watch *w = watch_find(u, to);

	if (w && --w->references == 0)
		watch_remove(u, w);
}

void lm_underlay_path(
    const struct lm_underlay *u, const struct lm_udp_addr *to, struct lm_underlay_path *out)
{
	const struct watch *w = watch_find(u, to);
	struct route r;

	if (w)
		path_fill(u, w->via, &w->src, to, out);
	else if (route_find(u, &to->ip, &r))
		path_fill(u, neighbour_find(u, &r.hop), &r.src, to, out);
	else
		*out = (struct lm_underlay_path){0};
}

void watches_free(struct lm_underlay *u)
{
	struct watch *w, *next;

	HASH_ITER(hh, u->watches, w, next)
	watch_remove(u, w);
}
