/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/tcp.h"

static enum lm_tcp_verdict syn(const struct lm_tcp_state *s, uint8_t flags, bool reverse)
{
	bool opening = s->state == LM_FLOW_TCP_OPENING || s->state == LM_FLOW_TCP_ANSWERED;

	if (lm_tcp_opens(flags))
		return reverse ? LM_TCP_CONTRARY : LM_TCP_PASS;
	/* Who opened answers only if both have opened at the same time. */
	return reverse || opening ? LM_TCP_PASS : LM_TCP_NO_STATE;
}

/*
 * Neither side alone brings a connection beyond OPENING and ANSWERED, which end soon and are
 * limited: the other side must have answered, and who opened it must have confirmed that.
 */
enum lm_tcp_verdict lm_tcp_step(struct lm_tcp_state *s, uint8_t flags, bool reverse)
{
	if (!lm_tcp_valid(flags))
		return LM_TCP_INVALID;
	if (flags & LM_TCP_RST) {
		s->state = LM_FLOW_TCP_CLOSED;
		return LM_TCP_PASS;
	}
	if (flags & LM_TCP_SYN) {
		enum lm_tcp_verdict v = syn(s, flags, reverse);

		if (v != LM_TCP_PASS || lm_tcp_opens(flags))
			return v;
	}
	if (s->state == LM_FLOW_TCP_CLOSED)
		return LM_TCP_PASS;
	if (s->state == LM_FLOW_TCP_OPENING && reverse)
		s->state = LM_FLOW_TCP_ANSWERED;
	else if (s->state == LM_FLOW_TCP_ANSWERED && !reverse)
		s->state = LM_FLOW_TCP_ESTABLISHED;
	if (flags & LM_TCP_FIN)
		s->fins |= reverse ? LM_FIN_OTHER : LM_FIN_OPENER;
	if (s->fins != 0 && s->state >= LM_FLOW_TCP_ESTABLISHED)
		s->state = s->fins == LM_FIN_BOTH ? LM_FLOW_TCP_CLOSED : LM_FLOW_TCP_CLOSING;
	return LM_TCP_PASS;
}
