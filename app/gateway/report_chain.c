/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telemetry of what the gateways of one network decide: its chain, whose the address blocks are,
 * and what we have given out of ours. The parameter is the network's index.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "gateway.h"
#include "report.h"

static const struct lm_network *network_of(const struct gateway *gw, const char *params)
{
	char *end;
	unsigned long index = strtoul(params, &end, 10);

	return end == params || *end || index > UINT32_MAX
		   ? NULL
		   : lm_membership_network(gw->membership, (uint32_t)index);
}

static void member_row(const struct gateway *gw, const struct lm_network *net,
    const struct lm_public_key *key, struct rte_tel_data *row)
{
	struct lm_key_id id = lm_key_id(key);
	int provider = lm_manifest_provider(net->manifest, &id);
	char text[LM_KEY_ID_TEXT];

	gw_put_text(row, "provider", provider < 0 ? "" : net->manifest->providers[provider].name);
	gw_put_text(row, "id", lm_hex(text, &id, sizeof(id)));
	bool self = memcmp(key, &gw->identity.pub, sizeof(*key)) == 0;
	gw_put_text(row, "here", self ? "yes" : "no");
}

static const char *votes(const struct lm_chain_info *info)
{
	if (info->mute)
		return "never";
	return info->member && info->votes ? "yes" : "no";
}

static void put_chain(const struct lm_chain_info *info, struct rte_tel_data *d)
{
	uint64_t now = gw_now().mono;
	char hash[2 * LM_CHAIN_HASH_LEN + 1];

	gw_put_u64(d, "era", info->era);
	gw_put_u64(d, "height", info->height);
	gw_put_u64(d, "serial", info->serial);
	gw_put_text(d, "hash", lm_hex(hash, info->hash, sizeof(info->hash)));
	gw_put_text(d, "member", info->member ? "yes" : "no");
	gw_put_text(d, "votes", votes(info));
	gw_put_text(d, "behind", info->behind ? "yes" : "no");
	/* Absent: not since the start. */
	if (info->current)
		gw_put_u64(d, "current_s", (now - info->current) / GW_SECOND);
	gw_put_u64(d, "endpoints", info->n_endpoints);
	gw_put_u64(d, "blocks", info->n_blocks);
	gw_put_u64(d, "block_size", info->block_size);
	gw_put_u64(d, "blocks_owned", info->n_owned);
	gw_put_u64(d, "blocks_quarantined", info->n_quarantined);
}

static void put_places(
    const struct gateway *gw, const struct lm_network *net, struct rte_tel_data *d)
{
	const struct lm_address *places = lm_membership_places(gw->membership);
	struct lm_address_counts c;

	if (!places || lm_address_counts(places, &net->id, &c) < 0)
		return;
	gw_put_u64(d, "blocks_here", c.blocks);
	gw_put_u64(d, "addresses_here", c.addresses);
	gw_put_u64(d, "given_here", c.given);
	gw_put_u64(d, "resting_here", c.resting);
	gw_put_text(d, "fenced", c.fenced ? "yes" : "no");
}

/* A network in which gateways decide nothing, or of which we do not know the start, has none. */
int gw_report_chain(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	const struct lm_network *net = network_of(gw, params);
	const struct lm_chain *chain = lm_membership_chain(gw->membership);
	struct lm_chain_info info;
	struct gw_page page;
	unsigned guilty = 0;

	if (!net)
		return -ENOENT;
	int err = gw_page_start(&page, d, "members", "");
	if (err)
		return err;
	bool decided = lm_manifest_decided(net->manifest);
	bool is = chain && lm_chain_info(chain, &net->id, &info) == 0;
	gw_put_text(d, "chain", is ? "yes" : decided ? "unknown" : "none");
	for (unsigned i = 0; is && i < info.n_members; i++) {
		struct rte_tel_data *row = gw_page_row(&page);
		if (row)
			member_row(gw, net, &info.members[i], row);
	}
	if (is) {
		put_chain(&info, d);
		lm_chain_guilts(chain, &net->id, &guilty);
		gw_put_u64(d, "guilty", guilty);
		put_places(gw, net, d);
	}
	return gw_page_end(&page);
}

