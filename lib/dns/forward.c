/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/forward.h"

#include <errno.h>
#include <stdlib.h>
#include "base/domain.h"
#include "base/timers.h"
#include "dns/message.h"

#define MS UINT64_C(1000000)
#define NOBODY UINT32_MAX /* the slot is free */
#define QUESTION_MAX (LM_DOMAIN_MAX + 4)

struct question {
	struct lm_timer timer;
	unsigned tries, server;
	uint16_t id, port; /* of this try */
	/* As it was asked. */
	bool stream;
	struct dns_query q; /* its name points to wire */
	uint8_t wire[QUESTION_MAX];
};

struct lm_dns_forwarder {
	const struct lm_dns_forward_ops *ops;
	void *ctx;
	uint64_t *counts;
	struct lm_ip servers[LM_DNS_FORWARDERS_MAX];
	unsigned n_servers;
	unsigned server; /* with which a question begins: the last that answered */
	struct lm_timers timers;
	struct question questions[LM_DNS_OPEN_MAX];
	/* Who asked each; apart, since all of them are walked through for each question. */
	uint32_t askers[LM_DNS_OPEN_MAX];
	uint16_t by_port[LM_DNS_REPLY_PORTS]; /* slot + 1; 0: nothing is expected there */
};

int lm_dns_forwarder_create(struct lm_dns_forwarder **out, const struct lm_dns_forward_ops *ops,
    uint64_t *counts, void *ctx)
{
	struct lm_dns_forwarder *f = calloc(1, sizeof(*f));
	int err = f ? 0 : -ENOMEM;

	for (unsigned i = 0; !err && i < LM_DNS_OPEN_MAX; i++)
		err = lm_timers_reserve(&f->timers);
	if (err) {
		lm_dns_forwarder_free(f);
		return err;
	}
	for (unsigned i = 0; i < LM_DNS_OPEN_MAX; i++)
		f->askers[i] = NOBODY;
	f->ops = ops;
	f->counts = counts;
	f->ctx = ctx;
	*out = f;
	return 0;
}

void lm_dns_forwarder_free(struct lm_dns_forwarder *f)
{
	if (!f)
		return;
	lm_timers_free(&f->timers);
	free(f);
}

void lm_dns_forwarder_set(struct lm_dns_forwarder *f, const struct lm_ip *servers, unsigned n)
{
	f->n_servers = n < LM_DNS_FORWARDERS_MAX ? n : LM_DNS_FORWARDERS_MAX;
	memset(f->servers, 0, sizeof(f->servers));
	for (unsigned i = 0; i < f->n_servers; i++)
		f->servers[i] = servers[i];
	f->server = 0;
}

/* ---- asking -------------------------------------------------------------------- */

static void port_free(struct lm_dns_forwarder *f, const struct question *question)
{
	f->by_port[question->port - LM_DNS_REPLY_PORT_FIRST] = 0;
}

/* Sixteen times as many ports as questions: one that is free is found soon. */
static void port_choose(struct lm_dns_forwarder *f, struct question *question)
{
	uint16_t random[2];

	do
		f->ops->random(f->ctx, random, sizeof(random));
	while (f->by_port[random[0] % LM_DNS_REPLY_PORTS]);
	question->id = random[1];
	question->port = LM_DNS_REPLY_PORT_FIRST + random[0] % LM_DNS_REPLY_PORTS;
	f->by_port[random[0] % LM_DNS_REPLY_PORTS] = (uint16_t)(question - f->questions + 1);
}

