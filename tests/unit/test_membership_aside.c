/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that are read aside, on another thread: what happens meanwhile, and afterwards. */
#include <errno.h>
#include <sodium.h>
#include "membership_sim.h"
#include "suite.h"

#define BOTH 0x3u

/* What gateway 0 has given to the other thread. */
static struct {
	unsigned n, room; /* room: how many it takes */
	int beyond; /* what it says of more */
	unsigned asked;
	uint64_t number[4];
	uint8_t *bytes[4];
	size_t len[4];
} aside;

static int read_aside(void *ctx, uint64_t number, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	aside.asked++;
	if (aside.n == aside.room)
		return aside.beyond;
	aside.number[aside.n] = number;
	aside.bytes[aside.n] = malloc(len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(aside.bytes[aside.n]);
	memcpy(aside.bytes[aside.n], bytes, len);
	aside.len[aside.n++] = len;
	return 0;
}

static void finish(struct sim *s, unsigned i)
{
	struct lm_document d;

	lm_document_read(&d, aside.bytes[i], aside.len[i]);
	lm_membership_read(s->node[0]->m, &s->now, aside.number[i], &d);
	lm_document_free(&d);
	sim_tick(s->node[0]);
	sim_run(s, SIM_SECOND);
}

/* Two gateways that enforce serial 1; the first one reads aside from now on. */
static struct sim *start(unsigned room)
{
	struct sim *s = sim_new(1, 2);
	struct sim_doc one = sim_sign(s, "shop", 1, BOTH, NULL);

	aside.n = 0;
	aside.room = room;
	aside.beyond = -EAGAIN;
	sim_crash(s, 0);
	s->node[0]->read_aside = read_aside;
	sim_start(s, 0);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &one, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 1);
	sim_doc_free(&one);
	return s;
}

static void end(struct sim *s)
{
	for (unsigned i = 0; i < aside.n; i++)
		free(aside.bytes[i]);
	sim_end(s);
}

static struct sim_node *submit(struct sim *s, unsigned identity, const struct sim_doc *d)
{
	struct sim_node *tenant = sim_raw(s, identity, 0);

	sim_run(s, SIM_SECOND);
	sim_raw_submit(s, tenant, d);
	sim_run(s, 2 * SIM_SECOND);
	return tenant;
}

static void test_comes_into_force(void)
{
	struct sim *s = start(1);
	struct sim_doc two = sim_sign(s, "shop", 2, BOTH, NULL);
	struct sim_node *tenant = submit(s, 100, &two);

	CU_ASSERT_EQUAL_FATAL(aside.n, 1);
	CU_ASSERT_FALSE(tenant->answered);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &two), 1);
	/* Who asks again waits, and it is not read twice. */
	sim_raw_submit(s, tenant, &two);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_FALSE(tenant->answered);
	CU_ASSERT_EQUAL(aside.n, 1);
	finish(s, 0);
	CU_ASSERT_TRUE(tenant->answered && tenant->code == 0 && tenant->serial == 2);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &two), 2);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &two), 2);
	/* Once is enough. */
	finish(s, 0);
	CU_ASSERT_EQUAL(s->node[0]->changed, 2);
	sim_doc_free(&two);
	end(s);
}

static void test_newer_meanwhile(void)
{
	struct sim *s = start(1);
	struct sim_doc two = sim_sign(s, "shop", 2, BOTH, NULL);
	struct sim_doc three = sim_sign(s, "shop", 3, BOTH, NULL);
	struct sim_node *first = submit(s, 100, &two), *second = submit(s, 101, &three);

	CU_ASSERT_TRUE(second->answered && second->code == 0);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &two), 3);
	CU_ASSERT_FALSE(first->answered);
	finish(s, 0);
	CU_ASSERT_TRUE(first->answered && first->code == ESTALE);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &two), 3);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &two), 3);
	sim_doc_free(&two);
	sim_doc_free(&three);
	end(s);
}

/* Both are read aside, and the newer one is done first. */
static void test_out_of_order(void)
{
	struct sim *s = start(2);
	struct sim_doc two = sim_sign(s, "shop", 2, BOTH, NULL);
	struct sim_doc three = sim_sign(s, "shop", 3, BOTH, NULL);
	struct sim_node *first = submit(s, 100, &two), *second = submit(s, 101, &three);

	CU_ASSERT_EQUAL_FATAL(aside.n, 2);
	finish(s, 1);
	CU_ASSERT_TRUE(second->answered && second->code == 0);
	finish(s, 0);
	CU_ASSERT_TRUE(first->answered && first->code == ESTALE);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &two), 3);
	sim_doc_free(&two);
	sim_doc_free(&three);
	end(s);
}

