/* SPDX-License-Identifier: Apache-2.0 */
/* Noise against the published vectors of three implementations, and what must be refused. */
#include "suite.h"

#include <errno.h>
#include <sodium.h>

#include "base/bytes.h"
#include "crypto/identity.h"
#include "session/noise.h"

#define FIELD_MAX 512
#define MESSAGES_MAX 8
#define SETS_MAX 4

struct bytes {
	uint8_t b[FIELD_MAX];
	size_t len;
};

struct vectors {
	char name[32];
	struct bytes prologue, init_static, init_ephemeral, init_remote_static;
	struct bytes resp_static, resp_ephemeral, handshake_hash;
	struct bytes payload[MESSAGES_MAX], ciphertext[MESSAGES_MAX];
	unsigned n_payloads, n_ciphertexts;
};

static struct bytes *field(struct vectors *v, const char *key)
{
	const struct {
		const char *key;
		struct bytes *to;
	} fields[] = {
	    {"prologue", &v->prologue},
	    {"init_static", &v->init_static},
	    {"init_ephemeral", &v->init_ephemeral},
	    {"init_remote_static", &v->init_remote_static},
	    {"resp_static", &v->resp_static},
	    {"resp_ephemeral", &v->resp_ephemeral},
	    {"handshake_hash", &v->handshake_hash},
	};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].key, key) == 0)
			return fields[i].to;
	if (strcmp(key, "payload") == 0 && v->n_payloads < MESSAGES_MAX)
		return &v->payload[v->n_payloads++];
	if (strcmp(key, "ciphertext") == 0 && v->n_ciphertexts < MESSAGES_MAX)
		return &v->ciphertext[v->n_ciphertexts++];
	return NULL;
}

static unsigned load(struct vectors *sets)
{
	char line[2 * FIELD_MAX + 64], key[32], value[2 * FIELD_MAX + 1];
	unsigned n = 0;
	FILE *f = fopen(LM_TEST_DATA "/noise_ik_25519_chachapoly_blake2b.txt", "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL_FATAL(lm_crypto_init(), 0);
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#' || sscanf(line, "%31s %1024s", key, value) != 2)
			continue;
		if (strcmp(key, "set") == 0) {
			CU_ASSERT_FATAL(n < SETS_MAX);
			memset(&sets[n], 0, sizeof(sets[n]));
			snprintf(sets[n++].name, sizeof(sets[0].name), "%.31s", value);
			continue;
		}
		struct bytes *to = n ? field(&sets[n - 1], key) : NULL;
		CU_ASSERT_PTR_NOT_NULL_FATAL(to);
		to->len = strlen(value) / 2;
		CU_ASSERT_EQUAL_FATAL(lm_unhex(to->b, to->len, value, strlen(value)), 0);
	}
	fclose(f);
	return n;
}

static void start(struct lm_noise *init, struct lm_noise *resp, const struct vectors *v)
{
	uint8_t pub[32];
	crypto_scalarmult_base(pub, v->init_static.b);
	lm_noise_init(init, LM_NOISE_INITIATOR, v->prologue.b, v->prologue.len, v->init_static.b,
	    pub, v->init_remote_static.b);
	crypto_scalarmult_base(pub, v->resp_static.b);
	lm_noise_init(
	    resp, LM_NOISE_RESPONDER, v->prologue.b, v->prologue.len, v->resp_static.b, pub, NULL);
}

/* One handshake message: written as published, read back as the payload. */
static void handshake_message(struct lm_noise *from, struct lm_noise *to, const struct bytes *e,
    const struct bytes *payload, const struct bytes *ciphertext)
{
	uint8_t out[FIELD_MAX], back[FIELD_MAX];
	int n = lm_noise_write(from, e->b, payload->b, payload->len, out, sizeof(out));
	CU_ASSERT_EQUAL_FATAL((size_t)n, ciphertext->len);
	CU_ASSERT_EQUAL(memcmp(out, ciphertext->b, ciphertext->len), 0);
	n = lm_noise_read(to, ciphertext->b, ciphertext->len, back, sizeof(back));
	CU_ASSERT_EQUAL_FATAL((size_t)n, payload->len);
	CU_ASSERT_EQUAL(memcmp(back, payload->b, payload->len), 0);
}

