/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What perf/datapath --flows plays, and what plays it: a gateway with a thousand networks gets the
 * capture twice, and all of its packets go where they should.
 */
#include <unistd.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include "../../perf/load.h"
#include "../../perf/player.h"
#include "dataplane/bench.h"
#include "suite.h"

#define FLOWS 10000
#define ROUNDS 26 /* of a capture with so few flows */

static void start_dpdk(void)
{
	static bool started;
	char *argv[] = {"test", "--no-huge", "--no-pci", "--no-telemetry", "--no-shconf",
	    "--log-level=error", "--lcores", "(0-1)@(0-1)", "-m", "512", "--iova-mode=va", NULL};

	if (!started)
		CU_ASSERT_TRUE_FATAL(rte_eal_init(RTE_DIM(argv) - 1, argv) >= 0);
	started = true;
}

static unsigned port_add(struct lm_dp *dp, bool underlay, const char *arguments)
{
	static unsigned serial; /* of null ports */
	struct lm_dp_port_config config = {.underlay = underlay};
	struct lm_why why = {0};

	snprintf(config.name, sizeof config.name, "%s", underlay ? "underlay" : "access");
	snprintf(config.device, sizeof config.device, "net_null%u%s", serial++, arguments);
	int port = lm_dp_port_add(dp, &config, &why);
	CU_ASSERT_TRUE_FATAL(port >= 0);
	return (unsigned)port;
}

/* Every tunnel of every network has carried something, and nothing was lost. */
static void check_all(const struct load *l, const struct lm_dp *dp, bool seal, unsigned out)
{
	struct lm_dp_port_info taker;
	struct lm_counters c;
	unsigned idle = 0;

	lm_dp_counters(dp, -1, &c);
	CU_ASSERT_EQUAL(c.tx, c.rx);
	CU_ASSERT_EQUAL(c.flow_misses, FLOWS);
	CU_ASSERT_EQUAL(lm_dp_flow_count(dp), FLOWS);
	lm_dp_port_info(dp, out, &taker);
	CU_ASSERT_EQUAL(taker.tx_packets, c.rx);
	for (uint32_t i = 0; i < tenants_tunnels(&l->tenants); i++)
		idle += seal ? !lm_dp_sa_out_used(dp, tenants_tunnel_net(&l->tenants, i),
				   tenants_tunnel_peer(&l->tenants, i))
			     : !lm_dp_sa_in_used(dp, l->sas[i].spi);
	CU_ASSERT_EQUAL(idle, 0);
}

static void play_twice(bool seal)
{
	const struct lm_dp_config config = {.n_workers = 1,
	    .max_networks = LOAD_NETWORKS,
	    .max_peers = LOAD_PEERS,
	    .max_endpoints = LOAD_NETWORKS * LOAD_ENDPOINTS,
	    .max_sas = LOAD_NETWORKS * LOAD_ENDPOINTS / 2,
	    .flows = 16384,
	    .flow_seconds = LM_FLOW_SECONDS_DEFAULT,
	    .udp_port = 4500,
	    .busy_poll = true,
	    .mbufs = 4095};
	char path[] = "/tmp/leasemesh-load.XXXXXX";
	struct lm_dp_port_info info;
	struct player *player;
	struct perf_mix mix;
	struct load load;
	struct lm_dp *dp;

	start_dpdk();
	load_open(&load, FLOWS);
	CU_ASSERT_EQUAL_FATAL(lm_dp_create(&dp, &config), 0);
	unsigned in = port_add(dp, !seal, ""), out = port_add(dp, seal, ",no-rx=1");
	load_publish(&load, dp, seal ? in : out, seal ? out : in);

	close(mkstemp(path));
	lm_dp_port_info(dp, in, &info);
	CU_ASSERT_EQUAL_FATAL(perf_mix_parse(&mix, "64"), 0);
	CU_ASSERT_EQUAL(
	    load_capture(&load, path, &mix, seal ? PERF_PLAIN : PERF_ESP_IN_UDP, info.mac.b), 0);
	CU_ASSERT_EQUAL_FATAL(player_attach(&player, info.dpdk_port, path), 0);
	unlink(path);
	for (unsigned n = 0; n < FLOWS * ROUNDS * 2;)
		n += lm_dp_poll_once(dp, 0);
	check_all(&load, dp, seal, out);
	player_free(player);
	lm_dp_ports_stop(dp);
	lm_dp_free(dp);
	load_close(&load);
}

static void test_seal(void)
{
	play_twice(true);
}

static void test_open(void)
{
	play_twice(false);
}

LM_SUITE("load", {"seal", test_seal}, {"open", test_open})
