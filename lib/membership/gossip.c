/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passing manifests on. Whoever has the newer one says so (HAVE) until the other
 * says that it has it too; the other pulls it and judges it as if the tenant had
 * brought it. An idle network says nothing.
 *
 * HAVE is only sent to providers that the manifest in force authorises, and only
 * they are given its bytes: nobody else learns that the network exists.
 */
#include "membership/internal.h"

#include <errno.h>
#include <stdio.h>
#include "base/log.h"

#define LM_LOG_MODULE "membership"

#define HAVE_LEN (LM_NET_ID_LEN + LM_PUBLIC_KEY_LEN + 8 + 32 + 4 + 1)
#define HAVE_ASK 0x01 /* answer with yours */
#define HAVE_PROOF 0x02 /* this one is not in force, but its serial is: it was signed twice */

#define HAVE_WAIT (500 * MS)
#define HAVE_WAIT_MAX (60 * SECOND) /* to one that does not want it */

#define WANTS_MAX 1024 /* of one peer */
#define UNREAD_MAX 16 /* large ones of a megabyte each, and those that are under way then */
#define GUEST_PULLS_MAX 16
#define REFUSED_FOR (600 * SECOND) /* the same bytes will be refused again */
#define REFUSED_BRIEFLY (20 * SECOND) /* what may pass: no room, disk error */

struct have {
	struct lm_net_id net;
	struct lm_public_key owner;
	uint64_t serial;
	uint8_t hash[32];
	uint32_t size;
	uint8_t flags;
};

static void send_record(
    struct lm_membership *m, struct pair *p, const uint8_t hash[32], uint32_t size, uint8_t flags)
{
	const struct network *net = p->key.net;
	struct lm_peer *to = p->key.peer->party.session;
	struct lm_writer w = lm_outbox_record(m, to, LM_MSG_HAVE, HAVE_LEN);

	lm_write(&w, net->pub.id.b, LM_NET_ID_LEN);
	lm_write(&w, net->sm->owner.b, LM_PUBLIC_KEY_LEN);
	lm_write_u64(&w, net->sm->manifest->serial);
	lm_write(&w, hash, 32);
	lm_write_u32(&w, size);
	lm_write_u8(&w, flags);
}

static void send_have(struct lm_membership *m, struct pair *p, uint8_t flags)
{
	const struct lm_signed_manifest *sm = p->key.net->sm;

	send_record(m, p, sm->hash, (uint32_t)sm->len, flags);
}

static void send_proof(struct lm_membership *m, struct pair *p, uint8_t flags)
{
	const struct proof *proof = p->key.net->proof;

	send_record(m, p, proof->hash, proof->size, HAVE_PROOF | flags);
}

static bool read_have(struct lm_reader *r, struct have *h)
{
	lm_read(r, h->net.b, LM_NET_ID_LEN);
	lm_read(r, h->owner.b, LM_PUBLIC_KEY_LEN);
	h->serial = lm_read_u64(r);
	lm_read(r, h->hash, 32);
	h->size = lm_read_u32(r);
	h->flags = lm_read_u8(r);
	return !r->failed && h->serial > 0 && h->size > 0 && h->size <= LM_MANIFEST_BYTES_MAX;
}

/* ---- telling ---- */

static void tell_soon(struct lm_membership *m, struct pair *p)
{
	if (!p->key.peer->up)
		return; /* its session's coming up starts it again */
	p->have_wait = HAVE_WAIT;
	p->have_at = m->now.mono;
	lm_pair_arm(m, p);
}

/* First the peer has to have the manifest: only then a proof means something to it. */
static bool owes_proof(const struct pair *p)
{
	const struct proof *proof = p->key.net->proof;

	return p->settled && proof && proof->bytes && !p->proven;
}

void lm_gossip_start(struct lm_membership *m, struct pair *p)
{
	p->settled = p->proven = false;
	tell_soon(m, p);
}

void lm_gossip_prove(struct lm_membership *m, struct pair *p)
{
	p->proven = false;
	if (p->settled)
		tell_soon(m, p);
}

void lm_gossip_stop(struct pair *p)
{
	p->have_at = LM_NEVER;
}

void lm_gossip_due(struct lm_membership *m, struct pair *p)
{
	if (owes_proof(p))
		send_proof(m, p, HAVE_ASK);
	else
		send_have(m, p, HAVE_ASK);
	p->have_at = m->now.mono + p->have_wait;
	p->have_wait = lm_min_u64(2 * p->have_wait, HAVE_WAIT_MAX);
}

