/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an endpoint, or a network, may send and receive in a second. Plain numbers,
 * also for who reads the configuration.
 *
 * A packet counts with its inner IP bytes, header included: what is around it is not
 * the workload's. "Out" is from the workload, "in" to it.
 */
#ifndef LM_DATAPLANE_RATES_H
#define LM_DATAPLANE_RATES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* X(identifier, name in configuration and telemetry). In this order: see lm_rate_of. */
#define LM_RATES_OF(X) \
	X(BITS_OUT, "bits_out") \
	X(PACKETS_OUT, "packets_out") \
	X(BITS_IN, "bits_in") \
	X(PACKETS_IN, "packets_in")

enum lm_rate {
#define X(id, name) LM_RATE_##id,
	LM_RATES_OF(X)
#undef X
	    LM_RATE_MAX
};

struct lm_rates {
	uint64_t of[LM_RATE_MAX]; /* a second; 0: no limit */
};

#define LM_RATE_BITS_MIN 1000u
#define LM_RATE_BITS_LIMIT UINT64_C(1000000000000)
#define LM_RATE_PACKETS_LIMIT UINT64_C(1000000000)
/*
 * Unless something else is set. A TCP that has lost more than it can tell waits for 200 ms (RTO_MIN
 * of Linux): a bucket that holds as much loses it nothing.
 */
#define LM_RATE_BURST_MS 200
#define LM_RATE_BURST_MS_MAX 10000

static inline bool lm_rates_equal(const struct lm_rates *a, const struct lm_rates *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static inline bool lm_rates_none(const struct lm_rates *r)
{
	static const struct lm_rates none;

	return lm_rates_equal(r, &none);
}

#endif
