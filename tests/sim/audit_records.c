/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record is known only where its network is in force, only of authors whom that manifest names,
 * and only as its author has published it; its version never falls.
 */
#include <stdlib.h>
#include "audit.h"

struct look {
	struct audit *a;
	struct sim_gateway *g;
	const struct lm_network *net; /* NULL: not in force here */
	unsigned index;
};

static uint64_t fingerprint(const struct look *l, unsigned author, const struct lm_ledger_record *r)
{
	const uint64_t head[] = {
	    author, l->index, r->kind, r->key_len, r->value_len, r->version, r->expiry};
	uint64_t h = audit_mix(AUDIT_MIX_BASIS, (const uint8_t *)head, sizeof(head));

	return audit_mix(audit_mix(h, r->key, r->key_len), r->value, r->value_len);
}

int audit_endpoint(const struct lm_network *net, const struct lm_ledger_record *r)
{
	char name[LM_NAME_MAX + 1] = "";

	if (r->kind != LM_LEDGER_ENDPOINT || r->key_len < 3 || r->key_len > 2 + LM_NAME_MAX)
		return -1;
	memcpy(name, r->key + 2, r->key_len - 2u);
	return lm_manifest_endpoint(net->manifest, name, r->key[0] * 256u + r->key[1]);
}

/* An honest gateway says that it serves an endpoint: so it is attached there. */
static void check_claim(const struct look *l, const struct lm_ledger_record *r)
{
	int at = audit_endpoint(l->net, r);

	if (r->kind != LM_LEDGER_ENDPOINT)
		return;
	if (at < 0 || !sim_hosts(l->g, &l->net->id, l->net->manifest, (unsigned)at))
		sim_broken(l->a->sim, "gw%u says in %s that it serves what is not attached there",
		    l->g->index, l->a->nets[l->index].name);
}

static void check_published(
    const struct look *l, const struct sim_gateway *author, const struct lm_ledger_record *r)
{
	uint64_t print = fingerprint(l, author->index, r);
	struct audit_published *p;

	HASH_FIND(hh, l->a->published, &print, sizeof(print), p);
	if (p)
		return;
	if (author != l->g) {
		sim_broken(l->a->sim, "gw%u has a record of %s that gw%u never published",
		    l->g->index, l->a->nets[l->index].name, author->index);
		return;
	}
	check_claim(l, r);
	p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	p->fingerprint = print;
	HASH_ADD(hh, l->a->published, fingerprint, sizeof(print), p);
}

void audit_versions_forget(struct audit_gateway *ag)
{
	struct audit_version *v, *next;

	HASH_ITER(hh, ag->versions, v, next)
	{
		HASH_DEL(ag->versions, v);
		free(v);
	}
}

static void check_version(
    const struct look *l, const struct sim_gateway *author, const struct lm_ledger_record *r)
{
	struct audit_gateway *ag = audit_of(l->a, l->g);
	const uint64_t head[] = {author->index, l->index, r->kind};
	uint64_t name = audit_mix(AUDIT_MIX_BASIS, (const uint8_t *)head, sizeof(head));
	struct audit_version *v;

	name = audit_mix(name, r->key, r->key_len);
	HASH_FIND(hh, ag->versions, &name, sizeof(name), v);
	if (!v) {
		v = calloc(1, sizeof(*v));
		if (!v)
			abort();
		v->name = name;
		HASH_ADD(hh, ag->versions, name, sizeof(name), v);
	}
	if (r->version < v->version)
		sim_broken(l->a->sim, "gw%u: a record of gw%u in %s falls to an older version",
		    l->g->index, author->index, l->a->nets[l->index].name);
	v->version = r->version;
}

static int look_at(void *ctx, const struct lm_ledger_record *r)
{
	const struct look *l = ctx;
	const struct sim_gateway *author = sim_by_key(l->a->sim, r->author);

	l->a->checked++;
	if (!l->net) {
		sim_broken(l->a->sim, "gw%u has records of %s, which is not in force there",
		    l->g->index, l->a->nets[l->index].name);
		return 1;
	}
	if (!author || lm_manifest_provider(l->net->manifest, &author->id.id) < 0)
		sim_broken(l->a->sim, "gw%u has a record of %s by one whom it does not name",
		    l->g->index, l->a->nets[l->index].name);
	else if (!audit_of(l->a, author)->liar)
		check_published(l, author, r);
	if (author)
		check_version(l, author, r);
	return 0;
}

static bool same(const struct lm_ledger_info *a, const struct lm_ledger_info *b)
{
	return a->accepted == b->accepted && a->written == b->written && a->records == b->records &&
	       a->tombstones == b->tombstones && a->joined == b->joined;
}

void audit_records(struct audit *a, struct sim_gateway *g)
{
	struct audit_gateway *ag = audit_of(a, g);
	const struct lm_ledger *ledger = lm_membership_ledger(g->m);
	struct lm_ledger_info info;

	lm_ledger_info(ledger, &info);
	if (!ag->new_authors && same(&info, &ag->seen))
		return;
	if (ag->new_authors || info.joined != ag->seen.joined)
		audit_versions_forget(ag);
	ag->new_authors = false;
	ag->seen = info;
	ag->look_until = 0;
	for (unsigned i = 0; i < a->n_nets; i++) {
		struct look l = {.a = a, .g = g, .index = i};
		l.net = lm_membership_find(g->m, &a->nets[i].id);
		lm_ledger_each(ledger, &a->nets[i].id, 0, look_at, &l);
	}
}
