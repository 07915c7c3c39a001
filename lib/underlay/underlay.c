/* SPDX-License-Identifier: Apache-2.0 */
#include "underlay/host.h"

#include <stdlib.h>
#include <rte_udp.h>

#define ANNOUNCE_NUM 2 /* RFC 5227 section 1.1 */
#define ANNOUNCE_INTERVAL (2 * UL_SECOND)
/* Timers are served in steps of this, so that thousands of them cost ten passes a second. */
#define TICK (UL_SECOND / 10)
#define MTU_MIN4 576
#define MTU_MAX 9216

const char *const lm_underlay_result_names[LM_UL_MAX] = {
    [LM_UL_HANDLED] = "handled",
    [LM_UL_UDP] = "udp",
    [LM_UL_NOT_OURS] = "not_ours",
    [LM_UL_MALFORMED] = "malformed",
    [LM_UL_UNHANDLED] = "unhandled",
};

/* ---- what the parts share --------------------------------------------------- */

bool limit_take(struct lm_underlay *u, struct limit *l, uint64_t now, unsigned per_second)
{
	/* Never more than a second's worth, which also keeps the product small. */
	uint64_t passed = now - l->last < UL_SECOND ? now - l->last : UL_SECOND;

	l->last = now;
	l->tokens += passed * per_second;
	if (l->tokens > UL_SECOND * per_second)
		l->tokens = UL_SECOND * per_second;
	if (l->tokens < UL_SECOND) {
		u->info.limited++;
		return false;
	}
	l->tokens -= UL_SECOND;
	return true;
}

void frame_start(
    struct lm_underlay *u, struct lm_build *b, const struct lm_mac *dst, uint16_t ether_type)
{
	lm_build_ether(b, u->out, u->config.mtu + (size_t)UL_LINK_HEADER_MAX, dst, &u->config.mac,
	    u->config.vlan, ether_type);
}

void frame_send(struct lm_underlay *u, struct lm_build *b)
{
	size_t len = lm_build_end(b);

	if (len > 0)
		u->ops->frame(u->ctx, u->out, len);
}

bool is_own(const struct lm_underlay *u, const struct lm_ip *ip)
{
	for (unsigned i = 0; i < u->config.n_addrs; i++)
		if (lm_ip_equal(&u->config.addrs[i].ip, ip))
			return true;
	return lm_ip_equal(&u->link_local, ip);
}

static void announce(struct lm_underlay *u, const struct lm_ip *own)
{
	if (own->family == 4)
		arp_announce(u, own);
	else
		nd_announce(u, own);
}

void defend(struct lm_underlay *u, uint64_t now, const struct lm_ip *ip)
{
	u->info.conflicts++;
	if (now < u->defend_after)
		return;
	u->defend_after = now + UL_DEFEND_INTERVAL;
	announce(u, ip);
}

/* ---- configuration ----------------------------------------------------------- */

static bool has_ipv6(const struct lm_underlay_config *c)
{
	for (unsigned i = 0; i < c->n_addrs; i++)
		if (c->addrs[i].ip.family == 6)
			return true;
	return false;
}

/* The reader of gateway.conf says what is wrong and where; this only keeps nonsense out. */
static bool config_ok(const struct lm_underlay_config *c)
{
	if (!lm_mac_is_host(c->mac.b) || c->port == 0 || c->n_addrs > LM_UNDERLAY_ADDRS_MAX ||
	    c->vlan > 4094 || c->mtu > MTU_MAX ||
	    c->mtu < (has_ipv6(c) ? RTE_IPV6_MIN_MTU : MTU_MIN4))
		return false;
	for (unsigned i = 0; i < c->n_addrs; i++) {
		const struct lm_ifaddr *a = &c->addrs[i];

		if (lm_ip_is_special(&a->ip) || a->len > (a->ip.family == 4 ? 32 : 128))
			return false;
	}
	return (c->gateway4.family == 0 || c->gateway4.family == 4) &&
	       (c->gateway6.family == 0 || c->gateway6.family == 6);
}

static int config_set(struct lm_underlay *u, const struct lm_underlay_config *c)
{
	if (!config_ok(c))
		return -EINVAL;
	uint8_t *out = realloc(u->out, c->mtu + (size_t)UL_LINK_HEADER_MAX);
	if (!out)
		return -ENOMEM;
	u->out = out;
	u->config = *c;
	u->link_local = (struct lm_ip){0};
	if (has_ipv6(c))
		u->link_local = lm_link_local_of(&c->mac);
	return 0;
}

int lm_underlay_create(struct lm_underlay **out, const struct lm_underlay_config *config,
    const struct lm_underlay_ops *ops, void *ctx)
{
	struct lm_underlay *u = calloc(1, sizeof *u);

	if (!u)
		return -ENOMEM;
	u->ops = ops;
	u->ctx = ctx;
	u->due = u->announce_due = UL_NEVER;
	u->answers.tokens = UL_SECOND * UL_ANSWERS_PER_S;
	u->echoes.tokens = UL_SECOND * UL_ECHOES_PER_S;
	TAILQ_INIT(&u->changed);
	int rc = config_set(u, config);
	if (rc < 0) {
		free(u);
		return rc;
	}
	*out = u;
	return 0;
}

