/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants who are guests, and providers that do not keep to the rules. */
#include "membership_sim.h"
#include "suite.h"

#include <errno.h>

#define ALL3 0x7u

/* ---- tenants ---- */

static void test_guest(void)
{
	struct sim *s = sim_new(1, 2);
	struct sim_doc one = sim_sign(s, "shop", 2, 0x3, NULL);
	struct sim_doc old = sim_sign(s, "shop", 1, 0x3, NULL);
	struct sim_node *tenant = sim_raw(s, 100, 0);

	sim_run(s, SIM_SECOND);
	CU_ASSERT(tenant->raw_up);
	s->node[0]->persist_fails = true;
	sim_raw_submit(s, tenant, &one);
	sim_run(s, SIM_SECOND);
	CU_ASSERT(tenant->answered && tenant->code == EIO);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &one), 0);
	s->node[0]->persist_fails = false;

	/* An answer that was lost is given again; another document is judged anew. */
	sim_raw_submit(s, tenant, &old);
	sim_run(s, SIM_SECOND);
	CU_ASSERT(tenant->answered && tenant->code == 0 && tenant->serial == 1);
	sim_raw_submit(s, tenant, &one);
	sim_run(s, SIM_SECOND);
	CU_ASSERT(tenant->answered && tenant->code == 0 && tenant->serial == 2);
	unsigned changed = s->node[0]->changed;
	sim_raw_submit(s, tenant, &one);
	sim_run(s, SIM_SECOND);
	CU_ASSERT(tenant->answered && tenant->code == 0 && tenant->serial == 2);
	CU_ASSERT_EQUAL(s->node[0]->changed, changed);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 2);

	sim_raw_submit(s, tenant, &old);
	sim_run(s, 3 * SIM_SECOND);
	CU_ASSERT(tenant->answered && tenant->code == ESTALE && tenant->serial == 2);
	CU_ASSERT_STRING_EQUAL(
	    tenant->text, "serial 1 of network shop is older than serial 2, which is in force");
	CU_ASSERT_EQUAL(sim_serial(s, 0, &one), 2);

	struct lm_public_key other = {{1}};
	lm_membership_set_owners(s->node[0]->m, &other, 1);
	struct sim_doc more = sim_sign(s, "more", 1, 0x3, NULL);
	sim_raw_submit(s, tenant, &more);
	sim_run(s, 3 * SIM_SECOND);
	CU_ASSERT(tenant->answered && tenant->code == EACCES);
	CU_ASSERT_PTR_NOT_NULL(strstr(tenant->text, "does not serve owner"));
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_UNKNOWN_OWNER), 1);
	sim_doc_free(&more);

	/* Guests are given no manifest, not even one that they have brought. */
	int err = lm_blob_pull(tenant->blobs, &s->now, tenant->peer, one.hash, one.len, 0);
	CU_ASSERT_EQUAL(err, 0);
	sim_run(s, 3 * SIM_SECOND);
	CU_ASSERT_EQUAL(tenant->pull_err, -ENOENT);
	sim_doc_free(&one);
	sim_doc_free(&old);
	sim_end(s);
}

static void test_guest_limits(void)
{
	struct sim *s = sim_new(1, 1);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x1, NULL);
	struct sim_node *tenant = sim_raw(s, 100, 0);

	sim_run(s, SIM_SECOND);
	unsigned answers = 0;
	for (unsigned i = 0; i < 50; i++) {
		struct sim_doc bad = d;
		bad.hash[0] ^= (uint8_t)(i + 1); /* what it gives has another hash */
		sim_raw_submit(s, tenant, &bad);
		sim_run(s, 100 * SIM_MS);
		answers += tenant->answered;
	}
	/* A burst of four, then one a second. */
	CU_ASSERT(answers <= 4 + 6);
	CU_ASSERT(sim_drops(s, 0, LM_MD_LIMIT) >= 30);
	sim_run(s, 10 * SIM_SECOND);
	sim_raw_submit(s, tenant, &d);
	sim_run(s, SIM_SECOND);
	CU_ASSERT(tenant->answered && tenant->code == 0);

	/* A claimed size beyond the bound is not pulled at all. */
	struct sim_doc big = d;
	big.hash[0] ^= 0xff;
	big.len = LM_MANIFEST_BYTES_MAX + 1;
	sim_raw_submit(s, tenant, &big);
	sim_run(s, SIM_SECOND);
	CU_ASSERT(tenant->answered && tenant->code == E2BIG);
	sim_doc_free(&d);
	sim_end(s);
}

