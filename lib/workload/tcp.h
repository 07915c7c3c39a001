/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS over TCP (RFC 7766) towards workloads: as much of TCP (RFC 9293) as a
 * server needs that is asked short questions over one link. A connection takes
 * one message at a time, each with its length in front, and sends one answer.
 *
 * What is left out, and why nobody misses it: no connection is ever opened from
 * here; data out of order is dropped and comes again; no options but the MSS; no
 * congestion avoidance, since no answer outgrows slow start.
 *
 * No SYN cookies: a source is verified by the attachment that it comes by, so
 * whoever floods fills its own share only. Everything is bounded: connections of
 * an attachment and in all, the length of a question, memory for answers, time
 * without progress.
 *
 * Deterministic: (now, segment) in, effects through ops. Control thread only.
 */
#ifndef LM_WORKLOAD_TCP_H
#define LM_WORKLOAD_TCP_H

#include "workload/dns.h"

#define LM_TCP_MESSAGE_MAX 1024 /* a question with any options is a third of it */
#define LM_TCP_OF_ATTACHMENT 8 /* connections at once */
#define LM_TCP_CONNECTIONS 4096
#define LM_TCP_ANSWER_BYTES (16u << 20) /* all answers that are not acknowledged yet */
#define LM_TCP_IDLE_S 10 /* RFC 7766 section 6.2.3: seconds, not minutes */

struct lm_tcp;

/* Callbacks may call lm_tcp_answer, nothing else. */
struct lm_tcp_ops {
	void (*send)(void *ctx, uint32_t attachment, const struct lm_asker *to,
	    const struct lm_tcp_segment *segment);
	/* A whole question, without its length. It is answered by lm_tcp_answer, now or later. */
	void (*message)(void *ctx, uint32_t attachment, uint64_t connection,
	    const struct lm_asker *from, const uint8_t *data, size_t len);
	void (*random)(void *ctx, void *buf, size_t len);
};

/* Counted events: X(identifier, name in telemetry). */
#define LM_TCP_COUNTS(X) \
	X(OPENED, "opened") \
	X(LIMIT, "limit") /* too many connections, of one workload or of all */ \
	X(NO_CONNECTION, "no_connection") /* a segment of none that is open */ \
	X(TOO_LONG, "too_long") /* a question longer than any has to be */ \
	X(NO_ANSWER, "no_answer") /* what came is no question */ \
	X(NO_MEMORY, "no_memory") /* no room for another answer */ \
	X(RETRANSMITTED, "retransmitted") \
	X(UNACKNOWLEDGED, "unacknowledged") /* given up: the workload acknowledges nothing */ \
	X(IDLE, "idle") /* closed from here: nothing was asked any more */

enum lm_tcp_count {
#define X(id, name) LM_TC_##id,
	LM_TCP_COUNTS(X)
#undef X
	    LM_TC_MAX
};
extern const char *const lm_tcp_count_names[LM_TC_MAX];

int lm_tcp_create(struct lm_tcp **out, const struct lm_tcp_ops *ops, void *ctx);
void lm_tcp_free(struct lm_tcp *t);
/* now: monotonic ns. */
void lm_tcp_input(struct lm_tcp *t, uint64_t now, uint32_t attachment, const struct lm_asker *from,
    const struct lm_tcp_segment *segment);
/*
 * The answer to the connection's question, at most 65,535 bytes; copied. Without one (len 0) the
 * connection is reset. A connection that is gone meanwhile is no error.
 */
void lm_tcp_answer(struct lm_tcp *t, uint64_t now, uint32_t attachment, uint64_t connection,
    const uint8_t *data, size_t len);
/* Runs timers that are due; the time of the next, or UINT64_MAX. Other calls may make it earlier.
 */
uint64_t lm_tcp_tick(struct lm_tcp *t, uint64_t now);
const uint64_t *lm_tcp_counts(const struct lm_tcp *t); /* LM_TC_MAX */

#endif
