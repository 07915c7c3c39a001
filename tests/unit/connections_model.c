/* SPDX-License-Identifier: Apache-2.0 */
#include "connections_model.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dp_rig.h"

#define SYN MODEL_SYN
#define ACK MODEL_ACK
#define FIN MODEL_FIN
#define RST MODEL_RST
#define PARTS_SECONDS 5
#define HIGH_PORT 32768

const struct lm_flow_seconds model_seconds = {.tcp_opening = 50,
    .tcp_established = 1010,
    .tcp_closing = 210,
    .tcp_closed = 30,
    .udp_one_way = 70,
    .udp = 290,
    .icmp = 30,
    .other = 300,
    .tcp_pickup = 1510,
    .udp_pickup = 730};

/* ---- rules -------------------------------------------------------------------- */

static bool list_allows(const struct model_rules *l, uint8_t proto, uint16_t port)
{
	for (unsigned i = 0; i < l->n; i++) {
		const struct model_rule *rule = &l->rules[i];

		if ((rule->proto == 0 || rule->proto == proto) &&
		    (rule->first == 0 || (port >= rule->first && port <= rule->last)))
			return !rule->deny;
	}
	return false;
}

/* The three that are written down, as a table to read. */
static bool allowed(const struct model_policy *policy, bool from_web, uint8_t proto, uint16_t port)
{
	switch (policy->number) {
	case 0:
		return from_web && (proto == IPPROTO_TCP ? port == 80 : true);
	case 1:
		return from_web ? proto == IPPROTO_TCP && (port == 80 || port == 81)
				: proto == IPPROTO_UDP && port == 53;
	case 2:
		return true;
	default:
		return list_allows(&policy->lists[from_web][true], proto, port) &&
		       list_allows(&policy->lists[!from_web][false], proto, port);
	}
}

/* Likewise what rules let begin in an hour; 0: no rate. */
static unsigned rate_of(const struct model_policy *policy, bool of_web, bool egress)
{
	if (policy->number == 1)
		return !of_web && egress ? 12 : 0;
	if (policy->number == 2)
		return !of_web ? 0 : egress ? 36 : 45;
	return 0;
}

/* A leaking bucket for each rule: so much is in it, and it holds what an hour lets begin. */
static void leak(struct model *m, unsigned now)
{
	for (unsigned web = 0; web < 2; web++)
		for (unsigned egress = 0; egress < 2; egress++) {
			double *used = &m->used[web][egress];
			*used -= (now - m->at) * (rate_of(&m->policy, web, egress) / 3600.0);
			if (*used < 0)
				*used = 0;
		}
	m->at = now;
}

/* Is there room for one more that web, or db, begins? Both rules' buckets, or neither. */
static bool ration(struct model *m, bool by_web, unsigned now)
{
	unsigned out = rate_of(&m->policy, by_web, true), in = rate_of(&m->policy, !by_web, false);

	leak(m, now);
	if ((out && m->used[by_web][true] + 1 > out + 0.001) ||
	    (in && m->used[!by_web][false] + 1 > in + 0.001)) {
		m->refused++;
		return false;
	}
	m->used[by_web][true] += out > 0;
	m->used[!by_web][false] += in > 0;
	return true;
}

/* ---- connections ------------------------------------------------------------------ */

static unsigned lasts(const struct model_conn *c)
{
	if (c->name.proto == IPPROTO_ICMP)
		return model_seconds.icmp;
	if (c->name.proto == IPPROTO_UDP)
		return c->answered ? model_seconds.udp : model_seconds.udp_one_way;
	if (c->closed)
		return model_seconds.tcp_closed;
	if (!c->confirmed)
		return model_seconds.tcp_opening;
	return c->fin_opener || c->fin_other ? model_seconds.tcp_closing
					     : model_seconds.tcp_established;
}

static uint16_t service(const struct model_packet *p, bool of_web)
{
	return p->proto == IPPROTO_ICMP ? 0 : of_web ? p->web_port : p->db_port;
}

