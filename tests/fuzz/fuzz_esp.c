/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames on the underlay. If the first byte is even, the rest is sealed with the
 * right keys, as a bad peer would do it, with a right checksum except now and then; otherwise it is
 * the frame behind its Ethernet addresses.
 */
#include <string.h>
#include "dp_rig.h"
#include "fuzz.h"
#include "mend.h"

static struct rig *rig;
static uint64_t seq = 1;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t frame[RIG_FRAME_MAX], inner[RIG_FRAME_MAX];
	size_t len = 0;

	if (!rig)
		rig = rig_create(
		    &(struct rig_options){.workers = {1, 1}, .flows = 64, .guard = true});
	if (size < 1 || size > sizeof frame - 128)
		return 0;
	if (data[0] & 1) {
		memcpy(frame, rig->gw[1].under_mac.b, 6);
		memcpy(frame + 6, rig->gw[0].under_mac.b, 6);
		memcpy(frame + 12, data + 1, size - 1);
		len = size - 1 + 12;
	} else {
		memcpy(inner, data + 1, size - 1);
		if (!(data[0] & 0x40))
			mend_ipv4(inner, size - 1);
		len = rig_seal(rig, frame, seq++, inner, size - 1);
		if (len == 0)
			return 0;
	}
	rig_put(rig, 1, &rig->gw[1].under, frame, len, -1);
	rig_run(rig);
	MUST(rig_balanced(rig));
	return 0;
}
