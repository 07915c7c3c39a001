/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

#include "workload/workload.h"

#define FRAMES "workload_frames.txt"
#define GATEWAY_MAC "\x02\0\0\0\0\x01"
#define CLIENT_MAC "\x02\0\0\0\x01\x01"
/* Offsets in an untagged frame. */
#define BOOTP 42
#define FLAGS (BOOTP + 10)
#define CIADDR (BOOTP + 12)
#define GIADDR (BOOTP + 24)
#define SNAME (BOOTP + 44)
#define FILE_FIELD (BOOTP + 108)
#define OPTIONS (BOOTP + 240)

static bool nobody(void *ctx, const struct lm_ip *ip)
{
	(void)ctx;
	(void)ip;
	return false;
}

static struct lm_workload_view make_view(void)
{
	struct lm_workload_view v = {.mtu = 1418,
	    .lease_seconds = 3600,
	    .default_route = true,
	    .host_name = "web-0",
	    .domain = "shop.internal",
	    .is_known = nobody,
	    .ipv4 = ip_of("100.64.0.10"),
	    .gateway4 = ip_of("100.64.0.1")};

	memcpy(v.gateway_mac.b, GATEWAY_MAC, 6);
	CU_ASSERT_EQUAL_FATAL(lm_prefix_parse(&v.net4, "100.64.0.0/24"), 0);
	return v;
}

static enum lm_workload_result give(
    const struct lm_workload_view *v, const struct frame *in, struct frame *out)
{
	uint8_t *copy = exact_copy(in->b, in->len), *room = malloc(LM_WORKLOAD_FRAME_MAX);

	out->len = 0;
	enum lm_workload_result r = lm_workload_input(v, copy, in->len, room, &out->len);
	memcpy(out->b, room, out->len);
	free(copy);
	free(room);
	return r;
}

/* An option of a reply: its value and length, or NULL. It occurs at most once, and END is there. */
static const uint8_t *option(const struct frame *f, uint8_t code, size_t *len)
{
	const uint8_t *found = NULL;
	size_t at = OPTIONS;

	*len = 0;
	for (; at < f->len && f->b[at] != 255; at += 2 + (size_t)f->b[at + 1]) {
		CU_ASSERT_FATAL(f->b[at] != 0 && at + 1 < f->len && at + 2 + f->b[at + 1] < f->len);
		if (f->b[at] != code)
			continue;
		CU_ASSERT_PTR_NULL(found);
		found = f->b + at + 2;
		*len = f->b[at + 1];
	}
	CU_ASSERT(at < f->len);
	return found;
}

static bool has(const struct frame *f, uint8_t code, const void *value, size_t n)
{
	size_t len;
	const uint8_t *p = option(f, code, &len);

	return p && len == n && memcmp(p, value, n) == 0;
}

static bool lacks(const struct frame *f, uint8_t code)
{
	size_t len;

	return option(f, code, &len) == NULL;
}

/* Everything in front of the options that is the same in every reply. */
static void check_reply(const struct frame *in, const struct frame *out, uint8_t type)
{
	struct lm_frame f;
	static const uint8_t zeros[192];

	CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&f, out->b, out->len), 0);
	CU_ASSERT_TRUE(bytes_at(out, 0, CLIENT_MAC GATEWAY_MAC "\x08\0\x45", 15));
	CU_ASSERT_TRUE(lm_frame_ipv4_checksum_ok(&f));
	CU_ASSERT_TRUE(lm_frame_l4_checksum_ok(&f));
	CU_ASSERT_EQUAL(f.protocol, IPPROTO_UDP);
	CU_ASSERT_TRUE(bytes_at(out, 26, "\x64\x40\0\x01", 4)); /* from the gateway */
	CU_ASSERT_TRUE(bytes_at(out, 34, "\0\x43\0\x44", 4)); /* 67 to 68 */
	CU_ASSERT_TRUE(f.l4_len >= 8 + 300 && f.l4_len <= 8 + 236 + 312);
	CU_ASSERT_EQUAL(out->b[38] << 8 | out->b[39], (int)f.l4_len);
	CU_ASSERT_TRUE(bytes_at(out, BOOTP, "\2\1\6\0", 4));
	CU_ASSERT_TRUE(bytes_at(out, BOOTP + 4, in->b + BOOTP + 4, 4)); /* xid */
	CU_ASSERT_TRUE(bytes_at(out, BOOTP + 8, "\0\0", 2));
	CU_ASSERT_TRUE(bytes_at(out, FLAGS, in->b + FLAGS, 2));
	CU_ASSERT_TRUE(bytes_at(out, BOOTP + 20, zeros, 8)); /* siaddr, giaddr */
	CU_ASSERT_TRUE(bytes_at(out, BOOTP + 28, in->b + BOOTP + 28, 16)); /* chaddr */
	CU_ASSERT_TRUE(bytes_at(out, SNAME, zeros, sizeof zeros));
	CU_ASSERT_TRUE(bytes_at(out, BOOTP + 236, "\x63\x82\x53\x63", 4));
	CU_ASSERT_TRUE(has(out, 53, &type, 1));
	CU_ASSERT_TRUE(has(out, 54, "\x64\x40\0\x01", 4));
}

