/* SPDX-License-Identifier: Apache-2.0 */
/* Which changes of the gateway's file are live, and which need a restart. */
#include "config_fixture.h"

#include <errno.h>

static void test_restart_needed(void)
{
	static const struct fixture_edit cases[] = {
	    /* why NULL: live */
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
	    {"[1, 2];", "[1, 2]; realtime_priority = 0;",
		"/etc/lm/gw.conf:4: dpdk.realtime_priority: needs a restart"},
	    {"[1, 2];", "[1, 2]; busy_poll = true;", NULL},
	    {"\"lan\"", "\"lan2\"", "/etc/lm/gw.conf:7: ports[1].name: needs a restart"},
	    {"\"net_b\"", "\"net_c\"", "/etc/lm/gw.conf:7: ports[1].device: needs a restart"},
	    {"\"net_b\";", "\"net_b\"; rx_descriptors = 512;",
		"/etc/lm/gw.conf:7: ports[1].rx_descriptors: needs a restart"},
	    {"\"net_b\";", "\"net_b\"; tx_descriptors = 512;",
		"/etc/lm/gw.conf:7: ports[1].tx_descriptors: needs a restart"},
	    {"\"net_b\";", "\"net_b\"; mtu = 2000;",
		"/etc/lm/gw.conf:7: ports[1].mtu: needs a restart"},
	    {"\"net_a\";", "\"net_a\"; vlan = 7;",
		"/etc/lm/gw.conf:6: ports[0].vlan: needs a restart"},
	    {"\"net_b\"; }", "\"net_b\"; }, { name = \"c\"; role = \"access\"; device = \"d\"; }",
		"/etc/lm/gw.conf:5: ports: needs a restart"},
	    {"192.0.2.1/24", "192.0.2.7/24", NULL},
	    {"owners", "dns = { forward = [\"192.0.2.53\"]; };\nowners", NULL},
	    {"};\nowners", "gateway4 = \"192.0.2.254\"; };\nowners", NULL},
	    {"};\nowners", "gateway6 = \"2001:db8::fe\"; };\nowners", NULL},
	    {"};\nowners", "port = 4501; };\nowners",
		"/etc/lm/gw.conf:11: underlay.port: needs a restart"},
	    {"};\nowners", "lane_source_ports = false; };\nowners",
		"/etc/lm/gw.conf:11: underlay.lane_source_ports: needs a restart"},
	    {"( );", "( { name = \"a\"; key = \"" FIXTURE_KEY_1 "\"; } );", NULL},
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
	    {"owners", "limits = { network_flows = 1024; };\nowners",
		"/etc/lm/gw.conf:12: limits.network_flows: needs a restart"},
	    {"owners", "dns = { questions = 10; };\nowners", NULL},
	    {"owners",
		"rates = { endpoint_bits_out = 1000; endpoint_packets_out = 1; endpoint_bits_in = "
		"\"1k\"; endpoint_packets_in = 1; network_bits_out = 1000; network_packets_out = "
		"1; "
		"network_bits_in = 1000; network_packets_in = 1; burst_ms = 1; };\nowners",
		NULL},
	    {"owners", "flows = { tcp_established = 10; udp = 5; };\nowners", NULL},
	};
	struct lm_gateway_config *running = fixture_gateway_edited("owners", "owners");
	struct lm_why why;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lm_gateway_config *next = fixture_gateway_edited(cases[i].from, cases[i].to);

		memset(&why, 0, sizeof(why));
		int r = lm_config_restart_needed(running, next, "/etc/lm/gw.conf", &why);
		CU_ASSERT_EQUAL(r, cases[i].why ? -EBUSY : 0);
		CU_ASSERT_STRING_EQUAL(why.text, cases[i].why ? cases[i].why : "");
		lm_config_free(next);
	}

	/* One core more: what both have is the same. */
	struct lm_gateway_config *more = fixture_gateway_edited("[1, 2]", "[1, 2, 3]");
	CU_ASSERT_EQUAL(lm_config_restart_needed(running, more, "gw.conf", NULL), -EBUSY);
	lm_config_free(more);

	/* A key that was taken out is back at its default, and has no line any more. */
	struct lm_gateway_config *other =
	    fixture_gateway_edited("[1, 2];", "[1, 2]; mbufs = 4096;");
	memset(&why, 0, sizeof(why));
	CU_ASSERT_EQUAL(lm_config_restart_needed(other, running, "/etc/lm/gw.conf", &why), -EBUSY);
	CU_ASSERT_STRING_EQUAL(why.text, "/etc/lm/gw.conf: dpdk.mbufs: needs a restart");
	lm_config_free(other);
	lm_config_free(running);
}

LM_SUITE("config restart", {"restart needed", test_restart_needed})
