/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: how each kind of mistake is refused: the exact line, column, key and words. */
#include <errno.h>
#include "refused.h"

/* ---- bad documents ---- */

struct refusal {
	const char *find, *replace; /* an edit of the base document */
	const char *why; /* after "t.yaml:" */
};

static void check_refusals(const struct refusal *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *text = fixture_edited(list[i].find, list[i].replace);
		check_refused(text, -EINVAL, list[i].why);
		free(text);
	}
}

#define CHECK_REFUSALS(list) check_refusals(list, sizeof(list) / sizeof((list)[0]))

static void test_bad_yaml(void)
{
	static const struct refusal list[] = {
	    {"network: shop", "network: [shop",
		"3:7: not valid YAML: did not find expected ',' or ']' while parsing a flow "
		"sequence"},
	    {"network: shop", "network: &a shop", "2:10: YAML anchors and tags are not allowed"},
	    {"network: shop", "network: *a", "2:10: YAML aliases are not allowed"},
	    {"network: shop", "network: !!str shop", "2:10: YAML anchors and tags are not allowed"},
	    {"members:\n", "members: !x\n", "16:10: YAML anchors and tags are not allowed"},
	    {"prefixes:\n", "prefixes: &p\n", "6:11: YAML anchors and tags are not allowed"},
	    {"network: shop", "[network]: shop", "2:1: a key must be a plain word"},
	    {"network: shop", "? {a: b}\n: shop", "2:3: a key must be a plain word"},
	    {"network: shop", "network: \"a\\0b\"", "2:10: a text with a NUL character"},
	    {"network: shop", "network: [[[[[[[[a]]]]]]]]",
		"2:17: lists and maps nested too deeply"},
	    {"leasemesh: 1", "%YAML 1.1\n---\nleasemesh: 1",
		"1:1: YAML directives are not allowed"},
	    {"leasemesh: 1", "%TAG ! tag:x,2026:\n---\nleasemesh: 1",
		"1:1: YAML directives are not allowed"},
	    {"network: shop", "network: \xff", "2:10: not valid YAML: invalid leading UTF-8 octet"},
	    {"network: shop", "network: \x01",
		"2:10: not valid YAML: control characters are not allowed"},
	};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		char *text = fixture_edited(list[i].find, list[i].replace);
		bool deep = strstr(list[i].why, "deeply");
		check_refused(text, deep ? -E2BIG : -EINVAL, list[i].why);
		free(text);
	}
	/* Whatever YAML takes for a line break: libyaml's time for directives is quadratic. */
	check_refused("\n%A", -EINVAL, "2:1: YAML directives are not allowed");
	check_refused("a: 1\r%A", -EINVAL, "1:6: YAML directives are not allowed");
	check_refused("#\xc2\x85%A", -EINVAL, "1:3: YAML directives are not allowed");
	check_refused("#\xe2\x80\xa8%A", -EINVAL, "1:3: YAML directives are not allowed");
	check_refused("#\xe2\x80\xa9%A", -EINVAL, "1:3: YAML directives are not allowed");
	check_refused("a: 50%", -EINVAL, "1:1: missing key 'leasemesh'");
	check_refused("", -EINVAL, "1:1: an empty document");
	check_refused("# nothing\n", -EINVAL, "1:1: an empty document");
	check_refused("a: 1\n---\nb: 2\n", -EINVAL, "2:1: a second document");
	check_refused("- a\n", -EINVAL, "1:1: expected a map, found a list");
	check_refused("hello\n", -EINVAL, "1:1: expected a map, found 'hello'");
}

