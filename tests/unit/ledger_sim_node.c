/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger_sim.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WALL0 (1800000000ull * SECOND) /* 2027-01-15 */
#define DEAD_AFTER (LM_DEAD_AFTER * SECOND)
#define VALUE_LEN 12

/* ---- records of these worlds ---- */

size_t sim_key(unsigned key, uint8_t out[8])
{
	if (!key)
		return 0;
	memcpy(out, "db/", 3);
	out[3] = (uint8_t)('0' + key);
	return 4;
}

static int key_of(const struct lm_ledger_record *r)
{
	uint8_t key[8];

	for (unsigned k = 0; k < SIM_KEYS; k++)
		if (r->kind == (k ? LM_LEDGER_ENDPOINT : LM_LEDGER_GATEWAY) &&
		    r->key_len == sim_key(k, key) && memcmp(r->key, key, r->key_len) == 0)
			return (int)k;
	return -1;
}

unsigned sim_bucket(const struct lm_public_key *key)
{
	return (unsigned)(key->b[0] << 8 | key->b[1]) % SIM_BUCKETS;
}

static int node_of(const struct sim *s, const struct lm_public_key *key)
{
	for (unsigned at = sim_bucket(key); s->by_key[at]; at = (at + 1) % SIM_BUCKETS)
		if (memcmp(&s->node[s->by_key[at] - 1].id.pub, key, sizeof(*key)) == 0)
			return s->by_key[at] - 1;
	return -1;
}

static void value_of(
    uint8_t out[VALUE_LEN], unsigned net, unsigned author, unsigned key, uint32_t serial)
{
	struct lm_writer w = lm_writer(out, VALUE_LEN);

	lm_write_u16(&w, (uint16_t)author);
	lm_write_u8(&w, (uint8_t)net);
	lm_write_u8(&w, (uint8_t)key);
	lm_write_u32(&w, serial);
	lm_write_u32(&w, ~serial);
}

static int net_of(const struct sim *s, const struct lm_net_id *id)
{
	for (unsigned i = 0; i < SIM_NETS; i++)
		if (memcmp(&s->net[i].id, id, sizeof(*id)) == 0)
			return (int)i;
	return -1;
}

/* What it says, checked against who says it; 0: nonsense. */
static uint32_t serial_of(const struct sim *s, unsigned net, const struct lm_ledger_record *r)
{
	int author = node_of(s, r->author), key = key_of(r);
	uint8_t want[VALUE_LEN];
	uint32_t serial;

	if (author < 0 || key < 0 || r->value_len != VALUE_LEN)
		return 0;
	memcpy(&serial, r->value + 4, 4);
	serial = __builtin_bswap32(serial);
	value_of(want, net, (unsigned)author, (unsigned)key, serial);
	return memcmp(want, r->value, VALUE_LEN) == 0 && serial <= s->serial ? serial : 0;
}

/* ---- a ledger's effects ---- */

static void on_send(void *ctx, struct lm_peer *peer, uint8_t type, const uint8_t *body, size_t len)
{
	struct sim_node *n = ctx;
	struct sim *s = n->sim;
	unsigned to = ((struct sim_handle *)(void *)peer)->to;

	if (!n->up[to] || len > LM_MESSAGE_MAX || len == 0)
		sim_broken(s, n, "sends %zu bytes to %u, up %d", len, to, n->up[to]);
	n->sent_bytes += len + 37 + 28; /* session, UDP and IPv4 */
	n->sent_messages++;
	if (s->cut[n->index * s->n + to] || sim_random(s, 100) < s->loss)
		return;
	for (unsigned copies = sim_random(s, 100) < s->dup ? 2 : 1; copies--;) {
		struct sim_event e = {.node = to, .from = n->index, .type = type, .len = len};
		e.at = s->mono + s->delay + (s->jitter ? sim_random(s, s->jitter) : 0);
		e.body = malloc(len ? len : 1);
		assert(e.body);
		memcpy(e.body, body, len);
		sim_add_event(s, e);
	}
}

static void on_random(void *ctx, void *buf, size_t len)
{
	struct sim_node *n = ctx;
	uint8_t *at = buf;

	while (len--)
		*at++ = (uint8_t)sim_random(n->sim, 256);
}

static struct sim_seen *seen(struct sim_node *n, unsigned net, const struct lm_ledger_record *r)
{
	int author = node_of(n->sim, r->author), key = key_of(r);

	return author < 0 || key < 0 ? NULL : &n->seen[net][author][key];
}

