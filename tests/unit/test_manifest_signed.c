/* SPDX-License-Identifier: Apache-2.0 */
/* Signed manifests: only what the owner signed is accepted, and only providers get the secret. */
#include <errno.h>
#include "manifest_fixture.h"
#include "suite.h"

enum { OWNER = 1, STRANGER = 2, PROVIDER = 0x10 }; /* seeds; PROVIDER + 0, 1, ... */

/* A small network over the providers with these seeds, in this order. */
static char *document(const char *network, unsigned serial, const uint8_t *providers, unsigned n)
{
	struct fixture_text t = {0};
	fixture_add(&t,
	    "leasemesh: 1\nnetwork: %s\nserial: %u\nprefixes: {ipv4: 10.9.0.0/24}\nproviders:\n",
	    network, serial);
	for (unsigned i = 0; i < n; i++) {
		struct lm_identity id = fixture_identity(providers[i]);
		char hex[2 * LM_PUBLIC_KEY_LEN + 1];
		lm_hex(hex, id.pub.b, sizeof(id.pub.b));
		fixture_add(&t, "- {name: p%u, key: '%s', addresses: ['192.0.2.%u:4500']}\n",
		    providers[i], hex, providers[i]);
	}
	fixture_add(&t,
	    "members:\n- {name: m, deployment: 1, endpoints: [{provider: p%u, "
	    "ipv4: 10.9.0.9}]}\n",
	    providers[0]);
	return t.text;
}

struct bytes {
	uint8_t *data;
	size_t len;
};

/* Signed by the owner with this seed. A NUL follows, so that it can be searched as text. */
static struct bytes sign(const char *text, uint8_t owner_seed)
{
	struct lm_identity owner = fixture_identity(owner_seed);
	struct bytes out = {0};
	struct lm_why why = {0};
	if (lm_manifest_sign(&out.data, &out.len, "t.yaml", text, strlen(text), &owner, &why) < 0) {
		fprintf(stderr, "%s\n", why.text);
		abort();
	}
	out.data = realloc(out.data, out.len + 1);
	out.data[out.len] = '\0';
	return out;
}

static int open_bytes(
    struct lm_signed_manifest **sm, const void *data, size_t len, struct lm_why *why)
{
	*why = (struct lm_why){0};
	return lm_manifest_open(sm, "t.signed", data, len, why);
}

static struct lm_signed_manifest *signed_by_owner(const uint8_t *providers, unsigned n)
{
	char *text = document("net", 1, providers, n);
	struct bytes file = sign(text, OWNER);
	struct lm_signed_manifest *sm = NULL;
	struct lm_why why;
	CU_ASSERT_EQUAL_FATAL(open_bytes(&sm, file.data, file.len, &why), 0);
	free(file.data);
	free(text);
	return sm;
}

/* ---- signing and opening ---- */

static void test_round_trip(void)
{
	const uint8_t providers[] = {PROVIDER, PROVIDER + 1};
	char *text = document("net", 1, providers, 2);
	struct bytes file = sign(text, OWNER);
	struct lm_signed_manifest *sm;
	struct lm_why why;
	CU_ASSERT_EQUAL_FATAL(open_bytes(&sm, file.data, file.len, &why), 0);

	struct lm_identity owner = fixture_identity(OWNER);
	struct lm_net_id id = lm_net_id(&owner.pub, "net");
	CU_ASSERT_EQUAL(memcmp(&sm->owner, &owner.pub, sizeof(owner.pub)), 0);
	CU_ASSERT_EQUAL(memcmp(&sm->net_id, &id, sizeof(id)), 0);
	CU_ASSERT_EQUAL(sm->manifest->n_providers, 2);
	CU_ASSERT_EQUAL_FATAL(sm->len, file.len);
	CU_ASSERT_PTR_NOT_EQUAL(sm->bytes, file.data);
	CU_ASSERT_EQUAL(memcmp(sm->bytes, file.data, file.len), 0);
	/* The document travels as it was written. */
	size_t len = strlen(text);
	CU_ASSERT_EQUAL(memcmp(file.data + file.len - len, text, len), 0);
	CU_ASSERT_EQUAL(memcmp(file.data, "leasemesh-manifest-v1\nsignature ", 32), 0);

	/* Signing again gives the same file: no two versions of one serial. */
	struct bytes again = sign(text, OWNER);
	CU_ASSERT_EQUAL_FATAL(again.len, file.len);
	CU_ASSERT_EQUAL(memcmp(again.data, file.data, file.len), 0);
	lm_signed_manifest_free(sm);
	free(again.data);
	free(file.data);
	free(text);
}

