/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests from anybody. An input is one of three things:
 * - "leasemesh-manifest-v1...": a signed file as it would arrive,
 * - "owner ...": what an owner signed, so that the fuzzer gets past the signature,
 * - anything else: a YAML document.
 * Whatever is accepted must keep the promises of manifest.h.
 */
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "fuzz.h"
#include "manifest/manifest.h"
#include "policy/policy.h"

static struct lm_identity owner;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	MUST(lm_crypto_init() == 0);
	static const uint8_t seed[32] = {1, 2, 3}; /* the corpus names its public key */
	lm_identity_from_seed(&owner, seed);
	return 0;
}

static void check_rules(const struct lm_manifest *m, const struct lm_rule *rules, unsigned n)
{
	MUST(n <= LM_RULES_MAX);
	for (unsigned i = 0; i < n; i++) {
		const struct lm_rule *r = &rules[i];
		unsigned who = r->n_peers + r->n_labels + r->n_prefixes;
		MUST(r->any_peer ? who == 0 : who > 0);
		MUST(r->n_peers <= LM_RULE_PEERS_MAX && r->n_ports <= LM_RULE_PORTS_MAX);
		MUST(r->n_labels <= LM_RULE_LABELS_MAX && r->n_prefixes <= LM_RULE_PREFIXES_MAX);
		MUST(r->n_except == 0 || r->n_prefixes > 0);
		MUST(!r->comment || strlen(r->comment) <= LM_RULE_COMMENT_MAX);
		for (unsigned k = 0; k < r->n_peers; k++)
			MUST(r->peers[k] < m->n_members);
		for (unsigned k = 0; k < r->n_labels; k++)
			MUST(r->labels[k] < m->n_labels);
		for (unsigned k = 0; k < r->n_ports; k++)
			MUST(r->ports[k].from >= 1 && r->ports[k].from <= r->ports[k].to);
		MUST(
		    r->n_ports == 0 || r->protocol == 6 || r->protocol == 17 || r->protocol == 132);
	}
}

static void check_address(
    const struct lm_manifest *m, const struct lm_prefix *prefix, const struct lm_ip *ip)
{
	if (ip->family == 0)
		return;
	struct lm_ip gateway = lm_manifest_gateway_ip(m, ip->family);
	MUST(prefix->ip.family == ip->family && lm_prefix_contains(prefix, ip));
	MUST(!lm_ip_equal(ip, &gateway) && !lm_ip_is_special(ip));
}

static void check_own_address(const struct lm_manifest *m, const struct lm_ip *ip)
{
	struct lm_prefix pool = lm_manifest_pool(m, ip->family);
	if (ip->family)
		MUST(!lm_manifest_decided(m) || !lm_prefix_contains(&pool, ip));
}

static void check_pool_address(
    const struct lm_manifest *m, const struct lm_prefix *prefix, int family, uint32_t index)
{
	struct lm_prefix pool = lm_manifest_pool(m, family);
	struct lm_ip ip = lm_manifest_pool_ip(m, family, index);
	check_address(m, prefix, &ip);
	if (ip.family && pool.ip.family)
		MUST(index < m->pool.n && lm_prefix_contains(&pool, &ip));
}

static void check_pool(const struct lm_manifest *m)
{
	uint32_t n = m->pool.n, size = m->pool.block_size;
	MUST(n >= 1 && n <= 1u << 22 && (n & (n - 1)) == 0 && m->pool.first % n == 0);
	MUST(size >= 1 && size <= n && size <= 65536 && (size & (size - 1)) == 0);
	MUST(n / size <= 65536 && m->n_decided <= m->n_endpoints);
	MUST(lm_manifest_pool_room(m) <= n);
	static const uint32_t some[] = {0, 1, 2, 3, 1u << 21, UINT32_MAX};
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		check_pool_address(m, &m->ipv4, 4, some[i]);
		check_pool_address(m, &m->ipv6, 6, some[i]);
		check_pool_address(m, &m->ipv4, 4, n - 1 - some[i] % n);
		check_pool_address(m, &m->ipv6, 6, n - 1 - some[i] % n);
	}
	if (!lm_manifest_decided(m))
		return;
	MUST(m->n_decided <= lm_manifest_pool_room(m));
	MUST(!m->ipv4.ip.family || lm_manifest_pool(m, 4).ip.family);
	MUST(!m->ipv6.ip.family || lm_manifest_pool(m, 6).ip.family);
}

