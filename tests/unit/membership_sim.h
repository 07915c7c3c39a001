/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world in one process: up to SIM_GATEWAYS gateways with their stores, a
 * network that loses, doubles, delays and parts, tenants who submit, and a clock
 * that jumps from event to event. Everything follows from one seed.
 *
 * After each event the world checks what must hold at every instant: whatever SPI
 * a gateway would send by is installed at the other end, with the same keys; and in small worlds,
 * an endpoint is routed only to a peer whose records say that it takes part and serves it.
 */
#ifndef LM_TESTS_MEMBERSHIP_SIM_H
#define LM_TESTS_MEMBERSHIP_SIM_H

#include <sys/queue.h>
#include "ledger/ledger.h"
#include "membership/membership.h"
#include "session/blob.h"

#define SIM_GATEWAYS 24
#define SIM_RAWS 20
#define SIM_NODES (SIM_GATEWAYS + SIM_RAWS)
#define SIM_NETWORKS 512
#define SIM_ENDPOINTS 64 /* of a network, at most */
#define SIM_LANES 4 /* a gateway offers 1, 2 or 4 */
#define SIM_FIRST_SPI 256
#define SIM_SECOND 1000000000ull
#define SIM_MS 1000000ull

struct sim;

struct sim_sa { /* inbound, index is SPI - 256; never reused */
	bool there;
	bool cut; /* it ended with the pair or the process, not because it was replaced */
	bool used; /* a packet has come by it */
	uint64_t gone_at; /* number of the event */
	uint32_t net, slot;
	uint8_t lane, n_lanes;
	uint8_t key[36];
};

struct sim_out { /* of (net, slot) */
	uint8_t n;
	bool used; /* a packet has gone by it */
	uint32_t spis[SIM_LANES];
	uint8_t keys[SIM_LANES][36];
};

struct sim_stored {
	struct lm_net_id net;
	uint8_t *bytes; /* NULL: free */
	size_t len;
};

struct sim_record {
	struct lm_net_id net;
	uint8_t id[LM_LEDGER_ID_LEN];
	uint8_t *bytes;
	size_t len;
};

struct sim_fact {
	struct lm_net_id net;
	uint8_t key[LM_FACT_KEY_MAX];
	size_t key_len, len;
	uint8_t *bytes;
};

/* A gateway, or (raw) a program that speaks sessions and blobs but has no manners. */
struct sim_node {
	struct sim *sim;
	unsigned index;
	struct lm_identity id;
	struct lm_udp_addr addr;
	bool running;
	uint64_t tick_at;

	struct lm_membership *m;
	uint8_t lanes;
	unsigned max_networks, max_peers;
	bool persist_fails, sa_fails;
	bool no_owners; /* at its next start */
	/* Likewise: the op, or NULL. */
	int (*read_aside)(void *ctx, uint64_t number, const uint8_t *bytes, size_t len);
	bool keeps_records; /* at its next start: its ledger is on disk */
	bool reading_records;
	struct sim_record *records;
	unsigned n_records, cap_records;
	struct sim_fact *facts; /* by network, then by key */
	unsigned n_facts, cap_facts;
	struct sim_fact *facts_before; /* the batch, if there is one */
	unsigned n_facts_before, n_batches;
	bool commit_fails; /* of batches */
	bool no_facts, reading_facts, lost_store; /* no_facts, lost_store: at its next start */
	struct sim_stored store[SIM_NETWORKS];
	struct sim_sa *sas;
	uint32_t n_sas, cap_sas, live_sas;
	struct sim_out out[SIM_NETWORKS][SIM_NODES]; /* by network index and slot */
	int peer_node[SIM_NODES]; /* by slot; -1: none */
	bool path_there[SIM_NODES];
	unsigned changed, gone, routed; /* calls of these */
	uint64_t unfounded_since[4][SIM_ENDPOINTS]; /* by network and endpoint; 0: all is well */
	bool idle; /* nothing is attached here: sim_attach */
	uint64_t hosts; /* bit i: replica i of what the manifest places nowhere, unless idle */
	uint64_t routed_at; /* the last call of routes_changed */

