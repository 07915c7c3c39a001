/* SPDX-License-Identifier: Apache-2.0 */
#include "document.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "sim.h"

#define HOSTS 250 /* used of each 256 addresses, so that none is special */

static void print_providers(FILE *f, const struct sim *s, const struct sim_plan *plan)
{
	char hex[2 * LM_PUBLIC_KEY_LEN + 1], addr[LM_UDP_TEXT];

	fprintf(f, "providers:\n");
	for (unsigned i = 0; i < plan->n_providers; i++) {
		const struct sim_gateway *g = s->gateways[plan->providers[i]];
		fprintf(f, "  - {name: gw%u, key: %s, addresses: [\"%s\"]}\n", g->index,
		    lm_hex(hex, g->id.pub.b, LM_PUBLIC_KEY_LEN), lm_udp_addr_text(addr, &g->addr));
	}
}

static void print_endpoint(FILE *f, unsigned at, unsigned *n)
{
	char provider[32] = "", address[32] = "";

	if (!(at & (SIM_ANYWHERE | SIM_ANYWHERE_AT)))
		snprintf(provider, sizeof(provider), "provider: gw%u", at & ~SIM_GIVEN);
	if (!(at & (SIM_ANYWHERE | SIM_GIVEN)))
		snprintf(
		    address, sizeof(address), "ipv4: 100.64.%u.%u", 1 + *n / HOSTS, 2 + *n % HOSTS);
	fprintf(f, "      - {%s%s%s}\n", provider, *provider && *address ? ", " : "", address);
	++*n;
}

static void print_members(FILE *f, const struct sim_plan *plan)
{
	unsigned replicas = plan->replicas ? plan->replicas : 1, n = 0;

	fprintf(f, "members:\n");
	if (!plan->n_members)
		fprintf(f, "  - name: app\n    deployment: 1\n    endpoints:\n");
	for (unsigned i = 0; !plan->n_members && i < replicas * plan->n_providers; i++)
		print_endpoint(f, plan->providers[i % plan->n_providers], &n);
	for (unsigned i = 0; i < plan->n_members; i++) {
		const struct sim_member *m = &plan->members[i];
		fprintf(f, "  - name: %s\n    deployment: %llu\n    endpoints:\n", m->name,
		    (unsigned long long)m->deployment);
		for (unsigned k = 0; k < m->n; k++)
			print_endpoint(f, m->at[k], &n);
	}
}

struct sim_document sim_sign(const struct sim *s, const struct sim_plan *plan)
{
	struct sim_document d = {.serial = plan->serial, .owner = plan->owner};
	const struct lm_identity *owner = &s->owners[plan->owner];
	struct lm_why why = {""};
	char *yaml = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&yaml, &len);

	if (!f)
		abort();
	fprintf(f,
	    "leasemesh: 1\nnetwork: %s\nserial: %llu\n%sprefixes:\n  ipv4: 100.64.0.0/16\n%s",
	    plan->network, (unsigned long long)plan->serial, plan->extra ? plan->extra : "",
	    plan->pool ? plan->pool : "");
	print_providers(f, s, plan);
	print_members(f, plan);
	fclose(f);
	if (lm_manifest_sign(&d.bytes, &d.len, "sim.yaml", yaml, len, owner, &why) < 0) {
		fprintf(stderr, "the simulator's document is wrong: %s\n%s", why.text, yaml);
		abort();
	}
	free(yaml);
	crypto_generichash(d.hash, sizeof(d.hash), d.bytes, d.len, NULL, 0);
	d.net = lm_net_id(&owner->pub, plan->network);
	return d;
}

void sim_document_free(struct sim_document *d)
{
	free(d->bytes);
	*d = (struct sim_document){0};
}
