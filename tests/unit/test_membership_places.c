/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints to which the gateways give addresses, and which live where they are attached. */
#include "membership_sim.h"
#include "suite.h"

#define ALL2 0x3u
#define ALL3 0x7u
#define ALL5 0x1fu
#define REPLICAS "  - {name: app, deployment: 1, replicas: 20}\n"
/* Each gateway has something attached in it, so all take part. */
#define HOMES \
	"  - name: home\n    deployment: 2\n    endpoints:\n" \
	"      - {provider: gw0, ipv4: 100.64.10.10}\n" \
	"      - {provider: gw1, ipv4: 100.64.10.11}\n"
#define MORE_HOMES \
	"      - {provider: gw2, ipv4: 100.64.10.12}\n" \
	"      - {provider: gw3, ipv4: 100.64.10.13}\n" \
	"      - {provider: gw4, ipv4: 100.64.10.14}\n"
#define SETTLE (5 * SIM_SECOND)
#define NOW (1 * SIM_SECOND) /* what takes no longer needs no patience */

static const char *homes_of(unsigned n)
{
	static char text[512];

	snprintf(text, sizeof(text), "%s%s", REPLICAS HOMES, MORE_HOMES);
	char *end = text;
	for (unsigned lines = 0; lines < 4 + n; lines++)
		end = strchr(end, '\n') + 1;
	*end = '\0';
	return text;
}

/* n gateways, all of which take part, and a chain. */
static struct sim *world(struct sim_doc *d, unsigned n)
{
	struct sim *s = sim_new(1, n);

	*d = sim_sign_members(s, "shop", 1, (1u << n) - 1, NULL, homes_of(n));
	CU_ASSERT_EQUAL(sim_submit(s, 0, d, NULL), 0);
	sim_run(s, SETTLE);
	return s;
}

static void end(struct sim *s, struct sim_doc *d)
{
	sim_doc_free(d);
	sim_end(s);
}

/* ---- given at once, and for life ---- */

static void first_attachment(unsigned n)
{
	struct sim_doc d;
	struct sim *s = world(&d, n);
	unsigned all = (1u << n) - 1;

	sim_host(s, n - 1, 0, true);
	/* The first needs an address block first. */
	uint64_t took = sim_until_app_is_at(s, all, &d, 0, n - 1);
	CU_ASSERT(took <= NOW);
	/* With one of its blocks the gateway asks nobody. */
	sim_host(s, n - 1, 1, true);
	CU_ASSERT(sim_serves_app(s, n - 1, &d, 1, NULL));
	CU_ASSERT_NOT_EQUAL(sim_address(s, n - 1, &d, 1), 0);
	CU_ASSERT_NOT_EQUAL(sim_address(s, n - 1, &d, 1), sim_address(s, n - 1, &d, 0));
	took = sim_until_app_is_at(s, all, &d, 1, n - 1);
	CU_ASSERT(took <= NOW);
	end(s, &d);
}

static void test_first(void)
{
	first_attachment(2);
	first_attachment(3);
	first_attachment(5);
}

/* Many at once are durable at once: none is served before, and all are known afterwards. */
static void test_many(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 2);
	unsigned address[20];

	s->node[1]->commit_fails = true;
	for (unsigned i = 0; i < 20; i++)
		sim_host(s, 1, i, true);
	sim_run(s, SETTLE);
	for (unsigned i = 0; i < 20; i++)
		CU_ASSERT(!sim_serves_app(s, 1, &d, i, NULL));
	unsigned batches = s->node[1]->n_batches;
	s->node[1]->commit_fails = false;
	sim_run(s, NOW + SIM_SECOND); /* what could not be stored is tried again after one */
	CU_ASSERT(s->node[1]->n_batches - batches < 10);
	for (unsigned i = 0; i < 20; i++) {
		CU_ASSERT(sim_serves_app(s, 1, &d, i, NULL));
		address[i] = sim_address(s, 1, &d, i);
		for (unsigned k = 0; k < i; k++)
			CU_ASSERT_NOT_EQUAL(address[i], address[k]);
	}
	sim_crash(s, 1);
	sim_start(s, 1);
	sim_run(s, 3 * SETTLE);
	for (unsigned i = 0; i < 20; i++) {
		CU_ASSERT(sim_serves_app(s, 1, &d, i, NULL));
		CU_ASSERT_EQUAL(sim_address(s, 1, &d, i), address[i]);
	}
	end(s, &d);
}

