/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only benchmarks call, in a file of its own: the linker takes none of it into a gateway.
 */
#include "dataplane/bench.h"

#include <string.h>
#include <rte_atomic.h>
#include "dataplane/worker.h"

static void null_cipher(const struct gcm_key_data *key, struct gcm_context_data *ctx, uint8_t *out,
    const uint8_t *in, uint64_t len, const uint8_t *iv, const uint8_t *aad, uint64_t aad_len,
    uint8_t *tag, uint64_t tag_len)
{
	(void)key, (void)ctx, (void)out, (void)in, (void)len, (void)iv, (void)aad, (void)aad_len;
	(void)tag_len;
	memset(tag, 0, LM_GCM_TAG_LEN);
}

void lm_dp_bench_null_cipher(struct lm_dp *dp)
{
	for (unsigned i = 0; i < dp->config.n_workers; i++)
		dp->workers[i]->gcm->enc = dp->workers[i]->gcm->dec = null_cipher;
}

void lm_dp_bench_endless(struct lm_dp *dp)
{
	for (unsigned i = 0; i < dp->config.n_workers; i++)
		dp->workers[i]->overload.endless = true;
}

unsigned lm_dp_bench_round(struct lm_dp *dp, unsigned worker)
{
	unsigned n = lm_worker_poll(dp->workers[worker]);

	/* Not as a jump at our end: whoever counts by function must see us return. */
	rte_compiler_barrier();
	return n;
}
