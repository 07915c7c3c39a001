/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gateway with three networks, of which one has a chain, a provider of both that is authentic but
 * says anything, and a guest who does. Messages are made half right: with networks, hashes and keys
 * that exist, so that they get far.
 */
#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "fuzz.h"
#include "membership_sim.h"

#define STEPS 64
#define DOCS 8
#define CHAIN 6 /* the first document of the network that has a chain */
#define US 0 /* the gateway */
#define PROVIDER 1 /* whose key the raw peer has */

static struct sim_doc docs[DOCS];
static struct lm_secret secrets[DOCS];

struct fuzz {
	struct sim *s;
	struct sim_node *peer, *guest;
	struct lm_reader in;
};

static void sign_all(void)
{
	struct sim *s = sim_new(1, 3);

	docs[0] = sim_sign(s, "one", 1, 0x3, NULL);
	docs[1] = sim_sign(s, "two", 1, 0x7, NULL);
	docs[2] = sim_sign(s, "one", 2, 0x7, NULL); /* another secret */
	docs[3] = sim_sign(s, "one", 1, 0x3, "expires: 2040-01-01T00:00:00Z\n"); /* twice */
	docs[4] = sim_sign(s, "two", 3, 0x6, NULL); /* without us */
	docs[5] = sim_sign(s, "two", 2, 0x5, NULL); /* without the peer */
	const char *members = "  - name: app\n    deployment: 1\n    replicas: 8\n";
	docs[CHAIN] = sim_sign_members(s, "three", 1, 0x3, NULL, members);
	docs[7] = sim_sign_members(s, "three", 2, 0x7, NULL, members);
	for (unsigned i = 0; i < DOCS; i++) {
		struct lm_signed_manifest *sm;
		struct lm_why why = {""};
		MUST(lm_manifest_open(&sm, "doc", docs[i].bytes, docs[i].len, &why) == 0);
		lm_manifest_secret(&secrets[i], sm, &s->node[PROVIDER]->id);
		lm_signed_manifest_free(sm);
	}
	sim_free(s);
}

/* Some of these bytes are replaced by the input's. */
static void spoil(struct fuzz *f, uint8_t *body, size_t len)
{
	uint8_t n = lm_read_u8(&f->in) % 4;

	while (n-- > 0 && len) {
		uint16_t at = lm_read_u16(&f->in);
		body[at % len] = lm_read_u8(&f->in);
	}
}

static const struct sim_doc *some_doc(struct fuzz *f)
{
	return &docs[lm_read_u8(&f->in) % DOCS];
}

static struct sim_node *somebody(struct fuzz *f)
{
	return lm_read_u8(&f->in) & 1 ? f->peer : f->guest;
}

static void say_anything(struct fuzz *f)
{
	struct sim_node *who = somebody(f);
	uint8_t type = LM_MSG_BLOB + lm_read_u8(&f->in) % 0x40, body[LM_MESSAGE_MAX] = {0};
	size_t len = lm_read_u16(&f->in) % (sizeof(body) + 1);
	size_t have = len < lm_reader_left(&f->in) ? len : lm_reader_left(&f->in);

	lm_read(&f->in, body, have);
	sim_raw_send(who, type, body, len);
}

static void say_have(struct fuzz *f)
{
	struct sim_node *who = somebody(f);
	uint8_t body[3 * 109];
	uint8_t n = lm_read_u8(&f->in) % 3 + 1;
	struct lm_writer w = lm_writer(body, sizeof(body));

	for (uint8_t i = 0; i < n; i++) {
		const struct sim_doc *net = some_doc(f), *doc = some_doc(f);
		lm_write(&w, net->net.b, 32);
		lm_write(&w, f->s->owner.pub.b, 32);
		lm_write_u64(&w, lm_read_u8(&f->in) % 5);
		lm_write(&w, doc->hash, 32);
		lm_write_u32(&w, (uint32_t)doc->len);
		lm_write_u8(&w, lm_read_u8(&f->in));
	}
	spoil(f, body, lm_writer_len(&w));
	sim_raw_send(who, LM_MSG_HAVE, body, lm_writer_len(&w));
}

static void say_lanes(struct fuzz *f)
{
	struct sim_node *who = somebody(f);
	unsigned doc = lm_read_u8(&f->in) % DOCS;
	uint8_t body[61 + 4 * LM_LANES_MAX], check[36] = {0};
	uint8_t n = (uint8_t)(1u << lm_read_u8(&f->in) % 3); /* the simulator takes up to 4 */
	struct lm_writer w = lm_writer(body, sizeof(body));

	const struct lm_lane_set set = {lm_read_u8(&f->in), lm_read_u8(&f->in)};
	lm_peer_lane_key(who->peer, lm_peer_epoch(who->peer), &docs[doc].net, &secrets[doc], &set,
	    true, 0xff, check);
	lm_write(&w, docs[doc].net.b, 32);
	lm_write_u64(&w, set.incarnation);
	lm_write_u32(&w, set.generation);
	lm_write(&w, check, 16);
	lm_write_u8(&w, n | (lm_read_u8(&f->in) & 0x80));
	for (uint8_t i = 0; i < n; i++)
		lm_write_u32(&w, 256u + lm_read_u8(&f->in));
	size_t len = lm_writer_len(&w);
	/* Not the number of lanes: what the check has passed goes on to the data plane. */
	spoil(f, body, 60);
	sim_raw_send(who, LM_MSG_LANES, body, len);
}

