/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "groups.h"

int gw_groups_open(struct gw_groups *groups, uint32_t n_nets)
{
	TAILQ_INIT(&groups->unsettled);
	groups->n_nets = n_nets;
	groups->of_net = calloc(n_nets, sizeof(groups->of_net[0]));
	return groups->of_net ? 0 : -ENOMEM;
}

void gw_groups_close(struct gw_groups *groups)
{
	struct gw_group *g, *tmp;

	HASH_ITER(hh, groups->by_key, g, tmp)
	{
		HASH_DEL(groups->by_key, g);
		free(g);
	}
	free(groups->of_net);
	groups->of_net = NULL;
}

/* Found, or made. NULL without memory. */
static struct gw_group *get(
    struct gw_groups *groups, const struct lm_key_id *owner, const char *network)
{
	struct gw_group_key key = {{0}};
	struct gw_group *g;

	memcpy(key.owner, owner, sizeof(key.owner));
	memcpy(key.network, network, strnlen(network, LM_NAME_MAX));
	HASH_FIND(hh, groups->by_key, &key, sizeof(key), g);
	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->key = key;
	g->net = GW_NO_NETWORK;
	HASH_ADD(hh, groups->by_key, key, sizeof(g->key), g);
	return g;
}

struct gw_group *gw_group_begin(struct gw_groups *groups, const struct lm_network *net)
{
	struct lm_key_id owner = lm_key_id(&net->sm->owner);
	struct gw_group *g = get(groups, &owner, net->manifest->network);

	if (!g)
		return NULL;
	g->net = net->index;
	groups->of_net[net->index] = g;
	gw_group_unsettle(groups, g);
	return g;
}

void gw_group_end(struct gw_groups *groups, uint32_t net)
{
	struct gw_group *g = gw_group_of(groups, net);

	if (!g)
		return;
	groups->of_net[net] = NULL;
	g->net = GW_NO_NETWORK;
	gw_group_unsettle(groups, g);
}

struct gw_group *gw_group_of(const struct gw_groups *groups, uint32_t net)
{
	return groups->of_net && net < groups->n_nets ? groups->of_net[net] : NULL;
}

int gw_group_enter(struct gw_groups *groups, struct gw_attachment *at)
{
	struct gw_group *g = get(groups, &at->a.lease.owner, at->a.network);

	if (!g)
		return -ENOMEM;
	if (at->group != g) {
		gw_group_leave(groups, at);
		at->group = g;
		LIST_INSERT_HEAD(&g->members, at, in_group);
	}
	gw_group_unsettle(groups, g);
	return 0;
}

void gw_group_seat(struct gw_attachment *at)
{
	HASH_ADD(in_seats, at->group->seated, endpoint, sizeof(at->endpoint), at);
	at->seated = true;
}

struct gw_attachment *gw_group_find(const struct gw_group *g, uint32_t endpoint)
{
	struct gw_attachment *at;

	HASH_FIND(in_seats, g->seated, &endpoint, sizeof(endpoint), at);
	return at;
}

static void unseat(struct gw_attachment *at)
{
	if (at->seated)
		HASH_DELETE(in_seats, at->group->seated, at);
	at->seated = false;
}

void gw_group_unseat_all(struct gw_group *g)
{
	struct gw_attachment *at;

	LIST_FOREACH(at, &g->members, in_group)
	unseat(at);
}

void gw_group_leave(struct gw_groups *groups, struct gw_attachment *at)
{
	struct gw_group *g = at->group;

	if (!g)
		return;
	/* An attachment that is gone leaves its network with an endpoint to take back. */
	g->unpublished |= at->seated;
	unseat(at);
	at->group = NULL;
	LIST_REMOVE(at, in_group);
	gw_group_unsettle(groups, g);
}

void gw_group_unsettle(struct gw_groups *groups, struct gw_group *g)
{
	if (!g->unsettled)
		TAILQ_INSERT_TAIL(&groups->unsettled, g, link);
	g->unsettled = true;
}

void gw_group_settled(struct gw_groups *groups, struct gw_group *g)
{
	TAILQ_REMOVE(&groups->unsettled, g, link);
	g->unsettled = g->unpublished = false;
	if (g->net != GW_NO_NETWORK || !LIST_EMPTY(&g->members))
		return;
	HASH_DEL(groups->by_key, g);
	free(g);
}
