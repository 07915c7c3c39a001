/* SPDX-License-Identifier: Apache-2.0 */
/* Between the gateways: what ESP must refuse, keys, lanes, and workers. */
#include <rte_byteorder.h>
#include "dataplane/worker.h"
#include "dp_fixture.h"
#include "packet/frame.h"

/* ---- a wire that keeps what passed, and may lose it ------------------------ */

struct tap {
	uint8_t frame[RIG_FRAME_MAX];
	size_t len;
	unsigned n;
	bool lose;
};

static bool tap_wire(void *ctx, unsigned from, uint8_t *frame, size_t *len)
{
	struct tap *t = ctx;

	(void)from;
	memcpy(t->frame, frame, *len);
	t->len = *len;
	t->n++;
	return !t->lose;
}

static void put_underlay(struct rig *r, unsigned gw, const uint8_t *frame, size_t len)
{
	rig_put(r, gw, &r->gw[gw].under, frame, len, -1);
	rig_run(r);
}

/* Sends p, which is lost on the wire and left in the tap. */
static void capture(struct rig *r, struct tap *t, const struct rig_packet *p)
{
	r->wire = tap_wire;
	r->ctx = t;
	t->lose = true;
	CU_ASSERT_FALSE(rig_passes(r, p, NULL, NULL));
	CU_ASSERT_TRUE_FATAL(t->len > RIG_OUTER + 32);
}

/* The frame is dropped by gateway 1 for this reason. */
static bool refused(struct rig *r, const uint8_t *frame, size_t len, enum lm_drop why)
{
	uint64_t before = rig_drops(r, 1, why);

	put_underlay(r, 1, frame, len);
	return rig_drain(r, 1) == 0 && rig_drops(r, 1, why) == before + 1;
}

static void test_wire_format(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct tap t = {0};
	struct lm_frame f;

	capture(r, &t, &rig_query);
	CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&f, t.frame, t.len), 0);
	CU_ASSERT_EQUAL(f.ip, 4);
	CU_ASSERT_TRUE(lm_frame_ipv4_checksum_ok(&f));
	CU_ASSERT_EQUAL(f.ip4->fragment_offset, rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG));
	CU_ASSERT_EQUAL(f.protocol, IPPROTO_UDP);
	CU_ASSERT_EQUAL(f.l4[2] << 8 | f.l4[3], RIG_UDP);
	CU_ASSERT_EQUAL((size_t)(f.l4[4] << 8 | f.l4[5]), f.l4_len);
	/* 128 bytes inside, 2 of padding, 2 of trailer. */
	CU_ASSERT_EQUAL(f.l4_len, 8 + 16 + 132 + 16);
	const uint8_t *esp = f.l4 + 8;
	uint32_t spi = rte_cpu_to_be_32(r->gw[1].spi[0][0]);
	CU_ASSERT_EQUAL(memcmp(esp, &spi, 4), 0);
	static const uint8_t first[12] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1};
	CU_ASSERT_EQUAL(memcmp(esp + 4, first, 12), 0); /* sequence number and IV */
	rig_end(r);
}

static void test_replay(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct tap t = {0};

	capture(r, &t, &rig_query);
	put_underlay(r, 1, t.frame, t.len);
	CU_ASSERT_EQUAL(rig_drain(r, 1), 1);
	CU_ASSERT_TRUE(refused(r, t.frame, t.len, LM_DROP_REPLAY));
	/* Told before it is decrypted: a replay that was tampered with is still a replay. */
	t.frame[t.len - 1] ^= 1;
	CU_ASSERT_TRUE(refused(r, t.frame, t.len, LM_DROP_REPLAY));
	/* Twins in one burst: only the commit can tell. */
	capture(r, &t, &rig_query);
	rig_put(r, 1, &r->gw[1].under, t.frame, t.len, -1);
	rig_put(r, 1, &r->gw[1].under, t.frame, t.len, -1);
	rig_run(r);
	CU_ASSERT_EQUAL(rig_drain(r, 1), 1);
	CU_ASSERT_EQUAL(rig_drops(r, 1, LM_DROP_REPLAY), 3);
	rig_end(r);
}

