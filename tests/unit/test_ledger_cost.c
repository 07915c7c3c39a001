/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a ledger costs: printed, and held only to what must not grow. LM_LEDGER_BIG=1 plays the
 * sizes that are planned for: 500 gateways with 10,000 leases, and 10,000 networks.
 */
#include "ledger_sim.h"
#include "suite.h"

#include <malloc.h>
#include <time.h>

#define MINUTE (60 * SECOND)

static bool is_big(void)
{
	return getenv("LM_LEDGER_BIG") != NULL;
}

static size_t in_use(void)
{
	return mallinfo2().uordblks;
}

static double cpu_seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* Without the checks of each event, which cost more than what is measured. */
static struct sim *quiet_world(unsigned n)
{
	struct sim *s = sim_new(1, n);

	s->check_every = 0;
	for (unsigned i = 0; i < n; i++) {
		free(s->node[i].seen);
		s->node[i].seen = NULL;
	}
	s->delay = 50 * MS;
	return s;
}

static void publish(struct sim *s, unsigned node, unsigned key)
{
	struct lm_now now = sim_now(&s->node[node]);
	uint8_t value[64] = {(uint8_t)key};

	int err = lm_ledger_publish(s->node[node].l, &now, &s->net[0].id,
	    key ? LM_LEDGER_ENDPOINT : LM_LEDGER_GATEWAY, &key, sizeof(key), value, sizeof(value),
	    LM_LEDGER_LIFETIME);
	CU_ASSERT_EQUAL(err, 0);
}

static void tick_all(struct sim *s)
{
	for (unsigned i = 0; i < s->n; i++)
		sim_tick(&s->node[i]);
}

static uint64_t sent(const struct sim *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->n; i++)
		sum += s->node[i].sent_bytes;
	return sum;
}

static bool all_have(const struct sim *s, unsigned records)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct lm_ledger_info info;
		lm_ledger_info(s->node[i].l, &info);
		if (info.records != records)
			return false;
	}
	return true;
}

/* n gateways in one network with so many endpoints in all; bytes a gateway and minute when idle. */
static uint64_t measure_network(unsigned n, unsigned endpoints)
{
	struct sim *s = quiet_world(n);
	size_t memory = in_use();
	double cpu = cpu_seconds();

	sim_all(s, 0);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k <= endpoints / n; k++)
			publish(s, i, k);
	tick_all(s);
	unsigned records = n + endpoints / n * n;
	for (unsigned i = 0; i < 120 && !all_have(s, records); i++)
		sim_run(s, SECOND);
	CU_ASSERT_EQUAL(all_have(s, records), true);
	memory = (in_use() - memory) / n;
	cpu = cpu_seconds() - cpu;
	sim_run(s, 3 * MINUTE);

	uint64_t before = sent(s);
	sim_run(s, 10 * MINUTE);
	uint64_t idle = (sent(s) - before) / n / 10;

	/* One record changes. */
	struct lm_now now = sim_now(&s->node[1]);
	s->node[1].sent_bytes = 0;
	lm_ledger_publish(s->node[1].l, &now, &s->net[0].id, LM_LEDGER_ENDPOINT, "new", 3,
	    "another value", 13, LM_LEDGER_LIFETIME);
	sim_tick(&s->node[1]);
	uint64_t author = s->node[1].sent_bytes, before_change = sent(s) - author;
	sim_run(s, 2 * MINUTE);
	uint64_t checks = (sent(s) - before_change - author) / n;

	/* One comes back with nothing. */
	sim_crash(s, 0);
	sim_start(s, 0);
	for (unsigned k = 0; k <= endpoints / n; k++)
		publish(s, 0, k);
	sim_tick(&s->node[0]);
	uint64_t start = s->mono, others = sent(s) - s->node[0].sent_bytes;
	struct lm_ledger_info info = {0};
	for (unsigned i = 0; i < 600 && info.records != records + 1; i++) {
		sim_run(s, SECOND);
		lm_ledger_info(s->node[0].l, &info);
	}
	others = sent(s) - s->node[0].sent_bytes - others;
	printf("\n    %4u gateways, %5u records: idle %lu B/min; a change: %lu B from its author, "
	       "then %lu B each in 2 min; refill: %llu s, %lu KiB from the others; %zu KiB of "
	       "memory; %.1f s of CPU to fill all",
	    n, records, idle, author, checks, (s->mono - start) / SECOND, others / 1024,
	    memory / 1024, cpu);
	CU_ASSERT_EQUAL(info.records, records + 1);
	/* Each record once, whoever it could have it from; about 230 B each. */
	CU_ASSERT_EQUAL(others < 512ull * records, true);
	sim_free(s);
	return idle;
}

