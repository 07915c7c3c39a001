/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one gateway must let pass between web and db: a second reckoning, slow and
 * obvious, and written from the guides, not from the code.
 *
 * Mistakes that were put into the data plane, and found by it. Fragments: overlaps let pass,
 * datagrams that go on after one or do not end, a second first one that breaks nothing, IPv4's
 * protocol left out of their names, later ones taken for segments, judged without their first, or
 * taken for a SYN, TCP headers cut short. Headers: hop-by-hop options anywhere, routing headers,
 * five of them. Answers picked up: a SYN, to any UDP port, without asking the rules, or kept as the
 * sender's own connection. Echo replies in either direction.
 */
#ifndef LM_TESTS_UNIT_CONNECTIONS_MODEL_H
#define LM_TESTS_UNIT_CONNECTIONS_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/timeouts.h"

#define MODEL_SYN 2
#define MODEL_ACK 16
#define MODEL_FIN 1
#define MODEL_RST 4
#define MODEL_CONNS_MAX 256
#define MODEL_PARTS_MAX 64
#define MODEL_UNITS_MAX 32
#define MODEL_GAPS_MAX 3
#define MODEL_RULES_MAX 3
#define MODEL_POLICIES 4 /* three that are written down, and a random one */
#define MODEL_RANDOM 3

extern const struct lm_flow_seconds model_seconds;

/* A rule of web about db, or of db about web. */
struct model_rule {
	uint8_t proto; /* 0: any */
	uint16_t first, last; /* ports; 0: any */
	bool deny;
};

struct model_rules {
	struct model_rule rules[MODEL_RULES_MAX];
	unsigned n;
};

/* By member (web is 1) and direction (egress is 1), when the policy is the random one. */
struct model_policy {
	unsigned number;
	struct model_rules lists[2][2];
};

/* Of an ICMP error: what it quotes. */
enum model_quote { QUOTES_NONE, QUOTES_WHOLE, QUOTES_FIRST, QUOTES_LATER };

struct model_packet {
	bool from_web, ipv6;
	uint8_t proto, flags;
	bool reply; /* echo */
	uint16_t web_port,
	    db_port; /* echo: the identifier is the asking side's, the other's is 0 */
	enum model_quote quotes; /* then all above but from_web is the quoted packet's */
	const uint8_t *chain; /* IPv6 extension headers, to RIG_CHAIN_END; NULL: none */
	bool part; /* of a datagram: bytes begin .. end behind the header */
	bool more;
	uint16_t id;
	unsigned begin, end;
};

struct model_conn {
	bool used, by_web; /* who opened it */
	struct model_packet name; /* protocol and ports */
	bool answered, confirmed, closed, fin_opener, fin_other;
	unsigned seen;
};

/* A datagram of which the first fragment was seen, and not the last. */
struct model_parts {
	bool used, broken;
	struct model_packet first;
	unsigned seen, whole; /* whole: units of 8 bytes, 0: not known yet */
	uint8_t got[MODEL_UNITS_MAX]; /* of 8 bytes each */
};

struct model {
	struct model_conn conns[MODEL_CONNS_MAX];
	struct model_parts parts[MODEL_PARTS_MAX];
	struct model_policy policy;
	bool ended; /* connections, with the last policy */
	double used[2][2]; /* of the rates, by member and direction, now */
	unsigned at; /* which is then */
	unsigned refused; /* by rates */
};

void model_set_policy(struct model *m, const struct model_policy *policy);
/* Times in seconds. */
bool model_passes(struct model *m, const struct model_packet *p, unsigned now);

#endif
