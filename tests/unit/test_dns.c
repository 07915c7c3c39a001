/* SPDX-License-Identifier: Apache-2.0 */
#include "dns_rig.h"

#define SOA(owner) "; ns " owner ". 1 6 shop.internal. nobody.invalid. 7 3600 1200 604800 1"
#define A 1
#define NS 2
#define CNAME 5
#define SOA_TYPE 6
#define PTR 12
#define MX 15
#define AAAA 28
#define ANY 255

static struct rig_net *net;

static const char *ask(const char *name, uint16_t type)
{
	return rig_asks(net, (struct rig_ask){.name = name, .type = type, .flags = 0x0100});
}

static void begin(void)
{
	net = rig_net_create();
}

static void end(void)
{
	free(net);
}

#define IS(seen, expected) \
	do { \
		const char *text = seen; \
		if (strcmp(text, expected) != 0) \
			printf("\n  seen:     %s\n  expected: %s\n", text, expected); \
		CU_ASSERT_STRING_EQUAL(text, expected); \
	} while (0)

static void test_member(void)
{
	begin();
	IS(ask("web.shop.internal", A),
	    "NOERROR aa rd; web.shop.internal. 1 1; an web.shop.internal. 1 1 100.64.10.10");
	IS(ask("db.shop.internal", A),
	    "NOERROR aa rd; db.shop.internal. 1 1; an db.shop.internal. 1 1 100.64.10.20"
	    "; an db.shop.internal. 1 1 100.64.10.21; an db.shop.internal. 1 1 100.64.10.22");
	IS(ask("db.shop.internal", AAAA),
	    "NOERROR aa rd; db.shop.internal. 1 28; an db.shop.internal. 1 28 fd5a:10::20"
	    "; an db.shop.internal. 1 28 fd5a:10::21");
	IS(ask("db.shop.internal", MX),
	    "NOERROR aa rd; db.shop.internal. 1 15" SOA("shop.internal"));
	/* There is such a name, though it has no address now, or none of this family. */
	IS(ask("none.shop.internal", A),
	    "NOERROR aa rd; none.shop.internal. 1 1" SOA("shop.internal"));
	IS(ask("web.shop.internal", AAAA),
	    "NOERROR aa rd; web.shop.internal. 1 28" SOA("shop.internal"));
	end();
}

static void test_health(void)
{
	begin();
	net->endpoints[RIG_DB1].up = false;
	IS(ask("db.shop.internal", AAAA),
	    "NOERROR aa rd; db.shop.internal. 1 28; an db.shop.internal. 1 28 fd5a:10::20");
	net->endpoints[RIG_WEB].up = false;
	IS(ask("web.shop.internal", A),
	    "NOERROR aa rd; web.shop.internal. 1 1" SOA("shop.internal"));
	/* A replica's own name is for life, like its address. */
	IS(ask("1.db.shop.internal", A),
	    "NOERROR aa rd; 1.db.shop.internal. 1 1; an 1.db.shop.internal. 1 1 100.64.10.21");
	IS(ask("21.10.64.100.in-addr.arpa", PTR),
	    "NOERROR aa rd; 21.10.64.100.in-addr.arpa. 1 12"
	    "; an 21.10.64.100.in-addr.arpa. 1 12 1.db.shop.internal.");
	end();
}

static void test_replica(void)
{
	begin();
	IS(ask("0.db.shop.internal", AAAA),
	    "NOERROR aa rd; 0.db.shop.internal. 1 28; an 0.db.shop.internal. 1 28 fd5a:10::20");
	IS(ask("db-2.shop.internal", A),
	    "NOERROR aa rd; db-2.shop.internal. 1 1; an db-2.shop.internal. 1 1 100.64.10.22");
	/* A member of that name comes first. */
	IS(ask("web-0.shop.internal", A),
	    "NOERROR aa rd; web-0.shop.internal. 1 1; an web-0.shop.internal. 1 1 100.64.10.11");
	IS(ask("web-0-0.shop.internal", A), "NOERROR aa rd; web-0-0.shop.internal. 1 1; an "
					    "web-0-0.shop.internal. 1 1 100.64.10.11");
	static const char *const nobody[] = {"3.db", "00.db", "+1.db", "0.none", "0.ghost", "ghost",
	    "db-3", "db-", "db-00", "-0", "x.0.db", "_tcp.db", "d\xc3\xa4", "db\\", "0", "a.b.c.d",
	    "18446744073709551616.db"};
	for (unsigned i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
		char name[100], expected[300];
		snprintf(name, sizeof name, "%s.shop.internal", nobody[i]);
		snprintf(expected, sizeof expected, "NXDOMAIN aa rd; %s. 1 1%s", name,
		    SOA("shop.internal"));
		IS(ask(name, A), expected);
	}
	end();
}

