/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <sodium.h>
#include "base/bytes.h"
#include "crypto/gcm.h"

struct vector {
	const char *key, *iv, *aad, *plain, *sealed; /* sealed: ciphertext and tag */
};

/* McGrew, Viega: "The Galois/Counter Mode of Operation", test cases 13 to 16 ... */
#define MV_KEY "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define MV_PLAIN \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define MV_CIPHER \
	"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" \
	"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
#define ZERO_KEY "0000000000000000000000000000000000000000000000000000000000000000"
#define ZERO_IV "000000000000000000000000"

static const struct vector vectors[] = {
    {ZERO_KEY, ZERO_IV, "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {ZERO_KEY, ZERO_IV, "", "00000000000000000000000000000000",
	"cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    {MV_KEY, "cafebabefacedbaddecaf888", "", MV_PLAIN "1aafd255",
	MV_CIPHER "898015adb094dac5d93471bdec1a502270e3cc6c"},
    {MV_KEY, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", MV_PLAIN,
	MV_CIPHER "76fc6ece0f4e1768cddf8853bb2d551b"},
    /*
     * ... and an ESP packet as RFC 4106 builds it, of draft-mcgrew-gcm-test: IV is salt 11223344
     * and the explicit IV, AAD is SPI 4a2cbfe3 and sequence number 2.
     */
    {"abbccddef00112233445566778899aababbccddef00112233445566778899aab", "112233440102030405060708",
	"4a2cbfe300000002",
	"4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee000000000"
	"7002400020bf0000020405b40101040201020201",
	"ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763"
	"748a637985771d347f0545659f14e99def842d8eb335f4eecfdbf831824b4c49"
	"15956c96"},
};

static size_t unhex(uint8_t *out, size_t size, const char *text)
{
	size_t n = strlen(text) / 2;

	CU_ASSERT_FATAL(n <= size);
	CU_ASSERT_EQUAL_FATAL(lm_unhex(out, n, text, strlen(text)), 0);
	return n;
}

static struct lm_gcm_engine *engine(void)
{
	struct lm_gcm_engine *e;

	CU_ASSERT_EQUAL_FATAL(lm_gcm_engine_create(&e), 0);
	return e;
}

static struct lm_gcm_key *expand(struct lm_gcm_engine *e, const uint8_t *bytes)
{
	struct lm_gcm_key *k;

	CU_ASSERT_EQUAL_FATAL(lm_gcm_key_create(&k, e, bytes), 0);
	CU_ASSERT_EQUAL((uintptr_t)k % 64, 0);
	return k;
}

static void test_vectors(void)
{
	struct lm_gcm_engine *e = engine();

	for (unsigned i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		const struct vector *v = &vectors[i];
		uint8_t key[32], iv[12], aad[32], plain[128], sealed[144], out[128], tag[16];
		unhex(key, sizeof key, v->key);
		unhex(iv, sizeof iv, v->iv);
		size_t aad_len = unhex(aad, sizeof aad, v->aad);
		size_t n = unhex(plain, sizeof plain, v->plain);
		CU_ASSERT_EQUAL(unhex(sealed, sizeof sealed, v->sealed), n + LM_GCM_TAG_LEN);
		struct lm_gcm_key *k = expand(e, key);

		lm_gcm_seal(e, k, out, plain, n, iv, aad, aad_len, tag);
		CU_ASSERT_EQUAL(memcmp(out, sealed, n), 0);
		CU_ASSERT_TRUE(lm_gcm_tag_equal(tag, sealed + n));
		memset(tag, 0, sizeof tag);
		lm_gcm_open(e, k, out, sealed, n, iv, aad, aad_len, tag);
		CU_ASSERT_EQUAL(memcmp(out, plain, n), 0);
		CU_ASSERT_TRUE(lm_gcm_tag_equal(tag, sealed + n));
		lm_gcm_key_free(k);
	}
	lm_gcm_engine_free(e);
}

/*
 * Every length up to 1,500 in place, with ESP's two lengths of AAD: one hash over all that was
 * sealed, beside the one that Python's cryptography (OpenSSL) gives.
 */
