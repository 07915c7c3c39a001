/* SPDX-License-Identifier: Apache-2.0 */
/* Reading headers: what all need who look into packets. Bytes may be anywhere. */
#ifndef LM_DATAPLANE_HEADER_H
#define LM_DATAPLANE_HEADER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define LM_ICMP_HEADER 8
#define LM_EXTENSION_MIN 8 /* bytes of the shortest IPv6 extension header */
#define LM_EXTENSIONS_MAX 4

static inline uint16_t lm_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t lm_load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint16_t lm_load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* Those that are looked through. */
static inline bool lm_is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT ||
	       next == IPPROTO_DSTOPTS;
}

#endif
