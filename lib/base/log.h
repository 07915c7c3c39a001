/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging of the control plane and the tools: one line an event on stderr,
 * "<level> <module>: text". Never called from a worker lcore.
 */
#ifndef LM_BASE_LOG_H
#define LM_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum lm_log_level { LM_ERROR, LM_WARN, LM_INFO, LM_DEBUG };

/* Lines above this level are not written. Default LM_INFO. */
void lm_log_set_level(enum lm_log_level level);
/* Tests set a sink to read what was logged; NULL restores stderr. */
void lm_log_set_sink(void (*sink)(void *ctx, enum lm_log_level level, const char *line), void *ctx);

void lm_log_write(enum lm_log_level level, const char *module, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Each file that logs defines LM_LOG_MODULE before its first use. */
#define lm_error(...) lm_log_write(LM_ERROR, LM_LOG_MODULE, __VA_ARGS__)
#define lm_warn(...) lm_log_write(LM_WARN, LM_LOG_MODULE, __VA_ARGS__)
#define lm_info(...) lm_log_write(LM_INFO, LM_LOG_MODULE, __VA_ARGS__)
#define lm_debug(...) lm_log_write(LM_DEBUG, LM_LOG_MODULE, __VA_ARGS__)

/*
 * For lines that others (tenants, peers, workloads) can cause as often as they like: of each place
 * in the code LM_LOG_PLACE_LINES in LM_LOG_PLACE_SECONDS, so that nobody fills a disk or hides
 * something else. How many were left out is said with the next one; counters know them all.
 */
#define LM_LOG_PLACE_LINES 20
#define LM_LOG_PLACE_SECONDS 60

struct lm_log_place {
	uint64_t since; /* seconds */
	unsigned lines, left_out;
};

void lm_log_write_limited(struct lm_log_place *place, enum lm_log_level level, const char *module,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* May this place write one more at this second? If so, *left_out is how many could not. */
bool lm_log_place_take(struct lm_log_place *place, uint64_t now, unsigned *left_out);

#define lm_log_limited(level, ...) \
	do { \
		static struct lm_log_place lm_log_place; \
		lm_log_write_limited(&lm_log_place, level, LM_LOG_MODULE, __VA_ARGS__); \
	} while (0)
#define lm_error_limited(...) lm_log_limited(LM_ERROR, __VA_ARGS__)
#define lm_warn_limited(...) lm_log_limited(LM_WARN, __VA_ARGS__)
#define lm_info_limited(...) lm_log_limited(LM_INFO, __VA_ARGS__)

#endif
