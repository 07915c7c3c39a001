/* SPDX-License-Identifier: Apache-2.0 */
/* Networks and their authors. */
#include "ledger/internal.h"

#define AUTHORS_MAX 4096

struct network *lm_ledger_net(const struct lm_ledger *l, const struct lm_net_id *id)
{
	struct network *net;

	HASH_FIND(by_id, l->by_id, id->b, LM_NET_ID_LEN, net);
	return net;
}

struct seat *lm_ledger_seat(const struct network *net, const struct lm_key_id *author)
{
	unsigned low = 0, high = net->n_seats;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		int order = memcmp(net->seats[mid].gateway->id.b, author->b, LM_KEY_ID_LEN);
		if (order == 0)
			return &net->seats[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

struct network *lm_ledger_net_shared(const struct lm_ledger *l, const struct gateway *g,
    const uint8_t tag[TAG_LEN], struct seat **seat)
{
	struct network *net;

	HASH_FIND(by_tag, l->by_tag, tag, TAG_LEN, net);
	if (!net || !net->joined)
		return NULL;
	*seat = lm_ledger_seat(net, &g->id);
	return *seat && *seat != net->self ? net : NULL;
}

const uint8_t *lm_ledger_root(struct network *net)
{
	const struct lm_node all = {0};

	if (!net->root_valid)
		lm_shelf_digest(&net->records, &all, net->digest_key, net->root);
	net->root_valid = true;
	return net->root;
}

/* ---- who takes part ---- */

static void shelve(struct seat *seat)
{
	/* Without memory this network is not compared with that peer; pushes still reach it. */
	if (seat->shelved || lm_shelf_reserve(&seat->gateway->shared) < 0)
		return;
	memcpy(seat->leaf.id, seat->net->tag, TAG_LEN);
	memcpy(seat->leaf.state, lm_ledger_root(seat->net), LM_LEAF_LEN);
	lm_shelf_put(&seat->gateway->shared, &seat->leaf);
	seat->shelved = true;
}

static void unshelve(struct seat *seat)
{
	if (seat->shelved)
		lm_shelf_take(&seat->gateway->shared, &seat->leaf);
	seat->shelved = false;
}

void lm_ledger_presence(struct seat *seat, bool absent)
{
	if (seat->absent == absent)
		return;
	seat->absent = absent;
	seat->gateway->n_absent += absent ? 1 : -1u;
	if (absent)
		unshelve(seat);
	else if (seat->net->joined)
		shelve(seat);
}

/* All seats but our own, and their gateways are told. */
static void take_part(struct lm_ledger *l, struct network *net)
{
	for (unsigned i = 0; i < net->n_seats; i++) {
		struct seat *seat = &net->seats[i];
		if (seat == net->self)
			continue;
		lm_ledger_presence(seat, false);
		shelve(seat);
		lm_ledger_tell(l, seat->gateway);
	}
}

static void step_back(struct network *net)
{
	for (unsigned i = 0; i < net->n_seats; i++)
		unshelve(&net->seats[i]);
}

/* ---- seats ---- */

static int compare_seats(const void *a, const void *b)
{
	const struct seat *x = a, *y = b;

	return memcmp(x->gateway->id.b, y->gateway->id.b, LM_KEY_ID_LEN);
}

static void free_seats(struct lm_ledger *l, struct seat *seats, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		seats[i].gateway->seats--;
		seats[i].gateway->n_absent -= seats[i].absent;
		lm_ledger_gateway_release(l, seats[i].gateway);
	}
	free(seats);
}

/* The keys' seats, sorted, each once: how many, or -ENOMEM. */
static int make_seats(struct lm_ledger *l, struct network *net, const struct lm_public_key *keys,
    unsigned n, struct seat **out)
{
	struct seat *seats = calloc(n ? n : 1, sizeof(*seats));
	unsigned made = 0, kept = 0;

	if (!seats)
		return -ENOMEM;
	for (; made < n; made++) {
		struct gateway *g = lm_ledger_gateway_get(l, &keys[made]);
		if (!g) {
			free_seats(l, seats, made);
			return -ENOMEM;
		}
		g->seats++;
		seats[made].gateway = g;
		seats[made].net = net;
	}
	qsort(seats, made, sizeof(*seats), compare_seats);
	for (unsigned i = 0; i < made; i++) {
		if (kept && seats[kept - 1].gateway == seats[i].gateway)
			seats[i].gateway->seats--;
		else
			seats[kept++] = seats[i];
	}
	*out = seats;
	return (int)kept;
}

/* Records get the seats of the new list; those of authors that are not in it go. */
static void reseat(struct lm_ledger *l, struct network *net, struct seat *seats, unsigned n)
{
	struct seat *old = net->seats;
	unsigned n_old = net->n_seats;

	for (uint32_t i = net->records.n; i-- > 0;) {
		struct record *r = (struct record *)net->records.at[i];
		const struct seat key = {.gateway = r->seat->gateway};
		struct seat *seat = bsearch(&key, seats, n, sizeof(*seats), compare_seats);
		if (!seat) {
			lm_ledger_say_gone(l, r, "its author is no longer authorised");
			lm_ledger_drop_record(l, r, true);
			continue;
		}
		seat->n_records = r->seat->n_records;
		seat->n_bytes = r->seat->n_bytes;
		r->seat = seat;
	}
	net->seats = seats;
	net->n_seats = n;
	net->self = lm_ledger_seat(net, &l->self->id);
	free_seats(l, old, n_old);
}

/* ---- secrets ---- */

/* A new secret gives new names to all records. */
static void rename_records(struct lm_ledger *l, struct network *net)
{
	struct lm_shelf old = net->records;

	/* As large as the old one, so it cannot be too small; put keeps it sorted. */
	net->records = (struct lm_shelf){.at = calloc(old.cap, sizeof(*old.at)), .cap = old.cap};
	if (!net->records.at) { /* then they are pulled again */
		net->records = old;
		lm_ledger_drop_records(l, net, true);
		return;
	}
	for (uint32_t i = 0; i < old.n; i++) {
		struct record *r = (struct record *)old.at[i];
		if (l->ops.forget)
			l->ops.forget(l->ctx, &net->id, r->leaf.id);
		lm_ledger_record_id(
		    net, &r->seat->gateway->id, r->kind, r->bytes, r->key_len, r->leaf.id);
		lm_shelf_put(&net->records, &r->leaf);
		lm_ledger_persist(l, r);
	}
	lm_shelf_free(&old);
}

static void rekey(struct lm_ledger *l, struct network *net, const struct lm_secret *secret)
{
	HASH_DELETE(by_tag, l->by_tag, net);
	net->secret = *secret;
	lm_ledger_keys(net);
	HASH_ADD(by_tag, l->by_tag, tag, TAG_LEN, net);
	if (net->records.n)
		rename_records(l, net);
	net->root_valid = false;
}

/* ---- public ---- */

static struct network *network_new(
    struct lm_ledger *l, const struct lm_net_id *id, const struct lm_secret *secret)
{
	struct network *net = calloc(1, sizeof(*net));

