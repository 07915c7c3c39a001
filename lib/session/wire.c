/* SPDX-License-Identifier: Apache-2.0 */
#include "session/wire.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

#define HELLO_FLAG_SIGN 0x01

void lm_wire_header(uint8_t *out, enum lm_wire_type type)
{
	memset(out, 0, LM_WIRE_HEADER);
	out[4] = (uint8_t)type;
	out[5] = LM_WIRE_VERSION;
}

int lm_wire_type(const uint8_t *data)
{
	static const uint8_t zero[4];
	if (memcmp(data, zero, 4) != 0 || data[5] != LM_WIRE_VERSION || data[6] || data[7])
		return -EPROTO;
	return data[4];
}

uint32_t lm_wire_index(const uint8_t *at)
{
	struct lm_reader r = lm_reader(at, 4);
	return lm_read_u32(&r);
}

void lm_wire_put_index(uint8_t *at, uint32_t index)
{
	struct lm_writer w = lm_writer(at, 4);
	lm_write_u32(&w, index);
}

void lm_hello1_write(uint8_t out[LM_HELLO1_LEN], const struct lm_hello *h)
{
	struct lm_writer tail = lm_writer(out + 4, LM_HELLO1_LEN - 4);
	memset(out, 0, LM_HELLO1_LEN);
	out[0] = h->version;
	out[1] = h->lanes;
	out[2] = h->sign ? HELLO_FLAG_SIGN : 0;
	lm_write_u32(&tail, h->incarnation);
	lm_write_u64(&tail, h->timestamp);
}

void lm_hello2_write(uint8_t out[LM_HELLO2_LEN], const struct lm_hello *h)
{
	struct lm_writer tail = lm_writer(out + 4, LM_HELLO2_LEN - 4);
	memset(out, 0, LM_HELLO2_LEN);
	out[0] = h->version;
	out[1] = h->lanes;
	lm_write_u32(&tail, h->incarnation);
}

static int hello_check(const struct lm_hello *h)
{
	bool power_of_two = h->lanes && !(h->lanes & (h->lanes - 1));
	return h->version >= LM_WIRE_VERSION && power_of_two ? 0 : -EPROTO;
}

/* Bytes that this version does not know are ignored: a later one may say more there. */
int lm_hello1_read(struct lm_hello *h, const uint8_t in[LM_HELLO1_LEN])
{
	struct lm_reader r = lm_reader(in, LM_HELLO1_LEN);
	h->version = lm_read_u8(&r);
	h->lanes = lm_read_u8(&r);
	h->sign = lm_read_u8(&r) & HELLO_FLAG_SIGN;
	lm_read_ref(&r, 1);
	h->incarnation = lm_read_u32(&r);
	h->timestamp = lm_read_u64(&r);
	return h->timestamp ? hello_check(h) : -EPROTO;
}

int lm_hello2_read(struct lm_hello *h, const uint8_t in[LM_HELLO2_LEN])
{
	struct lm_reader r = lm_reader(in, LM_HELLO2_LEN);
	*h = (struct lm_hello){.version = lm_read_u8(&r)};
	h->lanes = lm_read_u8(&r);
	lm_read_ref(&r, 2);
	h->incarnation = lm_read_u32(&r);
	return hello_check(h);
}
