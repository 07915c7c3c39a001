/* SPDX-License-Identifier: Apache-2.0 */
/* Members who lie, gateways that are no members any more, and anybody who sends too much. */
#include "ledger_sim.h"
#include "suite.h"

#define VICTIM 0
#define FRIEND 1
#define LIAR 2

static void check_end(struct sim *s)
{
	if (s->broken)
		printf("\n  %u violations, the first %s\n", s->broken, s->first_broken);
	CU_ASSERT_EQUAL(s->broken, 0);
	sim_free(s);
}

/* Three in networks 0 and 1, each with a record; the liar's ledger is switched off. */
static struct sim *with_liar(void)
{
	struct sim *s = sim_new(1, 3);

	for (unsigned net = 0; net < 2; net++) {
		sim_all(s, net);
		for (unsigned i = 0; i < 2; i++)
			sim_publish(s, i, net, 1);
	}
	sim_run(s, 10 * SECOND);
	sim_crash(s, LIAR);
	s->node[LIAR].liar = true;
	return s;
}

static struct sim_forged record_by(struct sim *s, unsigned author)
{
	struct lm_now now = sim_now(&s->node[VICTIM]);

	return (struct sim_forged){.author = author,
	    .key = 1,
	    .version = now.wall / MS + 1000,
	    .expiry = now.wall / SECOND + 3600,
	    .serial = ++s->serial};
}

/* How often this reason was counted for that record; changed by the caller's hand. */
static uint64_t refused(struct sim *s, const struct sim_forged *f, enum lm_ledger_drop reason)
{
	uint8_t body[LM_MESSAGE_MAX];
	size_t len = sim_forge(s, f, body);
	uint64_t before = sim_drops(s, VICTIM, reason);

	sim_say(s, LIAR, VICTIM, LM_MSG_LEDGER_RECORDS, body, len);
	sim_run(s, MS);
	return sim_drops(s, VICTIM, reason) - before;
}

static void test_records(void)
{
	struct sim *s = with_liar();
	uint64_t now = sim_now(&s->node[VICTIM]).wall / SECOND;
	struct sim_forged f = record_by(s, FRIEND);

	f.badly_signed = true;
	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_SIGNATURE), 1);
	f = record_by(s, VICTIM); /* in the victim's own name */
	f.badly_signed = true;
	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_SIGNATURE), 1);
	f = record_by(s, LIAR);
	f.badly_signed = true;
	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_SIGNATURE), 1);
	f = record_by(s, LIAR);
	f.expiry = now;
	f.version = now * 1000;
	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_EXPIRED), 1);
	/* A tombstone of its own that lives by another clock only: kept, it would go and come. */
	f = record_by(s, VICTIM);
	f.key = 2;
	f.flags = TOMBSTONE;
	f.expiry = now - 60;
	f.version = f.expiry * 1000;
	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_EXPIRED), 1);
	f = record_by(s, LIAR);
	f.expiry = now + LM_LEDGER_LIFETIME_MAX + 4 * LM_LEDGER_WINDOW;
	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_TOO_LONG), 1);
	f = record_by(s, LIAR);
	f.version = UINT64_MAX - 1;
	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_MALFORMED), 1);
	f.version = (f.expiry + 1) * 1000;
	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_MALFORMED), 1);
	f = record_by(s, LIAR);
	f.flags = 0x02;
	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_MALFORMED), 1);
	CU_ASSERT_EQUAL(sim_has(s, VICTIM, 0, LIAR, 1), 0);
	CU_ASSERT_EQUAL(sim_has(s, VICTIM, 0, FRIEND, 1), s->node[FRIEND].stands[0][1]);
	/* Its own is heard, and an older one of its own not any more. */
	f = record_by(s, LIAR);
	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_OLD), 0);
	CU_ASSERT_EQUAL(sim_has(s, VICTIM, 0, LIAR, 1), f.serial);
	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_DUPLICATE), 1);
	struct sim_forged old = f;
	old.version--;
	CU_ASSERT_EQUAL(refused(s, &old, LM_LD_OLD), 1);
	CU_ASSERT_EQUAL(sim_has(s, VICTIM, 0, LIAR, 1), f.serial);
	check_end(s);
}

/*
 * Somebody with the victim's key has said the last version that a record may have. The victim still
 * finds one above it.
 */
