/* SPDX-License-Identifier: Apache-2.0 */
/* Newer manifests and the endpoints about which the gateways decide. */
#include "places_world.h"

/* What a newer manifest does not have any more is forgotten; its address rests. */
static void test_forgotten(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 3);
	struct lm_chain_info info;

	for (unsigned r = 0; r < 4; r++) {
		sim_host(s, 1, r, true);
		CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, r, 1) <= NOW);
	}
	sim_run(s, SETTLE);
	unsigned rests = sim_address(s, 0, &d, 3);
	struct sim_doc two = sim_sign_members(
	    s, "shop", 2, ALL3, NULL, "  - {name: app, deployment: 1, replicas: 3}\n" HOMES);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &two, NULL), 0);
	sim_run(s, 2 * SETTLE);
	for (unsigned r = 0; r < 3; r++)
		CU_ASSERT(sim_app_is_at(s, ALL2, &d, r, 1));
	lm_chain_info(lm_membership_chain(s->node[0]->m), &d.net, &info);
	CU_ASSERT_EQUAL(info.n_endpoints, 3);

	struct sim_doc three = sim_sign_members(s, "shop", 3, ALL3, NULL, homes_of(3));
	CU_ASSERT_EQUAL(sim_submit(s, 0, &three, NULL), 0);
	sim_run(s, SETTLE);
	for (unsigned r = 3; r < 12; r++) {
		sim_host(s, 1, r, true);
		CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, r, 1) <= 5 * SIM_SECOND);
		CU_ASSERT_NOT_EQUAL(sim_address(s, 0, &d, r), rests);
	}
	sim_doc_free(&two);
	sim_doc_free(&three);
	end(s, &d);
}

/* A provider is taken off: others may take its endpoints over at once, not its free addresses. */
static void test_revoked(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 5);
	struct lm_chain_info info;

	sim_host(s, 4, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL5, &d, 0, 4) <= NOW);
	unsigned address = sim_address(s, 0, &d, 0);
	sim_run(s, SETTLE);
	struct sim_doc two = sim_sign_members(s, "shop", 2, 0xf, NULL, homes_of(4));
	CU_ASSERT_EQUAL(sim_submit(s, 0, &two, NULL), 0);
	sim_host(s, 2, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, 0xf, &d, 0, 2) <= 5 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 0), address);
	sim_run(s, 4 * SETTLE);
	lm_chain_info(lm_membership_chain(s->node[0]->m), &d.net, &info);
	CU_ASSERT_EQUAL(info.n_members, 4);
	CU_ASSERT(info.n_quarantined > 0);
	sim_doc_free(&two);
	end(s, &d);
}

#define AT(gateway) "  - name: app\n    deployment: 1\n    endpoints: [{provider: " gateway "}]\n"

/* The manifest moves it by name: it keeps the address that it was given. */
static void test_repointed(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc d = sim_sign_members(s, "shop", 1, ALL3, NULL, AT("gw1") HOMES);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	CU_ASSERT(sim_until_app_is_at(s, ALL2, &d, 0, 1) < SIM_PATIENCE);
	unsigned address = sim_address(s, 0, &d, 0);
	sim_run(s, SETTLE);
	struct sim_doc two = sim_sign_members(s, "shop", 2, ALL3, NULL, AT("gw2") HOMES);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &two, NULL), 0);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 2) <= 20 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 0), address);
	sim_doc_free(&two);
	end(s, &d);
}

/* Without the document with serial 1 there is no chain: what the manifest says itself is served. */
static void test_no_genesis(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc d = sim_sign_members(s, "shop", 7, ALL3, NULL, homes_of(3));
	const char *why;

	sim_host(s, 1, 0, true);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, SETTLE);
	CU_ASSERT(!sim_serves_app(s, 1, &d, 0, &why));
	CU_ASSERT_PTR_NOT_NULL_FATAL(why);
	CU_ASSERT_EQUAL(sim_route(s, 0, &d, 0), -1);
	CU_ASSERT(sim_all_ready(s, ALL3, &d));
	CU_ASSERT(sim_routed(s, 0, 1, &d) && sim_routed(s, 2, 0, &d));
	end(s, &d);
}

static void test_both_families(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc d = sim_sign_members(
	    s, "shop", 1, ALL3, "  ipv4: 100.64.10.0/24\n  ipv6: fd5a:10::/64\n", homes_of(3));

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, SETTLE);
	sim_host(s, 2, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 2) <= NOW);
	const struct lm_network *net = lm_membership_find(s->node[0]->m, &d.net);
	int at = sim_endpoint(s, 0, &d, 0);
	CU_ASSERT_FATAL(at >= 0);
	const struct lm_endpoint *e = &net->endpoints[at];
	CU_ASSERT_EQUAL(e->ipv6.family, 6);
	CU_ASSERT_EQUAL(e->ipv6.b[15], e->ipv4.b[3]);
	CU_ASSERT_EQUAL(lm_membership_address(s->node[0]->m, net, &e->ipv6), at);
	struct lm_ip fixed;
	lm_ip_parse(&fixed, "100.64.10.11");
	CU_ASSERT_EQUAL(lm_membership_address(s->node[0]->m, net, &fixed),
	    lm_manifest_endpoint(net->manifest, "home", 1));
	lm_ip_parse(&fixed, "100.64.10.99");
	CU_ASSERT(lm_membership_address(s->node[0]->m, net, &fixed) < 0);
	end(s, &d);
}

LM_SUITE("membership_replaced", {"forgotten", test_forgotten}, {"revoked", test_revoked},
    {"repointed", test_repointed}, {"no_genesis", test_no_genesis},
    {"families", test_both_families})
