/* SPDX-License-Identifier: Apache-2.0 */
/* What tenants do to networks in which gateways decide: one manifest after the other. */
#include "membership_sim.h"
#include "suite.h"

#define ALL3 0x7u
#define HOMES \
	"  - name: home\n    deployment: 2\n    endpoints:\n" \
	"      - {provider: gw0, ipv4: 100.64.10.10}\n" \
	"      - {provider: gw1, ipv4: 100.64.10.11}\n"
#define HOME2 "      - {provider: gw2, ipv4: 100.64.10.12}\n"
#define APPS "  - {name: app, deployment: 1, replicas: 20}\n"
#define SETTLE (5 * SIM_SECOND)
#define SOON (20 * SIM_SECOND)

static void submit(
    struct sim *s, unsigned serial, unsigned providers, const char *prefixes, const char *members)
{
	struct sim_doc d = sim_sign_members(s, "shop", serial, providers, prefixes, members);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_doc_free(&d);
	sim_run(s, SETTLE);
}

static struct sim *world(struct sim_doc *d)
{
	struct sim *s = sim_new(3, 3);

	*d = sim_sign_members(s, "shop", 1, ALL3, NULL, APPS HOMES HOME2);
	CU_ASSERT_EQUAL(sim_submit(s, 0, d, NULL), 0);
	sim_run(s, SETTLE);
	for (unsigned i = 0; i < 3; i++) {
		sim_host(s, i, i, true);
		CU_ASSERT(sim_until_app_is_at(s, ALL3, d, i, i) <= SOON);
	}
	sim_run(s, SETTLE);
	return s;
}

static void end(struct sim *s, struct sim_doc *d)
{
	sim_doc_free(d);
	sim_end(s);
}

/* The tenant decides everything for a while: what the gateways knew is there again afterwards. */
static void test_static_for_a_while(void)
{
	struct sim_doc d;
	struct sim *s = world(&d);
	unsigned was[3];

	for (unsigned i = 0; i < 3; i++)
		was[i] = sim_address(s, 0, &d, i);
	submit(s, 2, ALL3, NULL,
	    "  - name: app\n    deployment: 1\n    endpoints:\n"
	    "      - {provider: gw0, ipv4: 100.64.10.50}\n"
	    "      - {provider: gw1, ipv4: 100.64.10.51}\n"
	    "      - {provider: gw2, ipv4: 100.64.10.52}\n" HOMES HOME2);
	for (unsigned i = 0; i < 3; i++) {
		sim_attach(s, i, true);
		CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, i, i) <= SOON);
		CU_ASSERT_EQUAL(sim_address(s, 0, &d, i), 50 + i);
	}
	submit(s, 3, ALL3, NULL, APPS HOMES HOME2);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, i, i) <= SOON);
		CU_ASSERT_EQUAL(sim_address(s, 0, &d, i), was[i]);
	}
	end(s, &d);
}

/* Only one is static for a while, so that the chain forgets it. */
static void test_one_is_static(void)
{
	struct sim_doc d;
	struct sim *s = world(&d);

	submit(s, 2, ALL3, NULL,
	    "  - name: app\n    deployment: 1\n    endpoints:\n"
	    "      - {provider: gw1, ipv4: 100.64.10.50}\n"
	    "      - {}\n      - {}\n      - {}\n" HOMES HOME2);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 1) <= SOON);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 1, 1) <= SOON);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 2, 2) <= SOON);
	sim_run(s, 60 * SIM_SECOND);
	submit(s, 3, ALL3, NULL, APPS HOMES HOME2);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 0) <= SOON);
	end(s, &d);
}

/* Another pool: an endpoint keeps its place in it. */
static void test_other_pool(void)
{
	struct sim_doc d;
	struct sim *s = world(&d);
	unsigned was = sim_address(s, 0, &d, 1);

	submit(s, 2, ALL3, "  ipv4: 100.64.10.0/24\n  pool: 100.64.10.64/26\n", APPS HOMES HOME2);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 1, 1) <= SOON);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 1), was - 64);
	/* so small that most blocks are beyond it */
	submit(s, 3, ALL3, "  ipv4: 100.64.10.0/24\n  pool: 100.64.10.224/27\n", APPS HOMES HOME2);
	sim_run(s, SOON);
	for (unsigned r = 3; r < 8; r++)
		sim_host(s, 0, r, true);
	sim_run(s, SOON);
	submit(s, 4, ALL3, NULL, APPS HOMES HOME2);
	for (unsigned r = 3; r < 8; r++)
		CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, r, 0) <= SOON);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 1), was);
	end(s, &d);
}