static void test_last_version(void)
{
	struct sim *s = with_liar();
	struct sim_forged f = record_by(s, VICTIM);

	f.expiry += LM_LEDGER_LIFETIME_MAX - 3600;
	f.version = f.expiry * 1000 + 999;
	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_MALFORMED), 0);
	sim_run(s, 60 * SECOND);
	CU_ASSERT_EQUAL(sim_has(s, FRIEND, 0, VICTIM, 1), s->node[VICTIM].stands[0][1]);
	CU_ASSERT_EQUAL(sim_drops(s, FRIEND, LM_LD_MALFORMED), 0);
	check_end(s);
}

/* Two records with one version: all settle on the same, whichever came first. */
static void test_said_twice(void)
{
	struct sim *s = with_liar();
	struct sim_forged f = record_by(s, LIAR), g = f;
	uint8_t a[LM_MESSAGE_MAX], b[LM_MESSAGE_MAX];
	size_t len;

	g.serial = ++s->serial;
	len = sim_forge(s, &f, a);
	sim_forge(s, &g, b);
	sim_say(s, LIAR, VICTIM, LM_MSG_LEDGER_RECORDS, a, len);
	sim_say(s, LIAR, VICTIM, LM_MSG_LEDGER_RECORDS, b, len);
	sim_say(s, LIAR, FRIEND, LM_MSG_LEDGER_RECORDS, b, len);
	sim_say(s, LIAR, FRIEND, LM_MSG_LEDGER_RECORDS, a, len);
	sim_run(s, MS);
	CU_ASSERT_NOT_EQUAL(sim_has(s, VICTIM, 0, LIAR, 1), 0);
	CU_ASSERT_EQUAL(sim_has(s, VICTIM, 0, LIAR, 1), sim_has(s, FRIEND, 0, LIAR, 1));
	check_end(s);
}

static void test_seal(void)
{
	struct sim *s = with_liar();
	struct sim_forged f = record_by(s, LIAR);
	uint8_t body[LM_MESSAGE_MAX], other[LM_MESSAGE_MAX];
	size_t len = sim_forge(s, &f, body);

	f.net = 1;
	sim_forge(s, &f, other);
	memcpy(other, body, TAG_LEN); /* a record of network 1 in the name of network 0 */
	sim_say(s, LIAR, VICTIM, LM_MSG_LEDGER_RECORDS, other, len);
	body[len - 1] ^= 1;
	sim_say(s, LIAR, VICTIM, LM_MSG_LEDGER_RECORDS, body, len);
	body[len - 1] ^= 1;
	body[TAG_LEN + 3] ^= 1; /* the window is part of what is sealed */
	sim_say(s, LIAR, VICTIM, LM_MSG_LEDGER_RECORDS, body, len);
	body[0] ^= 1;
	sim_say(s, LIAR, VICTIM, LM_MSG_LEDGER_RECORDS, body, len);
	sim_run(s, MS);
	CU_ASSERT_EQUAL(sim_drops(s, VICTIM, LM_LD_SEAL) + sim_drops(s, VICTIM, LM_LD_WINDOW), 3);
	CU_ASSERT_EQUAL(sim_drops(s, VICTIM, LM_LD_UNKNOWN_NET), 1);
	CU_ASSERT_EQUAL(sim_has(s, VICTIM, 0, LIAR, 1), 0);
	check_end(s);
}

/* A record that is authentic in one network stands in no other. */
static void test_other_network(void)
{
	struct sim *s = with_liar();
	struct lm_ledger l = {.now = sim_now(&s->node[LIAR])};
	struct network from = {.id = s->net[0].id, .secret = s->net[0].secret};
	struct network to = {.id = s->net[1].id, .secret = s->net[1].secret};
	struct sim_forged f = record_by(s, LIAR);
	uint8_t body[LM_MESSAGE_MAX], plain[SECTION_PLAIN_MAX];
	size_t len = sim_forge(s, &f, body);
	struct lm_reader r = lm_reader(body, len);
	struct section section;

	lm_ledger_keys(&from);
	lm_ledger_keys(&to);
	CU_ASSERT_EQUAL_FATAL(lm_ledger_read_section(&r, &section), true);
	int plain_len = lm_ledger_open(&from, &section, plain);
	CU_ASSERT_EQUAL_FATAL(plain_len > 0, true);
	l.ops = s->node[VICTIM].l->ops;
	l.ctx = &s->node[LIAR];
	lm_ledger_seal(&l, &to, plain, (size_t)plain_len, body);
	sim_say(s, LIAR, VICTIM, LM_MSG_LEDGER_RECORDS, body, len);
	sim_run(s, MS);
	CU_ASSERT_EQUAL(sim_drops(s, VICTIM, LM_LD_SIGNATURE), 1);
	check_end(s);
}

