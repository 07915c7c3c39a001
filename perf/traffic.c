/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_esp.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#define MTU 1500
#define INNER_MIN (sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr))
#define ESP_PORT 4500
#define ESP_IV 8
#define ESP_ALIGN 4

/* Who sends what arrives at an underlay port, and one workload's frames. */
static const uint8_t neighbour[6] = {2, 0, 0, 0, 0, 0x0a};

int perf_mix_parse(struct perf_mix *out, const char *text)
{
	static const struct perf_mix imix = {
	    {64, 512, 64, 64, 512, 64, 64, 512, 64, 64, 512, 1420}};
	char *end;

	if (strcmp(text, "imix") == 0) {
		*out = imix;
		return 0;
	}
	unsigned long size = strtoul(text, &end, 10);
	if (*end != '\0' || size < INNER_MIN || size > MTU)
		return -EINVAL;
	for (unsigned i = 0; i < RTE_DIM(out->sizes); i++)
		out->sizes[i] = (uint16_t)size;
	return 0;
}

static void put_ip(uint8_t *at, uint32_t src, uint32_t dst, uint8_t protocol, size_t len)
{
	struct rte_ipv4_hdr ip = {
	    .version_ihl = RTE_IPV4_VHL_DEF,
	    .total_length = rte_cpu_to_be_16((uint16_t)len),
	    .fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
	    .time_to_live = 64,
	    .next_proto_id = protocol,
	    .src_addr = rte_cpu_to_be_32(src),
	    .dst_addr = rte_cpu_to_be_32(dst),
	};

	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memcpy(at, &ip, sizeof ip);
}

static void put_udp(uint8_t *at, uint16_t src, uint16_t dst, size_t len)
{
	struct rte_udp_hdr udp = {
	    .src_port = rte_cpu_to_be_16(src),
	    .dst_port = rte_cpu_to_be_16(dst),
	    .dgram_len = rte_cpu_to_be_16((uint16_t)len),
	};

	memcpy(at, &udp, sizeof udp);
}

/* The i-th packet of all; what it carries differs. */
static void put_inner(uint8_t *at, unsigned i, const struct perf_packet *p)
{
	const size_t ip_len = sizeof(struct rte_ipv4_hdr);

	put_ip(at, p->src, p->dst, IPPROTO_UDP, p->size);
	put_udp(at + ip_len, p->src_port, p->dst_port, p->size - ip_len);
	for (size_t n = INNER_MIN; n < p->size; n++)
		at[n] = (uint8_t)(i + n);
}

/* ESP (RFC 4303, RFC 4106) around it, with its SA's next sequence number; returns its length. */
static size_t put_esp(uint8_t *at, unsigned i, const struct perf_packet *p, struct lm_gcm_engine *e)
{
	const size_t front = sizeof(struct rte_esp_hdr) + ESP_IV;
	struct perf_sa *sa = p->sa;
	uint64_t seq = ++sa->sent, seq_be = rte_cpu_to_be_64(seq);
	uint32_t spi_be = rte_cpu_to_be_32(sa->spi), low_be = rte_cpu_to_be_32((uint32_t)seq);
	uint8_t nonce[LM_GCM_IV_LEN], aad[12];
	uint8_t *inner = at + front;

	memcpy(at, &spi_be, 4);
	memcpy(at + 4, &low_be, 4);
	memcpy(at + 8, &seq_be, ESP_IV);
	memcpy(nonce, sa->keymat + LM_GCM_KEY_LEN, LM_GCM_SALT_LEN);
	memcpy(nonce + LM_GCM_SALT_LEN, &seq_be, ESP_IV);
	memcpy(aad, &spi_be, 4);
	memcpy(aad + 4, &seq_be, 8);

	put_inner(inner, i, p);
	uint8_t pad = (uint8_t)((ESP_ALIGN - (p->size + 2) % ESP_ALIGN) % ESP_ALIGN);
	for (uint8_t n = 0; n < pad; n++)
		inner[p->size + n] = (uint8_t)(n + 1);
	inner[p->size + pad] = pad;
	inner[p->size + pad + 1] = IPPROTO_IPIP;
	size_t sealed = (size_t)p->size + pad + 2;
	lm_gcm_seal(e, sa->key, inner, inner, sealed, nonce, aad, sizeof aad, inner + sealed);
	return front + sealed + LM_GCM_TAG_LEN;
}

struct frame {
	uint8_t bytes[RTE_ETHER_HDR_LEN + MTU + 200];
	size_t len;
};

static int frame_make(struct frame *f, unsigned i, const struct perf_packet *p, enum perf_wrap wrap,
    const uint8_t dst_mac[6], struct lm_gcm_engine *e)
{
	const size_t ip_len = sizeof(struct rte_ipv4_hdr), udp_len = sizeof(struct rte_udp_hdr);
	struct rte_ether_hdr *ether = (void *)f->bytes;
	uint8_t *ip = f->bytes + sizeof *ether;

	memcpy(&ether->dst_addr, dst_mac, 6);
	memcpy(&ether->src_addr, wrap == PERF_PLAIN ? p->src_mac : neighbour, 6);
	ether->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	if (wrap == PERF_PLAIN) {
		put_inner(ip, i, p);
		f->len = sizeof *ether + p->size;
		return 0;
	}
	if (!p->sa->key) {
		int err = lm_gcm_key_create(&p->sa->key, e, p->sa->keymat);
		if (err < 0)
			return err;
	}
	size_t before = ip_len + (wrap == PERF_ESP_IN_UDP ? udp_len : 0);
	size_t esp_len = put_esp(ip + before, i, p, e);
	put_ip(ip, p->tunnel_src, p->tunnel_dst,
	    wrap == PERF_ESP_IN_UDP ? IPPROTO_UDP : IPPROTO_ESP, before + esp_len);
	if (wrap == PERF_ESP_IN_UDP)
		put_udp(ip + ip_len, ESP_PORT, ESP_PORT, udp_len + esp_len);
	f->len = sizeof *ether + before + esp_len;
	return 0;
}

