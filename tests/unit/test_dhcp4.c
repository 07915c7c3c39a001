/* SPDX-License-Identifier: Apache-2.0 */
#include "workload_fixture.h"

/* Offsets in an untagged frame. */
#define BOOTP 42
#define FLAGS (BOOTP + 10)
#define CIADDR (BOOTP + 12)
#define GIADDR (BOOTP + 24)
#define SNAME (BOOTP + 44)
#define FILE_FIELD (BOOTP + 108)
#define OPTIONS (BOOTP + 240)

/* An option of one area of a reply, which ends with END. */
static const uint8_t *option_in(
    const struct frame *f, size_t at, size_t end, uint8_t code, size_t *len)
{
	const uint8_t *found = NULL;

	for (; at < end && f->b[at] != 255; at += 2 + (size_t)f->b[at + 1]) {
		CU_ASSERT_FATAL(f->b[at] != 0 && at + 1 < end && at + 2 + f->b[at + 1] < end);
		if (f->b[at] != code)
			continue;
		CU_ASSERT_PTR_NULL(found);
		found = f->b + at + 2;
		*len = f->b[at + 1];
	}
	CU_ASSERT(at < end);
	return found;
}

/* Of the whole reply: its value and length, or NULL. It occurs at most once. */
static const uint8_t *option(const struct frame *f, uint8_t code, size_t *len)
{
	static const struct {
		uint8_t bit;
		size_t at, end;
	} overloaded[] = {{1, FILE_FIELD, BOOTP + 236}, {2, SNAME, FILE_FIELD}};
	size_t ignored;
	const uint8_t *found, *overload;

	*len = 0;
	found = option_in(f, OPTIONS, f->len, code, len);
	overload = option_in(f, OPTIONS, f->len, 52, &ignored);
	for (unsigned i = 0; overload && i < 2; i++) {
		if (!(*overload & overloaded[i].bit))
			continue;
		const uint8_t *p = option_in(f, overloaded[i].at, overloaded[i].end, code, len);
		CU_ASSERT(!p || !found);
		found = p ? p : found;
	}
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

/* The longest IP packet that the client of a question takes. */
static size_t message_size(const struct frame *in)
{
	for (size_t at = OPTIONS; at + 3 < in->len && in->b[at] != 255;
	    at += in->b[at] ? 2 + (size_t)in->b[at + 1] : 1)
		if (in->b[at] == 57 && in->b[at + 2] >= 3)
			return (size_t)in->b[at + 2] << 8 | in->b[at + 3];
	return 576;
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
	CU_ASSERT_TRUE(f.l4_len >= 8 + 300 && f.l3_len <= message_size(in));
	CU_ASSERT_EQUAL(out->b[38] << 8 | out->b[39], (int)f.l4_len);
	CU_ASSERT_TRUE(bytes_at(out, BOOTP, "\2\1\6\0", 4));
	CU_ASSERT_TRUE(bytes_at(out, BOOTP + 4, in->b + BOOTP + 4, 4)); /* xid */
	CU_ASSERT_TRUE(bytes_at(out, BOOTP + 8, "\0\0", 2));
	CU_ASSERT_TRUE(bytes_at(out, FLAGS, in->b + FLAGS, 2));
	CU_ASSERT_TRUE(bytes_at(out, BOOTP + 20, zeros, 8)); /* siaddr, giaddr */
	CU_ASSERT_TRUE(bytes_at(out, BOOTP + 28, in->b + BOOTP + 28, 16)); /* chaddr */
	if (lacks(out, 52))
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
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REFUSAL);
	check_nak(&in, &out);
	in = frame_load(FRAMES, "dhclient_request");
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REFUSAL);
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
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REFUSAL);
	check_nak(&in, &out);
	CU_ASSERT_TRUE(has(&out, 61, "\0\7\x08", 3));
	/* After a reboot. */
	in = MAKE(53, 1, 3, 50, 4, 100, 64, 0, 10, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 5);
	check_lease(&out);
	in = MAKE(53, 1, 3, 50, 4, 192, 168, 0, 10, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REFUSAL);
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
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REFUSAL);
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

	/* The server's own messages, unknown ones, and plain BOOTP. */
	static const uint8_t silent[] = {2, 5, 6, 9, 255};
	for (unsigned i = 0; i < sizeof silent; i++) {
		in = MAKE(53, 1, silent[i], 54, 4, 100, 64, 0, 1, 50, 4, 100, 64, 0, 10, 255);
		memcpy(in.b + CIADDR, v.ipv4.b, 4);
		frame_mend(&in);
		CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_IGNORED);
	}
	in = MAKE(50, 4, 100, 64, 0, 10, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_BOOTP);
	in = MAKE(53, 1, 0, 50, 4, 100, 64, 0, 10, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_BOOTP);

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
	v.default4 = v.default6 = false;
	in = frame_load(FRAMES, "udhcpc_discover");
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(lacks(&out, 3) && lacks(&out, 121));
	CU_ASSERT_TRUE(has(&out, 1, "\xff\xff\xff\0", 4) && has(&out, 26, "\x05\x8a", 2));
	/* Nobody to say it for. */
	v.ipv4 = (struct lm_ip){0};
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_NO_ADDRESS);
}

