/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames for tests: recorded ones by name, changed ones with their checksums
 * mended, and copies in memory of exactly their size, so that the address
 * sanitizer sees a read beyond the end.
 */
#ifndef LM_TESTS_UNIT_FRAMES_H
#define LM_TESTS_UNIT_FRAMES_H

#include "suite.h"

#include "base/bytes.h"
#include "checksums.h"
#include "packet/build.h"
#include "packet/frame.h"

struct frame {
	uint8_t b[2048];
	size_t len;
};

/* From a file of "name hex" lines in tests/unit/data. */
static inline struct frame frame_load(const char *file, const char *name)
{
	char path[512], line[8192], text[64];
	struct frame f = {.len = 0};

	snprintf(path, sizeof path, "%s/%s", LM_TEST_DATA, file);
	FILE *in = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	while (f.len == 0 && fgets(line, sizeof line, in)) {
		int at = 0;

		if (line[0] == '#' || sscanf(line, "%63s %n", text, &at) != 1 ||
		    strcmp(text, name) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		size_t digits = strlen(line + at);
		CU_ASSERT_FATAL(digits / 2 <= sizeof f.b);
		CU_ASSERT_EQUAL_FATAL(lm_unhex(f.b, digits / 2, line + at, digits), 0);
		f.len = digits / 2;
	}
	fclose(in);
	CU_ASSERT_FATAL(f.len > 0);
	return f;
}

/* Offset of the IP packet. */
static inline size_t frame_l3(const struct frame *f)
{
	return f->b[12] == 0x81 && f->b[13] == 0 ? 18 : 14;
}

/* Makes the IPv4 header's and the upper layer's checksum right again. */
static inline void frame_mend(struct frame *frame)
{
	struct lm_frame f;

	if (lm_frame_parse(&f, frame->b, frame->len) != 0 || !f.l4) {
		CU_FAIL_FATAL("not an IP packet");
		return; /* which the compiler does not know of the line above */
	}
	checksums_set(frame->b, &f);
}

/* Cuts n bytes off the end of an IP packet (no padding), its lengths and checksums telling the
 * same. */
static inline struct frame frame_shorten(const struct frame *frame, size_t n)
{
	struct frame f = *frame;
	struct lm_frame view;

	CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&view, f.b, f.len), 0);
	size_t l3 = frame_l3(&f), l3_len = view.l3_len - n, l4 = (size_t)(view.l4 - f.b);
	f.len = l3 + l3_len;
	if (view.ip == 4) {
		f.b[l3 + 2] = (uint8_t)(l3_len >> 8);
		f.b[l3 + 3] = (uint8_t)l3_len;
	} else {
		f.b[l3 + 4] = (uint8_t)((l3_len - 40) >> 8);
		f.b[l3 + 5] = (uint8_t)(l3_len - 40);
	}
	if (view.protocol == IPPROTO_UDP && f.len >= l4 + 8) {
		f.b[l4 + 4] = (uint8_t)((f.len - l4) >> 8);
		f.b[l4 + 5] = (uint8_t)(f.len - l4);
	}
	if (f.len >= l4 + 8)
		frame_mend(&f);
	return f;
}

static inline struct frame frame_tag(const struct frame *frame, uint16_t vlan)
{
	struct frame f = *frame;

	memmove(f.b + 16, f.b + 12, f.len - 12);
	f.b[12] = 0x81, f.b[13] = 0, f.b[14] = (uint8_t)(vlan >> 8), f.b[15] = (uint8_t)vlan;
	f.len += 4;
	return f;
}

/* Freed by the caller. */
static inline uint8_t *exact_copy(const void *data, size_t len)
{
	uint8_t *p = malloc(len > 0 ? len : 1);

	memcpy(p, data, len);
	return p;
}

static inline struct lm_ip ip_of(const char *text)
{
	struct lm_ip ip = {0};

	CU_ASSERT_EQUAL_FATAL(lm_ip_parse(&ip, text), 0);
	return ip;
}

/* Are these the bytes at this offset? */
static inline bool bytes_at(const struct frame *f, size_t offset, const void *bytes, size_t n)
{
	return offset + n <= f->len && memcmp(f->b + offset, bytes, n) == 0;
}

#endif
