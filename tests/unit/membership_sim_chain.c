/* SPDX-License-Identifier: Apache-2.0 */
/* Chains of simulated gateways: manifests that leave something to them, and what they know. */
#include "membership_sim_chain.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

/* One endpoint at each provider of its own address, and eight that are anywhere. */
struct sim_doc chain_sign(struct sim *s, unsigned serial, unsigned providers)
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

void chain_submit(struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	CU_ASSERT_EQUAL(sim_submit(s, gateway, d, NULL), 0);
}

bool chain_info(
    const struct sim *s, unsigned gateway, const struct sim_doc *d, struct lm_chain_info *info)
{
	const struct sim_node *n = s->node[gateway];

	*info = (struct lm_chain_info){0};
	return n->m && lm_membership_chain(n->m) &&
	       lm_chain_info(lm_membership_chain(n->m), &d->net, info) == 0;
}

bool chain_there(const struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	struct lm_chain_info info;

	return chain_info(s, gateway, d, &info);
}

uint64_t chain_height(const struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	struct lm_chain_info info;

	chain_info(s, gateway, d, &info);
	return info.height;
}

unsigned chain_members(const struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	struct lm_chain_info info;

	chain_info(s, gateway, d, &info);
	return info.n_members;
}

/* Those in the mask have one chain, and know that they have missed nothing. */
bool chain_alike(const struct sim *s, unsigned mask, const struct sim_doc *d)
{
	struct lm_chain_info first = {0}, info;
	bool any = false;

	for (unsigned i = 0; i < s->n; i++) {
		if (!(mask >> i & 1))
			continue;
		if (!chain_info(s, i, d, &info) || !info.current)
			return false;
		if (any && (memcmp(info.hash, first.hash, 32) || info.height != first.height))
			return false;
		first = info;
		any = true;
	}
	return any;
}

/* The members are those in the mask, as this gateway knows. */
bool chain_seats_are(const struct sim *s, unsigned gateway, unsigned mask, const struct sim_doc *d)
{
	struct lm_chain_info info;
	unsigned have = 0;

	chain_info(s, gateway, d, &info);
	for (unsigned i = 0; i < info.n_members; i++)
		for (unsigned k = 0; k < s->n; k++)
			if (memcmp(&info.members[i], &s->node[k]->id.pub, LM_PUBLIC_KEY_LEN) == 0)
				have |= 1u << k;
	return have == mask;
}

unsigned chain_lowest(const struct sim *s, unsigned n)
{
	unsigned low = 0;

	for (unsigned i = 1; i < n; i++)
		if (memcmp(&s->node[i]->id.pub, &s->node[low]->id.pub, LM_PUBLIC_KEY_LEN) < 0)
			low = i;
	return low;
}

unsigned chain_facts(const struct sim *s, unsigned gateway, uint8_t kind)
{
	const struct sim_node *n = s->node[gateway];
	unsigned count = 0;

	for (unsigned i = 0; i < n->n_facts; i++)
		count += n->facts[i].key[0] == kind;
	return count;
}

/* These replicas of "app" are attached here, beside the gateway's own endpoint. */
void chain_attach(
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
void chain_propose(
    struct sim *s, unsigned gateway, const struct sim_doc *d, struct lm_chain_command c)
{
	static uint64_t tag = 1ull << 62;
	struct sim_node *n = s->node[gateway];
	struct lm_chain *chain = (struct lm_chain *)lm_membership_chain(n->m);

	CU_ASSERT_EQUAL(lm_chain_propose(chain, &s->now, &d->net, &c, tag++), 0);
	sim_tick(n);
}

int chain_drop(struct sim *s, unsigned gateway, const struct sim_doc *d)
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

struct sim *chain_world(unsigned n, struct sim_doc *d)
{
	struct sim *s = sim_new(7, n);

	*d = chain_sign(s, 1, (1u << n) - 1);
	chain_submit(s, 0, d);
	sim_run(s, 3 * SIM_SECOND);
	return s;
}

void chain_end(struct sim *s, struct sim_doc *a, struct sim_doc *b)
{
	sim_doc_free(a);
	if (b)
		sim_doc_free(b);
	sim_end(s);
}
