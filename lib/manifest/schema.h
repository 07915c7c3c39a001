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
	struct lm_sorted provider_names, provider_ids, member_names;
	struct lm_sorted ipv4, ipv6; /* of endpoints */
};

/* The whole document. */
int lm_schema_document(struct lm_manifest_full *f, const struct lm_place *root);
int lm_schema_prefixes(struct lm_manifest *m, const struct lm_place *p);
int lm_schema_providers(struct lm_manifest_full *f, const struct lm_place *p);
/* Members with their endpoints, then their rules: rules name members. */
int lm_schema_members(struct lm_manifest_full *f, const struct lm_place *p);
/* One rule. `peer_key` is "from" or "to". */
int lm_schema_rule(struct lm_rule *rule, const struct lm_sorted *member_names, const char *peer_key,
    const struct lm_place *p);

/*
 * Sorts the index of a list of maps; if two of them have the same value under `key`, refuses the
 * second: "the same as in providers[0]".
 */
int lm_schema_unique(struct lm_sorted *index, const struct lm_place *list, const char *key);

int lm_compare_name(const void *a, const void *b); /* C strings */
int lm_compare_key_id(const void *a, const void *b); /* struct lm_key_id */
int lm_compare_ip(const void *a, const void *b); /* struct lm_ip */

#endif
