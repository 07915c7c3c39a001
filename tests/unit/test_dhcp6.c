/* SPDX-License-Identifier: Apache-2.0 */
#include "workload_fixture.h"

#define CLIENT "fe80::ff:fe00:101"
#define SERVERS "ff02::1:2"
#define UDP 54 /* in an untagged frame */
#define MESSAGE 62
#define OPTIONS 66

enum { SOLICIT = 1, ADVERTISE, REQUEST, CONFIRM, RENEW, REBIND, REPLY, RELEASE, DECLINE };
#define INFORMATION_REQUEST 11

/* Options, as C strings of their bytes. */
#define CLIENT_ID "\0\1\0\x0a\0\3\0\1" CLIENT_MAC
#define OUR_DUID "\0\4ABCDEFGHIJKLMNOP"
#define SERVER_ID "\0\2\0\x12" OUR_DUID
#define OTHER_SERVER "\0\2\0\x12\0\4ABCDEFGHIJKLMNOQ"
#define IA(iaid) "\0\3\0\x0c" iaid "\0\0\0\0\0\0\0\0" /* IA_NA without addresses */
#define IA_OF(iaid, address) "\0\3\0\x28" iaid "\0\0\0\0\0\0\0\0" IA_ADDRESS(address)
#define IA_ADDRESS(address) "\0\5\0\x18" address "\0\0\0\0\0\0\0\0"
#define IA_PD "\0\x19\0\x0cprfx\0\0\0\0\0\0\0\0"
#define IA_TA "\0\4\0\4temp"
#define RAPID "\0\x0e\0\0"
#define WANTS "\0\6\0\4\0\x17\0\x18"
#define OURS "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0a"
#define OLD "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0b" /* of the same prefix */
#define FOREIGN "\xfd\1\0\0\0\0\0\0\0\0\0\0\0\0\0\x0a"

/* What comes back. Lease 3,600 s, T1 1,800, T2 2,880. */
#define LEASE "\0\0\x0e\x10"
#define TIMES "\0\0\7\x08\0\0\x0b\x40"
#define NO_TIMES "\0\0\0\0\0\0\0\0"
#define GIVEN "\0\5\0\x18" OURS LEASE LEASE
#define STATUS(code) "\0\x0d\0\2\0" code
#define SUCCESS STATUS("\0")
#define NO_ADDRESS STATUS("\2")
#define NO_BINDING STATUS("\3")
#define NOT_ON_LINK STATUS("\4")
#define USE_MULTICAST STATUS("\5")
#define NO_PREFIX STATUS("\6")

static struct frame make(
    const char *src, const char *dst, uint8_t type, const void *options, size_t n)
{
	const struct lm_mac gateway = {{2, 0, 0, 0, 0, 1}}, client = {{2, 0, 0, 0, 1, 1}};
	struct lm_ip s = ip_of(src), d = ip_of(dst);
	struct frame f;
	struct lm_build b;

	lm_build_ether(&b, f.b, sizeof f.b, &gateway, &client, 0, RTE_ETHER_TYPE_IPV6);
	lm_build_ip(&b, &s, &d, IPPROTO_UDP, 1);
	lm_build_udp(&b, 546, 547);
	lm_write_u32(&b.w, (uint32_t)type << 24 | 0xabcdef);
	lm_write(&b.w, options, n);
	f.len = lm_build_end(&b);
	CU_ASSERT_FATAL(f.len > 0);
	return f;
}

/* A message of a client with these options to all servers; and what becomes of it. */
#define ASK(v, type, options, out) ask(v, type, options, sizeof(options) - 1, out)
static enum lm_workload_result ask(const struct lm_workload_view *v, uint8_t type,
    const void *options, size_t n, struct frame *out)
{
	struct frame in = make(CLIENT, SERVERS, type, options, n);

	return give(v, &in, out);
}

