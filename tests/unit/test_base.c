/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "base/addr.h"
#include "base/bytes.h"
#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "base/why.h"

static void test_hex(void)
{
	static const uint8_t bytes[] = {0x00, 0x9f, 0xab, 0xff};
	char text[2 * sizeof bytes + 1];
	uint8_t back[sizeof bytes] = {1, 2, 3, 4};

	CU_ASSERT_STRING_EQUAL(lm_hex(text, bytes, sizeof bytes), "009fabff");
	CU_ASSERT_EQUAL(lm_unhex(back, sizeof back, "009FabfF", 8), 0);
	CU_ASSERT_EQUAL(memcmp(back, bytes, sizeof bytes), 0);
	CU_ASSERT_EQUAL(lm_unhex(back, sizeof back, "009fabf", 7), -EINVAL);
	CU_ASSERT_EQUAL(lm_unhex(back, sizeof back, "009fabff0", 9), -EINVAL);
	CU_ASSERT_EQUAL(lm_unhex(back, sizeof back, "129fabfg", 8), -EINVAL);
	CU_ASSERT_EQUAL(memcmp(back, bytes, sizeof bytes), 0);
	CU_ASSERT_EQUAL(lm_unhex(back, 0, "", 0), 0);
}

static void test_cursors(void)
{
	uint8_t buf[9] = {[7] = 0xee, 0xee};
	struct lm_writer w = lm_writer(buf, 7);

	lm_write_u8(&w, 1);
	lm_write_u16(&w, 0x0203);
	lm_write_u32(&w, 0x04050607);
	CU_ASSERT_FALSE(w.failed);
	CU_ASSERT_EQUAL(lm_writer_len(&w), 7);
	for (unsigned i = 0; i < 7; i++)
		CU_ASSERT_EQUAL(buf[i], i + 1);
	lm_write(&w, "", 0);
	CU_ASSERT_FALSE(w.failed);
	lm_write_u8(&w, 8);
	CU_ASSERT_TRUE(w.failed);
	CU_ASSERT_EQUAL(lm_writer_len(&w), 7);

	w = lm_writer(buf, 7);
	lm_write(&w, "\x01\x02\x03\x04", 4);
	lm_write_u32(&w, 8);
	CU_ASSERT_TRUE(w.failed);
	/* Three bytes are left, but a cursor that failed stays failed. */
	lm_write(&w, "\x08", 1);
	CU_ASSERT_PTR_NULL(lm_write_ref(&w, 1));
	CU_ASSERT_EQUAL(lm_writer_len(&w), 4);
	for (unsigned i = 0; i < sizeof buf; i++)
		CU_ASSERT_EQUAL(buf[i], i < 7 ? i + 1 : 0xee);

	struct lm_reader r = lm_reader(buf, 7);
	CU_ASSERT_EQUAL(lm_read_u8(&r), 1);
	CU_ASSERT_EQUAL(lm_read_u16(&r), 0x0203);
	CU_ASSERT_EQUAL(lm_read_u64(&r), 0);
	CU_ASSERT_TRUE(r.failed);
	/* Four bytes are left, but a cursor that failed stays failed. */
	CU_ASSERT_EQUAL(lm_read_u32(&r), 0);
}

static void test_number(void)
{
	static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "01", "00", "0x1",
	    "18446744073709551616", "30000000000000000000", "1a"};
	uint64_t v = 7;

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CU_ASSERT_EQUAL(lm_text_number(&v, bad[i], UINT64_MAX), -EINVAL);
	CU_ASSERT_EQUAL(lm_text_number(&v, "256", 255), -EINVAL);
	CU_ASSERT_EQUAL(lm_text_number(&v, "5", 4), -EINVAL);
	CU_ASSERT_EQUAL(lm_text_number(&v, "9", 4), -EINVAL);
	CU_ASSERT_EQUAL(v, 7);
	CU_ASSERT_EQUAL(lm_text_number(&v, "18446744073709551615", UINT64_MAX), 0);
	CU_ASSERT_EQUAL(v, UINT64_MAX);
	CU_ASSERT_EQUAL(lm_text_number(&v, "0", 0), 0);
	CU_ASSERT_EQUAL(v, 0);
	CU_ASSERT_EQUAL(lm_text_number(&v, "255", 255), 0);
	CU_ASSERT_EQUAL(v, 255);
}

