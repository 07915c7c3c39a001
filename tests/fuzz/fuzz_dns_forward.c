/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a resolver answers. The first byte says how the question was asked, the rest
 * is the answer, of which id and question are made right unless told otherwise.
 * Whoever asked gets an answer to his question, within what he takes.
 */
#include "base/domain.h"
#include "dns/forward.h"
#include "dns/message.h"
#include "fuzz.h"

struct world {
	uint8_t query[64], sent[128];
	size_t query_len, sent_len, limit;
	uint16_t port;
	struct lm_udp_addr to;
	unsigned answers;
	uint32_t random;
};

static void on_send(
    void *ctx, uint16_t from_port, const struct lm_udp_addr *to, const uint8_t *data, size_t len)
{
	struct world *w = ctx;

	MUST(len <= sizeof w->sent);
	memcpy(w->sent, data, len);
	w->sent_len = len;
	w->port = from_port;
	w->to = *to;
}

static void on_answer(void *ctx, unsigned slot, const uint8_t *data, size_t len)
{
	struct world *w = ctx;

	(void)slot;
	w->answers++;
	MUST(len >= DNS_HEADER_LEN && len <= w->limit && memcmp(data, w->query, 2) == 0);
	/* An answer, not an authoritative one, to this very question. */
	MUST((data[2] & 0x84) == 0x80 && memcmp(data + 12, w->query + 12, 21) == 0);
}

static void on_random(void *ctx, void *buf, size_t len)
{
	struct world *w = ctx;

	memcpy(buf, &w->random, len);
	w->random += 0x10001;
}

static const struct lm_dns_forward_ops ops = {
    .send = on_send, .answer = on_answer, .random = on_random};

static void write_query(struct world *w, bool edns)
{
	struct lm_writer out = lm_writer(w->query, sizeof w->query);

	lm_write_u32(&out, 0xabcd0100);
	lm_write_u32(&out, 0x00010000);
	lm_write_u32(&out, edns);
	lm_write_domain(&out, "www.eXample.com");
	lm_write_u32(&out, 0x00010001);
	if (edns)
		dns_write_opt(&out, 700, DNS_NOERROR, true);
	w->query_len = lm_writer_len(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lm_dns_forwarder *f;
	static uint64_t counts[LM_DC_MAX], now = 1;
	static struct world w;
	struct lm_ip server = {.family = 4, .b = {192, 0, 2, 53}};

	if (size < 1)
		return 0;
	if (!f && lm_dns_forwarder_create(&f, &ops, counts, &w) < 0)
		return 0;
	uint8_t how = *data++;
	bool stream = how & 1, edns = how & 2;
	w = (struct world){.random = how,
	    .limit = stream ? LM_DNS_UDP_MAX
		     : edns ? 700
			    : DNS_UDP_MIN};
	write_query(&w, edns);
	lm_dns_forwarder_set(f, &server, 1);
	lm_dns_forward(f, now, 1, w.query, w.query_len, stream);
	uint8_t *answer = malloc(--size > 0 ? size : 1);
	memcpy(answer, data, size);
	if (!(how & 4) && size >= 33) {
		memcpy(answer, w.sent, 2);
		answer[2] = (uint8_t)((answer[2] | 0x80) & 0x87);
		memcpy(answer + 4, "\0\1", 2);
		memcpy(answer + 12, w.sent + 12, 21);
	}
	lm_dns_forward_input(f, &w.to, w.port, answer, size);
	MUST(how & 4 || size < 33 || w.answers == 1);
	for (unsigned i = 0; i < LM_DNS_TRIES; i++)
		lm_dns_forward_tick(f, now += UINT64_C(2000000000));
	MUST(w.answers == 1);
	free(answer);
	return 0;
}