static void test_bad_head(void)
{
	static const struct refusal list[] = {
	    {"leasemesh: 1\n", "", "1:1: missing key 'leasemesh'"},
	    {"leasemesh: 1", "leasemesh: 2", "1:12: leasemesh: format 2 is not known here, only 1"},
	    {"leasemesh: 1", "leasemesh: 2\nnew: x",
		"1:12: leasemesh: format 2 is not known here, only 1"},
	    {"leasemesh: 1", "leasemesh: one",
		"1:12: leasemesh: expected a number from 1 to 4294967295, found 'one'"},
	    {"network: shop\n", "", "1:1: missing key 'network'"},
	    {"network: shop", "network: shop\nnetwrk: x", "3:1: unknown key 'netwrk'"},
	    {"network: shop", "network: shop\nserial: 8", "4:1: repeated key 'serial'"},
	    {"network: shop", "network: Shop",
		"2:10: network: expected a name of at most 63 characters a-z, 0-9 and '-' (not "
		"first or last), found 'Shop'"},
	    {"network: shop", "network: -shop",
		"2:10: network: expected a name of at most 63 characters a-z, 0-9 and '-' (not "
		"first or last), found '-shop'"},
	    {"network: shop", "network: shop-",
		"2:10: network: expected a name of at most 63 characters a-z, 0-9 and '-' (not "
		"first or last), found 'shop-'"},
	    {"network: shop", "network: sh.op",
		"2:10: network: expected a name of at most 63 characters a-z, 0-9 and '-' (not "
		"first or last), found 'sh.op'"},
	    {"network: shop", "network:",
		"2:9: network: expected a name of at most 63 characters a-z, 0-9 and '-' (not "
		"first or last), found nothing"},
	    {"network: shop",
		"network: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234",
		"2:10: network: expected a name of at most 63 characters a-z, 0-9 and '-' (not "
		"first or last), found 'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddee...'"},
	    {"serial: 7", "serial: 0",
		"3:9: serial: expected a number from 1 to 9223372036854775807, found '0'"},
	    {"serial: 7", "serial: -7",
		"3:9: serial: expected a number from 1 to 9223372036854775807, found '-7'"},
	    {"serial: 7", "serial: 007",
		"3:9: serial: expected a number from 1 to 9223372036854775807, found '007'"},
	    {"serial: 7", "serial: 7.0",
		"3:9: serial: expected a number from 1 to 9223372036854775807, found '7.0'"},
	    {"serial: 7", "serial: '7'",
		"3:9: serial: expected a number from 1 to 9223372036854775807 without quotes, "
		"found '7'"},
	    {"serial: 7", "serial: 9223372036854775808",
		"3:9: serial: expected a number from 1 to 9223372036854775807, found "
		"'9223372036854775808'"},
	    {"serial: 7", "serial: 18446744073709551617",
		"3:9: serial: expected a number from 1 to 9223372036854775807, found "
		"'18446744073709551617'"},
	    {"serial: 7", "serial: [7]",
		"3:9: serial: expected a number from 1 to 9223372036854775807, found a list"},
	    {"2030-01-01T00:00:00Z", "2030-02-29T00:00:00Z",
		"4:10: expires: expected a UTC time like 2030-01-01T00:00:00Z, found "
		"'2030-02-29T00:00:00Z'"},
	    {"2030-01-01T00:00:00Z", "2030-01-01",
		"4:10: expires: expected a UTC time like 2030-01-01T00:00:00Z, found '2030-01-01'"},
	    {"2030-01-01T00:00:00Z", "2030-01-01T24:00:00Z",
		"4:10: expires: expected a UTC time like 2030-01-01T00:00:00Z, found "
		"'2030-01-01T24:00:00Z'"},
	    {"2030-01-01T00:00:00Z", "2030-01-01T00:00:60Z",
		"4:10: expires: expected a UTC time like 2030-01-01T00:00:00Z, found "
		"'2030-01-01T00:00:60Z'"},
	    {"2030-01-01T00:00:00Z", "2030-01-01 00:00:00Z",
		"4:10: expires: expected a UTC time like 2030-01-01T00:00:00Z, found '2030-01-01 "
		"00:00:00Z'"},
	    {"2030-01-01T00:00:00Z", "1970-01-01T00:00:00Z",
		"4:10: expires: expected a UTC time like 2030-01-01T00:00:00Z, found "
		"'1970-01-01T00:00:00Z'"},
	    {"2030-01-01T00:00:00Z", "2030-13-01T00:00:00Z",
		"4:10: expires: expected a UTC time like 2030-01-01T00:00:00Z, found "
		"'2030-13-01T00:00:00Z'"},
	    {"on_expiry: close", "on_expiry: shut",
		"5:12: on_expiry: expected 'keep' or 'close', found 'shut'"},
	    {"expires: 2030-01-01T00:00:00Z\n", "",
		"4:12: on_expiry: has no meaning without 'expires'"},
	};
	CHECK_REFUSALS(list);
}