/* ---- providers without manners ---- */

static void test_unauthorised(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc shop = sim_sign(s, "shop", 3, 0x3, NULL);
	struct sim_doc old = sim_sign(s, "shop", 2, ALL3, NULL);
	struct sim_doc both = sim_sign(s, "both", 1, ALL3, NULL);

	/* Gateway 2 shares one network with 0, and is not in the other; a program has its key. */
	CU_ASSERT_EQUAL(sim_submit(s, 0, &shop, NULL), 0);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &both, NULL), 0);
	sim_crash(s, 2);
	struct sim_node *raw = sim_raw(s, 2, 0);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT(raw->raw_up && raw->haves > 0);

	int err = lm_blob_pull(raw->blobs, &s->now, raw->peer, both.hash, both.len, 0);
	CU_ASSERT_EQUAL(err, 0);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(raw->pull_err, 0);
	err = lm_blob_pull(raw->blobs, &s->now, raw->peer, shop.hash, shop.len, 0);
	CU_ASSERT_EQUAL(err, 0);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(raw->pull_err, -ENOENT);

	/* It learns nothing by asking, and brings back nothing that was. */
	unsigned haves = raw->haves;
	raw->offer = old.bytes;
	raw->offer_len = old.len;
	sim_raw_have(s, raw, &old, 2, 1);
	sim_raw_have(s, raw, &old, 9, 1); /* a lie: it is 2, and judged so */
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &shop), 3);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_REFUSED), 1);
	unsigned finds = raw->finds;
	sim_raw_have(s, raw, &old, 9, 1);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_REFUSED), 2);
	/* It has this one from elsewhere, and is to learn nothing of who else has it. */
	sim_raw_have(s, raw, &shop, 3, 1);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_OLD), 1);
	CU_ASSERT(finds > 0 && raw->finds == finds); /* remembered, and not pulled again */
	CU_ASSERT(raw->haves - haves <= 1); /* of the network that it is in */

	/* Lanes of a network that it is no provider of. */
	uint8_t lanes[32 + 8 + 4 + 16 + 1 + 4] = {0};
	memcpy(lanes, shop.net.b, 32);
	lanes[60] = 1;
	lanes[61] = 1;
	unsigned acks = raw->acks;
	sim_raw_send(raw, LM_MSG_LANES, lanes, sizeof(lanes));
	sim_run(s, 100 * SIM_MS);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_UNAUTHORISED), 1);
	/* Of one that it may be in, but does not take part in; then with keys that are not its. */
	memcpy(lanes, both.net.b, 32);
	sim_raw_send(raw, LM_MSG_LANES, lanes, sizeof(lanes));
	sim_run(s, 100 * SIM_MS);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_ABSENT), 1);
	sim_raw_join(raw, &both);
	sim_run(s, SIM_SECOND);
	sim_raw_send(raw, LM_MSG_LANES, lanes, sizeof(lanes));
	sim_run(s, 100 * SIM_MS);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_NO_KEY), 1);
	CU_ASSERT_EQUAL(raw->acks, acks);
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 2, &both));

	/* What does not hold together. */
	static const size_t cuts[] = {1, 31, 40, 60, 64};
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		sim_raw_send(raw, LM_MSG_LANES, lanes, cuts[i]);
	lanes[60] = 3; /* no power of two */
	sim_raw_send(raw, LM_MSG_LANES, lanes, sizeof(lanes));
	sim_raw_send(raw, LM_MSG_LANES_ACK, lanes, 43);
	sim_raw_send(raw, LM_MSG_HAVE, lanes, 60);
	sim_raw_send(raw, LM_MSG_SUBMIT, lanes, 68 - 3);
	sim_raw_send(raw, LM_MSG_SUBMIT_RESULT, lanes, 4);
	sim_run(s, 100 * SIM_MS);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_MALFORMED), 10);
	sim_doc_free(&shop);
	sim_doc_free(&old);
	sim_doc_free(&both);
	sim_end(s);
}

