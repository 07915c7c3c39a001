/* SPDX-License-Identifier: Apache-2.0 */
/* A world in which the gateways decide about the 20 replicas of "app". */
#ifndef LM_TESTS_PLACES_WORLD_H
#define LM_TESTS_PLACES_WORLD_H

#include "membership_sim.h"
#include "suite.h"

#define ALL2 0x3u
#define ALL3 0x7u
#define ALL5 0x1fu
#define REPLICAS "  - {name: app, deployment: 1, replicas: 20}\n"
/* Each gateway has something attached in it, so all take part. */
#define HOMES \
	"  - name: home\n    deployment: 2\n    endpoints:\n" \
	"      - {provider: gw0, ipv4: 100.64.10.10}\n" \
	"      - {provider: gw1, ipv4: 100.64.10.11}\n"
#define MORE_HOMES \
	"      - {provider: gw2, ipv4: 100.64.10.12}\n" \
	"      - {provider: gw3, ipv4: 100.64.10.13}\n" \
	"      - {provider: gw4, ipv4: 100.64.10.14}\n"
#define SETTLE (5 * SIM_SECOND)
#define NOW (1 * SIM_SECOND) /* what takes no longer needs no patience */

static inline const char *homes_of(unsigned n)
{
	static char text[512];

	snprintf(text, sizeof(text), "%s%s", REPLICAS HOMES, MORE_HOMES);
	char *end = text;
	for (unsigned lines = 0; lines < 4 + n; lines++)
		end = strchr(end, '\n') + 1;
	*end = '\0';
	return text;
}

/* n gateways, all of which take part, and a chain. */
static inline struct sim *world(struct sim_doc *d, unsigned n)
{
	struct sim *s = sim_new(1, n);

	*d = sim_sign_members(s, "shop", 1, (1u << n) - 1, NULL, homes_of(n));
	CU_ASSERT_EQUAL(sim_submit(s, 0, d, NULL), 0);
	sim_run(s, SETTLE);
	return s;
}

static inline void end(struct sim *s, struct sim_doc *d)
{
	sim_doc_free(d);
	sim_end(s);
}

#endif
