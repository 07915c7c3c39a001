/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Within each flow, packets arrive in the order in which they were sent, and all of them: through
 * two gateways whose workers run on threads of their own, as many as each or not, with a queue for
 * each worker or one for all. Both directions of many flows of one tunnel are under way at once.
 */
#include <netinet/in.h>
#include <sched.h>
#include <time.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include "dp_fixture.h"

enum {
	FLOWS = 64, /* to each direction of each */
	PACKETS = 1501,
	TRAIN = 4, /* of one flow, one behind the other */
	PAYLOAD = 40,
	WINDOW = 512, /* under way at once: rings between workers hold 1,024 */
	FIRST_PORT = 5000,
	PATIENCE = 120, /* seconds, for machines with sanitizers and other things to do */
};

struct stream {
	uint8_t frame[RIG_FRAME_MAX]; /* of the next packet; its number is not in yet */
	size_t len;
	uint32_t sent, arrived;
};

struct order {
	struct rig *r;
	struct stream streams[2][FLOWS]; /* by direction: from gateway 0, from gateway 1 */
	unsigned under_way;
	unsigned strange, early; /* of what arrived: not ours, not the next one */
	struct lm_dp_worker_arg args[2][RIG_QUEUES_MAX];
};

/* ---- packets ---------------------------------------------------------------- */

static void build(struct order *o, unsigned from, unsigned flow)
{
	struct stream *s = &o->streams[from][flow];
	uint16_t port = (uint16_t)(FIRST_PORT + flow);
	const struct rig_packet p = {.from = from ? DB : WEB,
	    .to = from ? WEB : DB,
	    .ipv6 = flow % 2,
	    .protocol = IPPROTO_UDP,
	    .src_port = from ? 53 : port,
	    .dst_port = from ? port : 53,
	    .payload = PAYLOAD};

	s->len = rig_build(o->r, s->frame, &p);
}

/* The payload's first word: of which flow, and which packet of it. Nobody checks its checksum. */
static void send_next(struct order *o, unsigned from, unsigned flow)
{
	struct stream *s = &o->streams[from][flow];
	uint32_t tag = (uint32_t)flow << 16 | s->sent++;

	memcpy(s->frame + s->len - PAYLOAD, &tag, sizeof tag);
	rig_send(o->r, from ? DB : WEB, s->frame, s->len);
	o->under_way++;
}

static void receive(struct order *o)
{
	uint8_t frame[RIG_FRAME_MAX];
	size_t len;

	for (unsigned to = 0; to < 2; to++)
		while ((len = rig_take(o->r, to, frame)) > 0) {
			uint32_t tag = UINT32_MAX;

			if (len > PAYLOAD)
				memcpy(&tag, frame + len - PAYLOAD, sizeof tag);
			o->under_way--;
			if (tag >> 16 >= FLOWS) {
				o->strange++;
				continue;
			}
			struct stream *s = &o->streams[!to][tag >> 16];
			if ((tag & 0xffff) != s->arrived)
				o->early++;
			s->arrived++;
		}
}

/* ---- gateways --------------------------------------------------------------- */

static void start(struct order *o, const struct rig_options *options)
{
	unsigned lcore = -1u;

	memset(o, 0, sizeof *o);
	o->r = rig_create(options);
	for (unsigned g = 0; g < 2; g++) {
		lm_dp_set_busy_poll(o->r->gw[g].dp, false);
		for (unsigned w = 0; w < options->workers[g]; w++) {
			lcore = rte_get_next_lcore(lcore, 1, 0);
			o->args[g][w] = (struct lm_dp_worker_arg){.dp = o->r->gw[g].dp, .index = w};
			CU_ASSERT_EQUAL_FATAL(
			    rte_eal_remote_launch(lm_dp_worker_main, &o->args[g][w], lcore), 0);
		}
	}
	for (unsigned flow = 0; flow < FLOWS; flow++)
		for (unsigned from = 0; from < 2; from++)
			build(o, from, flow);
}

