/* SPDX-License-Identifier: Apache-2.0 */
/* To what members consent, and which claims are believed. */
#include "address_rig.h"

/* ---- consent ---- */

static struct lm_chain_command command(
    const struct world *w, enum lm_chain_kind kind, unsigned author, unsigned thing)
{
	struct lm_chain_command c = {.kind = (uint8_t)kind,
	    .author = w->node[author].id.pub,
	    .number = 1,
	    .serial = w->serial};

	if (kind == LM_CHAIN_MOVE || kind == LM_CHAIN_FORGET)
		c.key_len = (uint8_t)lm_endpoint_key(
		    c.key, w->version[w->serial].man, w->version[w->serial].endpoint[thing]);
	if (kind == LM_CHAIN_MOVE)
		c.gateway = c.author;
	return c;
}

static bool consents(const struct world *w, unsigned node, const struct lm_chain_command *c)
{
	struct lm_now now = world_now(&w->node[node]);

	return lm_address_consent(w->node[node].address, &now, &w->net, c);
}

static void consent_to_note(void)
{
	struct setup s = plain(3);
	s.kind[6] = GIVEN_PLACED;
	s.kind[7] = STATIC;
	struct world *w = begin(&s);
	unsigned home = (unsigned)version_of(&w->node[0])->place[6], other = (home + 1) % 3;

	for (unsigned i = 0; i < 3; i++)
		attach(w, i, i);
	struct lm_chain_command c = command(w, LM_CHAIN_MOVE, home, 6);
	c.generation = 1;
	c.address = place(w, home, home).index ^ 1;
	CU_ASSERT_TRUE(consents(w, 0, &c));
	c.generation = 2;
	CU_ASSERT_FALSE(consents(w, 0, &c));
	c.generation = 1;
	c.serial = 2;
	CU_ASSERT_FALSE(consents(w, 0, &c));
	c.serial = 1;
	c.address = place(w, other, other).index ^ 1; /* another's address block */
	CU_ASSERT_FALSE(consents(w, 0, &c));
	c = command(w, LM_CHAIN_MOVE, other, 6); /* it is placed elsewhere */
	c.generation = 1;
	c.address = place(w, other, other).index ^ 1;
	CU_ASSERT_FALSE(consents(w, 0, &c));
	c = command(w, LM_CHAIN_MOVE, home, 7); /* nothing of it is decided */
	c.generation = 1;
	c.address = place(w, home, home).index ^ 1;
	CU_ASSERT_FALSE(consents(w, 0, &c));
	c = command(w, LM_CHAIN_MOVE, home, 6);
	c.generation = 1;
	c.address = place(w, home, home).index ^ 1;
	c.gateway = w->node[other].id.pub; /* for somebody else */
	CU_ASSERT_FALSE(consents(w, 0, &c));
	c = command(w, LM_CHAIN_MOVE, 0, 8);
	c.generation = 1;
	c.gateway = w->node[1].id.pub;
	c.address = place(w, 1, 1).index ^ 1;
	CU_ASSERT_FALSE(consents(w, 2, &c));
	c.author = c.gateway;
	CU_ASSERT_TRUE(consents(w, 2, &c));
	c.gateway = c.author = w->owner.pub; /* no provider */
	CU_ASSERT_FALSE(consents(w, 0, &c));
	end(w);
}

static void consent_to_move(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	struct lm_chain_command c = command(w, LM_CHAIN_MOVE, 1, 1);
	c.generation = 2;
	c.address = place(w, 0, 1).index;
	CU_ASSERT_FALSE(consents(w, 0, &c)); /* it serves it itself */
	CU_ASSERT_FALSE(consents(w, 2, &c)); /* it does not know yet */
	CU_ASSERT_FALSE(consents(w, 2, &c)); /* the holder says that it does */
	world_attach(w, 0, 1, false);
	CU_ASSERT_TRUE(consents(w, 0, &c));
	world_run(w, 5 * SECOND);
	consents(w, 2, &c);
	CU_ASSERT_TRUE(consents(w, 2, &c));
	c.generation = 3;
	CU_ASSERT_FALSE(consents(w, 2, &c));
	c.generation = 1;
	CU_ASSERT_FALSE(consents(w, 2, &c));
	c.generation = 2;
	c.address ^= 1;
	CU_ASSERT_FALSE(consents(w, 2, &c));
	c = command(w, LM_CHAIN_MOVE, 0, 1); /* to where it is */
	c.generation = 2;
	c.address = place(w, 0, 1).index;
	CU_ASSERT_FALSE(consents(w, 2, &c));
	end(w);
}

static void consent_to_forget(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	struct lm_chain_command c = command(w, LM_CHAIN_FORGET, 0, 1);
	CU_ASSERT_FALSE(consents(w, 1, &c)); /* it is in the manifest */
	isolate(w, 0, true);
	world_manifest(w, 7, ALL & ~(1u << 1));
	world_tell(w, 1, 2);
	c.serial = 2;
	CU_ASSERT_TRUE(consents(w, 1, &c));
	c.author = w->node[2].id.pub; /* not its to give up */
	CU_ASSERT_FALSE(consents(w, 1, &c));
	c.author = w->node[0].id.pub;
	c.key[2] = 'x'; /* unknown */
	CU_ASSERT_FALSE(consents(w, 1, &c));
	world_manifest(w, 6, ALL & ~(1u << 1));
	world_tell(w, 1, 3);
	c.key[2] = 'm';
	c.serial = 3;
	CU_ASSERT_FALSE(consents(w, 1, &c)); /* no provider */
	c.author = w->node[2].id.pub;
	CU_ASSERT_TRUE(consents(w, 1, &c)); /* its gateway is none */
	end(w);
}