static void check_network(const struct frame *out)
{
	CU_ASSERT_TRUE(has(out, 1, "\xff\xff\xff\0", 4));
	CU_ASSERT_TRUE(has(out, 3, "\x64\x40\0\x01", 4));
	CU_ASSERT_TRUE(has(out, 26, "\x05\x8a", 2));
	CU_ASSERT_TRUE(has(out, 28, "\x64\x40\0\xff", 4));
}

static void check_lease(const struct frame *out)
{
	check_network(out);
	CU_ASSERT_TRUE(bytes_at(out, BOOTP + 16, "\x64\x40\0\x0a", 4)); /* yiaddr */
	CU_ASSERT_TRUE(has(out, 51, "\0\0\x0e\x10", 4));
	CU_ASSERT_TRUE(has(out, 58, "\0\0\x07\x08", 4)); /* half */
	CU_ASSERT_TRUE(has(out, 59, "\0\0\x0c\x4e", 4)); /* seven eighths */
}

static void check_nak(const struct frame *in, const struct frame *out)
{
	check_reply(in, out, 6);
	CU_ASSERT_TRUE(bytes_at(out, 30, "\xff\xff\xff\xff", 4));
	CU_ASSERT_TRUE(bytes_at(out, CIADDR, "\0\0\0\0\0\0\0\0", 8)); /* and yiaddr */
	CU_ASSERT_TRUE(lacks(out, 51) && lacks(out, 1) && lacks(out, 3) && lacks(out, 26));
}

/* A client's message with these options (END included by the caller), from a recorded one. */
static struct frame make(const void *options, size_t n)
{
	struct frame f = frame_load(FRAMES, "udhcpc_discover");

	memset(f.b + OPTIONS, 0, f.len - OPTIONS);
	CU_ASSERT_FATAL(OPTIONS + n < sizeof f.b);
	memcpy(f.b + OPTIONS, options, n);
	f.len = OPTIONS + (n > 60 ? n : 60);
	f.b[16] = (uint8_t)((f.len - 14) >> 8), f.b[17] = (uint8_t)(f.len - 14);
	f.b[38] = (uint8_t)((f.len - 34) >> 8), f.b[39] = (uint8_t)(f.len - 34);
	frame_mend(&f);
	return f;
}
#define MAKE(...) make((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* ---- the exchanges of real clients ---------------------------------------------- */

static void test_udhcpc(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in = frame_load(FRAMES, "udhcpc_discover");

	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 2);
	check_lease(&out);
	CU_ASSERT_TRUE(bytes_at(&out, 30, "\x64\x40\0\x0a", 4)); /* no broadcast flag: to yiaddr */
	CU_ASSERT_TRUE(bytes_at(&out, CIADDR, "\0\0\0\0", 4));
	CU_ASSERT_TRUE(has(&out, 61, "\1" CLIENT_MAC, 7)); /* RFC 6842 */
	CU_ASSERT_TRUE(has(&out, 12, "web-0", 5));
	CU_ASSERT_TRUE(has(&out, 15, "shop.internal", 13));
	CU_ASSERT_TRUE(has(&out, 121, "\0\x64\x40\0\x01", 5));

	in = frame_load(FRAMES, "udhcpc_request");
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 5);
	check_lease(&out);
	CU_ASSERT_TRUE(bytes_at(&out, CIADDR, "\0\0\0\0", 4));

	in = frame_load(FRAMES, "udhcpc_renew");
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 5);
	check_lease(&out);
	CU_ASSERT_TRUE(bytes_at(&out, CIADDR, "\x64\x40\0\x0a", 4));
	CU_ASSERT_TRUE(bytes_at(&out, 30, "\x64\x40\0\x0a", 4));
}

