/* SPDX-License-Identifier: Apache-2.0 */
#include "player.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_memcpy.h>

#define FILE_HEADER 24
#define AHEAD 2048

/* The classic format of libpcap, in our byte order. */
struct record {
	uint32_t time[2];
	uint32_t len, original_len;
};

struct frame {
	uint32_t at, len;
};

struct player {
	uint8_t *bytes; /* the file */
	struct frame *frames;
	uint32_t n, next;
	uint16_t port;
	const struct rte_eth_rxtx_callback *callback;
};

static uint16_t play(
    uint16_t port, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint16_t max, void *arg)
{
	struct player *p = arg;

	(void)port, (void)queue, (void)max;
	for (uint16_t i = 0; i < n; i++) {
		const struct frame *f = &p->frames[p->next];
		const uint8_t *bytes = p->bytes + f->at;

		p->next = p->next + 1 < p->n ? p->next + 1 : 0;
		for (uint32_t ahead = 0; ahead < f->len; ahead += RTE_CACHE_LINE_SIZE)
			rte_prefetch_non_temporal(bytes + AHEAD + ahead);
		rte_memcpy(rte_pktmbuf_mtod(m[i], uint8_t *), bytes, f->len);
		m[i]->data_len = (uint16_t)f->len;
		m[i]->pkt_len = f->len;
	}
	return n;
}

/* Where frames are in the file; with frames NULL it only counts them. */
static uint32_t find_frames(const uint8_t *bytes, size_t len, struct frame *frames)
{
	struct record r;
	uint32_t n = 0;

	for (size_t at = FILE_HEADER; at + sizeof r <= len; at += r.len) {
		rte_memcpy(&r, bytes + at, sizeof r);
		at += sizeof r;
		if (r.len > len - at || r.len > RTE_MBUF_DEFAULT_DATAROOM)
			return 0;
		if (frames)
			frames[n] = (struct frame){.at = (uint32_t)at, .len = r.len};
		n++;
	}
	return n;
}

/* In DPDK's memory, because of its huge pages. */
static uint8_t *read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "r");
	uint8_t *bytes = NULL;
	long end = -1;

	if (!file)
		return NULL;
	if (fseek(file, 0, SEEK_END) == 0)
		end = ftell(file);
	if (end > FILE_HEADER && end < (long)UINT32_MAX && fseek(file, 0, SEEK_SET) == 0)
		bytes = rte_malloc("player", (size_t)end + AHEAD, RTE_CACHE_LINE_SIZE);
	if (bytes && fread(bytes, (size_t)end, 1, file) != 1) {
		rte_free(bytes);
		bytes = NULL;
	}
	fclose(file);
	*len = (size_t)end;
	return bytes;
}

int player_attach(struct player **out, uint16_t port, const char *capture)
{
	struct player *p = calloc(1, sizeof *p);
	size_t len = 0;

	if (!p)
		return -ENOMEM;
	p->bytes = read_file(capture, &len);
	p->n = p->bytes ? find_frames(p->bytes, len, NULL) : 0;
	p->frames = p->n > 0 ? rte_malloc("player", p->n * sizeof *p->frames, 0) : NULL;
	if (p->frames)
		find_frames(p->bytes, len, p->frames);
	/* Before others that look at what was received. */
	p->port = port;
	p->callback = p->frames ? rte_eth_add_first_rx_callback(port, 0, play, p) : NULL;
	if (!p->callback) {
		player_free(p);
		return -EINVAL;
	}
	*out = p;
	return 0;
}

void player_free(struct player *p)
{
	if (!p)
		return;
	if (p->callback)
		rte_eth_remove_rx_callback(p->port, 0, p->callback);
	rte_free((void *)(uintptr_t)p->callback);
	rte_free(p->frames);
	rte_free(p->bytes);
	free(p);
}
