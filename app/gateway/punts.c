/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the workers could not finish: neighbours, DHCP, sessions, packets that are
 * too large. Each frame gets at most one answer.
 */
#include <errno.h>
#include <string.h>
#include <rte_udp.h>

#include "gateway.h"
#include "packet/build.h"
#include "packet/frame.h"
#include "view.h"

#define LM_LOG_MODULE "punt"

#define DHCP_PORT 67
#define DHCP6_PORT 547

/* ---- underlay --------------------------------------------------------------- */

int gw_underlay_config(const struct gateway *gw, struct lm_underlay_config *out)
{
	const struct lm_gateway_config *c = gw->config;
	struct lm_dp_port_info port;
	int err = lm_dp_port_info(gw->dp, gw->underlay_port, &port);

	if (err)
		return err;
	*out = (struct lm_underlay_config){
	    .mac = port.mac,
	    .mtu = port.mtu,
	    .port = c->udp_port,
	    .reply_port_first = LM_DNS_REPLY_PORT_FIRST,
	    .n_reply_ports = LM_DNS_REPLY_PORTS,
	    .n_addrs = c->n_addrs,
	    .gateway4 = c->gateway4,
	    .gateway6 = c->gateway6,
	};
	for (unsigned i = 0; i < c->n_ports; i++)
		if (c->ports[i].role == LM_PORT_UNDERLAY)
			out->vlan = c->ports[i].vlan;
	memcpy(out->addrs, c->addrs, sizeof(c->addrs));
	return 0;
}

/* Outer headers of the larger family in use, so that one MTU holds towards every peer. */
static uint16_t tunnel_mtu(const struct lm_underlay_config *u)
{
	unsigned ip = 20;

	for (unsigned i = 0; i < u->n_addrs; i++)
		if (u->addrs[i].ip.family == 6)
			ip = 40;
	/* UDP, SPI and sequence, IV, ICV; then pad length and next header, on a multiple of four.
	 */
	unsigned room = u->mtu - ip - 8 - 8 - 8 - 16;
	return (uint16_t)((room & ~3u) - 2);
}

int gw_underlay_apply(struct gateway *gw)
{
	struct lm_underlay_config u;
	struct lm_ip ips[LM_UNDERLAY_ADDRS_MAX];
	uint64_t now = gw_now().mono;
	int err = gw_underlay_config(gw, &u);

	if (err)
		return err;
	if (gw->underlay)
		err = lm_underlay_reconfigure(gw->underlay, now, &u);
	else
		err = lm_underlay_create(&gw->underlay, &u, &gw_underlay_ops, gw);
	if (err)
		return err;
	for (unsigned i = 0; i < u.n_addrs; i++)
		ips[i] = u.addrs[i].ip;
	uint16_t mtu = tunnel_mtu(&u);
	gw->tunnel_mtu_changed = gw->tunnel_mtu && gw->tunnel_mtu != mtu;
	gw->tunnel_mtu = mtu;
	return lm_dp_underlay_addrs(gw->dp, ips, u.n_addrs);
}

void gw_inject(struct gateway *gw, unsigned port, const uint8_t *frame, size_t len)
{
	if (lm_dp_inject(gw->dp, port, frame, len) < 0)
		gw->injects_failed++;
}

static void on_frame(void *ctx, const uint8_t *data, size_t len)
{
	struct gateway *gw = ctx;
	gw_inject(gw, gw->underlay_port, data, len);
}

static void on_path_changed(void *ctx, const struct lm_udp_addr *to)
{
	gw_path_refresh(ctx, to);
}

static void on_udp(void *ctx, const struct lm_udp_addr *from, const uint8_t *data, size_t len)
{
	struct gateway *gw = ctx;
	struct lm_now now = gw_now();

	lm_membership_input(gw->membership, &now, from, data, len);
}

const struct lm_underlay_ops gw_underlay_ops = {
    .frame = on_frame,
    .path_changed = on_path_changed,
    .udp = on_udp,
    .reply = gw_dns_reply,
};

/* ---- workloads -------------------------------------------------------------- */

