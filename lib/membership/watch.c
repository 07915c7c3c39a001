/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who watches whom. Those that take part in a network stand on a ring, by a hash
 * that all know, and each watches its neighbours: the two nearest on either side
 * that live, and whoever is between. The other sessions are left alone, so that
 * what an idle gateway does is the same in a network of ten and of five hundred.
 *
 * Who misses a gateway that it watches says so in the ledger (MISSING). Nobody
 * believes it: the others look themselves. So a liar takes no route away, and
 * what he can cause is one look at a victim in DOUBT_EVERY.
 */
#include "membership/internal.h"

#include <sodium.h>

#define LIVING 2 /* on each side */
#define SPAN 4 /* at most, of which the others are dead */
#define ALL_WATCH (1 + 2 * LIVING) /* in so small a network everybody watches everybody */
#define DOUBT_EVERY (300 * SECOND)
#define SAY_AGAIN (10 * SECOND) /* the ledger had no room */

uint64_t lm_watch_place(const struct lm_net_id *net, const struct lm_public_key *key)
{
	uint8_t hash[crypto_generichash_BYTES_MIN];
	crypto_generichash_state h;

	crypto_generichash_init(&h, NULL, 0, sizeof(hash));
	crypto_generichash_update(&h, net->b, sizeof(net->b));
	crypto_generichash_update(&h, key->b, sizeof(key->b));
	crypto_generichash_final(&h, hash, sizeof(hash));
	struct lm_reader r = lm_reader(hash, sizeof(hash));
	return lm_read_u64(&r);
}

/* ---- the ring ---- */

/* The nearest on one side, nearest first. */
struct side {
	unsigned n;
	struct {
		uint64_t distance;
		struct pair *pair;
	} at[SPAN];
};

static void place(struct side *s, struct pair *p, uint64_t distance)
{
	unsigned at = s->n < SPAN ? s->n++ : SPAN;

	while (at > 0 && s->at[at - 1].distance > distance) {
		if (at < SPAN)
			s->at[at] = s->at[at - 1];
		at--;
	}
	if (at < SPAN) {
		s->at[at].distance = distance;
		s->at[at].pair = p;
	}
}

static bool is_on_side(const struct side *s, const struct pair *p)
{
	unsigned living = 0;

	for (unsigned i = 0; i < s->n && living < LIVING; i++) {
		if (s->at[i].pair == p)
			return true;
		living += s->at[i].pair->key.peer->up;
	}
	return false;
}

static void watch(struct lm_membership *m, struct pair *p, bool watched)
{
	struct remote *r = p->key.peer;

	if (p->watched == watched)
		return;
	p->watched = watched;
	r->n_watched += watched ? 1 : -1;
	lm_peer_watch(r->party.session, &m->now, r->n_watched > 0);
}

/* Returns how many take part beside us. */
static unsigned choose(struct lm_membership *m, struct network *net)
{
	struct side after = {0}, before = {0};
	unsigned others = 0;

	for (unsigned i = 0; i < net->pub.manifest->n_providers; i++) {
		struct pair *p = net->pairs[i];
		if (!p || !p->on)
			continue;
		others++;
		place(&after, p, p->place - net->place);
		place(&before, p, net->place - p->place);
	}
	for (unsigned i = 0; i < net->pub.manifest->n_providers; i++) {
		struct pair *p = net->pairs[i];
		if (p)
			watch(m, p, is_on_side(&after, p) || is_on_side(&before, p));
	}
	return others;
}

/* ---- saying who is missing ---- */

static int say(
    struct lm_membership *m, const struct network *net, const struct pair *p, bool missing)
{
	const uint8_t format = 1;
	const struct lm_public_key *who = &p->key.peer->key;

	if (!missing)
		return lm_ledger_withdraw(
		    m->ledger, &m->now, &net->pub.id, LM_LEDGER_MISSING, who->b, sizeof(who->b));
	return lm_ledger_publish(m->ledger, &m->now, &net->pub.id, LM_LEDGER_MISSING, who->b,
	    sizeof(who->b), &format, sizeof(format), LM_LEDGER_LIFETIME);
}

/* Brings what we say of this one up to date; returns when to look again. */
static uint64_t tell(struct lm_membership *m, const struct network *net, struct pair *p, bool heard)
{
	const struct remote *r = p->key.peer;
	bool down = heard && p->on && p->watched && !r->up;
	bool missing = down && r->missing_at <= m->now.mono;

	if (missing != p->missed) {
		if (say(m, net, p, missing) != 0 && missing)
			return m->now.mono + SAY_AGAIN;
		p->missed = missing;
	}
	return down && !missing ? r->missing_at : LM_NEVER;
}

/* Nobody else takes it back for us, and it would stand against the provider if that came back. */
void lm_watch_end(struct lm_membership *m, struct pair *p)
{
	watch(m, p, false);
	if (p->missed)
		say(m, p->key.net, p, false);
	p->missed = false;
}

/* ---- hearing who is missing ---- */

void lm_watch_heard(
    struct lm_membership *m, struct network *net, const struct lm_ledger_record *record)
{
	struct remote *r = NULL;

	if (record->own || record->key_len != LM_PUBLIC_KEY_LEN || record->value_len == 0 ||
	    record->value[0] == 0)
		return;
	HASH_FIND(hh, m->by_key, record->key, LM_PUBLIC_KEY_LEN, r);
	struct pair *p = r ? lm_pair_find(m, net, r) : NULL;
	if (p)
		p->accusers++;
}

/*
 * More of them than have made us look of late is reason to look at once; the same ones are reason
 * to look from time to time, for who watches it knows no more than they have said. Returns when.
 */
static uint64_t doubt(struct lm_membership *m, struct pair *p)
{
	const struct remote *r = p->key.peer;
	bool accused = p->on && p->accusers > 0;

	/* It is back, say those who missed it: now it may be reached from here as well. */
	if (p->accused && !accused && !r->up)
		lm_peer_wake(r->party.session, &m->now);
	p->accused = accused;
	if (p->doubt_until <= m->now.mono)
		p->doubted = 0;
	if (!accused || p->watched || !r->up)
		return LM_NEVER;
	if (p->accusers > p->doubted) {
		lm_peer_wake(r->party.session, &m->now);
		p->doubted = p->accusers;
		p->doubt_until = m->now.mono + DOUBT_EVERY;
	}
	return p->doubt_until;
}

void lm_watch_update(struct lm_membership *m, struct network *net)
{
	bool heard =
	    choose(m, net) >= ALL_WATCH; /* is there anybody who does not see it himself? */

	net->watch_at = LM_NEVER;
	for (unsigned i = 0; i < net->pub.manifest->n_providers; i++) {
		struct pair *p = net->pairs[i];
		if (!p)
			continue;
		net->watch_at = lm_min_u64(net->watch_at, tell(m, net, p, heard));
		net->watch_at = lm_min_u64(net->watch_at, doubt(m, p));
	}
}
