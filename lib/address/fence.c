/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long ago a majority of the members was heard. Whoever has been cut off for long may have lost
 * its address blocks and endpoints to others, so it serves none of them. The time is on disk, as a
 * crash must not make it shorter: in UTC, for lack of another clock that goes on meanwhile.
 */
#include "address/internal.h"

#define LM_LOG_MODULE "address"
#include "base/log.h"

#define FENCE_NS (LM_ADDRESS_FENCE * SECOND)
#define STORE_EVERY 3600 /* s */
#define CLOCK_BACK 600 /* s; a clock that was set back by more tells us nothing */
#define ASK_BASE (5 * SECOND)
#define GAP (60 * SECOND)
#define ASK_MAX (600 * SECOND)

static void store(struct network *net)
{
	const uint8_t key = STORE_CONTACT;
	uint8_t value[9];
	struct lm_writer w = lm_writer(value, sizeof(value));
	uint64_t utc = net->contact_wall / SECOND;

	if (net->stored_contact && utc >= net->stored_contact &&
	    utc - net->stored_contact < STORE_EVERY)
		return;
	lm_write_u8(&w, STORE_FORMAT);
	lm_write_u64(&w, utc);
	if (lm_address_store(net, &key, sizeof(key), value, lm_writer_len(&w)) == 0)
		net->stored_contact = utc;
}

void lm_address_contact(struct network *net)
{
	net->hurry = !net->current || now_mono(net) - net->contact >= GAP;
	net->current = net->contacted = true;
	net->contact = now_mono(net);
	net->contact_wall = net->address->now.wall;
	net->contact_left = FENCE_NS;
	net->asked = (struct pace){0};
	store(net);
}

int lm_address_contact_restore(struct network *net, struct lm_reader *r)
{
	uint64_t utc = lm_read_u64(r), now = now_utc(net);

	if (r->failed || lm_reader_left(r) || utc == 0 || utc > UINT64_MAX / SECOND)
		return -EBADMSG;
	net->stored_contact = utc;
	if (utc > now + CLOCK_BACK)
		return 0;
	uint64_t age = now > utc ? (now - utc) * SECOND : 0;
	net->contacted = true;
	net->contact = now_mono(net);
	net->contact_wall = net->address->now.wall;
	net->contact_left = age < FENCE_NS ? FENCE_NS - age : 0;
	return 0;
}

/*
 * Could the others have decided without us? What we have accepted may be decided, so it might have
 * made them more than we know of.
 */
static bool is_needed(const struct network *net)
{
	return net->info.member && net->info.n_members <= 2 && !net->info.undecided;
}

/* The longer of what both clocks say: one stands still while the machine sleeps. */
static uint64_t age(const struct network *net)
{
	uint64_t wall = net->address->now.wall;

	return lm_max_u64(
	    now_mono(net) - net->contact, wall > net->contact_wall ? wall - net->contact_wall : 0);
}

static void ask(struct network *net)
{
	struct lm_address *a = net->address;

	if (now_mono(net) >= net->asked.at) {
		uint64_t wait = ASK_BASE << lm_min_u64(net->asked.tries++, 20);
		net->asked.at = now_mono(net) + lm_min_u64(wait, ASK_MAX);
		if (a->ops.ask)
			a->ops.ask(a->ctx, &net->id);
	}
	wake_at(net, net->asked.at);
}

void lm_address_fence(struct network *net)
{
	bool was = net->fenced;

	net->fenced = !is_needed(net) && (!net->contacted || age(net) >= net->contact_left);
	if (net->fenced && !was && net->contacted && net->n_attached)
		lm_warn_limited("network %s: no majority of the chain's members was heard for "
				"%u days: what is attached here is not served",
		    net->man->network, LM_ADDRESS_FENCE / 86400);
	if (!net->n_attached)
		return;
	if (net->fenced)
		ask(net);
	else if (!is_needed(net))
		wake_at(net, now_mono(net) + (net->contact_left - age(net)));
}

bool lm_address_ready(const struct network *net)
{
	return net->current || now_mono(net) - net->started >= LM_ADDRESS_GRACE * SECOND;
}
