/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tenant's manifest: one strict YAML document that describes a network, and
 * the signed envelope in which it travels.
 *
 * A parsed manifest is immutable and owned by whoever parsed it; any thread may
 * read it. Only lm_manifest_parse makes one (it keeps indices behind it). Every
 * list is bounded by a constant below. Nothing here knows a clock: times are
 * passed in.
 */
#ifndef LM_MANIFEST_MANIFEST_H
#define LM_MANIFEST_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/id.h"
#include "base/why.h"
#include "crypto/identity.h"

#define LM_NAME_MAX 63 /* a DNS label, RFC 1035 section 2.3.4 */
#define LM_MANIFEST_BYTES_MAX (1u << 20) /* the signed file, all in all */
#define LM_PROVIDERS_MAX 512
#define LM_PROVIDER_ADDRS_MAX 4
#define LM_MEMBERS_MAX 4096
#define LM_ENDPOINTS_MAX 16384 /* of a network, over all members */
#define LM_ANY_PROVIDER UINT16_MAX
#define LM_RULES_MAX 256 /* of one list of one member */
#define LM_RULE_PEERS_MAX 64
#define LM_RULE_LABELS_MAX 32
#define LM_RULE_PREFIXES_MAX 64 /* and as many exceptions */
#define LM_RULE_PORTS_MAX 32
#define LM_RULE_COMMENT_MAX 120 /* bytes */
#define LM_RULE_RATE_MAX 1000000
#define LM_RULE_RATES_MAX 1024 /* rules with one, of a network: workers keep a bucket of each */
#define LM_MEMBER_LABELS_MAX 8
#define LM_LABELS_MAX (LM_MEMBERS_MAX * LM_MEMBER_LABELS_MAX) /* of a network */
#define LM_PROBES_MAX 1024
#define LM_ROUTES_MAX 256
#define LM_ROUTE_VIAS_MAX 8
#define LM_ROUTE_REPLICAS_MAX 64 /* of all its vias together */

/* protocols as in IPv4 Protocol / IPv6 Next Header; LM_PROTO_ANY matches all */
#define LM_PROTO_ANY 0xffff
/* "icmp" in a rule means ICMP for IPv4 and ICMPv6 for IPv6, "icmpv6" only the latter. */
#define LM_PROTO_ICMP 1
#define LM_PROTO_TCP 6
#define LM_PROTO_UDP 17
#define LM_PROTO_GRE 47
#define LM_PROTO_ICMPV6 58
#define LM_PROTO_SCTP 132

static inline bool lm_proto_has_ports(uint16_t protocol)
{
	return protocol == LM_PROTO_TCP || protocol == LM_PROTO_UDP || protocol == LM_PROTO_SCTP;
}

/* The port of a service by its name, as rules may call it; 0: not known. */
uint16_t lm_service_port(const char *name);

struct lm_provider {
	char name[LM_NAME_MAX + 1]; /* the manifest's own handle for it */
	struct lm_public_key key;
	struct lm_key_id id;
	struct lm_udp_addr addrs[LM_PROVIDER_ADDRS_MAX];
	unsigned n_addrs; /* 1 .. LM_PROVIDER_ADDRS_MAX */
};

struct lm_port_range {
	uint16_t from, to; /* inclusive, host byte order */
};

/* So many new flows in so many seconds, which are 1, 60 or 3600. n 0: as many as there are. */
struct lm_flow_rate {
	uint32_t n, seconds;
};
#define LM_FLOW_RATE_TEXT 16
/* "100/s", as in a document. Returns out. */
char *lm_flow_rate_text(char out[LM_FLOW_RATE_TEXT], const struct lm_flow_rate *r);

/*
 * Of a member's list the first rule that matches decides; if none does, the manifest's default. A
 * flow passes if both the source's egress and the destination's ingress allow it. The peer, which
 * is the other one of the two, matches if it is one of those named, or carries one of the labels,
 * or has an address in one of the prefixes, but in none of the exceptions.
 */
struct lm_rule {
	bool deny;
	bool log;
	bool any_peer; /* every member of the network; then nothing else about peers */
	uint16_t *peers; /* indices into members */
	unsigned n_peers;
	uint16_t *labels; /* indices into labels */
	unsigned n_labels;
	struct lm_prefix *prefixes, *except; /* IPv4 and IPv6 mixed */
	unsigned n_prefixes, n_except;
	uint16_t protocol; /* IP protocol number or LM_PROTO_ANY */
	/* Destination ports; none: all. Only with tcp, udp and sctp */
	struct lm_port_range *ports;
	unsigned n_ports;
	struct lm_flow_rate rate; /* of one that allows: what is beyond it is denied */
	char *comment; /* NULL: none */
	unsigned line; /* in the YAML document */
};

