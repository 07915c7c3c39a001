/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever SPI a gateway sends by is installed at the other end, with the same key, for the same
 * lane; nobody sends to, or receives from, a gateway that the manifest in force does not name; and
 * no key is taken up twice: a lane starts at sequence number 1, and AES-GCM must never see one
 * number twice under one key (RFC 4106 section 2).
 */
#include <stdlib.h>
#include "audit.h"

static struct audit_key *key_of(const struct audit *a, const uint8_t key[SIM_LANE_KEY])
{
	struct audit_key *k;

	HASH_FIND(hh, a->keys, key, SIM_LANE_KEY, k);
	return k;
}

static void check_key(struct audit *a, const struct sim_gateway *g, const uint8_t key[SIM_LANE_KEY],
    const struct audit_paper *under)
{
	if (key_of(a, key)) {
		sim_broken(a->sim, "gw%u takes up a key again that it has sent by", g->index);
		return;
	}
	struct audit_key *k = calloc(1, sizeof(*k));
	if (!k)
		abort();
	memcpy(k->key, key, SIM_LANE_KEY);
	k->under = under;
	HASH_ADD(hh, a->keys, key, SIM_LANE_KEY, k);
}

void audit_keyed(void *ctx, struct sim_gateway *g, uint32_t index, uint8_t n_lanes,
    const uint8_t (*keys)[SIM_LANE_KEY])
{
	struct audit *a = ctx;
	const struct lm_network *net = lm_membership_network(g->m, index);
	int at = net ? audit_net(a, &net->id) : -1;

	for (uint8_t i = 0; i < n_lanes; i++)
		check_key(a, g, keys[i], at < 0 ? NULL : audit_of(a, g)->in[at].stored);
}

const struct audit_paper *audit_under(const struct audit *a, const uint8_t key[SIM_LANE_KEY])
{
	const struct audit_key *k = key_of(a, key);

	return k ? k->under : NULL;
}

static const char *wrong_with(const struct sim_gateway *from, const struct sim_gateway *to,
    const struct sim_out *out, uint8_t lane)
{
	const struct sim_sa_in *sa = sim_lanes_in(&to->lanes, out->lanes[lane].spi);

	if (!sa)
		return "was never given out";
	if (sa->cut)
		return NULL; /* ended with its pair or the process: the other end learns it */
	if (!sa->there)
		return "is not installed any more";
	if (memcmp(sa->key, out->lanes[lane].key, SIM_LANE_KEY) != 0)
		return "has another key";
	if (sa->lane != lane || sa->n_lanes != out->n)
		return "is another lane";
	if (sa->peer != from->index)
		return "is another gateway's";
	return NULL;
}

static void check_out(struct audit *a, const struct sim_gateway *g, const struct sim_out *out)
{
	const struct sim_gateway *to = g->slots[out->key.slot].gateway;

	if (!to || !to->m || audit_of(a, to)->liar)
		return;
	for (uint8_t i = 0; i < out->n; i++) {
		const char *wrong = wrong_with(g, to, out, i);
		a->checked++;
		if (wrong)
			sim_broken(a->sim, "gw%u sends to gw%u by SPI %u, which %s", g->index,
			    to->index, out->lanes[i].spi, wrong);
	}
}

static bool names(const struct lm_network *net, const struct sim_gateway *g)
{
	return g && lm_manifest_provider(net->manifest, &g->id.id) >= 0;
}

static void check_switched(struct audit *a, struct sim_gateway *g, struct sim_out_key key)
{
	const struct lm_network *net = lm_membership_network(g->m, key.net);
	const struct sim_out *out = sim_lanes_out(&g->lanes, key);

	if (!out)
		return; /* and off again */
	if (!net || !names(net, g->slots[key.slot].gateway))
		sim_broken(
		    a->sim, "gw%u has lanes to one whom the manifest does not name", g->index);
	check_out(a, g, out);
}

/* What was deleted here, though not cut, must not be sent by. */
static void check_deleted(struct audit *a, struct sim_gateway *g, uint32_t spi)
{
	const struct sim_sa_in *sa = sim_lanes_in(&g->lanes, spi);
	struct sim_gateway *from = a->sim->gateways[sa->peer];
	const struct lm_network *ours = lm_membership_network(g->m, sa->net);
	const struct lm_network *theirs =
	    ours && from->m ? lm_membership_find(from->m, &ours->id) : NULL;

	if (sa->cut || !theirs)
		return;
	const struct sim_out *out =
	    sim_lanes_out(&from->lanes, (struct sim_out_key){theirs->index, sim_slot(from, g)});
	if (out)
		check_out(a, from, out);
}

void audit_lanes(struct audit *a, struct sim_gateway *g)
{
	for (uint32_t i = 0; i < g->lanes.n_switched; i++)
		check_switched(a, g, g->lanes.switched[i]);
	for (uint32_t i = 0; i < g->lanes.n_deleted; i++)
		check_deleted(a, g, g->lanes.deleted[i]);
}

void audit_lanes_of(struct audit *a, struct sim_gateway *g, const struct lm_network *net)
{
	const struct sim_out *out, *next;

	HASH_ITER(hh, g->lanes.out, out, next)
	if (out->key.net == net->index && !names(net, g->slots[out->key.slot].gateway))
		sim_broken(a->sim, "gw%u goes on sending to one whom %s does not name any more",
		    g->index, net->manifest->network);
	for (uint32_t i = 0; i < g->lanes.n_in; i++) {
		const struct sim_sa_in *sa = &g->lanes.in[i];
		if (sa->there && sa->net == net->index && !names(net, a->sim->gateways[sa->peer]))
			sim_broken(a->sim,
			    "gw%u goes on receiving from one whom %s does not name any more",
			    g->index, net->manifest->network);
	}
}
