/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints whose address or provider the gateways decide, in a network whose manifest
 * leaves any to them.
 *
 *   places.c    lib/address in here: what it decides, and what it is told
 *   resolved.c  what is known of them now, and who has which address
 *   holder.c    asking another gateway whether it serves one of them
 */
#ifndef LM_MEMBERSHIP_PLACES_H
#define LM_MEMBERSHIP_PLACES_H

#include "membership/internal.h"

/* What others say in the ledger that they serve, of endpoints that the gateways decide. */
struct claims {
	struct lm_address_claim *at;
	unsigned n, room;
	bool failed; /* no memory for all of them */
};

/* An address of an endpoint. */
struct owned_ip {
	struct lm_ip ip;
	uint32_t endpoint;
	uint64_t rank; /* of two with this address the one with the higher rank has it */
};

/* Of a network with such endpoints, for the manifest in force. */
struct places {
	struct lm_endpoint *endpoints; /* the network's, for all to see */
	struct lm_address_place *at; /* by endpoint: what they are made of */
	struct owned_ip *ips; /* sorted */
	unsigned n_ips;
	struct claims claims; /* at the last look */
	bool unheard; /* which lm_address has not been told of */
	uint64_t greet_wait;
};

/* places.c */
int lm_places_open(struct lm_membership *m);
void lm_places_close(struct lm_membership *m);
/* Room for a manifest's endpoints; *out is NULL if it decides all of them itself. -ENOMEM. */
int lm_places_make(struct places **out, const struct lm_manifest *man);
void lm_places_drop(struct places *places);
/* For the manifest that has just come into force; takes places over. */
void lm_places_put(struct network *net, struct places *places);
/* net->attached has changed. */
void lm_places_attached(struct lm_membership *m, struct network *net);
/* In each look: what others claim. Takes claims over. As lm_places_resolve, which it calls. */
bool lm_places_heard(struct lm_membership *m, struct network *net, struct claims *claims);
/* What could not be done earlier, if it is due; and when else. */
void lm_places_retry(struct lm_membership *m, struct network *net);
uint64_t lm_places_next(const struct network *net);
/* Ticks lm_address; true: once more in this call, as something has changed. */
bool lm_places_visit(struct lm_membership *m);

/* resolved.c */
static inline bool lm_place_decided(const struct network *net, unsigned endpoint)
{
	return net->places && lm_endpoint_decided(&net->pub.manifest->endpoints[endpoint]);
}
/*
 * Brings endpoints, what we serve and who has which address up to date. True: something is not as
 * it was.
 */
bool lm_places_resolve(struct lm_membership *m, struct network *net);
/* After a change of places->at: addresses, and who has which. */
void lm_places_sort(struct network *net);
/* The value of our record of an endpoint that we serve. */
#define LM_ENDPOINT_VALUE_MAX (1 + 4 + 8)
size_t lm_place_write(
    uint8_t out[LM_ENDPOINT_VALUE_MAX], const struct network *net, unsigned endpoint);
/* Another one's; false: it is none that we understand. */
bool lm_place_read(struct lm_address_claim *out, const struct lm_ledger_record *record);
void lm_claims_add(struct claims *claims, const struct lm_address_claim *claim);
void lm_claims_free(struct claims *claims);

/* holder.c */
#define LM_HOLDER_DEAD_AFTER 10 /* s; who has not answered for so long serves nothing */
/* Does this gateway serve the endpoint? If that is not known, it is asked. who: wants to know. */
enum lm_holder lm_holder_of(struct lm_membership *m, struct network *net,
    const struct lm_public_key *gateway, unsigned endpoint, const struct lm_public_key *who);
bool lm_holder_ask_follow(struct lm_membership *m, struct party *from, struct lm_reader *r);
bool lm_holder_follow(struct lm_membership *m, struct party *from, struct lm_reader *r);
/* Its session is up: who was silent may answer now. */
void lm_holder_up(struct lm_membership *m, const struct remote *r);
void lm_holders_free(struct lm_membership *m);

/*
 * places.c: called by facts.c, never from inside of the chain but for lm_places_consent, which
 * changes nothing. A manifest came into force (lm_facts_set has been called), or the chain came to
 * be after it did.
 */
void lm_places_set(struct lm_membership *m, struct network *net);
void lm_places_end(struct lm_membership *m, struct network *net);
void lm_places_grown(struct lm_membership *m, struct network *net);
void lm_places_done(struct lm_membership *m, struct network *net, uint64_t tag,
    enum lm_chain_verdict verdict, uint32_t block);
/* As lm_address_current; again from time to time, while it is so. */
void lm_places_current(struct lm_membership *m, struct network *net);
/* Of the kinds that lib/address judges. */
bool lm_places_consent(
    struct lm_membership *m, const struct network *net, const struct lm_chain_command *command);

#endif
