/* SPDX-License-Identifier: Apache-2.0 */
#include "session/places.h"

#include <stdlib.h>
#include <uthash.h>

struct lm_place {
	struct lm_ip ip;
	unsigned n;
	UT_hash_handle hh;
};

static struct lm_place *find(const struct lm_places *ps, const struct lm_ip *ip)
{
	struct lm_place *p;

	HASH_FIND(hh, ps->head, ip, sizeof(*ip), p);
	return p;
}

void lm_places_add(struct lm_places *ps, const struct lm_ip *ip)
{
	if (!ip->family)
		return;
	struct lm_place *p = find(ps, ip);
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return;
		p->ip = *ip;
		HASH_ADD(hh, ps->head, ip, sizeof(p->ip), p);
	}
	p->n++;
}

static void drop(struct lm_places *ps, struct lm_place *p)
{
	HASH_DEL(ps->head, p);
	free(p);
}

void lm_places_remove(struct lm_places *ps, const struct lm_ip *ip)
{
	struct lm_place *p = find(ps, ip);

	if (p && --p->n == 0)
		drop(ps, p);
}

bool lm_places_has(const struct lm_places *ps, const struct lm_ip *ip)
{
	return find(ps, ip) != NULL;
}

void lm_places_free(struct lm_places *ps)
{
	struct lm_place *p, *next;

	HASH_ITER(hh, ps->head, p, next)
	drop(ps, p);
}
