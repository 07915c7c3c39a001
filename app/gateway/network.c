/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Membership's effects: manifests to the store, peers and keys to the data plane,
 * networks to whoever publishes them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "gateway.h"

#define LM_LOG_MODULE "network"

#define TABLE "manifest"

uint16_t gw_workload_mtu(const struct gateway *gw)
{
	uint16_t wanted = gw->config->workload_mtu;

	return wanted && wanted < gw->tunnel_mtu ? wanted : gw->tunnel_mtu;
}

/* ---- struct lm_membership_ops ---------------------------------------------- */

static void on_send(void *ctx, const struct lm_udp_addr *to, const uint8_t *data, size_t len)
{
	struct gateway *gw = ctx;

	/* A datagram that cannot be sent is a lost one: sessions ask again by themselves. */
	lm_underlay_send(gw->underlay, gw_now().mono, to, data, len);
}

static void on_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	if (getentropy(buf, len) != 0)
		abort(); /* keys from anything less would be worse than no gateway */
}

static int on_persist(void *ctx, const struct lm_net_id *net, const uint8_t *bytes, size_t len)
{
	struct gateway *gw = ctx;

	return lm_store_put(gw->store, TABLE, net->b, sizeof(net->b), bytes, len);
}

static int on_erase(void *ctx, const struct lm_net_id *net)
{
	struct gateway *gw = ctx;
	int err = lm_store_delete(gw->store, TABLE, net->b, sizeof(net->b));

	return err == -ENOENT ? 0 : err;
}

#define FACT_KEY_MAX (LM_NET_ID_LEN + LM_FACT_KEY_MAX)
_Static_assert(FACT_KEY_MAX <= LM_STORE_KEY_MAX, "the store takes the longest key of a fact");

static int on_fact_put(void *ctx, const struct lm_net_id *net, const void *key, size_t key_len,
    const void *value, size_t len)
{
	struct gateway *gw = ctx;
	uint8_t full[FACT_KEY_MAX];

	if (key_len > LM_FACT_KEY_MAX)
		return -EINVAL;
	memcpy(full, net->b, LM_NET_ID_LEN);
	memcpy(full + LM_NET_ID_LEN, key, key_len);
	key_len += LM_NET_ID_LEN;
	if (len > 0)
		return lm_store_put(gw->store, GW_FACTS, full, key_len, value, len);
	int err = lm_store_delete(gw->store, GW_FACTS, full, key_len);
	return err == -ENOENT ? 0 : err;
}

static void on_facts_begin(void *ctx)
{
	lm_store_begin(((struct gateway *)ctx)->store);
}

static int on_facts_commit(void *ctx)
{
	return lm_store_commit(((struct gateway *)ctx)->store);
}

struct facts {
	lm_fact_each_fn *each;
	void *ctx;
};

static int fact(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	const struct facts *f = ctx;

	return f->each(
	    f->ctx, (const uint8_t *)key + LM_NET_ID_LEN, key_len - LM_NET_ID_LEN, value, len);
}

static int on_facts_each(
    void *ctx, const struct lm_net_id *net, lm_fact_each_fn *each, void *each_ctx)
{
	struct gateway *gw = ctx;
	struct facts f = {.each = each, .ctx = each_ctx};

	return lm_store_each_prefix(gw->store, GW_FACTS, net->b, LM_NET_ID_LEN, fact, &f);
}

static void on_network_changed(void *ctx, const struct lm_network *net)
{
	struct gateway *gw = ctx;

	/* Members may have moved to other indices. */
	gw_attachments_settle(gw, net->index);
}

static void on_network_gone(void *ctx, const struct lm_network *net)
{
	struct gateway *gw = ctx;

	lm_info("network '%s': no longer in force here", net->manifest->network);
	lm_dp_network_remove(gw->dp, net->index);
	gw_rules_drop(gw, net->index);
	if (gw->records)
		lm_journal_drop_group(gw->records, net->id.b);
	gw_group_end(&gw->attachments.groups, net->index);
	gw->attachments.unsettled = true; /* settled once membership has forgotten it */
}

/* A peer that comes or goes changes many networks: they are published together. */
static void on_routes_changed(void *ctx, const struct lm_network *net)
{
	struct gateway *gw = ctx;

	gw->stale[net->index] = gw->any_stale = true; /* gw_networks_tick */
}

static void on_peer_added(void *ctx, uint32_t slot, struct lm_peer *peer)
{
	char id[LM_KEY_ID_TEXT];

	(void)ctx;
	lm_info("peer %u: %s", slot, lm_hex(id, lm_peer_id(peer), sizeof(struct lm_key_id)));
}

static void on_peer_gone(void *ctx, uint32_t slot)
{
	lm_info("peer %u: gone", slot);
	gw_path_set(ctx, slot, NULL);
}

static void on_peer_path(void *ctx, uint32_t slot, const struct lm_udp_addr *to)
{
	gw_path_set(ctx, slot, to);
}

static int on_sa_in_add(void *ctx, uint32_t net, uint32_t slot, uint8_t lane, uint8_t n_lanes,
    const uint8_t keymat[36], uint32_t *spi)
{
	struct gateway *gw = ctx;
	int err = lm_dp_sa_in_add(gw->dp, net, slot, lane, n_lanes, keymat, spi);

	if (!err)
		gw_keylog_sa(gw, *spi, keymat);
	return err;
}

static void on_sa_in_del(void *ctx, uint32_t spi)
{
	struct gateway *gw = ctx;
	lm_dp_sa_in_del(gw->dp, spi);
}

