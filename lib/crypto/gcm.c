/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/gcm.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <intel-ipsec-mb.h>
#include "base/log.h"
#include "crypto/identity.h"

#define LM_LOG_MODULE "crypto"
#define CACHE_LINE 64

struct lm_gcm_key {
	alignas(CACHE_LINE) struct gcm_key_data expanded;
};

int lm_gcm_engine_create(struct lm_gcm_engine **out)
{
	const uint64_t needed = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
	IMB_ARCH arch;

	struct lm_gcm_engine *e = aligned_alloc(CACHE_LINE, sizeof *e);
	struct gcm_context_data *ctx = aligned_alloc(CACHE_LINE,
	    (sizeof(struct gcm_context_data) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
	IMB_MGR *mgr = alloc_mb_mgr(0);
	if (!e || !ctx || !mgr) {
		free(e);
		free(ctx);
		if (mgr)
			free_mb_mgr(mgr);
		return -ENOMEM;
	}
	*e = (struct lm_gcm_engine){.ctx = ctx, .mgr = mgr};
	/* Without AES instructions the library would emulate them in C: 100 times slower. */
	if ((mgr->features & needed) != needed) {
		lm_error("this CPU lacks the AES or PCLMULQDQ instructions that AES-GCM needs");
		lm_gcm_engine_free(e);
		return -ENOTSUP;
	}
	init_mb_mgr_auto(mgr, &arch);
	if (imb_get_errno(mgr) != 0) {
		lm_error("ipsec-mb cannot start: %s", imb_get_strerror(imb_get_errno(mgr)));
		lm_gcm_engine_free(e);
		return -ENOTSUP;
	}
	e->enc = mgr->gcm256_enc;
	e->dec = mgr->gcm256_dec;
	*out = e;
	return 0;
}

void lm_gcm_engine_free(struct lm_gcm_engine *e)
{
	if (!e)
		return;
	free_mb_mgr(e->mgr);
	lm_wipe(e->ctx, sizeof *e->ctx);
	free(e->ctx);
	free(e);
}

const char *lm_gcm_library(int *writes_shared)
{
	if (writes_shared)
		*writes_shared = imb_get_version() < IMB_VERSION(2, 0, 0);
	return imb_get_version_str();
}

int lm_gcm_key_create(struct lm_gcm_key **out, struct lm_gcm_engine *e, const uint8_t key[32])
{
	IMB_MGR *mgr = e->mgr;
	struct lm_gcm_key *k = aligned_alloc(CACHE_LINE, sizeof *k);

	if (!k)
		return -ENOMEM;
	IMB_AES256_GCM_PRE(mgr, key, &k->expanded);
	*out = k;
	return 0;
}

void lm_gcm_key_free(struct lm_gcm_key *k)
{
	if (!k)
		return;
	lm_wipe(k, sizeof *k);
	free(k);
}
