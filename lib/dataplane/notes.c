/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include "dataplane/notes.h"
#include "dataplane/worker.h"

int lm_notes_init(struct lm_notes *notes, unsigned n_networks)
{
	notes->ring = calloc(LM_NOTES, sizeof *notes->ring);
	notes->limits = calloc(n_networks, sizeof *notes->limits);
	return notes->ring && notes->limits ? 0 : -ENOMEM;
}

void lm_notes_free(struct lm_notes *notes)
{
	free(notes->ring);
	free(notes->limits);
}

struct asked {
	const struct lm_ep *src, *dst;
	bool back;
};

static const struct lm_policy_rule *rule_of(const struct lm_policy *policy, const struct asked *a,
    enum lm_way way, const struct lm_ruling *ruling)
{
	return lm_policy_rule(policy, way == LM_EGRESS ? a->src->member : a->dst->member, way,
	    way == LM_EGRESS ? ruling->egress : ruling->ingress);
}

/* Which side's rule is to be noted? False: neither. */
static bool pick(const struct lm_policy *policy, const struct asked *a,
    const struct lm_ruling *ruling, enum lm_way *way)
{
	bool in_list = ruling->verdict == LM_DENY_INGRESS || ruling->verdict == LM_OVER_INGRESS;
	*way = in_list ? LM_INGRESS : LM_EGRESS;
	if (ruling->verdict != LM_ALLOW)
		return true;
	const struct lm_policy_rule *out = rule_of(policy, a, LM_EGRESS, ruling),
				    *in = rule_of(policy, a, LM_INGRESS, ruling);
	if (out && out->log)
		return true;
	*way = LM_INGRESS;
	return in && in->log;
}

static void fill(struct lm_note *note, const struct lm_pkt *p, const struct asked *a)
{
	const struct lm_flow_key *k = &p->key;
	bool from_b = (bool)(p->flags & LM_PKT_FROM_B) != a->back;

	note->src = from_b ? k->b : k->a;
	note->dst = from_b ? k->a : k->b;
	note->src_port = note->dst_port = 0;
	if (lm_proto_has_ports(p->proto)) {
		note->src_port = rte_be_to_cpu_16(from_b ? k->port_b : k->port_a);
		note->dst_port = rte_be_to_cpu_16(from_b ? k->port_a : k->port_b);
	}
	note->net = k->net_proto >> 8;
	note->generation = p->net->generation;
	note->proto = p->proto;
}

static enum lm_noted verdict_of(const struct lm_ruling *ruling)
{
	switch (ruling->verdict) {
	case LM_ALLOW:
		return LM_NOTED_ALLOWED;
	case LM_OVER_EGRESS:
	case LM_OVER_INGRESS:
		return LM_NOTED_RATE;
	default:
		return LM_NOTED_DENIED;
	}
}

void lm_note_ruling(
    struct lm_worker *w, const struct lm_pkt *p, bool back, const struct lm_ruling *ruling)
{
	const struct asked a = {
	    .src = back ? p->dst_ep : p->src_ep, .dst = back ? p->src_ep : p->dst_ep, .back = back};
	bool allowed = ruling->verdict == LM_ALLOW;
	struct lm_notes *notes = &w->notes;
	enum lm_way way;

	if (!pick(p->net->policy, &a, ruling, &way) ||
	    !lm_limit_take(&notes->limits[p->key.net_proto >> 8][allowed], w->now,
		w->dp->hz / LM_NOTES_SECOND, LM_NOTES_BURST))
		return;
	const struct lm_policy_rule *rule = rule_of(p->net->policy, &a, way, ruling);
	struct lm_note *note = &notes->ring[notes->written & (LM_NOTES - 1)];

	__atomic_store_n(&note->number, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	fill(note, p, &a);
	note->at = w->now;
	note->way = (uint8_t)way;
	note->verdict = (uint8_t)verdict_of(ruling);
	note->line = rule ? rule->line : 0;
	__atomic_store_n(&note->number, notes->written + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&notes->written, notes->written + 1, __ATOMIC_RELEASE);
}

/* ---- on the control lcore -------------------------------------------------- */

/* False: it is being written, or has been meanwhile. */
static bool copy(struct lm_note *out, const struct lm_note *from, uint64_t number)
{
	if (__atomic_load_n(&from->number, __ATOMIC_ACQUIRE) != number)
		return false;
	*out = *from;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&from->number, __ATOMIC_RELAXED) == number;
}

/* The index may have been another tenant's when it was written. */
static bool is_of(const struct lm_dp *dp, const struct lm_note *note)
{
	const struct lm_net *net = dp->nets[note->net];

	return net && (int32_t)(note->generation - net->born) >= 0;
}

unsigned lm_dp_noted(const struct lm_dp *dp, unsigned worker, uint32_t *cursor,
    struct lm_dp_noted_info *out, unsigned max)
{
	unsigned n = 0;

	if (worker >= dp->config.n_workers)
		return 0;
	const struct lm_worker *w = dp->workers[worker];
	uint64_t written = __atomic_load_n(&w->notes.written, __ATOMIC_ACQUIRE);
	uint64_t now = rte_rdtsc() + w->skew;
	for (; *cursor < LM_NOTES && *cursor < written && n < max; ++*cursor) {
		uint64_t number = written - *cursor;
		struct lm_note note;

		if (!copy(&note, &w->notes.ring[(number - 1) & (LM_NOTES - 1)], number) ||
		    !is_of(dp, &note))
			continue;
		out[n++] = (struct lm_dp_noted_info){.net = note.net,
		    .src = lm_addr_ip(note.src),
		    .dst = lm_addr_ip(note.dst),
		    .src_port = note.src_port,
		    .dst_port = note.dst_port,
		    .protocol = note.proto,
		    .verdict = note.verdict,
		    .way = note.way,
		    .line = note.line,
		    .ago_s = now > note.at ? (uint32_t)((now - note.at) / dp->hz) : 0};
	}
	return n;
}