/* Who knows an owner and guesses names cannot see which of them are networks here. */
static void test_guessed_names(void)
{
	struct sim *s = sim_new(1, 2);
	struct sim_doc shop = sim_sign(s, "shop", 3, 0x3, NULL);
	struct sim_doc none = sim_sign(s, "none", 1, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &shop, NULL), 0);
	struct sim_node *raw = sim_raw(s, 100, 0);
	sim_run(s, SIM_SECOND);
	for (unsigned serial = 1; serial <= 4; serial++) {
		struct sim_doc guesses[] = {
		    {.net = shop.net, .len = 300}, {.net = none.net, .len = 300}};
		for (uint8_t i = 0; i < 2; i++) {
			unsigned finds = raw->finds;
			memset(guesses[i].hash, (int)(2 * serial + i), 32);
			sim_raw_have(s, raw, &guesses[i], serial, 1);
			sim_run(s, SIM_SECOND);
			CU_ASSERT_EQUAL(raw->finds, finds + 1);
		}
	}
	CU_ASSERT_EQUAL(raw->haves, 0);
	sim_doc_free(&shop);
	sim_doc_free(&none);
	sim_end(s);
}

/* By which SPI gateway 0 sends to the raw peer; 0: by none. */
static uint32_t spi_in_use(const struct sim *s, const struct sim_doc *d)
{
	const struct sim_out *out = sim_out(s, 0, 1, d);

	return out ? out->spis[0] : 0;
}

static uint32_t told(struct sim *s, struct sim_node *raw, const struct sim_doc *d,
    uint64_t incarnation, uint32_t generation, uint32_t spi)
{
	sim_raw_lanes(raw, d, incarnation, generation, spi);
	sim_run(s, 100 * SIM_MS);
	return spi_in_use(s, d);
}

/* Datagrams that were late must not bring back lanes that the peer has given up. */
static void test_late_lanes(void)
{
	struct sim *s = sim_new(1, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_crash(s, 1);
	struct sim_node *raw = sim_raw(s, 1, 0);
	sim_raw_join(raw, &d);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT_EQUAL(spi_in_use(s, &d), 0);

	CU_ASSERT_EQUAL(told(s, raw, &d, 7, 5, 1005), 1005);
	CU_ASSERT_EQUAL(told(s, raw, &d, 7, 4, 1004), 1005);
	CU_ASSERT_EQUAL(raw->acks, 1);
	CU_ASSERT_EQUAL(told(s, raw, &d, 7, 5, 1005), 1005);
	CU_ASSERT_EQUAL(raw->acks, 2); /* the first one may have been lost */
	CU_ASSERT_EQUAL(told(s, raw, &d, 7, 6, 1006), 1006);
	/* Another life of the peer cannot have these keys. */
	CU_ASSERT_EQUAL(told(s, raw, &d, 8, 9, 1009), 1006);
	CU_ASSERT_EQUAL(raw->acks, 3);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_OLD), 2);

	sim_run(s, 130 * SIM_SECOND); /* a new epoch */
	CU_ASSERT_EQUAL(spi_in_use(s, &d), 1006);
	CU_ASSERT_EQUAL(told(s, raw, &d, 8, 1, 2001), 2001);
	CU_ASSERT_EQUAL(told(s, raw, &d, 7, 99, 1099), 2001);
	CU_ASSERT_EQUAL(told(s, raw, &d, 8, 2, 2002), 2002);
	sim_doc_free(&d);
	sim_end(s);
}

/*
 * A peer that goes back to an older epoch with a newer set, and from there to another incarnation,
 * is not followed to a set that was in use before.
 */
