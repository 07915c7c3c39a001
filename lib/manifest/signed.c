/* SPDX-License-Identifier: Apache-2.0 */
/* Signed manifests: made by the owner, opened by everybody else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "base/bytes.h"
#include "manifest/envelope.h"
#include "manifest/secret.h"

/* ---- signing ---- */

/* One sealed secret for each provider, to be freed. */
static int seal_secrets(
    struct lm_sealed_line **out, const struct lm_manifest *m, const struct lm_identity *owner)
{
	struct lm_secret secret;
	int err = lm_secret_derive(&secret, owner, m);
	if (err < 0)
		return err;
	struct lm_sealed_line *lines = calloc(m->n_providers, sizeof(*lines));
	if (!lines)
		err = -ENOMEM;
	for (unsigned i = 0; i < m->n_providers && err == 0; i++) {
		lines[i].provider = m->providers[i].id;
		err = lm_secret_seal(lines[i].sealed, &secret, owner, &m->providers[i].key);
	}
	lm_wipe(&secret, sizeof(secret));
	if (err < 0) {
		free(lines);
		return err;
	}
	*out = lines;
	return 0;
}

static int fill_signature(struct lm_envelope_text *text, const struct lm_identity *owner)
{
	struct lm_signature sig;
	int err = lm_sign(&sig, owner, LM_MANIFEST_DOMAIN, text->bytes + text->body_at,
	    text->len - text->body_at);
	if (err < 0)
		return err;
	char digits[2 * LM_SIGNATURE_LEN + 1];
	lm_hex(digits, sig.b, sizeof(sig.b));
	memcpy(text->bytes + text->signature_at, digits, 2 * LM_SIGNATURE_LEN);
	return 0;
}

static int sign_parsed(struct lm_envelope_text *text, const struct lm_manifest *m, const void *yaml,
    size_t len, const struct lm_identity *owner)
{
	struct lm_sealed_line *secrets;
	int err = seal_secrets(&secrets, m, owner);
	if (err < 0)
		return err;
	err = lm_envelope_write(text, &owner->pub, secrets, m->n_providers, yaml, len);
	free(secrets);
	if (err < 0)
		return err;
	err = fill_signature(text, owner);
	if (err < 0)
		free(text->bytes);
	return err;
}

int lm_manifest_sign(uint8_t **out, size_t *out_len, const char *file, const void *yaml, size_t len,
    const struct lm_identity *owner, struct lm_why *why)
{
	struct lm_manifest *m;
	int err = lm_manifest_parse(&m, file, yaml, len, why);
	if (err < 0)
		return err;
	struct lm_envelope_text text;
	err = sign_parsed(&text, m, yaml, len, owner);
	lm_manifest_free(m);
	if (err < 0)
		return lm_why(why, -err, "%s: signing failed: %s", file, strerror(-err));
	if (text.len > LM_MANIFEST_BYTES_MAX) {
		free(text.bytes);
		return lm_why(why, E2BIG, "%s: larger than %u bytes once it is signed", file,
		    LM_MANIFEST_BYTES_MAX);
	}
	*out = text.bytes;
	*out_len = text.len;
	return 0;
}

/* ---- opening ---- */

/* The secret lines must be those of the document's providers, in the document's order. */
static int take_secrets(struct lm_signed_manifest *sm, const struct lm_envelope *e,
    const char *file, struct lm_why *why)
{
	const struct lm_manifest *m = sm->manifest;
	if (e->n_secrets != m->n_providers)
		return lm_why(why, EINVAL, "%s: %u secret lines for %u providers", file,
		    e->n_secrets, m->n_providers);
	sm->sealed = calloc(m->n_providers, sizeof(*sm->sealed));
	if (!sm->sealed)
		return -ENOMEM;
	for (unsigned i = 0; i < m->n_providers; i++) {
		struct lm_sealed_line line;
		if (lm_envelope_secret(&line, e, i) < 0 ||
		    memcmp(&line.provider, &m->providers[i].id, sizeof(line.provider)) != 0)
			return lm_why(why, EINVAL, "%s:%u: not the secret line of provider %s",
			    file, 4 + i, m->providers[i].name);
		memcpy(sm->sealed[i], line.sealed, sizeof(line.sealed));
	}
	return 0;
}

static int keep_bytes(struct lm_signed_manifest *sm, const void *bytes, size_t len)
{
	sm->bytes = malloc(len);
	if (!sm->bytes)
		return -ENOMEM;
	memcpy(sm->bytes, bytes, len);
	sm->len = len;
	crypto_generichash(sm->hash, sizeof(sm->hash), bytes, len, NULL, 0);
	return 0;
}

static int fill(struct lm_signed_manifest *sm, const struct lm_envelope *e, const char *file,
    const void *bytes, size_t len, struct lm_why *why)
{
	int err = lm_manifest_parse(&sm->manifest, file, e->document, e->document_len, why);
	if (err == 0)
		err = take_secrets(sm, e, file, why);
	if (err == 0)
		err = keep_bytes(sm, bytes, len);
	if (err < 0)
		return err;
	sm->owner = e->owner;
	sm->net_id = lm_net_id(&e->owner, sm->manifest->network);
	return 0;
}

int lm_manifest_open(struct lm_signed_manifest **out, const char *file, const void *bytes,
    size_t len, struct lm_why *why)
{
	struct lm_envelope e;
	int err = lm_envelope_split(&e, file, bytes, len, why);
	if (err < 0)
		return err;
	if (!lm_verify(&e.signature, &e.owner, LM_MANIFEST_DOMAIN, e.body, e.body_len))
		return lm_why(why, EBADMSG,
		    "%s: the signature does not match the contents and the owner's key", file);
	struct lm_signed_manifest *sm = calloc(1, sizeof(*sm));
	err = sm ? fill(sm, &e, file, bytes, len, why) : -ENOMEM;
	if (err == -ENOMEM)
		lm_why(why, ENOMEM, "%s: not enough memory", file);
	if (err < 0) {
		lm_signed_manifest_free(sm);
		return err;
	}
	*out = sm;
	return 0;
}

int lm_manifest_claimed_owner(
    struct lm_public_key *out, const void *bytes, size_t len, struct lm_why *why)
{
	struct lm_envelope e;
	int err = lm_envelope_split(&e, "manifest", bytes, len, why);
	if (err == 0)
		*out = e.owner;
	return err;
}

void lm_signed_manifest_free(struct lm_signed_manifest *sm)
{
	if (!sm)
		return;
	lm_manifest_free(sm->manifest);
	free(sm->sealed);
	free(sm->bytes);
	free(sm);
}
