/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "manifest/envelope.h"
#include "manifest/place.h"

#define SIGNATURE_DIGITS (2 * LM_SIGNATURE_LEN)
#define OWNER_DIGITS (2 * LM_PUBLIC_KEY_LEN)
#define ID_DIGITS (2 * LM_KEY_ID_LEN)
#define SEALED_DIGITS (2 * LM_SEALED_SECRET_LEN)
#define SECRET_LINE_LEN (sizeof("secret ") - 1 + ID_DIGITS + 1 + SEALED_DIGITS + 1)
#define LENGTH_DIGITS_MAX 20

/* ---- taking apart ---- */

struct text {
	const uint8_t *at, *end;
};

/* Takes the literal if it comes next. */
static bool take(struct text *t, const char *literal)
{
	size_t len = strlen(literal);
	if ((size_t)(t->end - t->at) < len || memcmp(t->at, literal, len) != 0)
		return false;
	t->at += len;
	return true;
}

/* Takes n bytes written as 2 n lower-case digits. */
static bool take_hex(struct text *t, void *out, size_t n)
{
	if ((size_t)(t->end - t->at) < 2 * n)
		return false;
	for (size_t i = 0; i < 2 * n; i++)
		if (t->at[i] >= 'A' && t->at[i] <= 'F')
			return false;
	if (lm_unhex(out, n, (const char *)t->at, 2 * n) < 0)
		return false;
	t->at += 2 * n;
	return true;
}

static bool take_decimal(struct text *t, uint64_t *out)
{
	size_t n = 0;
	while (t->at + n < t->end && n < LENGTH_DIGITS_MAX && t->at[n] >= '0' && t->at[n] <= '9')
		n++;
	if (!lm_parse_decimal((const char *)t->at, n, out))
		return false;
	t->at += n;
	return true;
}

static bool take_secret(struct text *t, struct lm_sealed_line *out)
{
	return take(t, "secret ") && take_hex(t, out->provider.b, sizeof(out->provider.b)) &&
	       take(t, " ") && take_hex(t, out->sealed, sizeof(out->sealed)) && take(t, "\n");
}

static int take_secrets(struct lm_envelope *e, struct text *t, const char *file, struct lm_why *why)
{
	e->secrets = t->at;
	struct lm_sealed_line line;
	while (take_secret(t, &line))
		if (++e->n_secrets > LM_PROVIDERS_MAX)
			return lm_why(
			    why, E2BIG, "%s: more than %d secret lines", file, LM_PROVIDERS_MAX);
	return 0;
}

int lm_envelope_split(
    struct lm_envelope *out, const char *file, const uint8_t *bytes, size_t len, struct lm_why *why)
{
	struct lm_envelope e = {0};
	struct text t = {bytes, bytes + len};
	if (len > LM_MANIFEST_BYTES_MAX)
		return lm_why(why, E2BIG, "%s: larger than %u bytes", file, LM_MANIFEST_BYTES_MAX);
	if (!take(&t, LM_ENVELOPE_MAGIC))
		return lm_why(why, EINVAL, "%s:1: not a signed manifest of version 1", file);
	if (!take(&t, "signature ") || !take_hex(&t, e.signature.b, sizeof(e.signature.b)) ||
	    !take(&t, "\n"))
		return lm_why(why, EINVAL, "%s:2: malformed signature line", file);
	e.body = t.at;
	e.body_len = (size_t)(t.end - t.at);
	if (!take(&t, "owner ") || !take_hex(&t, e.owner.b, sizeof(e.owner.b)) || !take(&t, "\n"))
		return lm_why(why, EINVAL, "%s:3: malformed owner line", file);
	int err = take_secrets(&e, &t, file, why);
	if (err < 0)
		return err;
	unsigned line = 4 + e.n_secrets;
	uint64_t length;
	if (!take(&t, "document ") || !take_decimal(&t, &length) || !take(&t, "\n"))
		return lm_why(why, EINVAL, "%s:%u: malformed secret or document line", file, line);
	e.document = t.at;
	e.document_len = (size_t)(t.end - t.at);
	if (length != e.document_len)
		return lm_why(why, EINVAL, "%s:%u: document of %llu bytes, but %zu follow", file,
		    line, (unsigned long long)length, e.document_len);
	*out = e;
	return 0;
}

int lm_envelope_secret(struct lm_sealed_line *out, const struct lm_envelope *e, unsigned i)
{
	const uint8_t *line = e->secrets + i * SECRET_LINE_LEN;
	struct text t = {line, line + SECRET_LINE_LEN};
	return take_secret(&t, out) ? 0 : -EINVAL;
}

/* ---- putting together ---- */

static void put(struct lm_writer *w, const char *text)
{
	lm_write(w, text, strlen(text));
}

static void put_hex(struct lm_writer *w, const void *data, size_t n)
{
	char digits[2 * LM_SEALED_SECRET_LEN + 1];
	put(w, lm_hex(digits, data, n));
}

_Static_assert(LM_SIGNATURE_LEN <= LM_SEALED_SECRET_LEN, "put_hex's buffer");
_Static_assert(LM_PUBLIC_KEY_LEN <= LM_SEALED_SECRET_LEN, "put_hex's buffer");

int lm_envelope_write(struct lm_envelope_text *out, const struct lm_public_key *owner,
    const struct lm_sealed_line *secrets, unsigned n_secrets, const void *document, size_t len)
{
	static const uint8_t unsigned_yet[LM_SIGNATURE_LEN];
	char length[LENGTH_DIGITS_MAX + 1];
	snprintf(length, sizeof(length), "%zu", len);
	size_t size = sizeof(LM_ENVELOPE_MAGIC "signature \nowner \ndocument \n") - 1 +
		      SIGNATURE_DIGITS + OWNER_DIGITS + n_secrets * SECRET_LINE_LEN +
		      strlen(length) + len;
	uint8_t *bytes = malloc(size);
	if (!bytes)
		return -ENOMEM;

	struct lm_writer w = lm_writer(bytes, size);
	put(&w, LM_ENVELOPE_MAGIC);
	put(&w, "signature ");
	out->signature_at = lm_writer_len(&w);
	put_hex(&w, unsigned_yet, sizeof(unsigned_yet));
	put(&w, "\n");
	out->body_at = lm_writer_len(&w);
	put(&w, "owner ");
	put_hex(&w, owner->b, sizeof(owner->b));
	put(&w, "\n");
	for (unsigned i = 0; i < n_secrets; i++) {
		put(&w, "secret ");
		put_hex(&w, secrets[i].provider.b, sizeof(secrets[i].provider.b));
		put(&w, " ");
		put_hex(&w, secrets[i].sealed, sizeof(secrets[i].sealed));
		put(&w, "\n");
	}
	put(&w, "document ");
	put(&w, length);
	put(&w, "\n");
	lm_write(&w, document, len);
	out->bytes = bytes;
	out->len = lm_writer_len(&w);
	return 0;
}