static int on_sa_out_set(void *ctx, uint32_t net, uint32_t slot, uint8_t n_lanes,
    const uint32_t *spis, const uint8_t (*keymat)[36])
{
	struct gateway *gw = ctx;
	int err = lm_dp_sa_out_set(gw->dp, net, slot, n_lanes, spis, keymat);

	if (err)
		lm_error_limited("peer %u: cannot set outbound lanes: %s", slot, strerror(-err));
	for (uint8_t lane = 0; !err && lane < n_lanes; lane++)
		gw_keylog_sa(gw, spis[lane], keymat[lane]);
	return err;
}

static bool on_sa_in_used(void *ctx, uint32_t spi)
{
	const struct gateway *gw = ctx;

	return lm_dp_sa_in_used(gw->dp, spi);
}

static bool on_sa_out_used(void *ctx, uint32_t net, uint32_t slot)
{
	const struct gateway *gw = ctx;

	return lm_dp_sa_out_used(gw->dp, net, slot);
}

const struct lm_membership_ops gw_membership_ops = {
    .send = on_send,
    .random = on_random,
    .read_aside = gw_reader_take,
    .persist = on_persist,
    .erase = on_erase,
    .fact_put = on_fact_put,
    .facts_begin = on_facts_begin,
    .facts_commit = on_facts_commit,
    .facts_each = on_facts_each,
    .network_changed = on_network_changed,
    .network_gone = on_network_gone,
    .routes_changed = on_routes_changed,
    .peer_added = on_peer_added,
    .peer_gone = on_peer_gone,
    .peer_path = on_peer_path,
    .sa_in_add = on_sa_in_add,
    .sa_in_del = on_sa_in_del,
    .sa_out_set = on_sa_out_set,
    .sa_in_used = on_sa_in_used,
    .sa_out_used = on_sa_out_used,
};

bool gw_networks_tick(struct gateway *gw)
{
	uint32_t end = lm_membership_networks_end(gw->membership);

	/* Attachments may still belong to a network that is gone. */
	if (gw->attachments.unsettled)
		return true;
	if (!gw->any_stale)
		return false;
	for (uint32_t i = 0; i < end; i++)
		if (gw->stale[i])
			gw_network_publish(gw, i);
	memset(gw->stale, 0, gw->config->max_networks * sizeof(gw->stale[0]));
	gw->any_stale = false;
	return gw->attachments.unpublished;
}

/* ---- start and reload ------------------------------------------------------ */

struct stored {
	struct lm_net_id *ids;
	size_t n, room;
};

static int note(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct stored *stored = ctx;

	(void)value, (void)len;
	if (key_len != LM_NET_ID_LEN) {
		lm_error("a stored manifest has a key of %zu bytes: not used", key_len);
		return 0;
	}
	if (stored->n == stored->room) {
		size_t room = stored->room ? stored->room * 2 : 64;
		struct lm_net_id *ids = reallocarray(stored->ids, room, sizeof(*ids));
		if (!ids)
			return -ENOMEM;
		stored->ids = ids;
		stored->room = room;
	}
	memcpy(stored->ids[stored->n++].b, key, LM_NET_ID_LEN);
	return 0;
}

/* One bad entry must not keep the others' tenants from their networks. */
static void restore_one(struct gateway *gw, const struct lm_net_id *net, uint8_t *bytes)
{
	struct lm_now now = gw_now();
	struct lm_why why = {0};
	char id[LM_NET_ID_TEXT];

	ssize_t len =
	    lm_store_get(gw->store, TABLE, net->b, sizeof(net->b), bytes, LM_MANIFEST_BYTES_MAX);
	int err = len < 0 ? (int)len
			  : lm_membership_restore(gw->membership, &now, bytes, (size_t)len, &why);
	if (err)
		lm_error("%s: stored manifest of network %s is not used: %s", gw->config->state_dir,
		    lm_hex(id, net, sizeof(*net)), why.text[0] ? why.text : strerror(-err));
}

/* First the ids alone: what is restored wants to look at the store as well. */
int gw_networks_restore(struct gateway *gw)
{
	uint8_t *bytes = malloc(LM_MANIFEST_BYTES_MAX);
	struct stored stored = {0};
	int err = bytes ? lm_store_each(gw->store, TABLE, note, &stored) : -ENOMEM;

	for (size_t i = 0; !err && i < stored.n; i++)
		restore_one(gw, &stored.ids[i], bytes);
	if (err)
		lm_error(
		    "%s: cannot read stored manifests: %s", gw->config->state_dir, strerror(-err));
	free(stored.ids);
	free(bytes);
	return err;
}

int gw_owners_apply(struct gateway *gw)
{
	const struct lm_gateway_config *c = gw->config;
	struct lm_public_key *keys = calloc(c->n_owners + 1, sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	for (unsigned i = 0; i < c->n_owners; i++)
		keys[i] = c->owners[i].key;
	int err = lm_membership_set_owners(gw->membership, keys, c->n_owners);
	free(keys);
	return err;
}

unsigned gw_owners_warn(const struct gateway *gw)
{
	uint32_t end = lm_membership_networks_end(gw->membership);
	char id[LM_NET_ID_TEXT];
	unsigned n = 0;

	for (uint32_t i = 0; i < end; i++) {
		const struct lm_network *net = lm_membership_network(gw->membership, i);
		if (!net || lm_membership_accepts(gw->membership, &net->sm->owner))
			continue;
		n++;
		lm_warn_limited("network '%s': its owner is not accepted any more; it stays in "
				"force until `leasemesh network drop %s`",
		    net->manifest->network, lm_hex(id, &net->id, sizeof(net->id)));
	}
	return n;
}
