/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests for the simulated gateways, and what became of them. */
#include "membership_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"

#define PREFIXES "  ipv4: 100.64.10.0/24\n"

static void print_head(FILE *f, const char *network, unsigned serial, unsigned providers,
    const char *extra, const char *prefixes)
{
	char hex[65];

	fprintf(f, "leasemesh: 1\nnetwork: %s\nserial: %u\n%sprefixes:\n%sproviders:\n", network,
	    serial, extra ? extra : "", prefixes);
	for (unsigned i = 0; i < SIM_GATEWAYS; i++) {
		struct lm_identity id;
		uint8_t seed[32];
		memset(seed, (int)i + 1, sizeof(seed));
		lm_identity_from_seed(&id, seed);
		if (providers & (1u << i))
			fprintf(f, "  - {name: gw%u, key: %s, addresses: [\"10.0.0.%u:4500\"]}\n",
			    i, lm_hex(hex, id.pub.b, 32), i + 1);
	}
}

static struct sim_doc sign(struct sim *s, const char *yaml, size_t yaml_len)
{
	struct sim_doc d = {0};
	struct lm_why why = {""};
	struct lm_signed_manifest *sm;
	int err = lm_manifest_sign(&d.bytes, &d.len, "sim.yaml", yaml, yaml_len, &s->owner, &why);

	if (!err)
		err = lm_manifest_open(&sm, "sim", d.bytes, d.len, &why);
	if (err) {
		fprintf(stderr, "the simulator's document is wrong: %s\n", why.text);
		abort();
	}
	memcpy(d.hash, sm->hash, 32);
	d.net = sm->net_id;
	lm_signed_manifest_free(sm);
	return d;
}

struct sim_doc sim_sign(
    struct sim *s, const char *network, unsigned serial, unsigned providers, const char *extra)
{
	char *yaml = NULL;
	size_t yaml_len = 0;
	FILE *f = open_memstream(&yaml, &yaml_len);

	print_head(f, network, serial, providers, extra, PREFIXES);
	fprintf(f, "members:\n  - name: web\n    deployment: 1\n    endpoints:\n");
	for (unsigned i = 0; i < SIM_GATEWAYS; i++)
		if (providers & (1u << i))
			fprintf(f, "      - {provider: gw%u, ipv4: 100.64.10.%u}\n", i, 10 + i);
	fclose(f);
	struct sim_doc d = sign(s, yaml, yaml_len);
	free(yaml);
	return d;
}

struct sim_doc sim_sign_members(struct sim *s, const char *network, unsigned serial,
    unsigned providers, const char *prefixes, const char *members)
{
	char *yaml = NULL;
	size_t yaml_len = 0;
	FILE *f = open_memstream(&yaml, &yaml_len);

	print_head(f, network, serial, providers, NULL, prefixes ? prefixes : PREFIXES);
	fprintf(f, "members:\n%s", members);
	fclose(f);
	struct sim_doc d = sign(s, yaml, yaml_len);
	free(yaml);
	return d;
}

struct sim_doc sim_sign_at(
    struct sim *s, const char *network, unsigned serial, unsigned providers, unsigned db)
{
	char *yaml = NULL;
	size_t yaml_len = 0;
	FILE *f = open_memstream(&yaml, &yaml_len);

	print_head(f, network, serial, providers, NULL, PREFIXES);
	fprintf(f,
	    "members:\n"
	    "  - name: web\n    deployment: 1\n"
	    "    endpoints: [{provider: gw0, ipv4: 100.64.10.10}]\n"
	    "  - name: db\n    deployment: %u\n"
	    "    endpoints: [{provider: gw%u, ipv4: 100.64.10.20}]\n",
	    100 + db, db);
	fclose(f);
	struct sim_doc d = sign(s, yaml, yaml_len);
	free(yaml);
	return d;
}

bool sim_serves(const struct sim *s, unsigned from, unsigned at, const struct sim_doc *d)
{
	const struct sim_node *n = s->node[from];
	const struct lm_network *net = lm_membership_find(n->m, &d->net);
	int db = net ? lm_manifest_endpoint(net->manifest, "db", 0) : -1;
	uint32_t slot = db < 0 ? LM_NO_ROUTE : lm_membership_route(n->m, net, (unsigned)db);

	return slot != LM_NO_ROUTE && n->peer_node[slot] == (int)at;
}

