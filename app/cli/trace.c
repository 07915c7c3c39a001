/* SPDX-License-Identifier: Apache-2.0 */
/* `leasemesh trace`: may one endpoint reach another, and what decides? */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "cli.h"
#include "column.h"
#include "manifest/manifest.h"
#include "network.h"

const struct cli_help help_trace = {
    .name = "trace",
    .synopsis = "leasemesh trace [-p PREFIX] [-j] --network NAME|ID --from END --to END\n"
		"                PROTOCOL [PORT]",
    .summary = "say whether one endpoint may reach another, and what decides",
    .text =
	"Asks the gateway on this host what becomes of a connection that END opens to END, by the\n"
	"manifest in force there and by where the two are now: addresses, routes, and of either\n"
	"end the rule that decides, by its line in the manifest; if it is denied, which rule is\n"
	"missing where, and whether such a flow is open now. Nothing is sent.\n"
	"\n"
	"END is an endpoint, as web/0, or an address: one's own, or one that is routed via it.\n"
	"PROTOCOL is tcp, udp, sctp, icmp, icmpv6, gre or a number; the first three need a PORT,\n"
	"the destination's, a number or the name of a service (https).\n"
	"Exit status 0: it passes, 1: it does not.\n"
	"\n"
	"  -N, --network NAME|ID  which network\n"
	"  -f, --from END         who opens the connection\n"
	"  -t, --to END           who is to be reached\n"
	"  -p, --prefix PREFIX    which gateway (dpdk.file_prefix), if several run here\n"
	"  -j, --json             the gateway's own answer\n",
};

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
    {"tcp", LM_PROTO_TCP},
    {"udp", LM_PROTO_UDP},
    {"sctp", LM_PROTO_SCTP},
    {"icmp", LM_PROTO_ICMP},
    {"icmpv6", LM_PROTO_ICMPV6},
    {"gre", LM_PROTO_GRE},
};
#define N_PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

struct question {
	const char *prefix, *network, *from, *to;
	bool json;
	uint64_t protocol, port; /* port 0: none */
};

/* ---- the answer ---- */

static const char *text_of(const json_t *object, const char *key)
{
	static char buf[4][256]; /* one printf takes four at most */
	static unsigned next;

	next = (next + 1) % 4;
	return telemetry_text(object, key, buf[next], sizeof(buf[next]));
}

static bool says(const json_t *object, const char *key, const char *text)
{
	return strcmp(text_of(object, key), text) == 0;
}

static void print_endpoint(const json_t *end)
{
	printf("%s/%lld", text_of(end, "member"), (long long)number_of(end, "replica"));
}

static void print_end(const char *label, const json_t *end)
{
	printf("%s ", label);
	if (text_of(end, "route")[0])
		printf("%s, routed by %s (line %lld) via ", text_of(end, "address"),
		    text_of(end, "route"), (long long)number_of(end, "route_line"));
	print_endpoint(end);
	const char *ip4 = text_of(end, "ipv4"), *ip6 = text_of(end, "ipv6");
	printf(": %s%s%s, ", ip4, ip4[0] && ip6[0] ? " and " : "", ip6);
	if (says(end, "where", "here"))
		printf("attached here (%s)", text_of(end, "attachment"));
	else if (says(end, "where", "peer"))
		printf("at %s, peer %.12s", text_of(end, "provider"), text_of(end, "peer"));
	else
		printf("nowhere");
	if (text_of(end, "path")[0])
		printf(" by %s", text_of(end, "path"));
	if (says(end, "reachable", "yes"))
		putchar('\n');
	else
		printf("; not reachable: %s\n", text_of(end, "reason"));
}

/* way: "egress" or "ingress" */
static void print_side(const json_t *flow, const char *way, const char *what, const json_t *end)
{
	char key[24];

	snprintf(key, sizeof(key), "%s_line", way);
	printf("  %s ", what);
	print_endpoint(end);
	printf(": %s by ", says(flow, way, "allow") ? "allowed" : "denied");
	if (!json_object_get(flow, key)) {
		puts("default, no rule matches");
		return;
	}
	printf("the %s rule in line %lld", way, (long long)number_of(flow, key));
	snprintf(key, sizeof(key), "%s_rate", way);
	if (json_object_get(flow, key))
		printf(", at most %s", text_of(flow, key));
	putchar('\n');
}

/* What the list that denies it lacks, in the words of a manifest. */
static void print_wanted(const json_t *answer, const json_t *flow, const char *way)
{
	bool out = strcmp(way, "egress") == 0;
	const json_t *from = json_object_get(answer, "from"), *to = json_object_get(answer, "to");
	uint64_t protocol = (uint64_t)number_of(answer, "protocol");
	char key[24], name[8];

	if (says(flow, way, "allow"))
		return;
	snprintf(name, sizeof(name), "%u", (unsigned)protocol);
	for (size_t i = 0; i < N_PROTOCOLS; i++)
		if (protocols[i].number == protocol)
			snprintf(name, sizeof(name), "%s", protocols[i].name);
	printf("  to allow it: a rule in the %s of %s, as {%s: %s, protocol: %s", way,
	    text_of(out ? from : to, "member"), out ? "to" : "from",
	    text_of(out ? to : from, "member"), name);
	if (number_of(answer, "port"))
		printf(", ports: %lld", (long long)number_of(answer, "port"));
	snprintf(key, sizeof(key), "%s_line", way);
	if (json_object_get(flow, key))
		printf("}, before line %lld\n", (long long)number_of(flow, key));
	else
		puts("}");
}

