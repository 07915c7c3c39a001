/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three members and a reader; one member is authentic and says anything, from bytes out of nothing
 * to what it has heard with a few bytes changed, and hands over anything for a blob. Whatever it
 * does, all that the world checks must hold, and the others must still be able to decide.
 */
#include "../chain/world.h"
#include "base/log.h"

#define US 0
#define FRIEND 1
#define LIAR 2
#define READER 3
#define STEPS 64
#define KEPT 16

static struct {
	struct lm_reader in;
	uint8_t type[KEPT];
	size_t len[KEPT];
	uint8_t body[KEPT][LM_MESSAGE_MAX];
	unsigned n;
	bool muted; /* the real code of the liar */
} fuzz;

static bool keep(
    struct world *w, unsigned from, unsigned to, uint8_t type, const uint8_t *body, size_t len)
{
	unsigned at = fuzz.n++ % KEPT;

	(void)w;
	(void)to;
	fuzz.type[at] = type;
	fuzz.len[at] = len;
	memcpy(fuzz.body[at], body, len);
	return from == LIAR && fuzz.muted;
}

static void say_again(struct world *w, unsigned to)
{
	uint8_t body[LM_MESSAGE_MAX];
	unsigned at = lm_read_u8(&fuzz.in) % KEPT;

	if (at >= fuzz.n)
		return;
	uint8_t type = fuzz.type[at];
	size_t len = fuzz.len[at];
	memcpy(body, fuzz.body[at], len);
	for (unsigned n = lm_read_u8(&fuzz.in) % 6; n; n--) {
		uint16_t where = lm_read_u16(&fuzz.in);
		body[where % len] = lm_read_u8(&fuzz.in);
	}
	if (lm_read_u8(&fuzz.in) % 8 == 0)
		len -= lm_read_u8(&fuzz.in) % len;
	world_deliver(w, LIAR, to, type, body, len);
}

static void say_anything(struct world *w, unsigned to)
{
	const struct network *net = world_net(w, to);
	uint8_t body[LM_MESSAGE_MAX], type = lm_read_u8(&fuzz.in);
	struct lm_writer out = lm_chain_begin(net, net->height + lm_read_u8(&fuzz.in) % 3, body);
	size_t n = lm_read_u16(&fuzz.in) % (sizeof(body) - PREFIX_LEN);

	n = n < lm_reader_left(&fuzz.in) ? n : lm_reader_left(&fuzz.in);
	lm_write(&out, lm_read_ref(&fuzz.in, n), n);
	world_deliver(w, LIAR, to, (uint8_t)(LM_MSG_CHAIN + type % 14), body, lm_writer_len(&out));
}

/* Something for a body or a state that we may want. */
static void hand_blob(struct world *w, unsigned to)
{
	struct node *n = &w->node[to];
	const struct network *net = world_net(w, to);
	struct lm_now now = world_now(n);
	uint8_t bytes[512], hash[HASH_LEN];
	size_t len = lm_read_u16(&fuzz.in) % sizeof(bytes);

	len = len < lm_reader_left(&fuzz.in) ? len : lm_reader_left(&fuzz.in);
	lm_read(&fuzz.in, bytes, len);
	lm_chain_hash(hash, bytes, len);
	if (lm_read_u8(&fuzz.in) & 1)
		memcpy(hash, net->bodies[0].hash, HASH_LEN);
	lm_chain_pulled(n->chain, &now, &w->net, hash, bytes, len);
}

/* Records of a damaged store. */
static void damage_store(struct world *w)
{
	struct node *n = &w->node[READER];
	struct lm_chain *c;

	if (n->n_files == 0)
		return;
	const struct file *f = &n->files[lm_read_u8(&fuzz.in) % n->n_files];
	uint8_t *bytes = malloc(f->len);
	if (!bytes || lm_chain_create(&c, &n->id, 1, &(struct lm_chain_ops){0}, NULL) < 0)
		abort();
	memcpy(bytes, f->bytes, f->len);
	for (unsigned k = lm_read_u8(&fuzz.in) % 4; k; k--) {
		uint16_t where = lm_read_u16(&fuzz.in);
		bytes[where % f->len] = lm_read_u8(&fuzz.in);
	}
	lm_chain_add(c, &w->net, &w->genesis, false);
	lm_chain_restore(
	    c, &w->net, f->what, f->height, bytes, f->len - lm_read_u8(&fuzz.in) % f->len % 4);
	lm_chain_free(c);
	free(bytes);
}

static void step(struct world *w)
{
	uint8_t what = lm_read_u8(&fuzz.in);
	unsigned to = what & 1 ? US : READER;

	switch (what >> 1 & 7) {
	case 0:
		say_anything(w, to);
		break;
	case 1:
		world_propose(
		    w, lm_read_u8(&fuzz.in) % 4, world_command(w, LM_CHAIN_ASSIGN, 0), what);
		break;
	case 2:
		world_run(w, lm_read_u16(&fuzz.in) * MS);
		break;
	case 3:
		hand_blob(w, to);
		break;
	case 4:
		fuzz.muted = what & 16;
		damage_store(w);
		break;
	default:
		say_again(w, to);
	}
	world_run(w, 3 * MS);
}

static void be_quiet(void *ctx, enum lm_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = world_new(5, 3, 1);

	lm_log_set_sink(be_quiet, NULL);
	fuzz.in = lm_reader(data, size);
	fuzz.n = 0;
	fuzz.muted = false;
	w->tamper = keep;
	world_run(w, SECOND);
	world_propose(w, US, world_command(w, LM_CHAIN_ASSIGN, 0), 1);
	world_run(w, 8 * MS);
	for (unsigned i = 0; i < STEPS && lm_reader_left(&fuzz.in) && !fuzz.in.failed; i++)
		step(w);
	if (w->broken) {
		fprintf(stderr, "%s\n", w->first_broken);
		abort();
	}
	world_free(w);
	return 0;
}
