/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The benchmarks' packets, the same for every contestant, and the capture files that DPDK's
 * pcap driver, or player.h, plays for ever: PERF_PACKETS of PERF_FLOWS UDP flows between two
 * workloads, or what somebody else thinks of. Sizes are those of the inner IP packet.
 */
#ifndef LM_PERF_TRAFFIC_H
#define LM_PERF_TRAFFIC_H

#include <stdint.h>
#include "crypto/gcm.h"

/*
 * A multiple of the mix's twelve and of every burst; less than the replay window, so that a second
 * round looks like replays and not like sequence numbers that have wrapped.
 */
#define PERF_PACKETS 1536
#define PERF_FLOWS 1024

/* The workload here, the workload there, and their gateways. */
#define PERF_HERE "100.64.10.10"
#define PERF_THERE "100.64.10.20"
#define PERF_GATEWAY_HERE "192.0.2.1"
#define PERF_GATEWAY_THERE "192.0.2.2"

/* "64", "512" ... for one size, "imix" for 7 x 64, 4 x 512 and 1 x 1,420 bytes. -EINVAL. */
struct perf_mix {
	uint16_t sizes[12]; /* taken in turn */
};
int perf_mix_parse(struct perf_mix *out, const char *text);

/* How the inner packets are wrapped. ESP has 64-bit sequence numbers. */
enum perf_wrap {
	PERF_PLAIN,
	PERF_ESP, /* in a tunnel between gateways: IPv4, protocol 50 */
	PERF_ESP_IN_UDP /* likewise, on UDP port 4500 */
};
struct perf_sa {
	uint32_t spi;
	uint8_t keymat[LM_GCM_KEYMAT_LEN];
	uint64_t sent; /* sequence number of the last packet */
	struct lm_gcm_key *key; /* made when it is needed first: perf_sa_close */
};
void perf_sa_close(struct perf_sa *sa);

/* Addresses and ports in host byte order. */
struct perf_packet {
	uint16_t size;
	uint32_t src, dst;
	uint16_t src_port, dst_port;
	uint8_t src_mac[6]; /* if it is plain */
	uint32_t tunnel_src, tunnel_dst; /* if it is not */
	struct perf_sa *sa;
};
struct perf_packets {
	unsigned n;
	void (*at)(
	    void *ctx, unsigned i, struct perf_packet *out); /* called once for each, in order */
	void *ctx;
};
/* 0 or a negative errno. */
int perf_capture_write(const char *path, const struct perf_packets *packets, enum perf_wrap wrap,
    const uint8_t dst_mac[6]);
/*
 * PERF_PACKETS between the two workloads, plain ones from here, wrapped ones from there. keymat is
 * not used for PERF_PLAIN, nor spi.
 */
int perf_capture_pair(const char *path, const struct perf_mix *mix, enum perf_wrap wrap,
    uint32_t spi, const uint8_t *keymat, const uint8_t dst_mac[6]);

/* Reads such a file. The frames are the caller's, each from malloc. 0 or a negative errno. */
struct perf_frames {
	unsigned n;
	uint16_t len[PERF_PACKETS];
	uint8_t *data[PERF_PACKETS];
};
int perf_capture_read(struct perf_frames *out, const char *path);

#endif
