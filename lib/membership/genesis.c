/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a network's chain begins: the tenant's first manifest, the one with serial 1. Its first
 * seven providers are the first members, its pool says how many address blocks there are. All
 * gateways must begin alike, so each keeps that document when a newer one takes its place, and who
 * was not there asks those who were.
 *
 * An owner may sign serial 1 twice. Then the lower hash wins, as between all manifests, until the
 * chain has decided something: what it has decided stays.
 */
#include "membership/facts.h"
#include "membership/places.h"

#include <errno.h>
#include <inttypes.h>
#include "base/log.h"

#define LM_LOG_MODULE "membership"

#define ASK_LEN LM_NET_ID_LEN
#define ANSWER_LEN (LM_NET_ID_LEN + 32 + 4)
#define ASK_AT_ONCE 2
#define ASK_WAIT (500 * MS) /* doubled */
#define ASK_WAIT_MAX (60 * SECOND)
#define SAY_AFTER 8 /* asked so often in vain */
#define REFUSED_FOR (600 * SECOND)

static const uint8_t genesis_key[1] = {FACT_GENESIS};

/* Has it decided anything, as far as we know? */
static bool has_decided(const struct facts *f)
{
	return f->begun && (f->height > 0 || f->era > 0);
}

/* ---- what a document says ---- */

static int chain_of(struct lm_chain_genesis *out, const struct lm_signed_manifest *sm)
{
	const struct lm_manifest *man = sm->manifest;

	*out = (struct lm_chain_genesis){.owner = sm->owner};
	if (!man->pool.n || !man->pool.block_size)
		return -EINVAL;
	while (out->n_members < man->n_providers && out->n_members < LM_CHAIN_MEMBERS_MAX) {
		out->members[out->n_members] = man->providers[out->n_members].key;
		out->n_members++;
	}
	out->block_size = man->pool.block_size;
	out->n_blocks = (man->pool.n - 1) / man->pool.block_size + 1;
	return 0;
}

static void say_unfit(struct facts *f)
{
	if (!f->unfit)
		lm_error(
		    "network %s: the manifest with serial 1 has no addresses that gateways could "
		    "give out, so none are: the tenant has to begin a new network",
		    f->net->pub.manifest->network);
	f->unfit = true;
}

static void use(struct facts *f, const struct lm_signed_manifest *sm)
{
	struct genesis *g = &f->genesis;

	if (chain_of(&g->chain, sm) < 0) {
		say_unfit(f);
		return;
	}
	g->known = true;
	memcpy(g->hash, sm->hash, 32);
	g->len = sm->len;
	f->ask_at = LM_NEVER;
}

/* A copy of its own, that others can be given. Without memory, others have it. */
static void keep_bytes(struct lm_membership *m, struct genesis *g, const void *bytes)
{
	g->bytes = malloc(g->len);
	if (!g->bytes)
		return;
	memcpy(g->bytes, bytes, g->len);
	HASH_ADD(hh, m->geneses, hash, sizeof(g->hash), g);
}

void lm_genesis_drop(struct lm_membership *m, struct facts *f)
{
	struct genesis *g = &f->genesis;

	if (g->bytes)
		HASH_DEL(m->geneses, g);
	free(g->bytes);
	*g = (struct genesis){.facts = f};
	f->ask_at = LM_NEVER;
}

void lm_genesis_find(struct lm_membership *m, struct facts *f)
{
	const struct lm_signed_manifest *sm = f->net->sm;

	(void)m;
	if (!f->genesis.known && sm->manifest->serial == 1)
		use(f, sm);
}

static int open_document(const struct facts *f, const void *bytes, size_t len,
    struct lm_signed_manifest **out, struct lm_why *why)
{
	const struct network *net = f->net;
	struct lm_signed_manifest *sm = NULL;
	int err = lm_manifest_open(&sm, "first manifest", bytes, len, why);

	if (err)
		return err;
	if (memcmp(&sm->owner, &net->sm->owner, sizeof(sm->owner)) != 0 ||
	    memcmp(&sm->net_id, &net->pub.id, sizeof(sm->net_id)) != 0 ||
	    sm->manifest->serial != 1) {
		lm_signed_manifest_free(sm);
		return lm_why(why, EBADMSG, "it is not the manifest with serial 1 of network %s",
		    net->pub.manifest->network);
	}
	*out = sm;
	return 0;
}

int lm_genesis_take(struct lm_membership *m, struct facts *f, const void *bytes, size_t len,
    bool stored, struct lm_why *why)
{
	struct lm_signed_manifest *sm = NULL;
	int err = f->genesis.known ? -EEXIST : open_document(f, bytes, len, &sm, why);

	if (err)
		return err;
	if (!stored)
		err = m->ops.fact_put(
		    m->ctx, &f->net->pub.id, genesis_key, sizeof(genesis_key), bytes, len);
	if (err)
		lm_why(why, EIO, "it could not be stored: %s", strerror(-err));
	else
		use(f, sm);
	if (f->genesis.known) {
		f->genesis.stored = true;
		keep_bytes(m, &f->genesis, bytes);
	}
	lm_signed_manifest_free(sm);
	return err;
}

