/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "places.h"

static struct gw_place_key vlan_of(const struct gw_attachment *at)
{
	return (struct gw_place_key){.port = at->port, .vlan = at->a.vlan};
}

static struct gw_place_key mac_of(const struct gw_attachment *at)
{
	struct gw_place_key key = vlan_of(at);

	key.has_mac = 1;
	memcpy(key.mac, &at->a.mac, sizeof(key.mac));
	return key;
}

/* Anybody who is there, or NULL. */
static const struct gw_attachment *holder(
    const struct gw_places *places, const struct gw_place_key *key)
{
	struct gw_place *p;

	HASH_FIND(hh, places->by_key, key, sizeof(*key), p);
	return p ? LIST_FIRST(&p->stays)->at : NULL;
}

static bool enter(struct gw_places *places, const struct gw_place_key *key,
    const struct gw_attachment *at, struct gw_stay *stay)
{
	struct gw_place *p;

	HASH_FIND(hh, places->by_key, key, sizeof(*key), p);
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return false;
		p->key = *key;
		HASH_ADD(hh, places->by_key, key, sizeof(p->key), p);
	}
	stay->place = p;
	stay->at = at;
	LIST_INSERT_HEAD(&p->stays, stay, link);
	return true;
}

static void leave(struct gw_places *places, struct gw_stay *stay)
{
	struct gw_place *p = stay->place;

	if (!p)
		return;
	stay->place = NULL;
	places->freed = true;
	LIST_REMOVE(stay, link);
	if (!LIST_EMPTY(&p->stays))
		return;
	HASH_DEL(places->by_key, p);
	free(p);
}

const struct gw_attachment *gw_place_claim(struct gw_places *places, struct gw_attachment *at)
{
	const struct gw_place_key vlan = vlan_of(at), mac = mac_of(at);
	const struct gw_attachment *other = holder(places, &vlan);

	if (other && at->a.has_mac && other->a.has_mac)
		other = holder(places, &mac);
	if (other)
		return other;
	if (enter(places, &vlan, at, &at->in_vlan) &&
	    (!at->a.has_mac || enter(places, &mac, at, &at->at_mac)))
		return NULL;
	gw_place_release(places, at);
	return at;
}

void gw_place_release(struct gw_places *places, struct gw_attachment *at)
{
	leave(places, &at->in_vlan);
	leave(places, &at->at_mac);
}
