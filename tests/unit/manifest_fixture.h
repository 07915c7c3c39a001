/* SPDX-License-Identifier: Apache-2.0 */
/* Documents and keys that the manifest's and the policy's tests share. */
#ifndef LM_TESTS_MANIFEST_FIXTURE_H
#define LM_TESTS_MANIFEST_FIXTURE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "manifest/manifest.h"

/* Public keys of RFC 8032 section 7.1, tests 1 and 2. */
#define FIXTURE_KEY_ALPHA "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define FIXTURE_KEY_BETA "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"

/* The identity whose seed is this byte 32 times. */
static inline struct lm_identity fixture_identity(uint8_t byte)
{
	struct lm_identity id;
	uint8_t seed[32];
	memset(seed, byte, sizeof(seed));
	lm_identity_from_seed(&id, seed);
	return id;
}

/* A text that grows; the tests' documents are built with it. */
struct fixture_text {
	char *text;
	size_t len, room;
};

__attribute__((format(printf, 2, 3))) static inline void fixture_add(
    struct fixture_text *t, const char *fmt, ...)
{
	va_list args;
	for (;;) {
		va_start(args, fmt);
		int n = vsnprintf(t->text + t->len, t->room - t->len, fmt, args);
		va_end(args);
		if (n >= 0 && (size_t)n < t->room - t->len) {
			t->len += (size_t)n;
			return;
		}
		t->room = 2 * t->room + (size_t)n + 1;
		t->text = realloc(t->text, t->room);
		if (!t->text)
			abort();
	}
}

/* The lines are counted by the tests' expectations. */
/* clang-format off */
static const char fixture_document[] =
	/*  1 */ "leasemesh: 1\n"
	/*  2 */ "network: shop\n"
	/*  3 */ "serial: 7\n"
	/*  4 */ "expires: 2030-01-01T00:00:00Z\n"
	/*  5 */ "on_expiry: close\n"
	/*  6 */ "prefixes:\n"
	/*  7 */ "  ipv4: 100.64.10.0/24\n"
	/*  8 */ "  ipv6: fd5a:10::/64\n"
	/*  9 */ "providers:\n"
	/* 10 */ "  - name: alpha\n"
	/* 11 */ "    key: " FIXTURE_KEY_ALPHA "\n"
	/* 12 */ "    addresses: [\"192.0.2.1:4500\"]\n"
	/* 13 */ "  - name: beta\n"
	/* 14 */ "    key: " FIXTURE_KEY_BETA "\n"
	/* 15 */ "    addresses: ['192.0.2.2:4500', '[2001:db8::2]:4501']\n"
	/* 16 */ "members:\n"
	/* 17 */ "  - name: web\n"
	/* 18 */ "    deployment: 1001\n"
	/* 19 */ "    endpoints:\n"
	/* 20 */ "      - {provider: alpha, ipv4: 100.64.10.10, ipv6: \"fd5a:10::10\"}\n"
	/* 21 */ "      - {provider: beta, ipv4: 100.64.10.11}\n"
	/* 22 */ "    egress:\n"
	/* 23 */ "      - {to: db, protocol: tcp, ports: [5432, 8000-8010]}\n"
	/* 24 */ "      - {to: [db, web], protocol: icmp}\n"
	/* 25 */ "  - name: db\n"
	/* 26 */ "    deployment: 1002\n"
	/* 27 */ "    endpoints:\n"
	/* 28 */ "      - {provider: beta, ipv6: \"fd5a:10::20\"}\n"
	/* 29 */ "    ingress:\n"
	/* 30 */ "      - {from: web, protocol: tcp, ports: 5432}\n"
	/* 31 */ "      - {from: any, protocol: 50}\n";
/* clang-format on */

/* The document above with the first `find` replaced; to be freed. */
static inline char *fixture_edited(const char *find, const char *replace)
{
	const char *at = strstr(fixture_document, find);
	if (!at) {
		fprintf(stderr, "not in the base document: %s\n", find);
		abort();
	}
	struct fixture_text t = {0};
	fixture_add(&t, "%.*s%s%s", (int)(at - fixture_document), fixture_document, replace,
	    at + strlen(find));
	return t.text;
}

static inline int fixture_parse(struct lm_manifest **m, const char *text, struct lm_why *why)
{
	*why = (struct lm_why){0};
	return lm_manifest_parse(m, "t.yaml", text, strlen(text), why);
}

#endif