/* Who gives its address back, or found another station that has it. */
static void test_release_decline(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in;

	in = MAKE(53, 1, 7, 54, 4, 100, 64, 0, 1, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_IGNORED); /* of what? */
	memcpy(in.b + CIADDR, v.ipv4.b, 4);
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_RELEASED);
	CU_ASSERT_EQUAL(out.len, 0);
	in.b[OPTIONS + 8] = 2;
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_OTHER_SERVER);

	in = MAKE(53, 1, 4, 54, 4, 100, 64, 0, 1, 50, 4, 100, 64, 0, 10, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_DECLINED);
	CU_ASSERT_EQUAL(out.len, 0);
	in = MAKE(53, 1, 4, 54, 4, 100, 64, 0, 1, 50, 4, 100, 64, 0, 11, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_IGNORED);
	in = MAKE(53, 1, 4, 54, 4, 100, 64, 0, 2, 50, 4, 100, 64, 0, 10, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_OTHER_SERVER);

	/* Held back for a moment: neither offered nor confirmed. A wrong address is still wrong. */
	v.held4 = true;
	in = MAKE(53, 1, 1, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_HELD);
	in = MAKE(53, 1, 3, 50, 4, 100, 64, 0, 10, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_HELD);
	CU_ASSERT_EQUAL(out.len, 0);
	in = MAKE(53, 1, 3, 50, 4, 100, 64, 0, 11, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REFUSAL);
	check_nak(&in, &out);
	in = MAKE(53, 1, 4, 54, 4, 100, 64, 0, 1, 50, 4, 100, 64, 0, 10, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_DECLINED);
}

/* The lease is from a time when the network had another prefix, and so another server. */
static void test_renew_of_old_prefix(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in = frame_load(FRAMES, "udhcpc_renew");

	v.ipv4 = ip_of("100.65.0.10");
	v.gateway4 = ip_of("100.65.0.1");
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REFUSAL);
	CU_ASSERT_TRUE(bytes_at(&out, 30, "\xff\xff\xff\xff", 4));
	CU_ASSERT_TRUE(has(&out, 53, "\6", 1) && has(&out, 54, "\x64\x41\0\x01", 4));
	/* Other messages to another server are not ours to answer. */
	in = MAKE(53, 1, 1, 255);
	memcpy(in.b + 30, "\x64\x40\0\x01", 4);
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_DHCP_IGNORED);
}