/* ---- recovery ---- */

#define PIECE_LEN 100

/* "3,alpha,beta": the members that shall go on, by name in the manifest or by key id. */
static int read_members(
    const struct lm_network *net, char *names, struct lm_public_key *out, struct lm_why *why)
{
	char *rest = NULL;
	unsigned n = 0;

	for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		const struct lm_manifest *m = net->manifest;
		struct lm_key_id id;
		int p = lm_unhex(&id, sizeof(id), name, strlen(name)) == 0
			    ? lm_manifest_provider(m, &id)
			    : -ENOENT;

		for (unsigned i = 0; p < 0 && i < m->n_providers; i++)
			if (strcmp(m->providers[i].name, name) == 0)
				p = (int)i;
		if (p < 0)
			return lm_why(
			    why, ENOENT, "%s is no provider of the manifest in force", name);
		if (n == LM_CHAIN_MEMBERS_MAX)
			return lm_why(why, E2BIG, "more than %u members", LM_CHAIN_MEMBERS_MAX);
		out[n++] = m->providers[p].key;
	}
	return (int)n;
}

/* Telemetry's strings are short, and not all versions of DPDK know how to write a newline. */
static void put_pieces(struct gw_page *page, const char *text)
{
	while (*text) {
		size_t line = strcspn(text, "\n"), n = line < PIECE_LEN ? line : PIECE_LEN;
		struct rte_tel_data *row = gw_page_row(page);
		char piece[PIECE_LEN + 1];

		memcpy(piece, text, n);
		piece[n] = '\0';
		if (row) {
			gw_put_text(row, "text", piece);
			gw_put_u64(row, "ends", text[n] == '\n');
		}
		text += n + (text[n] == '\n');
	}
}

int gw_report_recovery(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	struct lm_public_key members[LM_CHAIN_MEMBERS_MAX];
	char names[1024], text[LM_RECOVERY_TEXT_MAX] = "";
	struct lm_why why = {0};
	struct gw_page page;
	size_t first = strcspn(params, ",");

	if (strlen(params) >= sizeof(names))
		return -E2BIG;
	strcpy(names, params);
	names[first] = '\0';
	const struct lm_network *net = network_of(gw, names);
	if (!net)
		return -ENOENT;
	int n = params[first] ? read_members(net, names + first + 1, members, &why) : 0;
	int err = n < 0 ? n
			: lm_membership_recovery(
			      gw->membership, &net->id, members, (unsigned)n, text, &why);
	int page_err = gw_page_start(&page, d, "pieces", "");
	if (page_err)
		return page_err;
	gw_put_text(d, "result", err < 0 ? "error" : "ok");
	gw_put_result_text(d, &why);
	if (err >= 0)
		put_pieces(&page, text);
	return gw_page_end(&page);
}

/* ---- counters ---- */

/* All chains together: what was not followed, and what was done. */
void gw_put_chains(const struct gateway *gw, struct rte_tel_data *d)
{
	const struct lm_chain *chain = lm_membership_chain(gw->membership);
	char key[64];

	if (!chain)
		return;
	const uint64_t *drops = lm_chain_drops(chain);
	const struct lm_chain_stats *s = lm_chain_stats(chain);
	for (unsigned i = 0; i < LM_CD_MAX; i++) {
		snprintf(key, sizeof(key), "chain_%s", lm_chain_drop_names[i]);
		gw_put_u64(d, key, drops[i]);
	}
	gw_put_u64(d, "chain_decided", s->decided);
	gw_put_u64(d, "chain_learned", s->learned);
	gw_put_u64(d, "chain_fast", s->fast);
	gw_put_u64(d, "chain_preempted", s->preempted);
	gw_put_u64(d, "chain_guilty", s->guilty);
	gw_put_u64(d, "chain_forks", s->forks);
}