static void check_ip(const char *text, const char *canonical)
{
	struct lm_ip ip;
	char back[LM_IP_TEXT];

	CU_ASSERT_EQUAL_FATAL(lm_ip_parse(&ip, text), 0);
	CU_ASSERT_STRING_EQUAL(lm_ip_text(back, &ip), canonical);
}

static void test_ip(void)
{
	static const char *const bad[] = {"", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "::g",
	    "1::2::3", "fe80::1%eth0", "::ffff:192.0.2.1", "192.0.2.1/24"};
	struct lm_ip ip = {.family = 9};

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CU_ASSERT_EQUAL(lm_ip_parse(&ip, bad[i]), -EINVAL);
	CU_ASSERT_EQUAL(ip.family, 9);
	check_ip("192.0.2.1", "192.0.2.1");
	check_ip("2001:DB8:0:0:0:0:0:1", "2001:db8::1");
	check_ip("::", "::");
	check_ip(
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void test_prefix(void)
{
	static const char *const bad[] = {"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/24",
	    "10.0.0.0/08", "10.0.0.0/-1", "2001:db8::/129", "2001:db8::1/64", "/8", "10.0.0.0/8/8"};
	struct lm_prefix p;
	struct lm_ifaddr a;
	struct lm_ip ip;
	char text[LM_PREFIX_TEXT];

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CU_ASSERT_EQUAL(lm_prefix_parse(&p, bad[i]), -EINVAL);
	CU_ASSERT_EQUAL(lm_ifaddr_parse(&a, "192.0.2.1/24"), 0);
	CU_ASSERT_EQUAL(a.len, 24);
	CU_ASSERT_EQUAL(a.ip.b[3], 1);

	CU_ASSERT_EQUAL(lm_prefix_parse(&p, "10.20.160.0/19"), 0);
	CU_ASSERT_STRING_EQUAL(lm_prefix_text(text, &p), "10.20.160.0/19");
	lm_ip_parse(&ip, "10.20.191.255");
	CU_ASSERT_TRUE(lm_prefix_contains(&p, &ip));
	lm_ip_parse(&ip, "10.20.192.0");
	CU_ASSERT_FALSE(lm_prefix_contains(&p, &ip));
	lm_ip_parse(&ip, "a14:a000::");
	CU_ASSERT_FALSE(lm_prefix_contains(&p, &ip));

	CU_ASSERT_EQUAL(lm_prefix_parse(&p, "::/0"), 0);
	CU_ASSERT_TRUE(lm_prefix_contains(&p, &ip));
	CU_ASSERT_EQUAL(lm_prefix_parse(&p, "0.0.0.0/0"), 0);
	CU_ASSERT_FALSE(lm_prefix_contains(&p, &ip));
	CU_ASSERT_EQUAL(lm_prefix_parse(&p, "2001:db8::7/128"), 0);
	lm_ip_parse(&ip, "2001:db8::7");
	CU_ASSERT_TRUE(lm_prefix_contains(&p, &ip));
	lm_ip_parse(&ip, "2001:db8::6");
	CU_ASSERT_FALSE(lm_prefix_contains(&p, &ip));
}

static void test_prefix_nth(void)
{
	struct lm_prefix p;
	struct lm_ip ip;
	char text[LM_IP_TEXT];

	lm_prefix_parse(&p, "100.64.0.0/10");
	ip = lm_prefix_nth(&p, 0);
	CU_ASSERT_STRING_EQUAL(lm_ip_text(text, &ip), "100.64.0.0");
	ip = lm_prefix_nth(&p, 0x1ff);
	CU_ASSERT_STRING_EQUAL(lm_ip_text(text, &ip), "100.64.1.255");
	lm_prefix_parse(&p, "fd00:0:0:0:0:0:ffff:fffe/127");
	ip = lm_prefix_nth(&p, 2);
	CU_ASSERT_STRING_EQUAL(lm_ip_text(text, &ip), "fd00::1:0:0");
	lm_prefix_parse(&p, "fd00::ffff:ffff:ffff:0/112");
	ip = lm_prefix_nth(&p, UINT32_MAX);
	CU_ASSERT_STRING_EQUAL(lm_ip_text(text, &ip), "fd00::1:0:0:fffe:ffff");
}

static void test_udp_addr(void)
{
	static const char *const bad[] = {"192.0.2.1", "192.0.2.1:", "192.0.2.1:0",
	    "192.0.2.1:65536", "2001:db8::1:4500", "[192.0.2.1]:4500", "[2001:db8::1]",
	    "[2001:db8::1:4500", ":4500", "[]:4500", "]:4500", "host:4500"};
	struct lm_udp_addr a, b;
	char text[LM_UDP_TEXT];

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CU_ASSERT_EQUAL(lm_udp_addr_parse(&a, bad[i]), -EINVAL);
	CU_ASSERT_EQUAL(lm_udp_addr_parse(&a, "192.0.2.1:65535"), 0);
	CU_ASSERT_STRING_EQUAL(lm_udp_addr_text(text, &a), "192.0.2.1:65535");
	CU_ASSERT_EQUAL(lm_udp_addr_parse(&b, "[2001:db8::1]:4500"), 0);
	CU_ASSERT_STRING_EQUAL(lm_udp_addr_text(text, &b), "[2001:db8::1]:4500");
	CU_ASSERT_FALSE(lm_udp_addr_equal(&a, &b));
	a = b;
	CU_ASSERT_TRUE(lm_udp_addr_equal(&a, &b));
	a.port--;
	CU_ASSERT_FALSE(lm_udp_addr_equal(&a, &b));
}

static void test_mac(void)
{
	static const char *const bad[] = {
	    "", "02:00:00:00:00", "02-00-00-00-00-01", "02:00:00:00:00:0g", "02:00:00:00:00:01:"};
	struct lm_mac m;
	char text[LM_MAC_TEXT];

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CU_ASSERT_EQUAL(lm_mac_parse(&m, bad[i]), -EINVAL);
	CU_ASSERT_EQUAL(lm_mac_parse(&m, "02:00:5E:10:00:fF"), 0);
	CU_ASSERT_STRING_EQUAL(lm_mac_text(text, &m), "02:00:5e:10:00:ff");
}

static void test_special(void)
{
	static const char *const special[] = {"0.0.0.0", "0.1.2.3", "127.0.0.1", "169.254.1.1",
	    "224.0.0.1", "239.255.255.255", "255.255.255.255", "::", "::1", "fe80::1", "febf::1",
	    "ff02::1"};
	static const char *const host[] = {"1.0.0.1", "100.64.0.1", "169.253.0.1",
	    "223.255.255.254", "240.0.0.1", "::2", "fd00::1", "fec0::1", "2001:db8::1"};
	struct lm_ip ip = {0};

	CU_ASSERT_TRUE(lm_ip_is_special(&ip));
	for (unsigned i = 0; i < sizeof special / sizeof special[0]; i++) {
		CU_ASSERT_EQUAL(lm_ip_parse(&ip, special[i]), 0);
		CU_ASSERT_TRUE(lm_ip_is_special(&ip));
	}
	for (unsigned i = 0; i < sizeof host / sizeof host[0]; i++) {
		CU_ASSERT_EQUAL(lm_ip_parse(&ip, host[i]), 0);
		CU_ASSERT_FALSE(lm_ip_is_special(&ip));
	}
}

#define OWNER_ID "000102030405060708090a0b0c0d0e0f10111213"
#define PROVIDER_ID "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff00112233"

static void test_lease(void)
{
	static const char *const bad[] = {
	    "",
	    OWNER_ID "/1/1/1",
	    OWNER_ID "/1/1/1/" PROVIDER_ID "/",
	    OWNER_ID "/1/1/1/" PROVIDER_ID "00",
	    OWNER_ID "/1/1//" PROVIDER_ID,
	    OWNER_ID "/01/1/1/" PROVIDER_ID,
	    OWNER_ID "/1/4294967296/1/" PROVIDER_ID,
	    OWNER_ID "/18446744073709551616/1/1/" PROVIDER_ID,
	    "x" OWNER_ID "/1/1/1/" PROVIDER_ID,
	};
	struct lm_lease lease;
	char text[LM_LEASE_TEXT];

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct lm_why why = {0};
		CU_ASSERT_EQUAL(lm_lease_parse(&lease, bad[i], &why), -EINVAL);
		CU_ASSERT_NOT_EQUAL(why.text[0], '\0');
	}
	const char *good = OWNER_ID "/18446744073709551615/4294967295/0/" PROVIDER_ID;
	CU_ASSERT_EQUAL_FATAL(lm_lease_parse(&lease, good, NULL), 0);
	CU_ASSERT_EQUAL(lease.dseq, UINT64_MAX);
	CU_ASSERT_EQUAL(lease.gseq, UINT32_MAX);
	CU_ASSERT_EQUAL(lease.oseq, 0);
	CU_ASSERT_EQUAL(lease.provider.b[0], 0xf0);
	CU_ASSERT_STRING_EQUAL(lm_lease_text(text, &lease), good);
}

static void test_why(void)
{
	struct lm_why why = {0};
	char longer[2 * LM_WHY_MAX];

	CU_ASSERT_EQUAL(lm_why(NULL, EINVAL, "nobody listens"), -EINVAL);
	CU_ASSERT_EQUAL(lm_why(&why, EACCES, "key '%s'",
			    "a\x1b[2J\n\x7f\xc2\x9b"
			    "b\xc3\xa4"),
	    -EACCES);
	CU_ASSERT_STRING_EQUAL(why.text, "key 'a?[2J??\xc2?b\xc3\xa4'");
	CU_ASSERT_EQUAL(lm_why(&why, ENOENT, "less exact"), -ENOENT);
	CU_ASSERT_STRING_EQUAL(why.text, "key 'a?[2J??\xc2?b\xc3\xa4'");

	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	why.text[0] = '\0';
	lm_why(&why, EINVAL, "%s", longer);
	CU_ASSERT_EQUAL(strlen(why.text), LM_WHY_MAX - 1);
}

static void keep_line(void *ctx, enum lm_log_level level, const char *line)
{
	snprintf(ctx, 64, "%d|%s", level, line);
}

static void test_log(void)
{
	char line[64] = "";

	lm_log_set_sink(keep_line, line);
	lm_log_write(LM_DEBUG, "test", "not at this level");
	CU_ASSERT_STRING_EQUAL(line, "");
	lm_log_write(LM_WARN, "test", "value %d\ninjected", 7);
	CU_ASSERT_STRING_EQUAL(line, "1|warn test: value 7?injected");
	lm_log_set_level(LM_DEBUG);
	lm_log_write(LM_DEBUG, "test", "now");
	CU_ASSERT_STRING_EQUAL(line, "3|debug test: now");
	lm_log_set_level(LM_INFO);
	lm_log_set_sink(NULL, NULL);
}

static void test_log_limited(void)
{
	struct lm_log_place place = {0};
	unsigned left_out, written = 0;
	char line[64] = "";

	for (unsigned i = 0; i < LM_LOG_PLACE_LINES; i++)
		CU_ASSERT_TRUE(lm_log_place_take(&place, 100 + i, &left_out) && left_out == 0);
	for (unsigned i = 0; i < 7; i++)
		CU_ASSERT_FALSE(lm_log_place_take(&place, 99 + LM_LOG_PLACE_SECONDS, &left_out));
	CU_ASSERT_TRUE(lm_log_place_take(&place, 100 + LM_LOG_PLACE_SECONDS, &left_out));
	CU_ASSERT_EQUAL(left_out, 7);
	CU_ASSERT_TRUE(lm_log_place_take(&place, 100 + LM_LOG_PLACE_SECONDS, &left_out));
	CU_ASSERT_EQUAL(left_out, 0);

	lm_log_set_sink(keep_line, line);
	for (unsigned i = 0; i < 10 * LM_LOG_PLACE_LINES; i++) {
		line[0] = '\0';
		lm_log_write_limited(&(struct lm_log_place){0}, LM_INFO, "test", "elsewhere");
		CU_ASSERT_STRING_EQUAL(line, "2|info test: elsewhere");
		line[0] = '\0';
		lm_log_write_limited(&place, LM_INFO, "test", "line %u", i);
		written += line[0] != '\0';
	}
	/* A minute may begin in between, not two. */
	CU_ASSERT_TRUE(written <= 2 * LM_LOG_PLACE_LINES);
	lm_log_set_sink(NULL, NULL);
}

static volatile sig_atomic_t interrupts;

static void on_alarm(int number)
{
	(void)number;
	interrupts++;
}

static void wait_for_alarms(void)
{
	for (sig_atomic_t seen = interrupts; interrupts - seen < 5;)
		pause();
}

/* More than a pipe holds; each end is interrupted while it waits for the other one. */
static void test_io(void)
{
	enum { SIZE = 1 << 20 };
	static uint8_t out[SIZE], in[SIZE + 1];
	static const struct itimerval often = {{0, 300}, {0, 300}}, never;
	struct sigaction old, counting = {.sa_handler = on_alarm}; /* without SA_RESTART */
	int pipe_fd[2];

	for (unsigned i = 0; i < SIZE; i++)
		out[i] = (uint8_t)(i * 2654435761u >> 24);
	CU_ASSERT_EQUAL_FATAL(pipe(pipe_fd), 0);
	CU_ASSERT_EQUAL_FATAL(sigaction(SIGALRM, &counting, &old), 0);
	pid_t child = fork();
	CU_ASSERT_FATAL(child >= 0);
	setitimer(ITIMER_REAL, &often, NULL); /* a fork has none of its parent's */
	if (child == 0) {
		close(pipe_fd[0]);
		wait_for_alarms();
		_exit(lm_write_all(pipe_fd[1], out, SIZE) == 0 ? 0 : 1);
	}
	close(pipe_fd[1]);
	CU_ASSERT_EQUAL(lm_read_all(pipe_fd[0], in, 1000), 1000);
	wait_for_alarms();
	CU_ASSERT_EQUAL(lm_read_all(pipe_fd[0], in + 1000, SIZE + 1 - 1000), SIZE - 1000);
	setitimer(ITIMER_REAL, &never, NULL);
	CU_ASSERT_EQUAL(memcmp(in, out, SIZE), 0);
	int status;
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
	close(pipe_fd[0]);
	sigaction(SIGALRM, &old, NULL);
	CU_ASSERT_EQUAL(lm_read_all(pipe_fd[0], in, 1), -EBADF);
	CU_ASSERT_EQUAL(lm_write_all(pipe_fd[0], in, 1), -EBADF);
}

LM_SUITE("base", {"hex", test_hex}, {"cursors", test_cursors}, {"number", test_number},
    {"ip", test_ip}, {"prefix", test_prefix}, {"prefix_nth", test_prefix_nth},
    {"udp_addr", test_udp_addr}, {"mac", test_mac}, {"special", test_special},
    {"lease", test_lease}, {"why", test_why}, {"log", test_log}, {"log_limited", test_log_limited},
    {"io", test_io})
