/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs that a member signed what it must not, and blocks that only such a member explains. */
#define LM_LOG_MODULE "chain"
#include "chain/internal.h"

#include "base/log.h"

static bool is_known(const struct network *net, const struct lm_public_key *member)
{
	for (unsigned i = 0; i < net->n_guilt; i++)
		if (memcmp(net->guilt[i].member.b, member->b, sizeof(member->b)) == 0)
			return true;
	return false;
}

static void keep(struct network *net, const struct lm_chain_guilt *g)
{
	if (!net->guilt)
		net->guilt = calloc(LM_CHAIN_MEMBERS_MAX, sizeof(*net->guilt));
	if (net->guilt && net->n_guilt < LM_CHAIN_MEMBERS_MAX)
		net->guilt[net->n_guilt++] = *g;
	else
		lm_chain_drop(net, LM_CD_LIMIT);
}

void lm_chain_guilty(struct network *net, const struct lm_public_key *member, uint64_t height,
    uint64_t ballot, struct accepted a, struct accepted b)
{
	struct lm_chain *c = net->chain;
	struct lm_chain_guilt g = {
	    .member = *member, .era = net->where.era, .height = height, .ballot = ballot};
	char id[LM_KEY_ID_TEXT], name[LM_NET_ID_TEXT];
	struct lm_key_id key_id = lm_key_id(member);

	if (is_known(net, member))
		return;
	memcpy(g.hash[0], a.hash, HASH_LEN);
	memcpy(g.hash[1], b.hash, HASH_LEN);
	g.signature[0] = *a.signature;
	g.signature[1] = *b.signature;
	keep(net, &g);
	c->stats.guilty++;
	lm_error("network %s: member %s signed two blocks of height %llu in one ballot: it lies",
	    lm_hex(name, net->where.net.b, sizeof(net->where.net.b)),
	    lm_hex(id, key_id.b, sizeof(key_id.b)), (unsigned long long)height);
	c->ops.guilty(c->ctx, &net->where.net, &g);
}

/* Who signed both, if both were decided in one ballot. */
static void find_guilty(
    struct network *net, const struct decided *a, const struct decided *b, struct members *voters)
{
	uint8_t hash[2][HASH_LEN];

	if (a->certificate.ballot != b->certificate.ballot)
		return;
	lm_chain_header_hash(hash[0], &a->header);
	lm_chain_header_hash(hash[1], &b->header);
	for (unsigned i = 0; i < voters->n; i++)
		if (a->certificate.members & b->certificate.members & 1u << i)
			lm_chain_guilty(net, &voters->key[i], a->header.height,
			    a->certificate.ballot,
			    (struct accepted){hash[0], &a->certificate.signature[i]},
			    (struct accepted){hash[1], &b->certificate.signature[i]});
}

void lm_chain_fork(struct network *net, const struct decided *other)
{
	const struct piece *p = lm_chain_piece(net, other->header.height);
	struct members voters = lm_chain_voters(net, other->header.height);
	struct lm_reader r = lm_reader(p->bytes, p->len);
	struct decided ours;
	char name[LM_NET_ID_TEXT];

	lm_chain_drop(net, LM_CD_FORKED);
	if (!lm_chain_decided_read(&r, &net->where.net, &ours) ||
	    memcmp(ours.header.prev, other->header.prev, HASH_LEN) != 0 ||
	    !lm_chain_decided_verify(other, &voters))
		return;
	net->chain->stats.forks++;
	lm_error_limited("network %s: two blocks of height %llu are certified: a member has lied",
	    lm_hex(name, net->where.net.b, sizeof(net->where.net.b)),
	    (unsigned long long)other->header.height);
	find_guilty(net, &ours, other, &voters);
}
