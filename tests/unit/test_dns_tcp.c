/* SPDX-License-Identifier: Apache-2.0 */
/* DNS over TCP, against a client that is played by hand, and one that lives with a bad link. */
#include "suite.h"

#include <errno.h>
#include "base/addr.h"
#include "base/bytes.h"
#include "base/timers.h"
#include "workload/tcp.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define SENT_MAX 256
#define ATTACHMENT 7

struct sent {
	uint32_t attachment;
	struct lm_asker to;
	struct lm_tcp_segment s;
	uint8_t data[1500];
};

struct rig {
	struct lm_tcp *t;
	uint64_t now;
	struct sent sent[SENT_MAX];
	unsigned n_sent, taken;
	uint32_t next_random;

	/* The question that came last, and how it is answered. */
	uint8_t message[LM_TCP_MESSAGE_MAX];
	size_t message_len;
	unsigned n_messages;
	uint64_t connection;
	bool later; /* not at once, but by rig_answer() */
	const uint8_t *answer;
	size_t answer_len;
};

static void on_send(
    void *ctx, uint32_t attachment, const struct lm_asker *to, const struct lm_tcp_segment *s)
{
	struct rig *r = ctx;

	CU_ASSERT_FATAL(r->n_sent < SENT_MAX && s->len <= sizeof r->sent[0].data);
	struct sent *out = &r->sent[r->n_sent++];
	out->attachment = attachment;
	out->to = *to;
	out->s = *s;
	if (s->len)
		memcpy(out->data, s->data, s->len);
	out->s.data = out->data;
}

static void on_message(void *ctx, uint32_t attachment, uint64_t connection,
    const struct lm_asker *from, const uint8_t *data, size_t len)
{
	struct rig *r = ctx;

	(void)from;
	memcpy(r->message, data, len);
	r->message_len = len;
	r->n_messages++;
	r->connection = connection;
	if (!r->later)
		lm_tcp_answer(r->t, r->now, attachment, connection, r->answer, r->answer_len);
}

static void on_random(void *ctx, void *buf, size_t len)
{
	struct rig *r = ctx;

	CU_ASSERT_EQUAL(len, sizeof r->next_random);
	memcpy(buf, &r->next_random, len);
}

static const struct lm_tcp_ops ops = {.send = on_send, .message = on_message, .random = on_random};

static struct rig *rig_create(void)
{
	struct rig *r = calloc(1, sizeof *r);

	r->now = 1000 * SECOND;
	r->next_random = 0xffffff00; /* wraps while something is sent */
	r->answer = (const uint8_t *)"answer";
	r->answer_len = 6;
	CU_ASSERT_EQUAL_FATAL(lm_tcp_create(&r->t, &ops, r), 0);
	return r;
}

static void rig_free(struct rig *r)
{
	lm_tcp_free(r->t);
	free(r);
}

static void pass(struct rig *r, uint64_t ns)
{
	r->now += ns;
	lm_tcp_tick(r->t, r->now);
}

/* The next segment that was sent; NULL: none. */
static const struct sent *next(struct rig *r)
{
	if (r->taken == r->n_sent) {
		r->taken = r->n_sent = 0;
		return NULL;
	}
	return &r->sent[r->taken++];
}

/* ---- a client -------------------------------------------------------------------- */

struct client {
	struct rig *r;
	uint32_t attachment;
	struct lm_asker from;
	uint32_t seq, ack; /* ours to send next, theirs that we have */
	uint16_t window, mss;
};

static void put(struct client *c, uint32_t seq, uint8_t flags, const void *data, size_t len)
{
	const struct lm_tcp_segment s = {.seq = seq,
	    .ack = c->ack,
	    .flags = flags,
	    .window = c->window,
	    .mss = flags & LM_TCP_SYN ? c->mss : 0,
	    .data = data,
	    .len = len};

	lm_tcp_input(c->r->t, c->r->now, c->attachment, &c->from, &s);
}

static struct client client(struct rig *r, uint16_t port)
{
	struct client c = {
	    .r = r, .attachment = ATTACHMENT, .seq = 0xfffffff0, .window = 65535, .mss = 1460};

	c.from = (struct lm_asker){.mac = {{2, 0, 0, 0, 0, 9}}, .port = port};
	lm_ip_parse(&c.from.ip, "100.64.0.10");
	return c;
}

