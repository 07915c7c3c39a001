/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/chain: blocks, ballots, and what members sign about them.
 *
 * A block's hash is that of its header, which names the commands (the body) by their hash; so a
 * header without its body still proves the next one. Which ballot decided a block is no part of
 * it: gateways may hold different certificates of one block.
 */
#ifndef LM_CHAIN_BLOCK_H
#define LM_CHAIN_BLOCK_H

#include "chain/state.h"

/*
 * A ballot is (round, member's index) as one number, in that order; 0 is none. Round 0 belongs to
 * the maker of the block before alone: no lower ballot exists, so it need not ask for promises.
 */
#define ROUND_STEP (1ull << 32) /* nobody gets us to promise away more rounds at once */

static inline uint64_t ballot_of(uint64_t round, unsigned member)
{
	return (round << 3 | member) + 1;
}
static inline uint64_t ballot_round(uint64_t ballot)
{
	return ballot ? (ballot - 1) >> 3 : 0;
}
static inline unsigned ballot_member(uint64_t ballot)
{
	return (unsigned)(ballot - 1) & 7;
}

struct header {
	struct where where;
	uint64_t height;
	uint8_t prev[HASH_LEN];
	uint8_t body[HASH_LEN]; /* of the commands' bytes: a blob's name */
	uint32_t body_len;
	uint8_t state[HASH_LEN]; /* after the commands: likewise */
	uint8_t members[HASH_LEN]; /* likewise */
	struct lm_public_key maker;
};
#define HEADER_LEN (4 + 8 + 5 * HASH_LEN + 4) /* on the wire, without the network */

/* What is proposed: a header whose commands may not be here (yet). */
struct value {
	struct header header;
	uint8_t hash[HASH_LEN]; /* of the header */
	uint8_t *body; /* owned; NULL: not here */
};

/* Who accepted it, in one ballot. */
struct certificate {
	uint64_t ballot;
	uint8_t members; /* bit i: member i's is there */
	struct lm_signature signature[LM_CHAIN_MEMBERS_MAX];
};

/* A decided block, as it is kept and sent. */
struct decided {
	struct header header;
	struct certificate certificate;
	bool new_members; /* others than the block before names */
	struct members members; /* if so: who votes on the next one */
};
#define DECIDED_MAX \
	(HEADER_LEN + 8 + 1 + LM_CHAIN_MEMBERS_MAX * LM_SIGNATURE_LEN + 1 + 1 + \
	    LM_CHAIN_MEMBERS_MAX * LM_PUBLIC_KEY_LEN)

/* "Below this ballot I accept nothing any more at this height; this I have accepted highest." */
struct promise {
	uint64_t ballot, accepted; /* accepted 0: nothing */
	uint8_t hash[HASH_LEN]; /* of what was accepted, or zero */
	struct lm_signature signature;
};

void lm_chain_header_write(struct lm_writer *w, const struct header *h);
bool lm_chain_header_read(struct lm_reader *r, const struct lm_net_id *net, struct header *h);
void lm_chain_header_hash(uint8_t out[HASH_LEN], const struct header *h);

void lm_chain_value_free(struct value *v);
int lm_chain_value_copy(struct value *to, const struct value *from); /* -ENOMEM */
/*
 * The state after the value's commands. 0, or -ENOMEM, or -EINVAL: the header does not tell the
 * truth about them, or one of them does not apply. blocks: what each ASSIGN got; may be NULL.
 */
int lm_chain_value_apply(struct state *next, const struct state *state, const struct value *v,
    uint32_t blocks[LM_CHAIN_COMMANDS_MAX]);
/* Reads the commands of a body, which is malformed unless all of it is read. */
int lm_chain_body_read(struct command out[LM_CHAIN_COMMANDS_MAX], const uint8_t *body, size_t len);

int lm_chain_accept_sign(struct lm_signature *out, const struct lm_identity *member,
    const struct where *where, uint64_t height, uint64_t ballot, const uint8_t hash[HASH_LEN]);
bool lm_chain_accept_verify(const struct lm_signature *sig, const struct lm_public_key *member,
    const struct where *where, uint64_t height, uint64_t ballot, const uint8_t hash[HASH_LEN]);
int lm_chain_promise_sign(struct promise *p, const struct lm_identity *member,
    const struct where *where, uint64_t height, const uint8_t prev[HASH_LEN]);
bool lm_chain_promise_verify(const struct promise *p, const struct lm_public_key *member,
    const struct where *where, uint64_t height, const uint8_t prev[HASH_LEN]);

void lm_chain_decided_write(struct lm_writer *w, const struct decided *d);
bool lm_chain_decided_read(struct lm_reader *r, const struct lm_net_id *net, struct decided *d);
/* Is it decided by these members, whom the block before names? */
bool lm_chain_decided_verify(const struct decided *d, const struct members *before);

#endif
