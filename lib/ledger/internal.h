/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of lib/ledger share. Nothing here is seen from outside.
 *
 *   ledger.c   wiring of the below, the public calls about peers and time
 *   network.c  networks, their authors, joining and parting
 *   gateway.c  the other gateways, and which networks we share with each
 *   record.c   a record's bytes and signature
 *   table.c    the records of a network: putting in, dropping, bounds
 *   seal.c     keys of a network; records sealed in sections
 *   accept.c   records that arrive
 *   own.c      records that we write: versions, renewal, those of a former life
 *   push.c     our changes on their way to the peers
 *   compare.c  digests: telling ours, and answering questions about them
 *   pull.c     asking peers for what they have newer
 *   query.c    questions of the caller
 */
#ifndef LM_LEDGER_INTERNAL_H
#define LM_LEDGER_INTERNAL_H

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>
#include "base/bytes.h"
#include "base/number.h"
#include "base/timers.h"
#include "ledger/ledger.h"
#include "ledger/shelf.h"

#define SECOND 1000000000ull
#define MS 1000000ull

#define TAG_LEN LM_LEAF_LEN
/* Of a record in a section, beside key and value: author, kind, flags, lengths, times, signature.
 */
#define RECORD_FIXED (LM_KEY_ID_LEN + 1 + 1 + 1 + 8 + 8 + 2 + LM_SIGNATURE_LEN)
#define RECORD_MAX (RECORD_FIXED + LM_LEDGER_KEY_MAX + LM_LEDGER_VALUE_MAX)
#define SECTION_FIXED (TAG_LEN + 4 + 24 + 2 + 16)
#define SECTION_PLAIN_MAX (LM_MESSAGE_MAX - SECTION_FIXED)

#define TOMBSTONE 0x01 /* flag of a record */
/* A tombstone outlives the record everywhere, though clocks differ by a window either way. */
#define TOMBSTONE_EXTRA (2 * LM_LEDGER_WINDOW)
#define VERSIONS_OF_SECOND 1000 /* they are milliseconds */

/* What a peer may cause, a second and at once. */
#define ANSWERS_RATE 4000 /* nodes and records that it is told */
#define ANSWERS_BURST 8000
#define CHECKS_RATE 2000 /* signatures that are checked: about 50 us each */
#define CHECKS_BURST 4096

struct allowance {
	uint64_t milli, refilled; /* thousandths; monotonic ns */
};

struct gateway;
struct network;

/* An author's place in a network. In its gateway's `shared` while both take part. */
struct seat {
	struct lm_leaf leaf; /* the network's tag and root */
	struct gateway *gateway;
	struct network *net;
	bool absent; /* it says that it does not take part */
	bool shelved;
	uint32_t n_records;
	uint32_t n_bytes;
};

struct gateway {
	struct lm_public_key key;
	struct lm_key_id id;
	struct lm_peer *peer; /* NULL: not up */
	unsigned seats, n_absent; /* of which so many are absent */
	uint32_t up_index; /* in l->ups */
	struct lm_shelf shared; /* seats, by tag */
	struct allowance answers, checks;
	bool tell; /* on l->tells: a ROOT is due */
	TAILQ_ENTRY(gateway) telling;
	bool differs; /* on l->pullable: its root was not ours */
	uint64_t differs_since; /* monotonic ns */
	TAILQ_ENTRY(gateway) pulling;
	struct pull *pull; /* from it; NULL: none */
	bool waits; /* on l->waiting: networks that it has newer are another pull's */
	TAILQ_ENTRY(gateway) wait;
	uint8_t *box; /* records on their way to it; NULL: none */
	size_t box_len;
	TAILQ_ENTRY(gateway) boxed;
	UT_hash_handle hh;
};
TAILQ_HEAD(gateway_list, gateway);

