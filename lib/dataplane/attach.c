/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/attach.h"

#include <errno.h>
#include <stdlib.h>
#include <rte_bitops.h>
#include <rte_common.h>
#include <rte_ether.h>
#include "dataplane/flow.h"
#include "dataplane/lines.h"
#include "dataplane/meters.h"

static uint64_t mac_word(const struct lm_mac *mac)
{
	uint64_t word = 0;

	memcpy(&word, mac->b, sizeof mac->b);
	return word;
}

/* -EEXIST: the place is taken; *slot is then whose it is. */
static int put(struct lm_attach_table *t, const struct lm_dp_attachment *a, uint64_t mac,
    uint32_t id, struct lm_attach_slot **slot)
{
	uint64_t key = lm_attach_key(a->vlan, mac);
	uint32_t i = lm_attach_begin(key, a->port);

	for (;; i++) {
		*slot = &t->slots[i & t->mask];
		if ((*slot)->port == LM_ATTACH_EMPTY)
			break;
		if ((*slot)->key == key && (*slot)->port == a->port)
			return -EEXIST;
	}
	**slot = (struct lm_attach_slot){
	    .key = key, .port = (uint8_t)a->port, .id = id, .net = a->net & (LM_FLOW_NETS_MAX - 1)};
	return 0;
}

static void describe(
    struct lm_attached *to, const struct lm_dp_attachment *a, const struct lm_attach_port *port)
{
	*to = (struct lm_attached){.valid = true,
	    .has_mac = a->has_mac,
	    .waits = a->waits,
	    .port = (uint8_t)a->port,
	    .port_mtu = port->mtu,
	    .vlan = a->vlan,
	    .net = a->net,
	    .endpoint = a->endpoint,
	    .l2_len = 12};
	memcpy(to->l2, a->mac.b, 6);
	memcpy(to->l2 + 6, port->mac.b, 6);
	if (a->vlan != 0) {
		to->l2[12] = RTE_ETHER_TYPE_VLAN >> 8;
		to->l2[13] = RTE_ETHER_TYPE_VLAN & 0xff;
		to->l2[14] = (uint8_t)(a->vlan >> 8);
		to->l2[15] = (uint8_t)a->vlan;
		to->l2_len = 16;
	}
}

static int add(struct lm_attach_table *t, const struct lm_dp_attachment *a, uint32_t max_id,
    const struct lm_attach_port *ports, unsigned n_ports)
{
	bool open = !a->has_mac || a->learned; /* nobody else lives here */
	struct lm_attach_slot *slot;

	if (a->id >= max_id || a->port >= n_ports || !ports[a->port].access || a->vlan > 4094)
		return -EINVAL;
	if (t->by_id[a->id].valid)
		return -EEXIST;
	describe(&t->by_id[a->id], a, &ports[a->port]);
	if (a->has_mac && put(t, a, mac_word(&a->mac), a->id, &slot) != 0)
		return -EEXIST;
	/* A line for everybody else tells "unknown here" from "nobody lives here". */
	if (put(t, a, LM_MAC_ANY, open ? a->id : LM_DP_NONE, &slot) == 0)
		return 0;
	if (!open)
		return 0;
	if (slot->id != LM_DP_NONE)
		return -EEXIST;
	slot->id = a->id;
	return 0;
}

int lm_attach_table_create(struct lm_attach_table **out, const struct lm_dp_attachment *list,
    unsigned n, uint32_t max_id, const struct lm_attach_port *ports, unsigned n_ports)
{
	uint32_t n_ids = 0, n_slots = rte_align32pow2(n * 4 + 4);
	int err = 0;

	for (unsigned i = 0; i < n; i++)
		if (list[i].id < max_id && list[i].id >= n_ids)
			n_ids = list[i].id + 1;
	struct lm_attach_table *t = lm_lines_alloc(sizeof *t + n_ids * sizeof t->by_id[0]);
	if (!t)
		return -ENOMEM;
	t->n = n_ids;
	t->mask = n_slots - 1;
	t->slots = malloc(n_slots * sizeof *t->slots);
	if (!t->slots) {
		free(t);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < n_slots; i++)
		t->slots[i] = (struct lm_attach_slot){.port = LM_ATTACH_EMPTY};
	for (unsigned i = 0; i < n && err == 0; i++)
		err = add(t, &list[i], max_id, ports, n_ports);
	if (err != 0) {
		lm_attach_table_free(t);
		return err;
	}
	*out = t;
	return 0;
}

void lm_attach_limit(struct lm_attach_table *t, const struct lm_dp_attachment *a)
{
	t->by_id[a->id].limited = true;
	if (a->has_mac)
		lm_attach_find(t, a->port, a->vlan, mac_word(&a->mac))->limited = 1;
}

void lm_attach_table_free(void *table)
{
	struct lm_attach_table *t = table;

	if (!t)
		return;
	for (uint32_t id = 0; id < t->n; id++) {
		lm_meters_release(t->by_id[id].meters);
		lm_meters_release(t->by_id[id].net_meters);
	}
	free(t->slots);
	free(t);
}
