/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: what they mean when they are good, and how large they may be. */
#include <errno.h>
#include "manifest_fixture.h"
#include "suite.h"

static void check_ip(const struct lm_ip *ip, const char *expected)
{
	char text[LM_IP_TEXT];
	CU_ASSERT_STRING_EQUAL(ip->family ? lm_ip_text(text, ip) : "none", expected);
}

/* ---- good documents ---- */

static void test_base_document(void)
{
	struct lm_manifest *m;
	struct lm_why why;
	CU_ASSERT_EQUAL_FATAL(fixture_parse(&m, fixture_document, &why), 0);
	CU_ASSERT_STRING_EQUAL(m->network, "shop");
	CU_ASSERT_EQUAL(m->serial, 7);
	CU_ASSERT_EQUAL(m->expires, 1893456000);
	CU_ASSERT_EQUAL(m->on_expiry, LM_EXPIRY_CLOSE);
	CU_ASSERT_EQUAL(m->ipv4.len, 24);
	CU_ASSERT_EQUAL(m->ipv6.len, 64);
	struct lm_ip gateway4 = lm_manifest_gateway_ip(m, 4),
		     gateway6 = lm_manifest_gateway_ip(m, 6);
	check_ip(&gateway4, "100.64.10.1");
	check_ip(&gateway6, "fd5a:10::1");

	CU_ASSERT_EQUAL_FATAL(m->n_providers, 2);
	CU_ASSERT_STRING_EQUAL(m->providers[1].name, "beta");
	CU_ASSERT_EQUAL(m->providers[0].n_addrs, 1);
	CU_ASSERT_EQUAL_FATAL(m->providers[1].n_addrs, 2);
	check_ip(&m->providers[1].addrs[1].ip, "2001:db8::2");
	CU_ASSERT_EQUAL(m->providers[1].addrs[1].port, 4501);
	struct lm_key_id id = lm_key_id(&m->providers[1].key);
	CU_ASSERT_EQUAL(memcmp(&id, &m->providers[1].id, sizeof(id)), 0);

	CU_ASSERT_EQUAL_FATAL(m->n_members, 2);
	CU_ASSERT_STRING_EQUAL(m->members[0].name, "web");
	CU_ASSERT_EQUAL(m->members[1].deployment, 1002);
	CU_ASSERT_EQUAL_FATAL(m->n_endpoints, 3);
	CU_ASSERT_EQUAL(m->members[1].first_endpoint, 2);
	CU_ASSERT_EQUAL(m->members[1].n_endpoints, 1);
	check_ip(&m->endpoints[1].ipv4, "100.64.10.11");
	check_ip(&m->endpoints[1].ipv6, "none");
	check_ip(&m->endpoints[2].ipv6, "fd5a:10::20");
	CU_ASSERT_EQUAL(m->endpoints[1].member, 0);
	CU_ASSERT_EQUAL(m->endpoints[1].replica, 1);
	CU_ASSERT_EQUAL(m->endpoints[1].provider, 1);
	lm_manifest_free(m);
}

static void test_rules(void)
{
	struct lm_manifest *m;
	struct lm_why why;
	CU_ASSERT_EQUAL_FATAL(fixture_parse(&m, fixture_document, &why), 0);
	CU_ASSERT_EQUAL_FATAL(m->members[0].n_egress, 2);
	CU_ASSERT_EQUAL(m->members[0].n_ingress, 0);
	const struct lm_rule *r = &m->members[0].egress[0];
	CU_ASSERT_FALSE(r->any_peer);
	CU_ASSERT_EQUAL_FATAL(r->n_peers, 1);
	CU_ASSERT_EQUAL(r->peers[0], 1);
	CU_ASSERT_EQUAL(r->protocol, 6);
	CU_ASSERT_EQUAL_FATAL(r->n_ports, 2);
	CU_ASSERT_EQUAL(r->ports[0].from, 5432);
	CU_ASSERT_EQUAL(r->ports[0].to, 5432);
	CU_ASSERT_EQUAL(r->ports[1].from, 8000);
	CU_ASSERT_EQUAL(r->ports[1].to, 8010);
	CU_ASSERT_EQUAL(r->line, 23);
	CU_ASSERT_EQUAL(m->members[0].egress[1].n_peers, 2);
	CU_ASSERT_EQUAL(m->members[0].egress[1].protocol, LM_PROTO_ICMP);
	CU_ASSERT_EQUAL_FATAL(m->members[1].n_ingress, 2);
	CU_ASSERT_TRUE(m->members[1].ingress[1].any_peer);
	CU_ASSERT_EQUAL(m->members[1].ingress[1].protocol, 50);
	lm_manifest_free(m);
}

