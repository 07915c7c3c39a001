/* SPDX-License-Identifier: Apache-2.0 */
#include "membership_sim.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "chance.h"

#define OWNER_SEED 0x80
#define NO_TICK UINT64_MAX

__attribute__((constructor)) static void before_main(void)
{
	if (lm_crypto_init() < 0)
		abort();
}

/* ---- chance and time ---- */

uint64_t sim_random(struct sim *s, uint64_t below)
{
	return chance_next(&s->random) % below;
}

static void broken(struct sim *s, const struct sim_node *a, const struct sim_node *b,
    const char *what, uint32_t spi)
{
	if (s->broken++ == 0)
		snprintf(s->first_broken, sizeof(s->first_broken),
		    "at %.3f s: gateway %u sends to %u by SPI %u: %s",
		    (double)s->now.mono / (double)SIM_SECOND, a->index, b->index, spi, what);
}

/* ---- the network ---- */

static void deliver_later(
    struct sim *s, unsigned to, const struct lm_udp_addr *from, const uint8_t *data, size_t len)
{
	struct sim_packet *p = malloc(sizeof(*p) + len), *q;

	assert(p);
	p->at = s->now.mono + s->delay + (s->jitter ? sim_random(s, s->jitter) : 0);
	p->to = to;
	p->from = *from;
	p->len = len;
	memcpy(p->data, data, len);
	TAILQ_FOREACH_REVERSE(q, &s->packets, sim_packets, link)
	{
		if (q->at <= p->at) {
			TAILQ_INSERT_AFTER(&s->packets, q, p, link);
			return;
		}
	}
	TAILQ_INSERT_HEAD(&s->packets, p, link);
}

void sim_on_send(void *ctx, const struct lm_udp_addr *to, const uint8_t *data, size_t len)
{
	struct sim_node *from = ctx;
	struct sim *s = from->sim;

	s->sent++;
	s->sent_bytes += len;
	for (unsigned i = 0; i < SIM_NODES; i++) {
		if (!s->node[i] || !lm_udp_addr_equal(to, &s->node[i]->addr))
			continue;
		if (s->cut[from->index][i] || sim_random(s, 100) < s->loss)
			return;
		deliver_later(s, i, &from->addr, data, len);
		if (sim_random(s, 100) < s->dup)
			deliver_later(s, i, &from->addr, data, len);
	}
}

void sim_on_random(void *ctx, void *buf, size_t len)
{
	struct sim_node *n = ctx;
	uint8_t *at = buf;

	while (len--)
		*at++ = (uint8_t)chance_next(&n->sim->random);
}

void sim_partition(struct sim *s, unsigned a, unsigned b, bool cut)
{
	s->cut[a][b] = s->cut[b][a] = cut;
}

/* ---- a gateway's effects ---- */

static int on_persist(void *ctx, const struct lm_net_id *net, const uint8_t *bytes, size_t len)
{
	struct sim_node *n = ctx;
	struct sim_stored *at = NULL;

	if (n->persist_fails)
		return -EIO;
	for (unsigned i = 0; i < SIM_NETWORKS && !at; i++)
		if (n->store[i].bytes && memcmp(&n->store[i].net, net, sizeof(*net)) == 0)
			at = &n->store[i];
	for (unsigned i = 0; i < SIM_NETWORKS && !at; i++)
		if (!n->store[i].bytes)
			at = &n->store[i];
	assert(at);
	free(at->bytes);
	at->net = *net;
	at->len = len;
	at->bytes = malloc(len);
	assert(at->bytes);
	memcpy(at->bytes, bytes, len);
	return 0;
}

static int on_erase(void *ctx, const struct lm_net_id *net)
{
	struct sim_node *n = ctx;

	if (n->persist_fails)
		return -EIO;
	for (unsigned i = 0; i < SIM_NETWORKS; i++) {
		if (!n->store[i].bytes || memcmp(&n->store[i].net, net, sizeof(*net)) != 0)
			continue;
		free(n->store[i].bytes);
		n->store[i].bytes = NULL;
	}
	return 0;
}

/* ---- the ledger on disk ---- */

