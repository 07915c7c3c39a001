/* SPDX-License-Identifier: Apache-2.0 */
/* Questions of the caller. */
#include "address/internal.h"

int lm_address_get(const struct lm_address *a, const struct lm_net_id *id, unsigned endpoint,
    struct lm_address_place *out)
{
	const struct network *net = lm_address_net(a, id);

	if (!net || endpoint >= net->man->n_endpoints)
		return -ENOENT;
	*out = net->spots[endpoint].place;
	return 0;
}

int lm_address_counts(
    const struct lm_address *a, const struct lm_net_id *id, struct lm_address_counts *out)
{
	const struct network *net = lm_address_net(a, id);
	const struct record *r, *next;

	if (!net)
		return -ENOENT;
	*out = (struct lm_address_counts){.current = net->current, .fenced = net->fenced};
	for (unsigned i = 0; i < net->n_blocks; i++) {
		const struct block *b = &net->blocks[i];
		out->blocks += b->ours;
		out->addresses += b->ours ? b->high - b->low : 0;
	}
	HASH_ITER(hh, net->records, r, next)
	{
		out->given += r->state == RECORD_GIVEN;
		out->resting += r->state == RECORD_RESTING;
	}
	return 0;
}
