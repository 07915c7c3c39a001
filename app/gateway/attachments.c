/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway.h"

#define LM_LOG_MODULE "attachment"

#define SUFFIX ".conf"
/* Links are born complete, and nobody closes them after writing. */
#define WRITTEN (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE)
#define TOUCHED (IN_MOVED_FROM | IN_DELETE | IN_ATTRIB)
#define DIRECTORY_GONE (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)

static const char *const state_text[] = {
    [GW_WAITING] = "waiting",
    [GW_ACTIVE] = "active",
    [GW_REFUSED] = "refused",
};

const char *gw_attachment_state_text(enum gw_attachment_state state)
{
	return state_text[state];
}

enum gw_attachment_state gw_attachment_shown(const struct gw_attachment *at)
{
	return at->state == GW_ACTIVE && !at->served ? GW_WAITING : at->state;
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

static struct gw_attachment *add(struct gateway *gw, const char *name)
{
	struct gw_attachments *as = &gw->attachments;

	while (as->lowest_free < as->n_slots && as->slots[as->lowest_free])
		as->lowest_free++;
	if (as->lowest_free == as->n_slots) {
		if (!as->crowded)
			lm_error("%s: limits.endpoints (%u) is reached: left out until there is "
				 "room, as are all others",
			    name, as->n_slots);
		as->crowded = true;
		return NULL;
	}
	struct gw_attachment *at = calloc(1, sizeof(*at));
	if (!at || lm_ra_times_reserve(&gw->ra_times) < 0) {
		free(at);
		lm_error("%s: out of memory", name);
		return NULL;
	}
	strcpy(at->name, name);
	at->id = as->lowest_free;
	as->slots[at->id] = at;
	HASH_ADD_STR(as->by_name, name, at);
	return at;
}

static void del(struct gateway *gw, struct gw_attachment *at)
{
	struct gw_attachments *as = &gw->attachments;

	as->unpublished |= at->state == GW_ACTIVE;
	as->n_displaced -= at->displaced;
	gw_place_release(&as->places, at);
	gw_group_leave(&as->groups, at);
	as->slots[at->id] = NULL;
	if (at->id < as->lowest_free)
		as->lowest_free = at->id;
	HASH_DEL(as->by_name, at);
	lm_ra_times_release(&gw->ra_times, &at->ra);
	free(at);
}

static bool path_of(const struct gateway *gw, const char *name, char path[PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%s/%s" SUFFIX, gw->config->attachments, name);

	return n < PATH_MAX;
}

/* written: somebody has just put it there, so the workload behind it may be another one. */
static void read_file(struct gateway *gw, const char *name, bool written)
{
	struct gw_attachments *as = &gw->attachments;
	struct gw_attachment *at = by_name(as, name);
	struct lm_attachment next;
	struct lm_why why = {0};
	char path[PATH_MAX];

	if (!path_of(gw, name, path))
		return;
	as->unsettled = true;
	int err = lm_attachment_load(&next, path, &why);
	if (err == -ENOENT) { /* removed between the event and now */
		if (at) {
			lm_info("%s: removed", name);
			del(gw, at);
		}
		return;
	}
	if (!at)
		at = add(gw, name);
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
	bool moved = strcmp(at->a.port, next.port) != 0 || at->a.vlan != next.vlan;
	if (moved || written || next.has_mac)
		at->mac_known = false;
	if (written)
		at->held4 = at->held6 = 0;
	at->changed |= memcmp(&at->a, &next, sizeof(next)) != 0;
	at->a = next;
	if (gw_group_enter(&as->groups, at) < 0) {
		lm_error("%s: out of memory", name);
		return;
	}
	at->readable = true;
	at->bad_file.text[0] = '\0';
	if (next.has_mac) {
		at->mac_known = true;
		at->mac = next.mac;
	}
}

/*
 * As the directory has it now: everything at start and when inotify lost count, or only what was
 * left out before.
 */
static int scan(struct gateway *gw, bool left_out)
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
		if (!left_out && path_of(gw, at->name, path) && access(path, F_OK) != 0 &&
		    errno == ENOENT)
			del(gw, at);
	}
	for (int i = 0; i < n; i++) {
		if (file_to_name(name, names[i]->d_name) && !(left_out && by_name(as, name)))
			read_file(gw, name, false);
		free(names[i]);
	}
	free(names);
	as->unsettled = true;
	return 0;
}

