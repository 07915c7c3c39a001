/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain's messages and blobs, to and from the gateways that the manifest in force authorises;
 * and who is to hear when how long our chain is. An idle chain says nothing but that: once when a
 * session comes up, and once a day to its members, so that who is cut off knows it.
 */
#include "membership/facts.h"
#include "membership/places.h"

#include <errno.h>

#define TIP_LEN (LM_NET_ID_LEN + 4 + 8 + LM_CHAIN_HASH_LEN + 4 + 1)
#define SIGNATURES_A_RECORD 128 /* bytes: two signatures are worth any other record */

#define GREET_WAIT (500 * MS) /* doubled */
#define GREET_TRIES 6 /* then it has no chain of this network, and greets us when it has */

#define TIPS_EVERY (86400 * SECOND)
#define TIPS_SPREAD 3600 /* s */
#define TIPS_WAIT SECOND /* doubled */
#define TIPS_WAIT_MAX (3600 * SECOND)
#define CURRENT_AGAIN (60 * SECOND)

#define PULLS_MAX 8 /* at once, of all networks */
#define BLOB_MAX (4u << 20) /* the largest state is smaller: 2.1 MiB */
#define PAIRS_A_RECORD 64 /* looked at for a blob are worth one record */

/* The pair, if this gateway is to hear of this network. */
static struct pair *pair_of(
    struct lm_membership *m, const struct lm_net_id *id, const struct lm_public_key *key)
{
	struct network *net = lm_network_find(m, id);
	struct remote *r;

	HASH_FIND(hh, m->by_key, key, sizeof(*key), r);
	return net && r ? lm_pair_find(m, net, r) : NULL;
}

/* ---- out ---- */

void lm_facts_on_send(
    void *ctx, const struct lm_public_key *to, uint8_t type, const void *body, size_t len)
{
	struct lm_membership *m = ctx;
	struct lm_net_id id;
	struct pair *p = NULL;

	if (lm_chain_message_net(&id, body, len) == 0)
		p = pair_of(m, &id, to);
	if (!p)
		return;
	if (!p->key.peer->up) {
		lm_peer_wake(pair_session(p), &m->now); /* what is lost is said again */
	} else if (type == LM_MSG_CHAIN_TIP) {
		struct lm_writer w = lm_outbox_record(m, pair_session(p), type, len);
		lm_write(&w, body, len);
	} else {
		lm_peer_send(pair_session(p), &m->now, type, body, len);
	}
}

/* ---- in ---- */

static void input(
    struct lm_membership *m, struct party *from, uint8_t type, const uint8_t *body, size_t len)
{
	struct lm_net_id id;

	if (lm_chain_message_net(&id, body, len) < 0) {
		m->drops[LM_MD_MALFORMED]++;
		return;
	}
	struct pair *p = lm_pair_authorised(m, from, &id);
	if (!p)
		return;
	struct facts *f = p->key.net->facts;
	if (!f || !f->begun) {
		m->drops[LM_MD_ABSENT]++;
		if (f)
			lm_genesis_hint(m, f);
		return;
	}
	lm_chain_input(m->chain, &m->now, &p->key.peer->key, type, body, len);
	m->chain_at = m->now.mono;
}

/* It has told us its tip: it knows ours, unless ours is longer and it has yet to catch up. */
static void told(struct lm_membership *m, struct party *from, const uint8_t *tip)
{
	struct lm_reader r = lm_reader(tip, TIP_LEN);
	struct remote *remote = (struct remote *)from;
	struct lm_net_id id;

	lm_read(&r, id.b, sizeof(id.b));
	uint32_t era = lm_read_u32(&r);
	uint64_t height = lm_read_u64(&r);
	struct pair *p = pair_of(m, &id, &remote->key);
	if (!p || !p->key.net->facts)
		return;
	struct facts *f = p->key.net->facts;
	if (era == 0 && height == 0)
		lm_genesis_compare(m, p, r.at);
	if (era > f->era || (era == f->era && height >= f->height)) {
		p->greet_at = LM_NEVER;
		lm_pair_arm(m, p);
	}
	if (f->begun && m->now.mono >= f->told_current + CURRENT_AGAIN * (f->told_current != 0))
		lm_facts_look(m, f);
}

static bool follow_tip(struct lm_membership *m, struct party *from, struct lm_reader *r)
{
	const uint8_t *tip = lm_read_ref(r, TIP_LEN);

	if (!tip)
		return false;
	input(m, from, LM_MSG_CHAIN_TIP, tip, TIP_LEN);
	told(m, from, tip);
	return true;
}