static void test_dhclient(void)
{
	static const char *const frames[] = {
	    "dhclient_discover", "dhclient_request", "dhclient_rebind"};
	struct lm_workload_view v = make_view();
	struct frame out;

	for (unsigned i = 0; i < 3; i++) {
		struct frame in = frame_load(FRAMES, frames[i]);

		CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
		check_reply(&in, &out, i == 0 ? 2 : 5);
		check_lease(&out);
		CU_ASSERT_TRUE(lacks(&out, 61)); /* it sent none */
		CU_ASSERT_TRUE(has(&out, 12, "web-0", 5));
	}
	/* The endpoint moved to another address: rebinding the old one is refused. */
	struct frame in = frame_load(FRAMES, "dhclient_rebind");
	v.ipv4.b[3] = 99;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_nak(&in, &out);
	in = frame_load(FRAMES, "dhclient_request");
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_nak(&in, &out);
}

/* ---- states and messages ----------------------------------------------------------- */

static void test_request(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in;

	/* Selecting another server's offer. */
	in = MAKE(53, 1, 3, 54, 4, 100, 64, 0, 2, 50, 4, 100, 64, 0, 10, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_OTHER_SERVER);
	/* Selecting ours, with the right address and with a wrong one. */
	in = MAKE(53, 1, 3, 54, 4, 100, 64, 0, 1, 50, 4, 100, 64, 0, 10, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 5);
	check_lease(&out);
	in = MAKE(53, 1, 3, 54, 4, 100, 64, 0, 1, 50, 4, 100, 64, 0, 11, 61, 3, 0, 7, 8, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_nak(&in, &out);
	CU_ASSERT_TRUE(has(&out, 61, "\0\7\x08", 3));
	/* After a reboot. */
	in = MAKE(53, 1, 3, 50, 4, 100, 64, 0, 10, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 5);
	check_lease(&out);
	in = MAKE(53, 1, 3, 50, 4, 192, 168, 0, 10, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_nak(&in, &out);
	/* Asking for nothing at all. */
	in = MAKE(53, 1, 3, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_IGNORED);
	/* Renewing, by unicast; and with an address that is not its own. */
	memcpy(in.b + CIADDR, v.ipv4.b, 4);
	memcpy(in.b + 26, v.ipv4.b, 4);
	memcpy(in.b + 30, v.gateway4.b, 4);
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 5);
	check_lease(&out);
	in.b[CIADDR + 3] = 11;
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_nak(&in, &out);
}

static void test_messages(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in;

	/* INFORM: everything but an address and a lease. */
	in = MAKE(53, 1, 8, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_IGNORED);
	memcpy(in.b + CIADDR, v.ipv4.b, 4);
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 5);
	check_network(&out);
	CU_ASSERT_TRUE(bytes_at(&out, CIADDR, "\x64\x40\0\x0a\0\0\0\0", 8));
	CU_ASSERT_TRUE(bytes_at(&out, 30, "\x64\x40\0\x0a", 4));
	CU_ASSERT_TRUE(lacks(&out, 51) && lacks(&out, 58) && lacks(&out, 59));
	in.b[CIADDR + 3] = 11;
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_IGNORED);

	/* DECLINE, RELEASE, the server's own messages, unknown ones, and plain BOOTP. */
	static const uint8_t silent[] = {0, 2, 4, 5, 6, 7, 9, 255};
	for (unsigned i = 0; i < sizeof silent; i++) {
		in = MAKE(53, 1, silent[i], 54, 4, 100, 64, 0, 1, 50, 4, 100, 64, 0, 10, 255);
		CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_IGNORED);
	}
	in = MAKE(50, 4, 100, 64, 0, 10, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_IGNORED);

	/* Offered in broadcast if the client says so; the frame is still for it alone. */
	in = MAKE(53, 1, 1, 255);
	in.b[FLAGS] = 0x80;
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 2);
	CU_ASSERT_TRUE(bytes_at(&out, 30, "\xff\xff\xff\xff", 4));
	/* Without a parameter list: names, but no classless routes. */
	CU_ASSERT_TRUE(has(&out, 12, "web-0", 5) && has(&out, 15, "shop.internal", 13));
	CU_ASSERT_TRUE(lacks(&out, 121));
	/* A list that does not have them. */
	in = MAKE(53, 1, 1, 55, 2, 1, 3, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(lacks(&out, 12) && lacks(&out, 15) && lacks(&out, 121));
	check_lease(&out);
	/* Nothing to say. */
	in = MAKE(53, 1, 1, 255);
	v.host_name = NULL, v.domain = "";
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(lacks(&out, 12) && lacks(&out, 15));
	/* Where workloads have another way out, nothing but the network leads here. */
	v.default_route = false;
	in = frame_load(FRAMES, "udhcpc_discover");
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(lacks(&out, 3) && lacks(&out, 121));
	CU_ASSERT_TRUE(has(&out, 1, "\xff\xff\xff\0", 4) && has(&out, 26, "\x05\x8a", 2));
	/* Nobody to say it for. */
	v.ipv4 = (struct lm_ip){0};
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_IGNORED);
}