static struct model_conn *lookup(struct model *m, const struct model_packet *p, unsigned now)
{
	for (unsigned i = 0; i < MODEL_CONNS_MAX; i++) {
		struct model_conn *c = &m->conns[i];

		if (!c->used || c->name.ipv6 != p->ipv6 || c->name.proto != p->proto ||
		    c->name.web_port != p->web_port || c->name.db_port != p->db_port)
			continue;
		if (now - c->seen <= lasts(c))
			return c;
		c->used = false;
	}
	return NULL;
}

void model_set_policy(struct model *m, const struct model_policy *policy)
{
	m->policy = *policy;
	m->ended = false;
	memset(m->used, 0, sizeof m->used);
	for (unsigned i = 0; i < MODEL_CONNS_MAX; i++) {
		struct model_conn *c = &m->conns[i];

		if (!c->used ||
		    allowed(policy, c->by_web, c->name.proto, service(&c->name, !c->by_web)))
			continue;
		c->used = false;
		m->ended = true;
	}
}

static void add(struct model *m, const struct model_packet *p, bool by_web, unsigned now)
{
	for (unsigned i = 0; i < MODEL_CONNS_MAX; i++) {
		struct model_conn *c = &m->conns[i];

		if (c->used && now - c->seen <= lasts(c))
			continue;
		*c = (struct model_conn){.used = true, .by_web = by_web, .name = *p, .seen = now};
		c->answered = by_web != p->from_web && p->proto == IPPROTO_TCP;
		if (p->proto == IPPROTO_TCP && (p->flags & FIN))
			*(c->answered ? &c->fin_other : &c->fin_opener) = true;
		return;
	}
	fprintf(stderr, "too many connections for the model\n");
	abort();
}

static bool possible(uint8_t flags)
{
	return flags == SYN || flags == (SYN | ACK) || flags == ACK || flags == (FIN | ACK) ||
	       flags == RST || flags == (RST | ACK);
}

/* May it be the answer in a connection that the gateway has forgotten? */
static bool may_answer(const struct model_packet *p, unsigned now)
{
	if (p->proto == IPPROTO_TCP)
		return p->flags != SYN && now < model_seconds.tcp_pickup;
	return p->proto == IPPROTO_UDP && now < model_seconds.udp_pickup &&
	       (p->from_web ? p->db_port : p->web_port) >= HIGH_PORT;
}

static bool opens(struct model *m, const struct model_packet *p, unsigned now)
{
	bool tcp = p->proto == IPPROTO_TCP;
	bool may = allowed(&m->policy, p->from_web, p->proto, service(p, !p->from_web));
	bool by_web = p->from_web;

	if (p->reply || (tcp && p->flags == (SYN | ACK)))
		return false;
	if (!may && may_answer(p, now)) {
		may = allowed(&m->policy, !p->from_web, p->proto, service(p, p->from_web));
		by_web = !p->from_web;
	}
	may = may && ration(m, by_web, now);
	if (may && !(tcp && (p->flags & RST)))
		add(m, p, by_web, now);
	return may;
}

static bool tcp_goes_on(
    struct model *m, struct model_conn *c, const struct model_packet *p, unsigned now)
{
	bool opener = c->by_web == p->from_web;

	if (p->flags == SYN)
		return opener ||
		       (allowed(&m->policy, p->from_web, p->proto, service(p, !p->from_web)) &&
			   ration(m, p->from_web, now));
	if (p->flags & RST) {
		c->closed = true;
		return true;
	}
	if (p->flags == (SYN | ACK) && opener && (c->confirmed || c->closed))
		return false;
	if (c->closed)
		return true;
	if (opener && c->answered)
		c->confirmed = true;
	if (!opener)
		c->answered = true;
	if (p->flags & FIN)
		*(opener ? &c->fin_opener : &c->fin_other) = true;
	c->closed = c->confirmed && c->fin_opener && c->fin_other;
	return true;
}

