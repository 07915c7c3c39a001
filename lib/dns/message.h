/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/dns: messages (RFC 1035 section 4) with one question and EDNS(0)
 * (RFC 6891): a query taken apart, an answer put together.
 */
#ifndef LM_DNS_MESSAGE_H
#define LM_DNS_MESSAGE_H

#include "dns/name.h"

#define DNS_HEADER_LEN 12
#define DNS_CLASS_IN 1
#define DNS_OPT_LEN 11 /* without options */
#define DNS_UDP_MIN 512 /* what every asker takes */

/* Flags of the header's second word. */
#define DNS_QR 0x8000
#define DNS_OPCODE 0x7800
#define DNS_AA 0x0400
#define DNS_TC 0x0200
#define DNS_RD 0x0100
#define DNS_RA 0x0080
#define DNS_AD 0x0020
#define DNS_CD 0x0010
#define DNS_RCODE 0x000f

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_HINFO = 13,
	DNS_AAAA = 28,
	DNS_OPT = 41,
	DNS_IXFR = 251,
	DNS_AXFR = 252,
	DNS_ANY = 255,
};

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16, /* its upper bits are in the OPT record */
};

/* Points into the message. */
struct dns_query {
	uint16_t id, flags;
	struct dns_name name;
	uint16_t type, class;
	uint16_t question_len; /* name, type and class; 0: there is none to repeat */
	bool edns, dnssec_ok;
	uint8_t edns_version;
	uint16_t udp_size; /* what the asker takes, at least DNS_UDP_MIN */
};

/*
 * The response code that the form of it deserves, DNS_NOERROR if it is sound. -EINVAL: no answer
 * at all, since it is too short or itself an answer.
 */
int dns_query_parse(struct dns_query *q, const uint8_t *message, size_t len);

enum dns_section { DNS_ANSWER, DNS_AUTHORITY, DNS_SECTIONS };

struct dns_reply {
	struct lm_writer w;
	const struct dns_query *q;
	uint16_t counts[DNS_SECTIONS];
	bool truncated;
};

/* Begins with the question. size: of the whole message. */
void dns_reply_begin(struct dns_reply *r, const struct dns_query *q, uint8_t *out, size_t size);
/*
 * A record whose owner is the question's name without its first `skip` labels: begin, write its
 * data to r->w, end. One that does not fit is left out, and the reply says that it is truncated.
 */
struct dns_record {
	uint8_t *start, *len;
};
struct dns_record dns_record_begin(struct dns_reply *r, unsigned skip, uint16_t type, uint32_t ttl);
bool dns_record_end(struct dns_reply *r, enum dns_section section, struct dns_record record);
/* flags: DNS_AA, DNS_RA. The message's length. */
size_t dns_reply_end(struct dns_reply *r, enum dns_rcode rcode, uint16_t flags);

/* EDNS: what the writer takes, and the upper bits of a response code. */
void dns_write_opt(struct lm_writer *w, uint16_t size, enum dns_rcode rcode, bool dnssec_ok);
/* The bytes that an answer to this query may have over UDP. */
size_t dns_udp_limit(const struct dns_query *q);
/* An answer without records. */
size_t dns_reply_empty(
    const struct dns_query *q, enum dns_rcode rcode, uint16_t flags, uint8_t *out, size_t size);

#endif
