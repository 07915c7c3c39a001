/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_acl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_byteorder.h>
#include <rte_errno.h>

static void check(int err, const char *what)
{
	if (err == 0)
		return;
	fprintf(stderr, "%s: %s\n", what, rte_strerror(-err));
	exit(EXIT_FAILURE);
}

enum { F_PROTOCOL, F_OWN, F_PEER, F_PORT, F_PAD, N_FIELDS };

RTE_ACL_RULE_DEF(acl_rule, N_FIELDS);

#define FIELD(nth, kind, bytes, group, member) \
	{.type = RTE_ACL_FIELD_TYPE_##kind, \
	    .size = (bytes), \
	    .field_index = (nth), \
	    .input_index = (group), \
	    .offset = offsetof(struct acl_key, member)}
static const struct rte_acl_field_def fields[N_FIELDS] = {
    FIELD(F_PROTOCOL, BITMASK, 1, 0, protocol),
    FIELD(F_OWN, MASK, 2, 1, own),
    FIELD(F_PEER, MASK, 2, 1, peer),
    FIELD(F_PORT, RANGE, 2, 2, port),
    FIELD(F_PAD, MASK, 2, 2, pad2),
};

static void add_acl_rule(
    struct rte_acl_ctx *ctx, const struct lm_rule *r, uint16_t own, unsigned position)
{
	struct acl_rule a = {.data = {.category_mask = 1,
				 .priority = RTE_ACL_MAX_PRIORITY - (int)position,
				 .userdata = r->deny ? 1 : ACL_ALLOWED}};
	a.field[F_PROTOCOL].value.u8 = (uint8_t)r->protocol;
	a.field[F_PROTOCOL].mask_range.u8 = 0xff;
	a.field[F_OWN].value.u16 = own;
	a.field[F_OWN].mask_range.u16 = 16;
	a.field[F_PEER].value.u16 = r->any_peer ? 0 : r->peers[0];
	a.field[F_PEER].mask_range.u16 = r->any_peer ? 0 : 16;
	a.field[F_PORT].value.u16 = r->ports[0].from;
	a.field[F_PORT].mask_range.u16 = r->ports[0].to;
	check(rte_acl_add_rules(ctx, (struct rte_acl_rule *)&a, 1), "rte_acl_add_rules");
}

static struct rte_acl_ctx *build(const struct lm_manifest *m, enum lm_way way, unsigned rules)
{
	const struct rte_acl_param param = {.name = way == LM_EGRESS ? "egress" : "ingress",
	    .socket_id = SOCKET_ID_ANY,
	    .rule_size = RTE_ACL_RULE_SZ(N_FIELDS),
	    .max_rule_num = rules};
	struct rte_acl_config config = {.num_categories = 1, .num_fields = N_FIELDS};
	struct rte_acl_ctx *ctx = rte_acl_create(&param);
	unsigned n = 0;
	if (!ctx)
		check(-rte_errno, "rte_acl_create");
	memcpy(config.defs, fields, sizeof(fields));
	for (unsigned i = 0; i < m->n_members; i++) {
		const struct lm_member *member = &m->members[i];
		bool out = way == LM_EGRESS;
		for (unsigned k = 0; k < (out ? member->n_egress : member->n_ingress); k++, n++)
			add_acl_rule(
			    ctx, out ? &member->egress[k] : &member->ingress[k], (uint16_t)i, k);
	}
	if (n > 0)
		check(rte_acl_build(ctx, &config), "rte_acl_build");
	return ctx;
}

void acl_packets(struct acl *acl, const struct lm_policy_key *packets)
{
	for (unsigned way = 0; way < 2; way++)
		for (unsigned i = 0; i < ACL_PACKETS; i++) {
			const struct lm_policy_key *k = &packets[i];
			bool out = way == LM_EGRESS;
			acl->keys[way][i] = (struct acl_key){.protocol = k->protocol,
			    .own = rte_cpu_to_be_16(out ? k->src_member : k->dst_member),
			    .peer = rte_cpu_to_be_16(out ? k->dst_member : k->src_member),
			    .port = rte_cpu_to_be_16(k->dst_port)};
			acl->at[way][i] = (const uint8_t *)&acl->keys[way][i];
		}
}

void acl_ask(const struct acl *acl, unsigned i, unsigned n, uint32_t *out, uint32_t *in)
{
	memset(out, 0, n * sizeof(*out));
	memset(in, 0, n * sizeof(*in));
	rte_acl_classify(
	    acl->way[LM_EGRESS], (const uint8_t **)(uintptr_t)&acl->at[LM_EGRESS][i], out, n, 1);
	/* Alone, it need not ask the other side when this one denies: as we do. */
	if (n > 1 || out[0] == ACL_ALLOWED)
		rte_acl_classify(acl->way[LM_INGRESS],
		    (const uint8_t **)(uintptr_t)&acl->at[LM_INGRESS][i], in, n, 1);
}

void acl_build(struct acl *acl, const struct lm_manifest *m, unsigned rules)
{
	for (unsigned way = 0; way < 2; way++)
		acl->way[way] = build(m, way, rules);
}

void acl_free(struct acl *acl)
{
	for (unsigned way = 0; way < 2; way++)
		rte_acl_free(acl->way[way]);
}
