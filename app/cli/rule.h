/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, tests and routes in words. */
#ifndef LM_CLI_RULE_H
#define LM_CLI_RULE_H

#include <stdio.h>
#include "manifest/manifest.h"

/* "may be reached from db, web: tcp 80, 443", "may not reach 10.0.0.0/8 except 10.0.0.1/32: icmp"
 */
void rule_print(FILE *out, const struct lm_manifest *m, const struct lm_rule *r, bool ingress);
/* The same for all rules that mean the same; to be freed. NULL: no memory. */
char *rule_text(const struct lm_manifest *m, const struct lm_rule *r, bool ingress);
/* "web to db/0, tcp 5432", "web to 10.20.5.1, icmp" */
void rule_print_probe(FILE *out, const struct lm_manifest *m, const struct lm_probe *probe);
/* "router/1, gw": whom a route is via, in order of preference. The second is to be freed. */
void rule_print_vias(FILE *out, const struct lm_manifest *m, const struct lm_route *r);
char *rule_vias_text(const struct lm_manifest *m, const struct lm_route *r);

#endif
