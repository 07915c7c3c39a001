/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ESP in UDP (RFC 3948, RFC 4303) with AES-256-GCM (RFC 4106), tunnel mode,
 * 64-bit extended sequence numbers:
 *
 *   SPI 4 | sequence, low half 4 | IV 8 | inner packet, padding, trailer 2 | ICV 16
 *
 * The IV is the whole sequence number, so it never repeats under a key.
 */
#ifndef LM_DATAPLANE_ESP_H
#define LM_DATAPLANE_ESP_H

#include <netinet/in.h>
#include "crypto/gcm.h"

#define LM_ESP_HEADER 8
#define LM_ESP_IV 8
#define LM_ESP_FRONT (LM_ESP_HEADER + LM_ESP_IV)
#define LM_ESP_TRAILER 2 /* pad length, next header */
#define LM_ESP_ALIGN 4
#define LM_ESP_PAD_MAX (LM_ESP_ALIGN - 1) /* what we send; up to 255 may arrive */
#define LM_ESP_BACK_MAX (LM_ESP_PAD_MAX + LM_ESP_TRAILER + LM_GCM_TAG_LEN)
#define LM_ESP_AAD_LEN 12 /* SPI, sequence high, sequence low: RFC 4106 section 5 */
#define LM_ESP_SEALED_MIN 24 /* an IPv4 header, padded */

/* Bits of the traffic class, RFC 3168. */
#define LM_ECN_MASK 3
#define LM_ECN_CE 3

#endif
