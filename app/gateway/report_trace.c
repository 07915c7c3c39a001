/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telemetry of one question: may this endpoint open a flow to that one, what decides, and where are
 * the two? Answered from what is in force here, as a worker would, but nothing is sent.
 *
 * The parameter is "network's index,from,to,protocol[,port]". An end is "member/replica", "member"
 * if it has one only, or an address: of an endpoint, or one that is routed. That one stands for the
 * replica that its packets go by now.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "gateway.h"
#include "policy/policy.h"
#include "report.h"
#include "trace.h"

/* ---- the question ---- */

/* As published: what the workers do. */
static int find_route(const struct gateway *gw, const struct lm_network *net,
    const struct lm_ip *ip, struct trace_end *out)
{
	const struct lm_manifest *m = net->manifest;
	struct lm_dp_route_info info;

	/* What was published last may be of another manifest for a moment. */
	if (lm_dp_route_of(gw->dp, net->index, ip, &info) < 0 || info.route >= m->n_routes ||
	    info.endpoint >= m->n_endpoints)
		return -ENOENT;
	out->routed = *ip;
	out->route = &m->routes[info.route];
	out->unserved = !info.up;
	return (int)info.endpoint;
}

static int find_address(const struct gateway *gw, const struct lm_network *net,
    const struct lm_ip *ip, const char *text, struct trace_end *out, struct lm_why *why)
{
	struct lm_ip own = lm_manifest_gateway_ip(net->manifest, ip->family);

	if (lm_ip_equal(&own, ip))
		return lm_why(why, ENOENT, "%s is the gateways' own address", text);
	int e = lm_membership_address(gw->membership, net, ip);
	if (e < 0)
		e = find_route(gw, net, ip, out);
	return e < 0 ? lm_why(why, ENOENT, "no endpoint has the address %s, no route leads there",
			   text)
		     : e;
}

static int find_replica(const struct lm_manifest *m, char *text, struct lm_why *why)
{
	char *slash = strchr(text, '/');
	uint64_t replica = 0;

	if (slash)
		*slash++ = '\0';
	int member = lm_manifest_member(m, text);
	if (member < 0)
		return lm_why(why, ENOENT, "there is no member '%s'", text);
	unsigned n = m->members[member].n_endpoints;
	if (slash ? lm_text_number(&replica, slash, UINT16_MAX) < 0 || replica >= n : n == 0)
		return lm_why(why, ENOENT, "'%s' has %u replicas, none is '%s'", text, n,
		    slash ? slash : "0");
	if (!slash && n > 1)
		return lm_why(
		    why, EINVAL, "'%s' has %u replicas: say which, as '%s/0'", text, n, text);
	return (int)(m->members[member].first_endpoint + replica);
}

static int find_end(const struct gateway *gw, const struct lm_network *net, char *text,
    struct trace_end *out, struct lm_why *why)
{
	struct lm_ip ip = {0};
	bool address = lm_ip_parse(&ip, text) == 0;
	*out = (struct trace_end){0};
	int e = address ? find_address(gw, net, &ip, text, out, why)
			: find_replica(net->manifest, text, why);

	if (e < 0)
		return e;
	out->e = &net->endpoints[e];
	out->index = (unsigned)e;
	out->family = address ? ip.family : 0;
	return 0;
}

/* Takes params apart. *net is there as soon as it is known; -EINVAL with no why: malformed. */
static int read_question(
    const struct gateway *gw, char *params, struct trace *t, struct lm_why *why)
{
	char *rest = NULL, *words[5] = {0};
	uint64_t index, protocol, port = 0;

	for (unsigned i = 0; i < 5; i++)
		words[i] = strtok_r(i ? NULL : params, ",", &rest);
	if (!words[3] || strtok_r(NULL, ",", &rest) ||
	    lm_text_number(&index, words[0], UINT32_MAX) < 0 ||
	    lm_text_number(&protocol, words[3], UINT8_MAX) < 0 ||
	    (words[4] && lm_text_number(&port, words[4], UINT16_MAX) < 0))
		return -EINVAL;
	t->protocol = (uint8_t)protocol;
	t->port = (uint16_t)port;
	t->net = lm_membership_network(gw->membership, (uint32_t)index);
	if (!t->net)
		return lm_why(why, ENOENT, "the network is not in force here any more");
	int err = find_end(gw, t->net, words[1], &t->from, why);
	if (!err)
		err = find_end(gw, t->net, words[2], &t->to, why);
	if (!err && t->from.e == t->to.e)
		err = lm_why(why, EINVAL, "both ends are the same endpoint%s",
		    t->from.route || t->to.route ? ", by which the address is routed" : "");
	return err;
}

/* ---- what the rules say ---- */

/* One end's own list, also where the other end has denied already: who mends one wants to know. */
static void put_side(const struct lm_policy *p, const struct lm_policy_key *key, enum lm_way way,
    struct rte_tel_data *row)
{
	uint16_t rule, member = way == LM_EGRESS ? key->src_member : key->dst_member;
	bool allows = lm_policy_allows(p, key, way, &rule);
	const struct lm_policy_rule *r = lm_policy_rule(p, member, way, rule);
	char text[LM_FLOW_RATE_TEXT];

	gw_put_text(row, way == LM_EGRESS ? "egress" : "ingress", allows ? "allow" : "deny");
	/* Absent: no rule matches, the network's default decides. */
	if (!r)
		return;
	gw_put_u64(row, way == LM_EGRESS ? "egress_line" : "ingress_line", r->line);
	struct lm_flow_rate rate = lm_policy_flow_rate(p, r->rate);
	if (rate.n > 0)
		gw_put_text(row, way == LM_EGRESS ? "egress_rate" : "ingress_rate",
		    lm_flow_rate_text(text, &rate));
}

