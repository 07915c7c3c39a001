/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants: new serials, old ones, the same twice, two with one serial, spoilt and expired ones. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "story.h"

const char *const story_members[STORY_MEMBERS] = {"web", "db", "job"};

static unsigned count(const struct story *t, const struct story_net *net)
{
	unsigned n = 0;

	for (unsigned i = 0; i < t->sim->n_gateways; i++)
		n += net->authorised[i];
	return n;
}

unsigned tenant_authorised(struct story *t, const struct story_net *net)
{
	unsigned at = story_pick(t, t->sim->n_gateways);

	while (!net->authorised[at])
		at = (at + 1) % t->sim->n_gateways;
	return at;
}

/* Where a replica is to be from now on. */
static unsigned place(struct story *t, const struct story_net *net)
{
	unsigned at = tenant_authorised(t, net);

	switch (net->leaves ? story_pick(t, 8) : 0) {
	case 4:
	case 5:
	case 6:
		return SIM_ANYWHERE;
	case 2:
		return SIM_ANYWHERE_AT;
	case 3:
		return SIM_GIVEN | at;
	default:
		return at;
	}
}

static bool may_be(const struct story_net *net, unsigned at)
{
	return at & (SIM_ANYWHERE | SIM_ANYWHERE_AT) || net->authorised[at & ~SIM_GIVEN];
}

/* Every replica is where the owner may put it. */
static void settle(struct story *t, struct story_net *net)
{
	for (unsigned m = 0; m < STORY_MEMBERS; m++) {
		bool moved = false;
		for (unsigned r = 0; r < net->replicas[m]; r++) {
			if (may_be(net, net->at[m][r]))
				continue;
			net->at[m][r] = tenant_authorised(t, net) | (net->at[m][r] & SIM_GIVEN);
			moved = true;
		}
		net->deployment[m] += moved;
	}
}

void tenant_open(struct story *t)
{
	unsigned n = t->sim->n_gateways;

	t->n_nets = 1 + story_pick(t, 4);
	for (unsigned i = 0; i < t->n_nets; i++) {
		struct story_net *net = &t->nets[i];
		net->owner = story_pick(t, t->sim->n_owners);
		snprintf(net->name, sizeof(net->name), "net%u", i);
		net->authorised = calloc(n, sizeof(bool));
		if (!net->authorised)
			abort();
		for (unsigned k = 0; k < n; k++)
			net->authorised[k] = story_pick(t, 3) > 0;
		net->authorised[story_pick(t, n)] = true;
		net->leaves = story_pick(t, 2);
		/* Mostly few addresses, so that blocks become scarce. */
		if (n < 10 && story_pick(t, 4))
			net->pool = "  pool: 100.64.128.0/25\n  block: 30\n";
		for (unsigned m = 0; m < STORY_MEMBERS; m++) {
			net->replicas[m] = 1 + story_pick(t, STORY_REPLICAS);
			net->deployment[m] = 100 * (m + 1);
			for (unsigned r = 0; r < net->replicas[m]; r++)
				net->at[m][r] = place(t, net);
		}
	}
}

void tenant_close(struct story *t)
{
	for (unsigned i = 0; i < t->n_nets; i++)
		free(t->nets[i].authorised);
	for (unsigned i = 0; i < t->n_docs; i++)
		sim_document_free(&t->docs[i].doc);
}

/* ---- signing ---- */

struct wording { /* what a document says of its end */
	int64_t expires;
	bool closes;
	const char *comment; /* one more line, so that it is another document; NULL: none */
};

static struct story_doc *sign(struct story *t, unsigned at, const struct wording *w)
{
	struct story_net *net = &t->nets[at];
	struct story_doc *d = &t->docs[t->n_docs];
	struct sim_member m[STORY_MEMBERS];
	unsigned *providers = calloc(t->sim->n_gateways, sizeof(*providers)), n = 0;
	char text[128] = "", when[32];
	time_t expires = (time_t)w->expires;
	struct tm tm;

