/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of gateway.conf's keys: how each is read, where its value goes, and
 * whether it may change while the gateway runs. Loading, reload and messages all
 * go by this one table. Internal to lib/config.
 */
#ifndef LM_CONFIG_KEY_H
#define LM_CONFIG_KEY_H

#include "config/config.h"
#include "config/value.h"

struct lm_config_key {
	const char *path; /* "dpdk.memory_mb": at most one dot */
	int (*read)(const struct lm_values *v, config_setting_t *s, const struct lm_config_key *key,
	    struct lm_gateway_config *c);
	size_t offset, size; /* of the value inside struct lm_gateway_config */
	uint64_t min, max; /* of a number; of a text, min 1 means that it must not be empty */
	bool required;
	bool live; /* may change on reload */
	/* For values that are no plain bytes: do they differ? May write a more exact path and line.
	 */
	bool (*differs)(const struct lm_gateway_config *a, const struct lm_gateway_config *b,
	    char *path, size_t size, unsigned *line);
};

extern const struct lm_config_key lm_config_keys[];
extern const unsigned lm_config_n_keys;

/* The index of a key in the table, or -ENOENT. group may be "" for the top level. */
int lm_config_key_find(const char *group, const char *name);

/* Values that are lists (lists.c). */
int lm_read_cores(const struct lm_values *v, config_setting_t *s, const struct lm_config_key *key,
    struct lm_gateway_config *c);
int lm_read_ports(const struct lm_values *v, config_setting_t *s, const struct lm_config_key *key,
    struct lm_gateway_config *c);
int lm_read_addresses(const struct lm_values *v, config_setting_t *s,
    const struct lm_config_key *key, struct lm_gateway_config *c);
int lm_read_forwarders(const struct lm_values *v, config_setting_t *s,
    const struct lm_config_key *key, struct lm_gateway_config *c);
int lm_read_owners(const struct lm_values *v, config_setting_t *s, const struct lm_config_key *key,
    struct lm_gateway_config *c);

/* What must hold between keys (check.c). */
int lm_config_check(const struct lm_gateway_config *c, const char *file, struct lm_why *why);

#endif
