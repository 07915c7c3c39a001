/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One worker's pipeline between two ports of DPDK's: pcap, which plays a capture
 * for ever, and null, which swallows what is sent.
 *
 *   leasemesh-datapath EAL-ARGUMENTS -- seal|open MIX CAPTURE [IN OUT]
 *   leasemesh-datapath EAL-ARGUMENTS -- capture plain|esp MIX CAPTURE
 *
 * The first runs until SIGTERM, then prints its counters as JSON; throughput is read
 * from DPDK's telemetry meanwhile, as it is from every other contestant. It writes
 * CAPTURE itself. IN and OUT are other ports, as DPDK's device arguments, for whoever plays the
 * capture himself. The second only writes a capture for others. perf/datapath runs both.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include "base/log.h"
#include "crypto/gcm.h"
#include "dataplane/bench.h"
#include "dataplane/dataplane.h"
#include "manifest/manifest.h"
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
	struct lm_dp_port_info info;
	const uint32_t spi = OUT_SPI;

	check(lm_dp_port_info(dp, underlay, &info), "port");
	path.src = info.mac;
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
};

static void set_up(struct lm_dp *dp, const struct task *t)
{
	struct lm_dp_port_info info;
	struct perf_sa sa = {.keymat = keymat};
	unsigned access, underlay, player;
	char device[512];
	const char *in = t->in ? t->in : device, *out = t->out ? t->out : "net_null0,no-rx=1";

	snprintf(device, sizeof device, "net_pcap0,rx_pcap=%s,infinite_rx=1", t->capture);
	if (t->seal) {
		check(perf_capture_write(t->capture, &t->mix, PERF_PLAIN, NULL, first_mac),
		    t->capture);
		player = access = add_port(dp, "access", false, in);
		underlay = add_port(dp, "underlay", true, out);
	} else {
		check(lm_dp_sa_in_add(dp, 0, 0, 0, 1, keymat, &sa.spi), "inbound lane");
		lm_dp_bench_loop(dp, sa.spi);
		check(perf_capture_write(t->capture, &t->mix, PERF_ESP_IN_UDP, &sa, first_mac),
		    t->capture);
		player = underlay = add_port(dp, "underlay", true, in);
		access = add_port(dp, "access", false, out);
	}
	check(lm_dp_port_info(dp, player, &info), "port");
	if (memcmp(info.mac.b, first_mac, sizeof first_mac) != 0)
		check(-EADDRNOTAVAIL, "the driver's MAC address is not as expected");
	publish(dp, access, underlay);
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

static int run(const struct task *task, const sigset_t *stop)
{
	const struct lm_dp_config config = {
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
	struct lm_dp *dp;
	int signo;

	check(lm_dp_create(&dp, &config), "data plane");
	set_up(dp, task);
	struct lm_dp_worker_arg arg = {.dp = dp, .index = 0};
	check(
	    rte_eal_remote_launch(lm_dp_worker_main, &arg, rte_get_next_lcore(-1, 1, 0)), "worker");
	sigwait(stop, &signo);
	lm_dp_stop(dp);
	rte_eal_mp_wait_lcore();
	print_counters(dp);
	lm_dp_ports_stop(dp);
	lm_dp_free(dp);
	return EXIT_SUCCESS;
}

static int capture(const char *wrap, const struct perf_mix *mix, const char *path)
{
	const struct perf_sa sa = {.spi = ESP_SPI, .keymat = keymat};
	bool plain = strcmp(wrap, "plain") == 0;

	if (!plain && strcmp(wrap, "esp") != 0)
		return EXIT_FAILURE;
	check(perf_capture_write(path, mix, plain ? PERF_PLAIN : PERF_ESP, &sa, first_mac), path);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct task task = {0};
	sigset_t stop;

	/* Blocked before EAL starts its threads, so that all of them leave it to sigwait. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	int used = rte_eal_init(argc, argv);
	if (used < 0)
		return EXIT_FAILURE;
	argc -= used;
	argv += used;
	int result = EXIT_FAILURE;
	if (argc == 5 && strcmp(argv[1], "capture") == 0 &&
	    perf_mix_parse(&task.mix, argv[3]) == 0) {
		result = capture(argv[2], &task.mix, argv[4]);
	} else if ((argc == 4 || argc == 6) && perf_mix_parse(&task.mix, argv[2]) == 0 &&
		   (strcmp(argv[1], "seal") == 0 || strcmp(argv[1], "open") == 0)) {
		task.seal = argv[1][0] == 's';
		task.capture = argv[3];
		if (argc == 6) {
			task.in = argv[4];
			task.out = argv[5];
		}
		result = run(&task, &stop);
	} else {
		fprintf(stderr,
		    "usage: leasemesh-datapath EAL-ARGUMENTS -- seal|open MIX CAPTURE [IN OUT]\n");
	}
	rte_eal_cleanup();
	return result;
}
