/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An underlay whose link, clock and caller are the test: what it sends and says
 * is kept in order, and stations are played by giving frames.
 */
#ifndef LM_TESTS_UNIT_UNDERLAY_RIG_H
#define LM_TESTS_UNIT_UNDERLAY_RIG_H

#include "frames.h"

#include "underlay/underlay.h"

#define SECOND UINT64_C(1000000000)
#define RIG_SENT_MAX 4096

struct rig {
	struct lm_underlay *u;
	struct lm_underlay_config config;
	uint64_t now;
	struct frame *sent; /* RIG_SENT_MAX */
	uint64_t sent_at[RIG_SENT_MAX];
	unsigned n_sent;
	unsigned n_changed; /* path_changed calls */
	struct lm_udp_addr changed;
	unsigned n_udp;
	struct lm_udp_addr udp_from;
	uint8_t udp[2048];
	size_t udp_len;
	unsigned n_reply;
	uint16_t reply_port;
	void (*on_changed)(struct rig *r, const struct lm_udp_addr *to); /* NULL: nothing more */
};

static inline void rig_frame(void *ctx, const uint8_t *data, size_t len)
{
	struct rig *r = ctx;

	CU_ASSERT_FATAL(r->n_sent < RIG_SENT_MAX);
	CU_ASSERT_FATAL(len >= LM_FRAME_MIN && len <= r->config.mtu + 18u);
	memcpy(r->sent[r->n_sent].b, data, len);
	r->sent[r->n_sent].len = len;
	r->sent_at[r->n_sent++] = r->now;
	CU_ASSERT_TRUE(memcmp(data + 6, r->config.mac.b, 6) == 0);
}

static inline void rig_changed(void *ctx, const struct lm_udp_addr *to)
{
	struct rig *r = ctx;

	r->n_changed++;
	r->changed = *to;
	if (r->on_changed)
		r->on_changed(r, to);
}

static inline void rig_udp(
    void *ctx, const struct lm_udp_addr *from, const uint8_t *data, size_t len)
{
	struct rig *r = ctx;

	r->n_udp++;
	r->udp_from = *from;
	r->udp_len = len;
	memcpy(r->udp, data, len);
}

static inline void rig_reply(
    void *ctx, const struct lm_udp_addr *from, uint16_t to_port, const uint8_t *data, size_t len)
{
	struct rig *r = ctx;

	rig_udp(ctx, from, data, len);
	r->n_udp--;
	r->n_reply++;
	r->reply_port = to_port;
}

static const struct lm_underlay_ops rig_ops = {
    .frame = rig_frame, .path_changed = rig_changed, .udp = rig_udp, .reply = rig_reply};

static const struct lm_mac rig_mac = {{2, 0, 0, 0, 0, 1}};

static inline struct lm_ifaddr ifaddr_of(const char *text)
{
	struct lm_ifaddr a = {0};

	CU_ASSERT_EQUAL_FATAL(lm_ifaddr_parse(&a, text), 0);
	return a;
}

static inline struct lm_udp_addr udp_of(const char *text)
{
	struct lm_udp_addr a = {0};

	CU_ASSERT_EQUAL_FATAL(lm_udp_addr_parse(&a, text), 0);
	return a;
}

/* 192.0.2.1/24 behind .254 and 2001:db8::1/64 behind fe80::254. The clock starts at an odd time. */
static inline struct lm_underlay_config rig_config(void)
{
	struct lm_underlay_config c = {.mac = rig_mac,
	    .mtu = 1500,
	    .port = 4500,
	    .n_addrs = 2,
	    .gateway4 = ip_of("192.0.2.254"),
	    .gateway6 = ip_of("fe80::254")};

	c.addrs[0] = ifaddr_of("192.0.2.1/24");
	c.addrs[1] = ifaddr_of("2001:db8::1/64");
	return c;
}

static inline struct rig *rig_create(const struct lm_underlay_config *config)
{
	struct rig *r = calloc(1, sizeof *r);

	r->config = *config;
	r->now = 1234567 * SECOND + 89;
	r->sent = calloc(RIG_SENT_MAX, sizeof *r->sent);
	CU_ASSERT_EQUAL_FATAL(lm_underlay_create(&r->u, config, &rig_ops, r), 0);
	return r;
}

static inline void rig_free(struct rig *r)
{
	lm_underlay_free(r->u);
	free(r->sent);
	free(r);
}

static inline enum lm_underlay_result rig_give(struct rig *r, const struct frame *f)
{
	uint8_t *copy = exact_copy(f->b, f->len);
	enum lm_underlay_result result = lm_underlay_input(r->u, r->now, copy, f->len);

	free(copy);
	return result;
}

