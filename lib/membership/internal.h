/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of lib/membership share. Nothing here is seen from outside.
 *
 *   judge.c     is a new manifest good?
 *   change.c    putting it into force
 *   networks.c  the networks whose manifests are in force
 *   peers.c     the other gateways that those manifests authorise
 *   gossip.c    telling them what is in force, and pulling what is newer
 *   proof.c     that an owner signed one serial twice
 *   part.c      taking part: joining, leaving, and telling others by the ledger
 *   records.c   the ledger on disk
 *   routes.c    which peers take part, and who serves which endpoint
 *   watch.c     who watches whom, and what happens when one is missed
 *   away.c      saying that we do not take part
 *   lanes.c, lanes_out.c  the keys of a (network, peer) pair
 *   submit.c    tenants, who are guests in a session
 *   outbox.c    records on their way into datagrams
 *   inbox.c     ... and out of them
 *   owners.c    whose manifests are accepted
 *   facts.c     the chain of each network; with it go the files that facts.h lists
 *   places.c    endpoints whose address or provider gateways decide; likewise, places.h
 *   limits.c    what others may cause
 *   membership.c  wiring of the above, and the public calls
 *
 * Callbacks from sessions and blobs only take notes: whatever may remove or add
 * a session (judging a manifest does) happens in leave(), after they returned.
 */
#ifndef LM_MEMBERSHIP_INTERNAL_H
#define LM_MEMBERSHIP_INTERNAL_H

#include <sys/queue.h>
#include <uthash.h>
#include "address/address.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/number.h"
#include "base/timers.h"
#include "chain/chain.h"
#include "membership/membership.h"
#include "session/blob.h"

#define SECOND 1000000000ull
#define MS 1000000ull

#define LANE_SETS_MAX 4 /* inbound generations of a pair at once */
#define LANE_CHECK 0xff /* lane number whose "key" is the key check; real lanes are below 64 */
#define LANE_CHECK_LEN 16
#define LANE_KEY_LEN 36 /* key || salt, RFC 4106 */
#define LANES_ASK 0x80 /* beside the number of lanes: I have none from you, tell me yours */
#define SUBMIT_TEXT_MAX LM_WHY_MAX
#define GUESTS_BURST 64 /* pulls that all guests together may start at once */
#define RECORDS_BURST LM_NETWORKS_MAX /* a session that comes up tells everything it has */
#define GUEST_RECORDS_BURST 64

struct lm_membership;

/* Of m->timers, on the monotonic clock. */
struct timer {
	struct lm_timer at;
	void (*fire)(struct lm_membership *m, struct timer *t);
};

/* What somebody may cause: tokens in thousandths, so that slow rates refill smoothly. */
struct bucket {
	uint64_t milli, refilled; /* monotonic ns */
};

/* A session that we know: what lm_peer_user() points to. */
struct party {
	uint32_t slot; /* UINT32_MAX: a guest */
	struct lm_peer *session;
	struct bucket records; /* of messages, that we work on */
};

/* An announced manifest that waits until a pull is free. */
struct want {
	TAILQ_ENTRY(want) link;
	uint8_t hash[32];
	uint32_t size;
};
TAILQ_HEAD(want_list, want);

struct facts;
struct places;
struct pair;
LIST_HEAD(pair_list, pair);

/* What we send by to a pair's peer. It outlives the pair, for one that may take its place. */
struct lanes_out {
	struct lm_lane_set set; /* the newest that was ever sent by */
	uint64_t epoch_order; /* the newest epoch that any set was of */
	uint8_t n; /* 0: nothing is sent */
	/* Once the pair is gone, in the remote's list until its keys are gone as well: */
	struct lm_net_id net;
	uint64_t until; /* monotonic ns */
	LIST_ENTRY(lanes_out) link;
};
LIST_HEAD(lanes_out_list, lanes_out);