static void test_lanes_in_a_circle(void)
{
	struct sim *s = sim_new(1, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_crash(s, 1);
	struct sim_node *raw = sim_raw(s, 1, 0);
	sim_raw_join(raw, &d);
	sim_run(s, 20 * SIM_SECOND);
	uint32_t before = lm_peer_epoch(raw->peer);
	sim_run(s, 115 * SIM_SECOND);
	CU_ASSERT_NOT_EQUAL(lm_peer_epoch(raw->peer), before);

	CU_ASSERT_EQUAL(told(s, raw, &d, 7, 5, 1005), 1005);
	sim_raw_lanes_of(raw, &d, before, 7, 6, 1006);
	sim_run(s, 100 * SIM_MS);
	CU_ASSERT_EQUAL(spi_in_use(s, &d), 1006);
	CU_ASSERT_EQUAL(told(s, raw, &d, 8, 1, 2001), 1006);
	CU_ASSERT_EQUAL(told(s, raw, &d, 7, 5, 1005), 1006);
	sim_doc_free(&d);
	sim_end(s);
}

static void test_acks(void)
{
	struct sim *s = sim_new(1, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);
	struct lm_lanes_info info;

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_crash(s, 1);
	struct sim_node *raw = sim_raw(s, 1, 0);
	sim_raw_join(raw, &d);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT(raw->lanes_len > 0);
	sim_raw_ack(raw, 1); /* of a former life of ours */
	sim_run(s, 100 * SIM_MS);
	lm_membership_lanes(s->node[0]->m, 0, 0, &info);
	CU_ASSERT(!info.acked);
	sim_raw_ack(raw, 0);
	sim_run(s, 100 * SIM_MS);
	lm_membership_lanes(s->node[0]->m, 0, 0, &info);
	CU_ASSERT(info.acked);
	sim_doc_free(&d);
	sim_end(s);
}

/* A provider that never stops talking is not worked for without end. */
static void test_flood(void)
{
	struct sim *s = sim_new(1, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_crash(s, 1);
	struct sim_node *raw = sim_raw(s, 1, 0);
	sim_run(s, 20 * SIM_SECOND);
	unsigned haves = raw->haves;
	s->delay = 0;
	for (unsigned i = 0; i < LM_NETWORKS_MAX + 1000; i++) {
		sim_raw_have(s, raw, &d, 1, 1); /* asks for an answer */
		if (i % 100 == 0)
			sim_run(s, 0);
	}
	sim_run(s, 20 * SIM_MS);
	CU_ASSERT(raw->haves - haves < LM_NETWORKS_MAX + 100);
	CU_ASSERT(sim_drops(s, 0, LM_MD_LIMIT) > 900);
	sim_run(s, SIM_SECOND);
	haves = raw->haves;
	sim_raw_have(s, raw, &d, 1, 1);
	sim_run(s, 20 * SIM_MS);
	CU_ASSERT_EQUAL(raw->haves, haves + 1);
	sim_doc_free(&d);
	sim_end(s);
}

/* Many lanes are much work, and so are worked on less often. */
static void test_flood_of_lanes(void)
{
	struct sim *s = sim_new(1, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);
	uint8_t lanes[61 + 4 * 64] = {[60] = 64};

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_crash(s, 1);
	struct sim_node *raw = sim_raw(s, 1, 0);
	sim_raw_join(raw, &d);
	sim_run(s, 20 * SIM_SECOND);
	memcpy(lanes, d.net.b, 32);
	memset(lanes + 61, 1, 4 * 64);
	s->delay = 0;
	for (unsigned i = 0; i < LM_NETWORKS_MAX / 4; i++) {
		sim_raw_send(raw, LM_MSG_LANES, lanes, sizeof(lanes));
		if (i % 100 == 0)
			sim_run(s, 0);
	}
	sim_run(s, 20 * SIM_MS);
	CU_ASSERT(sim_drops(s, 0, LM_MD_NO_KEY) > 0);
	CU_ASSERT(sim_drops(s, 0, LM_MD_NO_KEY) <= LM_NETWORKS_MAX / 9 + 10);
	sim_doc_free(&d);
	sim_end(s);
}

/*
 * It takes part, says that it does not whenever it is told lanes, and makes nothing void by that.
 * Were it doubted and told lanes each time, the two would go round as fast as the network carries.
 */
static void test_away_in_vain(void)
{
	struct sim *s = sim_new(1, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);
	uint8_t away[41] = {0}; /* time 0: older than any record */

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_crash(s, 1);
	struct sim_node *raw = sim_raw(s, 1, 0);
	sim_raw_join(raw, &d);
	sim_run(s, 5 * SIM_SECOND);
	memcpy(away, d.net.b, sizeof(d.net.b));
	unsigned haves = raw->haves;
	for (unsigned i = 0; i < 20; i++) {
		sim_raw_have(s, raw, &d, 1, 1); /* it has the manifest */
		sim_run(s, 100 * SIM_MS);
		sim_raw_send(raw, LM_MSG_AWAY, away, sizeof(away));
		sim_run(s, 100 * SIM_MS);
	}
	/* An answer each time, and at most one question of its own. */
	CU_ASSERT(raw->haves - haves <= 20 + 1);
	sim_doc_free(&d);
	sim_end(s);
}

LM_SUITE("membership_hostile", {"guest", test_guest}, {"guest_limits", test_guest_limits},
    {"unauthorised", test_unauthorised}, {"guessed_names", test_guessed_names},
    {"late_lanes", test_late_lanes}, {"lanes_in_a_circle", test_lanes_in_a_circle},
    {"acks", test_acks}, {"flood", test_flood}, {"flood_of_lanes", test_flood_of_lanes},
    {"away_in_vain", test_away_in_vain})
