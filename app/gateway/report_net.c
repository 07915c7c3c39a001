/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telemetry of the control plane: sessions, networks, attachments.
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "gateway.h"
#include "report.h"

static const char *const peer_states[] = {
    [LM_PEER_DOWN] = "down",
    [LM_PEER_HANDSHAKE] = "handshake",
    [LM_PEER_UP] = "up",
};

int gw_report_sessions(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	struct gw_page page;
	int err = gw_page_start(&page, d, "sessions", params);
	uint32_t end = lm_membership_peers_end(gw->membership);
	uint64_t now = gw_now().mono;

	for (uint32_t slot = 0; !err && slot < end && !gw_page_full(&page); slot++) {
		const struct lm_peer *peer = lm_membership_peer(gw->membership, slot);
		struct rte_tel_data *row = peer ? gw_page_row(&page) : NULL;
		char id[LM_KEY_ID_TEXT], addr[LM_UDP_TEXT] = "";
		struct lm_peer_info info;

		if (!row)
			continue;
		lm_peer_info(peer, &info);
		if (lm_peer_addr(peer)->ip.family)
			lm_udp_addr_text(addr, lm_peer_addr(peer));
		gw_put_u64(row, "slot", slot);
		gw_put_text(row, "id", lm_hex(id, lm_peer_id(peer), sizeof(struct lm_key_id)));
		gw_put_text(row, "address", addr);
		gw_put_text(row, "state", peer_states[lm_peer_state(peer)]);
		gw_put_u64(row, "epoch", lm_peer_epoch(peer));
		gw_put_u64(row, "lanes", lm_peer_lanes(peer));
		if (info.last_heard_mono)
			gw_put_u64(row, "heard_s", (now - info.last_heard_mono) / GW_SECOND);
		gw_put_u64(row, "handshakes", info.handshakes);
		gw_put_u64(row, "rx_messages", info.rx_messages);
		gw_put_u64(row, "tx_messages", info.tx_messages);
	}
	return err ? err : gw_page_end(&page);
}

static const char *const parts[] = {
    [LM_PART_OUT] = "out",
    [LM_PART_JOINED] = "joined",
    [LM_PART_LEAVING] = "leaving",
};

static void rules_of(const struct gateway *gw, uint32_t net, struct rte_tel_data *row)
{
	const struct gw_rules *r = &gw->rules[net];
	struct lm_policy_info info = {0};

	if (r->policy)
		info = lm_policy_info(r->policy);
	gw_put_u64(row, "rules", info.n_rules);
	gw_put_u64(row, "rules_bytes", info.bytes);
	gw_put_u64(row, "rules_compile_us", r->compile_us);
}

int gw_report_networks(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	struct gw_page page;
	int err = gw_page_start(&page, d, "networks", params);
	uint32_t end = lm_membership_networks_end(gw->membership);

	for (uint32_t i = 0; !err && i < end && !gw_page_full(&page); i++) {
		const struct lm_network *net = lm_membership_network(gw->membership, i);
		struct rte_tel_data *row = net ? gw_page_row(&page) : NULL;
		char id[LM_NET_ID_TEXT], owner[LM_KEY_ID_TEXT], hash[2 * 32 + 1];

		if (!row)
			continue;
		struct lm_key_id owner_id = lm_key_id(&net->sm->owner);
		gw_put_u64(row, "index", i);
		gw_put_text(row, "id", lm_hex(id, &net->id, sizeof(net->id)));
		gw_put_text(row, "name", net->manifest->network);
		gw_put_text(row, "owner", lm_hex(owner, &owner_id, sizeof(owner_id)));
		bool accepted = lm_membership_accepts(gw->membership, &net->sm->owner);
		gw_put_text(row, "accepted", accepted ? "yes" : "no");
		gw_put_u64(row, "serial", net->manifest->serial);
		gw_put_text(row, "hash", lm_hex(hash, net->sm->hash, sizeof(net->sm->hash)));
		gw_put_text(row, "part", parts[lm_membership_part(gw->membership, i)]);
		gw_put_u64(row, "expires", (uint64_t)net->manifest->expires);
		gw_put_u64(row, "providers", net->manifest->n_providers);
		gw_put_u64(row, "members", net->manifest->n_members);
		gw_put_u64(row, "endpoints", net->manifest->n_endpoints);
		rules_of(gw, i, row);
		struct lm_dp_network_flows flows = lm_dp_network_flows(gw->dp, i);
		gw_put_u64(row, "flows", flows.flows);
		gw_put_u64(row, "half_open", flows.half_open);
		struct lm_dp_limited limited = lm_dp_network_limited(gw->dp, i);
		gw_put_limits(row, &gw->config->network_rates, &limited);
		gw_put_u64(row, "over_share", lm_dp_network_over_share(gw->dp, i));
	}
	return err ? err : gw_page_end(&page);
}