static void on_record_drop(
    void *ctx, const struct lm_net_id *net, const uint8_t id[LM_LEDGER_ID_LEN])
{
	struct sim_node *n = ctx;

	for (unsigned i = 0; i < n->n_records; i++) {
		struct sim_record *r = &n->records[i];
		if (memcmp(&r->net, net, sizeof(*net)) != 0 ||
		    memcmp(r->id, id, LM_LEDGER_ID_LEN) != 0)
			continue;
		free(r->bytes);
		*r = n->records[--n->n_records];
		return;
	}
}

static void on_record_put(void *ctx, const struct lm_net_id *net,
    const uint8_t id[LM_LEDGER_ID_LEN], const uint8_t *bytes, size_t len)
{
	struct sim_node *n = ctx;

	if (n->reading_records)
		broken(n->sim, n, n, "a record from disk was put there again", 0);
	on_record_drop(ctx, net, id);
	if (n->n_records == n->cap_records) {
		n->cap_records = n->cap_records ? 2 * n->cap_records : 16;
		n->records = realloc(n->records, n->cap_records * sizeof(n->records[0]));
		assert(n->records);
	}
	struct sim_record *r = &n->records[n->n_records++];
	*r = (struct sim_record){.net = *net, .bytes = malloc(len), .len = len};
	assert(r->bytes);
	memcpy(r->id, id, LM_LEDGER_ID_LEN);
	memcpy(r->bytes, bytes, len);
}

static void on_records_each(
    void *ctx, const struct lm_net_id *net, lm_record_each_fn *each, void *each_ctx)
{
	struct sim_node *n = ctx;

	n->reading_records = true;
	for (unsigned i = n->n_records; i-- > 0;) {
		struct sim_record *r = &n->records[i];
		if (memcmp(&r->net, net, sizeof(*net)) == 0 && !each(each_ctx, r->bytes, r->len))
			on_record_drop(n, net, r->id);
	}
	n->reading_records = false;
}

/* What was deleted in this event went with its pair. */
static void mark_cut(struct sim_node *n, uint32_t net)
{
	for (uint32_t i = 0; i < n->n_sas; i++)
		if (n->sas[i].net == net && !n->sas[i].there && n->sas[i].gone_at == n->sim->event)
			n->sas[i].cut = true;
}

static void serve(struct sim_node *n, const struct lm_network *net)
{
	uint32_t here[SIM_ENDPOINTS];
	unsigned n_here = 0;

	for (unsigned i = 0; i < net->manifest->n_endpoints && !n->idle; i++) {
		const struct lm_endpoint *e = &net->manifest->endpoints[i];
		if (e->provider == net->self ||
		    (e->provider == LM_ANY_PROVIDER && e->replica < SIM_ENDPOINTS &&
			n->hosts >> e->replica & 1))
			here[n_here++] = i;
	}
	int err = lm_membership_set_served(n->m, net->index, here, n_here);
	assert(err == 0);
}

static void serve_all(struct sim *s, struct sim_node *n)
{
	for (uint32_t i = 0; n->m && i < lm_membership_networks_end(n->m); i++)
		if (lm_membership_network(n->m, i))
			serve(n, lm_membership_network(n->m, i));
	if (n->m)
		sim_tick(n);
	sim_check(s);
	s->event++;
}

void sim_attach(struct sim *s, unsigned gateway, bool attached)
{
	s->node[gateway]->idle = !attached;
	serve_all(s, s->node[gateway]);
}

void sim_host(struct sim *s, unsigned gateway, unsigned replica, bool attached)
{
	struct sim_node *n = s->node[gateway];

	if (attached)
		n->hosts |= 1ull << replica;
	else
		n->hosts &= ~(1ull << replica);
	serve_all(s, n);
}

static void on_network_changed(void *ctx, const struct lm_network *net)
{
	struct sim_node *n = ctx;

	n->changed++;
	mark_cut(n, net->index);
	serve(n, net);
	for (unsigned i = 0; i < net->manifest->n_providers; i++) {
		uint32_t slot = net->peers[i] ? lm_peer_slot(net->peers[i]) : 0;
		if ((net->peers[i] == NULL) != ((int)i == net->self) ||
		    n->peer_node[slot] < (net->peers[i] ? 0 : -1))
			broken(n->sim, n, n, "a network was published with a missing peer", 0);
	}
}

