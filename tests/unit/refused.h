/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that are refused, with the exact line, column, key and words. */
#ifndef LM_TESTS_REFUSED_H
#define LM_TESTS_REFUSED_H

#include "manifest_fixture.h"
#include "suite.h"

/* expected: what stands after "t.yaml:" */
static inline void check_refused(const char *text, int expected_err, const char *expected)
{
	struct lm_manifest *m;
	struct lm_why why;
	char full[LM_WHY_MAX];
	snprintf(full, sizeof(full), "t.yaml:%s", expected);
	int err = fixture_parse(&m, text, &why);
	CU_ASSERT_EQUAL(err, expected_err);
	CU_ASSERT_STRING_EQUAL(why.text, full);
	if (err != expected_err || strcmp(why.text, full) != 0)
		fprintf(stderr, "\n  expected %d %s\n  but got  %d %s\n", expected_err, full, err,
		    why.text);
	if (err == 0)
		lm_manifest_free(m);
}

#endif
