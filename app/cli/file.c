/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the command line: bounded reads, replacement in one step, "-" for the standard streams.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"
#include "cli.h"

static int is_standard(const char *path)
{
	return strcmp(path, "-") == 0;
}

const char *cli_input_name(const char *path)
{
	return is_standard(path) ? "<stdin>" : path;
}

static int read_all(int fd, uint8_t **out, size_t *len, size_t max)
{
	/* One byte more than allowed, to notice that there is more. */
	uint8_t *data = malloc(max + 1);
	if (!data)
		return -ENOMEM;
	ssize_t n = lm_read_all(fd, data, max + 1);
	if (n < 0 || (size_t)n > max) {
		free(data);
		return n < 0 ? (int)n : -E2BIG;
	}
	*out = data;
	*len = (size_t)n;
	return 0;
}

int cli_read(uint8_t **out, size_t *len, const char *path, size_t max, struct lm_why *why)
{
	int fd = is_standard(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return lm_why(why, errno, "%s: %s", path, strerror(errno));
	int err = read_all(fd, out, len, max);
	if (fd != STDIN_FILENO)
		close(fd);
	if (err == -E2BIG)
		return lm_why(why, E2BIG, "%s: larger than %zu bytes", cli_input_name(path), max);
	if (err < 0)
		return lm_why(why, -err, "%s: %s", cli_input_name(path), strerror(-err));
	return 0;
}

static int replace_file(const char *path, const char *tmp, const void *data, size_t len)
{
	int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	int err = lm_write_all(fd, data, len);
	if (!err && fsync(fd) < 0)
		err = -errno;
	if (close(fd) < 0 && !err)
		err = -errno;
	if (!err && rename(tmp, path) < 0)
		err = -errno;
	if (err)
		unlink(tmp);
	return err;
}

/* A device, a pipe or a link: what it leads to is meant, it must not be replaced by a file. */
static int write_through(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = lm_write_all(fd, data, len);
	if (close(fd) < 0 && !err)
		err = -errno;
	return err;
}

static int write_path(const char *path, const void *data, size_t len)
{
	struct stat st;
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return write_through(path, data, len);
	char tmp[PATH_MAX];
	int n = snprintf(tmp, sizeof(tmp), "%s.new-%ld", path, (long)getpid());
	if (n < 0 || (size_t)n >= sizeof(tmp))
		return -ENAMETOOLONG;
	return replace_file(path, tmp, data, len);
}

int cli_write(const char *path, const void *data, size_t len, struct lm_why *why)
{
	if (is_standard(path)) {
		int err = lm_write_all(STDOUT_FILENO, data, len);
		return err ? lm_why(why, -err, "<stdout>: %s", strerror(-err)) : 0;
	}
	int err = write_path(path, data, len);
	return err ? lm_why(why, -err, "%s: %s", path, strerror(-err)) : 0;
}