static void test_lookups(void)
{
	struct lm_manifest *m;
	struct lm_why why;
	CU_ASSERT_EQUAL_FATAL(fixture_parse(&m, fixture_document, &why), 0);
	CU_ASSERT_EQUAL(lm_manifest_member(m, "db"), 1);
	CU_ASSERT_EQUAL(lm_manifest_member(m, "dbx"), -ENOENT);
	CU_ASSERT_EQUAL(lm_manifest_member(m, ""), -ENOENT);
	CU_ASSERT_EQUAL(lm_manifest_endpoint(m, "web", 1), 1);
	CU_ASSERT_EQUAL(lm_manifest_endpoint(m, "web", 2), -ENOENT);
	CU_ASSERT_EQUAL(lm_manifest_endpoint(m, "db", 0), 2);
	CU_ASSERT_EQUAL(lm_manifest_endpoint(m, "cache", 0), -ENOENT);
	static const struct {
		const char *ip;
		int endpoint;
	} addresses[] = {
	    {"100.64.10.10", 0},
	    {"fd5a:10::10", 0},
	    {"100.64.10.11", 1},
	    {"fd5a:10::20", 2},
	    {"100.64.10.1", -ENOENT}, /* the gateway's */
	    {"100.64.10.20", -ENOENT},
	    {"fd5a:10::11", -ENOENT},
	};
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct lm_ip ip;
		CU_ASSERT_EQUAL_FATAL(lm_ip_parse(&ip, addresses[i].ip), 0);
		CU_ASSERT_EQUAL(lm_manifest_address(m, &ip), addresses[i].endpoint);
	}
	struct lm_key_id id = m->providers[1].id;
	CU_ASSERT_EQUAL(lm_manifest_provider(m, &id), 1);
	id.b[0] ^= 1;
	CU_ASSERT_EQUAL(lm_manifest_provider(m, &id), -ENOENT);
	lm_manifest_free(m);
}

/* Edits of the base document that keep it valid. */
static void test_allowed_variants(void)
{
	static const struct {
		const char *find, *replace;
	} edits[] = {
	    {"expires: 2030-01-01T00:00:00Z\non_expiry: close\n", ""},
	    {"on_expiry: close", "on_expiry: keep"},
	    {"serial: 7", "serial: 9223372036854775807"},
	    {"network: shop", "\"network\": 'shop'"},
	    {"network: shop", "network: 7-eleven"},
	    {"protocol: 50", "protocol: any"},
	    {"protocol: 50", "protocol: gre"},
	    {"protocol: 50", "protocol: 254"},
	    {"protocol: 50", "protocol: sctp"},
	    {"protocol: 50", "protocol: udp, ports: 1-65535"},
	    {"protocol: 50", "protocol: 17, ports: [53, 53]"},
	    {"leasemesh: 1", "---\nleasemesh: 1"},
	    {"      - {provider: beta, ipv6: \"fd5a:10::20\"}\n", "      []\n"},
	    {"100.64.10.11", "100.64.10.254"},
	    {"2030-01-01", "2028-02-29"},
	};
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		char *text = fixture_edited(edits[i].find, edits[i].replace);
		struct lm_manifest *m;
		struct lm_why why;
		int err = fixture_parse(&m, text, &why);
		CU_ASSERT_EQUAL(err, 0);
		if (err)
			fprintf(stderr, "'%s': %s\n", edits[i].replace, why.text);
		else
			lm_manifest_free(m);
		free(text);
	}
}

/* ---- bounds ---- */

/* A document with so many of each. */
static char *sized(unsigned providers, unsigned addrs, unsigned members, unsigned endpoints,
    unsigned rules, unsigned peers, unsigned ports)
{
	struct fixture_text t = {0};
	fixture_add(
	    &t, "leasemesh: 1\nnetwork: n\nserial: 1\nprefixes: {ipv4: 10.0.0.0/8}\nproviders:\n");
	for (unsigned i = 0; i < providers; i++) {
		struct lm_identity id = fixture_identity(0);
		uint8_t seed[32] = {(uint8_t)i, (uint8_t)(i >> 8), 1};
		lm_identity_from_seed(&id, seed);
		char hex[2 * LM_PUBLIC_KEY_LEN + 1];
		fixture_add(
		    &t, "- {name: p%u, key: '%s', addresses: [", i, lm_hex(hex, id.pub.b, 32));
		for (unsigned a = 0; a < addrs; a++)
			fixture_add(&t, "'192.0.2.1:%u',", 1000 + i * addrs + a);
		fixture_add(&t, "]}\n");
	}
	fixture_add(&t, "members:\n");
	for (unsigned i = 0, e = 0; i < members; i++) {
		fixture_add(&t, "- {name: m%u, deployment: 1, endpoints: [", i);
		for (unsigned k = 0; k < endpoints; k++, e++)
			fixture_add(&t, "{provider: p0, ipv4: 10.1.%u.%u},", e >> 8, e & 0xff);
		fixture_add(&t, "], egress: [");
		for (unsigned r = 0; r < rules; r++) {
			fixture_add(&t, "{to: [");
			for (unsigned p = 0; p < peers; p++)
				fixture_add(&t, "m%u,", p);
			fixture_add(&t, "], protocol: tcp, ports: [");
			for (unsigned p = 0; p < ports; p++)
				fixture_add(&t, "%u,", p + 1);
			fixture_add(&t, "]},");
		}
		fixture_add(&t, "]}\n");
	}
	return t.text;
}

