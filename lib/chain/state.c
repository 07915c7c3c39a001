/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/state.h"

#include <errno.h>
#include <stdlib.h>
#include <sodium.h>

#define FORMAT 1

void lm_chain_hash(uint8_t out[HASH_LEN], const void *bytes, size_t len)
{
	crypto_generichash(out, HASH_LEN, bytes, len, NULL, 0);
}

/* ---- members ---- */

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, LM_PUBLIC_KEY_LEN);
}

static bool in_order(const struct members *m)
{
	for (unsigned i = 1; i < m->n; i++)
		if (compare_keys(&m->key[i - 1], &m->key[i]) >= 0)
			return false;
	return true;
}

int lm_chain_members_make(struct members *out, const struct lm_public_key *keys, unsigned n)
{
	struct members m = {.n = n};

	if (n == 0 || n > LM_CHAIN_MEMBERS_MAX)
		return -EINVAL;
	memcpy(m.key, keys, n * sizeof(*keys));
	qsort(m.key, n, sizeof(m.key[0]), compare_keys);
	if (!in_order(&m))
		return -EINVAL;
	*out = m;
	return 0;
}

int lm_chain_member(const struct members *m, const struct lm_public_key *key)
{
	for (unsigned i = 0; i < m->n; i++)
		if (compare_keys(&m->key[i], key) == 0)
			return (int)i;
	return -1;
}

void lm_chain_members_write(struct lm_writer *w, const struct members *m)
{
	lm_write_u8(w, (uint8_t)m->n);
	lm_write(w, m->key, m->n * sizeof(m->key[0]));
}

bool lm_chain_members_read(struct lm_reader *r, struct members *m)
{
	*m = (struct members){.n = lm_read_u8(r)};
	if (m->n == 0 || m->n > LM_CHAIN_MEMBERS_MAX)
		return false;
	lm_read(r, m->key, m->n * sizeof(m->key[0]));
	return !r->failed && in_order(m);
}

void lm_chain_members_hash(uint8_t out[HASH_LEN], const struct members *m)
{
	uint8_t bytes[1 + sizeof(m->key)];
	struct lm_writer w = lm_writer(bytes, sizeof(bytes));

	lm_chain_members_write(&w, m);
	lm_chain_hash(out, bytes, lm_writer_len(&w));
}

/* ---- the whole ---- */

int lm_chain_genesis_state(struct state *out, const struct lm_chain_genesis *g)
{
	struct state s = {.n_blocks = g->n_blocks, .block_size = g->block_size};
	bool power_of_two = g->block_size && (g->block_size & (g->block_size - 1)) == 0;

	if (g->n_blocks == 0 || g->n_blocks > 65536 || !power_of_two || g->block_size > 65536)
		return -EINVAL;
	if (lm_chain_members_make(&s.members, g->members, g->n_members) < 0)
		return -EINVAL;
	*out = s;
	return 0;
}

static void *copy_of(const void *from, size_t len)
{
	void *to = malloc(len);

	return to ? memcpy(to, from, len) : NULL;
}

int lm_chain_state_copy(struct state *to, const struct state *from)
{
	struct state s = *from;

	if (s.n_gateways)
		s.gateways = copy_of(s.gateways, s.n_gateways * sizeof(*s.gateways));
	if (s.n_slots)
		s.slots = copy_of(s.slots, s.n_slots * sizeof(*s.slots));
	if (s.n_endpoints)
		s.endpoints = copy_of(s.endpoints, s.n_endpoints * sizeof(*s.endpoints));
	if ((s.n_gateways && !s.gateways) || (s.n_slots && !s.slots) ||
	    (s.n_endpoints && !s.endpoints)) {
		lm_chain_state_free(&s);
		return -ENOMEM;
	}
	*to = s;
	return 0;
}

void lm_chain_state_free(struct state *s)
{
	free(s->n_gateways ? s->gateways : NULL);
	free(s->n_slots ? s->slots : NULL);
	free(s->n_endpoints ? s->endpoints : NULL);
	*s = (struct state){0};
}

size_t lm_chain_state_len(const struct state *s)
{
	size_t len = 1 + 8 + 4 + 4 + 3 * 4 + 1 + s->members.n * sizeof(s->members.key[0]) +
		     s->n_gateways * GATEWAY_LEN + s->n_slots * SLOT_LEN;

	for (unsigned i = 0; i < s->n_endpoints; i++)
		len += ENDPOINT_FIXED + s->endpoints[i].key_len;
	return len;
}

void lm_chain_state_write(struct lm_writer *w, const struct state *s)
{
	lm_write_u8(w, FORMAT);
	lm_write_u64(w, s->serial);
	lm_write_u32(w, s->n_blocks);
	lm_write_u32(w, s->block_size);
	lm_chain_members_write(w, &s->members);
	lm_write_u32(w, s->n_gateways);
	for (unsigned i = 0; i < s->n_gateways; i++) {
		lm_write(w, s->gateways[i].key.b, LM_PUBLIC_KEY_LEN);
		lm_write_u64(w, s->gateways[i].number);
		lm_write_u64(w, s->gateways[i].window);
		lm_write_u64(w, s->gateways[i].serial);
	}
	lm_write_u32(w, s->n_slots);
	for (unsigned i = 0; i < s->n_slots; i++) {
		lm_write_u16(w, s->slots[i].owner);
		lm_write_u64(w, s->slots[i].until);
	}
	lm_write_u32(w, s->n_endpoints);
	for (unsigned i = 0; i < s->n_endpoints; i++) {
		const struct endpoint *e = &s->endpoints[i];
		lm_write_u8(w, e->key_len);
		lm_write(w, e->key, e->key_len);
		lm_write_u16(w, e->gateway);
		lm_write_u32(w, e->address);
		lm_write_u64(w, e->generation);
	}
}

