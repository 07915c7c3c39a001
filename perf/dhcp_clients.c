/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   leasemesh-dhcp-clients INTERFACE CLIENTS WINDOW ROUND
 *
 * So many DHCP clients on one wire: each gets an address (DISCOVER, OFFER, REQUEST, ACK), WINDOW of
 * them at the same time. Prints how long answers took, as seen from here, as one JSON object.
 * ROUND only makes that an answer to an earlier round is not taken for one of this.
 * perf/address runs it; a raw socket, so as root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "dhcp.h"
#include "percentile.h"

#define MS 1000000ull
#define PATIENCE (1000 * MS) /* then it is asked again */
#define CLIENTS_MAX 16384
#define TRIES 10

struct client {
	uint64_t asked_at; /* 0: it waits for nothing */
	unsigned tries;
	struct dhcp_offer offer; /* type 0: it has none */
};

static struct {
	int fd;
	unsigned n, window, round;
	unsigned begun, ended, open; /* clients */
	struct client client[CLIENTS_MAX];
	uint64_t offers[CLIENTS_MAX], acks[CLIENTS_MAX]; /* latencies, ns */
	unsigned n_offers, n_acks, again, refused;
} t;

static uint64_t now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000 * MS + (uint64_t)at.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_socket(const char *interface)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_IP));
	int size = 8 << 20, on = 1;

	at.sll_ifindex = (int)if_nametoindex(interface);
	if (fd < 0 || at.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die(interface);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	return fd;
}

static void ask(unsigned i)
{
	struct client *c = &t.client[i];
	uint8_t frame[DHCP_FRAME_MAX];
	uint32_t xid = t.round << 16 | i;
	size_t len = dhcp_ask(frame, i, xid, c->offer.type ? &c->offer : NULL);

	if (c->tries++ == TRIES) {
		fprintf(stderr, "leasemesh-dhcp-clients: client %u is not answered\n", i);
		exit(1);
	}
	c->asked_at = now();
	/* What the wire has no room for is asked again like what was lost. */
	if (send(t.fd, frame, len, 0) < 0 && errno != ENOBUFS && errno != EAGAIN)
		die("send");
}

static void begin_some(void)
{
	while (t.begun < t.n && t.open < t.window) {
		t.open++;
		ask(t.begun++);
	}
}

static void answered(unsigned i, const struct dhcp_offer *answer)
{
	struct client *c = &t.client[i];
	uint64_t took = now() - c->asked_at;
	bool is_offer = answer->type == DHCP_OFFER, has_offer = c->offer.type != 0;

	if (c->asked_at == 0 || is_offer == has_offer)
		return; /* what came twice */
	c->tries = 0;
	if (is_offer) {
		t.offers[t.n_offers++] = took;
		c->offer = *answer;
		ask(i);
		return;
	}
	t.refused += answer->type != DHCP_ACK;
	t.acks[t.n_acks++] = took;
	c->asked_at = 0;
	t.ended++;
	t.open--;
	begin_some();
}

static void receive(void)
{
	uint8_t frame[2048];
	struct dhcp_offer answer;
	ssize_t len;

	while ((len = recv(t.fd, frame, sizeof(frame), 0)) > 0)
		if (dhcp_read(&answer, frame, (size_t)len) && answer.xid >> 16 == t.round &&
		    (answer.xid & 0xffff) < t.begun)
			answered(answer.xid & 0xffff, &answer);
}

static void ask_again(void)
{
	uint64_t at = now();

	for (unsigned i = 0; i < t.begun; i++)
		if (t.client[i].asked_at && at - t.client[i].asked_at > PATIENCE) {
			t.again++;
			ask(i);
		}
}

static void say(const char *name, uint64_t *values, unsigned n)
{
	printf("\"%s_p50_us\": %.1f, \"%s_p99_us\": %.1f, \"%s_max_us\": %.1f, ", name,
	    (double)percentile(values, n, 0.5) / 1e3, name,
	    (double)percentile(values, n, 0.99) / 1e3, name,
	    (double)percentile(values, n, 1) / 1e3);
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fputs("usage: leasemesh-dhcp-clients INTERFACE CLIENTS WINDOW ROUND\n", stderr);
		return 2;
	}
	t.n = (unsigned)strtoul(argv[2], NULL, 10);
	t.window = (unsigned)strtoul(argv[3], NULL, 10);
	t.round = (unsigned)strtoul(argv[4], NULL, 10) & 0x7fff;
	if (t.n == 0 || t.n > CLIENTS_MAX || t.window == 0)
		return 2;
	t.fd = open_socket(argv[1]);
	uint64_t begun = now(), looked = begun;
	begin_some();
	while (t.ended < t.n) {
		struct pollfd p = {.fd = t.fd, .events = POLLIN};
		poll(&p, 1, 200);
		receive();
		if (now() - looked > 100 * MS) {
			looked = now();
			ask_again();
		}
	}
	double seconds = (double)(now() - begun) / 1e9;
	printf("{");
	say("offer", t.offers, t.n_offers);
	say("ack", t.acks, t.n_acks);
	printf("\"seconds\": %.3f, \"answers_s\": %.0f, \"again\": %u, \"refused\": %u}\n", seconds,
	    2 * t.n / seconds, t.again, t.refused);
	close(t.fd);
	return 0;
}
