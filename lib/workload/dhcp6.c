/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCPv6 (RFC 8415), stateful, for an endpoint whose address never changes: as with
 * DHCPv4 there is nothing to remember, every message is answered from itself and
 * the view. A client with several identity associations gets the address in one of
 * them. RELEASE and DECLINE are as in dhcp4.c.
 */
#include "workload/dhcp6.h"

#include <rte_udp.h>

#define DUID_UUID 4 /* RFC 6355 */
#define SERVER_DUID_LEN 18
#define PREFERENCE_MAX 255 /* there is no better server: do not wait for one */

/* ff02::1:2, where relays and servers listen */
static const struct lm_ip all_servers = {.family = 6, .b = {0xff, 0x02, [13] = 1, [15] = 2}};

/* Section 16: what must be in a message, and what must not. */
enum server_rule { SERVER_NONE, SERVER_OURS, SERVER_OPTIONAL };
static const struct rule {
	bool known, client_id;
	enum server_rule server;
	bool refuse_unicast; /* by a word; the others in silence, section 18.4 */
} rules[] = {
    [DHCP6_SOLICIT] = {true, true, SERVER_NONE, false},
    [DHCP6_REQUEST] = {true, true, SERVER_OURS, true},
    [DHCP6_CONFIRM] = {true, true, SERVER_NONE, false},
    [DHCP6_RENEW] = {true, true, SERVER_OURS, true},
    [DHCP6_REBIND] = {true, true, SERVER_NONE, false},
    [DHCP6_RELEASE] = {true, true, SERVER_OURS, true},
    [DHCP6_DECLINE] = {true, true, SERVER_OURS, true},
    [DHCP6_INFORMATION_REQUEST] = {true, false, SERVER_OPTIONAL, false},
};

static void write_server_duid(uint8_t duid[SERVER_DUID_LEN], const struct lm_workload_view *v)
{
	duid[0] = 0;
	duid[1] = DUID_UUID;
	memcpy(duid + 2, v->uuid, sizeof v->uuid);
}

static bool is_ours(const struct dhcp6_request *q, const struct lm_workload_view *v)
{
	uint8_t duid[SERVER_DUID_LEN];

	write_server_duid(duid, v);
	return q->server_id_len == sizeof duid && memcmp(q->server_id, duid, sizeof duid) == 0;
}

/* LM_WL_REPLY: it is valid. */
static enum lm_workload_result check(
    const struct dhcp6_request *q, const struct rule *rule, const struct lm_workload_view *v)
{
	if ((rule->client_id && !q->client_id) || (rule->server == SERVER_OURS && !q->server_id) ||
	    (rule->server == SERVER_NONE && q->server_id) ||
	    (q->type == DHCP6_INFORMATION_REQUEST && q->n_ias > 0))
		return LM_WL_DHCP_IGNORED;
	return q->server_id && !is_ours(q, v) ? LM_WL_DHCP_OTHER_SERVER : LM_WL_REPLY;
}

static void start(struct lm_answer *a, struct dhcp6_reply *r, uint8_t type)
{
	const struct dhcp6_request *q = r->q;
	struct lm_ip own = lm_link_local_of(&r->view->gateway_mac), client = lm_frame_src(a->frame);
	struct lm_writer *w = &r->b.w;
	uint8_t duid[SERVER_DUID_LEN];

	lm_answer_start(a, &r->b, RTE_ETHER_TYPE_IPV6);
	lm_build_ip(&r->b, &own, &client, IPPROTO_UDP, LM_HOP_LIMIT);
	lm_build_udp(&r->b, DHCP6_SERVER_PORT, DHCP6_CLIENT_PORT);
	lm_write_u8(w, type);
	lm_write(w, q->xid, 3);
	if (q->client_id) {
		lm_write_u16(w, DHCP6_CLIENT_ID);
		lm_write_u16(w, q->client_id_len);
		lm_write(w, q->client_id, q->client_id_len);
	}
	write_server_duid(duid, r->view);
	lm_write_u16(w, DHCP6_SERVER_ID);
	lm_write_u16(w, sizeof duid);
	lm_write(w, duid, sizeof duid);
}

/* ok: what it counts as unless something in it was refused. */
static enum lm_workload_result end(
    struct lm_answer *a, struct dhcp6_reply *r, enum lm_workload_result ok)
{
	enum lm_workload_result result = lm_answer_end(a, &r->b, LM_WL_DHCP_IGNORED);

	if (result != LM_WL_REPLY)
		return result;
	return r->refused && !r->given ? LM_WL_REFUSAL : ok;
}

/* SOLICIT, REQUEST, RENEW, REBIND. */
static enum lm_workload_result answer_addresses(struct lm_answer *a, struct dhcp6_reply *r)
{
	bool solicit = r->q->type == DHCP6_SOLICIT, commit = solicit && r->q->rapid_commit;