/* n is what is claimed; each takes at least so many bytes, so a lie costs no memory. */
static void *room_for(struct lm_reader *r, unsigned n, unsigned max, size_t least, size_t size)
{
	if (n > max || lm_reader_left(r) / least < n)
		r->failed = true;
	return r->failed || n == 0 ? NULL : calloc(n, size);
}

static void read_gateways(struct state *s, struct lm_reader *r)
{
	unsigned n = lm_read_u32(r);

	s->gateways = room_for(r, n, LM_CHAIN_GATEWAYS_MAX, GATEWAY_LEN, sizeof(*s->gateways));
	for (; s->gateways && s->n_gateways < n; s->n_gateways++) {
		struct known *g = &s->gateways[s->n_gateways];
		lm_read(r, g->key.b, LM_PUBLIC_KEY_LEN);
		g->number = lm_read_u64(r);
		g->window = lm_read_u64(r);
		g->serial = lm_read_u64(r);
	}
	r->failed |= s->n_gateways != n;
}

static void read_slots(struct state *s, struct lm_reader *r)
{
	unsigned n = lm_read_u32(r);

	s->slots = room_for(r, n, s->n_blocks, SLOT_LEN, sizeof(*s->slots));
	for (; s->slots && s->n_slots < n; s->n_slots++) {
		struct slot *slot = &s->slots[s->n_slots];
		slot->owner = lm_read_u16(r);
		slot->until = lm_read_u64(r);
		if (slot->owner != NOBODY && (slot->owner >= s->n_gateways || slot->until))
			r->failed = true;
	}
	r->failed |= s->n_slots != n;
}

static void read_endpoints(struct state *s, struct lm_reader *r)
{
	unsigned n = lm_read_u32(r);

	s->endpoints =
	    room_for(r, n, LM_CHAIN_ENDPOINTS_MAX, ENDPOINT_FIXED, sizeof(*s->endpoints));
	for (; s->endpoints && s->n_endpoints < n && !r->failed; s->n_endpoints++) {
		struct endpoint *e = &s->endpoints[s->n_endpoints];
		e->key_len = lm_read_u8(r);
		if (e->key_len == 0 || e->key_len > LM_CHAIN_KEY_MAX)
			break;
		lm_read(r, e->key, e->key_len);
		e->gateway = lm_read_u16(r);
		e->address = lm_read_u32(r);
		e->generation = lm_read_u64(r);
		if (e->gateway != NOBODY && e->gateway >= s->n_gateways)
			break;
	}
	r->failed |= s->n_endpoints != n;
}

int lm_chain_state_read(struct state *out, struct lm_reader *r)
{
	struct state s = {0};

	if (lm_read_u8(r) != FORMAT)
		return -EBADMSG;
	s.serial = lm_read_u64(r);
	s.n_blocks = lm_read_u32(r);
	s.block_size = lm_read_u32(r);
	if (s.n_blocks > 65536 || !lm_chain_members_read(r, &s.members))
		return -EBADMSG;
	read_gateways(&s, r);
	read_slots(&s, r);
	read_endpoints(&s, r);
	if (r->failed || lm_reader_left(r)) {
		free(s.gateways);
		free(s.slots);
		free(s.endpoints);
		return -EBADMSG;
	}
	*out = s;
	return 0;
}

int lm_chain_state_hash(uint8_t out[HASH_LEN], const struct state *s)
{
	size_t len = lm_chain_state_len(s);
	uint8_t *bytes = malloc(len);

	if (!bytes)
		return -ENOMEM;
	struct lm_writer w = lm_writer(bytes, len);
	lm_chain_state_write(&w, s);
	lm_chain_hash(out, bytes, len);
	free(bytes);
	return 0;
}

/* ---- finding ---- */

int lm_chain_known(const struct state *s, const struct lm_public_key *key)
{
	for (unsigned i = 0; i < s->n_gateways; i++)
		if (compare_keys(&s->gateways[i].key, key) == 0)
			return (int)i;
	return -1;
}

static int compare_endpoint(const struct endpoint *e, const uint8_t *key, size_t key_len)
{
	size_t shared = e->key_len < key_len ? e->key_len : key_len;
	int order = memcmp(e->key, key, shared);

	return order ? order : (int)e->key_len - (int)key_len;
}

unsigned lm_chain_endpoint_at(
    const struct state *s, const uint8_t *key, size_t key_len, bool *found)
{
	unsigned low = 0, high = s->n_endpoints;

	*found = false;
	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		int order = compare_endpoint(&s->endpoints[mid], key, key_len);
		if (order == 0) {
			*found = true;
			return mid;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}
