/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "table.h"

#define CELL_MAX 200

static void *must(void *allocated)
{
	if (!allocated) {
		fputs("leasemesh: out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	return allocated;
}

void table_start(struct table *t, const char *const *heads)
{
	*t = (struct table){.to = stdout};
	for (; heads[t->n_columns]; t->n_columns++)
		t->heads[t->n_columns] = heads[t->n_columns];
}

void table_cell(struct table *t, const char *text)
{
	if (t->n_cells == t->size) {
		size_t size = t->size ? 2 * t->size : 64;
		t->cells = must(realloc(t->cells, size * sizeof(*t->cells)));
		t->size = size;
	}
	char *copy = must(strndup(text && text[0] ? text : "-", CELL_MAX));
	lm_text_clean(copy);
	t->cells[t->n_cells++] = copy;
}

void table_cellf(struct table *t, const char *fmt, ...)
{
	char text[CELL_MAX + 1];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	table_cell(t, text);
}

static void print_row(const struct table *t, const size_t *widths, const char *const *cells)
{
	for (unsigned c = 0; c < t->n_columns; c++) {
		int pad = (int)(widths[c] - strlen(cells[c]));
		int last = c + 1 == t->n_columns;

		if (t->heads[c][0] == '>')
			fprintf(t->to, "%*s%s", pad, "", cells[c]);
		else /* no blanks at the end of a line */
			fprintf(t->to, "%s%*s", cells[c], last ? 0 : pad, "");
		fputs(last ? "\n" : "  ", t->to);
	}
}

void table_end(struct table *t)
{
	const char *heads[TABLE_COLUMNS_MAX];
	size_t widths[TABLE_COLUMNS_MAX];

	for (unsigned c = 0; c < t->n_columns; c++) {
		heads[c] = t->heads[c] + (t->heads[c][0] == '>');
		widths[c] = strlen(heads[c]);
		for (size_t i = c; i < t->n_cells; i += t->n_columns)
			if (strlen(t->cells[i]) > widths[c])
				widths[c] = strlen(t->cells[i]);
	}
	if (t->n_cells)
		print_row(t, widths, heads);
	for (size_t i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
		print_row(t, widths, (const char *const *)&t->cells[i]);
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){0};
}
