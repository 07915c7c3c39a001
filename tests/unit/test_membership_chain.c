/* SPDX-License-Identifier: Apache-2.0 */
/* Chains in membership: how they begin, who votes, what stays over a restart, and recovery. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "membership_sim.h"
#include "suite.h"

/* One endpoint at each provider of its own address, and eight that are anywhere. */
static struct sim_doc decided(struct sim *s, unsigned serial, unsigned providers)
{
	char members[4096];
	size_t at = (size_t)sprintf(members, "  - name: app\n    deployment: 7\n    replicas: 8\n"
					     "  - name: web\n    deployment: 1\n    endpoints:\n");

	for (unsigned i = 0; i < SIM_GATEWAYS; i++)
		if (providers >> i & 1)
			at += (size_t)sprintf(members + at,
			    "      - {provider: gw%u, ipv4: 100.64.10.%u}\n", i, 10 + i);
	return sim_sign_members(s, "shop", serial, providers, NULL, members);
}

static void submit(struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	CU_ASSERT_EQUAL(sim_submit(s, gateway, d, NULL), 0);
}

static bool info_of(
    const struct sim *s, unsigned gateway, const struct sim_doc *d, struct lm_chain_info *info)
{
	const struct sim_node *n = s->node[gateway];

	*info = (struct lm_chain_info){0};
	return n->m && lm_membership_chain(n->m) &&
	       lm_chain_info(lm_membership_chain(n->m), &d->net, info) == 0;
}

static bool has_chain(const struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	struct lm_chain_info info;

	return info_of(s, gateway, d, &info);
}

static uint64_t height(const struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	struct lm_chain_info info;

	info_of(s, gateway, d, &info);
	return info.height;
}

static unsigned n_members(const struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	struct lm_chain_info info;

	info_of(s, gateway, d, &info);
	return info.n_members;
}

/* Those in the mask have one chain, and know that they have missed nothing. */
static bool alike(const struct sim *s, unsigned mask, const struct sim_doc *d)
{
	struct lm_chain_info first = {0}, info;
	bool any = false;

	for (unsigned i = 0; i < s->n; i++) {
		if (!(mask >> i & 1))
			continue;
		if (!info_of(s, i, d, &info) || !info.current)
			return false;
		if (any && (memcmp(info.hash, first.hash, 32) || info.height != first.height))
			return false;
		first = info;
		any = true;
	}
	return any;
}

/* The members are those in the mask, as this gateway knows. */
static bool seats_are(const struct sim *s, unsigned gateway, unsigned mask, const struct sim_doc *d)
{
	struct lm_chain_info info;
	unsigned have = 0;

	info_of(s, gateway, d, &info);
	for (unsigned i = 0; i < info.n_members; i++)
		for (unsigned k = 0; k < s->n; k++)
			if (memcmp(&info.members[i], &s->node[k]->id.pub, LM_PUBLIC_KEY_LEN) == 0)
				have |= 1u << k;
	return have == mask;
}

static unsigned lowest(const struct sim *s, unsigned n)
{
	unsigned low = 0;

	for (unsigned i = 1; i < n; i++)
		if (memcmp(&s->node[i]->id.pub, &s->node[low]->id.pub, LM_PUBLIC_KEY_LEN) < 0)
			low = i;
	return low;
}

static unsigned facts_of(const struct sim *s, unsigned gateway, uint8_t kind)
{
	const struct sim_node *n = s->node[gateway];
	unsigned count = 0;

	for (unsigned i = 0; i < n->n_facts; i++)
		count += n->facts[i].key[0] == kind;
	return count;
}

/* These replicas of "app" are attached here, beside the gateway's own endpoint. */
static void attach(
    struct sim *s, unsigned gateway, const struct sim_doc *d, unsigned from, unsigned to)
{
	struct sim_node *n = s->node[gateway];
	const struct lm_network *net = lm_membership_find(n->m, &d->net);
	uint32_t here[4096];
	unsigned n_here = 0;

	for (unsigned i = 0; i < net->manifest->n_endpoints; i++) {
		const struct lm_endpoint *e = &net->manifest->endpoints[i];
		if (e->provider == net->self ||
		    (e->provider == LM_ANY_PROVIDER && e->replica >= from && e->replica < to))
			here[n_here++] = i;
	}
	CU_ASSERT_EQUAL(lm_membership_set_served(n->m, net->index, here, n_here), 0);
	sim_tick(n);
	s->event++;
}

/* As if this gateway's own code wanted it. */
static void propose(
    struct sim *s, unsigned gateway, const struct sim_doc *d, struct lm_chain_command c)
{
	static uint64_t tag = 1ull << 62;
	struct sim_node *n = s->node[gateway];
	struct lm_chain *chain = (struct lm_chain *)lm_membership_chain(n->m);

	CU_ASSERT_EQUAL(lm_chain_propose(chain, &s->now, &d->net, &c, tag++), 0);
	sim_tick(n);
}

static int drop(struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	struct lm_why why = {""};
	struct sim_node *n = s->node[gateway];

	lm_membership_set_owners(n->m, NULL, 0);
	int err = lm_membership_drop(n->m, &s->now, &d->net, &why);
	lm_membership_set_owners(n->m, &s->owner.pub, 1);
	sim_tick(n);
	s->event++;
	return err;
}

static struct sim *world(unsigned n, struct sim_doc *d)
{
	struct sim *s = sim_new(7, n);

	*d = decided(s, 1, (1u << n) - 1);
	submit(s, 0, d);
	sim_run(s, 3 * SIM_SECOND);
	return s;
}

static void end(struct sim *s, struct sim_doc *a, struct sim_doc *b)
{
	sim_doc_free(a);
	if (b)
		sim_doc_free(b);
	sim_end(s);
}

/* ---- the beginning ---- */

