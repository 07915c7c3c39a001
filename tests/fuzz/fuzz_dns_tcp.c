/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A workload's frames to port 53, each with its length (2) and what to do before
 * it in front (1: how much time passes, whether questions are answered at once,
 * and how long the answer is). Frames that are sent back are sound, and go to the
 * one who asked.
 */
#include "base/bytes.h"
#include "mend.h"
#include "workload/tcp.h"

struct world {
	struct lm_tcp *t;
	struct lm_workload_view view;
	uint64_t now, open;
	bool later;
	size_t answer_len;
};

static uint8_t answer[65535];

static void on_send(
    void *ctx, uint32_t attachment, const struct lm_asker *to, const struct lm_tcp_segment *s)
{
	struct world *w = ctx;
	uint8_t out[LM_WORKLOAD_FRAME_MAX];
	size_t len = lm_dns_segment(&w->view, to, s, out);

	MUST(attachment == 1 && len > 0);
	check_sent(out, len);
}

static void on_message(void *ctx, uint32_t attachment, uint64_t connection,
    const struct lm_asker *from, const uint8_t *data, size_t len)
{
	struct world *w = ctx;
	uint8_t *copy = malloc(len ? len : 1);

	(void)from;
	MUST(len <= LM_TCP_MESSAGE_MAX);
	memcpy(copy, data, len);
	free(copy);
	w->open = connection;
	if (!w->later)
		lm_tcp_answer(w->t, w->now, attachment, connection, answer, w->answer_len);
}

static void on_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	memset(buf, 0, len); /* so that a fuzzer finds what to acknowledge */
}

static const struct lm_tcp_ops ops = {.send = on_send, .message = on_message, .random = on_random};

static void before(struct world *w, uint8_t how)
{
	w->now += (uint64_t)(how & 3) * 3000000000;
	w->later = how & 4;
	w->answer_len = how & 8 ? sizeof answer : how & 16 ? 40 : 0;
	if (how & 32)
		lm_tcp_answer(w->t, w->now, 1, w->open, answer, w->answer_len);
	lm_tcp_tick(w->t, w->now);
}

static void frame(struct world *w, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct lm_dns_packet packet;

	memcpy(copy, data, len);
	mend(copy, len);
	if (lm_dns_packet_parse(&w->view, copy, len, &packet) == LM_WL_DNS && packet.tcp)
		lm_tcp_input(w->t, w->now, 1, &packet.from, &packet.segment);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_reader r = lm_reader(data, size);
	struct world w = {.now = 1000000000000};

	lm_ip_parse(&w.view.ipv4, "100.64.0.10");
	lm_ip_parse(&w.view.gateway4, "100.64.0.1");
	lm_ip_parse(&w.view.ipv6, "fd00::a");
	lm_ip_parse(&w.view.gateway6, "fd00::1");
	if (lm_tcp_create(&w.t, &ops, &w) < 0)
		return 0;
	while (lm_reader_left(&r) > 3) {
		before(&w, lm_read_u8(&r));
		size_t len = lm_read_u16(&r);
		len = len < lm_reader_left(&r) ? len : lm_reader_left(&r);
		frame(&w, lm_read_ref(&r, len), len);
	}
	lm_tcp_free(w.t);
	return 0;
}
