/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's session with one gateway over a kernel socket: say what we have, let
 * the gateway pull it, wait for its judgement. The identity is made for this one
 * errand: what counts is the owner's signature inside of what it brings.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "base/bytes.h"
#include "membership/membership.h"
#include "session/blob.h"
#include "submit.h"

#define MS 1000000ull
#define REPEAT (1000 * MS) /* SUBMIT, until it is answered */

struct courier {
	const struct courier_load *load;
	struct courier_result *result;
	int fd;
	struct lm_now now;
	struct lm_sessions *sessions;
	struct lm_blobs *blobs;
	struct lm_peer *gateway;
	uint64_t submit_at; /* UINT64_MAX: no session yet */
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static struct lm_now now(void)
{
	return (struct lm_now){.mono = clock_ns(CLOCK_MONOTONIC), .wall = clock_ns(CLOCK_REALTIME)};
}

/* ---- what the session library asks of us ---- */

static void on_send(void *ctx, const struct lm_udp_addr *to, const uint8_t *data, size_t len)
{
	struct courier *c = ctx;
	(void)to; /* the socket is connected */
	/* As good as lost if it fails: everything is repeated. */
	if (send(c->fd, data, len, 0) < 0)
		return;
}

static void on_random(void *ctx, void *buf, size_t len)
{
	uint8_t *at = buf;
	(void)ctx;
	while (len > 0) {
		ssize_t n = getrandom(at, len, 0);
		if (n < 0 && errno != EINTR)
			abort(); /* no keys without randomness */
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
}

static void on_up(void *ctx, struct lm_peer *peer, uint32_t epoch)
{
	struct courier *c = ctx;
	(void)peer;
	(void)epoch;
	c->result->reached = true;
	c->submit_at = c->now.mono;
}

static void on_down(void *ctx, struct lm_peer *peer, const char *reason)
{
	struct courier *c = ctx;
	(void)reason;
	c->submit_at = UINT64_MAX;
	lm_blobs_peer_down(c->blobs, peer);
}

static void on_moved(void *ctx, struct lm_peer *peer, const struct lm_udp_addr *to)
{
	(void)ctx;
	(void)peer;
	(void)to;
}

static void on_result(struct courier *c, const uint8_t *body, size_t len)
{
	struct lm_reader r = lm_reader(body, len);
	const uint8_t *hash = lm_read_ref(&r, sizeof(c->load->hash));
	uint32_t code = lm_read_u32(&r);
	uint64_t serial = lm_read_u64(&r);
	uint16_t text_len = lm_read_u16(&r);
	const uint8_t *text = lm_read_ref(&r, text_len);
	if (r.failed || memcmp(hash, c->load->hash, sizeof(c->load->hash)) != 0)
		return;
	c->result->answered = true;
	c->result->code = code;
	c->result->serial = serial;
	/* It goes to a terminal: control characters of a stranger's text have no business there. */
	struct lm_why clean = {""};
	lm_why(&clean, 0, "%.*s", (int)text_len, (const char *)text);
	memcpy(c->result->text, clean.text, sizeof(c->result->text));
}

static void on_message(
    void *ctx, struct lm_peer *peer, uint8_t type, const uint8_t *body, size_t len)
{
	struct courier *c = ctx;
	if (!lm_blobs_message(c->blobs, &c->now, peer, type, body, len) &&
	    type == LM_MSG_SUBMIT_RESULT)
		on_result(c, body, len);
}

static const uint8_t *on_find(void *ctx, struct lm_peer *peer, const uint8_t hash[32], size_t *len)
{
	struct courier *c = ctx;
	(void)peer;
	if (memcmp(hash, c->load->hash, sizeof(c->load->hash)) != 0)
		return NULL;
	*len = c->load->len;
	return c->load->bytes;
}

static void on_pulled(void *ctx, struct lm_peer *peer, const uint8_t hash[32], int err,
    const uint8_t *bytes, size_t len, uint64_t tag)
{
	(void)ctx; /* we pull nothing */
	(void)peer;
	(void)hash;
	(void)err;
	(void)bytes;
	(void)len;
	(void)tag;
}

/* ---- the errand ---- */

static void submit(struct courier *c)
{
	uint8_t body[32 + LM_PUBLIC_KEY_LEN + 4];
	struct lm_writer w = lm_writer(body, sizeof(body));
	lm_write(&w, c->load->hash, 32);
	lm_write(&w, c->load->owner.b, LM_PUBLIC_KEY_LEN);
	lm_write_u32(&w, (uint32_t)c->load->len);
	lm_peer_send(c->gateway, &c->now, LM_MSG_SUBMIT, body, sizeof(body));
}

static int connect_to(const struct lm_udp_addr *to)
{
	struct sockaddr_storage ss = {0};
	socklen_t len;
	if (to->ip.family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)&ss;
		in->sin_family = AF_INET;
		in->sin_port = htons(to->port);
		memcpy(&in->sin_addr, to->ip.b, sizeof(in->sin_addr));
		len = sizeof(*in);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(to->port);
		memcpy(&in6->sin6_addr, to->ip.b, sizeof(in6->sin6_addr));
		len = sizeof(*in6);
	}
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&ss, len) < 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static void receive(struct courier *c, const struct lm_udp_addr *from)
{
	uint8_t data[LM_DATAGRAM_MAX + 1];
	for (;;) {
		/* Errors here are ICMP's: anybody can forge them, so the deadline decides. */
		ssize_t n = recv(c->fd, data, sizeof(data), 0);
		if (n < 0)
			return;
		if (n <= LM_DATAGRAM_MAX)
			lm_sessions_input(c->sessions, &c->now, from, data, (size_t)n);
	}
}

static void run(struct courier *c, const struct lm_udp_addr *to, uint64_t deadline)
{
	for (;;) {
		c->now = now();
		receive(c, to);
		uint64_t next = lm_sessions_tick(c->sessions, &c->now);
		uint64_t blobs = lm_blobs_tick(c->blobs, &c->now);
		if (c->result->answered || c->now.mono >= deadline)
			return;
		if (c->submit_at <= c->now.mono) {
			submit(c);
			c->submit_at = c->now.mono + REPEAT;
		}
		next = blobs < next ? blobs : next;
		next = c->submit_at < next ? c->submit_at : next;
		next = deadline < next ? deadline : next;
		uint64_t wait = next > c->now.mono ? (next - c->now.mono + MS - 1) / MS : 0;
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		poll(&p, 1, (int)wait);
	}
}

static int open_session(struct courier *c, const struct lm_identity *self,
    const struct lm_public_key *gateway, const struct lm_udp_addr *to)
{
	static const struct lm_session_ops session_ops = {.send = on_send,
	    .random = on_random,
	    .up = on_up,
	    .down = on_down,
	    .moved = on_moved,
	    .message = on_message};
	static const struct lm_blob_ops blob_ops = {.find = on_find, .pulled = on_pulled};
	const struct lm_session_config config = {
	    .lanes = 1, .max_peers = 1, .max_guests = 0, .max_handshakes_per_s = 10};

	int err = lm_blobs_create(&c->blobs, &blob_ops, c);
	if (!err)
		err = lm_sessions_create(&c->sessions, self, &config, &session_ops, c);
	if (!err)
		err = lm_peer_add(c->sessions, &c->now, gateway, to, 1, &c->gateway);
	return err;
}

int courier_deliver(const struct courier_load *load, const struct lm_public_key *gateway,
    const struct lm_udp_addr *to, unsigned timeout_ms, struct courier_result *result,
    struct lm_why *why)
{
	struct courier c = {.load = load, .result = result, .submit_at = UINT64_MAX, .now = now()};
	struct lm_identity self;
	uint8_t seed[32];
	char text[LM_UDP_TEXT];

	memset(result, 0, sizeof(*result));
	c.fd = connect_to(to);
	if (c.fd < 0)
		return lm_why(why, -c.fd, "%s: %s", lm_udp_addr_text(text, to), strerror(-c.fd));
	on_random(NULL, seed, sizeof(seed));
	lm_identity_from_seed(&self, seed);
	int err = open_session(&c, &self, gateway, to);
	if (!err) {
		run(&c, to, c.now.mono + timeout_ms * MS);
		lm_sessions_goodbye(c.sessions, &c.now);
	} else {
		lm_why(why, -err, "no session with this gateway's key: %s", strerror(-err));
	}
	if (c.blobs)
		lm_blobs_free(c.blobs);
	if (c.sessions)
		lm_sessions_free(c.sessions);
	close(c.fd);
	lm_wipe(seed, sizeof(seed));
	lm_wipe(&self, sizeof(self));
	return err;
}
