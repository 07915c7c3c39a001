/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of workloads, through both gateways. The first byte says which host's
 * port and MAC, the rest is the frame behind its Ethernet addresses: with those
 * at random, hardly any would get further. Its checksums are made right, except now and then.
 */
#include <string.h>
#include "dp_rig.h"
#include "fuzz.h"
#include "mend.h"

static struct rig *rig;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t frame[RIG_FRAME_MAX];

	if (!rig)
		rig = rig_create(
		    &(struct rig_options){.workers = {1, 2}, .flows = 64, .guard = true});
	if (size < 1 || size - 1 > sizeof frame - 12)
		return 0;
	enum rig_host_id from = (enum rig_host_id)(data[0] % RIG_HOSTS);
	const struct rig_host *host = &rig_hosts[from];
	memcpy(frame,
	    data[0] & 0x80 ? "\xff\xff\xff\xff\xff\xff"
			   : (const char *)rig->gw[host->gw].access_mac.b,
	    6);
	memcpy(frame + 6, host->mac.b, 6);
	memcpy(frame + 12, data + 1, size - 1);
	if (!(data[0] & 0x40))
		mend(frame, size - 1 + 12);
	rig_send(rig, from, frame, size - 1 + 12);
	rig_run(rig);
	MUST(rig_balanced(rig));
	return 0;
}
