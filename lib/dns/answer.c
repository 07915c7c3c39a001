/* SPDX-License-Identifier: Apache-2.0 */
/* From a query to its answer: which records a name has now. */
#include <errno.h>
#include <stdio.h>
#include "base/domain.h"
#include "dns/dns.h"
#include "dns/lookup.h"
#include "dns/message.h"

/* Nobody transfers these zones; the values are those of RFC 6303 section 3. */
#define SOA_REFRESH 3600
#define SOA_RETRY 1200
#define SOA_EXPIRE 604800

#define NAME(id, name) name,
const char *const lm_dns_count_names[LM_DC_MAX] = {LM_DNS_COUNTS(NAME)};

struct answer {
	const struct lm_dns_zone *zone;
	const struct dns_query *q;
	struct dns_target target;
	struct dns_reply reply;
};

static bool asks(const struct answer *a, enum dns_type type)
{
	return a->q->type == type;
}

/* ---- records ------------------------------------------------------------------- */

/* The zone is its own name server, RFC 6303: there is no other name that no member could have. */
static void put_soa(struct answer *a, enum dns_section section)
{
	struct dns_record record = dns_record_begin(&a->reply, a->target.apex, DNS_SOA, LM_DNS_TTL);
	struct lm_writer *w = &a->reply.w;

	lm_write_domain(w, a->zone->origin);
	lm_write_domain(w, "nobody.invalid");
	lm_write_u32(w, a->zone->serial);
	lm_write_u32(w, SOA_REFRESH);
	lm_write_u32(w, SOA_RETRY);
	lm_write_u32(w, SOA_EXPIRE);
	lm_write_u32(w, LM_DNS_TTL); /* how long "no" may be kept, RFC 2308 section 4 */
	dns_record_end(&a->reply, section, record);
}

static void put_name(struct answer *a, enum dns_type type, const char *name)
{
	struct dns_record record = dns_record_begin(&a->reply, 0, type, LM_DNS_TTL);

	lm_write_domain(&a->reply.w, name);
	dns_record_end(&a->reply, DNS_ANSWER, record);
}

/* Only if the question is for its family. False: no room. */
static bool put_address(struct answer *a, const struct lm_ip *ip4, const struct lm_ip *ip6)
{
	const struct lm_ip *ip = asks(a, DNS_A) ? ip4 : ip6;

	if (!asks(a, DNS_A) && !asks(a, DNS_AAAA))
		return false;
	if (ip->family == 0)
		return true;
	struct dns_record record = dns_record_begin(&a->reply, 0, a->q->type, LM_DNS_TTL);
	lm_write(&a->reply.w, ip->b, ip->family == 4 ? 4 : 16);
	return dns_record_end(&a->reply, DNS_ANSWER, record);
}

/* Instead of everything there is, RFC 8482 section 4.2. */
static void put_any(struct answer *a)
{
	static const char cpu[] = "RFC8482";
	struct dns_record record = dns_record_begin(&a->reply, 0, DNS_HINFO, LM_DNS_TTL);

	lm_write_u8(&a->reply.w, sizeof(cpu) - 1);
	lm_write(&a->reply.w, cpu, sizeof(cpu) - 1);
	lm_write_u8(&a->reply.w, 0); /* no operating system */
	dns_record_end(&a->reply, DNS_ANSWER, record);
}

/* ---- names ----------------------------------------------------------------------- */

/* Askers take the first: each question begins elsewhere, by its id, which is random. */
static void put_member(struct answer *a)
{
	const struct dns_target *t = &a->target;

	for (unsigned i = 0; i < t->n; i++) {
		struct lm_dns_endpoint e;

		a->zone->endpoint(a->zone->ctx, t->first + (a->q->id + i) % t->n, &e);
		if (e.up && !put_address(a, &e.ipv4, &e.ipv6))
			return;
	}
}

static void put_replica(struct answer *a)
{
	char name[LM_DOMAIN_MAX];
	struct lm_dns_endpoint e;

	a->zone->endpoint(a->zone->ctx, a->target.first, &e);
	if (!a->target.reverse) {
		put_address(a, &e.ipv4, &e.ipv6);
	} else if (asks(a, DNS_PTR)) {
		snprintf(name, sizeof(name), "%u.%s.%s", e.replica, e.member, a->zone->origin);
		put_name(a, DNS_PTR, name);
	}
}