/* The answer is this type of message with exactly these options. */
#define CHECK(out, type, options) check(out, type, options, sizeof(options) - 1, __LINE__)
static void check(
    const struct frame *out, uint8_t type, const void *options, size_t n, unsigned line)
{
	const uint8_t head[] = {type, 0xab, 0xcd, 0xef};
	struct lm_frame f;

	CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&f, out->b, out->len), 0);
	CU_ASSERT_TRUE(bytes_at(out, 0, CLIENT_MAC GATEWAY_MAC "\x86\xdd", 14));
	CU_ASSERT_TRUE(bytes_at(out, 22, ip_of("fe80::ff:fe00:1").b, 16));
	CU_ASSERT_TRUE(bytes_at(out, UDP, "\x02\x23\x02\x22", 4)); /* 547 to 546 */
	CU_ASSERT_EQUAL(out->b[UDP + 4] << 8 | out->b[UDP + 5], (int)f.l4_len);
	CU_ASSERT_TRUE(lm_frame_l4_checksum_ok(&f));
	CU_ASSERT_TRUE(bytes_at(out, MESSAGE, head, sizeof head));
	if (out->len != OPTIONS + n || !bytes_at(out, OPTIONS, options, n)) {
		char hex[2 * sizeof out->b + 1];

		printf("\n    line %u: seen %s\n", line,
		    lm_hex(hex, out->b + OPTIONS, out->len - OPTIONS));
		CU_FAIL("other options");
	}
}

#define IDS CLIENT_ID SERVER_ID
#define BEST "\0\7\0\1\xff" /* preference: no other server is worth waiting for */
#define DNS "\0\x17\0\x10\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"
#define SEARCH "\0\x18\0\x0f\4shop\x08internal\0"
#define IA_GIVEN(iaid) "\0\3\0\x28" iaid TIMES GIVEN
#define IA_WITH(iaid, status) "\0\3\0\x12" iaid NO_TIMES status

/* The exchange of four messages, and the one of two. */
static void test_lease(void)
{
	struct lm_workload_view v = make_view();
	struct frame out;

	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID WANTS IA("aaaa"), &out), LM_WL_REPLY);
	CHECK(&out, ADVERTISE, IDS BEST IA_GIVEN("aaaa") DNS SEARCH);
	CU_ASSERT_TRUE(bytes_at(&out, 38, ip_of(CLIENT).b, 16));
	CU_ASSERT_EQUAL(
	    ASK(&v, REQUEST, CLIENT_ID SERVER_ID IA_OF("aaaa", OURS), &out), LM_WL_REPLY);
	CHECK(&out, REPLY, IDS IA_GIVEN("aaaa"));
	CU_ASSERT_EQUAL(
	    ASK(&v, RENEW, CLIENT_ID SERVER_ID WANTS IA_OF("aaaa", OURS), &out), LM_WL_REPLY);
	CHECK(&out, REPLY, IDS IA_GIVEN("aaaa") DNS SEARCH);
	CU_ASSERT_EQUAL(ASK(&v, REBIND, CLIENT_ID IA_OF("aaaa", OURS), &out), LM_WL_REPLY);
	CHECK(&out, REPLY, IDS IA_GIVEN("aaaa"));
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID RAPID IA("aaaa"), &out), LM_WL_REPLY);
	CHECK(&out, REPLY, IDS RAPID IA_GIVEN("aaaa"));
	/* Hints are hints. */
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID IA_OF("aaaa", FOREIGN), &out), LM_WL_REPLY);
	CHECK(&out, ADVERTISE, IDS BEST IA_GIVEN("aaaa"));
	/* Where there are no names. */
	v.domain = NULL;
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID WANTS IA("aaaa"), &out), LM_WL_REPLY);
	CHECK(&out, ADVERTISE, IDS BEST IA_GIVEN("aaaa") DNS);
}

