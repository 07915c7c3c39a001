/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a majority of a chain's members is lost for good, only the owner's key helps. A gateway says
 * what there is to sign (the state that it knows, with new members); the owner signs it and submits
 * that to any gateway, as he does with manifests.
 */
#include "membership/facts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include "base/log.h"

#define LM_LOG_MODULE "membership"

static const char request[] = "leasemesh-recovery-request-v1\n";
static const char signed_text[] = "leasemesh-recovery-v1\n";

/* A line that says what it is, and one of hex. */
static int write_text(
    char out[LM_RECOVERY_TEXT_MAX], const char *head, const uint8_t *bytes, size_t len)
{
	char hex[2 * LM_CHAIN_RECOVERY_MAX + 1];

	return snprintf(out, LM_RECOVERY_TEXT_MAX, "%s%s\n", head, lm_hex(hex, bytes, len));
}

/* The length of what was hex, or -EINVAL. */
static int read_text(
    uint8_t out[LM_CHAIN_RECOVERY_MAX], const char *head, const void *text, size_t len)
{
	const char *t = text;
	size_t head_len = strlen(head);

	if (len <= head_len || memcmp(t, head, head_len) != 0)
		return -EINVAL;
	t += head_len;
	len -= head_len;
	if (t[len - 1] == '\n')
		len--;
	if (len % 2 || len / 2 > LM_CHAIN_RECOVERY_MAX || lm_unhex(out, len / 2, t, len) < 0)
		return -EINVAL;
	return (int)(len / 2);
}

/* ---- what there is to sign ---- */

int lm_membership_recovery(const struct lm_membership *m, const struct lm_net_id *id,
    const struct lm_public_key *members, unsigned n, char out[LM_RECOVERY_TEXT_MAX],
    struct lm_why *why)
{
	const struct network *net = lm_network_find(m, id);
	uint8_t bytes[LM_CHAIN_RECOVERY_MAX];
	struct lm_chain_recovery r;

	if (!net || !lm_facts_has(net))
		return lm_why(why, ENOENT, "this gateway has no chain of this network");
	if (n == 0 || n > LM_CHAIN_MEMBERS_MAX)
		return lm_why(why, EINVAL, "a chain has 1 to %u members", LM_CHAIN_MEMBERS_MAX);
	for (unsigned i = 0; i < n; i++) {
		struct lm_key_id key = lm_key_id(&members[i]);
		char text[LM_KEY_ID_TEXT];
		if (lm_manifest_provider(net->pub.manifest, &key) < 0)
			return lm_why(why, EINVAL,
			    "%s is no provider of serial %" PRIu64 " of network %s",
			    lm_hex(text, key.b, LM_KEY_ID_LEN), net->pub.manifest->serial,
			    net->pub.manifest->network);
	}
	struct lm_chain_info info;
	if (lm_chain_info(m->chain, id, &info) == 0 && info.behind)
		return lm_why(why, EAGAIN,
		    "this gateway knows that more was decided, and is about to learn it");
	int err = lm_chain_recovery_from(m->chain, id, members, n, &r);
	if (err)
		return lm_why(
		    why, -err, "%s", err == -EINVAL ? "a member is named twice" : strerror(-err));
	return write_text(out, request, bytes, lm_chain_recovery_write(&r, bytes));
}

int lm_recovery_read(
    struct lm_chain_recovery *out, const void *text, size_t len, struct lm_why *why)
{
	uint8_t bytes[LM_CHAIN_RECOVERY_MAX];
	int n = read_text(bytes, request, text, len);

	if (n < 0 || lm_chain_recovery_read(out, bytes, (size_t)n) < 0)
		return lm_why(why, EINVAL, "this is no request for recovery as gateways make it");
	return 0;
}

int lm_recovery_sign(char out[LM_RECOVERY_TEXT_MAX], const struct lm_chain_recovery *r,
    const struct lm_identity *owner)
{
	uint8_t bytes[LM_CHAIN_RECOVERY_MAX];
	int n = lm_chain_recovery_sign(r, owner, bytes);

	return n < 0 ? n : write_text(out, signed_text, bytes, (size_t)n);
}

/* ---- what was signed ---- */

bool lm_recovery_is(const void *bytes, size_t len)
{
	size_t head_len = sizeof(signed_text) - 1;

	return len >= head_len && memcmp(bytes, signed_text, head_len) == 0;
}

static int explain(int err, const struct network *net, struct lm_why *why)
{
	const char *name = net->pub.manifest->network;

	switch (err) {
	case -EBADMSG:
		return lm_why(
		    why, EBADMSG, "the recovery is not signed by the owner of network %s", name);
	case -ESTALE:
		return lm_why(why, ESTALE,
		    "network %s was recovered already: ask a gateway for a new request", name);
	default:
		return lm_why(
		    why, EIO, "network %s could not be recovered here: %s", name, strerror(-err));
	}
}

int lm_recovery_judge(
    struct lm_membership *m, const void *text, size_t len, uint64_t *serial, struct lm_why *why)
{
	uint8_t bytes[LM_CHAIN_RECOVERY_MAX];
	struct lm_chain_info info;
	struct lm_net_id id;
	int n = read_text(bytes, signed_text, text, len);

	*serial = 0;
	if (n < (int)sizeof(id.b))
		return lm_why(why, EINVAL, "the recovery is malformed");
	memcpy(id.b, bytes, sizeof(id.b));
	struct network *net = lm_network_find(m, &id);
	if (!net || !lm_facts_has(net))
		return lm_why(why, ENOENT, "this gateway has no chain of the recovery's network");
	*serial = net->pub.manifest->serial;
	int err = lm_chain_recover(m->chain, &m->now, &id, bytes, (size_t)n);
	m->chain_at = m->now.mono;
	if (err)
		return explain(err, net, why);
	lm_facts_height(m, net->facts);
	lm_facts_greet_all(m, net->facts);
	net->facts->seats.look = net->facts->seats.scan = true;
	lm_facts_look(m, net->facts);
	lm_chain_info(m->chain, &id, &info);
	if (info.behind)
		lm_why(why, 0, "its chain starts anew as soon as its state was fetched");
	else
		lm_why(why, 0,
		    "its chain starts anew at height %" PRIu64 ", era %" PRIu32 ", with %u members",
		    info.height, info.era, info.n_members);
	return 0;
}