/* Another gateway. It lives as long as a manifest in force authorises it (it has pairs). */
struct remote {
	struct party party;
	struct lm_public_key key;
	struct lm_udp_addr addrs[2 * LM_PROVIDER_ADDRS_MAX]; /* what the session was given */
	unsigned n_addrs;
	struct pair_list pairs;
	unsigned n_watched; /* of the pairs: its session is watched */
	uint64_t missing_at; /* monotonic ns; not up by then, it is missed */
	struct lanes_out_list retired; /* of pairs that are gone */
	bool up;
	struct lm_log_place said; /* that it came and went */
	/* The session's epochs whose keys are there, newest first, and how many there ever were. */
	uint32_t epochs[2];
	uint64_t n_epochs;
	uint32_t incarnation; /* of its process, at the last `up` */
	bool revisit; /* on the list below: pairs or addresses changed */
	TAILQ_ENTRY(remote) visit;
	struct want_list wants;
	unsigned n_wants;
	TAILQ_ENTRY(remote) hunger; /* while n_wants > 0 */
	UT_hash_handle hh;
};
TAILQ_HEAD(remote_list, remote);

/* A tenant who submits, or a gateway that we do not know yet. */
struct guest {
	struct party party;
	LIST_ENTRY(guest) link;
	struct bucket pulls; /* that it may start */
	bool pulling; /* a submission of this guest is under way */
	bool answered; /* result below is of hash */
	uint8_t hash[32];
	uint32_t code;
	uint64_t serial;
	char text[SUBMIT_TEXT_MAX];
};
LIST_HEAD(guest_list, guest);

/* Inbound SAs of all lanes of a pair, made together. */
struct lane_set {
	uint32_t generation, epoch;
	uint8_t n;
	bool acked; /* the peer has used this set or one after it */
	uint64_t drop_at; /* monotonic ns; LM_NEVER while the peer may use it */
	uint8_t check[LANE_CHECK_LEN];
	uint32_t spis[];
};

struct pair_key {
	struct network *net;
	struct remote *peer;
};

/* One network and one of its other providers. */
struct pair {
	struct pair_key key;
	UT_hash_handle hh;
	LIST_ENTRY(pair) link; /* of the remote */
	unsigned provider; /* index in the manifest in force */
	uint64_t mark; /* networks.c: seen in this change */
	struct timer timer;

	/* routes.c */
	bool takes_part; /* it says so in the ledger */
	bool on; /* both of us take part: there are lanes */
	struct lm_enforced enforced; /* what it says, while it takes part */
	uint64_t version, void_version; /* of its record; the last one that it took back */

	/* watch.c */
	uint64_t place; /* on the network's ring */
	bool watched; /* by us */
	bool missed; /* and we say so */
	unsigned accusers; /* others who say that they miss it, */
	unsigned doubted; /* so many of whom have made us look, not long ago */
	uint64_t doubt_until; /* monotonic ns */
	bool accused; /* at the last look */

	/* away.c */
	bool away_owed; /* it has not confirmed that it knows we are away */
	uint64_t away_at;
	unsigned away_tries;
	uint64_t doubt_at; /* not before, if it says that it is away */

	/* places.c */
	uint64_t greeted; /* monotonic ns: when its claims last made us ask it; 0: never */

	/* facts_wire.c */
	uint64_t greet_at; /* LM_NEVER: it knows how long our chain is, or has none */
	unsigned greet_tries;

	/* gossip.c */
	bool settled; /* the peer has what we have, or will not be told again */
	bool proven; /* it knows that the owner signed this serial twice */
	uint64_t have_at, have_wait;

	/* lanes.c */
	struct lane_set *in[LANE_SETS_MAX]; /* newest first */
	unsigned n_in;
	bool renew; /* lanes_at is when a new set is to be made */
	uint64_t lanes_at, lanes_wait;
	unsigned lanes_tries;
	struct lanes_out *out;
};

struct network {
	struct lm_network pub;
	struct lm_signed_manifest *sm; /* owned */
	struct lm_secret secret;
	struct pair **pairs; /* one a provider, NULL for ourselves */
	struct proof *proof; /* NULL, or that this serial was signed twice */
	struct timer expiry;
	UT_hash_handle by_id, by_hash;

