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
	void *to = len ? malloc(len) : NULL;

	return to ? memcpy(to, from, len) : NULL;
}

int lm_chain_state_copy(struct state *to, const struct state *from)
{
	struct state s = *from;

	s.gateways = copy_of(s.gateways, s.n_gateways * sizeof(*s.gateways));
	s.slots = copy_of(s.slots, s.n_slots * sizeof(*s.slots));
	s.endpoints = copy_of(s.endpoints, s.n_endpoints * sizeof(*s.endpoints));
	s.addresses = copy_of(s.addresses, s.n_endpoints * sizeof(*s.addresses));
	if ((s.n_gateways && !s.gateways) || (s.n_slots && !s.slots) ||
	    (s.n_endpoints && !(s.endpoints && s.addresses))) {
		lm_chain_state_free(&s);
		return -ENOMEM;
	}
	*to = s;
	return 0;
}

void lm_chain_state_free(struct state *s)
{
	free(s->gateways);
	free(s->slots);
	free(s->endpoints);
	free(s->addresses);
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

static int compare_addresses(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* What is not among the bytes. -EBADMSG: two endpoints have one address. */
static int sort_addresses(struct state *s)
{
	if (s->n_endpoints == 0)
		return 0;
	s->addresses = malloc(s->n_endpoints * sizeof(*s->addresses));
	if (!s->addresses)
		return -ENOMEM;
	for (unsigned i = 0; i < s->n_endpoints; i++)
		s->addresses[i] = s->endpoints[i].address;
	qsort(s->addresses, s->n_endpoints, sizeof(*s->addresses), compare_addresses);
	for (unsigned i = 1; i < s->n_endpoints; i++)
		if (s->addresses[i - 1] == s->addresses[i])
			return -EBADMSG;
	return 0;
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
	int err = r->failed || lm_reader_left(r) ? -EBADMSG : sort_addresses(&s);
	if (err < 0)
		lm_chain_state_free(&s);
	else
		*out = s;
	return err;
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

/* Where the address is, or would be, among n. */
static unsigned address_at(const struct state *s, uint32_t address, unsigned n)
{
	unsigned low = 0, high = n;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		if (s->addresses[mid] < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool lm_chain_address_taken(const struct state *s, uint32_t address)
{
	unsigned at = address_at(s, address, s->n_endpoints);

	return at < s->n_endpoints && s->addresses[at] == address;
}

void lm_chain_address_put(struct state *s, uint32_t address, unsigned n)
{
	unsigned at = address_at(s, address, n);

	memmove(&s->addresses[at + 1], &s->addresses[at], (n - at) * sizeof(s->addresses[0]));
	s->addresses[at] = address;
}

void lm_chain_address_drop(struct state *s, uint32_t address, unsigned n)
{
	unsigned at = address_at(s, address, n);

	memmove(&s->addresses[at], &s->addresses[at + 1], (n - 1 - at) * sizeof(s->addresses[0]));
}
