/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worlds of gateways in one process: the real control code (lib/membership, and with it sessions,
 * blobs and the ledger), and around it a virtual clock, a network that misbehaves, disks, data
 * planes, workloads and tenants. Everything follows from one seed; time jumps from event to event.
 *
 * Sizes are bounded by memory only: worlds of hundreds of gateways or thousands of networks are
 * what perf/control measures. Time is in virtual nanoseconds since the world began unless it says
 * otherwise. One thread.
 */
#ifndef LM_TESTS_SIM_SIM_H
#define LM_TESTS_SIM_SIM_H

#include <stdio.h>
#include <uthash.h>
#include "base/log.h"
#include "disk.h"
#include "document.h"
#include "events.h"
#include "lanes.h"
#include "membership/membership.h"
#include "network.h"
#include "random.h"

#define SIM_SECOND 1000000000ull
#define SIM_MS 1000000ull
#define SIM_WORLD_BEGINS 1800000000ull /* UTC seconds: 2027-01-15 */

/* How a gateway's wall clock differs from the world's. */
struct sim_clock {
	int64_t offset; /* ns */
	int64_t drift; /* ns a second */
};

struct sim_slot { /* of a peer */
	struct sim_gateway *gateway; /* NULL: free */
	bool path; /* its session is up */
};

/* What is attached at a gateway although, or not although, the gateway's `attached` says. */
struct sim_exception;

enum sim_death {
	SIM_ALIVE,
	SIM_DIES_BEFORE_WRITE, /* killed in the middle of the next write of a manifest */
	SIM_DIES_AFTER_WRITE,
	SIM_DYING, /* in the present event; nothing that it does is seen any more */
};

struct sim_gateway {
	struct sim *sim;
	unsigned index;
	struct lm_identity id;
	struct lm_udp_addr addr;
	struct sim_clock clock;
	struct lm_membership_config config; /* for its next start */
	struct lm_membership *m; /* NULL: it does not run */
	struct sim_random random;
	struct sim_event tick;
	struct sim_disk disk;
	bool keeps_ledger; /* on disk; for its next start */
	bool reads_aside; /* some of the documents that are brought, and slowly */
	struct sim_reading *readings;
	struct sim_random reader;
	struct sim_lanes lanes;
	struct sim_slot *slots;
	uint32_t n_slots;
	bool attached; /* whatever manifests place here; see sim_attach for exceptions */
	struct sim_exception *exceptions;
	struct sim_exception *hosts; /* what is attached of that which manifests place nowhere */
	bool talks; /* its workloads send to, and hear of, everybody all the time */
	bool disk_full, no_room_for_lanes;
	enum sim_death death;
	bool restoring; /* it starts, and reads what is on its disk */
	uint64_t n_stirs; /* times that routes, or the path to a peer, have changed */
	struct sim_traffic traffic;
	UT_hash_handle by_key;
};

/* What a caller wants to hear; each may be NULL. They must not change the world. */
struct sim_hooks {
	/* It has written a manifest, which comes into force or takes it off the network. */
	void (*stored)(void *ctx, struct sim_gateway *g, const struct lm_net_id *net,
	    const uint8_t *bytes, size_t len);
	void (*in_force)(void *ctx, struct sim_gateway *g, const struct lm_network *net);
	void (*gone)(void *ctx, struct sim_gateway *g, const struct lm_network *net);
	/* Its data plane is given keys to send by in this network. */
	void (*keyed)(void *ctx, struct sim_gateway *g, uint32_t net, uint8_t n_lanes,
	    const uint8_t (*keys)[SIM_LANE_KEY]);
	/* Something has happened to this gateway, and it has been ticked. */
	void (*after)(void *ctx, struct sim_gateway *g);
};

struct sim {
	uint64_t seed, now, n_events;
	struct sim_events events;
	struct sim_gateway **gateways;
	unsigned n_gateways;
	struct sim_gateway *by_key;
	struct lm_identity *owners;
	unsigned n_owners;
	struct sim_network network;
	struct sim_random random; /* of the network and the disks */
	struct sim_hooks hooks;
	void *hooks_ctx;
	const struct sim_gateway *current; /* whose event it is; for the log */
	uint64_t digest; /* of all that has happened: equal for equal plays */
	FILE *trace;
	unsigned broken; /* what must never be and was */
	char first_broken[256];
};

