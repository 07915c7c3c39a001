/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <errno.h>
#include <stdbool.h>

void lm_text_clean(char *text)
{
	unsigned char last = 0;
	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		/* U+0080..U+009F are C2 80..C2 9F: some terminals obey them like ESC sequences. */
		bool c1 = last == 0xc2 && *p >= 0x80 && *p <= 0x9f;
		last = *p;
		if (*p < 0x20 || *p == 0x7f || c1)
			*p = '?';
	}
}

int lm_text_number(uint64_t *out, const char *text, uint64_t max)
{
	uint64_t v = 0;
	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		unsigned digit = (unsigned)(*text - '0');
		if (v > max / 10 || v * 10 > max - digit)
			return -EINVAL;
		v = v * 10 + digit;
	}
	if (v > max)
		return -EINVAL;
	*out = v;
	return 0;
}
