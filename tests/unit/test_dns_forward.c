/* SPDX-License-Identifier: Apache-2.0 */
/* Questions for other names: what goes out, which answers are believed, what has a bound. */
#include "dns_rig.h"

#include "base/timers.h"
#include "dns/forward.h"

#define MS UINT64_C(1000000)
#define ASKER 5

struct out {
	uint16_t port;
	struct lm_udp_addr to;
	uint8_t b[600];
	size_t len;
};

struct world {
	struct lm_dns_forwarder *f;
	uint64_t counts[LM_DC_MAX];
	uint64_t now;
	struct out out; /* the last question */
	unsigned n_out;
	uint8_t answer[LM_DNS_UDP_MAX];
	size_t answer_len;
	unsigned n_answers, slot;
	uint32_t random;
};

static void on_send(
    void *ctx, uint16_t from_port, const struct lm_udp_addr *to, const uint8_t *data, size_t len)
{
	struct world *w = ctx;

	w->n_out++;
	w->out = (struct out){.port = from_port, .to = *to, .len = len};
	CU_ASSERT_FATAL(len <= sizeof w->out.b);
	memcpy(w->out.b, data, len);
}

static void on_answer(void *ctx, unsigned slot, const uint8_t *data, size_t len)
{
	struct world *w = ctx;

	CU_ASSERT_FATAL(len <= sizeof w->answer);
	memcpy(w->answer, data, len);
	w->answer_len = len;
	w->slot = slot;
	w->n_answers++;
}

static void on_random(void *ctx, void *buf, size_t len)
{
	struct world *w = ctx;

	for (size_t i = 0; i < len; i++) {
		w->random = w->random * 1664525 + 1013904223;
		((uint8_t *)buf)[i] = (uint8_t)(w->random >> 24);
	}
}

static const struct lm_dns_forward_ops ops = {
    .send = on_send, .answer = on_answer, .random = on_random};

static struct world *world(unsigned servers)
{
	struct world *w = calloc(1, sizeof *w);
	struct lm_ip ips[2] = {rig_ip_of("192.0.2.53"), rig_ip_of("2001:db8::53")};

	w->now = 1000;
	CU_ASSERT_EQUAL_FATAL(lm_dns_forwarder_create(&w->f, &ops, w->counts, w), 0);
	lm_dns_forwarder_set(w->f, ips, servers);
	return w;
}

static void end(struct world *w)
{
	lm_dns_forwarder_free(w->f);
	free(w);
}

static int ask(struct world *w, struct rig_ask ask, bool stream)
{
	struct rig_query q = rig_query(ask);

	return lm_dns_forward(w->f, w->now, ASKER, q.b, q.len, stream);
}

/* An answer to the last question: its header and question, an A record, n bytes more, EDNS. */
static struct rig_query answer_to(const struct world *w, uint16_t flags, bool edns)
{
	static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, 7};
	static const uint8_t opt[] = {0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0};
	struct rig_query a;
	size_t question = w->out.len - (w->out.b[11] ? sizeof opt : 0);

	memcpy(a.b, w->out.b, question);
	a.len = question;
	a.b[2] = (uint8_t)(flags >> 8);
	a.b[3] = (uint8_t)flags;
	a.b[7] = 1;
	a.b[11] = edns;
	memcpy(a.b + a.len, record, sizeof record);
	a.len += sizeof record;
	if (edns) {
		memcpy(a.b + a.len, opt, sizeof opt);
		a.len += sizeof opt;
	}
	return a;
}

static void give(struct world *w, const struct rig_query *a)
{
	lm_dns_forward_input(w->f, &w->out.to, w->out.port, a->b, a->len);
}

static const struct rig_ask www = {
    .name = "wWw.example.com", .type = 1, .id = 0x1234, .flags = 0x0100};

