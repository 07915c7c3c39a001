/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables out of telemetry's rows: a column says what it is called and how its cell
 * comes out of a row. Rows are taken as they come: a missing field, or one of
 * another type, is a "-".
 */
#ifndef LM_CLI_COLUMN_H
#define LM_CLI_COLUMN_H

#include <jansson.h>
#include "table.h"

struct column {
	const char *head; /* as table_start's */
	/* Adds one cell. A column of a kind that only one table has may ignore key. */
	void (*cell)(struct table *t, const json_t *row, const char *key);
	const char *key; /* the row's member that is shown */
};

/* Columns end with one whose head is NULL. */
void columns_start(struct table *t, const struct column *columns);
void columns_row(struct table *t, const struct column *columns, const json_t *row);
/* The whole table of an array of rows. */
void columns_print(const struct column *columns, const json_t *rows);

void cell_text(struct table *t, const json_t *row, const char *key);
void cell_id(struct table *t, const json_t *row, const char *key); /* its first 12 digits */
void cell_count(struct table *t, const json_t *row, const char *key);
void cell_bytes(struct table *t, const json_t *row, const char *key); /* 1.2 MB */
/* Of any number, in a second: packets, 1.2 M; bytes as bits, 1.2 Gb/s. */
void cell_rate(struct table *t, const json_t *row, const char *key);
void cell_bits(struct table *t, const json_t *row, const char *key);
void cell_age(struct table *t, const json_t *row, const char *key); /* seconds: 3m12s */
void cell_endpoint(struct table *t, const json_t *row, const char *key); /* member key: web/0 */
/* 0 if it is missing or no number. */
json_int_t number_of(const json_t *row, const char *key);

#endif
