/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four datagrams of a session, byte for byte as in docs/protocol.md. Only
 * layout: nothing here decides or encrypts.
 */
#ifndef LM_SESSION_WIRE_H
#define LM_SESSION_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session/noise.h"

enum lm_wire_type {
	LM_WIRE_INITIATION = 1,
	LM_WIRE_RESPONSE = 2,
	LM_WIRE_COOKIE = 3,
	LM_WIRE_TRANSPORT = 4,
};

#define LM_WIRE_VERSION 1
#define LM_WIRE_HEADER \
	8 /* four zero bytes (RFC 3948's non-ESP marker), type, version, two zero \
	   */
#define LM_WIRE_MAC 16

/*
 * Who one is on this wire: the X25519 form of an Ed25519 key, and the sign bit which that form
 * loses. Without it a key and its negative would be one, and whoever lists the negative of a
 * gateway's key in a manifest of his own would take that gateway's place.
 */
#define LM_WIRE_NAME 33

/* Initiation: header, sender index, Noise message 1, first MAC, second MAC. */
#define LM_HELLO1_LEN 16 /* its payload */
#define LM_INIT_SENDER 8
#define LM_INIT_NOISE 12
#define LM_INIT_NOISE_LEN (LM_NOISE_MSG1_OVERHEAD + LM_HELLO1_LEN)
#define LM_INIT_MAC1 (LM_INIT_NOISE + LM_INIT_NOISE_LEN)
#define LM_INIT_MAC2 (LM_INIT_MAC1 + LM_WIRE_MAC)
#define LM_INIT_LEN (LM_INIT_MAC2 + LM_WIRE_MAC)

/* Response: header, sender index, receiver index, Noise message 2, first MAC. */
#define LM_HELLO2_LEN 8
#define LM_RESP_SENDER 8
#define LM_RESP_RECEIVER 12
#define LM_RESP_NOISE 16
#define LM_RESP_NOISE_LEN (LM_NOISE_MSG2_OVERHEAD + LM_HELLO2_LEN)
#define LM_RESP_MAC1 (LM_RESP_NOISE + LM_RESP_NOISE_LEN)
#define LM_RESP_LEN (LM_RESP_MAC1 + LM_WIRE_MAC)

/* Cookie reply: header, receiver index, nonce, sealed cookie. */
#define LM_COOKIE_LEN 16
#define LM_COOKIE_RECEIVER 8
#define LM_COOKIE_NONCE 12
#define LM_COOKIE_NONCE_LEN 24
#define LM_COOKIE_SEALED (LM_COOKIE_NONCE + LM_COOKIE_NONCE_LEN)
#define LM_COOKIE_MSG_LEN (LM_COOKIE_SEALED + LM_COOKIE_LEN + 16)

/* Transport: header, receiver index, counter, sealed (type, body). */
#define LM_DATA_RECEIVER 8
#define LM_DATA_COUNTER 12
#define LM_DATA_SEALED 20
#define LM_DATA_OVERHEAD (LM_DATA_SEALED + LM_NOISE_TAG_LEN)

/* An unproven source must never make us send more than it sent. */
_Static_assert(LM_RESP_LEN <= LM_INIT_LEN, "a response amplifies");
_Static_assert(LM_COOKIE_MSG_LEN <= LM_INIT_LEN, "a cookie reply amplifies");

/* What the handshake payloads say. */
struct lm_hello {
	uint8_t version; /* highest that the sender speaks */
	uint8_t lanes; /* offer: a power of two, 1 .. 128 */
	uint8_t sign; /* of the sender's Ed25519 key, whose X25519 form lost it; initiator only */
	uint32_t incarnation; /* of the sender's process; 0: it does not say */
	uint64_t timestamp; /* initiator only; not 0 */
};

void lm_wire_header(uint8_t *out, enum lm_wire_type type);
/* The type, or -EPROTO if the header is not ours. data holds LM_WIRE_HEADER bytes. */
int lm_wire_type(const uint8_t *data);
uint32_t lm_wire_index(const uint8_t *at);
void lm_wire_put_index(uint8_t *at, uint32_t index);

void lm_hello1_write(uint8_t out[LM_HELLO1_LEN], const struct lm_hello *h);
void lm_hello2_write(uint8_t out[LM_HELLO2_LEN], const struct lm_hello *h);
/* -EPROTO for a version, a lane count or a timestamp that cannot be. */
int lm_hello1_read(struct lm_hello *h, const uint8_t in[LM_HELLO1_LEN]);
int lm_hello2_read(struct lm_hello *h, const uint8_t in[LM_HELLO2_LEN]);

#endif
