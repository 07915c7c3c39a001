/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS for a tenant's network (RFC 1034, 1035): names and addresses of its
 * endpoints are answered from what the gateway knows of this one network. With
 * origin shop.internal, member db and its replica 0 at 100.64.10.20:
 *
 *	db.shop.internal             A, AAAA   every replica that is served now
 *	0.db.shop.internal           A, AAAA   this replica, served or not
 *	db-0.shop.internal           the same: the host name that DHCP gives
 *	20.10.64.100.in-addr.arpa    PTR       0.db.shop.internal
 *	shop.internal                A, AAAA   the gateway; SOA, NS
 *
 * Everything else is somebody else's: a forwarder's (dns/forward.h), or refused.
 *
 * A question and what is known of the network go in, an answer comes out: no
 * state, no allocation, nothing of another network. Control thread.
 */
#ifndef LM_DNS_DNS_H
#define LM_DNS_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"

#define LM_DNS_PORT 53
/* Over UDP: passes every IPv6 link in one piece, 1,280 less the headers (RFC 8200 section 5). */
#define LM_DNS_UDP_MAX 1232
#define LM_DNS_TCP_MAX 65535
/*
 * Whoever asks again is answered in microseconds, so nothing speaks for keeping answers: a second,
 * that no cache in a workload is further behind the ledger than that.
 */
#define LM_DNS_TTL 1

struct lm_dns_endpoint {
	const char *member; /* valid as long as the network */
	unsigned replica;
	struct lm_ip ipv4, ipv6; /* family 0: none */
	bool up; /* somebody serves it now */
};

/* What is known of the asker's network. Endpoints are numbered; a member's follow each other. */
struct lm_dns_zone {
	const char *origin; /* "shop.internal": lower case, no dot at the end */
	uint32_t serial; /* for the SOA */
	struct lm_prefix net4, net6; /* family 0: none */
	struct lm_ip gateway4, gateway6;
	bool recursion; /* there is a forwarder for other names */
	/* How many replicas the member has, and the number of the first; -ENOENT. */
	int (*member)(void *ctx, const char *name, unsigned *first);
	/* The number of the endpoint with this address, or -ENOENT. */
	int (*address)(void *ctx, const struct lm_ip *ip);
	void (*endpoint)(void *ctx, unsigned n, struct lm_dns_endpoint *out);
	void *ctx;
};

enum lm_dns_result {
	LM_DNS_ANSWERED, /* out has what to send back */
	LM_DNS_ELSEWHERE, /* not one of our names; for a forwarder, if there is one */
	LM_DNS_IGNORED, /* no question: too short, or itself an answer */
};

/* Of answers, the counted reasons and response codes: X(identifier, name in telemetry). */
#define LM_DNS_COUNTS(X) \
	X(NOERROR, "noerror") \
	X(NODATA, "nodata") /* the name is there, but has no record of this type now */ \
	X(NXDOMAIN, "nxdomain") \
	X(FORMERR, "formerr") \
	X(NOTIMP, "notimp") \
	X(REFUSED, "refused") /* another name, class, or a zone transfer */ \
	X(BADVERS, "badvers") \
	X(TRUNCATED, "truncated") /* did not fit over UDP: ask again by TCP */ \
	X(IGNORED, "ignored") \
	X(FORWARDED, "forwarded") \
	X(FORWARD_ANSWERED, "forward_answered") \
	X(FORWARD_LIMIT, "forward_limit") /* too many questions open, of a workload or of all */ \
	X(FORWARD_TIMEOUT, "forward_timeout") /* no forwarder answered: SERVFAIL */ \
	X(FORWARD_RETRY, "forward_retry") /* no answer in time: asked again, the next one */ \
	X(FORWARD_UNASKED, "forward_unasked") /* an answer without a question, or a wrong one */ \
	X(FORWARD_TOO_BIG, "forward_too_big") /* asked by TCP, but came truncated: SERVFAIL */ \
	X(FORWARD_GONE, "forward_gone") /* who asked is not there any more */

enum lm_dns_count {
#define X(id, name) LM_DC_##id,
	LM_DNS_COUNTS(X)
#undef X
	    LM_DC_MAX
};
extern const char *const lm_dns_count_names[LM_DC_MAX];

/*
 * query: a message as it came, without TCP's length. out has room for LM_DNS_UDP_MAX bytes, over
 * TCP (stream) for LM_DNS_TCP_MAX. An answer over UDP is never longer than the asker takes (RFC
 * 6891). counts[] (LM_DC_MAX) grows by what was answered; not with LM_DNS_ELSEWHERE: then the
 * caller forwards the question or calls lm_dns_refuse().
 */
enum lm_dns_result lm_dns_answer(const struct lm_dns_zone *zone, const uint8_t *query, size_t len,
    bool stream, uint8_t *out, size_t *out_len, uint64_t *counts);
/* REFUSED, to a query that was LM_DNS_ELSEWHERE. The answer's length. */
size_t lm_dns_refuse(const uint8_t *query, size_t len, uint8_t *out, uint64_t *counts);

#endif