/* A provider is taken off, and put on again with what it still has attached. */
static void test_off_and_on(void)
{
	struct sim_doc d;
	struct sim *s = world(&d);
	unsigned was = sim_address(s, 0, &d, 2);

	submit(s, 2, 0x3, NULL, APPS HOMES);
	sim_run(s, SOON);
	submit(s, 3, ALL3, NULL, APPS HOMES HOME2);
	sim_attach(s, 2, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 2, 2) <= 3 * SOON);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 2), was);
	/* and it gives out addresses */
	sim_host(s, 2, 7, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 7, 2) <= SOON);
	end(s, &d);
}

/* ... or comes to another gateway meanwhile. */
static void test_off_moved_and_on(void)
{
	struct sim_doc d;
	struct sim *s = world(&d);
	unsigned was = sim_address(s, 0, &d, 2);

	submit(s, 2, 0x3, NULL, APPS HOMES);
	sim_host(s, 1, 2, true);
	CU_ASSERT(sim_until_app_is_at(s, 0x3, &d, 2, 1) <= SOON);
	submit(s, 3, ALL3, NULL, APPS HOMES HOME2);
	sim_run(s, 3 * SOON);
	CU_ASSERT(sim_app_is_at(s, ALL3, &d, 2, 1));
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 2), was);
	end(s, &d);
}

/* Its own restart, while it asks for what lives elsewhere. */
static void test_restart_while_moving(void)
{
	for (unsigned ms = 0; ms < 400; ms += 20) {
		struct sim_doc d;
		struct sim *s = world(&d);

		sim_host(s, 1, 1, false);
		sim_host(s, 2, 1, true);
		sim_run(s, ms * SIM_MS);
		sim_crash(s, 2);
		sim_run(s, SIM_SECOND);
		sim_start(s, 2);
		CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 1, 2) <= SOON);
		CU_ASSERT(sim_app_is_at(s, ALL3, &d, 2, 2));
		end(s, &d);
	}
}

/* A fixed address, and no provider: it is the same wherever it lives. */
static void test_fixed_anywhere(void)
{
	struct sim *s = sim_new(3, 3);
	struct sim_doc d = sim_sign_members(s, "shop", 1, ALL3, NULL,
	    "  - name: app\n    deployment: 1\n    endpoints:\n"
	    "      - {ipv4: 100.64.10.77}\n      - {ipv4: 100.64.10.78}\n      - {}\n" HOMES HOME2);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, SETTLE);
	sim_host(s, 1, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 1) <= SOON);
	CU_ASSERT_EQUAL(sim_address(s, 2, &d, 0), 77);
	sim_host(s, 1, 0, false);
	sim_host(s, 2, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 2) <= SOON);
	CU_ASSERT_EQUAL(sim_address(s, 1, &d, 0), 77);
	/* dead */
	sim_crash(s, 2);
	sim_host(s, 0, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, 0x3, &d, 0, 0) <= 3 * SOON);
	CU_ASSERT_EQUAL(sim_address(s, 1, &d, 0), 77);
	end(s, &d);
}

/* Two gateways attach the same one at the same moment. */
static void test_both_at_once(void)
{
	for (unsigned ms = 0; ms < 100; ms += 10) {
		struct sim_doc d;
		struct sim *s = world(&d);

		sim_host(s, 0, 9, true);
		sim_run(s, ms * SIM_MS);
		sim_host(s, 1, 9, true);
		sim_run(s, SOON);
		CU_ASSERT(sim_serves_app(s, 0, &d, 9, NULL) != sim_serves_app(s, 1, &d, 9, NULL));
		CU_ASSERT_EQUAL(sim_address(s, 0, &d, 9), sim_address(s, 1, &d, 9));
		CU_ASSERT_EQUAL(sim_address(s, 0, &d, 9), sim_address(s, 2, &d, 9));
		unsigned at = sim_serves_app(s, 0, &d, 9, NULL) ? 0 : 1;
		sim_host(s, at, 9, false);
		CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 9, !at) <= SOON);
		end(s, &d);
	}
}

/* The disk is full for a while. */
static void test_full_disk(void)
{
	struct sim_doc d;
	struct sim *s = world(&d);

	s->node[2]->persist_fails = true;
	sim_host(s, 2, 9, true);
	sim_host(s, 1, 10, true);
	CU_ASSERT(sim_until_app_is_at(s, 0x3, &d, 10, 1) <= SOON);
	sim_run(s, SOON);
	s->node[2]->persist_fails = false;
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 9, 2) <= SOON);
	end(s, &d);
}

LM_SUITE("membership_life", {"static_for_a_while", test_static_for_a_while},
    {"one_is_static", test_one_is_static}, {"other_pool", test_other_pool},
    {"off_and_on", test_off_and_on}, {"off_moved_and_on", test_off_moved_and_on},
    {"restart_while_moving", test_restart_while_moving}, {"fixed_anywhere", test_fixed_anywhere},
    {"both_at_once", test_both_at_once}, {"full_disk", test_full_disk})