static void test_one_network(void)
{
	uint64_t ten = measure_network(10, 200);
	uint64_t hundred = measure_network(100, 300);

	/* Nothing changes, so nothing grows: one comparison with one peer at a time. */
	CU_ASSERT_EQUAL(hundred < ten * 3 / 2, true);
	if (!is_big())
		return;
	/* Filling is bound by checking signatures, so the many records are shown with few gateways.
	 */
	CU_ASSERT_EQUAL(measure_network(500, 1000) < ten * 3 / 2, true);
	CU_ASSERT_EQUAL(measure_network(4, 10500) < ten * 3 / 2, true);
}

/* ---- many networks ---- */

struct node {
	struct lm_identity id;
	struct lm_ledger *l;
	struct world *world;
	struct node **peers; /* handles: peers[i] stands for the session with node i */
	uint64_t bytes, messages;
};

struct mail {
	STAILQ_ENTRY(mail) link;
	unsigned from, to;
	uint8_t type;
	size_t len;
	uint8_t body[];
};

struct world {
	unsigned n;
	struct node *nodes;
	struct lm_now now;
	uint64_t random;
	STAILQ_HEAD(, mail) mail;
};

static void on_send(void *ctx, struct lm_peer *peer, uint8_t type, const uint8_t *body, size_t len)
{
	struct node *from = ctx;
	struct node **handle = (struct node **)(void *)peer;
	struct mail *m = malloc(sizeof(*m) + len);

	from->bytes += len + 65;
	from->messages++;
	*m = (struct mail){.from = (unsigned)(from - from->world->nodes),
	    .to = (unsigned)(*handle - from->world->nodes),
	    .type = type,
	    .len = len};
	memcpy(m->body, body, len);
	STAILQ_INSERT_TAIL(&from->world->mail, m, link);
}

static void on_random(void *ctx, void *buf, size_t len)
{
	struct node *n = ctx;
	uint8_t *at = buf;

	while (len--)
		*at++ =
		    (uint8_t)((n->world->random = n->world->random * 6364136223846793005u + 1) >>
			      56);
}

static void on_record(void *ctx, const struct lm_net_id *net, const struct lm_ledger_record *r)
{
	(void)ctx;
	(void)net;
	(void)r;
}

static void on_gone(
    void *ctx, const struct lm_net_id *net, const struct lm_ledger_record *r, const char *reason)
{
	(void)reason;
	on_record(ctx, net, r);
}

static const struct lm_ledger_ops ops = {
    .send = on_send, .random = on_random, .changed = on_record, .gone = on_gone};

static void world_init(struct world *w, unsigned n)
{
	const struct lm_ledger_config config = {0};

	*w = (struct world){.n = n, .nodes = calloc(n, sizeof(struct node)), .random = 1};
	w->now = (struct lm_now){.mono = SECOND, .wall = 1800000000 * SECOND};
	STAILQ_INIT(&w->mail);
	for (unsigned i = 0; i < n; i++) {
		struct node *node = &w->nodes[i];
		uint8_t seed[32] = {(uint8_t)i, 7};
		lm_identity_from_seed(&node->id, seed);
		node->world = w;
		node->peers = calloc(n, sizeof(*node->peers));
		for (unsigned k = 0; k < n; k++)
			node->peers[k] = &w->nodes[k];
		lm_ledger_create(&node->l, &node->id, &config, &ops, node);
	}
}

static void world_free(struct world *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		lm_ledger_free(w->nodes[i].l);
		free(w->nodes[i].peers);
	}
	free(w->nodes);
}

static void pass(struct world *w, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		w->now.mono += SECOND;
		w->now.wall += SECOND;
		for (unsigned k = 0; k < w->n; k++)
			lm_ledger_tick(w->nodes[k].l, &w->now);
		while (!STAILQ_EMPTY(&w->mail)) {
			struct mail *m = STAILQ_FIRST(&w->mail);
			STAILQ_REMOVE_HEAD(&w->mail, link);
			lm_ledger_input(w->nodes[m->to].l, &w->now, &w->nodes[m->from].id.pub,
			    m->type, m->body, m->len);
			lm_ledger_tick(w->nodes[m->to].l, &w->now);
			free(m);
		}
	}
}

static struct lm_net_id net_id(unsigned i)
{
	struct lm_net_id id = {{0}};

	memcpy(id.b, &i, sizeof(i));
	return id;
}