struct sim_config {
	uint64_t seed;
	unsigned gateways, owners; /* all gateways accept all owners' manifests */
	struct sim_link link; /* of any two gateways */
	/* Of all gateways; 0: 4096 networks, as many peers as there are gateways, 1 lane. */
	unsigned max_networks, max_peers;
	uint8_t lanes;
	FILE *trace; /* what happens is written there; NULL: nowhere */
};

/* All gateways stopped, nothing attached anywhere. */
struct sim *sim_new(const struct sim_config *config);
void sim_free(struct sim *s);

/* ---- time ---- */

/* Runs all that happens up to now + ns. */
void sim_run(struct sim *s, uint64_t ns);
/* Asks each `every` ns; false: not within ns. */
typedef bool sim_predicate(struct sim *s, void *ctx);
bool sim_run_until(struct sim *s, uint64_t ns, uint64_t every, sim_predicate *holds, void *ctx);
/* As this gateway sees it. */
struct lm_now sim_now(const struct sim_gateway *g);

/* ---- gateways ---- */

/* With what is on its disk. */
void sim_start(struct sim_gateway *g);
void sim_start_all(struct sim *s);
void sim_crash(struct sim_gateway *g);
void sim_stop(struct sim_gateway *g); /* says goodbye */
/* A tenant's document; the same errors as lm_membership_submit, -ECONNRESET: it died meanwhile. */
int sim_submit(struct sim_gateway *g, const struct sim_document *d, struct lm_why *why);
/* Whatever manifests place at this gateway is attached from now on, or nothing is. */
void sim_attach_all(struct sim_gateway *g, bool attached);
/* One endpoint that manifests place at this gateway, until sim_attach_all. */
void sim_attach(struct sim_gateway *g, const struct lm_net_id *net, const char *member,
    unsigned replica, bool attached);
/* One that the manifest places nowhere: it is attached only where this has said so. */
void sim_host(struct sim_gateway *g, const struct lm_net_id *net, const char *member,
    unsigned replica, bool hosted);
/* Is this endpoint of the manifest attached here, and may it be? */
bool sim_hosts(const struct sim_gateway *g, const struct lm_net_id *net,
    const struct lm_manifest *man, unsigned endpoint);
bool sim_is_attached(
    const struct sim_gateway *g, const struct lm_net_id *net, const char *member, unsigned replica);
/* After anything was done to its membership by the caller's hand. */
void sim_touch(struct sim_gateway *g);

/* ---- questions ---- */

struct sim_gateway *sim_by_key(const struct sim *s, const struct lm_public_key *key);
/* The serial in force at a gateway, 0: none. */
uint64_t sim_serial(const struct sim_gateway *g, const struct lm_net_id *net);
/* a's slot for b, UINT32_MAX: none. */
uint32_t sim_slot(const struct sim_gateway *a, const struct sim_gateway *b);
bool sim_is_up(const struct sim_gateway *a, const struct sim_gateway *b);
/* All lanes between the two are there, acknowledged, and alike. */
bool sim_lanes_ready(
    const struct sim_gateway *a, const struct sim_gateway *b, const struct lm_net_id *net);

/* ---- what is noticed ---- */

void sim_broken(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sim_say(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Into the digest. */
void sim_note(struct sim *s, uint64_t what);

/* ---- between the files of the simulator ---- */

/* Makes room for gateway `index`; it does not run. */
struct sim_gateway *sim_gateway_new(struct sim *s, unsigned index, const struct sim_config *config);
void sim_gateway_free(struct sim_gateway *g);
void sim_receive(
    struct sim_gateway *g, const struct lm_udp_addr *from, const uint8_t *data, size_t len);
void sim_serve(struct sim_gateway *g, const struct lm_network *net);
struct lm_membership_ops sim_effects(const struct sim_gateway *g);
void sim_exceptions_free(struct sim_gateway *g);
int sim_read_aside(struct sim_gateway *g, uint64_t number, const uint8_t *bytes, size_t len);
/* It stops: nobody wants to know any more. */
void sim_readings_end(struct sim_gateway *g);

#endif
