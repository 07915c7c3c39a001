/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that we write. A version is the time in milliseconds, or the one before plus one: so a
 * gateway that has lost everything goes on above what it wrote in its former life, and where its
 * clock fails it, above what its peers have kept. What is dropped is never followed by something
 * older: no version expires before an earlier one, and a tombstone outlives all of them.
 */
#include "ledger/internal.h"

#define AGAIN_AFTER SECOND /* two gateways with one key must not race */
/* Renewals of all networks come together, so that they share datagrams. */
#define RENEW_STEP (300 * SECOND)
#define RETRY_AFTER (10 * SECOND) /* no memory */

static uint64_t renew_at(struct lm_ledger *l, unsigned lifetime)
{
	uint64_t life = lifetime * SECOND;
	uint64_t at = l->now.wall + life * 2 / 3 - lm_ledger_random(l, life / 15);
	uint64_t offset = (uint64_t)l->self->id.b[0] * RENEW_STEP / 256;

	return at - (at - offset) % RENEW_STEP;
}

/* Signs and puts in; what of f is not about content is set here. */
static int write_own(struct lm_ledger *l, struct network *net, const uint8_t id[LM_LEAF_LEN],
    struct fields *f, unsigned lifetime)
{
	const struct record *old = lm_ledger_record(net, id);
	uint64_t taken = old ? lm_max_u64(old->version, old->floor) : 0;
	uint64_t live_until = old ? old->live_until : 0;
	bool dies = f->flags & TOMBSTONE;
	struct lm_signature sig;

	f->author = l->self->id;
	f->version = lm_max_u64(l->now.wall / MS, taken + 1);
	if (!dies)
		live_until = lm_max_u64(live_until, wall_seconds(l) + lifetime);
	live_until = lm_max_u64(live_until, f->version / VERSIONS_OF_SECOND);
	f->expiry = live_until + (dies ? TOMBSTONE_EXTRA : 0);
	f->signature = sig.b;
	if (!lm_ledger_has_room(l, net, net->self, f, old))
		return -ENOSPC;
	int err = lm_ledger_sign(l->self, &net->id, f, &sig);
	if (err)
		return err;
	struct record *r = lm_ledger_put(l, net, net->self, id, f);
	if (!r)
		return -ENOMEM;
	l->info.written++;
	l->info.last_version = lm_max_u64(l->info.last_version, r->version);
	r->standing = OURS;
	r->live_until = live_until;
	r->signed_at = l->now.wall;
	r->lifetime = lifetime;
	if (!dies)
		lm_timers_set(&l->dues, &r->due, renew_at(l, lifetime));
	lm_ledger_push_later(l, r);
	lm_ledger_stir(l, net);
	return 0;
}

/* The same again, under a new version. */
static int rewrite(struct lm_ledger *l, struct record *r, bool dies)
{
	uint8_t id[LM_LEAF_LEN];
	struct fields f;

	memcpy(id, r->leaf.id, LM_LEAF_LEN);
	lm_ledger_fields_of(&f, r);
	if (dies) {
		f.flags |= TOMBSTONE;
		f.value_len = 0;
	}
	return write_own(l, r->net, id, &f, r->lifetime);
}

static int bury(struct lm_ledger *l, struct record *r)
{
	return rewrite(l, r, true);
}

/* ---- public ---- */

static int own_network(
    struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *id, struct network **out)
{
	l->now = *now;
	*out = lm_ledger_net(l, id);
	if (!*out || !(*out)->joined)
		return -ENOENT;
	return (*out)->self ? 0 : -EACCES;
}

static bool is_same(const struct record *r, const struct fields *f, unsigned lifetime)
{
	return r->standing == OURS && is_live(r) && r->lifetime == lifetime &&
	       r->value_len == f->value_len &&
	       (f->value_len == 0 || memcmp(r->bytes + r->key_len, f->value, f->value_len) == 0);
}