static void test_keeps(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 3);

	sim_host(s, 1, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 1) <= NOW);
	unsigned address = sim_address(s, 0, &d, 0);
	sim_run(s, SETTLE); /* the chain knows it now */

	sim_host(s, 1, 0, false);
	CU_ASSERT(!sim_serves_app(s, 1, &d, 0, NULL));
	sim_run(s, SETTLE);
	CU_ASSERT_EQUAL(sim_route(s, 0, &d, 0), -1);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 0), address);
	sim_host(s, 1, 0, true);
	CU_ASSERT(sim_serves_app(s, 1, &d, 0, NULL));
	CU_ASSERT_EQUAL(sim_address(s, 1, &d, 0), address);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 1) <= NOW);

	sim_crash(s, 1);
	sim_start(s, 1);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 1) <= 10 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 0), address);

	/* Given moments before its gateway died, and noted by nobody else. */
	sim_host(s, 1, 1, true);
	unsigned second = sim_address(s, 1, &d, 1);
	CU_ASSERT_NOT_EQUAL(second, 0);
	sim_crash(s, 1);
	sim_run(s, SETTLE);
	sim_start(s, 1);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 1, 1) <= 10 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 1), second);
	end(s, &d);
}

/* ---- moving ---- */

static void test_move(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 3);

	sim_host(s, 1, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 1) <= NOW);
	unsigned address = sim_address(s, 0, &d, 0);
	sim_run(s, SETTLE);
	sim_host(s, 1, 0, false);
	sim_host(s, 2, 0, true);
	for (unsigned ms = 0; ms < 1000 && !sim_serves_app(s, 2, &d, 0, NULL); ms++)
		sim_run(s, SIM_MS);
	uint64_t decided = s->now.mono;
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 2) <= NOW);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 0), address);
	printf(" others followed after %.0f ms ...",
	    (double)(s->node[0]->routed_at - decided) / (double)SIM_MS);

	/* It stays there, though its gateway begins anew. */
	sim_crash(s, 2);
	sim_start(s, 2);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 2) <= 10 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 0), address);
	end(s, &d);
}

/* Two workloads claim to be one replica: the second waits, and takes over when the first ends. */
static void test_waits(void)
{
	struct sim_doc d;
	const char *why;
	struct sim *s = world(&d, 3);

	sim_host(s, 1, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 1) <= NOW);
	sim_run(s, SETTLE);
	sim_host(s, 2, 0, true);
	sim_run(s, 30 * SIM_SECOND);
	CU_ASSERT(sim_app_is_at(s, ALL3, &d, 0, 1));
	CU_ASSERT(!sim_serves_app(s, 2, &d, 0, &why));
	CU_ASSERT_PTR_NOT_NULL_FATAL(why);
	CU_ASSERT_STRING_EQUAL(why, lm_address_wait_names[LM_AW_ELSEWHERE]);
	sim_host(s, 1, 0, false);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 2) < SIM_PATIENCE);
	end(s, &d);
}

static void test_dead_without_goodbye(void)
{
	struct sim_doc d;
	const char *why;
	struct sim *s = world(&d, 3);

	sim_host(s, 1, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 1) <= NOW);
	unsigned address = sim_address(s, 0, &d, 0);
	sim_run(s, SETTLE);
	sim_crash(s, 1);
	sim_host(s, 2, 0, true);
	uint64_t took = sim_until_app_is_at(s, 0x5, &d, 0, 2);
	CU_ASSERT(took >= 9 * SIM_SECOND); /* it might have been alive */
	CU_ASSERT(took <= 20 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 0), address);

	/* It is back with its workload, which has lost its place. */
	sim_start(s, 1);
	CU_ASSERT(!sim_serves_app(s, 1, &d, 0, NULL));
	for (unsigned i = 0; i < 200; i++) {
		CU_ASSERT(!sim_serves_app(s, 1, &d, 0, NULL));
		sim_run(s, 50 * SIM_MS);
	}
	CU_ASSERT(sim_app_is_at(s, ALL3, &d, 0, 2));
	CU_ASSERT(!sim_serves_app(s, 1, &d, 0, &why));
	CU_ASSERT_PTR_NOT_NULL_FATAL(why);
	CU_ASSERT_STRING_EQUAL(why, lm_address_wait_names[LM_AW_ELSEWHERE]);
	end(s, &d);
}

