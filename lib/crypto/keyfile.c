/* SPDX-License-Identifier: Apache-2.0 */
/* Key files of identities. */
#include "crypto/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/bytes.h"
#include "base/io.h"

#define KEY_PREFIX "leasemesh-key-v1 "
#define KEY_HEX 64
#define KEY_LINE (sizeof KEY_PREFIX - 1 + KEY_HEX + 1) /* with its newline */

static int check_mode(int fd, const char *path, struct lm_why *why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return lm_why(why, errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return lm_why(why, EINVAL, "%s: is not a file", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return lm_why(why, EACCES,
		    "%s: mode %04o lets others at the secret key; it must be 0600 (chmod 600)",
		    path, (unsigned)st.st_mode & 07777);
	return 0;
}

static int parse_line(
    struct lm_identity *out, const char *line, size_t len, const char *path, struct lm_why *why)
{
	uint8_t seed[32];
	const size_t prefix = sizeof KEY_PREFIX - 1;

	if (len > 0 && line[len - 1] == '\n')
		len--;
	if (len != prefix + KEY_HEX || memcmp(line, KEY_PREFIX, prefix) != 0 ||
	    lm_unhex(seed, sizeof seed, line + prefix, KEY_HEX) < 0)
		return lm_why(why, EINVAL,
		    "%s:1: is not a key file: want one line '" KEY_PREFIX "<%d hex digits>'", path,
		    KEY_HEX);
	lm_identity_from_seed(out, seed);
	lm_wipe(seed, sizeof seed);
	return 0;
}

int lm_identity_load(struct lm_identity *out, const char *path, struct lm_why *why)
{
	char line[KEY_LINE + 1]; /* one more than allowed, to notice it */

	/* O_NONBLOCK: a FIFO must not hang us before we see that it is none of ours. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return lm_why(why, errno, "%s: %s", path, strerror(errno));
	int ret = check_mode(fd, path, why);
	if (ret == 0) {
		ssize_t n = lm_read_all(fd, line, sizeof line);
		ret = n < 0 ? lm_why(why, (int)-n, "%s: %s", path, strerror((int)-n))
			    : parse_line(out, line, (size_t)n, path, why);
		lm_wipe(line, sizeof line);
	}
	close(fd);
	return ret;
}

/* A new name is durable once its directory is. */
static int sync_parent(const char *path)
{
	char copy[PATH_MAX];

	if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
		return -ENAMETOOLONG;
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int ret = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

int lm_identity_save(const struct lm_identity *id, const char *path, struct lm_why *why)
{
	char line[KEY_LINE + 1];

	/* O_EXCL: a key that is there already is somebody's identity. */
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (fd < 0)
		return lm_why(why, errno, "%s: %s", path, strerror(errno));
	memcpy(line, KEY_PREFIX, sizeof KEY_PREFIX - 1);
	lm_hex(line + sizeof KEY_PREFIX - 1, id->seed, sizeof id->seed);
	line[KEY_LINE - 1] = '\n';
	int ret = lm_write_all(fd, line, KEY_LINE);
	lm_wipe(line, sizeof line);
	if (ret == 0 && fsync(fd) < 0)
		ret = -errno;
	if (close(fd) < 0 && ret == 0)
		ret = -errno;
	if (ret == 0)
		ret = sync_parent(path);
	if (ret < 0) {
		unlink(path);
		return lm_why(why, -ret, "%s: %s", path, strerror(-ret));
	}
	return 0;
}
