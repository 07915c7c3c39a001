/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifest rules compiled for the data path. A policy is immutable: made on the
 * control thread, read by every worker, freed after they have let go of it. It
 * is asked once a flow, on a flow-table miss. Default deny.
 */
#ifndef LM_POLICY_POLICY_H
#define LM_POLICY_POLICY_H

#include <stddef.h>
#include <stdint.h>
#include "manifest/manifest.h"

struct lm_policy;

enum lm_verdict {
	LM_ALLOW,
	LM_DENY_EGRESS, /* no egress rule of the source's member matches */
	LM_DENY_INGRESS, /* no ingress rule of the destination's member matches */
};

/* -ENOMEM. Does not keep a reference to m. */
int lm_policy_compile(struct lm_policy **out, const struct lm_manifest *m);
void lm_policy_free(struct lm_policy *p);

/*
 * protocol: as in the IP header (ICMPv6 is judged as LM_PROTO_ICMP). dst_port: host byte order, 0
 * where the protocol has none. Members are indices of the manifest it was compiled from.
 */
enum lm_verdict lm_policy_judge(const struct lm_policy *p, uint16_t src_member, uint16_t dst_member,
    uint8_t protocol, uint16_t dst_port);

#endif
