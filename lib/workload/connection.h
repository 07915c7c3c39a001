/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/workload: the connections of DNS over TCP.
 *
 *	tcp.c         who has which connection; segments that open one or belong to none; timers
 *	connection.c  what a segment does to its connection; questions and answers
 */
#ifndef LM_WORKLOAD_CONNECTION_H
#define LM_WORKLOAD_CONNECTION_H

#include <sys/queue.h>
#include <uthash.h>
#include "base/timers.h"
#include "workload/tcp.h"

struct connection {
	uint64_t id;
	uint32_t attachment;
	struct lm_asker peer;

	/* Ours: acknowledged up to, sent up to, ever sent up to. */
	uint32_t una, nxt, highest;
	/* Theirs: came up to, how much they take, how much we dare, how large a segment. */
	uint32_t rcv_nxt, window, congestion;
	uint16_t mss;
	bool established, peer_done, closing;
	bool asked; /* a question is with the caller */
	bool gone; /* to be freed by whoever looks next */

	uint8_t in[2 + LM_TCP_MESSAGE_MAX];
	size_t in_len;
	uint8_t *out; /* the answer with its length in front, or NULL */
	uint32_t out_len, out_seq; /* out_seq: where out begins, and what is sent after it */

	unsigned tries; /* without progress */
	uint64_t retransmit_at; /* LM_NEVER: nothing is on its way */
	uint64_t idle_at;
	struct lm_timer timer; /* the earlier of the two */
	LIST_ENTRY(connection) of_host;
};

/* An attachment's connections. */
struct host {
	uint32_t attachment;
	unsigned n;
	LIST_HEAD(, connection) connections;
	UT_hash_handle hh;
};

struct lm_tcp {
	const struct lm_tcp_ops *ops;
	void *ctx;
	struct host *hosts;
	unsigned n;
	size_t answer_bytes;
	uint64_t last_id;
	struct lm_timers timers;
	uint64_t counts[LM_TC_MAX];
};

/* connection.c: the answer to a SYN. */
void connection_open(
    struct lm_tcp *t, uint64_t now, struct connection *c, const struct lm_tcp_segment *syn);
void connection_input(
    struct lm_tcp *t, uint64_t now, struct connection *c, const struct lm_tcp_segment *s);
void connection_answer(
    struct lm_tcp *t, uint64_t now, struct connection *c, const uint8_t *data, size_t len);
void connection_tick(struct lm_tcp *t, uint64_t now, struct connection *c);
/* Its memory for an answer is given back. */
void connection_forget_answer(struct lm_tcp *t, struct connection *c);

#endif