static void on_routes_changed(void *ctx, const struct lm_network *net)
{
	struct sim_node *n = ctx;

	n->routed++;
	n->routed_at = n->sim->now.mono;
	mark_cut(n, net->index);
}

static void on_network_gone(void *ctx, const struct lm_network *net)
{
	struct sim_node *n = ctx;

	n->gone++;
	mark_cut(n, net->index);
	for (unsigned i = 0; i < SIM_NODES; i++)
		if (n->out[net->index][i].n)
			broken(n->sim, n, n, "a network went away with lanes out", 0);
}

static void on_peer_added(void *ctx, uint32_t slot, struct lm_peer *peer)
{
	struct sim_node *n = ctx;

	assert(slot < SIM_NODES && n->peer_node[slot] < 0);
	for (unsigned i = 0; i < n->sim->n; i++)
		if (memcmp(lm_peer_key(peer), &n->sim->node[i]->id.pub, LM_PUBLIC_KEY_LEN) == 0)
			n->peer_node[slot] = (int)i;
	assert(n->peer_node[slot] >= 0);
}

static void on_peer_gone(void *ctx, uint32_t slot)
{
	struct sim_node *n = ctx;

	assert(n->peer_node[slot] >= 0 && !n->path_there[slot]);
	for (unsigned i = 0; i < SIM_NETWORKS; i++)
		if (n->out[i][slot].n)
			broken(n->sim, n, n, "a peer went away with lanes out", 0);
	n->peer_node[slot] = -1;
}

static void on_peer_path(void *ctx, uint32_t slot, const struct lm_udp_addr *to)
{
	struct sim_node *n = ctx;

	assert(n->peer_node[slot] >= 0);
	n->path_there[slot] = to != NULL;
}

static int on_sa_in_add(void *ctx, uint32_t net, uint32_t slot, uint8_t lane, uint8_t n_lanes,
    const uint8_t keymat[36], uint32_t *spi)
{
	struct sim_node *n = ctx;

	assert(net < SIM_NETWORKS && n->peer_node[slot] >= 0 && lane < n_lanes);
	if (n->sa_fails)
		return -ENOSPC;
	if (n->n_sas == n->cap_sas) {
		n->cap_sas = n->cap_sas ? 2 * n->cap_sas : 64;
		n->sas = realloc(n->sas, n->cap_sas * sizeof(n->sas[0]));
		assert(n->sas);
	}
	n->sas[n->n_sas] = (struct sim_sa){
	    .there = true, .net = net, .slot = slot, .lane = lane, .n_lanes = n_lanes};
	memcpy(n->sas[n->n_sas].key, keymat, 36);
	*spi = SIM_FIRST_SPI + n->n_sas++;
	n->live_sas++;
	return 0;
}

static void on_sa_in_del(void *ctx, uint32_t spi)
{
	struct sim_node *n = ctx;

	assert(spi - SIM_FIRST_SPI < n->n_sas && n->sas[spi - SIM_FIRST_SPI].there);
	n->sas[spi - SIM_FIRST_SPI].there = false;
	n->sas[spi - SIM_FIRST_SPI].gone_at = n->sim->event;
	n->live_sas--;
}

static int on_sa_out_set(void *ctx, uint32_t net, uint32_t slot, uint8_t n_lanes,
    const uint32_t *spis, const uint8_t (*keymat)[36])
{
	struct sim_node *n = ctx;
	struct sim_out *out = &n->out[net][slot];

	assert(n->peer_node[slot] >= 0 && n_lanes <= SIM_LANES);
	if (n->sa_fails && n_lanes)
		return -ENOSPC;
	out->n = n_lanes;
	out->used = false;
	if (n_lanes) {
		memcpy(out->spis, spis, n_lanes * sizeof(spis[0]));
		memcpy(out->keys, keymat, n_lanes * sizeof(keymat[0]));
	}
	return 0;
}

