/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte says how the view looks and whether checksums are mended, the
 * rest is a workload's frame. Every answer must be a sound frame to the asker.
 */
#include <stdlib.h>
#include "fuzz.h"
#include "mend.h"
#include "workload/workload.h"

static bool is_known(void *ctx, const struct lm_ip *ip)
{
	(void)ctx;
	return ip->b[0] == 100 || ip->b[0] == 0xfd;
}

/* More than fit anywhere, of all lengths. */
static bool route(void *ctx, int family, unsigned *cursor, struct lm_prefix *out)
{
	unsigned i = (*cursor)++;

	(void)ctx;
	*out = (struct lm_prefix){.ip = {(uint8_t)family, {11, (uint8_t)i, 1, 1}},
	    .len = (uint8_t)(family == 4 ? 1 + i % 32 : 1 + i % 128)};
	return i < 256;
}

static void check(const uint8_t *frame, const uint8_t *out, size_t len)
{
	MUST(len <= LM_WORKLOAD_FRAME_MAX && memcmp(out, frame + 6, 6) == 0);
	check_sent(out, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_workload_view v = {.gateway_mac = {{2, 0, 0, 0, 0, 1}},
	    .mtu = 1418,
	    .lease_seconds = 3600,
	    .default4 = true,
	    .default6 = true,
	    .host_name = "web-0",
	    .domain = "shop.internal",
	    .uuid = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	    .is_known = is_known};
	size_t len = 0;

	if (size < 1)
		return 0;
	uint8_t how = *data++;
	uint8_t *frame = malloc(--size > 0 ? size : 1), *out = malloc(LM_WORKLOAD_FRAME_MAX);
	memcpy(frame, data, size);
	if (!(how & 2)) {
		lm_ip_parse(&v.ipv4, "100.64.0.10");
		lm_ip_parse(&v.gateway4, "100.64.0.1");
		lm_prefix_parse(&v.net4, "100.64.0.0/24");
	}
	if (!(how & 4)) {
		lm_ip_parse(&v.ipv6, "fd00::a");
		lm_ip_parse(&v.gateway6, "fd00::1");
		lm_prefix_parse(&v.net6, "fd00::/64");
	}
	if (how & 8)
		v.vlan = 101;
	if (how & 16)
		v.default4 = v.default6 = false;
	if (how & 32) {
		v.route = route;
		v.is_behind = is_known;
	}
	if (how & 1)
		mend(frame, size);
	lm_workload_input(&v, frame, size, out, &len);
	if (len > 0)
		check(frame, out, len);
	len = lm_workload_too_big(&v, frame, size, 1418, out);
	if (len > 0)
		check(frame, out, len);
	len = lm_workload_prohibited(&v, frame, size, out);
	if (len > 0)
		check(frame, out, len);
	free(frame);
	free(out);
	return 0;
}