/* The classic format of libpcap, in our byte order. */
#define PCAP_HEADER 24

static void put_pcap_header(FILE *file)
{
	const uint16_t version[2] = {2, 4};
	const uint32_t head = 0xa1b2c3d4, rest[4] = {0, 0, 65535, 1 /* Ethernet */};

	fwrite(&head, sizeof head, 1, file);
	fwrite(version, sizeof version, 1, file);
	fwrite(rest, sizeof rest, 1, file);
}

static void put_pcap_packet(FILE *file, const struct frame *f)
{
	const uint32_t head[4] = {0, 0, (uint32_t)f->len, (uint32_t)f->len};

	fwrite(head, sizeof head, 1, file);
	fwrite(f->bytes, f->len, 1, file);
}

int perf_capture_write(const char *path, const struct perf_packets *packets, enum perf_wrap wrap,
    const uint8_t dst_mac[6])
{
	struct lm_gcm_engine *e = NULL;
	struct perf_packet p;
	struct frame f;

	int err = lm_gcm_engine_create(&e);
	if (err < 0)
		return err;
	FILE *file = fopen(path, "w");
	if (!file) {
		err = -errno;
		lm_gcm_engine_free(e);
		return err;
	}
	put_pcap_header(file);
	for (unsigned i = 0; i < packets->n && err == 0; i++) {
		packets->at(packets->ctx, i, &p);
		err = frame_make(&f, i, &p, wrap, dst_mac, e);
		put_pcap_packet(file, &f);
	}
	bool failed = ferror(file);
	if ((fclose(file) != 0 || failed) && err == 0)
		err = -EIO;
	lm_gcm_engine_free(e);
	return err;
}

void perf_sa_close(struct perf_sa *sa)
{
	lm_gcm_key_free(sa->key);
	sa->key = NULL;
}

/* ---- two workloads ---- */

struct pair {
	const struct perf_mix *mix;
	bool from_here;
	struct perf_packet packet; /* what is the same in all */
};

static void pair_at(void *ctx, unsigned i, struct perf_packet *out)
{
	const struct pair *pair = ctx;
	const uint16_t client = (uint16_t)(10000 + i % PERF_FLOWS), server = 5201;

	*out = pair->packet;
	out->size = pair->mix->sizes[i % RTE_DIM(pair->mix->sizes)];
	/* Ports of either direction differ by flow, so that both have as many. */
	out->src_port = pair->from_here ? client : server;
	out->dst_port = pair->from_here ? server : client;
}

static uint32_t address(const char *text)
{
	uint32_t be = 0;

	inet_pton(AF_INET, text, &be);
	return rte_be_to_cpu_32(be);
}

int perf_capture_pair(const char *path, const struct perf_mix *mix, enum perf_wrap wrap,
    uint32_t spi, const uint8_t *keymat, const uint8_t dst_mac[6])
{
	const bool from_here = wrap == PERF_PLAIN;
	struct perf_sa sa = {.spi = spi};
	struct pair pair = {.mix = mix,
	    .from_here = from_here,
	    .packet = {.src = address(from_here ? PERF_HERE : PERF_THERE),
		.dst = address(from_here ? PERF_THERE : PERF_HERE),
		.tunnel_src = address(PERF_GATEWAY_THERE),
		.tunnel_dst = address(PERF_GATEWAY_HERE),
		.sa = &sa}};
	const struct perf_packets packets = {.n = PERF_PACKETS, .at = pair_at, .ctx = &pair};

	memcpy(pair.packet.src_mac, neighbour, sizeof neighbour);
	if (keymat)
		memcpy(sa.keymat, keymat, sizeof sa.keymat);
	int err = perf_capture_write(path, &packets, wrap, dst_mac);
	perf_sa_close(&sa);
	return err;
}

int perf_capture_read(struct perf_frames *out, const char *path)
{
	uint32_t head[4]; /* of a packet: its time, bytes here, bytes that it had */
	int err = 0;
	FILE *file = fopen(path, "r");

	out->n = 0;
	if (!file)
		return -errno;
	if (fseek(file, PCAP_HEADER, SEEK_SET) != 0)
		err = -EIO;
	while (err == 0 && out->n < PERF_PACKETS && fread(head, sizeof head, 1, file) == 1) {
		uint8_t *data = head[2] <= MTU * 2 ? malloc(head[2]) : NULL;

		if (!data || fread(data, head[2], 1, file) != 1) {
			free(data);
			err = -EINVAL;
			break;
		}
		out->len[out->n] = (uint16_t)head[2];
		out->data[out->n++] = data;
	}
	fclose(file);
	return err == 0 && out->n == 0 ? -EINVAL : err;
}
