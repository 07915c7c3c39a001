/* SPDX-License-Identifier: Apache-2.0 */
/* Where a chain begins: the genesis, or a new start that the owner's key has signed. */
#define LM_LOG_MODULE "chain"
#include "chain/internal.h"

#include "base/log.h"

#define GENESIS_DOMAIN "leasemesh-chain-genesis-v1"
#define RECOVERY_DOMAIN "leasemesh-chain-recovery-v1"
#define START_DOMAIN "leasemesh-chain-start-v1"

/* The start stands where the block before the first one would. */
static void hash_in_domain(uint8_t out[HASH_LEN], const char *domain, const void *bytes, size_t len)
{
	uint8_t all[64 + LM_CHAIN_RECOVERY_MAX];
	struct lm_writer w = lm_writer(all, sizeof(all));

	lm_write(&w, domain, strlen(domain) + 1);
	lm_write(&w, bytes, len);
	lm_chain_hash(out, all, lm_writer_len(&w));
}

int lm_chain_start_genesis(struct start *out, const struct where *where, const struct state *s)
{
	uint8_t bytes[LM_NET_ID_LEN + HASH_LEN];

	*out = (struct start){.members = s->members};
	int err = lm_chain_state_hash(out->state, s);
	if (err < 0)
		return err;
	memcpy(bytes, where->net.b, LM_NET_ID_LEN);
	memcpy(bytes + LM_NET_ID_LEN, out->state, HASH_LEN);
	hash_in_domain(out->hash, GENESIS_DOMAIN, bytes, sizeof(bytes));
	return 0;
}

/* ---- the owner's statement ---- */

size_t lm_chain_recovery_write(
    const struct lm_chain_recovery *r, uint8_t out[LM_CHAIN_RECOVERY_MAX])
{
	struct lm_writer w = lm_writer(out, LM_CHAIN_RECOVERY_MAX);
	struct members m = {.n = r->n_members};

	memcpy(m.key, r->members, sizeof(m.key));
	lm_write(&w, r->net.b, sizeof(r->net.b));
	lm_write_u32(&w, r->era);
	lm_write_u64(&w, r->height);
	lm_write(&w, r->state, HASH_LEN);
	lm_chain_members_write(&w, &m);
	return lm_writer_len(&w);
}

int lm_chain_recovery_read(struct lm_chain_recovery *out, const void *bytes, size_t len)
{
	struct lm_reader r = lm_reader(bytes, len);
	struct lm_chain_recovery s = {0};
	struct members m;

	lm_read(&r, s.net.b, sizeof(s.net.b));
	s.era = lm_read_u32(&r);
	s.height = lm_read_u64(&r);
	lm_read(&r, s.state, HASH_LEN);
	if (!lm_chain_members_read(&r, &m) || lm_reader_left(&r) || s.era == 0)
		return -EBADMSG;
	memcpy(s.members, m.key, sizeof(m.key));
	s.n_members = m.n;
	*out = s;
	return 0;
}

int lm_chain_recovery_sign(const struct lm_chain_recovery *r, const struct lm_identity *owner,
    uint8_t out[LM_CHAIN_RECOVERY_MAX])
{
	size_t len = lm_chain_recovery_write(r, out);
	struct lm_signature sig;

	int err = lm_sign(&sig, owner, RECOVERY_DOMAIN, out, len);
	if (err < 0)
		return err;
	memcpy(out + len, sig.b, sizeof(sig.b));
	return (int)(len + sizeof(sig.b));
}

int lm_chain_start_read(struct start *out, const struct network *net, const void *bytes, size_t len)
{
	struct lm_reader r = lm_reader(bytes, len);
	struct start s = {.statement_len = len};
	struct lm_net_id id;
	struct lm_signature sig;

	if (len > sizeof(s.statement))
		return -EBADMSG;
	memcpy(s.statement, bytes, len);
	lm_read(&r, id.b, sizeof(id.b));
	s.era = lm_read_u32(&r);
	s.height = lm_read_u64(&r);
	lm_read(&r, s.state, HASH_LEN);
	if (!lm_chain_members_read(&r, &s.members))
		return -EBADMSG;
	size_t fields = len - lm_reader_left(&r);
	lm_read(&r, sig.b, sizeof(sig.b));
	if (r.failed || lm_reader_left(&r) || s.era == 0 || s.height > UINT64_MAX / 2 ||
	    memcmp(id.b, net->where.net.b, sizeof(id.b)) != 0 ||
	    !lm_verify(&sig, &net->owner, RECOVERY_DOMAIN, bytes, fields))
		return -EBADMSG;
	hash_in_domain(s.hash, START_DOMAIN, bytes, fields);
	*out = s;
	return 0;
}

static int state_with_members(
    struct state *out, const struct network *net, const struct members *members)
{
	int err = lm_chain_state_copy(out, &net->state);

	if (err == 0)
		out->members = *members;
	return err;
}