#define IS_SEGMENT(sent_, flags_, seq_, ack_, len_) \
	do { \
		const struct sent *is = sent_; \
		CU_ASSERT_PTR_NOT_NULL_FATAL(is); \
		CU_ASSERT_EQUAL(is->s.flags, flags_); \
		CU_ASSERT_EQUAL(is->s.seq, seq_); \
		CU_ASSERT_EQUAL(is->s.ack, ack_); \
		CU_ASSERT_EQUAL(is->s.len, len_); \
	} while (0)

static void connect_client(struct client *c)
{
	put(c, c->seq, LM_TCP_SYN, NULL, 0);
	const struct sent *s = next(c->r);
	IS_SEGMENT(s, LM_TCP_SYN | LM_TCP_ACK, c->r->next_random, c->seq + 1, 0);
	CU_ASSERT_EQUAL(s->s.mss, 1220);
	CU_ASSERT_EQUAL(s->attachment, c->attachment);
	CU_ASSERT_EQUAL(s->to.port, c->from.port);
	c->seq++;
	c->ack = s->s.seq + 1;
	put(c, c->seq, LM_TCP_ACK, NULL, 0);
	CU_ASSERT_PTR_NULL(next(c->r));
}

/* A message with its length in front. */
static size_t framed(uint8_t *out, const char *text)
{
	size_t len = strlen(text);

	out[0] = (uint8_t)(len >> 8);
	out[1] = (uint8_t)len;
	memcpy(out + 2, text, len);
	return len + 2;
}

static uint64_t count(const struct rig *r, enum lm_tcp_count what)
{
	return lm_tcp_counts(r->t)[what];
}

/* ---- tests ------------------------------------------------------------------------- */

static void test_question(void)
{
	struct rig *r = rig_create();
	struct client c = client(r, 4000);
	uint8_t question[64];
	size_t len = framed(question, "question");

	connect_client(&c);
	put(&c, c.seq, LM_TCP_ACK | LM_TCP_PSH, question, len);
	CU_ASSERT_EQUAL(r->n_messages, 1);
	CU_ASSERT_TRUE(r->message_len == 8 && memcmp(r->message, "question", 8) == 0);
	c.seq += (uint32_t)len;
	const struct sent *s = next(r);
	IS_SEGMENT(s, LM_TCP_ACK | LM_TCP_PSH, c.ack, c.seq, 8);
	CU_ASSERT_EQUAL(memcmp(s->data, "\0\6answer", 8), 0);
	CU_ASSERT_PTR_NULL(next(r));
	c.ack += 8;
	/* It closes; so do we, and everything is forgotten. */
	put(&c, c.seq, LM_TCP_ACK | LM_TCP_FIN, NULL, 0);
	c.seq++;
	IS_SEGMENT(next(r), LM_TCP_ACK | LM_TCP_FIN, c.ack, c.seq, 0);
	CU_ASSERT_PTR_NULL(next(r));
	c.ack++;
	put(&c, c.seq, LM_TCP_ACK, NULL, 0);
	CU_ASSERT_PTR_NULL(next(r));
	pass(r, 0);
	CU_ASSERT_EQUAL(lm_tcp_tick(r->t, r->now), LM_NEVER);
	CU_ASSERT_EQUAL(count(r, LM_TC_OPENED), 1);
	CU_ASSERT_EQUAL(count(r, LM_TC_NO_CONNECTION), 0);
	rig_free(r);
}

/* With the question's last segment comes the FIN: an answer first, then ours. */
static void test_half_closed(void)
{
	struct rig *r = rig_create();
	struct client c = client(r, 4000);
	uint8_t question[64];
	size_t len = framed(question, "question");

	connect_client(&c);
	put(&c, c.seq, LM_TCP_ACK | LM_TCP_FIN, question, len);
	c.seq += (uint32_t)len + 1;
	IS_SEGMENT(next(r), LM_TCP_ACK | LM_TCP_PSH, c.ack, c.seq, 8);
	c.ack += 8;
	put(&c, c.seq, LM_TCP_ACK, NULL, 0);
	IS_SEGMENT(next(r), LM_TCP_ACK | LM_TCP_FIN, c.ack, c.seq, 0);
	c.ack++;
	put(&c, c.seq, LM_TCP_ACK, NULL, 0);
	pass(r, 0);
	CU_ASSERT_EQUAL(lm_tcp_tick(r->t, r->now), LM_NEVER);
	rig_free(r);
}