static void test_windows(void)
{
	struct sim *s = with_liar();
	static const bool taken[] = {false, true, true, true, false};

	for (int w = -2; w <= 2; w++) {
		struct sim_forged f = record_by(s, LIAR);
		f.window = w;
		f.version += (uint64_t)(w + 2);
		CU_ASSERT_EQUAL(refused(s, &f, LM_LD_WINDOW), !taken[w + 2]);
		CU_ASSERT_EQUAL(sim_has(s, VICTIM, 0, LIAR, 1) == f.serial, taken[w + 2]);
	}
	check_end(s);
}

static void test_revocation(void)
{
	struct sim *s = with_liar();
	struct sim_forged f = record_by(s, LIAR);
	struct network before = {.id = s->net[0].id, .secret = s->net[0].secret};
	uint8_t sealed[1024];

	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_AUTHOR), 0);
	CU_ASSERT_NOT_EQUAL(sim_has(s, VICTIM, 0, LIAR, 1), 0);
	sim_authorise(s, 0, LIAR, false);
	sim_tell(s, 0, VICTIM);
	CU_ASSERT_EQUAL(sim_has(s, VICTIM, 0, LIAR, 1), 0); /* at once */
	CU_ASSERT_EQUAL(s->node[VICTIM].gone, 1);
	CU_ASSERT_NOT_EQUAL(sim_has(s, VICTIM, 0, FRIEND, 1), 0);
	/* With the old secret, and even with the new one, it is not heard. */
	struct lm_secret new_secret = s->net[0].secret;
	s->net[0].secret = before.secret;
	f.version++;
	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_UNKNOWN_NET), 1);
	s->net[0].secret = new_secret;
	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_UNKNOWN_NET), 1);
	/* Nor does its record come through a friend who has not heard of it yet. */
	uint8_t body[LM_MESSAGE_MAX];
	size_t len = sim_forge(s, &f, body);
	sim_say(s, FRIEND, VICTIM, LM_MSG_LEDGER_RECORDS, body, len);
	sim_run(s, MS);
	CU_ASSERT_EQUAL(sim_drops(s, VICTIM, LM_LD_AUTHOR), 1);
	/* What is said from now on does not open with the secret that it has. */
	struct network after = {.id = s->net[0].id, .secret = new_secret};
	struct lm_ledger l = {.now = sim_now(&s->node[FRIEND]),
	    .ops = s->node[VICTIM].l->ops,
	    .ctx = &s->node[FRIEND]};
	lm_ledger_keys(&before);
	lm_ledger_keys(&after);
	lm_ledger_seal(&l, &after, body, 100, sealed);
	struct lm_reader r = lm_reader(sealed, SECTION_FIXED + 100);
	struct section section;
	uint8_t plain[SECTION_PLAIN_MAX];
	CU_ASSERT_EQUAL(lm_ledger_read_section(&r, &section), true);
	CU_ASSERT_EQUAL(lm_ledger_open(&before, &section, plain), -EBADMSG);
	CU_ASSERT_EQUAL(lm_ledger_open(&after, &section, plain), 100);
	CU_ASSERT_NOT_EQUAL(memcmp(before.tag, after.tag, TAG_LEN), 0);
	check_end(s);
}

static void test_bounds(void)
{
	struct sim *s = sim_new(1, 3);

	s->config.max_author_records = 3;
	for (unsigned i = 0; i < 3; i++) {
		sim_crash(s, i);
		sim_start(s, i);
	}
	sim_all(s, 0);
	sim_run(s, SECOND);
	for (unsigned k = 0; k < 3; k++)
		CU_ASSERT_EQUAL(sim_publish(s, VICTIM, 0, k), 0);
	CU_ASSERT_EQUAL(sim_publish(s, VICTIM, 0, 3), -ENOSPC);
	s->node[VICTIM].stands[0][3] = 0;
	CU_ASSERT_EQUAL(sim_publish(s, VICTIM, 0, 2), 0); /* another value takes no more room */
	sim_crash(s, LIAR);
	s->node[LIAR].liar = true;
	uint64_t limited = 0;
	for (unsigned k = 0; k < SIM_KEYS; k++) {
		struct sim_forged f = record_by(s, LIAR);
		f.key = k;
		limited += refused(s, &f, LM_LD_LIMIT);
	}
	CU_ASSERT_EQUAL(limited, SIM_KEYS - 3);
	check_end(s);
}

