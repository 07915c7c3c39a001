/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settling: which attachments the manifests in force agree with, and which clash
 * with each other. Done as a whole after any change. Whoever is active keeps its
 * endpoint and its place as long as its file stays the same; the others follow in
 * order of their ids.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

#define LM_LOG_MODULE "attachment"

/* A lookup table that lives for one settling; keys are plain bytes, zero-padded. */
struct entry {
	uint8_t key[LM_KEY_ID_LEN + LM_NAME_MAX + 1];
	const void *value;
	bool exclusive;
	UT_hash_handle hh;
};

struct settling {
	struct gateway *gw;
	struct entry *networks; /* owner id, name -> struct lm_network */
	struct entry *endpoints; /* network, endpoint -> the attachment that has it */
	struct entry *places; /* port, VLAN [, MAC] -> the attachment that has it */
	bool *dirty; /* by network index: publish it anew */
	uint32_t n_networks;
	bool out_of_memory;
};

static struct entry *find(struct entry *table, const struct entry *key)
{
	struct entry *e;
	HASH_FIND(hh, table, key->key, sizeof(key->key), e);
	return e;
}

static void add(struct settling *s, struct entry **table, const struct entry *key)
{
	struct entry *e = malloc(sizeof(*e));
	if (!e) {
		s->out_of_memory = true;
		return;
	}
	*e = *key;
	HASH_ADD(hh, *table, key, sizeof(e->key), e);
}

static void clear(struct entry **table)
{
	struct entry *e, *tmp;
	HASH_ITER(hh, *table, e, tmp)
	{
		HASH_DEL(*table, e);
		free(e);
	}
}

static void network_key(struct entry *e, const struct lm_key_id *owner, const char *name)
{
	memset(e, 0, sizeof(*e));
	memcpy(e->key, owner, sizeof(*owner));
	memcpy(e->key + sizeof(*owner), name, strnlen(name, LM_NAME_MAX));
}

static void index_networks(struct settling *s)
{
	for (uint32_t i = 0; i < s->n_networks; i++) {
		const struct lm_network *net = lm_membership_network(s->gw->membership, i);
		struct entry e;

		if (!net)
			continue;
		struct lm_key_id owner = lm_key_id(&net->sm->owner);
		network_key(&e, &owner, net->manifest->network);
		e.value = net;
		add(s, &s->networks, &e);
	}
}

static const struct lm_network *network_of(struct settling *s, const struct lm_attachment *a)
{
	struct entry key;

	network_key(&key, &a->lease.owner, a->network);
	const struct entry *e = find(s->networks, &key);
	return e ? e->value : NULL;
}

/* Who holds it already and does not share; NULL: it is at's now. */
static const struct gw_attachment *claim(struct settling *s, struct entry **table,
    struct entry *key, const struct gw_attachment *at, bool exclusive)
{
	const struct entry *e = find(*table, key);

	if (e)
		return e->exclusive || exclusive ? e->value : NULL;
	key->value = at;
	key->exclusive = exclusive;
	add(s, table, key);
	return NULL;
}

static const struct gw_attachment *claim_endpoint(
    struct settling *s, const struct gw_attachment *at, uint32_t net, uint32_t endpoint)
{
	struct entry key = {0};

	memcpy(key.key, &net, sizeof(net));
	memcpy(key.key + sizeof(net), &endpoint, sizeof(endpoint));
	return claim(s, &s->endpoints, &key, at, true);
}

/* Without a MAC a workload has its port and VLAN to itself; with one it shares them. */
static const struct gw_attachment *claim_place(struct settling *s, const struct gw_attachment *at)
{
	struct entry key = {0};

	memcpy(key.key, &at->port, sizeof(at->port));
	memcpy(key.key + sizeof(at->port), &at->a.vlan, sizeof(at->a.vlan));
	const struct gw_attachment *other = claim(s, &s->places, &key, at, !at->a.has_mac);
	if (other || !at->a.has_mac)
		return other;

	uint8_t *p = key.key + sizeof(at->port) + sizeof(at->a.vlan);
	*p++ = 1; /* a place with a MAC, even one of zeros, is another key than the VLAN's own */
	memcpy(p, &at->a.mac, sizeof(at->a.mac));
	return claim(s, &s->places, &key, at, true);
}

static int access_port(const struct gateway *gw, const char *name)
{
	struct lm_dp_port_info info;

	for (unsigned i = 0; lm_dp_port_info(gw->dp, i, &info) == 0; i++)
		if (!info.underlay && strcmp(info.name, name) == 0)
			return (int)i;
	return -ENOENT;
}

/* The state that at deserves now; fills its port, net and endpoint, and why it is not active. */
static enum gw_attachment_state judge(
    struct settling *s, struct gw_attachment *at, struct lm_why *why)
{
	const struct lm_attachment *a = &at->a;

