/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network's rules as tables of rte_acl: one for all egress lists, one for all
 * ingress. Rules with one peer, or any, and one range of ports.
 */
#ifndef LM_PERF_POLICY_ACL_H
#define LM_PERF_POLICY_ACL_H

#include <rte_acl.h>
#include "policy/policy.h"

#define ACL_PACKETS 8192
#define ACL_ALLOWED 2 /* in an answer; anything else: denied */

struct acl_key {
	uint8_t protocol, pad[3];
	uint16_t own, peer; /* big endian, like port */
	uint16_t port, pad2;
};

struct acl {
	struct rte_acl_ctx *way[2];
	struct acl_key keys[2][ACL_PACKETS];
	const uint8_t *at[2][ACL_PACKETS];
};

/* Ends the program if rte_acl refuses. rules: at most so many in one table. */
void acl_build(struct acl *acl, const struct lm_manifest *m, unsigned rules);
void acl_free(struct acl *acl);
void acl_packets(struct acl *acl, const struct lm_policy_key *packets);
/* n packets from the i-th on: what egress and ingress say of each. */
void acl_ask(const struct acl *acl, unsigned i, unsigned n, uint32_t *out, uint32_t *in);

#endif
