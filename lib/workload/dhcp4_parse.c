/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/dhcp4.h"

#include <errno.h>
#include <string.h>
#include "base/bytes.h"
#include "packet/frame.h"

#define OVERLOAD_FILE 1
#define OVERLOAD_SNAME 2

const uint8_t dhcp4_cookie[4] = {0x63, 0x82, 0x53, 0x63};

/*
 * One option. The first of several counts: none of those that are read here is long enough to be
 * split (RFC 3396). Unknown ones are the client's business.
 */
static int read_option(
    struct dhcp4_request *q, uint8_t *overload, uint8_t code, const uint8_t *data, uint8_t len)
{
	switch (code) {
	case DHCP_MESSAGE_TYPE:
		if (len != 1)
			return -EINVAL;
		if (q->type == 0)
			q->type = data[0];
		break;
	case DHCP_REQUESTED_ADDRESS:
		if (len != 4)
			return -EINVAL;
		if (q->requested.family == 0)
			q->requested = lm_ip_of4(data);
		break;
	case DHCP_SERVER_ID:
		if (len != 4)
			return -EINVAL;
		if (q->server.family == 0)
			q->server = lm_ip_of4(data);
		break;
	case DHCP_OVERLOAD:
		if (len != 1)
			return -EINVAL;
		*overload = data[0];
		break;
	case DHCP_CLIENT_ID:
		if (!q->client_id) {
			q->client_id = data;
			q->client_id_len = len;
		}
		break;
	case DHCP_PARAMETER_LIST:
		if (!q->wanted) {
			q->wanted = data;
			q->n_wanted = len;
		}
		break;
	case DHCP_MESSAGE_SIZE:
		if (len != 2)
			return -EINVAL;
		q->message_size = (uint16_t)(data[0] << 8 | data[1]);
		break;
	case DHCP_RAPID_COMMIT:
		if (len != 0)
			return -EINVAL;
		q->rapid_commit = true;
		break;
	case DHCP_RELAY_AGENT:
		if (!q->relay_agent) {
			q->relay_agent = data;
			q->relay_agent_len = len;
		}
		break;
	default:
		break;
	}
	return 0;
}

/* Up to an end option, or to the end of the field where a client forgot it. */
static int read_options(
    struct dhcp4_request *q, uint8_t *overload, const uint8_t *field, size_t field_len)
{
	struct lm_reader r = lm_reader(field, field_len);

	while (lm_reader_left(&r) > 0) {
		uint8_t code = lm_read_u8(&r);

		if (code == DHCP_PAD)
			continue;
		if (code == DHCP_END)
			break;
		uint8_t len = lm_read_u8(&r);
		const uint8_t *data = lm_read_ref(&r, len);
		if (!data || read_option(q, overload, code, data, len) < 0)
			return -EINVAL;
	}
	return 0;
}

int dhcp4_parse(struct dhcp4_request *q, const uint8_t *data, size_t len)
{
	uint8_t overload = 0, nested = 0;

	*q = (struct dhcp4_request){.header = (const void *)data};
	if (len < sizeof *q->header)
		return -EINVAL;
	if (memcmp(q->header->cookie, dhcp4_cookie, sizeof dhcp4_cookie) != 0)
		return -EINVAL;
	if (read_options(q, &overload, data + sizeof *q->header, len - sizeof *q->header) < 0)
		return -EINVAL;
	/* The order is RFC 2131's, section 4.1. An overload option inside these fields says
	 * nothing. */
	if ((overload & OVERLOAD_FILE) &&
	    read_options(q, &nested, q->header->file, sizeof q->header->file) < 0)
		return -EINVAL;
	if ((overload & OVERLOAD_SNAME) &&
	    read_options(q, &nested, q->header->sname, sizeof q->header->sname) < 0)
		return -EINVAL;
	return 0;
}

bool dhcp4_is_request(const struct dhcp4_request *q)
{
	return q->header->op == BOOTP_REQUEST && q->header->htype == 1 && q->header->hlen == 6;
}

bool dhcp4_is_relayed(const struct dhcp4_request *q)
{
	static const uint8_t none[4];

	return memcmp(q->header->giaddr, none, sizeof none) != 0;
}

struct lm_ip dhcp4_client_address(const struct dhcp4_request *q)
{
	struct lm_ip ip = lm_ip_of4(q->header->ciaddr);

	return memcmp(ip.b, (const uint8_t[4]){0}, 4) == 0 ? (struct lm_ip){0} : ip;
}

bool dhcp4_wants(const struct dhcp4_request *q, uint8_t option)
{
	return q->wanted && memchr(q->wanted, option, q->n_wanted) != NULL;
}
