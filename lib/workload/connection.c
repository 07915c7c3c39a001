/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/connection.h"

#include <stdlib.h>
#include <rte_common.h>

#define SECOND UINT64_C(1000000000)
/* Workloads are on the same link: a quarter of a second is a hundred times what they take. */
#define RETRANSMIT_FIRST (SECOND / 4)
#define TRIES_MAX 5 /* within 8 s */
#define MSS_DEFAULT 536 /* RFC 9293 section 3.7.1; IPv6 links take more anyway */
#define MSS_MAX 1220 /* passes every IPv6 link, as answers over UDP do */
#define MSS_MIN 64 /* a smaller one would only cost packets */
#define INITIAL_SEGMENTS 10 /* RFC 6928 */

static bool after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* Where the answer ends, and our FIN is to be. */
static uint32_t out_end(const struct connection *c)
{
	return c->out_seq + c->out_len;
}

static void send(struct lm_tcp *t, const struct connection *c, uint32_t seq, uint8_t flags,
    const uint8_t *data, size_t len)
{
	const struct lm_tcp_segment s = {.seq = seq,
	    .ack = c->rcv_nxt,
	    .flags = flags | LM_TCP_ACK,
	    .window = (uint16_t)(sizeof(c->in) - c->in_len),
	    .mss = flags & LM_TCP_SYN ? MSS_MAX : 0,
	    .data = data,
	    .len = len};

	t->ops->send(t->ctx, c->attachment, &c->peer, &s);
}

static void reset(struct lm_tcp *t, struct connection *c, enum lm_tcp_count why)
{
	t->counts[why]++;
	send(t, c, c->nxt, LM_TCP_RST, NULL, 0);
	c->gone = true;
}

/* From now on, unless nothing is on its way. */
static void arm(uint64_t now, struct connection *c)
{
	bool at_rest = c->established && c->nxt == c->una && !c->out;

	c->retransmit_at = at_rest ? LM_NEVER : now + (RETRANSMIT_FIRST << c->tries);
}

/* ---- questions and answers -------------------------------------------------------- */

void connection_forget_answer(struct lm_tcp *t, struct connection *c)
{
	t->answer_bytes -= c->out_len;
	free(c->out);
	c->out = NULL;
	c->out_seq += c->out_len;
	c->out_len = 0;
}

/* A whole question that is there, while nothing else is being answered. */
static bool take_message(struct lm_tcp *t, struct connection *c)
{
	uint8_t message[LM_TCP_MESSAGE_MAX];
	size_t len = (size_t)(c->in[0] << 8 | c->in[1]);

	if (c->gone || c->closing || c->asked || c->out || c->in_len < 2)
		return false;
	if (len > sizeof(message)) {
		reset(t, c, LM_TC_TOO_LONG);
		return false;
	}
	if (c->in_len < 2 + len)
		return false;
	memcpy(message, c->in + 2, len);
	c->in_len -= 2 + len;
	memmove(c->in, c->in + 2 + len, c->in_len);
	c->asked = true;
	t->ops->message(t->ctx, c->attachment, c->id, &c->peer, message, len);
	return true;
}

/* Of the next segment of the answer; 0: there is none, or no room for it. */
static uint32_t next_length(const struct connection *c)
{
	uint32_t room = RTE_MIN(c->window, c->congestion), on_way = c->nxt - c->una;
	uint32_t left = after(out_end(c), c->nxt) ? out_end(c) - c->nxt : 0;
	uint32_t n = RTE_MIN(left, (uint32_t)c->mss);

	if (room <= on_way)
		return 0;
	n = RTE_MIN(n, room - on_way);
	/* No crumbs: more room comes with the next acknowledgement. */
	return n < c->mss && n < left && on_way > 0 ? 0 : n;
}

/* As much of the answer as the workload takes, then our FIN. */
static void push(struct lm_tcp *t, struct connection *c)
{
	if (!c->established)
		return;
	for (uint32_t n; (n = next_length(c)) > 0; c->nxt += n)
		send(t, c, c->nxt, c->nxt + n == out_end(c) ? LM_TCP_PSH : 0,
		    c->out + (c->nxt - c->out_seq), n);
	if (c->closing && c->nxt == out_end(c)) {
		send(t, c, c->nxt, LM_TCP_FIN, NULL, 0);
		c->nxt++;
	}
	if (after(c->nxt, c->highest))
		c->highest = c->nxt;
}

/* Whatever can be done now. False: nothing was sent. */
static bool advance(struct lm_tcp *t, uint64_t now, struct connection *c)
{
	uint32_t before = c->nxt;

	while (take_message(t, c))
		;
	if (c->gone)
		return true;
	if (c->peer_done && !c->asked && !c->out)
		c->closing = true;
	push(t, c);
	if (c->retransmit_at == LM_NEVER)
		arm(now, c);
	return c->nxt != before;
}

void connection_answer(
    struct lm_tcp *t, uint64_t now, struct connection *c, const uint8_t *data, size_t len)
{
	uint8_t *out = NULL;

	c->asked = false;
	if (len > 0 && len <= UINT16_MAX && t->answer_bytes + len + 2 <= LM_TCP_ANSWER_BYTES)
		out = malloc(len + 2);
	if (!out) {
		reset(t, c, len == 0 ? LM_TC_NO_ANSWER : LM_TC_NO_MEMORY);
		return;
	}
	out[0] = (uint8_t)(len >> 8);
	out[1] = (uint8_t)len;
	memcpy(out + 2, data, len);
	c->out = out;
	c->out_len = (uint32_t)len + 2;
	t->answer_bytes += c->out_len;
	advance(t, now, c);
}