int lm_ledger_publish(struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *id,
    uint8_t kind, const void *key, size_t key_len, const void *value, size_t value_len,
    unsigned lifetime)
{
	uint8_t name[LM_LEAF_LEN];
	struct network *net;
	int err = own_network(l, now, id, &net);

	if (err)
		return err;
	if (!kind || key_len > LM_LEDGER_KEY_MAX || value_len > LM_LEDGER_VALUE_MAX ||
	    lifetime < LM_LEDGER_LIFETIME_MIN || lifetime > LM_LEDGER_LIFETIME_MAX)
		return -EINVAL;
	struct fields f = {.kind = kind,
	    .key_len = (uint8_t)key_len,
	    .value_len = (uint16_t)value_len,
	    .key = key,
	    .value = value};
	lm_ledger_record_id(net, &l->self->id, kind, key, key_len, name);
	const struct record *old = lm_ledger_record(net, name);
	if (old && is_same(old, &f, lifetime))
		return 0;
	return write_own(l, net, name, &f, lifetime);
}

int lm_ledger_withdraw(struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *id,
    uint8_t kind, const void *key, size_t key_len)
{
	uint8_t name[LM_LEAF_LEN];
	struct network *net;
	int err = own_network(l, now, id, &net);

	if (err)
		return err;
	lm_ledger_record_id(net, &l->self->id, kind, key, key_len, name);
	struct record *r = lm_ledger_record(net, name);
	return r && is_live(r) ? bury(l, r) : -ENOENT;
}

int lm_ledger_withdraw_all(
    struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *id)
{
	struct network *net;
	int err = own_network(l, now, id, &net);

	/* A tombstone takes its record's place in the list. */
	for (uint32_t i = 0; !err && i < net->records.n; i++) {
		struct record *r = (struct record *)net->records.at[i];
		if (r->standing != OTHERS && is_live(r))
			err = bury(l, r);
	}
	return err;
}

/* ---- a former life ---- */

static uint64_t live_until_of(const struct fields *f)
{
	return f->flags & TOMBSTONE ? f->expiry - lm_min_u64(f->expiry, TOMBSTONE_EXTRA)
				    : f->expiry;
}

static void keep_orphan(
    struct lm_ledger *l, struct network *net, const uint8_t id[LM_LEAF_LEN], const struct fields *f)
{
	if (!lm_ledger_has_room(l, net, net->self, f, lm_ledger_record(net, id))) {
		l->drops[LM_LD_LIMIT]++;
		return;
	}
	struct record *r = lm_ledger_put(l, net, net->self, id, f);
	if (!r) {
		l->drops[LM_LD_MEMORY]++;
		return;
	}
	r->standing = ORPHAN;
	r->live_until = live_until_of(f);
	r->lifetime = LM_LEDGER_LIFETIME;
	if (is_live(r))
		lm_timers_set(&l->dues, &r->due,
		    lm_min_u64(r->due.due, l->now.wall + LM_LEDGER_RECLAIM * SECOND));
}

void lm_ledger_own_seen(struct lm_ledger *l, struct network *net, const uint8_t id[LM_LEAF_LEN],
    const struct fields *f, struct record *have)
{
	if (!have || have->standing == ORPHAN || (!is_live(have) && (f->flags & TOMBSTONE))) {
		keep_orphan(l, net, id, f);
		return;
	}
	/* What we say now holds: it is said again, above what was seen. */
	have->floor = lm_max_u64(have->floor, f->version);
	have->live_until = lm_max_u64(have->live_until, live_until_of(f));
	lm_timers_set(&l->dues, &have->due, lm_max_u64(l->now.wall, have->signed_at + AGAIN_AFTER));
}

void lm_ledger_own_due(struct lm_ledger *l, struct record *r)
{
	bool stands = r->standing == OURS && is_live(r);
	bool again = r->floor > r->version; /* a tombstone that has to be above a newer version */
	bool over = r->expiry + LM_LEDGER_WINDOW <= wall_seconds(l);

	if (!stands && !again && (!is_live(r) || over)) {
		lm_ledger_drop_record(l, r, true);
		return;
	}
	if ((stands ? rewrite(l, r, false) : bury(l, r)) != 0)
		lm_timers_set(&l->dues, &r->due, l->now.wall + RETRY_AFTER);
}
