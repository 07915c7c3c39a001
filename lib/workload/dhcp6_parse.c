/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/dhcp6.h"

#include <errno.h>

#define IAID_LEN 4
#define IA_TIMES_LEN 8 /* T1 and T2, which IA_TA has not */
#define IA_ADDRESS_LEN 24 /* address and lifetimes; options may follow */

struct option {
	uint16_t code;
	uint16_t len;
	const uint8_t *data;
};

/* False: the end, or (at->failed) the option runs over it. */
static bool next_option(struct lm_reader *at, struct option *o)
{
	if (lm_reader_left(at) == 0)
		return false;
	o->code = lm_read_u16(at);
	o->len = lm_read_u16(at);
	o->data = lm_read_ref(at, o->len);
	return !at->failed;
}

struct lm_reader dhcp6_addresses(const struct dhcp6_ia *ia)
{
	return lm_reader(ia->options, ia->options_len);
}

bool dhcp6_next_address(struct lm_reader *at, struct lm_ip *ip)
{
	struct option o;

	while (next_option(at, &o)) {
		if (o.code != DHCP6_IA_ADDRESS)
			continue;
		*ip = lm_ip_of6(o.data);
		return true;
	}
	return false;
}

bool dhcp6_names(const struct dhcp6_ia *ia, const struct lm_ip *ip)
{
	struct lm_reader at = dhcp6_addresses(ia);
	struct lm_ip named;

	while (dhcp6_next_address(&at, &named))
		if (lm_ip_equal(&named, ip))
			return true;
	return false;
}

static int read_ia(struct dhcp6_request *q, const struct option *o, unsigned *n_addresses)
{
	size_t header = o->code == DHCP6_IA_TA ? IAID_LEN : IAID_LEN + IA_TIMES_LEN;
	struct option inner;

	if (o->len < header || q->n_ias == DHCP6_IAS_MAX)
		return -EINVAL;
	struct dhcp6_ia *ia = &q->ias[q->n_ias++];
	*ia = (struct dhcp6_ia){.code = o->code,
	    .iaid = o->data,
	    .options = o->data + header,
	    .options_len = o->len - header};
	struct lm_reader at = dhcp6_addresses(ia);
	while (next_option(&at, &inner)) {
		if (inner.code != DHCP6_IA_ADDRESS)
			continue;
		if (inner.len < IA_ADDRESS_LEN || ++*n_addresses > DHCP6_ADDRESSES_MAX)
			return -EINVAL;
	}
	return at.failed ? -EINVAL : 0;
}

static int read_duid(const struct option *o, const uint8_t **id, uint16_t *len)
{
	if (*id || o->len < DHCP6_DUID_MIN || o->len > DHCP6_DUID_MAX)
		return -EINVAL;
	*id = o->data;
	*len = o->len;
	return 0;
}

/* Unknown ones are the client's business. */
static int read_option(struct dhcp6_request *q, const struct option *o, unsigned *n_addresses)
{
	switch (o->code) {
	case DHCP6_CLIENT_ID:
		return read_duid(o, &q->client_id, &q->client_id_len);
	case DHCP6_SERVER_ID:
		return read_duid(o, &q->server_id, &q->server_id_len);
	case DHCP6_IA_NA:
	case DHCP6_IA_TA:
	case DHCP6_IA_PD:
		return read_ia(q, o, n_addresses);
	case DHCP6_OPTION_REQUEST:
		if (q->wanted || o->len % 2 != 0)
			return -EINVAL;
		q->wanted = o->data;
		q->wanted_len = o->len;
		return 0;
	case DHCP6_RAPID_COMMIT:
		q->rapid_commit = true;
		return o->len == 0 ? 0 : -EINVAL;
	default:
		return 0;
	}
}

int dhcp6_parse(struct dhcp6_request *q, const uint8_t *data, size_t len)
{
	struct lm_reader at = lm_reader(data, len);
	unsigned n_addresses = 0;
	struct option o;

	*q = (struct dhcp6_request){.type = lm_read_u8(&at), .xid = lm_read_ref(&at, 3)};
	if (at.failed)
		return -EINVAL;
	if (q->type == DHCP6_RELAY_FORWARD) /* of another form */
		return 0;
	while (next_option(&at, &o))
		if (read_option(q, &o, &n_addresses) < 0)
			return -EINVAL;
	return at.failed ? -EINVAL : 0;
}

bool dhcp6_wants(const struct dhcp6_request *q, uint16_t option)
{
	if (!q->wanted)
		return false;
	struct lm_reader at = lm_reader(q->wanted, q->wanted_len);
	while (lm_reader_left(&at) > 0)
		if (lm_read_u16(&at) == option)
			return true;
	return false;
}