/* One address, whatever the client would like to have. */
static void test_many_ias(void)
{
	struct lm_workload_view v = make_view();
	struct frame out;

	CU_ASSERT_EQUAL(
	    ASK(&v, SOLICIT, CLIENT_ID IA_PD IA("aaaa") IA_TA IA("bbbb"), &out), LM_WL_REPLY);
	CHECK(&out, ADVERTISE,
	    IDS BEST "\0\x19\0\x12prfx" NO_TIMES NO_PREFIX IA_GIVEN(
		"aaaa") "\0\4\0\x0atemp" NO_ADDRESS IA_WITH("bbbb", NO_ADDRESS));
	/* It stays in the one that has it. */
	CU_ASSERT_EQUAL(
	    ASK(&v, RENEW, CLIENT_ID SERVER_ID IA("aaaa") IA_OF("bbbb", OURS), &out), LM_WL_REPLY);
	CHECK(&out, REPLY, IDS IA_WITH("aaaa", NO_ADDRESS) IA_GIVEN("bbbb"));
	CU_ASSERT_EQUAL(ASK(&v, REQUEST, CLIENT_ID SERVER_ID IA_PD, &out), LM_WL_REFUSAL);
	CHECK(&out, REPLY, IDS "\0\x19\0\x12prfx" NO_TIMES NO_PREFIX);
	/* Eight are answered, nine are no client's. */
#define FOUR IA("aaaa") IA("bbbb") IA("cccc") IA("dddd")
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID FOUR FOUR, &out), LM_WL_REPLY);
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID FOUR FOUR IA_PD, &out), LM_WL_MALFORMED);
}

/* The endpoint has another address than the client thinks. */
static void test_changed_address(void)
{
	struct lm_workload_view v = make_view();
	struct frame out;

	/* At its renewal it gets the new one, and gives up the old one. */
	CU_ASSERT_EQUAL(
	    ASK(&v, RENEW, CLIENT_ID SERVER_ID IA_OF("aaaa", FOREIGN), &out), LM_WL_REPLY);
	CHECK(&out, REPLY,
	    IDS "\0\3\0\x44"
		"aaaa" TIMES GIVEN IA_ADDRESS(FOREIGN));
	CU_ASSERT_EQUAL(ASK(&v, REBIND, CLIENT_ID IA_OF("aaaa", OLD), &out), LM_WL_REPLY);
	CHECK(&out, REPLY,
	    IDS "\0\3\0\x44"
		"aaaa" TIMES GIVEN IA_ADDRESS(OLD));
	/* Only in the IA that gets the address. */
	CU_ASSERT_EQUAL(
	    ASK(&v, REBIND, CLIENT_ID IA_OF("aaaa", OLD) IA_OF("bbbb", OURS), &out), LM_WL_REPLY);
	CHECK(&out, REPLY,
	    IDS "\0\3\0\x28"
		"aaaa" NO_TIMES IA_ADDRESS(OLD) IA_GIVEN("bbbb"));
	/* Who requests one of another link is told so; one of this link becomes the right one. */
	CU_ASSERT_EQUAL(
	    ASK(&v, REQUEST, CLIENT_ID SERVER_ID IA_OF("aaaa", FOREIGN), &out), LM_WL_REFUSAL);
	CHECK(&out, REPLY, IDS IA_WITH("aaaa", NOT_ON_LINK));
	CU_ASSERT_EQUAL(
	    ASK(&v, REQUEST, CLIENT_ID SERVER_ID IA_OF("aaaa", OLD), &out), LM_WL_REPLY);
	CHECK(&out, REPLY, IDS IA_GIVEN("aaaa"));
	/* Is what I have right here? */
	CU_ASSERT_EQUAL(ASK(&v, CONFIRM, CLIENT_ID IA_OF("aaaa", OURS), &out), LM_WL_REPLY);
	CHECK(&out, REPLY, IDS SUCCESS);
	CU_ASSERT_EQUAL(ASK(&v, CONFIRM, CLIENT_ID IA_OF("aaaa", OLD), &out), LM_WL_REFUSAL);
	CHECK(&out, REPLY, IDS NOT_ON_LINK);
	CU_ASSERT_EQUAL(
	    ASK(&v, CONFIRM, CLIENT_ID IA_OF("aaaa", OURS) IA_OF("bbbb", FOREIGN), &out),
	    LM_WL_REFUSAL);
	CHECK(&out, REPLY, IDS NOT_ON_LINK);
	CU_ASSERT_EQUAL(ASK(&v, CONFIRM, CLIENT_ID IA("aaaa"), &out), LM_WL_DHCP_IGNORED);

	/* It has none (any more). */
	v.ipv6 = (struct lm_ip){0};
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID IA("aaaa"), &out), LM_WL_REFUSAL);
	CHECK(&out, ADVERTISE, IDS BEST IA_WITH("aaaa", NO_ADDRESS));
	CU_ASSERT_EQUAL(
	    ASK(&v, RENEW, CLIENT_ID SERVER_ID IA_OF("aaaa", OURS), &out), LM_WL_REFUSAL);
	CHECK(&out, REPLY,
	    IDS "\0\3\0\x28"
		"aaaa" NO_TIMES IA_ADDRESS(OURS));
	CU_ASSERT_EQUAL(ASK(&v, CONFIRM, CLIENT_ID IA_OF("aaaa", OURS), &out), LM_WL_REFUSAL);
	v.gateway6 = (struct lm_ip){0};
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID IA("aaaa"), &out), LM_WL_DHCP_NO_ADDRESS);
	CU_ASSERT_EQUAL(out.len, 0);
}

