/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and tests in words. */
#ifndef LM_CLI_RULE_H
#define LM_CLI_RULE_H

#include <stdio.h>
#include "manifest/manifest.h"

/* "may be reached from db, web: tcp 80, 443", "may not reach 10.0.0.0/8 except 10.0.0.1/32: icmp"
 */
void rule_print(FILE *out, const struct lm_manifest *m, const struct lm_rule *r, bool ingress);
/* The same for all rules that mean the same; to be freed. NULL: no memory. */
char *rule_text(const struct lm_manifest *m, const struct lm_rule *r, bool ingress);
/* "web to db/0, tcp 5432" */
void rule_print_probe(FILE *out, const struct lm_manifest *m, const struct lm_probe *probe);

#endif
