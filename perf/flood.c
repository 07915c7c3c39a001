/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a flood of new flows takes from those that are established, in real time: a gateway (of the
 * unit tests, on rings) that seals packets which come at steady rates; the same with the flood
 * and without, in turns.
 *
 *   leasemesh-flood EAL-ARGUMENTS -- SECONDS ROUNDS [LIMIT]
 *
 * prints a table, and ends with 1 if established flows keep less than LIMIT of their rate beside a
 * flood of 10 million packets a second or fewer. perf/flood runs it.
 */
#include <netinet/in.h>
#include <rte_common.h>
#include "bench.h"
#include "crypto/gcm.h"
#include "dataplane/tcp.h"
#include "flood_play.h"

#define ROUNDS_MAX 99
#define KNOWN_FLOWS 512
#define KNOWN_PORT 53
/* The table's: as it is configured if nothing is said, and so that the flood has room. */
#define FLOWS_DEFAULT 65536
#define FLOWS_MANY (1u << 20)
#define FLAT_OUT 100e6 /* packets a second: more than can be carried */
#define FLOOD_ASKED 10e6 /* likewise: LIMIT is asked for up to this one */
#define SETTLE 100 /* phases of some ms */
#define FORGET 600 /* seconds: no flow of the flood's lives so long */

struct kind {
	const char *name;
	struct rig_packet packet;
};

/* What the flood is; the established flows are web's to db. */
#define KINDS_OTHERS 2 /* so many are of another network */
static const struct kind kinds[] = {
    {.name = "another network, UDP",
	.packet = {.from = TWIN, .to = MIRROR, .protocol = IPPROTO_UDP, .payload = 32}},
    {.name = "another network, SYN",
	.packet = {.from = TWIN, .to = MIRROR, .protocol = IPPROTO_TCP, .tcp_flags = LM_TCP_SYN}},
    {.name = "its own network, UDP",
	.packet = {.from = WEB, .to = DB, .protocol = IPPROTO_UDP, .payload = 32}},
    {.name = "its own network, SYN",
	.packet = {.from = WEB, .to = DB, .protocol = IPPROTO_TCP, .tcp_flags = LM_TCP_SYN}},
    {.name = "its own, denied UDP",
	.packet = {.from = APP, .to = DB, .protocol = IPPROTO_UDP, .payload = 32}},
    {.name = "its own, denied SYN",
	.packet = {.from = APP, .to = DB, .protocol = IPPROTO_TCP, .tcp_flags = LM_TCP_SYN}},
};

static const char policy[] =
    "  - name: web\n"
    "    deployment: 1\n"
    "    endpoints: [{provider: a, ipv4: 100.64.10.10, ipv6: \"fd5a:10::10\"}]\n"
    "    egress:\n"
    "      - {to: [db, app], protocol: icmp}\n"
    "      - {to: db, protocol: tcp, ports: 1000-65535}\n"
    "      - {to: db, protocol: udp}\n"
    "  - name: app\n"
    "    deployment: 2\n"
    "    endpoints: [{provider: a, ipv4: 100.64.10.11, ipv6: \"fd5a:10::11\"}]\n"
    "  - name: db\n"
    "    deployment: 3\n"
    "    endpoints: [{provider: b, ipv4: 100.64.10.20, ipv6: \"fd5a:10::20\"}]\n"
    "    ingress:\n"
    "      - {from: web, protocol: tcp, ports: 1000-65535}\n"
    "      - {from: web, protocol: udp}\n"
    "      - {from: any, protocol: icmp}\n"
    "  - name: cache\n"
    "    deployment: 4\n"
    "    endpoints: [{provider: b, ipv4: 100.64.10.21, ipv6: \"fd5a:10::21\"}]\n";

/* ---- the gateway -------------------------------------------------------------- */

static const struct rig_packet known = {.from = WEB,
    .to = DB,
    .protocol = IPPROTO_UDP,
    .src_port = 10000,
    .dst_port = KNOWN_PORT,
    .payload = 68};

