/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's file: what it says, and where it comes from. */
#include "config_fixture.h"

#include <errno.h>
#include <unistd.h>
#include <sys/stat.h>
#include "base/bytes.h"

static void test_example(void)
{
	struct lm_gateway_config *c = NULL;
	struct lm_why why = {{0}};
	char text[LM_UDP_TEXT];

	CU_ASSERT_EQUAL_FATAL(lm_config_load(&c, FIXTURE_CONF "/gateway.conf", &why), 0);
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
	CU_ASSERT_EQUAL(c->realtime_priority, 1);
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
	CU_ASSERT_EQUAL(c->flow_seconds.tcp_established, 7440);
	lm_config_free(c);
}

/* The example says what the default is: a file without those keys must mean the same. */
static void test_defaults(void)
{
	struct lm_gateway_config *example = NULL, *c = fixture_gateway_edited("owners", "owners");
	struct lm_why why = {{0}};

	CU_ASSERT_EQUAL_FATAL(lm_config_load(&example, FIXTURE_CONF "/gateway.conf", &why), 0);
#define SAME(field) CU_ASSERT_EQUAL(memcmp(&c->field, &example->field, sizeof(c->field)), 0)
	SAME(key_log);
	SAME(log_level);
	SAME(huge_pages);
	SAME(memory_mb);
	SAME(file_prefix);
	SAME(control_core);
	SAME(pin);
	SAME(busy_poll);
	SAME(realtime_priority);
	SAME(eal_args);
	SAME(mbufs);
	SAME(udp_port);
	SAME(lane_source_ports);
	SAME(workload_mtu);
	SAME(dhcp_lease_seconds);
	SAME(default_route);
	SAME(domain);
	SAME(dns_questions);
	SAME(max_networks);
	SAME(max_peers);
	SAME(max_endpoints);
	SAME(flows);
	SAME(network_flows);
	SAME(flow_seconds);
	SAME(endpoint_rates);
	SAME(network_rates);
	SAME(rate_burst_ms);
	lm_config_free(c);
	lm_config_free(example);
}

static void test_paths(void)
{
	struct lm_gateway_config *c = fixture_gateway_edited("\"state\"", "\"/var/lib/x\"");

	CU_ASSERT_STRING_EQUAL(c->identity, "/etc/lm/gw.key");
	CU_ASSERT_STRING_EQUAL(c->state_dir, "/var/lib/x");
	CU_ASSERT_STRING_EQUAL(c->attachments, "/etc/lm/att");
	lm_config_free(c);

	struct lm_why why = {{0}};
	CU_ASSERT_EQUAL_FATAL(
	    lm_config_parse(&c, "gw.conf", fixture_gateway, strlen(fixture_gateway), &why), 0);
	CU_ASSERT_STRING_EQUAL(c->identity, "gw.key");
	lm_config_free(c);
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
	    {"owners", "dns = { forward = [\"192.0.2.53\", \"2001:db8::53\"]; };\nowners"},
	    {"owners", "dns = { forward = []; };\nowners"},
	    {"\"gw.key\"", "\"gw\" /* joined */ \".\\\"key\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		lm_config_free(fixture_gateway_edited(cases[i][0], cases[i][1]));
}

static void test_rates(void)
{
	static const struct {
		const char *text;
		uint64_t rate;
	} cases[] = {
	    {"0", 0},
	    {"\"0\"", 0},
	    {"250000", 250000},
	    {"\"250000\"", 250000},
	    {"\"250k\"", 250000},
	    {"\"100M\"", 100000000},
	    {"\"10G\"", UINT64_C(10000000000)},
	    {"\"1000G\"", UINT64_C(1000000000000)},
	    {"\"0G\"", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[80];

		snprintf(text, sizeof(text), "rates = { network_bits_in = %s; };\nowners",
		    cases[i].text);
		struct lm_gateway_config *c = fixture_gateway_edited("owners", text);
		for (unsigned k = 0; k < LM_RATE_MAX; k++) {
			CU_ASSERT_EQUAL(
			    c->network_rates.of[k], k == LM_RATE_BITS_IN ? cases[i].rate : 0);
			CU_ASSERT_EQUAL(c->endpoint_rates.of[k], 0);
		}
		lm_config_free(c);
	}
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
	CU_ASSERT_EQUAL(
	    lm_config_parse(&c, path, fixture_gateway, strlen(fixture_gateway), &why), -EINVAL);
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

	rmdir(dir);
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
	struct lm_gateway_config *c = fixture_gateway_edited("( );", list);
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
	struct lm_gateway_config *c =
	    fixture_gateway_edited("[1, 2];", "[1, 2];\ncontrol_core = 4;");
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
    {"accepted", test_accepted}, {"rates", test_rates}, {"NUL byte", test_nul_byte},
    {"long file name", test_long_file_name}, {"files", test_files},
    {"many owners", test_many_owners}, {"cores of the host", test_cores_of_host})
