/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noise_peer session SEED: a session set at one end of a wire of lines.
 *	peer ED25519_KEY call|wait     adds the one peer
 *	input DATAGRAM                 a datagram arrives
 *	load N                         N initiations were served already this second
 *	send TYPE BODY                 lm_peer_send
 *	lane NET SECRET in|out LANE INCARNATION GENERATION    answers "key HEX"
 * What the library does comes before the answer's last line: "send HEX", "up EPOCH",
 * "down REASON", "message TYPE HEX".
 */
#include "noise_peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "session/state.h"

static const struct lm_udp_addr wire = {{4, {192, 0, 2, 1}}, 4500};
static const struct lm_now now = {1000 * NS_PER_S, 1800000000 * NS_PER_S};

struct session_ctx {
	struct lm_identity id;
	struct lm_sessions *s;
	struct lm_peer *peer;
};

static void on_send(void *ctx, const struct lm_udp_addr *to, const uint8_t *data, size_t len)
{
	(void)ctx;
	(void)to;
	say_hex("send", data, len);
}

static void on_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	randombytes_buf(buf, len);
}

static void on_up(void *ctx, struct lm_peer *peer, uint32_t epoch)
{
	struct session_ctx *c = ctx;
	c->peer = peer; /* a guest, maybe */
	printf("up %u\n", epoch);
}

static void on_down(void *ctx, struct lm_peer *peer, const char *reason)
{
	(void)ctx;
	(void)peer;
	printf("down %s\n", reason);
}

static void on_moved(void *ctx, struct lm_peer *peer, const struct lm_udp_addr *to)
{
	(void)ctx;
	(void)peer;
	(void)to;
}

static void on_message(
    void *ctx, struct lm_peer *peer, uint8_t type, const uint8_t *body, size_t len)
{
	char word[32];
	(void)ctx;
	(void)peer;
	snprintf(word, sizeof(word), "message %u", type);
	say_hex(word, body, len);
}

static int lane_key(const struct session_ctx *c, char **argv)
{
	struct lm_net_id net;
	struct lm_secret secret;
	uint8_t key[36];
	struct lm_lane_set set = {
	    strtoull(argv[5], NULL, 10), (uint32_t)strtoul(argv[6], NULL, 10)};
	hex_exactly(net.b, sizeof(net.b), argv[1]);
	hex_exactly(secret.b, sizeof(secret.b), argv[2]);
	int err = lm_peer_lane_key(c->peer, lm_peer_epoch(c->peer), &net, &secret, &set,
	    strcmp(argv[3], "in") == 0, (uint8_t)atoi(argv[4]), key);
	if (!err)
		say_hex("key", key, sizeof(key));
	return err;
}

static int session_command(void *ctx, int argc, char **argv)
{
	struct session_ctx *c = ctx;
	uint8_t in[BYTES_MAX];
	if (strcmp(argv[0], "peer") == 0 && argc == 3) {
		struct lm_public_key key;
		hex_exactly(key.b, sizeof(key.b), argv[1]);
		return lm_peer_add(c->s, &now, &key, &wire, strcmp(argv[2], "call") == 0, &c->peer);
	}
	if (strcmp(argv[0], "input") == 0 && argc == 2) {
		lm_sessions_input(c->s, &now, &wire, in, hex_arg(in, sizeof(in), argv[1]));
		return 0;
	}
	if (strcmp(argv[0], "load") == 0 && argc == 2) {
		for (int i = atoi(argv[1]); i > 0; i--)
			lm_gate_open(&c->s->gate, now.mono);
		return 0;
	}
	if (strcmp(argv[0], "send") == 0 && argc == 3 && c->peer) {
		size_t len = hex_arg(in, sizeof(in), argv[2]);
		return lm_peer_send(c->peer, &now, (uint8_t)atoi(argv[1]), in, len);
	}
	if (strcmp(argv[0], "lane") == 0 && argc == 7 && c->peer)
		return lane_key(c, argv);
	return -EINVAL;
}

int session_main(int argc, char **argv)
{
	static const struct lm_session_ops ops = {
	    on_send, on_random, on_up, on_down, on_moved, on_message};
	const struct lm_session_config config = {
	    .lanes = 4, .max_peers = 1, .max_guests = 1, .max_handshakes_per_s = 10};
	struct session_ctx c = {.peer = NULL};
	uint8_t seed[32];
	if (argc != 3)
		return 2;
	hex_exactly(seed, sizeof(seed), argv[2]);
	lm_identity_from_seed(&c.id, seed);
	if (lm_sessions_create(&c.s, &c.id, &config, &ops, &c) != 0)
		return 2;
	serve(session_command, &c);
	lm_sessions_free(c.s);
	return 0;
}