/* No flow but the established ones, which it knows. */
static void settle(struct flood_bench *b)
{
	struct lm_dp *dp = b->rig->gw[0].dp;
	struct flood_result ignored;

	lm_dp_pass_time(dp, 0, FORGET);
	while (lm_dp_flow_count(dp) > 0)
		lm_dp_poll_once(dp, 0);
	b->sources[FLOOD_KNOWN].rate = 1e6;
	b->sources[FLOOD_NEW].rate = 0;
	/* Until the flood before is forgotten in every way. */
	for (unsigned i = 0; i < SETTLE && (i < SETTLE / 4 || lm_dp_flow_count(dp) < KNOWN_FLOWS);
	    i++)
		flood_play(b, 4e-6 * KNOWN_FLOWS, &ignored);
	if (lm_dp_flow_count(dp) < KNOWN_FLOWS)
		bench_check(-ENOENT, "established flows");
}

static bool note_length(void *ctx, unsigned from, uint8_t *frame, size_t *len)
{
	struct flood_bench *b = ctx;

	(void)from, (void)frame;
	b->known_len = (uint16_t)*len;
	return false;
}

static void open_bench(struct flood_bench *b, unsigned flows)
{
	const struct rig_options options = {.workers = {1, 1}, .flows = flows};
	uint8_t frame[RIG_FRAME_MAX];

	*b = (struct flood_bench){.rig = rig_create(&options)};
	for (uint32_t net = 0; net < 2; net++)
		rig_publish(b->rig, 0, net, policy);
	flood_source_set(&b->sources[FLOOD_KNOWN], b->rig, &known);
	b->sources[FLOOD_KNOWN].flows = KNOWN_FLOWS;
	b->rig->wire = note_length;
	b->rig->ctx = b;
	rig_send(b->rig, WEB, frame, rig_build(b->rig, frame, &known));
	rig_run(b->rig);
}

static void close_bench(struct flood_bench *b)
{
	if (!rig_balanced(b->rig))
		bench_check(-EBADMSG, "packets that are not counted");
	rig_free(b->rig);
}

/* ---- the table ---------------------------------------------------------------- */

/* What the worker takes of established flows alone, a second. */
static double capacity(struct flood_bench *b, double seconds, unsigned rounds)
{
	uint64_t rates[ROUNDS_MAX];

	for (unsigned i = 0; i < rounds; i++) {
		struct flood_result r;

		settle(b);
		b->sources[FLOOD_KNOWN].rate = FLAT_OUT;
		flood_play(b, seconds, &r);
		rates[i] = (uint64_t)((double)r.out / r.seconds);
	}
	return (double)percentile(rates, rounds, 0.5);
}

struct row {
	uint64_t kept[2][ROUNDS_MAX]; /* without and with, millionths of what was offered */
	uint64_t ratio[ROUNDS_MAX]; /* millionths */
	struct flood_result sum; /* of the flood's phases */
};

static void add(struct flood_result *sum, const struct flood_result *r)
{
	uint64_t *a = (uint64_t *)&sum->c;
	const uint64_t *c = (const uint64_t *)&r->c;

	for (size_t i = 0; i < sizeof(r->c) / sizeof(*a); i++)
		a[i] += c[i];
	for (unsigned i = 0; i < FLOOD_SOURCES; i++) {
		sum->offered[i] += r->offered[i];
		sum->no_room[i] += r->no_room[i];
	}
	sum->seconds += r->seconds;
}

static void measure(
    struct row *row, struct flood_bench *b, double rate, double flood, double seconds, unsigned i)
{
	for (unsigned with = 0; with < 2; with++) {
		struct flood_result r;

		settle(b);
		b->sources[FLOOD_KNOWN].rate = rate;
		b->sources[FLOOD_NEW].rate = with ? flood : 0;
		flood_play(b, seconds, &r);
		row->kept[with][i] =
		    (uint64_t)((double)r.out * 1e6 / (double)RTE_MAX(r.offered[FLOOD_KNOWN], 1u));
		if (with)
			add(&row->sum, &r);
	}
	row->ratio[i] = row->kept[1][i] * 1000000 / RTE_MAX(row->kept[0][i], UINT64_C(1));
}

/* Reasons for which the worker refused what was offered: those that matter. */
static void print_reasons(const struct lm_counters *c, uint64_t offered)
{
	for (unsigned i = 0; i < LM_DROP_MAX; i++)
		if (c->drops[i] * 200 > offered)
			printf(" %s %.0f %%", lm_drop_names[i],
			    (double)c->drops[i] * 100 / (double)offered);
}

