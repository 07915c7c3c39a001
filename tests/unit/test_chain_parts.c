/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a chain and what is on the wire, without any network. */
#include "chain/internal.h"
#include "suite.h"

static uint64_t seed = 3;

static uint64_t below(uint64_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % n;
}

static struct lm_public_key key_of(unsigned i)
{
	struct lm_public_key key = {.b = {0x10, (uint8_t)(i >> 8), (uint8_t)i}};

	return key;
}

static struct state begin(unsigned n_members)
{
	struct lm_chain_genesis g = {.n_members = n_members, .n_blocks = 8, .block_size = 64};
	struct state s;

	for (unsigned i = 0; i < n_members; i++)
		g.members[i] = key_of(i);
	CU_ASSERT_EQUAL(lm_chain_genesis_state(&s, &g), 0);
	return s;
}

static struct lm_chain_command command(uint8_t kind, unsigned author, uint64_t number)
{
	struct lm_chain_command c = {
	    .kind = kind, .author = key_of(author), .number = number, .gateway = key_of(author)};

	c.key_len = kind == LM_CHAIN_MOVE || kind == LM_CHAIN_FORGET ? 4 : 0;
	memcpy(c.key, "db/0", c.key_len);
	c.until = 1000;
	c.generation = number;
	return c;
}

static void genesis(void)
{
	struct lm_chain_genesis g = {.n_members = 2, .n_blocks = 8, .block_size = 64};
	struct state s;

	g.members[0] = g.members[1] = key_of(1);
	CU_ASSERT_EQUAL(lm_chain_genesis_state(&s, &g), -EINVAL);
	g.members[1] = key_of(0);
	CU_ASSERT_EQUAL(lm_chain_genesis_state(&s, &g), 0);
	CU_ASSERT_EQUAL(lm_chain_member(&s.members, &g.members[1]), 0); /* sorted */
	g.block_size = 48;
	CU_ASSERT_EQUAL(lm_chain_genesis_state(&s, &g), -EINVAL);
	g.block_size = 64;
	g.n_members = 0;
	CU_ASSERT_EQUAL(lm_chain_genesis_state(&s, &g), -EINVAL);
}

/* The bytes are read back as the same state, and no other bytes are read. */
static void bytes_of_a_state(void)
{
	struct state s = begin(3), back;
	uint8_t bytes[8192], hash[2][HASH_LEN];

	for (unsigned i = 0; i < 400; i++) {
		struct lm_chain_command c =
		    command((uint8_t)(1 + below(8)), (unsigned)below(12), i + 1);
		c.gateway = key_of((unsigned)below(12));
		c.block = (uint32_t)below(8);
		c.key[3] = (uint8_t)('0' + below(9));
		c.address = (uint32_t)below(9);
		c.serial = s.serial + (below(20) == 0);
		lm_chain_apply(&s, &c, NULL);

		struct lm_writer w = lm_writer(bytes, sizeof(bytes));
		lm_chain_state_write(&w, &s);
		CU_ASSERT_EQUAL(lm_writer_len(&w), lm_chain_state_len(&s));
		struct lm_reader r = lm_reader(bytes, lm_writer_len(&w));
		CU_ASSERT_EQUAL_FATAL(lm_chain_state_read(&back, &r), 0);
		lm_chain_state_hash(hash[0], &s);
		lm_chain_state_hash(hash[1], &back);
		CU_ASSERT_EQUAL(memcmp(hash[0], hash[1], HASH_LEN), 0);
		lm_chain_state_free(&back);
		r = lm_reader(bytes, lm_writer_len(&w) - 1 - below(20));
		CU_ASSERT_EQUAL(lm_chain_state_read(&back, &r), -EBADMSG);
	}
	CU_ASSERT(s.n_slots > 0 && s.n_endpoints > 0 && s.n_gateways > 3);
	lm_chain_state_free(&s);
}

