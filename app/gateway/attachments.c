/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "gateway.h"

#define LM_LOG_MODULE "attachment"

#define SUFFIX ".conf"

static const char *const state_text[] = {
    [GW_WAITING] = "waiting",
    [GW_ACTIVE] = "active",
    [GW_REFUSED] = "refused",
};

const char *gw_attachment_state_text(enum gw_attachment_state state)
{
	return state_text[state];
}

struct gw_attachment *gw_attachment(struct gateway *gw, uint32_t id)
{
	return id < gw->attachments.n_slots ? gw->attachments.slots[id] : NULL;
}

/* ---- the files ------------------------------------------------------------ */

/* The name of an attachment from a file name; false for files that are none. */
static bool file_to_name(char out[LM_ATTACHMENT_NAME_MAX + 1], const char *file)
{
	size_t len = strlen(file), suffix = strlen(SUFFIX);

	if (file[0] == '.' || len <= suffix || strcmp(file + len - suffix, SUFFIX) != 0)
		return false;
	if (len - suffix > LM_ATTACHMENT_NAME_MAX) {
		lm_error(
		    "%s: name longer than %d characters, ignored", file, LM_ATTACHMENT_NAME_MAX);
		return false;
	}
	memcpy(out, file, len - suffix);
	out[len - suffix] = '\0';
	return true;
}

static struct gw_attachment *by_name(struct gw_attachments *as, const char *name)
{
	struct gw_attachment *at;
	HASH_FIND_STR(as->by_name, name, at);
	return at;
}

static struct gw_attachment *add(struct gw_attachments *as, const char *name)
{
	while (as->lowest_free < as->n_slots && as->slots[as->lowest_free])
		as->lowest_free++;
	if (as->lowest_free == as->n_slots) {
		lm_error("%s: limits.endpoints (%u) is reached, ignored", name, as->n_slots);
		return NULL;
	}
	struct gw_attachment *at = calloc(1, sizeof(*at));
	if (!at) {
		lm_error("%s: out of memory", name);
		return NULL;
	}
	strcpy(at->name, name);
	at->id = as->lowest_free;
	as->slots[at->id] = at;
	HASH_ADD_STR(as->by_name, name, at);
	return at;
}

static void del(struct gw_attachments *as, struct gw_attachment *at)
{
	if (at->state == GW_ACTIVE && as->n_orphaned < as->n_slots)
		as->orphaned[as->n_orphaned++] = at->net;
	as->slots[at->id] = NULL;
	if (at->id < as->lowest_free)
		as->lowest_free = at->id;
	HASH_DEL(as->by_name, at);
	free(at);
}

static void read_file(struct gateway *gw, const char *name)
{
	struct gw_attachments *as = &gw->attachments;
	struct gw_attachment *at = by_name(as, name);
	struct lm_attachment next;
	struct lm_why why = {0};
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s" SUFFIX, gw->config->attachments, name) >=
	    (int)sizeof(path))
		return;
	int err = lm_attachment_load(&next, path, &why);
	if (err == -ENOENT) { /* removed between the event and now */
		if (at) {
			lm_info("%s: removed", name);
			del(as, at);
		}
		return;
	}
	if (!at)
		at = add(as, name);
	if (!at)
		return;
	if (err) {
		lm_error(
		    "%s%s", why.text, at->readable ? "; its last good version stays in force" : "");
		if (!at->readable)
			at->state = GW_REFUSED;
		at->bad_file = why;
		return;
	}
	bool moved = !at->readable || strcmp(at->a.port, next.port) != 0 || at->a.vlan != next.vlan;
	if (moved || next.has_mac)
		at->mac_known = false;
	at->a = next;
	at->readable = true;
	at->bad_file.text[0] = '\0';
	if (next.has_mac) {
		at->mac_known = true;
		at->mac = next.mac;
	}
}

/* Everything as the directory has it now: at start, and when inotify lost count. */
static int scan(struct gateway *gw)
{
	struct gw_attachments *as = &gw->attachments;
	struct dirent **names;
	char name[LM_ATTACHMENT_NAME_MAX + 1];

	int n = scandir(gw->config->attachments, &names, NULL, alphasort);
	if (n < 0) {
		int err = -errno;
		lm_error("%s: %s", gw->config->attachments, strerror(-err));
		return err;
	}
	struct gw_attachment *at, *tmp;
	HASH_ITER(hh, as->by_name, at, tmp)
	{
		char path[PATH_MAX];
		snprintf(path, sizeof(path), "%s/%s" SUFFIX, gw->config->attachments, at->name);
		if (access(path, F_OK) != 0 && errno == ENOENT)
			del(as, at);
	}
	for (int i = 0; i < n; i++) {
		if (file_to_name(name, names[i]->d_name))
			read_file(gw, name);
		free(names[i]);
	}
	free(names);
	return 0;
}

void gw_attachments_event(struct gateway *gw)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	char name[LM_ATTACHMENT_NAME_MAX + 1];
	bool any = false;
	ssize_t len;

	while ((len = read(gw->attachments.inotify_fd, buf, sizeof(buf))) > 0) {
		for (char *p = buf; p < buf + len;) {
			const struct inotify_event *e = (const struct inotify_event *)p;
			p += sizeof(*e) + e->len;
			any = true;
			if (e->mask & (IN_Q_OVERFLOW | IN_IGNORED))
				scan(gw);
			else if (e->len && file_to_name(name, e->name))
				read_file(gw, name);
		}
	}
	if (any)
		gw_attachments_settle(gw);
}

int gw_attachments_open(struct gateway *gw)
{
	struct gw_attachments *as = &gw->attachments;

	as->inotify_fd = -1;
	as->n_slots = gw->config->max_endpoints;
	as->slots = calloc(as->n_slots, sizeof(as->slots[0]));
	as->orphaned = calloc(as->n_slots, sizeof(as->orphaned[0]));
	if (!as->slots || !as->orphaned)
		return -ENOMEM;
	as->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (as->inotify_fd < 0 ||
	    inotify_add_watch(as->inotify_fd, gw->config->attachments,
		IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE) < 0) {
		int err = -errno;
		struct lm_why why = {0};
		lm_config_why(gw->config, gw->config_path, "attachments", &why, "%s: %s",
		    gw->config->attachments, strerror(-err));
		lm_error("%s", why.text);
		return err;
	}
	return scan(gw);
}

void gw_attachments_close(struct gateway *gw)
{
	struct gw_attachments *as = &gw->attachments;
	struct gw_attachment *at, *tmp;

	HASH_ITER(hh, as->by_name, at, tmp)
	del(as, at);
	if (as->inotify_fd >= 0)
		close(as->inotify_fd);
	free(as->slots);
	free(as->orphaned);
	as->slots = NULL;
	as->orphaned = NULL;
}
