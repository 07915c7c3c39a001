/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gateway's side of one workload port, for scripts: each line on stdin is
 * "input|too_big|prohibited <frame in hexadecimal>", each on stdout
 * "<result> <answer in hexadecimal, or ->".
 */
#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "workload/workload.h"

#define FRAME_MAX 2048

static bool is_known(void *ctx, const struct lm_ip *ip)
{
	static const char *const known[] = {"100.64.0.10", "100.64.0.11", "fd00::a", "fd00::b"};
	char text[LM_IP_TEXT];

	(void)ctx;
	for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(lm_ip_text(text, ip), known[i]) == 0)
			return true;
	return false;
}

static void answer(const struct lm_workload_view *v, const char *what, const char *hex)
{
	uint8_t frame[FRAME_MAX], out[LM_WORKLOAD_FRAME_MAX];
	char text[2 * LM_WORKLOAD_FRAME_MAX + 1] = "-";
	const char *result = "silence";
	size_t len = strlen(hex) / 2, out_len = 0;

	if (len > sizeof frame || lm_unhex(frame, len, hex, strlen(hex)) < 0) {
		puts("bad -");
		return;
	}
	if (strcmp(what, "too_big") == 0)
		out_len = lm_workload_too_big(v, frame, len, 1418, out);
	else if (strcmp(what, "prohibited") == 0)
		out_len = lm_workload_prohibited(v, frame, len, out);
	else
		result = lm_workload_result_names[lm_workload_input(v, frame, len, out, &out_len)];
	printf("%s %s\n", result, out_len > 0 ? lm_hex(text, out, out_len) : "-");
}

int main(void)
{
	struct lm_workload_view v = {.gateway_mac = {{2, 0, 0, 0, 0, 1}},
	    .vlan = 101,
	    .mtu = 1418,
	    .lease_seconds = 3600,
	    .default4 = true,
	    .default6 = true,
	    .host_name = "web-0",
	    .domain = "shop.internal",
	    .uuid = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	    .is_known = is_known};
	char line[2 * FRAME_MAX + 64], what[16], hex[2 * FRAME_MAX + 1];

	if (lm_ip_parse(&v.ipv4, "100.64.0.10") < 0 || lm_ip_parse(&v.ipv6, "fd00::a") < 0 ||
	    lm_ip_parse(&v.gateway4, "100.64.0.1") < 0 || lm_ip_parse(&v.gateway6, "fd00::1") < 0 ||
	    lm_prefix_parse(&v.net4, "100.64.0.0/24") < 0 ||
	    lm_prefix_parse(&v.net6, "fd00::/64") < 0)
		return 1;
	while (fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "%15s %4096s", what, hex) != 2)
			return 1;
		answer(&v, what, hex);
		fflush(stdout);
	}
	return 0;
}
