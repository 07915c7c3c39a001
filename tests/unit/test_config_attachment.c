/* SPDX-License-Identifier: Apache-2.0 */
/* Attachments' files. Whether a manifest agrees with one: see test_attachment.c. */
#include "config_fixture.h"

#include <errno.h>
#include <unistd.h>
#include "base/bytes.h"

#define ID_1 "0001020304050607080900010203040506070809"
#define ID_2 "a0a1a2a3a4a5a6a7a8a9a0a1a2a3a4a5a6a7a8a9"

static const char good_attachment[] = "lease = \"" ID_1 "/1001/1/2/" ID_2 "\";\n"
				      "network = \"shop\";\n"
				      "member = \"web\";\n"
				      "replica = 3;\n"
				      "port = \"lan\";\n"
				      "vlan = 101;\n"
				      "mac = \"02:00:00:00:01:01\";\n";

static int parse_attachment(
    struct lm_attachment *a, const char *path, const char *text, struct lm_why *why)
{
	memset(why, 0, sizeof(*why));
	return lm_attachment_parse(a, path, text, strlen(text), why);
}

static void test_accepted(void)
{
	struct lm_attachment a;
	struct lm_why why = {{0}};
	char lease[LM_LEASE_TEXT];

	CU_ASSERT_EQUAL_FATAL(parse_attachment(&a, "att/web-3.conf", good_attachment, &why), 0);
	CU_ASSERT_STRING_EQUAL(a.name, "web-3");
	CU_ASSERT_STRING_EQUAL(lm_lease_text(lease, &a.lease), ID_1 "/1001/1/2/" ID_2);
	CU_ASSERT_STRING_EQUAL(a.network, "shop");
	CU_ASSERT_STRING_EQUAL(a.member, "web");
	CU_ASSERT_EQUAL(a.replica, 3);
	CU_ASSERT_STRING_EQUAL(a.port, "lan");
	CU_ASSERT_EQUAL(a.vlan, 101);
	CU_ASSERT_TRUE(a.has_mac);
	CU_ASSERT_EQUAL(a.mac.b[4], 1);

	CU_ASSERT_EQUAL_FATAL(
	    lm_attachment_load(&a, FIXTURE_CONF "/attachments/web-0.conf", &why), 0);
	CU_ASSERT_STRING_EQUAL(a.name, "web-0");
	CU_ASSERT_EQUAL(a.lease.dseq, 1001);
	CU_ASSERT_FALSE(a.has_mac);
}

/* The example's ids are those of the example's owner and of alpha in the example manifest. */
static void test_example_ids(void)
{
	struct lm_gateway_config *c = NULL;
	struct lm_attachment a;
	struct lm_public_key alpha;

	CU_ASSERT_EQUAL_FATAL(lm_config_load(&c, FIXTURE_CONF "/gateway.conf", NULL), 0);
	CU_ASSERT_EQUAL_FATAL(
	    lm_attachment_load(&a, FIXTURE_CONF "/attachments/web-0.conf", NULL), 0);
	struct lm_key_id owner = lm_key_id(&c->owners[0].key);
	CU_ASSERT_EQUAL(memcmp(&owner, &a.lease.owner, sizeof(owner)), 0);
	lm_unhex(alpha.b, sizeof(alpha.b), FIXTURE_KEY_1, strlen(FIXTURE_KEY_1));
	struct lm_key_id provider = lm_key_id(&alpha);
	CU_ASSERT_EQUAL(memcmp(&provider, &a.lease.provider, sizeof(provider)), 0);
	lm_config_free(c);
}