static void test_pieces(void)
{
	struct rig *r = rig_create();
	struct client c = client(r, 4000);
	uint8_t question[64];
	size_t len = framed(question, "question");

	connect_client(&c);
	for (size_t i = 0; i + 1 < len; i++) {
		put(&c, c.seq++, LM_TCP_ACK, question + i, 1);
		IS_SEGMENT(next(r), LM_TCP_ACK, c.ack, c.seq, 0);
	}
	CU_ASSERT_EQUAL(r->n_messages, 0);
	put(&c, c.seq++, LM_TCP_ACK, question + len - 1, 1);
	CU_ASSERT_EQUAL(r->n_messages, 1);
	IS_SEGMENT(next(r), LM_TCP_ACK | LM_TCP_PSH, c.ack, c.seq, 8);
	c.ack += 8;

	/* Two at once, and the start of a third: one after the other. */
	uint8_t both[128];
	len = framed(both, "first");
	len += framed(both + len, "second");
	len += framed(both + len, "third") - 3;
	put(&c, c.seq, LM_TCP_ACK, both, len);
	c.seq += (uint32_t)len;
	CU_ASSERT_EQUAL(r->n_messages, 2);
	IS_SEGMENT(next(r), LM_TCP_ACK | LM_TCP_PSH, c.ack, c.seq, 8);
	c.ack += 8;
	put(&c, c.seq, LM_TCP_ACK, NULL, 0);
	CU_ASSERT_EQUAL(r->n_messages, 3);
	CU_ASSERT_EQUAL(memcmp(r->message, "second", 6), 0);
	IS_SEGMENT(next(r), LM_TCP_ACK | LM_TCP_PSH, c.ack, c.seq, 8);
	c.ack += 8;
	put(&c, c.seq, LM_TCP_ACK, "ird", 3);
	c.seq += 3;
	CU_ASSERT_EQUAL(r->n_messages, 4);
	CU_ASSERT_EQUAL(memcmp(r->message, "third", 5), 0);
	rig_free(r);
}

/* What comes twice, too early, or overlaps. */
static void test_order(void)
{
	struct rig *r = rig_create();
	struct client c = client(r, 4000);
	uint8_t question[64];
	size_t len = framed(question, "question");

	connect_client(&c);
	put(&c, c.seq + 4, LM_TCP_ACK, question + 4, 2);
	IS_SEGMENT(next(r), LM_TCP_ACK, c.ack, c.seq, 0);
	put(&c, c.seq, LM_TCP_ACK, question, 6);
	IS_SEGMENT(next(r), LM_TCP_ACK, c.ack, c.seq + 6, 0);
	put(&c, c.seq, LM_TCP_ACK, question, 6);
	IS_SEGMENT(next(r), LM_TCP_ACK, c.ack, c.seq + 6, 0);
	put(&c, c.seq + 2, LM_TCP_ACK, question + 2, len - 2);
	c.seq += (uint32_t)len;
	CU_ASSERT_EQUAL(r->n_messages, 1);
	CU_ASSERT_EQUAL(memcmp(r->message, "question", 8), 0);
	IS_SEGMENT(next(r), LM_TCP_ACK | LM_TCP_PSH, c.ack, c.seq, 8);
	/* The answer was lost, the question comes again: it is acknowledged, not asked again. */
	put(&c, c.seq - (uint32_t)len, LM_TCP_ACK, question, len);
	CU_ASSERT_EQUAL(r->n_messages, 1);
	IS_SEGMENT(next(r), LM_TCP_ACK, c.ack + 8, c.seq, 0);
	/* Somebody asks whether we live: one byte before the next. */
	put(&c, c.seq - 1, LM_TCP_ACK, NULL, 0);
	IS_SEGMENT(next(r), LM_TCP_ACK, c.ack + 8, c.seq, 0);
	/* An acknowledgement of what was never sent. */
	c.ack += 9;
	put(&c, c.seq, LM_TCP_ACK, NULL, 0);
	IS_SEGMENT(next(r), LM_TCP_ACK, c.ack - 1, c.seq, 0);
	rig_free(r);
}

