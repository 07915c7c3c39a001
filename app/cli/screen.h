/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal that is drawn anew again and again, by the sequences that every
 * terminal of ECMA-48 knows. What is too wide or too long for it is cut.
 */
#ifndef LM_CLI_SCREEN_H
#define LM_CLI_SCREEN_H

#include <stdbool.h>

/* From now on SIGINT, SIGTERM and SIGHUP only end screen_wait. */
void screen_signals(void);
/*
 * Takes over standard input and output, until screen_end or the process's end; after
 * screen_signals. False: they are no terminal, and nothing was done.
 */
bool screen_begin(void);
void screen_end(void);
/* Shows this text from the top. */
void screen_draw(const char *text);
/*
 * For so many seconds. False: somebody wants it to end (q, a signal, end of input). Ends early when
 * the window changes, with *resized.
 */
bool screen_wait(double seconds, bool *resized);

#endif
