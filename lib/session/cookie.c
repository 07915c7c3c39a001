/* SPDX-License-Identifier: Apache-2.0 */
#include "session/cookie.h"

#include <errno.h>
#include <string.h>
#include <sodium.h>

#include "base/bytes.h"
#include "crypto/identity.h"

#define NS_PER_S 1000000000ull

static void derive(uint8_t out[32], const char *label, const uint8_t name[LM_WIRE_NAME])
{
	crypto_generichash_state st;
	crypto_generichash_init(&st, NULL, 0, 32);
	crypto_generichash_update(&st, (const uint8_t *)label, strlen(label));
	crypto_generichash_update(&st, name, LM_WIRE_NAME);
	crypto_generichash_final(&st, out, 32);
}

void lm_mac_keys(struct lm_mac_keys *out, const uint8_t name[LM_WIRE_NAME])
{
	derive(out->mac1, "leasemesh-mac1-v1", name);
	derive(out->cookie, "leasemesh-cookie-v1", name);
}

void lm_wire_mac(
    uint8_t out[LM_WIRE_MAC], const uint8_t *key, size_t key_len, const uint8_t *data, size_t len)
{
	crypto_generichash(out, LM_WIRE_MAC, data, len, key, key_len);
}

bool lm_wire_mac_ok(
    const uint8_t *mac, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len)
{
	uint8_t want[LM_WIRE_MAC];
	lm_wire_mac(want, key, key_len, data, len);
	return lm_equal_secret(want, mac, LM_WIRE_MAC);
}

void lm_cookie_jar_turn(struct lm_cookie_jar *jar, uint64_t now, lm_random_fn *random, void *ctx)
{
	uint64_t age = (now - jar->made) / NS_PER_S;
	if (jar->filled && age < LM_COOKIE_LIFE_S)
		return;
	/* After a long pause the old secret is no better than none. */
	if (jar->filled && age < 2 * LM_COOKIE_LIFE_S)
		memcpy(jar->secret[1], jar->secret[0], sizeof(jar->secret[1]));
	else
		random(ctx, jar->secret[1], sizeof(jar->secret[1]));
	random(ctx, jar->secret[0], sizeof(jar->secret[0]));
	jar->made = now;
	jar->filled = true;
}

static void bake(
    uint8_t out[LM_COOKIE_LEN], const uint8_t secret[32], const struct lm_udp_addr *from)
{
	uint8_t source[19];
	struct lm_writer w = lm_writer(source, sizeof(source));
	lm_write_u8(&w, from->ip.family);
	lm_write(&w, from->ip.b, sizeof(from->ip.b));
	lm_write_u16(&w, from->port);
	crypto_generichash(out, LM_COOKIE_LEN, source, sizeof(source), secret, 32);
}

void lm_cookie_bake(
    uint8_t out[LM_COOKIE_LEN], const struct lm_cookie_jar *jar, const struct lm_udp_addr *from)
{
	bake(out, jar->secret[0], from);
}

bool lm_cookie_proven(
    const struct lm_cookie_jar *jar, const struct lm_udp_addr *from, const uint8_t *initiation)
{
	for (int i = 0; i < 2; i++) {
		uint8_t cookie[LM_COOKIE_LEN];
		bake(cookie, jar->secret[i], from);
		if (lm_wire_mac_ok(initiation + LM_INIT_MAC2, cookie, sizeof(cookie), initiation,
			LM_INIT_MAC2))
			return true;
	}
	return false;
}

void lm_cookie_reply(uint8_t *out, const struct lm_mac_keys *own, uint32_t receiver,
    const uint8_t nonce[LM_COOKIE_NONCE_LEN], const uint8_t cookie[LM_COOKIE_LEN],
    const uint8_t mac1[LM_WIRE_MAC])
{
	lm_wire_header(out, LM_WIRE_COOKIE);
	lm_wire_put_index(out + LM_COOKIE_RECEIVER, receiver);
	memcpy(out + LM_COOKIE_NONCE, nonce, LM_COOKIE_NONCE_LEN);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + LM_COOKIE_SEALED, NULL, cookie,
	    LM_COOKIE_LEN, mac1, LM_WIRE_MAC, NULL, nonce, own->cookie);
}

int lm_cookie_open(uint8_t cookie[LM_COOKIE_LEN], const uint8_t *reply,
    const struct lm_mac_keys *peer, const uint8_t mac1[LM_WIRE_MAC])
{
	return crypto_aead_xchacha20poly1305_ietf_decrypt(cookie, NULL, NULL,
		   reply + LM_COOKIE_SEALED, LM_COOKIE_LEN + 16, mac1, LM_WIRE_MAC,
		   reply + LM_COOKIE_NONCE, peer->cookie)
		   ? -EBADMSG
		   : 0;
}
