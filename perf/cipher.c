/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cipher alone, with the sizes of a mix: what is left if everything else cost
 * nothing.
 *
 *   leasemesh-cipher seal|open MIX SECONDS
 *
 * prints ns of CPU a packet. Nonces and AADs are there before; a burst's packets lie as far
 * apart as packet buffers do, and are worked on again and again, in place.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "crypto/gcm.h"
#include "traffic.h"

#define BURST 32
#define BUFFER 4032 /* of the gateway's packets, with all their headers */
#define HEADROOM 320
#define AAD 12
#define TRAILER 2
#define ALIGN 4
#define ROUNDS 1024 /* bursts between two looks at the clock */

struct cipher {
	struct lm_gcm_engine *engine;
	struct lm_gcm_key *key;
	bool seal;
	struct perf_mix mix;
	uint8_t buffers[BURST][BUFFER];
	uint8_t nonces[BURST][LM_GCM_IV_LEN], aads[BURST][AAD], tags[BURST][LM_GCM_TAG_LEN];
};

static void burst(struct cipher *c, unsigned first)
{
	for (unsigned i = 0; i < BURST; i++) {
		size_t size =
		    c->mix.sizes[(first + i) % (sizeof c->mix.sizes / sizeof *c->mix.sizes)];
		size_t sealed = (size + TRAILER + ALIGN - 1) / ALIGN * ALIGN;
		uint8_t *at = c->buffers[i] + HEADROOM;

		if (c->seal)
			lm_gcm_seal(c->engine, c->key, at, at, sealed, c->nonces[i], c->aads[i],
			    AAD, at + sealed);
		else
			lm_gcm_open(c->engine, c->key, at, at, sealed, c->nonces[i], c->aads[i],
			    AAD, c->tags[i]);
	}
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double ns_a_packet(struct cipher *c, double seconds)
{
	double start, now;
	unsigned rounds = 0;

	for (unsigned i = 0; i < ROUNDS; i++)
		burst(c, i * BURST);
	start = cpu_seconds();
	do {
		for (unsigned i = 0; i < ROUNDS; i++)
			burst(c, i * BURST);
		rounds++;
		now = cpu_seconds();
	} while (now - start < seconds);
	return (now - start) * 1e9 / ((double)rounds * ROUNDS * BURST);
}

int main(int argc, char **argv)
{
	static const uint8_t key[LM_GCM_KEY_LEN] = {1};
	struct cipher *c = aligned_alloc(64, (sizeof *c + 63) / 64 * 64);
	double seconds = argc == 4 ? strtod(argv[3], NULL) : 0;

	if (!c)
		return EXIT_FAILURE;
	memset(c, 0, sizeof *c);
	if (seconds <= 0 || perf_mix_parse(&c->mix, argv[2]) != 0 ||
	    (strcmp(argv[1], "seal") != 0 && strcmp(argv[1], "open") != 0)) {
		fprintf(stderr, "usage: leasemesh-cipher seal|open MIX SECONDS\n");
		free(c);
		return EXIT_FAILURE;
	}
	c->seal = argv[1][0] == 's';
	int err = lm_gcm_engine_create(&c->engine);
	if (err == 0)
		err = lm_gcm_key_create(&c->key, c->engine, key);
	if (err == 0)
		printf("%.2f\n", ns_a_packet(c, seconds));
	lm_gcm_key_free(c->key);
	lm_gcm_engine_free(c->engine);
	free(c);
	return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
