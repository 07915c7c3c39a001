/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging of the control plane and the tools: one line an event on stderr,
 * "<level> <module>: text". Never called from a worker lcore.
 */
#ifndef LM_BASE_LOG_H
#define LM_BASE_LOG_H

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

#endif