static void test_view(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in = MAKE(53, 1, 1, 255);

	CU_ASSERT_EQUAL_FATAL(lm_prefix_parse(&v.net4, "100.64.0.0/10"), 0);
	v.lease_seconds = UINT32_MAX;
	v.mtu = 9000;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(has(&out, 1, "\xff\xc0\0\0", 4));
	CU_ASSERT_TRUE(has(&out, 28, "\x64\x7f\xff\xff", 4));
	CU_ASSERT_TRUE(has(&out, 26, "\x23\x28", 2));
	CU_ASSERT_TRUE(has(&out, 51, "\xff\xff\xff\xff", 4));
	CU_ASSERT_TRUE(has(&out, 58, "\x7f\xff\xff\xff", 4));
	CU_ASSERT_TRUE(has(&out, 59, "\xdf\xff\xff\xff", 4));
	CU_ASSERT_EQUAL_FATAL(lm_prefix_parse(&v.net4, "100.64.0.10/31"), 0);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(has(&out, 1, "\xff\xff\xff\xfe", 4));
	CU_ASSERT_TRUE(lacks(&out, 28)); /* RFC 3021 */
}

/* ---- what does not deserve an answer ------------------------------------------------- */

static void test_invalid(void)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum lm_workload_result result;
	} other[] = {
	    {BOOTP, 2, LM_WL_DHCP_IGNORED}, /* a reply */
	    {BOOTP + 1, 6, LM_WL_DHCP_IGNORED}, /* not Ethernet */
	    {BOOTP + 2, 16, LM_WL_DHCP_IGNORED},
	    {GIADDR + 3, 1, LM_WL_DHCP_IGNORED}, /* through a relay */
	    {BOOTP + 28 + 5, 9, LM_WL_DHCP_IGNORED}, /* for another station */
	    {BOOTP + 236, 0, LM_WL_MALFORMED}, /* cookie */
	    {33, 11, LM_WL_DHCP_IGNORED}, /* to 255.255.255.11 */
	    {37, 68, LM_WL_UNHANDLED}, /* to the client's port */
	    {39, 0, LM_WL_MALFORMED}, /* UDP's length */
	};
	struct lm_workload_view v = make_view();
	struct frame out, in = MAKE(53, 1, 1, 255);

	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	for (unsigned i = 0; i < sizeof other / sizeof other[0]; i++) {
		in = MAKE(53, 1, 1, 255);
		in.b[other[i].at] = other[i].value;
		frame_mend(&in);
		CU_ASSERT_EQUAL(give(&v, &in, &out), other[i].result);
	}
	in = MAKE(53, 1, 1, 255);
	in.b[100]++;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	in.b[40] = in.b[41] = 0; /* no checksum: RFC 768 allows it */
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
}

