/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest for people. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/bytes.h"
#include "manifest.h"
#include "rule.h"

static void show_hex(const char *label, const void *data, size_t len)
{
	char text[2 * 32 + 1];
	printf("%-11s %s\n", label, lm_hex(text, data, len));
}

char *manifest_expiry_text(char out[MANIFEST_EXPIRY_TEXT], const struct lm_manifest *m)
{
	struct tm tm;
	char text[40];
	time_t t = (time_t)m->expires;
	if (m->expires == 0)
		return strcpy(out, "never");
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	snprintf(out, MANIFEST_EXPIRY_TEXT, "%s, then %s", text,
	    m->on_expiry == LM_EXPIRY_CLOSE ? "closed" : "kept as it is");
	return out;
}

static void show_expiry(const struct lm_manifest *m)
{
	char text[MANIFEST_EXPIRY_TEXT];
	printf("%-11s %s\n", "expires", manifest_expiry_text(text, m));
}

static void show_prefix(const struct lm_manifest *m, const struct lm_prefix *p)
{
	if (p->ip.family == 0)
		return;
	char prefix[LM_PREFIX_TEXT], gateway[LM_IP_TEXT];
	struct lm_ip ip = lm_manifest_gateway_ip(m, p->ip.family);
	printf("%-11s %s, gateway %s\n", p->ip.family == 4 ? "ipv4" : "ipv6",
	    lm_prefix_text(prefix, p), lm_ip_text(gateway, &ip));
}

char *manifest_pool_text(char out[MANIFEST_POOL_TEXT], const struct lm_manifest *m)
{
	char prefix[LM_PREFIX_TEXT];
	struct lm_prefix pool = lm_manifest_pool(m, m->ipv4.ip.family ? 4 : 6);
	uint32_t blocks = m->pool.n / m->pool.block_size;
	if (!lm_manifest_decided(m))
		return strcpy(out, "none");
	snprintf(out, MANIFEST_POOL_TEXT, "%s, %u block%s of %u", lm_prefix_text(prefix, &pool),
	    blocks, blocks == 1 ? "" : "s", m->pool.block_size);
	return out;
}

static void show_pool(const struct lm_manifest *m)
{
	char text[MANIFEST_POOL_TEXT];
	if (lm_manifest_decided(m))
		printf("%-11s %s\n", "pool", manifest_pool_text(text, m));
}

static void show_default(const struct lm_manifest *m)
{
	if (m->default_allow)
		printf("%-11s what no rule matches is allowed\n", "policy");
}

static void show_head(const struct manifest_file *f)
{
	const struct lm_manifest *m = manifest_of(f);
	printf("%-11s %s\n", "network", m->network);
	if (f->signed_file) {
		const struct lm_signed_manifest *sm = f->signed_file;
		struct lm_key_id owner = lm_key_id(&sm->owner);
		show_hex("network id", sm->net_id.b, sizeof(sm->net_id.b));
		show_hex("owner key", sm->owner.b, sizeof(sm->owner.b));
		show_hex("owner id", owner.b, sizeof(owner.b));
		show_hex("file hash", sm->hash, sizeof(sm->hash));
		printf("%-11s valid\n", "signature");
	} else {
		printf("%-11s none: the network id follows from the owner's key\n", "signature");
	}
	printf("%-11s %" PRIu64 "\n", "serial", m->serial);
	show_expiry(m);
	show_prefix(m, &m->ipv4);
	show_prefix(m, &m->ipv6);
	show_pool(m);
	show_default(m);
	if (m->n_probes)
		printf("%-11s %u of the rules\n", "tests", m->n_probes);
}

static void show_provider(const struct lm_provider *p)
{
	char key[2 * LM_PUBLIC_KEY_LEN + 1], id[LM_KEY_ID_TEXT], addr[LM_UDP_TEXT];
	printf("\nprovider %s\n", p->name);
	printf("  key       %s\n", lm_hex(key, p->key.b, sizeof(p->key.b)));
	printf("  id        %s\n", lm_hex(id, p->id.b, sizeof(p->id.b)));
	for (unsigned i = 0; i < p->n_addrs; i++)
		printf("  address   %s\n", lm_udp_addr_text(addr, &p->addrs[i]));
}

const char *manifest_provider_name(const struct lm_manifest *m, const struct lm_endpoint *e)
{
	return e->provider == LM_ANY_PROVIDER ? "any provider" : m->providers[e->provider].name;
}

char *manifest_place_text(
    char out[MANIFEST_PLACE_TEXT], const struct lm_manifest *m, const struct lm_endpoint *e)
{
	char v4[LM_IP_TEXT] = "", v6[LM_IP_TEXT] = "";
	if (e->ipv4.family)
		lm_ip_text(v4, &e->ipv4);
	if (e->ipv6.family)
		lm_ip_text(v6, &e->ipv6);
	snprintf(out, MANIFEST_PLACE_TEXT, "at %s%s%s%s%s%s", manifest_provider_name(m, e),
	    *v4 ? " " : "", v4, *v6 ? " " : "", v6,
	    lm_endpoint_given(e) ? ", address from the pool" : "");
	return out;
}

static void show_endpoint(const struct lm_manifest *m, const struct lm_endpoint *e)
{
	char text[MANIFEST_PLACE_TEXT];
	printf("  %s/%u %s\n", m->members[e->member].name, e->replica,
	    manifest_place_text(text, m, e));
}

static void show_comment(const char *comment)
{
	if (comment)
		printf("    # %s\n", comment);
}

static void show_rule(const struct lm_manifest *m, const struct lm_rule *r, bool ingress)
{
	printf("  ");
	rule_print(stdout, m, r, ingress);
	putchar('\n');
	show_comment(r->comment);
}

static void show_labels(const struct lm_manifest *m, const struct lm_member *member)
{
	for (unsigned i = 0; i < member->n_labels; i++)
		printf("%s%s", i ? ", " : "  labels ", m->labels[member->labels[i]]);
	if (member->n_labels)
		putchar('\n');
}

static void show_member(const struct lm_manifest *m, const struct lm_member *member)
{
	printf("\nmember %s, deployment %" PRIu64 "\n", member->name, member->deployment);
	show_labels(m, member);
	for (unsigned i = 0; i < member->n_endpoints; i++)
		show_endpoint(m, &m->endpoints[member->first_endpoint + i]);
	for (unsigned i = 0; i < member->n_ingress; i++)
		show_rule(m, &member->ingress[i], true);
	for (unsigned i = 0; i < member->n_egress; i++)
		show_rule(m, &member->egress[i], false);
}

static void show_routes(const struct lm_manifest *m)
{
	char text[LM_PREFIX_TEXT];
	if (m->n_routes)
		puts("\nroutes");
	for (unsigned i = 0; i < m->n_routes; i++) {
		const struct lm_route *r = &m->routes[i];
		printf("  %s via ", lm_prefix_text(text, &r->prefix));
		rule_print_vias(stdout, m, r);
		putchar('\n');
		show_comment(r->comment);
	}
}

void manifest_show(const struct manifest_file *f)
{
	const struct lm_manifest *m = manifest_of(f);
	show_head(f);
	for (unsigned i = 0; i < m->n_providers; i++)
		show_provider(&m->providers[i]);
	for (unsigned i = 0; i < m->n_members; i++)
		show_member(m, &m->members[i]);
	show_routes(m);
}