static void test_arguments(void)
{
	struct sim *s = with_liar();
	struct lm_ledger *l = s->node[VICTIM].l;
	struct lm_now now = sim_now(&s->node[VICTIM]);
	uint8_t big[LM_LEDGER_VALUE_MAX + 1] = {0};
	const struct lm_net_id *net = &s->net[0].id;

	CU_ASSERT_EQUAL(lm_ledger_publish(l, &now, net, 0, "k", 1, "v", 1, SIM_LIFETIME), -EINVAL);
	CU_ASSERT_EQUAL(
	    lm_ledger_publish(l, &now, net, 1, big, LM_LEDGER_KEY_MAX + 1, "v", 1, SIM_LIFETIME),
	    -EINVAL);
	CU_ASSERT_EQUAL(
	    lm_ledger_publish(l, &now, net, 1, "k", 1, big, sizeof(big), SIM_LIFETIME), -EINVAL);
	CU_ASSERT_EQUAL(lm_ledger_publish(l, &now, net, 1, "k", 1, "v", 1, 60), -EINVAL);
	CU_ASSERT_EQUAL(
	    lm_ledger_publish(l, &now, net, 1, "k", 1, "v", 1, LM_LEDGER_LIFETIME_MAX + 1),
	    -EINVAL);
	CU_ASSERT_EQUAL(
	    lm_ledger_publish(l, &now, &s->net[5].id, 1, "k", 1, "v", 1, SIM_LIFETIME), -ENOENT);
	CU_ASSERT_EQUAL(lm_ledger_withdraw(l, &now, net, 1, "k", 1), -ENOENT);
	sim_authorise(s, 0, VICTIM, false);
	sim_tell(s, 0, VICTIM);
	CU_ASSERT_EQUAL(lm_ledger_publish(l, &now, net, 1, "k", 1, "v", 1, SIM_LIFETIME), -EACCES);
	check_end(s);
}

static void test_flood(void)
{
	struct sim *s = with_liar();
	struct sim_node *v = &s->node[VICTIM];
	struct lm_now now = sim_now(v);
	struct sim_forged f = record_by(s, LIAR);
	uint8_t ask[TAG_LEN + ASKED_MAX] = {0}, body[LM_MESSAGE_MAX];

	/* Questions: answered up to the allowance. */
	uint64_t sent = v->sent_messages;
	for (unsigned i = 0; i < 10000; i++)
		lm_ledger_input(
		    v->l, &now, &s->node[LIAR].id.pub, LM_MSG_LEDGER_ASK, ask, sizeof(ask));
	CU_ASSERT_EQUAL(v->sent_messages - sent <= ANSWERS_BURST, true);
	CU_ASSERT_EQUAL(sim_drops(s, VICTIM, LM_LD_RATE) > 9000, true);
	/* Forged records: signatures are checked up to the allowance. */
	f.badly_signed = true;
	size_t len = sim_forge(s, &f, body);
	uint64_t rate = sim_drops(s, VICTIM, LM_LD_RATE);
	for (unsigned i = 0; i < CHECKS_BURST + 100; i++)
		lm_ledger_input(
		    v->l, &now, &s->node[LIAR].id.pub, LM_MSG_LEDGER_RECORDS, body, len);
	CU_ASSERT_EQUAL(sim_drops(s, VICTIM, LM_LD_SIGNATURE), CHECKS_BURST);
	CU_ASSERT_EQUAL(sim_drops(s, VICTIM, LM_LD_RATE) - rate, 100);
	/* The friend is heard all the same, and the liar again a second later. */
	sim_publish(s, FRIEND, 0, 2);
	sim_run(s, SECOND);
	CU_ASSERT_EQUAL(sim_has(s, VICTIM, 0, FRIEND, 2), s->node[FRIEND].stands[0][2]);
	f = record_by(s, LIAR);
	CU_ASSERT_EQUAL(refused(s, &f, LM_LD_RATE), 0);
	CU_ASSERT_EQUAL(sim_has(s, VICTIM, 0, LIAR, 1), f.serial);
	check_end(s);
}

