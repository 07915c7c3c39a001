/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold in a world at every instant, and at the end. The audit knows what the owners
 * signed, what each gateway wrote to its disk and what its author published; it looks at a gateway
 * after each of its events. What it finds wrong goes to sim_broken.
 *
 *   audit.c          which document is in force where, and what an event may cause
 *   audit_lanes.c    keys and SPIs at both ends
 *   audit_records.c  the ledger's records and their authors
 *   audit_routes.c   endpoints and who serves them
 *   audit_places.c   those that live where they are attached, with addresses given out
 *   audit_end.c      what all must have agreed upon once the faults are over
 */
#ifndef LM_TESTS_SIM_AUDIT_H
#define LM_TESTS_SIM_AUDIT_H

#include "sim.h"

#define AUDIT_NETS 8 /* of a world */

/* A document that an owner has signed. */
struct audit_paper {
	uint8_t hash[32];
	unsigned net;
	uint64_t serial;
	int64_t expires; /* UTC seconds; 0: never */
	bool closes; /* on_expiry: close */
	bool *names; /* by gateway: it is a provider */
	struct lm_secret secret; /* of the network under this document */
	UT_hash_handle hh;
};

struct audit_net {
	struct lm_net_id id;
	char name[16];
};

/* A gateway in a network. */
struct audit_standing {
	const struct audit_paper *stored; /* on its disk; NULL: none */
	bool in_force;
};

/* A record that an honest author has published, by its fingerprint. */
struct audit_published {
	uint64_t fingerprint;
	UT_hash_handle hh;
};

/* The highest version of a record that a gateway has had, by its name's fingerprint. */
struct audit_version {
	uint64_t name, version;
	UT_hash_handle hh;
};

/* A key that a lane was sent by. */
struct audit_key {
	uint8_t key[SIM_LANE_KEY];
	const struct audit_paper *under; /* in force then */
	UT_hash_handle hh;
};

struct audit_gateway {
	bool liar, ran; /* ran: at its last event */
	struct lm_ledger_info seen; /* when its records were looked at last */
	struct audit_version *versions; /* as long as it drops no records but by their own end */
	bool new_authors; /* a manifest came into force or went since then */
	uint64_t n_stirs, look_until; /* routes may still be about to follow */
	uint64_t tx_datagrams; /* at its last event */
	struct audit_standing in[AUDIT_NETS];
	uint64_t *unfounded[AUDIT_NETS]; /* by endpoint: a route without records since; 0: none */
	unsigned n_unfounded[AUDIT_NETS];
};

struct audit {
	struct sim *sim;
	/* Clocks were set back: who said it is away may not have been believed, and not say it
	 * again. */
	bool clocks_set;
	struct audit_net nets[AUDIT_NETS];
	unsigned n_nets;
	struct audit_gateway *gateways;
	struct audit_paper *papers;
	struct audit_published *published;
	struct audit_key *keys;
	uint64_t checked; /* records and lanes that were looked at */
	/* At the end: endpoints that live where gateways have decided, and how often a gateway is
	 * in a network in which nothing can be decided any more. */
	unsigned placed, stuck;
};

void audit_open(struct audit *a, struct sim *s);
void audit_close(struct audit *a);
/* An owner has signed this for the network of that name; expires, closes: what it says. */
const struct audit_paper *audit_paper(struct audit *a, const struct sim_document *d,
    const char *name, const unsigned *providers, unsigned n, int64_t expires, bool closes);
/* Does it take the other one's place? b NULL: yes. */
bool audit_newer(const struct audit_paper *p, const struct audit_paper *b);
bool audit_expired(const struct audit_paper *p, const struct sim_gateway *g);
struct audit_gateway *audit_of(struct audit *a, const struct sim_gateway *g);
/*
 * The faults are over: in how many ways all do not agree (yet). loud: that is a violation, and each
 * is said.
 */
unsigned audit_end(struct audit *a, bool loud);

/* Between the files of the audit. */
#define AUDIT_MIX_BASIS 0xcbf29ce484222325ull /* FNV-1a */
static inline uint64_t audit_mix(uint64_t h, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len--)
		h = (h ^ *at++) * 0x100000001b3ull;
	return h;
}
int audit_net(const struct audit *a, const struct lm_net_id *id); /* -1: nobody signed such */
void audit_lanes(struct audit *a, struct sim_gateway *g);
/* The document that was in force when this key was taken up. */
const struct audit_paper *audit_under(const struct audit *a, const uint8_t key[SIM_LANE_KEY]);
void audit_lanes_of(struct audit *a, struct sim_gateway *g, const struct lm_network *net);
void audit_keyed(void *ctx, struct sim_gateway *g, uint32_t net, uint8_t n_lanes,
    const uint8_t (*keys)[SIM_LANE_KEY]); /* as struct sim_hooks */
void audit_records(struct audit *a, struct sim_gateway *g);
void audit_versions_forget(struct audit_gateway *ag);
/* The endpoint of the network that a record is about, or -1. */
int audit_endpoint(const struct lm_network *net, const struct lm_ledger_record *r);
void audit_routes(struct audit *a, struct sim_gateway *g);
void audit_places(struct audit *a, struct sim_gateway *g);
/* In how many ways this one is not agreed with the others about such endpoints. */
unsigned audit_places_end(struct audit *a, const struct sim_gateway *g,
    const struct lm_network *net, const struct audit_paper *law, bool loud);
void audit_routes_forget(struct audit_gateway *ag, unsigned net);

#endif