	if (!providers)
		abort();
	for (unsigned i = 0; i < t->sim->n_gateways; i++)
		if (net->authorised[i])
			providers[n++] = i;
	for (unsigned i = 0; i < STORY_MEMBERS; i++)
		m[i] = (struct sim_member){.name = story_members[i],
		    .deployment = net->deployment[i],
		    .at = net->at[i],
		    .n = net->replicas[i]};
	if (expires && gmtime_r(&expires, &tm) && strftime(when, sizeof(when), "%FT%TZ", &tm))
		snprintf(text, sizeof(text), "expires: %s\non_expiry: %s\n", when,
		    w->closes ? "close" : "keep");
	if (w->comment)
		strcat(text, w->comment);
	struct sim_plan plan = {.owner = net->owner,
	    .network = net->name,
	    .serial = net->serial,
	    .providers = providers,
	    .n_providers = n,
	    .members = m,
	    .n_members = STORY_MEMBERS,
	    .pool = net->pool,
	    .extra = text};
	*d = (struct story_doc){.doc = sim_sign(t->sim, &plan), .net = at};
	d->paper = audit_paper(&t->audit, &d->doc, net->name, providers, n, w->expires, w->closes);
	free(providers);
	t->n_docs++;
	return d;
}

static void change_mind(struct story *t, struct story_net *net)
{
	unsigned g = story_pick(t, t->sim->n_gateways), m = story_pick(t, STORY_MEMBERS);

	switch (story_pick(t, 4)) {
	case 0: /* one provider more or less */
	case 1:
		net->authorised[g] = !net->authorised[g];
		if (!count(t, net))
			net->authorised[story_pick(t, t->sim->n_gateways)] = true;
		break;
	case 2: /* a member moves to a new deployment at another provider */
		net->at[m][story_pick(t, net->replicas[m])] = place(t, net);
		net->deployment[m]++;
		break;
	default: /* more or fewer replicas */
		net->replicas[m] = 1 + story_pick(t, STORY_REPLICAS);
		for (unsigned r = 0; r < net->replicas[m]; r++)
			net->at[m][r] = place(t, net);
	}
	settle(t, net);
}

/* ---- submitting ---- */

static void check_answer(struct story *t, const struct story_doc *d, struct sim_gateway *g,
    const struct audit_paper *before, int err)
{
	const struct audit_paper *after = audit_of(&t->audit, g)->in[d->net].stored;
	const struct lm_network *net = lm_membership_find(g->m, &d->doc.net);

	if (err == 0 && (!net || memcmp(net->sm->hash, d->doc.hash, 32) != 0))
		sim_broken(t->sim, "gw%u acknowledges serial %llu of %s, which is not in force",
		    g->index, (unsigned long long)d->doc.serial, t->nets[d->net].name);
	if (err && err != -EACCES && after != before)
		sim_broken(t->sim, "gw%u refuses serial %llu of %s (%s), but stores it", g->index,
		    (unsigned long long)d->doc.serial, t->nets[d->net].name, strerror(-err));
	if (g->disk_full && after != before)
		sim_broken(t->sim, "gw%u has stored something on a full disk", g->index);
}

static void submit(struct story *t, const struct story_doc *d, struct sim_gateway *g)
{
	const struct audit_paper *before = audit_of(&t->audit, g)->in[d->net].stored;
	struct lm_why why = {""};

	if (!g->m)
		return;
	if (story_pick(t, 16) == 0)
		g->death = story_pick(t, 2) ? SIM_DIES_BEFORE_WRITE : SIM_DIES_AFTER_WRITE;
	sim_say(t->sim, "tenant: serial %llu of %s to gw%u", (unsigned long long)d->doc.serial,
	    t->nets[d->net].name, g->index);
	int err = sim_submit(g, &d->doc, &why);
	g->death = SIM_ALIVE; /* nothing was written */
	sim_say(t->sim, "tenant: answer %d %s", err, why.text);
	if (g->m && err != -ECONNRESET)
		check_answer(t, d, g, before, err);
}

