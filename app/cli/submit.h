/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `leasemesh submit`, in two parts: submit.c finds out who is asked and says what
 * came of it; courier.c talks to that gateway as a guest.
 */
#ifndef LM_CLI_SUBMIT_H
#define LM_CLI_SUBMIT_H

#include <sys/socket.h>
#include "manifest/manifest.h"

/* What is handed over: a signed manifest, or the recovery of a network's chain. */
struct courier_load {
	struct lm_public_key owner;
	uint8_t hash[32]; /* BLAKE2b-256 of the bytes */
	const uint8_t *bytes;
	size_t len;
};

struct courier_result {
	bool answered;
	bool reached; /* the gateway has proven that it has its key */
	uint32_t code; /* 0: in force; else an errno */
	uint64_t serial; /* in force there */
	char text[LM_WHY_MAX];
};

/*
 * Hands it to the gateway with this key at this address, and waits up to timeout_ms for its
 * answer. Returns 0 (see *result) or a negative errno with a reason.
 */
int courier_deliver(const struct courier_load *load, const struct lm_public_key *gateway,
    const struct lm_udp_addr *to, unsigned timeout_ms, struct courier_result *result,
    struct lm_why *why);

#endif
