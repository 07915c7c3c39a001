/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of chains in membership share. */
#ifndef LM_TESTS_MEMBERSHIP_SIM_CHAIN_H
#define LM_TESTS_MEMBERSHIP_SIM_CHAIN_H

#include "membership_sim.h"

/* One endpoint at each provider of its own address, and eight that are anywhere. */
struct sim_doc chain_sign(struct sim *s, unsigned serial, unsigned providers);
/* Or the test fails. */
void chain_submit(struct sim *s, unsigned gateway, const struct sim_doc *d);
/* False: this gateway has no chain of that network. */
bool chain_info(
    const struct sim *s, unsigned gateway, const struct sim_doc *d, struct lm_chain_info *info);
bool chain_there(const struct sim *s, unsigned gateway, const struct sim_doc *d);
uint64_t chain_height(const struct sim *s, unsigned gateway, const struct sim_doc *d);
unsigned chain_members(const struct sim *s, unsigned gateway, const struct sim_doc *d);
/* Those in the mask have one chain, and know that they have missed nothing. */
bool chain_alike(const struct sim *s, unsigned mask, const struct sim_doc *d);
/* The members are those in the mask, as this gateway knows. */
bool chain_seats_are(const struct sim *s, unsigned gateway, unsigned mask, const struct sim_doc *d);
/* Of the first n, who comes first in the order of keys: it does what one member is to do. */
unsigned chain_lowest(const struct sim *s, unsigned n);
/* How many facts of this kind are stored. */
unsigned chain_facts(const struct sim *s, unsigned gateway, uint8_t kind);
/* These replicas of "app" are attached here, beside the gateway's own endpoint. */
void chain_attach(
    struct sim *s, unsigned gateway, const struct sim_doc *d, unsigned from, unsigned to);
/* As if this gateway's own code wanted it. */
void chain_propose(
    struct sim *s, unsigned gateway, const struct sim_doc *d, struct lm_chain_command c);
/* The operator drops the network, whose owner is accepted again afterwards. */
int chain_drop(struct sim *s, unsigned gateway, const struct sim_doc *d);
/* n gateways, and a document with serial 1 for all of them, in force everywhere. */
struct sim *chain_world(unsigned n, struct sim_doc *d);
/* As sim_end; b may be NULL. */
void chain_end(struct sim *s, struct sim_doc *a, struct sim_doc *b);

#endif
