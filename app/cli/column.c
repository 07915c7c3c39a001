/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include "column.h"
#include "telemetry.h"

void columns_start(struct table *t, const struct column *columns)
{
	const char *heads[TABLE_COLUMNS_MAX + 1];
	unsigned n = 0;

	for (; columns[n].head && n < TABLE_COLUMNS_MAX; n++)
		heads[n] = columns[n].head;
	heads[n] = NULL;
	table_start(t, heads);
}

void columns_row(struct table *t, const struct column *columns, const json_t *row)
{
	for (unsigned n = 0; n < t->n_columns; n++)
		columns[n].cell(t, row, columns[n].key);
}

void columns_print(const struct column *columns, const json_t *rows)
{
	struct table t;
	const json_t *row;
	size_t i;

	columns_start(&t, columns);
	json_array_foreach(rows, i, row) columns_row(&t, columns, row);
	table_end(&t);
}

json_int_t number_of(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

void cell_text(struct table *t, const json_t *row, const char *key)
{
	char text[256];

	table_cell(t, telemetry_text(row, key, text, sizeof(text)));
}

void cell_id(struct table *t, const json_t *row, const char *key)
{
	char text[256];

	telemetry_text(row, key, text, sizeof(text));
	table_cellf(t, "%.12s", text);
}

void cell_count(struct table *t, const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);

	if (json_is_integer(value))
		table_cellf(t, "%lld", (long long)json_integer_value(value));
	else
		table_cell(t, NULL);
}

/* With three digits or four, and what they are a thousand's power of. */
static void cell_scaled(struct table *t, double n, const char *unit)
{
	static const char powers[] = "kMGTPE";
	unsigned power = 0;

	if (n < 999.5) {
		table_cellf(t, "%.0f%s%s", n, unit[0] ? " " : "", unit);
		return;
	}
	/* 999.95 would be printed as 1000.0 */
	for (n /= 1000; n >= 999.95 && power < 5; power++)
		n /= 1000;
	table_cellf(t, "%.1f %c%s", n, powers[power], unit);
}

void cell_bytes(struct table *t, const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);

	if (json_is_integer(value))
		cell_scaled(t, (double)json_integer_value(value), "B");
	else
		table_cell(t, NULL);
}

void cell_rate(struct table *t, const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);

	if (json_is_number(value))
		cell_scaled(t, json_number_value(value), "");
	else
		table_cell(t, NULL);
}

void cell_bits(struct table *t, const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);

	if (json_is_number(value))
		cell_scaled(t, 8 * json_number_value(value), "b/s");
	else
		table_cell(t, NULL);
}

void cell_age(struct table *t, const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);
	long long s = json_integer_value(value);

	if (!json_is_integer(value))
		table_cell(t, NULL);
	else if (s < 60)
		table_cellf(t, "%llds", s);
	else if (s < 3600)
		table_cellf(t, "%lldm%02llds", s / 60, s % 60);
	else if (s < 86400)
		table_cellf(t, "%lldh%02lldm", s / 3600, s / 60 % 60);
	else
		table_cellf(t, "%lldd%02lldh", s / 86400, s / 3600 % 24);
}

void cell_endpoint(struct table *t, const json_t *row, const char *key)
{
	char member[128];

	table_cellf(t, "%s/%lld", telemetry_text(row, key, member, sizeof(member)),
	    (long long)number_of(row, "replica"));
}
