/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte says how the network looks and how the question came, the rest
 * is the question. What is answered is an answer to it, within what the asker takes.
 */
#include <errno.h>
#include <string.h>
#include "dns/dns.h"
#include "dns/message.h"
#include "fuzz.h"

static int member(void *ctx, const char *name, unsigned *first)
{
	(void)ctx;
	*first = 0;
	return strcmp(name, "db") == 0 ? 300 : -ENOENT;
}

static int address(void *ctx, const struct lm_ip *ip)
{
	(void)ctx;
	return ip->b[ip->family == 4 ? 3 : 15] % 2 ? 1 : -ENOENT;
}

static void endpoint(void *ctx, unsigned n, struct lm_dns_endpoint *out)
{
	(void)ctx;
	*out = (struct lm_dns_endpoint){.member = "db", .replica = n, .up = n % 7 != 0};
	out->ipv4 = (struct lm_ip){.family = 4, .b = {100, 64, n / 256, n % 256}};
	if (n % 2)
		out->ipv6 = (struct lm_ip){.family = 6, .b = {0xfd, [15] = n % 256}};
}

static void check(const uint8_t *query, const uint8_t *out, size_t len)
{
	MUST(len >= DNS_HEADER_LEN && memcmp(out, query, 2) == 0 && out[2] & 0x80);
	/* Header, then the question byte by byte, if it is repeated. */
	MUST(!out[5] || memcmp(out + DNS_HEADER_LEN, query + DNS_HEADER_LEN, 5) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_dns_zone zone = {.origin = "shop.internal",
	    .serial = 7,
	    .member = member,
	    .address = address,
	    .endpoint = endpoint};
	uint64_t counts[LM_DC_MAX] = {0};
	struct dns_query q;
	size_t len = 0;

	if (size < 1)
		return 0;
	uint8_t how = *data++;
	bool stream = how & 1;
	lm_prefix_parse(&zone.net4, how & 2 ? "100.64.0.0/10" : "100.64.10.0/26");
	lm_prefix_parse(&zone.net6, how & 4 ? "fd5a:10::/64" : "fd5a::/33");
	uint8_t *query = malloc(--size > 0 ? size : 1);
	memcpy(query, data, size);
	int form = dns_query_parse(&q, query, size);
	size_t room = stream ? LM_DNS_TCP_MAX : form < 0 ? 1 : dns_udp_limit(&q);
	uint8_t *out = malloc(room);
	if (lm_dns_answer(&zone, query, size, stream, out, &len, counts) == LM_DNS_ANSWERED)
		check(query, out, len);
	if (form >= 0 && (len = lm_dns_refuse(query, size, out, counts)) > 0)
		check(query, out, len);
	free(query);
	free(out);
	return 0;
}
