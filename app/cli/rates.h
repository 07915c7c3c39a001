/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a gateway does in a second: the difference of two of its answers. The
 * answers are not trusted: what is missing counts as 0, what went backwards too.
 */
#ifndef LM_CLI_RATES_H
#define LM_CLI_RATES_H

#include <jansson.h>
#include "telemetry.h"

enum { RATES_WORKERS, RATES_DROPS, RATES_ENDPOINTS, RATES_ANSWERS };

struct rates_sample {
	json_t *answer[RATES_ANSWERS];
	double at[RATES_ANSWERS]; /* seconds, monotonic: when it came */
};

/* Asks. What is in *s is released before; it may be all zero. */
int rates_ask(struct telemetry *t, struct rates_sample *s, struct lm_why *why);
void rates_release(struct rates_sample *s);

/*
 * A new object; all figures are a second's, but busy (percent), cycles (a packet) and stages (each
 * one's cycles for a packet that went through it):
 *   seconds
 *   workers: [{index, received, sent, handed, dropped, punted, busy, cycles, stages: {rx, ...}}]
 *   reasons: [{what, reason, packets}], those that occurred
 *   networks: [{network, net, rx_packets, rx_bytes, tx_packets, tx_bytes}]
 *   endpoints: likewise, with attachment, network, net, member, replica
 * Reasons, networks and endpoints are sorted, what is most first; no more than top of the latter
 * two. rx is what workloads sent.
 */
json_t *rates_between(const struct rates_sample *old, const struct rates_sample *new, unsigned top);

double rates_of(const json_t *row, const char *key); /* 0 if it is missing or no number */

#endif