	/* part.c; the secret above is there only while part is not LM_PART_OUT */
	enum lm_part part;
	bool *attached; /* by endpoint: attached here; NULL: none is */
	unsigned n_attached;
	bool *served; /* ... and ours to serve: the same array if there are no places */
	uint64_t part_at; /* LM_PART_LEAVING: when it ends */
	bool tell; /* our records are to be brought up to date */
	uint64_t tell_at; /* not before */
	bool tell_failed, authors_failed;
	struct timer work;
	bool stirred; /* on m->stirred */
	TAILQ_ENTRY(network) stir;

	/* watch.c */
	uint64_t place; /* ours on the ring */
	uint64_t watch_at; /* LM_NEVER, or when somebody is to be looked after */

	struct facts *facts; /* NULL: gateways decide nothing here, or we take no part in it */

	/* routes.c */
	bool *there; /* by endpoint: who it is placed at serves it, and can be reached */
	bool news; /* the ledger or a session has some */
	uint64_t look_at; /* not before */

	/* places.c */
	struct places *places; /* NULL: the manifest decides everything */
	bool placed; /* lm_address has this network */
	bool damaged; /* what it had stored cannot be read, so it must not have it */
	bool untold; /* ... and does not know what is attached here */
	bool owed; /* routes_changed is to be called whatever the next look finds */
	uint64_t place_at; /* LM_NEVER, or when to try again what has failed */
	unsigned n_questions; /* holder.c */
};
TAILQ_HEAD(network_list, network);

/* A network that has ended here, so that its older serials do not come back. */
struct tombstone {
	struct lm_net_id id;
	uint64_t serial;
	uint8_t hash[32];
	int64_t closes; /* UTC seconds; 0: it does not end by itself */
	UT_hash_handle hh;
};

/* Another document with the serial that is in force, which lost. */
struct proof {
	uint8_t hash[32];
	uint32_t size;
	struct network *net;
	UT_hash_handle hh;
	uint8_t *bytes; /* NULL: there was no room for it, so nobody can be shown it */
};

/* A manifest on its way in, one a hash whoever announced it. */
struct arrival {
	uint8_t hash[32];
	bool from_guest;
	UT_hash_handle hh;
};

/* For whom a blob is pulled. */
enum pull_tag {
	PULL_MANIFEST, /* one that another gateway has */
	PULL_SUBMITTED, /* by a tenant, who waits for the answer */
	PULL_FACT, /* for the chain */
	PULL_GENESIS,
};

/* A pull for a network's chain. */
struct fact_pull {
	TAILQ_ENTRY(fact_pull) link;
	struct lm_net_id net;
	struct remote *from;
	uint8_t hash[32];
};
TAILQ_HEAD(fact_pull_list, fact_pull);

/* A pulled document that waits to be judged in leave(). */
struct pulled {
	TAILQ_ENTRY(pulled) link;
	struct party *from; /* NULL once it went away */
	enum pull_tag tag;
	struct lm_net_id net; /* PULL_FACT, PULL_GENESIS */
	uint64_t number; /* it is read aside; 0: not */
	bool waits; /* it is to be, as soon as there is room */
	uint8_t hash[32];
	size_t len;
	uint8_t bytes[];
};
TAILQ_HEAD(pulled_list, pulled);

/* The last hashes that something was said about. */
#define MEMORY_LEN 64
struct memory {
	struct {
		uint8_t hash[32];
		uint64_t until; /* monotonic ns */
	} at[MEMORY_LEN];
	unsigned next;
};

struct outbox {
	struct lm_peer *to; /* NULL: empty */
	uint8_t type;
	size_t len;
	uint8_t body[LM_MESSAGE_MAX];
};
/* Those of membership, where guests' messages leave theirs empty, and the chain's TIP. */
#define OUTBOXES (LM_MSG_MEMBERSHIP_END - LM_MSG_HAVE + 1)

