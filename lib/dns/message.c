/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/message.h"

#include <errno.h>
#include "dns/dns.h"

#define EDNS_DO 0x8000 /* in the lower half of OPT's TTL */
#define QUESTION_POINTER (0xc000 | DNS_HEADER_LEN)

/* ---- queries ------------------------------------------------------------------- */

static int read_question(struct dns_query *q, struct lm_reader *r)
{
	const uint8_t *start = r->at;

	if (dns_name_read(r, &q->name))
		return -EINVAL;
	q->type = lm_read_u16(r);
	q->class = lm_read_u16(r);
	if (r->failed)
		return -EINVAL;
	q->question_len = (uint16_t)(r->at - start);
	return 0;
}

/* EDNS is the one record of a query that means something here (RFC 6891 section 6.1.1). */
static int read_opt(struct dns_query *q, struct lm_reader *r, bool additional)
{
	if (!additional || q->edns)
		return -EINVAL;
	q->edns = true;
	q->udp_size = lm_read_u16(r);
	if (q->udp_size < DNS_UDP_MIN)
		q->udp_size = DNS_UDP_MIN;
	lm_read_u8(r); /* upper bits of a response code */
	q->edns_version = lm_read_u8(r);
	q->dnssec_ok = lm_read_u16(r) & EDNS_DO;
	return 0;
}

static int read_record(struct dns_query *q, struct lm_reader *r, bool additional)
{
	bool root = lm_reader_left(r) > 0 && *r->at == 0;

	dns_name_skip(r);
	if (lm_read_u16(r) != DNS_OPT)
		lm_read_ref(r, 6); /* class and TTL */
	else if (!root || read_opt(q, r, additional))
		return -EINVAL;
	lm_read_ref(r, lm_read_u16(r));
	return r->failed ? -EINVAL : 0;
}

int dns_query_parse(struct dns_query *q, const uint8_t *message, size_t len)
{
	struct lm_reader r = lm_reader(message, len);
	uint16_t counts[4];

	*q = (struct dns_query){.udp_size = DNS_UDP_MIN};
	q->id = lm_read_u16(&r);
	q->flags = lm_read_u16(&r);
	for (unsigned i = 0; i < 4; i++)
		counts[i] = lm_read_u16(&r);
	/* An answer to an answer could go round for ever. */
	if (r.failed || q->flags & DNS_QR)
		return -EINVAL;
	if (q->flags & DNS_OPCODE)
		return DNS_NOTIMP;
	if (counts[0] != 1 || read_question(q, &r)) /* RFC 9619 */
		return DNS_FORMERR;
	for (unsigned section = 1; section < 4; section++)
		for (unsigned i = 0; i < counts[section]; i++)
			if (read_record(q, &r, section == 3))
				return DNS_FORMERR;
	if (lm_reader_left(&r) > 0 || q->type == DNS_OPT)
		return DNS_FORMERR;
	return q->edns_version > 0 ? DNS_BADVERS : DNS_NOERROR;
}

size_t dns_udp_limit(const struct dns_query *q)
{
	return q->udp_size < LM_DNS_UDP_MAX ? q->udp_size : LM_DNS_UDP_MAX;
}

/* ---- answers ------------------------------------------------------------------- */

void dns_reply_begin(struct dns_reply *r, const struct dns_query *q, uint8_t *out, size_t size)
{
	*r = (struct dns_reply){.w = lm_writer(out, size - (q->edns ? DNS_OPT_LEN : 0)), .q = q};
	lm_write_ref(&r->w, DNS_HEADER_LEN);
	/* As it was asked, capitals and all: askers compare (RFC 4343 section 4.1). */
	lm_write(&r->w, q->name.wire, q->question_len);
}

struct dns_record dns_record_begin(struct dns_reply *r, unsigned skip, uint16_t type, uint32_t ttl)
{
	const struct dns_name *name = &r->q->name;
	unsigned owner = skip < name->n_labels ? name->at[skip] : name->len - 1u;
	struct dns_record record = {.start = r->w.at};

	lm_write_u16(&r->w, (uint16_t)(QUESTION_POINTER + owner));
	lm_write_u16(&r->w, type);
	lm_write_u16(&r->w, DNS_CLASS_IN);
	lm_write_u32(&r->w, ttl);
	record.len = lm_write_ref(&r->w, 2);
	return record;
}

bool dns_record_end(struct dns_reply *r, enum dns_section section, struct dns_record record)
{
	if (r->w.failed) {
		r->w.failed = false;
		r->w.at = record.start;
		r->truncated = true;
		return false;
	}
	struct lm_writer len = lm_writer(record.len, 2);
	lm_write_u16(&len, (uint16_t)(r->w.at - record.len - 2));
	r->counts[section]++;
	return true;
}

void dns_write_opt(struct lm_writer *w, uint16_t size, enum dns_rcode rcode, bool dnssec_ok)
{
	lm_write_u8(w, 0);
	lm_write_u16(w, DNS_OPT);
	lm_write_u16(w, size);
	lm_write_u8(w, (uint8_t)(rcode >> 4));
	lm_write_u8(w, 0); /* our version */
	lm_write_u16(w, dnssec_ok ? EDNS_DO : 0);
	lm_write_u16(w, 0);
}

size_t dns_reply_end(struct dns_reply *r, enum dns_rcode rcode, uint16_t flags)
{
	const struct dns_query *q = r->q;
	struct lm_writer header = lm_writer(r->w.start, DNS_HEADER_LEN);

	flags |= DNS_QR | (q->flags & (DNS_OPCODE | DNS_RD | DNS_CD));
	flags |= (uint16_t)(rcode & DNS_RCODE);
	if (r->truncated)
		flags |= DNS_TC;
	const uint16_t words[] = {q->id, flags, q->question_len > 0, r->counts[DNS_ANSWER],
	    r->counts[DNS_AUTHORITY], q->edns};
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		lm_write_u16(&header, words[i]);
	if (q->edns) {
		r->w.end += DNS_OPT_LEN; /* what dns_reply_begin kept back */
		/* Its flag is repeated, RFC 3225 section 3. */
		dns_write_opt(&r->w, LM_DNS_UDP_MAX, rcode, q->dnssec_ok);
	}
	return lm_writer_len(&r->w);
}

size_t dns_reply_empty(
    const struct dns_query *q, enum dns_rcode rcode, uint16_t flags, uint8_t *out, size_t size)
{
	struct dns_reply r;

	dns_reply_begin(&r, q, out, size);
	return dns_reply_end(&r, rcode, flags);
}