struct network {
	struct lm_net_id id;
	struct lm_secret secret;
	uint8_t tag[TAG_LEN], digest_key[32]; /* follow from the secret */
	struct seat *seats; /* by key id of their gateways */
	unsigned n_seats;
	struct seat *self; /* NULL: we are no author */
	bool joined;
	struct lm_shelf records;
	uint8_t root[LM_LEAF_LEN];
	bool root_valid;
	uint64_t pulled_by; /* number of the pull that asks for its records, or last did */
	UT_hash_handle by_id, by_tag;
};

enum standing {
	OTHERS,
	ORPHAN, /* ours, but of a former life: the caller has not published it (yet) */
	OURS,
};

struct record {
	struct lm_leaf leaf; /* id and (version, start of the signature) */
	struct network *net;
	struct seat *seat;
	struct lm_timer due; /* UTC: renewal of ours, withdrawal of orphans, expiry of the rest */
	uint64_t version, expiry;
	uint8_t signature[LM_SIGNATURE_LEN];
	uint8_t kind, flags, key_len;
	uint8_t standing;
	uint16_t value_len;
	bool pending; /* on l->pending: to be pushed */
	TAILQ_ENTRY(record) push;
	/* OURS and ORPHAN: no version of it that lives ends later; versions up to floor are taken.
	 */
	uint64_t live_until, floor, signed_at;
	uint32_t lifetime;
	uint8_t bytes[]; /* key || value */
};
TAILQ_HEAD(record_list, record);

/* A record as it stands in a section; points into it. */
struct fields {
	struct lm_key_id author;
	uint8_t kind, flags, key_len;
	uint16_t value_len;
	const uint8_t *key, *value, *signature;
	uint64_t version, expiry;
};

/* One node of one tree; the tag is zero for the tree of the networks that we share. */
struct question {
	uint8_t tag[TAG_LEN];
	struct lm_node node;
};

#define RECENT_MAX 16
#define TODO_MAX 2048
#define ASKED_MAX 32
#define WANTED_MAX (ASKED_MAX * LM_LEAVES_MAX) /* whatever the answers hold, it fits */
#define PULLS_MAX 8 /* at once, from as many peers */

/* What we ask of a peer. */
struct pull {
	TAILQ_ENTRY(pull) link;
	uint64_t number; /* from 1 */
	struct gateway *from;
	bool claimed; /* some networks' records are its to ask for */
	bool left; /* others differ as well, but are another pull's */
	uint64_t started, last, accepted_at; /* monotonic ns; last: something came */
	unsigned tries;
	bool accepted; /* a record */
	struct question todo[TODO_MAX]; /* a stack */
	struct question asked[ASKED_MAX]; /* without an answer yet */
	struct {
		uint8_t tag[TAG_LEN], id[LM_LEAF_LEN];
	} wanted[WANTED_MAX];
	unsigned n_todo, n_asked, n_wanted;
};

struct lm_ledger {
	const struct lm_identity *self;
	struct lm_ledger_config config;
	struct lm_ledger_ops ops;
	void *ctx;
	struct lm_now now; /* of the call that we are in */
	bool restoring; /* what is put in is on disk already */
	struct network *by_id, *by_tag;
	struct gateway *gateways;
	struct gateway **ups;
	uint32_t n_ups, cap_ups;
	struct gateway_list tells, pullable, waiting, boxes;
	TAILQ_HEAD(, pull) pulls;
	unsigned n_pulls;
	struct record_list pending;
	struct lm_timers dues; /* on the wall clock: expiry is told in UTC */
	uint64_t compare_at, compare_wait;
	struct lm_net_id recent[RECENT_MAX]; /* networks in which something has changed */
	unsigned n_recent;
	struct lm_ledger_info info;
	uint64_t drops[LM_LD_MAX];
};

static inline uint64_t wall_seconds(const struct lm_ledger *l)
{
	return l->now.wall / SECOND;
}

static inline bool is_live(const struct record *r)
{
	return !(r->flags & TOMBSTONE);
}

/* ledger.c */
uint64_t lm_ledger_random(struct lm_ledger *l, uint64_t below);
/* What is left of an allowance of rate a second and burst at once. */
unsigned lm_ledger_allowed(
    const struct lm_ledger *l, struct allowance *a, unsigned rate, unsigned burst);