static void test_tampering(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct tap t = {0};

	capture(r, &t, &rig_query);
	/* Every byte of ESP, but those of the SPI, is protected. */
	for (size_t i = RIG_OUTER + 4; i < t.len; i++) {
		t.frame[i] ^= 0x40;
		CU_ASSERT_TRUE(refused(r, t.frame, t.len, LM_DROP_AUTH_FAILED));
		t.frame[i] ^= 0x40;
	}
	for (size_t i = RIG_OUTER; i < RIG_OUTER + 4; i++) {
		t.frame[i] ^= 0x40;
		CU_ASSERT_TRUE(refused(r, t.frame, t.len, LM_DROP_UNKNOWN_SPI));
		t.frame[i] ^= 0x40;
	}
	/* None of them moved the window. */
	put_underlay(r, 1, t.frame, t.len);
	CU_ASSERT_EQUAL(rig_drain(r, 1), 1);
	rig_end(r);
}

static void test_truncation(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct tap t = {0};

	capture(r, &t, &rig_query);
	for (size_t len = 0; len < t.len; len++)
		put_underlay(r, 1, t.frame, len);
	CU_ASSERT_EQUAL(rig_drops(r, 1, LM_DROP_MALFORMED), t.len);
	/* Cut off, and the outer lengths agree. */
	for (size_t len = RIG_OUTER + 4; len < t.len; len++) {
		uint8_t cut[RIG_FRAME_MAX];
		size_t ip = len - 14, udp = ip - 20;

		memcpy(cut, t.frame, len);
		cut[16] = (uint8_t)(ip >> 8);
		cut[17] = (uint8_t)ip;
		cut[38] = (uint8_t)(udp >> 8);
		cut[39] = (uint8_t)udp;
		put_underlay(r, 1, cut, len);
	}
	CU_ASSERT_EQUAL(rig_drain(r, 1), 0);
	rig_end(r);
}

/* What is around good ESP must be for us, as a whole: nothing else of it is opened. */
static void test_outer(void)
{
	static const struct {
		uint8_t at, flip;
		enum lm_drop why;
	} cases[] = {{5, 2, LM_DROP_NOT_OURS}, /* MAC */
	    {12, 0x80, LM_DROP_UNKNOWN_ETHERTYPE}, {14, 0x10, LM_DROP_MALFORMED}, /* version */
	    {14, 1, LM_DROP_MALFORMED}, /* header length */
	    {17, 1, LM_DROP_MALFORMED}, /* total length: more than there is */
	    {20, 0x20, LM_DROP_FRAGMENT}, {21, 1, LM_DROP_FRAGMENT},
	    {23, 1, LM_DROP_NOT_OURS}, /* protocol */
	    {33, 1, LM_DROP_NOT_OURS}, /* address */
	    {37, 1, LM_DROP_NOT_OURS}, /* port */
	    {39, 1, LM_DROP_MALFORMED}, /* more than the IP packet holds */
	    {39, 4, LM_DROP_AUTH_FAILED},
	    /* less */};
	struct rig *r = rig_create(&rig_one_worker);
	struct tap t = {0};
	uint8_t tagged[RIG_FRAME_MAX];

	capture(r, &t, &rig_query);
	CU_ASSERT_EQUAL_FATAL(t.frame[39] & 5, 4);
	CU_ASSERT_EQUAL_FATAL(t.frame[17] & 1, 0);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		t.frame[cases[i].at] ^= cases[i].flip;
		CU_ASSERT_TRUE(refused(r, t.frame, t.len, cases[i].why));
		t.frame[cases[i].at] ^= cases[i].flip;
	}
	/* In somebody's VLAN, while this port has none. */
	memcpy(tagged, t.frame, 12);
	memcpy(tagged + 12, "\x81\x00\x00\x07", 4);
	memcpy(tagged + 16, t.frame + 12, t.len - 12);
	CU_ASSERT_TRUE(refused(r, tagged, t.len + 4, LM_DROP_NOT_OURS));
	/* Bytes behind the packet are the link's padding. */
	put_underlay(r, 1, t.frame, t.len + 6);
	CU_ASSERT_EQUAL(rig_drain(r, 1), 1);
	rig_end(r);
}

