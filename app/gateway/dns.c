/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/number.h"
#include "dns.h"
#include "gateway.h"

#define LM_LOG_MODULE "dns"

struct gw_dns_asker {
	uint32_t attachment;
	uint64_t connection; /* 0: by UDP */
	struct lm_asker at;
};

/* ---- names, from the manifest and from who serves what ----------------------------- */

struct names {
	const struct gateway *gw;
	const struct lm_network *net;
};

static int member(void *ctx, const char *name, unsigned *first)
{
	const struct names *names = ctx;
	const struct lm_manifest *m = names->net->manifest;
	int i = lm_manifest_member(m, name);

	if (i < 0)
		return i;
	*first = m->members[i].first_endpoint;
	return (int)m->members[i].n_endpoints;
}

static int address(void *ctx, const struct lm_ip *ip)
{
	const struct names *names = ctx;

	return lm_membership_address(names->gw->membership, names->net, ip);
}

static void endpoint(void *ctx, unsigned n, struct lm_dns_endpoint *out)
{
	const struct names *names = ctx;
	const struct lm_membership *m = names->gw->membership;
	const struct lm_network *net = names->net;
	const struct lm_endpoint *e = &net->endpoints[n];

	*out = (struct lm_dns_endpoint){
	    .member = net->manifest->members[e->member].name,
	    .replica = e->replica,
	    .ipv4 = e->ipv4,
	    .ipv6 = e->ipv6,
	    .up = lm_membership_served(m, net, n, NULL) ||
		  lm_membership_route(m, net, n) != LM_NO_ROUTE,
	};
}

static struct lm_dns_zone zone_of(struct names *names, const struct gw_view *view)
{
	return (struct lm_dns_zone){
	    .origin = view->domain,
	    .serial = (uint32_t)names->net->manifest->serial,
	    .net4 = view->w.net4,
	    .net6 = view->w.net6,
	    .gateway4 = view->w.gateway4,
	    .gateway6 = view->w.gateway6,
	    .recursion = names->gw->config->n_forwarders > 0,
	    .member = member,
	    .address = address,
	    .endpoint = endpoint,
	    .ctx = names,
	};
}

/* ---- back to who asked ---------------------------------------------------------------- */

/* What an asker is attached to now; false: it is not there any more, or has another address. */
static bool find_view(struct gateway *gw, uint32_t attachment, const struct lm_asker *asker,
    struct gw_view *view, const struct gw_attachment **at, const struct lm_network **net)
{
	*at = gw_attachment(gw, attachment);
	*net = *at && (*at)->state == GW_ACTIVE ? lm_membership_network(gw->membership, (*at)->net)
						: NULL;
	if (!*net)
		return false;
	gw_view_fill(gw, *at, *net, view);
	return lm_ip_equal(&asker->ip, asker->ip.family == 4 ? &view->w.ipv4 : &view->w.ipv6);
}

static void answer_udp(struct gateway *gw, const struct gw_attachment *at,
    const struct gw_view *view, const struct lm_asker *to, const uint8_t *data, size_t len)
{
	uint8_t frame[LM_WORKLOAD_FRAME_MAX];
	size_t frame_len = lm_dns_datagram(&view->w, to, data, len, frame);

	if (frame_len)
		gw_inject(gw, at->port, frame, frame_len);
}

static void on_answer(void *ctx, unsigned slot, const uint8_t *data, size_t len)
{
	struct gateway *gw = ctx;
	const struct gw_dns_asker *asker = &gw->dns.askers[slot];
	const struct gw_attachment *at;
	const struct lm_network *net;
	struct gw_view view;

	if (asker->connection)
		lm_tcp_answer(
		    gw->dns.tcp, gw_now().mono, asker->attachment, asker->connection, data, len);
	else if (find_view(gw, asker->attachment, &asker->at, &view, &at, &net))
		answer_udp(gw, at, &view, &asker->at, data, len);
	else
		gw->dns.counts[LM_DC_FORWARD_GONE]++;
}

/* ---- questions ---------------------------------------------------------------------------- */

/* The length of the answer in gw->dns.answer; 0: there is none, or not yet (*later). */
static size_t ask(struct gateway *gw, const struct lm_network *net, const struct gw_view *view,
    const struct gw_dns_asker *asker, const uint8_t *data, size_t len, bool *later)
{
	struct gw_dns *dns = &gw->dns;
	struct names names = {.gw = gw, .net = net};
	struct lm_dns_zone zone = zone_of(&names, view);
	bool stream = asker->connection != 0;
	size_t out_len = 0;

	*later = false;
	if (lm_dns_answer(&zone, data, len, stream, dns->answer, &out_len, dns->counts) !=
	    LM_DNS_ELSEWHERE)
		return out_len;
	int slot =
	    lm_dns_forward(dns->forwarder, gw_now().mono, asker->attachment, data, len, stream);
	if (slot < 0)
		return lm_dns_refuse(data, len, dns->answer, dns->counts);
	dns->askers[slot] = *asker;
	*later = true;
	return 0;
}

