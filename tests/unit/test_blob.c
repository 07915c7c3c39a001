/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs over real sessions in the simulated network. */
#include "session_sim.h"

#include <errno.h>
#include <sodium.h>

#include "base/bytes.h"
#include "session/blob.h"

#define BLOB_MAX (1u << 20)

/* Node 0 pulls, node 1 has. */
static struct sim sim;
static struct lm_blobs *blobs[2];
static uint8_t content[BLOB_MAX], name[LM_BLOB_HASH_LEN];
static size_t content_len;

/* what happened */
static unsigned n_pulled, n_gets;
static int last_err;
static uint64_t last_tag;
static bool same_bytes;
static uint64_t pull_again; /* start another one from the callback, this often */

static const uint8_t *find(void *ctx, struct lm_peer *peer, const uint8_t hash[32], size_t *len)
{
	(void)ctx;
	(void)peer;
	n_gets++;
	if (memcmp(hash, name, sizeof(name)) != 0)
		return NULL;
	*len = content_len;
	return content;
}

static void pulled(void *ctx, struct lm_peer *peer, const uint8_t hash[32], int err,
    const uint8_t *bytes, size_t len, uint64_t tag)
{
	(void)ctx;
	n_pulled++;
	last_err = err;
	last_tag = tag;
	same_bytes = !err && len == content_len && memcmp(bytes, content, len) == 0;
	CU_ASSERT_EQUAL(bytes != NULL, err == 0);
	if (pull_again > 0) {
		struct lm_now now = sim_now(&sim, &sim.nodes[0]);
		pull_again--;
		CU_ASSERT_EQUAL(lm_blob_pull(blobs[0], &now, peer, hash, content_len, tag + 1), 0);
	}
}

static void on_message(
    struct sim_node *n, struct lm_peer *p, uint8_t type, const uint8_t *body, size_t len)
{
	struct lm_now now = sim_now(&sim, n);
	CU_ASSERT(lm_blobs_message(blobs[n->n], &now, p, type, body, len) == (type < 0x20));
}

static void start(size_t len, uint64_t seed)
{
	static const struct lm_blob_ops ops = {find, pulled};
	sim_two_up(&sim, seed);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL_FATAL(lm_blobs_create(&blobs[i], &ops, NULL), 0);
		sim.nodes[i].on_message = on_message;
	}
	content_len = len;
	for (size_t i = 0; i < len; i++)
		content[i] = (uint8_t)sim_random(&sim);
	crypto_generichash(name, sizeof(name), content, len, NULL, 0);
	n_pulled = n_gets = 0;
	pull_again = 0;
	last_err = 1;
	same_bytes = false;
}

static void finish(void)
{
	for (int i = 0; i < 2; i++)
		lm_blobs_free(blobs[i]);
	sim_free(&sim);
}

static int pull(const uint8_t hash[32], size_t size, uint64_t tag)
{
	struct lm_now now = sim_now(&sim, &sim.nodes[0]);
	return lm_blob_pull(blobs[0], &now, sim.nodes[0].peers[1], hash, size, tag);
}

static void run(uint64_t ns)
{
	for (uint64_t end = sim.now + ns; sim.now < end;) {
		struct lm_now now = sim_now(&sim, &sim.nodes[0]);
		lm_blobs_tick(blobs[0], &now);
		sim_run(&sim, 10 * MSEC);
	}
}

static void test_sizes(void)
{
	const size_t sizes[] = {1, 1023, 1024, 1025, 2048, 40000, BLOB_MAX};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		start(sizes[i], i);
		CU_ASSERT_EQUAL(pull(name, sizes[i], 7 + i), 0);
		run(3 * SEC);
		CU_ASSERT_EQUAL(n_pulled, 1);
		CU_ASSERT_EQUAL(last_err, 0);
		CU_ASSERT_EQUAL(last_tag, 7 + i);
		CU_ASSERT(same_bytes);
		/* Nothing is asked twice where nothing is lost. */
		CU_ASSERT_EQUAL(n_gets, (sizes[i] + LM_BLOB_CHUNK - 1) / LM_BLOB_CHUNK);
		finish();
	}
}

static void test_loss(void)
{
	for (uint64_t seed = 10; seed < 20; seed++) {
		start(300000, seed);
		sim.loss = 20;
		sim.dup = 10;
		sim.delay_max = 80 * MSEC;
		CU_ASSERT_EQUAL(pull(name, content_len, 0), 0);
		run(60 * SEC);
		CU_ASSERT_EQUAL(n_pulled, 1);
		CU_ASSERT_EQUAL(last_err, 0);
		CU_ASSERT(same_bytes);
		finish();
	}
}

/* The sender is asked for 16 chunks at first, for ever more where nothing is lost, up to 64. */
static unsigned in_flight, most_in_flight, n_asked;