static void test_begins(void)
{
	for (unsigned n = 1; n <= 9; n += 2) {
		struct sim_doc d;
		struct sim *s = world(n, &d);
		struct lm_chain_info info;

		CU_ASSERT(alike(s, (1u << n) - 1, &d));
		for (unsigned i = 0; i < n; i++) {
			CU_ASSERT(info_of(s, i, &d, &info));
			CU_ASSERT_EQUAL(info.n_members, n < 7 ? n : 7);
			CU_ASSERT_EQUAL(info.votes, i < 7);
			/* The upper half of a /24, in sixteen blocks. */
			CU_ASSERT_EQUAL(info.n_blocks, 16);
			CU_ASSERT_EQUAL(info.block_size, 8);
		}
		end(s, &d, NULL);
	}
}

static void test_static_has_none(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc one = sim_sign(s, "shop", 1, 0x7, NULL),
		       two = sim_sign(s, "shop", 2, 0x7, NULL);
	struct sim_doc three = decided(s, 3, 0x7);

	submit(s, 0, &one);
	sim_run(s, 5 * SIM_SECOND);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT(!has_chain(s, i, &one));
		CU_ASSERT_EQUAL(s->node[i]->n_facts, 0);
	}
	/* Where it could begin is known even if that is long ago. */
	submit(s, 0, &two);
	sim_run(s, 5 * SIM_SECOND);
	sim_crash(s, 1);
	sim_start(s, 1);
	submit(s, 0, &three);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x7, &one));
	CU_ASSERT_EQUAL(n_members(s, 2, &one), 3);
	sim_doc_free(&three);
	end(s, &one, &two);
}

/* A later manifest without anything to decide lets the chain rest; then it goes on. */
static void test_rests(void)
{
	struct sim_doc one, two, three, four;
	struct sim *s = world(3, &one);

	two = decided(s, 2, 0x7);
	submit(s, 1, &two);
	sim_run(s, 60 * SIM_SECOND);
	uint64_t before = height(s, 0, &one);
	CU_ASSERT(before > 0);
	three = sim_sign(s, "shop", 3, 0x7, NULL);
	submit(s, 1, &three);
	sim_run(s, 5 * SIM_SECOND);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT(!has_chain(s, i, &one));
	four = decided(s, 4, 0x7);
	submit(s, 2, &four);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x7, &one));
	CU_ASSERT(height(s, 0, &one) >= before);
	sim_doc_free(&four);
	sim_doc_free(&three);
	end(s, &one, &two);
}

/* Without facts there are no chains; the rest is as ever. */
static void test_no_facts(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc d = decided(s, 1, 0x7);

	sim_crash(s, 1);
	s->node[1]->no_facts = true;
	sim_start(s, 1);
	submit(s, 1, &d);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT(lm_membership_chain(s->node[1]->m) == NULL);
	CU_ASSERT(sim_all_ready(s, 0x7, &d));
	CU_ASSERT(alike(s, 0x5, &d));
	end(s, &d, NULL);
}

/* Who has never seen serial 1 gets it from those who have. */
static void joins_later(unsigned down)
{
	struct sim_doc one, two;
	struct sim *s = sim_new(3, 5);

	one = decided(s, 1, 0x3);
	submit(s, 0, &one);
	sim_run(s, 3 * SIM_SECOND);
	two = decided(s, 2, 0x1f);
	submit(s, 0, &two);
	sim_run(s, 2 * SIM_SECOND);
	if (down)
		sim_crash(s, down);
	s->loss = 20;
	sim_run(s, 60 * SIM_SECOND);
	s->loss = 0;
	sim_run(s, 60 * SIM_SECOND);
	unsigned up = down ? 0x1f & ~(1u << down) : 0x1f;
	CU_ASSERT(alike(s, up, &one));
	for (unsigned i = 0; i < 5; i++)
		if (up >> i & 1)
			CU_ASSERT(seats_are(s, i, 0x1f, &one));
	CU_ASSERT_EQUAL(facts_of(s, 3, 0), 1);
	/* The document is there for the next one, too. */
	sim_crash(s, 2);
	sim_start(s, 2);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT(alike(s, up, &one));
	end(s, &one, &two);
}

static void test_joins_later(void)
{
	joins_later(0);
	joins_later(4);
}

/* Nobody has it: all wait, and ask no more than now and then. */
static void test_no_genesis(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc two = decided(s, 2, 0x7);

	submit(s, 0, &two);
	sim_run(s, 600 * SIM_SECOND);
	uint64_t before = s->sent;
	sim_run(s, 3600 * SIM_SECOND);
	/* One datagram a minute to each of two others, beside what sessions say. */
	CU_ASSERT(s->sent - before < 3 * 2 * (2 * 60 + 1200));
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT(!has_chain(s, i, &two));
	end(s, &two, NULL);
}

/* Two documents with serial 1: all begin with the one that wins. */
static void test_signed_twice(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc a = decided(s, 1, 0x7), b = decided(s, 1, 0x3), later = decided(s, 2, 0x7);
	bool b_wins = memcmp(b.hash, a.hash, 32) < 0;
	const struct sim_doc *wins = b_wins ? &b : &a, *loses = b_wins ? &a : &b;

	sim_partition(s, 0, 1, true);
	sim_partition(s, 0, 2, true);
	submit(s, 0, loses);
	submit(s, 1, wins);
	sim_run(s, 3 * SIM_SECOND);
	sim_partition(s, 0, 1, false);
	sim_partition(s, 0, 2, false);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x3, &a));
	CU_ASSERT_EQUAL(n_members(s, 0, &a), b_wins ? 2 : 3);
	submit(s, 0, &later);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x7, &a));
	CU_ASSERT(seats_are(s, 2, 0x7, &a));
	sim_doc_free(&later);
	end(s, &a, &b);
}