static void test_answer_later(void)
{
	struct rig *r = rig_create();
	struct client c = client(r, 4000);
	uint8_t question[64];
	size_t len = framed(question, "question");

	r->later = true;
	connect_client(&c);
	put(&c, c.seq, LM_TCP_ACK, question, len);
	c.seq += (uint32_t)len;
	IS_SEGMENT(next(r), LM_TCP_ACK, c.ack, c.seq, 0);
	lm_tcp_answer(r->t, r->now, ATTACHMENT, r->connection + 1, r->answer, 6);
	lm_tcp_answer(r->t, r->now, ATTACHMENT + 1, r->connection, r->answer, 6);
	CU_ASSERT_PTR_NULL(next(r));
	lm_tcp_answer(r->t, r->now, ATTACHMENT, r->connection, r->answer, 6);
	IS_SEGMENT(next(r), LM_TCP_ACK | LM_TCP_PSH, c.ack, c.seq, 8);
	lm_tcp_answer(r->t, r->now, ATTACHMENT, r->connection, r->answer, 6); /* once is enough */
	CU_ASSERT_PTR_NULL(next(r));
	c.ack += 8;
	put(&c, c.seq, LM_TCP_ACK, question, len);
	c.seq += (uint32_t)len;
	next(r);
	put(&c, c.seq, LM_TCP_ACK | LM_TCP_RST, NULL, 0);
	lm_tcp_answer(r->t, r->now, ATTACHMENT, r->connection, r->answer, 6);
	CU_ASSERT_PTR_NULL(next(r));
	/* There is no answer: what came was no question. */
	c = client(r, 4001);
	connect_client(&c);
	put(&c, c.seq, LM_TCP_ACK, question, len);
	next(r);
	lm_tcp_answer(r->t, r->now, ATTACHMENT, r->connection, NULL, 0);
	IS_SEGMENT(next(r), LM_TCP_ACK | LM_TCP_RST, c.ack, c.seq + len, 0);
	CU_ASSERT_EQUAL(count(r, LM_TC_NO_ANSWER), 1);
	rig_free(r);
}

/* No more than the client's segment size, its window, and ten segments at first. */
static void test_windows(void)
{
	static uint8_t large[65000];
	struct rig *r = rig_create();
	struct client c = client(r, 4000);
	uint8_t question[64];
	size_t len = framed(question, "question");
	unsigned n = 0;

	r->answer = large;
	r->answer_len = sizeof large;
	c.mss = 500;
	connect_client(&c);
	put(&c, c.seq, LM_TCP_ACK, question, len);
	c.seq += (uint32_t)len;
	for (const struct sent *s; (s = next(r)); n++)
		CU_ASSERT_EQUAL(s->s.len, 500);
	CU_ASSERT_EQUAL(n, 10);
	c.window = 1700; /* 1,000 of it are on their way; 200 would be a crumb */
	c.ack += 4000;
	put(&c, c.seq, LM_TCP_ACK, NULL, 0);
	IS_SEGMENT(next(r), LM_TCP_ACK, c.ack + 1000, c.seq, 500);
	CU_ASSERT_PTR_NULL(next(r));
	/* A closed window is asked now and then whether it is open. */
	c.window = 0;
	c.ack += 1500;
	put(&c, c.seq, LM_TCP_ACK, NULL, 0);
	CU_ASSERT_PTR_NULL(next(r));
	pass(r, 260 * MS);
	IS_SEGMENT(next(r), LM_TCP_ACK, c.ack, c.seq, 1);
	c.window = 65535;
	c.ack++;
	put(&c, c.seq, LM_TCP_ACK, NULL, 0);
	IS_SEGMENT(next(r), LM_TCP_ACK, c.ack, c.seq, 500);
	rig_free(r);
}

/* ---- a client that lives with a bad link ---------------------------------------------- */

static uint32_t lottery;

static bool lost(unsigned percent)
{
	lottery = lottery * 1664525 + 1013904223;
	return (lottery >> 16) % 100 < percent;
}

