/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the rig. */
#ifndef LM_TESTS_UNIT_DP_RIG_PARTS_H
#define LM_TESTS_UNIT_DP_RIG_PARTS_H

#include <stdio.h>
#include <stdlib.h>
#include "dp_rig.h"

/* The rig itself has no failures to report: a test that cannot be set up ends. */
static inline void rig_must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "rig: %s failed\n", what);
	abort();
}

#define MUST(x) rig_must(x, #x)

void rig_publish_path(struct rig *r, unsigned gw);

#endif