static void check_manifest(const struct lm_manifest *m)
{
	MUST(m->network[0] && memchr(m->network, '\0', sizeof(m->network)));
	MUST(m->serial > 0 && (m->ipv4.ip.family || m->ipv6.ip.family));
	MUST(m->n_providers >= 1 && m->n_providers <= LM_PROVIDERS_MAX);
	MUST(m->n_members >= 1 && m->n_members <= LM_MEMBERS_MAX);
	MUST(m->n_endpoints <= LM_ENDPOINTS_MAX);
	for (unsigned i = 0; i < m->n_providers; i++)
		MUST(lm_manifest_provider(m, &m->providers[i].id) == (int)i);
	unsigned next = 0;
	for (unsigned i = 0; i < m->n_members; i++) {
		const struct lm_member *member = &m->members[i];
		MUST(lm_manifest_member(m, member->name) == (int)i);
		MUST(member->n_labels <= LM_MEMBER_LABELS_MAX);
		for (unsigned k = 0; k < member->n_labels; k++)
			MUST(member->labels[k] < m->n_labels);
		MUST(member->first_endpoint == next);
		next += member->n_endpoints;
		check_rules(m, member->ingress, member->n_ingress);
		check_rules(m, member->egress, member->n_egress);
	}
	MUST(next == m->n_endpoints);
	check_pool(m);
	unsigned decided = 0;
	for (unsigned i = 0; i < m->n_endpoints; i++) {
		const struct lm_endpoint *e = &m->endpoints[i];
		MUST(e->provider < m->n_providers || e->provider == LM_ANY_PROVIDER);
		MUST(e->member < m->n_members);
		MUST(m->members[e->member].first_endpoint + e->replica == i);
		decided += lm_endpoint_decided(e);
		check_address(m, &m->ipv4, &e->ipv4);
		check_address(m, &m->ipv6, &e->ipv6);
		check_own_address(m, &e->ipv4);
		check_own_address(m, &e->ipv6);
	}
	MUST(decided == m->n_decided);
}

static void check_policy(const struct lm_manifest *m)
{
	struct lm_policy *p;
	struct lm_why why = {0};
	MUST(lm_policy_compile(&p, m) == 0);
	for (unsigned i = 0; i < m->n_members && i < 8; i++)
		for (unsigned proto = 0; proto < 256; proto += 5) {
			struct lm_policy_key key = {.src_member = (uint16_t)i,
			    .protocol = (uint8_t)proto,
			    .dst_port = (uint16_t)(proto * 257)};
			key.src.family = key.dst.family = proto & 1 ? 4 : 6;
			memset(key.src.b, (int)proto, key.src.family == 4 ? 4 : 16);
			struct lm_ruling r = lm_policy_judge(p, &key);
			MUST(r.egress == LM_RULE_NONE ||
			     lm_policy_rule(p, (uint16_t)i, LM_EGRESS, r.egress));
		}
	lm_policy_free(p);
	MUST(lm_policy_check(m, "fuzz", &why) == 0 || why.text[0]);
}

static void fuzz_signed(const uint8_t *data, size_t len)
{
	struct lm_signed_manifest *sm;
	struct lm_why why = {0};
	if (lm_manifest_open(&sm, "fuzz", data, len, &why) < 0) {
		MUST(why.text[0]);
		return;
	}
	check_manifest(sm->manifest);
	struct lm_secret secret;
	MUST(sm->len == len && lm_manifest_secret(&secret, sm, &owner) < 0);
	lm_signed_manifest_free(sm);
}

static void fuzz_body(const uint8_t *data, size_t len)
{
	struct lm_signature sig;
	MUST(lm_sign(&sig, &owner, LM_MANIFEST_DOMAIN, data, len) == 0);
	char hex[2 * LM_SIGNATURE_LEN + 1], *head = NULL;
	int n = asprintf(
	    &head, "leasemesh-manifest-v1\nsignature %s\n", lm_hex(hex, sig.b, sizeof(sig.b)));
	MUST(n > 0);
	uint8_t *file = malloc((size_t)n + len);
	MUST(file);
	memcpy(file, head, (size_t)n);
	memcpy(file + n, data, len);
	fuzz_signed(file, (size_t)n + len);
	free(head);
	free(file);
}

static void fuzz_document(const uint8_t *data, size_t len)
{
	struct lm_manifest *m;
	struct lm_why why = {0};
	if (lm_manifest_parse(&m, "fuzz", data, len, &why) < 0) {
		MUST(why.text[0]);
		return;
	}
	check_manifest(m);
	check_policy(m);
	lm_manifest_free(m);

	uint8_t *file;
	size_t file_len;
	if (lm_manifest_sign(&file, &file_len, "fuzz", data, len, &owner, NULL) < 0)
		return;
	struct lm_signed_manifest *sm;
	MUST(lm_manifest_open(&sm, "fuzz", file, file_len, NULL) == 0);
	lm_signed_manifest_free(sm);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char magic[] = "leasemesh-manifest-v", body[] = "owner ";
	if (len >= sizeof(magic) - 1 && memcmp(data, magic, sizeof(magic) - 1) == 0)
		fuzz_signed(data, len);
	else if (len >= sizeof(body) - 1 && memcmp(data, body, sizeof(body) - 1) == 0)
		fuzz_body(data, len);
	else
		fuzz_document(data, len);
	return 0;
}
