/* SPDX-License-Identifier: Apache-2.0 */
/* What gateways of a world want, and to what they consent. */
#include "world.h"

bool mind_consent(void *ctx, const struct lm_net_id *net, const struct lm_chain_command *c)
{
	const struct node *n = ctx;
	const struct world *w = n->world;
	const struct manifest *m = &w->manifests[n->serial - 1];
	uint64_t now = world_now(n).wall / SECOND;
	int about = world_index(w, &c->gateway), author = world_index(w, &c->author);
	struct lm_chain_block block;
	struct lm_chain_info info;

	if (c->serial != n->serial || author < 0)
		return false;
	lm_chain_info(n->chain, net, &info);
	switch (c->kind) {
	case LM_CHAIN_ADD:
		return about >= 0 && m->authorised & 1u << about;
	case LM_CHAIN_REMOVE:
		/* Fewer than three members bear no liar. */
		return about >= 0 && info.n_members > 3 &&
		       (about == author || !(m->authorised & 1u << about)) &&
		       c->until + SKEW >= now + QUARANTINE && c->until <= now + 2 * QUARANTINE;
	case LM_CHAIN_ASSIGN:
		return m->authorised & 1u << author;
	case LM_CHAIN_RELEASE:
		return m->authorised & 1u << author && c->until + SKEW >= now + QUARANTINE &&
		       c->until <= now + 2 * QUARANTINE;
	case LM_CHAIN_FREE:
		return lm_chain_block(n->chain, net, c->block, &block) == 0 && block.until &&
		       now >= block.until + 2 * SKEW;
	case LM_CHAIN_MOVE:
		return author == about && m->place[c->key[3] - '0'] == about;
	default:
		return true;
	}
}

uint64_t world_manifest(struct world *w, uint16_t authorised)
{
	w->manifests = must(realloc(w->manifests, (w->serial + 1) * sizeof(*w->manifests)));
	struct manifest *m = &w->manifests[w->serial++];
	m->authorised = authorised;
	for (unsigned i = 0; i < WORLD_KEYS; i++)
		m->place[i] = (uint8_t)sim_random_below(&w->keys, w->n);
	return w->serial;
}

void world_tell(struct world *w, unsigned node, uint64_t serial)
{
	if (w->node[node].serial < serial)
		w->node[node].serial = serial;
}

struct lm_chain_command world_command(struct world *w, enum lm_chain_kind kind, unsigned about)
{
	struct lm_chain_command c = {.kind = (uint8_t)kind};

	switch (kind) {
	case LM_CHAIN_ADD:
		c.gateway = w->node[about].id.pub;
		break;
	case LM_CHAIN_REMOVE:
		c.gateway = w->node[about].id.pub;
		c.until = (WALL0 + w->now) / SECOND + QUARANTINE + SKEW;
		break;
	case LM_CHAIN_RELEASE:
		c.block = about;
		c.until = (WALL0 + w->now) / SECOND + QUARANTINE + SKEW;
		break;
	case LM_CHAIN_FREE:
		c.block = about;
		break;
	case LM_CHAIN_MOVE:
		c.key_len = (uint8_t)world_key(about, c.key);
		c.address = about;
		break;
	case LM_CHAIN_FORGET:
		c.key_len = (uint8_t)world_key(about, c.key);
		break;
	default:
		break;
	}
	return c;
}
