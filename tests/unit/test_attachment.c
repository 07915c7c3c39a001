/* SPDX-License-Identifier: Apache-2.0 */
/* Does the manifest give this endpoint to this lease at this provider? */
#include "manifest_fixture.h"
#include "membership/attachment.h"
#include "suite.h"

#include <errno.h>

/* Alpha is provider of the fixture's web/0, beta of web/1 and db/0. */
struct rig {
	struct lm_identity owner;
	struct lm_key_id alpha, beta;
	struct lm_signed_manifest *sm;
};

static struct lm_key_id id_of(const char *hex)
{
	struct lm_public_key key;

	if (lm_unhex(key.b, sizeof(key.b), hex, strlen(hex)) < 0)
		abort();
	return lm_key_id(&key);
}

static struct rig rig_of(const char *document)
{
	struct rig r;
	struct lm_why why = {""};
	uint8_t *bytes;
	size_t len;

	if (lm_crypto_init() < 0)
		abort();
	r.owner = fixture_identity(9);
	r.alpha = id_of(FIXTURE_KEY_ALPHA);
	r.beta = id_of(FIXTURE_KEY_BETA);
	if (lm_manifest_sign(&bytes, &len, "t.yaml", document, strlen(document), &r.owner, &why) <
		0 ||
	    lm_manifest_open(&r.sm, "t", bytes, len, &why) < 0) {
		fprintf(stderr, "%s\n", why.text);
		abort();
	}
	free(bytes);
	return r;
}

static struct rig rig(void)
{
	return rig_of(fixture_document);
}

/* Everything as it should be, for web/0 at alpha. */
static struct lm_attachment good(const struct rig *r)
{
	struct lm_attachment a = {
	    .name = "web-0",
	    .lease =
		{.owner = r->owner.id, .dseq = 1001, .gseq = 1, .oseq = 1, .provider = r->alpha},
	    .network = "shop",
	    .member = "web",
	    .port = "lan",
	    .vlan = 101,
	};
	return a;
}

static void check(const struct rig *r, const struct lm_attachment *a, const struct lm_key_id *self,
    int expected, const char *reason)
{
	struct lm_why why = {""};
	int got = lm_attachment_check(a, r->sm, self, &why);

	CU_ASSERT_EQUAL(got, expected);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, reason));
	if (got != expected || !strstr(why.text, reason))
		printf("\n  %d, '%s' instead of %d, '%s'\n", got, why.text, expected, reason);
}

static void test_accepted(void)
{
	struct rig r = rig();
	struct lm_attachment a = good(&r);

	check(&r, &a, &r.alpha, lm_manifest_endpoint(r.sm->manifest, "web", 0), "");
	a.lease.provider = r.beta;
	a.replica = 1;
	check(&r, &a, &r.beta, lm_manifest_endpoint(r.sm->manifest, "web", 1), "");
	strcpy(a.member, "db");
	a.replica = 0;
	a.lease.dseq = 1002;
	a.lease.gseq = 7; /* which group and order it is, the manifest does not say */
	check(&r, &a, &r.beta, lm_manifest_endpoint(r.sm->manifest, "db", 0), "");
	lm_signed_manifest_free(r.sm);
}

static void test_refused(void)
{
	struct rig r = rig();
	struct lm_attachment a = good(&r);

	a.lease.owner.b[0] ^= 1;
	check(&r, &a, &r.alpha, -EACCES, "belongs to owner");
	a = good(&r);
	a.lease.provider = r.beta;
	check(&r, &a, &r.alpha, -EACCES, "this gateway is provider");
	a = good(&r);
	a.lease.dseq = 1002;
	check(&r, &a, &r.alpha, -EACCES,
	    "deployment 1002, but serial 7 of network shop names "
	    "deployment 1001 for member web");
	a = good(&r);
	strcpy(a.network, "chop");
	check(&r, &a, &r.alpha, -ENOENT, "network shop, not of chop");
	a = good(&r);
	strcpy(a.member, "wep");
	check(&r, &a, &r.alpha, -ENOENT, "has no member wep");
	a = good(&r);
	a.replica = 2;
	check(&r, &a, &r.alpha, -ENOENT, "there is no web/2");
	a.replica = UINT32_MAX;
	check(&r, &a, &r.alpha, -ENOENT, "there is no web/");
	a = good(&r);
	a.replica = 1;
	check(&r, &a, &r.alpha, -ENOENT, "web/1 belongs to provider beta");
	lm_signed_manifest_free(r.sm);
}

/* web/1 may be anywhere; web/0 is at alpha, and gets its address from the gateways. */
static void test_any_provider(void)
{
	char *text = fixture_edited("{provider: alpha, ipv4: 100.64.10.10, ipv6: \"fd5a:10::10\"}\n"
				    "      - {provider: beta, ipv4: 100.64.10.11}\n",
	    "{provider: alpha}\n      - {}\n");
	struct rig r = rig_of(text);
	struct lm_attachment a = good(&r);
	struct lm_key_id stranger = r.alpha;

	check(&r, &a, &r.alpha, lm_manifest_endpoint(r.sm->manifest, "web", 0), "");
	a.replica = 1;
	check(&r, &a, &r.alpha, lm_manifest_endpoint(r.sm->manifest, "web", 1), "");
	a.lease.provider = r.beta;
	check(&r, &a, &r.beta, lm_manifest_endpoint(r.sm->manifest, "web", 1), "");
	check(&r, &a, &r.alpha, -EACCES, "this gateway is provider");
	a.replica = 0;
	check(&r, &a, &r.beta, -ENOENT, "web/0 belongs to provider alpha");
	a.replica = 2;
	check(&r, &a, &r.beta, -ENOENT, "there is no web/2");
	stranger.b[0] ^= 1;
	a.lease.provider = stranger;
	a.replica = 1;
	check(&r, &a, &stranger, -ENOENT, "web/1 may be at any provider of network shop, which");
	lm_signed_manifest_free(r.sm);
	free(text);
}

LM_SUITE("attachment", {"accepted", test_accepted}, {"refused", test_refused},
    {"any_provider", test_any_provider})