struct lm_endpoint {
	uint16_t member; /* index into members */
	uint16_t replica; /* position in the member's list, from 0 */
	/* Index into providers: who hosts it. LM_ANY_PROVIDER: whoever it is attached at. */
	uint16_t provider;
	/* Family 0: none. If it has neither, the gateways give it one of each of the network's
	 * prefixes, out of the pool. */
	struct lm_ip ipv4, ipv6;
};

struct lm_member {
	char name[LM_NAME_MAX + 1];
	uint64_t deployment; /* dseq of the owner's deployment */
	unsigned first_endpoint, n_endpoints; /* consecutive in endpoints */
	struct lm_rule *ingress, *egress;
	unsigned n_ingress, n_egress;
	uint16_t labels[LM_MEMBER_LABELS_MAX]; /* indices into the manifest's, in its order */
	unsigned n_labels;
};

/* "web/0" or "web": all of its replicas. */
struct lm_via {
	uint16_t member;
	int32_t replica; /* -1: each of them */
};

/*
 * A prefix that is reached via members: packets go to the first replica that is served, in this
 * order. Each of them may send from the prefix, but from what a longer one of another route holds.
 */
struct lm_route {
	struct lm_prefix
	    prefix; /* not inside of the network's own; one that holds it does not count there */
	struct lm_via *vias; /* as the document has it */
	unsigned n_vias; /* 1 .. LM_ROUTE_VIAS_MAX */
	uint16_t *endpoints; /* the same one by one: indices, each once */
	unsigned n_endpoints; /* 1 .. LM_ROUTE_REPLICAS_MAX */
	char *comment; /* NULL: none */
	unsigned line; /* in the YAML document */
};

/* Replicas, or an address: that of one of them, or one that is routed. */
struct lm_probe_end {
	struct lm_via who; /* of a routed address: the route's first */
	struct lm_ip ip; /* family 0: no address was said */
	int32_t route; /* index into routes: ip is reached by it; -1 */
};

/* What the tenant says must come of the rules (`tests:`). lib/policy asks them. */
struct lm_probe {
	struct lm_probe_end from, to;
	uint8_t protocol;
	uint16_t port; /* destination port; 0 where the protocol has none */
	bool deny; /* expected */
	unsigned line;
};

enum lm_on_expiry { LM_EXPIRY_KEEP, LM_EXPIRY_CLOSE };

struct lm_manifest {
	char network[LM_NAME_MAX + 1];
	uint64_t serial; /* from 1 */
	int64_t expires; /* UTC seconds since 1970; 0: never */
	enum lm_on_expiry on_expiry;
	struct lm_prefix ipv4, ipv6; /* family 0: none; at least one */
	/*
	 * The addresses that gateways give out, as host numbers of every prefix: from first on, n
	 * of them, in blocks of block_size. n and block_size are powers of two, and first is a
	 * multiple of n. If the gateways decide about any endpoint, the pool is inside of every
	 * prefix, there is room for all of them, and no endpoint's own address is in it. Else
	 * there is a pool, too, though nothing is asked of it: a later manifest may need one.
	 */
	struct {
		uint32_t first, n; /* n: 1 .. 2^22 */
		uint32_t block_size; /* 1 .. 65,536, at most n; at most 65,536 blocks */
	} pool;
	struct lm_provider *providers;
	unsigned n_providers;
	struct lm_member *members;
	unsigned n_members;
	bool default_allow; /* what no rule of a list matches */
	char **labels; /* that members carry; each once */
	unsigned n_labels;
	struct lm_probe *probes;
	unsigned n_probes;
	struct lm_route *routes;
	unsigned n_routes;
	struct lm_endpoint *endpoints; /* in order of member, then replica */
	unsigned n_endpoints;
	unsigned n_decided; /* of them: lm_endpoint_decided() */
};

/*
 * Parse a YAML document. file is used in messages only ("shop.yaml:12:3: members[1].egress:
 * unknown key 'form'"). Strict: unknown, repeated or missing keys, aliases, tags, several
 * documents, addresses outside the prefix, reserved or doubled addresses, a pool that is too small,
 * unknown members or providers are errors (-EINVAL), with line, column and key path in why. -E2BIG
 * beyond a bound.
 */
int lm_manifest_parse(
    struct lm_manifest **out, const char *file, const void *yaml, size_t len, struct lm_why *why);
void lm_manifest_free(struct lm_manifest *m);

/* The gateway's own address inside the network: the first host address of each prefix. */
struct lm_ip lm_manifest_gateway_ip(const struct lm_manifest *m, int family);
/*
 * The address of this family with this index in the pool; family 0 if the network has no such
 * prefix, or the pool no such address: it is the gateway's, the prefix's own or its broadcast, or
 * beyond the prefix.
 */
