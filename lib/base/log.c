/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
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

static void put(enum lm_log_level level, const char *module, const char *fmt, va_list args)
{
	char line[LINE_MAX_BYTES];

	int n = snprintf(line, sizeof line, "%s %s: ", level_names[level], module);
	if (n < 0 || (size_t)n >= sizeof line)
		n = 0;
	vsnprintf(line + n, sizeof line - (size_t)n, fmt, args);
	lm_text_clean(line);
	if (log_sink)
		log_sink(log_sink_ctx, level, line);
	else
		/* One call a line: lines of several threads do not mix. */
		fprintf(stderr, "%s\n", line);
}

void lm_log_write(enum lm_log_level level, const char *module, const char *fmt, ...)
{
	va_list args;

	if (level > max_level)
		return;
	va_start(args, fmt);
	put(level, module, fmt, args);
	va_end(args);
}

bool lm_log_place_take(struct lm_log_place *place, uint64_t now, unsigned *left_out)
{
	*left_out = 0;
	if (place->lines == 0 || now - place->since >= LM_LOG_PLACE_SECONDS) {
		*left_out = place->left_out;
		*place = (struct lm_log_place){.since = now};
	}
	if (place->lines == LM_LOG_PLACE_LINES) {
		place->left_out++;
		return false;
	}
	place->lines++;
	return true;
}

void lm_log_write_limited(
    struct lm_log_place *place, enum lm_log_level level, const char *module, const char *fmt, ...)
{
	struct timespec now;
	unsigned left_out;
	va_list args;

	if (level > max_level)
		return;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (!lm_log_place_take(place, (uint64_t)now.tv_sec, &left_out))
		return;
	if (left_out)
		lm_log_write(level, module, "%u lines like the next one were left out", left_out);
	va_start(args, fmt);
	put(level, module, fmt, args);
	va_end(args);
}
