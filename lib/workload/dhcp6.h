/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/workload: a DHCPv6 client's message (RFC 8415 section 8), taken
 * apart. It points into the frame. Everything in it is the workload's word.
 */
#ifndef LM_WORKLOAD_DHCP6_H
#define LM_WORKLOAD_DHCP6_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/bytes.h"
#include "workload/answer.h"

#define DHCP6_CLIENT_PORT 546
#define DHCP6_SERVER_PORT 547
/* A workload has one address: more of either in a message has no use but to cost room. */
#define DHCP6_IAS_MAX 8
#define DHCP6_ADDRESSES_MAX 16
#define DHCP6_DUID_MIN 3 /* with the type; section 11.1 */
#define DHCP6_DUID_MAX 130

enum dhcp6_type {
	DHCP6_SOLICIT = 1,
	DHCP6_ADVERTISE = 2,
	DHCP6_REQUEST = 3,
	DHCP6_CONFIRM = 4,
	DHCP6_RENEW = 5,
	DHCP6_REBIND = 6,
	DHCP6_REPLY = 7,
	DHCP6_RELEASE = 8,
	DHCP6_DECLINE = 9,
	DHCP6_INFORMATION_REQUEST = 11,
	DHCP6_RELAY_FORWARD = 12,
};

enum dhcp6_option {
	DHCP6_CLIENT_ID = 1,
	DHCP6_SERVER_ID = 2,
	DHCP6_IA_NA = 3,
	DHCP6_IA_TA = 4,
	DHCP6_IA_ADDRESS = 5,
	DHCP6_OPTION_REQUEST = 6,
	DHCP6_PREFERENCE = 7,
	DHCP6_STATUS = 13,
	DHCP6_RAPID_COMMIT = 14,
	DHCP6_DNS = 23, /* RFC 3646 */
	DHCP6_SEARCH = 24, /* RFC 3646 */
	DHCP6_IA_PD = 25,
	DHCP6_REFRESH_TIME = 32,
};

enum dhcp6_status {
	DHCP6_SUCCESS = 0,
	DHCP6_NO_ADDRESS = 2,
	DHCP6_NO_BINDING = 3,
	DHCP6_NOT_ON_LINK = 4,
	DHCP6_USE_MULTICAST = 5,
	DHCP6_NO_PREFIX = 6,
};

/* An identity association, of any of the three kinds. */
struct dhcp6_ia {
	uint16_t code;
	const uint8_t *iaid; /* four bytes */
	const uint8_t *options;
	size_t options_len;
};

struct dhcp6_request {
	uint8_t type;
	const uint8_t *xid; /* three bytes */
	const uint8_t *client_id, *server_id, *wanted; /* NULL: not there */
	uint16_t client_id_len, server_id_len, wanted_len;
	bool rapid_commit;
	struct dhcp6_ia ias[DHCP6_IAS_MAX];
	unsigned n_ias;
};

/*
 * -EINVAL: too short, an option runs over its end or has a wrong length, one that is unique is
 * there twice, or more IAs or addresses than above. Of a relay's message only the type is read.
 */
int dhcp6_parse(struct dhcp6_request *q, const uint8_t *data, size_t len);
/* Is the option on its option request list? */
bool dhcp6_wants(const struct dhcp6_request *q, uint16_t option);

/* The addresses in an IA: at starts as its options; false: no more. */
struct lm_reader dhcp6_addresses(const struct dhcp6_ia *ia);
bool dhcp6_next_address(struct lm_reader *at, struct lm_ip *ip);
bool dhcp6_names(const struct dhcp6_ia *ia, const struct lm_ip *ip);

/* dhcp6_reply.c */
struct dhcp6_reply {
	struct lm_build b;
	const struct lm_workload_view *view;
	const struct dhcp6_request *q;
	bool given, refused; /* the endpoint's address; a status other than success */
};
void dhcp6_write_status(struct dhcp6_reply *r, enum dhcp6_status status);
/*
 * The answers to all of its IAs: the endpoint's address goes to the one that names it, else to the
 * first that may have one.
 */
void dhcp6_write_ias(struct dhcp6_reply *r);
/* To RELEASE and DECLINE: the IAs that are not about the endpoint's address. True: one is. */
bool dhcp6_write_unbound(struct dhcp6_reply *r);
/* What the client wants to know beside addresses. */
void dhcp6_write_information(struct dhcp6_reply *r);

#endif
