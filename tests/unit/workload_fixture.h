/* SPDX-License-Identifier: Apache-2.0 */
/* One workload's view of its network, web/0, and what comes back for a frame of it. */
#ifndef LM_TESTS_WORKLOAD_FIXTURE_H
#define LM_TESTS_WORKLOAD_FIXTURE_H

#include "frames.h"

#include "workload/workload.h"

#define FRAMES "workload_frames.txt"
#define GATEWAY_MAC "\x02\0\0\0\0\x01"
#define CLIENT_MAC "\x02\0\0\0\x01\x01"

/* Two endpoints: the asker itself, as in a real network, and another. */
static inline bool view_is_known(void *ctx, const struct lm_ip *ip)
{
	static const char *const known[] = {"100.64.0.10", "fd00::a", "100.64.0.11", "fd00::b"};
	char text[LM_IP_TEXT];

	(void)ctx;
	for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(lm_ip_text(text, ip), known[i]) == 0)
			return true;
	return false;
}

static inline struct lm_workload_view make_view(void)
{
	struct lm_workload_view v = {.mtu = 1418,
	    .lease_seconds = 3600,
	    .default4 = true,
	    .default6 = true,
	    .host_name = "web-0",
	    .domain = "shop.internal",
	    .is_known = view_is_known,
	    .uuid = "ABCDEFGHIJKLMNO",
	    .ipv4 = ip_of("100.64.0.10"),
	    .ipv6 = ip_of("fd00::a"),
	    .gateway4 = ip_of("100.64.0.1"),
	    .gateway6 = ip_of("fd00::1")};

	v.uuid[15] = 'P';
	memcpy(v.gateway_mac.b, GATEWAY_MAC, 6);
	CU_ASSERT_EQUAL_FATAL(lm_prefix_parse(&v.net4, "100.64.0.0/24"), 0);
	CU_ASSERT_EQUAL_FATAL(lm_prefix_parse(&v.net6, "fd00::/64"), 0);
	return v;
}

/* A sound frame from the gateway's MAC to the asker's. */
static inline void check_sound(
    const struct lm_workload_view *v, const struct frame *in, const struct frame *out)
{
	struct lm_frame f;

	CU_ASSERT_FATAL(out->len >= LM_FRAME_MIN && out->len <= LM_WORKLOAD_FRAME_MAX);
	CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&f, out->b, out->len), 0);
	CU_ASSERT_TRUE(bytes_at(out, 0, in->b + 6, 6));
	CU_ASSERT_TRUE(bytes_at(out, 6, GATEWAY_MAC, 6));
	CU_ASSERT_EQUAL(f.vlan, v->vlan);
	CU_ASSERT_TRUE(f.ip != 4 || lm_frame_ipv4_checksum_ok(&f));
	if (f.ip == 4 && f.protocol == IPPROTO_ICMP)
		CU_ASSERT_EQUAL(lm_checksum(f.l4, f.l4_len), 0);
	if (f.ip != 0 && f.protocol != IPPROTO_ICMP)
		CU_ASSERT_TRUE(lm_frame_l4_checksum_ok(&f));
}

/* The gateway gets the frame, and says this. */
static inline enum lm_workload_result give(
    const struct lm_workload_view *v, const struct frame *in, struct frame *out)
{
	uint8_t *copy = exact_copy(in->b, in->len), *room = malloc(LM_WORKLOAD_FRAME_MAX);

	out->len = 0;
	enum lm_workload_result r = lm_workload_input(v, copy, in->len, room, &out->len);
	/* A release is answered in DHCPv6 only. */
	CU_ASSERT(r == LM_WL_DHCP_RELEASED ||
		  (out->len > 0) ==
		      (r == LM_WL_REPLY || r == LM_WL_REFUSAL || r == LM_WL_DHCP6_DECLINED));
	memcpy(out->b, room, out->len);
	if (out->len > 0)
		check_sound(v, in, out);
	free(copy);
	free(room);
	return r;
}

#endif
