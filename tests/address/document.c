/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests of a world: written as a tenant would, and read by the real parser. */
#include "world.h"

#include <stdarg.h>

struct text {
	char bytes[16384];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	t->len += (size_t)vsnprintf(t->bytes + t->len, sizeof(t->bytes) - t->len, fmt, args);
	va_end(args);
	if (t->len >= sizeof(t->bytes))
		abort();
}

static void add_prefixes(const struct world *w, struct text *t)
{
	add(t, "prefixes:\n");
	if (w->family != 6)
		add(t, "  ipv4: 100.64.0.0/20\n");
	if (w->family != 4)
		add(t, "  ipv6: fd5a:10::/64\n");
	if (w->family == 6)
		add(t, "  pool: \"fd5a:10::800/%u\"\n", 128 - w->pool_bits);
	else
		add(t, "  pool: 100.64.8.0/%u\n", 32 - w->pool_bits);
	add(t, "  block: %u\n", 32 - w->block_bits);
}

static void add_providers(const struct world *w, struct text *t, uint16_t providers)
{
	char hex[65];

	add(t, "providers:\n");
	for (unsigned i = 0; i < w->n; i++)
		if (providers >> i & 1)
			add(t, "  - {name: p%u, key: %s, addresses: [\"192.0.2.%u:4500\"]}\n", i,
			    lm_hex(hex, w->node[i].id.pub.b, 32), i + 1);
}

static void add_thing(struct world *w, struct text *t, unsigned thing, int place)
{
	add(t, "  - name: m%u\n    deployment: %u\n    endpoints:\n", thing, thing + 1);
	add(t, "      - {");
	if (place >= 0)
		add(t, "provider: p%d%s", place, w->kind[thing] == STATIC ? ", " : "");
	if (w->kind[thing] == FIXED_ANY || w->kind[thing] == STATIC) {
		if (w->family == 6)
			add(t, "ipv6: \"fd5a:10::%x\"", 16 + thing);
		else
			add(t, "ipv4: 100.64.0.%u", 16 + thing);
	}
	add(t, "}\n");
}

static int choose_place(struct world *w, unsigned thing, uint16_t providers)
{
	unsigned node;

	if (w->kind[thing] == GIVEN || w->kind[thing] == FIXED_ANY)
		return -1;
	do
		node = (unsigned)sim_random_below(&w->keys, w->n);
	while (!(providers >> node & 1));
	return (int)node;
}

void document_make(struct world *w, unsigned serial, uint16_t providers, uint32_t things)
{
	struct version *v = &w->version[serial];
	struct text *t = must(calloc(1, sizeof(*t)));
	struct lm_why why = {0};
	unsigned n = 0;

	v->providers = providers;
	add(t, "leasemesh: 1\nnetwork: world\nserial: %u\n", serial);
	add_prefixes(w, t);
	add_providers(w, t, providers);
	add(t, "members:%s\n", things ? "" : " []");
	for (unsigned i = 0; i < THINGS; i++) {
		v->endpoint[i] = NO_THING;
		if (!(things >> i & 1))
			continue;
		v->place[i] = choose_place(w, i, providers);
		add_thing(w, t, i, v->place[i]);
		v->thing[n] = i;
		v->endpoint[i] = n++;
	}
	if (lm_manifest_parse(&v->man, "world", t->bytes, t->len, &why) < 0) {
		fprintf(stderr, "%s\n%s", why.text, t->bytes);
		abort();
	}
	free(t);
}
