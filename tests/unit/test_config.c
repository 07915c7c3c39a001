/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <errno.h>
#include <unistd.h>
#include <sys/stat.h>
#include "base/bytes.h"
#include "config/config.h"

#define CONF LM_TEST_DATA "/../../../conf"
#define KEY_1 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define KEY_2 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"

/* libconfig 1.5 drops the texts of what it was parsing when it meets an error. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig\n";
}

/* The least that a gateway can run with. Messages below count its lines. */
static const char good[] = "identity = \"gw.key\";\n"
			   "state_dir = \"state\";\n"
			   "attachments = \"att\";\n"
			   "dpdk = { worker_cores = [1, 2]; };\n"
			   "ports = (\n"
			   "	{ name = \"wan\"; role = \"underlay\"; device = \"net_a\"; },\n"
			   "	{ name = \"lan\"; role = \"access\"; device = \"net_b\"; }\n"
			   ");\n"
			   "underlay = {\n"
			   "	addresses = [\"192.0.2.1/24\", \"2001:db8::1/64\"];\n"
			   "};\n"
			   "owners = ( );\n";

/* base with the first `from` replaced by `to`; from NULL: `to` is the whole text. */
static char *edited(const char *base, const char *from, const char *to)
{
	char *out = NULL;
	const char *at = from ? strstr(base, from) : base;

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	if (asprintf(&out, "%.*s%s%s", (int)(at - base), base, to, from ? at + strlen(from) : "") <
	    0)
		abort();
	return out;
}

static int parse(struct lm_gateway_config **c, const char *text, struct lm_why *why)
{
	memset(why, 0, sizeof(*why));
	return lm_config_parse(c, "/etc/lm/gw.conf", text, strlen(text), why);
}

static struct lm_gateway_config *parse_edited(const char *from, const char *to)
{
	struct lm_gateway_config *c = NULL;
	struct lm_why why;
	char *text = edited(good, from, to);

