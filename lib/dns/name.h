/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/dns: domain names as they are on the wire (RFC 1035 section 3.1),
 * without compression. Compared without regard to the case of ASCII letters
 * (RFC 4343).
 */
#ifndef LM_DNS_NAME_H
#define LM_DNS_NAME_H

#include <stdbool.h>
#include "base/bytes.h"

#define DNS_LABEL_MAX 63
#define DNS_LABELS_MAX 127

/* Points into the message; made by dns_name_read only, so its labels hold together. */
struct dns_name {
	const uint8_t *wire;
	uint8_t len; /* with the root's zero */
	uint8_t n_labels; /* without the root */
	uint8_t at[DNS_LABELS_MAX]; /* where in wire each label begins, the leftmost first */
};

/*
 * Compression is refused: in a question it could only point to itself or into the header.
 * -EINVAL: that, or it ends beyond the message or its own bound.
 */
int dns_name_read(struct lm_reader *r, struct dns_name *out);
/* Passes over the name of a record, which may end in a pointer. It is not followed. */
void dns_name_skip(struct lm_reader *r);

/* Capitals are no difference. */
bool dns_bytes_equal(const uint8_t *a, const uint8_t *b, size_t len);
/* How many labels name has in front of this suffix; -ENOENT: it does not end so. */
int dns_name_below(const struct dns_name *name, const char *suffix);
/*
 * The n-th label as text in lower case. False: it has other characters than letters, digits and
 * hyphens, which no name of ours has.
 */
bool dns_label_text(char out[DNS_LABEL_MAX + 1], const struct dns_name *name, unsigned n);

#endif
