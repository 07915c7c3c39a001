/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <errno.h>
#include <string.h>
#include "config/rates.h"

/* Ours take a few hundred bytes; other software writes them, so the bound is near. */
#define FILE_BYTES_MAX (16u << 10)

static int read_name(
    struct lm_attachment *a, const struct lm_source *src, const char *path, struct lm_why *why)
{
	static const char suffix[] = ".conf";
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t len = strlen(name);

	if (len > strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0)
		len -= strlen(suffix);
	if (len == 0 || len > LM_ATTACHMENT_NAME_MAX)
		return lm_why(why, EINVAL, "%s: the file's name has more than %u characters",
		    src->name, LM_ATTACHMENT_NAME_MAX);
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return lm_why(why, EINVAL,
			    "%s: the file's name has other than printable ASCII characters",
			    src->name);
	memcpy(a->name, name, len);
	return 0;
}

static int read_lease(const struct lm_values *v, config_setting_t *s, struct lm_lease *out)
{
	struct lm_why reason = {{0}};
	const char *text;

	if (lm_value_string(v, s, 1, LM_LEASE_TEXT, &text))
		return -EINVAL;
	if (lm_lease_parse(out, text, &reason))
		return lm_value_why(v, s, "%s", reason.text);
	return 0;
}

static int read_place(const struct lm_values *v, config_setting_t *root, struct lm_attachment *a)
{
	config_setting_t *m, *vlan, *mac;
	const char *text;
	uint64_t n;

	if (!(m = lm_value_member(v, root, "port")) ||
	    lm_value_label(v, m, a->port, sizeof(a->port)))
		return -EINVAL;
	vlan = config_setting_get_member(root, "vlan");
	mac = config_setting_get_member(root, "mac");
	if (!vlan && !mac)
		return lm_value_why(v, m, "needs vlan or mac beside it");
	if (vlan) {
		if (lm_value_uint(v, vlan, 1, 4094, &n))
			return -EINVAL;
		a->vlan = (uint16_t)n;
	}
	if (mac) {
		static const struct lm_mac none;

		if (lm_value_string(v, mac, 1, 64, &text))
			return -EINVAL;
		if (lm_mac_parse(&a->mac, text) || (a->mac.b[0] & 1) ||
		    memcmp(&a->mac, &none, sizeof(none)) == 0)
			return lm_value_why(v, mac, "\"%s\" is no MAC address of a host", text);
		a->has_mac = true;
	}
	return 0;
}

static int from_source(
    struct lm_attachment *out, struct lm_source *src, const char *path, struct lm_why *why)
{
	static const char *const keys[] = {"lease", "network", "member", "replica", "port", "vlan",
	    "mac",
#define X(id, name) name,
	    LM_RATES_OF(X)
#undef X
		NULL};
	const struct lm_values v = {.src = src, .path = path, .why = why};
	config_setting_t *m, *root = config_root_setting(&src->config);
	struct lm_attachment a = {0};
	uint64_t n;

	if (read_name(&a, src, path, why) || lm_value_group(&v, root, keys))
		return -EINVAL;
	if (!(m = lm_value_member(&v, root, "lease")) || read_lease(&v, m, &a.lease))
		return -EINVAL;
	if (!(m = lm_value_member(&v, root, "network")) ||
	    lm_value_label(&v, m, a.network, sizeof(a.network)))
		return -EINVAL;
	if (!(m = lm_value_member(&v, root, "member")) ||
	    lm_value_label(&v, m, a.member, sizeof(a.member)))
		return -EINVAL;
	if (!(m = lm_value_member(&v, root, "replica")) ||
	    lm_value_uint(&v, m, 0, LM_ENDPOINTS_MAX - 1, &n))
		return -EINVAL;
	a.replica = (unsigned)n;
	if (read_place(&v, root, &a) || lm_value_rates(&v, root, &a.rates, &a.rates_given))
		return -EINVAL;
	*out = a;
	return 0;
}

int lm_attachment_load(struct lm_attachment *out, const char *path, struct lm_why *why)
{
	struct lm_source src;
	int r = lm_source_open(&src, path, FILE_BYTES_MAX, why);

	if (r)
		return r;
	r = from_source(out, &src, path, why);
	lm_source_close(&src);
	return r;
}

int lm_attachment_parse(
    struct lm_attachment *out, const char *path, const char *text, size_t len, struct lm_why *why)
{
	struct lm_source src;
	int r = lm_source_parse(&src, path, text, len, why);

	if (r)
		return r;
	r = from_source(out, &src, path, why);
	lm_source_close(&src);
	return r;
}
