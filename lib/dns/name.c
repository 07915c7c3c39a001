/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/name.h"

#include <errno.h>
#include "base/domain.h"

#define POINTER 0xc0 /* RFC 1035 section 4.1.4; 0x40 and 0x80 never came into use (RFC 6891) */

int dns_name_read(struct lm_reader *r, struct dns_name *out)
{
	const uint8_t *start = r->at;

	out->wire = start;
	out->n_labels = 0;
	for (;;) {
		size_t at = (size_t)(r->at - start);
		uint8_t len = lm_read_u8(r);

		if (r->failed || len > DNS_LABEL_MAX || at + 1 + len > LM_DOMAIN_MAX)
			return -EINVAL;
		if (len == 0) {
			out->len = (uint8_t)(at + 1);
			return 0;
		}
		out->at[out->n_labels++] = (uint8_t)at;
		lm_read_ref(r, len);
	}
}

void dns_name_skip(struct lm_reader *r)
{
	size_t total = 0;

	while (!r->failed) {
		uint8_t len = lm_read_u8(r);

		if (len == 0)
			return;
		if ((len & POINTER) == POINTER) {
			lm_read_u8(r);
			return;
		}
		total += 1u + len;
		if (len > DNS_LABEL_MAX || total >= LM_DOMAIN_MAX)
			r->failed = true;
		lm_read_ref(r, len);
	}
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Lengths of labels are below 'A', so whole names may be compared at once. */
bool dns_bytes_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

int dns_name_below(const struct dns_name *name, const char *suffix)
{
	uint8_t wire[LM_DOMAIN_MAX];
	struct lm_writer w = lm_writer(wire, sizeof(wire));

	lm_write_domain(&w, suffix);
	size_t len = lm_writer_len(&w);
	if (w.failed || len > name->len)
		return -ENOENT;
	size_t at = name->len - len;
	if (!dns_bytes_equal(name->wire + at, wire, len))
		return -ENOENT;
	for (unsigned i = 0; i < name->n_labels; i++)
		if (name->at[i] == at)
			return (int)i;
	return -ENOENT; /* the bytes are alike, but begin inside of a label */
}

bool dns_label_text(char out[DNS_LABEL_MAX + 1], const struct dns_name *name, unsigned n)
{
	const uint8_t *label = name->wire + name->at[n];
	uint8_t len = *label++;

	for (unsigned i = 0; i < len; i++) {
		uint8_t c = lower(label[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
		out[i] = (char)c;
	}
	out[len] = '\0';
	return true;
}
