/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/workload: one received frame on its way to one answer. Each
 * protocol's file gets a frame whose Ethernet and IP headers are checked (and
 * the IPv4 header's checksum), and is responsible for everything behind them.
 */
#ifndef LM_WORKLOAD_ANSWER_H
#define LM_WORKLOAD_ANSWER_H

#include "packet/build.h"
#include "packet/frame.h"
#include "workload/workload.h"

struct lm_answer {
	const struct lm_workload_view *view;
	const struct lm_frame *frame;
	struct lm_mac asker; /* the frame's source: every answer goes there and nowhere else */
	uint8_t *out; /* LM_WORKLOAD_FRAME_MAX bytes */
	size_t len; /* 0: no answer */
};

enum lm_workload_result lm_answer_arp(struct lm_answer *a);
enum lm_workload_result lm_answer_nd(struct lm_answer *a); /* ICMPv6 types 133 to 137 */
/* A valid router solicitation from this address. */
enum lm_workload_result lm_answer_rs(struct lm_answer *a, const struct lm_ip *from);
enum lm_workload_result lm_answer_dhcp4(struct lm_answer *a);
enum lm_workload_result lm_answer_dhcp6(struct lm_answer *a);
enum lm_workload_result lm_answer_echo4(struct lm_answer *a);
enum lm_workload_result lm_answer_echo6(struct lm_answer *a);

/* Starts a frame to the asker; with lm_answer_end(), which says LM_WL_REPLY or, too large,
 * `ignored`. */
void lm_answer_start(struct lm_answer *a, struct lm_build *b, uint16_t ether_type);
enum lm_workload_result lm_answer_end(
    struct lm_answer *a, struct lm_build *b, enum lm_workload_result ignored);

/* An endpoint's address or the gateway's own, its link-local one among them. */
bool lm_answer_knows(const struct lm_answer *a, const struct lm_ip *ip);

#endif
