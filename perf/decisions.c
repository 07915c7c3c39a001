/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   leasemesh-decisions MEMBERS ENDPOINTS RTT-MS alone|move|batch COUNT STORES|-
 *
 * What a decision of the chain costs. Each member is the real lib/chain with the real, synced
 * lib/store in a folder of its own below STORES (-: it forgets everything, at no cost). Time is
 * half virtual: what a member does takes as long as this machine takes for it, and members do it
 * at the same time, each on a machine of its own; a message takes half an RTT. So an hour of
 * network costs nothing, and one CPU plays seven. Prints one JSON object; perf/address runs it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include "../tests/sim/events.h"
#include "../tests/sim/random.h"
#include "percentile.h"
#include "chain/internal.h"
#include "store/store.h"

#define WALL0 (1800000000ull * SECOND) /* 2027-01-15 */
#define BATCH QUEUE_PER_AUTHOR
#define TYPES (LM_MSG_CHAIN_END - LM_MSG_CHAIN)

enum workload { ALONE, MOVE };

struct world;

struct gateway {
	struct world *world;
	unsigned index;
	struct lm_identity id;
	struct lm_chain *chain;
	struct lm_store *store;
	uint64_t free_at; /* virtual: it is busy until then */
	uint64_t begin, begin_real; /* of its turn: virtual, and this machine's */
	struct sim_event tick;
	uint64_t busy, storing; /* ns in all; of them in the store */
};

struct world {
	struct gateway *gateways;
	unsigned n, endpoints, batch;
	enum workload workload;
	uint64_t one_way, now, finished; /* virtual ns */
	struct sim_events events;
	struct sim_random random;
	struct lm_net_id net;
	uint64_t sent[TYPES], bytes, pulls;
	uint64_t *proposed_at, *latency; /* of each command, ns */
	unsigned n_commands, asked, ended;
};

enum { A_MESSAGE, A_PULL, A_BLOB };

struct parcel {
	struct sim_event event;
	struct world *world;
	unsigned from, to;
	uint8_t what, type, hash[HASH_LEN];
	size_t len;
	uint8_t bytes[];
};

static uint64_t real_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

/* ---- turns ---- */

/* Where a gateway's clock stands in the middle of its turn. */
static uint64_t clock_of(const struct gateway *g)
{
	return g->begin + (real_now() - g->begin_real);
}

static struct lm_now turn_begins(struct gateway *g)
{
	g->begin = lm_max_u64(g->world->now, g->free_at);
	g->begin_real = real_now();
	return (struct lm_now){.mono = g->begin, .wall = WALL0 + g->begin};
}

/* Every turn ends with what is due, and with the next deadline. */
static void turn_ends(struct gateway *g)
{
	struct lm_now now = {.mono = g->begin, .wall = WALL0 + g->begin};
	uint64_t next = lm_chain_tick(g->chain, &now);

	g->free_at = clock_of(g);
	g->busy += g->free_at - g->begin;
	sim_event_set(&g->world->events, &g->tick,
	    next == LM_NEVER ? SIM_NEVER : lm_max_u64(next, g->free_at));
}

static void fire_tick(struct sim *s, struct sim_event *e)
{
	struct gateway *g = (struct gateway *)((char *)e - offsetof(struct gateway, tick));

	(void)s;
	turn_begins(g);
	turn_ends(g);
}

/* ---- between gateways ---- */

static void post(struct gateway *from, unsigned to, const struct parcel *form, const void *bytes);

static void deliver(struct gateway *g, const struct parcel *p)
{
	struct world *w = p->world;
	struct lm_now now = turn_begins(g);
	size_t len;

	if (p->what == A_MESSAGE) {
		lm_chain_input(
		    g->chain, &now, &w->gateways[p->from].id.pub, p->type, p->bytes, p->len);
	} else if (p->what == A_BLOB) {
		lm_chain_pulled(g->chain, &now, &w->net, p->hash, p->bytes, p->len);
	} else {
		const uint8_t *blob = lm_chain_blob(g->chain, &w->net, p->hash, &len);
		struct parcel answer = {.what = A_BLOB, .len = len};
		memcpy(answer.hash, p->hash, HASH_LEN);
		if (blob)
			post(g, p->from, &answer, blob);
	}
	turn_ends(g);
}

static void arrive(struct sim *s, struct sim_event *e)
{
	struct parcel *p = (struct parcel *)e;

	(void)s;
	deliver(&p->world->gateways[p->to], p);
	free(p);
}