static void settle(struct lm_membership *m, struct pair *p)
{
	bool was = p->settled;

	p->settled = true;
	if (!owes_proof(p))
		lm_gossip_stop(p);
	else if (!was)
		tell_soon(m, p);
	lm_pair_arm(m, p);
}

/* ---- pulling ---- */

static struct arrival *arrival_find(struct lm_membership *m, const uint8_t hash[32])
{
	struct arrival *a;

	HASH_FIND(hh, m->arrivals, hash, 32, a);
	return a;
}

/* It has come, and will be judged. */
static bool is_read_aside(const struct lm_membership *m, const uint8_t hash[32])
{
	const struct pulled *doc;

	TAILQ_FOREACH(doc, &m->pulled, link)
	if ((doc->number || doc->waits) && memcmp(doc->hash, hash, 32) == 0)
		return true;
	return false;
}

bool lm_gossip_full(const struct lm_membership *m)
{
	const struct pulled *doc;
	unsigned n = 0;

	TAILQ_FOREACH(doc, &m->pulled, link)
	n += doc->number || doc->waits;
	return n >= UNREAD_MAX;
}

/* 0: under way; -EBUSY: all pulls are taken; other errors: not at all. */
static int pull(struct lm_membership *m, struct party *from, const uint8_t hash[32], uint32_t size)
{
	bool guest = from->slot == UINT32_MAX;

	if (arrival_find(m, hash) || is_read_aside(m, hash))
		return 0;
	if (lm_gossip_full(m))
		return -EBUSY;
	if (guest &&
	    (m->guest_pulls >= GUEST_PULLS_MAX || !lm_guest_may_pull(m, (struct guest *)from))) {
		m->drops[LM_MD_LIMIT]++;
		return -EAGAIN;
	}
	struct arrival *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	int err = lm_blob_pull(m->blobs, &m->now, from->session, hash, size, PULL_MANIFEST);
	if (err) {
		free(a);
		return err;
	}
	memcpy(a->hash, hash, 32);
	a->from_guest = guest;
	m->guest_pulls += guest;
	HASH_ADD(hh, m->arrivals, hash, 32, a);
	return 0;
}

void lm_gossip_pulled(struct lm_membership *m, const uint8_t hash[32])
{
	struct arrival *a = arrival_find(m, hash);

	if (!a)
		return;
	m->guest_pulls -= a->from_guest;
	HASH_DEL(m->arrivals, a);
	free(a);
}

static void want(struct lm_membership *m, struct remote *r, const struct have *h)
{
	struct want *w;

	TAILQ_FOREACH(w, &r->wants, link)
	if (memcmp(w->hash, h->hash, 32) == 0)
		return;
	if (r->n_wants >= WANTS_MAX || !(w = calloc(1, sizeof(*w)))) {
		m->drops[LM_MD_LIMIT]++;
		return;
	}
	memcpy(w->hash, h->hash, 32);
	w->size = h->size;
	TAILQ_INSERT_TAIL(&r->wants, w, link);
	if (r->n_wants++ == 0)
		TAILQ_INSERT_TAIL(&m->hungry, r, hunger);
}

static void want_free(struct lm_membership *m, struct remote *r, struct want *w)
{
	TAILQ_REMOVE(&r->wants, w, link);
	free(w);
	if (--r->n_wants == 0)
		TAILQ_REMOVE(&m->hungry, r, hunger);
}

void lm_wants_clear(struct lm_membership *m, struct remote *r)
{
	while (!TAILQ_EMPTY(&r->wants))
		want_free(m, r, TAILQ_FIRST(&r->wants));
}

void lm_gossip_feed(struct lm_membership *m)
{
	struct remote *r = TAILQ_FIRST(&m->hungry), *next;

	for (; r; r = next) {
		next = TAILQ_NEXT(r, hunger);
		while (r->n_wants) {
			struct want *w = TAILQ_FIRST(&r->wants);
			if (pull(m, &r->party, w->hash, w->size) == -EBUSY)
				break;
			want_free(m, r, w);
		}
	}
}

static void consider(struct lm_membership *m, struct party *from, const struct have *h)
{
	if (!lm_membership_accepts(m, &h->owner)) {
		m->drops[LM_MD_UNKNOWN_OWNER]++;
		return;
	}
	if (lm_memory_has(&m->refused, h->hash, m->now.mono)) {
		m->drops[LM_MD_REFUSED]++;
		return;
	}
	if (pull(m, from, h->hash, h->size) == -EBUSY && from->slot != UINT32_MAX)
		want(m, (struct remote *)from, h);
}

/* ---- hearing ---- */