/* Takes n of it; false: there is less. */
bool lm_ledger_allow(
    const struct lm_ledger *l, struct allowance *a, unsigned rate, unsigned burst, unsigned n);

/* network.c */
struct network *lm_ledger_net(const struct lm_ledger *l, const struct lm_net_id *id);
/* The network with this tag in which we and the gateway both have a seat and we take part. */
struct network *lm_ledger_net_shared(const struct lm_ledger *l, const struct gateway *g,
    const uint8_t tag[TAG_LEN], struct seat **seat);
struct seat *lm_ledger_seat(const struct network *net, const struct lm_key_id *author);
const uint8_t *lm_ledger_root(struct network *net);
/* Says it if it was not known: the gateway takes part, or does not. */
void lm_ledger_presence(struct seat *seat, bool absent);
void lm_ledger_networks_free(struct lm_ledger *l);

/* gateway.c */
struct gateway *lm_ledger_gateway(const struct lm_ledger *l, const struct lm_public_key *key);
/* Made if need be; without seat and session it goes by lm_ledger_gateway_release. */
struct gateway *lm_ledger_gateway_get(struct lm_ledger *l, const struct lm_public_key *key);
void lm_ledger_gateway_release(struct lm_ledger *l, struct gateway *g);
/* A ROOT to this gateway is due. */
void lm_ledger_tell(struct lm_ledger *l, struct gateway *g);
/* Its roots of shared networks, and so the digest of all, are those of now. */
void lm_ledger_refresh(struct gateway *g);
void lm_ledger_gateways_free(struct lm_ledger *l);

/* record.c */
bool lm_ledger_read_fields(struct lm_reader *r, struct fields *f);
void lm_ledger_write_fields(struct lm_writer *w, const struct fields *f);
void lm_ledger_fields_of(struct fields *out, const struct record *r);
static inline size_t record_len(const struct record *r)
{
	return RECORD_FIXED + (size_t)r->key_len + r->value_len;
}
int lm_ledger_sign(const struct lm_identity *self, const struct lm_net_id *net,
    const struct fields *f, struct lm_signature *out);
bool lm_ledger_verify(
    const struct lm_public_key *author, const struct lm_net_id *net, const struct fields *f);
void lm_ledger_state_of(uint8_t out[LM_LEAF_LEN], const struct fields *f);

/* table.c */
void lm_ledger_record_id(const struct network *net, const struct lm_key_id *author, uint8_t kind,
    const void *key, size_t key_len, uint8_t out[LM_LEAF_LEN]);
struct record *lm_ledger_record(const struct network *net, const uint8_t id[LM_LEAF_LEN]);
/* Is there room for this in place of old (may be NULL)? */
bool lm_ledger_has_room(const struct lm_ledger *l, const struct network *net,
    const struct seat *seat, const struct fields *f, const struct record *old);
/*
 * Puts a record in, in place of the one with its id, and persists it. NULL: no memory, nothing has
 * changed. Its deadline is its expiry.
 */
struct record *lm_ledger_put(struct lm_ledger *l, struct network *net, struct seat *seat,
    const uint8_t id[LM_LEAF_LEN], const struct fields *f);
void lm_ledger_drop_record(struct lm_ledger *l, struct record *r, bool forget);
void lm_ledger_drop_records(struct lm_ledger *l, struct network *net, bool forget);
void lm_ledger_persist(struct lm_ledger *l, const struct record *r);
struct lm_ledger_record lm_ledger_view(const struct record *r);
void lm_ledger_say_gone(struct lm_ledger *l, const struct record *r, const char *reason);

/* seal.c */
void lm_ledger_keys(struct network *net);
/* plain of at most SECTION_PLAIN_MAX into SECTION_FIXED + len bytes. */
void lm_ledger_seal(
    struct lm_ledger *l, const struct network *net, const uint8_t *plain, size_t len, uint8_t *out);
