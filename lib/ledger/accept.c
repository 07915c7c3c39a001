/* SPDX-License-Identifier: Apache-2.0 */
/* Records that arrive: from a peer, or from our own disk. */
#include "ledger/internal.h"

/* An author's clock may be a window ahead, and a tombstone lives longer than its record. */
#define LIFE_MAX (LM_LEDGER_LIFETIME_MAX + TOMBSTONE_EXTRA + LM_LEDGER_WINDOW)
#define ACCEPTED LM_LD_MAX

/* Whether it is a record of this network that may stand; what else is known is not looked at. */
static enum lm_ledger_drop judge(const struct lm_ledger *l, const struct network *net,
    const struct seat *seat, const struct fields *f)
{
	uint64_t now = wall_seconds(l);

	if (!seat)
		return LM_LD_AUTHOR;
	/* One of ours may still live by somebody's clock: then we take it back, unless we have. */
	bool take_back = seat == net->self && !(f->flags & TOMBSTONE);
	if (f->expiry + (take_back ? LM_LEDGER_WINDOW : 0) <= now)
		return LM_LD_EXPIRED;
	if (f->expiry > now + LIFE_MAX)
		return LM_LD_TOO_LONG;
	return ACCEPTED;
}

/*
 * Is it newer than what we have? Two records of one version (an author who signs twice) are ordered
 * by their signatures, so that all settle on the same one.
 */
static enum lm_ledger_drop compare(const struct fields *f, const struct record *have)
{
	uint8_t state[LM_LEAF_LEN];

	if (!have)
		return ACCEPTED;
	lm_ledger_state_of(state, f);
	int order = memcmp(state, have->leaf.state, LM_LEAF_LEN);
	if (order == 0 || (have->standing == OURS && f->version <= have->floor))
		return LM_LD_DUPLICATE;
	return order < 0 ? LM_LD_OLD : ACCEPTED;
}

static bool same_value(const struct record *have, const struct fields *f)
{
	return is_live(have) && !(f->flags & TOMBSTONE) && have->value_len == f->value_len &&
	       memcmp(have->bytes + have->key_len, f->value, f->value_len) == 0;
}

static enum lm_ledger_drop take(struct lm_ledger *l, struct network *net, struct seat *seat,
    const uint8_t id[LM_LEAF_LEN], const struct fields *f, struct record *have)
{
	bool renewal = have && same_value(have, f);

	if (!lm_ledger_has_room(l, net, seat, f, have))
		return LM_LD_LIMIT;
	if (have && (f->flags & TOMBSTONE))
		lm_ledger_say_gone(l, have, "withdrawn");
	struct record *r = lm_ledger_put(l, net, seat, id, f);
	if (!r) {
		if (have && (f->flags & TOMBSTONE))
			lm_ledger_drop_record(l, have, true);
		return LM_LD_MEMORY;
	}
	l->info.accepted++;
	if (renewal)
		return ACCEPTED;
	if (is_live(r)) {
		struct lm_ledger_record view = lm_ledger_view(r);
		l->ops.changed(l->ctx, &net->id, &view);
	}
	lm_ledger_stir(l, net);
	return ACCEPTED;
}

/* from NULL: from disk. */
static enum lm_ledger_drop arrive(struct lm_ledger *l, struct network *net, struct gateway *from,
    const uint8_t id[LM_LEAF_LEN], const struct fields *f)
{
	struct seat *seat = lm_ledger_seat(net, &f->author);
	struct record *have = lm_ledger_record(net, id);
	enum lm_ledger_drop verdict = judge(l, net, seat, f);

	if (verdict == ACCEPTED)
		verdict = compare(f, have);
	if (verdict != ACCEPTED)
		return verdict;
	if (from && !lm_ledger_allow(l, &from->checks, CHECKS_RATE, CHECKS_BURST, 1))
		return LM_LD_RATE;
	if (!lm_ledger_verify(&seat->gateway->key, &net->id, f))
		return LM_LD_SIGNATURE;
	if (seat != net->self)
		return take(l, net, seat, id, f, have);
	lm_ledger_own_seen(l, net, id, f, have);
	return ACCEPTED;
}

/* All records of an opened section. The first reason why one was not taken, or ACCEPTED. */
static enum lm_ledger_drop arrive_all(struct lm_ledger *l, struct network *net,
    struct gateway *from, const uint8_t *plain, size_t len)
{
	struct lm_reader r = lm_reader(plain, len);
	enum lm_ledger_drop first = ACCEPTED;
	struct fields f;

	while (lm_reader_left(&r)) {
		uint8_t id[LM_LEAF_LEN];
		if (!lm_ledger_read_fields(&r, &f)) {
			l->drops[LM_LD_MALFORMED]++;
			return LM_LD_MALFORMED;
		}
		lm_ledger_record_id(net, &f.author, f.kind, f.key, f.key_len, id);
		enum lm_ledger_drop verdict = arrive(l, net, from, id, &f);
		if (verdict != ACCEPTED)
			l->drops[verdict]++;
		if (first == ACCEPTED)
			first = verdict;
		if (from)
			lm_ledger_pulled(l, from, net->tag, id, verdict == ACCEPTED);
	}
	return first;
}

void lm_ledger_records_message(
    struct lm_ledger *l, struct gateway *from, const uint8_t *body, size_t len)
{
	struct lm_reader r = lm_reader(body, len);
	uint8_t plain[SECTION_PLAIN_MAX];
	struct section s;

	while (lm_reader_left(&r)) {
		struct seat *seat;
		if (!lm_ledger_read_section(&r, &s)) {
			l->drops[LM_LD_MALFORMED]++;
			break;
		}
		struct network *net = lm_ledger_net_shared(l, from, s.tag, &seat);
		if (!net) {
			l->drops[LM_LD_UNKNOWN_NET]++;
			lm_ledger_send_absent(l, from, s.tag, 1);
			continue;
		}
		lm_ledger_presence(seat, false);
		if (!lm_ledger_window_ok(l, &s)) {
			l->drops[LM_LD_WINDOW]++;
			continue;
		}
		int plain_len = lm_ledger_open(net, &s, plain);
		if (plain_len < 0)
			l->drops[LM_LD_SEAL]++;
		else
			arrive_all(l, net, from, plain, (size_t)plain_len);
	}
	lm_ledger_pull_on(l, from);
}

int lm_ledger_restore(struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *id,
    const uint8_t *bytes, size_t len)
{
	struct network *net = lm_ledger_net(l, id);
	struct lm_reader r = lm_reader(bytes, len);
	uint8_t plain[SECTION_PLAIN_MAX];
	struct section s;

	l->now = *now;
	if (!net || !net->joined)
		return -ENOENT;
	/* However old the window is: only who has the secret could have sealed it. */
	int plain_len = lm_ledger_read_section(&r, &s) && lm_reader_left(&r) == 0
			    ? lm_ledger_open(net, &s, plain)
			    : -EINVAL;
	if (plain_len < 0) {
		l->drops[plain_len == -EINVAL ? LM_LD_MALFORMED : LM_LD_SEAL]++;
		return plain_len;
	}
	l->restoring = true;
	enum lm_ledger_drop verdict = arrive_all(l, net, NULL, plain, (size_t)plain_len);
	l->restoring = false;
	l->info.restored += verdict == ACCEPTED;
	return verdict == ACCEPTED ? 0 : -ESTALE;
}