static void heard_authorised(struct lm_membership *m, struct pair *p, const struct have *h)
{
	const struct lm_signed_manifest *ours = p->key.net->sm;
	bool same = memcmp(h->hash, ours->hash, 32) == 0;

	if (!same && !lm_manifest_newer(h->serial, h->hash, ours->manifest->serial, ours->hash)) {
		/* Of the same serial: it proves that the owner signed twice. */
		if (h->serial == ours->manifest->serial && !p->key.net->proof)
			consider(m, &p->key.peer->party, h);
		if (p->settled || p->have_at > m->now.mono + HAVE_WAIT)
			lm_gossip_start(m, p);
		return;
	}
	if (same && !p->settled)
		lm_lanes_hurry(m, p);
	settle(m, p);
	if (!same)
		consider(m, &p->key.peer->party, h);
	if (same && (h->flags & HAVE_ASK))
		send_have(m, p, 0);
}

/* The peer knows that the owner signed twice. So do we then, or we look at what it has. */
static void heard_proof(struct lm_membership *m, struct pair *p, const struct have *h)
{
	const struct network *net = p->key.net;

	if (h->serial != net->sm->manifest->serial || memcmp(h->hash, net->sm->hash, 32) == 0)
		return; /* it is ahead of us, or we of it: what is in force comes first */
	if (!net->proof) {
		consider(m, &p->key.peer->party, h);
		return;
	}
	p->proven = true;
	if (p->settled)
		settle(m, p);
	if (h->flags & HAVE_ASK)
		send_proof(m, p, 0);
}

/*
 * Who has no say in the network is pulled from even if what it announces is old: would we pull only
 * what is newer than ours, whoever guesses names and serials could see what we have.
 */
static void heard(struct lm_membership *m, struct party *from, const struct have *h)
{
	struct network *net = lm_network_find(m, &h->net);
	struct pair *p =
	    net && from->slot != UINT32_MAX ? lm_pair_find(m, net, (struct remote *)from) : NULL;

	if (p && h->flags & HAVE_PROOF)
		heard_proof(m, p, h);
	else if (p)
		heard_authorised(m, p, h);
	else if (!lm_network_knows(m, &h->net, h->hash))
		consider(m, from, h);
	else
		m->drops[LM_MD_OLD]++; /* says nothing: this peer has no right to know */
}

bool lm_gossip_follow(struct lm_membership *m, struct party *from, struct lm_reader *r)
{
	struct have h;

	if (!read_have(r, &h))
		return false;
	heard(m, from, &h);
	return true;
}

/* What may be asked for by its hash: a manifest in force, or the proof beside one. */
static const uint8_t *find_document(
    struct lm_membership *m, const uint8_t hash[32], struct network **net, size_t *len)
{
	const struct proof *proof = lm_proof_find(m, hash);

	HASH_FIND(by_hash, m->by_hash, hash, 32, *net);
	if (*net) {
		*len = (*net)->sm->len;
		return (*net)->sm->bytes;
	}
	if (!proof)
		return NULL;
	*net = proof->net;
	*len = proof->size;
	return proof->bytes;
}

const uint8_t *lm_gossip_find(
    struct lm_membership *m, struct lm_peer *peer, const uint8_t hash[32], size_t *len)
{
	struct party *party = lm_peer_user(peer);
	struct network *net;
	const uint8_t *bytes = find_document(m, hash, &net, len);

	if (!bytes || !party || party->slot == UINT32_MAX ||
	    !lm_pair_find(m, net, (struct remote *)party))
		return NULL;
	return bytes;
}

static uint64_t refused_until(const struct lm_membership *m, int err)
{
	bool may_pass = err == -ENOSPC || err == -EIO || err == -ENOMEM;

	if (err == -ESTALE)
		return LM_NEVER; /* what is old never becomes new */
	return m->now.mono + (may_pass ? REFUSED_BRIEFLY : REFUSED_FOR);
}

void lm_gossip_judged(
    struct lm_membership *m, const struct pulled *doc, int err, const struct lm_why *why)
{
	char from[LM_KEY_ID_TEXT] = "a gateway that is gone";

	if (!err)
		return;
	if (doc->from && doc->from->slot == UINT32_MAX)
		snprintf(from, sizeof(from), "a gateway not known yet");
	else if (doc->from)
		lm_hex(from, lm_peer_id(doc->from->session)->b, LM_KEY_ID_LEN);
	/* Who has missed that it was left out will go on saying what was. */
	if (err != -ESTALE)
		lm_warn_limited("manifest from %s refused: %s", from, why->text);
	lm_memory_put(&m->refused, doc->hash, refused_until(m, err));
	m->drops[LM_MD_REFUSED]++;
}
