/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions as bytes and answers as text, and a network to ask about:
 *
 *	db/0 100.64.10.20 fd5a:10::20, db/1 .21 ::21, db/2 .22 (IPv4 only)
 *	web/0 100.64.10.10, web-0/0 100.64.10.11, none: no replicas
 *
 * All are up but those that a test puts down.
 */
#ifndef LM_TESTS_UNIT_DNS_RIG_H
#define LM_TESTS_UNIT_DNS_RIG_H

#include "suite.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include "base/bytes.h"
#include "dns/dns.h"

#define RIG_TEXT_MAX 8192

enum { RIG_DB, RIG_DB1, RIG_DB2, RIG_WEB, RIG_WEB_0, RIG_ENDPOINTS };

struct rig_net {
	struct lm_dns_zone zone;
	struct lm_dns_endpoint endpoints[RIG_ENDPOINTS];
	unsigned many; /* member "many" has so many replicas, from number RIG_ENDPOINTS */
};

static inline struct lm_ip rig_ip_of(const char *text)
{
	struct lm_ip ip = {0};

	CU_ASSERT_EQUAL_FATAL(lm_ip_parse(&ip, text), 0);
	return ip;
}

static inline int rig_member(void *ctx, const char *name, unsigned *first)
{
	static const struct {
		const char *name;
		unsigned first, n;
	} members[] = {
	    {"db", RIG_DB, 3}, {"web", RIG_WEB, 1}, {"web-0", RIG_WEB_0, 1}, {"none", 0, 0}};
	const struct rig_net *net = ctx;

	for (unsigned i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (strcmp(members[i].name, name) == 0) {
			*first = members[i].first;
			return (int)members[i].n;
		}
	*first = RIG_ENDPOINTS;
	return strcmp(name, "many") == 0 ? (int)net->many : -ENOENT;
}

static inline int rig_address(void *ctx, const struct lm_ip *ip)
{
	const struct rig_net *net = ctx;

	for (int i = 0; i < RIG_ENDPOINTS; i++)
		if (lm_ip_equal(ip, &net->endpoints[i].ipv4) ||
		    lm_ip_equal(ip, &net->endpoints[i].ipv6))
			return i;
	return -ENOENT;
}

static inline void rig_endpoint(void *ctx, unsigned n, struct lm_dns_endpoint *out)
{
	const struct rig_net *net = ctx;

	if (n < RIG_ENDPOINTS) {
		*out = net->endpoints[n];
		return;
	}
	n -= RIG_ENDPOINTS;
	*out = (struct lm_dns_endpoint){.member = "many", .replica = n, .up = true};
	out->ipv4 = (struct lm_ip){.family = 4, .b = {100, 64, 128 + n / 256, n % 256}};
}

static inline struct rig_net *rig_net_create(void)
{
	struct rig_net *net = calloc(1, sizeof *net);

	net->zone = (struct lm_dns_zone){.origin = "shop.internal",
	    .serial = 7,
	    .gateway4 = rig_ip_of("100.64.10.1"),
	    .gateway6 = rig_ip_of("fd5a:10::1"),
	    .member = rig_member,
	    .address = rig_address,
	    .endpoint = rig_endpoint,
	    .ctx = net};
	lm_prefix_parse(&net->zone.net4, "100.64.10.0/24");
	lm_prefix_parse(&net->zone.net6, "fd5a:10::/64");
	net->endpoints[RIG_DB] = (struct lm_dns_endpoint){
	    "db", 0, rig_ip_of("100.64.10.20"), rig_ip_of("fd5a:10::20"), true};
	net->endpoints[RIG_DB1] = (struct lm_dns_endpoint){
	    "db", 1, rig_ip_of("100.64.10.21"), rig_ip_of("fd5a:10::21"), true};
	net->endpoints[RIG_DB2] =
	    (struct lm_dns_endpoint){"db", 2, rig_ip_of("100.64.10.22"), {0}, true};
	net->endpoints[RIG_WEB] =
	    (struct lm_dns_endpoint){"web", 0, rig_ip_of("100.64.10.10"), {0}, true};
	net->endpoints[RIG_WEB_0] =
	    (struct lm_dns_endpoint){"web-0", 0, rig_ip_of("100.64.10.11"), {0}, true};
	return net;
}

/* ---- questions --------------------------------------------------------------------- */

struct rig_query {
	uint8_t b[600];
	size_t len;
};

struct rig_ask {
	const char *name; /* labels with dots; "" is the root */
	uint16_t type, class; /* class 0: IN */
	uint16_t id, flags;
	bool edns, dnssec_ok;
	uint8_t version;
	uint16_t size;
};

static inline struct rig_query rig_query(struct rig_ask ask)
{
	struct rig_query q;
	struct lm_writer w = lm_writer(q.b, sizeof q.b);

	lm_write_u16(&w, ask.id);
	lm_write_u16(&w, ask.flags);
	lm_write_u16(&w, 1);
	lm_write_u32(&w, 0);
	lm_write_u16(&w, ask.edns);
	for (const char *at = ask.name; *at;) {
		size_t len = strcspn(at, ".");
		lm_write_u8(&w, (uint8_t)len);
		lm_write(&w, at, len);
		at += len + (at[len] == '.');
	}
	lm_write_u8(&w, 0);
	lm_write_u16(&w, ask.type);
	lm_write_u16(&w, ask.class ? ask.class : 1);
	if (ask.edns) {
		lm_write_u8(&w, 0);
		lm_write_u16(&w, 41);
		lm_write_u16(&w, ask.size);
		lm_write_u8(&w, 0);
		lm_write_u8(&w, ask.version);
		lm_write_u16(&w, ask.dnssec_ok ? 0x8000 : 0);
		lm_write_u16(&w, 0);
	}
	CU_ASSERT_FALSE_FATAL(w.failed);
	q.len = lm_writer_len(&w);
	return q;
}

/* ---- answers as text ------------------------------------------------------------------ */

struct rig_text {
	char text[RIG_TEXT_MAX];
	size_t len;
};

static inline __attribute__((format(printf, 2, 3))) void rig_put(
    struct rig_text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(t->text + t->len, sizeof t->text - t->len, fmt, ap);
	va_end(ap);
	if (n > 0 && t->len + (size_t)n < sizeof t->text)
		t->len += (size_t)n;
}

static inline void rig_put_name(struct rig_text *t, struct lm_reader *r, const uint8_t *message)
{
	struct lm_reader at = *r;
	bool jumped = false;

	for (unsigned steps = 0; steps < 300; steps++) {
		uint8_t len = lm_read_u8(&at);

		if (len >= 0xc0) {
			unsigned to = (len & 0x3fu) << 8 | lm_read_u8(&at);
			if (!jumped)
				*r = at;
			jumped = true;
			CU_ASSERT_FATAL(message + to < at.at);
			at.at = message + to;
			continue;
		}
		const uint8_t *label = lm_read_ref(&at, len);
		CU_ASSERT_FATAL(!at.failed && len < 64);
		if (len == 0) {
			rig_put(t, ".");
			break;
		}
		rig_put(t, "%s%.*s",
		    t->len && t->text[t->len - 1] != ' ' && t->text[t->len - 1] != '\n' ? "." : "",
		    len, (const char *)label);
	}
	if (!jumped)
		*r = at;
}

static inline void rig_put_data(
    struct rig_text *t, struct lm_reader *r, const uint8_t *message, uint16_t type, uint16_t len)
{
	const uint8_t *end = r->at + len;
	struct lm_ip ip = {.family = type == 1 ? 4 : 6};
	char text[LM_IP_TEXT];

	switch (type) {
	case 1:
	case 28:
		CU_ASSERT_EQUAL_FATAL(len, type == 1 ? 4 : 16);
		lm_read(r, ip.b, len);
		rig_put(t, " %s", lm_ip_text(text, &ip));
		break;
	case 2:
	case 12:
		rig_put(t, " ");
		rig_put_name(t, r, message);
		break;
	case 6:
		rig_put(t, " ");
		rig_put_name(t, r, message);
		rig_put(t, " ");
		rig_put_name(t, r, message);
		for (unsigned i = 0; i < 5; i++)
			rig_put(t, " %u", lm_read_u32(r));
		break;
	default:
		for (unsigned i = 0; i < len; i++)
			rig_put(t, "%s%02x", i ? "" : " ", lm_read_u8(r));
		break;
	}
	CU_ASSERT_PTR_EQUAL(r->at, end);
}

/*
 * "NOERROR aa rd; db.shop.internal. 1 28; an db.shop.internal. 1 A 100.64.10.20; opt 1232": rcode
 * and flags, the question with type and class, each record.
 */
static inline const char *rig_text(const uint8_t *message, size_t len)
{
	static const char *const rcodes[] = {
	    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
	static const char *const sections[] = {"an", "ns", "ar"};
	static struct rig_text t;
	struct lm_reader r = lm_reader(message, len);
	uint16_t counts[4];

	t = (struct rig_text){.len = 0};
	lm_read_u16(&r);
	uint16_t flags = lm_read_u16(&r);
	for (unsigned i = 0; i < 4; i++)
		counts[i] = lm_read_u16(&r);
	CU_ASSERT_TRUE_FATAL(flags & 0x8000);
	rig_put(&t, "%s%s%s%s%s%s%s", (flags & 15) < 6 ? rcodes[flags & 15] : "?",
	    flags & 0x400 ? " aa" : "", flags & 0x200 ? " tc" : "", flags & 0x100 ? " rd" : "",
	    flags & 0x80 ? " ra" : "", flags & 0x20 ? " ad" : "", flags & 0x10 ? " cd" : "");
	for (unsigned i = 0; i < counts[0]; i++) {
		rig_put(&t, "; ");
		rig_put_name(&t, &r, message);
		uint16_t type = lm_read_u16(&r);
		rig_put(&t, " %u %u", lm_read_u16(&r), type);
	}
	for (unsigned s = 0; s < 3; s++)
		for (unsigned i = 0; i < counts[s + 1]; i++) {
			if (s == 2) {
				CU_ASSERT_EQUAL(lm_read_u8(&r), 0);
				CU_ASSERT_EQUAL(lm_read_u16(&r), 41);
				rig_put(&t, "; opt %u", lm_read_u16(&r));
				rig_put(&t, " %u", lm_read_u8(&r));
				rig_put(&t, " %u", lm_read_u8(&r));
				rig_put(&t, "%s", lm_read_u16(&r) ? " do" : "");
				CU_ASSERT_EQUAL(lm_read_u16(&r), 0);
				continue;
			}
			rig_put(&t, "; %s ", sections[s]);
			rig_put_name(&t, &r, message);
			uint16_t type = lm_read_u16(&r);
			CU_ASSERT_EQUAL(lm_read_u16(&r), 1);
			rig_put(&t, " %u %u", lm_read_u32(&r), type);
			uint16_t data = lm_read_u16(&r);
			rig_put_data(&t, &r, message, type, data);
		}
	CU_ASSERT_FALSE(r.failed);
	CU_ASSERT_EQUAL(lm_reader_left(&r), 0);
	return t.text;
}

/* Asks, from memory of exactly the sizes that are allowed. "-": elsewhere; "": ignored. */
static inline const char *rig_answer(
    const struct rig_net *net, const uint8_t *query, size_t len, bool stream)
{
	uint8_t *copy = malloc(len ? len : 1),
		*out = malloc(stream ? LM_DNS_TCP_MAX : LM_DNS_UDP_MAX);
	uint64_t counts[LM_DC_MAX] = {0};
	size_t out_len = 0;
	const char *text = "";

	memcpy(copy, query, len);
	enum lm_dns_result r = lm_dns_answer(&net->zone, copy, len, stream, out, &out_len, counts);
	if (r == LM_DNS_ELSEWHERE)
		text = "-";
	if (r == LM_DNS_ANSWERED) {
		CU_ASSERT_EQUAL(memcmp(out, copy, 2), 0);
		text = rig_text(out, out_len);
	}
	uint64_t sum = 0;
	for (unsigned i = 0; i < LM_DC_MAX; i++)
		sum += i == LM_DC_TRUNCATED ? 0 : counts[i];
	CU_ASSERT_EQUAL(sum, r == LM_DNS_ELSEWHERE ? 0 : 1);
	free(copy);
	free(out);
	return text;
}

static inline const char *rig_asks(const struct rig_net *net, struct rig_ask ask)
{
	struct rig_query q = rig_query(ask);

	return rig_answer(net, q.b, q.len, false);
}

#endif