/* What the other thread has no room for waits until it has. */
static void test_waits(void)
{
	struct sim *s = start(1);
	struct sim_doc two = sim_sign(s, "shop", 2, BOTH, NULL);
	struct sim_doc three = sim_sign(s, "shop", 3, BOTH, NULL);

	aside.beyond = -EBUSY;
	struct sim_node *first = submit(s, 100, &two), *second = submit(s, 101, &three);
	sim_raw_submit(s, second, &three);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_FALSE(first->answered || second->answered);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &two), 1);
	/* It has come already, whoever says it again. */
	CU_ASSERT_EQUAL(sim_submit(s, 1, &three, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	aside.asked = 0;
	sim_tick(s->node[0]);
	CU_ASSERT_EQUAL(aside.asked, 1);
	aside.room = 4;
	finish(s, 0);
	CU_ASSERT_TRUE(first->answered && first->code == 0);
	CU_ASSERT_FALSE(second->answered);
	CU_ASSERT_EQUAL_FATAL(aside.n, 2);
	finish(s, 1);
	CU_ASSERT_TRUE(second->answered && second->code == 0);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &two), 3);
	sim_doc_free(&two);
	sim_doc_free(&three);
	end(s);
}

/* No more than so many wait; then tenants have to ask again, and gateways are asked later. */
static void test_too_many_wait(void)
{
	enum { UNREAD = 16 };
	struct sim *s = start(0);
	struct sim_doc last, other;

	aside.beyond = -EBUSY;
	for (unsigned i = 0; i < UNREAD; i++) {
		struct sim_doc d = sim_sign(s, "shop", 2 + i, BOTH, NULL);
		CU_ASSERT_FALSE(submit(s, 100 + i, &d)->answered);
		sim_doc_free(&d);
	}
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_LIMIT), 0);
	last = sim_sign(s, "shop", 30, BOTH, NULL);
	struct sim_node *tenant = submit(s, 100 + UNREAD, &last);
	CU_ASSERT_TRUE(sim_drops(s, 0, LM_MD_LIMIT) > 0);
	other = sim_sign(s, "shop", 31, BOTH, NULL);
	CU_ASSERT_EQUAL(sim_submit(s, 1, &other, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &last), 1);
	aside.asked = 0;
	sim_tick(s->node[0]);
	CU_ASSERT_EQUAL(aside.asked, UNREAD);
	/* Room for all of them, at once. */
	aside.beyond = -EAGAIN;
	sim_tick(s->node[0]);
	sim_run(s, 90 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &last), 31);
	sim_raw_submit(s, tenant, &last);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT_TRUE(tenant->answered && tenant->code == ESTALE);
	sim_doc_free(&last);
	sim_doc_free(&other);
	end(s);
}

static void test_refused(void)
{
	static const char failing[] =
	    "tests: [{from: web, to: web, protocol: tcp, port: 1, expect: allow}]\n";
	struct sim *s = start(2);
	struct sim_doc two = sim_sign(s, "shop", 2, BOTH, failing);
	struct sim_doc forged = sim_sign(s, "shop", 3, BOTH, NULL);
	struct sim_node *first, *second;

	forged.bytes[forged.len / 2] ^= 1;
	crypto_generichash(forged.hash, sizeof(forged.hash), forged.bytes, forged.len, NULL, 0);
	first = submit(s, 100, &two);
	second = submit(s, 101, &forged);
	CU_ASSERT_EQUAL_FATAL(aside.n, 2);
	finish(s, 0);
	finish(s, 1);
	CU_ASSERT_TRUE(first->answered && first->code == EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(first->text, "tests[0]"));
	CU_ASSERT_TRUE(second->answered && second->code == EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(second->text, "signature"));
	CU_ASSERT_EQUAL(sim_serial(s, 0, &two), 1);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_REFUSED), 2);
	sim_doc_free(&two);
	sim_doc_free(&forged);
	end(s);
}

/* Rules that take too much memory: the members of a document of 1 MiB. */
static char *too_many_rules(void)
{
	enum { ROOM = 1000000, PORTS = 32 };
	char *text = malloc(ROOM), *at = text;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	for (unsigned member = 0;; member++) {
		at += sprintf(at, "  - {name: m%u, deployment: %u, endpoints: [], ingress: [",
		    member, member + 1);
		for (unsigned rule = 0; rule < LM_RULES_MAX; rule++) {
			at += sprintf(at, "{from: any, protocol: tcp, ports: [");
			for (unsigned i = 0; i < PORTS; i++)
				at += sprintf(at, "%u,", 1 + 2 * (i * LM_RULES_MAX + rule));
			at += sprintf(at, "]},");
		}
		at += sprintf(at, "]}\n");
		if (at - text > ROOM - (at - text) / (member + 1) - 1000)
			return text;
	}
}