static void on_changed(void *ctx, const struct lm_net_id *id, const struct lm_ledger_record *r)
{
	struct sim_node *n = ctx;
	int net = net_of(n->sim, id);

	n->changed++;
	if (!n->seen || net < 0)
		return;
	uint32_t serial = serial_of(n->sim, (unsigned)net, r);
	struct sim_seen *at = seen(n, (unsigned)net, r);
	if (!serial || !at || r->own)
		sim_broken(n->sim, n, "was told of what nobody has published");
	else if (at->serial == serial)
		sim_broken(n->sim, n, "was told again of serial %u", serial);
	else
		at->serial = serial;
}

static void on_gone(
    void *ctx, const struct lm_net_id *id, const struct lm_ledger_record *r, const char *reason)
{
	struct sim_node *n = ctx;
	int net = net_of(n->sim, id);

	n->gone++;
	if (!n->seen || net < 0)
		return;
	struct sim_seen *at = seen(n, (unsigned)net, r);
	if (!at || !at->serial)
		sim_broken(n->sim, n, "what it never had is gone: %s", reason);
	else
		at->serial = 0;
}

static struct sim_file *file_of(struct sim_node *n, unsigned net, const uint8_t *id)
{
	for (unsigned i = 0; i < n->n_files; i++)
		if (n->files[i].net == net && memcmp(n->files[i].id, id, LM_LEDGER_ID_LEN) == 0)
			return &n->files[i];
	return NULL;
}

static void on_persist(
    void *ctx, const struct lm_net_id *id, const uint8_t *name, const uint8_t *bytes, size_t len)
{
	struct sim_node *n = ctx;
	unsigned net = (unsigned)net_of(n->sim, id);
	struct sim_file *f = n->keeps ? file_of(n, net, name) : NULL;

	if (!n->keeps)
		return;
	if (!f && n->n_files == n->cap_files) {
		n->cap_files = n->cap_files ? 2 * n->cap_files : 16;
		n->files = realloc(n->files, n->cap_files * sizeof(*f));
		assert(n->files);
	}
	if (!f)
		f = &n->files[n->n_files++];
	assert(len <= sizeof(f->bytes));
	f->net = net;
	memcpy(f->id, name, LM_LEDGER_ID_LEN);
	f->len = len;
	memcpy(f->bytes, bytes, len);
}

static void on_forget(void *ctx, const struct lm_net_id *id, const uint8_t *name)
{
	struct sim_node *n = ctx;
	struct sim_file *f = file_of(n, (unsigned)net_of(n->sim, id), name);

	if (n->keeps && !f)
		sim_broken(n->sim, n, "forgets what it never kept");
	if (f)
		*f = n->files[--n->n_files];
}

static const struct lm_ledger_ops ops = {
    .send = on_send,
    .random = on_random,
    .changed = on_changed,
    .gone = on_gone,
    .persist = on_persist,
    .forget = on_forget,
};

/* ---- what must hold ---- */

struct check {
	struct sim_node *n;
	unsigned net, others, per_author[SIM_NODES];
};

static int check_record(void *ctx, const struct lm_ledger_record *r)
{
	struct check *c = ctx;
	struct sim_node *n = c->n;
	int author = node_of(n->sim, r->author);
	struct sim_seen *at = seen(n, c->net, r);
	uint32_t serial = serial_of(n->sim, c->net, r);

	c->others += !r->own;
	if (author < 0 || !n->authors[c->net][author]) {
		sim_broken(n->sim, n, "has a record of %d, who is not authorised", author);
		return 0;
	}
	c->per_author[author]++;
	if (!at || !serial || r->own != ((unsigned)author == n->index)) {
		sim_broken(n->sim, n, "has what nobody has published");
		return 0;
	}
	if (!r->own && serial != at->serial)
		sim_broken(n->sim, n, "has serial %u but told of %u", serial, at->serial);
	if (r->version < at->version)
		sim_broken(n->sim, n, "a version of author %d has fallen", author);
	at->version = r->version;
	if (r->expiry * SECOND + 60 * SECOND < sim_now(n).wall)
		sim_broken(n->sim, n, "keeps what has long expired");
	return 0;
}