static void transport_message(const uint8_t send[32], const uint8_t recv[32], uint64_t counter,
    const struct bytes *payload, const struct bytes *ciphertext)
{
	uint8_t out[FIELD_MAX + 16], back[FIELD_MAX];
	CU_ASSERT_EQUAL_FATAL(payload->len + 16, ciphertext->len);
	lm_noise_seal(out, send, counter, NULL, 0, payload->b, payload->len);
	CU_ASSERT_EQUAL(memcmp(out, ciphertext->b, ciphertext->len), 0);
	CU_ASSERT_EQUAL(
	    lm_noise_open(back, recv, counter, NULL, 0, ciphertext->b, ciphertext->len), 0);
	CU_ASSERT_EQUAL(memcmp(back, payload->b, payload->len), 0);
}

static void check_vectors(const struct vectors *v)
{
	struct lm_noise init, resp;
	uint8_t i_send[32], i_recv[32], r_send[32], r_recv[32];

	CU_ASSERT_FATAL(v->n_payloads == v->n_ciphertexts && v->n_payloads >= 4);
	start(&init, &resp, v);
	handshake_message(&init, &resp, &v->init_ephemeral, &v->payload[0], &v->ciphertext[0]);
	CU_ASSERT_EQUAL(memcmp(resp.rs, init.s_public, 32), 0);
	handshake_message(&resp, &init, &v->resp_ephemeral, &v->payload[1], &v->ciphertext[1]);
	CU_ASSERT_EQUAL(memcmp(init.h, resp.h, sizeof(init.h)), 0);
	if (v->handshake_hash.len) {
		CU_ASSERT_EQUAL_FATAL(v->handshake_hash.len, LM_NOISE_HASH_LEN);
		CU_ASSERT_EQUAL(memcmp(init.h, v->handshake_hash.b, LM_NOISE_HASH_LEN), 0);
	}
	CU_ASSERT_EQUAL(lm_noise_split(&init, i_send, i_recv), 0);
	CU_ASSERT_EQUAL(lm_noise_split(&resp, r_send, r_recv), 0);
	for (unsigned i = 2; i < v->n_payloads; i++) {
		bool initiator = i % 2 == 0;
		transport_message(initiator ? i_send : r_send, initiator ? r_recv : i_recv,
		    (i - 2) / 2, &v->payload[i], &v->ciphertext[i]);
	}
}

static void test_vectors(void)
{
	struct vectors sets[SETS_MAX];
	unsigned n = load(sets);
	CU_ASSERT_EQUAL(n, 3);
	for (unsigned i = 0; i < n; i++)
		check_vectors(&sets[i]);
}

/* ---- what the vectors do not say ---- */

static struct vectors one_set(void)
{
	struct vectors sets[SETS_MAX];
	CU_ASSERT_FATAL(load(sets) > 0);
	return sets[0];
}

static void test_tampering(void)
{
	struct vectors v = one_set();
	struct lm_noise init, resp, before;
	uint8_t msg[FIELD_MAX], back[FIELD_MAX];
	start(&init, &resp, &v);
	before = resp;
	for (size_t i = 0; i < v.ciphertext[0].len; i++) {
		memcpy(msg, v.ciphertext[0].b, v.ciphertext[0].len);
		/* The top bit of an X25519 key is ignored (RFC 7748), but the hash covers it. */
		msg[i] ^= 0x80;
		CU_ASSERT_EQUAL(
		    lm_noise_read(&resp, msg, v.ciphertext[0].len, back, sizeof(back)), -EBADMSG);
	}
	CU_ASSERT_EQUAL(memcmp(&before, &resp, sizeof(resp)), 0);
	for (size_t len = 0; len < v.ciphertext[0].len; len++)
		CU_ASSERT_EQUAL(
		    lm_noise_read(&resp, v.ciphertext[0].b, len, back, sizeof(back)), -EBADMSG);
	/* And the true one is still accepted. */
	CU_ASSERT(
	    lm_noise_read(&resp, v.ciphertext[0].b, v.ciphertext[0].len, back, sizeof(back)) >= 0);
}