struct lm_membership {
	const struct lm_identity *self;
	struct lm_membership_config config;
	struct lm_membership_ops ops;
	void *ctx;
	struct lm_now now; /* of the call that we are in */
	struct lm_sessions *sessions;
	struct lm_blobs *blobs;
	struct lm_timers timers;
	uint64_t drops[LM_MD_MAX];

	struct lm_public_key *owners; /* sorted */
	unsigned n_owners;

	struct network **networks; /* by index */
	uint32_t networks_end;
	struct network *by_id, *by_hash;
	struct tombstone *tombstones; /* oldest first */
	struct memory conflicts; /* "signed serial N twice" was said */
	struct proof *proofs; /* that others may ask for */
	size_t proof_bytes;
	uint64_t mark;

	struct remote **remotes; /* by slot */
	uint32_t remotes_end;
	struct remote *by_key;
	struct pair *pairs;
	struct remote_list visits, hungry;

	struct guest_list guests;
	struct arrival *arrivals;
	unsigned guest_pulls;
	struct bucket pulls_of_guests; /* all together */
	struct pulled_list pulled;
	uint64_t n_aside; /* documents that were read aside, ever: their numbers */
	struct memory refused; /* as what is to be in force: old or expired, it may be a genesis */
	struct memory refused_geneses;

	uint64_t incarnation; /* random: tells our generations from those before a restart */
	uint32_t generation;
	struct outbox outboxes[OUTBOXES];

	struct lm_chain *chain; /* NULL: no facts can be kept here, so there are no chains */
	uint64_t chain_at; /* when it wants to be ticked */
	TAILQ_HEAD(, facts) facts_stirred;
	TAILQ_HEAD(, motion) ended; /* commands, of which their authors do not know it yet */
	struct genesis *geneses; /* that others may ask for */
	struct fact_pull_list fact_pulls;
	unsigned n_fact_pulls;
	/* Whose blob was asked for last: a large one takes many questions. */
	struct lm_net_id blob_net;
	uint8_t blob_hash[32];

	struct lm_ledger *ledger;
	uint64_t ledger_at; /* when it wants to be ticked */
	struct network_list stirred;

	struct lm_address *address; /* NULL: nothing can be stored, so it is done without */
	uint64_t address_at; /* when it wants to be ticked */
	bool address_called; /* so it is to be ticked in this call */
	const struct network *quiet; /* lm_address says of this one what we see ourselves */
	struct question *questions; /* holder.c; longest unused first */
	struct asker *askers;
};

static inline struct lm_peer *pair_session(const struct pair *p)
{
	return p->key.peer->party.session;
}

/* inbox.c */
/* Reads one record and does what it says; false: it does not hold together. */
typedef bool lm_record_fn(struct lm_membership *m, struct party *from, struct lm_reader *r);
/* Follows a message of records up to the first that does not hold together, or is too much. */
void lm_inbox_follow(struct lm_membership *m, struct party *from, const uint8_t *body, size_t len,
    lm_record_fn *follow);

/* limits.c */
void lm_bucket_fill(struct bucket *b, uint64_t now, unsigned burst);
/* Takes one; false if there is none. */
bool lm_bucket_take(struct bucket *b, uint64_t now, unsigned rate, unsigned burst);
/* May we work on one more record of this sender? Counted if not. */
bool lm_record_allowed(struct lm_membership *m, struct party *from);
bool lm_memory_has(const struct memory *mem, const uint8_t hash[32], uint64_t now);
void lm_memory_put(struct memory *mem, const uint8_t hash[32], uint64_t until);

/* owners.c */
/* lm_membership_accepts, as 0 or -EACCES with a reason for the tenant. */
int lm_owner_check(
    const struct lm_membership *m, const struct lm_public_key *owner, struct lm_why *why);

