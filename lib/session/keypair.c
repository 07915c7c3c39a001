/* SPDX-License-Identifier: Apache-2.0 */
#include "session/keypair.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "session/session.h"

#define NS_PER_S 1000000000ull

static const char epoch_label[] = "leasemesh-epoch-v1";
static const char lane_label[] = "leasemesh-lane-v1";

/*
 * The epoch's secret comes from the chaining key by a way of its own, so that transport keys say
 * nothing about lane keys. Its number is cut from the same output: both ends know it without
 * telling each other, and it survives the restart of one of them.
 */
static void derive_epoch(struct lm_keypair *kp, const struct lm_noise *n)
{
	uint8_t out[LM_SECRET_LEN + 4];
	lm_hkdf(out, sizeof(out), n->h, sizeof(n->h), n->ck, sizeof(n->ck), epoch_label,
	    sizeof(epoch_label) - 1);
	struct lm_reader r = lm_reader(out, sizeof(out));
	lm_read(&r, kp->secret.b, LM_SECRET_LEN);
	kp->epoch = lm_read_u32(&r);
	if (kp->epoch == 0)
		kp->epoch = 1;
	lm_wipe(out, sizeof(out));
}

struct lm_keypair *lm_keypair_create(const struct lm_noise *n, uint64_t now)
{
	struct lm_keypair *kp = calloc(1, sizeof(*kp));
	if (!kp)
		return NULL;
	if (lm_noise_split(n, kp->send_key, kp->recv_key) != 0) {
		free(kp);
		return NULL;
	}
	derive_epoch(kp, n);
	kp->initiator = n->role == LM_NOISE_INITIATOR;
	kp->born = now;
	return kp;
}

void lm_keypair_free(struct lm_indices *map, struct lm_keypair *kp)
{
	if (!kp)
		return;
	lm_index_remove(map, &kp->index);
	lm_wipe(kp, sizeof(*kp));
	free(kp);
}

bool lm_keypair_expired(const struct lm_keypair *kp, uint64_t now)
{
	return now - kp->born >= LM_REJECT_AFTER * NS_PER_S;
}

/*
 * Direction is named by the handshake's roles, so that both ends mean the same by it. The network
 * secret is the salt: a gateway that completed the handshake but is no member cannot compute this.
 */
void lm_keypair_lane_key(const struct lm_keypair *kp, const struct lm_net_id *net,
    const struct lm_secret *net_secret, const struct lm_lane_set *set, bool inbound, uint8_t lane,
    uint8_t out[36])
{
	uint8_t info[sizeof(lane_label) - 1 + 1 + LM_NET_ID_LEN + 8 + 4 + 1];
	bool from_initiator = kp->initiator != inbound;
	struct lm_writer w = lm_writer(info, sizeof(info));
	lm_write(&w, lane_label, sizeof(lane_label) - 1);
	lm_write_u8(&w, from_initiator ? 1 : 2);
	lm_write(&w, net->b, LM_NET_ID_LEN);
	lm_write_u64(&w, set->incarnation);
	lm_write_u32(&w, set->generation);
	lm_write_u8(&w, lane);
	lm_hkdf(
	    out, 36, net_secret->b, LM_SECRET_LEN, kp->secret.b, LM_SECRET_LEN, info, sizeof(info));
}
