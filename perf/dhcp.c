/* SPDX-License-Identifier: Apache-2.0 */
#include "dhcp.h"

#include <netinet/in.h>
#include <rte_ether.h>
#include "packet/build.h"
#include "packet/frame.h"

#define CLIENT_PORT 68
#define SERVER_PORT 67
#define BOOTP_LEN 236 /* up to the magic cookie */
#define COOKIE 0x63825363
#define BROADCAST 0x8000

enum { OPTION_REQUESTED = 50, OPTION_TYPE = 53, OPTION_SERVER = 54, OPTION_END = 255 };

struct lm_mac dhcp_mac(unsigned client)
{
	return (struct lm_mac){{2, 0x10, 0, 0, (uint8_t)(client >> 8), (uint8_t)client}};
}

static void write_address(struct lm_writer *w, uint8_t option, const uint8_t ip[4])
{
	lm_write_u8(w, option);
	lm_write_u8(w, 4);
	lm_write(w, ip, 4);
}

static void write_bootp(struct lm_writer *w, const struct lm_mac *mac, uint32_t xid)
{
	static const uint8_t zero[BOOTP_LEN];

	lm_write_u8(w, 1); /* request, Ethernet, 6 bytes, no hops */
	lm_write_u8(w, 1);
	lm_write_u8(w, sizeof(mac->b));
	lm_write_u8(w, 0);
	lm_write_u32(w, xid);
	lm_write_u16(w, 0);
	lm_write_u16(w, BROADCAST);
	lm_write(w, zero, 16);
	lm_write(w, mac->b, sizeof(mac->b));
	lm_write(w, zero, 10 + 64 + 128);
	lm_write_u32(w, COOKIE);
}

size_t dhcp_ask(uint8_t *out, unsigned client, uint32_t xid, const struct dhcp_offer *offer)
{
	struct lm_mac mac = dhcp_mac(client);
	struct lm_ip nobody = {.family = 4};
	struct lm_build b;

	lm_build_ether(&b, out, DHCP_FRAME_MAX, &lm_mac_broadcast, &mac, 0, RTE_ETHER_TYPE_IPV4);
	lm_build_ip(&b, &nobody, &lm_ip_broadcast, IPPROTO_UDP, LM_HOP_LIMIT);
	lm_build_udp(&b, CLIENT_PORT, SERVER_PORT);
	write_bootp(&b.w, &mac, xid);
	lm_write_u8(&b.w, OPTION_TYPE);
	lm_write_u8(&b.w, 1);
	lm_write_u8(&b.w, offer ? DHCP_REQUEST : DHCP_DISCOVER);
	if (offer) {
		write_address(&b.w, OPTION_REQUESTED, offer->yours);
		write_address(&b.w, OPTION_SERVER, offer->server);
	}
	lm_write_u8(&b.w, OPTION_END);
	return lm_build_end(&b);
}

static void read_options(struct dhcp_offer *out, struct lm_reader *r)
{
	while (lm_reader_left(r)) {
		uint8_t option = lm_read_u8(r);
		if (option == OPTION_END)
			return;
		if (option == 0)
			continue;
		uint8_t len = lm_read_u8(r);
		const uint8_t *value = lm_read_ref(r, len);
		if (value && option == OPTION_TYPE && len == 1)
			out->type = *value;
		if (value && option == OPTION_SERVER && len == 4)
			memcpy(out->server, value, 4);
	}
}

bool dhcp_read(struct dhcp_offer *out, const uint8_t *frame, size_t len)
{
	struct lm_frame f;

	*out = (struct dhcp_offer){0};
	if (lm_frame_parse(&f, frame, (uint16_t)len) < 0 || f.ip != 4 ||
	    f.protocol != IPPROTO_UDP || f.l4_len < 8 + BOOTP_LEN + 4)
		return false;
	struct lm_reader r = lm_reader(f.l4, f.l4_len);
	lm_read_u16(&r);
	if (lm_read_u16(&r) != CLIENT_PORT)
		return false;
	lm_read_ref(&r, 4);
	if (lm_read_u8(&r) != 2) /* reply */
		return false;
	lm_read_ref(&r, 3);
	out->xid = lm_read_u32(&r);
	lm_read_ref(&r, 8);
	lm_read(&r, out->yours, 4);
	lm_read_ref(&r, BOOTP_LEN - 20);
	if (lm_read_u32(&r) != COOKIE)
		return false;
	read_options(out, &r);
	return !r.failed && out->type != 0;
}