/* A refused command leaves no trace. */
static void refused_changes_nothing(void)
{
	struct state s = begin(3);
	uint8_t before[HASH_LEN], after[HASH_LEN];
	unsigned refused = 0;

	for (unsigned i = 0; i < 600; i++) {
		struct lm_chain_command c =
		    command((uint8_t)below(10), (unsigned)below(8), i / 8 + below(60));
		c.gateway = key_of((unsigned)below(8));
		c.block = (uint32_t)below(8);
		lm_chain_state_hash(before, &s);
		bool applied = lm_chain_apply(&s, &c, NULL) == LM_CV_APPLIED;
		lm_chain_state_hash(after, &s);
		CU_ASSERT_EQUAL(memcmp(before, after, HASH_LEN) == 0, !applied);
		refused += !applied;
	}
	CU_ASSERT(refused > 100 && refused < 560);
	lm_chain_state_free(&s);
}

static void numbers(void)
{
	static const struct {
		uint64_t number;
		enum lm_chain_verdict verdict;
	} steps[] = {{1000, LM_CV_APPLIED}, {1000, LM_CV_DUPLICATE}, {998, LM_CV_APPLIED},
	    {999, LM_CV_APPLIED}, {998, LM_CV_DUPLICATE}, {936, LM_CV_APPLIED},
	    {935, LM_CV_DUPLICATE}, {1003, LM_CV_APPLIED}, {1000, LM_CV_DUPLICATE},
	    {1002, LM_CV_APPLIED}, {939, LM_CV_APPLIED}, {938, LM_CV_DUPLICATE},
	    {5000, LM_CV_APPLIED}, {1003, LM_CV_DUPLICATE}, {4936, LM_CV_APPLIED}, {0, LM_CV_FORM}};
	struct state s = begin(1);

	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct lm_chain_command c = command(LM_CHAIN_MOVE, 0, steps[i].number);
		c.generation = i + 1;
		CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), steps[i].verdict);
	}
	lm_chain_state_free(&s);
}

static void last_member_stays(void)
{
	struct state s = begin(2);
	struct lm_chain_command c = command(LM_CHAIN_REMOVE, 1, 1);

	CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_APPLIED);
	c = command(LM_CHAIN_REMOVE, 0, 1);
	CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_LAST_MEMBER);
	c = command(LM_CHAIN_REMOVE, 7, 1);
	CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_NO_MEMBER);
	for (unsigned i = 1; i < 7; i++) {
		c = command(LM_CHAIN_ADD, i, 2);
		CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_APPLIED);
	}
	c = command(LM_CHAIN_ADD, 8, 2);
	CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_FULL);
	c = command(LM_CHAIN_ADD, 3, 3);
	CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_MEMBER);
	lm_chain_state_free(&s);
}

/* Nobody has more addresses than a network has endpoints. */
static void enough_addresses(void)
{
	struct state s = begin(2);
	struct lm_chain_command c = command(LM_CHAIN_ASSIGN, 0, 1);

	s.block_size = LM_CHAIN_ENDPOINTS_MAX / 2;
	CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_APPLIED);
	c.number++;
	CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_APPLIED);
	c.number++;
	CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_FULL);
	c = command(LM_CHAIN_ASSIGN, 1, 1);
	CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_APPLIED);
	lm_chain_state_free(&s);
}

