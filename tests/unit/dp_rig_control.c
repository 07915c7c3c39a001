/* SPDX-License-Identifier: Apache-2.0 */
/* What control would publish. */
#include <string.h>
#include <rte_common.h>
#include "dp_rig_parts.h"
#include "manifest/manifest.h"
#include "policy/policy.h"

#define NET4 "100.64.10.0/24"

const struct rig_host rig_hosts[RIG_HOSTS] = {
    [WEB] = {"web", 0, 0, 100, 0, 101, {{2, 0, 0, 0, 0, 1}}, "100.64.10.10", "fd5a:10::10"},
    [APP] = {"app", 0, 0, 101, 1, 102, {{2, 0, 0, 0, 0, 2}}, "100.64.10.11", "fd5a:10::11"},
    [TWIN] = {"web", 0, 1, 102, 0, 103, {{2, 0, 0, 0, 0, 3}}, "100.64.10.10", "fd5a:10::10"},
    [DB] = {"db", 1, 0, 200, 2, 0, {{2, 0, 0, 0, 1, 1}}, "100.64.10.20", "fd5a:10::20"},
    [CACHE] = {"cache", 1, 0, 201, 3, 202, {{2, 0, 0, 0, 1, 2}}, "100.64.10.21", "fd5a:10::21"},
    [MIRROR] = {"db", 1, 1, 202, 2, 203, {{2, 0, 0, 0, 1, 3}}, "100.64.10.20", "fd5a:10::20"},
};

#define MEMBERS_HEAD \
	"leasemesh: 1\n" \
	"network: shop\n" \
	"serial: 1\n" \
	"prefixes: {ipv4: " NET4 ", ipv6: \"fd5a:10::/64\"}\n" \
	"providers:\n" \
	"  - {name: a, key: d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a, " \
	"addresses: [\"192.0.2.1:4500\"]}\n" \
	"  - {name: b, key: 3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c, " \
	"addresses: [\"192.0.2.2:4500\"]}\n" \
	"members:\n"

/* web may reach db by TCP 5432 and 8000-8010, UDP 53 and ICMP; nobody else anything but app. */
const char rig_policy[] =
    "  - name: web\n"
    "    deployment: 1\n"
    "    endpoints: [{provider: a, ipv4: 100.64.10.10, ipv6: \"fd5a:10::10\"}]\n"
    "    egress:\n"
    "      - {to: db, protocol: tcp, ports: [5432, 8000-8010]}\n"
    "      - {to: [db, app], protocol: icmp}\n"
    "      - {to: [db, app], protocol: udp}\n"
    "  - name: app\n"
    "    deployment: 2\n"
    "    endpoints: [{provider: a, ipv4: 100.64.10.11, ipv6: \"fd5a:10::11\"}]\n"
    "    ingress:\n"
    "      - {from: web, protocol: udp, ports: 53}\n"
    "  - name: db\n"
    "    deployment: 3\n"
    "    endpoints: [{provider: b, ipv4: 100.64.10.20, ipv6: \"fd5a:10::20\"}]\n"
    "    ingress:\n"
    "      - {from: web, protocol: tcp, ports: [5432, 9000]}\n"
    "      - {from: web, protocol: udp}\n"
    "      - {from: any, protocol: icmp}\n"
    "  - name: cache\n"
    "    deployment: 4\n"
    "    endpoints: [{provider: b, ipv4: 100.64.10.21, ipv6: \"fd5a:10::21\"}]\n"
    "    ingress:\n"
    "      - {from: any, protocol: udp}\n";

struct lm_ip rig_ip(const char *text)
{
	struct lm_ip ip = {0};

	if (text)
		MUST(lm_ip_parse(&ip, text) == 0);
	return ip;
}

void rig_publish_attachments(struct rig *r, unsigned g)
{
	struct lm_dp_attachment list[RIG_HOSTS];
	unsigned n = 0;

	for (unsigned i = 0; i < RIG_HOSTS; i++) {
		const struct rig_host *h = &rig_hosts[i];

		if (h->gw == g)
			list[n++] = (struct lm_dp_attachment){.id = h->attachment,
			    .port = r->gw[g].access.index,
			    .vlan = h->vlan,
			    .has_mac = true,
			    .mac = h->mac,
			    .net = h->net,
			    .endpoint = h->endpoint,
			    .rates = r->rates[i]};
	}
	MUST(lm_dp_attachments_publish(r->gw[g].dp, list, n) == 0);
}