/* Takes what comes in order; acknowledges; the number of bytes that it has got. */
static size_t receive(struct client *c, uint8_t *into, size_t have, unsigned percent)
{
	for (const struct sent *s; (s = next(c->r));) {
		struct sent copy = *s;
		if (lost(percent))
			continue;
		CU_ASSERT_FALSE_FATAL(copy.s.flags & LM_TCP_RST);
		if (copy.s.seq != c->ack || copy.s.len == 0)
			continue;
		memcpy(into + have, copy.data, copy.s.len);
		have += copy.s.len;
		c->ack += (uint32_t)copy.s.len;
	}
	if (!lost(percent))
		put(c, c->seq, LM_TCP_ACK, NULL, 0);
	return have;
}

static void test_loss(void)
{
	static uint8_t answer[65000], got[70000];
	uint8_t question[64];
	size_t len = framed(question, "question");

	for (size_t i = 0; i < sizeof answer; i++)
		answer[i] = (uint8_t)(i * 7 + (i >> 8));
	for (unsigned seed = 0; seed < 50; seed++) {
		struct rig *r = rig_create();
		struct client c = client(r, 4000);
		size_t have = 0;

		lottery = seed;
		r->answer = answer;
		r->answer_len = sizeof answer;
		connect_client(&c);
		for (unsigned i = 0; i < 100 && r->n_messages == 0; i++)
			if (!lost(10))
				put(&c, c.seq, LM_TCP_ACK, question, len);
		c.seq += (uint32_t)len;
		for (unsigned i = 0; i < 4000 && have < sizeof answer + 2; i++) {
			have = receive(&c, got, have, 10);
			pass(r, 20 * MS);
		}
		CU_ASSERT_EQUAL(have, sizeof answer + 2);
		CU_ASSERT_EQUAL(got[0] << 8 | got[1], (int)sizeof answer);
		CU_ASSERT_EQUAL(memcmp(got + 2, answer, sizeof answer), 0);
		CU_ASSERT_EQUAL(r->n_messages, 1);
		CU_ASSERT_TRUE(count(r, LM_TC_RETRANSMITTED) > 0);
		rig_free(r);
	}
}

/* ---- bounds ---------------------------------------------------------------------------- */

static void test_limits(void)
{
	struct rig *r = rig_create();
	struct client c;

	for (uint16_t i = 0; i < LM_TCP_OF_ATTACHMENT; i++) {
		c = client(r, 4000 + i);
		connect_client(&c);
	}
	c = client(r, 5000);
	put(&c, c.seq, LM_TCP_SYN, NULL, 0);
	IS_SEGMENT(next(r), LM_TCP_RST | LM_TCP_ACK, 0, c.seq + 1, 0);
	CU_ASSERT_EQUAL(count(r, LM_TC_LIMIT), 1);
	/* Another workload does not notice. */
	c.attachment++;
	connect_client(&c);
	unsigned opened = LM_TCP_OF_ATTACHMENT + 1;
	for (uint32_t a = 100; opened < LM_TCP_CONNECTIONS; a++)
		for (uint16_t i = 0; i < LM_TCP_OF_ATTACHMENT && opened < LM_TCP_CONNECTIONS;
		    i++, opened++) {
			c = client(r, 4000 + i);
			c.attachment = a;
			connect_client(&c);
		}
	c.attachment = 99;
	put(&c, c.seq, LM_TCP_SYN, NULL, 0);
	IS_SEGMENT(next(r), LM_TCP_RST | LM_TCP_ACK, 0, c.seq + 1, 0);
	CU_ASSERT_EQUAL(count(r, LM_TC_LIMIT), 2);
	rig_free(r);
}

