/* SPDX-License-Identifier: Apache-2.0 */
/* What most tests of the data plane begin and end with. */
#ifndef LM_TESTS_DP_FIXTURE_H
#define LM_TESTS_DP_FIXTURE_H

#include <netinet/in.h>
#include "dp_rig.h"
#include "suite.h"

static const struct rig_options rig_one_worker = {.workers = {1, 1}};

/* What the policy lets pass. */
static const struct rig_packet rig_query = {.from = WEB,
    .to = DB,
    .protocol = IPPROTO_UDP,
    .src_port = 4000,
    .dst_port = 53,
    .payload = 100};

static inline struct rig_packet rig_reply(const struct rig_packet *p)
{
	struct rig_packet reply = *p;

	reply.from = p->to;
	reply.to = p->from;
	reply.src_port = p->dst_port;
	reply.dst_port = p->src_port;
	return reply;
}

/* Whatever a test did: no packet was forgotten, and no buffer lost. */
static inline void rig_end(struct rig *r)
{
	CU_ASSERT_TRUE(rig_balanced(r));
	rig_free(r);
}

#endif