static void put_gateway(struct answer *a)
{
	if (!a->target.reverse)
		put_address(a, &a->zone->gateway4, &a->zone->gateway6);
	else if (asks(a, DNS_PTR))
		put_name(a, DNS_PTR, a->zone->origin);
}

static void put_zone(struct answer *a)
{
	if (asks(a, DNS_SOA))
		put_soa(a, DNS_ANSWER);
	else if (asks(a, DNS_NS))
		put_name(a, DNS_NS, a->zone->origin);
}

static void put_records(struct answer *a)
{
	if (a->target.apex == 0)
		put_zone(a);
	switch (a->target.found) {
	case DNS_MEMBER:
		put_member(a);
		break;
	case DNS_REPLICA:
		put_replica(a);
		break;
	case DNS_GATEWAY:
		put_gateway(a);
		break;
	default:
		break;
	}
}

/* ---- answers ------------------------------------------------------------------------ */

static size_t from_zone(struct answer *a, uint8_t *out, size_t size, uint64_t *counts)
{
	const struct dns_reply *r = &a->reply;
	bool exists = a->target.found != DNS_NO_NAME;

	dns_reply_begin(&a->reply, a->q, out, size);
	if (exists && asks(a, DNS_ANY))
		put_any(a);
	else if (exists)
		put_records(a);
	bool empty = r->counts[DNS_ANSWER] == 0 && !r->truncated;
	if (empty)
		put_soa(a, DNS_AUTHORITY);
	counts[!exists ? LM_DC_NXDOMAIN : empty ? LM_DC_NODATA : LM_DC_NOERROR]++;
	counts[LM_DC_TRUNCATED] += r->truncated;
	return dns_reply_end(&a->reply, exists ? DNS_NOERROR : DNS_NXDOMAIN,
	    DNS_AA | (a->zone->recursion ? DNS_RA : 0));
}

static enum lm_dns_count count_of(enum dns_rcode rcode)
{
	switch (rcode) {
	case DNS_FORMERR:
		return LM_DC_FORMERR;
	case DNS_NOTIMP:
		return LM_DC_NOTIMP;
	case DNS_BADVERS:
		return LM_DC_BADVERS;
	default:
		return LM_DC_REFUSED;
	}
}

/* Of what is well formed: is it anything that we answer for nobody? */
static bool is_refused(const struct dns_query *q)
{
	return q->class != DNS_CLASS_IN || q->type == DNS_AXFR || q->type == DNS_IXFR;
}

enum lm_dns_result lm_dns_answer(const struct lm_dns_zone *zone, const uint8_t *query, size_t len,
    bool stream, uint8_t *out, size_t *out_len, uint64_t *counts)
{
	struct dns_query q;
	struct answer a = {.zone = zone, .q = &q};
	int rcode = dns_query_parse(&q, query, len);

	if (rcode < 0) {
		counts[LM_DC_IGNORED]++;
		return LM_DNS_IGNORED;
	}
	if (rcode == DNS_NOERROR && is_refused(&q))
		rcode = DNS_REFUSED;
	if (rcode != DNS_NOERROR) {
		counts[count_of((enum dns_rcode)rcode)]++;
		*out_len = dns_reply_empty(&q, (enum dns_rcode)rcode, 0, out, dns_udp_limit(&q));
		return LM_DNS_ANSWERED;
	}
	a.target = dns_lookup(zone, &q.name);
	if (a.target.found == DNS_NOT_OURS)
		return LM_DNS_ELSEWHERE;
	*out_len = from_zone(&a, out, stream ? LM_DNS_TCP_MAX : dns_udp_limit(&q), counts);
	return LM_DNS_ANSWERED;
}

size_t lm_dns_refuse(const uint8_t *query, size_t len, uint8_t *out, uint64_t *counts)
{
	struct dns_query q;

	if (dns_query_parse(&q, query, len) != DNS_NOERROR)
		return 0;
	counts[LM_DC_REFUSED]++;
	return dns_reply_empty(&q, DNS_REFUSED, 0, out, dns_udp_limit(&q));
}