	/* raw */
	struct lm_sessions *sessions;
	struct lm_blobs *blobs;
	struct lm_ledger *ledger;
	struct lm_peer *peer;
	const uint8_t *offer; /* a blob that it gives to anybody */
	size_t offer_len;
	bool raw_up, answered;
	int pull_err; /* of the last pull; 1: none has ended */
	uint32_t code;
	uint64_t serial;
	char text[256];
	bool holder_silent, holder_serves; /* how it answers HOLDER ASK */
	unsigned asked, tips; /* HOLDER ASKs, TIPs heard */
	unsigned told; /* HOLDERs, and what the last one said */
	uint8_t told_serves;
	unsigned haves, acks, finds; /* finds: it was asked for a chunk */
	unsigned chains; /* messages of chains, and of where they begin */
	uint8_t lanes_body[LM_MESSAGE_MAX]; /* the last LANES that it was told */
	size_t lanes_len;
};

struct sim_packet {
	TAILQ_ENTRY(sim_packet) link;
	uint64_t at;
	unsigned to;
	struct lm_udp_addr from;
	size_t len;
	uint8_t data[];
};

struct sim {
	uint64_t seed, random;
	struct lm_now now;
	unsigned n; /* gateways; nodes beyond are raw */
	struct sim_node *node[SIM_NODES];
	TAILQ_HEAD(sim_packets, sim_packet) packets; /* by time */
	unsigned loss, dup; /* percent */
	uint64_t delay, jitter;
	bool cut[SIM_NODES][SIM_NODES]; /* from, to */
	uint64_t sent, sent_bytes; /* datagrams, and what is in them */
	uint64_t event;
	struct lm_identity owner;
	unsigned twice_warned; /* "signed serial N twice" was logged */
	unsigned broken; /* violations seen */
	char first_broken[256];
};

/* n gateways that accept the owner's manifests. */
struct sim *sim_new(uint64_t seed, unsigned n);
void sim_free(struct sim *s);
/* Fails the test if anything was broken, and frees. */
#define sim_end(s) \
	do { \
		if ((s)->broken) \
			printf( \
			    "\n  %u violations, the first %s\n", (s)->broken, (s)->first_broken); \
		CU_ASSERT_EQUAL((s)->broken, 0); \
		sim_free(s); \
	} while (0)
uint64_t sim_random(struct sim *s, uint64_t below);
/* Runs all that happens up to now + ns. */
void sim_run(struct sim *s, uint64_t ns);
void sim_partition(struct sim *s, unsigned a, unsigned b, bool cut);
void sim_crash(struct sim *s, unsigned gateway);
/* All endpoints that manifests place here are attached from now on, or none is. */
void sim_attach(struct sim *s, unsigned gateway, bool attached);
/* Of a gateway that is down: all facts of its store are gone, and it knows that at its next start.
 */
void sim_lose_facts(struct sim *s, unsigned gateway);
/* The replica of each member that the manifest places at no provider is attached here, or is not.
 */
void sim_host(struct sim *s, unsigned gateway, unsigned replica, bool attached);
/* With what is in its store. */
void sim_start(struct sim *s, unsigned gateway);
void sim_check(struct sim *s);

/* A document of the owner that authorises the gateways in the mask; extra lines are appended. */
struct sim_doc {
	uint8_t *bytes;
	size_t len;
	uint8_t hash[32];
	struct lm_net_id net;
};
struct sim_doc sim_sign(
    struct sim *s, const char *network, unsigned serial, unsigned providers, const char *extra);
/*
 * Another document with the same serial that wins against d (or loses); bytes are d's apart from
 * an expiry in some year.
 */
struct sim_doc sim_sign_again(struct sim *s, const char *network, unsigned serial,
    unsigned providers, const struct sim_doc *d, bool wins);
/* The part from `members:` on is the caller's, `prefixes` what is below that line; NULL:
 * 100.64.10.0/24. */
struct sim_doc sim_sign_members(struct sim *s, const char *network, unsigned serial,
    unsigned providers, const char *prefixes, const char *members);
/* web at gateway 0, and db at the gateway `db`. */
struct sim_doc sim_sign_at(
    struct sim *s, const char *network, unsigned serial, unsigned providers, unsigned db);
/* The first gateway sends what is for db to the second one. */
bool sim_serves(const struct sim *s, unsigned from, unsigned at, const struct sim_doc *d);
void sim_doc_free(struct sim_doc *d);
int sim_submit(struct sim *s, unsigned gateway, const struct sim_doc *d, struct lm_why *why);