struct lm_ip lm_manifest_pool_ip(const struct lm_manifest *m, int family, uint32_t index);
/* How many indices are addresses in all prefixes of the network. */
uint32_t lm_manifest_pool_room(const struct lm_manifest *m);
/* The pool in this prefix; family 0 if the network has none, or not all of the pool is in it. */
struct lm_prefix lm_manifest_pool(const struct lm_manifest *m, int family);
/* Do the gateways decide this endpoint's address (give) or provider (place)? */
static inline bool lm_endpoint_given(const struct lm_endpoint *e)
{
	return e->ipv4.family == 0 && e->ipv6.family == 0;
}
static inline bool lm_endpoint_decided(const struct lm_endpoint *e)
{
	return lm_endpoint_given(e) || e->provider == LM_ANY_PROVIDER;
}
/* Is there an endpoint of which the gateways decide something? Then the network has a chain. */
static inline bool lm_manifest_decided(const struct lm_manifest *m)
{
	return m->n_decided > 0;
}
/* Index into providers or members, or -ENOENT. */
int lm_manifest_provider(const struct lm_manifest *m, const struct lm_key_id *id);
int lm_manifest_member(const struct lm_manifest *m, const char *name);
/* The endpoint "db/1": its index into endpoints, or -ENOENT. */
int lm_manifest_endpoint(const struct lm_manifest *m, const char *member, unsigned replica);
/*
 * The endpoint as records and messages name it, the same in the ledger, the chain and the store:
 * replica (2, big-endian), the member's name. Returns the key's length.
 */
#define LM_ENDPOINT_KEY_MAX (2 + LM_NAME_MAX)
size_t lm_endpoint_key(
    uint8_t out[LM_ENDPOINT_KEY_MAX], const struct lm_manifest *m, unsigned endpoint);
/* Its index into endpoints, or -ENOENT; any bytes will do. */
int lm_endpoint_of(const struct lm_manifest *m, const uint8_t *key, size_t key_len);
/* The endpoint that the manifest gives this address, likewise. */
int lm_manifest_address(const struct lm_manifest *m, const struct lm_ip *ip);
/* The route with the longest prefix for this address; -ENOENT also for the network's own. */
int lm_manifest_route(const struct lm_manifest *m, const struct lm_ip *ip);
/* Is the endpoint one of the route's? */
bool lm_route_has(const struct lm_route *r, unsigned endpoint);

/*
 * The signed envelope, a text header and the document's exact bytes:
 *
 *   leasemesh-manifest-v1
 *   signature <128 hex>
 *   owner <64 hex>
 *   secret <40 hex provider id> <160 hex>     one for each provider, in the document's order
 *   document <decimal length>
 *   <exactly that many bytes, then the end of the file>
 *
 * The signature is under domain LM_MANIFEST_DOMAIN over everything after the signature line. The
 * network secret is derived from the owner's seed, the network's name and the sorted set of the
 * authorised provider keys: the same set gives the same secret, and whoever leaves the set cannot
 * know the next one. Signing is deterministic: the same document and owner give the same file.
 */
#define LM_MANIFEST_DOMAIN "leasemesh-manifest-v1"

struct lm_signed_manifest {
	struct lm_public_key owner;
	struct lm_net_id net_id;
	struct lm_manifest *manifest; /* owned */
	uint8_t (*sealed)[LM_SEALED_SECRET_LEN]; /* one for each provider */
	uint8_t hash[32]; /* BLAKE2b-256 of the whole file: names the blob */
	uint8_t *bytes; /* the whole file, owned */
	size_t len;
};

/* Signs a document; *out is malloc'd. -EINVAL etc. as for lm_manifest_parse. */
int lm_manifest_sign(uint8_t **out, size_t *out_len, const char *file, const void *yaml, size_t len,
    const struct lm_identity *owner, struct lm_why *why);
/*
 * Checks form and signature first (-EBADMSG: the signature is wrong), then parses the document.
 * Copies bytes. Safe on hostile input.
 */
int lm_manifest_open(struct lm_signed_manifest **out, const char *file, const void *bytes,
    size_t len, struct lm_why *why);
/*
 * Whose signature a signed manifest claims to bear. Not believed yet, and cheap: who serves a few
 * owners only need not open, let alone parse, what strangers bring. -EINVAL, -E2BIG.
 */
int lm_manifest_claimed_owner(
    struct lm_public_key *out, const void *bytes, size_t len, struct lm_why *why);
void lm_signed_manifest_free(struct lm_signed_manifest *sm);
/* The network secret, if id is one of the providers; -EACCES otherwise. */
int lm_manifest_secret(
    struct lm_secret *out, const struct lm_signed_manifest *sm, const struct lm_identity *id);

#endif
