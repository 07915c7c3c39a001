/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include "base/text.h"

#define LINE_MAX_BYTES 1024

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static enum lm_log_level max_level = LM_INFO;
static void (*log_sink)(void *ctx, enum lm_log_level level, const char *line);
static void *log_sink_ctx;

void lm_log_set_level(enum lm_log_level level)
{
	max_level = level;
}

void lm_log_set_sink(void (*sink)(void *ctx, enum lm_log_level level, const char *line), void *ctx)
{
	log_sink = sink;
	log_sink_ctx = ctx;
}

void lm_log_write(enum lm_log_level level, const char *module, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;

	if (level > max_level)
		return;
	int n = snprintf(line, sizeof line, "%s %s: ", level_names[level], module);
	if (n < 0 || (size_t)n >= sizeof line)
		n = 0;
	va_start(args, fmt);
	vsnprintf(line + n, sizeof line - (size_t)n, fmt, args);
	va_end(args);
	lm_text_clean(line);
	if (log_sink)
		log_sink(log_sink_ctx, level, line);
	else
		/* One call a line: lines of several threads do not mix. */
		fprintf(stderr, "%s\n", line);
}