static void post(struct gateway *from, unsigned to, const struct parcel *form, const void *bytes)
{
	struct parcel *p = must(malloc(sizeof(*p) + form->len));

	*p = *form;
	p->event = (struct sim_event){.fire = arrive};
	p->world = from->world;
	p->from = from->index;
	p->to = to;
	if (form->len)
		memcpy(p->bytes, bytes, form->len);
	sim_event_set(&from->world->events, &p->event, clock_of(from) + from->world->one_way);
}

static unsigned index_of(const struct world *w, const struct lm_public_key *key)
{
	unsigned i = 0;

	while (i < w->n && memcmp(w->gateways[i].id.pub.b, key->b, sizeof(key->b)) != 0)
		i++;
	if (i == w->n)
		abort();
	return i;
}

/* ---- what the chain asks for ---- */

static void on_send(
    void *ctx, const struct lm_public_key *to, uint8_t type, const void *body, size_t len)
{
	struct gateway *g = ctx;
	struct parcel form = {.what = A_MESSAGE, .type = type, .len = len};

	g->world->sent[type - LM_MSG_CHAIN]++;
	g->world->bytes += len;
	post(g, index_of(g->world, to), &form, body);
}

static void on_random(void *ctx, void *buf, size_t len)
{
	sim_random_bytes(&((struct gateway *)ctx)->world->random, buf, len);
}

static int on_persist(void *ctx, const struct lm_net_id *net, enum lm_chain_record what,
    uint64_t height, const void *bytes, size_t len)
{
	struct gateway *g = ctx;
	uint8_t key[LM_NET_ID_LEN + 1 + 8];
	struct lm_writer w = lm_writer(key, sizeof(key));
	uint64_t begin = real_now();

	if (!g->store)
		return 0;
	lm_write(&w, net->b, sizeof(net->b));
	lm_write_u8(&w, (uint8_t)what);
	lm_write_u64(&w, height);
	int err = lm_store_put(g->store, "fact", key, sizeof(key), bytes, len);
	g->storing += real_now() - begin;
	return err;
}

static void on_begin(void *ctx)
{
	struct gateway *g = ctx;

	if (g->store)
		lm_store_begin(g->store);
}

static int on_commit(void *ctx)
{
	struct gateway *g = ctx;
	uint64_t begin = real_now();
	int err = g->store ? lm_store_commit(g->store) : 0;

	g->storing += real_now() - begin;
	return err;
}

static void on_truncate(void *ctx, const struct lm_net_id *net, uint64_t height)
{
	(void)ctx, (void)net, (void)height;
}

static bool on_consent(
    void *ctx, const struct lm_net_id *net, const struct lm_chain_command *command)
{
	(void)ctx, (void)net, (void)command;
	return true;
}

static void on_pull(void *ctx, const struct lm_net_id *net, const struct lm_public_key *from,
    const uint8_t hash[HASH_LEN], size_t size)
{
	struct gateway *g = ctx;
	struct parcel form = {.what = A_PULL};

	(void)net, (void)size;
	g->world->pulls++;
	memcpy(form.hash, hash, HASH_LEN);
	post(g, index_of(g->world, from), &form, NULL);
}

static void on_done(void *ctx, const struct lm_net_id *net, uint64_t tag,
    enum lm_chain_verdict verdict, uint32_t block)
{
	struct gateway *g = ctx;
	struct world *w = g->world;

	(void)net, (void)block;
	w->finished = clock_of(g);
	w->latency[w->ended++] = w->finished - w->proposed_at[tag];
	if (verdict != LM_CV_APPLIED) {
		fprintf(stderr, "leasemesh-decisions: command %u: %s\n", (unsigned)tag,
		    lm_chain_verdict_names[verdict]);
		exit(1);
	}
}

static void on_grown(void *ctx, const struct lm_net_id *net, uint64_t height, bool ours)
{
	(void)ctx, (void)net, (void)height, (void)ours;
}

static void on_guilty(void *ctx, const struct lm_net_id *net, const struct lm_chain_guilt *guilt)
{
	(void)ctx, (void)net, (void)guilt;
	abort();
}

static const struct lm_chain_ops ops = {.send = on_send,
    .random = on_random,
    .persist = on_persist,
    .begin = on_begin,
    .commit = on_commit,
    .truncate = on_truncate,
    .consent = on_consent,
    .pull = on_pull,
    .done = on_done,
    .grown = on_grown,
    .guilty = on_guilty};

/* ---- the work ---- */

