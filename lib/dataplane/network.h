/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network as workers see it: address -> endpoint, endpoint -> where it lives,
 * and the policy. Immutable once published, replaced as a whole; made and freed
 * by the control lcore.
 *
 * An address is looked up on flow misses only, hence one hash table for both
 * families and no index by offset.
 */
#ifndef LM_DATAPLANE_NETWORK_H
#define LM_DATAPLANE_NETWORK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "dataplane/dataplane.h"
#include "dataplane/flow.h"
#include "dataplane/hits.h"
#include "dataplane/notes.h"
#include "dataplane/quotas.h"
#include "dataplane/sa.h"

struct lm_routes;

struct lm_ep {
	struct lm_addr addr4, addr6; /* zero: none */
	struct lm_tunnel *tunnel; /* NULL: ours */
	uint32_t attachment; /* LM_DP_NONE: not attached here */
	uint32_t peer; /* LM_DP_NONE: ours */
	uint16_t member;
	bool away; /* a peer's that does not serve it now */
	uint64_t since; /* cycles: when it came to where it is, as we see it */
};

/* What packets of known flows ask of a network. All of them together fit into few lines. */
struct lm_net_brief {
	uint32_t generation; /* 0: there is no network */
	uint32_t mtu;
};
_Static_assert(sizeof(struct lm_net_brief) == sizeof(uint64_t), "published as one word");

static inline struct lm_net_brief lm_net_brief_of(const uint64_t *briefs, uint32_t index)
{
	const uint64_t word = __atomic_load_n(&briefs[index], __ATOMIC_ACQUIRE);
	struct lm_net_brief brief;

	memcpy(&brief, &word, sizeof brief);
	return brief;
}

struct lm_net {
	uint32_t generation; /* never repeats, of whatever network */
	uint16_t mtu;
	struct lm_addr gateway4, gateway6; /* zero: none */
	struct lm_policy *policy; /* NULL: nothing passes */
	struct lm_hits *hits; /* of its rules; NULL without a policy */
	struct lm_quotas *quotas; /* likewise; NULL: no rule has one */
	struct lm_notes *notes; /* of what its rules decided */
	struct lm_ep *eps;
	uint32_t n_eps;
	uint32_t mask;
	uint64_t seed; /* so that a tenant cannot choose colliding addresses */
	uint32_t *slots; /* endpoint + 1; 0: empty */
	struct lm_routes *routes; /* NULL: none. See route.h */
};

#define LM_NET_ENDPOINTS_MAX 65535 /* flow entries hold endpoints in 16 bits */

/* What a network is made with, besides what control says. */
struct lm_net_made {
	uint32_t index, generation;
	unsigned n_workers;
	uint64_t now, hz; /* cycles, and of a second */
	uint64_t seed;
	const struct lm_net *old; /* which it replaces; NULL: none */
};

/*
 * Takes spec->policy over if it returns 0. Tunnels are looked up in, and counted by, the registry.
 * At most LM_NET_ENDPOINTS_MAX endpoints. -EINVAL: two endpoints with one address, or routes that
 * cannot be.
 */
int lm_net_create(struct lm_net **out, const struct lm_dp_network *spec,
    const struct lm_net_made *made, struct lm_tunnels *tunnels);
void lm_net_free(void *net);

static inline uint32_t lm_net_slot(const struct lm_net *net, struct lm_addr addr)
{
	return (uint32_t)lm_mix(addr.w[0] ^ net->seed, addr.w[1] ^ LM_HASH_K1);
}

/* Index of the endpoint with this address, or LM_DP_NONE. */
static inline uint32_t lm_net_route(const struct lm_net *net, struct lm_addr addr)
{
	for (uint32_t i = lm_net_slot(net, addr);; i++) {
		uint32_t ep = net->slots[i & net->mask];

		if (ep == 0)
			return LM_DP_NONE;
		ep--;
		if (lm_addr_equal(net->eps[ep].addr4, addr) ||
		    lm_addr_equal(net->eps[ep].addr6, addr))
			return ep;
	}
}

#endif