/* ---- the directory --------------------------------------------------------- */

static int watch(struct gateway *gw)
{
	struct gw_attachments *as = &gw->attachments;

	as->watch = inotify_add_watch(as->inotify_fd, gw->config->attachments,
	    WRITTEN | TOUCHED | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
	return as->watch < 0 ? -errno : 0;
}

static void lost(struct gateway *gw)
{
	struct gw_attachments *as = &gw->attachments;

	/* Moved away it would still be watched, while the path may lead to another one. */
	inotify_rm_watch(as->inotify_fd, as->watch);
	as->watch = -1;
	as->look_at = 0;
	lm_warn("%s: moved or removed; attachments stay as they are until it is back",
	    gw->config->attachments);
}

static void look_again(struct gateway *gw)
{
	if (watch(gw) == 0 && scan(gw, false) == 0)
		lm_info("%s: is back", gw->config->attachments);
}

/* A file that was just created will be closed after writing, unless it is a link. */
static bool is_link(const struct gateway *gw, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	return path_of(gw, name, path) && lstat(path, &st) == 0 &&
	       (S_ISLNK(st.st_mode) || st.st_nlink > 1);
}

static void on_event(struct gateway *gw, const struct inotify_event *e)
{
	char name[LM_ATTACHMENT_NAME_MAX + 1];

	if (e->mask & IN_Q_OVERFLOW)
		scan(gw, false);
	else if (e->wd != gw->attachments.watch)
		return; /* of a directory that was here before */
	else if (e->mask & DIRECTORY_GONE)
		lost(gw);
	else if (e->len && file_to_name(name, e->name) &&
		 (!(e->mask & IN_CREATE) || is_link(gw, name)))
		read_file(gw, name, e->mask & WRITTEN);
}

void gw_attachments_event(struct gateway *gw)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t len = read(gw->attachments.inotify_fd, buf, sizeof(buf));

	for (char *p = buf; len > 0 && p < buf + len;) {
		const struct inotify_event *e = (const struct inotify_event *)p;
		p += sizeof(*e) + e->len;
		on_event(gw, e);
	}
}

uint64_t gw_attachments_tick(struct gateway *gw, uint64_t now)
{
	struct gw_attachments *as = &gw->attachments;

	if (as->watch < 0 && now >= as->look_at) {
		look_again(gw);
		as->look_at = now + GW_SECOND;
	}
	if (as->crowded && as->lowest_free < as->n_slots) {
		as->crowded = false;
		scan(gw, true);
	}
	if (as->unsettled)
		gw_attachments_settle(gw, GW_NO_NETWORK);
	if (as->unpublished)
		gw_attachments_publish(gw);
	return as->watch < 0 ? as->look_at : UINT64_MAX;
}

int gw_attachments_open(struct gateway *gw)
{
	struct gw_attachments *as = &gw->attachments;

	as->inotify_fd = as->watch = -1;
	as->n_slots = gw->config->max_endpoints;
	as->slots = calloc(as->n_slots, sizeof(as->slots[0]));
	if (!as->slots || gw_groups_open(&as->groups, gw->config->max_networks) < 0)
		return -ENOMEM;
	as->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	int err = as->inotify_fd < 0 ? -errno : watch(gw);
	if (err) {
		struct lm_why why = {0};
		lm_config_why(gw->config, gw->config_path, "attachments", &why, "%s: %s",
		    gw->config->attachments, strerror(-err));
		lm_error("%s", why.text);
		return err;
	}
	return scan(gw, false);
}

void gw_attachments_close(struct gateway *gw)
{
	struct gw_attachments *as = &gw->attachments;
	struct gw_attachment *at, *tmp;

	HASH_ITER(hh, as->by_name, at, tmp)
	del(gw, at);
	if (as->inotify_fd >= 0)
		close(as->inotify_fd);
	lm_ra_times_free(&gw->ra_times);
	gw_groups_close(&as->groups);
	free(as->slots);
	as->slots = NULL;
}
