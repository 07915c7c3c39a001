/* SPDX-License-Identifier: Apache-2.0 */
#include "base/why.h"

#include <stdarg.h>
#include <stdio.h>
#include "base/text.h"

int lm_why(struct lm_why *why, int err, const char *fmt, ...)
{
	if (why && why->text[0] == '\0') {
		va_list args;
		va_start(args, fmt);
		vsnprintf(why->text, sizeof why->text, fmt, args);
		va_end(args);
		lm_text_clean(why->text);
	}
	return -err;
}