static void test_question(void)
{
	struct world *w = world(1);
	struct rig_query sent = rig_query(www);

	int slot = ask(w, www, false);
	CU_ASSERT_TRUE(slot >= 0 && slot < LM_DNS_OPEN_MAX);
	CU_ASSERT_EQUAL(w->n_out, 1);
	CU_ASSERT_EQUAL(w->out.to.port, 53);
	CU_ASSERT_TRUE(w->out.port >= LM_DNS_REPLY_PORT_FIRST &&
		       w->out.port < LM_DNS_REPLY_PORT_FIRST + LM_DNS_REPLY_PORTS);
	/* The same question under another id. */
	CU_ASSERT_NOT_EQUAL(memcmp(w->out.b, sent.b, 2), 0);
	CU_ASSERT_TRUE(
	    w->out.len == sent.len && memcmp(w->out.b + 2, sent.b + 2, sent.len - 2) == 0);

	/* The resolver changes capitals and says more of itself than is true for us. */
	struct rig_query a = answer_to(w, 0x85a0, false);
	a.b[13] = 'W', a.b[14] = 'W';
	give(w, &a);
	CU_ASSERT_EQUAL(w->n_answers, 1);
	CU_ASSERT_EQUAL(w->slot, (unsigned)slot);
	CU_ASSERT_EQUAL(memcmp(w->answer, "\x12\x34", 2), 0);
	CU_ASSERT_STRING_EQUAL(rig_text(w->answer, w->answer_len),
	    "NOERROR rd ra; wWw.example.com. 1 1; an wWw.example.com. 60 1 198.51.100.7");
	give(w, &a); /* once is enough */
	CU_ASSERT_EQUAL(w->n_answers, 1);
	CU_ASSERT_EQUAL(w->counts[LM_DC_FORWARD_UNASKED], 1);
	CU_ASSERT_EQUAL(lm_dns_forward_tick(w->f, w->now), LM_NEVER);
	end(w);
}

static void test_edns(void)
{
	struct world *w = world(1);
	struct rig_ask q = www;

	q.edns = q.dnssec_ok = true;
	q.size = 4096;
	q.flags = 0x0110;
	ask(w, q, false);
	/* Header, question, OPT with our own size and its flag; no options of the asker's. */
	CU_ASSERT_EQUAL(w->out.len, 12 + 21 + 11);
	CU_ASSERT_EQUAL(memcmp(w->out.b + 2, "\x01\x10\0\1\0\0\0\0\0\1", 10), 0);
	CU_ASSERT_EQUAL(memcmp(w->out.b + 33, "\0\0\x29\x04\xd0\0\0\x80\0\0\0", 11), 0);
	struct rig_query a = answer_to(w, 0x8180, true);
	give(w, &a);
	CU_ASSERT_STRING_EQUAL(rig_text(w->answer, w->answer_len),
	    "NOERROR rd ra; wWw.example.com. 1 1; an "
	    "wWw.example.com. 60 1 198.51.100.7; opt 4096 0 0");
	end(w);
}

/* Over TCP we speak EDNS for who does not, and take it off the answer. */
static void test_stream(void)
{
	struct world *w = world(1);

	ask(w, www, true);
	CU_ASSERT_EQUAL(w->out.b[11], 1);
	struct rig_query a = answer_to(w, 0x8180, true);
	give(w, &a);
	CU_ASSERT_STRING_EQUAL(rig_text(w->answer, w->answer_len),
	    "NOERROR rd ra; wWw.example.com. 1 1; an wWw.example.com. 60 1 198.51.100.7");
	/* A resolver without EDNS. */
	ask(w, www, true);
	a = answer_to(w, 0x8180, false);
	give(w, &a);
	CU_ASSERT_STRING_EQUAL(rig_text(w->answer, w->answer_len),
	    "NOERROR rd ra; wWw.example.com. 1 1; an wWw.example.com. 60 1 198.51.100.7");
	/* Too large even so; and one whose records do not hold together. */
	for (unsigned i = 0; i < 2; i++) {
		ask(w, www, true);
		a = answer_to(w, i ? 0x8180 : 0x8380, true);
		a.b[7] += i;
		give(w, &a);
		CU_ASSERT_STRING_EQUAL(
		    rig_text(w->answer, w->answer_len), "SERVFAIL rd ra; wWw.example.com. 1 1");
		CU_ASSERT_EQUAL(w->counts[LM_DC_FORWARD_TOO_BIG], i + 1);
	}
	CU_ASSERT_EQUAL(w->n_answers, 4);
	end(w);
}

