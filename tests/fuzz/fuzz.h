/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzz target needs: libFuzzer's entry points, and promises that must hold. */
#ifndef LM_TESTS_FUZZ_FUZZ_H
#define LM_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Else the input is a finding. */
#define MUST(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

#endif
