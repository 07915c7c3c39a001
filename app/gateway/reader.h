/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large manifests are read on a thread of their own: a signature, a megabyte of YAML,
 * rules and their tests take up to a third of a second, in which the control thread
 * has others to answer. It gets the result as an event, and decides then.
 *
 * The thread sees nothing of the gateway but bytes and what it made of them.
 */
#ifndef LM_GATEWAY_READER_H
#define LM_GATEWAY_READER_H

#include <stddef.h>
#include <stdint.h>

struct gateway;
struct gw_reader;

/* 0 or a negative errno. *fd is readable when something has been read. */
int gw_reader_open(struct gw_reader **out, int *fd);
/* Waits for what is being read now. NULL is allowed. */
void gw_reader_close(struct gw_reader *r);
/* The op of membership. -EAGAIN: small. -EBUSY: enough are waiting. */
int gw_reader_take(void *gateway, uint64_t number, const uint8_t *bytes, size_t len);
/* Tells membership what has been read. */
void gw_reader_serve(struct gateway *gw);

#endif