/* networks.c */
struct network *lm_network_find(const struct lm_membership *m, const struct lm_net_id *id);
/* The highest serial that we know of this network, in force or ended; 0: none. */
uint64_t lm_network_serial(const struct lm_membership *m, const struct lm_net_id *id);
/* The hash of that document, or NULL. */
const uint8_t *lm_network_hash(const struct lm_membership *m, const struct lm_net_id *id);
bool lm_network_expired(const struct lm_membership *m, const struct lm_manifest *man);
/* Not in any table yet; has the lowest free index. */
struct network *lm_network_new(struct lm_membership *m, const struct lm_net_id *id);
void lm_network_watch_expiry(struct lm_membership *m, struct network *net);
/* As lm_membership_drop. */
int lm_network_drop(struct lm_membership *m, const struct lm_net_id *id, struct lm_why *why);
/* Lanes and pairs go with it; whether a tombstone stays is the caller's. */
void lm_network_end(struct lm_membership *m, struct network *net, const char *reason);
/* Is this document in force, or has it ended here and still has by the present time? */
bool lm_network_knows(
    const struct lm_membership *m, const struct lm_net_id *id, const uint8_t hash[32]);
struct tombstone *lm_tombstone_find(const struct lm_membership *m, const struct lm_net_id *id);
void lm_tombstone_put(struct lm_membership *m, const struct lm_signed_manifest *sm);
void lm_tombstone_drop(struct lm_membership *m, struct tombstone *t);
void lm_networks_free(struct lm_membership *m);

/* change.c */
int lm_network_persist(
    struct lm_membership *m, const struct lm_signed_manifest *sm, struct lm_why *why);
/* Takes sm over if it returns 0; persisted unless it is from the store. */
int lm_network_put_in_force(struct lm_membership *m, struct lm_signed_manifest *sm, int self,
    bool stored, struct lm_why *why);

/* judge.c */
/* Does the first document take the second one's place? Every gateway must come to the same answer.
 */
static inline bool lm_manifest_newer(
    uint64_t serial, const uint8_t hash[32], uint64_t known, const uint8_t known_hash[32])
{
	return serial != known ? serial > known : memcmp(hash, known_hash, 32) < 0;
}
/* Who brought a document. */
struct origin {
	enum { FROM_TENANT, FROM_GATEWAY, FROM_STORE } kind;
	const struct lm_peer
	    *session; /* FROM_GATEWAY: whose it was, which may be anybody; or NULL */
	struct lm_document *read; /* what was found out about it aside; or NULL */
};
/*
 * Judges a document and puts it into force. *serial becomes what is in force for its network
 * afterwards, if the document is authentic.
 */
int lm_network_judge(struct lm_membership *m, const void *bytes, size_t len,
    const struct origin *from, uint64_t *serial, struct lm_why *why);
/* Is it of any use to read this at all? Cheap. */
int lm_network_welcome(
    const struct lm_membership *m, const void *bytes, size_t len, struct lm_why *why);

/* peers.c */
/* The remote with this key, made if need be; goes away by itself if it gets no pair. */
int lm_remote_get(struct lm_membership *m, const struct lm_provider *provider, struct remote **out);
/* Sets the pair's timer to the earliest of what it has to do. */
void lm_pair_arm(struct lm_membership *m, struct pair *p);
struct pair *lm_pair_find(const struct lm_membership *m, struct network *net, struct remote *r);
/* The pair that a record speaks of; NULL (counted) if its sender has no say in that network. */
struct pair *lm_pair_authorised(
    struct lm_membership *m, struct party *from, const struct lm_net_id *id);
struct pair *lm_pair_new(struct lm_membership *m, struct network *net, struct remote *r);
void lm_pair_link(struct lm_membership *m, struct pair *p);
void lm_pair_unlink(struct lm_membership *m, struct pair *p);
void lm_pair_free(struct lm_membership *m, struct pair *p); /* unlinked or never linked */
void lm_remote_revisit(struct lm_membership *m, struct remote *r);
/* Ends remotes without pairs, tells sessions new addresses. */
void lm_remotes_visit(struct lm_membership *m);
void lm_remote_up(struct lm_membership *m, struct remote *r, uint32_t epoch);
void lm_remote_down(struct lm_membership *m, struct remote *r, const char *reason);
void lm_remote_moved(struct lm_membership *m, struct remote *r, const struct lm_udp_addr *to);
void lm_remotes_free(struct lm_membership *m);

