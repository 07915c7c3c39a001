/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/chain: the state that the blocks of a network lead to. A value: copied, changed by
 * applying a command, compared by the hash of its canonical bytes, which every gateway gets alike.
 */
#ifndef LM_CHAIN_STATE_H
#define LM_CHAIN_STATE_H

#include "base/bytes.h"
#include "chain/chain.h"

#define HASH_LEN LM_CHAIN_HASH_LEN
#define NOBODY UINT16_MAX
#define GATEWAY_LEN (LM_PUBLIC_KEY_LEN + 8 + 8 + 8) /* as bytes */
#define SLOT_LEN (2 + 8)
#define ENDPOINT_FIXED (1 + 2 + 4 + 8)

struct members {
	unsigned n;
	struct lm_public_key key[LM_CHAIN_MEMBERS_MAX]; /* sorted as bytes */
};

struct known { /* a gateway that was named */
	struct lm_public_key key;
	uint64_t number; /* the highest of its commands that were applied */
	uint64_t window; /* bit i: number - 1 - i was applied, too; lower ones count as applied */
	uint64_t serial; /* of the latest */
};

struct slot { /* an address block */
	uint16_t owner; /* index in gateways, or NOBODY */
	uint64_t until; /* UTC seconds; not 0: in quarantine, then nobody owns it */
};

struct endpoint {
	uint8_t key_len, key[LM_CHAIN_KEY_MAX];
	uint16_t gateway; /* index in gateways, or NOBODY */
	uint32_t address;
	uint64_t generation;
};

struct state {
	struct members members;
	uint64_t serial;
	uint32_t n_blocks, block_size; /* of the prefix, from the genesis */
	struct known *gateways; /* in order of first mention */
	unsigned n_gateways;
	struct slot *slots; /* by index; beyond the last that is not free: nothing */
	unsigned n_slots;
	struct endpoint *endpoints; /* in order of key */
	uint32_t *addresses; /* theirs, in order: no part of the bytes */
	unsigned n_endpoints;
};

/* A command with what proves it. */
struct command {
	struct lm_chain_command c;
	struct lm_signature signature; /* the author's */
	uint8_t consents; /* bit i: member i's is there */
	struct lm_signature consent[LM_CHAIN_MEMBERS_MAX];
};

/* What a statement is about, so that nothing signed for one chain or start counts in another. */
struct where {
	struct lm_net_id net;
	uint32_t era;
};

#define STATEMENT_MAX 256 /* bytes of a command without proofs */
#define COMMAND_MAX (STATEMENT_MAX + LM_SIGNATURE_LEN + 1 + LM_CHAIN_MEMBERS_MAX * LM_SIGNATURE_LEN)

/* ---- state.c ---- */

void lm_chain_hash(uint8_t out[HASH_LEN], const void *bytes, size_t len);
int lm_chain_genesis_state(struct state *out, const struct lm_chain_genesis *g);
int lm_chain_state_copy(struct state *to, const struct state *from); /* -ENOMEM */
void lm_chain_state_free(struct state *s); /* leaves it empty */
size_t lm_chain_state_len(const struct state *s);
void lm_chain_state_write(struct lm_writer *w, const struct state *s);
/* The whole of the reader, strictly: -EBADMSG, -ENOMEM. */
int lm_chain_state_read(struct state *out, struct lm_reader *r);
/* -ENOMEM. */
int lm_chain_state_hash(uint8_t out[HASH_LEN], const struct state *s);

void lm_chain_members_write(struct lm_writer *w, const struct members *m);
bool lm_chain_members_read(struct lm_reader *r, struct members *m); /* sorted, each once */
void lm_chain_members_hash(uint8_t out[HASH_LEN], const struct members *m);
/* Sorts them; -EINVAL: none, too many, or one twice. */
int lm_chain_members_make(struct members *out, const struct lm_public_key *keys, unsigned n);
int lm_chain_member(const struct members *m, const struct lm_public_key *key); /* or -1 */
static inline unsigned majority(const struct members *m)
{
	return m->n / 2 + 1;
}

int lm_chain_known(const struct state *s, const struct lm_public_key *key); /* index, or -1 */
/* Where the endpoint is, or would be; *found tells which. */
unsigned lm_chain_endpoint_at(
    const struct state *s, const uint8_t *key, size_t key_len, bool *found);
bool lm_chain_address_taken(const struct state *s, uint32_t address);
/* Into, or out of, the order of n addresses; there is room, and it is there. */
void lm_chain_address_put(struct state *s, uint32_t address, unsigned n);
void lm_chain_address_drop(struct state *s, uint32_t address, unsigned n);

/* ---- command.c ---- */

/* Statement, signature, consents. */
void lm_chain_command_write(struct lm_writer *w, const struct command *c);
bool lm_chain_command_read(struct lm_reader *r, struct command *c);
void lm_chain_statement_write(struct lm_writer *w, const struct lm_chain_command *c);
void lm_chain_command_hash(uint8_t out[HASH_LEN], const struct lm_chain_command *c);
int lm_chain_command_sign(
    struct command *c, const struct lm_identity *author, const struct where *where);
bool lm_chain_command_verify(const struct command *c, const struct where *where);
int lm_chain_consent_sign(struct lm_signature *out, const struct lm_identity *member,
    const struct where *where, const uint8_t members[HASH_LEN], const uint8_t command[HASH_LEN]);
bool lm_chain_consent_verify(const struct lm_signature *sig, const struct lm_public_key *member,
    const struct where *where, const uint8_t members[HASH_LEN], const uint8_t command[HASH_LEN]);
/* Does it need any, given who the members are and what they have? */
bool lm_chain_needs_consent(
    const struct lm_chain_command *c, const struct members *m, const struct state *s);
bool lm_chain_consented(const struct command *c, const struct members *m, const struct state *s,
    const struct where *where);

/* ---- check.c ---- */

/* What a command that applies leads to. */
struct plan {
	unsigned author, gateway; /* places in the gateways; of a MOVE */
	unsigned endpoint; /* place in the endpoints, of a MOVE or FORGET */
	bool found; /* it is there already */
	uint32_t block; /* that ASSIGN gets */
};

static inline bool lm_chain_slot_free(const struct slot *slot)
{
	return slot->owner == NOBODY && slot->until == 0;
}

/* What applying it would say, but for want of memory. Signature and consents are not looked at. */
enum lm_chain_verdict lm_chain_check(const struct state *s, const struct lm_chain_command *c);
enum lm_chain_verdict lm_chain_plan(
    const struct state *s, const struct lm_chain_command *c, struct plan *p);
/* Signature and consents: SIGNATURE, CONSENT, or APPLIED. before: as below. */
enum lm_chain_verdict lm_chain_proven(const struct state *s, const struct command *c,
    const struct members *before, const struct where *where);
/* Both of it. */
enum lm_chain_verdict lm_chain_check_proven(const struct state *s, const struct command *c,
    const struct members *before, const struct where *where);
/* Has this very command been applied, as far as the state remembers? */
bool lm_chain_applied(const struct state *s, const struct lm_chain_command *c);

/* ---- apply.c ---- */

/*
 * Applies a command, or leaves the state as it is and says why. Signature and consents are not
 * looked at. *block: what ASSIGN got; may be NULL.
 */
enum lm_chain_verdict lm_chain_apply(
    struct state *s, const struct lm_chain_command *c, uint32_t *block);
/* The same, with proofs; before is whom the members are that the block's predecessor names. */
enum lm_chain_verdict lm_chain_apply_proven(struct state *s, const struct command *c,
    const struct members *before, const struct where *where, uint32_t *block);

#endif