/* Checking signatures is what a message costs; most of a long one is signatures. */
static bool affordable(struct lm_membership *m, struct party *from, size_t len)
{
	for (size_t i = 0; i <= len / SIGNATURES_A_RECORD; i++)
		if (!lm_record_allowed(m, from))
			return false;
	return true;
}

void lm_facts_message(
    struct lm_membership *m, struct party *from, uint8_t type, const uint8_t *body, size_t len)
{
	if (from->slot == UINT32_MAX || !m->chain)
		m->drops[LM_MD_UNAUTHORISED]++;
	else if (type == LM_MSG_CHAIN_TIP)
		lm_inbox_follow(m, from, body, len, follow_tip);
	else if (affordable(m, from, len))
		input(m, from, type, body, len);
}

/* ---- greeting ---- */

void lm_facts_greet_due(struct lm_membership *m, struct pair *p)
{
	struct network *net = p->key.net;

	p->greet_at = LM_NEVER;
	if (!lm_facts_has(net) || !p->key.peer->up)
		return;
	lm_chain_greet(m->chain, &m->now, &net->pub.id, &p->key.peer->key);
	if (++p->greet_tries < GREET_TRIES)
		p->greet_at = m->now.mono + (GREET_WAIT << (p->greet_tries - 1));
}

static void greet(struct lm_membership *m, struct pair *p)
{
	if (!p->key.peer->up)
		return; /* its session's coming up does it */
	p->greet_tries = 0;
	p->greet_at = m->now.mono;
	lm_pair_arm(m, p);
}

void lm_facts_greet(struct lm_membership *m, struct network *net, struct remote *r)
{
	struct pair *p = lm_facts_has(net) ? lm_pair_find(m, net, r) : NULL;

	if (p && !r->up)
		lm_peer_wake(r->party.session, &m->now);
	else if (p)
		greet(m, p);
}

void lm_facts_up(struct lm_membership *m, struct pair *p)
{
	struct facts *f = p->key.net->facts;

	if (f && f->begun)
		greet(m, p);
	else if (f)
		lm_genesis_hint(m, f);
}

void lm_facts_greet_all(struct lm_membership *m, struct facts *f)
{
	for (unsigned i = 0; i < f->net->pub.manifest->n_providers; i++)
		if (f->net->pairs[i])
			greet(m, f->net->pairs[i]);
}

static bool votes(const struct lm_chain_info *info, const struct lm_public_key *key)
{
	for (unsigned i = 0; i < info->n_members; i++)
		if (memcmp(info->members[i].b, key->b, sizeof(key->b)) == 0)
			return true;
	return false;
}

void lm_facts_greet_readers(struct lm_membership *m, struct facts *f)
{
	struct lm_chain_info info;

	if (lm_chain_info(m->chain, &f->net->pub.id, &info) != 0)
		return;
	for (unsigned i = 0; i < f->net->pub.manifest->n_providers; i++) {
		struct pair *p = f->net->pairs[i];
		if (p && p->on && !votes(&info, &p->key.peer->key))
			greet(m, p);
	}
}

/* ---- being current ---- */

static void ask_members(struct lm_membership *m, struct facts *f, const struct lm_chain_info *info)
{
	for (unsigned i = 0; i < info->n_members; i++) {
		struct pair *p = pair_of(m, &f->net->pub.id, &info->members[i]);
		if (p && p->key.peer->up)
			lm_chain_greet(m->chain, &m->now, &f->net->pub.id, &info->members[i]);
		else if (p)
			lm_peer_wake(pair_session(p), &m->now);
	}
}

void lm_facts_tips(struct lm_membership *m, struct facts *f)
{
	uint64_t now = m->now.mono, spread = f->net->place % TIPS_SPREAD * SECOND;
	struct lm_chain_info info;

	if (lm_chain_info(m->chain, &f->net->pub.id, &info) != 0)
		return;
	bool heard = info.current && info.current + TIPS_EVERY > now && !f->ask_members;
	if (info.current && info.current >= f->current_from &&
	    (!f->told_current || info.current >= f->told_current + CURRENT_AGAIN)) {
		f->told_current = info.current;
		lm_places_current(m, f->net);
	}
	if (heard && f->tips_at <= now + TIPS_WAIT_MAX) {
		f->tips_at = info.current + TIPS_EVERY + spread;
		f->tips_tries = 0;
	}
	/* Those who said it are members no more, or no majority of them. */
	if (!info.current && f->tips_at > now + TIPS_WAIT_MAX)
		f->tips_at = now;
	if (f->tips_at > now && !f->ask_members)
		return;
	f->ask_members = false;
	ask_members(m, f, &info);
	f->tips_at = now + lm_min_u64(TIPS_WAIT << lm_min_u64(f->tips_tries++, 20), TIPS_WAIT_MAX);
}

