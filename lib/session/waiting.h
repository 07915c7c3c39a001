/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to a peer whose session is asleep: they wait for the handshake that
 * they caused. Few, first come: what does not fit is lost, as any datagram may be.
 * Control thread.
 */
#ifndef LM_SESSION_WAITING_H
#define LM_SESSION_WAITING_H

#include <stddef.h>
#include <stdint.h>

#define LM_WAITING_MAX 8

/* All zero: none. */
struct lm_waiting {
	struct lm_waiting_message {
		uint8_t type;
		uint16_t len;
		uint8_t *body; /* owned; NULL: empty */
	} at[LM_WAITING_MAX];
	unsigned n;
};

/* Copies. -ENOBUFS, -ENOMEM. */
int lm_waiting_put(struct lm_waiting *w, uint8_t type, const void *body, size_t len);
void lm_waiting_clear(struct lm_waiting *w);

#endif