static void test_options(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in;

	/* Padding in between; unknown options; the first of two counts. */
	in = MAKE(0, 0, 0, 53, 1, 1, 0, 200, 0, 201, 2, 53, 3, 53, 1, 3, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 2);
	/* Wrong lengths. */
	in = MAKE(53, 2, 1, 1, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	in = MAKE(53, 0, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	in = MAKE(53, 1, 3, 50, 3, 100, 64, 0, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	in = MAKE(53, 1, 3, 54, 8, 100, 64, 0, 1, 100, 64, 0, 1, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	in = MAKE(53, 1, 1, 52, 0, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	/* Over the end of the message: by one byte, and without its length. */
	uint8_t options[60] = {53, 1, 1, [3] = 12, [4] = 55};
	in = make(options, sizeof options);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	options[4] = 56;
	in = make(options, sizeof options);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	options[4] = 54, options[59] = 12;
	in = make(options, sizeof options);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);

	/* The longest client id comes back whole, and the reply is not longer than any client
	 * takes. */
	uint8_t id[3 + 2 + 255 + 1] = {53, 1, 1, 61, 255};
	memset(id + 5, 0xab, 255);
	id[sizeof id - 1] = 255;
	in = make(id, sizeof id);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 2);
	check_lease(&out);
	CU_ASSERT_TRUE(has(&out, 61, id + 5, 255));
	/* Names that would not fit are left out. */
	char name[256];
	memset(name, 'n', 255);
	name[255] = '\0';
	in = MAKE(53, 1, 1, 255);
	v.host_name = v.domain = name;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 2);
	CU_ASSERT_TRUE(has(&out, 12, name, 255));
	CU_ASSERT_TRUE(lacks(&out, 15));
	/* However the room is used up: whole options, an end, never more. */
	name[20] = '\0';
	for (unsigned n = 1; n <= 255; n++) {
		id[4] = (uint8_t)n;
		id[5 + n] = 255;
		in = make(id, sizeof id);
		CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
		check_reply(&in, &out, 2);
	}
}

static void test_overload(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in;

	for (uint8_t where = 0; where < 4; where++) {
		in = MAKE(52, 1, where, 53, 1, 3, 255);
		memcpy(in.b + FILE_FIELD, "\x32\x04\x64\x40\0\x0a\xff", 7); /* 50: requested */
		memcpy(in.b + SNAME, "\x36\x04\x64\x40\0\x02\xff", 7); /* 54: another server */
		frame_mend(&in);
		static const enum lm_workload_result expect[] = {LM_WL_DHCP_IGNORED, LM_WL_REPLY,
		    LM_WL_DHCP_OTHER_SERVER, LM_WL_DHCP_OTHER_SERVER};
		CU_ASSERT_EQUAL(give(&v, &in, &out), expect[where]);
	}
	/* An option that runs out of its field is not continued in what lies behind it. */
	in = MAKE(52, 1, 3, 53, 1, 3, 50, 4, 100, 64, 0, 10, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	struct frame bad = in;
	bad.b[FILE_FIELD + 126] = 12, bad.b[FILE_FIELD + 127] = 1;
	frame_mend(&bad);
	CU_ASSERT_EQUAL(give(&v, &bad, &out), LM_WL_MALFORMED);
	bad = in;
	bad.b[SNAME + 63] = 12;
	frame_mend(&bad);
	CU_ASSERT_EQUAL(give(&v, &bad, &out), LM_WL_MALFORMED);
	/* Overload inside of an overloaded field changes nothing. */
	in = MAKE(52, 1, 1, 53, 1, 3, 50, 4, 100, 64, 0, 10, 255);
	memcpy(in.b + FILE_FIELD, "\x34\x01\x03\xff", 4);
	memcpy(in.b + SNAME, "\x36\x04\x64\x40\0\x02\xff", 7);
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
}

LM_SUITE("dhcp4", {"udhcpc", test_udhcpc}, {"dhclient", test_dhclient}, {"request", test_request},
    {"messages", test_messages}, {"view", test_view}, {"invalid", test_invalid},
    {"options", test_options}, {"overload", test_overload})
