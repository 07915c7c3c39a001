/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <rte_common.h>
#include "dataplane/lines.h"
#include "dataplane/notes.h"
#include "dataplane/worker.h"

struct lm_notes *lm_notes_create(unsigned n_workers)
{
	struct lm_notes *notes = calloc(1, sizeof *notes);

	if (!notes)
		return NULL;
	notes->holders = 1;
	notes->rings = lm_lines_alloc(n_workers * sizeof *notes->rings);
	if (!notes->rings) {
		free(notes);
		return NULL;
	}
	return notes;
}

struct lm_notes *lm_notes_hold(struct lm_notes *notes)
{
	notes->holders++;
	return notes;
}

void lm_notes_release(struct lm_notes *notes)
{
	if (!notes || --notes->holders > 0)
		return;
	free(notes->rings);
	free(notes);
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
	enum lm_note_kind kind = ruling->verdict == LM_ALLOW ? LM_NOTE_ALLOWED : LM_NOTE_DENIED;
	struct lm_note_ring *ring = &p->net->notes->rings[w->index][kind];
	enum lm_way way;

	if (!pick(p->net->policy, &a, ruling, &way) ||
	    !lm_limit_take(&ring->limit, w->now, w->dp->hz / LM_NOTES_SECOND, LM_NOTES_BURST))
		return;
	const struct lm_policy_rule *rule = rule_of(p->net->policy, &a, way, ruling);
	struct lm_note *note = &ring->notes[ring->written & (LM_NOTES - 1)];

	__atomic_store_n(&note->number, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	fill(note, p, &a);
	note->at = w->now;
	note->way = (uint8_t)way;
	note->verdict = (uint8_t)verdict_of(ruling);
	note->line = rule ? rule->line : 0;
	__atomic_store_n(&note->number, ring->written + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&ring->written, ring->written + 1, __ATOMIC_RELEASE);
}

_Static_assert(LM_DP_NOTED_MAX == LM_NOTES * LM_NOTE_KINDS, "all of a worker's");

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

static void tell(struct lm_dp_noted_info *out, const struct lm_note *note, uint32_t ago_s)
{
	*out = (struct lm_dp_noted_info){.src = lm_addr_ip(note->src),
	    .dst = lm_addr_ip(note->dst),
	    .src_port = note->src_port,
	    .dst_port = note->dst_port,
	    .protocol = note->proto,
	    .verdict = note->verdict,
	    .way = note->way,
	    .line = note->line,
	    .ago_s = ago_s};
}

/* The last max of a ring, the newest first. */
static unsigned tell_ring(const struct lm_worker *w, const struct lm_note_ring *ring,
    struct lm_dp_noted_info *out, unsigned max)
{
	uint64_t written = __atomic_load_n(&ring->written, __ATOMIC_ACQUIRE);
	uint64_t now = rte_rdtsc() + w->skew;
	unsigned n = 0;

	for (unsigned i = 0; i < LM_NOTES && i < written && n < max; i++) {
		uint64_t number = written - i;
		struct lm_note note;

		if (copy(&note, &ring->notes[(number - 1) & (LM_NOTES - 1)], number))
			tell(&out[n++], &note,
			    now > note.at ? (uint32_t)((now - note.at) / w->dp->hz) : 0);
	}
	return n;
}

unsigned lm_dp_noted(const struct lm_dp *dp, uint32_t index, unsigned worker,
    struct lm_dp_noted_info out[LM_DP_NOTED_MAX])
{
	const struct lm_net *net = index < dp->config.max_networks ? dp->nets[index] : NULL;
	unsigned n = 0;

	if (!net || worker >= dp->config.n_workers)
		return 0;
	for (unsigned kind = 0; kind < LM_NOTE_KINDS; kind++)
		n += tell_ring(dp->workers[worker], &net->notes->rings[worker][kind], out + n,
		    LM_DP_NOTED_MAX - n);
	return n;
}
