/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging a document, whoever brought it: the tenant, another gateway, our own
 * store. Whatever is wrong with it has one reason that the tenant can read, and
 * what was in force stays.
 */
#include "membership/facts.h"
#include "membership/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>
#include "base/log.h"
#include "policy/policy.h"

#define LM_LOG_MODULE "membership"

#define FOREVER UINT64_MAX

static bool same_hash(const uint8_t a[32], const uint8_t b[32])
{
	return memcmp(a, b, 32) == 0;
}

/*
 * What has expired is nothing that a tenant can bring in. But with `on_expiry: keep` it is what the
 * gateways that had it in time still enforce, and they pass it on to one that was away: else it
 * would be in force at some and unknown at others. We cannot see when the other one got it. Should
 * it lie, it brings in what the owner signed for it and us, where nothing newer is known: the same
 * that it can do with a manifest that does not expire.
 */
static bool may_have_expired(const struct lm_manifest *man, const struct origin *from)
{
	if (man->on_expiry != LM_EXPIRY_KEEP || from->kind != FROM_GATEWAY || !from->session)
		return false;
	for (unsigned i = 0; i < man->n_providers; i++)
		if (lm_peer_proves(from->session, &man->providers[i].key))
			return true;
	return false;
}

static int check_expiry(const struct lm_membership *m, const struct lm_manifest *man,
    const struct origin *from, struct lm_why *why)
{
	if (from->kind == FROM_STORE || !lm_network_expired(m, man) || may_have_expired(man, from))
		return 0;
	char text[32] = "?";
	time_t at = (time_t)man->expires;
	struct tm tm;
	if (gmtime_r(&at, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return lm_why(why, ETIME, "serial %" PRIu64 " of network %s expired at %s", man->serial,
	    man->network, text);
}

/* Is another document with this serial in force here, or known? */
static bool is_signed_twice(const struct lm_membership *m, const struct lm_signed_manifest *sm)
{
	const uint8_t *hash = lm_network_hash(m, &sm->net_id);

	return hash && lm_network_serial(m, &sm->net_id) == sm->manifest->serial &&
	       !same_hash(hash, sm->hash);
}

/*
 * Said once a serial, and loudly: one of the two does not say what the owner believes to be in
 * force. sm: the one that came later.
 */
static void say_twice(struct lm_membership *m, const struct lm_signed_manifest *sm)
{
	const uint8_t *hash = lm_network_hash(m, &sm->net_id);
	bool wins = hash && same_hash(hash, sm->hash);
	uint64_t serial = sm->manifest->serial;
	struct lm_key_id id = lm_key_id(&sm->owner);
	char owner[LM_KEY_ID_TEXT];
	uint8_t about[32];

	_Static_assert(sizeof(about) == LM_NET_ID_LEN, "a network's id is as long as a hash");
	memcpy(about, sm->net_id.b, sizeof(about));
	for (unsigned i = 0; i < sizeof(serial); i++)
		about[i] ^= (uint8_t)(serial >> 8 * i);
	if (lm_memory_has(&m->conflicts, about, m->now.mono))
		return;
	lm_memory_put(&m->conflicts, about, FOREVER);
	m->drops[LM_MD_SIGNED_TWICE]++;
	lm_error("network %s: owner %s signed serial %" PRIu64
		 " twice, with different contents; %s",
	    sm->manifest->network, lm_hex(owner, id.b, LM_KEY_ID_LEN), serial,
	    wins ? "the new one wins by its hash, as everywhere" : "the one that was known stays");
}

/*
 * -ESTALE, -EEXIST, or 0 if it is newer than what we know, or the very same. Of two documents with
 * one serial the one with the lower hash is the newer: so all gateways settle on the same one.
 */
static int check_serial(
    struct lm_membership *m, const struct lm_signed_manifest *sm, struct lm_why *why)
{
	const struct network *net = lm_network_find(m, &sm->net_id);
	uint64_t serial = sm->manifest->serial, known = lm_network_serial(m, &sm->net_id);
	const uint8_t *hash = lm_network_hash(m, &sm->net_id);
	const char *state = net ? "is in force" : "is known";

	if (serial < known)
		return lm_why(why, ESTALE,
		    "serial %" PRIu64 " of network %s is older than serial %" PRIu64 ", which %s",
		    serial, sm->manifest->network, known, state);
	if (serial > known || !hash || same_hash(hash, sm->hash))
		return 0;
	bool wins = lm_manifest_newer(serial, sm->hash, known, hash);
	if (wins) {
		lm_why(why, 0,
		    "another document with this serial was %s and lost: sign the one that is "
		    "meant with a higher serial",
		    net ? "in force" : "known");
		return 0;
	}
	return lm_why(why, EEXIST,
	    "another document with serial %" PRIu64
	    " of network %s %s and wins: sign this one with a higher serial",
	    serial, sm->manifest->network, state);
}

static int check_room(
    const struct lm_membership *m, const struct lm_signed_manifest *sm, struct lm_why *why)
{
	if (lm_network_find(m, &sm->net_id) || HASH_CNT(by_id, m->by_id) < m->config.max_networks)
		return 0;
	return lm_why(why, ENOSPC, "this gateway has no room for more than %u networks",
	    m->config.max_networks);
}

/* Its own tests among them, so that a manifest is the same mistake everywhere, or nowhere. */
static int check_policy(
    const struct lm_manifest *man, const struct lm_document *read, struct lm_why *why)
{
	struct lm_why reason = read ? read->rules_why : (struct lm_why){{0}};
	int err = read ? read->rules_err : lm_policy_check(man, "manifest", &reason);

	/* What may have been said so far is no reason to refuse it. */
	if (err && why)
		*why = reason;
	return err;
}

/* A manifest that does not name us: if it is newer than the one in force, we have left. */
static int judge_absence(
    struct lm_membership *m, const struct lm_signed_manifest *sm, bool stored, struct lm_why *why)
{
	struct network *net = lm_network_find(m, &sm->net_id);

	if (stored) {
		lm_tombstone_put(m, sm);
		return 0;
	}
	if (!net)
		return lm_why(
		    why, EACCES, "this gateway is not among the providers of the manifest");
	int err = lm_network_persist(m, sm, why);
	if (err)
		return err;
	lm_tombstone_put(m, sm);
	lm_network_end(m, net, "a newer manifest leaves this gateway out");
	return lm_why(why, EACCES,
	    "this gateway is not among the providers of serial %" PRIu64
	    " and has left network %s: submit it to one that is",
	    sm->manifest->serial, sm->manifest->network);
}

/* Takes sm over if it comes into force (*sm becomes NULL). */
static int decide(struct lm_membership *m, struct lm_signed_manifest **sm,
    const struct origin *from, struct lm_why *why)
{
	struct lm_signed_manifest *s = *sm;
	bool stored = from->kind == FROM_STORE;
	struct network *net = lm_network_find(m, &s->net_id);
	int err = check_serial(m, s, why);

	if (!err && net && same_hash(net->sm->hash, s->hash))
		return 0;
	if (!err)
		err = check_expiry(m, s->manifest, from, why);
	/* What is in the store was judged when it came. */
	if (!err && !stored)
		err = check_policy(s->manifest, from->read, why);
	if (err)
		return err;
	int self = lm_manifest_provider(s->manifest, &m->self->id);
	if (self < 0)
		return judge_absence(m, s, stored, why);
	if (stored && lm_network_expired(m, s->manifest) &&
	    s->manifest->on_expiry == LM_EXPIRY_CLOSE) {
		lm_tombstone_put(m, s);
		return 0;
	}
	err = check_room(m, s, why);
	if (!err)
		err = lm_network_put_in_force(m, s, self, stored, why);
	if (!err)
		*sm = NULL;
	return err;
}

/* The same; of two documents with one serial the one that lost is kept as a proof. */
static int judge(struct lm_membership *m, struct lm_signed_manifest **sm, const struct origin *from,
    struct lm_why *why)
{
	const struct lm_signed_manifest *s = *sm;
	struct network *net = lm_network_find(m, &s->net_id);

	if (!is_signed_twice(m, s))
		return decide(m, sm, from, why);
	struct proof *known = net ? lm_proof_new(m, net->sm) : NULL;
	int err = decide(m, sm, from, why);
	say_twice(m, s);
	net = lm_network_find(m, &s->net_id);
	if (err == 0 && net) {
		lm_proof_keep(m, net, known);
		return 0;
	}
	lm_proof_free(m, known);
	if (err == -EEXIST && net)
		lm_proof_keep(m, net, lm_proof_new(m, s));
	return err;
}

int lm_network_welcome(
    const struct lm_membership *m, const void *bytes, size_t len, struct lm_why *why)
{
	struct lm_public_key owner;
	int err = lm_manifest_claimed_owner(&owner, bytes, len, why);

	return err ? err : lm_owner_check(m, &owner, why);
}

static int read_document(struct lm_signed_manifest **sm, const void *bytes, size_t len,
    const struct origin *from, struct lm_why *why)
{
	struct lm_document *read = from->read;

	if (!read)
		return lm_manifest_open(
		    sm, from->kind == FROM_STORE ? "stored manifest" : "manifest", bytes, len, why);
	*sm = read->sm;
	read->sm = NULL;
	if (read->err && why)
		*why = read->why;
	return read->err;
}

int lm_network_judge(struct lm_membership *m, const void *bytes, size_t len,
    const struct origin *from, uint64_t *serial, struct lm_why *why)
{
	struct lm_signed_manifest *sm = NULL;
	int err = 0;

	*serial = 0;
	if (from->kind == FROM_TENANT && lm_recovery_is(bytes, len))
		return lm_recovery_judge(m, bytes, len, serial, why);
	/* First, so that strangers' documents cost neither a signature's check nor parsing. */
	if (from->kind != FROM_STORE)
		err = lm_network_welcome(m, bytes, len, why);
	if (!err)
		err = read_document(&sm, bytes, len, from, why);
	if (err)
		return err;
	struct lm_net_id id = sm->net_id;
	err = judge(m, &sm, from, why);
	lm_signed_manifest_free(sm);
	*serial = lm_network_serial(m, &id);
	return err;
}