static bool count_gets(struct sim *s, struct sim_packet *p)
{
	(void)s;
	/* Messages are sealed; a question is told from an answer by its length. */
	size_t body = p->len - LM_DATA_OVERHEAD - 1;
	if (p->data[4] == LM_WIRE_TRANSPORT && body == LM_BLOB_HASH_LEN + 4)
		in_flight++;
	else if (body > LM_BLOB_HASH_LEN + 4 && in_flight > 0)
		in_flight--;
	if (in_flight > most_in_flight)
		most_in_flight = in_flight;
	return true;
}

static void test_pacing(void)
{
	start(BLOB_MAX, 20);
	in_flight = most_in_flight = 0;
	sim.tap = count_gets;
	CU_ASSERT_EQUAL(pull(name, content_len, 0), 0);
	CU_ASSERT_EQUAL(most_in_flight, 16);
	run(3 * SEC);
	CU_ASSERT(same_bytes);
	CU_ASSERT_EQUAL(most_in_flight, 64);
	finish();
}

/* A link that loses what is more than it carries at once is not kept full of it. */
#define NARROW 12
static unsigned carried;

static bool narrow(struct sim *s, struct sim_packet *p)
{
	(void)s;
	size_t body = p->len - LM_DATA_OVERHEAD - 1;
	if (p->data[4] != LM_WIRE_TRANSPORT || body != LM_BLOB_HASH_LEN + 4)
		return true;
	n_asked++;
	return carried++ < NARROW;
}

static void test_narrow_link(void)
{
	start(BLOB_MAX, 22);
	carried = n_asked = 0;
	sim.tap = narrow;
	sim.delay_min = sim.delay_max = 50 * MSEC;
	CU_ASSERT_EQUAL(pull(name, content_len, 0), 0);
	for (unsigned i = 0; i < 600 && !same_bytes; i++) {
		carried = 0; /* every 100 ms, which is a round trip */
		run(100 * MSEC);
	}
	CU_ASSERT(same_bytes);
	/* Less than as much again is lost. */
	CU_ASSERT(n_asked < 2 * BLOB_MAX / LM_BLOB_CHUNK);
	finish();
}

static void test_not_there(void)
{
	uint8_t other[32] = {1};
	start(5000, 21);
	CU_ASSERT_EQUAL(pull(other, 5000, 0), 0);
	run(SEC);
	CU_ASSERT_EQUAL(n_pulled, 1);
	CU_ASSERT_EQUAL(last_err, -ENOENT);
	finish();
}

static void test_wrong_size(void)
{
	const size_t claims[] = {1, 4999, 5001, 6144, 6145, 9000};
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		start(5000, 22);
		CU_ASSERT_EQUAL(pull(name, claims[i], 0), 0);
		run(SEC);
		CU_ASSERT_EQUAL(n_pulled, 1);
		CU_ASSERT(last_err == -EBADMSG || last_err == -ENOENT);
		finish();
	}
}

static void test_wrong_content(void)
{
	start(5000, 23);
	content[4999] ^= 1;
	CU_ASSERT_EQUAL(pull(name, 5000, 0), 0);
	run(SEC);
	CU_ASSERT_EQUAL(n_pulled, 1);
	CU_ASSERT_EQUAL(last_err, -EBADMSG);
	finish();
}

static void test_timeout(void)
{
	start(5000, 24);
	sim.loss = 100;
	CU_ASSERT_EQUAL(pull(name, 5000, 0), 0);
	run(14 * SEC);
	CU_ASSERT_EQUAL(n_pulled, 0);
	CU_ASSERT(sim.nodes[0].sent < 5 * 16); /* it asks more and more slowly */
	run(2 * SEC);
	CU_ASSERT_EQUAL(n_pulled, 1);
	CU_ASSERT_EQUAL(last_err, -ETIMEDOUT);
	struct lm_now now = sim_now(&sim, &sim.nodes[0]);
	CU_ASSERT_EQUAL(lm_blobs_tick(blobs[0], &now), UINT64_MAX);
	finish();
}

static void test_peer_down(void)
{
	uint8_t other[32] = {1};
	start(5000, 25);
	CU_ASSERT_EQUAL(pull(name, 5000, 0), 0);
	CU_ASSERT_EQUAL(pull(other, 5000, 0), 0);
	lm_blobs_peer_down(blobs[0], sim.nodes[0].peers[1]);
	CU_ASSERT_EQUAL(n_pulled, 2);
	CU_ASSERT_EQUAL(last_err, -ECONNRESET);
	run(SEC); /* late answers find nobody */
	CU_ASSERT_EQUAL(n_pulled, 2);
	finish();
}