static void test_bad_prefixes(void)
{
	static const struct refusal list[] = {
	    {"100.64.10.0/24", "100.64.10.1/24",
		"7:9: prefixes.ipv4: expected an IPv4 prefix like 100.64.10.0/24 (bits beyond its "
		"length zero), found '100.64.10.1/24'"},
	    {"100.64.10.0/24", "fd5a:10::/64",
		"7:9: prefixes.ipv4: expected an IPv4 prefix like 100.64.10.0/24 (bits beyond its "
		"length zero), found 'fd5a:10::/64'"},
	    {"100.64.10.0/24", "100.64.10.0",
		"7:9: prefixes.ipv4: expected an IPv4 prefix like 100.64.10.0/24 (bits beyond its "
		"length zero), found '100.64.10.0'"},
	    {"100.64.10.0/24", "100.64.10.0/31",
		"7:9: prefixes.ipv4: the length must be from /8 to /30"},
	    {"100.64.10.0/24", "96.0.0.0/5",
		"7:9: prefixes.ipv4: the length must be from /8 to /30"},
	    {"100.64.10.0/24", "224.0.0.0/24",
		"7:9: prefixes.ipv4: not for hosts: reserved or link-local addresses"},
	    {"100.64.10.0/24", "240.0.0.0/24",
		"7:9: prefixes.ipv4: not for hosts: reserved or link-local addresses"},
	    {"100.64.10.0/24", "127.0.0.0/24",
		"7:9: prefixes.ipv4: not for hosts: reserved or link-local addresses"},
	    {"100.64.10.0/24", "0.0.0.0/8",
		"7:9: prefixes.ipv4: not for hosts: reserved or link-local addresses"},
	    {"100.64.10.0/24", "169.254.3.0/24",
		"7:9: prefixes.ipv4: not for hosts: reserved or link-local addresses"},
	    {"100.64.10.0/24", "169.0.0.0/8",
		"7:9: prefixes.ipv4: not for hosts: reserved or link-local addresses"},
	    {"fd5a:10::/64", "fe80::/64",
		"8:9: prefixes.ipv6: not for hosts: neither unique local nor global unicast"},
	    {"fd5a:10::/64", "ff05::/64",
		"8:9: prefixes.ipv6: not for hosts: neither unique local nor global unicast"},
	    {"fd5a:10::/64", "::/64",
		"8:9: prefixes.ipv6: not for hosts: neither unique local nor global unicast"},
	    {"fd5a:10::/64", "fd5a:10::/127",
		"8:9: prefixes.ipv6: the length must be from /32 to /126"},
	    {"fd5a:10::/64", "fc00::/7", "8:9: prefixes.ipv6: the length must be from /32 to /126"},
	    {"fd5a:10::/64", "100.64.10.0/24",
		"8:9: prefixes.ipv6: expected an IPv6 prefix like fd5a:10::/64 (bits beyond its "
		"length zero), found '100.64.10.0/24'"},
	    {"  ipv4: 100.64.10.0/24\n  ipv6: fd5a:10::/64\n", "  {}\n",
		"7:3: prefixes: needs 'ipv4' or 'ipv6' or both"},
	    {"  ipv6: fd5a:10::/64\n", "  ipv5: x\n", "8:3: prefixes: unknown key 'ipv5'"},
	    {"  ipv6: fd5a:10::/64\n", "",
		"19:53: members[0].endpoints[0].ipv6: the network has no prefixes.ipv6"},
	};
	CHECK_REFUSALS(list);
}