/* An answer that is longer than the asker takes: he is told to ask by TCP. */
static void test_too_long(void)
{
	struct world *w = world(1);
	struct rig_query a;

	ask(w, www, false);
	a = answer_to(w, 0x8180, false);
	memset(a.b + a.len, 0, sizeof a.b - a.len);
	a.len = 513;
	give(w, &a);
	CU_ASSERT_STRING_EQUAL(
	    rig_text(w->answer, w->answer_len), "NOERROR tc rd ra; wWw.example.com. 1 1");
	static uint8_t huge[2000];
	ask(w, www, false);
	a = answer_to(w, 0x8180, false);
	memcpy(huge, a.b, a.len);
	lm_dns_forward_input(w->f, &w->out.to, w->out.port, huge, sizeof huge);
	CU_ASSERT_STRING_EQUAL(
	    rig_text(w->answer, w->answer_len), "NOERROR tc rd ra; wWw.example.com. 1 1");
	end(w);
}

/* From elsewhere, to another port, with another id or question: not believed, and waited on. */
static void test_forged(void)
{
	struct world *w = world(1);
	unsigned tried = 0;

	ask(w, www, false);
	const struct rig_query good = answer_to(w, 0x8180, false);
	for (unsigned at = 0; at < 33; at++) {
		struct rig_query a = good;
		if (at == 3 || (at > 5 && at < 12))
			continue; /* flags and counts that say nothing of whose answer it is */
		a.b[at] ^= at == 2 ? 0x80 : 1;
		give(w, &a);
		tried++;
	}
	struct rig_query a = good;
	a.b[2] ^= 0x08; /* another opcode */
	give(w, &a);
	struct lm_udp_addr from = w->out.to;
	from.port++;
	lm_dns_forward_input(w->f, &from, w->out.port, good.b, good.len);
	from.port--;
	from.ip.b[3]++;
	lm_dns_forward_input(w->f, &from, w->out.port, good.b, good.len);
	lm_dns_forward_input(w->f, &w->out.to, w->out.port ^ 1, good.b, good.len);
	lm_dns_forward_input(w->f, &w->out.to, 53, good.b, good.len);
	for (size_t len = 0; len < 33; len++)
		lm_dns_forward_input(w->f, &w->out.to, w->out.port, good.b, len);
	CU_ASSERT_EQUAL(w->n_answers, 0);
	CU_ASSERT_EQUAL(w->counts[LM_DC_FORWARD_UNASKED], tried + 5 + 33);
	give(w, &good);
	CU_ASSERT_EQUAL(w->n_answers, 1);
	end(w);
}

static void test_timeout(void)
{
	struct world *w = world(2);
	struct out first;

	ask(w, www, false);
	first = w->out;
	CU_ASSERT_EQUAL(lm_dns_forward_tick(w->f, w->now), w->now + LM_DNS_TRY_MS * MS);
	/* The next resolver, from another port under another id; the first one's time is over. */
	w->now += LM_DNS_TRY_MS * MS;
	lm_dns_forward_tick(w->f, w->now);
	CU_ASSERT_EQUAL(w->n_out, 2);
	CU_ASSERT_EQUAL(w->out.to.ip.family, 6);
	CU_ASSERT_NOT_EQUAL(w->out.port, first.port);
	CU_ASSERT_NOT_EQUAL(memcmp(w->out.b, first.b, 2), 0);
	struct rig_query late = answer_to(w, 0x8180, false);
	memcpy(late.b, first.b, 2);
	lm_dns_forward_input(w->f, &first.to, first.port, late.b, late.len);
	CU_ASSERT_EQUAL(w->n_answers, 0);
	struct rig_query a = answer_to(w, 0x8180, false);
	give(w, &a);
	CU_ASSERT_EQUAL(w->n_answers, 1);
	/* Whoever answered is asked first from now on. */
	ask(w, www, false);
	CU_ASSERT_EQUAL(w->out.to.ip.family, 6);
	for (unsigned i = 0; i < LM_DNS_TRIES; i++) {
		CU_ASSERT_EQUAL(w->n_answers, 1);
		w->now += LM_DNS_TRY_MS * MS;
		lm_dns_forward_tick(w->f, w->now);
	}
	CU_ASSERT_EQUAL(w->n_out, 2 + LM_DNS_TRIES);
	CU_ASSERT_EQUAL(w->n_answers, 2);
	CU_ASSERT_STRING_EQUAL(
	    rig_text(w->answer, w->answer_len), "SERVFAIL rd ra; wWw.example.com. 1 1");
	CU_ASSERT_EQUAL(w->counts[LM_DC_FORWARD_TIMEOUT], 1);
	CU_ASSERT_EQUAL(w->counts[LM_DC_FORWARD_RETRY], LM_DNS_TRIES);
	CU_ASSERT_EQUAL(lm_dns_forward_tick(w->f, w->now), LM_NEVER);
	end(w);
}