static void test_bounds(void)
{
	uint8_t other[32] = {1};
	start(5000, 26);
	CU_ASSERT_EQUAL(pull(name, 0, 0), -EINVAL);
	CU_ASSERT_EQUAL(pull(name, SIZE_MAX, 0), -EINVAL);
	CU_ASSERT_EQUAL(pull(name, 5000, 0), 0);
	CU_ASSERT_EQUAL(pull(name, 5000, 0), -EALREADY);
	for (int i = 1; i < LM_BLOB_PULLS_PER_PEER; i++, other[1]++)
		CU_ASSERT_EQUAL(pull(other, 1, 0), 0);
	CU_ASSERT_EQUAL(pull(other, 1, 0), -EBUSY);
	run(SEC);
	CU_ASSERT_EQUAL(n_pulled, LM_BLOB_PULLS_PER_PEER);
	CU_ASSERT_EQUAL(pull(other, 1, 0), 0);
	finish();
}

static void test_bound_over_all_peers(void)
{
	/* Without sessions: peers are only told apart here. */
	struct lm_peer peers[LM_BLOB_PULLS_MAX / LM_BLOB_PULLS_PER_PEER + 1];
	uint8_t hash[32] = {0};
	start(1, 27);
	struct lm_now now = sim_now(&sim, &sim.nodes[0]);
	memset(peers, 0, sizeof(peers));
	for (unsigned i = 0; i < LM_BLOB_PULLS_MAX; i++, hash[0]++)
		CU_ASSERT_EQUAL(
		    lm_blob_pull(blobs[0], &now, &peers[i / LM_BLOB_PULLS_PER_PEER], hash, 1, 0),
		    0);
	CU_ASSERT_EQUAL(lm_blob_pull(blobs[0], &now,
			    &peers[LM_BLOB_PULLS_MAX / LM_BLOB_PULLS_PER_PEER], hash, 1, 0),
	    -EBUSY);
	finish();
}

static void test_again_from_the_callback(void)
{
	start(5000, 28);
	pull_again = 3;
	CU_ASSERT_EQUAL(pull(name, 5000, 1), 0);
	run(2 * SEC);
	CU_ASSERT_EQUAL(n_pulled, 4);
	CU_ASSERT_EQUAL(last_tag, 4);
	CU_ASSERT(same_bytes);
	pull_again = 2;
	CU_ASSERT_EQUAL(pull(name, 5000, 1), 0);
	lm_blobs_peer_down(blobs[0], sim.nodes[0].peers[1]); /* ends, although it starts again */
	CU_ASSERT_EQUAL(last_err, -ECONNRESET);
	finish();
}

/* Answers that nobody asked for, and questions of any shape. */
static void test_malformed(void)
{
	static uint8_t body[LM_BLOB_HASH_LEN + 4 + LM_BLOB_CHUNK + 1];
	start(5000, 29);
	struct lm_now now = sim_now(&sim, &sim.nodes[0]);
	CU_ASSERT_EQUAL(pull(name, 5000, 0), 0);
	struct lm_peer *p = sim.nodes[0].peers[1];
	memcpy(body, name, sizeof(name));
	for (uint8_t type = LM_MSG_BLOB_GET; type <= LM_MSG_BLOB_DATA; type++)
		for (size_t len = 0; len < LM_BLOB_HASH_LEN + 4; len++)
			CU_ASSERT(lm_blobs_message(blobs[0], &now, p, type, body, len));
	CU_ASSERT_EQUAL(n_pulled, 0);
	struct lm_writer w = lm_writer(body + LM_BLOB_HASH_LEN, 4);
	lm_write_u32(&w, 77); /* no chunk begins there */
	lm_blobs_message(blobs[0], &now, p, LM_MSG_BLOB_DATA, body, LM_BLOB_HASH_LEN + 4 + 1024);
	w = lm_writer(body + LM_BLOB_HASH_LEN, 4);
	lm_write_u32(&w, 0xfffffc00);
	lm_blobs_message(blobs[0], &now, p, LM_MSG_BLOB_DATA, body, LM_BLOB_HASH_LEN + 4 + 1024);
	lm_blobs_message(blobs[0], &now, p, LM_MSG_BLOB_GET, body, LM_BLOB_HASH_LEN + 4);
	CU_ASSERT_EQUAL(n_pulled, 0);
	CU_ASSERT(!lm_blobs_message(blobs[0], &now, p, 0x1f, body, 10));
	CU_ASSERT(!lm_blobs_message(blobs[0], &now, p, 0x20, body, 10));
	run(SEC);
	CU_ASSERT(same_bytes);
	finish();
}

LM_SUITE("blob", {"sizes", test_sizes}, {"loss", test_loss}, {"pacing", test_pacing},
    {"narrow_link", test_narrow_link}, {"not_there", test_not_there},
    {"wrong_size", test_wrong_size}, {"wrong_content", test_wrong_content},
    {"timeout", test_timeout}, {"peer_down", test_peer_down}, {"bounds", test_bounds},
    {"bound_over_all_peers", test_bound_over_all_peers},
    {"again_from_the_callback", test_again_from_the_callback}, {"malformed", test_malformed})
