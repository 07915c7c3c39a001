/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator's guide and the example configuration say of every key and of every
 * drop reason what the code says: both are compared with the tables in the code.
 */
#include "suite.h"

#include <inttypes.h>
#include "config/key.h"
#include "dataplane/counters.h"

#define GUIDE LM_TEST_DATA "/../../../docs/operator-guide.md"
#define EXAMPLE LM_TEST_DATA "/../../../conf/gateway.conf"
#define LINES_MAX 1000

static struct text {
	char *all, *lines[LINES_MAX];
	unsigned n;
} guide, example;

static void read_lines(struct text *t, const char *path)
{
	FILE *f = fopen(path, "r");
	size_t size = 0;
	char *rest;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	ssize_t len = getdelim(&t->all, &size, '\0', f);
	CU_ASSERT_FATAL(len > 0);
	fclose(f);
	t->n = 0;
	for (rest = t->all; rest && t->n < LINES_MAX;)
		t->lines[t->n++] = strsep(&rest, "\n");
	CU_ASSERT_PTR_NULL_FATAL(rest);
}

/* The row of a table whose first cell names `what` in backquotes. */
static const char *row_of(const char *what)
{
	char quoted[80];

	snprintf(quoted, sizeof(quoted), "`%s`", what);
	for (unsigned i = 0; i < guide.n; i++) {
		const char *line = guide.lines[i], *end, *at;

		if (strncmp(line, "| `", 3) != 0)
			continue;
		end = strchr(line + 2, '|');
		at = strstr(line, quoted);
		if (at && end && at < end)
			return line;
	}
	return NULL;
}

static bool ends_with(const char *line, const char *end)
{
	size_t n = strlen(line), m = strlen(end);

	return n >= m && strcmp(line + n - m, end) == 0;
}

static void say(bool ok, const char *key, const char *what)
{
	if (!ok)
		printf("\n    %s: %s", key, what);
	CU_ASSERT_TRUE(ok);
}

static void test_keys_of_the_guide(void)
{
	read_lines(&guide, GUIDE);
	for (unsigned i = 0; i < lm_config_n_keys; i++) {
		const struct lm_config_key *k = &lm_config_keys[i];
		const char *row = row_of(k->path);
		char range[64];

		say(row != NULL, k->path, "is not in the guide");
		if (!row)
			continue;
		say(ends_with(row, k->live ? "| yes |" : "| no |"), k->path, "live or not?");
		say((strstr(row, "| required |") != NULL) == k->required, k->path, "required?");
		/* Of the families of gateways, 4 and 6 are no ranges. */
		if (k->max == 0)
			continue;
		snprintf(range, sizeof(range), "%" PRIu64 "..%" PRIu64, k->min, k->max);
		/* worker_cores: the row tells how many, the range of one core is control_core's. */
		if (strcmp(k->path, "dpdk.worker_cores") != 0)
			say(strstr(row, range) != NULL, k->path, range);
	}
	free(guide.all);
	guide.all = NULL;
}

static void test_keys_in_the_guide_exist(void)
{
	bool in_table = false;
	unsigned rows = 0;

	read_lines(&guide, GUIDE);
	for (unsigned i = 0; i < guide.n; i++) {
		char key[64];

		if (strncmp(guide.lines[i], "| key | meaning, range", 22) == 0)
			in_table = true;
		else if (guide.lines[i][0] != '|')
			in_table = false;
		if (!in_table || sscanf(guide.lines[i], "| `%63[a-z0-9_.]`", key) != 1)
			continue;
		rows++;
		say(lm_config_key_find("", key) >= 0, key, "is in the guide only");
	}
	CU_ASSERT(rows > 20);
	free(guide.all);
	guide.all = NULL;
}

/* Defaults of numbers and switches, read from the guide and from the code. */
static void test_defaults_of_the_guide(void)
{
	static const char least[] = "identity=\"k\";state_dir=\"s\";attachments=\"a\";"
				    "dpdk={worker_cores=[1]};ports=({name=\"w\";"
				    "role=\"underlay\";device=\"d\"});"
				    "underlay={addresses=[\"1.2.3.4/8\"]};owners=()";
	struct lm_gateway_config *c = NULL;
	unsigned compared = 0;

	CU_ASSERT_EQUAL_FATAL(lm_config_parse(&c, "x", least, strlen(least), NULL), 0);
	read_lines(&guide, GUIDE);
	for (unsigned i = 0; i < lm_config_n_keys; i++) {
		const struct lm_config_key *k = &lm_config_keys[i];
		const char *value = (const char *)c + k->offset, *row = row_of(k->path);
		char cell[64];

		if (k->required || !row || (k->max == 0 && k->size != sizeof(bool)))
			continue;
		if (k->size == sizeof(bool))
			snprintf(cell, sizeof(cell), "| `%s` |",
			    *(const bool *)value ? "true" : "false");
		else
			snprintf(cell, sizeof(cell), "| %u |",
			    k->size == sizeof(uint16_t) ? *(const uint16_t *)value
							: *(const uint32_t *)value);
		/* workload.mtu: 0 stands for what fits. */
		if (strcmp(cell, "| 0 |") == 0 && strcmp(k->path, "workload.mtu") == 0)
			continue;
		say(strstr(row, cell) != NULL, k->path, cell);
		compared++;
	}
	CU_ASSERT(compared > 10);
	free(guide.all);
	guide.all = NULL;
	lm_config_free(c);
}

static void test_reasons_of_the_guide(void)
{
#define X(id, name) say(row_of(name) != NULL, name, "is not in the guide");
	read_lines(&guide, GUIDE);
	LM_DROPS(X)
#undef X
	free(guide.all);
	guide.all = NULL;
}

/* The line of the example, maybe commented out, that sets this key: "key = ", in its group. */
static const char *line_of(const char *path)
{
	const char *dot = strchr(path, '.'), *name = dot ? dot + 1 : path;
	char group[32] = "", start[40];
	bool inside = !dot;

	if (dot)
		snprintf(start, sizeof(start), "%.*s = {", (int)(dot - path), path);
	snprintf(group, sizeof(group), "%s = ", name);
	for (unsigned i = 0; i < example.n; i++) {
		const char *line = example.lines[i];

		if (dot && strncmp(line, start, strlen(start)) == 0)
			inside = true;
		else if (dot && line[0] == '}')
			inside = false;
		line += strspn(line, dot ? "\t# " : "# ");
		if (inside && strncmp(line, group, strlen(group)) == 0)
			return example.lines[i];
	}
	return NULL;
}

static void test_keys_of_the_example(void)
{
	read_lines(&example, EXAMPLE);
	for (unsigned i = 0; i < lm_config_n_keys; i++) {
		const struct lm_config_key *k = &lm_config_keys[i];
		const char *line = line_of(k->path);

		say(line != NULL, k->path, "is not in the example");
		/* Lists of several lines say it in the comment above them. */
		if (line && strcmp(k->path, "owners") != 0 && strcmp(k->path, "ports") != 0)
			say((strstr(line, "[live]") != NULL) == k->live, k->path, "live or not?");
	}
	free(example.all);
	example.all = NULL;
}

LM_SUITE("operator guide", {"keys of the guide", test_keys_of_the_guide},
    {"keys in the guide exist", test_keys_in_the_guide_exist},
    {"defaults of the guide", test_defaults_of_the_guide},
    {"reasons of the guide", test_reasons_of_the_guide},
    {"keys of the example", test_keys_of_the_example})
