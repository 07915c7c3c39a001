/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/port.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include "base/log.h"

#define LM_LOG_MODULE "port"
/*
 * What a queue holds, unless the configuration says otherwise. AF_XDP's ring is where packets wait
 * while the kernel keeps its worker from a processor: what a sender's connections have on their way
 * should fit, or they send it twice. More than the driver gives buffers for would stay empty.
 */
#define DESCRIPTORS 1024
#define DESCRIPTORS_AF_XDP 2048
#define FDS_MAX 4096

#ifndef AF_XDP
#define AF_XDP 44
#endif

/* ---- the device's sockets ------------------------------------------------- */

/* Which file a number stood for when we looked; numbers are used again. */
struct fds_seen {
	ino_t inode[FDS_MAX];
};

static int each_fd(void (*each)(void *ctx, int fd), void *ctx)
{
	DIR *dir = opendir("/proc/self/fd");

	if (!dir)
		return -errno;
	for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		char *end;
		long fd = strtol(e->d_name, &end, 10);

		if (*end == '\0' && end != e->d_name && fd != dirfd(dir))
			each(ctx, (int)fd);
	}
	closedir(dir);
	return 0;
}

/* True if it is another file than at the last look. */
static bool is_new(struct fds_seen *seen, int fd)
{
	struct stat st;

	if (fd >= FDS_MAX || fstat(fd, &st) < 0 || seen->inode[fd] == st.st_ino)
		return false;
	seen->inode[fd] = st.st_ino;
	return true;
}

static void remember_fd(void *ctx, int fd)
{
	is_new(ctx, fd);
}

/* A packet socket of AF_PACKET or AF_XDP, or the character device of a tap. */
static bool carries_packets(int fd)
{
	char link[32], target[PATH_MAX];
	int domain;
	socklen_t len = sizeof domain;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0)
		return domain == AF_PACKET || domain == AF_XDP;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, target, sizeof target - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	return strcmp(target, "/dev/net/tun") == 0;
}

struct fd_search {
	struct fds_seen *seen;
	struct lm_port *port;
	int queue;
	bool overflow;
};

static void collect_fd(void *ctx, int fd)
{
	struct fd_search *search = ctx;
	struct lm_port *port = search->port;

	if (fd >= FDS_MAX)
		search->overflow = true;
	if (!is_new(search->seen, fd) || !carries_packets(fd))
		return;
	if (port->n_fds == LM_DP_WORKERS_MAX) {
		search->overflow = true;
		return;
	}
	port->fds[port->n_fds] = fd;
	port->fd_queues[port->n_fds++] = search->queue;
}

/*
 * DPDK does not tell a device's sockets: those that a step of its start has opened are they. A step
 * that sets up one queue opens that queue's; AF_PACKET opens all at once, in numbers that say
 * nothing of the order.
 */
static int find_fds(struct lm_port *port, struct fds_seen *seen, int queue)
{
	struct fd_search search = {.seen = seen, .port = port, .queue = queue};
	int err = each_fd(collect_fd, &search);

	return err != 0 ? err : search.overflow ? -ENOSPC : 0;
}

/* ---- the device ----------------------------------------------------------- */

/* Devices that EAL made at start (--vdev, -a) are taken by name, the others are probed now. */
static int probe(struct lm_port *port, struct lm_why *why)
{
	const char *device = port->config.device;
	char name[RTE_ETH_NAME_MAX_LEN];

	snprintf(name, sizeof name, "%.*s", (int)strcspn(device, ","), device);
	if (rte_eth_dev_get_port_by_name(name, &port->ethdev) == 0)
		return 0;
	int err = rte_dev_probe(device);
	if (err == 0 || err == -EEXIST)
		err = rte_eth_dev_get_port_by_name(name, &port->ethdev);
	if (err != 0)
		return lm_why(why, -err, "port %s: DPDK finds no device \"%s\": %s",
		    port->config.name, device, strerror(-err));
	return 0;
}

static int set_mtu(struct lm_port *port, struct rte_mempool *pool, struct lm_why *why)
{
	const char *name = port->config.name;
	uint16_t room = (uint16_t)(rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM);

	if (port->config.mtu != 0) {
		int err = rte_eth_dev_set_mtu(port->ethdev, port->config.mtu);
		/* Some virtual devices (rings, pcap files) have no MTU to set. */
		if (err != 0 && err != -ENOTSUP)
			return lm_why(why, -err, "port %s: cannot set an MTU of %u: %s", name,
			    port->config.mtu, strerror(-err));
	}
	if (rte_eth_dev_get_mtu(port->ethdev, &port->mtu) != 0 || port->mtu == 0)
		port->mtu = RTE_ETHER_MTU;
	if (port->config.mtu != 0 && port->config.mtu < port->mtu)
		port->mtu = port->config.mtu;
	if (port->mtu + RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN > room)
		return lm_why(why, EINVAL,
		    "port %s: an MTU of %u does not fit into a buffer, %u at most", name, port->mtu,
		    (unsigned)(room - RTE_ETHER_HDR_LEN - RTE_VLAN_HLEN));
	return 0;
}

static uint16_t descriptors(const char *driver, uint16_t wanted)
{
	if (wanted != 0)
		return wanted;
	return strcmp(driver, "net_af_xdp") == 0 ? DESCRIPTORS_AF_XDP : DESCRIPTORS;
}

/* Ports with few queues start at different workers, so that one worker does not poll them all. */
static unsigned rx_worker(unsigned queue, unsigned index, unsigned n_workers)
{
	return (queue + index) % n_workers;
}

