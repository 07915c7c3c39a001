/* SPDX-License-Identifier: Apache-2.0 */
/* Questions of the caller. */
#include "ledger/internal.h"

int lm_ledger_each(const struct lm_ledger *l, const struct lm_net_id *id, uint8_t kind,
    lm_ledger_each_fn *each, void *ctx)
{
	const struct network *net = lm_ledger_net(l, id);
	int stop = 0;

	for (uint32_t i = 0; net && !stop && i < net->records.n; i++) {
		const struct record *r = (const struct record *)net->records.at[i];
		struct lm_ledger_record view = lm_ledger_view(r);
		if (is_live(r) && (kind == 0 || r->kind == kind))
			stop = each(ctx, &view);
	}
	return stop;
}

/* A record's place follows from author, kind and key: so one look an author. */
int lm_ledger_find(const struct lm_ledger *l, const struct lm_net_id *id, uint8_t kind,
    const void *key, size_t key_len, lm_ledger_each_fn *each, void *ctx)
{
	const struct network *net = lm_ledger_net(l, id);
	uint8_t name[LM_LEAF_LEN];
	int stop = 0;

	for (unsigned i = 0; net && !stop && i < net->n_seats; i++) {
		if (!net->seats[i].n_records)
			continue;
		lm_ledger_record_id(net, &net->seats[i].gateway->id, kind, key, key_len, name);
		const struct record *r = lm_ledger_record(net, name);
		if (!r || !is_live(r))
			continue;
		struct lm_ledger_record view = lm_ledger_view(r);
		stop = each(ctx, &view);
	}
	return stop;
}