/* ---- minorities ---- */

static void kill_two(unsigned a, unsigned b)
{
	struct sim_doc d;
	struct sim *s = world(&d, 5);
	unsigned left = ALL5 & ~(1u << a) & ~(1u << b), alive = 0;
	unsigned address[5];

	for (unsigned i = 0; i < 5; i++) {
		sim_host(s, i, i, true);
		CU_ASSERT(sim_until_app_is_at(s, ALL5, &d, i, i) <= NOW);
		address[i] = sim_address(s, i, &d, i);
	}
	sim_run(s, SETTLE);
	sim_crash(s, a);
	sim_crash(s, b);
	while (!(left >> alive & 1))
		alive++; /* the first of them */
	sim_run(s, 2 * SETTLE);
	for (unsigned i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(sim_address(s, alive, &d, i), address[i]);
		if (left >> i & 1)
			CU_ASSERT(sim_app_is_at(s, left, &d, i, i));
	}
	/* More than are left in the blocks that are there. */
	for (unsigned r = 5; r < 20; r++) {
		sim_host(s, alive, r, true);
		CU_ASSERT(sim_until_app_is_at(s, left, &d, r, alive) <= 5 * SIM_SECOND);
	}
	/* And what was at a dead one starts again here. */
	sim_host(s, alive, a, true);
	CU_ASSERT(sim_until_app_is_at(s, left, &d, a, alive) <= 20 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_address(s, alive, &d, a), address[a]);
	end(s, &d);
}

static void test_minority_down(void)
{
	kill_two(0, 1);
	kill_two(1, 3);
	kill_two(3, 4);
}

static void part(struct sim *s, unsigned island, bool is)
{
	for (unsigned a = 0; a < s->n; a++)
		for (unsigned b = 0; b < s->n; b++)
			if ((island >> a & 1) != (island >> b & 1))
				s->cut[a][b] = is;
}

static void test_partition(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 5);
	const unsigned small = 0x18, large = 0x7;

	for (unsigned i = 0; i < 5; i++) {
		sim_host(s, i, i, true);
		CU_ASSERT(sim_until_app_is_at(s, ALL5, &d, i, i) <= NOW);
	}
	sim_run(s, SETTLE);
	part(s, small, true);
	sim_run(s, 90 * SIM_SECOND);
	for (unsigned i = 0; i < 5; i++)
		CU_ASSERT(sim_app_is_at(s, i < 3 ? large : small, &d, i, i));
	/* Both sides give out addresses of their blocks. */
	sim_host(s, 1, 10, true);
	CU_ASSERT(sim_until_app_is_at(s, large, &d, 10, 1) <= NOW);
	sim_host(s, 3, 11, true);
	CU_ASSERT(sim_until_app_is_at(s, small, &d, 11, 3) <= NOW);
	/* One replica on both sides: nobody can know. */
	sim_host(s, 2, 12, true);
	CU_ASSERT(sim_until_app_is_at(s, large, &d, 12, 2) <= NOW);
	sim_host(s, 4, 12, true);
	CU_ASSERT(sim_until_app_is_at(s, small, &d, 12, 4) <= NOW);
	unsigned of_many = sim_address(s, 2, &d, 12);
	sim_run(s, SETTLE);
	part(s, small, false);
	/* What a majority could note stands. */
	CU_ASSERT(sim_until_app_is_at(s, ALL5, &d, 12, 2) < SIM_PATIENCE);
	CU_ASSERT_EQUAL(sim_address(s, 4, &d, 12), of_many);
	CU_ASSERT(sim_until_app_is_at(s, ALL5, &d, 10, 1) < SIM_PATIENCE);
	CU_ASSERT(sim_until_app_is_at(s, ALL5, &d, 11, 3) < SIM_PATIENCE);
	end(s, &d);
}