	if (!at->readable) {
		*why = at->bad_file;
		return GW_REFUSED;
	}
	int port = access_port(s->gw, a->port);
	if (port < 0) {
		lm_why(why, ENOENT, "port: no access port is named '%s'", a->port);
		return GW_REFUSED;
	}
	at->port = (unsigned)port;
	if (memcmp(&a->lease.provider, &s->gw->identity.id, sizeof(a->lease.provider)) != 0) {
		lm_why(why, EACCES, "lease: it is another provider's, not this gateway's");
		return GW_REFUSED;
	}
	const struct lm_network *net = network_of(s, a);
	if (!net) {
		lm_why(why, ENOENT, "no manifest of the owner's network '%s' is in force here",
		    a->network);
		return GW_WAITING;
	}
	int endpoint = lm_attachment_check(a, net->sm, &s->gw->identity.id, why);
	if (endpoint < 0)
		return GW_REFUSED;

	const struct gw_attachment *other = claim_endpoint(s, at, net->index, (uint32_t)endpoint);
	if (other) {
		lm_why(why, EEXIST, "%s/%u is attached already, by '%s'", a->member, a->replica,
		    other->name);
		return GW_REFUSED;
	}
	other = claim_place(s, at);
	if (other) {
		lm_why(
		    why, EEXIST, "its port, VLAN and MAC clash with attachment '%s'", other->name);
		return GW_REFUSED;
	}
	at->net = net->index;
	at->endpoint = (uint32_t)endpoint;
	return GW_ACTIVE;
}

static void mark(struct settling *s, uint32_t net)
{
	if (net < s->n_networks)
		s->dirty[net] = true;
}

static void settle_one(struct settling *s, struct gw_attachment *at)
{
	struct gw_attachment before = *at;
	struct lm_why why = {0};

	at->state = judge(s, at, &why);
	at->reason = why;

	bool was = before.state == GW_ACTIVE, is = at->state == GW_ACTIVE;
	if (was == is && (!is || (before.net == at->net && before.endpoint == at->endpoint))) {
		/* What is wrong with a file was said when it was read. */
		if (at->readable &&
		    (before.state != at->state || strcmp(before.reason.text, at->reason.text) != 0))
			lm_warn("%s: %s: %s", at->name, gw_attachment_state_text(at->state),
			    at->reason.text);
		return;
	}
	if (was)
		mark(s, before.net);
	if (is) {
		mark(s, at->net);
		gw_advertise_news(s->gw, at);
		lm_info("%s: active: %s/%u of network '%s'", at->name, at->a.member, at->a.replica,
		    at->a.network);
	} else {
		lm_ra_times_stop(&s->gw->ra_times, &at->ra);
		lm_warn(
		    "%s: %s: %s", at->name, gw_attachment_state_text(at->state), at->reason.text);
	}
}

/* Its claims come first: nothing about it has changed since they were granted. */
static bool keeps(const struct gw_attachment *at)
{
	return at->state == GW_ACTIVE && !at->changed;
}

static void settle_all(struct settling *s)
{
	struct gw_attachments *as = &s->gw->attachments;

	as->round++;
	for (int newcomers = 0; newcomers < 2; newcomers++)
		for (uint32_t id = 0; id < as->n_slots; id++) {
			struct gw_attachment *at = as->slots[id];
			if (!at || at->round == as->round || (!newcomers && !keeps(at)))
				continue;
			at->round = as->round;
			settle_one(s, at);
			at->changed = false;
		}
	if (s->out_of_memory)
		lm_error("out of memory: clashes between attachments may be overlooked");
}

void gw_attachments_settle(struct gateway *gw, uint32_t net)
{
	struct gw_attachments *as = &gw->attachments;
	struct settling s = {.gw = gw, .n_networks = lm_membership_networks_end(gw->membership)};

	if (!as->slots)
		return;
	s.dirty = calloc(s.n_networks + 1, sizeof(s.dirty[0]));
	if (!s.dirty) {
		lm_error("out of memory: attachments are left as they were");
		return;
	}
	as->unsettled = false;
	/* An attachment that is gone leaves its network with an endpoint to take back. */
	for (uint32_t i = 0; i < as->n_orphaned; i++)
		mark(&s, as->orphaned[i]);
	as->n_orphaned = 0;
	mark(&s, net);
	for (uint32_t i = 0; net == GW_ALL_NETWORKS && i < s.n_networks; i++)
		mark(&s, i);

	index_networks(&s);
	settle_all(&s);
	/* First the ports' table, so that an endpoint never points at an attachment that is not
	 * there. */
	gw_attachments_publish(gw);
	gw_networks_publish(gw, s.dirty, s.n_networks);
	if (net != GW_NO_NETWORK)
		gw_advertise_network(gw, net);
	clear(&s.networks);
	clear(&s.endpoints);
	clear(&s.places);
	free(s.dirty);
}

void gw_attachment_learn(struct gateway *gw, struct gw_attachment *at, const struct lm_mac *mac)
{
	char text[LM_MAC_TEXT];

	if (at->a.has_mac || (at->mac_known && memcmp(&at->mac, mac, sizeof(*mac)) == 0))
		return;
	at->mac_known = true;
	at->mac = *mac;
	gw->attachments.unpublished = true;
	gw_advertise_news(gw, at);
	lm_info("%s: the workload's MAC is %s", at->name, lm_mac_text(text, mac));
}
