/* SPDX-License-Identifier: Apache-2.0 */
#include "session/noise.h"

#include <errno.h>
#include <string.h>
#include <sodium.h>

#include "crypto/identity.h"

static const char protocol_name[] = "Noise_IK_25519_ChaChaPoly_BLAKE2b";

/* ---- SymmetricState, section 5.2 ---- */

static void mix_hash(struct lm_noise *n, const void *data, size_t len)
{
	crypto_generichash_state st;
	crypto_generichash_init(&st, NULL, 0, LM_NOISE_HASH_LEN);
	crypto_generichash_update(&st, n->h, sizeof(n->h));
	crypto_generichash_update(&st, data, len);
	crypto_generichash_final(&st, n->h, LM_NOISE_HASH_LEN);
}

/* The framework's HKDF with two outputs (section 4.3): like RFC 5869 with empty info. */
static void hkdf2(
    uint8_t out1[64], uint8_t out2[64], const uint8_t ck[64], const void *ikm, size_t ikm_len)
{
	uint8_t temp[64], block[65];
	lm_hmac_blake2b(temp, ck, 64, ikm, ikm_len);
	block[0] = 1;
	lm_hmac_blake2b(out1, temp, sizeof(temp), block, 1);
	memcpy(block, out1, 64);
	block[64] = 2;
	lm_hmac_blake2b(out2, temp, sizeof(temp), block, sizeof(block));
	lm_wipe(temp, sizeof(temp));
	lm_wipe(block, sizeof(block));
}

static void mix_key(struct lm_noise *n, const uint8_t dh[32])
{
	uint8_t ck[64], k[64];
	hkdf2(ck, k, n->ck, dh, 32);
	memcpy(n->ck, ck, sizeof(n->ck));
	memcpy(n->k, k, sizeof(n->k));
	n->nonce = 0;
	n->has_key = true;
	lm_wipe(ck, sizeof(ck));
	lm_wipe(k, sizeof(k));
}

/* A low-order public key makes a secret that everybody knows: refused. */
static int mix_dh(struct lm_noise *n, const uint8_t secret[32], const uint8_t public[32])
{
	uint8_t dh[32];
	if (crypto_scalarmult(dh, secret, public) != 0)
		return -EPROTO;
	mix_key(n, dh);
	lm_wipe(dh, sizeof(dh));
	return 0;
}

static void encrypt_and_hash(struct lm_noise *n, uint8_t *out, const void *plain, size_t len)
{
	lm_noise_seal(out, n->k, n->nonce++, n->h, sizeof(n->h), plain, len);
	mix_hash(n, out, len + LM_NOISE_TAG_LEN);
}

static int decrypt_and_hash(struct lm_noise *n, uint8_t *out, const uint8_t *sealed, size_t len)
{
	int err = lm_noise_open(out, n->k, n->nonce++, n->h, sizeof(n->h), sealed, len);
	if (!err)
		mix_hash(n, sealed, len);
	return err;
}

/* ---- HandshakeState, section 5.3, for the one pattern ---- */

void lm_noise_init(struct lm_noise *n, enum lm_noise_role role, const void *prologue,
    size_t prologue_len, const uint8_t s_secret[32], const uint8_t s_public[32], const uint8_t *rs)
{
	memset(n, 0, sizeof(*n));
	n->role = role;
	memcpy(n->s_secret, s_secret, 32);
	memcpy(n->s_public, s_public, 32);
	if (rs)
		memcpy(n->rs, rs, 32);
	/* The name is shorter than the hash, so it is h itself, filled up with zeros. */
	memcpy(n->h, protocol_name, sizeof(protocol_name) - 1);
	memcpy(n->ck, n->h, sizeof(n->ck));
	mix_hash(n, prologue, prologue_len);
	mix_hash(n, role == LM_NOISE_INITIATOR ? n->rs : n->s_public, 32);
}

static void write_e(struct lm_noise *n, const uint8_t e_secret[32], uint8_t *out)
{
	memcpy(n->e_secret, e_secret, 32);
	crypto_scalarmult_base(n->e_public, e_secret);
	memcpy(out, n->e_public, 32);
	mix_hash(n, n->e_public, 32);
}

static int write_first(
    struct lm_noise *n, const uint8_t e_secret[32], const void *payload, size_t len, uint8_t *out)
{
	write_e(n, e_secret, out);
	int err = mix_dh(n, n->e_secret, n->rs);
	if (err)
		return err;
	encrypt_and_hash(n, out + 32, n->s_public, 32);
	err = mix_dh(n, n->s_secret, n->rs);
	if (err)
		return err;
	encrypt_and_hash(n, out + 80, payload, len);
	return (int)(LM_NOISE_MSG1_OVERHEAD + len);
}

