/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of each network, towards the other gateways and the disk. Nothing is decided yet. */
#include "membership/internal.h"

#include <errno.h>

int lm_facts_open(struct lm_membership *m)
{
	m->chain_at = LM_NEVER;
	return 0;
}

void lm_facts_close(struct lm_membership *m)
{
	lm_chain_free(m->chain);
}

void lm_facts_set(struct lm_membership *m, struct network *net)
{
	(void)m;
	(void)net;
}

void lm_facts_end(struct lm_membership *m, struct network *net)
{
	(void)m;
	(void)net;
}

bool lm_facts_has(const struct network *net)
{
	return net->facts != NULL;
}

void lm_facts_message(
    struct lm_membership *m, struct party *from, uint8_t type, const uint8_t *body, size_t len)
{
	(void)from;
	(void)type;
	(void)body;
	(void)len;
	m->drops[LM_MD_UNAUTHORISED]++;
}

void lm_facts_visit(struct lm_membership *m)
{
	(void)m;
}

int lm_facts_propose(struct lm_membership *m, struct network *net,
    const struct lm_chain_command *command, uint64_t tag)
{
	(void)m;
	(void)net;
	(void)command;
	(void)tag;
	return -ENOENT;
}

void lm_facts_greet(struct lm_membership *m, struct network *net, struct remote *r)
{
	(void)m;
	(void)net;
	(void)r;
}

const struct lm_chain *lm_membership_chain(const struct lm_membership *m)
{
	return m->chain;
}
