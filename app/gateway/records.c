/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger on disk: membership's records in a journal, a group a network. It is a convenience:
 * without it, or with a journal that cannot be used, peers tell everything again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway.h"

#define LM_LOG_MODULE "records"

#define RECORDS_BYTES ((size_t)128 << 20) /* about 500,000 records */

_Static_assert(LM_JOURNAL_GROUP_LEN == LM_NET_ID_LEN && LM_JOURNAL_ID_LEN == LM_LEDGER_ID_LEN,
    "a journal's names are those of records");

static void on_record_put(void *ctx, const struct lm_net_id *net,
    const uint8_t id[LM_LEDGER_ID_LEN], const uint8_t *bytes, size_t len)
{
	struct gateway *gw = ctx;

	lm_journal_put(gw->records, net->b, id, bytes, len);
}

static void on_record_drop(
    void *ctx, const struct lm_net_id *net, const uint8_t id[LM_LEDGER_ID_LEN])
{
	struct gateway *gw = ctx;

	lm_journal_drop(gw->records, net->b, id);
}

static void on_records_each(
    void *ctx, const struct lm_net_id *net, lm_record_each_fn *each, void *each_ctx)
{
	struct gateway *gw = ctx;

	lm_journal_each(gw->records, net->b, each, each_ctx);
}

void gw_records_open(struct gateway *gw, struct lm_membership_ops *ops)
{
	char path[LM_CONFIG_PATH_MAX + 8];
	struct lm_why why = {0};

	if (!gw->config->ledger_on_disk)
		return;
	snprintf(path, sizeof(path), "%s/ledger", gw->config->state_dir);
	if (lm_journal_open(&gw->records, path, RECORDS_BYTES, &why) < 0) {
		lm_warn("%s; the ledger is in memory only", why.text);
		return;
	}
	ops->record_put = on_record_put;
	ops->record_drop = on_record_drop;
	ops->records_each = on_records_each;
}

static bool is_in_force(void *ctx, const uint8_t group[LM_JOURNAL_GROUP_LEN])
{
	const struct gateway *gw = ctx;
	struct lm_net_id id;

	memcpy(id.b, group, sizeof(id.b));
	return lm_membership_find(gw->membership, &id) != NULL;
}

void gw_records_prune(struct gateway *gw)
{
	if (gw->records)
		lm_journal_groups(gw->records, is_in_force, gw);
}
