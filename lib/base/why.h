/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why something was refused, in words for the person who caused it.
 *
 * The error idiom of the whole project: a function returns 0 (or a count) or a
 * negative errno. What rejects somebody's input (a file, a manifest, a message)
 * also fills a struct lm_why at the place that knows: file, line, key, reason.
 * Whoever owns the event logs that text once, counts it, and passes it on to
 * the tenant or operator. Everything else logs one line where the error arises.
 *
 * Any thread; no allocation.
 */
#ifndef LM_BASE_WHY_H
#define LM_BASE_WHY_H

#define LM_WHY_MAX 256

struct lm_why {
	char text[LM_WHY_MAX]; /* NUL terminated, no newline; "" if nothing was said */
};

/*
 * Say why and return -err, so that `return lm_why(why, EINVAL, "...")` reads as
 * one step. The first reason stays: a caller cannot overwrite a more exact one.
 * why may be NULL. Control characters of untrusted text are replaced by '?'.
 */
int lm_why(struct lm_why *why, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