static void test_forged_response(void)
{
	struct vectors v = one_set();
	struct lm_noise init, resp;
	uint8_t msg[FIELD_MAX], back[FIELD_MAX];
	start(&init, &resp, &v);
	handshake_message(&init, &resp, &v.init_ephemeral, &v.payload[0], &v.ciphertext[0]);
	memcpy(msg, v.ciphertext[1].b, v.ciphertext[1].len);
	msg[40] ^= 1;
	CU_ASSERT_EQUAL(
	    lm_noise_read(&init, msg, v.ciphertext[1].len, back, sizeof(back)), -EBADMSG);
	CU_ASSERT_EQUAL(lm_noise_split(&init, msg, msg + 32), -EPROTO);
	handshake_message(&resp, &init, &v.resp_ephemeral, &v.payload[1], &v.ciphertext[1]);
}

static void test_other_prologue_or_responder(void)
{
	struct vectors v = one_set(), other = v;
	struct lm_noise init, resp, ignored;
	uint8_t back[FIELD_MAX];
	other.prologue.b[0] ^= 1;
	start(&ignored, &resp, &other);
	CU_ASSERT_EQUAL(
	    lm_noise_read(&resp, v.ciphertext[0].b, v.ciphertext[0].len, back, sizeof(back)),
	    -EBADMSG);
	other = v;
	other.resp_static.b[5] ^= 1;
	start(&init, &resp, &other);
	CU_ASSERT_EQUAL(
	    lm_noise_read(&resp, v.ciphertext[0].b, v.ciphertext[0].len, back, sizeof(back)),
	    -EBADMSG);
}

static void test_order_and_room(void)
{
	struct vectors v = one_set();
	struct lm_noise init, resp;
	uint8_t buf[FIELD_MAX];
	start(&init, &resp, &v);
	CU_ASSERT_EQUAL(
	    lm_noise_write(&resp, v.resp_ephemeral.b, "", 0, buf, sizeof(buf)), -EPROTO);
	CU_ASSERT_EQUAL(lm_noise_read(&init, buf, 100, buf, sizeof(buf)), -EPROTO);
	CU_ASSERT_EQUAL(lm_noise_split(&init, buf, buf + 32), -EPROTO);
	CU_ASSERT_EQUAL(
	    lm_noise_write(&init, v.init_ephemeral.b, "abc", 3, buf, LM_NOISE_MSG1_OVERHEAD + 2),
	    -ENOBUFS);
	CU_ASSERT_EQUAL(
	    lm_noise_write(&init, v.init_ephemeral.b, "abc", 3, buf, LM_NOISE_MSG1_OVERHEAD + 3),
	    LM_NOISE_MSG1_OVERHEAD + 3);
	CU_ASSERT_EQUAL(
	    lm_noise_write(&init, v.init_ephemeral.b, "abc", 3, buf, sizeof(buf)), -EPROTO);
	CU_ASSERT_EQUAL(
	    lm_noise_read(&resp, buf, LM_NOISE_MSG1_OVERHEAD + 3, buf + 200, 2), -ENOBUFS);
	CU_ASSERT_EQUAL(lm_noise_read(&resp, buf, LM_NOISE_MSG1_OVERHEAD + 3, buf + 200, 3), 3);
}

/* Points of small order give a secret that everybody knows. */
static void test_low_order(void)
{
	struct vectors v = one_set();
	struct lm_noise init, resp;
	uint8_t out[FIELD_MAX];
	memset(v.init_remote_static.b, 0, 32);
	start(&init, &resp, &v);
	CU_ASSERT_EQUAL(
	    lm_noise_write(&init, v.init_ephemeral.b, "", 0, out, sizeof(out)), -EPROTO);
	memset(out, 0, sizeof(out));
	CU_ASSERT_EQUAL(lm_noise_read(&resp, out, 128, out + 256, 128), -EBADMSG);
}

LM_SUITE("noise", {"published_vectors", test_vectors}, {"tampering", test_tampering},
    {"forged_response", test_forged_response},
    {"other_prologue_or_responder", test_other_prologue_or_responder},
    {"order_and_room", test_order_and_room}, {"low_order", test_low_order})