static void send(struct lm_dns_forwarder *f, uint64_t now, struct question *question)
{
	uint8_t message[DNS_HEADER_LEN + QUESTION_MAX + DNS_OPT_LEN];
	struct lm_writer w = lm_writer(message, sizeof(message));
	const struct dns_query *q = &question->q;
	/* Over TCP there may be more than 512 bytes, so there we speak EDNS for the asker. */
	bool edns = q->edns || question->stream;

	port_choose(f, question);
	lm_write_u16(&w, question->id);
	lm_write_u16(&w, q->flags & (DNS_RD | DNS_AD | DNS_CD));
	lm_write_u16(&w, 1);
	lm_write_u32(&w, 0);
	lm_write_u16(&w, edns);
	lm_write(&w, question->wire, q->question_len);
	if (edns)
		dns_write_opt(&w, question->stream ? LM_DNS_UDP_MAX : (uint16_t)dns_udp_limit(q), 0,
		    q->dnssec_ok);
	question->tries++;
	lm_timers_set(&f->timers, &question->timer, now + LM_DNS_TRY_MS * MS);
	const struct lm_udp_addr to = {.ip = f->servers[question->server], .port = LM_DNS_PORT};
	f->ops->send(f->ctx, question->port, &to, message, lm_writer_len(&w));
}

/* A free slot, or -ENOBUFS: there is none, or the asker has taken his share. */
static int slot_find(const struct lm_dns_forwarder *f, uint32_t asker)
{
	int slot = -ENOBUFS;
	unsigned own = 0;

	for (int i = 0; i < LM_DNS_OPEN_MAX; i++) {
		own += f->askers[i] == asker;
		if (f->askers[i] == NOBODY)
			slot = i;
	}
	return own < LM_DNS_OPEN_OF_ASKER ? slot : -ENOBUFS;
}

int lm_dns_forward(struct lm_dns_forwarder *f, uint64_t now, uint32_t asker, const uint8_t *query,
    size_t len, bool stream)
{
	if (f->n_servers == 0)
		return -ENOTCONN;
	int slot = slot_find(f, asker);
	if (slot < 0) {
		f->counts[LM_DC_FORWARD_LIMIT]++;
		return slot;
	}
	struct question *question = &f->questions[slot];
	f->askers[slot] = asker;
	*question = (struct question){.stream = stream};
	dns_query_parse(&question->q, query, len);
	memcpy(question->wire, question->q.name.wire, question->q.question_len);
	question->q.name.wire = question->wire;
	question->server = f->server;
	f->counts[LM_DC_FORWARDED]++;
	send(f, now, question);
	return slot;
}

/* ---- answering --------------------------------------------------------------------- */

static void finish(
    struct lm_dns_forwarder *f, struct question *question, const uint8_t *data, size_t len)
{
	unsigned slot = (unsigned)(question - f->questions);

	port_free(f, question);
	lm_timers_set(&f->timers, &question->timer, LM_NEVER);
	f->ops->answer(f->ctx, slot, data, len);
	f->askers[slot] = NOBODY;
}

static void fail(struct lm_dns_forwarder *f, struct question *question, enum lm_dns_count why)
{
	uint8_t out[LM_DNS_UDP_MAX];

	f->counts[why]++;
	finish(f, question, out,
	    dns_reply_empty(&question->q, DNS_SERVFAIL, DNS_RA, out, sizeof(out)));
}

/* Is it an answer to this question from whom it was asked? */
static bool answers(const struct lm_dns_forwarder *f, const struct question *question,
    const struct lm_udp_addr *from, const uint8_t *data, size_t len)
{
	const struct dns_query *q = &question->q;
	struct lm_reader r = lm_reader(data, len);
	uint16_t id = lm_read_u16(&r), flags = lm_read_u16(&r), questions = lm_read_u16(&r);

	lm_read_ref(&r, 6);
	const uint8_t *wire = lm_read_ref(&r, q->question_len);
	size_t name_len = q->name.len;
	return wire && id == question->id && (flags & (DNS_QR | DNS_OPCODE)) == DNS_QR &&
	       questions == 1 && from->port == LM_DNS_PORT &&
	       lm_ip_equal(&from->ip, &f->servers[question->server]) &&
	       dns_bytes_equal(wire, question->wire, name_len) &&
	       memcmp(wire + name_len, question->wire + name_len, 4) == 0;
}

/*
 * The EDNS record that we asked for, but not the asker, is taken off. The length that is left; 0:
 * it is not where everybody writes it, at the end.
 */