/* Nor do they disagree for good if the one that loses was passed over by serial 2. */
static void test_signed_twice_unseen(void)
{
	struct sim *s = sim_new(1, 4);
	struct sim_doc a = decided(s, 1, 0xf), b = decided(s, 1, 0x7), two = decided(s, 2, 0xf);

	for (unsigned i = 0; i < 2; i++) {
		sim_partition(s, i, 2, true);
		sim_partition(s, i, 3, true);
	}
	submit(s, 0, &a);
	submit(s, 2, &b);
	sim_run(s, 2 * SIM_SECOND);
	submit(s, 0, &two);
	submit(s, 2, &two);
	sim_run(s, SIM_SECOND);
	for (unsigned i = 0; i < 2; i++) {
		sim_partition(s, i, 2, false);
		sim_partition(s, i, 3, false);
	}
	sim_run(s, 120 * SIM_SECOND);
	CU_ASSERT(alike(s, 0xf, &a));
	sim_doc_free(&two);
	end(s, &a, &b);
}

/* Who has it comes back at last: nobody waits for the end of a minute then. */
static void test_genesis_comes(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc one = decided(s, 1, 0x7), two = decided(s, 2, 0x7);

	sim_crash(s, 0);
	sim_crash(s, 1);
	submit(s, 2, &one);
	sim_crash(s, 2);
	sim_start(s, 0);
	sim_start(s, 1);
	submit(s, 0, &two);
	sim_run(s, 600 * SIM_SECOND);
	CU_ASSERT(!has_chain(s, 0, &one));
	sim_start(s, 2);
	sim_run(s, 3 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x7, &one));
	end(s, &one, &two);
}

/* What another gateway gives as the first manifest must be it. */
static void test_false_genesis(void)
{
	struct sim *s = sim_new(1, 2);
	struct sim_doc two = decided(s, 2, 0x3), three = decided(s, 3, 0x3),
		       one = decided(s, 1, 0x3);
	struct sim_doc other = sim_sign_members(
	    s, "other", 1, 0x3, NULL, "  - name: app\n    deployment: 7\n    replicas: 8\n");
	const struct sim_doc *offers[] = {&three, &other};

	sim_crash(s, 1);
	submit(s, 0, &two);
	struct sim_node *raw = sim_raw(s, 1, 0);
	sim_run(s, 2 * SIM_SECOND);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t before = sim_drops(s, 0, LM_MD_REFUSED);
		uint8_t body[68] = {0};
		struct lm_writer w = lm_writer(body, sizeof(body));
		lm_write(&w, two.net.b, LM_NET_ID_LEN);
		lm_write(&w, offers[i]->hash, 32);
		lm_write_u32(&w, (uint32_t)offers[i]->len);
		raw->offer = offers[i]->bytes;
		raw->offer_len = offers[i]->len;
		sim_raw_send(raw, LM_MSG_GENESIS, body, sizeof(body));
		sim_run(s, SIM_SECOND);
		CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_REFUSED), before + 1);
		unsigned finds = raw->finds;
		CU_ASSERT(finds > 0);
		sim_raw_send(raw, LM_MSG_GENESIS, body, sizeof(body)); /* not once more */
		sim_run(s, SIM_SECOND);
		CU_ASSERT_EQUAL(raw->finds, finds);
		CU_ASSERT(!has_chain(s, 0, &two));
		sim_raw_send(raw, LM_MSG_GENESIS, body, 67); /* nor half of it */
		sim_run(s, SIM_SECOND);
		CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_MALFORMED), i + 1);
	}
	CU_ASSERT_EQUAL(s->node[0]->n_facts, 0);
	/* One is enough that is right. */
	uint8_t body[68];
	struct lm_writer w = lm_writer(body, sizeof(body));
	lm_write(&w, two.net.b, LM_NET_ID_LEN);
	lm_write(&w, one.hash, 32);
	lm_write_u32(&w, (uint32_t)one.len);
	raw->offer = one.bytes;
	raw->offer_len = one.len;
	sim_raw_send(raw, LM_MSG_GENESIS, body, sizeof(body));
	sim_run(s, SIM_SECOND);
	CU_ASSERT(has_chain(s, 0, &two));
	sim_doc_free(&one);
	sim_doc_free(&other);
	end(s, &two, &three);
}

/* The chain has begun when a second document with serial 1 comes along: it goes on. */
static void test_signed_twice_late(void)
{
	struct sim_doc one;
	struct sim *s = world(3, &one);
	struct sim_doc two = one;

	attach(s, 1, &one, 0, 4);
	sim_run(s, 10 * SIM_SECOND);
	uint64_t before = height(s, 0, &one);
	CU_ASSERT(before > 0);
	for (unsigned n = 1; memcmp(two.hash, one.hash, 32) >= 0; n++) {
		char members[128];
		if (two.bytes != one.bytes)
			sim_doc_free(&two);
		sprintf(members, "  - name: app\n    deployment: %u\n    replicas: 8\n", 7 + n);
		two = sim_sign_members(s, "shop", 1, 0x3, NULL, members);
	}
	submit(s, 0, &two);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x3, &one));
	CU_ASSERT(height(s, 0, &one) >= before);
	for (unsigned i = 0; i < 2; i++)
		sim_crash(s, i);
	for (unsigned i = 0; i < 2; i++)
		sim_start(s, i);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x3, &one));
	CU_ASSERT(height(s, 0, &one) >= before);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_FACTS), 0);
	CU_ASSERT_EQUAL(facts_of(s, 0, 0), 1); /* others may need it one day */
	end(s, &one, &two);
}

/* ---- seats ---- */