static void test_zone(void)
{
	begin();
	IS(ask("shop.internal", A),
	    "NOERROR aa rd; shop.internal. 1 1; an shop.internal. 1 1 100.64.10.1");
	IS(ask("shop.internal", AAAA),
	    "NOERROR aa rd; shop.internal. 1 28; an shop.internal. 1 28 fd5a:10::1");
	IS(ask("shop.internal", NS),
	    "NOERROR aa rd; shop.internal. 1 2; an shop.internal. 1 2 shop.internal.");
	IS(ask("shop.internal", SOA_TYPE),
	    "NOERROR aa rd; shop.internal. 1 6"
	    "; an shop.internal. 1 6 shop.internal. nobody.invalid. 7 3600 1200 604800 1");
	IS(ask("shop.internal", MX), "NOERROR aa rd; shop.internal. 1 15" SOA("shop.internal"));
	IS(ask("db.shop.internal", NS),
	    "NOERROR aa rd; db.shop.internal. 1 2" SOA("shop.internal"));
	IS(ask("db.shop.internal", CNAME),
	    "NOERROR aa rd; db.shop.internal. 1 5" SOA("shop.internal"));
	end();
}

/* RFC 8482: one record instead of all; but what is not there is not there. */
static void test_any(void)
{
	begin();
	IS(ask("db.shop.internal", ANY),
	    "NOERROR aa rd; db.shop.internal. 1 255; an db.shop.internal. 1 13 075246433834383200");
	IS(ask("shop.internal", ANY),
	    "NOERROR aa rd; shop.internal. 1 255; an shop.internal. 1 13 075246433834383200");
	IS(ask("ghost.shop.internal", ANY),
	    "NXDOMAIN aa rd; ghost.shop.internal. 1 255" SOA("shop.internal"));
	end();
}

static void test_case(void)
{
	begin();
	IS(ask("dB.ShOp.iNTERNAL", A),
	    "NOERROR aa rd; dB.ShOp.iNTERNAL. 1 1; an dB.ShOp.iNTERNAL. 1 1 100.64.10.20"
	    "; an dB.ShOp.iNTERNAL. 1 1 100.64.10.21; an dB.ShOp.iNTERNAL. 1 1 100.64.10.22");
	IS(ask("GHOST.Shop.Internal", A),
	    "NXDOMAIN aa rd; GHOST.Shop.Internal. 1 1" SOA("Shop.Internal"));
	IS(ask("20.10.64.100.IN-ADDR.ARPA", PTR),
	    "NOERROR aa rd; 20.10.64.100.IN-ADDR.ARPA. 1 12"
	    "; an 20.10.64.100.IN-ADDR.ARPA. 1 12 0.db.shop.internal.");
	end();
}

static void test_elsewhere(void)
{
	static const char *const names[] = {"example.com", "internal", "", "bank.internal", "db",
	    "db.bank.internal", "xshop.internal", "shop.internal.example.com", "arpa",
	    "in-addr.arpa", "20.11.64.100.in-addr.arpa", "64.100.in-addr.arpa",
	    "x.64.100.in-addr.arpa", "0.0.0.0.0.0.0.0.1.1.0.0.a.5.d.f.ip6.arpa", "1.ip6.arpa"};
	uint64_t counts[LM_DC_MAX] = {0};
	uint8_t out[LM_DNS_UDP_MAX];

	begin();
	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		IS(ask(names[i], A), "-");
	/* One label whose end has the origin's bytes. */
	struct rig_query q = rig_query((struct rig_ask){.name = "xx.shop.internal", .type = A});
	q.b[12] = 16;
	IS(rig_answer(net, q.b, q.len, false), "-");
	q.b[12] = 7; /* likewise, and a label begins inside of them */
	IS(rig_answer(net, q.b, q.len, false), "-");

	q = rig_query((struct rig_ask){.name = "example.com", .type = A, .flags = 0x0100});
	size_t len = lm_dns_refuse(q.b, q.len, out, counts);
	IS(rig_text(out, len), "REFUSED rd; example.com. 1 1");
	CU_ASSERT_EQUAL(counts[LM_DC_REFUSED], 1);
	end();
}

