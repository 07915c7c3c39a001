/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What workloads send to port 53 of the gateway's own address, and what goes
 * back: datagrams with a question each, and TCP segments (workload/tcp.h).
 *
 * Pure, as workload.h. Control thread; no allocation.
 */
#ifndef LM_WORKLOAD_DNS_H
#define LM_WORKLOAD_DNS_H

#include "workload/workload.h"

/* Who asked, and where its answers go. */
struct lm_asker {
	struct lm_mac mac;
	struct lm_ip ip;
	uint16_t port; /* host byte order */
};

enum lm_tcp_flag {
	LM_TCP_FIN = 1 << 0,
	LM_TCP_SYN = 1 << 1,
	LM_TCP_RST = 1 << 2,
	LM_TCP_PSH = 1 << 3,
	LM_TCP_ACK = 1 << 4,
};

/* RFC 9293 section 3.1, in host byte order. */
struct lm_tcp_segment {
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window;
	uint16_t mss; /* option; 0: not there */
	const uint8_t *data;
	size_t len;
};

struct lm_dns_packet {
	struct lm_asker from;
	bool tcp; /* what it brings is in segment, otherwise in data and len */
	struct lm_tcp_segment segment;
	const uint8_t *data; /* into the frame */
	size_t len;
};

/*
 * LM_WL_DNS: from this endpoint to port 53 of the gateway, sound, and taken apart. Otherwise
 * LM_WL_MALFORMED or LM_WL_UNHANDLED.
 */
enum lm_workload_result lm_dns_packet_parse(const struct lm_workload_view *view,
    const uint8_t *frame, size_t len, struct lm_dns_packet *out);

/* Frames from port 53, in LM_WORKLOAD_FRAME_MAX bytes. The length; 0: it does not fit. */
size_t lm_dns_datagram(const struct lm_workload_view *view, const struct lm_asker *to,
    const uint8_t *data, size_t len, uint8_t *out);
size_t lm_dns_segment(const struct lm_workload_view *view, const struct lm_asker *to,
    const struct lm_tcp_segment *segment, uint8_t *out);

#endif