/* Nobody's address is not ours, though we have no other one of IPv4. */
static void test_no_address(void)
{
	const struct rig_options o = {.workers = {1, 1}, .ipv6 = true};
	struct rig *r = rig_create(&o);
	const size_t l2 = 14, ip4 = 20, ip6 = 40;
	uint8_t frame[RIG_FRAME_MAX], payload[RIG_FRAME_MAX];

	size_t len = rig_seal(r, frame, 1, payload, rig_inner(r, payload, &rig_query));
	CU_ASSERT_TRUE_FATAL(len > l2 + ip6);
	memmove(frame + l2 + ip4, frame + l2 + ip6, len - l2 - ip6);
	len -= ip6 - ip4;
	memset(frame + l2, 0, ip4);
	rig_put16(frame + l2 - 2, RTE_ETHER_TYPE_IPV4);
	frame[l2] = RTE_IPV4_VHL_DEF;
	rig_put16(frame + l2 + 2, (unsigned)(len - l2));
	frame[l2 + 8] = 64;
	frame[l2 + 9] = IPPROTO_UDP;
	CU_ASSERT_TRUE(refused(r, frame, len, LM_DROP_NOT_OURS));
	rig_end(r);
}

/* A port whose underlay has a tag: this one only, and not without. */
static void test_outer_tag(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct lm_dp *dp = r->gw[1].dp;
	struct tap t = {0};
	uint8_t tagged[RIG_FRAME_MAX];

	for (unsigned i = 0; i < dp->n_ports; i++)
		if (dp->ports[i].config.underlay)
			dp->ports[i].config.vlan = 0x107;
	capture(r, &t, &rig_query);
	memcpy(tagged, t.frame, 12);
	memcpy(tagged + 16, t.frame + 12, t.len - 12);
	memcpy(tagged + 12, "\x81\x00\x01\x08", 4);
	CU_ASSERT_TRUE(refused(r, tagged, t.len + 4, LM_DROP_NOT_OURS));
	memcpy(tagged + 12, "\x81\x00\x02\x07", 4);
	CU_ASSERT_TRUE(refused(r, tagged, t.len + 4, LM_DROP_NOT_OURS));
	CU_ASSERT_TRUE(refused(r, t.frame, t.len, LM_DROP_NOT_OURS));
	/* Whatever its priority. */
	memcpy(tagged + 12, "\x81\x00\xe1\x07", 4);
	put_underlay(r, 1, tagged, t.len + 4);
	CU_ASSERT_EQUAL(rig_drain(r, 1), 1);
	rig_end(r);
}

/* ---- a peer that knows the keys, and does not behave ------------------------ */

struct bad_peer {
	struct rig *r;
	struct tap tap;
	uint8_t tos; /* of the outer header */
	uint64_t seq;
	uint8_t payload[RIG_FRAME_MAX];
	size_t len;
	uint16_t off; /* by so much its IPv4 checksum is wrong */
};

static void bad_peer(struct bad_peer *b)
{
	*b = (struct bad_peer){.r = rig_create(&rig_one_worker), .seq = 100};
	b->len = rig_inner(b->r, b->payload, &rig_query);
}

static size_t bad_peer_seal(struct bad_peer *b, uint8_t *frame)
{
	struct rte_ipv4_hdr *ip = (void *)b->payload;

	if (b->payload[0] == 0x45)
		ip->hdr_checksum = (uint16_t)(lm_ipv4_checksum(ip) ^ b->off);
	size_t len = rig_seal(b->r, frame, b->seq++, b->payload, b->len);

	frame[15] |= b->tos;
	return len;
}

static bool bad_peer_refused(struct bad_peer *b, enum lm_drop why)
{
	uint8_t frame[RIG_FRAME_MAX];
	size_t len = bad_peer_seal(b, frame);

	return refused(b->r, frame, len, why);
}

static bool bad_peer_passes(struct bad_peer *b)
{
	uint8_t frame[RIG_FRAME_MAX];
	size_t len = bad_peer_seal(b, frame);

	put_underlay(b->r, 1, frame, len);
	return rig_drain(b->r, 1) == 1;
}

