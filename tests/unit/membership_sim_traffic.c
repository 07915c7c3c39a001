/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of workloads, as far as membership notices them. */
#include "membership_sim.h"

#include <string.h>

bool sim_on_sa_in_used(void *ctx, uint32_t spi)
{
	const struct sim_node *n = ctx;

	return n->sas[spi - SIM_FIRST_SPI].used;
}

bool sim_on_sa_out_used(void *ctx, uint32_t net, uint32_t slot)
{
	const struct sim_node *n = ctx;

	return n->out[net][slot].used;
}

/* The association that these outbound lanes lead to, if it has the same keys. */
static struct sim_sa *sa_of(struct sim_node *b, const struct sim_out *out)
{
	uint32_t at = out->spis[0] - SIM_FIRST_SPI;

	if (at >= b->n_sas || !b->sas[at].there || memcmp(b->sas[at].key, out->keys[0], 36) != 0)
		return NULL;
	return &b->sas[at];
}

bool sim_traffic(struct sim *s, unsigned from, unsigned to, const struct sim_doc *d)
{
	struct sim_node *a = s->node[from], *b = s->node[to];
	const struct lm_network *net = lm_membership_find(a->m, &d->net);
	int slot = sim_slot(a, to);

	if (!net || slot < 0 || !a->out[net->index][slot].n)
		return false;
	struct sim_out *out = &a->out[net->index][slot];
	out->used = true;
	lm_membership_sent(a->m, &s->now, (uint32_t)slot);
	sim_tick(a);
	struct sim_sa *sa = b->running && !s->cut[from][to] ? sa_of(b, out) : NULL;
	if (!sa)
		return false;
	sa->used = true;
	lm_membership_heard(b->m, &s->now, sa->slot);
	sim_tick(b);
	return true;
}