static void test_too_long(void)
{
	struct rig *r = rig_create();
	struct client c = client(r, 4000);
	uint8_t len[2] = {(LM_TCP_MESSAGE_MAX + 1) >> 8, (LM_TCP_MESSAGE_MAX + 1) & 0xff};

	connect_client(&c);
	put(&c, c.seq, LM_TCP_ACK, len, 2);
	IS_SEGMENT(next(r), LM_TCP_RST | LM_TCP_ACK, c.ack, c.seq + 2, 0);
	CU_ASSERT_EQUAL(count(r, LM_TC_TOO_LONG), 1);
	/* The longest that is taken arrives in one piece. */
	static uint8_t longest[LM_TCP_MESSAGE_MAX + 2] = {
	    LM_TCP_MESSAGE_MAX >> 8, LM_TCP_MESSAGE_MAX & 0xff};
	c = client(r, 4001);
	connect_client(&c);
	put(&c, c.seq, LM_TCP_ACK, longest, sizeof longest);
	CU_ASSERT_EQUAL(r->message_len, LM_TCP_MESSAGE_MAX);
	next(r);
	next(r);
	/* What does not fit any more is not taken, and our window says so. */
	r->later = true;
	c = client(r, 4002);
	connect_client(&c);
	put(&c, c.seq, LM_TCP_ACK, longest, sizeof longest);
	next(r);
	next(r);
	c.seq += sizeof longest;
	put(&c, c.seq, LM_TCP_ACK, longest, sizeof longest);
	const struct sent *s = next(r);
	CU_ASSERT_EQUAL(s->s.window, 0);
	c.seq += sizeof longest;
	put(&c, c.seq, LM_TCP_ACK | LM_TCP_FIN, "x", 1);
	IS_SEGMENT(next(r), LM_TCP_ACK, c.ack, c.seq, 0);
	rig_free(r);
}

static void test_memory(void)
{
	static uint8_t large[65535];
	struct rig *r = rig_create();
	uint8_t question[64];
	size_t len = framed(question, "question");
	unsigned n = 0;

	r->answer = large;
	r->answer_len = sizeof large;
	for (uint32_t a = 0; count(r, LM_TC_NO_MEMORY) == 0 && a < 1000; a++, n++) {
		struct client c = client(r, 4000);
		c.attachment = a;
		connect_client(&c);
		put(&c, c.seq, LM_TCP_ACK, question, len);
		r->n_sent = r->taken = 0;
	}
	CU_ASSERT_EQUAL(n, LM_TCP_ANSWER_BYTES / (sizeof large + 2) + 1);
	/* Nobody acknowledges: it all comes back. */
	for (unsigned i = 0; i < 200; i++) {
		pass(r, 100 * MS);
		r->n_sent = r->taken = 0;
	}
	CU_ASSERT_EQUAL(lm_tcp_tick(r->t, r->now), LM_NEVER);
	CU_ASSERT_EQUAL(count(r, LM_TC_UNACKNOWLEDGED), n - 1);
	struct client c = client(r, 4000);
	connect_client(&c);
	put(&c, c.seq, LM_TCP_ACK, question, len);
	CU_ASSERT_EQUAL(count(r, LM_TC_NO_MEMORY), 1);
	rig_free(r);
}

/* ---- time and resets ---------------------------------------------------------------------- */

static void test_idle(void)
{
	struct rig *r = rig_create();
	struct client c = client(r, 4000);

	connect_client(&c);
	pass(r, (LM_TCP_IDLE_S - 1) * SECOND);
	CU_ASSERT_PTR_NULL(next(r));
	pass(r, SECOND);
	IS_SEGMENT(next(r), LM_TCP_ACK | LM_TCP_FIN, c.ack, c.seq, 0);
	CU_ASSERT_EQUAL(count(r, LM_TC_IDLE), 1);
	c.ack++;
	put(&c, c.seq, LM_TCP_ACK | LM_TCP_FIN, NULL, 0);
	IS_SEGMENT(next(r), LM_TCP_ACK, c.ack, c.seq + 1, 0);
	pass(r, 0);
	CU_ASSERT_EQUAL(lm_tcp_tick(r->t, r->now), LM_NEVER);

	/* A handshake that is never finished: SYN and ACK five times more, then no more. */
	c = client(r, 4001);
	put(&c, c.seq, LM_TCP_SYN, NULL, 0);
	unsigned n = 0;
	for (unsigned i = 0; i < 100; i++, pass(r, 100 * MS))
		for (const struct sent *s; (s = next(r)); n++)
			CU_ASSERT_TRUE(s->s.flags & LM_TCP_SYN);
	CU_ASSERT_EQUAL(n, 1 + 5);
	CU_ASSERT_EQUAL(count(r, LM_TC_UNACKNOWLEDGED), 1);
	CU_ASSERT_EQUAL(lm_tcp_tick(r->t, r->now), LM_NEVER);
	rig_free(r);
}

