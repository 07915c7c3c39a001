/* SPDX-License-Identifier: Apache-2.0 */
/* Workloads: what is attached at a gateway, whatever manifests say. */
#include <stdlib.h>
#include <string.h>
#include "sim.h"

struct exception_key {
	struct lm_net_id net;
	char member[LM_NAME_MAX + 1];
	unsigned replica;
};

struct sim_exception {
	struct exception_key key;
	UT_hash_handle hh;
};

static struct exception_key key_of(
    const struct lm_net_id *net, const char *member, unsigned replica)
{
	struct exception_key key;

	memset(&key, 0, sizeof(key)); /* it is hashed with its padding */
	key.net = *net;
	key.replica = replica;
	snprintf(key.member, sizeof(key.member), "%s", member);
	return key;
}

static struct sim_exception *find(struct sim_exception *set, const struct exception_key *key)
{
	struct sim_exception *e;

	HASH_FIND(hh, set, key, sizeof(*key), e);
	return e;
}

static void put(struct sim_exception **set, const struct exception_key *key, bool there)
{
	struct sim_exception *e = find(*set, key);

	if (!there && e) {
		HASH_DEL(*set, e);
		free(e);
	} else if (there && !e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			abort();
		e->key = *key;
		HASH_ADD(hh, *set, key, sizeof(e->key), e);
	}
}

static void clear(struct sim_exception **set)
{
	struct sim_exception *e, *next;

	HASH_ITER(hh, *set, e, next)
	{
		HASH_DEL(*set, e);
		free(e);
	}
}

bool sim_is_attached(
    const struct sim_gateway *g, const struct lm_net_id *net, const char *member, unsigned replica)
{
	struct exception_key key;

	if (!g->exceptions)
		return g->attached;
	key = key_of(net, member, replica);
	return g->attached != (find(g->exceptions, &key) != NULL);
}

bool sim_hosts(const struct sim_gateway *g, const struct lm_net_id *net,
    const struct lm_manifest *man, unsigned endpoint)
{
	const struct lm_endpoint *e = &man->endpoints[endpoint];
	const char *member = man->members[e->member].name;
	int self = lm_manifest_provider(man, &g->id.id);

	if (e->provider != LM_ANY_PROVIDER)
		return e->provider == self && sim_is_attached(g, net, member, e->replica);
	struct exception_key key = key_of(net, member, e->replica);
	return self >= 0 && g->hosts && find(g->hosts, &key) != NULL;
}

/* The daemon does this: of what is attached, the manifest says what it is. */
void sim_serve(struct sim_gateway *g, const struct lm_network *net)
{
	const struct lm_manifest *man = net->manifest;
	uint32_t *here = malloc((man->n_endpoints + 1) * sizeof(*here));
	unsigned n = 0;

	if (!here)
		abort();
	for (unsigned i = 0; i < man->n_endpoints; i++)
		if (sim_hosts(g, &net->id, man, i))
			here[n++] = i;
	int err = lm_membership_set_served(g->m, net->index, here, n);
	if (err)
		sim_broken(g->sim, "gw%u: what is attached in %s was refused: %s", g->index,
		    man->network, strerror(-err));
	free(here);
}

void sim_exceptions_free(struct sim_gateway *g)
{
	clear(&g->exceptions);
	clear(&g->hosts);
}

void sim_attach_all(struct sim_gateway *g, bool attached)
{
	clear(&g->exceptions);
	g->attached = attached;
	for (uint32_t i = 0; g->m && i < lm_membership_networks_end(g->m); i++)
		if (lm_membership_network(g->m, i))
			sim_serve(g, lm_membership_network(g->m, i));
	sim_touch(g);
}

static void changed(struct sim_gateway *g, const struct lm_net_id *net)
{
	const struct lm_network *at = g->m ? lm_membership_find(g->m, net) : NULL;

	if (at)
		sim_serve(g, at);
	sim_touch(g);
}

void sim_attach(struct sim_gateway *g, const struct lm_net_id *net, const char *member,
    unsigned replica, bool attached)
{
	struct exception_key key = key_of(net, member, replica);

	put(&g->exceptions, &key, attached != g->attached);
	changed(g, net);
}

void sim_host(struct sim_gateway *g, const struct lm_net_id *net, const char *member,
    unsigned replica, bool hosted)
{
	struct exception_key key = key_of(net, member, replica);

	put(&g->hosts, &key, hosted);
	changed(g, net);
}
