/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger on disk: records go there as the ledger takes them, and come back when their network
 * is joined. They are judged like any message then: what has expired, was sealed with another
 * secret or is by an author that the manifest has left out is dropped.
 */
#include "membership/internal.h"

#include "base/log.h"

#define LM_LOG_MODULE "membership"

static void on_persist(void *ctx, const struct lm_net_id *net, const uint8_t id[LM_LEDGER_ID_LEN],
    const uint8_t *bytes, size_t len)
{
	struct lm_membership *m = ctx;

	m->ops.record_put(m->ctx, net, id, bytes, len);
}

static void on_forget(void *ctx, const struct lm_net_id *net, const uint8_t id[LM_LEDGER_ID_LEN])
{
	struct lm_membership *m = ctx;

	m->ops.record_drop(m->ctx, net, id);
}

void lm_records_open(const struct lm_membership *m, struct lm_ledger_ops *ops)
{
	if (!m->ops.record_put)
		return;
	ops->persist = on_persist;
	ops->forget = on_forget;
}

struct restore {
	struct lm_membership *m;
	const struct network *net;
	unsigned taken, refused;
};

static bool restore_one(void *ctx, const uint8_t *bytes, size_t len)
{
	struct restore *r = ctx;
	bool taken = lm_ledger_restore(r->m->ledger, &r->m->now, &r->net->pub.id, bytes, len) == 0;

	r->taken += taken;
	r->refused += !taken;
	return taken;
}

void lm_records_restore(struct lm_membership *m, const struct network *net)
{
	struct restore r = {.m = m, .net = net};

	if (!m->ops.records_each)
		return;
	m->ops.records_each(m->ctx, &net->pub.id, restore_one, &r);
	if (r.taken + r.refused)
		lm_info_limited("network %s: %u records from disk, %u no longer hold",
		    net->pub.manifest->network, r.taken, r.refused);
}