/* Our answer and our FIN are lost; the client has both by the second try. */
static void test_retransmit(void)
{
	struct rig *r = rig_create();
	struct client c = client(r, 4000);
	uint8_t question[64];
	size_t len = framed(question, "question");

	put(&c, c.seq, LM_TCP_SYN, NULL, 0);
	next(r);
	next(r);
	put(&c, c.seq, LM_TCP_SYN, NULL, 0); /* again, as it had no answer */
	IS_SEGMENT(next(r), LM_TCP_SYN | LM_TCP_ACK, r->next_random, c.seq + 1, 0);
	c.seq++;
	c.ack = r->next_random + 1;
	put(&c, c.seq, LM_TCP_ACK | LM_TCP_FIN, question, len);
	c.seq += (uint32_t)len + 1;
	next(r);
	next(r);
	pass(r, 260 * MS);
	IS_SEGMENT(next(r), LM_TCP_ACK | LM_TCP_PSH, c.ack, c.seq, 8);
	CU_ASSERT_PTR_NULL(next(r));
	c.ack += 8;
	put(&c, c.seq, LM_TCP_ACK, NULL, 0);
	IS_SEGMENT(next(r), LM_TCP_ACK | LM_TCP_FIN, c.ack, c.seq, 0);
	next(r);
	pass(r, 260 * MS);
	IS_SEGMENT(next(r), LM_TCP_ACK | LM_TCP_FIN, c.ack, c.seq, 0);
	c.ack++;
	put(&c, c.seq, LM_TCP_ACK, NULL, 0);
	pass(r, 0);
	CU_ASSERT_EQUAL(lm_tcp_tick(r->t, r->now), LM_NEVER);
	CU_ASSERT_EQUAL(count(r, LM_TC_RETRANSMITTED), 2);
	rig_free(r);
}

/* RFC 9293 section 3.10.7.1, and RFC 5961. */
static void test_resets(void)
{
	struct rig *r = rig_create();
	struct client c = client(r, 4000);

	c.ack = 12345;
	put(&c, 1000, LM_TCP_ACK, "x", 1);
	IS_SEGMENT(next(r), LM_TCP_RST, 12345, 0, 0);
	put(&c, 1000, LM_TCP_FIN, "x", 1);
	IS_SEGMENT(next(r), LM_TCP_RST | LM_TCP_ACK, 0, 1002, 0);
	put(&c, 1000, LM_TCP_RST, NULL, 0);
	put(&c, 1000, LM_TCP_RST | LM_TCP_ACK, NULL, 0);
	CU_ASSERT_PTR_NULL(next(r));
	put(&c, 1000, LM_TCP_SYN | LM_TCP_FIN, NULL, 0);
	CU_ASSERT_TRUE(next(r)->s.flags & LM_TCP_RST);
	CU_ASSERT_EQUAL(count(r, LM_TC_NO_CONNECTION), 5);

	connect_client(&c);
	/* Who does not know where we are ends nothing. */
	put(&c, c.seq + 1, LM_TCP_RST, NULL, 0);
	put(&c, c.seq - 1, LM_TCP_RST, NULL, 0);
	put(&c, c.seq + 99, LM_TCP_SYN, NULL, 0);
	IS_SEGMENT(next(r), LM_TCP_ACK, c.ack, c.seq, 0);
	put(&c, c.seq, LM_TCP_PSH, "x", 1); /* no ACK: dropped */
	CU_ASSERT_PTR_NULL(next(r));
	put(&c, c.seq, LM_TCP_RST, NULL, 0);
	put(&c, c.seq, LM_TCP_ACK, NULL, 0);
	IS_SEGMENT(next(r), LM_TCP_RST, c.ack, 0, 0);
	/* The handshake's last step acknowledges something else. */
	c = client(r, 4001);
	put(&c, c.seq, LM_TCP_SYN, NULL, 0);
	next(r);
	next(r);
	c.ack = 77;
	put(&c, c.seq + 1, LM_TCP_ACK, NULL, 0);
	CU_ASSERT_EQUAL(next(r)->s.flags & LM_TCP_RST, LM_TCP_RST);
	rig_free(r);
}

LM_SUITE("dns_tcp", {"question", test_question}, {"half closed", test_half_closed},
    {"pieces", test_pieces}, {"order", test_order}, {"answer later", test_answer_later},
    {"windows", test_windows}, {"loss", test_loss}, {"limits", test_limits},
    {"too long", test_too_long}, {"memory", test_memory}, {"idle", test_idle},
    {"retransmit", test_retransmit}, {"resets", test_resets})
