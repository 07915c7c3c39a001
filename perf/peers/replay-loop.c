/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into DPDK's ipsec-secgw for benchmarks (-Wl,--wrap): a capture that is
 * played for ever repeats its sequence numbers, which librte_ipsec rightly drops. When the first
 * packet of a group is older than that of its SA's group before, a new round has begun, and the
 * inbound SA is put back to how it was initialised. Its replay check stays in the path and
 * costs what it costs; lm_dp_bench_loop does the same for Leasemesh.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <rte_esp.h>
#include <rte_ipsec.h>
#include <rte_mbuf.h>

typedef uint16_t (*prepare_fn)(
    const struct rte_ipsec_session *ss, struct rte_mbuf *mb[], uint16_t num);

/* One lcore runs. ipsec-secgw's inbound SAs are an array, which it initialises from the front. */
static struct {
	uint8_t *first; /* SA */
	uint8_t *initial; /* a copy of the array */
	size_t size; /* of an SA */
	size_t n;
	size_t from; /* what is in front of it does not change in an SA */
	bool known;
	uint32_t *last_seq; /* by SA */
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

	if (len <= 0 || prm->ipsec_xform.direction != RTE_SECURITY_IPSEC_SA_DIR_INGRESS)
		return len;
	if (loop.n == 0) {
		loop.first = (uint8_t *)sa;
		loop.size = size;
	}
	loop.initial = realloc(loop.initial, (loop.n + 1) * loop.size);
	loop.last_seq = realloc(loop.last_seq, (loop.n + 1) * sizeof(*loop.last_seq));
	if (!loop.initial || !loop.last_seq || (uint8_t *)sa != loop.first + loop.n * loop.size)
		return -ENOMEM;
	memcpy(loop.initial + loop.n * loop.size, sa, loop.size);
	loop.last_seq[loop.n++] = 0;
	return len;
}

static void put_back(uint8_t *sa, const uint8_t *initial)
{
	if (!loop.known) {
		while (loop.from < loop.size && sa[loop.from] == initial[loop.from])
			loop.from++;
		loop.known = true;
	}
	memcpy(sa + loop.from, initial + loop.from, loop.size - loop.from);
}

static uint16_t prepare(const struct rte_ipsec_session *ss, struct rte_mbuf *mb[], uint16_t num)
{
	const struct rte_esp_hdr *esp = rte_pktmbuf_mtod_offset(
	    mb[0], const struct rte_esp_hdr *, mb[0]->l2_len + mb[0]->l3_len);
	size_t at = (size_t)((uint8_t *)ss->sa - loop.first);
	uint32_t seq = rte_be_to_cpu_32(esp->seq), *last = &loop.last_seq[at / loop.size];

	if (seq < *last)
		put_back((uint8_t *)ss->sa, loop.initial + at);
	*last = seq;
	return loop.prepare(ss, mb, num);
}

int __wrap_rte_ipsec_session_prepare(struct rte_ipsec_session *ss)
{
	int err = __real_rte_ipsec_session_prepare(ss);
	uint8_t *sa = (uint8_t *)ss->sa;

	if (err == 0 && sa >= loop.first && sa < loop.first + loop.n * loop.size &&
	    ss->pkt_func.prepare.sync != prepare) {
		loop.prepare = ss->pkt_func.prepare.sync;
		ss->pkt_func.prepare.sync = prepare;
	}
	return err;
}