/* gossip.c */
/* Tell the peer what is in force, until it has it. */
void lm_gossip_start(struct lm_membership *m, struct pair *p);
void lm_gossip_stop(struct pair *p);
/* There is a proof that the peer may not know. */
void lm_gossip_prove(struct lm_membership *m, struct pair *p);
void lm_gossip_due(struct lm_membership *m, struct pair *p);
bool lm_gossip_follow(struct lm_membership *m, struct party *from, struct lm_reader *r);
const uint8_t *lm_gossip_find(
    struct lm_membership *m, struct lm_peer *peer, const uint8_t hash[32], size_t *len);
/* A pull for gossip ended. */
void lm_gossip_pulled(struct lm_membership *m, const uint8_t hash[32]);
/* So many have come and are not read yet that no more are to be pulled. */
bool lm_gossip_full(const struct lm_membership *m);
/* A pulled document was judged. */
void lm_gossip_judged(
    struct lm_membership *m, const struct pulled *doc, int err, const struct lm_why *why);
/* Starts pulls that were waiting for a free one. */
void lm_gossip_feed(struct lm_membership *m);
void lm_wants_clear(struct lm_membership *m, struct remote *r);

/* proof.c */
/* Of a document that another one with its serial replaces, or has beaten. NULL: no memory. */
struct proof *lm_proof_new(struct lm_membership *m, const struct lm_signed_manifest *sm);
void lm_proof_free(struct lm_membership *m, struct proof *proof); /* NULL is allowed */
/* Takes it over, and tells the network's other gateways. */
void lm_proof_keep(struct lm_membership *m, struct network *net, struct proof *proof);
void lm_proof_drop(struct lm_membership *m, struct network *net);
struct proof *lm_proof_find(const struct lm_membership *m, const uint8_t hash[32]);

/* part.c */
/* What is known by the indices of the manifest before: what is attached and served. */
void lm_part_forget(struct network *net);
/* Our records are to be brought up to date. */
void lm_part_tell(struct lm_membership *m, struct network *net);
/* Looked at before the present call ends. */
void lm_part_stir(struct lm_membership *m, struct network *net);
/* Who takes part or who can be reached may have changed. */
void lm_part_news(struct lm_membership *m, struct network *net);
void lm_part_visit(struct lm_membership *m);
/*
 * A manifest takes its predecessor's place: the ledger hears of it, and of what was known by the
 * old one's indices nothing stays. there: room for the new one's endpoints, zero; taken over.
 */
void lm_part_changed(struct lm_membership *m, struct network *net, bool *there);
/* Of a new network: room for its timer. */
int lm_part_init(struct lm_membership *m, struct network *net);
void lm_part_end(struct lm_membership *m, struct network *net);
void lm_part_free(struct lm_membership *m, struct network *net);
int lm_part_open(struct lm_membership *m);

/* records.c */
/* The ledger's ops towards the caller's disk, if it has one. */
void lm_records_open(const struct lm_membership *m, struct lm_ledger_ops *ops);
/* A network has just been joined: what the disk has of it. */
void lm_records_restore(struct lm_membership *m, const struct network *net);

/* routes.c */
/* Asks the ledger; there is taken over. True: something is not as it was. */
bool lm_routes_look(struct lm_membership *m, struct network *net, bool *there);
/* Lanes come and go with those who take part. True: some did. */
bool lm_routes_apply(struct lm_membership *m, struct network *net);

/* watch.c */
#define MISSING_AFTER (LM_DEAD_AFTER * SECOND) /* a peer that never came up is missed then */
/* Where a gateway stands on a network's ring. */
uint64_t lm_watch_place(const struct lm_net_id *net, const struct lm_public_key *key);
/* Who takes part or is up may have changed, and what others miss. */
void lm_watch_update(struct lm_membership *m, struct network *net);
/* A record that says that its author misses somebody; in each look, before the above. */
void lm_watch_heard(
    struct lm_membership *m, struct network *net, const struct lm_ledger_record *record);
