/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram carries records of many networks, each of which is worked on by itself. */
#include "membership/internal.h"

void lm_inbox_follow(struct lm_membership *m, struct party *from, const uint8_t *body, size_t len,
    lm_record_fn *follow)
{
	struct lm_reader r = lm_reader(body, len);

	while (lm_reader_left(&r)) {
		if (!lm_record_allowed(m, from))
			return;
		if (!follow(m, from, &r)) {
			m->drops[LM_MD_MALFORMED]++;
			return;
		}
	}
}