/* Somebody whose root always differs and whose tree has no end keeps nobody from the others. */
static void test_endless_tree(void)
{
	struct sim *s = with_liar();
	struct sim_node *v = &s->node[VICTIM];
	uint8_t root[21] = {0}, nodes[LM_MESSAGE_MAX];

	s->loss = 100; /* the push of what the friend says is lost */
	sim_publish(s, FRIEND, 0, 3);
	sim_run(s, 20 * MS);
	s->loss = 0;
	for (unsigned i = 0; i < 3000; i++) {
		struct pull *p = lm_ledger_gateway(v->l, &s->node[LIAR].id.pub)->pull;
		root[5] = (uint8_t)i;
		root[6] = (uint8_t)(i >> 8);
		sim_say(s, LIAR, VICTIM, LM_MSG_LEDGER_ROOT, root, sizeof(root));
		if (p && p->n_asked) {
			struct lm_writer w = lm_writer(nodes, sizeof(nodes));
			lm_write(&w, p->asked[0].tag, TAG_LEN);
			lm_ledger_write_node(&w, &p->asked[0].node);
			if (p->asked[0].node.depth < LM_DEPTH_MAX) {
				lm_write_u8(&w, 0xff);
				memset(w.at, (int)(i | 1), 256);
				w.at += 256;
			} else {
				lm_write_u8(&w, 0);
			}
			sim_say(s, LIAR, VICTIM, LM_MSG_LEDGER_NODES, nodes, lm_writer_len(&w));
		}
		sim_run(s, 20 * MS);
	}
	CU_ASSERT_EQUAL(sim_has(s, VICTIM, 0, FRIEND, 3), s->node[FRIEND].stands[0][3]);
	check_end(s);
}

/* One whose root differs and who never answers is left after a few seconds. */
static void test_mute(void)
{
	struct sim *s = with_liar();
	uint8_t root[21] = {0, 0, 0, 0, 9, 1};

	sim_say(s, LIAR, VICTIM, LM_MSG_LEDGER_ROOT, root, sizeof(root));
	sim_run(s, 100 * MS);
	CU_ASSERT_EQUAL(s->node[VICTIM].l->n_pulls, 1);
	uint64_t sent = s->node[VICTIM].sent_messages;
	sim_run(s, 5 * SECOND);
	CU_ASSERT_EQUAL(s->node[VICTIM].l->n_pulls, 0);
	/* It was asked again, but not for ever. */
	sent = s->node[VICTIM].sent_messages - sent;
	CU_ASSERT_EQUAL(sent >= 3 && sent <= 10, true);
	check_end(s);
}

static void test_strangers(void)
{
	struct sim *s = with_liar();
	struct sim_node *v = &s->node[VICTIM];
	struct lm_now now = sim_now(v);
	struct lm_public_key nobody = {{9}};
	uint8_t body[21] = {0};
	uint64_t sent = v->sent_messages;

	lm_ledger_input(v->l, &now, &nobody, LM_MSG_LEDGER_ROOT, body, sizeof(body));
	CU_ASSERT_EQUAL(sim_drops(s, VICTIM, LM_LD_UNKNOWN_PEER), 1);
	/* One that we know, but whose session is down. */
	lm_ledger_down(v->l, &now, &s->node[LIAR].id.pub);
	lm_ledger_input(v->l, &now, &s->node[LIAR].id.pub, LM_MSG_LEDGER_ROOT, body, sizeof(body));
	CU_ASSERT_EQUAL(sim_drops(s, VICTIM, LM_LD_UNKNOWN_PEER), 2);
	lm_ledger_up(
	    v->l, &now, &s->node[LIAR].id.pub, (struct lm_peer *)(void *)&v->handles[LIAR]);
	CU_ASSERT_EQUAL(v->sent_messages, sent);
	/* Answers to no question are not followed. */
	lm_ledger_input(v->l, &now, &s->node[LIAR].id.pub, LM_MSG_LEDGER_NODES, body, sizeof(body));
	CU_ASSERT_EQUAL(sim_drops(s, VICTIM, LM_LD_UNASKED), 1);
	CU_ASSERT_EQUAL(v->sent_messages, sent);
	check_end(s);
}

LM_SUITE("ledger_hostile", {"records", test_records}, {"last_version", test_last_version},
    {"said_twice", test_said_twice}, {"seal", test_seal}, {"other_network", test_other_network},
    {"windows", test_windows}, {"revocation", test_revocation}, {"bounds", test_bounds},
    {"arguments", test_arguments}, {"flood", test_flood}, {"endless_tree", test_endless_tree},
    {"mute", test_mute}, {"strangers", test_strangers})
