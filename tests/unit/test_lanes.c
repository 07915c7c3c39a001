/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes belong to workers, whatever a peer does. */
#include "dp_fixture.h"

#define FLOWS 32
#define ASK 40000 /* the first port from which db asks */

static const char policy[] = "  - name: web\n"
			     "    deployment: 1\n"
			     "    endpoints: [{provider: a, ipv4: 100.64.10.10}]\n"
			     "    ingress: [{from: db, protocol: udp, ports: 53}]\n"
			     "  - name: db\n"
			     "    deployment: 3\n"
			     "    endpoints: [{provider: b, ipv4: 100.64.10.20}]\n"
			     "    egress: [{to: web, protocol: udp}]\n";

/* Packets that left by lanes of this worker. */
static uint64_t sent_by(const struct lm_dp *dp, unsigned worker)
{
	struct lm_dp_lane_info lanes[8];
	uint32_t cursor = 0;
	uint64_t sum = 0;

	for (unsigned n; (n = lm_dp_lanes(dp, &cursor, lanes, 8)) > 0;)
		for (unsigned i = 0; i < n; i++)
			if (!lanes[i].inbound && lanes[i].worker == worker)
				sum += lanes[i].packets;
	return sum;
}

/* Answers from web, as of connections that the gateway does not remember, all by lane 0. */
static void send_by_one_lane(struct rig *r, uint64_t seq)
{
	uint8_t frame[RIG_FRAME_MAX], payload[RIG_FRAME_MAX];

	for (unsigned i = 0; i < FLOWS; i++) {
		const struct rig_packet p = {.from = WEB,
		    .to = DB,
		    .protocol = IPPROTO_UDP,
		    .src_port = 53,
		    .dst_port = (uint16_t)(ASK + i),
		    .payload = 100};
		size_t len = rig_seal(r, frame, seq + i, payload, rig_inner(r, payload, &p));

		rig_put(r, 1, &r->gw[1].under, frame, len, 0);
	}
	rig_run(r);
	CU_ASSERT_EQUAL(rig_drain(r, 1), FLOWS);
}

/* What db sends of them, to the first worker. */
static void send_back(struct rig *r)
{
	/* Queues are dealt to workers from the port's index on. */
	const int queue = (int)r->gw[1].access.index % 2;
	uint8_t frame[RIG_FRAME_MAX];

	for (unsigned i = 0; i < FLOWS; i++) {
		const struct rig_packet p = {.from = DB,
		    .to = WEB,
		    .protocol = IPPROTO_UDP,
		    .src_port = (uint16_t)(ASK + i),
		    .dst_port = 53,
		    .payload = 100};

		rig_put(r, 1, &r->gw[1].access, frame, rig_build(r, frame, &p), queue);
	}
	while (lm_dp_poll_once(r->gw[1].dp, 0) > 0)
		;
}

/*
 * A peer sends all flows by one lane, also those of others, whose flows one worker then knows
 * though they are another's. Were that worker to send packets of them, both would count the same
 * sequence numbers: one nonce for two packets.
 */
static void test_foreign_lane(void)
{
	struct rig *r = rig_create(&(struct rig_options){.workers = {1, 2}});
	const struct lm_dp *dp = r->gw[1].dp;

	rig_publish(r, 0, 0, policy);
	for (unsigned round = 0; round < 2; round++) {
		/* The second time they are allowed anew. */
		rig_publish(r, 1, 0, policy);
		send_by_one_lane(r, 1 + round * FLOWS);
		const uint64_t own = sent_by(dp, 0), others = sent_by(dp, 1);
		send_back(r);
		CU_ASSERT_TRUE(sent_by(dp, 0) > own);
		CU_ASSERT_EQUAL(sent_by(dp, 1), others);
		rig_run(r);
		CU_ASSERT_EQUAL(sent_by(dp, 0) + sent_by(dp, 1), own + others + FLOWS);
		CU_ASSERT_EQUAL(rig_drain(r, 0), FLOWS);
	}
	rig_end(r);
}

LM_SUITE("lanes", {"foreign lane", test_foreign_lane})