/* ---- a newer manifest ---- */

int lm_genesis_keep(struct lm_membership *m, const struct lm_signed_manifest *newer)
{
	const struct network *net = lm_network_find(m, &newer->net_id);
	struct facts *f = net ? net->facts : NULL;

	if (!m->chain || !net || net->sm->manifest->serial != 1)
		return 0;
	if (f && f->genesis.known && memcmp(f->genesis.hash, net->sm->hash, 32) != 0)
		return 0; /* the chain began with another one, which is stored */
	if (newer->manifest->serial == 1 && !(f && has_decided(f)))
		return 0;
	int err = m->ops.fact_put(
	    m->ctx, &net->pub.id, genesis_key, sizeof(genesis_key), net->sm->bytes, net->sm->len);
	if (!err && f && f->genesis.known && !f->genesis.stored) {
		f->genesis.stored = true;
		keep_bytes(m, &f->genesis, net->sm->bytes);
	}
	return err;
}

/* The chain has decided nothing, so it can begin with another document as well. */
static void begin_anew(struct lm_membership *m, struct facts *f)
{
	lm_places_end(m, f->net);
	lm_facts_stop(m, f);
	lm_genesis_drop(m, f);
	int err = lm_facts_forget(m, &f->net->pub.id);
	if (err) {
		lm_error("network %s: its chain cannot begin anew: %s",
		    f->net->pub.manifest->network, strerror(-err));
		f->damaged = true;
	}
}

void lm_genesis_changed(struct lm_membership *m, struct facts *f)
{
	const struct genesis *g = &f->genesis;
	const struct lm_signed_manifest *sm = f->net->sm;

	f->unfit = false;
	if (sm->manifest->serial != 1 || !g->known || memcmp(g->hash, sm->hash, 32) == 0)
		return;
	if (!has_decided(f))
		begin_anew(m, f);
	else
		lm_error("network %s: its owner signed serial 1 twice; the chain has begun with "
			 "the other one, and goes on from it",
		    f->net->pub.manifest->network);
}

/* ---- asking ---- */

void lm_genesis_ask(struct lm_membership *m, struct facts *f)
{
	if (f->ask_at == LM_NEVER) {
		f->ask_tries = 0;
		f->ask_at = m->now.mono;
	}
	lm_facts_look(m, f);
}

void lm_genesis_hint(struct lm_membership *m, struct facts *f)
{
	if (f->genesis.known || f->damaged || f->unfit)
		return;
	/* Soon, but not as often as others like. */
	f->ask_tries = f->ask_tries > SAY_AFTER ? SAY_AFTER : f->ask_tries;
	f->ask_at = lm_min_u64(f->ask_at, m->now.mono + ASK_WAIT);
	lm_facts_look(m, f);
}

static void ask(struct lm_membership *m, const struct pair *p)
{
	struct lm_writer w = lm_outbox_record(m, pair_session(p), LM_MSG_GENESIS_ASK, ASK_LEN);

	lm_write(&w, p->key.net->pub.id.b, LM_NET_ID_LEN);
}

void lm_genesis_compare(struct lm_membership *m, const struct pair *p, const uint8_t hash[32])
{
	const struct facts *f = p->key.net->facts;
	struct lm_chain_info info;

	if (f->begun && !has_decided(f) && lm_chain_info(m->chain, &f->net->pub.id, &info) == 0 &&
	    memcmp(info.hash, hash, 32) != 0)
		ask(m, p);
}

/* Another few each time, of those that can be reached. */
void lm_genesis_due(struct lm_membership *m, struct facts *f)
{
	const struct network *net = f->net;
	unsigned n = net->pub.manifest->n_providers, asked = 0;

	f->ask_at = LM_NEVER;
	if (f->genesis.known || f->damaged || f->unfit)
		return;
	for (unsigned i = 0; i < n && asked < ASK_AT_ONCE; i++) {
		const struct pair *p = net->pairs[f->ask_next++ % n];
		if (!p || !p->key.peer->up)
			continue;
		ask(m, p);
		asked++;
	}
	if (++f->ask_tries == SAY_AFTER)
		lm_warn_limited("network %s: no gateway that can be reached has its first manifest "
				"(serial 1), without which no address can be given out here",
		    net->pub.manifest->network);
	f->ask_at =
	    m->now.mono + lm_min_u64(ASK_WAIT << lm_min_u64(f->ask_tries - 1, 20), ASK_WAIT_MAX);
}

/* ---- being asked ---- */