static void test_refused(void)
{
	static const struct fixture_edit cases[] = {
	    {"lease", "Lease", "a.conf:1: Lease: unknown key"},
	    {"lease = ", "replica = ", "a.conf:4: replica: given twice, first in line 1"},
	    {"network = \"shop\";", "", "a.conf: network: missing"},
	    {"\"shop\"", "\"Shop\"",
		"a.conf:2: network: \"Shop\" is no name (a-z, 0-9 and inner hyphens)"},
	    {"\"web\"", "\"web-\"",
		"a.conf:3: member: \"web-\" is no name (a-z, 0-9 and inner hyphens)"},
	    {"\"web\"", "\"\\x1b[2J\"", "a.conf:3: member: contains a control character"},
	    {"= 3", "= -1", "a.conf:4: replica: -1 is not within 0..16383"},
	    {"= 3", "= \"3\"", "a.conf:4: replica: must be a whole number"},
	    {"= 101", "= 0", "a.conf:6: vlan: 0 is not within 1..4094"},
	    {"02:00:00:00:01:01", "03:00:00:00:01:01",
		"a.conf:7: mac: \"03:00:00:00:01:01\" is no MAC address of a host"},
	    {"02:00:00:00:01:01", "00:00:00:00:00:00",
		"a.conf:7: mac: \"00:00:00:00:00:00\" is no MAC address of a host"},
	    {"vlan = 101;\nmac = \"02:00:00:00:01:01\";", "",
		"a.conf:5: port: needs vlan or mac beside it"},
	    {"mac", "bits_out = \"1k5\";\nmac",
		"a.conf:7: bits_out: \"1k5\" is no rate: digits, then k, M or G"},
	    {"mac", "bits_in = 10;\nmac",
		"a.conf:7: bits_in: 10 is not within 1000..1000000000000, nor 0 for no limit"},
	    {"mac", "packets_in = \"2G\";\nmac",
		"a.conf:7: packets_in: 2000000000 is not within 1..1000000000, nor 0 for no limit"},
	    {"mac", "endpoint_bits_out = 1000;\nmac", "a.conf:7: endpoint_bits_out: unknown key"},
	    {"/1001/1/2/", "/1001/1/", NULL},
	    {"/1001/", "/-1/", "a.conf:1: lease: lease: dseq '-1' is not a number"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = fixture_edited(good_attachment, cases[i].from, cases[i].to);
		struct lm_attachment a, before;
		struct lm_why why;

		memset(&a, 0x5a, sizeof(a));
		before = a;
		CU_ASSERT_EQUAL(parse_attachment(&a, "a.conf", text, &why), -EINVAL);
		CU_ASSERT_EQUAL(memcmp(&a, &before, sizeof(a)), 0);
		if (cases[i].why && strcmp(why.text, cases[i].why) != 0)
			printf("\n    case %zu: got  %s\n             want %s\n", i, why.text,
			    cases[i].why);
		if (cases[i].why)
			CU_ASSERT_STRING_EQUAL(why.text, cases[i].why);
		CU_ASSERT_EQUAL(strncmp(why.text, "a.conf:", 7), 0);
		free(text);
	}
}

/* Only what is there is the lease's own, also if it is 0. */
static void test_rates(void)
{
	struct lm_attachment a;
	struct lm_why why;
	char *text = fixture_edited(good_attachment,
	    "mac = ", "bits_out = \"100M\"; packets_out = 0; packets_in = 700;\nmac = ");

	CU_ASSERT_EQUAL_FATAL(parse_attachment(&a, "a.conf", text, &why), 0);
	CU_ASSERT_EQUAL(a.rates.of[LM_RATE_BITS_OUT], 100000000);
	CU_ASSERT_EQUAL(a.rates.of[LM_RATE_PACKETS_OUT], 0);
	CU_ASSERT_EQUAL(a.rates.of[LM_RATE_BITS_IN], 0);
	CU_ASSERT_EQUAL(a.rates.of[LM_RATE_PACKETS_IN], 700);
	CU_ASSERT_EQUAL(a.rates_given,
	    1 << LM_RATE_BITS_OUT | 1 << LM_RATE_PACKETS_OUT | 1 << LM_RATE_PACKETS_IN);
	CU_ASSERT_TRUE(a.has_mac);
	free(text);
	CU_ASSERT_EQUAL_FATAL(parse_attachment(&a, "a.conf", good_attachment, &why), 0);
	CU_ASSERT_EQUAL(a.rates_given, 0);
}

/* It is called as its file is. */
static void test_names(void)
{
	struct lm_attachment a;
	struct lm_why why;
	char path[200];

	memset(path, 'n', sizeof(path));
	strcpy(path + LM_ATTACHMENT_NAME_MAX, ".conf");
	CU_ASSERT_EQUAL(parse_attachment(&a, path, good_attachment, &why), 0);
	strcpy(path + LM_ATTACHMENT_NAME_MAX, "n.conf");
	CU_ASSERT_EQUAL(parse_attachment(&a, path, good_attachment, &why), -EINVAL);
	CU_ASSERT_EQUAL(parse_attachment(&a, "a\x1b.conf", good_attachment, &why), -EINVAL);
}

static void test_large_file(void)
{
	char dir[] = "/tmp/lm-test-attachment-XXXXXX", path[64], expected[LM_WHY_MAX];
	struct lm_why why = {{0}};
	struct lm_attachment a;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/large.conf", dir);
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (int i = 0; i < 1025; i++)
		fputs("# 16 characters\n", f);
	fclose(f);
	CU_ASSERT_EQUAL(lm_attachment_load(&a, path, &why), -E2BIG);
	snprintf(expected, sizeof(expected), "%s: larger than 16384 bytes", path);
	CU_ASSERT_STRING_EQUAL(why.text, expected);
	unlink(path);
	rmdir(dir);
}

LM_SUITE("config attachment", {"accepted", test_accepted}, {"example ids", test_example_ids},
    {"refused", test_refused}, {"rates", test_rates}, {"names", test_names},
    {"large file", test_large_file})
