/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two gateways (unit/dp_rig.h) that answer line by line, for esp_scapy.py:
 *
 *   key GATEWAY          spi and key material (key || salt) of what GATEWAY receives
 *   sequence N           the next packet from gateway 0 has this number
 *   seal IP              an IP packet of web's, in hex; the UDP payload that left gateway 0
 *   open PAYLOAD         a UDP payload for gateway 1; the IP packet that db got, or "dropped"
 *   source_port          of the last "seal"
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_ether.h>
#include "base/bytes.h"
#include "dp_rig.h"
#include "packet/build.h"
#include "packet/frame.h"

struct tap {
	uint8_t payload[RIG_FRAME_MAX];
	size_t len;
	uint16_t source_port;
};

/* Keeps the payload; nothing reaches gateway 1 but by "open". */
static bool wire(void *ctx, unsigned from, uint8_t *frame, size_t *len)
{
	struct tap *t = ctx;
	struct lm_frame f;

	if (from != 0 || lm_frame_parse(&f, frame, *len) != 0 || f.protocol != IPPROTO_UDP)
		abort();
	t->source_port = (uint16_t)(f.l4[0] << 8 | f.l4[1]);
	t->len = f.l4_len - 8;
	memcpy(t->payload, f.l4 + 8, t->len);
	return false;
}

static void say(const uint8_t *data, size_t len)
{
	char text[2 * RIG_FRAME_MAX + 1];

	puts(len > 0 ? lm_hex(text, data, len) : "dropped");
}

static void key(const struct rig *r, unsigned gw)
{
	uint8_t keymat[36];
	char text[2 * sizeof keymat + 1];

	memset(keymat, RIG_KEY(1, 0, gw, 0), sizeof keymat);
	printf("%" PRIu32 " %s\n", r->gw[gw].spi[0][0], lm_hex(text, keymat, sizeof keymat));
}

static void seal(struct rig *r, const uint8_t *ip, size_t len)
{
	const struct rig_host *web = &rig_hosts[WEB];
	struct tap *t = r->ctx;
	uint8_t frame[RIG_FRAME_MAX];
	struct lm_build b;

	lm_build_ether(&b, frame, sizeof frame, &r->gw[0].access_mac, &web->mac, web->vlan,
	    ip[0] >> 4 == 6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	lm_write(&b.w, ip, len);
	t->len = 0;
	rig_send(r, WEB, frame, lm_writer_len(&b.w));
	rig_run(r);
	say(t->payload, t->len);
}

static void open_payload(struct rig *r, const uint8_t *payload, size_t len)
{
	uint8_t frame[RIG_FRAME_MAX];
	struct lm_frame f;
	struct lm_build b;

	lm_build_ether(&b, frame, sizeof frame, &r->gw[1].under_mac, &r->gw[0].under_mac, 0,
	    RTE_ETHER_TYPE_IPV4);
	lm_build_ip(&b, &r->gw[0].outer, &r->gw[1].outer, IPPROTO_UDP, 64);
	lm_build_udp(&b, RIG_UDP, RIG_UDP);
	lm_write(&b.w, payload, len);
	rig_put(r, 1, &r->gw[1].under, frame, lm_build_end(&b), -1);
	rig_run(r);
	len = rig_take(r, 1, frame);
	if (len > 0 && lm_frame_parse(&f, frame, len) == 0)
		say(f.l3, f.l3_len);
	else
		say(NULL, 0);
}

int main(void)
{
	struct tap tap = {0};
	struct rig *r = rig_create(&(struct rig_options){.workers = {1, 1}});
	char line[4 * RIG_FRAME_MAX], word[16], argument[sizeof line];
	uint8_t bytes[RIG_FRAME_MAX];

	r->wire = wire;
	r->ctx = &tap;
	while (fgets(line, sizeof line, stdin)) {
		*argument = '\0';
		if (sscanf(line, "%15s %s", word, argument) < 1)
			return EXIT_FAILURE;
		size_t len = strlen(argument) / 2;
		if (strcmp(word, "key") == 0) {
			key(r, (unsigned)strtoul(argument, NULL, 10));
		} else if (strcmp(word, "sequence") == 0) {
			printf("%d\n", lm_dp_set_sequence(r->gw[0].dp, 0, RIG_PEER, 0,
					   strtoull(argument, NULL, 10)));
		} else if (strcmp(word, "source_port") == 0) {
			printf("%u\n", tap.source_port);
		} else if (len > sizeof bytes - 128 ||
			   lm_unhex(bytes, len, argument, 2 * len) != 0) {
			return EXIT_FAILURE;
		} else if (strcmp(word, "seal") == 0) {
			seal(r, bytes, len);
		} else if (strcmp(word, "open") == 0) {
			open_payload(r, bytes, len);
		} else {
			return EXIT_FAILURE;
		}
		fflush(stdout);
	}
	bool ok = rig_balanced(r);
	rig_free(r);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
