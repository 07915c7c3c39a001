/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/text.h"
#include "cli.h"
#include "telemetry.h"
#include "telemetry_find.h"

#define REPLY_MAX (1u << 20) /* DPDK says 16 KiB; more than this nobody should */

struct telemetry {
	int fd;
	size_t reply_size;
	char *reply;
};

void telemetry_patience(struct telemetry *t, unsigned seconds)
{
	const struct timeval tv = {.tv_sec = seconds};

	setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(t->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

/* One message, parsed. */
static int receive(struct telemetry *t, json_t **out, struct lm_why *why)
{
	struct iovec iov = {.iov_base = t->reply, .iov_len = t->reply_size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	json_error_t error;
	ssize_t n;

	do
		n = recvmsg(t->fd, &msg, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return lm_why(why, ETIMEDOUT, "the gateway does not answer");
	if (n < 0)
		return lm_why(why, errno, "telemetry socket: %s", strerror(errno));
	if (n == 0)
		return lm_why(why, ECONNRESET, "the gateway closed the connection");
	if (msg.msg_flags & MSG_TRUNC)
		return lm_why(why, EMSGSIZE, "an answer has more than %zu bytes", t->reply_size);
	*out = json_loadb(t->reply, (size_t)n, 0, &error);
	if (!*out)
		return lm_why(why, EBADMSG, "an answer is no JSON: %s", error.text);
	return 0;
}

/* The server's first message: its version, its process id, and how long its answers are at most. */
static int greet(struct telemetry *t, struct lm_why *why)
{
	json_t *hello;
	char *reply;

	int r = receive(t, &hello, why);
	if (r < 0)
		return r;
	json_int_t size = json_integer_value(json_object_get(hello, "max_output_len"));
	json_decref(hello);
	if (size < 1024 || size > REPLY_MAX)
		return lm_why(why, EPROTO, "this is no telemetry socket");
	reply = realloc(t->reply, (size_t)size);
	if (!reply)
		return lm_why(why, ENOMEM, "out of memory");
	t->reply = reply;
	t->reply_size = (size_t)size;
	return 0;
}

int telemetry_connect(struct telemetry **out, const char *path, struct lm_why *why)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct telemetry *t;
	int r;

	if (strlen(path) >= sizeof(sun.sun_path))
		return lm_why(why, ENAMETOOLONG, "%s: %s", path, strerror(ENAMETOOLONG));
	strcpy(sun.sun_path, path);
	t = calloc(1, sizeof(*t));
	if (!t)
		return lm_why(why, ENOMEM, "out of memory");
	t->reply_size = 16384;
	t->reply = malloc(t->reply_size);
	t->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (!t->reply || t->fd < 0) {
		r = lm_why(why, t->reply ? errno : ENOMEM, "cannot make a socket");
		goto failed;
	}
	telemetry_patience(t, 10);
	if (connect(t->fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		r = lm_why(why, errno, "%s: %s", path, strerror(errno));
		goto failed;
	}
	r = greet(t, why);
	if (r < 0)
		goto failed;
	*out = t;
	return 0;
failed:
	telemetry_close(t);
	return r;
}

void telemetry_close(struct telemetry *t)
{
	if (!t)
		return;
	if (t->fd >= 0)
		close(t->fd);
	free(t->reply);
	free(t);
}

int telemetry_ask(struct telemetry *t, const char *cmd, json_t **out, struct lm_why *why)
{
	char name[64];
	json_t *reply;

	/* The answer is called by the command without its parameter. */
	size_t len = strcspn(cmd, ",");
	if (len >= sizeof(name))
		len = sizeof(name) - 1;
	memcpy(name, cmd, len);
	name[len] = '\0';
	if (send(t->fd, cmd, strlen(cmd), MSG_NOSIGNAL) < 0)
		return lm_why(why, errno, "telemetry socket: %s", strerror(errno));
	int r = receive(t, &reply, why);
	if (r < 0)
		return r;
	json_t *value = json_object_get(reply, name);
	if (json_is_object(value))
		*out = json_incref(value);
	else
		r = lm_why(why, EPROTO, "the gateway does not answer %s", name);
	json_decref(reply);
	return r;
}

/* Rows are an array, or (DPDK has no arrays of objects) an object with members "0", "1", ... */
static int append_rows(json_t *all, const json_t *rows)
{
	char key[24];
	json_t *row;

	for (size_t i = 0;; i++) {
		if (json_is_array(rows)) {
			row = json_array_get(rows, i);
		} else {
			snprintf(key, sizeof(key), "%zu", i);
			row = json_object_get(rows, key);
		}
		if (!json_is_object(row))
			return 0;
		if (json_array_size(all) >= TELEMETRY_ROWS_MAX)
			return -E2BIG;
		if (json_array_append(all, row) < 0)
			return -ENOMEM;
	}
}

int telemetry_ask_list(
    struct telemetry *t, const char *cmd, const char *list, json_t **out, struct lm_why *why)
{
	json_t *first = NULL, *all = json_array();
	json_int_t at = 0, next;
	int r = all ? 0 : -ENOMEM;

	while (!r) {
		char page[1024], where[24] = "";
		json_t *answer;

		if (at)
			snprintf(where, sizeof(where), ",%lld", (long long)at);
		if (snprintf(page, sizeof(page), "%s%s", cmd, where) >= (int)sizeof(page)) {
			r = -ENAMETOOLONG;
			break;
		}
		r = telemetry_ask(t, page, &answer, why);
		if (r)
			break;
		r = append_rows(all, json_object_get(answer, list));
		next = json_integer_value(json_object_get(answer, "next"));
		if (first)
			json_decref(answer);
		else
			first = answer;
		/* "next" that does not move on would ask for ever. */
		if (r || next <= at)
			break;
		at = next;
	}
	if (r == 0) {
		json_object_del(first, "next");
		r = json_object_set(first, list, all) < 0 ? -ENOMEM : 0;
	}
	json_decref(all);
	if (r == -E2BIG)
		lm_why(why, E2BIG, "%s: more than %u rows", cmd, TELEMETRY_ROWS_MAX);
	if (r < 0) {
		json_decref(first);
		return lm_why(why, -r, "%s: %s", cmd, strerror(-r));
	}
	*out = first;
	return 0;
}

const char *telemetry_text(const json_t *object, const char *key, char *buf, size_t size)
{
	char more[64];

	snprintf(more, sizeof(more), "%s_more", key);
	const char *head = json_string_value(json_object_get(object, key));
	const char *tail = json_string_value(json_object_get(object, more));
	snprintf(buf, size, "%s%s", head ? head : "", tail ? tail : "");
	lm_text_clean(buf);
	return buf;
}

int telemetry_outcome(const json_t *answer)
{
	char result[16], text[LM_WHY_MAX];

	telemetry_text(answer, "result", result, sizeof(result));
	telemetry_text(answer, "text", text, sizeof(text));
	if (strcmp(result, "ok") != 0)
		return cli_fail("%s", text[0] ? text : "the gateway refused");
	puts(text[0] ? text : "done");
	return CLI_OK;
}