/* Gateways that come and go do not fill it for ever, and none is forgotten too early. */
static void bounded(void)
{
	struct state s = begin(1);
	struct lm_chain_command c = command(LM_CHAIN_ASSIGN, 0, 1);
	unsigned i = 1;

	CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_APPLIED);
	for (; s.n_gateways < LM_CHAIN_GATEWAYS_MAX; i++) {
		c = command(LM_CHAIN_MOVE, i, 1);
		c.generation = i;
		CU_ASSERT_EQUAL_FATAL(lm_chain_apply(&s, &c, NULL), LM_CV_APPLIED);
	}
	c = command(LM_CHAIN_MOVE, i, 1);
	c.generation = i;
	CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_FULL);
	c.serial = 5;
	CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_FULL); /* void only from the next on */
	struct lm_chain_command serial = command(LM_CHAIN_SERIAL, 0, 2);
	serial.serial = 4;
	CU_ASSERT_EQUAL(lm_chain_apply(&s, &serial, NULL), LM_CV_APPLIED);
	CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_APPLIED);
	CU_ASSERT_EQUAL(s.n_gateways, LM_CHAIN_GATEWAYS_MAX);
	CU_ASSERT(lm_chain_known(&s, &c.author) >= 0);
	struct lm_public_key zero = key_of(0);
	CU_ASSERT_EQUAL(lm_chain_known(&s, &zero), 0); /* it owns an address block */
	lm_chain_state_free(&s);
}

/* An author and a gateway that are both new take two places, and not each other's. */
static void two_places(void)
{
	struct state s = begin(1);
	struct lm_chain_command c;

	for (unsigned i = 0; s.n_gateways < LM_CHAIN_GATEWAYS_MAX - 1; i++) {
		c = command(LM_CHAIN_MOVE, i, 1);
		c.generation = i + 1;
		CU_ASSERT_EQUAL_FATAL(lm_chain_apply(&s, &c, NULL), LM_CV_APPLIED);
	}
	c = command(LM_CHAIN_MOVE, 2000, 1);
	c.gateway = key_of(2001);
	c.generation = 5000;
	CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_FULL);
	CU_ASSERT_EQUAL(s.n_gateways, LM_CHAIN_GATEWAYS_MAX - 1);
	/* Those before are void now: the first place is one's, the second is the other's. */
	struct lm_chain_command serial = command(LM_CHAIN_SERIAL, 0, 2);
	serial.serial = c.serial = 4;
	CU_ASSERT_EQUAL(lm_chain_apply(&s, &serial, NULL), LM_CV_APPLIED);
	CU_ASSERT_EQUAL(lm_chain_apply(&s, &c, NULL), LM_CV_APPLIED);
	int author = lm_chain_known(&s, &c.author), gateway = lm_chain_known(&s, &c.gateway);
	CU_ASSERT_EQUAL(author, LM_CHAIN_GATEWAYS_MAX - 1);
	CU_ASSERT_EQUAL(gateway, 1);
	CU_ASSERT_EQUAL(s.endpoints[0].gateway, gateway);
	lm_chain_state_free(&s);
}

static bool has_address(const struct state *s, uint32_t address)
{
	for (unsigned i = 0; i < s->n_endpoints; i++)
		if (s->endpoints[i].address == address)
			return true;
	return false;
}

/* Which addresses are taken is known without looking at all endpoints: always the same. */
static void addresses(void)
{
	struct state s = begin(1), other;
	unsigned moved = 0, taken = 0;

	for (unsigned i = 0; i < 3000; i++) {
		uint8_t kind = below(3) ? LM_CHAIN_MOVE : LM_CHAIN_FORGET;
		struct lm_chain_command c = command(kind, 0, i + 1);
		c.key[3] = (uint8_t)below(40);
		c.address = (uint32_t)below(60);
		enum lm_chain_verdict verdict = lm_chain_apply(&s, &c, NULL);
		moved += verdict == LM_CV_APPLIED;
		taken += verdict == LM_CV_ADDRESS;
		CU_ASSERT_EQUAL_FATAL(lm_chain_state_copy(&other, &s), 0);
		for (uint32_t a = 0; a < 61; a++)
			CU_ASSERT_EQUAL(lm_chain_address_taken(&other, a), has_address(&s, a));
		lm_chain_state_free(&other);
	}
	CU_ASSERT(moved > 500 && taken > 500 && s.n_endpoints > 5);

	/* They are no part of the bytes, in which nobody has another's. */
	uint8_t bytes[8192];
	for (unsigned same = 0; same < 2; same++) {
		s.endpoints[1].address = same ? s.endpoints[0].address : 61;
		struct lm_writer w = lm_writer(bytes, sizeof(bytes));
		lm_chain_state_write(&w, &s);
		struct lm_reader r = lm_reader(bytes, lm_writer_len(&w));
		CU_ASSERT_EQUAL_FATAL(lm_chain_state_read(&other, &r), same ? -EBADMSG : 0);
		if (same)
			continue;
		CU_ASSERT(lm_chain_address_taken(&other, 61));
		lm_chain_state_free(&other);
	}
	lm_chain_state_free(&s);
}

