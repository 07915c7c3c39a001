/* SPDX-License-Identifier: Apache-2.0 */
#include "audit.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/*
 * What one event may make a gateway send: a few datagrams to each peer (a manifest came into
 * force), and answers to one full message.
 */
#define DATAGRAMS_OF_EVENT 128
#define DATAGRAMS_OF_PEER 8

int audit_net(const struct audit *a, const struct lm_net_id *id)
{
	for (unsigned i = 0; i < a->n_nets; i++)
		if (memcmp(&a->nets[i].id, id, sizeof(*id)) == 0)
			return (int)i;
	return -1;
}

struct audit_gateway *audit_of(struct audit *a, const struct sim_gateway *g)
{
	return &a->gateways[g->index];
}

/* ---- documents ---- */

static const struct audit_paper *paper_of(const struct audit *a, const uint8_t hash[32])
{
	struct audit_paper *p;

	HASH_FIND(hh, a->papers, hash, 32, p);
	return p;
}

bool audit_newer(const struct audit_paper *p, const struct audit_paper *b)
{
	if (!b || p->serial != b->serial)
		return !b || p->serial > b->serial;
	return memcmp(p->hash, b->hash, sizeof(p->hash)) < 0;
}

bool audit_expired(const struct audit_paper *p, const struct sim_gateway *g)
{
	return p->expires && p->expires <= (int64_t)(sim_now(g).wall / SIM_SECOND);
}

/*
 * Those who are named, and only they, are given the secret; and as long as they are the same, it is
 * the same: so whoever is taken off can know no later one.
 */
static void check_secret(
    struct audit *a, struct audit_paper *p, const struct sim_document *d, unsigned provider)
{
	const struct sim *s = a->sim;
	struct lm_signed_manifest *sm;
	struct lm_secret stolen;
	struct lm_why why = {""};

	if (lm_manifest_open(&sm, "audit", d->bytes, d->len, &why) < 0 ||
	    lm_manifest_secret(&p->secret, sm, &s->gateways[provider]->id) < 0)
		abort();
	for (unsigned i = 0; i < s->n_gateways; i++)
		if (!p->names[i] && lm_manifest_secret(&stolen, sm, &s->gateways[i]->id) == 0)
			sim_broken(a->sim, "gw%u can open a document that does not name it", i);
	lm_signed_manifest_free(sm);
	for (const struct audit_paper *b = a->papers; b; b = b->hh.next) {
		bool same = memcmp(p->names, b->names, s->n_gateways * sizeof(p->names[0])) == 0;
		if (b->net == p->net &&
		    same != lm_equal_secret(&p->secret, &b->secret, sizeof(p->secret)))
			sim_broken(a->sim, "%s: %s providers have %s secret", a->nets[p->net].name,
			    same ? "the same" : "other", same ? "another" : "the same");
	}
}

const struct audit_paper *audit_paper(struct audit *a, const struct sim_document *d,
    const char *name, const unsigned *providers, unsigned n, int64_t expires, bool closes)
{
	struct audit_paper *p = calloc(1, sizeof(*p));
	int net = audit_net(a, &d->net);

	if (!p || (net < 0 && a->n_nets == AUDIT_NETS))
		abort();
	if (net < 0) {
		net = (int)a->n_nets++;
		a->nets[net].id = d->net;
		snprintf(a->nets[net].name, sizeof(a->nets[net].name), "%s", name);
	}
	memcpy(p->hash, d->hash, sizeof(p->hash));
	p->net = (unsigned)net;
	p->serial = d->serial;
	p->expires = expires;
	p->closes = closes;
	p->names = calloc(a->sim->n_gateways, sizeof(p->names[0]));
	if (!p->names)
		abort();
	for (unsigned i = 0; i < n; i++)
		p->names[providers[i]] = true;
	check_secret(a, p, d, providers[0]);
	HASH_ADD(hh, a->papers, hash, sizeof(p->hash), p);
	return p;
}

/* ---- what is written and what is in force ---- */

static void on_stored(
    void *ctx, struct sim_gateway *g, const struct lm_net_id *id, const uint8_t *bytes, size_t len)
{
	struct audit *a = ctx;
	uint8_t hash[32];

	crypto_generichash(hash, sizeof(hash), bytes, len, NULL, 0);
	const struct audit_paper *p = paper_of(a, hash);
	if (!p || memcmp(&a->nets[p->net].id, id, sizeof(*id)) != 0) {
		sim_broken(a->sim, "gw%u stores a document that no owner has signed", g->index);
		return;
	}
	struct audit_standing *st = &audit_of(a, g)->in[p->net];
	if (st->stored != p && !audit_newer(p, st->stored))
		sim_broken(a->sim, "gw%u: %s falls from serial %llu to %llu", g->index,
		    a->nets[p->net].name, (unsigned long long)st->stored->serial,
		    (unsigned long long)p->serial);
	/* One that is kept may still come from a gateway which had it in time. */
	if (p->closes && audit_expired(p, g))
		sim_broken(a->sim, "gw%u: %s: an expired document is stored", g->index,
		    a->nets[p->net].name);
	st->stored = p;
}