static void test_padding(void)
{
	struct bad_peer b;

	bad_peer(&b);
	CU_ASSERT_TRUE(bad_peer_passes(&b));
	b.payload[b.len - 3] = 7; /* the pad's last byte */
	CU_ASSERT_TRUE(bad_peer_refused(&b, LM_DROP_BAD_PADDING));
	b.payload[b.len - 3] = 2;
	b.payload[b.len - 2] = 255; /* longer than what is there */
	CU_ASSERT_TRUE(bad_peer_refused(&b, LM_DROP_BAD_PADDING));
	b.payload[b.len - 2] = 2;
	b.payload[b.len - 1] = 59; /* next header */
	CU_ASSERT_TRUE(bad_peer_refused(&b, LM_DROP_MALFORMED));
	b.payload[b.len - 1] = IPPROTO_IPV6; /* of another version than the packet */
	CU_ASSERT_TRUE(bad_peer_refused(&b, LM_DROP_MALFORMED));
	/* More padding than needed, and bytes behind the inner packet, are allowed. */
	b.len -= 4;
	for (uint8_t i = 0; i < 20; i++)
		b.payload[b.len++] = 0xaa;
	for (uint8_t i = 1; i <= 10; i++)
		b.payload[b.len++] = i;
	b.payload[b.len++] = 10;
	b.payload[b.len++] = IPPROTO_IPIP;
	CU_ASSERT_TRUE(bad_peer_passes(&b));
	/* Longer inside than what is there. */
	b.payload[3] += 40;
	CU_ASSERT_TRUE(bad_peer_refused(&b, LM_DROP_MALFORMED));
	rig_end(b.r);
}

static void test_inner_source(void)
{
	struct bad_peer b;

	bad_peer(&b);
	b.payload[15] = 21; /* from cache, which is not behind that peer */
	CU_ASSERT_TRUE(bad_peer_refused(&b, LM_DROP_INNER_SOURCE));
	b.payload[15] = 77; /* from nobody */
	CU_ASSERT_TRUE(bad_peer_refused(&b, LM_DROP_INNER_SOURCE));
	b.payload[15] = 10;
	b.payload[19] = 11; /* to app, which is not here: we are no transit */
	CU_ASSERT_TRUE(bad_peer_refused(&b, LM_DROP_NO_ROUTE));
	b.payload[19] = 20;
	CU_ASSERT_TRUE(bad_peer_passes(&b));
	CU_ASSERT_EQUAL(lm_dp_flow_count(b.r->gw[1].dp), 1);
	/* In our endpoint's name, as an answer in the flow that is known now. */
	uint8_t ends[12];
	memcpy(ends, b.payload + 12, sizeof ends);
	memcpy(b.payload + 12, ends + 4, 4);
	memcpy(b.payload + 16, ends, 4);
	memcpy(b.payload + 20, ends + 10, 2);
	memcpy(b.payload + 22, ends + 8, 2);
	CU_ASSERT_TRUE(bad_peer_refused(&b, LM_DROP_INNER_SOURCE));
	CU_ASSERT_EQUAL(lm_dp_flow_count(b.r->gw[1].dp), 1);
	rig_end(b.r);
}

/* Its gateway should have seen it; what it did not see ends here. */
static void test_inner_checksum(void)
{
	struct bad_peer b;

	bad_peer(&b);
	b.off = 1;
	CU_ASSERT_TRUE(bad_peer_refused(&b, LM_DROP_IP_CHECKSUM));
	CU_ASSERT_EQUAL(lm_dp_flow_count(b.r->gw[1].dp), 0);
	b.off = 0;
	CU_ASSERT_TRUE(bad_peer_passes(&b));
	rig_end(b.r);
}

/* The high half of sequence numbers is not sent: the receiver must guess it right. */
static void test_extended_sequence(void)
{
	struct bad_peer b;

	bad_peer(&b);
	b.seq = UINT32_MAX - 5;
	for (unsigned i = 0; i < 12; i++)
		CU_ASSERT_TRUE(bad_peer_passes(&b));
	CU_ASSERT_EQUAL(b.seq, (UINT64_C(1) << 32) + 6);
	b.seq = UINT32_MAX - 6; /* late, of the last round, and not seen */
	CU_ASSERT_TRUE(bad_peer_passes(&b));
	CU_ASSERT_TRUE(bad_peer_refused(&b, LM_DROP_REPLAY)); /* UINT32_MAX - 5 was */
	b.seq = UINT32_MAX - 3000; /* too late: taken for the next round, where it is a forgery */
	CU_ASSERT_TRUE(bad_peer_refused(&b, LM_DROP_AUTH_FAILED));
	rig_end(b.r);
}

