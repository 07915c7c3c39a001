/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saying that we do not take part in a network (AWAY). The ledger's tombstones
 * say so as well, but they go when we have left; whoever missed them, or knows us
 * from a former life, would hold on to us until our records expire.
 *
 * AWAY is told to those with whom we had lanes until they confirm it, and it is
 * the answer to whoever tells us lanes: the same for a network that we have left,
 * one that we do not know and one that is none of the asker's business. What it makes void is the
 * very record that its receiver has, so that the next one counts whatever the clocks say; the time
 * in it only keeps one that is late from hitting a newer record.
 */
#include "membership/internal.h"

#define AWAY_LEN (LM_NET_ID_LEN + 1 + 8)
#define AWAY_ASK 0x01 /* confirm it */
#define AWAY_CONFIRM 0x02 /* we have heard it: this says nothing of ourselves */

#define AWAY_WAIT (500 * MS)
#define DOUBT_AGAIN (60 * SECOND)
#define AWAY_TRIES 10 /* in the end the session dies, or our records expire */

/* Later than any record that we have written, though our clock may have gone back since. */
static uint64_t time_of(const struct lm_membership *m)
{
	struct lm_ledger_info info;

	lm_ledger_info(m->ledger, &info);
	return lm_max_u64(m->now.wall / MS, info.last_version + 1);
}

static void say(
    struct lm_membership *m, struct lm_peer *to, const struct lm_net_id *id, uint8_t flags)
{
	struct lm_writer w = lm_outbox_record(m, to, LM_MSG_AWAY, AWAY_LEN);

	lm_write(&w, id->b, LM_NET_ID_LEN);
	lm_write_u8(&w, flags);
	lm_write_u64(&w, time_of(m));
}

void lm_away_start(struct lm_membership *m, struct pair *p)
{
	p->away_owed = true;
	if (!p->key.peer->up)
		return; /* its session's coming up starts it again */
	p->away_tries = 0;
	p->away_at = m->now.mono;
	lm_pair_arm(m, p);
}

void lm_away_up(struct lm_membership *m, struct pair *p)
{
	if (p->away_owed)
		lm_away_start(m, p);
}

void lm_away_stop(struct lm_membership *m, struct pair *p)
{
	p->away_owed = false;
	p->away_at = LM_NEVER;
	lm_pair_arm(m, p);
}

void lm_away_due(struct lm_membership *m, struct pair *p)
{
	say(m, pair_session(p), &p->key.net->pub.id, AWAY_ASK);
	p->away_at = ++p->away_tries == AWAY_TRIES
			 ? LM_NEVER
			 : m->now.mono + (AWAY_WAIT << (p->away_tries - 1));
}

void lm_away_answer(struct lm_membership *m, struct party *from, const struct lm_net_id *id)
{
	say(m, from->session, id, 0);
}

static void heard(struct lm_membership *m, struct pair *p, uint8_t flags, uint64_t time)
{
	if (flags & AWAY_CONFIRM) {
		lm_away_stop(m, p);
		return;
	}
	if (p->takes_part && p->version < time) {
		p->void_version = p->version;
		lm_part_news(m, p->key.net);
	}
	/*
	 * An answer to our lanes: perhaps it has lost the manifest. If it has not, it says so, and
	 * is told lanes again; so we do not doubt it each time.
	 */
	if (flags == 0 && p->settled && p->doubt_at <= m->now.mono) {
		p->doubt_at = m->now.mono + DOUBT_AGAIN;
		lm_gossip_start(m, p);
	}
	if (flags & AWAY_ASK)
		say(m, pair_session(p), &p->key.net->pub.id, AWAY_CONFIRM);
}

bool lm_away_follow(struct lm_membership *m, struct party *from, struct lm_reader *r)
{
	struct lm_net_id id;

	lm_read(r, id.b, LM_NET_ID_LEN);
	uint8_t flags = lm_read_u8(r);
	uint64_t time = lm_read_u64(r);
	if (r->failed)
		return false;
	struct pair *p = lm_pair_authorised(m, from, &id);
	if (p)
		heard(m, p, flags, time);
	return true;
}
