/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the access stage share. On the worker.
 */
#ifndef LM_DATAPLANE_ACCESS_H
#define LM_DATAPLANE_ACCESS_H

#include "dataplane/worker.h"

/* A burst from one port. */
struct access {
	struct lm_worker *w;
	const struct lm_attach_table *table;
	const struct lm_port *port;
	unsigned index; /* of the port */
	bool told; /* fragments, whose ports another worker found */
};

/* Who sent it has sent one more. */
static inline void lm_access_count(struct lm_worker *w, const struct lm_pkt *p)
{
	struct lm_attach_state *state = &w->attached[p->from];

	state->rx_packets++;
	state->rx_bytes += p->m->pkt_len;
}

/* Steps of one packet on the long way, each as its like in quick.h. False: it is gone. */

/*
 * Whose frame is it? True: it is IP, and net, from, ip, len (bytes there) and LM_PKT_V6 are
 * set.
 */
bool lm_access_receive(const struct access *a, struct lm_pkt *p, struct rte_mbuf *m);
/* True: it goes on to its flow. */
bool lm_access_admit(const struct access *a, struct lm_pkt *p);
/* Likewise, with the slot of its flow; or another worker has it. */
bool lm_access_rest(const struct access *a, struct lm_pkt *p);
/* The same for what lm_quick_admit let pass, once its flow cannot answer for it. */
bool lm_access_closer(const struct access *a, struct lm_pkt *p);
/* Do its attachment's limits let it pass? LM_FINE or why not. */
enum lm_drop lm_access_meter(const struct access *a, const struct lm_pkt *p);
/* To another worker, who sees the frame as if it had come to it, and counts it. False. */
bool lm_access_hand(const struct access *a, struct lm_pkt *p, unsigned to, bool with_ports);

#endif