/* Is somebody using it already? Whatever the verdict: it may have begun by another one. */
static void put_open(const struct gateway *gw, const struct trace *t,
    const struct lm_policy_key *key, struct rte_tel_data *row)
{
	struct lm_dp_flow_query q = {.net = t->net->index,
	    .src = key->src,
	    .dst = key->dst,
	    .protocol = key->protocol,
	    .dst_port = key->dst_port};
	struct lm_dp_flow_info latest;
	unsigned n = lm_dp_flows_like(gw->dp, &q, &latest);

	gw_put_u64(row, "open", n);
	if (n == 0)
		return;
	gw_put_text(row, "state", lm_flow_state_names[latest.state]);
	gw_put_u64(row, "idle_s", latest.idle_s);
	gw_put_u64(row, "packets", latest.packets);
	gw_put_u64(row, "bytes", latest.bytes);
}

static bool put_flow(const struct gateway *gw, const struct lm_policy *p, const struct trace *t,
    int family, struct rte_tel_data *row)
{
	static const char *const verdicts[] = {
	    [LM_ALLOW] = "allow",
	    [LM_DENY_EGRESS] = "deny_egress",
	    [LM_DENY_INGRESS] = "deny_ingress",
	};
	struct lm_policy_key key = {
	    .src_member = t->from.e->member,
	    .dst_member = t->to.e->member,
	    .protocol = t->protocol,
	    .dst_port = t->port,
	    .src = gw_trace_ip(&t->from, family),
	    .dst = gw_trace_ip(&t->to, family),
	};
	struct lm_ruling ruling = lm_policy_judge(p, &key);
	char ip[LM_IP_TEXT];

	gw_put_text(row, "src", lm_ip_text(ip, &key.src));
	gw_put_text(row, "dst", lm_ip_text(ip, &key.dst));
	put_side(p, &key, LM_EGRESS, row);
	put_side(p, &key, LM_INGRESS, row);
	gw_put_text(row, "verdict", verdicts[ruling.verdict]);
	put_open(gw, t, &key, row);
	return ruling.verdict == LM_ALLOW;
}

/* Do both ends have an address of this family, and does the question leave it open? */
static bool is_asked(const struct trace *t, int family)
{
	if ((t->from.family && t->from.family != family) ||
	    (t->to.family && t->to.family != family))
		return false;
	if (t->protocol == LM_PROTO_ICMPV6 && family == 4)
		return false;
	return gw_trace_ip(&t->from, family).family && gw_trace_ip(&t->to, family).family;
}

static int no_flow(const struct trace *t, struct lm_why *why)
{
	const struct trace_end *ends[] = {&t->from, &t->to};

	for (unsigned i = 0; i < 2; i++) {
		const struct lm_endpoint *e = ends[i]->e;
		if (!ends[i]->route && !e->ipv4.family && !e->ipv6.family)
			return lm_why(why, EAGAIN, "%s/%u has no address yet%s%s",
			    t->net->manifest->members[e->member].name, e->replica,
			    ends[i]->away ? ": " : "", ends[i]->away ? ends[i]->away : "");
	}
	return lm_why(why, EINVAL, "the two have no addresses of one family for this");
}

/* A flow for each family: rules that name prefixes may tell them apart. */
static int put_flows(
    struct gateway *gw, const struct trace *t, struct gw_page *page, struct lm_why *why)
{
	struct lm_policy *p;
	int allowed = 0, err = gw_rules_get(gw, t->net, &p);

	if (err)
		return lm_why(why, -err, "the rules cannot be compiled: %s", strerror(-err));
	for (int family = 4; family <= 6; family += 2) {
		struct rte_tel_data *row = is_asked(t, family) ? gw_page_row(page) : NULL;
		if (row)
			allowed += put_flow(gw, p, t, family, row);
	}
	lm_policy_free(p);
	return page->filled ? allowed == (int)page->filled : no_flow(t, why);
}

static int put_ends(const struct gateway *gw, struct trace *t, struct rte_tel_data *d)
{
	struct rte_tel_data *from = rte_tel_data_alloc(), *to = rte_tel_data_alloc();

	if (!from || !to) {
		rte_tel_data_free(from);
		rte_tel_data_free(to);
		return -ENOMEM;
	}
	rte_tel_data_start_dict(from);
	rte_tel_data_start_dict(to);
	gw_trace_put_end(gw, t->net, &t->from, from);
	gw_trace_put_end(gw, t->net, &t->to, to);
	rte_tel_data_add_dict_container(d, "from", from, 0);
	return rte_tel_data_add_dict_container(d, "to", to, 0);
}

int gw_report_trace(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	char words[512];
	struct lm_why why = {0};
	struct trace t = {0};
	struct gw_page page;

	if (strlen(params) >= sizeof(words))
		return -E2BIG;
	strcpy(words, params);
	int r = read_question(gw, words, &t, &why);
	if (r < 0 && !why.text[0])
		return r;
	int err = gw_page_start(&page, d, "flows", "");
	if (!err && r == 0)
		err = put_ends(gw, &t, d);
	if (err)
		return err;
	if (r == 0)
		r = put_flows(gw, &t, &page, &why);
	gw_put_text(d, "result", r < 0 ? "error" : "ok");
	gw_put_result_text(d, &why);
	if (r >= 0) {
		gw_put_u64(d, "serial", t.net->manifest->serial);
		gw_put_u64(d, "protocol", t.protocol);
		gw_put_u64(d, "port", t.port);
		gw_put_text(d, "passes", r && !t.from.away && !t.to.away ? "yes" : "no");
	}
	return gw_page_end(&page);
}