static const struct lm_membership_ops gateway_ops = {
    .send = sim_on_send,
    .random = sim_on_random,
    .persist = on_persist,
    .erase = on_erase,
    .network_changed = on_network_changed,
    .network_gone = on_network_gone,
    .routes_changed = on_routes_changed,
    .peer_added = on_peer_added,
    .peer_gone = on_peer_gone,
    .peer_path = on_peer_path,
    .sa_in_add = on_sa_in_add,
    .sa_in_del = on_sa_in_del,
    .sa_out_set = on_sa_out_set,
    .sa_in_used = sim_on_sa_in_used,
    .sa_out_used = sim_on_sa_out_used,
};

/* ---- a gateway's life ---- */

void sim_tick(struct sim_node *n)
{
	if (n->m) {
		n->tick_at = lm_membership_tick(n->m, &n->sim->now);
	} else {
		uint64_t a = lm_sessions_tick(n->sessions, &n->sim->now);
		uint64_t b = lm_blobs_tick(n->blobs, &n->sim->now);
		n->tick_at = a < b ? a : b;
		uint64_t c = n->ledger ? lm_ledger_tick(n->ledger, &n->sim->now) : NO_TICK;
		if (c <= n->sim->now.mono)
			c = n->sim->now.mono + SIM_MS;
		n->tick_at = c < n->tick_at ? c : n->tick_at;
	}
	if (n->tick_at <= n->sim->now.mono)
		broken(n->sim, n, n, "the next tick is in the past", 0);
}

void sim_start(struct sim *s, unsigned gateway)
{
	struct sim_node *n = s->node[gateway];
	const struct lm_membership_config config = {.lanes = n->lanes,
	    .max_networks = n->max_networks,
	    .max_peers = n->max_peers,
	    .lost_store = n->lost_store};

	struct lm_membership_ops ops = gateway_ops;
	ops.read_aside = n->read_aside;
	if (!n->no_facts) {
		ops.fact_put = sim_on_fact_put;
		ops.facts_begin = sim_on_facts_begin;
		ops.facts_commit = sim_on_facts_commit;
		ops.facts_each = sim_on_facts_each;
	}
	if (n->keeps_records) {
		ops.record_put = on_record_put;
		ops.record_drop = on_record_drop;
		ops.records_each = on_records_each;
	}

	assert(!n->running);
	int err = lm_membership_create(&n->m, &n->id, &config, &ops, n);
	assert(err == 0);
	err = lm_membership_set_owners(n->m, &s->owner.pub, n->no_owners ? 0 : 1);
	assert(err == 0);
	n->running = true;
	for (unsigned i = 0; i < SIM_NETWORKS; i++) {
		struct lm_why why = {""};
		if (!n->store[i].bytes)
			continue;
		err =
		    lm_membership_restore(n->m, &s->now, n->store[i].bytes, n->store[i].len, &why);
		if (err)
			broken(s, n, n, "a stored manifest was not restored", (uint32_t)-err);
	}
	sim_tick(n);
}

void sim_crash(struct sim *s, unsigned gateway)
{
	struct sim_node *n = s->node[gateway];

	assert(n->running);
	lm_membership_free(n->m);
	n->m = NULL;
	n->running = false;
	n->tick_at = NO_TICK;
	for (uint32_t i = 0; i < n->n_sas; i++) {
		n->sas[i].there = false;
		n->sas[i].cut = true;
	}
	n->live_sas = 0;
	memset(n->out, 0, sizeof(n->out));
	memset(n->path_there, 0, sizeof(n->path_there));
	memset(n->unfounded_since, 0, sizeof(n->unfounded_since));
	for (unsigned i = 0; i < SIM_NODES; i++)
		n->peer_node[i] = -1;
}

struct sim_node *sim_node_new(struct sim *s, unsigned index, unsigned identity)
{
	struct sim_node *n = calloc(1, sizeof(*n));
	uint8_t seed[32];
	char addr[32];

	assert(n);
	n->sim = s;
	n->index = index;
	n->tick_at = NO_TICK;
	n->pull_err = 1;
	memset(seed, (int)identity + 1, sizeof(seed));
	lm_identity_from_seed(&n->id, seed);
	snprintf(addr, sizeof(addr), "10.0.0.%u:4500", index + 1);
	lm_udp_addr_parse(&n->addr, addr);
	for (unsigned i = 0; i < SIM_NODES; i++)
		n->peer_node[i] = -1;
	s->node[index] = n;
	return n;
}

