/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's file that the configuration's tests edit, and how they read it. */
#ifndef LM_TESTS_CONFIG_FIXTURE_H
#define LM_TESTS_CONFIG_FIXTURE_H

#include "suite.h"

#include "config/config.h"

/* The folder of example files. */
#define FIXTURE_CONF LM_TEST_DATA "/../../../conf"
/* Public keys of RFC 8032 section 7.1, tests 1 and 2. */
#define FIXTURE_KEY_1 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define FIXTURE_KEY_2 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"

/* libconfig 1.5 drops the texts of what it was parsing when it meets an error. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig\n";
}

/* The least that a gateway can run with. Expected messages count its lines. */
static const char fixture_gateway[] =
    "identity = \"gw.key\";\n"
    "state_dir = \"state\";\n"
    "attachments = \"att\";\n"
    "dpdk = { worker_cores = [1, 2]; };\n"
    "ports = (\n"
    "	{ name = \"wan\"; role = \"underlay\"; device = \"net_a\"; },\n"
    "	{ name = \"lan\"; role = \"access\"; device = \"net_b\"; }\n"
    ");\n"
    "underlay = {\n"
    "	addresses = [\"192.0.2.1/24\", \"2001:db8::1/64\"];\n"
    "};\n"
    "owners = ( );\n";

/* An edit of a good file, and what is said about it. */
struct fixture_edit {
	const char *from, *to, *why;
};

/* base with the first `from` replaced by `to`; from NULL: `to` is the whole text. */
static inline char *fixture_edited(const char *base, const char *from, const char *to)
{
	char *out = NULL;
	const char *at = from ? strstr(base, from) : base;

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	if (asprintf(&out, "%.*s%s%s", (int)(at - base), base, to, from ? at + strlen(from) : "") <
	    0)
		abort();
	return out;
}

static inline int fixture_parse(struct lm_gateway_config **c, const char *text, struct lm_why *why)
{
	memset(why, 0, sizeof(*why));
	return lm_config_parse(c, "/etc/lm/gw.conf", text, strlen(text), why);
}

static inline struct lm_gateway_config *fixture_gateway_edited(const char *from, const char *to)
{
	struct lm_gateway_config *c = NULL;
	struct lm_why why;
	char *text = fixture_edited(fixture_gateway, from, to);

	if (fixture_parse(&c, text, &why) != 0)
		printf("\n%s", why.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	free(text);
	return c;
}

#endif