/* Established flows' share of their rate that is left, of it that they have without the flood. */
static double print_row(struct row *row, const char *name, double load, unsigned rounds)
{
	const struct flood_result *s = &row->sum;
	const double ratio = (double)percentile(row->ratio, rounds, 0.5) / 1e6;
	const uint64_t made = s->offered[FLOOD_NEW];
	const uint64_t missed = s->c.flow_misses; /* by what the flood sends, and nothing else */
	uint64_t refused = 0;

	for (unsigned i = 0; i < LM_DROP_MAX; i++)
		refused += i == LM_DROP_FAIR_SHARE ? 0 : s->c.drops[i];
	printf("%-21s %4.0f %% | %6.2f | %7.2f %7.2f %7.1f | %7.2f %7.2f |", name, load * 100,
	    (double)made / s->seconds / 1e6, (double)percentile(row->kept[0], rounds, 0.5) / 1e4,
	    (double)percentile(row->kept[1], rounds, 0.5) / 1e4, ratio * 100,
	    (double)(missed - RTE_MIN(missed, refused)) / s->seconds / 1e6,
	    (double)s->no_room[FLOOD_NEW] / s->seconds / 1e6);
	print_reasons(&s->c, made);
	printf("\n");
	fflush(stdout);
	return ratio;
}

struct options {
	double seconds, limit;
	unsigned rounds;
};

static bool floods_of(
    struct flood_bench *b, const struct kind *k, double all, const struct options *o)
{
	static const double loads[] = {1.0 / 3, 0.5};
	static const double floods[] = {1e6, 2e6, 5e6, 10e6, 20e6};
	static struct row row;
	struct rig_packet p = k->packet;
	bool fine = true;

	p.src_port = 1024;
	p.dst_port = 2000;
	flood_source_set(&b->sources[FLOOD_NEW], b->rig, &p);
	for (unsigned l = 0; l < RTE_DIM(loads); l++)
		for (unsigned f = 0; f < RTE_DIM(floods); f++) {
			row = (struct row){0};
			for (unsigned i = 0; i < o->rounds; i++)
				measure(&row, b, all * loads[l], floods[f], o->seconds, i);
			double ratio = print_row(&row, k->name, loads[l], o->rounds);
			fine &= floods[f] > FLOOD_ASKED || ratio >= o->limit;
		}
	return fine;
}

static bool table(
    unsigned flows, const struct kind *first, const struct kind *end, const struct options *o)
{
	struct flood_bench b;
	bool fine = true;

	open_bench(&b, flows);
	double all = capacity(&b, o->seconds, o->rounds);
	printf("\na table for %u flows; established ones alone: %.2f Mpps\n", flows, all / 1e6);
	printf("%-21s %6s | %6s | %7s %7s %7s | %7s %7s |\n", "the flood", "load", "Mpps",
	    "alone %", "with %", "kept %", "let in", "no room");
	for (const struct kind *k = first; k < end; k++)
		fine &= floods_of(&b, k, all, o);
	close_bench(&b);
	return fine;
}

int main(int argc, char **argv)
{
	int used = rig_start_with(argc, argv);

	argc -= used, argv += used;
	if (argc < 3 || argc > 4)
		bench_check(
		    -EINVAL, "usage: leasemesh-flood EAL-ARGUMENTS -- SECONDS ROUNDS [LIMIT]");
	const struct options o = {.seconds = strtod(argv[1], NULL),
	    .rounds = (unsigned)atoi(argv[2]),
	    .limit = argc == 4 ? strtod(argv[3], NULL) : 0};

	if (!(o.seconds > 0) || o.rounds == 0 || o.rounds > ROUNDS_MAX)
		bench_check(-EINVAL, "seconds, rounds");
	printf("ipsec-mb %s; medians of %u rounds of %.2f s\n", lm_gcm_library(NULL), o.rounds,
	    o.seconds);
	bool fine = table(FLOWS_DEFAULT, kinds, kinds + RTE_DIM(kinds), &o);
	fine &= table(FLOWS_MANY, kinds + KINDS_OTHERS, kinds + KINDS_OTHERS + 1, &o);
	return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