static void test_bad_document_is_not_signed(void)
{
	struct lm_identity owner = fixture_identity(OWNER);
	uint8_t *out = NULL;
	size_t len;
	struct lm_why why = {0};
	CU_ASSERT_EQUAL(
	    lm_manifest_sign(&out, &len, "t.yaml", "leasemesh: 1\n", 13, &owner, &why), -EINVAL);
	CU_ASSERT_STRING_EQUAL(why.text, "t.yaml:1:1: missing key 'network'");

	/* Fits as a document, but not with what signing adds. */
	const uint8_t provider = PROVIDER;
	char *text = document("net", 1, &provider, 1);
	size_t text_len = strlen(text);
	char *large = malloc(LM_MANIFEST_BYTES_MAX);
	memcpy(large, text, text_len);
	memset(large + text_len, '\n', LM_MANIFEST_BYTES_MAX - text_len);
	why = (struct lm_why){0};
	CU_ASSERT_EQUAL(
	    lm_manifest_sign(&out, &len, "t.yaml", large, LM_MANIFEST_BYTES_MAX, &owner, &why),
	    -E2BIG);
	CU_ASSERT_STRING_EQUAL(why.text, "t.yaml: larger than 1048576 bytes once it is signed");
	free(large);
	free(text);
}

static void test_every_flipped_bit_is_refused(void)
{
	const uint8_t provider = PROVIDER;
	char *text = document("net", 1, &provider, 1);
	struct bytes file = sign(text, OWNER);
	unsigned accepted = 0, silent = 0;
	for (size_t i = 0; i < 8 * file.len; i++) {
		struct lm_signed_manifest *sm = NULL;
		struct lm_why why;
		file.data[i / 8] ^= (uint8_t)(1 << i % 8);
		int err = open_bytes(&sm, file.data, file.len, &why);
		accepted += err == 0;
		silent += why.text[0] == '\0';
		lm_signed_manifest_free(sm);
		file.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	CU_ASSERT_EQUAL(accepted, 0);
	CU_ASSERT_EQUAL(silent, 0);
	free(file.data);
	free(text);
}

static void test_every_truncation_is_refused(void)
{
	const uint8_t provider = PROVIDER;
	char *text = document("net", 1, &provider, 1);
	struct bytes file = sign(text, OWNER);
	struct lm_signed_manifest *sm;
	struct lm_why why;
	unsigned accepted = 0;
	for (size_t len = 0; len < file.len; len++) {
		uint8_t *exact = malloc(len ? len : 1); /* so that a sanitizer sees an overrun */
		memcpy(exact, file.data, len);
		accepted += open_bytes(&sm, exact, len, &why) == 0;
		free(exact);
	}
	CU_ASSERT_EQUAL(accepted, 0);

	uint8_t *longer = malloc(file.len + 1);
	memcpy(longer, file.data, file.len);
	longer[file.len] = '\n';
	CU_ASSERT_EQUAL(open_bytes(&sm, longer, file.len + 1, &why), -EINVAL);
	free(longer);
	free(file.data);
	free(text);
}

static void test_too_large(void)
{
	uint8_t *data = calloc(1, LM_MANIFEST_BYTES_MAX + 1);
	struct lm_signed_manifest *sm;
	struct lm_why why;
	CU_ASSERT_EQUAL(open_bytes(&sm, data, LM_MANIFEST_BYTES_MAX + 1, &why), -E2BIG);
	CU_ASSERT_STRING_EQUAL(why.text, "t.signed: larger than 1048576 bytes");
	CU_ASSERT_EQUAL(open_bytes(&sm, data, LM_MANIFEST_BYTES_MAX, &why), -EINVAL);
	free(data);
}

static void test_bad_signature_comes_before_bad_document(void)
{
	const uint8_t provider = PROVIDER;
	char *text = document("net", 1, &provider, 1);
	struct bytes file = sign(text, OWNER);
	file.data[file.len - 3] ^= 1; /* breaks the YAML as well */
	struct lm_signed_manifest *sm;
	struct lm_why why;
	CU_ASSERT_EQUAL(open_bytes(&sm, file.data, file.len, &why), -EBADMSG);
	CU_ASSERT_STRING_EQUAL(
	    why.text, "t.signed: the signature does not match the contents and the owner's key");
	free(file.data);
	free(text);
}

/* ---- a hostile owner: a good signature over a bad file ---- */

/* Signs whatever body it is given. */
static struct bytes sign_raw(const char *body, size_t len)
{
	struct lm_identity owner = fixture_identity(OWNER);
	struct lm_signature sig;
	lm_sign(&sig, &owner, LM_MANIFEST_DOMAIN, body, len);
	char hex[2 * LM_SIGNATURE_LEN + 1];
	struct fixture_text t = {0};
	fixture_add(&t, "leasemesh-manifest-v1\nsignature %s\n%.*s",
	    lm_hex(hex, sig.b, sizeof(sig.b)), (int)len, body);
	return (struct bytes){(uint8_t *)t.text, t.len};
}

/* Replaces text in a signed file and signs the result. */
static void check_forged(const char *find, const char *replace, int expected, const char *reason)
{
	const uint8_t providers[] = {PROVIDER, PROVIDER + 1};
	char *text = document("net", 1, providers, 2);
	struct bytes good = sign(text, OWNER);
	const char *body = (const char *)good.data + strlen("leasemesh-manifest-v1\nsignature ") +
			   2 * LM_SIGNATURE_LEN + 1;
	struct fixture_text t = {0};
	const char *end = (const char *)good.data + good.len;
	const char *at = memmem(body, (size_t)(end - body), find, strlen(find));
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	fixture_add(&t, "%.*s%s%.*s", (int)(at - body), body, replace,
	    (int)(end - at - (ptrdiff_t)strlen(find)), at + strlen(find));
	struct bytes forged = sign_raw(t.text, t.len);
	struct lm_signed_manifest *sm;
	struct lm_why why;
	int err = open_bytes(&sm, forged.data, forged.len, &why);
	CU_ASSERT_EQUAL(err, expected);
	CU_ASSERT_STRING_EQUAL(why.text, reason);
	if (err == 0)
		lm_signed_manifest_free(sm);
	else if (err != expected || strcmp(why.text, reason) != 0)
		fprintf(stderr, "\n  %d %s\n", err, why.text);
	free(forged.data);
	free(t.text);
	free(good.data);
	free(text);
}

static void test_forged_files(void)
{
	struct lm_identity p0 = fixture_identity(PROVIDER), p2 = fixture_identity(PROVIDER + 2);
	char id0[LM_KEY_ID_TEXT], id2[LM_KEY_ID_TEXT];
	lm_hex(id0, p0.id.b, sizeof(p0.id.b));
	lm_hex(id2, p2.id.b, sizeof(p2.id.b));
	check_forged("network: net", "network: net", 0, "");
	check_forged(id0, id2, -EINVAL, "t.signed:4: not the secret line of provider p16");
	check_forged("network: net", "network: NET", -EINVAL,
	    "t.signed:2:10: network: expected a name of at most 63 characters a-z, 0-9 and '-' "
	    "(not first or last), found 'NET'");
	check_forged("serial: 1", "serial: 10", -EINVAL,
	    "t.signed:6: document of 397 bytes, but 398 follow");
	check_forged(
	    "document ", "document 0", -EINVAL, "t.signed:6: malformed secret or document line");
	check_forged(
	    "document ", "document  ", -EINVAL, "t.signed:6: malformed secret or document line");
	check_forged("owner ", "owner  ", -EINVAL, "t.signed:3: malformed owner line");
	check_forged(
	    "secret ", "secret  ", -EINVAL, "t.signed:4: malformed secret or document line");
}

static void test_secret_lines_must_match_providers(void)
{
	const uint8_t providers[] = {PROVIDER, PROVIDER + 1};
	char *text = document("net", 1, providers, 2);
	struct bytes file = sign(text, OWNER);
	const char *body = (const char *)file.data + strlen("leasemesh-manifest-v1\nsignature ") +
			   2 * LM_SIGNATURE_LEN + 1;
	const char *first = strstr(body, "secret "), *second = strstr(first + 1, "secret ");
	const char *rest = strstr(second, "document ");
	int line = (int)(second - first), tail = (int)((char *)file.data + file.len - rest);
	int head = (int)(first - body);
	static const struct {
		unsigned first, second; /* how often each line is there, in which order */
		bool swapped;
		const char *reason;
	} cases[] = {
	    {1, 0, false, "t.signed: 1 secret lines for 2 providers"},
	    {0, 0, false, "t.signed: 0 secret lines for 2 providers"},
	    {2, 1, false, "t.signed: 3 secret lines for 2 providers"},
	    {2, 0, false, "t.signed:5: not the secret line of provider p17"},
	    {1, 1, true, "t.signed:4: not the secret line of provider p16"},
	    {600, 0, false, "t.signed: more than 512 secret lines"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture_text t = {0};
		fixture_add(&t, "%.*s", head, body);
		for (unsigned k = 0; cases[i].swapped && k < cases[i].second; k++)
			fixture_add(&t, "%.*s", line, second);
		for (unsigned k = 0; k < cases[i].first; k++)
			fixture_add(&t, "%.*s", line, first);
		for (unsigned k = 0; !cases[i].swapped && k < cases[i].second; k++)
			fixture_add(&t, "%.*s", line, second);
		fixture_add(&t, "%.*s", tail, rest);
		struct bytes forged = sign_raw(t.text, t.len);
		struct lm_signed_manifest *sm;
		struct lm_why why;
		CU_ASSERT_TRUE(open_bytes(&sm, forged.data, forged.len, &why) < 0);
		CU_ASSERT_STRING_EQUAL(why.text, cases[i].reason);
		free(forged.data);
		free(t.text);
	}
	free(file.data);
	free(text);
}

/* ---- the network secret ---- */

static int secret_for(struct lm_secret *out, const struct lm_signed_manifest *sm, uint8_t provider)
{
	struct lm_identity id = fixture_identity(provider);
	memset(out, 0, sizeof(*out));
	return lm_manifest_secret(out, sm, &id);
}

static bool same(const struct lm_secret *a, const struct lm_secret *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void test_secrets(void)
{
	const uint8_t both[] = {PROVIDER, PROVIDER + 1}, swapped[] = {PROVIDER + 1, PROVIDER};
	const uint8_t one[] = {PROVIDER};
	struct lm_signed_manifest *a = signed_by_owner(both, 2);
	struct lm_secret s0, s1, other;
	CU_ASSERT_EQUAL(secret_for(&s0, a, PROVIDER), 0);
	CU_ASSERT_EQUAL(secret_for(&s1, a, PROVIDER + 1), 0);
	CU_ASSERT_TRUE(same(&s0, &s1));
	CU_ASSERT_EQUAL(secret_for(&other, a, PROVIDER + 2), -EACCES);

	/* The order of the list does not matter. */
	struct lm_signed_manifest *b = signed_by_owner(swapped, 2);
	CU_ASSERT_EQUAL(secret_for(&other, b, PROVIDER), 0);
	CU_ASSERT_TRUE(same(&other, &s0));
	lm_signed_manifest_free(b);

	/* Who is taken off the list cannot open it, and what it knows is of no use. */
	b = signed_by_owner(one, 1);
	CU_ASSERT_EQUAL(secret_for(&other, b, PROVIDER + 1), -EACCES);
	CU_ASSERT_EQUAL(secret_for(&other, b, PROVIDER), 0);
	CU_ASSERT_FALSE(same(&other, &s0));
	struct lm_identity removed = fixture_identity(PROVIDER + 1);
	CU_ASSERT_EQUAL(lm_unseal_secret(&other, b->sealed[0], &removed), -EBADMSG);
	lm_signed_manifest_free(b);

	/* Adding it back is the first set again. */
	b = signed_by_owner(both, 2);
	CU_ASSERT_EQUAL(secret_for(&other, b, PROVIDER + 1), 0);
	CU_ASSERT_TRUE(same(&other, &s0));
	lm_signed_manifest_free(b);
	lm_signed_manifest_free(a);
}

/*
 * HKDF over the owner's seed, computed with Python's hmac and hashlib: whoever changes the
 * derivation changes the keys of every network there is.
 */
static void test_secret_is_as_documented(void)
{
	static const char expected[] =
	    "857729103afc3469c46d39a84a0d3ea97d00cf1233764ef5d8b2c8fa632e8b1a";
	const uint8_t both[] = {PROVIDER, PROVIDER + 1};
	struct lm_signed_manifest *sm = signed_by_owner(both, 2);
	struct lm_secret secret;
	char hex[2 * LM_SECRET_LEN + 1];
	CU_ASSERT_EQUAL(secret_for(&secret, sm, PROVIDER), 0);
	CU_ASSERT_STRING_EQUAL(lm_hex(hex, secret.b, sizeof(secret.b)), expected);
	lm_signed_manifest_free(sm);
}

static void test_secrets_of_other_networks_differ(void)
{
	const uint8_t both[] = {PROVIDER, PROVIDER + 1};
	struct lm_signed_manifest *mine = signed_by_owner(both, 2), *other;
	struct lm_secret a, b;
	struct lm_why why;
	CU_ASSERT_EQUAL(secret_for(&a, mine, PROVIDER), 0);

	char *text = document("other", 1, both, 2);
	struct bytes file = sign(text, OWNER);
	CU_ASSERT_EQUAL_FATAL(open_bytes(&other, file.data, file.len, &why), 0);
	CU_ASSERT_EQUAL(secret_for(&b, other, PROVIDER), 0);
	CU_ASSERT_FALSE(same(&a, &b));
	lm_signed_manifest_free(other);
	free(file.data);
	free(text);

	text = document("net", 1, both, 2);
	file = sign(text, STRANGER);
	CU_ASSERT_EQUAL_FATAL(open_bytes(&other, file.data, file.len, &why), 0);
	CU_ASSERT_EQUAL(secret_for(&b, other, PROVIDER), 0);
	CU_ASSERT_FALSE(same(&a, &b));
	CU_ASSERT_NOT_EQUAL(memcmp(&mine->net_id, &other->net_id, sizeof(mine->net_id)), 0);
	lm_signed_manifest_free(other);
	lm_signed_manifest_free(mine);
	free(file.data);
	free(text);
}

LM_SUITE("manifest_signed", {"round_trip", test_round_trip},
    {"bad_document_is_not_signed", test_bad_document_is_not_signed},
    {"every_flipped_bit_is_refused", test_every_flipped_bit_is_refused},
    {"every_truncation_is_refused", test_every_truncation_is_refused},
    {"bad_signature_comes_before_bad_document", test_bad_signature_comes_before_bad_document},
    {"forged_files", test_forged_files},
    {"secret_lines_must_match_providers", test_secret_lines_must_match_providers},
    {"secrets", test_secrets}, {"secret_is_as_documented", test_secret_is_as_documented},
    {"too_large", test_too_large},
    {"secrets_of_other_networks_differ", test_secrets_of_other_networks_differ})