static void test_bad_providers(void)
{
	static const struct refusal list[] = {
	    {"name: beta", "name: alpha", "13:11: providers[1].name: the same as in providers[0]"},
	    {FIXTURE_KEY_BETA, FIXTURE_KEY_ALPHA,
		"14:10: providers[1].key: the same as in providers[0]"},
	    {"'192.0.2.2:4500'", "'192.0.2.1:4500'",
		"15:16: providers[1].addresses: the same as in providers[0]"},
	    {"'[2001:db8::2]:4501'", "'192.0.2.2:4500'",
		"15:35: providers[1].addresses[1]: repeated address"},
	    {"'[2001:db8::2]:4501'", "'192.0.2.2'",
		"15:35: providers[1].addresses[1]: expected an address like 192.0.2.1:4500 or "
		"\"[2001:db8::1]:4500\", found '192.0.2.2'"},
	    {"'[2001:db8::2]:4501'", "'192.0.2.2:0'",
		"15:35: providers[1].addresses[1]: expected an address like 192.0.2.1:4500 or "
		"\"[2001:db8::1]:4500\", found '192.0.2.2:0'"},
	    {"'[2001:db8::2]:4501'", "'192.0.2.2:65536'",
		"15:35: providers[1].addresses[1]: expected an address like 192.0.2.1:4500 or "
		"\"[2001:db8::1]:4500\", found '192.0.2.2:65536'"},
	    {"'[2001:db8::2]:4501'", "'127.0.0.1:4500'",
		"15:35: providers[1].addresses[1]: not the address of a host on a network"},
	    {"'[2001:db8::2]:4501'", "'[fe80::1]:4500'",
		"15:35: providers[1].addresses[1]: not the address of a host on a network"},
	    {"[\"192.0.2.1:4500\"]", "[]", "12:16: providers[0].addresses: needs at least 1 item"},
	    {"[\"192.0.2.1:4500\"]", "192.0.2.1:4500",
		"12:16: providers[0].addresses: expected a list, found '192.0.2.1:4500'"},
	    {"    addresses: [\"192.0.2.1:4500\"]\n", "",
		"10:5: providers[0]: missing key 'addresses'"},
	    {"  - name: beta\n", "  - nme: beta\n", "13:5: providers[1]: unknown key 'nme'"},
	    {FIXTURE_KEY_BETA, "3d40",
		"14:10: providers[1].key: expected a public key of 64 hexadecimal digits, found "
		"'3d40'"},
	    {FIXTURE_KEY_BETA, "x" FIXTURE_KEY_BETA,
		"14:10: providers[1].key: expected a public key of 64 hexadecimal digits, found "
		"'x3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2...'"},
	    {FIXTURE_KEY_BETA, "'0000000000000000000000000000000000000000000000000000000000000000'",
		"14:10: providers[1].key: not a valid Ed25519 public key"},
	};
	CHECK_REFUSALS(list);
}