void lm_watch_end(struct lm_membership *m, struct pair *p);

/* away.c */
/* Tell the peer that we do not take part, until it has heard. */
void lm_away_start(struct lm_membership *m, struct pair *p);
void lm_away_stop(struct lm_membership *m, struct pair *p);
/* The session is up, or has new keys: who has not heard it hears it now. */
void lm_away_up(struct lm_membership *m, struct pair *p);
void lm_away_due(struct lm_membership *m, struct pair *p);
/* Tell it once; also to a guest: that may be a gateway that still knows us by an old manifest. */
void lm_away_answer(struct lm_membership *m, struct party *from, const struct lm_net_id *id);
bool lm_away_follow(struct lm_membership *m, struct party *from, struct lm_reader *r);

/* lanes.c */
/* New inbound lanes are due: a new epoch, a new secret, or a new pair. */
void lm_lanes_renew(struct lm_membership *m, struct pair *p);
void lm_lanes_due(struct lm_membership *m, struct pair *p);
uint64_t lm_lanes_next_drop(const struct pair *p);
/* The session is up again, or the peer has restarted: what it may still use stays. */
void lm_lanes_up(struct lm_membership *m, struct pair *p);
/* The session has new keys. */
void lm_lanes_rekeyed(struct lm_membership *m, struct pair *p);
void lm_lanes_down(struct lm_membership *m, struct pair *p);
/* Everything of this pair ends now. */
void lm_lanes_cut(struct lm_membership *m, struct pair *p);
/* The peer has got our manifest, or has told us lanes: it can follow ours now. */
void lm_lanes_hurry(struct lm_membership *m, struct pair *p);
/* It has told us lanes of the session's present epoch: ours are to be of that one too. */
void lm_lanes_follow_epoch(struct lm_membership *m, struct pair *p);
/* It has stopped using the lanes that it once confirmed. */
void lm_lanes_asked(struct lm_membership *m, struct pair *p);
bool lm_lanes_ack_follow(struct lm_membership *m, struct party *from, struct lm_reader *r);

/* lanes_out.c */
/* For a new pair: what one that was in its place has left, or a fresh one. NULL: no memory. */
struct lanes_out *lm_lanes_out_get(
    struct lm_membership *m, const struct network *net, struct remote *r);
/* The pair is gone. */
void lm_lanes_out_retire(
    struct lm_membership *m, const struct network *net, struct remote *r, struct lanes_out *out);
void lm_lanes_out_free(struct remote *r);
/* Nothing is sent to this peer in this network any more. */
void lm_lanes_out_stop(struct lm_membership *m, struct pair *p);
bool lm_lanes_follow(struct lm_membership *m, struct party *from, struct lm_reader *r);

/* submit.c */
struct guest *lm_guest_of(struct lm_membership *m, struct lm_peer *session);
void lm_guest_free(struct lm_membership *m, struct guest *g);
/* Takes one pull from the guest's and the common allowance; false: over the rate. */
bool lm_guest_may_pull(struct lm_membership *m, struct guest *g);
void lm_submit_message(
    struct lm_membership *m, struct party *from, const uint8_t *body, size_t len);
void lm_submit_failed(struct lm_membership *m, struct lm_peer *session, int err);
void lm_submit_judged(struct lm_membership *m, const struct pulled *doc, int err, uint64_t serial,
    const struct lm_why *why);

/* outbox.c */
/* Room for a record of this type to this peer; written by the caller before anything else is sent.
 */
struct lm_writer lm_outbox_record(
    struct lm_membership *m, struct lm_peer *to, uint8_t type, size_t len);
void lm_outbox_flush(struct lm_membership *m);
void lm_outbox_forget(struct lm_membership *m, const struct lm_peer *to);

#endif
