/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/workload: a DHCPv4 client's message, taken apart, and the reply to
 * it. It points into the frame. Everything in it is the workload's word.
 */
#ifndef LM_WORKLOAD_DHCP4_H
#define LM_WORKLOAD_DHCP4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "workload/answer.h"

#define BOOTP_CLIENT_PORT 68
#define BOOTP_SERVER_PORT 67
#define BOOTP_REQUEST 1
#define BOOTP_REPLY 2
#define DHCP_FLAG_BROADCAST 0x80 /* in the first byte of flags */

/* RFC 2132; RFC 3046 (82), 3397 (119), 3442 (121), 4039 (80) */
enum dhcp4_option {
	DHCP_PAD = 0,
	DHCP_SUBNET_MASK = 1,
	DHCP_ROUTER = 3,
	DHCP_DNS = 6,
	DHCP_HOST_NAME = 12,
	DHCP_DOMAIN = 15,
	DHCP_MTU = 26,
	DHCP_BROADCAST = 28,
	DHCP_REQUESTED_ADDRESS = 50,
	DHCP_LEASE_TIME = 51,
	DHCP_OVERLOAD = 52,
	DHCP_MESSAGE_TYPE = 53,
	DHCP_SERVER_ID = 54,
	DHCP_PARAMETER_LIST = 55,
	DHCP_MESSAGE_SIZE = 57,
	DHCP_RENEWAL_TIME = 58,
	DHCP_REBINDING_TIME = 59,
	DHCP_CLIENT_ID = 61,
	DHCP_RAPID_COMMIT = 80,
	DHCP_RELAY_AGENT = 82,
	DHCP_SEARCH = 119,
	DHCP_CLASSLESS_ROUTES = 121,
	DHCP_END = 255,
};

enum dhcp4_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER = 2,
	DHCP_REQUEST = 3,
	DHCP_DECLINE = 4,
	DHCP_ACK = 5,
	DHCP_NAK = 6,
	DHCP_RELEASE = 7,
	DHCP_INFORM = 8,
};

struct dhcp4_header {
	uint8_t op, htype, hlen, hops;
	uint8_t xid[4], secs[2], flags[2];
	uint8_t ciaddr[4], yiaddr[4], siaddr[4], giaddr[4];
	uint8_t chaddr[16], sname[64], file[128];
	uint8_t cookie[4];
};

extern const uint8_t dhcp4_cookie[4];

struct dhcp4_request {
	const struct dhcp4_header *header;
	uint8_t type; /* 0: plain BOOTP */
	struct lm_ip requested, server; /* family 0: not there */
	const uint8_t *client_id, *wanted, *relay_agent; /* NULL: not there */
	uint8_t client_id_len, n_wanted, relay_agent_len;
	uint16_t message_size; /* IP bytes that the client takes; 0: it did not say */
	bool rapid_commit;
};

/* -EINVAL: too short, no cookie, an option runs over its end or has a wrong length. */
int dhcp4_parse(struct dhcp4_request *q, const uint8_t *data, size_t len);
/* A request (not a reply) over Ethernet. */
bool dhcp4_is_request(const struct dhcp4_request *q);
bool dhcp4_is_relayed(const struct dhcp4_request *q);
/* ciaddr; family 0 if it is 0.0.0.0. */
struct lm_ip dhcp4_client_address(const struct dhcp4_request *q);
/* Is the option on its parameter request list? */
bool dhcp4_wants(const struct dhcp4_request *q, uint8_t option);

/* dhcp4_reply.c: the frame of an OFFER, ACK (yours: the endpoint's address) or NAK (NULL). */
enum lm_workload_result dhcp4_reply(struct lm_answer *a, const struct dhcp4_request *q,
    enum dhcp4_type type, const struct lm_ip *yours);

#endif
