/* SPDX-License-Identifier: Apache-2.0 */
/* The authorised providers: a name inside the document, a public key, where to find them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "manifest/schema.h"

enum { K_NAME, K_KEY, K_ADDRESSES, N_KEYS };

static const struct lm_key_rule keys[N_KEYS] = {
    [K_NAME] = {"name", true},
    [K_KEY] = {"key", true},
    [K_ADDRESSES] = {"addresses", true},
};

static int read_key(struct lm_provider *out, const struct lm_place *p)
{
	static const char what[] = "a public key of 64 hexadecimal digits";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	if (lm_unhex(out->key.b, sizeof(out->key.b), text, strlen(text)) < 0)
		return lm_place_expected(p, what);
	uint8_t x[32];
	if (lm_public_x25519(x, &out->key) < 0)
		return lm_place_error(p, EINVAL, "not a valid Ed25519 public key");
	out->id = lm_key_id(&out->key);
	return 0;
}

static int read_address(struct lm_provider *out, const struct lm_place *p)
{
	static const char what[] = "an address like 192.0.2.1:4500 or \"[2001:db8::1]:4500\"";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	struct lm_udp_addr a;
	if (lm_udp_addr_parse(&a, text) < 0)
		return lm_place_expected(p, what);
	if (lm_ip_is_special(&a.ip))
		return lm_place_error(p, EINVAL, "not the address of a host on a network");
	for (unsigned i = 0; i < out->n_addrs; i++)
		if (lm_udp_addr_equal(&out->addrs[i], &a))
			return lm_place_error(p, EINVAL, "repeated address");
	out->addrs[out->n_addrs++] = a;
	return 0;
}

static int read_addresses(struct lm_provider *out, const struct lm_place *p)
{
	int err = lm_place_list(p, 1, LM_PROVIDER_ADDRS_MAX);
	unsigned i = 0;
	for (const struct lm_yaml_node *n = p->node->first; n && err == 0; n = n->next) {
		struct lm_place item = lm_place_item(p, i++, n);
		err = read_address(out, &item);
	}
	return err;
}

static int read_provider(struct lm_provider *out, const struct lm_place *p)
{
	const struct lm_yaml_node *values[N_KEYS];
	int err = lm_place_map(p, keys, N_KEYS, values);
	if (err < 0)
		return err;
	struct lm_place v = lm_place_key(p, "name", values[K_NAME]);
	err = lm_place_label(&v, out->name);
	if (err < 0)
		return err;
	v = lm_place_key(p, "key", values[K_KEY]);
	err = read_key(out, &v);
	if (err < 0)
		return err;
	v = lm_place_key(p, "addresses", values[K_ADDRESSES]);
	return read_addresses(out, &v);
}

static int compare_address(const void *a, const void *b)
{
	const struct lm_udp_addr *x = a, *y = b;
	int order = lm_compare_ip(&x->ip, &y->ip);
	return order ? order : (x->port > y->port) - (x->port < y->port);
}

/* Two gateways cannot answer at one address. */
static int check_addresses(const struct lm_manifest *m, const struct lm_place *list)
{
	struct lm_sorted index;
	int err = lm_sorted_init(&index, m->n_providers * LM_PROVIDER_ADDRS_MAX, compare_address);
	if (err < 0)
		return err;
	for (unsigned i = 0; i < m->n_providers; i++)
		for (unsigned k = 0; k < m->providers[i].n_addrs; k++)
			lm_sorted_add(&index, &m->providers[i].addrs[k], i);
	err = lm_schema_unique(&index, list, "addresses");
	lm_sorted_free(&index);
	return err;
}

static int index_providers(struct lm_manifest_full *f, const struct lm_place *list)
{
	const struct lm_manifest *m = &f->m;
	int err = lm_sorted_init(&f->provider_names, m->n_providers, lm_compare_name);
	if (err == 0)
		err = lm_sorted_init(&f->provider_ids, m->n_providers, lm_compare_key_id);
	if (err < 0)
		return err;
	for (unsigned i = 0; i < m->n_providers; i++) {
		lm_sorted_add(&f->provider_names, m->providers[i].name, i);
		lm_sorted_add(&f->provider_ids, &m->providers[i].id, i);
	}
	err = lm_schema_unique(&f->provider_names, list, "name");
	if (err == 0)
		err = lm_schema_unique(&f->provider_ids, list, "key");
	return err ? err : check_addresses(m, list);
}

int lm_schema_providers(struct lm_manifest_full *f, const struct lm_place *p)
{
	int err = lm_place_list(p, 1, LM_PROVIDERS_MAX);
	if (err < 0)
		return err;
	f->m.providers = calloc(p->node->count, sizeof(*f->m.providers));
	if (!f->m.providers)
		return -ENOMEM;
	for (const struct lm_yaml_node *n = p->node->first; n; n = n->next) {
		struct lm_place item = lm_place_item(p, f->m.n_providers, n);
		err = read_provider(&f->m.providers[f->m.n_providers++], &item);
		if (err < 0)
			return err;
	}
	return index_providers(f, p);
}
