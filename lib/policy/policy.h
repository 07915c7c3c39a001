/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifest rules compiled for the data path. A policy is immutable: made on the
 * control thread, read by every worker, freed after they have let go of it. It
 * is asked once a flow, on a flow-table miss. What a question costs does not
 * depend on how many rules there are beyond their logarithm, nor on their order.
 */
#ifndef LM_POLICY_POLICY_H
#define LM_POLICY_POLICY_H

#include <stddef.h>
#include <stdint.h>
#include "base/why.h"
#include "manifest/manifest.h"

/*
 * What a network's rules may take in memory. Ten thousand rules as people write them take half a
 * megabyte; a megabyte of nothing but lists of ports would take eleven.
 */
#define LM_POLICY_BYTES_MAX (8u << 20)

struct lm_policy;

enum lm_verdict {
	LM_ALLOW,
	LM_DENY_EGRESS, /* the source's member does not let it out */
	LM_DENY_INGRESS, /* the destination's member does not let it in */
	/* Allowed, but beyond the rate of that side's rule. Only who counts flows can say so. */
	LM_OVER_EGRESS,
	LM_OVER_INGRESS,
};

/* Of which of a member's two lists. */
enum lm_way { LM_EGRESS, LM_INGRESS };

#define LM_RULE_NONE UINT16_MAX /* no rule matched: the network's default */
#define LM_RULE_UNASKED (UINT16_MAX - 1) /* the other side had denied already */

/* The verdict, and which rules made it: positions in the two members' lists, or the above. */
struct lm_ruling {
	enum lm_verdict verdict;
	uint16_t egress, ingress;
};

/* A packet that opens a flow. */
struct lm_policy_key {
	uint16_t src_member, dst_member; /* indices of the manifest it was compiled from */
	/* As in the IP header; ICMP in IPv6 is ICMPv6, whichever of the two numbers is here. */
	uint8_t protocol;
	uint16_t dst_port; /* host byte order, 0 where the protocol has none */
	/* Inside the network. Family 0: not known; then it is in no prefix. */
	struct lm_ip src, dst;
};

struct lm_policy_info {
	size_t bytes;
	unsigned n_rules, n_rates; /* rules with a rate */
};

#define LM_RULE_NO_RATE UINT32_MAX

struct lm_policy_rule {
	uint32_t line; /* in the document */
	bool deny, log;
	uint32_t rate; /* which of the rates; LM_RULE_NO_RATE */
};

/* -ENOMEM; -E2BIG: beyond LM_POLICY_BYTES_MAX. Does not keep a reference to m. */
int lm_policy_compile(struct lm_policy **out, const struct lm_manifest *m);
/* One more who has it, and will free it. Control thread only, as the others. Returns p. */
struct lm_policy *lm_policy_hold(struct lm_policy *p);
/* The last one to call it frees it; NULL is allowed. */
void lm_policy_free(struct lm_policy *p);
struct lm_policy_info lm_policy_info(const struct lm_policy *p);

/* Workers, too: reads only. Unknown members are denied. */
struct lm_ruling lm_policy_judge(const struct lm_policy *p, const struct lm_policy_key *key);
/* One side alone: the position of the rule that decides, or LM_RULE_NONE. */
bool lm_policy_allows(
    const struct lm_policy *p, const struct lm_policy_key *key, enum lm_way way, uint16_t *rule);
/* NULL: there is no such rule. */
const struct lm_policy_rule *lm_policy_rule(
    const struct lm_policy *p, uint16_t member, enum lm_way way, uint16_t rule);

/* One of info's n_rates; n 0: there is no such rate. */
struct lm_flow_rate lm_policy_flow_rate(const struct lm_policy *p, uint32_t rate);

/*
 * For who counts what decides: each rule and each list's default has a number below
 * lm_policy_counters. UINT32_MAX: nothing decided, or there is no such rule.
 */
uint32_t lm_policy_counters(const struct lm_policy *p);
uint32_t lm_policy_counter(
    const struct lm_policy *p, uint16_t member, enum lm_way way, uint16_t rule);

/* ---- the manifest's own tests, for who judges a manifest: on the control thread ---- */

/* How many look-ups all tests of a manifest may take: a fraction of a second. */
#define LM_PROBE_STEPS_MAX (4u << 20)

/*
 * Asks the i-th test, of every replica that it is about, at every address that the replica has or
 * may be given. 0: all is as expected. -EINVAL: it is not; why says which rule decides otherwise.
 * -E2BIG: it takes more than *steps, which counts down.
 */
int lm_policy_probe(const struct lm_policy *p, const struct lm_manifest *m, unsigned i,
    unsigned *steps, struct lm_why *why);
/*
 * Do the rules compile, and do all tests come out as expected? The first problem is in why, as
 * "file:line: reason". -EINVAL, -E2BIG, -ENOMEM. The same answer everywhere.
 */
int lm_policy_check(const struct lm_manifest *m, const char *file, struct lm_why *why);
/* The same, with the rules for whoever wants to use them; NULL if it does not return 0. */
int lm_policy_make(
    struct lm_policy **out, const struct lm_manifest *m, const char *file, struct lm_why *why);

#endif