/* ---- manifests ---- */

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

/* ---- providers without manners ---- */

/* app/0 lives at gateway 2, whose place a program takes that has its key and talks to gateway 0. */
static struct sim *world_of_raw(struct sim_doc *d, struct sim_node **raw)
{
	struct sim *s = world(d, 3);

	sim_host(s, 2, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, d, 0, 2) <= NOW);
	sim_run(s, SETTLE);
	sim_crash(s, 2);
	*raw = sim_raw(s, 2, 0);
	sim_run(s, 40 * SIM_SECOND);
	CU_ASSERT((*raw)->raw_up);
	return s;
}

static void claim(
    struct sim_node *raw, const struct sim_doc *d, unsigned replica, const void *value, size_t len)
{
	const uint8_t key[] = {0, (uint8_t)replica, 'a', 'p', 'p'};
	int err = lm_ledger_publish(raw->ledger, &raw->sim->now, &d->net, LM_LEDGER_ENDPOINT, key,
	    sizeof(key), value, len, LM_LEDGER_LIFETIME);

	CU_ASSERT_EQUAL(err, 0);
	sim_tick(raw);
}

static void claim_place(struct sim_node *raw, const struct sim_doc *d, unsigned replica,
    uint32_t index, uint64_t generation)
{
	uint8_t value[13] = {2};

	for (unsigned i = 0; i < 4; i++)
		value[1 + i] = (uint8_t)(index >> (24 - 8 * i));
	for (unsigned i = 0; i < 8; i++)
		value[5 + i] = (uint8_t)(generation >> (56 - 8 * i));
	claim(raw, d, replica, value, sizeof(value));
}

static void test_lying_claims(void)
{
	struct sim_doc d;
	struct sim_node *raw;
	struct sim *s = world_of_raw(&d, &raw);

	sim_host(s, 1, 1, true);
	CU_ASSERT(sim_until_app_is_at(s, 0x3, &d, 1, 1) <= 5 * SIM_SECOND);
	sim_run(s, SETTLE);
	unsigned address = sim_address(s, 0, &d, 1);
	const uint32_t own = sim_address(s, 0, &d, 0) - 128; /* the pool is the upper half */
	sim_raw_join(raw, &d);

	/* Of what lives elsewhere, in others' blocks, of what there is not, or no number at all. */
	claim_place(raw, &d, 1, own + 1, 0);
	claim_place(raw, &d, 2, address - 128 + 1, 0);
	claim_place(raw, &d, 3, 4000000000u, 0);
	claim_place(raw, &d, 19, own, 0);
	claim_place(raw, &d, 99, own + 1, 0);
	claim(raw, &d, 4, "\2\0\0", 3);
	claim(raw, &d, 5, "\0", 1);
	claim(raw, &d, 6, "\1", 1);
	claim(raw, &d, 7, "\3aaaabbbbbbbb", 13);
	sim_run(s, SETTLE);
	CU_ASSERT(sim_app_is_at(s, 0x3, &d, 1, 1));
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 1), address);
	for (unsigned r = 2; r < 20; r++) {
		CU_ASSERT_EQUAL(sim_route(s, 0, &d, r), -1);
		CU_ASSERT_EQUAL(sim_address(s, 0, &d, r), 0);
	}
	/* What a gateway may say of its own blocks is followed; one address is one endpoint's. */
	claim_place(raw, &d, 8, own + 2, 0);
	claim_place(raw, &d, 9, own + 2, 0);
	sim_run(s, SETTLE);
	CU_ASSERT_EQUAL((sim_route(s, 0, &d, 8) == 2) + (sim_route(s, 0, &d, 9) == 2) > 0, true);
	CU_ASSERT_EQUAL((sim_address(s, 0, &d, 8) != 0) + (sim_address(s, 0, &d, 9) != 0), 1);

	/* A move that nobody knows of: he is asked, now and then. */
	claim_place(raw, &d, 1, address - 128, UINT64_MAX);
	uint64_t before = s->sent;
	sim_run(s, 600 * SIM_SECOND);
	CU_ASSERT(s->sent - before < 3000);
	CU_ASSERT(sim_app_is_at(s, 0x3, &d, 1, 1));
	end(s, &d);
}

