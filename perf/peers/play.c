/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into DPDK's ipsec-secgw for benchmarks (-Wl,--wrap): its first port receives the capture
 * that the environment names (PERF_CAPTURE), if it names one; see perf/player.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <rte_ethdev.h>
#include "player.h"

int __real_rte_eth_dev_start(uint16_t port);
int __wrap_rte_eth_dev_start(uint16_t port);

int __wrap_rte_eth_dev_start(uint16_t port)
{
	static struct player *player; /* as long as the program runs */
	const char *capture = getenv("PERF_CAPTURE");
	int err = __real_rte_eth_dev_start(port);

	if (err == 0 && port == 0 && capture)
		err = player_attach(&player, port, capture);
	return err;
}
