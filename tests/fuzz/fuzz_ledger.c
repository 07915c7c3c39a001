/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three gateways in two networks; one of them is authentic and says anything. Messages are made
 * half right: with tags, nodes and records that exist, so that they get far.
 */
#include <stdio.h>
#include "fuzz.h"
#include "ledger_sim.h"

#define STEPS 96
#define US 0
#define FRIEND 1
#define LIAR 2

struct fuzz {
	struct sim *s;
	struct lm_reader in;
};

/* Some of these bytes are replaced by the input's. */
static void spoil(struct fuzz *f, uint8_t *body, size_t len)
{
	uint8_t n = lm_read_u8(&f->in) % 4;

	while (n-- > 0 && len) {
		uint16_t at = lm_read_u16(&f->in);
		body[at % len] = lm_read_u8(&f->in);
	}
}

static void say(struct fuzz *f, uint8_t type, uint8_t *body, size_t len)
{
	spoil(f, body, len);
	sim_say(f->s, LIAR, US, type, body, len);
}

static void write_tag(struct fuzz *f, struct lm_writer *w)
{
	struct network net = {0};
	uint8_t which = lm_read_u8(&f->in) % 4;

	if (which < 3) { /* the third is a network that only we are in */
		net.id = f->s->net[which].id;
		net.secret = f->s->net[which].secret;
		lm_ledger_keys(&net);
	}
	lm_write(w, net.tag, TAG_LEN); /* or the tree of networks */
}

static void write_some(struct fuzz *f, struct lm_writer *w, size_t max)
{
	size_t n = lm_read_u16(&f->in) % (max + 1);
	size_t have = n < lm_reader_left(&f->in) ? n : lm_reader_left(&f->in);
	const uint8_t *from = lm_read_ref(&f->in, have);

	if (from)
		lm_write(w, from, have);
}

static void say_anything(struct fuzz *f)
{
	uint8_t type = LM_MSG_LEDGER + lm_read_u8(&f->in) % 8, body[LM_MESSAGE_MAX];
	struct lm_writer w = lm_writer(body, sizeof(body));

	write_some(f, &w, sizeof(body));
	say(f, type, body, lm_writer_len(&w));
}

static void ask_anything(struct fuzz *f)
{
	uint8_t type = lm_read_u8(&f->in) & 1 ? LM_MSG_LEDGER_ASK : LM_MSG_LEDGER_WANT;
	uint8_t body[LM_MESSAGE_MAX];
	struct lm_writer w = lm_writer(body, sizeof(body));

	write_tag(f, &w);
	write_some(f, &w, 300);
	say(f, type, body, lm_writer_len(&w));
}

/* An answer to what we really asked of the liar. */
static void answer(struct fuzz *f)
{
	const struct gateway *liar = lm_ledger_gateway(f->s->node[US].l, &f->s->node[LIAR].id.pub);
	const struct pull *p = liar ? liar->pull : NULL;
	uint8_t body[LM_MESSAGE_MAX];
	struct lm_writer w = lm_writer(body, sizeof(body));

	if (!p || !p->n_asked)
		return;
	const struct question *q = &p->asked[lm_read_u8(&f->in) % p->n_asked];
	lm_write(&w, q->tag, TAG_LEN);
	lm_ledger_write_node(&w, &q->node);
	uint8_t n = lm_read_u8(&f->in);
	lm_write_u8(&w, n < 128 ? n % (LM_LEAVES_MAX + 2) : 0xff);
	write_some(f, &w, 1100);
	say(f, LM_MSG_LEDGER_NODES, body, lm_writer_len(&w));
}

static void say_root(struct fuzz *f)
{
	uint8_t body[21] = {ROOT_ASK, 0, 0, lm_read_u8(&f->in), 0, lm_read_u8(&f->in)};

	say(f, LM_MSG_LEDGER_ROOT, body, sizeof(body));
}

/* Authentic, as far as it can be: the liar's own, or somebody's with a wrong signature. */
static void say_record(struct fuzz *f)
{
	uint8_t body[LM_MESSAGE_MAX];
	struct lm_now now = sim_now(&f->s->node[US]);
	struct sim_forged r = {
	    .net = lm_read_u8(&f->in) % 2,
	    .author = lm_read_u8(&f->in) % 3,
	    .key = lm_read_u8(&f->in) % SIM_KEYS,
	    .flags = lm_read_u8(&f->in) % 3,
	    .version = now.wall / MS + lm_read_u16(&f->in) - 1000,
	    .expiry = now.wall / SECOND + 4 * lm_read_u16(&f->in),
	    .serial = ++f->s->serial,
	    .window = lm_read_u8(&f->in) % 4 - 1,
	};

	r.badly_signed = r.author != LIAR;
	size_t len = sim_forge(f->s, &r, body);
	say(f, LM_MSG_LEDGER_RECORDS, body, len);
}

static void step(struct fuzz *f)
{
	struct sim *s = f->s;
	unsigned key;

	switch (lm_read_u8(&f->in) % 10) {
	case 0:
		say_anything(f);
		break;
	case 1:
		ask_anything(f);
		break;
	case 2:
	case 3:
		answer(f);
		break;
	case 4:
		say_root(f);
		break;
	case 5:
	case 6:
		say_record(f);
		break;
	case 7:
		sim_run(s, lm_read_u16(&f->in) * SECOND / 8);
		break;
	case 8:
		key = lm_read_u8(&f->in) % SIM_KEYS;
		if (s->node[US].joined[0])
			sim_publish(s, lm_read_u8(&f->in) % 2, 0, key);
		break;
	case 9:
		sim_join(s, lm_read_u8(&f->in) % 2, US, lm_read_u8(&f->in) % 4 != 0);
		break;
	}
	sim_run(s, 11 * MS);
}

static struct sim *set_up(void)
{
	struct sim *s = sim_new(1, 3);

	for (unsigned net = 0; net < 2; net++) {
		sim_all(s, net);
		sim_publish(s, US, net, 1);
		sim_publish(s, FRIEND, net, 2);
	}
	sim_authorise(s, 2, US, true);
	sim_tell(s, 2, US);
	sim_join(s, 2, US, true);
	sim_run(s, 2 * SECOND);
	sim_crash(s, LIAR);
	s->node[LIAR].liar = true;
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {.s = set_up(), .in = lm_reader(data, size)};

	for (unsigned i = 0; i < STEPS && lm_reader_left(&f.in) && !f.in.failed; i++)
		step(&f);
	sim_run(f.s, SECOND);
	if (f.s->broken)
		fprintf(stderr, "%s\n", f.s->first_broken);
	MUST(f.s->broken == 0);
	sim_free(f.s);
	return 0;
}
