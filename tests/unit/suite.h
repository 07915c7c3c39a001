/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test program in one line below its test functions:
 *
 *	LM_SUITE("base", {"hex", test_hex}, {"addresses", test_addresses})
 *
 * It runs all of them, or those named as arguments, prints CUnit's summary and
 * exits with 1 if anything failed. LM_TEST_DATA is the folder tests/unit/data.
 */
#ifndef LM_TESTS_UNIT_SUITE_H
#define LM_TESTS_UNIT_SUITE_H

#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lm_test {
	const char *name;
	void (*run)(void);
};

static inline bool lm_suite_wants(const struct lm_test *test, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], test->name) == 0)
			return true;
	return argc < 2;
}

static inline int lm_suite_main(
    const char *name, const struct lm_test *tests, size_t n, int argc, char **argv)
{
	unsigned added = 0;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return EXIT_FAILURE;
	CU_pSuite suite = CU_add_suite(name, NULL, NULL);
	for (size_t i = 0; suite && i < n; i++)
		if (lm_suite_wants(&tests[i], argc, argv) &&
		    CU_add_test(suite, tests[i].name, tests[i].run))
			added++;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	/* A program that runs nothing has proven nothing. */
	bool failed = added == 0 || (argc < 2 && added != n) ||
		      CU_basic_run_tests() != CUE_SUCCESS || CU_get_number_of_failures() > 0;
	CU_cleanup_registry();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define LM_SUITE(name, ...) \
	int main(int argc, char **argv) \
	{ \
		static const struct lm_test tests[] = {__VA_ARGS__}; \
		return lm_suite_main(name, tests, sizeof tests / sizeof tests[0], argc, argv); \
	}

#endif