/* The serial in force at a gateway, 0: none. */
uint64_t sim_serial(const struct sim *s, unsigned gateway, const struct sim_doc *d);
/* All lanes of this network between two gateways are there, acknowledged, and alike. */
bool sim_lanes_ready(const struct sim *s, unsigned a, unsigned b, const struct sim_doc *d);
/* ... between any two in the mask. */
bool sim_all_ready(const struct sim *s, unsigned mask, const struct sim_doc *d);
/* a would send to b's endpoint of this network. */
bool sim_routed(const struct sim *s, unsigned a, unsigned b, const struct sim_doc *d);
uint64_t sim_drops(const struct sim *s, unsigned gateway, enum lm_membership_drop reason);
/* Keys that a sends to b by; NULL: none. */
const struct sim_out *sim_out(const struct sim *s, unsigned a, unsigned b, const struct sim_doc *d);

/* One packet from a gateway's endpoint to another's; true: it arrives, under keys that both know.
 */
bool sim_traffic(struct sim *s, unsigned from, unsigned to, const struct sim_doc *d);

/*
 * A raw node, at most two, that calls a gateway. identity 0 .. SIM_GATEWAYS - 1: it has the key of
 * that gateway (which should not run); others: nobody's.
 */
struct sim_node *sim_raw(struct sim *s, unsigned identity, unsigned gateway);
void sim_raw_submit(struct sim *s, struct sim_node *raw, const struct sim_doc *d);
void sim_raw_have(
    struct sim *s, struct sim_node *raw, const struct sim_doc *d, uint64_t serial, uint8_t flags);
/* Takes part in the document's network, as its record of itself says. */
void sim_raw_join(struct sim_node *raw, const struct sim_doc *d);
/* One lane, with the keys of the session's present epoch. */
void sim_raw_lanes(struct sim_node *raw, const struct sim_doc *d, uint64_t incarnation,
    uint32_t generation, uint32_t spi);
/* ... of any epoch that it still knows. */
void sim_raw_lanes_of(struct sim_node *raw, const struct sim_doc *d, uint32_t epoch,
    uint64_t incarnation, uint32_t generation, uint32_t spi);
/* Acknowledges what it was told last, as of this incarnation, which is added to the true one. */
void sim_raw_ack(struct sim_node *raw, uint64_t incarnation_off);
void sim_raw_send(struct sim_node *raw, uint8_t type, const void *body, size_t len);

/* ---- replicas of the member "app", about which the gateways decide ---- */

#define SIM_PATIENCE (60 * SIM_SECOND)

/* Index in this gateway's manifest, -1: none. */
int sim_endpoint(const struct sim *s, unsigned gateway, const struct sim_doc *d, unsigned replica);
/* Attached there and served; else *why (may be NULL), as lm_membership_served. */
bool sim_serves_app(const struct sim *s, unsigned gateway, const struct sim_doc *d,
    unsigned replica, const char **why);
/* The last byte of the IPv4 address that it has by what this gateway knows; 0: none. */
unsigned sim_address(
    const struct sim *s, unsigned gateway, const struct sim_doc *d, unsigned replica);
/* The gateway to which this one would send what is for it, or -1. */
int sim_route(const struct sim *s, unsigned from, const struct sim_doc *d, unsigned replica);
/* It is served there, and all others in the mask send there and know the same address. */
bool sim_app_is_at(
    const struct sim *s, unsigned mask, const struct sim_doc *d, unsigned replica, unsigned at);
/* Runs until it is; the time that took, UINT64_MAX: not within SIM_PATIENCE. */
uint64_t sim_until_app_is_at(
    struct sim *s, unsigned mask, const struct sim_doc *d, unsigned replica, unsigned at);

/* Between the files of the simulator. */
/* NULL, or what is wrong with what this gateway serves in this network. */
const char *sim_check_places(struct sim *s, const struct sim_node *a, const struct lm_network *net);
struct sim_node *sim_node_new(struct sim *s, unsigned index, unsigned identity);
void sim_tick(struct sim_node *n);
void sim_on_send(void *ctx, const struct lm_udp_addr *to, const uint8_t *data, size_t len);
void sim_on_random(void *ctx, void *buf, size_t len);
bool sim_on_sa_in_used(void *ctx, uint32_t spi);
bool sim_on_sa_out_used(void *ctx, uint32_t net, uint32_t slot);
int sim_slot(const struct sim_node *n, unsigned peer); /* -1: none */
int sim_on_fact_put(void *ctx, const struct lm_net_id *net, const void *key, size_t key_len,
    const void *value, size_t len);
void sim_on_facts_begin(void *ctx);
int sim_on_facts_commit(void *ctx);
int sim_on_facts_each(
    void *ctx, const struct lm_net_id *net, lm_fact_each_fn *each, void *each_ctx);
void sim_facts_free(struct sim_node *n);

#endif