/* Mostly at one that is authorised, now and then anywhere. */
static struct sim_gateway *where(struct story *t, const struct story_net *net)
{
	return story_pick(t, 8) ? t->sim->gateways[tenant_authorised(t, net)] : story_anybody(t);
}

static void submit_new(struct story *t)
{
	unsigned at = story_pick(t, t->n_nets);
	struct story_net *net = &t->nets[at];
	struct wording w = {0};

	if (net->serial)
		change_mind(t, net);
	settle(t, net);
	net->serial += 1 + (story_pick(t, 8) == 0 ? story_pick(t, 1000) : 0);
	if (!t->clocks && story_pick(t, 8) == 0) {
		w.expires = (int64_t)(SIM_WORLD_BEGINS + t->sim->now / SIM_SECOND) + 30 +
			    story_pick(t, t->slow ? 7200 : 900);
		w.closes = story_pick(t, 2);
	}
	const struct story_doc *d = sign(t, at, &w);
	for (unsigned i = 1 + story_pick(t, 2); i-- > 0;)
		submit(t, d, where(t, net));
}

/* The owner signs another document with the serial of the last one, for the same providers. */
static void submit_twice(struct story *t)
{
	unsigned at = story_pick(t, t->n_nets);
	const struct wording w = {
	    .expires = (int64_t)SIM_WORLD_BEGINS + 100000000 + story_pick(t, 1000000)};

	if (t->nets[at].serial)
		submit(t, sign(t, at, &w), where(t, &t->nets[at]));
}

static void submit_old(struct story *t)
{
	const struct story_doc *d = &t->docs[story_pick(t, t->n_docs)];

	submit(t, d, story_pick(t, 2) ? where(t, &t->nets[d->net]) : story_anybody(t));
}

/* A bit is wrong, or its end is missing, or it has expired: nothing may come of it. */
static void submit_bad(struct story *t)
{
	const struct story_doc *d = &t->docs[story_pick(t, t->n_docs)];
	struct sim_gateway *g = where(t, &t->nets[d->net]);
	struct sim_document bad = d->doc;

	if (!g->m)
		return;
	bad.bytes = malloc(d->doc.len);
	if (!bad.bytes)
		abort();
	memcpy(bad.bytes, d->doc.bytes, d->doc.len);
	if (story_pick(t, 2))
		bad.len = story_pick(t, (unsigned)d->doc.len);
	else
		bad.bytes[story_pick(t, (unsigned)d->doc.len)] ^= (uint8_t)(1u << story_pick(t, 8));
	const struct audit_paper *before = audit_of(&t->audit, g)->in[d->net].stored;
	int err = sim_submit(g, &bad, NULL);
	if (err == 0 || audit_of(&t->audit, g)->in[d->net].stored != before)
		sim_broken(t->sim, "gw%u takes a spoilt document: %d", g->index, err);
	free(bad.bytes);
}

static void submit_expired(struct story *t)
{
	unsigned at = story_pick(t, t->n_nets);
	const struct wording w = {
	    .expires = (int64_t)SIM_WORLD_BEGINS - 100000 + story_pick(t, 1000),
	    .closes = story_pick(t, 2)};
	struct story_net *net = &t->nets[at];

	if (t->clocks || !net->serial)
		return;
	net->serial++;
	submit(t, sign(t, at, &w), where(t, net));
}

void tenant_acts(struct story *t)
{
	unsigned what = story_pick(t, 20);

	if (t->n_docs == STORY_DOCS)
		return;
	if (what < 11 || !t->n_docs)
		submit_new(t);
	else if (what < 13)
		submit_twice(t);
	else if (what < 17)
		submit_old(t);
	else if (what < 19)
		submit_bad(t);
	else
		submit_expired(t);
}