static void test_reverse4(void)
{
	begin();
	IS(ask("1.10.64.100.in-addr.arpa", PTR),
	    "NOERROR aa rd; 1.10.64.100.in-addr.arpa. 1 12"
	    "; an 1.10.64.100.in-addr.arpa. 1 12 shop.internal.");
	IS(ask("99.10.64.100.in-addr.arpa", PTR),
	    "NXDOMAIN aa rd; 99.10.64.100.in-addr.arpa. 1 12" SOA("10.64.100.in-addr.arpa"));
	IS(ask("020.10.64.100.in-addr.arpa", PTR),
	    "NXDOMAIN aa rd; 020.10.64.100.in-addr.arpa. 1 12" SOA("10.64.100.in-addr.arpa"));
	IS(ask("256.10.64.100.in-addr.arpa", PTR),
	    "NXDOMAIN aa rd; 256.10.64.100.in-addr.arpa. 1 12" SOA("10.64.100.in-addr.arpa"));
	IS(ask("x.20.10.64.100.in-addr.arpa", PTR),
	    "NXDOMAIN aa rd; x.20.10.64.100.in-addr.arpa. 1 12" SOA("10.64.100.in-addr.arpa"));
	IS(ask("20.10.64.100.in-addr.arpa", A),
	    "NOERROR aa rd; 20.10.64.100.in-addr.arpa. 1 1" SOA("10.64.100.in-addr.arpa"));
	IS(ask("10.64.100.in-addr.arpa", SOA_TYPE),
	    "NOERROR aa rd; 10.64.100.in-addr.arpa. 1 6; an 10.64.100.in-addr.arpa. 1 6 "
	    "shop.internal. nobody.invalid. 7 3600 1200 604800 1");
	IS(ask("10.64.100.in-addr.arpa", NS), "NOERROR aa rd; 10.64.100.in-addr.arpa. 1 2"
					      "; an 10.64.100.in-addr.arpa. 1 2 shop.internal.");

	/* A prefix that ends between two dots: only what is wholly inside is ours. */
	lm_prefix_parse(&net->zone.net4, "100.64.10.0/26");
	IS(ask("20.10.64.100.in-addr.arpa", PTR),
	    "NOERROR aa rd; 20.10.64.100.in-addr.arpa. 1 12"
	    "; an 20.10.64.100.in-addr.arpa. 1 12 0.db.shop.internal.");
	IS(ask("63.10.64.100.in-addr.arpa", PTR),
	    "NOERROR aa rd; 63.10.64.100.in-addr.arpa. 1 12" SOA("63.10.64.100.in-addr.arpa"));
	IS(ask("64.10.64.100.in-addr.arpa", PTR), "-");
	IS(ask("10.64.100.in-addr.arpa", NS), "-");
	lm_prefix_parse(&net->zone.net4, "100.64.0.0/20");
	IS(ask("99.15.64.100.in-addr.arpa", PTR),
	    "NXDOMAIN aa rd; 99.15.64.100.in-addr.arpa. 1 12" SOA("15.64.100.in-addr.arpa"));
	IS(ask("99.16.64.100.in-addr.arpa", PTR), "-");
	lm_prefix_parse(&net->zone.net4, "100.0.0.0/8");
	IS(ask("64.100.in-addr.arpa", A),
	    "NOERROR aa rd; 64.100.in-addr.arpa. 1 1" SOA("100.in-addr.arpa"));
	net->zone.net4.ip.family = 0;
	IS(ask("20.10.64.100.in-addr.arpa", PTR), "-");
	end();
}

