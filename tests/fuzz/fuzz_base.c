/* SPDX-License-Identifier: Apache-2.0 */
/* The parsers of base: whatever they accept must come back from its text the same. */
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "base/id.h"
#include "base/text.h"
#include "fuzz.h"

static void addresses(const char *text)
{
	char back[64];
	struct lm_ip ip, ip2;
	struct lm_prefix p, p2;
	struct lm_udp_addr a, a2;
	struct lm_mac m, m2;

	if (lm_ip_parse(&ip, text) == 0)
		MUST(lm_ip_parse(&ip2, lm_ip_text(back, &ip)) == 0 && lm_ip_equal(&ip, &ip2));
	if (lm_prefix_parse(&p, text) == 0) {
		MUST(lm_prefix_parse(&p2, lm_prefix_text(back, &p)) == 0);
		MUST(p.len == p2.len && lm_ip_equal(&p.ip, &p2.ip));
		MUST(lm_prefix_contains(&p, &p.ip));
	}
	if (lm_udp_addr_parse(&a, text) == 0)
		MUST(lm_udp_addr_parse(&a2, lm_udp_addr_text(back, &a)) == 0 &&
		     lm_udp_addr_equal(&a, &a2));
	if (lm_mac_parse(&m, text) == 0)
		MUST(lm_mac_parse(&m2, lm_mac_text(back, &m)) == 0 && memcmp(&m, &m2, 6) == 0);
}

static void lease(const char *text)
{
	struct lm_lease l, l2;
	struct lm_why why = {0};
	char back[LM_LEASE_TEXT];

	if (lm_lease_parse(&l, text, &why) == 0) {
		MUST(why.text[0] == '\0');
		MUST(lm_lease_parse(&l2, lm_lease_text(back, &l), NULL) == 0);
		MUST(l.dseq == l2.dseq && l.gseq == l2.gseq && l.oseq == l2.oseq);
	} else {
		MUST(why.text[0] != '\0');
	}
	/* A refusal quotes the text, and is printed. */
	for (const char *c = why.text; *c; c++)
		MUST((unsigned char)*c >= 0x20 && *c != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t number;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	addresses(text);
	lease(text);
	lm_text_number(&number, text, 1000);
	free(text);
	return 0;
}
