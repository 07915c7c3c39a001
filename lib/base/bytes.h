/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded cursors over bytes of the wire, and hexadecimal text. All integers on
 * the wire are big endian. A cursor that ran out stays failed and yields zeros,
 * so a decoder reads everything first and asks `failed` once.
 */
#ifndef LM_BASE_BYTES_H
#define LM_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct lm_reader {
	const uint8_t *at, *end;
	bool failed;
};

struct lm_writer {
	uint8_t *start, *at, *end;
	bool failed;
};

static inline struct lm_reader lm_reader(const void *data, size_t len)
{
	const uint8_t *p = data;
	return (struct lm_reader){.at = p, .end = p + len};
}

static inline struct lm_writer lm_writer(void *data, size_t size)
{
	uint8_t *p = data;
	return (struct lm_writer){.start = p, .at = p, .end = p + size};
}

static inline size_t lm_reader_left(const struct lm_reader *r)
{
	return (size_t)(r->end - r->at);
}

static inline size_t lm_writer_len(const struct lm_writer *w)
{
	return (size_t)(w->at - w->start);
}

/* A pointer to the next n bytes, or NULL (and failed) if there are fewer. */
static inline const uint8_t *lm_read_ref(struct lm_reader *r, size_t n)
{
	if (r->failed || lm_reader_left(r) < n) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *p = r->at;
	r->at += n;
	return p;
}

static inline void lm_read(struct lm_reader *r, void *to, size_t n)
{
	const uint8_t *p = lm_read_ref(r, n);
	if (p)
		memcpy(to, p, n);
	else
		memset(to, 0, n);
}

static inline uint64_t lm_read_be(struct lm_reader *r, size_t n)
{
	const uint8_t *p = lm_read_ref(r, n);
	uint64_t v = 0;
	for (size_t i = 0; p && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static inline uint8_t lm_read_u8(struct lm_reader *r)
{
	return (uint8_t)lm_read_be(r, 1);
}
static inline uint16_t lm_read_u16(struct lm_reader *r)
{
	return (uint16_t)lm_read_be(r, 2);
}
static inline uint32_t lm_read_u32(struct lm_reader *r)
{
	return (uint32_t)lm_read_be(r, 4);
}
static inline uint64_t lm_read_u64(struct lm_reader *r)
{
	return lm_read_be(r, 8);
}

static inline bool lm_write_fits(struct lm_writer *w, size_t n)
{
	if ((size_t)(w->end - w->at) < n)
		w->failed = true;
	return !w->failed;
}

/* Room for n bytes, or NULL (and failed) if there is less. */
static inline uint8_t *lm_write_ref(struct lm_writer *w, size_t n)
{
	if (!lm_write_fits(w, n))
		return NULL;
	uint8_t *p = w->at;
	w->at += n;
	return p;
}

/*
 * These two ask for room, not for a pointer: of a NULL that cannot be, gcc 14 warns that it would
 * be written to.
 */
static inline void lm_write(struct lm_writer *w, const void *from, size_t n)
{
	if (!lm_write_fits(w, n) || n == 0)
		return;
	memcpy(w->at, from, n);
	w->at += n;
}

static inline void lm_write_be(struct lm_writer *w, uint64_t v, size_t n)
{
	if (!lm_write_fits(w, n))
		return;
	for (size_t i = n; i-- > 0; v >>= 8)
		w->at[i] = (uint8_t)v;
	w->at += n;
}

static inline void lm_write_u8(struct lm_writer *w, uint8_t v)
{
	lm_write_be(w, v, 1);
}
static inline void lm_write_u16(struct lm_writer *w, uint16_t v)
{
	lm_write_be(w, v, 2);
}
static inline void lm_write_u32(struct lm_writer *w, uint32_t v)
{
	lm_write_be(w, v, 4);
}
static inline void lm_write_u64(struct lm_writer *w, uint64_t v)
{
	lm_write_be(w, v, 8);
}

/* Lower-case hexadecimal of n bytes into out, which holds 2 n + 1 characters. Returns out. */
char *lm_hex(char *out, const void *data, size_t n);
/* Exactly n bytes from exactly 2 n hexadecimal digits (either case): 0, or -EINVAL. */
int lm_unhex(void *out, size_t n, const char *text, size_t text_len);

#endif
