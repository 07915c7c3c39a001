/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a YAML tree to a manifest, one part of the document a file. Private to
 * lib/manifest. Each reader fills its part of the manifest or refuses it with a
 * reason; whatever it allocated so far is freed with the manifest.
 */
#ifndef LM_MANIFEST_SCHEMA_H
#define LM_MANIFEST_SCHEMA_H

#include "manifest/sorted.h"
#include "manifest/manifest.h"
#include "manifest/place.h"

/* What lm_manifest_parse really allocates. */
struct lm_manifest_full {
	struct lm_manifest m; /* first: lm_manifest_free casts back */
	struct lm_sorted provider_names, provider_ids, member_names, label_names;
	struct lm_sorted ipv4, ipv6; /* of endpoints */
	unsigned n_rates; /* rules with one */
	unsigned endpoints_room; /* what the array has while it grows */
};

/* The whole document. */
int lm_schema_document(struct lm_manifest_full *f, const struct lm_place *root);
int lm_schema_prefixes(struct lm_manifest *m, const struct lm_place *p);
int lm_schema_providers(struct lm_manifest_full *f, const struct lm_place *p);
/* The pool, said or not, of a network whose prefixes are known; either node may be NULL. */
int lm_schema_pool(struct lm_manifest *m, const struct lm_place *prefixes,
    const struct lm_yaml_node *pool, const struct lm_yaml_node *block);
/* At last: is there room in the pool for all that the gateways decide about? */
int lm_schema_check_room(const struct lm_manifest *m, const struct lm_place *prefixes);
/* Members with their endpoints, then their rules: rules name members and labels. */
int lm_schema_members(struct lm_manifest_full *f, const struct lm_place *p);
/* One member's endpoints, by either of the two keys; the member is the last so far. */
int lm_schema_endpoints(struct lm_manifest_full *f, unsigned member, const struct lm_place *p);
int lm_schema_replicas(struct lm_manifest_full *f, unsigned member, const struct lm_place *p);
/* Of all endpoints of all members: each address is there once, and none is in the pool. */
int lm_schema_index_addresses(struct lm_manifest_full *f, const struct lm_place *members);
/* What labels there are, and which of them each member carries. */
int lm_schema_labels(struct lm_manifest_full *f, const struct lm_place *members);
/* One rule. `peer_key` is "from" or "to". */
int lm_schema_rule(struct lm_rule *rule, struct lm_manifest_full *f, const char *peer_key,
    const struct lm_place *p);
/* Parts of a rule: its peers, by either of the three keys, and its ports. */
int lm_schema_peers(
    struct lm_rule *rule, const struct lm_manifest_full *f, const struct lm_place *p);
int lm_schema_rule_labels(
    struct lm_rule *rule, const struct lm_manifest_full *f, const struct lm_place *p);
int lm_schema_rule_prefixes(struct lm_rule *rule, const struct lm_place *p);
/* A prefix, or an address, which is the prefix with nothing else in it. */
int lm_schema_prefix(struct lm_prefix *out, const struct lm_place *p);
/* For people; *out is NULL before. */
int lm_schema_comment(char **out, const struct lm_place *p);
int lm_schema_except(struct lm_rule *rule, const struct lm_place *p);
int lm_schema_ports(struct lm_rule *rule, const struct lm_place *p);
/* A protocol; any: 'any' is one. */
int lm_schema_protocol(uint16_t *out, bool any, const struct lm_place *p);
int lm_schema_port(uint16_t *out, const struct lm_place *p);
/* 'allow' or 'deny'. */
int lm_schema_action(bool *deny, const struct lm_place *p);
/* "web" or "web/0". */
int lm_schema_via(struct lm_via *out, const struct lm_manifest_full *f, const struct lm_place *p);
/* `routes` of the document, whose members are known. */
int lm_schema_routes(struct lm_manifest_full *f, const struct lm_place *p);
void lm_routes_release(struct lm_manifest *m);
/* `policy` and `tests` of the document. */
int lm_schema_policy(struct lm_manifest *m, const struct lm_place *p);
int lm_schema_probes(struct lm_manifest_full *f, const struct lm_place *p);

/*
 * Sorts the index of a list of maps; if two of them have the same value under `key`, refuses the
 * second: "the same as in providers[0]".
 */
int lm_schema_unique(struct lm_sorted *index, const struct lm_place *list, const char *key);

int lm_compare_name(const void *a, const void *b); /* C strings */
int lm_compare_key_id(const void *a, const void *b); /* struct lm_key_id */
int lm_compare_ip(const void *a, const void *b); /* struct lm_ip */

#endif