static void on_in_force(void *ctx, struct sim_gateway *g, const struct lm_network *net)
{
	struct audit *a = ctx;
	struct audit_gateway *ag = audit_of(a, g);
	const struct audit_paper *p = paper_of(a, net->sm->hash);

	if (!p) {
		sim_broken(a->sim, "gw%u enforces a document that no owner has signed", g->index);
		return;
	}
	if (!p->names[g->index])
		sim_broken(a->sim, "gw%u enforces %s, which does not name it", g->index,
		    a->nets[p->net].name);
	if (ag->in[p->net].stored != p)
		sim_broken(a->sim, "gw%u enforces serial %llu of %s, which is not what it stored",
		    g->index, (unsigned long long)p->serial, a->nets[p->net].name);
	ag->in[p->net].in_force = true;
	ag->new_authors = true;
	audit_routes_forget(ag, p->net);
	audit_lanes_of(a, g, net);
}

static void on_gone(void *ctx, struct sim_gateway *g, const struct lm_network *net)
{
	struct audit *a = ctx;
	struct audit_gateway *ag = audit_of(a, g);
	int at = audit_net(a, &net->id);
	const struct audit_paper *p = at < 0 ? NULL : ag->in[at].stored;

	if (!p)
		return; /* on_in_force has said it */
	if (p->names[g->index] && !(p->closes && audit_expired(p, g)))
		sim_broken(a->sim, "gw%u drops %s although its document holds", g->index,
		    a->nets[at].name);
	ag->in[at].in_force = false;
	ag->new_authors = true;
	audit_routes_forget(ag, (unsigned)at);
}

/* It has just started: what was stored, and only that, must be in force. */
static void check_restored(struct audit *a, struct sim_gateway *g)
{
	for (unsigned i = 0; i < a->n_nets; i++) {
		const struct audit_paper *p = audit_of(a, g)->in[i].stored;
		const struct lm_network *net = lm_membership_find(g->m, &a->nets[i].id);
		bool due = p && p->names[g->index] && !(p->closes && audit_expired(p, g));
		if (due != (net != NULL))
			sim_broken(a->sim, "gw%u started: %s is %s", g->index, a->nets[i].name,
			    due ? "lost" : "in force again");
		else if (due && memcmp(net->sm->hash, p->hash, sizeof(p->hash)) != 0)
			sim_broken(a->sim, "gw%u started: %s is at serial %llu, stored was %llu",
			    g->index, a->nets[i].name, (unsigned long long)net->manifest->serial,
			    (unsigned long long)p->serial);
	}
}

static void check_stopped(struct audit *a, struct sim_gateway *g)
{
	struct audit_gateway *ag = audit_of(a, g);

	ag->seen = (struct lm_ledger_info){0};
	audit_versions_forget(ag);
	for (unsigned i = 0; i < a->n_nets; i++) {
		ag->in[i].in_force = false;
		audit_routes_forget(ag, i);
	}
}

static void check_sent(struct audit *a, struct sim_gateway *g)
{
	struct audit_gateway *ag = audit_of(a, g);
	uint64_t sent = g->traffic.tx_datagrams - ag->tx_datagrams;

	ag->tx_datagrams = g->traffic.tx_datagrams;
	if (!ag->liar && sent > DATAGRAMS_OF_EVENT + DATAGRAMS_OF_PEER * a->sim->n_gateways)
		sim_broken(a->sim, "gw%u sends %llu datagrams at once", g->index,
		    (unsigned long long)sent);
}

static void after(void *ctx, struct sim_gateway *g)
{
	struct audit *a = ctx;
	struct audit_gateway *ag = audit_of(a, g);
	bool started = g->m && !ag->ran;

	ag->ran = g->m != NULL;
	check_sent(a, g);
	if (!g->m) {
		check_stopped(a, g);
		return;
	}
	if (started)
		check_restored(a, g);
	audit_lanes(a, g);
	audit_records(a, g);
	audit_routes(a, g);
	audit_places(a, g);
}

void audit_open(struct audit *a, struct sim *s)
{
	*a = (struct audit){.sim = s};
	a->gateways = calloc(s->n_gateways, sizeof(a->gateways[0]));
	if (!a->gateways)
		abort();
	s->hooks = (struct sim_hooks){.stored = on_stored,
	    .in_force = on_in_force,
	    .gone = on_gone,
	    .keyed = audit_keyed,
	    .after = after};
	s->hooks_ctx = a;
}

void audit_close(struct audit *a)
{
	struct audit_paper *p, *next_paper;
	struct audit_published *r, *next_record;
	struct audit_key *k, *next_key;

	a->sim->hooks = (struct sim_hooks){0};
	HASH_ITER(hh, a->papers, p, next_paper)
	{
		HASH_DEL(a->papers, p);
		free(p->names);
		free(p);
	}
	HASH_ITER(hh, a->published, r, next_record)
	{
		HASH_DEL(a->published, r);
		free(r);
	}
	HASH_ITER(hh, a->keys, k, next_key)
	{
		HASH_DEL(a->keys, k);
		free(k);
	}
	for (unsigned g = 0; g < a->sim->n_gateways; g++) {
		audit_versions_forget(&a->gateways[g]);
		for (unsigned i = 0; i < AUDIT_NETS; i++)
			free(a->gateways[g].unfounded[i]);
	}
	free(a->gateways);
}