	if (parse(&c, text, &why) != 0)
		printf("\n%s", why.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	free(text);
	return c;
}

static void test_example(void)
{
	struct lm_gateway_config *c = NULL;
	struct lm_why why = {{0}};
	char text[LM_UDP_TEXT];

	CU_ASSERT_EQUAL_FATAL(lm_config_load(&c, CONF "/gateway.conf", &why), 0);
	CU_ASSERT_STRING_EQUAL(c->identity, "/etc/leasemesh/gateway.key");
	CU_ASSERT_STRING_EQUAL(c->state_dir, "/var/lib/leasemesh");
	CU_ASSERT_STRING_EQUAL(c->attachments, "/etc/leasemesh/attachments");
	CU_ASSERT_STRING_EQUAL(c->key_log, "");
	CU_ASSERT_EQUAL(c->log_level, LM_INFO);
	CU_ASSERT_TRUE(c->huge_pages && c->pin && !c->busy_poll && c->lane_source_ports);
	CU_ASSERT_EQUAL(c->memory_mb, 1024);
	CU_ASSERT_STRING_EQUAL(c->file_prefix, "leasemesh");
	CU_ASSERT_EQUAL(c->n_workers, 1);
	CU_ASSERT_EQUAL(c->worker_cores[0], 1);
	CU_ASSERT_EQUAL(c->mbufs, 65536);
	CU_ASSERT_EQUAL_FATAL(c->n_ports, 2);
	CU_ASSERT_STRING_EQUAL(c->ports[0].name, "wan");
	CU_ASSERT_EQUAL(c->ports[0].role, LM_PORT_UNDERLAY);
	CU_ASSERT_STRING_EQUAL(c->ports[1].device, "0000:01:00.1");
	CU_ASSERT_EQUAL(c->ports[1].role, LM_PORT_ACCESS);
	CU_ASSERT_EQUAL(c->ports[1].mtu, 1500);
	CU_ASSERT_EQUAL(c->udp_port, 4500);
	CU_ASSERT_EQUAL(c->n_addrs, 2);
	CU_ASSERT_STRING_EQUAL(lm_ip_text(text, &c->addrs[1].ip), "2001:db8::1");
	CU_ASSERT_EQUAL(c->addrs[1].len, 64);
	CU_ASSERT_STRING_EQUAL(lm_ip_text(text, &c->gateway4), "192.0.2.254");
	CU_ASSERT_EQUAL_FATAL(c->n_owners, 1);
	CU_ASSERT_STRING_EQUAL(c->owners[0].name, "example");
	CU_ASSERT_EQUAL(c->owners[0].key.b[0], 0xfc);
	CU_ASSERT_EQUAL(c->workload_mtu, 0);
	CU_ASSERT_EQUAL(c->dhcp_lease_seconds, 3600);
	CU_ASSERT_TRUE(c->default_route);
	CU_ASSERT_STRING_EQUAL(c->domain, "internal");
	CU_ASSERT_EQUAL(c->max_endpoints, 65536);
	CU_ASSERT_EQUAL(c->flow_timeout_s, 300);
	lm_config_free(c);
}

/* The example says what the default is: a file without those keys must mean the same. */
static void test_defaults(void)
{
	struct lm_gateway_config *example = NULL, *c = parse_edited("owners", "owners");
	struct lm_why why = {{0}};

	CU_ASSERT_EQUAL_FATAL(lm_config_load(&example, CONF "/gateway.conf", &why), 0);
#define SAME(field) CU_ASSERT_EQUAL(memcmp(&c->field, &example->field, sizeof(c->field)), 0)
	SAME(key_log);
	SAME(log_level);
	SAME(huge_pages);
	SAME(memory_mb);
	SAME(file_prefix);
	SAME(control_core);
	SAME(pin);
	SAME(busy_poll);
	SAME(eal_args);
	SAME(mbufs);
	SAME(udp_port);
	SAME(lane_source_ports);
	SAME(workload_mtu);
	SAME(dhcp_lease_seconds);
	SAME(default_route);
	SAME(domain);
	SAME(max_networks);
	SAME(max_peers);
	SAME(max_endpoints);
	SAME(flows);
	SAME(flow_timeout_s);
	lm_config_free(c);
	lm_config_free(example);
}

static void test_paths(void)
{
	struct lm_gateway_config *c = parse_edited("\"state\"", "\"/var/lib/x\"");

	CU_ASSERT_STRING_EQUAL(c->identity, "/etc/lm/gw.key");
	CU_ASSERT_STRING_EQUAL(c->state_dir, "/var/lib/x");
	CU_ASSERT_STRING_EQUAL(c->attachments, "/etc/lm/att");
	lm_config_free(c);

	struct lm_why why = {{0}};
	CU_ASSERT_EQUAL_FATAL(lm_config_parse(&c, "gw.conf", good, strlen(good), &why), 0);
	CU_ASSERT_STRING_EQUAL(c->identity, "gw.key");
	lm_config_free(c);
}

static const struct refused {
	const char *from, *to, *why;
} refused[] = {
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
    {"( );", "( { name = \"a\"; key = \"" KEY_1 "\"; },\n{ name = \"a\"; key = \"" KEY_2 "\"; } );",
	"gw.conf:13: owners[1].name: owners[0] is called \"a\" as well"},
    {"( );", "( { name = \"a\"; key = \"" KEY_1 "\"; },\n{ name = \"b\"; key = \"" KEY_1 "\"; } );",
	"gw.conf:13: owners[1].key: owners[0] \"a\" has this key"},
};

static void test_refused(void)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct refused *t = &refused[i];
		struct lm_gateway_config *c = NULL;
		struct lm_why why;
		char *text = edited(good, t->from, t->to), expected[LM_WHY_MAX];