static void check_bound(char *text, const char *reason)
{
	struct lm_manifest *m;
	struct lm_why why;
	int err = fixture_parse(&m, text, &why);
	CU_ASSERT_EQUAL(err, reason ? -E2BIG : 0);
	if (err == 0)
		lm_manifest_free(m);
	if (reason)
		CU_ASSERT_PTR_NOT_NULL(strstr(why.text, reason));
	if (err != (reason ? -E2BIG : 0))
		fprintf(stderr, "\n  %d %s\n", err, why.text);
	free(text);
}

static void test_bounds(void)
{
	check_bound(sized(512, 4, 1, 1, 1, 1, 1), NULL);
	check_bound(
	    sized(513, 1, 1, 1, 1, 1, 1), ": providers: 513 items, at most 512 are allowed");
	check_bound(sized(1, 5, 1, 1, 1, 1, 1), "providers[0].addresses: 5 items, at most 4");
	check_bound(sized(1, 1, 4096, 4, 0, 0, 0), NULL);
	check_bound(sized(1, 1, 4097, 1, 0, 0, 0), ": members: 4097 items, at most 4096");
	check_bound(sized(1, 1, 1, 16384, 0, 0, 0), NULL);
	check_bound(
	    sized(1, 1, 1, 16385, 0, 0, 0), "members[0].endpoints: 16385 items, at most 16384");
	check_bound(
	    sized(1, 1, 3, 5462, 0, 0, 0), "members[2].endpoints: more than 16384 endpoints");
	check_bound(sized(1, 1, 1, 1, 256, 1, 1), NULL);
	check_bound(sized(1, 1, 1, 1, 257, 1, 1), "members[0].egress: 257 items, at most 256");
	check_bound(sized(1, 1, 64, 1, 1, 64, 32), NULL);
	check_bound(sized(1, 1, 65, 1, 1, 65, 1), "members[0].egress[0].to: 65 items, at most 64");
	check_bound(
	    sized(1, 1, 1, 1, 1, 1, 33), "members[0].egress[0].ports: 33 items, at most 32");
}

static void test_size_bounds(void)
{
	struct fixture_text t = {0};
	fixture_add(&t, "%s#", fixture_document);
	size_t base_len = t.len;
	t.text = realloc(t.text, LM_MANIFEST_BYTES_MAX + 2);
	memset(t.text + base_len, 'x', LM_MANIFEST_BYTES_MAX + 1 - base_len);
	struct lm_manifest *m;
	struct lm_why why = {0};
	CU_ASSERT_EQUAL_FATAL(lm_manifest_parse(&m, "t", t.text, LM_MANIFEST_BYTES_MAX, &why), 0);
	lm_manifest_free(m);
	CU_ASSERT_EQUAL(
	    lm_manifest_parse(&m, "t", t.text, LM_MANIFEST_BYTES_MAX + 1, &why), -E2BIG);
	CU_ASSERT_STRING_EQUAL(why.text, "t: larger than 1048576 bytes");

	/* More values than any manifest has: refused at the bound, not after taking the memory. */
	size_t n = 0;
	n += (size_t)sprintf(t.text, "a: [");
	while (n < LM_MANIFEST_BYTES_MAX - 2) {
		t.text[n++] = '1';
		t.text[n++] = ',';
	}
	why = (struct lm_why){0};
	CU_ASSERT_EQUAL(lm_manifest_parse(&m, "t", t.text, n, &why), -E2BIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "too many values in one document"));
	free(t.text);
}

LM_SUITE("manifest", {"base_document", test_base_document}, {"rules", test_rules},
    {"lookups", test_lookups}, {"allowed_variants", test_allowed_variants}, {"bounds", test_bounds},
    {"size_bounds", test_size_bounds})
