/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/internal.h"

const char *const lm_ledger_drop_names[LM_LD_MAX] = {
#define X(id, name) [LM_LD_##id] = name,
    LM_LEDGER_DROPS(X)
#undef X
};

int lm_ledger_create(struct lm_ledger **out, const struct lm_identity *self,
    const struct lm_ledger_config *config, const struct lm_ledger_ops *ops, void *ctx)
{
	struct lm_ledger *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->self = self;
	l->config = *config;
	l->ops = *ops;
	l->ctx = ctx;
	struct lm_ledger_config *c = &l->config;
	c->max_networks = c->max_networks ? c->max_networks : 16384;
	c->max_author_records = c->max_author_records ? c->max_author_records : 4096;
	c->max_author_bytes = c->max_author_bytes ? c->max_author_bytes : 512 * 1024;
	c->max_network_records = c->max_network_records ? c->max_network_records : 32768;
	c->max_records = c->max_records ? c->max_records : 1u << 20;
	TAILQ_INIT(&l->tells);
	TAILQ_INIT(&l->pullable);
	TAILQ_INIT(&l->waiting);
	TAILQ_INIT(&l->pulls);
	TAILQ_INIT(&l->boxes);
	TAILQ_INIT(&l->pending);
	l->compare_at = LM_NEVER;
	*out = l;
	return 0;
}

void lm_ledger_free(struct lm_ledger *l)
{
	if (!l)
		return;
	lm_ledger_networks_free(l);
	lm_ledger_gateways_free(l);
	lm_timers_free(&l->dues);
	free(l);
}

uint64_t lm_ledger_random(struct lm_ledger *l, uint64_t below)
{
	uint64_t x;

	l->ops.random(l->ctx, &x, sizeof(x));
	return below ? x % below : 0;
}

unsigned lm_ledger_allowed(
    const struct lm_ledger *l, struct allowance *a, unsigned rate, unsigned burst)
{
	uint64_t past = l->now.mono - a->refilled, full = 1000ull * burst;
	/* Beyond an hour it is full, and the product cannot overflow. */
	uint64_t more = lm_min_u64(past, 3600 * SECOND) / 1000 * rate / 1000;

	/* Time that was too short to count is kept for the next call. */
	if (more > 0) {
		a->milli = lm_min_u64(full, a->milli + more);
		a->refilled = l->now.mono;
	}
	return (unsigned)(a->milli / 1000);
}

bool lm_ledger_allow(
    const struct lm_ledger *l, struct allowance *a, unsigned rate, unsigned burst, unsigned n)
{
	if (lm_ledger_allowed(l, a, rate, burst) < n)
		return false;
	a->milli -= 1000ull * n;
	return true;
}

void lm_ledger_input(struct lm_ledger *l, const struct lm_now *now,
    const struct lm_public_key *from, uint8_t type, const uint8_t *body, size_t len)
{
	struct gateway *g = lm_ledger_gateway(l, from);

	l->now = *now;
	if (!g || !g->peer) {
		l->drops[LM_LD_UNKNOWN_PEER]++;
		return;
	}
	switch (type) {
	case LM_MSG_LEDGER_ROOT:
		lm_ledger_root_message(l, g, body, len);
		break;
	case LM_MSG_LEDGER_ASK:
		lm_ledger_ask_message(l, g, body, len);
		break;
	case LM_MSG_LEDGER_NODES:
		lm_ledger_nodes_message(l, g, body, len);
		break;
	case LM_MSG_LEDGER_WANT:
		lm_ledger_want_message(l, g, body, len);
		break;
	case LM_MSG_LEDGER_RECORDS:
		lm_ledger_records_message(l, g, body, len);
		break;
	case LM_MSG_LEDGER_ABSENT:
		lm_ledger_absent_message(l, g, body, len);
		break;
	default:
		l->drops[LM_LD_MALFORMED]++;
	}
}

/* ---- time ---- */

static void records_due(struct lm_ledger *l)
{
	struct lm_timer *d;

	while ((d = lm_timers_first(&l->dues)) && d->due <= l->now.wall) {
		struct record *r = (struct record *)((char *)d - offsetof(struct record, due));
		if (r->standing != OTHERS) {
			lm_ledger_own_due(l, r);
			continue;
		}
		lm_ledger_say_gone(l, r, "expired");
		lm_ledger_drop_record(l, r, true);
	}
}

static uint64_t next_record(const struct lm_ledger *l)
{
	uint64_t at = lm_timers_next(&l->dues);

	if (at == LM_NEVER)
		return at;
	return l->now.mono + (at > l->now.wall ? at - l->now.wall : 1);
}

uint64_t lm_ledger_tick(struct lm_ledger *l, const struct lm_now *now)
{
	struct gateway *g;

	l->now = *now;
	records_due(l);
	lm_ledger_push(l);
	while ((g = TAILQ_FIRST(&l->tells))) {
		TAILQ_REMOVE(&l->tells, g, telling);
		g->tell = false;
		if (g->shared.n)
			lm_ledger_send_root(l, g, ROOT_ASK);
	}
	lm_ledger_pull_due(l);
	lm_ledger_compare_due(l);
	return lm_min_u64(lm_min_u64(next_record(l), l->compare_at), lm_ledger_pull_next(l));
}

/* ---- questions about the whole ---- */

void lm_ledger_info(const struct lm_ledger *l, struct lm_ledger_info *out)
{
	*out = l->info;
	out->peers = l->n_ups;
}

const uint64_t *lm_ledger_drops(const struct lm_ledger *l)
{
	return l->drops;
}
