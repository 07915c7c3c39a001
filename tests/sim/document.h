/* SPDX-License-Identifier: Apache-2.0 */
/* What tenants sign: manifests for the gateways of a world, made on demand. */
#ifndef LM_TESTS_SIM_DOCUMENT_H
#define LM_TESTS_SIM_DOCUMENT_H

#include "manifest/manifest.h"

struct sim;

/* Where an endpoint is to be: a gateway, which is one of the providers, or */
#define SIM_GIVEN 0x10000u /* | gateway: there, with an address that gateways choose */
#define SIM_ANYWHERE 0x20000u /* wherever it is attached, likewise */
#define SIM_ANYWHERE_AT 0x40000u /* wherever it is attached, with an address of the manifest's */

/* One member: replica i is at at[i]. */
struct sim_member {
	const char *name;
	uint64_t deployment;
	const unsigned *at;
	unsigned n;
};

struct sim_plan {
	unsigned owner; /* of the world's */
	const char *network;
	uint64_t serial;
	const unsigned *providers; /* indices of gateways; the document calls gateway 7 "gw7" */
	unsigned n_providers;
	const struct sim_member *members;
	unsigned n_members;
	/*
	 * Without members: one, "app", of so many replicas at each provider (0: one); its replica i
	 * is at providers[i % n_providers].
	 */
	unsigned replicas;
	const char *pool; /* lines below `prefixes`, NULL: none */
	const char *extra; /* whole lines of the document, NULL: none */
};

struct sim_document {
	uint8_t *bytes; /* signed */
	size_t len;
	uint8_t hash[32];
	struct lm_net_id net;
	uint64_t serial;
	unsigned owner;
};

/* To be freed with sim_document_free. Endpoints have addresses in 100.64.0.0/16, in their order. */
struct sim_document sim_sign(const struct sim *s, const struct sim_plan *plan);
void sim_document_free(struct sim_document *d);

#endif