static void test_congestion(void)
{
	struct bad_peer b;
	struct rig_packet p = rig_query;
	uint8_t frame[RIG_FRAME_MAX];
	struct lm_frame f;

	bad_peer(&b);
	b.tos = 3; /* marked on the underlay */
	CU_ASSERT_TRUE(bad_peer_refused(&b, LM_DROP_ECN));
	b.payload[1] |= 2; /* the sender understands; the header's checksum follows */
	b.payload[11] -= 2;
	size_t len = bad_peer_seal(&b, frame);
	put_underlay(b.r, 1, frame, len);
	len = rig_take(b.r, 1, frame);
	CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&f, frame, len), 0);
	CU_ASSERT_EQUAL(f.ip4->type_of_service & 3, 3);
	/* And outwards: the mark is copied. */
	b.r->wire = tap_wire;
	b.r->ctx = &b.tap;
	len = rig_build(b.r, frame, &p);
	struct rte_ipv4_hdr *ip = (void *)(frame + 18);
	ip->type_of_service = 0xb9;
	ip->hdr_checksum = lm_ipv4_checksum(ip);
	rig_send(b.r, WEB, frame, len);
	rig_run(b.r);
	CU_ASSERT_EQUAL(b.tap.frame[15], 0xb9);
	CU_ASSERT_EQUAL(lm_frame_parse(&f, b.tap.frame, b.tap.len), 0);
	CU_ASSERT_TRUE(lm_frame_ipv4_checksum_ok(&f));
	rig_end(b.r);
}

/* ---- keys ------------------------------------------------------------------- */

static void test_key_change(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	uint32_t old[2];

	for (unsigned round = 0; round < 20; round++) {
		for (unsigned g = 0; g < 2; g++)
			old[g] = r->gw[g].spi[0][0];
		/* Under way with the old keys while the new ones come. */
		struct rig_packet p = rig_query;
		uint8_t frame[RIG_FRAME_MAX];
		size_t len = rig_build(r, frame, &p);
		rig_send(r, WEB, frame, len);
		lm_dp_poll_once(r->gw[0].dp, 0);
		rig_keys(r, (uint8_t)(round + 2));
		rig_run(r);
		CU_ASSERT_EQUAL(rig_drain(r, 1), 1);
		CU_ASSERT_TRUE(rig_passes(r, &rig_query, NULL, NULL));
		for (unsigned g = 0; g < 2; g++) {
			CU_ASSERT_NOT_EQUAL(old[g], r->gw[g].spi[0][0]);
			lm_dp_sa_in_del(r->gw[g].dp, old[g]);
			/* Network 1's, which nobody uses here, would fill the table. */
		}
		CU_ASSERT_TRUE(rig_passes(r, &rig_query, NULL, NULL));
	}
	rig_end(r);
}

/* Control asks which keys carried something: those need others, and only those. */
static void test_used(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	const struct lm_dp *web = r->gw[0].dp, *db = r->gw[1].dp;
	uint32_t old = r->gw[1].spi[0][0];

	CU_ASSERT_FALSE(lm_dp_sa_out_used(web, 0, RIG_PEER));
	CU_ASSERT_FALSE(lm_dp_sa_in_used(db, old));
	CU_ASSERT_TRUE(rig_passes(r, &rig_query, NULL, NULL));
	CU_ASSERT_TRUE(lm_dp_sa_out_used(web, 0, RIG_PEER));
	CU_ASSERT_TRUE(lm_dp_sa_in_used(db, old));
	CU_ASSERT_FALSE(lm_dp_sa_out_used(db, 0, RIG_PEER)); /* the other direction */
	CU_ASSERT_FALSE(lm_dp_sa_in_used(web, r->gw[0].spi[0][0]));
	CU_ASSERT_FALSE(lm_dp_sa_out_used(web, 1, RIG_PEER)); /* the other network */
	CU_ASSERT_FALSE(lm_dp_sa_out_used(web, 0, RIG_PEER + 1));
	CU_ASSERT_FALSE(lm_dp_sa_in_used(db, old + 1));

	rig_keys(r, 7);
	CU_ASSERT_FALSE(lm_dp_sa_out_used(web, 0, RIG_PEER));
	CU_ASSERT_FALSE(lm_dp_sa_in_used(db, r->gw[1].spi[0][0]));
	CU_ASSERT_TRUE(lm_dp_sa_in_used(db, old));
	CU_ASSERT_EQUAL(lm_dp_peer(web, RIG_PEER).tx_packets, 1);
	rig_end(r);
}