static void test_bounds(void)
{
	struct world *w = world(1);
	struct rig_query q = rig_query(www);
	unsigned open = 0;

	for (unsigned i = 0; i < LM_DNS_OPEN_OF_ASKER; i++, open++)
		CU_ASSERT_TRUE(lm_dns_forward(w->f, w->now, 1, q.b, q.len, false) >= 0);
	CU_ASSERT_EQUAL(lm_dns_forward(w->f, w->now, 1, q.b, q.len, false), -ENOBUFS);
	for (uint32_t asker = 2; open < LM_DNS_OPEN_MAX; open++)
		CU_ASSERT_TRUE(lm_dns_forward(w->f, w->now, asker + open / LM_DNS_OPEN_OF_ASKER,
				   q.b, q.len, false) >= 0);
	CU_ASSERT_EQUAL(lm_dns_forward(w->f, w->now, 1000, q.b, q.len, false), -ENOBUFS);
	CU_ASSERT_EQUAL(w->counts[LM_DC_FORWARD_LIMIT], 2);
	CU_ASSERT_EQUAL(w->n_out, LM_DNS_OPEN_MAX);
	/* Each has a port of its own; all end, and there is room again, and for many more. */
	for (unsigned round = 1; round < 20; round++) {
		for (unsigned i = 0; i < LM_DNS_TRIES; i++) {
			w->now += LM_DNS_TRY_MS * MS;
			lm_dns_forward_tick(w->f, w->now);
		}
		CU_ASSERT_EQUAL(w->n_answers, round * LM_DNS_OPEN_MAX);
		for (open = 0; open < LM_DNS_OPEN_MAX; open++)
			lm_dns_forward(
			    w->f, w->now, open / LM_DNS_OPEN_OF_ASKER, q.b, q.len, false);
	}
	for (unsigned i = 0; i < LM_DNS_TRIES; i++) {
		w->now += LM_DNS_TRY_MS * MS;
		lm_dns_forward_tick(w->f, w->now);
	}
	CU_ASSERT_TRUE(lm_dns_forward(w->f, w->now, 1, q.b, q.len, false) >= 0);
	end(w);
}

static void test_resolvers_change(void)
{
	struct world *w = world(0);
	struct lm_ip other = rig_ip_of("192.0.2.54");

	CU_ASSERT_EQUAL(ask(w, www, false), -ENOTCONN);
	CU_ASSERT_EQUAL(w->counts[LM_DC_FORWARDED], 0);
	lm_dns_forwarder_set(w->f, &other, 1);
	ask(w, www, false);
	struct rig_query a = answer_to(w, 0x8180, false);
	lm_dns_forwarder_set(w->f, NULL, 0);
	give(w, &a); /* he is none any more */
	CU_ASSERT_EQUAL(w->n_answers, 0);
	w->now += LM_DNS_TRY_MS * MS;
	lm_dns_forward_tick(w->f, w->now);
	CU_ASSERT_STRING_EQUAL(
	    rig_text(w->answer, w->answer_len), "SERVFAIL rd ra; wWw.example.com. 1 1");
	end(w);
}

LM_SUITE("dns_forward", {"question", test_question}, {"EDNS", test_edns}, {"stream", test_stream},
    {"too long", test_too_long}, {"forged", test_forged}, {"timeout", test_timeout},
    {"bounds", test_bounds}, {"resolvers change", test_resolvers_change})