struct sim_doc sim_sign_again(struct sim *s, const char *network, unsigned serial,
    unsigned providers, const struct sim_doc *d, bool wins)
{
	for (unsigned year = 2040;; year++) {
		char extra[40];
		snprintf(extra, sizeof(extra), "expires: %u-01-01T00:00:00Z\n", year);
		struct sim_doc other = sim_sign(s, network, serial, providers, extra);
		if ((memcmp(other.hash, d->hash, 32) < 0) == wins)
			return other;
		sim_doc_free(&other);
	}
}

void sim_doc_free(struct sim_doc *d)
{
	free(d->bytes);
	*d = (struct sim_doc){0};
}

int sim_submit(struct sim *s, unsigned gateway, const struct sim_doc *d, struct lm_why *why)
{
	struct sim_node *n = s->node[gateway];
	struct lm_why ignored = {""};

	int err = lm_membership_submit(n->m, &s->now, d->bytes, d->len, why ? why : &ignored);
	sim_tick(n);
	sim_check(s);
	s->event++;
	return err;
}

uint64_t sim_serial(const struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	const struct sim_node *n = s->node[gateway];
	const struct lm_network *net = n->m ? lm_membership_find(n->m, &d->net) : NULL;

	return net ? net->manifest->serial : 0;
}

int sim_slot(const struct sim_node *n, unsigned peer)
{
	for (int i = 0; i < SIM_NODES; i++)
		if (n->peer_node[i] == (int)peer)
			return i;
	return -1;
}

const struct sim_out *sim_out(const struct sim *s, unsigned a, unsigned b, const struct sim_doc *d)
{
	const struct sim_node *n = s->node[a];
	const struct lm_network *net = n->m ? lm_membership_find(n->m, &d->net) : NULL;
	int slot = sim_slot(n, b);

	return net && slot >= 0 && n->out[net->index][slot].n ? &n->out[net->index][slot] : NULL;
}

static bool ready_one_way(const struct sim *s, const struct sim_node *a, const struct sim_node *b,
    const struct sim_doc *d)
{
	const struct lm_network *net = a->m ? lm_membership_find(a->m, &d->net) : NULL;
	const struct sim_out *out = sim_out(s, a->index, b->index, d);
	int slot = sim_slot(a, b->index);
	uint8_t lanes = a->lanes > b->lanes ? a->lanes : b->lanes;
	struct lm_lanes_info info;

	if (!net || !out || slot < 0 || !a->path_there[slot])
		return false;
	lm_membership_lanes(a->m, net->index, (uint32_t)slot, &info);
	return info.acked && info.n_in == lanes && info.n_out == lanes && out->n == lanes;
}

bool sim_lanes_ready(const struct sim *s, unsigned a, unsigned b, const struct sim_doc *d)
{
	return ready_one_way(s, s->node[a], s->node[b], d) &&
	       ready_one_way(s, s->node[b], s->node[a], d);
}

bool sim_all_ready(const struct sim *s, unsigned mask, const struct sim_doc *d)
{
	for (unsigned a = 0; a < s->n; a++)
		for (unsigned b = a + 1; b < s->n; b++)
			if ((mask >> a & 1) && (mask >> b & 1) && !sim_lanes_ready(s, a, b, d))
				return false;
	return true;
}

bool sim_routed(const struct sim *s, unsigned a, unsigned b, const struct sim_doc *d)
{
	const struct sim_node *n = s->node[a];
	const struct lm_network *net = n->m ? lm_membership_find(n->m, &d->net) : NULL;

	for (unsigned i = 0; net && i < net->manifest->n_endpoints; i++) {
		const struct lm_endpoint *e = &net->endpoints[i];
		uint32_t slot = lm_membership_route(n->m, net, i);
		if (e->provider == LM_ANY_PROVIDER)
			continue;
		if (memcmp(&net->manifest->providers[e->provider].key, &s->node[b]->id.pub,
			LM_PUBLIC_KEY_LEN) == 0)
			return slot != LM_NO_ROUTE && n->peer_node[slot] == (int)b;
	}
	return false;
}

uint64_t sim_drops(const struct sim *s, unsigned gateway, enum lm_membership_drop reason)
{
	return lm_membership_drops(s->node[gateway]->m)[reason];
}
