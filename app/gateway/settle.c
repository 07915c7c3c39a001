/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settling: which attachments the manifests in force agree with, and which clash
 * with each other. Only networks to which something happened are looked at, however
 * many there are. Whoever is active keeps its endpoint and its place as long as its
 * file stays the same; the others follow in order of their ids.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

#define LM_LOG_MODULE "attachment"

/* The ports' order is the configuration's. */
static int access_port(const struct gateway *gw, const char *name)
{
	for (unsigned i = 0; i < gw->config->n_ports; i++) {
		const struct lm_port_config *p = &gw->config->ports[i];
		if (p->role != LM_PORT_UNDERLAY && strcmp(p->name, name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

static enum gw_attachment_state displaced(
    struct gw_attachment *at, const struct gw_attachment *other, struct lm_why *why)
{
	if (other == at)
		lm_why(why, ENOMEM, "out of memory");
	else
		lm_why(
		    why, EEXIST, "its port, VLAN and MAC clash with attachment '%s'", other->name);
	at->displaced = true;
	return GW_REFUSED;
}

/* The state that at deserves now; fills its port, net and endpoint, and why it is not active. */
static enum gw_attachment_state judge(
    struct gateway *gw, struct gw_attachment *at, struct lm_why *why)
{
	const struct lm_attachment *a = &at->a;

	int port = access_port(gw, a->port);
	if (port < 0) {
		lm_why(why, ENOENT, "port: no access port is named '%s'", a->port);
		return GW_REFUSED;
	}
	at->port = (unsigned)port;
	if (memcmp(&a->lease.provider, &gw->identity.id, sizeof(a->lease.provider)) != 0) {
		lm_why(why, EACCES, "lease: it is another provider's, not this gateway's");
		return GW_REFUSED;
	}
	const struct lm_network *net = lm_membership_network(gw->membership, at->group->net);
	if (!net) {
		lm_why(why, ENOENT, "no manifest of the owner's network '%s' is in force here",
		    a->network);
		return GW_WAITING;
	}
	int endpoint = lm_attachment_check(a, net->sm, &gw->identity.id, why);
	if (endpoint < 0)
		return GW_REFUSED;

	const struct gw_attachment *other = gw_group_find(at->group, (uint32_t)endpoint);
	if (other) {
		lm_why(why, EEXIST, "%s/%u is attached already, by '%s'", a->member, a->replica,
		    other->name);
		return GW_REFUSED;
	}
	other = at->in_vlan.place ? NULL : gw_place_claim(&gw->attachments.places, at);
	if (other)
		return displaced(at, other, why);
	at->net = net->index;
	at->endpoint = (uint32_t)endpoint;
	return GW_ACTIVE;
}

/* By the manifest alone: then it is served as soon as it is active. */
static bool is_placed_here(const struct gateway *gw, const struct gw_attachment *at)
{
	const struct lm_network *net = lm_membership_network(gw->membership, at->net);

	return !lm_endpoint_decided(&net->manifest->endpoints[at->endpoint]);
}

static void say(const struct gw_attachment *at)
{
	if (at->state == GW_ACTIVE)
		lm_info_limited("%s: active: %s/%u of network '%s'", at->name, at->a.member,
		    at->a.replica, at->a.network);
	else
		lm_warn_limited(
		    "%s: %s: %s", at->name, gw_attachment_state_text(at->state), at->reason.text);
}

static void settle_one(struct gateway *gw, struct gw_attachment *at)
{
	struct gw_attachments *as = &gw->attachments;
	enum gw_attachment_state before = at->state;
	uint32_t net = at->net, endpoint = at->endpoint;
	struct lm_why why = {0};

	as->n_displaced -= at->displaced;
	at->displaced = false;
	at->state = judge(gw, at, &why);
	as->n_displaced += at->displaced;

	bool was = before == GW_ACTIVE, is = at->state == GW_ACTIVE;
	bool same = was == is && (!is || (net == at->net && endpoint == at->endpoint));
	bool news = same ? before != at->state || strcmp(at->reason.text, why.text) != 0 : true;
	at->reason = why;
	if (is)
		gw_group_seat(at);
	else
		gw_place_release(&as->places, at);
	as->unpublished |= !same || (is && at->changed);
	at->changed = false;
	if (news && !(same && is))
		say(at);
	if (same)
		return;
	at->group->unpublished = true;
	at->served = is && is_placed_here(gw, at);
	at->unserved = NULL;
	if (is)
		gw_advertise_news(gw, at);
	else
		lm_ra_times_stop(&gw->ra_times, &at->ra);
}

/* Its claims come first: nothing about it has changed since they were granted. */
static bool keeps(const struct gw_attachment *at)
{
	return at->state == GW_ACTIVE && !at->changed;
}

/* A newer manifest has other indices, so everybody is seated anew. */
static void settle_keepers(struct gateway *gw, struct gw_group *g)
{
	struct gw_attachment *at;

	gw_group_unseat_all(g);
	LIST_FOREACH(at, &g->members, in_group)
	{
		if (keeps(at))
			settle_one(gw, at);
		else
			gw_place_release(&gw->attachments.places, at);
	}
}

/* Somebody's place may be free now. */
static void unsettle_displaced(struct gw_attachments *as)
{
	struct gw_attachment *at = as->n_displaced && as->places.freed ? as->by_name : NULL;

	as->places.freed = false;
	for (; at; at = at->hh.next)
		if (at->displaced)
			gw_group_unsettle(&as->groups, at->group);
}

static int compare_ids(const void *a, const void *b)
{
	const struct gw_attachment *x = *(struct gw_attachment *const *)a,
				   *y = *(struct gw_attachment *const *)b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Of all unsettled groups, in order. NULL: none, or no memory. */
static struct gw_attachment **newcomers(const struct gw_attachments *as, size_t *n)
{
	struct gw_attachment *at, **list;
	struct gw_group *g;
	size_t room = 0;

	*n = 0;
	TAILQ_FOREACH(g, &as->groups.unsettled, link)
	LIST_FOREACH(at, &g->members, in_group)
	room += !keeps(at);
	list = room ? calloc(room, sizeof(struct gw_attachment *)) : NULL;
	if (room && !list)
		lm_error("out of memory: %zu attachments are not looked at", room);
	if (!list)
		return NULL;
	TAILQ_FOREACH(g, &as->groups.unsettled, link)
	LIST_FOREACH(at, &g->members, in_group)
	if (!keeps(at))
		list[(*n)++] = at;
	qsort(list, *n, sizeof(struct gw_attachment *), compare_ids);
	return list;
}

static void settle_all(struct gateway *gw)
{
	struct gw_attachments *as = &gw->attachments;
	struct gw_group *g;
	size_t n;

	TAILQ_FOREACH(g, &as->groups.unsettled, link)
	settle_keepers(gw, g);
	unsettle_displaced(as);
	struct gw_attachment **list = newcomers(as, &n);
	for (size_t i = 0; i < n; i++)
		settle_one(gw, list[i]);
	free(list);
	as->places.freed = false;
}

static void network_changed(struct gateway *gw, uint32_t index)
{
	const struct lm_network *net = lm_membership_network(gw->membership, index);
	struct gw_group *g = net ? gw_group_begin(&gw->attachments.groups, net) : NULL;

	if (net && !g)
		lm_error("out of memory: nothing can be attached to network '%s'",
		    net->manifest->network);
	if (g)
		g->unpublished = true;
}

void gw_attachments_settle(struct gateway *gw, uint32_t net)
{
	struct gw_attachments *as = &gw->attachments;
	uint32_t end = lm_membership_networks_end(gw->membership);
	struct gw_group *g;

	if (!as->slots)
		return;
	as->unsettled = false;
	if (net == GW_ALL_NETWORKS)
		for (uint32_t i = 0; i < end; i++)
			network_changed(gw, i);
	else if (net != GW_NO_NETWORK)
		network_changed(gw, net);
	settle_all(gw);
	/* First the ports' table, so that an endpoint never points at an attachment that is not
	 * there. */
	if (as->unpublished)
		gw_attachments_publish(gw);
	while ((g = TAILQ_FIRST(&as->groups.unsettled))) {
		if (g->unpublished)
			gw_network_publish(gw, g->net);
		gw_group_settled(&as->groups, g);
	}
	if (net != GW_NO_NETWORK)
		gw_advertise_network(gw, net);
}

void gw_attachment_learn(struct gateway *gw, struct gw_attachment *at, const struct lm_mac *mac)
{
	char text[LM_MAC_TEXT];

	if (at->a.has_mac || (at->mac_known && memcmp(&at->mac, mac, sizeof(*mac)) == 0))
		return;
	at->mac_known = true;
	at->mac = *mac;
	gw->attachments.unpublished = true;
	gw_advertise_news(gw, at);
	lm_info_limited("%s: the workload's MAC is %s", at->name, lm_mac_text(text, mac));
}
