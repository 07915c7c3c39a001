/* SPDX-License-Identifier: Apache-2.0 */
/* Looking up a flow: on the workers, reads only. */
#include <stdbool.h>
#include "policy/layout.h"

#define PROTO_ICMPV6 58

/* The vector for this peer: 0 for one that no rule names, else 1 + its position. */
static uint32_t find_peer(const uint16_t *peers, uint32_t n, uint16_t peer)
{
	uint32_t from = 0, to = n;
	while (from < to) {
		uint32_t middle = (from + to) / 2;
		if (peers[middle] < peer)
			from = middle + 1;
		else
			to = middle;
	}
	return from < n && peers[from] == peer ? 1 + from : 0;
}

/* The last point that is not beyond the target. The first point is 0, so there is one. */
static uint32_t find_point(const uint32_t *points, uint32_t n, uint32_t target)
{
	uint32_t from = 0, to = n;
	while (to - from > 1) {
		uint32_t middle = (from + to) / 2;
		if (points[middle] <= target)
			from = middle;
		else
			to = middle;
	}
	return from;
}

static bool allows(
    const struct lm_policy *p, const struct lm_policy_list *l, uint16_t peer, uint32_t target)
{
	if (l->n_points == 0)
		return false;
	/* A policy that names nobody has no peers to point at. */
	uint32_t by_peer =
	    l->n_peers > 0 ? find_peer(p->peers + l->first_peer, l->n_peers, peer) : 0;
	uint32_t by_point = find_point(p->points + l->first_point, l->n_points, target);
	const uint64_t *bits = p->bits + l->first_bits;
	const uint64_t *a = bits + (size_t)by_peer * l->words;
	const uint64_t *b = bits + (size_t)(1 + l->n_peers + by_point) * l->words;
	for (unsigned i = 0; i < l->words; i++)
		if (a[i] & b[i])
			return true;
	return false;
}

enum lm_verdict lm_policy_judge(const struct lm_policy *p, uint16_t src_member, uint16_t dst_member,
    uint8_t protocol, uint16_t dst_port)
{
	if (protocol == PROTO_ICMPV6)
		protocol = LM_PROTO_ICMP;
	uint32_t target = lm_policy_target(protocol, dst_port);
	if (src_member >= p->n_members || !allows(p, &p->egress[src_member], dst_member, target))
		return LM_DENY_EGRESS;
	if (dst_member >= p->n_members || !allows(p, &p->ingress[dst_member], src_member, target))
		return LM_DENY_INGRESS;
	return LM_ALLOW;
}
