/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates out of a libconfig setting: a whole number, or a string of one that may end
 * in k, M or G (thousands, not 1024). Errors as in config/value.h. Internal to
 * lib/config.
 */
#ifndef LM_CONFIG_RATES_H
#define LM_CONFIG_RATES_H

#include "config/value.h"
#include "dataplane/rates.h"

/* 0, or min .. max. */
int lm_value_rate(
    const struct lm_values *v, config_setting_t *s, uint64_t min, uint64_t max, uint64_t *out);
/* Those of the four that the group has. *given gets a bit for each, 1 << enum lm_rate. */
int lm_value_rates(
    const struct lm_values *v, config_setting_t *group, struct lm_rates *out, uint8_t *given);

#endif