/* As lib/membership names endpoints. */
static uint8_t endpoint_key(unsigned i, uint8_t out[LM_CHAIN_KEY_MAX])
{
	return (uint8_t)snprintf((char *)out, LM_CHAIN_KEY_MAX, "\2host-%05u", i);
}

/* A member's first address blocks, which need nobody's consent; or an endpoint that moves. */
static struct lm_chain_command next_command(const struct world *w)
{
	struct lm_chain_command c = {.kind = LM_CHAIN_MOVE};

	if (w->workload == ALONE) {
		c.kind = LM_CHAIN_ASSIGN;
		return c;
	}
	unsigned endpoint = w->asked % w->endpoints;
	c.key_len = endpoint_key(endpoint, c.key);
	c.address = endpoint;
	c.generation = 2 + w->asked / w->endpoints;
	c.gateway = w->gateways[w->asked % w->n].id.pub;
	return c;
}

static void propose(struct world *w)
{
	struct gateway *g = &w->gateways[0];

	struct lm_now now = turn_begins(g);
	while (w->asked < w->n_commands && w->asked - w->ended < w->batch) {
		struct lm_chain_command c = next_command(w);
		w->proposed_at[w->asked] = g->begin;
		if (lm_chain_propose(g->chain, &now, &w->net, &c, w->asked++) < 0)
			abort();
	}
	turn_ends(g);
}

/* Until nothing is left to happen; a batch is proposed when the one before has ended. */
static void work(struct world *w)
{
	struct sim_event *e;

	while (true) {
		while (w->ended == w->asked && w->asked < w->n_commands)
			propose(w);
		e = sim_event_first(&w->events);
		if (!e)
			break;
		w->now = e->at;
		sim_event_set(&w->events, e, SIM_NEVER);
		e->fire(NULL, e);
	}
	if (w->ended < w->n_commands)
		abort();
}

/* ---- the world ---- */

/* A state with so many endpoints, as if it had been there at the last start (learn.c). */
static void fill(struct world *w, struct gateway *g)
{
	struct lm_chain_info info;
	struct state s;

	if (lm_chain_info(g->chain, &w->net, &info) < 0 ||
	    lm_chain_state_copy(&s, &lm_chain_net(g->chain, &w->net)->state) < 0)
		abort();
	for (unsigned i = 0; i < w->endpoints; i++) {
		struct lm_chain_command c = {.kind = LM_CHAIN_MOVE,
		    .author = w->gateways[0].id.pub,
		    .number = i + 1,
		    .gateway = w->gateways[i % w->n].id.pub,
		    .address = i,
		    .generation = 1};
		c.key_len = endpoint_key(i, c.key);
		if (lm_chain_apply(&s, &c, NULL) != LM_CV_APPLIED)
			abort();
	}
	size_t size = lm_chain_state_len(&s) + 512;
	uint8_t *bytes = must(malloc(size));
	struct lm_writer out = lm_writer(bytes, size);
	lm_write_u16(&out, 0);
	lm_write_u64(&out, 0);
	lm_write(&out, info.hash, HASH_LEN);
	lm_write(&out, w->gateways[0].id.pub.b, LM_PUBLIC_KEY_LEN); /* who decides at once */
	lm_write_u8(&out, true);
	lm_chain_state_write(&out, &s);
	lm_chain_state_free(&s);
	if (lm_chain_restore(g->chain, &w->net, LM_CHAIN_TIP, 0, bytes, lm_writer_len(&out)) < 0)
		abort();
	free(bytes);
}

static void open_store(struct gateway *g, const char *stores)
{
	char dir[256];
	struct lm_why why;

	snprintf(dir, sizeof(dir), "%s/%u", stores, g->index);
	if (lm_store_open(&g->store, dir, 1 << 30, &why) < 0) {
		fprintf(stderr, "leasemesh-decisions: %s\n", why.text);
		exit(1);
	}
}

static void begin(struct world *w, const char *stores)
{
	struct lm_chain_genesis genesis = {.n_members = w->n, .n_blocks = 65536, .block_size = 64};
	uint8_t seed[32] = {0};

	for (unsigned i = 0; i < w->n; i++) {
		struct gateway *g = &w->gateways[i];
		*g = (struct gateway){.world = w, .index = i, .tick = {.fire = fire_tick}};
		seed[0] = (uint8_t)(i + 1);
		lm_identity_from_seed(&g->id, seed);
		genesis.members[i] = g->id.pub;
		if (strcmp(stores, "-") != 0)
			open_store(g, stores);
	}
	genesis.owner = w->gateways[0].id.pub;
	for (unsigned i = 0; i < w->n; i++) {
		struct gateway *g = &w->gateways[i];
		if (lm_chain_create(&g->chain, &g->id, 1, &ops, g) < 0 ||
		    lm_chain_add(g->chain, &w->net, &genesis, true) < 0)
			abort();
		fill(w, g);
	}
}

