/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions for other names, passed on to the operator's resolvers by UDP.
 *
 * A question goes out under a random id from a random port (RFC 5452), both new
 * with each try, and only what comes back from that resolver to that port with
 * that id and question is an answer. It goes to the one who asked and is not
 * kept, so nobody can be given what somebody else made a resolver say. What is
 * open is bounded, for each asker and in all.
 *
 * Answers larger than LM_DNS_UDP_MAX do not pass: resolvers are not asked by TCP.
 *
 * Deterministic: (now, event) in, effects through ops. Control thread only.
 */
#ifndef LM_DNS_FORWARD_H
#define LM_DNS_FORWARD_H

#include "dns/dns.h"

#define LM_DNS_FORWARDERS_MAX 4
#define LM_DNS_OPEN_MAX 1024 /* questions */
#define LM_DNS_OPEN_OF_ASKER 64
/* Where answers arrive; below the ports that lanes are sent from. */
#define LM_DNS_REPLY_PORT_FIRST 32768
#define LM_DNS_REPLY_PORTS 16384
/* The last try ends before an ordinary resolver library asks again, after 5 s. */
#define LM_DNS_TRY_MS 1500
#define LM_DNS_TRIES 3

struct lm_dns_forwarder;

struct lm_dns_forward_ops {
	void (*send)(void *ctx, uint16_t from_port, const struct lm_udp_addr *to,
	    const uint8_t *data, size_t len);
	/* Exactly once for each question that was taken. slot is free again when it returns. */
	void (*answer)(void *ctx, unsigned slot, const uint8_t *data, size_t len);
	void (*random)(void *ctx, void *buf, size_t len);
};

/* counts: LM_DC_MAX, the caller's. */
int lm_dns_forwarder_create(struct lm_dns_forwarder **out, const struct lm_dns_forward_ops *ops,
    uint64_t *counts, void *ctx);
void lm_dns_forwarder_free(struct lm_dns_forwarder *f); /* answers nothing any more */
/* Replaces the list (none: n is 0). What is open goes on with the new one, by its next try. */
void lm_dns_forwarder_set(struct lm_dns_forwarder *f, const struct lm_ip *servers, unsigned n);
/*
 * Passes on a query that lm_dns_answer() called LM_DNS_ELSEWHERE. asker: whose share it takes, any
 * number but UINT32_MAX.
 * Returns its slot, below LM_DNS_OPEN_MAX; -ENOTCONN: there is no resolver; -ENOBUFS: too many are
 * open. now: monotonic ns.
 */
int lm_dns_forward(struct lm_dns_forwarder *f, uint64_t now, uint32_t asker, const uint8_t *query,
    size_t len, bool stream);
/* A datagram that came to one of the reply ports. */
void lm_dns_forward_input(struct lm_dns_forwarder *f, const struct lm_udp_addr *from,
    uint16_t to_port, const uint8_t *data, size_t len);
/* Asks again, or gives up, what is due; the time of the next, or LM_NEVER. */
uint64_t lm_dns_forward_tick(struct lm_dns_forwarder *f, uint64_t now);

#endif