int lm_chain_recovery_from(const struct lm_chain *c, const struct lm_net_id *id,
    const struct lm_public_key *members, unsigned n, struct lm_chain_recovery *out)
{
	const struct network *net = lm_chain_net(c, id);
	struct members m;
	struct state s;

	if (!net)
		return -ENOENT;
	int err = lm_chain_members_make(&m, members, n);
	if (err == 0)
		err = state_with_members(&s, net, &m);
	if (err < 0)
		return err;
	*out = (struct lm_chain_recovery){
	    .net = *id, .era = net->where.era + 1, .height = net->height + 1, .n_members = n};
	memcpy(out->members, m.key, sizeof(m.key));
	err = lm_chain_state_hash(out->state, &s);
	lm_chain_state_free(&s);
	return err;
}

/* ---- going on from it ---- */

/* The state that it goes on from is the one we have. */
static int restart_here(struct network *net, const struct start *start, struct state *state)
{
	struct lm_chain *c = net->chain;
	struct lm_public_key nobody = {0};

	int err = lm_chain_tip_persist(net, start, start->height, start->hash, &nobody, state);
	if (err < 0)
		return err;
	lm_chain_ahead_free(net);
	lm_chain_pieces_free(&net->pieces, &net->n_pieces, &net->room);
	lm_chain_state_free(&net->state);
	net->state = *state;
	net->start = *start;
	net->where.era = start->era;
	net->height = start->height;
	net->maker = nobody;
	memcpy(net->hash, start->hash, HASH_LEN);
	memcpy(net->state_hash, start->state, HASH_LEN);
	net->tell = (struct tell){0};
	lm_chain_contacts_reset(net);
	lm_chain_tip_moved(net);
	c->ops.truncate(c->ctx, &net->where.net, start->height);
	c->ops.grown(c->ctx, &net->where.net, net->height, true);
	return 0;
}

/* It is not: somebody who has it must be found. */
static void restart_elsewhere(struct network *net, const struct start *start)
{
	const struct members *m = &start->members;

	lm_chain_ahead_free(net);
	net->ahead.restarted = true;
	net->ahead.start = *start;
	net->ahead.members = *m;
	lm_chain_proposal_reset(net);
	lm_chain_fetch(net, &m->key[lm_chain_random(net, m->n)]);
}

int lm_chain_restart(struct network *net, const struct start *start)
{
	uint8_t hash[HASH_LEN];
	struct state state;

	int err = state_with_members(&state, net, &start->members);
	if (err == 0)
		err = lm_chain_state_hash(hash, &state);
	if (err < 0)
		return err;
	lm_warn("the owner's key restarts a chain at height %llu, era %u, with %u members",
	    (unsigned long long)start->height, start->era, start->members.n);
	if (start->height > net->height && memcmp(hash, start->state, HASH_LEN) == 0) {
		err = restart_here(net, start, &state);
		if (err < 0)
			lm_chain_state_free(&state);
		return err;
	}
	lm_chain_state_free(&state);
	restart_elsewhere(net, start);
	return 0;
}

static bool is_newer(const struct network *net, const struct start *start)
{
	uint32_t known = net->ahead.restarted ? net->ahead.start.era : net->where.era;

	return start->era > known;
}

int lm_chain_recover(struct lm_chain *c, const struct lm_now *now, const struct lm_net_id *id,
    const void *bytes, size_t len)
{
	struct network *net = lm_chain_net(c, id);
	struct start start;

	c->now = *now;
	if (!net)
		return -ENOENT;
	int err = lm_chain_start_read(&start, net, bytes, len);
	if (err < 0)
		return err;
	err = is_newer(net, &start) ? lm_chain_restart(net, &start) : -ESTALE;
	lm_timers_set(&c->timers, &net->timer, now->mono); /* what is due is found by the tick */
	return err;
}

/* ---- telling ---- */

void lm_chain_send_start(struct network *net, const struct lm_public_key *to)
{
	uint8_t bytes[LM_MESSAGE_MAX];
	struct lm_writer w = lm_chain_begin(net, net->height, bytes);

	if (!net->start.statement_len)
		return;
	lm_write_u32(&w, (uint32_t)lm_chain_state_len(&net->state));
	lm_write(&w, net->start.statement, net->start.statement_len);
	lm_chain_send(net, to, LM_MSG_CHAIN_START, &w);
}

void lm_chain_on_start(struct message *m)
{
	struct network *net = m->net;
	uint32_t state_len = lm_read_u32(&m->r);
	struct start start;

	if (m->r.failed || lm_chain_start_read(&start, net, m->r.at, lm_reader_left(&m->r)) < 0) {
		lm_chain_drop(net, LM_CD_MALFORMED);
		return;
	}
	if (is_newer(net, &start) && lm_chain_restart(net, &start) < 0) {
		lm_chain_drop(net, LM_CD_MEMORY);
		return;
	}
	if (!net->ahead.restarted || net->ahead.start.era != start.era)
		return;
	net->fetch.from = *m->from;
	net->fetch.tip = m->height;
	net->fetch.state_len = state_len;
	lm_chain_ahead_apply(net);
}