/* Nobody has the address block, so nobody would let the address rest. */
static void consent_to_forget_in_care(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);
	struct lm_address_place p;

	attach(w, 2, 1);
	isolate(w, 2, true);
	world_manifest(w, 3, ALL);
	world_tell(w, 0, 2);
	world_tell(w, 1, 2);
	world_attach(w, 0, 1, true);
	world_run(w, 60 * SECOND);
	p = place(w, 0, 1);
	CU_ASSERT_TRUE(p.serve);
	CU_ASSERT_PTR_NULL(lm_address_owner(world_net(&w->node[1]), p.index));
	world_manifest(w, 3, ALL & ~(1u << 1));
	world_tell(w, 1, 3);
	struct lm_chain_command c = command(w, LM_CHAIN_FORGET, 0, 0);
	c.key_len = (uint8_t)lm_endpoint_key(c.key, w->version[2].man, w->version[2].endpoint[1]);
	CU_ASSERT_FALSE(consents(w, 1, &c));
	end(w);
}

static void consent_to_blocks(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	uint32_t block = place(w, 0, 1).index / 4;
	struct lm_chain_command c = command(w, LM_CHAIN_ASSIGN, 0, 0);
	CU_ASSERT_TRUE(consents(w, 1, &c));
	c = command(w, LM_CHAIN_RELEASE, 0, 0);
	c.block = block;
	c.until = world_now(&w->node[1]).wall / SECOND + LM_ADDRESS_QUARANTINE;
	CU_ASSERT_TRUE(consents(w, 1, &c));
	c.until += LM_ADDRESS_CLOCKS + 1;
	CU_ASSERT_FALSE(consents(w, 1, &c));
	c.until -= 2 * LM_ADDRESS_CLOCKS + 2;
	CU_ASSERT_FALSE(consents(w, 1, &c));
	c.until += LM_ADDRESS_CLOCKS;
	c.author = w->node[2].id.pub;
	CU_ASSERT_FALSE(consents(w, 1, &c));
	c = command(w, LM_CHAIN_FREE, 2, 0);
	c.block = block;
	CU_ASSERT_FALSE(consents(w, 1, &c)); /* it is somebody's */
	world_manifest(w, 6, ALL);
	world_tell(w, 1, 2);
	world_tell(w, 2, 2);
	world_run(w, 60 * SECOND);
	c.serial = 2;
	CU_ASSERT_FALSE(consents(w, 1, &c)); /* its time has not come */
	w->node[1].clock += (int64_t)(7 * DAY + HOUR);
	CU_ASSERT_TRUE(consents(w, 1, &c));
	w->node[1].clock -= (int64_t)(7 * DAY + HOUR);
	for (unsigned kind = 0; kind < 16; kind++) {
		c.kind = (uint8_t)kind;
		if (kind == 0 || kind == LM_CHAIN_ADD || kind == LM_CHAIN_REMOVE || kind > 7)
			CU_ASSERT_FALSE(consents(w, 1, &c));
	}
	end(w);
}

/* ---- claims ---- */

static void claims(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);
	struct node *n = &w->node[2];
	struct lm_now now = world_now(n);

	attach(w, 0, 0);
	attach(w, 1, 1);
	uint32_t e = version_of(n)->endpoint[5], first = place(w, 0, 0).index,
		 second = place(w, 1, 1).index;
	struct lm_address_claim all[] = {{e, 0, first ^ 1, 0}, {e, 1, second ^ 1, 0}};
	unsigned lower = memcmp(w->node[0].id.pub.b, w->node[1].id.pub.b, 32) > 0;

	now = world_now(n);
	CU_ASSERT_EQUAL(lm_address_heard(n->address, &now, &w->net, all, 2), 0);
	lm_address_tick(n->address, &now);
	CU_ASSERT_EQUAL(place(w, 2, 5).provider, lower);
	CU_ASSERT_EQUAL(place(w, 2, 5).index, all[lower].index);
	all[0].index = second ^ 2; /* another's to give */
	all[1].index = second; /* an endpoint has it */
	lm_address_heard(n->address, &now, &w->net, all, 2);
	lm_address_tick(n->address, &now);
	CU_ASSERT_EQUAL(place(w, 2, 5).provider, LM_ANY_PROVIDER);
	CU_ASSERT_EQUAL(place(w, 2, 5).index, LM_ADDRESS_NONE);
	all[0] = (struct lm_address_claim){e, 0, first ^ 1, 7}; /* the chain knows no such */
	lm_address_heard(n->address, &now, &w->net, all, 1);
	lm_address_tick(n->address, &now);
	CU_ASSERT_EQUAL(place(w, 2, 5).provider, LM_ANY_PROVIDER);
	all[0] = (struct lm_address_claim){version_of(n)->endpoint[1], 0, first ^ 1, 0};
	lm_address_heard(n->address, &now, &w->net, all, 1);
	lm_address_tick(n->address, &now);
	CU_ASSERT_EQUAL(place(w, 2, 1).provider, 1); /* the chain knows better */
	all[0].provider = 3;
	CU_ASSERT_EQUAL(lm_address_heard(n->address, &now, &w->net, all, 1), -EINVAL);
	end(w);
}

LM_SUITE("address_consent", {"consent_to_note", consent_to_note},
    {"consent_to_move", consent_to_move}, {"consent_to_forget", consent_to_forget},
    {"consent_to_forget_in_care", consent_to_forget_in_care},
    {"consent_to_blocks", consent_to_blocks}, {"claims", claims})
