/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays a capture for ever into a port of DPDK's null driver: each frame that it makes up is
 * overwritten before anybody sees it. The pcap driver has a packet buffer for each packet, of which
 * the processor must fetch several lines; here captures of a million packets are read from one end
 * to the other, at nearly no cost. Knows nothing of Leasemesh, for it is linked into its peers,
 * too.
 */
#ifndef LM_PERF_PLAYER_H
#define LM_PERF_PLAYER_H

#include <stdint.h>

struct player;

/* Into queue 0 of a port that has been started, before anybody polls it. 0 or a negative errno. */
int player_attach(struct player **out, uint16_t port, const char *capture);
/* After the last poll, and before the port is closed, which would keep it. NULL is allowed. */
void player_free(struct player *p);

#endif
