/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <errno.h>
#include "config/config.h"

#define LM_TEST_CONF LM_TEST_DATA "/../../../conf"

static void test_example(void)
{
	struct lm_gateway_config *c = NULL;
	struct lm_why why = {{0}};

	CU_ASSERT_EQUAL_FATAL(lm_config_load(&c, LM_TEST_CONF "/gateway.conf", &why), 0);
	CU_ASSERT_STRING_EQUAL(c->identity, "/etc/leasemesh/gateway.key");
	lm_config_free(c);
}

static void test_example_attachment(void)
{
	struct lm_attachment a;
	struct lm_why why = {{0}};

	CU_ASSERT_EQUAL(lm_attachment_load(&a, LM_TEST_CONF "/attachments/web-0.conf", &why), 0);
	CU_ASSERT_STRING_EQUAL(why.text, "");
	CU_ASSERT_STRING_EQUAL(a.name, "web-0");
}

LM_SUITE("config", {"example", test_example}, {"example attachment", test_example_attachment})