static void on_message(void *ctx, uint32_t attachment, uint64_t connection,
    const struct lm_asker *from, const uint8_t *data, size_t len)
{
	const struct gw_dns_asker asker = {attachment, connection, *from};
	struct gateway *gw = ctx;
	const struct gw_attachment *at;
	const struct lm_network *net;
	struct gw_view view;
	size_t out_len = 0;
	bool later = false;

	if (find_view(gw, attachment, from, &view, &at, &net))
		out_len = ask(gw, net, &view, &asker, data, len, &later);
	if (!later)
		lm_tcp_answer(
		    gw->dns.tcp, gw_now().mono, attachment, connection, gw->dns.answer, out_len);
}

static void on_segment(
    void *ctx, uint32_t attachment, const struct lm_asker *to, const struct lm_tcp_segment *segment)
{
	struct gateway *gw = ctx;
	uint8_t frame[LM_WORKLOAD_FRAME_MAX];
	const struct gw_attachment *at;
	const struct lm_network *net;
	struct gw_view view;

	if (!find_view(gw, attachment, to, &view, &at, &net))
		return;
	size_t len = lm_dns_segment(&view.w, to, segment, frame);
	if (len)
		gw_inject(gw, at->port, frame, len);
}

void gw_dns_punt(struct gateway *gw, const struct gw_attachment *at, const struct lm_network *net,
    const struct gw_view *view, const struct lm_dp_punt *punt)
{
	struct lm_dns_packet packet;
	enum lm_workload_result result =
	    lm_dns_packet_parse(&view->w, punt->data, punt->len, &packet);
	const struct gw_dns_asker asker = {.attachment = at->id, .at = packet.from};
	bool later;

	gw->workload_results[result]++;
	if (result != LM_WL_DNS)
		return;
	if (packet.tcp) {
		lm_tcp_input(gw->dns.tcp, gw_now().mono, at->id, &packet.from, &packet.segment);
		return;
	}
	size_t len = ask(gw, net, view, &asker, packet.data, packet.len, &later);
	if (len)
		answer_udp(gw, at, view, &packet.from, gw->dns.answer, len);
}

/* ---- resolvers ------------------------------------------------------------------------------ */

static void on_send(
    void *ctx, uint16_t from_port, const struct lm_udp_addr *to, const uint8_t *data, size_t len)
{
	struct gateway *gw = ctx;

	/* What cannot be sent is asked again, like what was lost. */
	lm_underlay_ask(gw->underlay, gw_now().mono, from_port, to, data, len);
}

void gw_dns_reply(
    void *ctx, const struct lm_udp_addr *from, uint16_t to_port, const uint8_t *data, size_t len)
{
	struct gateway *gw = ctx;

	lm_dns_forward_input(gw->dns.forwarder, from, to_port, data, len);
}

int gw_dns_apply(struct gateway *gw)
{
	const struct lm_gateway_config *c = gw->config;
	int err = lm_dp_resolvers(gw->dp, c->forwarders, c->n_forwarders);

	lm_dp_set_questions(gw->dp, c->dns_questions);
	if (!err)
		lm_dns_forwarder_set(gw->dns.forwarder, c->forwarders, c->n_forwarders);
	return err;
}

/* ---- life ---------------------------------------------------------------------------------------
 */

static void on_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	if (getentropy(buf, len) != 0)
		abort(); /* answers could be forged */
}

static const struct lm_tcp_ops tcp_ops = {
    .send = on_segment,
    .message = on_message,
    .random = on_random,
};

static const struct lm_dns_forward_ops forward_ops = {
    .send = on_send,
    .answer = on_answer,
    .random = on_random,
};

int gw_dns_open(struct gateway *gw)
{
	struct gw_dns *dns = &gw->dns;
	int err = lm_tcp_create(&dns->tcp, &tcp_ops, gw);

	if (!err)
		err = lm_dns_forwarder_create(&dns->forwarder, &forward_ops, dns->counts, gw);
	dns->answer = malloc(LM_DNS_TCP_MAX);
	dns->askers = calloc(LM_DNS_OPEN_MAX, sizeof(dns->askers[0]));
	if (!err && (!dns->answer || !dns->askers))
		err = -ENOMEM;
	return err ? err : gw_dns_apply(gw);
}

void gw_dns_close(struct gateway *gw)
{
	lm_tcp_free(gw->dns.tcp);
	lm_dns_forwarder_free(gw->dns.forwarder);
	free(gw->dns.answer);
	free(gw->dns.askers);
}

uint64_t gw_dns_tick(struct gateway *gw, uint64_t now)
{
	return lm_min_u64(
	    lm_tcp_tick(gw->dns.tcp, now), lm_dns_forward_tick(gw->dns.forwarder, now));
}