static void stop(struct order *o)
{
	for (unsigned g = 0; g < 2; g++)
		lm_dp_stop(o->r->gw[g].dp);
	rte_eal_mp_wait_lcore();
}

static uint64_t dropped(const struct order *o)
{
	uint64_t n = 0;

	for (unsigned g = 0; g < 2; g++)
		for (unsigned i = 0; i < LM_DROP_MAX; i++)
			n += rig_drops(o->r, g, i);
	return n;
}

/* Lets everything move until no more than this is under way. False: something will never come. */
static bool settle(struct order *o, unsigned most)
{
	time_t end = time(NULL) + PATIENCE;

	for (unsigned i = 0; o->under_way > most; i++) {
		rig_cross(o->r, 0);
		rig_cross(o->r, 1);
		receive(o);
		sched_yield();
		if (i % 1024 == 1023 && (dropped(o) > 0 || time(NULL) > end))
			return false;
	}
	return true;
}

/* Answers pass where a flow has begun. */
static bool play(struct order *o)
{
	for (unsigned flow = 0; flow < FLOWS; flow++)
		send_next(o, 0, flow);
	if (!settle(o, 0))
		return false;
	for (unsigned i = 0; i < PACKETS - 1; i += TRAIN)
		for (unsigned flow = 0; flow < FLOWS; flow++) {
			for (unsigned k = 0; k < 2 * TRAIN; k++)
				send_next(o, k % 2, flow);
			if (o->under_way >= WINDOW && !settle(o, WINDOW / 2))
				return false;
		}
	return settle(o, 0);
}

static void check_workers(struct order *o, unsigned g, bool handed)
{
	struct lm_counters c;

	for (unsigned w = 0; w < o->r->gw[g].n_workers; w++) {
		lm_dp_counters(o->r->gw[g].dp, (int)w, &c);
		CU_ASSERT_TRUE(c.flow_hits > PACKETS); /* each has flows of its own */
		if (o->r->gw[g].n_workers == 1)
			CU_ASSERT_EQUAL(c.handed_out, 0);
	}
	lm_dp_counters(o->r->gw[g].dp, -1, &c);
	if (handed)
		CU_ASSERT_TRUE(c.handed_out > PACKETS);
}

static void order(unsigned workers_0, unsigned workers_1, bool one_queue)
{
	static struct order o;
	struct rig_options options = {.workers = {workers_0, workers_1}};

	if (one_queue)
		options.queues[0] = options.queues[1] = 1;
	start(&o, &options);
	bool all = play(&o);
	stop(&o);
	CU_ASSERT_TRUE(all);
	CU_ASSERT_EQUAL(dropped(&o), 0);
	CU_ASSERT_EQUAL(o.strange, 0);
	CU_ASSERT_EQUAL(o.early, 0);
	for (unsigned from = 0; from < 2; from++)
		for (unsigned flow = 0; flow < FLOWS; flow++)
			CU_ASSERT_EQUAL(o.streams[from][flow].arrived, PACKETS - from);
	check_workers(&o, 0, one_queue && workers_0 > 1);
	check_workers(&o, 1, one_queue && workers_1 > 1);
	rig_end(o.r);
}

static void test_one_and_one(void)
{
	order(1, 1, false);
}

static void test_two_and_two(void)
{
	order(2, 2, false);
	order(2, 2, true);
}

static void test_one_and_two(void)
{
	order(1, 2, false);
	order(1, 2, true);
}

static void test_two_and_one(void)
{
	order(2, 1, false);
	order(2, 1, true);
}

static void test_two_and_four(void)
{
	order(2, 4, false);
	order(2, 4, true);
}

static void test_four_and_two(void)
{
	order(4, 2, false);
	order(4, 2, true);
}

LM_SUITE("order", {"1 and 1", test_one_and_one}, {"2 and 2", test_two_and_two},
    {"1 and 2", test_one_and_two}, {"2 and 1", test_two_and_one}, {"2 and 4", test_two_and_four},
    {"4 and 2", test_four_and_two})
