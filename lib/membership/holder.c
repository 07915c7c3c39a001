/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before a member consents to an endpoint's move it asks the gateway where the endpoint lives
 * whether it serves it (HOLDER_ASK, HOLDER). A gateway that says nothing for so long that it must
 * be dead serves nothing: it reads the chain before it serves anything when it returns.
 *
 * Nothing is asked by a timer: whoever wants the move asks the members again and again, and each
 * time they look here.
 */
#include "membership/internal.h"
#include "membership/places.h"

#define QUESTIONS_MAX 4096
#define QUESTIONS_OF_NETWORK 256 /* one tenant's providers must not keep the others from theirs */
#define QUESTIONS_OF_ASKER 64 /* and none of them the others of its network */
/*
 * An answer holds for so long: a yes not long, since the gateway may stop or die; a no for longer
 * than it ever takes until the member is asked again, or it would never be there when it is wanted.
 */
#define FRESH_YES (3 * SECOND)
#define FRESH_NO (8 * SECOND)
#define ASK_EVERY (200 * MS)
#define UNUSED (15 * SECOND) /* nobody wanted to know for so long: it begins anew */
#define SPENT (1 * SECOND) /* ... and there is an answer: who asks for more may have its place */

struct question_key {
	struct lm_net_id net;
	struct lm_public_key gateway;
	uint8_t len, endpoint[LM_ENDPOINT_KEY_MAX];
};

struct asker_key {
	struct lm_net_id net;
	struct lm_public_key who; /* who wants an endpoint to move */
};

/* While there is a question for it. */
struct asker {
	struct asker_key key;
	unsigned n;
	TAILQ_HEAD(, question) questions; /* longest unused first */
	UT_hash_handle hh;
};

struct question {
	struct question_key key;
	struct asker *asker; /* for whom it was asked first */
	TAILQ_ENTRY(question) link; /* of the asker */
	enum lm_holder answer; /* LM_HOLDER_UNKNOWN: there is none */
	uint64_t answered; /* monotonic ns, as all of these */
	uint64_t begun, asked, used;
	UT_hash_handle hh;
};

static void question_free(struct lm_membership *m, struct question *q)
{
	struct asker *a = q->asker;

	TAILQ_REMOVE(&a->questions, q, link);
	HASH_DEL(m->questions, q);
	free(q);
	if (--a->n > 0)
		return;
	HASH_DEL(m->askers, a);
	free(a);
}

static void question_drop(struct lm_membership *m, struct question *q)
{
	struct network *net = lm_network_find(m, &q->key.net);

	if (net && net->n_questions)
		net->n_questions--;
	question_free(m, q);
}

void lm_holders_free(struct lm_membership *m)
{
	struct question *q, *next;

	HASH_ITER(hh, m->questions, q, next)
	question_free(m, q);
}

static void fill_key(struct question_key *key, const struct lm_net_id *net,
    const struct lm_public_key *gateway, const uint8_t *endpoint, size_t len)
{
	memset(key, 0, sizeof(*key)); /* it is hashed with its padding */
	key->net = *net;
	key->gateway = *gateway;
	key->len = (uint8_t)len;
	memcpy(key->endpoint, endpoint, len);
}

static struct question *question_find(const struct lm_membership *m, const struct question_key *key)
{
	struct question *q;

	HASH_FIND(hh, m->questions, key, sizeof(*key), q);
	return q;
}

static bool given_up(const struct question *q, uint64_t now)
{
	return q->answer == LM_HOLDER_UNKNOWN && q->begun + LM_HOLDER_DEAD_AFTER * SECOND <= now;
}

static struct asker *asker_get(
    struct lm_membership *m, const struct network *net, const struct lm_public_key *who)
{
	const struct asker_key key = {net->pub.id, *who};
	struct asker *a;

	HASH_FIND(hh, m->askers, &key, sizeof(key), a);
	if (a || !(a = calloc(1, sizeof(*a))))
		return a;
	a->key = key;
	TAILQ_INIT(&a->questions);
	HASH_ADD(hh, m->askers, key, sizeof(a->key), a);
	return a;
}

/* Nobody gets at more than his share of what there is room for. */
static bool has_room(struct lm_membership *m, const struct network *net, struct asker *a)
{
	uint64_t now = m->now.mono;

	if (a->n == QUESTIONS_OF_ASKER) {
		struct question *q = TAILQ_FIRST(&a->questions);
		bool over = q->answer != LM_HOLDER_UNKNOWN || given_up(q, now);
		if (!over || q->used + SPENT > now)
			return false;
		question_drop(m, q);
	}
	return HASH_COUNT(m->questions) < QUESTIONS_MAX && net->n_questions < QUESTIONS_OF_NETWORK;
}

static struct question *question_new(struct lm_membership *m, struct network *net,
    const struct question_key *key, const struct lm_public_key *who)
{
	while (m->questions && m->questions->used + UNUSED <= m->now.mono)
		question_drop(m, m->questions);
	struct asker *a = asker_get(m, net, who);
	struct question *q = a && has_room(m, net, a) ? calloc(1, sizeof(*q)) : NULL;
	if (!q) {
		if (a && a->n == 0) {
			HASH_DEL(m->askers, a);
			free(a);
		}
		m->drops[LM_MD_LIMIT]++;
		return NULL;
	}
	q->key = *key;
	q->asker = a;
	q->begun = q->used = m->now.mono;
	HASH_ADD(hh, m->questions, key, sizeof(q->key), q);
	TAILQ_INSERT_TAIL(&a->questions, q, link);
	a->n++;
	net->n_questions++;
	return q;
}