static uint32_t attachment_of(unsigned gw, uint32_t net, const struct lm_ip *ip4)
{
	for (unsigned i = 0; i < RIG_HOSTS; i++) {
		struct lm_ip own = rig_ip(rig_hosts[i].ip4);

		if (rig_hosts[i].gw == gw && rig_hosts[i].net == net && lm_ip_equal(&own, ip4))
			return rig_hosts[i].attachment;
	}
	return LM_DP_NONE;
}

void rig_publish(struct rig *r, unsigned gw, uint32_t net, const char *yaml)
{
	char text[8192];
	struct lm_manifest *m;
	struct lm_why why = {0};
	struct lm_dp_endpoint eps[16];

	int len = snprintf(text, sizeof text, "%s%s", MEMBERS_HEAD, yaml ? yaml : rig_policy);
	rig_must(lm_manifest_parse(&m, "rig", text, (size_t)len, &why) == 0, why.text);
	for (unsigned i = 0; i < m->n_endpoints; i++) {
		const struct lm_endpoint *e = &m->endpoints[i];
		bool ours = e->provider == gw, gone = net == 0 && r->gone[gw] >> i & 1;

		eps[i] = (struct lm_dp_endpoint){.ipv4 = e->ipv4,
		    .ipv6 = e->ipv6,
		    .member = e->member,
		    .attachment = ours && !gone ? attachment_of(gw, net, &e->ipv4) : LM_DP_NONE,
		    .peer = ours ? LM_DP_NONE : RIG_PEER,
		    .away = !ours && (gone || r->away[gw])};
	}
	struct lm_dp_network spec = {.net4 = m->ipv4,
	    .net6 = m->ipv6,
	    .gateway4 = rig_ip("100.64.10.1"),
	    .gateway6 = rig_ip("fd5a:10::1"),
	    .mtu = RIG_MTU,
	    .endpoints = eps,
	    .n_endpoints = m->n_endpoints,
	    .routes = net == 0 ? r->routes[gw] : NULL,
	    .n_routes = net == 0 ? r->n_routes[gw] : 0};
	if (r->same_rules)
		spec.policy = lm_policy_hold((struct lm_policy *)r->rules[gw][net]);
	else
		MUST(lm_policy_compile(&spec.policy, m) == 0);
	r->rules[gw][net] = spec.policy;
	MUST(lm_dp_network_publish(r->gw[gw].dp, net, &spec) == 0);
	lm_manifest_free(m);
}

void rig_keys(struct rig *r, uint8_t seed)
{
	for (uint32_t net = 0; net < 2; net++) {
		uint8_t keymat[2][RIG_LANES_MAX][36];

		for (unsigned g = 0; g < 2; g++)
			for (uint8_t lane = 0; lane < r->n_lanes; lane++) {
				memset(keymat[g][lane], RIG_KEY(seed, net, g, lane), 36);
				MUST(lm_dp_sa_in_add(r->gw[g].dp, net, RIG_PEER, lane,
					 (uint8_t)r->n_lanes, keymat[g][lane],
					 &r->gw[g].spi[net][lane]) == 0);
			}
		for (unsigned g = 0; g < 2; g++)
			MUST(lm_dp_sa_out_set(r->gw[g].dp, net, RIG_PEER, (uint8_t)r->n_lanes,
				 r->gw[!g].spi[net], keymat[!g]) == 0);
	}
}

void rig_publish_path(struct rig *r, unsigned g)
{
	struct rig_gw *gw = &r->gw[g];
	const struct lm_dp_path path = {.port = gw->under.index,
	    .src = gw->under_mac,
	    .dst = r->gw[!g].under_mac,
	    .src_ip = gw->outer,
	    .dst_ip = r->gw[!g].outer,
	    .dst_port = RIG_UDP,
	    .one_source_port = r->options.one_source_port};

	MUST(lm_dp_peer_path(gw->dp, RIG_PEER, &path) == 0);
	MUST(lm_dp_underlay_addrs(gw->dp, &gw->outer, 1) == 0);
}
