/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noise_peer noise initiator SECRET REMOTE_STATIC | noise_peer noise responder SECRET
 *	write EPHEMERAL PAYLOAD    answers "message HEX"
 *	read MESSAGE               answers "payload HEX"
 *	split                      answers "hash HEX"
 *	seal COUNTER PLAIN         answers "sealed HEX"
 *	open COUNTER SEALED        answers "plain HEX"
 * noise_peer session SEED         see session_peer.c
 */
#include "noise_peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "base/bytes.h"
#include "crypto/identity.h"
#include "session/noise.h"

static void die(const char *what)
{
	fprintf(stderr, "noise_peer: %s\n", what);
	exit(2);
}

size_t hex_arg(uint8_t *out, size_t size, const char *text)
{
	size_t len = strcmp(text, "-") == 0 ? 0 : strlen(text);
	if (len / 2 > size || lm_unhex(out, len / 2, text, len) != 0)
		die("bad hexadecimal");
	return len / 2;
}

void hex_exactly(uint8_t *out, size_t len, const char *text)
{
	if (hex_arg(out, len, text) != len)
		die("bytes are missing");
}

void say_hex(const char *word, const uint8_t *data, size_t len)
{
	char text[2 * BYTES_MAX + 1];
	printf("%s %s\n", word, len ? lm_hex(text, data, len) : "-");
}

void serve(command_fn *command, void *ctx)
{
	static char line[2 * BYTES_MAX + 256];
	while (fgets(line, sizeof(line), stdin)) {
		char *argv[ARGS_MAX], *rest = line, *word;
		int argc = 0;
		while (argc < ARGS_MAX && (word = strtok_r(rest, " \n", &rest)))
			argv[argc++] = word;
		int err = argc ? command(ctx, argc, argv) : -EINVAL;
		if (err < 0)
			printf("error %d\n", -err);
		else
			puts("ok");
		fflush(stdout);
	}
}

struct noise_ctx {
	struct lm_noise noise;
	uint8_t send[32], recv[32];
};

static int noise_command(void *ctx, int argc, char **argv)
{
	struct noise_ctx *c = ctx;
	uint8_t in[BYTES_MAX], out[BYTES_MAX], e[32];
	int n;
	if (strcmp(argv[0], "write") == 0 && argc == 3) {
		hex_exactly(e, sizeof(e), argv[1]);
		size_t len = hex_arg(in, sizeof(in), argv[2]);
		n = lm_noise_write(&c->noise, e, in, len, out, sizeof(out));
		if (n >= 0)
			say_hex("message", out, (size_t)n);
		return n;
	}
	if (strcmp(argv[0], "read") == 0 && argc == 2) {
		n = lm_noise_read(
		    &c->noise, in, hex_arg(in, sizeof(in), argv[1]), out, sizeof(out));
		if (n >= 0)
			say_hex("payload", out, (size_t)n);
		return n;
	}
	if (strcmp(argv[0], "split") == 0) {
		n = lm_noise_split(&c->noise, c->send, c->recv);
		if (n >= 0)
			say_hex("hash", c->noise.h, sizeof(c->noise.h));
		return n;
	}
	if (argc != 3)
		return -EINVAL;
	uint64_t counter = strtoull(argv[1], NULL, 10);
	size_t len = hex_arg(in, sizeof(in) - LM_NOISE_TAG_LEN, argv[2]);
	if (strcmp(argv[0], "seal") == 0) {
		lm_noise_seal(out, c->send, counter, NULL, 0, in, len);
		say_hex("sealed", out, len + LM_NOISE_TAG_LEN);
		return 0;
	}
	n = lm_noise_open(out, c->recv, counter, NULL, 0, in, len);
	if (n >= 0)
		say_hex("plain", out, len - LM_NOISE_TAG_LEN);
	return n;
}

static int noise_main(int argc, char **argv)
{
	struct noise_ctx c;
	uint8_t secret[32], public[32], remote[32];
	if (argc < 4)
		die("usage: noise_peer noise initiator|responder SECRET [REMOTE_STATIC]");
	bool initiator = strcmp(argv[2], "initiator") == 0;
	if (initiator != (argc == 5))
		die("the initiator, and only he, knows the other's key");
	hex_exactly(secret, sizeof(secret), argv[3]);
	crypto_scalarmult_base(public, secret);
	if (initiator)
		hex_exactly(remote, sizeof(remote), argv[4]);
	lm_noise_init(&c.noise, initiator ? LM_NOISE_INITIATOR : LM_NOISE_RESPONDER,
	    LM_NOISE_PROLOGUE, strlen(LM_NOISE_PROLOGUE), secret, public,
	    initiator ? remote : NULL);
	serve(noise_command, &c);
	return 0;
}

int main(int argc, char **argv)
{
	if (lm_crypto_init() != 0)
		die("no cryptography");
	if (argc >= 2 && strcmp(argv[1], "noise") == 0)
		return noise_main(argc, argv);
	if (argc >= 2 && strcmp(argv[1], "session") == 0)
		return session_main(argc, argv);
	die("usage: noise_peer noise|session ...");
}
