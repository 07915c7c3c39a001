/* SPDX-License-Identifier: Apache-2.0 */
#include "config/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"

void lm_source_name(char *out, size_t size, const char *path)
{
	size_t len = strlen(path);

	if (len < size)
		memcpy(out, path, len + 1);
	else
		snprintf(out, size, "...%s", path + len - (size - 4));
}

int lm_source_parse(
    struct lm_source *out, const char *path, const char *text, size_t len, struct lm_why *why)
{
	int r;

	lm_source_name(out->name, sizeof(out->name), path);
	config_init(&out->config);
	r = lm_source_scan(out->name, text, len, why);
	if (r)
		goto failed;

	/* libconfig 1.5 wants a newline after a comment that ends the file. */
	char *copy = malloc(len + 2);
	if (!copy) {
		r = lm_why(why, ENOMEM, "%s: out of memory", out->name);
		goto failed;
	}
	memcpy(copy, text, len);
	memcpy(copy + len, "\n", 2);
	int ok = config_read_string(&out->config, copy);
	free(copy);
	if (!ok) {
		const char *text_of_error = config_error_text(&out->config);
		r = lm_why(why, EINVAL, "%s:%d: %s", out->name, config_error_line(&out->config),
		    text_of_error ? text_of_error : "syntax error");
		goto failed;
	}
	return 0;
failed:
	config_destroy(&out->config);
	return r;
}

int lm_source_open(struct lm_source *out, const char *path, size_t max_bytes, struct lm_why *why)
{
	char name[sizeof(out->name)];
	struct stat st;
	char *text = NULL;
	int r;

	lm_source_name(name, sizeof(name), path);
	/* O_NONBLOCK: opening a FIFO must not stop the control thread. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return lm_why(why, errno, "%s: %s", name, strerror(errno));
	if (fstat(fd, &st) < 0) {
		r = lm_why(why, errno, "%s: %s", name, strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		r = lm_why(why, EINVAL, "%s: not a regular file", name);
		goto out;
	}
	text = malloc(max_bytes + 1);
	if (!text) {
		r = lm_why(why, ENOMEM, "%s: out of memory", name);
		goto out;
	}
	/* One more than is allowed, so that a file that grows meanwhile cannot mislead. */
	ssize_t len = lm_read_all(fd, text, max_bytes + 1);
	if (len < 0)
		r = lm_why(why, (int)-len, "%s: %s", name, strerror((int)-len));
	else if ((size_t)len > max_bytes)
		r = lm_why(why, E2BIG, "%s: larger than %zu bytes", name, max_bytes);
	else
		r = lm_source_parse(out, path, text, (size_t)len, why);
out:
	free(text);
	close(fd);
	return r;
}

void lm_source_close(struct lm_source *src)
{
	config_destroy(&src->config);
}