static void ballots(void)
{
	CU_ASSERT(ballot_of(0, 0) > 0);
	CU_ASSERT(ballot_of(1, 0) > ballot_of(0, LM_CHAIN_MEMBERS_MAX - 1));
	for (uint64_t round = 0; round < 5; round++)
		for (unsigned m = 0; m < LM_CHAIN_MEMBERS_MAX; m++) {
			CU_ASSERT_EQUAL(ballot_round(ballot_of(round, m)), round);
			CU_ASSERT_EQUAL(ballot_member(ballot_of(round, m)), m);
		}
}

/* With real Ed25519: what is signed for one purpose, network, height or ballot counts nowhere else.
 */
static void certificates(void)
{
	struct lm_identity id[3];
	struct members m = {.n = 3};
	struct decided d = {.header = {.height = 4, .body_len = 1}, .certificate.ballot = 17};
	uint8_t hash[HASH_LEN];

	lm_crypto_init();
	for (uint8_t i = 0; i < 3; i++)
		lm_identity_from_seed(&id[i], (const uint8_t[32]){i});
	lm_chain_members_make(
	    &m, (const struct lm_public_key[]){id[0].pub, id[1].pub, id[2].pub}, 3);
	lm_chain_members_hash(d.header.members, &m);
	lm_chain_header_hash(hash, &d.header);
	for (unsigned i = 0; i < 2; i++) {
		int at = lm_chain_member(&m, &id[i].pub);
		d.certificate.members |= (uint8_t)(1u << at);
		lm_chain_accept_sign(&d.certificate.signature[at], &id[i], &d.header.where,
		    d.header.height, d.certificate.ballot, hash);
	}
	CU_ASSERT_TRUE(lm_chain_decided_verify(&d, &m));
	struct decided bad = d;
	bad.certificate.ballot++;
	CU_ASSERT_FALSE(lm_chain_decided_verify(&bad, &m));
	bad = d;
	bad.header.height++;
	CU_ASSERT_FALSE(lm_chain_decided_verify(&bad, &m));
	bad = d;
	bad.header.where.era++;
	CU_ASSERT_FALSE(lm_chain_decided_verify(&bad, &m));
	bad = d;
	bad.header.where.net.b[0]++;
	CU_ASSERT_FALSE(lm_chain_decided_verify(&bad, &m));
	bad = d;
	bad.certificate.members &= (uint8_t)(bad.certificate.members - 1); /* one is no majority */
	CU_ASSERT_FALSE(lm_chain_decided_verify(&bad, &m));
	bad = d;
	bad.certificate.members = 7; /* one signature that is none */
	CU_ASSERT_FALSE(lm_chain_decided_verify(&bad, &m));
	bad = d;
	bad.new_members = true;
	bad.members = m;
	bad.members.n--; /* others than the header names */
	CU_ASSERT_FALSE(lm_chain_decided_verify(&bad, &m));
}

LM_SUITE("chain_parts", {"genesis", genesis}, {"bytes_of_a_state", bytes_of_a_state},
    {"refused_changes_nothing", refused_changes_nothing}, {"numbers", numbers},
    {"last_member_stays", last_member_stays}, {"enough_addresses", enough_addresses},
    {"bounded", bounded}, {"two_places", two_places}, {"addresses", addresses},
    {"ballots", ballots}, {"certificates", certificates})
