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

static struct sim_exception *find(const struct sim_gateway *g, const struct exception_key *key)
{
	struct sim_exception *e;

	HASH_FIND(hh, g->exceptions, key, sizeof(*key), e);
	return e;
}

bool sim_is_attached(
    const struct sim_gateway *g, const struct lm_net_id *net, const char *member, unsigned replica)
{
	struct exception_key key;

	if (!g->exceptions)
		return g->attached;
	key = key_of(net, member, replica);
	return g->attached != (find(g, &key) != NULL);
}

/* The daemon does this: of what is attached, the manifest says what it is. */
void sim_serve(struct sim_gateway *g, const struct lm_network *net)
{
	const struct lm_manifest *man = net->manifest;
	uint32_t *here = malloc((man->n_endpoints + 1) * sizeof(*here));
	unsigned n = 0;

	if (!here)
		abort();
	for (unsigned i = 0; i < man->n_endpoints; i++) {
		const struct lm_endpoint *e = &man->endpoints[i];
		if (e->provider == net->self &&
		    sim_is_attached(g, &net->id, man->members[e->member].name, e->replica))
			here[n++] = i;
	}
	int err = lm_membership_set_served(g->m, net->index, here, n);
	if (err)
		sim_broken(g->sim, "gw%u: what is attached in %s was refused: %s", g->index,
		    man->network, strerror(-err));
	free(here);
}

void sim_exceptions_free(struct sim_gateway *g)
{
	struct sim_exception *e, *next;

	HASH_ITER(hh, g->exceptions, e, next)
	{
		HASH_DEL(g->exceptions, e);
		free(e);
	}
}

void sim_attach_all(struct sim_gateway *g, bool attached)
{
	sim_exceptions_free(g);
	g->attached = attached;
	for (uint32_t i = 0; g->m && i < lm_membership_networks_end(g->m); i++)
		if (lm_membership_network(g->m, i))
			sim_serve(g, lm_membership_network(g->m, i));
	sim_touch(g);
}

void sim_attach(struct sim_gateway *g, const struct lm_net_id *net, const char *member,
    unsigned replica, bool attached)
{
	struct exception_key key = key_of(net, member, replica);
	struct sim_exception *e = find(g, &key);

	if (attached == g->attached && e) {
		HASH_DEL(g->exceptions, e);
		free(e);
	} else if (attached != g->attached && !e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			abort();
		e->key = key;
		HASH_ADD(hh, g->exceptions, key, sizeof(e->key), e);
	}
	const struct lm_network *at = g->m ? lm_membership_find(g->m, net) : NULL;
	if (at)
		sim_serve(g, at);
	sim_touch(g);
}
