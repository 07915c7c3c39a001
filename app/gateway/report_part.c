/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telemetry of one network: its providers' gateways and what each enforces, and who
 * serves which endpoint. The parameter is the network's index, then the first row.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "gateway.h"
#include "report.h"

#define HASH_TEXT (2 * sizeof(((struct lm_enforced *)0)->hash) + 1)

int gw_net_page_start(struct gateway *gw, struct gw_page *page, struct rte_tel_data *d,
    const char *name, const char *params, const struct lm_network **net)
{
	char *end;
	unsigned long index = strtoul(params, &end, 10);

	if (end == params || (*end && *end != ',') || index > UINT32_MAX)
		return -EINVAL;
	*net = lm_membership_network(gw->membership, (uint32_t)index);
	if (!*net)
		return -ENOENT;
	return gw_page_start(page, d, name, *end ? end + 1 : "");
}

/* Is the endpoint attached here, or does its provider say that it is there? */
static bool is_served(const struct gateway *gw, const struct lm_network *net, unsigned endpoint)
{
	return lm_membership_served(gw->membership, net, endpoint, NULL) ||
	       lm_membership_route(gw->membership, net, endpoint) != LM_NO_ROUTE;
}

static void gateway_row(const struct gateway *gw, const struct lm_network *net, unsigned provider,
    uint64_t serves, struct rte_tel_data *row)
{
	const struct lm_provider *p = &net->manifest->providers[provider];
	char id[LM_KEY_ID_TEXT], hash[HASH_TEXT];
	struct lm_enforced e;
	bool there = lm_membership_enforced(gw->membership, net, provider, &e);
	bool self = (int)provider == net->self;

	gw_put_text(row, "provider", p->name);
	gw_put_text(row, "id", lm_hex(id, &p->id, sizeof(p->id)));
	gw_put_text(row, "part", there ? self ? "here" : "joined" : "out");
	if (!there)
		return;
	gw_put_u64(row, "serial", e.serial);
	gw_put_text(row, "hash", lm_hex(hash, e.hash, sizeof(e.hash)));
	bool agrees = memcmp(e.hash, net->sm->hash, sizeof(e.hash)) == 0;
	gw_put_text(row, "agrees", agrees ? "yes" : "no");
	gw_put_u64(row, "serves", serves);
}

int gw_report_gateways(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	const struct lm_network *net;
	struct gw_page page;
	int err = gw_net_page_start(gw, &page, d, "gateways", params, &net);
	uint64_t *serves = err ? NULL : calloc(net->manifest->n_providers, sizeof(*serves));

	if (err)
		return err;
	for (unsigned i = 0; serves && i < net->manifest->n_endpoints; i++)
		if (net->endpoints[i].provider != LM_ANY_PROVIDER)
			serves[net->endpoints[i].provider] += is_served(gw, net, i);
	for (unsigned i = 0; i < net->manifest->n_providers && !gw_page_full(&page); i++) {
		struct rte_tel_data *row = gw_page_row(&page);
		if (row)
			gateway_row(gw, net, i, serves ? serves[i] : 0, row);
	}
	free(serves);
	return gw_page_end(&page);
}

/* What the manifest leaves to the gateways: how often it moved, and what it waits for here. */
static void put_decided(const struct gateway *gw, const struct lm_network *net, unsigned endpoint,
    struct rte_tel_data *row)
{
	const struct lm_address *places = lm_membership_places(gw->membership);
	struct lm_address_place place;
	const char *why = NULL;

	if (!lm_endpoint_decided(&net->manifest->endpoints[endpoint]))
		return;
	if (places && lm_address_get(places, &net->id, endpoint, &place) == 0)
		gw_put_u64(row, "generation", place.generation);
	if (!lm_membership_served(gw->membership, net, endpoint, &why) && why)
		gw_put_text(row, "reason", why);
}

int gw_report_served(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	const struct lm_network *net;
	struct gw_page page;
	int err = gw_net_page_start(gw, &page, d, "served", params, &net);

	for (unsigned i = 0; !err && i < net->manifest->n_endpoints && !gw_page_full(&page); i++) {
		const struct lm_endpoint *e = &net->endpoints[i];
		struct rte_tel_data *row = gw_page_row(&page);
		char ip[LM_IP_TEXT];
		if (!row)
			continue;
		gw_put_text(row, "member", net->manifest->members[e->member].name);
		gw_put_u64(row, "replica", e->replica);
		gw_put_text(row, "provider",
		    e->provider == LM_ANY_PROVIDER ? ""
						   : net->manifest->providers[e->provider].name);
		gw_put_text(row, "served", is_served(gw, net, i) ? "yes" : "no");
		gw_put_text(row, "ipv4", e->ipv4.family ? lm_ip_text(ip, &e->ipv4) : "");
		gw_put_text(row, "ipv6", e->ipv6.family ? lm_ip_text(ip, &e->ipv6) : "");
		put_decided(gw, net, i, row);
	}
	return err ? err : gw_page_end(&page);
}