static void test_reverse6(void)
{
	/* fd5a:0010:0000:0000 from the right */
#define NET6 "0.0.0.0.0.0.0.0.0.1.0.0.a.5.d.f.ip6.arpa"
#define HOST "0.0.0.0.0.0.0.0.0.0.0.0.0."
	begin();
	IS(ask("0.2.0." HOST NET6, PTR),
	    "NOERROR aa rd; 0.2.0." HOST NET6 ". 1 12; an 0.2.0." HOST NET6
	    ". 1 12 0.db.shop.internal.");
	IS(ask("1.0.0." HOST NET6, PTR), "NOERROR aa rd; 1.0.0." HOST NET6
					 ". 1 12; an 1.0.0." HOST NET6 ". 1 12 shop.internal.");
	IS(ask("9.9.0." HOST NET6, PTR), "NXDOMAIN aa rd; 9.9.0." HOST NET6 ". 1 12" SOA(NET6));
	IS(ask("10.2.0." HOST NET6, PTR), "NXDOMAIN aa rd; 10.2.0." HOST NET6 ". 1 12" SOA(NET6));
	/* Whoever asks step by step (RFC 9156) is not stopped on the way. */
	IS(ask("0.0." NET6, A), "NOERROR aa rd; 0.0." NET6 ". 1 1" SOA(NET6));
	IS(ask("0.0.0.0.0.0.0.0.1.0.0.a.5.d.f.ip6.arpa", A), "-");
	end();
}

/* Each question begins elsewhere, and over many every replica is first equally often. */
static void test_rotation(void)
{
	unsigned first[3] = {0};

	begin();
	for (unsigned id = 0; id < 300; id++) {
		const char *text = rig_asks(net,
		    (struct rig_ask){.name = "db.shop.internal", .type = A, .id = (uint16_t)id});
		const char *at = strstr(text, "100.64.10.2");
		CU_ASSERT_PTR_NOT_NULL_FATAL(at);
		first[at[11] - '0']++;
	}
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(first[i], 100);
	end();
}

static void test_edns(void)
{
	struct rig_ask q = {.name = "web.shop.internal", .type = A, .edns = true, .size = 4096};

	begin();
	IS(rig_asks(net, q), "NOERROR aa; web.shop.internal. 1 1; an web.shop.internal. 1 1 "
			     "100.64.10.10; opt 1232 0 0");
	q.dnssec_ok = true;
	q.flags = 0x0130; /* RD, AD, CD: the last is repeated, AD is not ours to say */
	IS(rig_asks(net, q), "NOERROR aa rd cd; web.shop.internal. 1 1; an web.shop.internal. 1 1 "
			     "100.64.10.10; opt 1232 0 0 do");
	q.version = 1;
	IS(rig_asks(net, q), "NOERROR rd cd; web.shop.internal. 1 1; opt 1232 1 0 do");
	net->zone.recursion = true;
	q = (struct rig_ask){.name = "ghost.shop.internal", .type = A, .edns = true, .size = 0};
	IS(rig_asks(net, q),
	    "NXDOMAIN aa ra; ghost.shop.internal. 1 1" SOA("shop.internal") "; opt 1232 0 0");
	end();
}

/* The length of an answer for the member "many", asked with this size (0: without EDNS). */
static size_t many(unsigned replicas, uint16_t size, bool stream, const char **flags)
{
	struct rig_ask ask = {
	    .name = "many.shop.internal", .type = A, .edns = size > 0, .size = size};
	struct rig_query q = rig_query(ask);
	uint8_t *out = malloc(stream ? LM_DNS_TCP_MAX : LM_DNS_UDP_MAX);
	uint64_t counts[LM_DC_MAX] = {0};
	size_t len = 0;

	net->many = replicas;
	CU_ASSERT_EQUAL(
	    lm_dns_answer(&net->zone, q.b, q.len, stream, out, &len, counts), LM_DNS_ANSWERED);
	*flags = out[2] & 2 ? "tc" : "";
	CU_ASSERT_EQUAL(counts[LM_DC_TRUNCATED], (out[2] & 2) != 0);
	if (replicas < 100)
		CU_ASSERT_PTR_NOT_NULL(strstr(rig_text(out, len), "100.64.128.0"));
	free(out);
	return len;
}