static int write_second(
    struct lm_noise *n, const uint8_t e_secret[32], const void *payload, size_t len, uint8_t *out)
{
	write_e(n, e_secret, out);
	int err = mix_dh(n, n->e_secret, n->re);
	if (!err)
		err = mix_dh(n, n->e_secret, n->rs);
	if (err)
		return err;
	encrypt_and_hash(n, out + 32, payload, len);
	return (int)(LM_NOISE_MSG2_OVERHEAD + len);
}

int lm_noise_write(struct lm_noise *n, const uint8_t e_secret[32], const void *payload, size_t len,
    uint8_t *out, size_t size)
{
	bool first = n->role == LM_NOISE_INITIATOR;
	size_t overhead = first ? LM_NOISE_MSG1_OVERHEAD : LM_NOISE_MSG2_OVERHEAD;
	if (n->step != (first ? 0 : 1))
		return -EPROTO;
	if (size < overhead || size - overhead < len)
		return -ENOBUFS;
	int got = first ? write_first(n, e_secret, payload, len, out)
			: write_second(n, e_secret, payload, len, out);
	if (got >= 0)
		n->step++;
	return got;
}

static int read_first(struct lm_noise *n, const uint8_t *msg, size_t len, uint8_t *payload)
{
	memcpy(n->re, msg, 32);
	mix_hash(n, n->re, 32);
	int err = mix_dh(n, n->s_secret, n->re);
	if (!err)
		err = decrypt_and_hash(n, n->rs, msg + 32, 48);
	if (!err)
		err = mix_dh(n, n->s_secret, n->rs);
	if (!err)
		err = decrypt_and_hash(n, payload, msg + 80, len - 80);
	return err;
}

static int read_second(struct lm_noise *n, const uint8_t *msg, size_t len, uint8_t *payload)
{
	memcpy(n->re, msg, 32);
	mix_hash(n, n->re, 32);
	int err = mix_dh(n, n->e_secret, n->re);
	if (!err)
		err = mix_dh(n, n->s_secret, n->re);
	if (!err)
		err = decrypt_and_hash(n, payload, msg + 32, len - 32);
	return err;
}

int lm_noise_read(struct lm_noise *n, const uint8_t *msg, size_t len, uint8_t *payload, size_t size)
{
	bool first = n->role == LM_NOISE_RESPONDER;
	size_t overhead = first ? LM_NOISE_MSG1_OVERHEAD : LM_NOISE_MSG2_OVERHEAD;
	if (n->step != (first ? 0 : 1))
		return -EPROTO;
	if (len < overhead)
		return -EBADMSG;
	if (size < len - overhead)
		return -ENOBUFS;
	struct lm_noise next = *n;
	int err =
	    first ? read_first(&next, msg, len, payload) : read_second(&next, msg, len, payload);
	if (!err) {
		next.step++;
		*n = next;
	}
	lm_wipe(&next, sizeof(next));
	return err ? -EBADMSG : (int)(len - overhead);
}

int lm_noise_split(const struct lm_noise *n, uint8_t send[32], uint8_t recv[32])
{
	uint8_t to_responder[64], to_initiator[64];
	if (n->step != 2)
		return -EPROTO;
	hkdf2(to_responder, to_initiator, n->ck, NULL, 0);
	bool initiator = n->role == LM_NOISE_INITIATOR;
	memcpy(send, initiator ? to_responder : to_initiator, 32);
	memcpy(recv, initiator ? to_initiator : to_responder, 32);
	lm_wipe(to_responder, sizeof(to_responder));
	lm_wipe(to_initiator, sizeof(to_initiator));
	return 0;
}

/* ---- CipherState, sections 5.1 and 12.3 ---- */

/* Four zero bytes, then the counter in little endian: unlike everything else on our wire. */
static void make_nonce(uint8_t out[12], uint64_t counter)
{
	memset(out, 0, 4);
	for (int i = 0; i < 8; i++)
		out[4 + i] = (uint8_t)(counter >> (8 * i));
}

void lm_noise_seal(uint8_t *out, const uint8_t key[32], uint64_t counter, const void *ad,
    size_t ad_len, const void *plain, size_t len)
{
	uint8_t nonce[12];
	make_nonce(nonce, counter);
	crypto_aead_chacha20poly1305_ietf_encrypt(
	    out, NULL, plain, len, ad, ad_len, NULL, nonce, key);
}

int lm_noise_open(uint8_t *out, const uint8_t key[32], uint64_t counter, const void *ad,
    size_t ad_len, const uint8_t *sealed, size_t len)
{
	uint8_t nonce[12];
	make_nonce(nonce, counter);
	if (len < LM_NOISE_TAG_LEN)
		return -EBADMSG;
	return crypto_aead_chacha20poly1305_ietf_decrypt(
		   out, NULL, NULL, sealed, len, ad, ad_len, nonce, key)
		   ? -EBADMSG
		   : 0;
}
