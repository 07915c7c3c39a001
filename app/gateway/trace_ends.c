/* SPDX-License-Identifier: Apache-2.0 */
/* Where the two ends of a trace are, and what keeps packets from them. */
#include "base/bytes.h"
#include "gateway.h"
#include "report.h"
#include "trace.h"

static const struct gw_attachment *attached(
    const struct gateway *gw, const struct lm_network *net, unsigned endpoint)
{
	const struct gw_group *g = gw_group_of(&gw->attachments.groups, net->index);

	for (const struct gw_attachment *at = g ? g->seated : NULL; at; at = at->in_seats.next)
		if (at->endpoint == endpoint)
			return at;
	return NULL;
}

/* In the order in which one thing needs the other. */
static const char *peer_trouble(
    const struct gateway *gw, const struct lm_network *net, const struct trace_end *end)
{
	const struct lm_peer *peer = net->peers[end->e->provider];
	uint32_t slot = lm_membership_route(gw->membership, net, end->index);
	struct lm_lanes_info lanes;
	struct lm_enforced e;

	if (lm_membership_part(gw->membership, net->index) != LM_PART_JOINED)
		return "this gateway takes no part in the network";
	if (!peer || lm_peer_state(peer) != LM_PEER_UP)
		return "no session with its gateway";
	if (!lm_membership_enforced(gw->membership, net, end->e->provider, &e))
		return "its gateway takes no part in the network";
	if (slot == LM_NO_ROUTE)
		return "its gateway does not serve it";
	lm_membership_lanes(gw->membership, net->index, slot, &lanes);
	if (!lanes.n_out)
		return "no keys with its gateway yet";
	return gw_path_ready(gw, slot) ? NULL : "the next hop towards its gateway does not answer";
}

static void put_peer(
    const struct lm_network *net, const struct trace_end *end, struct rte_tel_data *row)
{
	const struct lm_provider *p = &net->manifest->providers[end->e->provider];
	const struct lm_peer *peer = net->peers[end->e->provider];
	char id[LM_KEY_ID_TEXT], addr[LM_UDP_TEXT];

	gw_put_text(row, "peer", lm_hex(id, &p->id, sizeof(p->id)));
	if (peer && lm_peer_addr(peer)->ip.family)
		gw_put_text(row, "path", lm_udp_addr_text(addr, lm_peer_addr(peer)));
}

static void put_route(struct trace_end *end, struct rte_tel_data *row)
{
	char text[LM_PREFIX_TEXT];

	if (!end->route)
		return;
	gw_put_text(row, "address", lm_ip_text(text, &end->routed));
	gw_put_text(row, "route", lm_prefix_text(text, &end->route->prefix));
	gw_put_u64(row, "route_line", end->route->line);
	if (end->unserved)
		end->away = "no replica that the route is via is served";
}

struct lm_ip gw_trace_ip(const struct trace_end *end, int family)
{
	if (end->route)
		return end->routed.family == family ? end->routed : (struct lm_ip){0};
	return family == 4 ? end->e->ipv4 : end->e->ipv6;
}

void gw_trace_put_end(const struct gateway *gw, const struct lm_network *net, struct trace_end *end,
    struct rte_tel_data *row)
{
	const struct gw_attachment *at = attached(gw, net, end->index);
	unsigned provider = end->e->provider;
	const char *why = NULL, *where = "nowhere";
	char ip[LM_IP_TEXT];

	if (at) {
		where = "here";
		if (!lm_membership_served(gw->membership, net, end->index, &why))
			end->away = why ? why : "not served yet";
		else if (!at->mac_known)
			end->away = "its MAC is not known, as it has sent no ARP or DHCP yet";
		gw_put_text(row, "attachment", at->name);
	} else if (provider == LM_ANY_PROVIDER) {
		end->away = "no gateway says that it serves it";
	} else if ((int)provider == net->self) {
		end->away = "it is not attached at this gateway";
	} else {
		where = "peer";
		end->away = peer_trouble(gw, net, end);
		put_peer(net, end, row);
	}
	put_route(end, row);
	gw_put_text(row, "member", net->manifest->members[end->e->member].name);
	gw_put_u64(row, "replica", end->e->replica);
	gw_put_text(row, "ipv4", end->e->ipv4.family ? lm_ip_text(ip, &end->e->ipv4) : "");
	gw_put_text(row, "ipv6", end->e->ipv6.family ? lm_ip_text(ip, &end->e->ipv6) : "");
	if (provider != LM_ANY_PROVIDER)
		gw_put_text(row, "provider", net->manifest->providers[provider].name);
	gw_put_text(row, "where", where);
	gw_put_text(row, "reachable", end->away ? "no" : "yes");
	if (end->away)
		gw_put_text(row, "reason", end->away);
}
