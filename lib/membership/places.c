/* SPDX-License-Identifier: Apache-2.0 */
/* Who serves which endpoint, and with which address. Only what the manifest says, as yet. */
#include "membership/internal.h"

void lm_places_set(struct lm_membership *m, struct network *net)
{
	(void)m;
	(void)net;
}

void lm_places_end(struct lm_membership *m, struct network *net)
{
	(void)m;
	(void)net;
}

void lm_places_grown(struct lm_membership *m, struct network *net)
{
	(void)m;
	(void)net;
}

void lm_places_done(struct lm_membership *m, struct network *net, uint64_t tag,
    enum lm_chain_verdict verdict, uint32_t block)
{
	(void)m;
	(void)net;
	(void)tag;
	(void)verdict;
	(void)block;
}

void lm_places_current(struct lm_membership *m, struct network *net)
{
	(void)m;
	(void)net;
}

bool lm_places_consent(
    struct lm_membership *m, const struct network *net, const struct lm_chain_command *command)
{
	(void)m;
	(void)net;
	(void)command;
	return false;
}
