/* SPDX-License-Identifier: Apache-2.0 */
/* The top of the document: format version, network, serial, expiry; the rest is in other files. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "manifest/schema.h"

#define FORMAT_VERSION 1
#define SERIAL_MAX INT64_MAX /* so that every language and every JSON reader can hold it */

enum {
	K_FORMAT,
	K_NETWORK,
	K_SERIAL,
	K_EXPIRES,
	K_ON_EXPIRY,
	K_PREFIXES,
	K_PROVIDERS,
	K_MEMBERS,
	K_ROUTES,
	K_POLICY,
	K_TESTS
};

static const struct lm_key_rule document_keys[] = {
    [K_FORMAT] = {"leasemesh", true},
    [K_NETWORK] = {"network", true},
    [K_SERIAL] = {"serial", true},
    [K_EXPIRES] = {"expires", false},
    [K_ON_EXPIRY] = {"on_expiry", false},
    [K_PREFIXES] = {"prefixes", true},
    [K_PROVIDERS] = {"providers", true},
    [K_MEMBERS] = {"members", true},
    [K_ROUTES] = {"routes", false},
    [K_POLICY] = {"policy", false},
    [K_TESTS] = {"tests", false},
};
#define N_DOCUMENT_KEYS (sizeof(document_keys) / sizeof(document_keys[0]))

/*
 * Before anything else: a document of a later format should be told that it is one, and not that
 * its keys are unknown.
 */
static int check_format(const struct lm_place *root)
{
	if (root->node->kind != LM_YAML_MAP)
		return lm_place_expected(root, "a map");
	const char *key = document_keys[K_FORMAT].name;
	const struct lm_yaml_node *node = lm_yaml_get(root->node, key);
	if (!node)
		return lm_place_error(root, EINVAL, "missing key '%s'", key);
	struct lm_place p = lm_place_key(root, key, node);
	uint64_t version;
	int err = lm_place_number(&p, 1, UINT32_MAX, &version);
	if (err < 0)
		return err;
	if (version != FORMAT_VERSION)
		return lm_place_error(&p, EINVAL, "format %llu is not known here, only %d",
		    (unsigned long long)version, FORMAT_VERSION);
	return 0;
}

/* ---- expiry ---- */

/* Exactly "2030-01-01T00:00:00Z": RFC 3339 in UTC, whole seconds. */
static bool parse_utc(const char *text, int64_t *out)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
	if (strlen(text) != sizeof(form) - 1)
		return false;
	int v[6] = {0};
	int field = 0;
	for (size_t i = 0; form[i]; i++) {
		if (form[i] != 'd') {
			if (text[i] != form[i])
				return false;
			field++;
		} else if (text[i] >= '0' && text[i] <= '9') {
			v[field] = v[field] * 10 + (text[i] - '0');
		} else {
			return false;
		}
	}
	const struct tm given = {.tm_year = v[0] - 1900,
	    .tm_mon = v[1] - 1,
	    .tm_mday = v[2],
	    .tm_hour = v[3],
	    .tm_min = v[4],
	    .tm_sec = v[5]};
	struct tm normal = given; /* timegm turns February 30 into March 1 or 2 */
	time_t t = timegm(&normal);
	if (t <= 0 || normal.tm_mon != given.tm_mon || normal.tm_mday != given.tm_mday ||
	    normal.tm_hour != given.tm_hour || normal.tm_min != given.tm_min ||
	    normal.tm_sec != given.tm_sec)
		return false;
	*out = t;
	return true;
}

static int read_expires(struct lm_manifest *m, const struct lm_place *p)
{
	static const char what[] = "a UTC time like 2030-01-01T00:00:00Z";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	return parse_utc(text, &m->expires) ? 0 : lm_place_expected(p, what);
}

static int read_on_expiry(struct lm_manifest *m, const struct lm_place *p)
{
	const char *text = lm_place_text(p, "'keep' or 'close'");
	if (!text)
		return -EINVAL;
	if (m->expires == 0)
		return lm_place_error(p, EINVAL, "has no meaning without 'expires'");
	if (strcmp(text, "keep") == 0)
		m->on_expiry = LM_EXPIRY_KEEP;
	else if (strcmp(text, "close") == 0)
		m->on_expiry = LM_EXPIRY_CLOSE;
	else
		return lm_place_expected(p, "'keep' or 'close'");
	return 0;
}

/* ---- the whole ---- */

static int read_head(
    struct lm_manifest *m, const struct lm_place *root, const struct lm_yaml_node **values)
{
	struct lm_place p = lm_place_key(root, "network", values[K_NETWORK]);
	int err = lm_place_label(&p, m->network);
	if (err < 0)
		return err;
	p = lm_place_key(root, "serial", values[K_SERIAL]);
	err = lm_place_number(&p, 1, SERIAL_MAX, &m->serial);
	if (err == 0 && values[K_EXPIRES]) {
		p = lm_place_key(root, "expires", values[K_EXPIRES]);
		err = read_expires(m, &p);
	}
	if (err == 0 && values[K_ON_EXPIRY]) {
		p = lm_place_key(root, "on_expiry", values[K_ON_EXPIRY]);
		err = read_on_expiry(m, &p);
	}
	return err;
}

/* What names members. Tests come last, as they may name routed addresses. */
static int read_rest(
    struct lm_manifest_full *f, const struct lm_place *root, const struct lm_yaml_node **values)
{
	int err = 0;
	struct lm_place p = lm_place_key(root, "routes", values[K_ROUTES]);
	if (p.node)
		err = lm_schema_routes(f, &p);
	p = lm_place_key(root, "policy", values[K_POLICY]);
	if (p.node && err == 0)
		err = lm_schema_policy(&f->m, &p);
	p = lm_place_key(root, "tests", values[K_TESTS]);
	return p.node && err == 0 ? lm_schema_probes(f, &p) : err;
}

int lm_schema_document(struct lm_manifest_full *f, const struct lm_place *root)
{
	int err = check_format(root);
	if (err < 0)
		return err;
	const struct lm_yaml_node *values[N_DOCUMENT_KEYS];
	err = lm_place_map(root, document_keys, N_DOCUMENT_KEYS, values);
	if (err < 0)
		return err;
	err = read_head(&f->m, root, values);
	if (err < 0)
		return err;
	const struct lm_place prefixes = lm_place_key(root, "prefixes", values[K_PREFIXES]);
	err = lm_schema_prefixes(&f->m, &prefixes);
	if (err < 0)
		return err;
	struct lm_place p = lm_place_key(root, "providers", values[K_PROVIDERS]);
	err = lm_schema_providers(f, &p);
	if (err < 0)
		return err;
	p = lm_place_key(root, "members", values[K_MEMBERS]);
	err = lm_schema_members(f, &p);
	if (err == 0)
		err = lm_schema_check_room(&f->m, &prefixes);
	return err ? err : read_rest(f, root, values);
}