static void check_node(struct sim_node *n)
{
	struct sim *s = n->sim;

	unsigned limit = s->config.max_author_records;

	for (unsigned net = 0; n->l && n->seen && net < SIM_NETS; net++) {
		struct check c = {.n = n, .net = net};
		unsigned told = 0;
		if (!n->knows[net])
			continue;
		lm_ledger_each(n->l, &s->net[net].id, 0, check_record, &c);
		if (c.others && !n->joined[net])
			sim_broken(s, n, "has records where it does not take part");
		for (unsigned a = 0; a < s->n; a++) {
			if (limit && c.per_author[a] > limit)
				sim_broken(s, n, "has too many records of %u", a);
			for (unsigned k = 0; k < SIM_KEYS; k++)
				told += n->seen[net][a][k].serial != 0;
		}
		if (told != c.others)
			sim_broken(s, n, "was told of %u records and has %u", told, c.others);
	}
}

/* ---- a gateway's life ---- */

void sim_tick(struct sim_node *n)
{
	struct lm_now now = sim_now(n);

	n->tick_at = lm_ledger_tick(n->l, &now);
	if (n->tick_at <= n->sim->mono)
		sim_broken(n->sim, n, "the next tick is in the past");
	if (n->tick_at != LM_NEVER)
		sim_add_event(n->sim, (struct sim_event){.at = n->tick_at, .node = n->index});
	if (n->sim->check_every && n->sim->events++ % n->sim->check_every == 0)
		check_node(n);
}

static int publish(struct sim_node *n, unsigned net, unsigned key)
{
	struct lm_now now = sim_now(n);
	uint8_t name[8], value[VALUE_LEN];
	size_t len = sim_key(key, name);

	value_of(value, net, n->index, key, n->stands[net][key]);
	return lm_ledger_publish(n->l, &now, &n->sim->net[net].id,
	    key ? LM_LEDGER_ENDPOINT : LM_LEDGER_GATEWAY, name, len, value, VALUE_LEN,
	    SIM_LIFETIME);
}

/* Whoever was no author for a while starts again. */
static void publish_all(struct sim_node *n, unsigned net)
{
	for (unsigned k = 0; n->joined[net] && n->authors[net][n->index] && k < SIM_KEYS; k++)
		if (n->stands[net][k])
			publish(n, net, k);
}

void sim_tell(struct sim *s, unsigned net, unsigned node)
{
	struct sim_node *n = &s->node[node];
	struct lm_public_key *keys = calloc(s->n, sizeof(*keys));
	struct lm_now now = sim_now(n);
	unsigned n_keys = 0;

	assert(keys);
	memcpy(n->authors[net], s->net[net].authors, sizeof(n->authors[net]));
	for (unsigned i = 0; i < s->n; i++)
		if (s->net[net].authors[i])
			keys[n_keys++] = s->node[i].id.pub;
	n->knows[net] = true;
	if (n->l) {
		int err =
		    lm_ledger_set(n->l, &now, &s->net[net].id, &s->net[net].secret, keys, n_keys);
		assert(err == 0);
		publish_all(n, net);
		sim_tick(n);
	}
	free(keys);
}

static void forget_seen(struct sim_node *n, unsigned net)
{
	if (n->seen)
		memset(n->seen[net], 0, sizeof(n->seen[net]));
}

void sim_join(struct sim *s, unsigned net, unsigned node, bool yes)
{
	struct sim_node *n = &s->node[node];
	struct lm_now now = sim_now(n);

	n->joined[net] = yes;
	if (!yes) {
		memset(n->stands[net], 0, sizeof(n->stands[net]));
		forget_seen(n, net);
	}
	if (!n->l)
		return;
	if (yes)
		lm_ledger_join(n->l, &now, &s->net[net].id);
	else
		lm_ledger_part(n->l, &now, &s->net[net].id);
	sim_tick(n);
}

int sim_publish(struct sim *s, unsigned node, unsigned net, unsigned key)
{
	struct sim_node *n = &s->node[node];
	int err = 0;

	n->stands[net][key] = ++s->serial;
	if (n->l) {
		err = publish(n, net, key);
		sim_tick(n);
	}
	return err;
}

void sim_withdraw(struct sim *s, unsigned node, unsigned net, unsigned key)
{
	struct sim_node *n = &s->node[node];
	struct lm_now now = sim_now(n);
	uint8_t name[8];
	size_t len = sim_key(key, name);

	n->stands[net][key] = 0;
	if (!n->l)
		return;
	lm_ledger_withdraw(
	    n->l, &now, &s->net[net].id, key ? LM_LEDGER_ENDPOINT : LM_LEDGER_GATEWAY, name, len);
	sim_tick(n);
}