/* Not served: may be again in a moment, or lives elsewhere. */
static void test_waits(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, discover = MAKE(53, 1, 1, 255);
	struct frame reboot = MAKE(53, 1, 3, 50, 4, 100, 64, 0, 10, 255);
	struct frame other = MAKE(53, 1, 3, 54, 4, 100, 64, 0, 2, 50, 4, 100, 64, 0, 10, 255);
	struct frame renew = frame_load(FRAMES, "udhcpc_renew");
	struct frame inform = MAKE(53, 1, 8, 255);

	memcpy(inform.b + CIADDR, v.ipv4.b, 4);
	frame_mend(&inform);
	CU_ASSERT_EQUAL(give(&v, &renew, &out), LM_WL_REPLY);
	CU_ASSERT_EQUAL(give(&v, &inform, &out), LM_WL_REPLY);
	v.ipv4 = (struct lm_ip){0};
	v.waits = true;
	CU_ASSERT_EQUAL(give(&v, &discover, &out), LM_WL_DHCP_NO_ADDRESS);
	CU_ASSERT_EQUAL(give(&v, &reboot, &out), LM_WL_DHCP_NO_ADDRESS);
	CU_ASSERT_EQUAL(give(&v, &renew, &out), LM_WL_DHCP_NO_ADDRESS);
	v.elsewhere = true;
	CU_ASSERT_EQUAL(give(&v, &discover, &out), LM_WL_DHCP_NO_ADDRESS);
	CU_ASSERT_EQUAL(give(&v, &inform, &out), LM_WL_DHCP_NO_ADDRESS);
	CU_ASSERT_EQUAL(give(&v, &other, &out), LM_WL_DHCP_OTHER_SERVER);
	CU_ASSERT_EQUAL(give(&v, &reboot, &out), LM_WL_REFUSAL);
	check_nak(&reboot, &out);
	CU_ASSERT_EQUAL(give(&v, &renew, &out), LM_WL_REFUSAL);
	check_nak(&renew, &out);
	v.gateway4 = (struct lm_ip){0};
	CU_ASSERT_EQUAL(give(&v, &reboot, &out), LM_WL_DHCP_NO_ADDRESS);
}

/* RFC 4039 */
static void test_rapid_commit(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in = MAKE(53, 1, 1, 80, 0, 255);

	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 5);
	check_lease(&out);
	CU_ASSERT_TRUE(has(&out, 80, "", 0));
	CU_ASSERT_TRUE(bytes_at(&out, CIADDR, "\0\0\0\0", 4));
	/* Only in answer to DISCOVER. */
	in = MAKE(53, 1, 3, 50, 4, 100, 64, 0, 10, 80, 0, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 5);
	CU_ASSERT_TRUE(lacks(&out, 80));
	in = MAKE(53, 1, 1, 80, 1, 1, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
}

/* DNS server, domain, search list: what the client's list names, and all if it has none. */
static void test_names(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in = MAKE(53, 1, 1, 55, 3, 6, 15, 119, 255);

	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 2);
	CU_ASSERT_TRUE(has(&out, 6, "\x64\x40\0\x01", 4));
	CU_ASSERT_TRUE(has(&out, 15, "shop.internal", 13));
	CU_ASSERT_TRUE(has(&out, 119, "\4shop\x08internal", 15)); /* with the root's 0 */
	CU_ASSERT_TRUE(lacks(&out, 12));
	in = MAKE(53, 1, 1, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(has(&out, 6, "\x64\x40\0\x01", 4) && lacks(&out, 119));
	in = MAKE(53, 1, 1, 55, 1, 119, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(lacks(&out, 6) && lacks(&out, 15));
	/* What DNS does not know as a name is no search list. */
	static const char *const bad[] = {"", ".", "a..b", "a.", ".a",
	    "0123456789012345678901234567890123456789012345678901234567890123.a"};
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		v.domain = bad[i];
		CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
		CU_ASSERT_TRUE(lacks(&out, 119));
	}
	v.domain = bad[5] + 1;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_FALSE(lacks(&out, 119));
	v.domain = NULL;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(lacks(&out, 119));
}