static size_t without_opt(uint8_t *data, size_t len)
{
	static const uint8_t start[] = {0, 0, DNS_OPT};
	struct lm_reader r = lm_reader(data, len);
	uint32_t records = 0;
	const uint8_t *last = NULL;

	lm_read_ref(&r, 6);
	for (unsigned section = 0; section < 3; section++)
		records += lm_read_u16(&r);
	dns_name_skip(&r);
	lm_read_ref(&r, 4);
	for (uint32_t i = 0; i < records && !r.failed; i++) {
		last = r.at;
		dns_name_skip(&r);
		lm_read_ref(&r, 8);
		lm_read_ref(&r, lm_read_u16(&r));
	}
	if (r.failed || lm_reader_left(&r) > 0)
		return 0;
	if (!last || (data[10] | data[11]) == 0 || memcmp(last, start, sizeof(start)) != 0)
		return len;
	if (data[11]-- == 0)
		data[10]--;
	return (size_t)(last - data);
}

/* As the asker wrote the question, and without what a resolver says of itself. */
static void mend(const struct question *question, uint8_t *data)
{
	const struct dns_query *q = &question->q;
	uint16_t flags = (uint16_t)(data[2] << 8 | data[3]);
	struct lm_writer w = lm_writer(data, DNS_HEADER_LEN);

	/* Neither authoritative nor, as far as we know, authentic. */
	flags &= (uint16_t)~(DNS_AA | DNS_AD | DNS_RD);
	lm_write_u16(&w, q->id);
	lm_write_u16(&w, flags | (q->flags & DNS_RD));
	memcpy(data + DNS_HEADER_LEN, question->wire, q->question_len);
}

static size_t truncated(const struct question *question, uint8_t *out)
{
	struct dns_reply r;

	dns_reply_begin(&r, &question->q, out, dns_udp_limit(&question->q));
	r.truncated = true;
	return dns_reply_end(&r, DNS_NOERROR, DNS_RA);
}

void lm_dns_forward_input(struct lm_dns_forwarder *f, const struct lm_udp_addr *from,
    uint16_t to_port, const uint8_t *data, size_t len)
{
	unsigned port = (unsigned)to_port - LM_DNS_REPLY_PORT_FIRST;
	unsigned slot = port < LM_DNS_REPLY_PORTS ? f->by_port[port] : 0;
	struct question *question = slot ? &f->questions[slot - 1] : NULL;
	uint8_t out[LM_DNS_UDP_MAX];

	if (!question || !answers(f, question, from, data, len)) {
		f->counts[LM_DC_FORWARD_UNASKED]++;
		return;
	}
	f->server = question->server;
	bool fits = len <= sizeof(out);
	if (fits)
		memcpy(out, data, len);
	if (question->stream) {
		fits = fits && !(data[2] & (DNS_TC >> 8));
		if (fits && !question->q.edns)
			len = without_opt(out, len);
		if (!fits || len == 0) {
			fail(f, question, LM_DC_FORWARD_TOO_BIG);
			return;
		}
	}
	f->counts[LM_DC_FORWARD_ANSWERED]++;
	if (!question->stream && len > dns_udp_limit(&question->q))
		len = truncated(question, out);
	else
		mend(question, out);
	finish(f, question, out, len);
}

uint64_t lm_dns_forward_tick(struct lm_dns_forwarder *f, uint64_t now)
{
	struct lm_timer *first;

	while ((first = lm_timers_first(&f->timers)) && first->due <= now) {
		struct question *question =
		    (void *)((char *)first - offsetof(struct question, timer));
		if (question->tries >= LM_DNS_TRIES || f->n_servers == 0) {
			fail(f, question, LM_DC_FORWARD_TIMEOUT);
			continue;
		}
		f->counts[LM_DC_FORWARD_RETRY]++;
		port_free(f, question);
		question->server = (question->server + 1) % f->n_servers;
		send(f, now, question);
	}
	return lm_timers_next(&f->timers);
}