/* Header and question take 36 bytes, a record 16, OPT 11. */
static void test_sizes(void)
{
	const char *flags;

	begin();
	CU_ASSERT_EQUAL(many(29, 0, false, &flags), 36 + 29 * 16);
	CU_ASSERT_STRING_EQUAL(flags, "");
	CU_ASSERT_EQUAL(many(30, 0, false, &flags), 36 + 29 * 16);
	CU_ASSERT_STRING_EQUAL(flags, "tc");
	CU_ASSERT_EQUAL(many(30, 527, false, &flags), 36 + 30 * 16 + 11);
	CU_ASSERT_STRING_EQUAL(flags, "");
	CU_ASSERT_EQUAL(many(30, 526, false, &flags), 36 + 29 * 16 + 11);
	CU_ASSERT_STRING_EQUAL(flags, "tc");
	/* Never more than passes every link, whatever the asker says; never less than 512. */
	CU_ASSERT_EQUAL(many(90, 65535, false, &flags), 36 + 74 * 16 + 11);
	CU_ASSERT_STRING_EQUAL(flags, "tc");
	CU_ASSERT_EQUAL(many(29, 100, false, &flags), 36 + 29 * 16 + 11);
	CU_ASSERT_STRING_EQUAL(flags, "");
	/* TCP takes it all, and has its own end. */
	CU_ASSERT_EQUAL(many(4090, 0, true, &flags), 36 + 4090 * 16);
	CU_ASSERT_STRING_EQUAL(flags, "");
	CU_ASSERT_EQUAL(many(5000, 0, true, &flags), 36 + 4093 * 16);
	CU_ASSERT_STRING_EQUAL(flags, "tc");
	end();
}

static void test_refused(void)
{
	static const uint16_t transfers[] = {251, 252};

	begin();
	for (unsigned i = 0; i < 2; i++) {
		char expected[100];
		snprintf(expected, sizeof expected, "REFUSED; shop.internal. 1 %u", transfers[i]);
		IS(rig_asks(net, (struct rig_ask){.name = "shop.internal", .type = transfers[i]}),
		    expected);
	}
	IS(rig_asks(net, (struct rig_ask){.name = "version.bind", .type = 16, .class = 3}),
	    "REFUSED; version.bind. 3 16");
	IS(rig_asks(net, (struct rig_ask){.name = "db.shop.internal", .type = A, .class = 255}),
	    "REFUSED; db.shop.internal. 255 1");
	end();
}

static const char *raw(const struct rig_query *q)
{
	return rig_answer(net, q->b, q->len, false);
}

static struct rig_query sound(void)
{
	return rig_query((struct rig_ask){.name = "web.shop.internal", .type = A, .id = 0xabcd});
}

static void test_malformed(void)
{
	struct rig_query q = sound();

	begin();
	/* No header, or an answer: silence. */
	for (size_t len = 0; len < 12; len++)
		IS(rig_answer(net, q.b, len, false), "");
	q.b[2] = 0x80;
	IS(raw(&q), "");
	/* Cut anywhere: the header alone comes back. */
	q = sound();
	for (size_t len = 12; len < q.len; len++)
		IS(rig_answer(net, q.b, len, false), "FORMERR");
	q.b[q.len++] = 0; /* bytes that belong to nothing */
	IS(raw(&q), "FORMERR; web.shop.internal. 1 1");
	for (unsigned opcode = 1; opcode < 16; opcode++) {
		q = sound();
		q.b[2] = (uint8_t)(opcode << 3);
		IS(raw(&q), "NOTIMP");
	}
	/* No question, two. */
	q = sound();
	q.b[5] = 0;
	IS(raw(&q), "FORMERR");
	q.b[5] = 2;
	IS(raw(&q), "FORMERR");
	IS(rig_asks(net, (struct rig_ask){.name = "shop.internal", .type = 41}),
	    "FORMERR; shop.internal. 1 41");
	end();
}