/* RFC 3046: what a switch has added comes back as the last option, in a NAK as well. */
static void test_relay_agent(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in = MAKE(53, 1, 1, 82, 4, 1, 2, 'p', '7', 255);
	size_t len;

	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 2);
	CU_ASSERT_TRUE(has(&out, 82, "\1\2p7", 4));
	const uint8_t *p = option(&out, 82, &len);
	CU_ASSERT_EQUAL(p[len], 255);
	in = MAKE(53, 1, 3, 50, 4, 1, 2, 3, 4, 82, 4, 1, 2, 'p', '7', 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REFUSAL);
	CU_ASSERT_TRUE(has(&out, 82, "\1\2p7", 4));
	/* Names make room for it. */
	char name[120];
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	v.host_name = v.domain = name;
	uint8_t options[3 + 2 + 200 + 1] = {53, 1, 1, 82, 200};
	options[sizeof options - 1] = 255;
	in = make(options, sizeof options);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 2);
	CU_ASSERT_TRUE(has(&out, 82, options + 5, 200));
	CU_ASSERT_TRUE(has(&out, 15, name, 119) && lacks(&out, 12));
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
	    {GIADDR + 3, 1, LM_WL_DHCP_RELAYED}, /* through a relay */
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
	char name[241];
	memset(name, 'n', 240);
	name[240] = '\0';
	in = MAKE(53, 1, 1, 255);
	v.host_name = v.domain = name;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 2);
	CU_ASSERT_TRUE(has(&out, 15, name, 240));
	CU_ASSERT_TRUE(lacks(&out, 12));
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

/* The same in the other direction: what does not fit behind the header goes into file and sname. */
static void test_overloaded_reply(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in;
	char host[60], domain[121];
	uint8_t id[3 + 2 + 240 + 4 + 1] = {53, 1, 1, 61, 240};

	memset(host, 'h', sizeof host - 1), host[sizeof host - 1] = '\0';
	memset(domain, 'd', sizeof domain - 1), domain[sizeof domain - 1] = '\0';
	v.host_name = host, v.domain = domain;
	id[sizeof id - 5] = 255;
	in = make(id, sizeof id);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 2);
	check_lease(&out);
	CU_ASSERT_TRUE(has(&out, 52, "\3", 1));
	CU_ASSERT_TRUE(has(&out, 15, domain, 120));
	CU_ASSERT_TRUE(has(&out, 12, host, 59));
	CU_ASSERT_EQUAL(out.b[FILE_FIELD], 15);
	CU_ASSERT_EQUAL(out.b[SNAME], 12);
	/* A client that takes longer messages needs none of this. */
	memcpy(id + 245, "\x39\x02\x05\xdc\xff", 5);
	in = make(id, sizeof id);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_reply(&in, &out, 2);
	CU_ASSERT_TRUE(lacks(&out, 52));
	CU_ASSERT_TRUE(has(&out, 15, domain, 120) && has(&out, 12, host, 59));
	/* Who says that it takes less than everybody must is not believed. */
	memcpy(id + 245, "\x39\x02\0\x40\xff", 5);
	in = make(id, sizeof id);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(has(&out, 52, "\3", 1));
}

/* ---- routes ---- */

static const char *routed[40];

static bool next_route(void *ctx, int family, unsigned *cursor, struct lm_prefix *out)
{
	(void)ctx;
	if (family != 4 || *cursor >= sizeof routed / sizeof routed[0] || !routed[*cursor])
		return false;
	CU_ASSERT_EQUAL_FATAL(lm_prefix_parse(out, routed[(*cursor)++]), 0);
	return true;
}

