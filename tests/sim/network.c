/* SPDX-License-Identifier: Apache-2.0 */
#include "network.h"

#include <stdlib.h>
#include "sim.h"

struct sim_datagram {
	struct sim_event event;
	LIST_ENTRY(sim_datagram) link;
	struct lm_udp_addr from;
	unsigned to;
	size_t len;
	uint8_t data[];
};

struct lm_udp_addr sim_addr(unsigned index)
{
	unsigned host = index + 1; /* 10.0.0.0 is nobody's */

	return (struct lm_udp_addr){
	    .ip = {.family = 4,
		.b = {10, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host}},
	    .port = SIM_PORT};
}

/* UINT_MAX: nobody has this address. */
static unsigned index_of(const struct lm_udp_addr *a)
{
	unsigned host = (unsigned)a->ip.b[1] << 16 | (unsigned)a->ip.b[2] << 8 | a->ip.b[3];

	return a->ip.family == 4 && a->ip.b[0] == 10 && a->port == SIM_PORT ? host - 1 : UINT32_MAX;
}

void sim_network_open(struct sim_network *net, unsigned n, const struct sim_link *link)
{
	*net = (struct sim_network){.n = n, .link = *link};
	net->cut = calloc((size_t)n * n, sizeof(net->cut[0]));
	if (!net->cut)
		abort();
}

void sim_network_free(struct sim_network *net)
{
	free(net->cut);
	free(net->links);
}

void sim_network_drop(struct sim *s)
{
	struct sim_datagram *d;

	while ((d = LIST_FIRST(&s->network.under_way))) {
		LIST_REMOVE(d, link);
		sim_event_set(&s->events, &d->event, SIM_NEVER);
		free(d);
	}
}

void sim_set_link(struct sim *s, unsigned from, unsigned to, const struct sim_link *link)
{
	struct sim_network *net = &s->network;
	size_t n = (size_t)net->n * net->n;

	if (!net->links) {
		net->links = malloc(n * sizeof(net->links[0]));
		if (!net->links)
			abort();
		for (size_t i = 0; i < n; i++)
			net->links[i] = net->link;
	}
	net->links[(size_t)from * net->n + to] = *link;
}

void sim_set_links(struct sim *s, const struct sim_link *link)
{
	free(s->network.links);
	s->network.links = NULL;
	s->network.link = *link;
}

void sim_cut(struct sim *s, unsigned from, unsigned to, bool cut)
{
	s->network.cut[(size_t)from * s->network.n + to] = cut;
}

void sim_part(struct sim *s, unsigned a, unsigned b, bool cut)
{
	sim_cut(s, a, b, cut);
	sim_cut(s, b, a, cut);
}

void sim_heal_cuts(struct sim *s)
{
	memset(s->network.cut, 0, (size_t)s->network.n * s->network.n * sizeof(bool));
}

bool sim_is_cut(const struct sim *s, unsigned from, unsigned to)
{
	return s->network.cut[(size_t)from * s->network.n + to];
}

static void arrive(struct sim *s, struct sim_event *e)
{
	struct sim_datagram *d = (struct sim_datagram *)e;

	LIST_REMOVE(d, link);
	sim_receive(s->gateways[d->to], &d->from, d->data, d->len);
	free(d);
}

static void deliver_later(
    struct sim_gateway *from, unsigned to, uint64_t delay, const uint8_t *data, size_t len)
{
	struct sim *s = from->sim;
	struct sim_datagram *d = malloc(sizeof(*d) + len);

	if (!d)
		abort();
	*d = (struct sim_datagram){.event.fire = arrive, .from = from->addr, .to = to, .len = len};
	memcpy(d->data, data, len);
	LIST_INSERT_HEAD(&s->network.under_way, d, link);
	sim_event_set(&s->events, &d->event, s->now + delay);
}

static uint64_t up_to(struct sim *s, uint64_t ns)
{
	return ns ? sim_random_below(&s->random, ns) : 0;
}

static bool chance(struct sim *s, unsigned thousandths)
{
	return thousandths && sim_random_below(&s->random, 1000) < thousandths;
}

void sim_send(
    struct sim_gateway *from, const struct lm_udp_addr *to, const uint8_t *data, size_t len)
{
	struct sim *s = from->sim;
	const struct sim_network *net = &s->network;
	unsigned at = index_of(to);

	from->traffic.tx_datagrams++;
	from->traffic.tx_bytes += len + SIM_HEADERS;
	sim_note(s, (uint64_t)from->index << 32 | len);
	if (at >= net->n || sim_is_cut(s, from->index, at)) {
		s->network.lost++;
		return;
	}
	const struct sim_link *link =
	    net->links ? &net->links[(size_t)from->index * net->n + at] : &net->link;
	if (chance(s, link->loss)) {
		s->network.lost++;
		return;
	}
	deliver_later(from, at, link->delay + up_to(s, link->jitter), data, len);
	if (chance(s, link->twice))
		deliver_later(from, at, link->delay + up_to(s, link->late), data, len);
}