/* Pointers in a question: to itself, forth, into the header; labels of kinds that never were. */
static void test_pointers(void)
{
	static const uint8_t bad[][2] = {
	    {0xc0, 12}, {0xc0, 14}, {0xc0, 0}, {0xff, 0xff}, {0x40, 1}, {0x80, 1}, {0x41, 'a'}};

	begin();
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct rig_query q = sound();
		memcpy(q.b + 12, bad[i], 2);
		IS(raw(&q), "FORMERR");
		q = sound();
		memcpy(q.b + 16, bad[i], 2); /* behind the first label */
		IS(raw(&q), "FORMERR");
	}
	end();
}

static void test_long_names(void)
{
	char name[300] = "";

	begin();
	/* 255 bytes are a name: 3 * 64 + 62 + 1. Wherever that ends, it is not ours. */
	memset(name, 'a', 253);
	name[63] = name[127] = name[191] = '.';
	IS(ask(name, A), "-");
	strcat(name, "a");
	IS(ask(name, A), "FORMERR rd");
	memset(name, 0, sizeof name);
	for (unsigned i = 0; i < 127; i++)
		memcpy(name + 2 * i, "a.", 2);
	IS(ask(name, A), "-");
	/* A label of 64: those lengths never came to mean anything. */
	memset(name, 0, sizeof name);
	memset(name, 'a', 64);
	IS(ask(name, A), "FORMERR rd");
	/* The longest name below the origin, and a label of 63. */
	memset(name, 0, sizeof name);
	memset(name, 'a', 63);
	strcat(name, ".shop.internal");
	char expected[400];
	snprintf(
	    expected, sizeof expected, "NXDOMAIN aa rd; %s. 1 1%s", name, SOA("shop.internal"));
	IS(ask(name, A), expected);
	end();
}

/* Records in a query: passed over where they are sound. */
static void test_records(void)
{
	static const uint8_t pointed[] = {0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 2, 1, 2};
	struct rig_query q = sound();

	begin();
	q.b[9] = 1; /* authority, as IXFR has it */
	memcpy(q.b + q.len, pointed, sizeof pointed);
	q.len += sizeof pointed;
	IS(raw(&q), "NOERROR aa; web.shop.internal. 1 1; an web.shop.internal. 1 1 100.64.10.10");
	q.b[q.len - 3]++; /* its data ends beyond the message */
	IS(raw(&q), "FORMERR; web.shop.internal. 1 1");
	q.b[q.len - 3]--;
	q.b[9] = 2; /* one more than there is */
	IS(raw(&q), "FORMERR; web.shop.internal. 1 1");

	/* OPT: where it belongs, once, at the root; options are passed over. */
	q = rig_query(
	    (struct rig_ask){.name = "web.shop.internal", .type = A, .edns = true, .size = 1400});
	static const uint8_t option[] = {0, 10, 0, 2, 0xab, 0xcd};
	struct rig_query with = q;
	memcpy(with.b + with.len, option, sizeof option);
	with.len += sizeof option;
	with.b[q.len - 1] = sizeof option;
	IS(raw(&with), "NOERROR aa; web.shop.internal. 1 1; an web.shop.internal. 1 1 "
		       "100.64.10.10; opt 1232 0 0");
	struct rig_query twice = q;
	memcpy(twice.b + q.len, q.b + q.len - 11, 11);
	twice.len += 11;
	twice.b[11] = 2;
	IS(raw(&twice), "FORMERR; web.shop.internal. 1 1; opt 1232 0 0");
	q.b[11] = 0, q.b[7] = 1; /* in the answer section */
	IS(raw(&q), "FORMERR; web.shop.internal. 1 1");
	end();
}

LM_SUITE("dns", {"member", test_member}, {"health", test_health}, {"replica", test_replica},
    {"zone", test_zone}, {"any", test_any}, {"case", test_case}, {"elsewhere", test_elsewhere},
    {"reverse IPv4", test_reverse4}, {"reverse IPv6", test_reverse6}, {"rotation", test_rotation},
    {"EDNS", test_edns}, {"sizes", test_sizes}, {"refused", test_refused},
    {"malformed", test_malformed}, {"pointers", test_pointers}, {"long names", test_long_names},
    {"records", test_records})