void lm_underlay_free(struct lm_underlay *u)
{
	if (!u)
		return;
	watches_free(u);
	neighbours_flush(u, false);
	free(u->out);
	free(u);
}

int lm_underlay_reconfigure(struct lm_underlay *u, uint64_t now, const struct lm_underlay_config *c)
{
	bool same_link =
	    memcmp(u->config.mac.b, c->mac.b, sizeof c->mac.b) == 0 && u->config.vlan == c->vlan;
	int rc = config_set(u, c);

	if (rc < 0)
		return rc;
	watches_detach(u);
	neighbours_flush(u, same_link);
	watches_attach(u, now);
	lm_underlay_announce(u, now);
	watches_tell(u);
	return 0;
}

/* ---- what is called from outside ----------------------------------------------- */

static void announce_all(struct lm_underlay *u)
{
	for (unsigned i = 0; i < u->config.n_addrs; i++)
		announce(u, &u->config.addrs[i].ip);
	if (u->link_local.family == 6)
		announce(u, &u->link_local);
}

void lm_underlay_announce(struct lm_underlay *u, uint64_t now)
{
	announce_all(u);
	u->announcements = ANNOUNCE_NUM - 1;
	u->announce_due = now + ANNOUNCE_INTERVAL;
}

static enum lm_underlay_result input(
    struct lm_underlay *u, uint64_t now, const uint8_t *frame, size_t len)
{
	struct lm_frame f;

	if (lm_frame_parse(&f, frame, len) < 0 || !lm_mac_is_host(f.ether->src_addr.addr_bytes))
		return LM_UL_MALFORMED;
	const uint8_t *dst = f.ether->dst_addr.addr_bytes;
	if (f.vlan != u->config.vlan || (!(dst[0] & 1) && !is_own_mac(u, dst)))
		return LM_UL_NOT_OURS;
	if (f.ether_type == RTE_ETHER_TYPE_ARP)
		return arp_input(u, now, &f);
	return f.ip != 0 ? ip_input(u, now, &f) : LM_UL_UNHANDLED;
}

enum lm_underlay_result lm_underlay_input(
    struct lm_underlay *u, uint64_t now, const uint8_t *frame, size_t len)
{
	enum lm_underlay_result result = input(u, now, frame, len);

	u->info.results[result]++;
	watches_tell(u);
	return result;
}

static int keep_pending(struct neighbour *n, uint16_t from_port, const struct lm_udp_addr *to,
    const uint8_t *data, size_t len)
{
	struct pending *p = malloc(sizeof *p + len);

	if (!p)
		return -ENOMEM;
	p->to = *to;
	p->from_port = from_port;
	p->len = len;
	memcpy(p->data, data, len);
	free(n->pending);
	n->pending = p;
	return 0;
}

int lm_underlay_ask(struct lm_underlay *u, uint64_t now, uint16_t from_port,
    const struct lm_udp_addr *to, const uint8_t *data, size_t len)
{
	size_t headers =
	    to->ip.family == 4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr);
	struct neighbour *n;
	struct route r;

	headers += sizeof(struct rte_udp_hdr);
	if (len > u->config.mtu - headers)
		return -EMSGSIZE;
	if (!route_find(u, &to->ip, &r))
		return -EHOSTUNREACH;
	n = neighbour_get(u, now, &r.hop, false);
	if (!n)
		return -ENOBUFS;
	n->used = now;
	if (!neighbour_ready(n))
		return keep_pending(n, from_port, to, data, len);
	udp_output(u, n, &r.src, from_port, to, data, len);
	return 0;
}

int lm_underlay_send(struct lm_underlay *u, uint64_t now, const struct lm_udp_addr *to,
    const uint8_t *data, size_t len)
{
	return lm_underlay_ask(u, now, u->config.port, to, data, len);
}

uint64_t lm_underlay_tick(struct lm_underlay *u, uint64_t now)
{
	neighbours_tick(u, now);
	if (now >= u->announce_due) {
		announce_all(u);
		u->announcements--;
		u->announce_due = u->announcements > 0 ? now + ANNOUNCE_INTERVAL : UL_NEVER;
	}
	watches_tell(u);
	uint64_t next = u->due < u->announce_due ? u->due : u->announce_due;
	return next == UL_NEVER ? UL_NEVER : (next + TICK - 1) / TICK * TICK;
}

void lm_underlay_info(const struct lm_underlay *u, struct lm_underlay_info *out)
{
	*out = u->info;
	out->neighbours = HASH_COUNT(u->neighbours);
	out->watches = HASH_COUNT(u->watches);
	for (const struct neighbour *n = u->neighbours; n; n = n->hh.next)
		out->resolved += neighbour_ready(n);
}