static void test_every_length(void)
{
	struct lm_gcm_engine *e = engine();
	uint8_t key[32], iv[12] = {1, 2, 3, 4}, aad[12], buf[1500 + LM_GCM_TAG_LEN], hash[32];
	uint8_t tag[16];
	char hex[65];
	crypto_generichash_state h;

	for (unsigned i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof aad; i++)
		aad[i] = (uint8_t)(0x80 + i);
	struct lm_gcm_key *k = expand(e, key);
	crypto_generichash_init(&h, NULL, 0, sizeof hash);
	for (unsigned n = 0; n <= 1500; n++) {
		size_t aad_len = n % 2 ? 8 : 12;
		iv[10] = (uint8_t)(n >> 8);
		iv[11] = (uint8_t)n;
		for (unsigned i = 0; i < n; i++)
			buf[i] = (uint8_t)(n + i);
		lm_gcm_seal(e, k, buf, buf, n, iv, aad, aad_len, buf + n);
		crypto_generichash_update(&h, buf, n + LM_GCM_TAG_LEN);

		lm_gcm_open(e, k, buf, buf, n, iv, aad, aad_len, tag);
		bool same = lm_gcm_tag_equal(tag, buf + n);
		for (unsigned i = 0; i < n; i++)
			same = same && buf[i] == (uint8_t)(n + i);
		CU_ASSERT_TRUE(same);
	}
	crypto_generichash_final(&h, hash, sizeof hash);
	CU_ASSERT_STRING_EQUAL(lm_hex(hex, hash, sizeof hash),
	    "0645dd0813809baf46688b6909f6f49c2ad0dd239856914278f1bcecd54afb9e");
	lm_gcm_key_free(k);
	lm_gcm_engine_free(e);
}

static void test_tampered(void)
{
	struct lm_gcm_engine *e = engine();
	uint8_t key[32] = {7}, iv[12] = {1}, aad[12] = {2}, plain[40] = {3}, cipher[40], out[40];
	uint8_t tag[16], got[16];
	struct lm_gcm_key *k = expand(e, key);

	lm_gcm_seal(e, k, cipher, plain, sizeof plain, iv, aad, sizeof aad, tag);
	for (unsigned bit = 0; bit < 8 * sizeof cipher; bit++) {
		cipher[bit / 8] ^= (uint8_t)(1 << bit % 8);
		lm_gcm_open(e, k, out, cipher, sizeof cipher, iv, aad, sizeof aad, got);
		CU_ASSERT_FALSE(lm_gcm_tag_equal(tag, got));
		cipher[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (unsigned i = 0; i < sizeof aad; i++) {
		aad[i] ^= 1;
		lm_gcm_open(e, k, out, cipher, sizeof cipher, iv, aad, sizeof aad, got);
		CU_ASSERT_FALSE(lm_gcm_tag_equal(tag, got));
		aad[i] ^= 1;
	}
	for (unsigned i = 0; i < sizeof iv; i++) {
		iv[i] ^= 1;
		lm_gcm_open(e, k, out, cipher, sizeof cipher, iv, aad, sizeof aad, got);
		CU_ASSERT_FALSE(lm_gcm_tag_equal(tag, got));
		iv[i] ^= 1;
	}
	lm_gcm_open(e, k, out, cipher, sizeof cipher, iv, aad, sizeof aad, got);
	CU_ASSERT_TRUE(lm_gcm_tag_equal(tag, got));
	lm_gcm_key_free(k);
	lm_gcm_engine_free(e);
}

static void test_tag_equal(void)
{
	uint8_t a[16] = {0}, b[16] = {0};

	CU_ASSERT_TRUE(lm_gcm_tag_equal(a, b));
	for (unsigned bit = 0; bit < 128; bit++) {
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT_FALSE(lm_gcm_tag_equal(a, b));
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* A key that one worker's engine expanded is used by another's. */
static void test_key_of_another_engine(void)
{
	struct lm_gcm_engine *a = engine(), *b = engine();
	uint8_t key[32] = {9}, iv[12] = {1}, text[20] = "lanes move", tag[16], got[16];
	struct lm_gcm_key *k = expand(a, key);

	lm_gcm_seal(a, k, text, text, sizeof text, iv, NULL, 0, tag);
	lm_gcm_engine_free(a);
	lm_gcm_open(b, k, text, text, sizeof text, iv, NULL, 0, got);
	CU_ASSERT_TRUE(lm_gcm_tag_equal(tag, got));
	CU_ASSERT_STRING_EQUAL((char *)text, "lanes move");
	lm_gcm_key_free(k);
	lm_gcm_key_free(NULL);
	lm_gcm_engine_free(b);
}

static void test_library(void)
{
	int writes_shared = -1;
	const char *version = lm_gcm_library(&writes_shared);

	CU_ASSERT_FATAL(version[0] >= '1' && version[0] <= '9');
	CU_ASSERT_EQUAL(writes_shared, version[0] == '1');
	printf("(ipsec-mb %s) ", version);
}

LM_SUITE("gcm", {"vectors", test_vectors}, {"every_length", test_every_length},
    {"tampered", test_tampered}, {"tag_equal", test_tag_equal},
    {"key_of_another_engine", test_key_of_another_engine}, {"library", test_library})