/* What was opened before, by this verdict or by another one. */
static void print_open(const json_t *flow)
{
	long long n = (long long)number_of(flow, "open");

	if (n == 0)
		return;
	printf("  open now: %lld", n);
	printf("%s %s, %lld packets, %lld bytes, idle for %lld s\n",
	    n > 1 ? ", the last used" : ",", text_of(flow, "state"),
	    (long long)number_of(flow, "packets"), (long long)number_of(flow, "bytes"),
	    (long long)number_of(flow, "idle_s"));
}

static void print_flow(const json_t *answer, const json_t *flow)
{
	printf("%s to %s\n", text_of(flow, "src"), text_of(flow, "dst"));
	print_side(flow, "egress", "out of", json_object_get(answer, "from"));
	print_side(flow, "ingress", "into", json_object_get(answer, "to"));
	if (says(flow, "verdict", "allow"))
		puts("  the rules allow it");
	else
		printf("  the rules deny it (%s)\n",
		    says(flow, "verdict", "deny_egress") ? "egress" : "ingress");
	print_wanted(answer, flow, "egress");
	print_wanted(answer, flow, "ingress");
	print_open(flow);
}

static void print(const json_t *network, const json_t *answer)
{
	const json_t *from = json_object_get(answer, "from"), *to = json_object_get(answer, "to");
	const json_t *flow;
	size_t i;

	printf("network %s, serial %lld\n", text_of(network, "name"),
	    (long long)number_of(answer, "serial"));
	print_end("from", from);
	print_end("to  ", to);
	json_array_foreach(json_object_get(answer, "flows"), i, flow) print_flow(answer, flow);
	if (!says(from, "where", "here") && !says(to, "where", "here"))
		puts("neither is attached here: of the way between them their gateways know more");
	puts(says(answer, "passes", "yes") ? "it passes" : "it does not pass");
}

static int show(const json_t *network, const json_t *answer, const struct question *q)
{
	if (!says(answer, "result", "ok")) {
		const char *why = text_of(answer, "text");
		return cli_fail("%s", why[0] ? why : "the gateway's answer makes no sense");
	}
	if (q->json) {
		int err = json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
		if (err < 0)
			return cli_fail("cannot write JSON");
	} else {
		print(network, answer);
	}
	return says(answer, "passes", "yes") ? CLI_OK : CLI_FAILED;
}

/* ---- the question ---- */

static int ask(struct telemetry *t, const json_t *found, const struct question *q)
{
	const json_t *network = json_array_get(found, 0);
	struct lm_why why = {0};
	char cmd[512], port[8] = "";
	json_t *answer;

	if (!network)
		return cli_fail("no manifest of network '%s' is in force here", q->network);
	if (json_array_size(found) > 1)
		return network_say_which(found, q->network);
	if (q->port)
		snprintf(port, sizeof(port), ",%u", (unsigned)q->port);
	snprintf(cmd, sizeof(cmd), "/leasemesh/trace,%lld,%s,%s,%u%s",
	    (long long)number_of(network, "index"), q->from, q->to, (unsigned)q->protocol, port);
	if (telemetry_ask_list(t, cmd, "flows", &answer, &why) < 0)
		return cli_fail("%s", why.text);
	int code = show(network, answer, q);
	json_decref(answer);
	return code;
}

static int run(const struct question *q)
{
	struct lm_why why = {0};
	struct telemetry *t;

	if (telemetry_open(&t, q->prefix, &why) < 0)
		return cli_fail("%s", why.text);
	json_t *found = json_array();
	int code = network_find(t, q->network, found, &why) < 0 ? cli_fail("%s", why.text)
								: ask(t, found, q);
	json_decref(found);
	telemetry_close(t);
	return code;
}

static bool read_flow(struct question *q, char *const *words, int n)
{
	for (size_t i = 0; n > 0 && i < N_PROTOCOLS; i++)
		if (strcmp(protocols[i].name, words[0]) == 0)
			q->protocol = protocols[i].number;
	if (n < 1 || (!q->protocol && lm_text_number(&q->protocol, words[0], 254) < 0) ||
	    q->protocol == 0)
		return false;
	if (!lm_proto_has_ports((uint16_t)q->protocol))
		return n == 1;
	if (n != 2)
		return false;
	q->port = lm_service_port(words[1]);
	return q->port || (lm_text_number(&q->port, words[1], UINT16_MAX) == 0 && q->port != 0);
}

/* A comma would begin the next parameter, and nothing that is meant has one, or is longer. */
static bool is_end(const char *text)
{
	return text && text[0] && !strchr(text, ',') && strlen(text) < 128;
}

int cmd_trace(int argc, char **argv)
{
	static const struct option options[] = {{"prefix", required_argument, NULL, 'p'},
	    {"json", no_argument, NULL, 'j'}, {"network", required_argument, NULL, 'N'},
	    {"from", required_argument, NULL, 'f'}, {"to", required_argument, NULL, 't'}, {0}};
	struct question q = {0};

	for (int c; (c = getopt_long(argc, argv, ":p:jN:f:t:", options, NULL)) != -1;) {
		if (c == 'p')
			q.prefix = optarg;
		else if (c == 'j')
			q.json = true;
		else if (c == 'N')
			q.network = optarg;
		else if (c == 'f')
			q.from = optarg;
		else if (c == 't')
			q.to = optarg;
		else
			return cli_bad_option(&help_trace, c, argv);
	}
	if (!q.network || !is_end(q.from) || !is_end(q.to))
		return cli_usage_error(&help_trace,
		    "expected --network, --from and --to: ends are as web/0, or an address");
	if (!read_flow(&q, argv + optind, argc - optind))
		return cli_usage_error(&help_trace, "expected tcp, udp or sctp with a port, as tcp "
						    "5432 or tcp https, or icmp, icmpv6, "
						    "gre or a number");
	return run(&q);
}
