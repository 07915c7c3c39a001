/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh submit`: brings a signed manifest to one gateway and says what became of it. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "base/bytes.h"
#include "cli.h"
#include "policy/policy.h"
#include "submit.h"

#define TIMEOUT_DEFAULT 10 /* s */
#define TIMEOUT_MAX 3600
#define ADDRS_MAX 8

const struct cli_help help_submit = {
    .name = "submit",
    .synopsis = "leasemesh submit --to HOST[:PORT] [--timeout SECONDS]\n"
		"                 [--provider NAME | --key HEX] [--manifest SIGNED] FILE\n",
    .summary = "bring a signed manifest to a gateway",
    .text = "Hands the signed manifest to one of its providers' gateways, which judges it,\n"
	    "puts it into force, and passes it on to the others that it names.\n"
	    "\n"
	    "  --to HOST[:PORT]   the gateway; port 4500 if none is given\n"
	    "  --timeout SECONDS  how long to wait for its answer (default 10)\n"
	    "  --provider NAME    the provider whose gateway it is, by its name in the manifest\n"
	    "  --key HEX          the gateway's public key\n"
	    "  --manifest SIGNED  FILE is a signed recovery (see `leasemesh network`) of the\n"
	    "                     network whose signed manifest this is\n"
	    "\n"
	    "The gateway must prove that it has its provider's key. Which provider that is\n"
	    "follows from the manifest, if one of its addresses is HOST:PORT; otherwise say so\n"
	    "with --provider or --key (behind a NAT, for example).\n"
	    "\n"
	    "Exit status: 0 in force there, 1 refused (the reason is on stderr) or not a valid\n"
	    "manifest, 2 the command line makes no sense, 3 no answer.\n",
};

struct options {
	const char *to, *provider, *key, *file, *manifest;
	unsigned timeout;
};

/* Whom to ask: a key, its name for people, and where it may be. */
struct target {
	struct lm_public_key key;
	char name[LM_NAME_MAX + 1];
	struct lm_udp_addr addrs[ADDRS_MAX];
	unsigned n_addrs;
};

/* ---- addresses ---- */

/* "host", "host:port", "[v6]:port", or a bare IPv6 address. */
static int split(const char *to, char *host, size_t host_size, const char **port)
{
	const char *from = to, *end = strrchr(to, ':');

	*port = end ? end + 1 : "4500";
	if (to[0] == '[') {
		from = to + 1;
		end = strchr(to, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		*port = end[1] ? end + 2 : "4500";
	} else if (!end || strchr(to, ':') != end) {
		end = to + strlen(to); /* no colon, or the many of an IPv6 address */
		*port = "4500";
	}
	size_t len = (size_t)(end - from);
	/* getaddrinfo() would take a port modulo 65536. */
	char *rest;
	unsigned long number = strtoul(*port, &rest, 10);
	if (len == 0 || len >= host_size || !isdigit((unsigned char)**port) || *rest ||
	    number == 0 || number > UINT16_MAX)
		return -EINVAL;
	memcpy(host, from, len);
	host[len] = '\0';
	return 0;
}

static bool to_addr(struct lm_udp_addr *out, const struct sockaddr *sa)
{
	memset(out, 0, sizeof(*out));
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
		out->ip.family = 4;
		memcpy(out->ip.b, &in->sin_addr, 4);
		out->port = ntohs(in->sin_port);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
		out->ip.family = 6;
		memcpy(out->ip.b, &in6->sin6_addr, 16);
		out->port = ntohs(in6->sin6_port);
	}
	return out->ip.family != 0;
}

static int resolve(struct target *t, const char *to, struct lm_why *why)
{
	const struct addrinfo hints = {
	    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list;
	char host[256];
	const char *port;

	if (split(to, host, sizeof(host), &port) < 0)
		return lm_why(why, EINVAL, "--to %s: expected HOST[:PORT]", to);
	int err = getaddrinfo(host, port, &hints, &list);
	if (err)
		return lm_why(why, ENOENT, "--to %s: %s", to,
		    err == EAI_SYSTEM ? strerror(errno) : gai_strerror(err));
	for (struct addrinfo *ai = list; ai && t->n_addrs < ADDRS_MAX; ai = ai->ai_next)
		if (to_addr(&t->addrs[t->n_addrs], ai->ai_addr))
			t->n_addrs++;
	freeaddrinfo(list);
	if (t->n_addrs == 0)
		return lm_why(why, ENOENT, "--to %s: no address", to);
	return 0;
}

/* ---- which provider ---- */

static bool has_addr(const struct lm_provider *p, const struct lm_udp_addr *a)
{
	for (unsigned i = 0; i < p->n_addrs; i++)
		if (lm_udp_addr_equal(&p->addrs[i], a))
			return true;
	return false;
}

static bool has_any(const struct lm_provider *p, const struct target *t)
{
	for (unsigned i = 0; i < t->n_addrs; i++)
		if (has_addr(p, &t->addrs[i]))
			return true;
	return false;
}

static void choose(struct target *t, const struct lm_provider *p)
{
	t->key = p->key;
	memcpy(t->name, p->name, sizeof(t->name));
}

static int by_name(
    struct target *t, const struct lm_manifest *m, const char *name, struct lm_why *why)
{
	for (unsigned i = 0; i < m->n_providers; i++) {
		if (strcmp(m->providers[i].name, name) == 0) {
			choose(t, &m->providers[i]);
			return 0;
		}
	}
	return lm_why(why, ENOENT, "--provider %s: the manifest has no such provider", name);
}

static int by_key(
    struct target *t, const struct lm_manifest *m, const char *hex, struct lm_why *why)
{
	if (lm_unhex(t->key.b, sizeof(t->key.b), hex, strlen(hex)) < 0)
		return lm_why(why, EINVAL, "--key: expected 64 hexadecimal digits");
	snprintf(t->name, sizeof(t->name), "the gateway");
	for (unsigned i = 0; i < m->n_providers; i++)
		if (memcmp(&m->providers[i].key, &t->key, sizeof(t->key)) == 0)
			choose(t, &m->providers[i]);
	return 0;
}

static int by_addr(
    struct target *t, const struct lm_manifest *m, const char *to, struct lm_why *why)
{
	const struct lm_provider *found = NULL;

	for (unsigned i = 0; i < m->n_providers; i++) {
		const struct lm_provider *p = &m->providers[i];
		if (!has_any(p, t))
			continue;
		if (found)
			return lm_why(why, EINVAL,
			    "%s is an address of provider %s and of provider %s: choose one with "
			    "--provider",
			    to, found->name, p->name);
		found = p;
	}
	if (!found && m->n_providers != 1)
		return lm_why(why, EINVAL,
		    "%s is no address of any provider in the manifest: say whose gateway it is "
		    "with --provider or --key",
		    to);
	if (found) {
		/* A name may have further addresses that are not this gateway's. */
		unsigned kept = 0;
		for (unsigned i = 0; i < t->n_addrs; i++)
			if (has_addr(found, &t->addrs[i]))
				t->addrs[kept++] = t->addrs[i];
		t->n_addrs = kept;
	}
	choose(t, found ? found : &m->providers[0]);
	return 0;
}

/* ---- asking ---- */

static int report(const struct target *t, const struct options *o,
    const struct lm_signed_manifest *sm, const struct courier_result *r)
{
	if (!r->answered && !r->reached) {
		cli_fail("no answer from %s within %u s: no gateway there, or not that of %s",
		    o->to, o->timeout, t->name);
		return CLI_NO_ANSWER;
	}
	if (!r->answered) {
		cli_fail("%s is there but has not judged what you brought within %u s", t->name,
		    o->timeout);
		return CLI_NO_ANSWER;
	}
	if (r->code) {
		fprintf(stderr, "refused by %s: %s\n", t->name,
		    r->text[0] ? r->text : strerror((int)r->code));
		return CLI_FAILED;
	}
	if (o->manifest) {
		printf("accepted: network %s: %s\n", sm->manifest->network, r->text);
		return CLI_OK;
	}
	printf("accepted: network %s serial %" PRIu64 " is in force at %s\n", sm->manifest->network,
	    sm->manifest->serial, t->name);
	/* "serial N is in force", and after a semicolon what the tenant should know besides. */
	const char *besides = strstr(r->text, "; ");
	if (besides)
		fprintf(stderr, "warning: %s\n", besides + 2);
	return CLI_OK;
}

static int deliver(const struct target *t, const struct options *o,
    const struct lm_signed_manifest *sm, const struct courier_load *load)
{
	struct courier_result r = {0};
	struct lm_why why = {""};
	unsigned each_ms = o->timeout * 1000 / t->n_addrs;
	int err = 0;

	for (unsigned i = 0; i < t->n_addrs && !r.answered; i++) {
		bool reached = r.reached;
		why.text[0] = '\0';
		err = courier_deliver(load, &t->key, &t->addrs[i], each_ms, &r, &why);
		r.reached |= reached;
	}
	if (err) {
		cli_fail("%s", why.text);
		return CLI_NO_ANSWER;
	}
	return report(t, o, sm, &r);
}

static int choose_target(struct target *t, const struct options *o,
    const struct lm_signed_manifest *sm, struct lm_why *why)
{
	int err = resolve(t, o->to, why);

	if (err)
		return err;
	if (o->provider)
		return by_name(t, sm->manifest, o->provider, why);
	return o->key ? by_key(t, sm->manifest, o->key, why) : by_addr(t, sm->manifest, o->to, why);
}

static int submit_file(
    const struct options *o, const uint8_t *bytes, size_t len, const struct lm_signed_manifest *sm)
{
	struct courier_load load = {.owner = sm->owner, .bytes = bytes, .len = len};
	struct target t = {.n_addrs = 0};
	struct lm_why why = {""};

	crypto_generichash(load.hash, sizeof(load.hash), bytes, len, NULL, 0);
	if (choose_target(&t, o, sm, &why) < 0)
		return cli_fail("%s", why.text);
	return deliver(&t, o, sm, &load);
}

static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longopts[] = {
	    {"to", required_argument, NULL, 't'},
	    {"timeout", required_argument, NULL, 'w'},
	    {"provider", required_argument, NULL, 'p'},
	    {"key", required_argument, NULL, 'k'},
	    {"manifest", required_argument, NULL, 'm'},
	    {0},
	};
	int c;
	char *end;

	while ((c = getopt_long(argc, argv, ":", longopts, NULL)) != -1) {
		switch (c) {
		case 't':
			o->to = optarg;
			break;
		case 'w':
			o->timeout = (unsigned)strtoul(optarg, &end, 10);
			if (*end || end == optarg || o->timeout == 0 || o->timeout > TIMEOUT_MAX)
				return cli_usage_error(
				    &help_submit, "--timeout: 1 to %d seconds", TIMEOUT_MAX);
			break;
		case 'p':
			o->provider = optarg;
			break;
		case 'k':
			o->key = optarg;
			break;
		case 'm':
			o->manifest = optarg;
			break;
		default:
			return cli_bad_option(&help_submit, c, argv);
		}
	}
	if (!o->to)
		return cli_usage_error(&help_submit, "--to is missing");
	if (o->provider && o->key)
		return cli_usage_error(&help_submit, "either --provider or --key");
	if (argc - optind != 1)
		return cli_usage_error(&help_submit, "expected one file");
	o->file = argv[optind];
	return CLI_OK;
}

/* FILE itself, or the one that says whose the recovery in FILE is. */
static int open_manifest(struct lm_signed_manifest **out, const struct options *o,
    const uint8_t *file, size_t len, struct lm_why *why)
{
	const char *name = cli_input_name(o->manifest ? o->manifest : o->file);
	uint8_t *read = NULL;
	int err = o->manifest ? cli_read(&read, &len, o->manifest, LM_MANIFEST_BYTES_MAX, why) : 0;

	if (!err)
		err = lm_manifest_open(out, name, read ? read : file, len, why);
	if (!err)
		err = lm_policy_check((*out)->manifest, name, why);
	free(read);
	return err;
}

int cmd_submit(int argc, char **argv)
{
	struct options o = {.timeout = TIMEOUT_DEFAULT};
	struct lm_signed_manifest *sm = NULL;
	struct lm_why why = {""};
	uint8_t *bytes;
	size_t len;

	int code = parse_options(&o, argc, argv);
	if (code != CLI_OK)
		return code;
	if (cli_read(&bytes, &len, o.file, LM_MANIFEST_BYTES_MAX, &why) < 0)
		return cli_fail("%s", why.text);
	int err = open_manifest(&sm, &o, bytes, len, &why);
	code = err ? cli_fail("%s", why.text) : submit_file(&o, bytes, len, sm);
	lm_signed_manifest_free(sm);
	free(bytes);
	return code;
}
