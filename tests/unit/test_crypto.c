/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/bytes.h"
#include "crypto/identity.h"

static void unhex(void *out, size_t n, const char *text)
{
	CU_ASSERT_EQUAL_FATAL(lm_unhex(out, n, text, strlen(text)), 0);
}

static bool equals_hex(const void *data, size_t n, const char *text)
{
	char hex[512];

	CU_ASSERT_FATAL(2 * n < sizeof hex);
	return strcmp(lm_hex(hex, data, n), text) == 0;
}

static struct lm_identity identity(const char *seed_hex)
{
	struct lm_identity id;
	uint8_t seed[32];

	CU_ASSERT_EQUAL_FATAL(lm_crypto_init(), 0);
	unhex(seed, sizeof seed, seed_hex);
	lm_identity_from_seed(&id, seed);
	return id;
}

/* RFC 8032, section 7.1: tests 1, 2 and 1024. */
#define SEED_1 "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define SEED_2 "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
#define SEED_1024 "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5"

static void test_keys(void)
{
	struct lm_identity a = identity(SEED_1), b = identity(SEED_2);

	CU_ASSERT_TRUE(equals_hex(
	    a.pub.b, 32, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
	CU_ASSERT_TRUE(equals_hex(
	    b.pub.b, 32, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
	/* The rest of this function by Python's hashlib and cryptography. */
	CU_ASSERT_TRUE(equals_hex(a.id.b, 20, "1b3517cf5af0ac86b8efe88452908c45f5c7e079"));
	CU_ASSERT_TRUE(equals_hex(
	    a.x_public, 32, "d85e07ec22b0ad881537c2f44d662d1a143cf830c57aca4305d85c7a90f6b62e"));
	struct lm_net_id net = lm_net_id(&a.pub, "shop");
	CU_ASSERT_TRUE(equals_hex(
	    net.b, 32, "6e17458604bc2ec4802faded19b7c7836e894bab03643939dba792296695535f"));
}

static void test_public_x25519(void)
{
	struct lm_identity a = identity(SEED_1);
	struct lm_public_key bad;
	uint8_t x[32];

	CU_ASSERT_EQUAL(lm_public_x25519(x, &a.pub), 0);
	CU_ASSERT_EQUAL(memcmp(x, a.x_public, sizeof x), 0);
	/* Points of small order would give the same shared secret to everybody. */
	memset(&bad, 0, sizeof bad);
	CU_ASSERT_EQUAL(lm_public_x25519(x, &bad), -EINVAL);
	bad.b[0] = 1;
	CU_ASSERT_EQUAL(lm_public_x25519(x, &bad), -EINVAL);
	/* y = 2 is on no curve point. */
	bad.b[0] = 2;
	CU_ASSERT_EQUAL(lm_public_x25519(x, &bad), -EINVAL);
}

/*
 * RFC 8032's test 1024 has its first zero byte at 67: the bytes before it serve as the domain,
 * those behind it as the message.
 */
static void test_sign_rfc8032(void)
{
	struct lm_identity id = identity(SEED_1024);
	char hex[2 * 1023 + 1];
	uint8_t msg[1023];
	struct lm_signature sig;

	FILE *f = fopen(LM_TEST_DATA "/rfc8032-test-1024.hex", "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL_FATAL(fread(hex, 1, sizeof hex - 1, f), sizeof hex - 1);
	fclose(f);
	hex[sizeof hex - 1] = '\0';
	unhex(msg, sizeof msg, hex);
	const char *domain = (const char *)msg;
	size_t prefix = strlen(domain) + 1;
	CU_ASSERT_EQUAL(prefix, 68);
	CU_ASSERT_EQUAL(lm_sign(&sig, &id, domain, msg + prefix, sizeof msg - prefix), 0);
	CU_ASSERT_TRUE(equals_hex(sig.b, sizeof sig.b,
	    "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350"
	    "aa5371b1508f9f4528ecea23c436d94b5e8fcd4f681e30a6ac00a9704a188a03"));
	CU_ASSERT_TRUE(lm_verify(&sig, &id.pub, domain, msg + prefix, sizeof msg - prefix));
}

static void test_verify_rejects(void)
{
	struct lm_identity a = identity(SEED_1), b = identity(SEED_2);
	struct lm_signature sig, altered;

	CU_ASSERT_EQUAL(lm_sign(&sig, &a, "test-v1", "message", 7), 0);
	CU_ASSERT_TRUE(lm_verify(&sig, &a.pub, "test-v1", "message", 7));
	CU_ASSERT_FALSE(lm_verify(&sig, &b.pub, "test-v1", "message", 7));
	CU_ASSERT_FALSE(lm_verify(&sig, &a.pub, "test-v2", "message", 7));
	CU_ASSERT_FALSE(lm_verify(&sig, &a.pub, "test-v1", "message", 6));
	CU_ASSERT_FALSE(lm_verify(&sig, &a.pub, "test-v1", "massage", 7));
	/* The boundary between domain and message is signed as well. */
	CU_ASSERT_EQUAL(lm_sign(&sig, &a, "test-v1m", "essage", 6), 0);
	CU_ASSERT_FALSE(lm_verify(&sig, &a.pub, "test-v1", "message", 7));
	CU_ASSERT_EQUAL(lm_sign(&sig, &a, "test-v1", "", 0), 0);
	CU_ASSERT_TRUE(lm_verify(&sig, &a.pub, "test-v1", NULL, 0));
	for (unsigned i = 0; i < sizeof sig.b; i++) {
		altered = sig;
		altered.b[i] ^= 0x40;
		CU_ASSERT_FALSE(lm_verify(&altered, &a.pub, "test-v1", "", 0));
	}
}

static void test_seal(void)
{
	struct lm_identity a = identity(SEED_1), b = identity(SEED_2);
	struct lm_secret secret, opened;
	uint8_t sealed[LM_SEALED_SECRET_LEN], again[LM_SEALED_SECRET_LEN];
	struct lm_public_key bad = {{2}};

	memset(&secret, 0x5a, sizeof secret);
	CU_ASSERT_EQUAL(lm_seal_secret(sealed, &secret, &b.pub), 0);
	CU_ASSERT_EQUAL(lm_unseal_secret(&opened, sealed, &b), 0);
	CU_ASSERT_TRUE(lm_equal_secret(&opened, &secret, sizeof secret));
	CU_ASSERT_EQUAL(lm_unseal_secret(&opened, sealed, &a), -EBADMSG);
	/* Each sealing uses a key of its own: equal secrets do not look equal. */
	CU_ASSERT_EQUAL(lm_seal_secret(again, &secret, &b.pub), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(sealed, again, sizeof sealed), 0);
	for (unsigned i = 0; i < sizeof sealed; i++) {
		sealed[i] ^= 1;
		CU_ASSERT_EQUAL(lm_unseal_secret(&opened, sealed, &b), -EBADMSG);
		sealed[i] ^= 1;
	}
	CU_ASSERT_EQUAL(lm_seal_secret(sealed, &secret, &bad), -EINVAL);
}

static void count_up(uint8_t *out, size_t n, uint8_t from)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(from + i);
}

/* Expected values by Python: hmac.new(key, msg, hashlib.blake2b). */
static void test_hmac(void)
{
	uint8_t key[131], out[64];
	static const char longer[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	static const char jefe[] = "what do ya want for nothing?";

	CU_ASSERT_EQUAL_FATAL(lm_crypto_init(), 0);
	count_up(key, 128, 0);
	lm_hmac_blake2b(out, key, 32, "abc", 3);
	CU_ASSERT_TRUE(equals_hex(out, 64,
	    "af6aef48e9a5a5e6a63b9f4703f032b5e42905477afec4d14f45d2d85e43dd19"
	    "3e96ba6432d7f7be1186083a09e71894f83dcf65fcf5a88b585529ef4928833d"));
	lm_hmac_blake2b(out, key, 128, jefe, sizeof jefe - 1);
	CU_ASSERT_TRUE(equals_hex(out, 64,
	    "a23f247c5af57f819850774dc67d6b1690225e444f738035a8a9a1ac663f47de"
	    "be4db2941371f6095c614338d316cc29773d41c7af9e714e7b052676358d590b"));
	lm_hmac_blake2b(out, NULL, 0, NULL, 0);
	CU_ASSERT_TRUE(equals_hex(out, 64,
	    "198cd2006f66ff83fbbd913f78aca2251caf4f19fe9475aade8cf2091b99a684"
	    "66775177424f58286886cbae8229644cec747237d4b721735485e17372fdf59c"));
	memset(key, 0xaa, sizeof key);
	lm_hmac_blake2b(out, key, sizeof key, longer, sizeof longer - 1);
	CU_ASSERT_TRUE(equals_hex(out, 64,
	    "a54b2943b2a20227d41ca46c0945af09bc1faefb2f49894c23aebc557fb79c48"
	    "89dca74408dc865086667aedee4a3185c53a49c80b814c4c5813ea0c8b38a8f8"));
}

/* Inputs of RFC 5869's tests 1 to 3; expected values by Python's hmac. */
static void test_hkdf(void)
{
	static uint8_t out[255 * 64];
	uint8_t salt[80], ikm[80], info[80];

	CU_ASSERT_EQUAL_FATAL(lm_crypto_init(), 0);
	memset(ikm, 0x0b, 22);
	count_up(salt, 13, 0);
	count_up(info, 10, 0xf0);
	lm_hkdf(out, 42, salt, 13, ikm, 22, info, 10);
	CU_ASSERT_TRUE(equals_hex(out, 42,
	    "8815e1a85b5e90e6174323fdd180248887a7138af6dc5c8320fde21a60a078808267d6a41b6a938d"
	    "7b30"));

	lm_hkdf(out, sizeof out, NULL, 0, ikm, 22, NULL, 0);
	CU_ASSERT_TRUE(equals_hex(
	    out, 36, "817520332f597bd8f557a4b40fddfe7674f1edac6c8a1a36fa0546b649bfae4a2ed3f34d"));
	CU_ASSERT_TRUE(equals_hex(out + sizeof out - 32, 32,
	    "56b38070add2f561f3b43f97b9ef8e52f99b3ec89f42e42670cf5c10f9b97287"));

	count_up(ikm, 80, 0);
	count_up(salt, 80, 0x60);
	count_up(info, 80, 0xb0);
	lm_hkdf(out, 130, salt, 80, ikm, 80, info, 80);
	CU_ASSERT_TRUE(equals_hex(out, 130,
	    "bb19eccde3ff3f41a8b3a147eb4fa640599a4e2194aadd98c0458f7ec05ac995238f9b6002d5bcbf"
	    "a7c67975965de73ff014e55acff823162d6d5c04498501b1acb5e99058466d1a440ffc544f408e89"
	    "f5553537faa6349ca60d48b7f3795f6b66634d6212024636ad9a76ecbc2e2de2e22a9dae1383688d"
	    "f95e2d94db96fcb98c1d"));
}

/* ---- key files ------------------------------------------------------------ */

struct folder {
	char path[64], file[80];
};

static struct folder folder_make(void)
{
	struct folder d;

	strcpy(d.path, "/tmp/lm-test-crypto-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(d.path));
	snprintf(d.file, sizeof d.file, "%s/key", d.path);
	return d;
}

static void folder_remove(const struct folder *d)
{
	unlink(d->file);
	CU_ASSERT_EQUAL(rmdir(d->path), 0); /* nothing else was left in it */
}

static void file_write(const char *path, const char *text, mode_t mode)
{
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(fchmod(fd, mode), 0);
	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void test_key_file(void)
{
	struct lm_identity a = identity(SEED_1), b = identity(SEED_2), read;
	struct folder d = folder_make();
	struct lm_why why = {0};
	struct stat st;
	char text[128] = "";

	mode_t before = umask(0);
	CU_ASSERT_EQUAL(lm_identity_save(&a, d.file, &why), 0);
	umask(before);
	CU_ASSERT_EQUAL(stat(d.file, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	FILE *f = fopen(d.file, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fread(text, 1, sizeof text - 1, f), 17 + 64 + 1);
	fclose(f);
	CU_ASSERT_STRING_EQUAL(text, "leasemesh-key-v1 " SEED_1 "\n");

	CU_ASSERT_EQUAL(lm_identity_load(&read, d.file, &why), 0);
	CU_ASSERT_EQUAL(memcmp(&read, &a, sizeof a), 0);
	CU_ASSERT_STRING_EQUAL(why.text, "");

	/* A key that is there stays. */
	CU_ASSERT_EQUAL(lm_identity_save(&b, d.file, &why), -EEXIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, d.file));
	CU_ASSERT_EQUAL(lm_identity_load(&read, d.file, NULL), 0);
	CU_ASSERT_EQUAL(memcmp(&read, &a, sizeof a), 0);
	folder_remove(&d);
}

static void test_key_file_mode(void)
{
	static const mode_t open_modes[] = {0640, 0604, 0620, 0601, 0644};
	struct lm_identity read;
	struct folder d = folder_make();

	for (unsigned i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
		struct lm_why why = {0};
		file_write(d.file, "leasemesh-key-v1 " SEED_1 "\n", open_modes[i]);
		CU_ASSERT_EQUAL(lm_identity_load(&read, d.file, &why), -EACCES);
		CU_ASSERT_PTR_NOT_NULL(strstr(why.text, d.file));
	}
	file_write(d.file, "leasemesh-key-v1 " SEED_1 "\n", 0400);
	CU_ASSERT_EQUAL(lm_identity_load(&read, d.file, NULL), 0);
	folder_remove(&d);
}

static void test_key_file_malformed(void)
{
	static const char *const bad[] = {
	    "",
	    "\n",
	    SEED_1 "\n",
	    "leasemesh-key-v2 " SEED_1 "\n",
	    "leasemesh-key-v1 " SEED_1 "0\n",
	    "leasemesh-key-v1 " SEED_1 "\n\n",
	    "leasemesh-key-v1 " SEED_1 "\nmore",
	    "leasemesh-key-v1  " SEED_1,
	    "leasemesh-key-v1 x" SEED_1,
	    "leasemesh-key-v1 9d61b19d\n",
	};
	struct lm_identity read;
	struct folder d = folder_make();
	struct lm_why why;

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		why.text[0] = '\0';
		file_write(d.file, bad[i], 0600);
		CU_ASSERT_EQUAL(lm_identity_load(&read, d.file, &why), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(why.text, d.file));
		CU_ASSERT_PTR_NULL(strstr(why.text, SEED_1)); /* secrets do not reach a log */
	}
	/* Hand-made files often lack the newline. */
	file_write(d.file, "leasemesh-key-v1 " SEED_1, 0600);
	CU_ASSERT_EQUAL(lm_identity_load(&read, d.file, NULL), 0);

	unlink(d.file);
	why.text[0] = '\0';
	CU_ASSERT_EQUAL(lm_identity_load(&read, d.file, &why), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, d.file));
	CU_ASSERT_EQUAL(lm_identity_load(&read, d.path, NULL), -EINVAL);
	CU_ASSERT_EQUAL(mkfifo(d.file, 0600), 0);
	CU_ASSERT_EQUAL(lm_identity_load(&read, d.file, NULL), -EINVAL);
	unlink(d.file);
	struct lm_identity a = identity(SEED_1);
	CU_ASSERT_EQUAL(lm_identity_save(&a, "/nowhere/at/all", NULL), -ENOENT);
	folder_remove(&d);
}

LM_SUITE("crypto", {"keys", test_keys}, {"public_x25519", test_public_x25519},
    {"sign_rfc8032", test_sign_rfc8032}, {"verify_rejects", test_verify_rejects},
    {"seal", test_seal}, {"hmac", test_hmac}, {"hkdf", test_hkdf}, {"key_file", test_key_file},
    {"key_file_mode", test_key_file_mode}, {"key_file_malformed", test_key_file_malformed})
