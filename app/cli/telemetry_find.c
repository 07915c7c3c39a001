/* SPDX-License-Identifier: Apache-2.0 */
/* Which gateways run on this host: their telemetry sockets, as DPDK names them. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "telemetry_find.h"

#define SOCKET "dpdk_telemetry.v2"
#define CANDIDATES_MAX 64

struct candidate {
	char name[80]; /* the prefix; ":1" behind it for a second process of the same prefix */
	char path[256];
};

struct search {
	const char *prefix; /* NULL: any */
	struct candidate found[CANDIDATES_MAX];
	unsigned n;
	bool forbidden; /* a folder that we may not read: there may be more */
};

/* Sockets of one process's folder. */
static void look_into(struct search *s, const char *folder, const char *prefix)
{
	DIR *d = opendir(folder);
	struct dirent *e;

	if (!d) {
		s->forbidden |= errno == EACCES;
		return;
	}
	while ((e = readdir(d)) && s->n < CANDIDATES_MAX) {
		struct candidate *c = &s->found[s->n];
		const char *instance = e->d_name + strlen(SOCKET);

		if (strncmp(e->d_name, SOCKET, strlen(SOCKET)) != 0 ||
		    (*instance != '\0' && *instance != ':'))
			continue;
		int a = snprintf(c->name, sizeof(c->name), "%s%s", prefix, instance);
		int b = snprintf(c->path, sizeof(c->path), "%s/%s", folder, e->d_name);
		if (a < 0 || a >= (int)sizeof(c->name) || b < 0 || b >= (int)sizeof(c->path))
			continue;
		if (!s->prefix || strcmp(s->prefix, c->name) == 0)
			s->n++;
	}
	closedir(d);
}

/* root/dpdk/<prefix>/dpdk_telemetry.v2 */
static void look_below(struct search *s, const char *root)
{
	char path[200], folder[256];
	struct dirent *e;

	if (snprintf(path, sizeof(path), "%s/dpdk", root) >= (int)sizeof(path))
		return;
	DIR *d = opendir(path);
	if (!d) {
		s->forbidden |= errno == EACCES;
		return;
	}
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && strlen(e->d_name) < 64 &&
		    snprintf(folder, sizeof(folder), "%s/%.63s", path, e->d_name) <
			(int)sizeof(folder))
			look_into(s, folder, e->d_name);
	closedir(d);
}

/* As DPDK chooses it (rte_eal_get_runtime_dir), and where our systemd unit puts it. */
static void look_everywhere(struct search *s)
{
	const char *given = getenv("RUNTIME_DIRECTORY");

	if (given && given[0]) {
		look_below(s, given);
		return;
	}
	look_below(s, "/run/leasemesh");
	look_below(s, "/var/run");
	if (getuid() != 0) {
		const char *own = getenv("XDG_RUNTIME_DIR");
		look_below(s, own && own[0] ? own : "/tmp");
	}
}

/* Other DPDK programs have telemetry, too, and a killed one leaves its socket behind. */
static bool is_gateway(struct telemetry *t)
{
	json_t *info = NULL;

	telemetry_patience(t, 2);
	bool yes = telemetry_ask(t, "/leasemesh/info", &info, NULL) == 0;
	json_decref(info);
	telemetry_patience(t, 10);
	return yes;
}

static int none_found(const struct search *s, struct lm_why *why)
{
	const char *hint = s->forbidden ? " that you may talk to; try as root" : " on this host";

	if (s->prefix)
		return lm_why(why, ENOENT, "no gateway called \"%s\" runs%s", s->prefix, hint);
	return lm_why(why, ENOENT, "no gateway runs%s", hint);
}

int telemetry_open(struct telemetry **out, const char *prefix, struct lm_why *why)
{
	struct search *s = calloc(1, sizeof(*s));
	struct telemetry *only = NULL;
	char names[160] = "";
	unsigned n = 0;
	int r = 0;

	if (!s)
		return lm_why(why, ENOMEM, "out of memory");
	s->prefix = prefix;
	look_everywhere(s);
	for (unsigned i = 0; i < s->n; i++) {
		struct telemetry *t;
		size_t at = strlen(names);

		r = telemetry_connect(&t, s->found[i].path, NULL);
		s->forbidden |= r == -EACCES;
		if (r)
			continue;
		if (!is_gateway(t)) {
			telemetry_close(t);
			continue;
		}
		snprintf(names + at, sizeof(names) - at, "%s%s", n ? ", " : "", s->found[i].name);
		if (n++ == 0)
			only = t;
		else
			telemetry_close(t);
	}
	if (n == 1) {
		*out = only;
		r = 0;
	} else {
		telemetry_close(only);
		r = n == 0 ? none_found(s, why)
			   : lm_why(why, ENOTUNIQ,
				 "several gateways run here, choose one with --prefix: %s", names);
	}
	free(s);
	return r;
}
