/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's file: how each kind of mistake is refused: the exact line, key and words. */
#include "config_fixture.h"

#include <errno.h>

static const struct fixture_edit refused[] = {
    /* the text */
    {"= \"gw.key\";", "\"gw.key\";", "gw.conf:1: syntax error"},
    {"owners = ( );", "owners = ( ;", "gw.conf:12: the bracket opened here is not closed"},
    {"owners = ( );", "owners = ( };", "gw.conf:12: '}' where line 12 wants ')'"},
    {"owners = ( );", ")", "gw.conf:12: ')' without an opening bracket"},
    {"owners", "/* owners", "gw.conf:12: this comment does not end"},
    {"\"att\"", "\"att", "gw.conf:10: this string does not end"},
    {"owners = ( );", "key_log = \"a\" \"b", "gw.conf:12: this string does not end"},
    {"\"att\"", "\"a\\x00tt\"", "gw.conf:3: a string must not contain NUL"},
    {"owners", "@include \"x\"\nowners", "gw.conf:12: @include: not supported, write one file"},
    {"( );", "((((((((((((((((( )))))))))))))))));", "gw.conf:12: nested too deeply"},

    /* keys */
    {"identity", "Identity", "gw.conf:1: Identity: unknown key"},
    {"owners", "limits = { peer = 1; };\nowners", "gw.conf:12: limits.peer: unknown key"},
    {"\"net_a\";", "\"net_a\"; speed = 1;", "gw.conf:6: ports[0].speed: unknown key"},
    {"state_dir", "identity", "gw.conf:2: identity: given twice, first in line 1"},
    {"owners", "dpdk = { };\nowners", "gw.conf:12: dpdk: given twice, first in line 4"},
    {"role = \"access\"", "name = \"x\"", "gw.conf:7: name: given twice, first in line 7"},
    {"identity = \"gw.key\";", "", "gw.conf: identity: missing"},
    {"dpdk = { worker_cores = [1, 2]; };", "", "gw.conf: dpdk.worker_cores: missing"},
    {"worker_cores = [1, 2];", "", "gw.conf:4: dpdk.worker_cores: missing"},
    {"owners = ( );", "", "gw.conf: owners: missing"},
    {"name = \"lan\";", "", "gw.conf:7: ports[1].name: missing"},
    {"role = \"access\";", "", "gw.conf:7: ports[1].role: missing"},
    {"device = \"net_b\";", "", "gw.conf:7: ports[1].device: missing"},
    {NULL, "", "gw.conf: identity: missing"},

    /* types */
    {"\"gw.key\"", "5", "gw.conf:1: identity: must be a string"},
    {"\"gw.key\"", "\"\"", "gw.conf:1: identity: must not be empty"},
    {"\"gw.key\"", "\"a\\nb\"", "gw.conf:1: identity: contains a control character"},
    {"[1, 2]", "5", "gw.conf:4: dpdk.worker_cores: must be a list"},
    {"[1, 2]", "[\"1\"]", "gw.conf:4: dpdk.worker_cores[0]: must be a whole number"},
    {"[1, 2]", "[1.0]", "gw.conf:4: dpdk.worker_cores[0]: must be a whole number"},
    {"[1, 2]", "[1]; pin = 1", "gw.conf:4: dpdk.pin: must be true or false"},
    {"dpdk = { worker_cores = [1, 2]; }", "dpdk = 1", "gw.conf:4: dpdk: must be a group { ... }"},
    {"( );", "( 5 );", "gw.conf:12: owners[0]: must be a group { ... }"},
    {"[1, 2]", "[1]; memory_mb = 0x400", "gw.conf:4: dpdk.memory_mb: must be a decimal number"},
    {"[1, 2]", "[1]; memory_mb = 0x100000400", "gw.conf:4: memory_mb: number too large"},

    /* ranges */
    {"[1, 2]", "[]", "gw.conf:4: dpdk.worker_cores: needs at least 1"},
    {"[1, 2]", "[1024]", "gw.conf:4: dpdk.worker_cores[0]: 1024 is not within 0..1023"},
    {"[1, 2]", "[-1]", "gw.conf:4: dpdk.worker_cores[0]: -1 is not within 0..1023"},
    {"[1, 2]", "[1]; memory_mb = 2000000",
	"gw.conf:4: dpdk.memory_mb: 2000000 is not within 64..1048576"},
    {"[1, 2]", "[1]; memory_mb = 99999999999999999999", "gw.conf:4: memory_mb: number too large"},
    {"[1, 2]", "[1]; memory_mb = 2147483648", "gw.conf:4: memory_mb: number too large"},
    {"[1, 2]", "[1]; memory_mb = 4294968320", "gw.conf:4: memory_mb: number too large"},
    {"[1, 2]", "[4294967297]", "gw.conf:4: worker_cores: number too large"},
    {"[1, 2]", "[1]; memory_mb = 100",
	"gw.conf: dpdk.mbufs: 65536 buffers take 256 MB, memory_mb is 100"},
    {"[1, 2]", "[1, 2]; memory_mb = 272",
	"gw.conf:4: dpdk.memory_mb: 272 is too little: buffers and flow tables alone take 272"},
    {"[1, 2]", "[1]; mbufs = 1000000",
	"gw.conf:4: dpdk.mbufs: 1000000 buffers take 3906 MB, memory_mb is 1024"},
    {"[1, 2]", "[1]; realtime_priority = 100",
	"gw.conf:4: dpdk.realtime_priority: 100 is not within 0..99"},
    {"[1, 2]", "[1]; file_prefix = \"a/b\"",
	"gw.conf:4: dpdk.file_prefix: only letters, digits, '_', '-' and '.', and a letter or "
	"digit first"},
    {"owners", "limits = { flows = 65535; };\nowners",
	"gw.conf:12: limits.flows: 65535 is no power of two"},
    {"owners", "limits = { networks = 0; };\nowners",
	"gw.conf:12: limits.networks: 0 is not within 1..16384"},
    {"owners", "log_level = \"loud\";\nowners",
	"gw.conf:12: log_level: \"loud\" is none of error, warn, info, debug"},
    {"owners", "workload = { mtu = 1000; };\nowners",
	"gw.conf:12: workload.mtu: 1000 is not within 1280..9600"},
    {"owners", "workload = { domain = \"a..b\"; };\nowners",
	"gw.conf:12: workload.domain: \"a..b\" is no domain name"},

    /* rates */
    {"owners", "rates = { endpoint_bits_out = \"10 M\"; };\nowners",
	"gw.conf:12: rates.endpoint_bits_out: \"10 M\" is no rate: digits, then k, M or G"},
    {"owners", "rates = { endpoint_bits_out = \"10m\"; };\nowners",
	"gw.conf:12: rates.endpoint_bits_out: \"10m\" is no rate: digits, then k, M or G"},
    {"owners", "rates = { endpoint_packets_in = \"-1\"; };\nowners",
	"gw.conf:12: rates.endpoint_packets_in: \"-1\" is no rate: digits, then k, M or G"},
    {"owners", "rates = { network_packets_in = \"M\"; };\nowners",
	"gw.conf:12: rates.network_packets_in: \"M\" is no rate: digits, then k, M or G"},
    {"owners", "rates = { network_packets_in = \"99999999999999999999\"; };\nowners",
	"gw.conf:12: rates.network_packets_in: \"99999999999999999999\" is no rate: digits, then "
	"k, "
	"M or G"},
    {"owners", "rates = { network_packets_in = \"9999999999999999999G\"; };\nowners",
	"gw.conf:12: rates.network_packets_in: \"9999999999999999999G\" is no rate: digits, then "
	"k, "
	"M or G"},
    {"owners", "rates = { network_packets_in = \"1001M\"; };\nowners",
	"gw.conf:12: rates.network_packets_in: 1001000000 is not within 1..1000000000, nor 0 for "
	"no "
	"limit"},
    {"owners", "rates = { network_bits_in = 999; };\nowners",
	"gw.conf:12: rates.network_bits_in: 999 is not within 1000..1000000000000, nor 0 for no "
	"limit"},
    {"owners", "rates = { network_bits_in = -5; };\nowners",
	"gw.conf:12: rates.network_bits_in: -5 is not within 0..1000000000000"},
    {"owners", "rates = { network_bits_in = true; };\nowners",
	"gw.conf:12: rates.network_bits_in: must be a whole number"},
    {"owners", "rates = { burst_ms = 0; };\nowners",
	"gw.conf:12: rates.burst_ms: 0 is not within 1..10000"},
    {"owners", "rates = { endpoint_bits = 0; };\nowners",
	"gw.conf:12: rates.endpoint_bits: unknown key"},

    /* resolvers */
    {"owners", "dns = { forward = [\"192.0.2.53:53\"]; };\nowners",
	"gw.conf:12: dns.forward[0]: \"192.0.2.53:53\" is no address"},
    {"owners", "dns = { forward = [\"127.0.0.1\"]; };\nowners",
	"gw.conf:12: dns.forward[0]: 127.0.0.1 is no host's address"},
    {"owners", "dns = { forward = [\"192.0.2.1\"]; };\nowners",
	"gw.conf:12: dns.forward: 192.0.2.1 is our own address"},
    {"owners", "dns = { forward = [\"192.0.2.53\", \"192.0.2.53\"]; };\nowners",
	"gw.conf:12: dns.forward[1]: 192.0.2.53 is given twice"},
    {"owners", "dns = { forwarders = []; };\nowners", "gw.conf:12: dns.forwarders: unknown key"},

    /* cores */
    {"[1, 2]", "[1, 1]", "gw.conf:4: dpdk.worker_cores: core 1 is given twice"},
    {"[1, 2]", "[0]",
	"gw.conf:4: dpdk.worker_cores: core 0 is the control core; use another, or pin = false"},

    /* ports */
    {"\"underlay\"", "\"access\"",
	"gw.conf:5: ports: needs exactly one with role \"underlay\", has 0"},
    {"\"access\"", "\"underlay\"",
	"gw.conf:5: ports: needs exactly one with role \"underlay\", has 2"},
    {"\"access\"", "\"Access\"",
	"gw.conf:7: ports[1].role: \"Access\" is none of underlay, access"},
    {"\"lan\"", "\"wan\"", "gw.conf:7: ports[1].name: ports[0] is called \"wan\" as well"},
    {"\"lan\"", "\"-lan\"",
	"gw.conf:7: ports[1].name: \"-lan\" is no name (a-z, 0-9 and inner hyphens)"},
    {"\"lan\"", "\"l n\"",
	"gw.conf:7: ports[1].name: \"l n\" is no name (a-z, 0-9 and inner hyphens)"},
    {"\"net_b\"", "\"net_a\"", "gw.conf:7: ports[1].device: ports[0] has this device"},
    {"\"net_b\";", "\"net_b\"; vlan = 5;",
	"gw.conf:7: ports[1].vlan: only for the underlay; attachments name theirs"},
    {"\"net_a\";", "\"net_a\"; vlan = 4095;",
	"gw.conf:6: ports[0].vlan: 4095 is not within 1..4094"},
    {"\"net_b\";", "\"net_b\"; rx_descriptors = 32;",
	"gw.conf:7: ports[1].rx_descriptors: 32 is not within 64..32768"},
    {"\"net_b\";", "\"net_b\"; tx_descriptors = 1000;",
	"gw.conf:7: ports[1].tx_descriptors: 1000 is no power of two"},
    {"\"net_b\";", "\"net_b\"; mtu = 1279;",
	"gw.conf:7: ports[1].mtu: 1279 is not within 1280..9702"},

    /* underlay */
    {"[\"192.0.2.1/24\", \"2001:db8::1/64\"]",
	"[\"10.0.0.1/8\", \"10.0.0.2/8\", \"10.0.0.3/8\", \"10.0.0.4/8\", \"10.0.0.5/8\", "
	"\"10.0.0.6/8\", \"10.0.0.7/8\", \"10.0.0.8/8\", \"10.0.0.9/8\"]",
	"gw.conf:10: underlay.addresses: has 9 entries, at most 8 are possible"},
    {"\"2001:db8::1/64\"", "\n\"x\"\n\n",
	"gw.conf:10: underlay.addresses[1]: \"x\" is no address with a prefix length"},
    {"192.0.2.1/24", "192.0.2.1",
	"gw.conf:10: underlay.addresses[0]: \"192.0.2.1\" is no address with a prefix length"},
    {"192.0.2.1/24", "192.0.2.1/0",
	"gw.conf:10: underlay.addresses[0]: \"192.0.2.1/0\" is no address with a prefix length"},
    {"192.0.2.1/24", "192.0.2.255/24",
	"gw.conf:10: underlay.addresses[0]: 192.0.2.255/24 is no host's address"},
    {"192.0.2.1/24", "192.0.2.0/24",
	"gw.conf:10: underlay.addresses[0]: 192.0.2.0/24 is no host's address"},
    {"2001:db8::1/64", "ff02::1/64",
	"gw.conf:10: underlay.addresses[1]: ff02::1/64 is no host's address"},
    {"2001:db8::1/64", "192.0.2.1/32",
	"gw.conf:10: underlay.addresses[1]: 192.0.2.1/32 is given twice"},
    {"};\nowners", "gateway4 = \"192.0.3.1\"; };\nowners",
	"gw.conf:11: underlay.gateway4: 192.0.3.1 is not on the link of any of "
	"underlay.addresses"},
    {"};\nowners", "gateway4 = \"192.0.2.1\"; };\nowners",
	"gw.conf:11: underlay.gateway4: 192.0.2.1 is our own address"},
    {"};\nowners", "gateway4 = \"2001:db8::2\"; };\nowners",
	"gw.conf:11: underlay.gateway4: \"2001:db8::2\" is no IPv4 address"},
    {"};\nowners", "gateway6 = \"2001:db8:1::2\"; };\nowners",
	"gw.conf:11: underlay.gateway6: 2001:db8:1::2 is not on the link of any of "
	"underlay.addresses"},
    {"};\nowners", "gateway6 = \"ff02::2\"; };\nowners",
	"gw.conf:11: underlay.gateway6: ff02::2 is no host's address"},
    {"};\nowners", "port = 0; };\nowners", "gw.conf:11: underlay.port: 0 is not within 1..65535"},

    /* owners */
    {"( );", "( { name = \"a\"; key = \"12\"; } );",
	"gw.conf:12: owners[0].key: a public key is 64 hexadecimal digits"},
    {"( );",
	"( { name = \"a\"; key = "
	"\"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"; } );",
	"gw.conf:12: owners[0].key: this is no valid Ed25519 public key"},
    {"( );",
	"( { name = \"a\"; key = \"" FIXTURE_KEY_1 "\"; },\n{ name = \"a\"; key = \"" FIXTURE_KEY_2
	"\"; } );",
	"gw.conf:13: owners[1].name: owners[0] is called \"a\" as well"},
    {"( );",
	"( { name = \"a\"; key = \"" FIXTURE_KEY_1 "\"; },\n{ name = \"b\"; key = \"" FIXTURE_KEY_1
	"\"; } );",
	"gw.conf:13: owners[1].key: owners[0] \"a\" has this key"},
};

static void test_refused(void)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct fixture_edit *t = &refused[i];
		struct lm_gateway_config *c = NULL;
		struct lm_why why;
		char *text = fixture_edited(fixture_gateway, t->from, t->to), expected[LM_WHY_MAX];

		snprintf(expected, sizeof(expected), "/etc/lm/%s", t->why);
		if (fixture_parse(&c, text, &why) != -EINVAL || strcmp(why.text, expected) != 0)
			printf("\n    case %zu: got  %s\n             want %s\n", i, why.text,
			    expected);
		CU_ASSERT_STRING_EQUAL(why.text, expected);
		CU_ASSERT_PTR_NULL(c);
		free(text);
	}
}

LM_SUITE("config errors", {"refused", test_refused})