/* Networks of three of n gateways each; bytes a gateway and minute when idle. */
static uint64_t measure_networks(unsigned n, unsigned networks)
{
	struct world w;
	uint64_t idle = 0;

	world_init(&w, n);
	for (unsigned a = 0; a < n; a++)
		for (unsigned b = 0; b < n; b++)
			if (a != b)
				lm_ledger_up(w.nodes[a].l, &w.now, &w.nodes[b].id.pub,
				    (struct lm_peer *)(void *)&w.nodes[a].peers[b]);
	size_t empty = in_use();
	double cpu = cpu_seconds();
	for (unsigned i = 0; i < networks; i++) {
		struct lm_net_id id = net_id(i);
		struct lm_secret secret;
		struct lm_public_key keys[3];
		unsigned first = (unsigned)(i * 2654435761u >> 8);
		memset(&secret, (int)i, sizeof(secret));
		for (unsigned k = 0; k < 3; k++)
			keys[k] = w.nodes[(first + k * (1 + i % (n / 3))) % n].id.pub;
		for (unsigned k = 0; k < 3; k++) {
			struct lm_ledger *l = w.nodes[(first + k * (1 + i % (n / 3))) % n].l;
			CU_ASSERT_EQUAL(lm_ledger_set(l, &w.now, &id, &secret, keys, 3), 0);
			lm_ledger_join(l, &w.now, &id);
		}
	}
	size_t joined = in_use();
	printf("\n    %5u networks of 3 of %u gateways: %zu B without records", networks, n,
	    (joined - empty) / networks / 3);
	if (networks >= 500) /* with few, the hash tables weigh more than what is in them */
		CU_ASSERT_EQUAL((joined - empty) / networks / 3 < 700, true);
	unsigned records = 0;
	for (unsigned i = 0; i < networks; i++) {
		struct lm_net_id id = net_id(i);
		for (unsigned k = 0; k < n; k++)
			if (lm_ledger_publish(w.nodes[k].l, &w.now, &id, LM_LEDGER_GATEWAY, "", 0,
				"up", 2, LM_LEDGER_LIFETIME) == 0)
				records++;
	}
	pass(&w, 120);
	struct lm_ledger_info info;
	unsigned total = 0;
	for (unsigned k = 0; k < n; k++) {
		lm_ledger_info(w.nodes[k].l, &info);
		total += info.records;
		idle -= w.nodes[k].bytes;
	}
	CU_ASSERT_EQUAL(records, 3 * networks);
	CU_ASSERT_EQUAL(total, 9 * networks);
	printf(", %zu B with 3; %.1f s of CPU for all", (in_use() - empty) / networks / 3,
	    cpu_seconds() - cpu);
	pass(&w, 600);
	for (unsigned k = 0; k < n; k++)
		idle += w.nodes[k].bytes;
	idle /= n * 10;
	printf("; idle %lu B/min a gateway", idle);
	world_free(&w);
	return idle;
}

static void test_many_networks(void)
{
	uint64_t few = measure_networks(10, 10);
	uint64_t many = measure_networks(10, 500);

	CU_ASSERT_EQUAL(many < few * 3 / 2, true);
	if (is_big())
		CU_ASSERT_EQUAL(measure_networks(50, 10000) < few * 3 / 2, true);
}

/* Thousands of networks in which the only other author does not take part: said once, then quiet.
 */
static void test_one_sided(void)
{
	struct world w;
	struct lm_ledger_info info;

	world_init(&w, 2);
	struct lm_public_key keys[2] = {w.nodes[0].id.pub, w.nodes[1].id.pub};
	for (unsigned i = 0; i < 2 * TODO_MAX; i++) {
		struct lm_net_id id = net_id(i);
		struct lm_secret secret = {{1}};
		CU_ASSERT_EQUAL(lm_ledger_set(w.nodes[0].l, &w.now, &id, &secret, keys, 2), 0);
		CU_ASSERT_EQUAL(lm_ledger_set(w.nodes[1].l, &w.now, &id, &secret, keys, 2), 0);
		lm_ledger_join(w.nodes[0].l, &w.now, &id);
	}
	for (unsigned a = 0; a < 2; a++)
		lm_ledger_up(w.nodes[a].l, &w.now, &w.nodes[!a].id.pub,
		    (struct lm_peer *)(void *)&w.nodes[a].peers[!a]);
	/* They have no records, so their trees are equal; only their being there differs. */
	pass(&w, 300);
	uint64_t bytes = w.nodes[0].bytes + w.nodes[1].bytes;
	pass(&w, 600);
	bytes = w.nodes[0].bytes + w.nodes[1].bytes - bytes;
	CU_ASSERT_EQUAL(bytes < 20 * 200, true);
	lm_ledger_info(w.nodes[0].l, &info);
	CU_ASSERT_EQUAL(info.joined, 2 * TODO_MAX);
	for (unsigned i = 0; i < info.joined; i++) {
		struct lm_net_id id = net_id(i);
		const struct lm_key_id *other = &w.nodes[1].id.id;
		CU_ASSERT_EQUAL(
		    lm_ledger_seat(lm_ledger_net(w.nodes[0].l, &id), other)->absent, true);
	}
	world_free(&w);
}

LM_SUITE("ledger_cost", {"one_network", test_one_network}, {"many_networks", test_many_networks},
    {"one_sided", test_one_sided})