static void test_revoked(void)
{
	struct sim_doc one, two;
	struct sim *s = world(3, &one);

	two = decided(s, 2, 0x3);
	submit(s, 1, &two);
	sim_run(s, 30 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x3, &one));
	CU_ASSERT(seats_are(s, 0, 0x3, &one));
	/* It has not heard of it, and nobody hears it. */
	CU_ASSERT(has_chain(s, 2, &one));
	CU_ASSERT_EQUAL(height(s, 2, &one), 0);
	CU_ASSERT_EQUAL(sim_submit(s, 2, &two, NULL), -EACCES);
	CU_ASSERT(!has_chain(s, 2, &one));
	/* Votes are not forgotten when a network ends. */
	CU_ASSERT_EQUAL(facts_of(s, 2, 0), 1);
	end(s, &one, &two);
}

/* Whoever should do it is down, and another one as well. */
static void test_two_of_five_down(void)
{
	struct sim_doc one, two;
	struct sim *s = world(5, &one);
	unsigned first = lowest(s, 5), out = (first + 1) % 5, third = (first + 2) % 5;

	sim_crash(s, first);
	sim_crash(s, out);
	two = decided(s, 2, 0x1f & ~(1u << out));
	submit(s, third, &two);
	sim_run(s, 30 * SIM_SECOND);
	unsigned up = 0x1f & ~(1u << out) & ~(1u << first);
	CU_ASSERT(alike(s, up, &one));
	CU_ASSERT(seats_are(s, third, 0x1f & ~(1u << out), &one));
	sim_start(s, first);
	sim_run(s, 30 * SIM_SECOND);
	CU_ASSERT(alike(s, up | 1u << first, &one));
	end(s, &one, &two);
}

/* One that has no seat, but address blocks and an endpoint: both are others' again in time. */
static void test_revoked_reader(void)
{
	struct sim_doc one, two;
	struct sim *s = world(9, &one);
	struct lm_chain_block block;
	struct lm_chain_endpoint app;
	const uint8_t key[] = {0, 3, 'a', 'p', 'p'};

	attach(s, 8, &one, 3, 4);
	sim_run(s, 10 * SIM_SECOND);
	const struct lm_chain *chain = lm_membership_chain(s->node[0]->m);
	CU_ASSERT_EQUAL(lm_chain_block(chain, &one.net, 0, &block), 0);
	CU_ASSERT(block.owner && memcmp(block.owner, &s->node[8]->id.pub, 32) == 0);
	CU_ASSERT_EQUAL(lm_chain_endpoint(chain, &one.net, key, sizeof(key), &app), 0);
	CU_ASSERT(app.gateway != NULL);
	two = decided(s, 2, 0xff);
	submit(s, 7, &two);
	sim_run(s, 30 * SIM_SECOND);
	CU_ASSERT(alike(s, 0xff, &one));
	CU_ASSERT_EQUAL(lm_chain_block(chain, &one.net, 0, &block), 0);
	CU_ASSERT(!block.owner && block.until > s->now.wall / SIM_SECOND);
	CU_ASSERT_EQUAL(lm_chain_endpoint(chain, &one.net, key, sizeof(key), &app), 0);
	CU_ASSERT(app.gateway == NULL);
	CU_ASSERT(seats_are(s, 7, 0x7f, &one));
	end(s, &one, &two);
}

/* A chain in which nothing happens says next to nothing: each gateway asks the members once a day.
 */
#define IDLE 10 /* networks */
static void test_idle(void)
{
	uint64_t sent[2], bytes[2];

	for (unsigned k = 0; k < 2; k++) {
		struct sim *s = sim_new(1, 3);
		char name[16];
		struct sim_doc d[IDLE];
		for (unsigned i = 0; i < IDLE; i++) {
			sprintf(name, "net%u", i);
			d[i] = k ? sim_sign_members(s, name, 1, 0x7, NULL,
				       "  - name: app\n    deployment: 7\n    replicas: 8\n"
				       "  - name: web\n    deployment: 1\n    endpoints:\n"
				       "      - {provider: gw0, ipv4: 100.64.10.10}\n"
				       "      - {provider: gw1, ipv4: 100.64.10.11}\n"
				       "      - {provider: gw2, ipv4: 100.64.10.12}\n")
				 : sim_sign(s, name, 1, 0x7, NULL);
			submit(s, i % 3, &d[i]);
		}
		sim_run(s, 60 * SIM_SECOND);
		sent[k] = s->sent;
		bytes[k] = s->sent_bytes;
		sim_run(s, 86400 * SIM_SECOND);
		sent[k] = s->sent - sent[k];
		bytes[k] = s->sent_bytes - bytes[k];
		for (unsigned i = 0; i < IDLE; i++)
			sim_doc_free(&d[i]);
		sim_end(s);
	}
	/* Three gateways, two members, question and answer, with what a session adds. */
	CU_ASSERT(bytes[1] < bytes[0] + IDLE * 3 * 2 * 2 * 150);
	CU_ASSERT(sent[1] < sent[0] + IDLE * 3 * 2 * 2);
}

static void test_comes_back(void)
{
	struct sim_doc one, two, three;
	struct sim *s = world(3, &one);

	two = decided(s, 2, 0x3);
	submit(s, 0, &two);
	sim_run(s, 30 * SIM_SECOND);
	three = decided(s, 3, 0x7);
	submit(s, 0, &three);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x7, &one));
	CU_ASSERT(seats_are(s, 2, 0x7, &one));
	struct lm_chain_info info;
	CU_ASSERT(info_of(s, 2, &one, &info) && info.votes);
	sim_doc_free(&three);
	end(s, &one, &two);
}

