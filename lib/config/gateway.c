/* SPDX-License-Identifier: Apache-2.0 */
#include "config/key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* 16,384 owners take about 2 MB. */
#define FILE_BYTES_MAX (4u << 20)

static void set_defaults(struct lm_gateway_config *c)
{
	c->log_level = LM_INFO;
	c->huge_pages = true;
	c->memory_mb = 1024;
	strcpy(c->file_prefix, "leasemesh");
	c->pin = true;
	c->realtime_priority = 1;
	c->mbufs = 65536;
	c->udp_port = 4500;
	c->lane_source_ports = true;
	c->dhcp_lease_seconds = 3600;
	c->default_route = true;
	strcpy(c->domain, "internal");
	c->max_networks = 1024;
	c->max_peers = 1024;
	c->dns_questions = 2000;
	c->max_endpoints = 65536;
	c->flows = 65536;
	c->flow_seconds = LM_FLOW_SECONDS_DEFAULT;
	c->rate_burst_ms = LM_RATE_BURST_MS;
}

static bool is_group_name(const char *name)
{
	size_t len = strlen(name);

	for (unsigned i = 0; i < lm_config_n_keys; i++)
		if (strncmp(lm_config_keys[i].path, name, len) == 0 &&
		    lm_config_keys[i].path[len] == '.')
			return true;
	return false;
}

/* group: "" for the top level, whose members may be groups themselves. */
static int read_group(const struct lm_values *v, config_setting_t *group, const char *name,
    struct lm_gateway_config *c)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const char *member = config_setting_name(s);
		int r;

		if (name[0] == '\0' && is_group_name(member)) {
			if (!config_setting_is_group(s))
				return lm_value_why(v, s, "must be a group { ... }");
			r = read_group(v, s, member, c);
		} else {
			int key = lm_config_key_find(name, member);
			if (key < 0)
				return lm_value_why(v, s, "unknown key");
			c->lines[key] = (unsigned)config_setting_source_line(s);
			r = lm_config_keys[key].read(v, s, &lm_config_keys[key], c);
		}
		if (r)
			return r;
	}
	return 0;
}

static int check_required(
    const struct lm_values *v, config_setting_t *root, const struct lm_gateway_config *c)
{
	for (unsigned i = 0; i < lm_config_n_keys; i++) {
		const char *path = lm_config_keys[i].path, *dot = strchr(path, '.');
		config_setting_t *group = root;
		char name[32] = "";

		if (!lm_config_keys[i].required || c->lines[i])
			continue;
		if (dot) {
			memcpy(name, path, (size_t)(dot - path));
			group = config_setting_get_member(root, name);
		}
		if (group) /* says where the group is */
			lm_value_member(v, group, dot ? dot + 1 : path);
		else
			lm_why(v->why, EINVAL, "%s: %s: missing", v->src->name, path);
		return -EINVAL;
	}
	return 0;
}

static int from_source(
    struct lm_gateway_config **out, struct lm_source *src, const char *path, struct lm_why *why)
{
	const struct lm_values v = {.src = src, .path = path, .why = why};
	config_setting_t *root = config_root_setting(&src->config);
	struct lm_gateway_config *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return lm_why(why, ENOMEM, "%s: out of memory", src->name);
	set_defaults(c);
	r = read_group(&v, root, "", c);
	if (!r)
		r = check_required(&v, root, c);
	if (!r)
		r = lm_config_check(c, path, why);
	if (r)
		lm_config_free(c);
	else
		*out = c;
	return r;
}

int lm_config_load(struct lm_gateway_config **out, const char *path, struct lm_why *why)
{
	struct lm_source src;
	int r = lm_source_open(&src, path, FILE_BYTES_MAX, why);

	if (r)
		return r;
	r = from_source(out, &src, path, why);
	lm_source_close(&src);
	return r;
}

int lm_config_parse(struct lm_gateway_config **out, const char *path, const char *text, size_t len,
    struct lm_why *why)
{
	struct lm_source src;
	int r = lm_source_parse(&src, path, text, len, why);

	if (r)
		return r;
	r = from_source(out, &src, path, why);
	lm_source_close(&src);
	return r;
}

void lm_config_free(struct lm_gateway_config *c)
{
	if (!c)
		return;
	free(c->owners);
	free(c);
}