		snprintf(expected, sizeof(expected), "/etc/lm/%s", t->why);
		if (parse(&c, text, &why) != -EINVAL || strcmp(why.text, expected) != 0)
			printf("\n    case %zu: got  %s\n             want %s\n", i, why.text,
			    expected);
		CU_ASSERT_STRING_EQUAL(why.text, expected);
		CU_ASSERT_PTR_NULL(c);
		free(text);
	}
}

static void test_accepted(void)
{
	static const char *const cases[][2] = {
	    {"[1, 2]", "[1]; memory_mb = 1024L"},
	    {"[1, 2]", "[1, 2]; memory_mb = 273"},
	    {"[1, 2]", "( 1, 2 )"}, /* a list is as good as an array */
	    {"[1, 2]", "[0, 0]; pin = false"}, /* the kernel schedules threads */
	    {"owners = ( );\n", "owners = ( ); # at the end"}, /* and no newline after it */
	    {"2001:db8::1/64", "192.0.2.4/31"}, /* RFC 3021: both are hosts */
	    {"};\nowners", "gateway6 = \"fe80::1\"; };\nowners"},
	    {"};\nowners", "gateway4 = \"192.0.2.254\"; };\nowners"},
	    {"owners", "/* \" ( @include */ // \"\nowners"},
	    {"owners", "key_log = \"\";\nowners"},
	    {"\"gw.key\"", "\"gw\" /* joined */ \".\\\"key\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		lm_config_free(parse_edited(cases[i][0], cases[i][1]));
}

static void test_nul_byte(void)
{
	static const char text[] = "identity = \"x\";\n\0owners = ( );";
	struct lm_gateway_config *c = NULL;
	struct lm_why why = {{0}};

	CU_ASSERT_EQUAL(lm_config_parse(&c, "gw.conf", text, sizeof(text) - 1, &why), -EINVAL);
	CU_ASSERT_STRING_EQUAL(why.text, "gw.conf:2: contains a NUL byte");
}

static void test_long_file_name(void)
{
	char path[300];
	struct lm_gateway_config *c = NULL;
	struct lm_why why = {{0}};

	memset(path, 'x', sizeof(path));
	strcpy(path + 280, "/gw.conf");
	CU_ASSERT_EQUAL(lm_config_parse(&c, path, "nonsense = 1;", 13, &why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "x/gw.conf:1: nonsense: unknown key"));
	CU_ASSERT_EQUAL(strncmp(why.text, "...xxx", 6), 0);

	memset(&why, 0, sizeof(why));
	CU_ASSERT_EQUAL(lm_config_parse(&c, path, good, strlen(good), &why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(why.text, ":1: identity: longer than 255 characters with its folder"));
}

static void test_files(void)
{
	struct lm_gateway_config *c = NULL;
	char dir[] = "/tmp/lm-test-config-XXXXXX", path[64], expected[LM_WHY_MAX];
	struct lm_why why = {{0}};

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/none", dir);
	CU_ASSERT_EQUAL(lm_config_load(&c, path, &why), -ENOENT);
	snprintf(expected, sizeof(expected), "%s: No such file or directory", path);
	CU_ASSERT_STRING_EQUAL(why.text, expected);

	/* libconfig ends the process when it is given a folder, and a FIFO would block. */
	memset(&why, 0, sizeof(why));
	CU_ASSERT_EQUAL(lm_config_load(&c, dir, &why), -EINVAL);
	snprintf(expected, sizeof(expected), "%s: not a regular file", dir);
	CU_ASSERT_STRING_EQUAL(why.text, expected);
	snprintf(path, sizeof(path), "%s/fifo", dir);
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	CU_ASSERT_EQUAL(lm_config_load(&c, path, NULL), -EINVAL);
	unlink(path);

	struct lm_attachment a;
	snprintf(path, sizeof(path), "%s/large.conf", dir);
	FILE *f = fopen(path, "w");
	for (int i = 0; i < 1025; i++)
		fputs("# 16 characters\n", f);
	fclose(f);
	memset(&why, 0, sizeof(why));
	CU_ASSERT_EQUAL(lm_attachment_load(&a, path, &why), -E2BIG);
	snprintf(expected, sizeof(expected), "%s: larger than 16384 bytes", path);
	CU_ASSERT_STRING_EQUAL(why.text, expected);
	unlink(path);
	rmdir(dir);
}

#define ID_1 "0001020304050607080900010203040506070809"
#define ID_2 "a0a1a2a3a4a5a6a7a8a9a0a1a2a3a4a5a6a7a8a9"

static const char good_attachment[] = "lease = \"" ID_1 "/1001/1/2/" ID_2 "\";\n"
				      "network = \"shop\";\n"
				      "member = \"web\";\n"
				      "replica = 3;\n"
				      "port = \"lan\";\n"
				      "vlan = 101;\n"
				      "mac = \"02:00:00:00:01:01\";\n";

static int parse_attachment(
    struct lm_attachment *a, const char *path, const char *text, struct lm_why *why)
{
	memset(why, 0, sizeof(*why));
	return lm_attachment_parse(a, path, text, strlen(text), why);
}

static void test_attachment(void)
{
	struct lm_attachment a;
	struct lm_why why = {{0}};
	char lease[LM_LEASE_TEXT];

	CU_ASSERT_EQUAL_FATAL(parse_attachment(&a, "att/web-3.conf", good_attachment, &why), 0);
	CU_ASSERT_STRING_EQUAL(a.name, "web-3");
	CU_ASSERT_STRING_EQUAL(lm_lease_text(lease, &a.lease), ID_1 "/1001/1/2/" ID_2);
	CU_ASSERT_STRING_EQUAL(a.network, "shop");
	CU_ASSERT_STRING_EQUAL(a.member, "web");
	CU_ASSERT_EQUAL(a.replica, 3);
	CU_ASSERT_STRING_EQUAL(a.port, "lan");
	CU_ASSERT_EQUAL(a.vlan, 101);
	CU_ASSERT_TRUE(a.has_mac);
	CU_ASSERT_EQUAL(a.mac.b[4], 1);

	CU_ASSERT_EQUAL_FATAL(lm_attachment_load(&a, CONF "/attachments/web-0.conf", &why), 0);
	CU_ASSERT_STRING_EQUAL(a.name, "web-0");
	CU_ASSERT_EQUAL(a.lease.dseq, 1001);
	CU_ASSERT_FALSE(a.has_mac);
}

/* The example's ids are those of the example's owner and of alpha in the example manifest. */
static void test_example_ids(void)
{
	struct lm_gateway_config *c = NULL;
	struct lm_attachment a;
	struct lm_public_key alpha;

	CU_ASSERT_EQUAL_FATAL(lm_config_load(&c, CONF "/gateway.conf", NULL), 0);
	CU_ASSERT_EQUAL_FATAL(lm_attachment_load(&a, CONF "/attachments/web-0.conf", NULL), 0);
	struct lm_key_id owner = lm_key_id(&c->owners[0].key);
	CU_ASSERT_EQUAL(memcmp(&owner, &a.lease.owner, sizeof(owner)), 0);
	lm_unhex(alpha.b, sizeof(alpha.b), KEY_1, strlen(KEY_1));
	struct lm_key_id provider = lm_key_id(&alpha);
	CU_ASSERT_EQUAL(memcmp(&provider, &a.lease.provider, sizeof(provider)), 0);
	lm_config_free(c);
}

static void test_attachment_refused(void)
{
	static const struct refused cases[] = {
	    {"lease", "Lease", "a.conf:1: Lease: unknown key"},
	    {"lease = ", "replica = ", "a.conf:4: replica: given twice, first in line 1"},
	    {"network = \"shop\";", "", "a.conf: network: missing"},
	    {"\"shop\"", "\"Shop\"",
		"a.conf:2: network: \"Shop\" is no name (a-z, 0-9 and inner hyphens)"},
	    {"\"web\"", "\"web-\"",
		"a.conf:3: member: \"web-\" is no name (a-z, 0-9 and inner hyphens)"},
	    {"\"web\"", "\"\\x1b[2J\"", "a.conf:3: member: contains a control character"},
	    {"= 3", "= -1", "a.conf:4: replica: -1 is not within 0..16383"},
	    {"= 3", "= \"3\"", "a.conf:4: replica: must be a whole number"},
	    {"= 101", "= 0", "a.conf:6: vlan: 0 is not within 1..4094"},
	    {"02:00:00:00:01:01", "03:00:00:00:01:01",
		"a.conf:7: mac: \"03:00:00:00:01:01\" is no MAC address of a host"},
	    {"02:00:00:00:01:01", "00:00:00:00:00:00",
		"a.conf:7: mac: \"00:00:00:00:00:00\" is no MAC address of a host"},
	    {"vlan = 101;\nmac = \"02:00:00:00:01:01\";", "",
		"a.conf:5: port: needs vlan or mac beside it"},
	    {"/1001/1/2/", "/1001/1/", NULL},
	    {"/1001/", "/-1/", "a.conf:1: lease: lease: dseq '-1' is not a number"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = edited(good_attachment, cases[i].from, cases[i].to);
		struct lm_attachment a, before;
		struct lm_why why;

		memset(&a, 0x5a, sizeof(a));
		before = a;
		CU_ASSERT_EQUAL(parse_attachment(&a, "a.conf", text, &why), -EINVAL);
		CU_ASSERT_EQUAL(memcmp(&a, &before, sizeof(a)), 0);
		if (cases[i].why && strcmp(why.text, cases[i].why) != 0)
			printf("\n    case %zu: got  %s\n             want %s\n", i, why.text,
			    cases[i].why);
		if (cases[i].why)
			CU_ASSERT_STRING_EQUAL(why.text, cases[i].why);
		CU_ASSERT_EQUAL(strncmp(why.text, "a.conf:", 7), 0);
		free(text);
	}

	struct lm_attachment a;
	struct lm_why why;
	char path[200];
	memset(path, 'n', sizeof(path));
	strcpy(path + LM_ATTACHMENT_NAME_MAX, ".conf");
	CU_ASSERT_EQUAL(parse_attachment(&a, path, good_attachment, &why), 0);
	strcpy(path + LM_ATTACHMENT_NAME_MAX, "n.conf");
	CU_ASSERT_EQUAL(parse_attachment(&a, path, good_attachment, &why), -EINVAL);
	CU_ASSERT_EQUAL(parse_attachment(&a, "a\x1b.conf", good_attachment, &why), -EINVAL);
}

static void test_restart_needed(void)
{
	static const struct {
		const char *from, *to, *why; /* why NULL: live */
	} cases[] = {
	    {"owners", "owners", NULL},
	    {"\"gw.key\"", "\"other.key\"", "/etc/lm/gw.conf:1: identity: needs a restart"},
	    {"\"state\"", "\"s\"", "/etc/lm/gw.conf:2: state_dir: needs a restart"},
	    {"\"att\"", "\"a\"", "/etc/lm/gw.conf:3: attachments: needs a restart"},
	    {"[1, 2]", "[1, 3]", "/etc/lm/gw.conf:4: dpdk.worker_cores: needs a restart"},
	    {"[1, 2]", "[1]", "/etc/lm/gw.conf:4: dpdk.worker_cores: needs a restart"},
	    {"[1, 2];", "[1, 2]; pin = false;", "/etc/lm/gw.conf:4: dpdk.pin: needs a restart"},
	    {"[1, 2];", "[1, 2]; huge_pages = false;",
		"/etc/lm/gw.conf:4: dpdk.huge_pages: needs a restart"},
	    {"[1, 2];", "[1, 2]; memory_mb = 512;",
		"/etc/lm/gw.conf:4: dpdk.memory_mb: needs a restart"},
	    {"[1, 2];", "[1, 2]; file_prefix = \"x\";",
		"/etc/lm/gw.conf:4: dpdk.file_prefix: needs a restart"},
	    {"[1, 2];", "[1, 2]; control_core = 5;",
		"/etc/lm/gw.conf:4: dpdk.control_core: needs a restart"},
	    {"[1, 2];", "[1, 2]; eal_args = \"-v\";",
		"/etc/lm/gw.conf:4: dpdk.eal_args: needs a restart"},
	    {"[1, 2];", "[1, 2]; mbufs = 4096;", "/etc/lm/gw.conf:4: dpdk.mbufs: needs a restart"},
	    {"[1, 2];", "[1, 2]; busy_poll = true;", NULL},
	    {"\"lan\"", "\"lan2\"", "/etc/lm/gw.conf:7: ports[1].name: needs a restart"},
	    {"\"net_b\"", "\"net_c\"", "/etc/lm/gw.conf:7: ports[1].device: needs a restart"},
	    {"\"net_b\";", "\"net_b\"; mtu = 2000;",
		"/etc/lm/gw.conf:7: ports[1].mtu: needs a restart"},
	    {"\"net_a\";", "\"net_a\"; vlan = 7;",
		"/etc/lm/gw.conf:6: ports[0].vlan: needs a restart"},
	    {"\"net_b\"; }", "\"net_b\"; }, { name = \"c\"; role = \"access\"; device = \"d\"; }",
		"/etc/lm/gw.conf:5: ports: needs a restart"},
	    {"192.0.2.1/24", "192.0.2.7/24", NULL},
	    {"};\nowners", "gateway4 = \"192.0.2.254\"; };\nowners", NULL},
	    {"};\nowners", "gateway6 = \"2001:db8::fe\"; };\nowners", NULL},
	    {"};\nowners", "port = 4501; };\nowners",
		"/etc/lm/gw.conf:11: underlay.port: needs a restart"},
	    {"};\nowners", "lane_source_ports = false; };\nowners",
		"/etc/lm/gw.conf:11: underlay.lane_source_ports: needs a restart"},
	    {"( );", "( { name = \"a\"; key = \"" KEY_1 "\"; } );", NULL},
	    {"owners", "log_level = \"debug\";\nowners", NULL},
	    {"owners", "key_log = \"keys\";\nowners", NULL},
	    {"owners",
		"workload = { mtu = 1300; dhcp_lease = 60; default_route = false; domain = "
		"\"x.y\"; };\nowners",
		NULL},
	    {"owners", "limits = { networks = 1; };\nowners",
		"/etc/lm/gw.conf:12: limits.networks: needs a restart"},
	    {"owners", "limits = { peers = 1; };\nowners",
		"/etc/lm/gw.conf:12: limits.peers: needs a restart"},
	    {"owners", "limits = { endpoints = 1; };\nowners",
		"/etc/lm/gw.conf:12: limits.endpoints: needs a restart"},
	    {"owners", "limits = { flows = 1024; };\nowners",
		"/etc/lm/gw.conf:12: limits.flows: needs a restart"},
	    {"owners", "limits = { flow_timeout = 10; };\nowners", NULL},
	};
	struct lm_gateway_config *running = parse_edited("owners", "owners");
	struct lm_why why;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lm_gateway_config *next = parse_edited(cases[i].from, cases[i].to);

		memset(&why, 0, sizeof(why));
		int r = lm_config_restart_needed(running, next, "/etc/lm/gw.conf", &why);
		CU_ASSERT_EQUAL(r, cases[i].why ? -EBUSY : 0);
		CU_ASSERT_STRING_EQUAL(why.text, cases[i].why ? cases[i].why : "");
		lm_config_free(next);
	}

	/* One core more: what both have is the same. */
	struct lm_gateway_config *more = parse_edited("[1, 2]", "[1, 2, 3]");
	CU_ASSERT_EQUAL(lm_config_restart_needed(running, more, "gw.conf", NULL), -EBUSY);
	lm_config_free(more);

	/* A key that was taken out is back at its default, and has no line any more. */
	struct lm_gateway_config *other = parse_edited("[1, 2];", "[1, 2]; mbufs = 4096;");
	memset(&why, 0, sizeof(why));
	CU_ASSERT_EQUAL(lm_config_restart_needed(other, running, "/etc/lm/gw.conf", &why), -EBUSY);
	CU_ASSERT_STRING_EQUAL(why.text, "/etc/lm/gw.conf: dpdk.mbufs: needs a restart");
	lm_config_free(other);
	lm_config_free(running);
}

/* More groups and keys than one group may have. */
static void test_many_owners(void)
{
	enum { OWNERS = 2000 };
	char *list = malloc(OWNERS * 128), *at = list;
	uint8_t seed[32] = {0};
	struct lm_identity id;

	CU_ASSERT_PTR_NOT_NULL_FATAL(list);
	at += sprintf(at, "(");
	for (int i = 0; i < OWNERS; i++) {
		char key[65];

		memcpy(seed, &i, sizeof(i));
		lm_identity_from_seed(&id, seed);
		at += sprintf(at, "%s{ name = \"o%d\"; key = \"%s\"; }\n", i ? "," : "", i,
		    lm_hex(key, id.pub.b, sizeof(id.pub.b)));
	}
	strcpy(at, ");");
	struct lm_gateway_config *c = parse_edited("( );", list);
	CU_ASSERT_EQUAL_FATAL(c->n_owners, OWNERS);
	CU_ASSERT_STRING_EQUAL(c->owners[OWNERS - 1].name, "o1999");
	CU_ASSERT_EQUAL(memcmp(&c->owners[OWNERS - 1].key, &id.pub, sizeof(id.pub)), 0);
	lm_config_free(c);
	free(list);
}

static bool below(void *ctx, unsigned core)
{
	return core < *(unsigned *)ctx;
}

static void test_cores_of_host(void)
{
	struct lm_gateway_config *c = parse_edited("[1, 2];", "[1, 2];\ncontrol_core = 4;");
	struct lm_why why = {{0}};
	unsigned cores = 5;

	CU_ASSERT_EQUAL(lm_config_check_cores(c, "gw.conf", below, &cores, &why), 0);
	cores = 4;
	CU_ASSERT_EQUAL(lm_config_check_cores(c, "gw.conf", below, &cores, &why), -EINVAL);
	CU_ASSERT_STRING_EQUAL(
	    why.text, "gw.conf:5: dpdk.control_core: core 4 is not ours to use on this host");
	c->control_core = 0;
	cores = 2;
	memset(&why, 0, sizeof(why));
	CU_ASSERT_EQUAL(lm_config_check_cores(c, "gw.conf", below, &cores, &why), -EINVAL);
	CU_ASSERT_STRING_EQUAL(
	    why.text, "gw.conf:4: dpdk.worker_cores: core 2 is not ours to use on this host");
	c->pin = false;
	CU_ASSERT_EQUAL(lm_config_check_cores(c, "gw.conf", below, &cores, &why), 0);
	lm_config_free(c);
}

/* clang-format off */
LM_SUITE("config",
    {"example", test_example}, {"defaults", test_defaults}, {"paths", test_paths},
    {"refused", test_refused}, {"accepted", test_accepted}, {"NUL byte", test_nul_byte},
    {"long file name", test_long_file_name}, {"files", test_files},
    {"attachment", test_attachment}, {"example ids", test_example_ids},
    {"attachment refused", test_attachment_refused}, {"restart needed", test_restart_needed},
    {"many owners", test_many_owners}, {"cores of the host", test_cores_of_host})