/* A seat is for whoever takes part, but a founder votes without it. */
static void test_seats_of_idle(void)
{
	struct sim *s = sim_new(1, 4);
	struct sim_doc one = decided(s, 1, 0x3), two = decided(s, 2, 0xf);

	for (unsigned i = 0; i < 4; i++)
		s->node[i]->idle = true;
	submit(s, 0, &one);
	sim_run(s, 3 * SIM_SECOND);
	submit(s, 0, &two);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(seats_are(s, 3, 0x3, &one));
	CU_ASSERT(height(s, 0, &one) > 0);
	CU_ASSERT_EQUAL(height(s, 3, &one), 0); /* who takes no part is not told */
	sim_attach(s, 3, true);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(alike(s, 0xb, &one));
	CU_ASSERT(seats_are(s, 3, 0xb, &one));
	end(s, &one, &two);
}

/* Nobody gives a seat to one who will not vote; it does not even ask. */
static void test_mute_wants_no_seat(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc one = decided(s, 1, 0x3), two = decided(s, 2, 0x7);

	sim_crash(s, 2);
	s->node[2]->lost_store = true;
	sim_start(s, 2);
	submit(s, 0, &one);
	sim_run(s, 3 * SIM_SECOND);
	submit(s, 0, &two);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x7, &one));
	CU_ASSERT(seats_are(s, 2, 0x3, &one));
	end(s, &one, &two);
}

/* What the manifest does not say, members do not agree to. */
static void test_consent(void)
{
	struct sim_doc d;
	struct sim *s = world(3, &d);
	uint64_t until = s->now.wall / SIM_SECOND + LM_ADDRESS_QUARANTINE;
	const struct lm_chain_command wrong[] = {
	    {.kind = LM_CHAIN_REMOVE, .serial = 1, .gateway = s->node[2]->id.pub, .until = until},
	    {.kind = LM_CHAIN_REMOVE, .serial = 2, .gateway = s->owner.pub, .until = until},
	    {.kind = LM_CHAIN_ADD, .serial = 1, .gateway = s->owner.pub},
	    {.kind = LM_CHAIN_ADD, .serial = 1, .gateway = s->node[2]->id.pub},
	    {.kind = LM_CHAIN_SERIAL, .serial = 2},
	    {.kind = LM_CHAIN_FREE, .serial = 1, .block = 3},
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		propose(s, 0, &d, wrong[i]);
	sim_run(s, 300 * SIM_SECOND);
	CU_ASSERT_EQUAL(height(s, 0, &d), 0);
	CU_ASSERT(seats_are(s, 1, 0x7, &d));
	propose(s, 0, &d, (struct lm_chain_command){.kind = LM_CHAIN_SERIAL, .serial = 1});
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(height(s, 2, &d), 1);
	end(s, &d, NULL);
}

/* A seat is for whoever asks for it: the dead, in others' seats, would leave no majority. */
static void test_no_seats_for_others(void)
{
	struct sim *s = sim_new(1, 7);
	struct sim_doc one = decided(s, 1, 0x7), two = decided(s, 2, 0x7f);

	for (unsigned i = 3; i < 7; i++)
		sim_crash(s, i);
	submit(s, 0, &one);
	sim_run(s, 3 * SIM_SECOND);
	submit(s, 0, &two);
	sim_run(s, 30 * SIM_SECOND);
	for (unsigned i = 3; i < 7; i++)
		propose(s, 0, &two,
		    (struct lm_chain_command){
			.kind = LM_CHAIN_ADD, .serial = 2, .gateway = s->node[i]->id.pub});
	sim_run(s, 300 * SIM_SECOND);
	CU_ASSERT(seats_are(s, 1, 0x7, &one));
	sim_start(s, 3);
	sim_run(s, 900 * SIM_SECOND); /* until it is called */
	CU_ASSERT(seats_are(s, 1, 0xf, &one));
	end(s, &one, &two);
}

/* How long the blocks of one that was left out are nobody's: a week, give or take an hour. */
static void test_consent_to_until(void)
{
	struct sim_doc one, two;
	struct sim *s = world(5, &one);
	unsigned first = lowest(s, 5), out = (first + 1) % 5, third = (first + 2) % 5;
	struct lm_chain_command c = {
	    .kind = LM_CHAIN_REMOVE, .serial = 2, .gateway = s->node[out]->id.pub};
	struct lm_chain_block block;

	attach(s, out, &one, 0, 1);
	sim_run(s, 10 * SIM_SECOND);
	sim_crash(s, first); /* it would do it at once */
	two = decided(s, 2, 0x1f & ~(1u << out));
	submit(s, third, &two);
	uint64_t until = s->now.wall / SIM_SECOND + LM_ADDRESS_QUARANTINE;
	c.until = until - 3700;
	propose(s, third, &one, c);
	c.until = until + 3700;
	propose(s, third, &one, c);
	sim_run(s, 30 * SIM_SECOND);
	CU_ASSERT(seats_are(s, third, 0x1f & ~(1u << out), &one));
	CU_ASSERT_EQUAL(
	    lm_chain_block(lm_membership_chain(s->node[third]->m), &one.net, 0, &block), 0);
	CU_ASSERT(block.until >= until - 60 && block.until <= until + 60);
	end(s, &one, &two);
}

static uint64_t chain_drops(const struct sim *s, unsigned gateway)
{
	const uint64_t *drops = lm_chain_drops(lm_membership_chain(s->node[gateway]->m));
	uint64_t sum = 0;

	for (unsigned i = 0; i < LM_CD_MAX; i++)
		sum += drops[i];
	return sum;
}

/* One that is left out hears nothing, though it shares another network, and is heard no more. */
static void test_left_out(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc one = decided(s, 1, 0x7), two = decided(s, 2, 0x3);
	struct sim_doc other = sim_sign(s, "other", 1, 0x7, NULL);

	unsigned first = lowest(s, 2); /* who does what there is to do */
	sim_crash(s, 2);
	submit(s, first, &one);
	submit(s, first, &other);
	struct sim_node *raw = sim_raw(s, 2, first);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT(raw->chains > 0);
	/* While it has a say it may have what it asks for. */
	CU_ASSERT_EQUAL(lm_blob_pull(raw->blobs, &s->now, raw->peer, one.hash, one.len, 0), 0);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(raw->pull_err, 0);
	submit(s, first, &two);
	sim_run(s, 10 * SIM_MS);
	unsigned before = raw->chains;
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT_EQUAL(raw->chains, before);
	CU_ASSERT(seats_are(s, first, 0x3, &one));
	struct lm_chain_info info;
	info_of(s, first, &one, &info);
	const uint8_t *hashes[] = {one.hash, info.state};
	for (unsigned i = 0; i < 2; i++) {
		raw->pull_err = 1;
		CU_ASSERT_EQUAL(lm_blob_pull(raw->blobs, &s->now, raw->peer, hashes[i], 600, 0), 0);
		sim_run(s, SIM_SECOND);
		CU_ASSERT_EQUAL(raw->pull_err, -ENOENT);
	}
	uint64_t in_chain = chain_drops(s, first),
		 refused = sim_drops(s, first, LM_MD_UNAUTHORISED);
	uint8_t get[44] = {0};
	memcpy(get, one.net.b, LM_NET_ID_LEN);
	sim_raw_send(raw, LM_MSG_CHAIN_PREPARE, get, sizeof(get));
	sim_raw_send(raw, LM_MSG_GENESIS_ASK, get, LM_NET_ID_LEN);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(sim_drops(s, first, LM_MD_UNAUTHORISED), refused + 2);
	CU_ASSERT_EQUAL(raw->chains, before);
	CU_ASSERT_EQUAL(chain_drops(s, first), in_chain);
	sim_doc_free(&other);
	end(s, &one, &two);
}

/* More than a peer may say is not worked on. */
static void test_flood(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc one = decided(s, 1, 0x7);
	uint8_t body[LM_MESSAGE_MAX] = {0};

	sim_crash(s, 2);
	submit(s, 0, &one);
	struct sim_node *raw = sim_raw(s, 2, 0);
	sim_run(s, 2 * SIM_SECOND);
	memcpy(body, one.net.b, LM_NET_ID_LEN);
	for (unsigned i = 0; i < 4096; i++)
		sim_raw_send(raw, LM_MSG_CHAIN_ACCEPT, body, sizeof(body));
	sim_run(s, 100 * SIM_MS);
	/* Ten records each; a burst of 16,384 is what a session may say when it comes up. */
	CU_ASSERT(sim_drops(s, 0, LM_MD_LIMIT) > 4096 - 16384 / 10 - 100);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &one));
	end(s, &one, NULL);
}