static void end(struct world *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		lm_chain_free(w->gateways[i].chain);
		lm_store_close(w->gateways[i].store);
	}
	sim_events_free(&w->events);
	free(w->gateways);
	free(w->proposed_at);
	free(w->latency);
}

static uint64_t limited(const struct world *w)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < w->n; i++)
		n += lm_chain_drops(w->gateways[i].chain)[LM_CD_LIMIT];
	return n;
}

static void report(struct world *w)
{
	const struct gateway *first = &w->gateways[0], *other = &w->gateways[w->n - 1];
	double blocks = (double)lm_chain_stats(first->chain)->decided;
	uint64_t messages = 0;

	for (unsigned i = 0; i < TYPES; i++)
		messages += w->sent[i];
	printf("{\"members\": %u, \"endpoints\": %u, \"commands\": %u, \"blocks\": %.0f, "
	       "\"fast\": %.0f, \"seconds\": %.6f,\n",
	    w->n, w->endpoints, w->ended, blocks, (double)lm_chain_stats(first->chain)->fast,
	    (double)w->finished / 1e9);
	printf("\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f,\n",
	    (double)percentile(w->latency, w->ended, 0.5) / 1e6,
	    (double)percentile(w->latency, w->ended, 0.99) / 1e6,
	    (double)percentile(w->latency, w->ended, 1) / 1e6);
	printf("\"proposer_ms\": %.4f, \"proposer_store_ms\": %.4f, \"other_ms\": %.4f, "
	       "\"other_store_ms\": %.4f,\n",
	    (double)first->busy / 1e6 / blocks, (double)first->storing / 1e6 / blocks,
	    (double)other->busy / 1e6 / blocks, (double)other->storing / 1e6 / blocks);
	printf("\"messages\": %.2f, \"bytes\": %.0f, \"pulls\": %.2f, \"accepts\": %.2f, "
	       "\"prepares\": %.2f, \"asks\": %.2f, \"limited\": %llu}\n",
	    (double)messages / blocks, (double)w->bytes / blocks, (double)w->pulls / blocks,
	    (double)w->sent[LM_MSG_CHAIN_ACCEPT - LM_MSG_CHAIN] / blocks,
	    (double)w->sent[LM_MSG_CHAIN_PREPARE - LM_MSG_CHAIN] / blocks,
	    (double)w->sent[LM_MSG_CHAIN_ASK - LM_MSG_CHAIN] / blocks,
	    (unsigned long long)limited(w));
}

int main(int argc, char **argv)
{
	struct world w = {.batch = 1};

	if (argc != 7) {
		fputs("usage: leasemesh-decisions MEMBERS ENDPOINTS RTT-MS alone|move|batch COUNT "
		      "STORES|-\n",
		    stderr);
		return 2;
	}
	w.n = (unsigned)strtoul(argv[1], NULL, 10);
	w.endpoints = (unsigned)strtoul(argv[2], NULL, 10);
	w.one_way = strtoull(argv[3], NULL, 10) * MS / 2;
	w.workload = strcmp(argv[4], "alone") == 0 ? ALONE : MOVE;
	w.batch = strcmp(argv[4], "batch") == 0 ? BATCH : 1;
	w.n_commands = (unsigned)strtoul(argv[5], NULL, 10);
	if (w.n == 0 || w.n > LM_CHAIN_MEMBERS_MAX || w.endpoints == 0 ||
	    w.endpoints > LM_CHAIN_ENDPOINTS_MAX || w.n_commands == 0 ||
	    (w.workload == ALONE && w.n_commands > LM_CHAIN_BLOCKS_ALONE) || lm_crypto_init() < 0)
		return 2;
	w.gateways = must(calloc(w.n, sizeof(*w.gateways)));
	w.proposed_at = must(calloc(w.n_commands, sizeof(*w.proposed_at)));
	w.latency = must(calloc(w.n_commands, sizeof(*w.latency)));
	sim_random_seed(&w.random, 1, 0);
	begin(&w, argv[6]);
	work(&w);
	report(&w);
	end(&w);
	return 0;
}