static void test_no_keys_no_path(void)
{
	struct rig *r = rig_create(&rig_one_worker);

	CU_ASSERT_EQUAL(lm_dp_sa_out_set(r->gw[0].dp, 0, RIG_PEER, 0, NULL, NULL), 0);
	CU_ASSERT_FALSE(rig_passes(r, &rig_query, NULL, NULL));
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_NO_LANE), 1);
	rig_keys(r, 9);
	CU_ASSERT_TRUE(rig_passes(r, &rig_query, NULL, NULL));
	CU_ASSERT_EQUAL(lm_dp_peer_path(r->gw[0].dp, RIG_PEER, NULL), 0);
	CU_ASSERT_FALSE(rig_passes(r, &rig_query, NULL, NULL));
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_NO_PATH), 1);
	rig_end(r);
}

static void test_sequence_ends(void)
{
	struct rig *r = rig_create(&rig_one_worker);

	CU_ASSERT_EQUAL(lm_dp_set_sequence(r->gw[0].dp, 0, RIG_PEER, 0, UINT64_MAX), 0);
	/* The last number is sent; the receiver, who stands at 0, cannot place it. */
	CU_ASSERT_FALSE(rig_passes(r, &rig_query, NULL, NULL));
	CU_ASSERT_EQUAL(r->wired, 1);
	CU_ASSERT_FALSE(rig_passes(r, &rig_query, NULL, NULL));
	CU_ASSERT_EQUAL(r->wired, 1);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_SEQUENCE_EXHAUSTED), 1);
	rig_end(r);
}

static void test_bounds(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	static const uint8_t keymat[36];
	const uint32_t low[1] = {255};
	uint32_t spi;
	unsigned n = 0;

	/* Many come and go; those in use keep their places, and no SPI comes back at once. */
	for (unsigned i = 0; i < 1000; i++) {
		uint32_t before = i > 0 ? spi : 0;

		CU_ASSERT_EQUAL_FATAL(
		    lm_dp_sa_in_add(r->gw[0].dp, 0, RIG_PEER, 0, 1, keymat, &spi), 0);
		CU_ASSERT_NOT_EQUAL(spi, before);
		lm_dp_sa_in_del(r->gw[0].dp, spi);
	}
	CU_ASSERT_TRUE(rig_passes(r, &rig_query, NULL, NULL));
	struct rig_packet reply = rig_reply(&rig_query);
	CU_ASSERT_TRUE(rig_passes(r, &reply, NULL, NULL));
	while (lm_dp_sa_in_add(r->gw[0].dp, 0, RIG_PEER, 0, 1, keymat, &spi) == 0) {
		CU_ASSERT_TRUE(spi > 255);
		n++;
	}
	CU_ASSERT_EQUAL(n, 62); /* max_sas less those of the rig */
	CU_ASSERT_EQUAL(lm_dp_sa_in_add(r->gw[0].dp, 0, RIG_PEER, 0, 1, keymat, &spi), -ENOSPC);
	CU_ASSERT_EQUAL(lm_dp_sa_in_add(r->gw[0].dp, 0, RIG_PEER, 0, 3, keymat, &spi), -EINVAL);
	CU_ASSERT_EQUAL(lm_dp_sa_in_add(r->gw[0].dp, 0, RIG_PEER, 1, 1, keymat, &spi), -EINVAL);
	CU_ASSERT_EQUAL(lm_dp_sa_in_add(r->gw[0].dp, 4, RIG_PEER, 0, 1, keymat, &spi), -EINVAL);
	CU_ASSERT_EQUAL(lm_dp_sa_in_add(r->gw[0].dp, 0, 8, 0, 1, keymat, &spi), -EINVAL);
	CU_ASSERT_EQUAL(lm_dp_sa_out_set(r->gw[0].dp, 0, RIG_PEER, 1, low, &keymat), -EINVAL);
	rig_end(r);
}

