/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table for people: columns as wide as their widest cell, two blanks between.
 * Cells are copied, cleaned of control characters, and cut at 200 characters.
 */
#ifndef LM_CLI_TABLE_H
#define LM_CLI_TABLE_H

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 16

struct table {
	const char *heads[TABLE_COLUMNS_MAX];
	unsigned n_columns;
	char **cells; /* row after row */
	size_t n_cells, size;
	FILE *to; /* stdout at first */
};

/* At most TABLE_COLUMNS_MAX heads, then NULL. One that starts with '>' aligns its column right. */
void table_start(struct table *t, const char *const *heads);
/* Cells from left to right, row after row. NULL and "" become "-". */
void table_cell(struct table *t, const char *text);
void table_cellf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints it and frees it. An empty table prints nothing. */
void table_end(struct table *t);

#endif
