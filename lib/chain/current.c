/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether anything may have been decided that we do not know. A block is decided by a majority of
 * members that accept it, any two of which share a member. So if a majority says that they know no
 * block that we do not have, and that they have accepted none beyond those, nothing had been
 * decided before they said so.
 */
#include "chain/internal.h"

bool lm_chain_sure(const struct network *net)
{
	if (lm_chain_is_behind(net))
		return false;
	return net->self < 0 || (net->votes && !net->vote.accepted);
}

void lm_chain_contact(struct network *net, const struct lm_public_key *member, uint64_t height)
{
	struct contact *free = NULL;

	for (unsigned i = 0; i < LM_CHAIN_MEMBERS_MAX; i++) {
		struct contact *c = &net->contacts[i];
		if (memcmp(c->who.b, member->b, sizeof(member->b)) == 0) {
			free = c;
			break;
		}
		if (lm_chain_member(&net->state.members, &c->who) < 0)
			free = c;
	}
	if (free)
		*free = (struct contact){.who = *member, .at = lm_chain_now(net), .height = height};
}

void lm_chain_contacts_reset(struct network *net)
{
	memset(net->contacts, 0, sizeof(net->contacts));
}

/* When this member last said so; 0: it has not. */
static uint64_t contact_at(const struct network *net, unsigned member)
{
	if ((int)member == net->self)
		return lm_chain_sure(net) ? lm_chain_now(net) : 0;
	for (unsigned i = 0; i < LM_CHAIN_MEMBERS_MAX; i++) {
		const struct contact *c = &net->contacts[i];
		const struct lm_public_key *key = &net->state.members.key[member];
		if (memcmp(c->who.b, key->b, sizeof(key->b)) == 0 && c->height <= net->height)
			return c->at;
	}
	return 0;
}

uint64_t lm_chain_current(const struct network *net)
{
	const struct members *m = &net->state.members;
	uint64_t at[LM_CHAIN_MEMBERS_MAX]; /* the latest first */
	unsigned n = 0;

	if (lm_chain_is_behind(net))
		return 0;
	for (unsigned i = 0; i < m->n; i++) {
		uint64_t this = contact_at(net, i);
		unsigned k = n++;
		for (; k > 0 && at[k - 1] < this; k--)
			at[k] = at[k - 1];
		at[k] = this;
	}
	return at[majority(m) - 1];
}