	if (r->view->held6)
		return LM_WL_DHCP_HELD;
	start(a, r, solicit && !commit ? DHCP6_ADVERTISE : DHCP6_REPLY);
	if (commit) {
		lm_write_u16(&r->b.w, DHCP6_RAPID_COMMIT);
		lm_write_u16(&r->b.w, 0);
	} else if (solicit) {
		lm_write_u16(&r->b.w, DHCP6_PREFERENCE);
		lm_write_u16(&r->b.w, 1);
		lm_write_u8(&r->b.w, PREFERENCE_MAX);
	}
	dhcp6_write_ias(r);
	dhcp6_write_information(r);
	return end(a, r, LM_WL_REPLY);
}

/* Is all that it has what it may have here? Section 18.4.3: without addresses, no answer. */
static enum lm_workload_result answer_confirm(struct lm_answer *a, struct dhcp6_reply *r)
{
	unsigned n = 0, right = 0;

	for (unsigned i = 0; i < r->q->n_ias; i++) {
		struct lm_reader at = dhcp6_addresses(&r->q->ias[i]);
		struct lm_ip ip;

		for (; dhcp6_next_address(&at, &ip); n++)
			right += lm_ip_equal(&ip, &r->view->ipv6);
	}
	if (n == 0)
		return LM_WL_DHCP_IGNORED;
	start(a, r, DHCP6_REPLY);
	dhcp6_write_status(r, right == n ? DHCP6_SUCCESS : DHCP6_NOT_ON_LINK);
	return end(a, r, LM_WL_REPLY);
}

static enum lm_workload_result answer_returned(
    struct lm_answer *a, struct dhcp6_reply *r, enum lm_workload_result ok)
{
	start(a, r, DHCP6_REPLY);
	dhcp6_write_status(r, DHCP6_SUCCESS);
	r->given = dhcp6_write_unbound(r);
	return end(a, r, ok);
}

static enum lm_workload_result answer_message(struct lm_answer *a, struct dhcp6_reply *r)
{
	switch (r->q->type) {
	case DHCP6_CONFIRM:
		return answer_confirm(a, r);
	case DHCP6_RELEASE:
		return answer_returned(a, r, LM_WL_DHCP_RELEASED);
	case DHCP6_DECLINE:
		return answer_returned(a, r, LM_WL_DHCP6_DECLINED);
	case DHCP6_INFORMATION_REQUEST:
		start(a, r, DHCP6_REPLY);
		dhcp6_write_information(r);
		return end(a, r, LM_WL_REPLY);
	default:
		return answer_addresses(a, r);
	}
}

/* What is not about addresses, or about those of who wants to keep them. */
static bool has_answer(const struct lm_workload_view *v, uint8_t type)
{
	return !v->waits || type == DHCP6_INFORMATION_REQUEST ||
	       (v->elsewhere && (type == DHCP6_CONFIRM || type == DHCP6_REQUEST ||
				    type == DHCP6_RENEW || type == DHCP6_REBIND));
}

static bool is_to_the_gateway(const struct lm_answer *a, const struct lm_ip *dst)
{
	struct lm_ip link_local = lm_link_local_of(&a->view->gateway_mac);

	return lm_ip_equal(dst, &a->view->gateway6) || lm_ip_equal(dst, &link_local);
}

static enum lm_workload_result answer_unicast(struct lm_answer *a, struct dhcp6_reply *r)
{
	start(a, r, DHCP6_REPLY);
	dhcp6_write_status(r, DHCP6_USE_MULTICAST);
	return end(a, r, LM_WL_REPLY);
}

enum lm_workload_result lm_answer_dhcp6(struct lm_answer *a)
{
	const struct lm_workload_view *v = a->view;
	const struct lm_frame *f = a->frame;
	const struct rte_udp_hdr *udp = (const void *)f->l4;
	struct lm_ip src = lm_frame_src(f), dst = lm_frame_dst(f);
	struct dhcp6_request q;
	struct dhcp6_reply r = {.view = v, .q = &q};

	if (rte_be_to_cpu_16(udp->dgram_len) != f->l4_len || !lm_frame_l4_checksum_ok(f) ||
	    dhcp6_parse(&q, f->l4 + sizeof *udp, f->l4_len - sizeof *udp) < 0)
		return LM_WL_MALFORMED;
	if (q.type == DHCP6_RELAY_FORWARD)
		return LM_WL_DHCP_RELAYED;
	if (v->gateway6.family == 0)
		return LM_WL_DHCP_NO_ADDRESS;
	if (q.type >= sizeof rules / sizeof rules[0] || !rules[q.type].known ||
	    !(lm_ip_is_link_local(&src) || lm_ip_equal(&src, &v->ipv6)))
		return LM_WL_DHCP_IGNORED;
	enum lm_workload_result valid = check(&q, &rules[q.type], v);
	if (valid != LM_WL_REPLY)
		return valid;
	if (!has_answer(v, q.type))
		return LM_WL_DHCP_NO_ADDRESS;
	if (lm_ip_equal(&dst, &all_servers))
		return answer_message(a, &r);
	if (rules[q.type].refuse_unicast && is_to_the_gateway(a, &dst))
		return answer_unicast(a, &r);
	return LM_WL_DHCP_IGNORED;
}
