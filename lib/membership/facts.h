/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain of each network, if gateways decide anything in it.
 *
 *   facts.c       the chain's object: effects out, notes of its callbacks, time
 *   facts_disk.c  its records in the store
 *   facts_wire.c  its messages, blobs, and being current
 *   genesis.c     the document with serial 1
 *   seats.c       members come and go
 *   recovery.c    the owner names a new start
 */
#ifndef LM_MEMBERSHIP_FACTS_H
#define LM_MEMBERSHIP_FACTS_H

#include "membership/internal.h"

/* ---- what the rest of membership calls ---- */

/*
 * facts.c: what is decided in a network's chain, if gateways decide anything in it. A fact's key in
 * the store begins with its kind; bytes order them as lm_chain_restore wants them.
 */
enum {
	FACT_GENESIS = LM_FACT_GENESIS, /* the signed document with serial 1 */
	FACT_TIP,
	FACT_VOTE,
	FACT_HEADER, /* and its height (8) */
	FACT_PLACES, /* from here on they are those of places.c */
};
/* Of lm_facts_propose: the caller is seats.c. Else it is places.c. */
#define TAG_SEATS (1ull << 63)

int lm_facts_open(struct lm_membership *m);
void lm_facts_close(struct lm_membership *m);
/* A manifest came into force. The chain is there afterwards if it can be. */
void lm_facts_set(struct lm_membership *m, struct network *net);
/* The network ends here; what is stored stays. */
void lm_facts_end(struct lm_membership *m, struct network *net);
/* The operator drops the network: nothing is kept, but that we voted in it and must not again. */
int lm_facts_erase(struct lm_membership *m, const struct network *net);
/* Is there a chain that can be asked (m->chain), and be proposed to? */
bool lm_facts_has(const struct network *net);
/* Members are asked how long their chains are, for lm_places_current. */
void lm_facts_ask(struct lm_membership *m, struct network *net);
/* We take part from now on. */
void lm_facts_joined(struct lm_membership *m, struct network *net);
void lm_facts_message(
    struct lm_membership *m, struct party *from, uint8_t type, const uint8_t *body, size_t len);
/* What is due, and what callbacks of the chain have noted. At the end of each call. */
void lm_facts_visit(struct lm_membership *m);
/* As lm_chain_propose. lm_places_done(tag), or its like in seats.c, comes later, never from here.
 */
int lm_facts_propose(struct lm_membership *m, struct network *net,
    const struct lm_chain_command *command, uint64_t tag);
/* This gateway may know more of the chain than we do, or less. Repeated until it is heard of. */
void lm_facts_greet(struct lm_membership *m, struct network *net, struct remote *r);
void lm_facts_greet_due(struct lm_membership *m, struct pair *p);
/* A session is there, or the gateway at its other end remembers nothing. */
void lm_facts_up(struct lm_membership *m, struct pair *p);
/* As lm_gossip_find. */
const uint8_t *lm_facts_blob(
    struct lm_membership *m, struct remote *r, const uint8_t hash[32], size_t *len);
/* A pull for facts ended: its network, or false if that is gone. */
bool lm_facts_pull_ended(
    struct lm_membership *m, struct remote *r, const uint8_t hash[32], struct lm_net_id *net);
void lm_facts_pulled(struct lm_membership *m, const struct pulled *doc);

/* genesis.c */
bool lm_genesis_ask_follow(struct lm_membership *m, struct party *from, struct lm_reader *r);
bool lm_genesis_follow(struct lm_membership *m, struct party *from, struct lm_reader *r);
/* The manifest has come into force: *why says if it stops the chain. */
void lm_seats_warn(struct lm_membership *m, struct network *net, struct lm_why *why);
/* Before another manifest takes the place of the one in force: serial 1 is kept. */
int lm_genesis_keep(struct lm_membership *m, const struct lm_signed_manifest *newer);

/* recovery.c */
bool lm_recovery_is(const void *bytes, size_t len);
/* As lm_network_judge. */
int lm_recovery_judge(
    struct lm_membership *m, const void *bytes, size_t len, uint64_t *serial, struct lm_why *why);

/* ---- what they share ---- */

/* The document with serial 1, if it is known. */
struct genesis {
	bool known;
	bool stored; /* as a fact; else it is the manifest in force */
	uint8_t hash[32];
	size_t len;
	uint8_t *bytes; /* NULL: it is the manifest in force, or there was no memory */
	struct lm_chain_genesis chain;
	struct facts *facts;
	UT_hash_handle hh; /* of m->geneses, while there are bytes */
};

/* A command of ours in the chain. There are at most LM_CHAIN_OWN_MAX of a network. */
struct motion {
	TAILQ_ENTRY(motion) link; /* of the network's, then of m->ended */
	struct facts *facts;
	uint64_t tag;
	enum lm_chain_verdict verdict;
	uint32_t block;
};