/* What a client makes of all instances of the option, put together in their order (RFC 3396). */
static size_t routes_told(const struct frame *f, uint8_t out[1024])
{
	const uint8_t *areas[] = {f->b + OPTIONS, f->b + OPTIONS - 4 - 128,
	    f->b + OPTIONS - 4 - 128 - 64}; /* then file, then sname */
	const uint8_t *ends[] = {f->b + f->len, f->b + OPTIONS - 4, f->b + OPTIONS - 4 - 128};
	uint8_t overload = 0;
	size_t len = 0;

	for (unsigned i = 0; i < 3; i++) {
		if (i > 0 && !(overload & i))
			continue;
		for (const uint8_t *o = areas[i]; o + 1 < ends[i] && *o != 255; o += 2 + o[1]) {
			if (o[0] == 52)
				overload = o[2];
			if (o[0] != 121)
				continue;
			memcpy(out + len, o + 2, o[1]);
			len += o[1];
		}
	}
	return len;
}

static void test_routes(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in = MAKE(53, 1, 1, 55, 3, 1, 3, 121, 255);
	uint8_t told[1024];

	v.route = next_route;
	/* As many bytes of a prefix as count (RFC 3442); the default route first. */
	routed[0] = "10.20.0.0/16", routed[1] = "192.0.2.128/25", routed[2] = "10.0.0.0/7";
	static const uint8_t all[] = {0, 100, 64, 0, 1, 16, 10, 20, 100, 64, 0, 1, 25, 192, 0, 2,
	    128, 100, 64, 0, 1, 7, 10, 100, 64, 0, 1};
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(has(&out, 121, all, sizeof all));
	CU_ASSERT_TRUE(has(&out, 3, "\x64\x40\0\x01", 4)); /* for who does not know 121 */
	v.default4 = false;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(has(&out, 121, all + 5, sizeof all - 5));
	CU_ASSERT_TRUE(lacks(&out, 3));
	in = MAKE(53, 1, 1, 55, 2, 1, 3, 255);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(lacks(&out, 121)); /* did not ask */
	in = MAKE(53, 1, 1, 55, 3, 1, 3, 121, 255);
	routed[0] = NULL;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(lacks(&out, 121));

	/* More than one option holds: whole routes, the first ones. */
	char text[40][LM_PREFIX_TEXT];
	for (unsigned i = 0; i < 40; i++) {
		snprintf(text[i], sizeof text[i], "10.0.%u.0/24", i);
		routed[i] = text[i];
	}
	static const size_t sizes[] = {576, 1280};
	for (unsigned k = 0; k < 2; k++) {
		in = MAKE(53, 1, 1, 55, 4, 1, 3, 6, 121, 57, 2, (uint8_t)(sizes[k] >> 8),
		    (uint8_t)sizes[k], 255);
		CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
		size_t len = routes_told(&out, told);
		CU_ASSERT_EQUAL(len % 8, 0);
		CU_ASSERT_TRUE(k ? len == 40 * 8 : len >= 25 * 8);
		for (size_t i = 0; i < len / 8; i++) {
			const uint8_t expected[] = {24, 10, 0, (uint8_t)i, 100, 64, 0, 1};
			CU_ASSERT_EQUAL(memcmp(told + 8 * i, expected, 8), 0);
		}
		CU_ASSERT_TRUE(has(&out, 6, "\x64\x40\0\x01", 4)); /* DNS is not crowded out */
	}
	memset(routed, 0, sizeof routed);
}

LM_SUITE("dhcp4", {"udhcpc", test_udhcpc}, {"dhclient", test_dhclient}, {"request", test_request},
    {"messages", test_messages}, {"release_decline", test_release_decline},
    {"renew_of_old_prefix", test_renew_of_old_prefix}, {"rapid_commit", test_rapid_commit},
    {"waits", test_waits}, {"names", test_names}, {"relay_agent", test_relay_agent},
    {"view", test_view}, {"invalid", test_invalid}, {"options", test_options},
    {"overload", test_overload}, {"overloaded_reply", test_overloaded_reply},
    {"routes", test_routes})
