/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One worker's pipeline between two ports of DPDK's: pcap, which plays a capture
 * for ever, and null, which swallows what is sent.
 *
 *   leasemesh-datapath EAL-ARGUMENTS -- seal|open MIX CAPTURE [IN OUT | FLOWS]
 *   leasemesh-datapath EAL-ARGUMENTS -- capture plain|esp MIX CAPTURE [FLOWS]
 *   leasemesh-datapath EAL-ARGUMENTS -- secgw CONFIG FLOWS
 *
 * The first runs until SIGTERM, then prints its counters as JSON; throughput is read
 * from DPDK's telemetry meanwhile, as it is from every other contestant. It writes
 * CAPTURE itself. IN and OUT are other ports, as DPDK's device arguments, for whoever plays the
 * capture himself. With FLOWS the gateway has a thousand networks (load.h), and so many flows
 * of theirs are played by player.h. The others only write a capture, and a configuration, for
 * others. perf/datapath runs them all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_bitops.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include "base/log.h"
#include "crypto/gcm.h"
#include "dataplane/bench.h"
#include "dataplane/dataplane.h"
#include "manifest/manifest.h"
#include "load.h"
#include "player.h"
#include "traffic.h"

#define LM_LOG_MODULE "perf"
#define UDP_PORT 4500
#define OUT_SPI 0x1000
#define FLOWS 16384
#define MBUFS 16384

/* What DPDK's pcap driver calls its first port; frames are for it. */
static const uint8_t first_mac[6] = {0x02, 0x70, 0x63, 0x61, 0x70, 0x00};
static const struct lm_mac neighbour = {{2, 0, 0, 0, 0, 0x0a}};

/* Also in perf/datapath's configuration of ipsec-secgw. */
static const uint8_t keymat[LM_GCM_KEYMAT_LEN] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
    0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
    0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0xa0, 0xa1, 0xa2, 0xa3};
#define ESP_SPI 5

static const char manifest_text[] =
    "leasemesh: 1\n"
    "network: perf\n"
    "serial: 1\n"
    "prefixes: {ipv4: 100.64.10.0/24}\n"
    "providers:\n"
    "  - name: here\n"
    "    key: d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\n"
    "    addresses: [\"" PERF_GATEWAY_HERE ":4500\"]\n"
    "  - name: there\n"
    "    key: 3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c\n"
    "    addresses: [\"" PERF_GATEWAY_THERE ":4500\"]\n"
    "members:\n"
    "  - name: web\n"
    "    deployment: 1\n"
    "    endpoints: [{provider: here, ipv4: " PERF_HERE "}]\n"
    "    egress: [{to: db, protocol: udp, ports: 5201}]\n"
    "    ingress: [{from: db, protocol: udp}]\n"
    "  - name: db\n"
    "    deployment: 2\n"
    "    endpoints: [{provider: there, ipv4: " PERF_THERE "}]\n"
    "    ingress: [{from: web, protocol: udp, ports: 5201}]\n"
    "    egress: [{to: web, protocol: udp}]\n";

static void check(int err, const char *what)
{
	if (err < 0) {
		lm_error("%s: %s", what, strerror(-err));
		exit(EXIT_FAILURE);
	}
}

static struct lm_ip ip(const char *text)
{
	struct lm_ip out;

	check(lm_ip_parse(&out, text), text);
	return out;
}

static unsigned add_port(struct lm_dp *dp, const char *name, bool underlay, const char *device)
{
	struct lm_dp_port_config config = {.underlay = underlay};
	struct lm_why why = {0};

	snprintf(config.name, sizeof config.name, "%s", name);
	snprintf(config.device, sizeof config.device, "%s", device);
	int port = lm_dp_port_add(dp, &config, &why);
	check(port, why.text);
	return (unsigned)port;
}

static void publish_network(struct lm_dp *dp)
{
	const struct lm_dp_endpoint endpoints[] = {
	    {.ipv4 = ip(PERF_HERE), .member = 0, .attachment = 0, .peer = LM_DP_NONE},
	    {.ipv4 = ip(PERF_THERE), .member = 1, .attachment = LM_DP_NONE, .peer = 0},
	};
	struct lm_dp_network net = {.mtu = 1420, .endpoints = endpoints, .n_endpoints = 2};
	struct lm_manifest *manifest;
	struct lm_why why = {0};

	check(lm_manifest_parse(
		  &manifest, "perf.yaml", manifest_text, sizeof manifest_text - 1, &why),
	    why.text);
	net.net4 = manifest->ipv4;
	net.gateway4 = lm_manifest_gateway_ip(manifest, 4);
	check(lm_policy_compile(&net.policy, manifest), "policy");
	lm_manifest_free(manifest);
	check(lm_dp_network_publish(dp, 0, &net), "network");
}

