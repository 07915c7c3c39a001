/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the block after the tip leads to, if it is decided. A member reckons it when it votes, and
 * mostly sees the same block decided a moment later: so the last reckoning is kept until then.
 */
#include "chain/internal.h"

void lm_chain_outcome_drop(struct network *net)
{
	lm_chain_state_free(&net->outcome.state);
	net->outcome = (struct outcome){0};
}

void lm_chain_outcome_keep(struct network *net, const uint8_t hash[HASH_LEN], struct state *state,
    const uint32_t blocks[LM_CHAIN_COMMANDS_MAX])
{
	struct outcome *o = &net->outcome;

	lm_chain_outcome_drop(net);
	o->known = true;
	o->state = *state;
	memcpy(o->hash, hash, HASH_LEN);
	memcpy(o->blocks, blocks, sizeof(o->blocks));
}

/* The header's hash says nothing of the body that came with it. */
static bool is_known(const struct network *net, const struct value *v)
{
	uint8_t hash[HASH_LEN];

	if (!net->outcome.known || memcmp(net->outcome.hash, v->hash, HASH_LEN) != 0)
		return false;
	lm_chain_hash(hash, v->body, v->header.body_len);
	return memcmp(hash, v->header.body, HASH_LEN) == 0;
}

int lm_chain_outcome(struct network *net, const struct value *v)
{
	uint32_t blocks[LM_CHAIN_COMMANDS_MAX] = {0};
	struct state next;

	if (is_known(net, v))
		return 0;
	int err = lm_chain_value_apply(&next, &net->state, v, blocks);
	if (err == 0)
		lm_chain_outcome_keep(net, v->hash, &next, blocks);
	return err;
}