/* ---- what stays ---- */

static void test_restart(void)
{
	struct sim_doc one, two;
	struct sim *s = world(3, &one);
	struct lm_chain_info info;

	two = decided(s, 2, 0x7);
	submit(s, 1, &two);
	sim_run(s, 60 * SIM_SECOND);
	uint64_t before = height(s, 0, &one);
	CU_ASSERT(before > 0);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(facts_of(s, i, 1), 1);
		CU_ASSERT_EQUAL(facts_of(s, i, 3), before);
		sim_crash(s, i);
	}
	sim_start(s, 0);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(info_of(s, 0, &one, &info));
	CU_ASSERT_EQUAL(info.height, before);
	CU_ASSERT(info.votes);
	CU_ASSERT_EQUAL(info.current, 0); /* alone it cannot know */
	sim_start(s, 2);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x5, &one));
	sim_start(s, 1);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x7, &one));
	/* The past is there as well, for one that knows nothing. */
	sim_crash(s, 1);
	sim_lose_facts(s, 1);
	sim_start(s, 1);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x7, &one));
	CU_ASSERT_EQUAL(facts_of(s, 1, 3), before);
	end(s, &one, &two);
}

/* What was accepted, and may be decided, is known after a restart. */
static void test_restart_undecided(void)
{
	struct sim_doc d;
	struct sim *s = world(5, &d);
	struct lm_chain_info info;

	attach(s, 0, &d, 0, 1);
	sim_run(s, 10 * SIM_SECOND);
	uint64_t before = height(s, 0, &d);
	CU_ASSERT(before > 0);
	for (unsigned i = 2; i < 5; i++)
		sim_crash(s, i);
	propose(s, 0, &d, (struct lm_chain_command){.kind = LM_CHAIN_ASSIGN, .serial = 1});
	sim_run(s, SIM_SECOND);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT(info_of(s, i, &d, &info) && info.undecided);
		sim_crash(s, i);
	}
	for (unsigned i = 0; i < 2; i++) {
		sim_start(s, i);
		CU_ASSERT(info_of(s, i, &d, &info) && info.undecided && info.votes);
	}
	for (unsigned i = 2; i < 5; i++)
		sim_start(s, i);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x1f, &d));
	CU_ASSERT(height(s, 4, &d) > before);
	end(s, &d, NULL);
}

/* Cut off for longer than blocks are told again, and back: it hears of it at once. */
static void test_cut_off(void)
{
	struct sim_doc one, two;
	struct sim *s = world(3, &one);

	sim_partition(s, 2, 0, true);
	sim_partition(s, 2, 1, true);
	two = decided(s, 2, 0x7);
	submit(s, 0, &two);
	sim_run(s, 300 * SIM_SECOND);
	CU_ASSERT(height(s, 0, &one) > 0);
	CU_ASSERT_EQUAL(height(s, 2, &one), 0);
	sim_partition(s, 2, 0, false);
	while (height(s, 2, &one) == 0 && s->now.mono < 1000 * SIM_SECOND)
		sim_run(s, 100 * SIM_MS);
	uint64_t heard = s->now.mono;
	CU_ASSERT(height(s, 2, &one) == height(s, 0, &one));
	/* Sessions that are not watched are called every two minutes in the end. */
	CU_ASSERT(heard < (303 + LM_CALL_EVERY_MAX + 5) * SIM_SECOND);
	end(s, &one, &two);
}