/* Lets time pass, serving timers when they ask for it. */
static inline void rig_run(struct rig *r, uint64_t duration)
{
	uint64_t end = r->now + duration;

	for (;;) {
		uint64_t next = lm_underlay_tick(r->u, r->now);

		CU_ASSERT_FATAL(next > r->now);
		if (next > end)
			break;
		r->now = next;
	}
	r->now = end;
}

static inline struct lm_underlay_path rig_path(const struct rig *r, const char *to)
{
	struct lm_udp_addr addr = udp_of(to);
	struct lm_underlay_path p;

	lm_underlay_path(r->u, &addr, &p);
	return p;
}

static inline int rig_watch(struct rig *r, const char *to)
{
	struct lm_udp_addr addr = udp_of(to);

	return lm_underlay_watch(r->u, r->now, &addr);
}

static inline void rig_unwatch(struct rig *r, const char *to)
{
	struct lm_udp_addr addr = udp_of(to);

	lm_underlay_unwatch(r->u, &addr);
}

static inline int rig_send(struct rig *r, const char *to, const void *data, size_t len)
{
	struct lm_udp_addr addr = udp_of(to);

	return lm_underlay_send(r->u, r->now, &addr, data, len);
}

static inline struct lm_underlay_info rig_info(const struct rig *r)
{
	struct lm_underlay_info info;

	lm_underlay_info(r->u, &info);
	return info;
}

static inline struct frame *rig_last(struct rig *r)
{
	CU_ASSERT_FATAL(r->n_sent > 0);
	return &r->sent[r->n_sent - 1];
}

/* ---- what other stations send ------------------------------------------------ */

static inline struct lm_mac station(uint8_t n)
{
	return (struct lm_mac){{2, 0, 0, 0, 9, n}};
}

/* From station n. dst NULL: to everybody. */
static inline struct frame arp_frame(
    uint8_t n, const struct lm_mac *dst, uint16_t operation, const char *sender, const char *target)
{
	struct lm_mac mac = station(n);
	struct lm_ip s = ip_of(sender), t = ip_of(target);
	struct frame f = {.len = 0};
	struct lm_build b;

	lm_build_ether(
	    &b, f.b, sizeof f.b, dst ? dst : &lm_mac_broadcast, &mac, 0, RTE_ETHER_TYPE_ARP);
	lm_write(&b.w, "\0\1\x08\0\6\4", 6);
	lm_write_u16(&b.w, operation);
	lm_write(&b.w, mac.b, 6);
	lm_write(&b.w, s.b, 4);
	lm_write(&b.w, dst ? dst->b : (const uint8_t[6]){0}, 6);
	lm_write(&b.w, t.b, 4);
	f.len = lm_build_end(&b);
	return f;
}

/* type 135 or 136 with the option that has station n's MAC, or without (option 0). */
static inline struct frame nd_frame(uint8_t n, const char *src, const char *dst, uint8_t type,
    uint8_t flags, const char *target, uint8_t option)
{
	struct lm_mac mac = station(n), to = rig_mac;
	struct lm_ip s = ip_of(src), d = ip_of(dst), t = ip_of(target);
	struct frame f = {.len = 0};
	struct lm_build b;

	if (d.b[0] == 0xff)
		to = lm_mac_of_multicast6(&d);
	lm_build_ether(&b, f.b, sizeof f.b, &to, &mac, 0, RTE_ETHER_TYPE_IPV6);
	lm_build_ip(&b, &s, &d, IPPROTO_ICMPV6, LM_HOP_LIMIT_ND);
	lm_build_icmp(&b, type, 0);
	lm_write(&b.w, (const uint8_t[4]){flags}, 4);
	lm_write(&b.w, t.b, 16);
	if (option != 0) {
		lm_write_u8(&b.w, option);
		lm_write_u8(&b.w, 1);
		lm_write(&b.w, mac.b, 6);
	}
	f.len = lm_build_end(&b);
	return f;
}

static inline struct frame ip_frame(
    uint8_t n, const char *src, const char *dst, uint8_t protocol, const void *l4, size_t len)
{
	struct lm_mac mac = station(n);
	struct lm_ip s = ip_of(src), d = ip_of(dst);
	struct frame f = {.len = 0};
	struct lm_build b;

	lm_build_ether(&b, f.b, sizeof f.b, &rig_mac, &mac, 0,
	    s.family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	lm_build_ip(&b, &s, &d, protocol, LM_HOP_LIMIT);
	lm_write(&b.w, l4, len);
	f.len = lm_build_end(&b);
	return f;
}

#endif
