/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into DPDK's ipsec-secgw for benchmarks (-Wl,--wrap): a capture that is
 * played for ever repeats its sequence numbers, which librte_ipsec rightly drops. When the first
 * packet of a burst is older than that of the burst before, a new round has begun, and the inbound
 * SA is put back to how it was initialised. Its replay check stays in the path and
 * costs what it costs; lm_dp_bench_loop does the same for Leasemesh.
 */
#include <stdlib.h>
#include <string.h>
#include <rte_esp.h>
#include <rte_ipsec.h>
#include <rte_mbuf.h>

typedef uint16_t (*prepare_fn)(
    const struct rte_ipsec_session *ss, struct rte_mbuf *mb[], uint16_t num);

/* ipsec-secgw is configured with one inbound SA, and one lcore runs. */
static struct {
	struct rte_ipsec_sa *sa;
	void *initial;
	size_t len;
	uint32_t last_seq;
	prepare_fn prepare;
} loop;

int __real_rte_ipsec_sa_init(
    struct rte_ipsec_sa *sa, const struct rte_ipsec_sa_prm *prm, uint32_t size);
int __wrap_rte_ipsec_sa_init(
    struct rte_ipsec_sa *sa, const struct rte_ipsec_sa_prm *prm, uint32_t size);
int __real_rte_ipsec_session_prepare(struct rte_ipsec_session *ss);
int __wrap_rte_ipsec_session_prepare(struct rte_ipsec_session *ss);

int __wrap_rte_ipsec_sa_init(
    struct rte_ipsec_sa *sa, const struct rte_ipsec_sa_prm *prm, uint32_t size)
{
	int len = __real_rte_ipsec_sa_init(sa, prm, size);

	if (len > 0 && prm->ipsec_xform.direction == RTE_SECURITY_IPSEC_SA_DIR_INGRESS) {
		loop.sa = sa;
		loop.len = (size_t)len;
		loop.initial = malloc(loop.len);
		if (!loop.initial)
			return -ENOMEM;
		memcpy(loop.initial, sa, loop.len);
	}
	return len;
}

static uint16_t prepare(const struct rte_ipsec_session *ss, struct rte_mbuf *mb[], uint16_t num)
{
	const struct rte_esp_hdr *esp = rte_pktmbuf_mtod_offset(
	    mb[0], const struct rte_esp_hdr *, mb[0]->l2_len + mb[0]->l3_len);
	uint32_t seq = rte_be_to_cpu_32(esp->seq);

	if (seq < loop.last_seq)
		memcpy(loop.sa, loop.initial, loop.len);
	loop.last_seq = seq;
	return loop.prepare(ss, mb, num);
}

int __wrap_rte_ipsec_session_prepare(struct rte_ipsec_session *ss)
{
	int err = __real_rte_ipsec_session_prepare(ss);

	if (err == 0 && ss->sa == loop.sa && ss->pkt_func.prepare.sync != prepare) {
		loop.prepare = ss->pkt_func.prepare.sync;
		ss->pkt_func.prepare.sync = prepare;
	}
	return err;
}
