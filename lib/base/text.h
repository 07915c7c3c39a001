/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that others wrote and that we print: harmless on a terminal and in a log.
 * Any thread.
 */
#ifndef LM_BASE_TEXT_H
#define LM_BASE_TEXT_H

#include <stdint.h>

/* Replaces control characters (C0, DEL, and C1 in UTF-8) by '?', in place. */
void lm_text_clean(char *text);
/*
 * A decimal number up to max from the whole of text: no sign, no blank, no leading zero, so that
 * each value has one spelling. 0, or -EINVAL and *out untouched.
 */
int lm_text_number(uint64_t *out, const char *text, uint64_t max);

#endif