/* A state that no datagram holds, for one that was away for more blocks than are kept whole. */
static void test_large_state(void)
{
	struct sim *s = sim_new(5, 3);
	char members[400];
	const char *name = "a-name-that-is-as-long-as-a-name-in-dns-may-be-so-that-it-is-63";
	struct lm_chain_info info;

	CU_ASSERT_EQUAL(strlen(name), 63);
	sprintf(members,
	    "  - name: %s\n    deployment: 7\n    replicas: 1500\n"
	    "  - name: web\n    deployment: 1\n    endpoints:\n"
	    "      - {provider: gw0, ipv4: 100.64.0.10}\n",
	    name);
	struct sim_doc d = sim_sign_members(s, "shop", 1, 0x7, "  ipv4: 100.64.0.0/18\n", members);
	submit(s, 0, &d);
	sim_run(s, 3 * SIM_SECOND);
	sim_crash(s, 2);
	attach(s, 0, &d, 0, 1500);
	for (unsigned i = 0; i < 60 && (!info_of(s, 0, &d, &info) || info.n_endpoints < 1500); i++)
		sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT_EQUAL(info.n_endpoints, 1500);
	CU_ASSERT(info.height > 90);
	s->loss = 5;
	sim_start(s, 2);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x7, &d));
	CU_ASSERT(info_of(s, 2, &d, &info));
	CU_ASSERT_EQUAL(info.n_endpoints, 1500);
	unsigned tip = 0;
	for (unsigned i = 0; i < s->node[2]->n_facts; i++)
		if (s->node[2]->facts[i].key[0] == 1)
			tip = (unsigned)s->node[2]->facts[i].len;
	CU_ASSERT(tip > 100 * 1024);
	end(s, &d, NULL);
}

static void test_lost_store(void)
{
	struct sim_doc one, two, three;
	struct sim *s = world(3, &one);
	struct lm_chain_info info;

	two = decided(s, 2, 0x7);
	submit(s, 1, &two);
	sim_run(s, 60 * SIM_SECOND);
	sim_crash(s, 2);
	sim_lose_facts(s, 2);
	sim_start(s, 2);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(info_of(s, 2, &one, &info));
	CU_ASSERT_EQUAL(info.height, height(s, 0, &one));
	CU_ASSERT(info.member && info.mute && !info.votes);
	/* It says so for good. */
	sim_crash(s, 2);
	s->node[2]->lost_store = false;
	sim_start(s, 2);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(info_of(s, 2, &one, &info) && info.mute);
	/* Nor does it vote when it is dropped and comes back. */
	CU_ASSERT_EQUAL(drop(s, 2, &one), 0);
	submit(s, 2, &two);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(info_of(s, 2, &one, &info) && info.mute);
	/* Two do not decide without the third, who is there but does not vote. */
	uint64_t before = height(s, 0, &one);
	sim_crash(s, 1);
	three = decided(s, 3, 0x7);
	submit(s, 0, &three);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT_EQUAL(height(s, 0, &one), before);
	sim_start(s, 1);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(height(s, 2, &one) > before);
	sim_doc_free(&three);
	end(s, &one, &two);
}

static void test_damaged(void)
{
	struct sim_doc one, two, three;
	struct sim *s = world(3, &one);

	two = decided(s, 2, 0x7);
	submit(s, 1, &two);
	sim_run(s, 60 * SIM_SECOND);
	sim_crash(s, 2);
	for (unsigned i = 0; i < s->node[2]->n_facts; i++)
		if (s->node[2]->facts[i].key[0] == 1)
			s->node[2]->facts[i].len--;
	sim_start(s, 2);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(!has_chain(s, 2, &one));
	CU_ASSERT_EQUAL(sim_drops(s, 2, LM_MD_FACTS), 1);
	CU_ASSERT(sim_all_ready(s, 0x7, &one)); /* the rest of the network is as it was */
	three = decided(s, 3, 0x7);
	submit(s, 2, &three);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x3, &one));
	CU_ASSERT(!has_chain(s, 2, &one));
	sim_doc_free(&three);
	end(s, &one, &two);
}

/* The operator drops the network: nothing is left but that it must not vote there. */
static void test_dropped(void)
{
	struct sim_doc one, two;
	struct sim *s = world(3, &one);
	struct lm_chain_info info;

	two = decided(s, 2, 0x7);
	submit(s, 1, &two);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT_EQUAL(facts_of(s, 2, 2), 1);
	CU_ASSERT_EQUAL(drop(s, 2, &one), 0);
	CU_ASSERT_EQUAL(s->node[2]->n_facts, 1);
	submit(s, 2, &two);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(info_of(s, 2, &one, &info));
	CU_ASSERT_EQUAL(info.height, height(s, 0, &one));
	CU_ASSERT(info.member && info.mute);
	end(s, &one, &two);
}

/* One that never voted there is as new afterwards. */
static void test_dropped_unvoted(void)
{
	struct sim_doc d;
	struct sim *s = world(3, &d);
	struct lm_chain_info info;

	CU_ASSERT_EQUAL(drop(s, 2, &d), 0);
	CU_ASSERT_EQUAL(s->node[2]->n_facts, 0);
	submit(s, 2, &d);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(info_of(s, 2, &d, &info) && info.votes);
	CU_ASSERT(alike(s, 0x7, &d));
	end(s, &d, NULL);
}

/* ---- recovery ---- */