static bool whole_passes(struct model *m, const struct model_packet *p, unsigned now)
{
	if (p->proto == IPPROTO_TCP && !possible(p->flags))
		return false;
	struct model_conn *c = lookup(m, p, now);
	if (c && c->closed && p->flags == SYN && p->proto == IPPROTO_TCP) {
		c->used = false;
		c = NULL;
	}
	if (!c)
		return opens(m, p, now);
	bool opener = c->by_web == p->from_web, pass = true;
	if (p->proto == IPPROTO_TCP)
		pass = tcp_goes_on(m, c, p, now);
	else if (p->proto == IPPROTO_ICMP)
		pass = opener != p->reply;
	else if (!opener)
		c->answered = true;
	if (pass)
		c->seen = now;
	return pass;
}

/* ---- fragments, headers, errors ------------------------------------------------------- */

/* Of one datagram? IPv4 names it by its protocol, too. */
static bool same_datagram(const struct model_packet *a, const struct model_packet *b)
{
	return a->ipv6 == b->ipv6 && a->from_web == b->from_web && a->id == b->id &&
	       (a->ipv6 || a->proto == b->proto);
}

static struct model_parts *known_parts(struct model *m, const struct model_packet *p, unsigned now)
{
	for (unsigned i = 0; i < MODEL_PARTS_MAX; i++) {
		struct model_parts *d = &m->parts[i];

		if (d->used && now - d->seen <= PARTS_SECONDS && same_datagram(&d->first, p))
			return d;
	}
	return NULL;
}

static bool first_passes(struct model *m, const struct model_packet *p, unsigned now)
{
	struct model_parts *d = known_parts(m, p, now);

	if (p->end < (p->proto == IPPROTO_TCP ? 20u : 8u))
		return false;
	if (d) {
		d->broken = true;
		return false;
	}
	for (unsigned i = 0; i < MODEL_PARTS_MAX; i++) {
		d = &m->parts[i];
		if (d->used && now - d->seen <= PARTS_SECONDS)
			continue;
		*d = (struct model_parts){.used = true, .first = *p, .seen = now};
		memset(d->got, 1, p->end / 8);
		return whole_passes(m, p, now);
	}
	fprintf(stderr, "too many datagrams for the model\n");
	abort();
}

/* Between what has come. */
static unsigned gaps(const struct model_parts *d)
{
	unsigned n = 0;

	for (unsigned i = 1; i < MODEL_UNITS_MAX; i++)
		n += d->got[i] && !d->got[i - 1];
	return n;
}

static bool later_passes(struct model *m, const struct model_packet *p, unsigned now)
{
	struct model_parts *d = known_parts(m, p, now);

	if (!d)
		return false;
	unsigned first = p->begin / 8, last = (p->end + 7) / 8;
	if (d->whole && (!p->more || last > d->whole))
		d->broken = true;
	for (unsigned i = first; i < MODEL_UNITS_MAX; i++)
		if (d->got[i] && (i < last || !p->more))
			d->broken = true;
	if (d->broken)
		return false;
	memset(d->got + first, 1, last - first);
	if (gaps(d) > MODEL_GAPS_MAX) {
		memset(d->got + first, 0, last - first);
		return false;
	}
	if (!p->more)
		d->whole = last;
	d->used = !d->whole || gaps(d) > 0;
	struct model_conn *c = lookup(m, &d->first, now);
	if (c)
		c->seen = now;
	return c != NULL;
}

static bool part_passes(struct model *m, const struct model_packet *p, unsigned now)
{
	if (p->more && (p->end - p->begin) % 8 != 0)
		return false;
	return p->begin == 0 ? first_passes(m, p, now) : later_passes(m, p, now);
}

/* At most four; hop-by-hop options before all others; no routing header. */
static bool chain_passes(const uint8_t *chain)
{
	unsigned n = 0;

	for (; chain && chain[n] != RIG_CHAIN_END; n++)
		if (chain[n] == IPPROTO_ROUTING || (chain[n] == IPPROTO_HOPOPTS && n > 0))
			return false;
	return n <= 4;
}

bool model_passes(struct model *m, const struct model_packet *p, unsigned now)
{
	/* With the connection of the packet that it quotes, which the other one has sent. */
	if (p->quotes != QUOTES_NONE)
		return p->quotes != QUOTES_LATER && lookup(m, p, now) != NULL;
	if (p->part)
		return part_passes(m, p, now);
	return chain_passes(p->chain) && whole_passes(m, p, now);
}
