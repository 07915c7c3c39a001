/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DHCPv6 reply says of identity associations, and beside them. There are no
 * bindings to remember: an address is this client's if it is the endpoint's.
 */
#include "workload/dhcp6.h"
#include "base/domain.h"

#define REFRESH_SECONDS_MIN 600 /* section 21.23 */
#define IA_ADDRESS_LEN 24

/* An option whose length is filled in when its end is there. */
static uint8_t *open_option(struct lm_writer *w, uint16_t code)
{
	lm_write_u16(w, code);
	return lm_write_ref(w, sizeof(uint16_t));
}

static void close_option(struct lm_writer *w, uint8_t *len)
{
	if (w->failed)
		return;
	size_t n = (size_t)(w->at - len) - sizeof(uint16_t);
	len[0] = (uint8_t)(n >> 8);
	len[1] = (uint8_t)n;
}

void dhcp6_write_status(struct dhcp6_reply *r, enum dhcp6_status status)
{
	struct lm_writer *w = &r->b.w;

	lm_write_u16(w, DHCP6_STATUS);
	lm_write_u16(w, sizeof(uint16_t)); /* and no text: the codes have names */
	lm_write_u16(w, (uint16_t)status);
	r->refused = r->refused || status != DHCP6_SUCCESS;
}

static void write_address(struct lm_writer *w, const struct lm_ip *ip, uint32_t seconds)
{
	lm_write_u16(w, DHCP6_IA_ADDRESS);
	lm_write_u16(w, IA_ADDRESS_LEN);
	lm_write(w, ip->b, 16);
	lm_write_u32(w, seconds); /* preferred */
	lm_write_u32(w, seconds); /* valid */
}

static uint8_t *open_ia(struct lm_writer *w, const struct dhcp6_ia *ia, uint32_t seconds)
{
	uint8_t *len = open_option(w, ia->code);

	lm_write(w, ia->iaid, 4);
	if (ia->code != DHCP6_IA_TA) {
		lm_write_u32(w, seconds / 2); /* T1 */
		lm_write_u32(w, (uint32_t)((uint64_t)seconds * 4 / 5)); /* T2 */
	}
	return len;
}

/* Those that are (no more) the endpoint's: the client shall drop them now. How many there are. */
static unsigned write_withdrawn(struct dhcp6_reply *r, const struct dhcp6_ia *ia)
{
	struct lm_reader at = dhcp6_addresses(ia);
	struct lm_ip ip;
	unsigned n = 0;

	while (dhcp6_next_address(&at, &ip))
		if (!lm_ip_equal(&ip, &r->view->ipv6)) {
			write_address(&r->b.w, &ip, 0);
			n++;
		}
	return n;
}

static bool names_another_link(const struct dhcp6_ia *ia, const struct lm_prefix *net)
{
	struct lm_reader at = dhcp6_addresses(ia);
	struct lm_ip ip;

	while (dhcp6_next_address(&at, &ip))
		if (!lm_prefix_contains(net, &ip))
			return true;
	return false;
}

/* Which IA gets the address; n_ias: none. */
static unsigned choose(const struct dhcp6_reply *r)
{
	const struct dhcp6_request *q = r->q;
	unsigned first = q->n_ias;

	if (r->view->ipv6.family == 0)
		return first;
	for (unsigned i = q->n_ias; i-- > 0;) {
		if (q->ias[i].code != DHCP6_IA_NA)
			continue;
		if (dhcp6_names(&q->ias[i], &r->view->ipv6))
			return i;
		first = i;
	}
	return first;
}

static void write_ia(struct dhcp6_reply *r, const struct dhcp6_ia *ia, bool chosen)
{
	const struct lm_workload_view *v = r->view;
	struct lm_writer *w = &r->b.w;
	bool extends = r->q->type == DHCP6_RENEW || r->q->type == DHCP6_REBIND;
	/* Section 18.4.2: only who requests is told so; who extends has its addresses withdrawn. */
	bool elsewhere = r->q->type == DHCP6_REQUEST && ia->code == DHCP6_IA_NA &&
			 names_another_link(ia, &v->net6);
	bool gives = chosen && !elsewhere;
	uint8_t *len = open_ia(w, ia, gives ? v->lease_seconds : 0);
	unsigned withdrawn = 0;

	if (gives)
		write_address(w, &v->ipv6, v->lease_seconds);
	if (extends && ia->code != DHCP6_IA_PD)
		withdrawn = write_withdrawn(r, ia);
	if (elsewhere)
		dhcp6_write_status(r, DHCP6_NOT_ON_LINK);
	else if (ia->code == DHCP6_IA_PD)
		dhcp6_write_status(r, DHCP6_NO_PREFIX);
	else if (!gives && withdrawn == 0)
		dhcp6_write_status(r, DHCP6_NO_ADDRESS);
	r->given = r->given || gives;
	r->refused = r->refused || !gives;
	close_option(w, len);
}

void dhcp6_write_ias(struct dhcp6_reply *r)
{
	unsigned chosen = choose(r);

	for (unsigned i = 0; i < r->q->n_ias; i++)
		write_ia(r, &r->q->ias[i], i == chosen);
}

bool dhcp6_write_unbound(struct dhcp6_reply *r)
{
	bool bound = false;

	for (unsigned i = 0; i < r->q->n_ias; i++) {
		const struct dhcp6_ia *ia = &r->q->ias[i];

		if (ia->code == DHCP6_IA_NA && dhcp6_names(ia, &r->view->ipv6)) {
			bound = true;
			continue;
		}
		uint8_t *len = open_ia(&r->b.w, ia, 0);
		dhcp6_write_status(r, DHCP6_NO_BINDING);
		close_option(&r->b.w, len);
	}
	return bound;
}

void dhcp6_write_information(struct dhcp6_reply *r)
{
	const struct lm_workload_view *v = r->view;
	struct lm_writer *w = &r->b.w;

	if (dhcp6_wants(r->q, DHCP6_DNS)) {
		lm_write_u16(w, DHCP6_DNS);
		lm_write_u16(w, 16);
		lm_write(w, v->gateway6.b, 16);
	}
	if (dhcp6_wants(r->q, DHCP6_SEARCH) && v->domain) {
		uint8_t *len = open_option(w, DHCP6_SEARCH);
		lm_write_domain(w, v->domain);
		close_option(w, len);
	}
	if (r->q->type == DHCP6_INFORMATION_REQUEST && dhcp6_wants(r->q, DHCP6_REFRESH_TIME)) {
		lm_write_u16(w, DHCP6_REFRESH_TIME);
		lm_write_u16(w, sizeof(uint32_t));
		lm_write_u32(w, RTE_MAX(v->lease_seconds, (uint32_t)REFRESH_SECONDS_MIN));
	}
}