/* Not served: may be again in a moment, or lives elsewhere. */
static void test_waits(void)
{
	struct lm_workload_view v = make_view();
	struct frame out;

	v.ipv6 = (struct lm_ip){0};
	v.waits = true;
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID IA("aaaa"), &out), LM_WL_DHCP_NO_ADDRESS);
	CU_ASSERT_EQUAL(
	    ASK(&v, RENEW, CLIENT_ID SERVER_ID IA_OF("aaaa", OURS), &out), LM_WL_DHCP_NO_ADDRESS);
	CU_ASSERT_EQUAL(
	    ASK(&v, CONFIRM, CLIENT_ID IA_OF("aaaa", OURS), &out), LM_WL_DHCP_NO_ADDRESS);
	CU_ASSERT_EQUAL(ASK(&v, INFORMATION_REQUEST, WANTS, &out), LM_WL_REPLY);
	v.elsewhere = true;
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID IA("aaaa"), &out), LM_WL_DHCP_NO_ADDRESS);
	CU_ASSERT_EQUAL(
	    ASK(&v, RENEW, CLIENT_ID SERVER_ID IA_OF("aaaa", OURS), &out), LM_WL_REFUSAL);
	CHECK(&out, REPLY,
	    IDS "\0\3\0\x28"
		"aaaa" NO_TIMES IA_ADDRESS(OURS));
	CU_ASSERT_EQUAL(ASK(&v, REBIND, CLIENT_ID IA_OF("aaaa", OURS), &out), LM_WL_REFUSAL);
	CU_ASSERT_EQUAL(ASK(&v, CONFIRM, CLIENT_ID IA_OF("aaaa", OURS), &out), LM_WL_REFUSAL);
	CHECK(&out, REPLY, IDS NOT_ON_LINK);
	CU_ASSERT_EQUAL(
	    ASK(&v, REQUEST, CLIENT_ID SERVER_ID IA_OF("aaaa", OURS), &out), LM_WL_REFUSAL);
	CHECK(&out, REPLY, IDS IA_WITH("aaaa", NO_ADDRESS));
}

static void test_returned(void)
{
	struct lm_workload_view v = make_view();
	struct frame out;

	CU_ASSERT_EQUAL(
	    ASK(&v, RELEASE, CLIENT_ID SERVER_ID IA_OF("aaaa", OURS), &out), LM_WL_DHCP_RELEASED);
	CHECK(&out, REPLY, IDS SUCCESS);
	CU_ASSERT_EQUAL(
	    ASK(&v, RELEASE, CLIENT_ID SERVER_ID IA_OF("aaaa", OLD) IA_PD, &out), LM_WL_REFUSAL);
	CHECK(&out, REPLY,
	    IDS SUCCESS IA_WITH("aaaa", NO_BINDING) "\0\x19\0\x12prfx" NO_TIMES NO_BINDING);
	CU_ASSERT_EQUAL(
	    ASK(&v, DECLINE, CLIENT_ID SERVER_ID IA_OF("aaaa", OURS), &out), LM_WL_DHCP6_DECLINED);
	CHECK(&out, REPLY, IDS SUCCESS);
	CU_ASSERT_EQUAL(
	    ASK(&v, DECLINE, CLIENT_ID SERVER_ID IA_OF("aaaa", OLD), &out), LM_WL_REFUSAL);
	/* Held back for a moment; an IPv4 address that was declined has nothing to do with it. */
	v.held6 = true;
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID IA("aaaa"), &out), LM_WL_DHCP_HELD);
	CU_ASSERT_EQUAL(ASK(&v, REQUEST, CLIENT_ID SERVER_ID IA("aaaa"), &out), LM_WL_DHCP_HELD);
	CU_ASSERT_EQUAL(out.len, 0);
	v.held6 = false, v.held4 = true;
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID IA("aaaa"), &out), LM_WL_REPLY);
}

