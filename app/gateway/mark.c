/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which store belongs to our key (store/mark.h): the mark lies beside the key file. What we have
 * promised in chains is in the store; if that was lost, we take part in none of them as a voter.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "gateway.h"
#include "store/mark.h"

#define LM_LOG_MODULE "store"

_Static_assert(LM_MARK_OWNER_LEN == LM_PUBLIC_KEY_LEN, "the mark's owner is a public key");

static int mark_path(const struct gateway *gw, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s.store", gw->config->identity) < PATH_MAX
		   ? 0
		   : -ENAMETOOLONG;
}

/* What others have signed stays. */
static bool is_promised(void *ctx, const void *key, size_t key_len)
{
	(void)ctx;
	return key_len != LM_NET_ID_LEN + 1 ||
	       ((const uint8_t *)key)[LM_NET_ID_LEN] != LM_FACT_GENESIS;
}

static void say_lost(const struct lm_why *why)
{
	lm_error("%s: what this gateway has promised in the chains of networks is lost; with this "
		 "key it votes in none any more (operator-guide.md, \"A lost store\")",
	    why->text);
}

/* What the store says of an older time, or in the name of another key, is worse than nothing. */
static int clear(struct gateway *gw, const struct lm_mark *mark, struct lm_why *why)
{
	int err = 0;

	if (mark->foreign)
		err = lm_mark_disown(gw->store, gw->identity.pub.b, why);
	if (!err && (mark->foreign || mark->news))
		err = lm_store_sweep(gw->store, GW_FACTS, is_promised, NULL);
	return err;
}

static void say_unmarked(const struct lm_why *why)
{
	lm_warn("%s: if the store is lost, or an old copy is put in its place, this gateway will "
		"not notice, and may break promises that it has made in the chains of networks; "
		"let it write to the key's folder",
	    why->text);
}

int gw_mark_open(struct gateway *gw)
{
	struct lm_mark mark = {0};
	struct lm_why lost = {0}, why = {0};
	char path[PATH_MAX];
	int err = mark_path(gw, path);

	if (!err)
		err = lm_mark_check(gw->store, path, gw->identity.pub.b, &mark, &lost);
	if (err)
		lm_why(&why, -err, "%s", lost.text);
	else if (mark.lost)
		say_lost(&lost);
	if (!err)
		err = clear(gw, &mark, &why);
	if (!err)
		err =
		    lm_mark_count(gw->store, path, gw->identity.pub.b, &mark, &gw->unmarked, &why);
	if (err) {
		lm_error("%s", why.text[0] ? why.text : strerror(-err));
		return err;
	}
	gw->lost_store = mark.lost;
	if (gw->unmarked)
		say_unmarked(&why);
	return 0;
}

/* Whoever copies the store from now on, and puts that back later, is told so. */
void gw_mark_close(struct gateway *gw)
{
	const struct lm_mark mark = {.lost = gw->lost_store};
	struct lm_why why = {0};
	char path[PATH_MAX];
	bool unmarked;

	if (mark_path(gw, path) < 0)
		return;
	if (lm_mark_count(gw->store, path, gw->identity.pub.b, &mark, &unmarked, &why) < 0)
		lm_error("%s", why.text);
}