/* Quiet: refusals and ends are what these worlds are made of. */
static void on_log(void *ctx, enum lm_log_level level, const char *line)
{
	struct sim *s = ctx;

	(void)level;
	s->twice_warned += strstr(line, "twice") != NULL;
}

struct sim *sim_new(uint64_t seed, unsigned n)
{
	struct sim *s = calloc(1, sizeof(*s));
	uint8_t owner[32];

	assert(s && n <= SIM_GATEWAYS);
	s->seed = s->random = seed;
	s->n = n;
	s->now.wall = 1800000000ull * SIM_SECOND; /* 2027-01-15 */
	s->now.mono = SIM_SECOND;
	s->delay = 10 * SIM_MS;
	TAILQ_INIT(&s->packets);
	lm_log_set_sink(on_log, s);
	memset(owner, OWNER_SEED, sizeof(owner));
	lm_identity_from_seed(&s->owner, owner);
	for (unsigned i = 0; i < n; i++) {
		struct sim_node *node = sim_node_new(s, i, i);
		node->lanes = (uint8_t)(1u << sim_random(s, 3));
		node->max_networks = SIM_NETWORKS;
		node->max_peers = SIM_NODES;
		sim_start(s, i);
	}
	return s;
}

void sim_free(struct sim *s)
{
	lm_log_set_sink(NULL, NULL);
	for (unsigned i = 0; i < SIM_NODES; i++) {
		struct sim_node *n = s->node[i];
		if (!n)
			continue;
		if (n->m)
			lm_membership_free(n->m);
		lm_ledger_free(n->ledger);
		if (n->blobs)
			lm_blobs_free(n->blobs);
		if (n->sessions)
			lm_sessions_free(n->sessions);
		for (unsigned k = 0; k < SIM_NETWORKS; k++)
			free(n->store[k].bytes);
		for (unsigned k = 0; k < n->n_records; k++)
			free(n->records[k].bytes);
		free(n->records);
		sim_facts_free(n);
		free(n->sas);
		free(n);
	}
	while (!TAILQ_EMPTY(&s->packets)) {
		struct sim_packet *p = TAILQ_FIRST(&s->packets);
		TAILQ_REMOVE(&s->packets, p, link);
		free(p);
	}
	free(s);
}

/* ---- what must hold ---- */

static void check_out(
    struct sim *s, const struct sim_node *a, const struct sim_out *out, const struct sim_node *b)
{
	for (unsigned i = 0; i < out->n; i++) {
		uint32_t at = out->spis[i] - SIM_FIRST_SPI;
		if (at >= b->n_sas) {
			broken(s, a, b, "never given out", out->spis[i]);
			continue;
		}
		const struct sim_sa *sa = &b->sas[at];
		if (sa->cut)
			continue;
		if (!sa->there)
			broken(s, a, b, "not installed any more", out->spis[i]);
		else if (memcmp(sa->key, out->keys[i], 36) != 0)
			broken(s, a, b, "other keys", out->spis[i]);
		else if (sa->lane != i || sa->n_lanes != out->n)
			broken(s, a, b, "another lane", out->spis[i]);
		else if (b->peer_node[sa->slot] != (int)a->index)
			broken(s, a, b, "another peer's", out->spis[i]);
	}
}

struct founded {
	const struct lm_public_key *author;
	bool gateway, endpoint;
	uint16_t replica;
};

static int look_for(void *ctx, const struct lm_ledger_record *r)
{
	struct founded *f = ctx;

	if (memcmp(r->author, f->author, sizeof(*f->author)) != 0)
		return 0;
	f->gateway |= r->kind == LM_LEDGER_GATEWAY;
	f->endpoint |= r->kind == LM_LEDGER_ENDPOINT && r->key[0] * 256u + r->key[1] == f->replica;
	return 0;
}

