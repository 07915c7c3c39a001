/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A domain name as it is on the wire (RFC 1035 section 3.1, not compressed): in
 * DNS, and in the search lists of DHCP and router advertisements. Any thread.
 */
#ifndef LM_BASE_DOMAIN_H
#define LM_BASE_DOMAIN_H

#include "base/bytes.h"

#define LM_DOMAIN_MAX 255 /* bytes on the wire */

/*
 * "shop.internal" as labels with their lengths and the root's. An empty name, and one that DNS does
 * not know (a label that is empty or longer than 63, more than 255 bytes), writes nothing.
 */
void lm_write_domain(struct lm_writer *w, const char *name);

#endif