/* What seats.c has to do in one network, one after the other. */
struct seats {
	bool look; /* something may have changed */
	bool scan; /* whether somebody holds anything whom the manifest leaves out */
	bool open; /* a command of ours is under way */
	uint64_t tag; /* of the last one */
	uint64_t at; /* when to look again; LM_NEVER: nothing is to be done */
	uint8_t kind; /* what is to be done, */
	struct lm_public_key gateway; /* to whom, */
	uint64_t since; /* and since when that is known, or when it last failed */
	unsigned failed; /* in a row */
};

struct facts {
	struct network *net;
	struct genesis genesis;
	bool begun; /* m->chain has the network */
	bool damaged; /* what is stored does not hold together: we stay out of it */
	bool unfit; /* with this genesis there can be no chain */
	uint32_t era; /* of the chain, as height is, when we last looked */
	uint64_t height;

	/* genesis.c */
	uint64_t ask_at; /* LM_NEVER: it is not asked for */
	unsigned ask_tries, ask_next;

	/* facts_wire.c */
	uint64_t tips_at; /* when members are to be asked for their tips */
	unsigned tips_tries;
	bool ask_members; /* at once, whatever they said before */
	uint64_t current_from; /* what they said earlier does not count */
	uint64_t told_current; /* what lm_places_current was last called for; 0: not called yet */

	/* notes of the chain's callbacks */
	bool grown, grown_ours;
	TAILQ_HEAD(, motion) motions;
	unsigned n_motions;

	struct seats seats;
	struct timer timer;
	bool stirred; /* on m->facts_stirred */
	TAILQ_ENTRY(facts) stir;
};

/* ---- facts.c ---- */
/* Looked at before the present call ends. */
void lm_facts_look(struct lm_membership *m, struct facts *f);
/* Its genesis is known: from what is stored, the chain goes on. False: it cannot. */
bool lm_facts_begin(struct lm_membership *m, struct facts *f);
/* Back to before that; what is stored of it stays. */
void lm_facts_stop(struct lm_membership *m, struct facts *f);
/* Reads the height again. */
void lm_facts_height(struct lm_membership *m, struct facts *f);

/* ---- facts_disk.c ---- */
void lm_facts_on_begin(void *ctx);
int lm_facts_on_commit(void *ctx);
int lm_facts_on_persist(void *ctx, const struct lm_net_id *id, enum lm_chain_record what,
    uint64_t height, const void *bytes, size_t len);
void lm_facts_on_truncate(void *ctx, const struct lm_net_id *id, uint64_t height);
/*
 * Adds the network to m->chain with what is stored of it. -EBADMSG: that is damaged; the network is
 * not there then. -EAGAIN: its genesis is not known.
 */
int lm_facts_restore(struct lm_membership *m, struct facts *f);
/* Nothing is stored of the chain any more, so that it can have another genesis. */
int lm_facts_forget(struct lm_membership *m, const struct lm_net_id *id);

/* ---- facts_wire.c ---- */
void lm_facts_on_send(
    void *ctx, const struct lm_public_key *to, uint8_t type, const void *body, size_t len);
void lm_facts_on_pull(void *ctx, const struct lm_net_id *id, const struct lm_public_key *from,
    const uint8_t hash[32], size_t size);
/* Pulls a document for this network; false: not now. */
bool lm_facts_pull(struct lm_membership *m, const struct lm_net_id *id, struct remote *r,
    const uint8_t hash[32], size_t size, enum pull_tag tag);
/* All that can be reached hear how long our chain is. */
void lm_facts_greet_all(struct lm_membership *m, struct facts *f);
/* ... who take part and do not vote: the chain tells the members itself. */
void lm_facts_greet_readers(struct lm_membership *m, struct facts *f);
/* Asks members for their tips if it is time; says so if we are current. */
void lm_facts_tips(struct lm_membership *m, struct facts *f);
void lm_facts_pulls_end(struct lm_membership *m, const struct lm_net_id *id);

/* ---- genesis.c ---- */
/* If it is the manifest in force; asks for nothing and stores nothing. */
void lm_genesis_find(struct lm_membership *m, struct facts *f);
/* Another manifest is in force. */
void lm_genesis_changed(struct lm_membership *m, struct facts *f);
/* It is not known here: others are asked. */
void lm_genesis_ask(struct lm_membership *m, struct facts *f);
/* These bytes, if they are such a document. stored: they are a fact already. */
int lm_genesis_take(struct lm_membership *m, struct facts *f, const void *bytes, size_t len,
    bool stored, struct lm_why *why);
void lm_genesis_drop(struct lm_membership *m, struct facts *f);
/* A gateway of this network has a chain, it seems, and we have no genesis. */
void lm_genesis_hint(struct lm_membership *m, struct facts *f);
/* A peer's chain has decided nothing yet: this is the hash that it begins with. */
void lm_genesis_compare(struct lm_membership *m, const struct pair *p, const uint8_t hash[32]);
void lm_genesis_due(struct lm_membership *m, struct facts *f);

/* ---- seats.c ---- */
void lm_seats_visit(struct lm_membership *m, struct facts *f);
void lm_seats_done(
    struct lm_membership *m, struct facts *f, uint64_t tag, enum lm_chain_verdict verdict);
bool lm_seats_consent(
    struct lm_membership *m, struct network *net, const struct lm_chain_command *command);

#endif
