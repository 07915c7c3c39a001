/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files: attachments are written by other software. The same bytes
 * are taken for both kinds of file; what is accepted must be what the headers
 * promise, and what is refused must say why and leave the result alone.
 */
#include <string.h>
#include "config/config.h"
#include "fuzz.h"

const char *__lsan_default_suppressions(void);

/* libconfig drops the texts of what it was parsing when it meets an error. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig\n";
}

static void check_gateway(const struct lm_gateway_config *c)
{
	unsigned underlay = 0;

	MUST(c->n_ports >= 1 && c->n_ports <= LM_PORTS_MAX);
	for (unsigned i = 0; i < c->n_ports; i++) {
		MUST(memchr(c->ports[i].name, 0, sizeof(c->ports[i].name)));
		MUST(memchr(c->ports[i].device, 0, sizeof(c->ports[i].device)));
		underlay += c->ports[i].role == LM_PORT_UNDERLAY;
	}
	MUST(underlay == 1);
	MUST(c->n_workers >= 1 && c->n_workers <= LM_WORKERS_MAX);
	MUST(c->n_addrs >= 1 && c->n_addrs <= sizeof(c->addrs) / sizeof(c->addrs[0]));
	MUST(c->flows && (c->flows & (c->flows - 1)) == 0);
	MUST(c->identity[0] && c->state_dir[0] && c->attachments[0] && c->domain[0]);
	MUST(c->n_owners == 0 || c->owners);
	MUST(lm_config_restart_needed(c, c, "gateway.conf", NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_gateway_config *c = NULL;
	struct lm_attachment a = {0};
	struct lm_why why = {{0}};
	int r = lm_config_parse(&c, "/etc/gateway.conf", (const char *)data, size, &why);

	MUST((r == 0) == (c != NULL) && (r == 0) == (why.text[0] == '\0'));
	if (c)
		check_gateway(c);
	lm_config_free(c);

	memset(&why, 0, sizeof(why));
	r = lm_attachment_parse(&a, "web-0.conf", (const char *)data, size, &why);
	MUST((r == 0) == (a.name[0] != '\0') && (r == 0) == (why.text[0] == '\0'));
	if (r == 0)
		MUST(a.network[0] && a.member[0] && a.port[0] && (a.vlan || a.has_mac) &&
		     a.vlan < 4095);
	return 0;
}
