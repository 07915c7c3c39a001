/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One seed's story: a world of some size and temper, in which tenants submit, workloads move,
 * gateways and links fail and members lie, until all faults stop and everybody must agree.
 *
 *   story.c         what happens, step by step, and how it ends
 *   story_tenant.c  documents: what owners sign and where they submit it
 *   story_fault.c   gateways, links, disks and clocks that fail, and workloads that move
 *   liar.c          members that lie
 */
#ifndef LM_TESTS_SIM_STORY_H
#define LM_TESTS_SIM_STORY_H

#include "audit.h"

/*
 * So long after the last fault all agree. What takes longest: a session's death and return (30 s,
 * 5 s), a manifest that is told again every 60 s to who did not want it, lanes told as rarely to
 * who has not confirmed the manifest, and a refused document's rest of 20 s.
 */
#define STORY_AGREE (120 * SIM_SECOND)

#define STORY_MEMBERS 3 /* of a network: web, db, job */
#define STORY_REPLICAS 3
#define STORY_DOCS 128

/* What the owner of a network wants now. */
struct story_net {
	unsigned owner;
	char name[16];
	uint64_t serial; /* the last one that was signed */
	bool *authorised; /* by gateway */
	unsigned at[STORY_MEMBERS][STORY_REPLICAS]; /* gateways, or as document.h says */
	bool leaves; /* something to the gateways */
	const char *pool;
	unsigned replicas[STORY_MEMBERS];
	uint64_t deployment[STORY_MEMBERS];
};

struct story_doc {
	struct sim_document doc;
	const struct audit_paper *paper;
	unsigned net;
};

/* A record that a liar has kept, to say it again later. */
struct liar_record {
	struct lm_net_id net;
	size_t len;
	uint8_t bytes[512];
};

#define LIAR_KEEPS 32

struct story {
	struct sim *sim;
	struct audit audit;
	struct sim_random random;
	unsigned n_nets;
	struct story_net nets[AUDIT_NETS];
	struct story_doc docs[STORY_DOCS];
	unsigned n_docs;
	unsigned n_liars;
	bool slow; /* hours rather than seconds pass between steps */
	bool clocks; /* that are wrong by hours, and set meanwhile */
	struct liar_record kept[LIAR_KEEPS];
	unsigned n_kept;
	uint64_t agreed_after; /* ns; SIM_NEVER: they did not */
};

struct story_result {
	uint64_t digest, events, agreed_after, checked, placed;
	bool failed;
	char first_broken[256];
};

/* Plays a seed from its beginning; what happens is written to trace (NULL: nowhere). */
void story_play(uint64_t seed, FILE *trace, struct story_result *out);

/* Between the files of the story. */
extern const char *const story_members[STORY_MEMBERS]; /* their names */
static inline unsigned story_pick(struct story *t, unsigned n)
{
	return (unsigned)sim_random_below(&t->random, n);
}
struct sim_gateway *story_anybody(struct story *t);
struct sim_gateway *story_running(struct story *t); /* NULL: none that we found */
void tenant_open(struct story *t);
void tenant_close(struct story *t);
void tenant_acts(struct story *t);
/* A gateway that the owner authorises. */
unsigned tenant_authorised(struct story *t, const struct story_net *net);
void fault_happens(struct story *t);
void workload_moves(struct story *t);
/* All that manifests place nowhere, each at some gateway. */
void workloads_begin(struct story *t);
void faults_stop(struct story *t);
void liar_acts(struct story *t);

#endif