/* While a frame was queued, its attachment's id may have gone to another one on that port. */
static bool is_of(const struct lm_dp_punt *punt, const struct gw_attachment *at)
{
	const uint8_t *p = punt->data;
	bool tagged = p[12] == 0x81 && p[13] == 0x00;

	return at->port == punt->port && at->a.vlan == (tagged ? (p[14] & 0xf) << 8 | p[15] : 0) &&
	       (!at->a.has_mac || memcmp(p + 6, at->mac.b, sizeof(at->mac.b)) == 0);
}

static bool is_dhcp(const struct lm_dp_punt *punt)
{
	struct lm_frame f;

	if (lm_frame_parse(&f, punt->data, punt->len) < 0 || f.protocol != IPPROTO_UDP ||
	    f.later_fragment || f.l4_len < sizeof(struct rte_udp_hdr))
		return false;
	const struct rte_udp_hdr *udp = (const void *)f.l4;
	return rte_be_to_cpu_16(udp->dst_port) == (f.ip == 4 ? DHCP_PORT : DHCP6_PORT);
}

/*
 * Any frame says whose MAC it is that has port and VLAN to itself. Later only DHCP says that it is
 * another one now, and only who wants an address: what else a workload lets out of its own bridges
 * is not the workload.
 */
static bool tells_mac(
    const struct lm_dp_punt *punt, const struct gw_attachment *at, enum lm_workload_result result)
{
	bool asks = result == LM_WL_REPLY || result == LM_WL_REFUSAL ||
		    result == LM_WL_DHCP_NO_ADDRESS || result == LM_WL_DHCP_HELD;

	return lm_mac_is_host(punt->data + 6) && (!at->mac_known || (asks && is_dhcp(punt)));
}

/* Somebody else answers for the endpoint's address on that wire: said once, counted each time. */
static void declined(struct gw_attachment *at, const struct lm_ip *ip, uint64_t *held)
{
	char text[LM_IP_TEXT];

	if (*held == 0)
		lm_warn(
		    "%s: the workload declined %s: another station uses it; it is offered again "
		    "every %d s",
		    at->name, lm_ip_text(text, ip), LM_WORKLOAD_HOLD_SECONDS);
	*held = gw_now().mono + LM_WORKLOAD_HOLD_SECONDS * GW_SECOND;
}

static void workload_punt(struct gateway *gw, const struct lm_dp_punt *punt)
{
	struct gw_attachment *at = gw_attachment(gw, punt->attachment);
	const struct lm_network *net =
	    at && at->state == GW_ACTIVE ? lm_membership_network(gw->membership, at->net) : NULL;
	uint8_t reply[LM_WORKLOAD_FRAME_MAX];
	struct gw_view view;
	size_t len = 0;

	if (!net || punt->len < 18 || !is_of(punt, at)) {
		gw->punts_unattached++;
		return;
	}
	gw_view_fill(gw, at, net, &view);
	if (punt->reason == LM_PUNT_TOO_BIG) {
		len = lm_workload_too_big(&view.w, punt->data, punt->len, punt->mtu, reply);
		gw->workload_results[len ? LM_WL_REPLY : LM_WL_ICMP_IGNORED]++;
	} else if (punt->reason == LM_PUNT_DNS) {
		gw_dns_punt(gw, at, net, &view, punt);
	} else {
		enum lm_workload_result result =
		    lm_workload_input(&view.w, punt->data, punt->len, reply, &len);
		gw->workload_results[result]++;
		if (tells_mac(punt, at, result)) {
			struct lm_mac mac;
			memcpy(mac.b, punt->data + 6, sizeof(mac.b));
			gw_attachment_learn(gw, at, &mac);
		}
		if (result == LM_WL_DHCP_DECLINED)
			declined(at, &view.w.ipv4, &at->held4);
		else if (result == LM_WL_DHCP6_DECLINED)
			declined(at, &view.w.ipv6, &at->held6);
	}
	if (len)
		gw_inject(gw, punt->port, reply, len);
}

void gw_punt(void *ctx, const struct lm_dp_punt *punt)
{
	struct gateway *gw = ctx;

	switch (punt->reason) {
	case LM_PUNT_UNDERLAY:
	case LM_PUNT_SESSION:
	case LM_PUNT_RESOLVER:
		gw->underlay_results[lm_underlay_input(
		    gw->underlay, gw_now().mono, punt->data, punt->len)]++;
		break;
	default:
		workload_punt(gw, punt);
		break;
	}
}