struct queues {
	unsigned index, n_workers; /* of the port, of all */
	struct rte_mempool *const *pools;
	unsigned n_pools;
};

static int configure(struct lm_port *port, const struct queues *of, struct fds_seen *seen,
    int *fds_err, struct lm_why *why)
{
	const char *name = port->config.name;
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	int socket = rte_eth_dev_socket_id(port->ethdev);

	int err = rte_eth_dev_info_get(port->ethdev, &info);
	if (err != 0)
		return lm_why(
		    why, -err, "port %s: no device information: %s", name, strerror(-err));
	port->n_rxq = (uint16_t)RTE_MIN(of->n_workers, info.max_rx_queues);
	port->n_txq = (uint16_t)RTE_MIN(of->n_workers, info.max_tx_queues);
	if (port->n_rxq == 0 || port->n_txq == 0)
		return lm_why(why, ENOTSUP, "port %s: the device has no queues", name);
	uint64_t rss =
	    info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP);
	if (port->n_rxq > 1 && rss != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = rss;
	}
	/* All buffers of a queue must be of one pool then. */
	if (of->n_pools == 1 && (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE))
		conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	err = rte_eth_dev_configure(port->ethdev, port->n_rxq, port->n_txq, &conf);
	if (err != 0)
		return lm_why(why, -err,
		    "port %s: cannot configure %u receive and %u transmit queues: %s", name,
		    port->n_rxq, port->n_txq, strerror(-err));
	err = set_mtu(port, of->pools[0], why);
	if (err != 0)
		return err;
	port->n_rxd = descriptors(info.driver_name, port->config.rx_descriptors);
	port->n_txd = descriptors(info.driver_name, port->config.tx_descriptors);
	rte_eth_dev_adjust_nb_rx_tx_desc(port->ethdev, &port->n_rxd, &port->n_txd);
	unsigned numa = socket < 0 ? 0 : (unsigned)socket;
	for (uint16_t q = 0; q < port->n_rxq && err == 0; q++) {
		unsigned pool = rx_worker(q, of->index, of->n_workers) % of->n_pools;

		err = rte_eth_rx_queue_setup(
		    port->ethdev, q, port->n_rxd, numa, NULL, of->pools[pool]);
		if (*fds_err == 0)
			*fds_err = find_fds(port, seen, q);
	}
	for (uint16_t q = 0; q < port->n_txq && err == 0; q++)
		err = rte_eth_tx_queue_setup(port->ethdev, q, port->n_txd, numa, NULL);
	if (err == 0)
		err = rte_eth_dev_start(port->ethdev);
	if (err != 0)
		return lm_why(why, -err, "port %s: cannot start: %s", name, strerror(-err));
	/* Multicast is how IPv6 neighbours ask; a device that cannot filter does not need to be
	 * told. */
	rte_eth_allmulticast_enable(port->ethdev);
	struct rte_ether_addr mac;
	err = rte_eth_macaddr_get(port->ethdev, &mac);
	if (err != 0)
		return lm_why(why, -err, "port %s: no MAC address: %s", name, strerror(-err));
	memcpy(port->mac.b, mac.addr_bytes, sizeof port->mac.b);
	return 0;
}

static void assign_workers(struct lm_port *port, unsigned index, unsigned n_workers)
{
	for (unsigned q = 0; q < port->n_rxq; q++)
		port->rx_worker[q] = (uint8_t)rx_worker(q, index, n_workers);
	for (unsigned w = 0; w < n_workers; w++) {
		unsigned queue = (w + n_workers - index % n_workers) % n_workers % port->n_txq;

		port->tx_worker[w] = (uint8_t)((queue + index) % n_workers);
		port->tx_queue[w] = (uint8_t)queue;
	}
}

int lm_port_open(struct lm_port *port, const struct lm_dp_port_config *config, unsigned index,
    unsigned n_workers, struct rte_mempool *const *pools, unsigned n_pools, struct lm_why *why)
{
	const struct queues of = {index, n_workers, pools, n_pools};
	struct fds_seen *seen = calloc(1, sizeof *seen);

	*port = (struct lm_port){.config = *config};
	if (!seen)
		return -ENOMEM;
	int fds_err = each_fd(remember_fd, seen);
	int err = probe(port, why);
	if (err == 0 && fds_err == 0)
		fds_err = find_fds(port, seen, LM_PORT_ANY_QUEUE);
	if (err == 0)
		err = configure(port, &of, seen, &fds_err, why);
	if (err == 0) {
		if (fds_err == 0)
			fds_err = find_fds(port, seen, LM_PORT_ANY_QUEUE);
		/* Sleeping on a part of them would miss packets: nap instead. */
		if (fds_err != 0)
			port->n_fds = 0;
		assign_workers(port, index, n_workers);
		lm_info("port %s: DPDK port %u, %u/%u queues of %u/%u, MTU %u, %u sockets",
		    config->name, port->ethdev, port->n_rxq, port->n_txq, port->n_rxd, port->n_txd,
		    port->mtu, port->n_fds);
	}
	free(seen);
	return err;
}

void lm_port_stop(struct lm_port *port)
{
	int err = rte_eth_dev_stop(port->ethdev);

	if (err != 0)
		lm_warn("port %s: cannot stop: %s", port->config.name, strerror(-err));
	err = rte_eth_dev_close(port->ethdev);
	if (err != 0)
		lm_warn("port %s: cannot close: %s", port->config.name, strerror(-err));
}