static void say_ack(struct fuzz *f)
{
	struct sim_node *who = somebody(f);
	uint8_t body[44] = {0};

	if (f->peer->lanes_len >= sizeof(body))
		memcpy(body, f->peer->lanes_body, sizeof(body));
	spoil(f, body, sizeof(body));
	sim_raw_send(who, LM_MSG_LANES_ACK, body, sizeof(body));
}

static void say_away(struct fuzz *f)
{
	struct sim_node *who = somebody(f);
	uint8_t body[2 * 41];
	uint8_t n = lm_read_u8(&f->in) % 2 + 1;
	struct lm_writer w = lm_writer(body, sizeof(body));

	for (uint8_t i = 0; i < n; i++) {
		lm_write(&w, some_doc(f)->net.b, 32);
		lm_write_u8(&w, lm_read_u8(&f->in) % 4);
		lm_write_u64(&w, f->s->now.wall / SIM_MS + lm_read_u8(&f->in) - 128);
	}
	spoil(f, body, lm_writer_len(&w));
	sim_raw_send(who, LM_MSG_AWAY, body, lm_writer_len(&w));
}

/* Somebody is missing: one that is there, one that is not, we ourselves, or what is no key. */
static void say_missing(struct fuzz *f)
{
	uint8_t who = lm_read_u8(&f->in), how = lm_read_u8(&f->in);
	uint8_t key[LM_LEDGER_KEY_MAX - 8] = {0}, value[3] = {1, how};
	size_t key_len = how & 1 ? LM_PUBLIC_KEY_LEN : how % sizeof(key);

	memcpy(key, f->s->node[who % 3]->id.pub.b, LM_PUBLIC_KEY_LEN);
	key[who % LM_PUBLIC_KEY_LEN] ^= how & 2;
	value[0] ^= how >> 2 & 1;
	if (how & 8)
		lm_ledger_withdraw(
		    f->peer->ledger, &f->s->now, &docs[0].net, LM_LEDGER_MISSING, key, key_len);
	else
		lm_ledger_publish(f->peer->ledger, &f->s->now, &docs[0].net, LM_LEDGER_MISSING, key,
		    key_len, value, how >> 4 & 3, LM_LEDGER_LIFETIME);
	sim_tick(f->peer);
}

/* Any message of the chain, about a height and era that may be right, a few of TIP in one. */
static void say_chain(struct fuzz *f)
{
	struct sim_node *who = somebody(f);
	uint8_t body[LM_MESSAGE_MAX] = {0};
	uint8_t type = LM_MSG_CHAIN + lm_read_u8(&f->in) % (LM_MSG_CHAIN_END - LM_MSG_CHAIN);
	size_t len = lm_read_u16(&f->in) % (sizeof(body) - 44);
	size_t have = len < lm_reader_left(&f->in) ? len : lm_reader_left(&f->in);
	struct lm_writer w = lm_writer(body, sizeof(body));

	lm_write(&w, docs[lm_read_u8(&f->in) & 1 ? CHAIN : 0].net.b, 32);
	lm_write_u32(&w, lm_read_u8(&f->in) % 3);
	lm_write_u64(&w, lm_read_u8(&f->in) % 3);
	have = have < lm_reader_left(&f->in) ? have : lm_reader_left(&f->in);
	lm_read(&f->in, body + 44, have);
	sim_raw_send(who, type, body, 44 + len);
}

static void say_tips(struct fuzz *f)
{
	struct sim_node *who = somebody(f);
	uint8_t body[3 * 81];
	uint8_t n = lm_read_u8(&f->in) % 3 + 1;
	struct lm_writer w = lm_writer(body, sizeof(body));

	for (uint8_t i = 0; i < n; i++) {
		lm_write(&w, some_doc(f)->net.b, 32);
		lm_write_u32(&w, lm_read_u8(&f->in) % 2);
		lm_write_u64(&w, lm_read_u8(&f->in) % 4);
		lm_write(&w, some_doc(f)->hash, 32);
		lm_write_u32(&w, lm_read_u16(&f->in) * 257u);
		lm_write_u8(&w, lm_read_u8(&f->in));
	}
	spoil(f, body, lm_writer_len(&w));
	sim_raw_send(who, LM_MSG_CHAIN_TIP, body, lm_writer_len(&w));
}