/* Everything that the control plane would have published. */
static void publish(struct lm_dp *dp, unsigned access, unsigned underlay)
{
	const struct lm_ip here = ip(PERF_GATEWAY_HERE);
	const struct lm_dp_attachment attachment = {
	    .port = access, .has_mac = true, .mac = neighbour, .net = 0, .endpoint = 0};
	struct lm_dp_path path = {.port = underlay,
	    .dst = neighbour,
	    .src_ip = here,
	    .dst_ip = ip(PERF_GATEWAY_THERE),
	    .dst_port = UDP_PORT};
	const uint32_t spi = OUT_SPI;

	path.src = lm_dp_port_mac(dp, underlay);
	check(lm_dp_underlay_addrs(dp, &here, 1), "underlay");
	publish_network(dp);
	check(lm_dp_attachments_publish(dp, &attachment, 1), "attachment");
	check(lm_dp_peer_path(dp, 0, &path), "path");
	check(lm_dp_sa_out_set(dp, 0, 0, 1, &spi, &keymat), "outbound lane");
}

/* What the worker does, with which packets, and between which ports. */
struct task {
	bool seal;
	struct perf_mix mix;
	const char *capture;
	const char *in, *out; /* NULL: the capture for ever, and nowhere */
	unsigned flows; /* 0: two workloads' */
};

static struct lm_dp_port_info port_info(const struct lm_dp *dp, unsigned port)
{
	struct lm_dp_port_info info;

	check(lm_dp_port_info(dp, port, &info), "port");
	return info;
}

static void set_up(struct lm_dp *dp, const struct task *t)
{
	uint32_t spi = 0;
	unsigned access, underlay, player;
	char device[512];
	const char *in = t->in ? t->in : device, *out = t->out ? t->out : "net_null0,no-rx=1";

	snprintf(device, sizeof device, "net_pcap0,rx_pcap=%s,infinite_rx=1", t->capture);
	if (t->seal) {
		check(perf_capture_pair(t->capture, &t->mix, PERF_PLAIN, 0, NULL, first_mac),
		    t->capture);
		player = access = add_port(dp, "access", false, in);
		underlay = add_port(dp, "underlay", true, out);
	} else {
		check(lm_dp_sa_in_add(dp, 0, 0, 0, 1, keymat, &spi), "inbound lane");
		lm_dp_bench_loop(dp, spi);
		check(
		    perf_capture_pair(t->capture, &t->mix, PERF_ESP_IN_UDP, spi, keymat, first_mac),
		    t->capture);
		player = underlay = add_port(dp, "underlay", true, in);
		access = add_port(dp, "access", false, out);
	}
	if (memcmp(port_info(dp, player).mac.b, first_mac, sizeof first_mac) != 0)
		check(-EADDRNOTAVAIL, "the driver's MAC address is not as expected");
	publish(dp, access, underlay);
}

/* The same with the load. Whoever plays it is freed before the ports. */
static struct player *set_up_load(struct lm_dp *dp, const struct task *t, struct load *l)
{
	struct player *p;
	unsigned in = add_port(dp, t->seal ? "access" : "underlay", !t->seal, "net_null0");
	unsigned out = add_port(dp, t->seal ? "underlay" : "access", t->seal, "net_null1,no-rx=1");
	const struct lm_dp_port_info info = port_info(dp, in);

	load_publish(l, dp, t->seal ? in : out, t->seal ? out : in);
	check(load_capture(
		  l, t->capture, &t->mix, t->seal ? PERF_PLAIN : PERF_ESP_IN_UDP, info.mac.b),
	    t->capture);
	check(player_attach(&p, info.dpdk_port, t->capture), "player");
	return p;
}

static void print_counters(const struct lm_dp *dp)
{
	struct lm_counters c;
	const char *separator = "";

	lm_dp_counters(dp, -1, &c);
	printf("{\"library\": \"%s\", \"hz\": %" PRIu64 ", \"rx\": %" PRIu64 ", \"tx\": %" PRIu64,
	    lm_gcm_library(NULL), rte_get_tsc_hz(), c.rx, c.tx);
	printf(", \"flow_misses\": %" PRIu64 ", \"drops\": {", c.flow_misses);
	for (unsigned i = 0; i < LM_DROP_MAX; i++) {
		if (c.drops[i] == 0)
			continue;
		printf("%s\"%s\": %" PRIu64, separator, lm_drop_names[i], c.drops[i]);
		separator = ", ";
	}
	printf("}, \"stages\": {");
	for (unsigned i = 0; i < LM_STAGE_MAX; i++)
		printf("%s\"%s\": {\"packets\": %" PRIu64 ", \"cycles\": %" PRIu64 "}",
		    i ? ", " : "", lm_stage_names[i], c.stage_packets[i], c.stage_cycles[i]);
	printf("}}\n");
}

