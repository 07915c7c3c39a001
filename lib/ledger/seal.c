/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of a network, and sections: some records of one network, sealed with XChaCha20-Poly1305
 * under a key of the network and the hour. Whoever has not the network's secret (a relay, a disk,
 * a gateway that was cut off) sees neither which network it is nor whose records.
 */
#include "ledger/internal.h"

#include <sodium.h>

#define KEYS_INFO "leasemesh-ledger-v1"
#define SEAL_INFO "leasemesh-ledger-seal-v1"
#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define MAC_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD_LEN (TAG_LEN + 4)

_Static_assert(SECTION_FIXED == HEAD_LEN + NONCE_LEN + 2 + MAC_LEN, "a section's layout");

void lm_ledger_keys(struct network *net)
{
	uint8_t keys[TAG_LEN + sizeof(net->digest_key)];

	lm_hkdf(keys, sizeof(keys), net->id.b, LM_NET_ID_LEN, net->secret.b, LM_SECRET_LEN,
	    KEYS_INFO, strlen(KEYS_INFO));
	memcpy(net->tag, keys, TAG_LEN);
	memcpy(net->digest_key, keys + TAG_LEN, sizeof(net->digest_key));
	lm_wipe(keys, sizeof(keys));
}

static void window_key(const struct network *net, uint32_t window, uint8_t out[32])
{
	uint8_t info[sizeof(SEAL_INFO) - 1 + 4];
	struct lm_writer w = lm_writer(info, sizeof(info));

	lm_write(&w, SEAL_INFO, strlen(SEAL_INFO));
	lm_write_u32(&w, window);
	lm_hkdf(
	    out, 32, net->id.b, LM_NET_ID_LEN, net->secret.b, LM_SECRET_LEN, info, sizeof(info));
}

static uint32_t window_now(const struct lm_ledger *l)
{
	return (uint32_t)(wall_seconds(l) / LM_LEDGER_WINDOW);
}

void lm_ledger_seal(
    struct lm_ledger *l, const struct network *net, const uint8_t *plain, size_t len, uint8_t *out)
{
	struct lm_writer w = lm_writer(out, SECTION_FIXED + len);
	uint8_t key[32], nonce[NONCE_LEN];

	l->ops.random(l->ctx, nonce, sizeof(nonce));
	lm_write(&w, net->tag, TAG_LEN);
	lm_write_u32(&w, window_now(l));
	lm_write(&w, nonce, sizeof(nonce));
	lm_write_u16(&w, (uint16_t)(len + MAC_LEN));
	window_key(net, window_now(l), key);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
	    w.at, NULL, plain, len, out, HEAD_LEN, NULL, nonce, key);
	lm_wipe(key, sizeof(key));
}

bool lm_ledger_read_section(struct lm_reader *r, struct section *s)
{
	s->tag = lm_read_ref(r, TAG_LEN);
	s->window = lm_read_u32(r);
	s->nonce = lm_read_ref(r, NONCE_LEN);
	s->len = lm_read_u16(r);
	s->sealed = lm_read_ref(r, s->len);
	return !r->failed && s->len >= MAC_LEN && s->len <= SECTION_PLAIN_MAX + MAC_LEN;
}

bool lm_ledger_window_ok(const struct lm_ledger *l, const struct section *s)
{
	uint32_t now = window_now(l);

	return s->window + 1 >= now && s->window <= now + 1;
}

int lm_ledger_open(
    const struct network *net, const struct section *s, uint8_t out[SECTION_PLAIN_MAX])
{
	uint8_t key[32], head[HEAD_LEN];
	struct lm_writer w = lm_writer(head, sizeof(head));

	lm_write(&w, s->tag, TAG_LEN);
	lm_write_u32(&w, s->window);
	window_key(net, s->window, key);
	int err = crypto_aead_xchacha20poly1305_ietf_decrypt(
	    out, NULL, NULL, s->sealed, s->len, head, sizeof(head), s->nonce, key);
	lm_wipe(key, sizeof(key));
	return err ? -EBADMSG : (int)(s->len - MAC_LEN);
}
