/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attachments: the local fact "this workload port is endpoint db/0 of network N
 * under lease L", and whether the manifest in force agrees. Any thread.
 */
#ifndef LM_MEMBERSHIP_ATTACHMENT_H
#define LM_MEMBERSHIP_ATTACHMENT_H

#include <stdbool.h>
#include "base/addr.h"
#include "base/id.h"
#include "dataplane/rates.h"
#include "manifest/manifest.h"

#define LM_ATTACHMENT_NAME_MAX 127

struct lm_attachment {
	char name[LM_ATTACHMENT_NAME_MAX + 1]; /* the file's name without its suffix */
	struct lm_lease lease;
	char network[LM_NAME_MAX + 1]; /* the name; the owner is the lease's */
	char member[LM_NAME_MAX + 1];
	unsigned replica;
	char port[32]; /* name of an access port in gateway.conf */
	uint16_t vlan; /* 1..4094; 0: untagged */
	bool has_mac; /* false: port and VLAN are this workload's alone, its MAC is learned */
	struct lm_mac mac;
	struct lm_rates rates; /* what the lease may send and receive */
	uint8_t rates_given; /* which of them it has, 1 << enum lm_rate; others: the gateway's */
};

/*
 * Does the manifest give this endpoint to this lease at this provider? Returns the index of the
 * endpoint, or -EACCES (the lease's owner, provider or deployment differs) or -ENOENT (no such
 * member or replica, or it is another provider's), with the reason.
 */
int lm_attachment_check(const struct lm_attachment *a, const struct lm_signed_manifest *sm,
    const struct lm_key_id *self, struct lm_why *why);

#endif