/* ---- workers ---------------------------------------------------------------- */

#define FLOWS 64

/* Many flows both ways; order within each, all arrive, and both directions meet on one worker. */
static void check_lanes(struct rig_options o)
{
	struct rig *r = rig_create(&o);
	uint32_t next[FLOWS] = {0};
	uint8_t frame[RIG_FRAME_MAX];
	struct lm_frame f;
	size_t len;

	for (unsigned round = 0; round < 8; round++) {
		bool back = round & 1;

		for (unsigned i = 0; i < FLOWS * 4; i++) {
			struct rig_packet p = rig_query;
			uint16_t flow = (uint16_t)(5000 + i % FLOWS);

			p.ipv6 = i % 2;
			p.from = back ? DB : WEB;
			p.to = back ? WEB : DB;
			p.src_port = back ? 53 : flow;
			p.dst_port = back ? flow : 53;
			p.tag = round * 1000 + i / FLOWS;
			rig_send(r, p.from, frame, rig_build(r, frame, &p));
		}
		rig_run(r);
		memset(next, 0, sizeof next);
		unsigned n = 0;
		for (; (len = rig_take(r, !back, frame)) > 0; n++) {
			CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&f, frame, len), 0);
			const uint8_t *port = f.l4 + (back ? 2 : 0);
			unsigned flow = (unsigned)(port[0] << 8 | port[1]) - 5000;
			uint32_t tag;

			memcpy(&tag, f.l4 + 8, 4);
			CU_ASSERT_TRUE_FATAL(flow < FLOWS);
			CU_ASSERT_EQUAL(tag, round * 1000 + next[flow]);
			next[flow]++;
		}
		CU_ASSERT_EQUAL(n, FLOWS * 4);
	}
	for (unsigned g = 0; g < 2; g++)
		for (unsigned w = 0; w < r->gw[g].n_workers; w++) {
			struct lm_counters c;

			/* Each worker has its share of the flows. */
			lm_dp_counters(r->gw[g].dp, (int)w, &c);
			CU_ASSERT_TRUE(c.flow_hits > 0);
			if (r->gw[g].n_workers > 1 && o.queues[g] == 1)
				CU_ASSERT_TRUE(c.handed_in + c.handed_out > 0);
		}
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[0].dp), FLOWS);
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[1].dp), FLOWS);
	rig_end(r);
}

static void test_lanes(void)
{
	static const unsigned cases[][4] = {/* workers, workers, queues, queues */
	    {1, 1, 0, 0}, {2, 1, 0, 0}, {1, 2, 0, 0}, {2, 2, 0, 0}, {2, 2, 1, 1}, {3, 2, 0, 1},
	    {4, 3, 2, 1}, {1, 4, 1, 4}};

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		check_lanes((struct rig_options){
		    .workers = {cases[i][0], cases[i][1]}, .queues = {cases[i][2], cases[i][3]}});
		check_lanes((struct rig_options){.workers = {cases[i][0], cases[i][1]},
		    .queues = {cases[i][2], cases[i][3]},
		    .one_source_port = true});
	}
}

LM_SUITE("tunnel", {"wire format", test_wire_format}, {"replay", test_replay},
    {"tampering", test_tampering}, {"truncation", test_truncation}, {"outer headers", test_outer},
    {"outer tag", test_outer_tag}, {"no address", test_no_address}, {"padding", test_padding},
    {"inner source", test_inner_source}, {"inner checksum", test_inner_checksum},
    {"extended sequence", test_extended_sequence}, {"congestion", test_congestion},
    {"key change", test_key_change}, {"used", test_used},
    {"no keys, no path", test_no_keys_no_path}, {"sequence ends", test_sequence_ends},
    {"bounds", test_bounds}, {"lanes", test_lanes})
