/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is a life of an underlay: steps of one byte each (what happens) with
 * a byte of argument; a frame has as many bytes as its argument says. Checks that
 * what is sent is sound, that timers make progress, and that the table is bounded.
 */
#include <stdlib.h>
#include "base/bytes.h"
#include "fuzz.h"
#include "mend.h"
#include "underlay/underlay.h"

#define SECOND UINT64_C(1000000000)

struct host {
	struct lm_underlay *u;
	uint64_t now;
	struct lm_underlay_config config;
};

static void frame(void *ctx, const uint8_t *data, size_t len)
{
	struct host *h = ctx;

	MUST(len <= h->config.mtu + 18u);
	check_sent(data, len);
}

static struct lm_udp_addr destination(uint8_t n)
{
	static const char *const texts[] = {"192.0.2.2:1", "198.51.100.1:1", "[2001:db8::2]:1",
	    "[2001:db8:1::1]:1", "192.0.2.3:1", "224.0.0.1:1", "192.0.2.2:2", "[2001:db8::3]:1"};
	struct lm_udp_addr a = {0};

	lm_udp_addr_parse(&a, texts[n % 8]);
	return a;
}

static void path_changed(void *ctx, const struct lm_udp_addr *to)
{
	struct host *h = ctx;
	struct lm_underlay_path p;

	lm_underlay_path(h->u, to, &p);
	/* What a careless caller might do in here. */
	if (to->port == 2) {
		lm_underlay_unwatch(h->u, to);
		lm_underlay_send(h->u, h->now, to, (const uint8_t *)"x", 1);
		lm_underlay_watch(h->u, h->now, to);
	}
}

static void udp(void *ctx, const struct lm_udp_addr *from, const uint8_t *data, size_t len)
{
	struct host *h = ctx;

	lm_underlay_send(h->u, h->now, from, data, len);
}

static void reply(
    void *ctx, const struct lm_udp_addr *from, uint16_t to_port, const uint8_t *data, size_t len)
{
	struct host *h = ctx;

	lm_underlay_ask(h->u, h->now, to_port, from, data, len);
}

static const struct lm_underlay_ops ops = {
    .frame = frame, .path_changed = path_changed, .udp = udp, .reply = reply};

static void configure(struct lm_underlay_config *c, uint8_t how)
{
	*c = (struct lm_underlay_config){
	    .mac = {{2, 0, 0, 0, 0, 1}}, .mtu = how & 1 ? 1280 : 1500, .port = 4500, .n_addrs = 2};
	c->reply_port_first = 4501;
	c->n_reply_ports = how & 64 ? 1000 : 0;
	lm_ifaddr_parse(&c->addrs[0], how & 2 ? "192.0.2.9/25" : "192.0.2.1/24");
	lm_ifaddr_parse(&c->addrs[1], "2001:db8::1/64");
	lm_ip_parse(&c->gateway4, how & 4 ? "203.0.113.1" : "192.0.2.254");
	lm_ip_parse(&c->gateway6, how & 8 ? "2001:db8::fe" : "fe80::254");
	c->vlan = how & 16 ? 7 : 0;
	c->n_addrs = how & 32 ? 1 : 2;
}

static void input(struct host *h, struct lm_reader *r, size_t len, bool mended)
{
	const uint8_t *data = lm_read_ref(r, len < lm_reader_left(r) ? len : lm_reader_left(r));

	len = (size_t)(r->at - data);
	uint8_t *copy = malloc(len > 0 ? len : 1);
	memcpy(copy, data, len);
	if (mended)
		mend(copy, len);
	lm_underlay_input(h->u, h->now, copy, len);
	free(copy);
}

static void step(struct host *h, struct lm_reader *r)
{
	uint8_t what = lm_read_u8(r), argument = lm_read_u8(r);
	struct lm_udp_addr to = destination(argument);

	if (r->failed)
		return;
	switch (what % 8) {
	case 0:
	case 1:
		input(h, r, argument, what % 8 == 0);
		break;
	case 2:
		lm_underlay_watch(h->u, h->now, &to);
		break;
	case 3:
		lm_underlay_unwatch(h->u, &to);
		break;
	case 4:
		lm_underlay_send(h->u, h->now, &to, r->at, lm_reader_left(r));
		break;
	case 5:
		configure(&h->config, argument);
		MUST(lm_underlay_reconfigure(h->u, h->now, &h->config) == 0);
		break;
	case 6:
		h->now += argument * SECOND / 10;
		break;
	case 7:
		lm_underlay_announce(h->u, h->now);
		break;
	}
	MUST(lm_underlay_tick(h->u, h->now) > h->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_reader r = lm_reader(data, size);
	struct host h = {.now = 1000 * SECOND};
	struct lm_underlay_info info;

	configure(&h.config, 0);
	MUST(lm_underlay_create(&h.u, &h.config, &ops, &h) == 0);
	while (lm_reader_left(&r) > 0 && !r.failed)
		step(&h, &r);
	lm_underlay_info(h.u, &info);
	MUST(info.neighbours <= 8 + 256 && info.watches <= 8 && info.resolved <= info.neighbours);
	lm_underlay_free(h.u);
	return 0;
}
