/* SPDX-License-Identifier: Apache-2.0 */
/* Bits and packets a second: 250000, "250k", "100M", "10G". 0: no limit. */
#include "config/rates.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char *const names[] = {
#define X(id, name) name,
    LM_RATES_OF(X)
#undef X
};

/* Digits, then at most one letter for thousands, millions, ... False: something else. */
static bool parse(const char *text, uint64_t *out)
{
	static const char units[] = "kMG";
	uint64_t n = 0;

	if (!isdigit((unsigned char)*text))
		return false;
	/* 19 digits fit, and what is too large stays so. */
	for (unsigned digits = 0; isdigit((unsigned char)*text); text++) {
		if (++digits > 19)
			return false;
		n = n * 10 + (uint64_t)(*text - '0');
	}
	const char *unit = *text ? strchr(units, *text) : NULL;
	if (*text && (!unit || text[1]))
		return false;
	for (const char *u = units; unit && u <= unit; u++)
		if (__builtin_mul_overflow(n, 1000u, &n))
			return false;
	*out = n;
	return true;
}

int lm_value_rate(
    const struct lm_values *v, config_setting_t *s, uint64_t min, uint64_t max, uint64_t *out)
{
	const char *text;
	uint64_t n;

	if (config_setting_type(s) != CONFIG_TYPE_STRING) {
		if (lm_value_uint(v, s, 0, max, &n))
			return -EINVAL;
	} else {
		if (lm_value_string(v, s, 1, 32, &text))
			return -EINVAL;
		if (!parse(text, &n))
			return lm_value_why(
			    v, s, "\"%s\" is no rate: digits, then k, M or G", text);
	}
	if (n != 0 && (n < min || n > max))
		return lm_value_why(v, s,
		    "%" PRIu64 " is not within %" PRIu64 "..%" PRIu64 ", nor 0 for no limit", n,
		    min, max);
	*out = n;
	return 0;
}

int lm_value_rates(
    const struct lm_values *v, config_setting_t *group, struct lm_rates *out, uint8_t *given)
{
	for (unsigned i = 0; i < LM_RATE_MAX; i++) {
		config_setting_t *s = config_setting_get_member(group, names[i]);
		bool bits = i == LM_RATE_BITS_OUT || i == LM_RATE_BITS_IN;

		if (!s)
			continue;
		if (lm_value_rate(v, s, bits ? LM_RATE_BITS_MIN : 1,
			bits ? LM_RATE_BITS_LIMIT : LM_RATE_PACKETS_LIMIT, &out->of[i]))
			return -EINVAL;
		*given |= (uint8_t)(1u << i);
	}
	return 0;
}