/* ---- blobs ---- */

bool lm_facts_pull(struct lm_membership *m, const struct lm_net_id *id, struct remote *r,
    const uint8_t hash[32], size_t size, enum pull_tag tag)
{
	struct fact_pull *pull;

	TAILQ_FOREACH(pull, &m->fact_pulls, link)
	if (memcmp(pull->hash, hash, 32) == 0)
		return false; /* under way; of two networks with one hash the other asks again */
	if (size > BLOB_MAX || m->n_fact_pulls == PULLS_MAX || !(pull = calloc(1, sizeof(*pull)))) {
		m->drops[LM_MD_LIMIT]++;
		return false;
	}
	if (lm_blob_pull(m->blobs, &m->now, r->party.session, hash, size, tag) != 0) {
		free(pull);
		return false;
	}
	pull->net = *id;
	pull->from = r;
	memcpy(pull->hash, hash, 32);
	TAILQ_INSERT_TAIL(&m->fact_pulls, pull, link);
	m->n_fact_pulls++;
	return true;
}

void lm_facts_on_pull(void *ctx, const struct lm_net_id *id, const struct lm_public_key *from,
    const uint8_t hash[32], size_t size)
{
	struct pair *p = pair_of(ctx, id, from);

	if (p && p->key.peer->up)
		lm_facts_pull(ctx, id, p->key.peer, hash, size, PULL_FACT);
}

static void pull_free(struct lm_membership *m, struct fact_pull *pull)
{
	TAILQ_REMOVE(&m->fact_pulls, pull, link);
	m->n_fact_pulls--;
	free(pull);
}

bool lm_facts_pull_ended(
    struct lm_membership *m, struct remote *r, const uint8_t hash[32], struct lm_net_id *net)
{
	struct fact_pull *pull;

	TAILQ_FOREACH(pull, &m->fact_pulls, link)
	{
		if (pull->from != r || memcmp(pull->hash, hash, 32) != 0)
			continue;
		*net = pull->net;
		pull_free(m, pull);
		return true;
	}
	return false;
}

void lm_facts_pulls_end(struct lm_membership *m, const struct lm_net_id *id)
{
	struct fact_pull *pull, *next;

	for (pull = TAILQ_FIRST(&m->fact_pulls); pull; pull = next) {
		next = TAILQ_NEXT(pull, link);
		if (memcmp(&pull->net, id, sizeof(*id)) == 0)
			pull_free(m, pull);
	}
}

/* Only those who share the network may have it. */
static const uint8_t *chain_blob(
    struct lm_membership *m, struct pair *p, const uint8_t hash[32], size_t *len)
{
	if (!p || !lm_facts_has(p->key.net))
		return NULL;
	const uint8_t *bytes = lm_chain_blob(m->chain, &p->key.net->pub.id, hash, len);
	if (bytes) {
		m->blob_net = p->key.net->pub.id;
		memcpy(m->blob_hash, hash, 32);
	}
	return bytes;
}

static const uint8_t *find_genesis(
    struct lm_membership *m, struct remote *r, const uint8_t hash[32], size_t *len)
{
	struct genesis *g;

	HASH_FIND(hh, m->geneses, hash, 32, g);
	if (!g || !lm_pair_find(m, g->facts->net, r))
		return NULL;
	*len = g->len;
	return g->bytes;
}

const uint8_t *lm_facts_blob(
    struct lm_membership *m, struct remote *r, const uint8_t hash[32], size_t *len)
{
	const uint8_t *bytes = m->chain ? find_genesis(m, r, hash, len) : NULL;
	unsigned looked = 0;
	struct pair *p;

	if (bytes || !m->chain)
		return bytes;
	if (memcmp(m->blob_hash, hash, 32) == 0)
		bytes = chain_blob(m, pair_of(m, &m->blob_net, &r->key), hash, len);
	LIST_FOREACH(p, &r->pairs, link)
	{
		if (bytes || (looked++ % PAIRS_A_RECORD == 0 && !lm_record_allowed(m, &r->party)))
			break;
		bytes = chain_blob(m, p, hash, len);
	}
	return bytes;
}
