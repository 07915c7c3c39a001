/* SPDX-License-Identifier: Apache-2.0 */
/* A client's side of DHCPv4 (RFC 2131), as frames: many clients, told apart by their MAC. */
#ifndef LM_PERF_DHCP_H
#define LM_PERF_DHCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"

#define DHCP_FRAME_MAX 590

enum { DHCP_DISCOVER = 1, DHCP_OFFER, DHCP_REQUEST, DHCP_DECLINE, DHCP_ACK, DHCP_NAK };

struct dhcp_offer { /* as it stands on the wire */
	uint32_t xid; /* host byte order */
	uint8_t type, yours[4], server[4];
};

/* 02:10:00 and the client's number. */
struct lm_mac dhcp_mac(unsigned client);
/*
 * DISCOVER, or with an offer the REQUEST that takes it, into DHCP_FRAME_MAX bytes: the length.
 * Answers are to be broadcast, so that no server needs to know the client's MAC by ARP.
 */
size_t dhcp_ask(uint8_t *out, unsigned client, uint32_t xid, const struct dhcp_offer *offer);
/* A server's answer; false: something else. */
bool dhcp_read(struct dhcp_offer *out, const uint8_t *frame, size_t len);

#endif