static int recover(struct sim *s, unsigned gateway, const struct lm_identity *owner,
    const char *request, size_t len, struct lm_why *why)
{
	char text[LM_RECOVERY_TEXT_MAX];
	struct lm_chain_recovery r;

	CU_ASSERT_EQUAL(lm_recovery_read(&r, request, len, why), 0);
	int n = lm_recovery_sign(text, &r, owner);
	CU_ASSERT(n > 0);
	struct sim_doc d = {.bytes = (uint8_t *)text, .len = (size_t)n};
	return sim_submit(s, gateway, &d, why);
}

static void test_recovery(void)
{
	struct sim_doc one, two;
	struct sim *s = world(5, &one);
	struct lm_why why = {""};
	struct lm_chain_info info;
	char request[LM_RECOVERY_TEXT_MAX];

	sim_crash(s, 0);
	sim_crash(s, 1);
	sim_crash(s, 2);
	two = decided(s, 2, 0x18);
	CU_ASSERT_EQUAL(sim_submit(s, 3, &two, &why), 0);
	CU_ASSERT(strstr(why.text, "only 2 of the 5") != NULL);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT_EQUAL(height(s, 3, &one), 0);

	struct lm_public_key keys[3] = {s->node[3]->id.pub, s->node[4]->id.pub, s->node[0]->id.pub};
	why = (struct lm_why){""};
	CU_ASSERT_EQUAL(
	    lm_membership_recovery(s->node[3]->m, &one.net, keys, 3, request, &why), -EINVAL);
	why = (struct lm_why){""};
	int len = lm_membership_recovery(s->node[3]->m, &one.net, keys, 2, request, &why);
	CU_ASSERT(len > 0);
	CU_ASSERT_EQUAL(recover(s, 3, &s->node[3]->id, request, (size_t)len, &why), -EBADMSG);
	why = (struct lm_why){""};
	CU_ASSERT_EQUAL(recover(s, 3, &s->owner, request, (size_t)len, &why), 0);
	CU_ASSERT(strstr(why.text, "era 1") != NULL);
	why = (struct lm_why){""};
	CU_ASSERT_EQUAL(recover(s, 3, &s->owner, request, (size_t)len, &why), -ESTALE);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x18, &one));
	CU_ASSERT(seats_are(s, 4, 0x18, &one));
	CU_ASSERT(info_of(s, 4, &one, &info));
	CU_ASSERT_EQUAL(info.era, 1);
	CU_ASSERT_EQUAL(info.serial, 2); /* it decides again */
	sim_crash(s, 4);
	sim_start(s, 4);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x18, &one));
	end(s, &one, &two);
}

/* A tenant who is a guest of the gateway. */
static void test_recovery_by_guest(void)
{
	struct sim_doc one;
	struct sim *s = world(3, &one);
	struct lm_why why = {""};
	char request[LM_RECOVERY_TEXT_MAX], text[LM_RECOVERY_TEXT_MAX];
	struct lm_chain_recovery r;
	struct sim_node *guest = sim_raw(s, 100, 0);
	struct lm_chain_info info;

	int len =
	    lm_membership_recovery(s->node[0]->m, &one.net, &s->node[0]->id.pub, 1, request, &why);
	CU_ASSERT(len > 0);
	CU_ASSERT_EQUAL(lm_recovery_read(&r, request, (size_t)len, &why), 0);
	CU_ASSERT_EQUAL(lm_recovery_read(&r, request, (size_t)len - 5, &why), -EINVAL);
	CU_ASSERT_EQUAL(lm_recovery_read(&r, request, 3, &why), -EINVAL);
	lm_recovery_read(&r, request, (size_t)len, &why);
	len = lm_recovery_sign(text, &r, &s->owner);
	struct sim_doc d = {.bytes = (uint8_t *)text, .len = (size_t)len};
	crypto_generichash(d.hash, sizeof(d.hash), d.bytes, d.len, NULL, 0);
	sim_run(s, SIM_SECOND);
	sim_raw_submit(s, guest, &d);
	sim_run(s, SIM_SECOND);
	CU_ASSERT(guest->answered && guest->code == 0);
	CU_ASSERT_EQUAL(guest->serial, 1);
	CU_ASSERT(info_of(s, 0, &one, &info));
	CU_ASSERT_EQUAL(info.era, 1);
	/* It alone decides that the others have seats again. */
	CU_ASSERT(seats_are(s, 0, 0x7, &one));
	/* The others hear it as well. */
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(alike(s, 0x7, &one));
	end(s, &one, NULL);
}

LM_SUITE("membership_chain", {"begins", test_begins}, {"static_has_none", test_static_has_none},
    {"rests", test_rests}, {"no_facts", test_no_facts}, {"joins_later", test_joins_later},
    {"no_genesis", test_no_genesis}, {"genesis_comes", test_genesis_comes},
    {"false_genesis", test_false_genesis}, {"signed_twice_late", test_signed_twice_late},
    {"signed_twice", test_signed_twice}, {"signed_twice_unseen", test_signed_twice_unseen},
    {"revoked", test_revoked}, {"two_of_five_down", test_two_of_five_down},
    {"revoked_reader", test_revoked_reader}, {"idle", test_idle}, {"comes_back", test_comes_back},
    {"seats_of_idle", test_seats_of_idle}, {"mute_wants_no_seat", test_mute_wants_no_seat},
    {"consent", test_consent}, {"no_seats_for_others", test_no_seats_for_others},
    {"consent_to_until", test_consent_to_until}, {"left_out", test_left_out}, {"flood", test_flood},
    {"restart", test_restart}, {"restart_undecided", test_restart_undecided},
    {"cut_off", test_cut_off}, {"large_state", test_large_state}, {"lost_store", test_lost_store},
    {"damaged", test_damaged}, {"dropped", test_dropped}, {"dropped_unvoted", test_dropped_unvoted},
    {"recovery", test_recovery}, {"recovery_by_guest", test_recovery_by_guest})