/* Routes follow records, at the latest when the next look is due. */
#define LATE (150 * SIM_MS)
static void check_routes(struct sim *s, struct sim_node *a, uint32_t index)
{
	const struct lm_network *net = lm_membership_network(a->m, index);
	const char *wrong = NULL;

	if (net && net->manifest->n_endpoints > SIM_ENDPOINTS)
		return; /* it would take too long */
	if (net)
		wrong = sim_check_places(s, a, net);
	if (wrong)
		broken(s, a, a, wrong, index);
	for (unsigned i = 0; net && i < net->manifest->n_endpoints; i++) {
		const struct lm_endpoint *e = &net->endpoints[i];
		uint32_t slot = lm_membership_route(a->m, net, i);
		struct founded f = {.replica = e->replica};
		if (slot != LM_NO_ROUTE)
			f.author = &net->manifest->providers[e->provider].key;
		if (slot != LM_NO_ROUTE)
			lm_ledger_each(lm_membership_ledger(a->m), &net->id, 0, look_for, &f);
		uint64_t *since = &a->unfounded_since[index][i];
		if (slot == LM_NO_ROUTE || (f.gateway && f.endpoint && a->path_there[slot]))
			*since = 0;
		else if (*since == 0)
			*since = s->now.mono;
		else if (s->now.mono - *since > LATE)
			broken(s, a, s->node[a->peer_node[slot]], "a route without records", i);
		if (slot != LM_NO_ROUTE && lm_membership_part(a->m, index) != LM_PART_JOINED)
			broken(s, a, s->node[a->peer_node[slot]], "a route, not joined", i);
	}
}

static void check_gateway(struct sim *s, struct sim_node *a)
{
	uint32_t end = a->running ? lm_membership_networks_end(a->m) : 0;

	for (uint32_t net = 0; net < 4 && end <= 4; net++)
		if (a->running)
			check_routes(s, a, net);
	for (uint32_t net = 0; net < end; net++)
		for (unsigned slot = 0; slot < SIM_NODES; slot++) {
			const struct sim_out *out = &a->out[net][slot];
			if (out->n && s->node[a->peer_node[slot]]->running)
				check_out(s, a, out, s->node[a->peer_node[slot]]);
		}
}

void sim_check(struct sim *s)
{
	for (unsigned i = 0; i < s->n; i++)
		check_gateway(s, s->node[i]);
}

/* After an event at this node: its own view, and what the others send to it. */
static void check_event(struct sim *s, struct sim_node *n)
{
	if (!n->running || !n->m)
		return;
	check_gateway(s, n);
	for (unsigned i = 0; i < s->n; i++) {
		struct sim_node *a = s->node[i];
		int slot = a->running ? sim_slot(a, n->index) : -1;
		uint32_t end = slot < 0 ? 0 : lm_membership_networks_end(a->m);
		for (uint32_t net = 0; net < end; net++)
			check_out(s, a, &a->out[net][slot], n);
	}
}

/* ---- time passes ---- */

static void move_clock(struct sim *s, uint64_t to)
{
	s->now.wall += to - s->now.mono;
	s->now.mono = to;
}

static void receive(struct sim *s, struct sim_packet *p)
{
	struct sim_node *n = s->node[p->to];

	if (n->m)
		lm_membership_input(n->m, &s->now, &p->from, p->data, p->len);
	else if (n->sessions)
		lm_sessions_input(n->sessions, &s->now, &p->from, p->data, p->len);
	if (n->m || n->sessions)
		sim_tick(n);
	free(p);
}

static uint64_t next_tick(const struct sim *s, struct sim_node **who)
{
	uint64_t at = NO_TICK;

	for (unsigned i = 0; i < SIM_NODES; i++) {
		if (s->node[i] && s->node[i]->tick_at < at) {
			at = s->node[i]->tick_at;
			*who = s->node[i];
		}
	}
	return at;
}

void sim_run(struct sim *s, uint64_t ns)
{
	uint64_t end = s->now.mono + ns;

	for (;;) {
		struct sim_packet *p = TAILQ_FIRST(&s->packets);
		struct sim_node *who = NULL;
		uint64_t at = next_tick(s, &who);
		if (p && p->at <= at)
			at = p->at;
		else
			p = NULL;
		if (at > end)
			break;
		s->event++;
		if (at > s->now.mono)
			move_clock(s, at);
		if (p) {
			TAILQ_REMOVE(&s->packets, p, link);
			who = s->node[p->to];
			receive(s, p);
		} else {
			sim_tick(who);
		}
		check_event(s, who);
	}
	move_clock(s, end);
	s->event++;
}