static void restore(struct sim_node *n)
{
	unsigned n_files = n->n_files, kept = 0;
	struct lm_now now = sim_now(n);

	for (unsigned i = 0; i < n_files; i++) {
		struct sim_file f = n->files[i];
		if (lm_ledger_restore(n->l, &now, &n->sim->net[f.net].id, f.bytes, f.len) == 0)
			n->files[kept++] = f;
	}
	assert(n->n_files == n_files); /* restoring writes nothing */
	n->n_files = kept;
}

void sim_start(struct sim *s, unsigned node)
{
	struct sim_node *n = &s->node[node];
	int err = lm_ledger_create(&n->l, &n->id, &s->config, &ops, n);

	assert(err == 0);
	n->liar = false;
	s->unsettled = true;
	for (unsigned net = 0; net < SIM_NETS; net++)
		forget_seen(n, net);
	for (unsigned net = 0; net < SIM_NETS; net++) {
		struct lm_now now = sim_now(n);
		if (n->knows[net])
			sim_tell(s, net, node); /* the manifest is kept elsewhere */
		if (n->joined[net])
			lm_ledger_join(n->l, &now, &s->net[net].id);
	}
	restore(n);
	for (unsigned net = 0; net < SIM_NETS; net++)
		publish_all(n, net);
	sim_tick(n);
}

void sim_crash(struct sim *s, unsigned node)
{
	struct sim_node *n = &s->node[node];

	lm_ledger_free(n->l);
	n->l = NULL;
	n->tick_at = LM_NEVER;
	memset(n->up, 0, s->n * sizeof(n->up[0]));
	s->unsettled = true;
}

/* ---- looking from outside ---- */

struct look {
	const struct sim *s;
	unsigned net, author;
	uint32_t serial;
};

static int look(void *ctx, const struct lm_ledger_record *r)
{
	struct look *lk = ctx;

	if (memcmp(r->author, &lk->s->node[lk->author].id.pub, sizeof(*r->author)) != 0)
		return 0;
	lk->serial = serial_of(lk->s, lk->net, r);
	return 1;
}

uint32_t sim_has(struct sim *s, unsigned node, unsigned net, unsigned author, unsigned key)
{
	struct look lk = {.s = s, .net = net, .author = author};
	uint8_t name[8];
	size_t len = sim_key(key, name);

	if (s->node[node].l)
		lm_ledger_find(s->node[node].l, &s->net[net].id,
		    key ? LM_LEDGER_ENDPOINT : LM_LEDGER_GATEWAY, name, len, look, &lk);
	return lk.serial;
}

/* ---- lies ---- */

void sim_say(struct sim *s, unsigned from, unsigned to, uint8_t type, const void *body, size_t len)
{
	struct sim_event e = {.at = s->mono, .node = to, .from = from, .type = type, .len = len};

	e.body = malloc(len ? len : 1);
	assert(e.body);
	if (len)
		memcpy(e.body, body, len);
	sim_add_event(s, e);
}

size_t sim_forge(struct sim *s, const struct sim_forged *f, uint8_t out[LM_MESSAGE_MAX])
{
	struct sim_node *author = &s->node[f->author];
	struct lm_ledger l = {.ops = ops, .ctx = author};
	struct network net = {.id = s->net[f->net].id, .secret = s->net[f->net].secret};
	uint8_t key[8], value[VALUE_LEN], plain[RECORD_MAX];
	struct lm_signature sig;
	struct lm_writer w = lm_writer(plain, sizeof(plain));
	struct fields fields = {
	    .author = author->id.id,
	    .kind = f->key ? LM_LEDGER_ENDPOINT : LM_LEDGER_GATEWAY,
	    .flags = f->flags,
	    .key = key,
	    .key_len = (uint8_t)sim_key(f->key, key),
	    .value = value,
	    .value_len = f->flags & TOMBSTONE ? 0 : VALUE_LEN,
	    .version = f->version,
	    .expiry = f->expiry,
	    .signature = sig.b,
	};

	l.now = sim_now(author);
	l.now.wall += (uint64_t)(f->window * LM_LEDGER_WINDOW) * SECOND;
	lm_ledger_keys(&net);
	value_of(value, f->net, f->author, f->key, f->serial);
	lm_ledger_sign(&author->id, &net.id, &fields, &sig);
	sig.b[40] ^= f->badly_signed;
	lm_ledger_write_fields(&w, &fields);
	lm_ledger_seal(&l, &net, plain, lm_writer_len(&w), out);
	return SECTION_FIXED + lm_writer_len(&w);
}