/* ---- segments ---------------------------------------------------------------------- */

void connection_open(
    struct lm_tcp *t, uint64_t now, struct connection *c, const struct lm_tcp_segment *syn)
{
	uint16_t mss = syn->mss ? syn->mss : MSS_DEFAULT;

	/* Not to be guessed (RFC 6528); who could spoof a workload is at its own link, though. */
	t->ops->random(t->ctx, &c->una, sizeof(c->una));
	c->nxt = c->highest = c->out_seq = c->una + 1;
	c->rcv_nxt = syn->seq + 1;
	c->mss = mss > MSS_MAX ? MSS_MAX : mss < MSS_MIN ? MSS_MIN : mss;
	c->congestion = INITIAL_SEGMENTS * c->mss;
	c->idle_at = now + LM_TCP_IDLE_S * SECOND;
	send(t, c, c->una, LM_TCP_SYN, NULL, 0);
	arm(now, c);
}

static void acknowledged(
    struct lm_tcp *t, uint64_t now, struct connection *c, const struct lm_tcp_segment *s)
{
	c->window = s->window;
	if (!after(s->ack, c->una))
		return;
	if (c->established) /* slow start; 64 KB are sent before it has an end */
		c->congestion = RTE_MIN(c->congestion + (s->ack - c->una), (uint32_t)UINT16_MAX);
	c->una = s->ack;
	if (after(c->una, c->nxt)) /* of what was sent before we went back */
		c->nxt = c->una;
	c->established = true;
	c->tries = 0;
	c->idle_at = now + LM_TCP_IDLE_S * SECOND;
	if (c->out && !after(out_end(c), c->una))
		connection_forget_answer(t, c);
	arm(now, c);
}

/* What is new of it and has room. True: it is to be acknowledged. */
static bool receive(uint64_t now, struct connection *c, const struct lm_tcp_segment *s)
{
	uint32_t known = c->rcv_nxt - s->seq; /* bytes of it that came before */
	size_t room = sizeof(c->in) - c->in_len;

	if (s->len == 0 && !(s->flags & LM_TCP_FIN))
		return s->seq != c->rcv_nxt; /* asks whether we live */
	if (known > s->len || c->peer_done)
		return true; /* a gap before it, or all of it is known */
	size_t n = RTE_MIN(s->len - known, room);
	if (n > 0) {
		memcpy(c->in + c->in_len, s->data + known, n);
		c->in_len += n;
		c->rcv_nxt += (uint32_t)n;
		c->idle_at = now + LM_TCP_IDLE_S * SECOND;
	}
	if ((s->flags & LM_TCP_FIN) && known + n == s->len) {
		c->rcv_nxt++;
		c->peer_done = true;
	}
	return true;
}

void connection_input(
    struct lm_tcp *t, uint64_t now, struct connection *c, const struct lm_tcp_segment *s)
{
	if (s->flags & LM_TCP_RST) {
		/* RFC 5961: only who knows where we are may end it. */
		c->gone = s->seq == c->rcv_nxt;
		return;
	}
	if (s->flags & LM_TCP_SYN) {
		if (!c->established && s->seq + 1 == c->rcv_nxt)
			send(t, c, c->una, LM_TCP_SYN, NULL, 0); /* ours was lost */
		else
			send(t, c, c->nxt, 0, NULL, 0); /* RFC 5961 section 4.2 */
		return;
	}
	if (!(s->flags & LM_TCP_ACK))
		return;
	if (!c->established && s->ack != c->nxt) {
		send(t, c, s->ack, LM_TCP_RST, NULL, 0);
		return;
	}
	if (after(s->ack, c->highest)) {
		send(t, c, c->nxt, 0, NULL, 0);
		return;
	}
	acknowledged(t, now, c, s);
	bool answer = receive(now, c, s);
	if (!advance(t, now, c) && answer)
		send(t, c, c->nxt, 0, NULL, 0);
	if (c->peer_done && after(c->una, out_end(c)))
		c->gone = true; /* both have closed, and the other knows it */
}

/* ---- timers -------------------------------------------------------------------------- */

static void retransmit(struct lm_tcp *t, uint64_t now, struct connection *c)
{
	if (++c->tries > TRIES_MAX) {
		reset(t, c, LM_TC_UNACKNOWLEDGED);
		return;
	}
	t->counts[LM_TC_RETRANSMITTED]++;
	if (!c->established) {
		send(t, c, c->una, LM_TCP_SYN, NULL, 0);
	} else {
		/* From the first byte that is missing, slowly; into a closed window, one byte. */
		c->nxt = c->una;
		c->congestion = c->mss;
		if (c->window == 0)
			c->window = 1;
		push(t, c);
	}
	arm(now, c);
}

void connection_tick(struct lm_tcp *t, uint64_t now, struct connection *c)
{
	if (now >= c->retransmit_at)
		retransmit(t, now, c);
	if (c->gone || now < c->idle_at)
		return;
	if (c->closing || c->asked || !c->established) {
		t->counts[LM_TC_UNACKNOWLEDGED] += !c->established;
		c->gone = true;
		return;
	}
	t->counts[LM_TC_IDLE]++;
	c->closing = true;
	c->idle_at = now + LM_TCP_IDLE_S * SECOND;
	advance(t, now, c);
}