static void test_information(void)
{
	struct lm_workload_view v = make_view();
	struct frame out;

	CU_ASSERT_EQUAL(ASK(&v, INFORMATION_REQUEST, WANTS, &out), LM_WL_REPLY);
	CHECK(&out, REPLY, SERVER_ID DNS SEARCH);
	CU_ASSERT_EQUAL(
	    ASK(&v, INFORMATION_REQUEST, CLIENT_ID SERVER_ID "\0\6\0\2\0\x20", &out), LM_WL_REPLY);
	CHECK(&out, REPLY, IDS "\0\x20\0\4" LEASE);
	v.lease_seconds = 60; /* less than a client takes: RFC 8415 section 21.23 */
	CU_ASSERT_EQUAL(ASK(&v, INFORMATION_REQUEST, "\0\6\0\2\0\x20", &out), LM_WL_REPLY);
	CHECK(&out, REPLY, SERVER_ID "\0\x20\0\4\0\0\2\x58");
	CU_ASSERT_EQUAL(ASK(&v, INFORMATION_REQUEST, OTHER_SERVER, &out), LM_WL_DHCP_OTHER_SERVER);
	CU_ASSERT_EQUAL(ASK(&v, INFORMATION_REQUEST, IA("aaaa"), &out), LM_WL_DHCP_IGNORED);
}

/* Sections 16 and 18.4: what each message must have and must not, and how it must come. */
static void test_validity(void)
{
	static const struct {
		uint8_t type;
		bool server, refuses_unicast;
	} types[] = {{SOLICIT, false, false}, {REQUEST, true, true}, {CONFIRM, false, false},
	    {RENEW, true, true}, {REBIND, false, false}, {RELEASE, true, true},
	    {DECLINE, true, true}};
	struct lm_workload_view v = make_view();
	struct frame out, in;

	for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++) {
		const char with[] = IDS IA_OF("aaaa", OURS),
			   without[] = CLIENT_ID IA_OF("aaaa", OURS);
		const char *good = types[i].server ? with : without;
		size_t n = types[i].server ? sizeof with - 1 : sizeof without - 1;
		uint8_t type = types[i].type;

		CU_ASSERT_NOT_EQUAL(ask(&v, type, good, n, &out), LM_WL_DHCP_IGNORED);
		CU_ASSERT(out.len > 0);
		/* Without and with a server, without the client, for another server. */
		const char *bad = types[i].server ? without : with;
		size_t bad_n = types[i].server ? sizeof without - 1 : sizeof with - 1;
		CU_ASSERT_EQUAL(ask(&v, type, bad, bad_n, &out), LM_WL_DHCP_IGNORED);
		CU_ASSERT_EQUAL(ask(&v, type, good + 14, n - 14, &out), LM_WL_DHCP_IGNORED);
		if (types[i].server)
			CU_ASSERT_EQUAL(
			    ASK(&v, type, CLIENT_ID OTHER_SERVER IA_OF("aaaa", OURS), &out),
			    LM_WL_DHCP_OTHER_SERVER);
		/* By unicast: a word to some, silence to others, and to whom is not the server. */
		static const char *const ours[] = {"fd00::1", "fe80::ff:fe00:1"};
		for (unsigned d = 0; d < 2; d++) {
			in = make("fd00::a", ours[d], type, good, n);
			if (types[i].refuses_unicast) {
				CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REFUSAL);
				CHECK(&out, REPLY, IDS USE_MULTICAST);
			} else {
				CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_IGNORED);
			}
		}
		in = make(CLIENT, "fd00::b", type, good, n);
		CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_IGNORED);
		in = make("::", SERVERS, type, good, n);
		CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_IGNORED);
		in = make("fd00::b", SERVERS, type, good, n);
		CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_IGNORED);
		CU_ASSERT_EQUAL(out.len, 0);
	}
	/* The server's own messages, unknown ones; and relays. */
	static const uint8_t others[] = {0, ADVERTISE, REPLY, 10, 13, 14, 255};
	for (unsigned i = 0; i < sizeof others; i++)
		CU_ASSERT_EQUAL(ASK(&v, others[i], CLIENT_ID, &out), LM_WL_DHCP_IGNORED);
	CU_ASSERT_EQUAL(ASK(&v, 12, "\1\2\3", &out), LM_WL_DHCP_RELAYED);
}