static void test_bad_members(void)
{
	static const struct refusal list[] = {
	    {"name: db", "name: web", "25:11: members[1].name: the same as in members[0]"},
	    {"name: db", "name: any", "25:11: members[1].name: 'any' means every member in rules"},
	    {"deployment: 1002", "deployment: 0",
		"26:17: members[1].deployment: expected a number from 1 to 9223372036854775807, "
		"found '0'"},
	    {"    deployment: 1002\n", "", "25:5: members[1]: missing key 'deployment'"},
	    {"    ingress:\n", "    ingres:\n", "29:5: members[1]: unknown key 'ingres'"},
	    {"{provider: beta, ipv4: 100.64.10.11}", "{provider: gamma, ipv4: 100.64.10.11}",
		"21:20: members[0].endpoints[1].provider: no provider is called 'gamma'"},
	    {"    endpoints:\n      - {provider: beta, ipv6: \"fd5a:10::20\"}\n", "",
		"25:5: members[1]: needs 'endpoints' or 'replicas'"},
	    {"{provider: beta, ipv4: 100.64.10.11}", "{provider: beta, ip: 100.64.10.11}",
		"21:26: members[0].endpoints[1]: unknown key 'ip'"},
	    {"100.64.10.11", "100.64.11.11",
		"21:32: members[0].endpoints[1].ipv4: outside of the network's prefix "
		"100.64.10.0/24"},
	    {"100.64.10.11", "100.64.10.0",
		"21:32: members[0].endpoints[1].ipv4: a reserved address of 100.64.10.0/24"},
	    {"100.64.10.11", "100.64.10.255",
		"21:32: members[0].endpoints[1].ipv4: a reserved address of 100.64.10.0/24"},
	    {"100.64.10.11", "100.64.10.1",
		"21:32: members[0].endpoints[1].ipv4: the first address of 100.64.10.0/24 is the "
		"gateway's"},
	    {"100.64.10.11", "100.64.10.10",
		"21:32: members[0].endpoints[1].ipv4: 100.64.10.10 is already web/0's"},
	    {"100.64.10.11", "100.64.10.011",
		"21:32: members[0].endpoints[1].ipv4: expected an IPv4 address, found "
		"'100.64.10.011'"},
	    {"100.64.10.11", "'fd5a:10::11'",
		"21:32: members[0].endpoints[1].ipv4: expected an IPv4 address, found "
		"'fd5a:10::11'"},
	    {"fd5a:10::20", "fd5a:10::10",
		"28:32: members[1].endpoints[0].ipv6: fd5a:10::10 is already web/0's"},
	    {"fd5a:10::20", "fd5a:10::1",
		"28:32: members[1].endpoints[0].ipv6: the first address of fd5a:10::/64 is the "
		"gateway's"},
	    {"fd5a:10::20", "fd5a:10::",
		"28:32: members[1].endpoints[0].ipv6: a reserved address of fd5a:10::/64"},
	    {"fd5a:10::20", "fd5a:11::20",
		"28:32: members[1].endpoints[0].ipv6: outside of the network's prefix "
		"fd5a:10::/64"},
	};
	CHECK_REFUSALS(list);
}

/* Of several repetitions, the first one in the document is named. */
static void test_first_repetition(void)
{
	struct fixture_text t = {0};
	fixture_add(&t, "leasemesh: 1\nnetwork: n\nserial: 1\nprefixes: {ipv4: 10.0.0.0/24}\n"
			"providers: [{name: p, key: " FIXTURE_KEY_ALPHA
			", addresses: ['192.0.2.1:1']}]\nmembers:\n");
	for (const char *name = "ezabzaez"; *name; name++)
		fixture_add(&t, "- {name: %c, deployment: 1, endpoints: []}\n", *name);
	check_refused(t.text, -EINVAL, "11:10: members[4].name: the same as in members[1]");
	free(t.text);
}

