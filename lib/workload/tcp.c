/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/tcp.h"

#include <errno.h>
#include <stdlib.h>
#include "base/number.h"
#include "workload/connection.h"

#define NAME(id, name) name,
const char *const lm_tcp_count_names[LM_TC_MAX] = {LM_TCP_COUNTS(NAME)};

int lm_tcp_create(struct lm_tcp **out, const struct lm_tcp_ops *ops, void *ctx)
{
	struct lm_tcp *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->ops = ops;
	t->ctx = ctx;
	*out = t;
	return 0;
}

static struct host *host_find(const struct lm_tcp *t, uint32_t attachment)
{
	struct host *h;

	HASH_FIND(hh, t->hosts, &attachment, sizeof(attachment), h);
	return h;
}

/* The last connection takes its host along. */
static void connection_free(struct lm_tcp *t, struct connection *c)
{
	struct host *h = host_find(t, c->attachment);

	connection_forget_answer(t, c);
	lm_timers_release(&t->timers, &c->timer);
	LIST_REMOVE(c, of_host);
	free(c);
	t->n--;
	if (--h->n == 0) {
		HASH_DEL(t->hosts, h);
		free(h);
	}
}

void lm_tcp_free(struct lm_tcp *t)
{
	struct host *h, *next;

	if (!t)
		return;
	HASH_ITER(hh, t->hosts, h, next)
	for (unsigned left = h->n; left > 0; left--)
		connection_free(t, LIST_FIRST(&h->connections));
	lm_timers_free(&t->timers);
	free(t);
}

/* What is gone is freed by the next tick: callers up the stack may still hold it. */
static void set_timer(struct lm_tcp *t, struct connection *c)
{
	lm_timers_set(
	    &t->timers, &c->timer, c->gone ? 0 : lm_min_u64(c->retransmit_at, c->idle_at));
}

static struct connection *find(
    const struct lm_tcp *t, uint32_t attachment, const struct lm_asker *from)
{
	const struct host *h = host_find(t, attachment);
	struct connection *c = h ? LIST_FIRST(&h->connections) : NULL;

	while (c && (c->gone || c->peer.port != from->port || !lm_ip_equal(&c->peer.ip, &from->ip)))
		c = LIST_NEXT(c, of_host);
	return c;
}

/* RFC 9293 section 3.10.7.1: the answer to what belongs to no connection. */
static void refuse(struct lm_tcp *t, uint32_t attachment, const struct lm_asker *to,
    const struct lm_tcp_segment *s)
{
	struct lm_tcp_segment reset = {.seq = s->ack, .flags = LM_TCP_RST};

	if (s->flags & LM_TCP_RST)
		return;
	if (!(s->flags & LM_TCP_ACK)) {
		reset.seq = 0;
		reset.ack = s->seq + (uint32_t)s->len + !!(s->flags & LM_TCP_SYN) +
			    !!(s->flags & LM_TCP_FIN);
		reset.flags |= LM_TCP_ACK;
	}
	t->ops->send(t->ctx, attachment, to, &reset);
}

static struct host *host_get(struct lm_tcp *t, uint32_t attachment)
{
	struct host *h = host_find(t, attachment);

	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->attachment = attachment;
	LIST_INIT(&h->connections);
	HASH_ADD(hh, t->hosts, attachment, sizeof(h->attachment), h);
	return h;
}

/* NULL: there is no room for it. */
static struct connection *connection_create(
    struct lm_tcp *t, uint32_t attachment, const struct lm_asker *from)
{
	struct host *h = host_find(t, attachment);
	struct connection *c;

	if (t->n >= LM_TCP_CONNECTIONS || (h && h->n >= LM_TCP_OF_ATTACHMENT) ||
	    lm_timers_reserve(&t->timers) < 0)
		return NULL;
	c = calloc(1, sizeof(*c));
	h = c ? host_get(t, attachment) : NULL;
	if (!h) {
		lm_timers_release(&t->timers, &(struct lm_timer){0});
		free(c);
		return NULL;
	}
	c->id = ++t->last_id;
	c->attachment = attachment;
	c->peer = *from;
	LIST_INSERT_HEAD(&h->connections, c, of_host);
	h->n++;
	t->n++;
	return c;
}

void lm_tcp_input(struct lm_tcp *t, uint64_t now, uint32_t attachment, const struct lm_asker *from,
    const struct lm_tcp_segment *s)
{
	const uint8_t kind = s->flags & (LM_TCP_SYN | LM_TCP_ACK | LM_TCP_RST | LM_TCP_FIN);
	struct connection *c = find(t, attachment, from);

	if (c) {
		connection_input(t, now, c, s);
	} else if (kind != LM_TCP_SYN) {
		t->counts[LM_TC_NO_CONNECTION]++;
		refuse(t, attachment, from, s);
		return;
	} else if ((c = connection_create(t, attachment, from))) {
		t->counts[LM_TC_OPENED]++;
		connection_open(t, now, c, s);
	} else {
		t->counts[LM_TC_LIMIT]++;
		refuse(t, attachment, from, s);
		return;
	}
	set_timer(t, c);
}

void lm_tcp_answer(struct lm_tcp *t, uint64_t now, uint32_t attachment, uint64_t connection,
    const uint8_t *data, size_t len)
{
	const struct host *h = host_find(t, attachment);
	struct connection *c = h ? LIST_FIRST(&h->connections) : NULL;

	while (c && c->id != connection)
		c = LIST_NEXT(c, of_host);
	if (!c || c->gone || !c->asked)
		return;
	connection_answer(t, now, c, data, len);
	set_timer(t, c);
}

uint64_t lm_tcp_tick(struct lm_tcp *t, uint64_t now)
{
	struct lm_timer *first;

	while ((first = lm_timers_first(&t->timers)) && first->due <= now) {
		struct connection *c = (void *)((char *)first - offsetof(struct connection, timer));
		if (!c->gone)
			connection_tick(t, now, c);
		if (c->gone)
			connection_free(t, c);
		else
			set_timer(t, c);
	}
	return lm_timers_next(&t->timers);
}

const uint64_t *lm_tcp_counts(const struct lm_tcp *t)
{
	return t->counts;
}