static void endpoint_row(
    struct gateway *gw, const struct gw_attachment *at, struct rte_tel_data *row)
{
	char ip[LM_IP_TEXT], mac[LM_MAC_TEXT];
	struct lm_dp_endpoint_info info;

	gw_put_text(row, "attachment", at->name);
	gw_put_text(row, "network", at->a.network);
	gw_put_u64(row, "net", at->net);
	gw_put_text(row, "member", at->a.member);
	gw_put_u64(row, "replica", at->a.replica);
	bool has4 = at->served && at->ipv4.family, has6 = at->served && at->ipv6.family;
	gw_put_text(row, "ipv4", has4 ? lm_ip_text(ip, &at->ipv4) : "");
	gw_put_text(row, "ipv6", has6 ? lm_ip_text(ip, &at->ipv6) : "");
	gw_put_text(row, "port", at->a.port);
	gw_put_u64(row, "vlan", at->a.vlan);
	gw_put_text(row, "mac", at->mac_known ? lm_mac_text(mac, &at->mac) : "");
	lm_dp_attachment_counters(gw->dp, at->id, &info);
	gw_put_u64(row, "rx_packets", info.rx_packets);
	gw_put_u64(row, "rx_bytes", info.rx_bytes);
	gw_put_u64(row, "tx_packets", info.tx_packets);
	gw_put_u64(row, "tx_bytes", info.tx_bytes);
	gw_put_u64(row, "spoofed", info.spoofed);
	struct lm_rates rates = gw_attachment_rates(gw, at);
	struct lm_dp_limited limited = lm_dp_attachment_limited(gw->dp, at->id);
	gw_put_limits(row, &rates, &limited);
}

int gw_report_endpoints(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	struct gw_page page;
	int err = gw_page_start(&page, d, "endpoints", params);

	for (uint32_t id = 0; !err && id < gw->attachments.n_slots && !gw_page_full(&page); id++) {
		const struct gw_attachment *at = gw->attachments.slots[id];
		if (!at || at->state != GW_ACTIVE)
			continue;
		struct rte_tel_data *row = gw_page_row(&page);
		if (row)
			endpoint_row(gw, at, row);
	}
	return err ? err : gw_page_end(&page);
}

int gw_report_attachments(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	struct gw_page page;
	int err = gw_page_start(&page, d, "attachments", params);

	for (uint32_t id = 0; !err && id < gw->attachments.n_slots && !gw_page_full(&page); id++) {
		const struct gw_attachment *at = gw->attachments.slots[id];
		struct rte_tel_data *row = at ? gw_page_row(&page) : NULL;
		if (!row)
			continue;
		gw_put_text(row, "name", at->name);
		const char *reason = at->state == GW_ACTIVE ? at->unserved : at->reason.text;
		if (at->bad_file.text[0])
			reason = at->bad_file.text;
		gw_put_text(row, "state", gw_attachment_state_text(gw_attachment_shown(at)));
		gw_put_text(row, "reason", reason ? reason : "");
	}
	return err ? err : gw_page_end(&page);
}