static void answer(struct lm_membership *m, const struct pair *p)
{
	const struct network *net = p->key.net;
	const struct genesis *g = net->facts ? &net->facts->genesis : NULL;
	bool known = g && g->known, first = net->sm->manifest->serial == 1;
	const uint8_t *hash = known ? g->hash : net->sm->hash;
	size_t size = known ? g->len : net->sm->len;

	if (!known && !first)
		return;
	struct lm_writer w = lm_outbox_record(m, pair_session(p), LM_MSG_GENESIS, ANSWER_LEN);
	lm_write(&w, net->pub.id.b, LM_NET_ID_LEN);
	lm_write(&w, hash, 32);
	lm_write_u32(&w, (uint32_t)size);
}

bool lm_genesis_ask_follow(struct lm_membership *m, struct party *from, struct lm_reader *r)
{
	struct lm_net_id id;

	lm_read(r, id.b, LM_NET_ID_LEN);
	if (r->failed)
		return false;
	const struct pair *p = lm_pair_authorised(m, from, &id);
	if (p)
		answer(m, p);
	return true;
}

/* ---- being answered ---- */

/* It has another one than we. */
static void differs(struct lm_membership *m, const struct facts *f, const uint8_t hash[32])
{
	if (lm_memory_has(&m->conflicts, hash, m->now.mono))
		return;
	lm_memory_put(&m->conflicts, hash, LM_NEVER);
	lm_error("network %s: gateways know different manifests with serial 1: its owner signed it "
		 "twice; %s",
	    f->net->pub.manifest->network,
	    has_decided(f) ? "the chain here has begun, and goes on"
			   : "the one with the lower hash counts");
}

static void answered(struct lm_membership *m, struct pair *p, const uint8_t hash[32], uint32_t size)
{
	struct facts *f = p->key.net->facts;

	if (!f || f->damaged) {
		m->drops[LM_MD_ABSENT]++;
		return;
	}
	const struct genesis *g = &f->genesis;
	if (g->known && memcmp(g->hash, hash, 32) == 0)
		return;
	if (lm_memory_has(&m->refused_geneses, hash, m->now.mono)) {
		m->drops[LM_MD_REFUSED]++;
		return;
	}
	if (g->known && (has_decided(f) || memcmp(g->hash, hash, 32) < 0)) {
		differs(m, f, hash);
		return;
	}
	lm_facts_pull(m, &f->net->pub.id, p->key.peer, hash, size, PULL_GENESIS);
}

bool lm_genesis_follow(struct lm_membership *m, struct party *from, struct lm_reader *r)
{
	struct lm_net_id id;
	uint8_t hash[32];

	lm_read(r, id.b, LM_NET_ID_LEN);
	lm_read(r, hash, sizeof(hash));
	uint32_t size = lm_read_u32(r);
	if (r->failed || size == 0 || size > LM_MANIFEST_BYTES_MAX)
		return false;
	struct pair *p = lm_pair_authorised(m, from, &id);
	if (p)
		answered(m, p, hash, size);
	return true;
}

/* One that wins against ours, with which nothing has been decided yet. */
static bool replaces(struct lm_membership *m, struct facts *f, const struct pulled *doc)
{
	struct lm_signed_manifest *sm = NULL;

	if (!f->genesis.known)
		return true;
	if (has_decided(f) || memcmp(f->genesis.hash, doc->hash, 32) <= 0 ||
	    open_document(f, doc->bytes, doc->len, &sm, NULL) != 0)
		return false;
	lm_signed_manifest_free(sm);
	differs(m, f, doc->hash);
	begin_anew(m, f);
	return true;
}

static void pulled_genesis(struct lm_membership *m, struct facts *f, const struct pulled *doc)
{
	struct lm_why why = {""};

	if (!replaces(m, f, doc))
		return;
	int err = lm_genesis_take(m, f, doc->bytes, doc->len, false, &why);
	if (err == -EIO) {
		lm_error(
		    "network %s: its first manifest: %s", f->net->pub.manifest->network, why.text);
	} else if (err) {
		m->drops[LM_MD_REFUSED]++;
		lm_memory_put(&m->refused_geneses, doc->hash, m->now.mono + REFUSED_FOR);
		lm_warn_limited("network %s: what a gateway gave as its first manifest: %s",
		    f->net->pub.manifest->network, why.text);
	}
	if (lm_facts_begin(m, f))
		lm_places_set(m, f->net);
}

void lm_facts_pulled(struct lm_membership *m, const struct pulled *doc)
{
	struct network *net = lm_network_find(m, &doc->net);
	struct facts *f = net ? net->facts : NULL;

	if (f && doc->tag == PULL_GENESIS && !f->damaged)
		pulled_genesis(m, f, doc);
	else if (f && doc->tag == PULL_FACT && f->begun)
		lm_chain_pulled(m->chain, &m->now, &net->pub.id, doc->hash, doc->bytes, doc->len);
	m->chain_at = m->now.mono;
}