/* Read aside or at once, from a tenant or from another gateway: what was in force stays. */
static void test_too_many_rules(void)
{
	struct sim *s = start(1);
	char *members = too_many_rules();
	struct sim_doc two = sim_sign_members(s, "shop", 2, BOTH, NULL, members);

	struct sim_node *tenant = submit(s, 100, &two);
	CU_ASSERT_EQUAL_FATAL(aside.n, 1);
	finish(s, 0);
	CU_ASSERT_TRUE(tenant->answered && tenant->code == E2BIG);
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(tenant->text, "the rules take more than 8388608 bytes compiled"));
	struct lm_why why = {""};
	CU_ASSERT_EQUAL(sim_submit(s, 1, &two, &why), -E2BIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "the rules take more than"));
	CU_ASSERT_EQUAL(sim_serial(s, 0, &two), 1);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &two), 1);

	sim_crash(s, 1);
	struct sim_node *gateway = sim_raw(s, 1, 0);
	sim_run(s, 20 * SIM_SECOND);
	uint64_t refused = sim_drops(s, 0, LM_MD_REFUSED);
	gateway->offer = two.bytes;
	gateway->offer_len = two.len;
	sim_raw_have(s, gateway, &two, 2, 0);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT_TRUE(gateway->finds > 0);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_REFUSED), refused + 1);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &two), 1);
	sim_doc_free(&two);
	free(members);
	end(s);
}

/* A stranger's is not read at all. */
static void test_stranger(void)
{
	struct sim *s = start(1);
	struct sim_doc two = sim_sign(s, "shop", 2, BOTH, NULL);

	CU_ASSERT_EQUAL(lm_membership_set_owners(s->node[0]->m, NULL, 0), 0);
	struct sim_node *tenant = submit(s, 100, &two);
	CU_ASSERT_TRUE(tenant->answered && tenant->code == EACCES);
	CU_ASSERT_EQUAL(aside.n, 0);
	/* Nor is it any more when it has been read. */
	CU_ASSERT_EQUAL(lm_membership_set_owners(s->node[0]->m, &s->owner.pub, 1), 0);
	tenant = submit(s, 101, &two);
	CU_ASSERT_EQUAL_FATAL(aside.n, 1);
	CU_ASSERT_EQUAL(lm_membership_set_owners(s->node[0]->m, NULL, 0), 0);
	finish(s, 0);
	CU_ASSERT_TRUE(tenant->answered && tenant->code == EACCES);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &two), 1);
	sim_doc_free(&two);
	end(s);
}

/* From another gateway, which says it again and again, and may be gone when it has been read. */
static void test_from_gateway(void)
{
	struct sim *s = start(1);
	struct sim_doc two = sim_sign(s, "shop", 2, BOTH, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 1, &two, NULL), 0);
	sim_run(s, 90 * SIM_SECOND);
	CU_ASSERT_EQUAL_FATAL(aside.n, 1);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &two), 1);
	sim_crash(s, 1);
	sim_run(s, 90 * SIM_SECOND);
	finish(s, 0);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &two), 2);
	sim_doc_free(&two);
	end(s);
}

/* The gateway ends with a document that is not read yet. */
static void test_end(void)
{
	struct sim *s = start(1);
	struct sim_doc two = sim_sign(s, "shop", 2, BOTH, NULL);

	submit(s, 100, &two);
	CU_ASSERT_EQUAL_FATAL(aside.n, 1);
	sim_crash(s, 0);
	sim_start(s, 0);
	finish(s, 0); /* of another life */
	CU_ASSERT_EQUAL(sim_serial(s, 0, &two), 1);
	sim_doc_free(&two);
	end(s);
}

LM_SUITE("membership_aside", {"comes into force", test_comes_into_force},
    {"newer meanwhile", test_newer_meanwhile}, {"out of order", test_out_of_order},
    {"waits", test_waits}, {"too many wait", test_too_many_wait}, {"refused", test_refused},
    {"too many rules", test_too_many_rules}, {"stranger", test_stranger},
    {"from gateway", test_from_gateway}, {"end", test_end})