	if (!net)
		return NULL;
	net->id = *id;
	net->secret = *secret;
	lm_ledger_keys(net);
	HASH_ADD(by_id, l->by_id, id, LM_NET_ID_LEN, net);
	HASH_ADD(by_tag, l->by_tag, tag, TAG_LEN, net);
	l->info.networks++;
	return net;
}

static void network_free(struct lm_ledger *l, struct network *net)
{
	HASH_DELETE(by_id, l->by_id, net);
	HASH_DELETE(by_tag, l->by_tag, net);
	free_seats(l, net->seats, net->n_seats);
	l->info.networks--;
	lm_wipe(net, sizeof(*net));
	free(net);
}

int lm_ledger_set(struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *id,
    const struct lm_secret *secret, const struct lm_public_key *authors, unsigned n)
{
	struct network *net = lm_ledger_net(l, id);
	struct seat *seats;

	l->now = *now;
	if (n > AUTHORS_MAX)
		return -EINVAL;
	if (!net && l->info.networks >= l->config.max_networks)
		return -ENOSPC;
	bool fresh = !net;
	if (fresh && !(net = network_new(l, id, secret)))
		return -ENOMEM;
	int made = make_seats(l, net, authors, n, &seats);
	if (made < 0) {
		if (fresh)
			network_free(l, net);
		return made;
	}
	step_back(net);
	reseat(l, net, seats, (unsigned)made);
	if (!lm_equal_secret(secret, &net->secret, sizeof(*secret)))
		rekey(l, net, secret);
	if (net->joined) {
		take_part(l, net);
		lm_ledger_stir(l, net);
	}
	return 0;
}

int lm_ledger_join(struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *id)
{
	struct network *net = lm_ledger_net(l, id);

	l->now = *now;
	if (!net)
		return -ENOENT;
	if (net->joined)
		return 0;
	net->joined = true;
	l->info.joined++;
	take_part(l, net);
	lm_ledger_stir(l, net);
	return 0;
}

static void part(struct lm_ledger *l, struct network *net, bool forget)
{
	if (!net->joined)
		return;
	step_back(net);
	lm_ledger_drop_records(l, net, forget);
	net->joined = false;
	l->info.joined--;
}

void lm_ledger_part(struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *id)
{
	struct network *net = lm_ledger_net(l, id);

	l->now = *now;
	if (net)
		part(l, net, true);
}

void lm_ledger_remove(struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *id)
{
	struct network *net = lm_ledger_net(l, id);

	l->now = *now;
	if (!net)
		return;
	part(l, net, true);
	network_free(l, net);
}

void lm_ledger_networks_free(struct lm_ledger *l)
{
	struct network *net, *next;

	HASH_ITER(by_id, l->by_id, net, next)
	{
		part(l, net, false);
		network_free(l, net);
	}
}