/* It is the one that was used last. */
static void question_use(struct lm_membership *m, struct question *q)
{
	HASH_DEL(m->questions, q);
	HASH_ADD(hh, m->questions, key, sizeof(q->key), q);
	TAILQ_REMOVE(&q->asker->questions, q, link);
	TAILQ_INSERT_TAIL(&q->asker->questions, q, link);
	q->used = m->now.mono;
}

static void ask(struct lm_membership *m, struct question *q)
{
	struct remote *r;

	HASH_FIND(hh, m->by_key, &q->key.gateway, sizeof(q->key.gateway), r);
	if (!r || (q->asked && q->asked + ASK_EVERY > m->now.mono))
		return;
	q->asked = m->now.mono;
	struct lm_writer w = lm_outbox_record(
	    m, r->party.session, LM_MSG_HOLDER_ASK, LM_NET_ID_LEN + 1 + q->key.len);
	lm_write(&w, q->key.net.b, LM_NET_ID_LEN);
	lm_write_u8(&w, q->key.len);
	lm_write(&w, q->key.endpoint, q->key.len);
}

enum lm_holder lm_holder_of(struct lm_membership *m, struct network *net,
    const struct lm_public_key *gateway, unsigned endpoint, const struct lm_public_key *who)
{
	uint8_t name[LM_ENDPOINT_KEY_MAX];
	size_t len = lm_endpoint_key(name, net->pub.manifest, endpoint);
	struct question_key key;
	uint64_t now = m->now.mono;

	fill_key(&key, &net->pub.id, gateway, name, len);
	struct question *q = question_find(m, &key);
	if (!q && !(q = question_new(m, net, &key, who)))
		return LM_HOLDER_UNKNOWN;
	uint64_t fresh = q->answer == LM_HOLDER_SERVES ? FRESH_YES : FRESH_NO;
	bool stale = q->answer != LM_HOLDER_UNKNOWN && q->answered + fresh <= now;
	if (stale || q->used + UNUSED <= now) {
		q->answer = LM_HOLDER_UNKNOWN;
		q->begun = now;
	}
	question_use(m, q);
	if (q->answer == LM_HOLDER_IDLE)
		return q->answer;
	ask(m, q);
	if (q->answer == LM_HOLDER_SERVES)
		return q->answer;
	return given_up(q, now) ? LM_HOLDER_IDLE : LM_HOLDER_UNKNOWN;
}

void lm_holder_up(struct lm_membership *m, const struct remote *r)
{
	for (struct question *q = m->questions; q; q = q->hh.next)
		if (memcmp(&q->key.gateway, &r->key, sizeof(r->key)) == 0)
			q->begun = m->now.mono;
}

/* ---- messages ---- */

/* The length of the endpoint's key, or 0. */
static size_t read_name(struct lm_reader *r, uint8_t name[LM_ENDPOINT_KEY_MAX])
{
	size_t len = lm_read_u8(r);

	if (r->failed || len == 0 || len > LM_ENDPOINT_KEY_MAX)
		return 0;
	lm_read(r, name, len);
	return r->failed ? 0 : len;
}

bool lm_holder_ask_follow(struct lm_membership *m, struct party *from, struct lm_reader *r)
{
	uint8_t name[LM_ENDPOINT_KEY_MAX];
	struct lm_net_id id;

	lm_read(r, id.b, LM_NET_ID_LEN);
	size_t len = read_name(r, name);
	if (len == 0)
		return false;
	const struct pair *p = lm_pair_authorised(m, from, &id);
	if (!p)
		return true;
	const struct network *net = p->key.net;
	int at = lm_endpoint_of(net->pub.manifest, name, len);
	bool serves = at >= 0 && net->served && net->served[at];
	struct lm_writer w =
	    lm_outbox_record(m, from->session, LM_MSG_HOLDER, LM_NET_ID_LEN + 1 + 1 + len);
	lm_write(&w, id.b, LM_NET_ID_LEN);
	lm_write_u8(&w, serves);
	lm_write_u8(&w, (uint8_t)len);
	lm_write(&w, name, len);
	return true;
}

bool lm_holder_follow(struct lm_membership *m, struct party *from, struct lm_reader *r)
{
	uint8_t name[LM_ENDPOINT_KEY_MAX];
	struct question_key key;
	struct lm_net_id id;

	lm_read(r, id.b, LM_NET_ID_LEN);
	uint8_t serves = lm_read_u8(r);
	size_t len = read_name(r, name);
	if (len == 0 || serves > 1)
		return false;
	if (!lm_pair_authorised(m, from, &id))
		return true;
	fill_key(&key, &id, lm_peer_key(from->session), name, len);
	struct question *q = question_find(m, &key);
	if (!q || !q->asked) {
		m->drops[LM_MD_UNASKED]++;
		return true;
	}
	q->answer = serves ? LM_HOLDER_SERVES : LM_HOLDER_IDLE;
	q->answered = m->now.mono;
	return true;
}