struct section {
	const uint8_t *tag, *nonce, *sealed;
	uint32_t window;
	uint16_t len; /* of what is sealed, with the tag of 16 */
};
bool lm_ledger_read_section(struct lm_reader *r, struct section *s);
bool lm_ledger_window_ok(const struct lm_ledger *l, const struct section *s);
/* The length of the plain text, or -EBADMSG. */
int lm_ledger_open(
    const struct network *net, const struct section *s, uint8_t out[SECTION_PLAIN_MAX]);

/* accept.c */
void lm_ledger_records_message(
    struct lm_ledger *l, struct gateway *from, const uint8_t *body, size_t len);

/* own.c */
/* A record of ours that somebody else kept. */
void lm_ledger_own_seen(struct lm_ledger *l, struct network *net, const uint8_t id[LM_LEAF_LEN],
    const struct fields *f, struct record *have);
/* The deadline of an own record has come. */
void lm_ledger_own_due(struct lm_ledger *l, struct record *r);

/* push.c */
void lm_ledger_push_later(struct lm_ledger *l, struct record *r);
void lm_ledger_push(struct lm_ledger *l);
void lm_ledger_unbox(struct lm_ledger *l, struct gateway *g);
/* The records of one network, in as few messages as hold them. */
void lm_ledger_send_records(struct lm_ledger *l, struct gateway *to, const struct network *net,
    struct record *const *records, unsigned n);

/* compare.c */
/* Something has changed there: compare soon, and then less and less. */
void lm_ledger_stir(struct lm_ledger *l, const struct network *net);
void lm_ledger_compare_due(struct lm_ledger *l);
void lm_ledger_send_root(struct lm_ledger *l, struct gateway *to, uint8_t flags);
#define ROOT_ASK 0x01 /* if yours is another, tell it */
void lm_ledger_root_message(
    struct lm_ledger *l, struct gateway *from, const uint8_t *body, size_t len);
void lm_ledger_ask_message(
    struct lm_ledger *l, struct gateway *from, const uint8_t *body, size_t len);
void lm_ledger_want_message(
    struct lm_ledger *l, struct gateway *from, const uint8_t *body, size_t len);
void lm_ledger_absent_message(
    struct lm_ledger *l, struct gateway *from, const uint8_t *body, size_t len);
void lm_ledger_send_absent(
    struct lm_ledger *l, struct gateway *to, const uint8_t *tags, unsigned n);

/* pull.c */
static inline bool is_pair_tree(const uint8_t tag[TAG_LEN])
{
	static const uint8_t zero[TAG_LEN];
	return memcmp(tag, zero, TAG_LEN) == 0;
}
void lm_ledger_pull_later(struct lm_ledger *l, struct gateway *from);
/* Starts the next pull, repeats what was not answered, ends what has come to nothing. */
void lm_ledger_pull_due(struct lm_ledger *l);
uint64_t lm_ledger_pull_next(const struct lm_ledger *l);
/* Its session has ended: nothing more comes. */
void lm_ledger_pull_forget(struct lm_ledger *l, struct gateway *from);
void lm_ledger_wait_no_more(struct lm_ledger *l, struct gateway *g);
void lm_ledger_nodes_message(
    struct lm_ledger *l, struct gateway *from, const uint8_t *body, size_t len);
/* The peer has sent this record. */
void lm_ledger_pulled(struct lm_ledger *l, const struct gateway *from, const uint8_t tag[TAG_LEN],
    const uint8_t id[LM_LEAF_LEN], bool accepted);
/* After such records: there is room for more questions. */
void lm_ledger_pull_on(struct lm_ledger *l, const struct gateway *from);
/* Nothing comes of this tree. */
void lm_ledger_pull_absent(
    struct lm_ledger *l, const struct gateway *from, const uint8_t tag[TAG_LEN]);
/* A node in a message: depth, then as many half-bytes. */
#define NODE_LEN_MAX (1 + LM_LEAF_LEN)
void lm_ledger_write_node(struct lm_writer *w, const struct lm_node *node);
bool lm_ledger_read_node(struct lm_reader *r, struct lm_node *node);

#endif