/* As the gateway's: every flow of the load has room, with a quarter to spare. */
static struct lm_dp_config config_of(const struct load *l)
{
	struct lm_dp_config config = {
	    .n_workers = 1,
	    .max_networks = 1,
	    .max_peers = 1,
	    .max_endpoints = 2,
	    .max_sas = 2,
	    .flows = FLOWS,
	    .flow_seconds = LM_FLOW_SECONDS_DEFAULT,
	    .udp_port = UDP_PORT,
	    .busy_poll = true,
	    .mbufs = MBUFS,
	};

	if (l->flows > 0) {
		config.max_networks = LOAD_NETWORKS;
		config.max_peers = LOAD_PEERS;
		config.max_endpoints = LOAD_NETWORKS * LOAD_ENDPOINTS;
		config.max_sas = tenants_tunnels(&l->tenants);
		config.flows = rte_align32pow2(l->flows + l->flows / 4);
	}
	return config;
}

static int run(const struct task *task, const sigset_t *stop)
{
	struct load load = {0};
	struct player *player = NULL;
	struct lm_dp *dp;
	int signo;

	if (task->flows > 0)
		load_open(&load, task->flows);
	const struct lm_dp_config config = config_of(&load);
	check(lm_dp_create(&dp, &config), "data plane");
	if (task->flows > 0)
		player = set_up_load(dp, task, &load);
	else
		set_up(dp, task);
	struct lm_dp_worker_arg arg = {.dp = dp, .index = 0};
	check(
	    rte_eal_remote_launch(lm_dp_worker_main, &arg, rte_get_next_lcore(-1, 1, 0)), "worker");
	sigwait(stop, &signo);
	lm_dp_stop(dp);
	rte_eal_mp_wait_lcore();
	print_counters(dp);
	player_free(player);
	lm_dp_ports_stop(dp);
	lm_dp_free(dp);
	if (task->flows > 0)
		load_close(&load);
	return EXIT_SUCCESS;
}

static int capture(const char *wrap, const struct task *t)
{
	bool plain = strcmp(wrap, "plain") == 0;
	const enum perf_wrap how = plain ? PERF_PLAIN : PERF_ESP;
	struct load load;

	if (!plain && strcmp(wrap, "esp") != 0)
		return EXIT_FAILURE;
	if (t->flows > 0) {
		load_open(&load, t->flows);
		check(load_capture(&load, t->capture, &t->mix, how, first_mac), t->capture);
		load_close(&load);
		return EXIT_SUCCESS;
	}
	check(perf_capture_pair(t->capture, &t->mix, how, ESP_SPI, keymat, first_mac), t->capture);
	return EXIT_SUCCESS;
}

static int secgw(const char *path, unsigned flows)
{
	struct load load;

	load_open(&load, flows);
	check(load_write_secgw(&load, path), path);
	load_close(&load);
	return EXIT_SUCCESS;
}

static unsigned flows_of(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end != '\0' || n < LOAD_FLOWS_MIN || n > LOAD_FLOWS_MAX)
		check(-EINVAL, "flows");
	return (unsigned)n;
}

static int usage(void)
{
	fprintf(stderr,
	    "usage: leasemesh-datapath EAL-ARGUMENTS -- seal|open MIX CAPTURE [IN OUT | FLOWS]\n");
	return EXIT_FAILURE;
}

static int command(int argc, char **argv, const sigset_t *stop)
{
	struct task task = {0};

	if (argc == 4 && strcmp(argv[1], "secgw") == 0)
		return secgw(argv[2], flows_of(argv[3]));
	if (argc >= 5 && strcmp(argv[1], "capture") == 0 &&
	    perf_mix_parse(&task.mix, argv[3]) == 0) {
		task.capture = argv[4];
		task.flows = argc > 5 ? flows_of(argv[5]) : 0;
		return capture(argv[2], &task);
	}
	if (argc < 4 || argc > 6 || perf_mix_parse(&task.mix, argv[2]) != 0 ||
	    (strcmp(argv[1], "seal") != 0 && strcmp(argv[1], "open") != 0))
		return usage();
	task.seal = argv[1][0] == 's';
	task.capture = argv[3];
	if (argc == 5)
		task.flows = flows_of(argv[4]);
	if (argc == 6) {
		task.in = argv[4];
		task.out = argv[5];
	}
	return run(&task, stop);
}

int main(int argc, char **argv)
{
	sigset_t stop;

	/* Blocked before EAL starts its threads, so that all of them leave it to sigwait. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	int used = rte_eal_init(argc, argv);
	if (used < 0)
		return EXIT_FAILURE;
	int result = command(argc - used, argv + used, &stop);
	rte_eal_cleanup();
	return result;
}