static void test_malformed(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in = make(CLIENT, SERVERS, SOLICIT, CLIENT_ID IA("aaaa"), 30);

	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	/* Every truncation: with its lengths and checksum telling the same it may lose an option,
	 * but is never read beyond its end. */
	for (size_t n = 1; n < in.len - UDP; n++) {
		struct frame cut = frame_shorten(&in, n);
		enum lm_workload_result r = give(&v, &cut, &out);

		CU_ASSERT_EQUAL(r, n == 16   ? LM_WL_REPLY
				   : n == 30 ? LM_WL_DHCP_IGNORED
					     : LM_WL_MALFORMED);
	}
	in.b[70]++;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	/* Lengths of DUIDs; twice what is there once. */
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, "\0\1\0\2\0\3" IA("aaaa"), &out), LM_WL_MALFORMED);
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, "\0\1\0\3\0\3x" IA("aaaa"), &out), LM_WL_REPLY);
	uint8_t id[4 + 131] = {0, 1, 0, 130};
	CU_ASSERT_EQUAL(ask(&v, SOLICIT, id, 4 + 130, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(bytes_at(&out, OPTIONS, id, 4 + 130));
	id[3] = 131;
	CU_ASSERT_EQUAL(ask(&v, SOLICIT, id, 4 + 131, &out), LM_WL_MALFORMED);
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID CLIENT_ID, &out), LM_WL_MALFORMED);
	CU_ASSERT_EQUAL(ASK(&v, RENEW, IDS SERVER_ID, &out), LM_WL_MALFORMED);
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID WANTS WANTS, &out), LM_WL_MALFORMED);
	/* Halves of codes, a rapid commit that says something. */
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID "\0\6\0\3\0\x17\0", &out), LM_WL_MALFORMED);
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT, CLIENT_ID "\0\x0e\0\1x", &out), LM_WL_MALFORMED);
	/* IAs that are too short, addresses that are, options in them that run over their end. */
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT,
			    CLIENT_ID "\0\3\0\x0b"
				      "aaaa\0\0\0\0\0\0\0",
			    &out),
	    LM_WL_MALFORMED);
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT,
			    CLIENT_ID "\0\4\0\3"
				      "aaa",
			    &out),
	    LM_WL_MALFORMED);
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT,
			    CLIENT_ID "\0\4\0\x1f"
				      "aaaa\0\5\0\x17" OURS "\0\0\0\0\0\0\0",
			    &out),
	    LM_WL_MALFORMED);
	CU_ASSERT_EQUAL(ASK(&v, SOLICIT,
			    CLIENT_ID "\0\4\0\x8"
				      "aaaa\0\5\0\1" IA("aaaa"),
			    &out),
	    LM_WL_MALFORMED);
	/* More addresses than anybody has. */
	uint8_t many[14 + 16 + 17 * 28] = CLIENT_ID "\0\3\0\0"
						    "aaaa\0\0\0\0\0\0\0\0";
	for (unsigned n = 16; n <= 17; n++) {
		for (unsigned i = 0; i < n; i++) {
			memcpy(many + 30 + 28 * i, IA_ADDRESS(OLD), 28);
			many[30 + 28 * i + 19] = (uint8_t)(i + 20);
		}
		many[16] = (uint8_t)((12 + 28 * n) >> 8), many[17] = (uint8_t)(12 + 28 * n);
		CU_ASSERT_EQUAL(ask(&v, REBIND, many, 30 + 28 * n, &out),
		    n == 16 ? LM_WL_REPLY : LM_WL_MALFORMED);
	}
}

LM_SUITE("dhcp6", {"lease", test_lease}, {"many_ias", test_many_ias},
    {"changed_address", test_changed_address}, {"returned", test_returned}, {"waits", test_waits},
    {"information", test_information}, {"validity", test_validity}, {"malformed", test_malformed})