static void say_genesis(struct fuzz *f)
{
	struct sim_node *who = somebody(f);
	uint8_t body[2 * 68];
	uint8_t n = lm_read_u8(&f->in) % 2 + 1;
	bool asks = lm_read_u8(&f->in) & 1;
	struct lm_writer w = lm_writer(body, sizeof(body));

	for (uint8_t i = 0; i < n; i++) {
		const struct sim_doc *net = some_doc(f), *doc = some_doc(f);
		lm_write(&w, net->net.b, 32);
		if (asks)
			continue;
		lm_write(&w, doc->hash, 32);
		lm_write_u32(&w, (uint32_t)doc->len);
		who->offer = doc->bytes;
		who->offer_len = doc->len;
	}
	spoil(f, body, lm_writer_len(&w));
	sim_raw_send(who, asks ? LM_MSG_GENESIS_ASK : LM_MSG_GENESIS, body, lm_writer_len(&w));
}

static void say_holder(struct fuzz *f)
{
	struct sim_node *who = somebody(f);
	uint8_t body[LM_MESSAGE_MAX], how = lm_read_u8(&f->in);
	const uint8_t key[] = {0, how >> 2 & 7, 'a', 'p', 'p'};
	struct lm_writer w = lm_writer(body, sizeof(body));

	for (uint8_t i = 0; i < how % 4; i++) {
		lm_write(&w, some_doc(f)->net.b, 32);
		if (how & 0x80)
			lm_write_u8(&w, how >> 5 & 1);
		lm_write_u8(&w, sizeof(key));
		lm_write(&w, key, sizeof(key));
	}
	spoil(f, body, lm_writer_len(&w));
	sim_raw_send(who, how & 0x80 ? LM_MSG_HOLDER : LM_MSG_HOLDER_ASK, body, lm_writer_len(&w));
}

/* An endpoint that may be anywhere comes and goes here; so there is something to decide. */
static void host(struct fuzz *f)
{
	uint8_t how = lm_read_u8(&f->in);

	sim_host(f->s, US, how >> 1 & 7, how & 1);
}

static void say_submit(struct fuzz *f)
{
	struct sim_node *who = somebody(f);

	sim_raw_submit(f->s, who, some_doc(f));
	if (lm_read_u8(&f->in) & 1) { /* gives something else than it said */
		const struct sim_doc *other = some_doc(f);
		who->offer = other->bytes;
		who->offer_len = other->len;
	}
}

static void set_up(struct fuzz *f, const uint8_t *data, size_t size)
{
	f->in = lm_reader(data, size);
	f->s = sim_new(1, 3);
	f->s->delay = SIM_MS;
	sim_crash(f->s, PROVIDER);
	sim_crash(f->s, 2);
	sim_submit(f->s, US, &docs[0], NULL);
	sim_submit(f->s, US, &docs[1], NULL);
	/* Its chain begins, or where it begins is to be asked for. */
	sim_submit(f->s, US, &docs[lm_read_u8(&f->in) & 1 ? CHAIN : 7], NULL);
	f->peer = sim_raw(f->s, PROVIDER, US);
	f->guest = sim_raw(f->s, 100, US);
	sim_raw_join(f->peer, &docs[0]); /* else it has no lanes */
	f->peer->offer = f->guest->offer = docs[2].bytes;
	f->peer->offer_len = f->guest->offer_len = docs[2].len;
	sim_run(f->s, 500 * SIM_MS);
	MUST(f->peer->raw_up && f->guest->raw_up);
}

static void step(struct fuzz *f)
{
	switch (lm_read_u8(&f->in) % 18) {
	case 0:
		say_anything(f);
		break;
	case 1:
	case 2:
		say_have(f);
		break;
	case 3:
		say_lanes(f);
		break;
	case 4:
		say_ack(f);
		break;
	case 5:
		say_submit(f);
		break;
	case 6:
		sim_run(f->s, lm_read_u8(&f->in) * 500 * SIM_MS);
		break;
	case 7:
		sim_submit(f->s, US, some_doc(f), NULL);
		break;
	case 8:
		f->s->node[US]->persist_fails = lm_read_u8(&f->in) & 1;
		f->s->node[US]->sa_fails = lm_read_u8(&f->in) & 1;
		break;
	case 9:
		say_away(f);
		break;
	case 10:
		sim_attach(f->s, US, lm_read_u8(&f->in) & 1);
		break;
	case 11:
		say_missing(f);
		break;
	case 12:
		sim_traffic(f->s, US, PROVIDER, some_doc(f));
		break;
	case 13:
		say_chain(f);
		break;
	case 14:
		say_tips(f);
		break;
	case 15:
		say_genesis(f);
		break;
	case 16:
		host(f);
		break;
	case 17:
		say_holder(f);
		break;
	}
	sim_run(f->s, 5 * SIM_MS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f;

	if (!docs[0].bytes)
		sign_all();
	set_up(&f, data, size);
	for (unsigned i = 0; i < STEPS && lm_reader_left(&f.in) && !f.in.failed; i++)
		step(&f);
	sim_run(f.s, SIM_SECOND);
	if (f.s->broken)
		fprintf(stderr, "%s\n", f.s->first_broken);
	MUST(f.s->broken == 0);
	/* Four generations of at most four lanes, in three networks with at most two peers. */
	MUST(f.s->node[US]->live_sas <= 4 * 4 * 3 * 2);
	sim_free(f.s);
	return 0;
}