static void test_asked(void)
{
	struct sim_doc d;
	struct sim_node *raw;
	struct sim *s = world_of_raw(&d, &raw);
	const uint8_t key[] = {5, 0, 0, 'a', 'p', 'p'};
	uint8_t body[64];

	memcpy(body, d.net.b, 32);
	memcpy(body + 32, key, sizeof(key));
	sim_raw_send(raw, LM_MSG_HOLDER_ASK, body, 32 + sizeof(key));
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(raw->told, 1);
	CU_ASSERT_EQUAL(raw->told_serves, 0);
	sim_host(s, 0, 1, true);
	CU_ASSERT(sim_until_app_is_at(s, 0x3, &d, 1, 0) <= 5 * SIM_SECOND);
	body[34] = 1;
	sim_raw_send(raw, LM_MSG_HOLDER_ASK, body, 32 + sizeof(key));
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(raw->told, 2);
	CU_ASSERT_EQUAL(raw->told_serves, 1);

	/* A network that nobody knows, an answer that nobody asked for, what does not hold
	 * together. */
	body[0] ^= 1;
	sim_raw_send(raw, LM_MSG_HOLDER_ASK, body, 32 + sizeof(key));
	body[0] ^= 1;
	uint8_t answer[64] = {0};
	memcpy(answer, body, 32);
	memcpy(answer + 33, key, sizeof(key));
	sim_raw_send(raw, LM_MSG_HOLDER, answer, 33 + sizeof(key));
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_UNAUTHORISED), 1);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_UNASKED), 1);
	for (size_t cut = 1; cut < 32 + sizeof(key); cut++)
		sim_raw_send(raw, LM_MSG_HOLDER_ASK, body, cut);
	for (size_t cut = 1; cut < 33 + sizeof(key); cut++)
		sim_raw_send(raw, LM_MSG_HOLDER, answer, cut);
	body[32] = 66;
	sim_raw_send(raw, LM_MSG_HOLDER_ASK, body, 33);
	answer[32] = 2;
	sim_raw_send(raw, LM_MSG_HOLDER, answer, 33 + sizeof(key));
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_MALFORMED), 37 + 38 + 2);
	CU_ASSERT_EQUAL(raw->told, 2);
	end(s, &d);
}

/* Who says that it serves an endpoint keeps it; who says that it does not, loses it at once. */
static void holder_says(bool silent, bool serves, uint64_t least, uint64_t most)
{
	struct sim_doc d;
	struct sim_node *raw;
	struct sim *s = world_of_raw(&d, &raw);

	raw->holder_silent = silent;
	raw->holder_serves = serves;
	sim_host(s, 0, 0, true);
	uint64_t took = sim_until_app_is_at(s, 0x3, &d, 0, 0);
	CU_ASSERT(raw->asked > 0);
	CU_ASSERT(took >= least && took <= most);
	end(s, &d);
}

static void test_holder(void)
{
	holder_says(false, true, UINT64_MAX, UINT64_MAX);
	/* The other member cannot ask it. */
	holder_says(false, false, 9 * SIM_SECOND, 20 * SIM_SECOND);
	holder_says(true, false, 9 * SIM_SECOND, 20 * SIM_SECOND);
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

LM_SUITE("membership_places", {"first", test_first}, {"many", test_many}, {"keeps", test_keeps},
    {"move", test_move}, {"waits", test_waits}, {"dead", test_dead_without_goodbye},
    {"minority", test_minority_down}, {"partition", test_partition}, {"forgotten", test_forgotten},
    {"revoked", test_revoked}, {"repointed", test_repointed}, {"no_genesis", test_no_genesis},
    {"families", test_both_families}, {"lying_claims", test_lying_claims}, {"asked", test_asked},
    {"holder", test_holder})