static void test_bad_rules(void)
{
	static const char web_rule[] = "{to: db, protocol: tcp, ports: [5432, 8000-8010]}";
	static const struct {
		const char *replace, *why;
	} list[] = {
	    {"{from: db, protocol: tcp}", "23:10: members[0].egress[0]: unknown key 'from'"},
	    {"{protocol: tcp}", "23:9: members[0].egress[0]: needs 'to', 'labels' or 'prefixes'"},
	    {"{to: db}", "23:9: members[0].egress[0]: missing key 'protocol'"},
	    {"{to: dbx, protocol: tcp}",
		"23:14: members[0].egress[0].to: no member is called 'dbx'"},
	    {"{to: [db, cache], protocol: tcp}",
		"23:19: members[0].egress[0].to[1]: no member is called 'cache'"},
	    {"{to: [db, db], protocol: tcp}",
		"23:19: members[0].egress[0].to[1]: repeated member 'db'"},
	    {"{to: [any], protocol: tcp}",
		"23:15: members[0].egress[0].to[0]: 'any' stands alone, not in a list"},
	    {"{to: [], protocol: tcp}", "23:14: members[0].egress[0].to: needs at least 1 item"},
	    {"{to: {a: b}, protocol: tcp}", "23:14: members[0].egress[0].to: expected the name of "
					    "a member, a list of names, or 'any', found a map"},
	    {"{to: db, protocol: http}",
		"23:28: members[0].egress[0].protocol: expected tcp, udp, icmp, icmpv6, sctp, gre, "
		"any or a number from 1 to 254, found 'http'"},
	    {"{to: db, protocol: 0}",
		"23:28: members[0].egress[0].protocol: expected tcp, udp, icmp, icmpv6, sctp, gre, "
		"any or a number from 1 to 254, found '0'"},
	    {"{to: db, protocol: 255}",
		"23:28: members[0].egress[0].protocol: expected tcp, udp, icmp, icmpv6, sctp, gre, "
		"any or a number from 1 to 254, found '255'"},
	    {"{to: db, protocol: '6'}",
		"23:28: members[0].egress[0].protocol: expected tcp, udp, icmp, icmpv6, sctp, gre, "
		"any or a number from 1 to 254, found '6'"},
	    {"{to: db, protocol: icmp, ports: 8}",
		"23:41: members[0].egress[0].ports: only tcp, udp and sctp have ports"},
	    {"{to: db, protocol: any, ports: 80}",
		"23:40: members[0].egress[0].ports: only tcp, udp and sctp have ports"},
	    {"{to: db, protocol: tcp, ports: 0}",
		"23:40: members[0].egress[0].ports: expected a port from 1 to 65535, a range like "
		"8000-8010 or the name of a service like https, found '0'"},
	    {"{to: db, protocol: tcp, ports: 65536}",
		"23:40: members[0].egress[0].ports: expected a port from 1 to 65535, a range like "
		"8000-8010 or the name of a service like https, found '65536'"},
	    {"{to: db, protocol: tcp, ports: 80-}",
		"23:40: members[0].egress[0].ports: expected a port from 1 to 65535, a range like "
		"8000-8010 or the name of a service like https, found '80-'"},
	    {"{to: db, protocol: tcp, ports: 80-90-95}",
		"23:40: members[0].egress[0].ports: expected a port from 1 to 65535, a range like "
		"8000-8010 or the name of a service like https, found '80-90-95'"},
	    {"{to: db, protocol: tcp, ports: [80, 90-85]}",
		"23:45: members[0].egress[0].ports[1]: the range 90-85 runs backwards"},
	    {"{to: db, protocol: tcp, ports: []}",
		"23:40: members[0].egress[0].ports: needs at least 1 item"},
	    {"db", "23:9: members[0].egress[0]: expected a map, found 'db'"},
	};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		char *text = fixture_edited(web_rule, list[i].replace);
		check_refused(text, -EINVAL, list[i].why);
		free(text);
	}
}

/* Untrusted text reaches terminals and logs: no escape sequences, and never the reason cut off. */
static void test_hostile_text_in_messages(void)
{
	char *text = fixture_edited("network: shop", "\"net\\e[31mwork\\u202e\": shop");
	check_refused(text, -EINVAL,
	    "2:1: unknown key 'net?[31mwork?"
	    "?"
	    "?'");
	free(text);

	char file[400];
	memset(file, 'd', sizeof(file));
	strcpy(file + sizeof(file) - sizeof("/t.yaml"), "/t.yaml");
	struct lm_manifest *m;
	struct lm_why why = {0};
	CU_ASSERT_EQUAL(lm_manifest_parse(&m, file, "a: 1", 4, &why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "ddd/t.yaml:1:1: missing key 'leasemesh'"));
	CU_ASSERT_EQUAL(strncmp(why.text, "...d", 4), 0);
}

LM_SUITE("manifest_errors", {"bad_yaml", test_bad_yaml}, {"bad_head", test_bad_head},
    {"bad_prefixes", test_bad_prefixes}, {"bad_providers", test_bad_providers},
    {"bad_members", test_bad_members}, {"bad_rules", test_bad_rules},
    {"first_repetition", test_first_repetition},
    {"hostile_text_in_messages", test_hostile_text_in_messages})
