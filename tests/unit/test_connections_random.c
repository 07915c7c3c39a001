/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random packets, policies and times through two gateways, beside a second reckoning of
 * what must pass (connections_model.h): a million packets of 250 seeds, each asked at both
 * gateways. LM_RANDOM_FIRST=seed and LM_RANDOM_SEEDS=count run others.
 */
#include <stdarg.h>
#include "connections_model.h"
#include "dp_fixture.h"

#define STEPS 4000
#define STEP_SECONDS 20 /* time passes in these; timeouts lie in between */
#define DATAGRAMS 3 /* that are being sent in parts */
#define PAYLOAD 104
#ifdef __SANITIZE_ADDRESS__
#define SEEDS 25
#else
#define SEEDS 250
#endif

#define WEB_HEAD \
	"  - {name: web, deployment: 1,\n" \
	"     endpoints: [{provider: a, ipv4: 100.64.10.10, ipv6: \"fd5a:10::10\"}]"
#define DB_HEAD \
	"  - {name: db, deployment: 3,\n" \
	"     endpoints: [{provider: b, ipv4: 100.64.10.20, ipv6: \"fd5a:10::20\"}]"

/* web's and db's rules in three ways; the model has them once more. */
static const char *const policies[] = {
    WEB_HEAD
    ",\n     egress: [{to: db, protocol: any}]}\n" DB_HEAD
    ",\n     ingress: [{from: web, protocol: tcp, ports: 80}, {from: web, protocol: udp},\n"
    "               {from: web, protocol: icmp}]}\n",
    WEB_HEAD ",\n     egress: [{to: db, protocol: tcp}], ingress: [{from: db, protocol: udp, "
	     "ports: 53}]}\n" DB_HEAD
	     ",\n     ingress: [{from: web, protocol: tcp, ports: [80, 81]}],\n"
	     "     egress: [{to: web, protocol: any, rate: 12/h}]}\n",
    WEB_HEAD ",\n     egress: [{to: db, protocol: any, rate: 36/h}],\n"
	     "     ingress: [{from: db, protocol: any, rate: 45/h}]}\n" DB_HEAD
	     ",\n     ingress: [{from: web, protocol: any}], egress: [{to: web, protocol: any}]}\n",
};

/* ---- chance -------------------------------------------------------------------- */

static uint64_t state;

static uint32_t rnd(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 16) % n);
}

static struct model_rule random_rule(void)
{
	static const struct {
		uint16_t first, last;
	} ports[] = {{53, 53}, {80, 80}, {80, 81}, {4000, 4001}, {4001, 65535}, {1, 40000}};
	static const uint8_t protos[] = {
	    0, 0, 0, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDP, IPPROTO_ICMP};
	struct model_rule rule = {.proto = protos[rnd(sizeof protos)], .deny = rnd(4) == 0};

	if ((rule.proto == IPPROTO_TCP || rule.proto == IPPROTO_UDP) && rnd(3)) {
		unsigned i = rnd(sizeof ports / sizeof ports[0]);
		rule.first = ports[i].first;
		rule.last = ports[i].last;
	}
	return rule;
}

static struct model_policy random_policy(void)
{
	struct model_policy policy = {.number = rnd(MODEL_POLICIES)};

	if (policy.number == MODEL_RANDOM)
		for (unsigned i = 0; i < 4; i++) {
			struct model_rules *l = &policy.lists[i & 1][i >> 1];

			l->n = 1 + rnd(MODEL_RULES_MAX);
			for (unsigned k = 0; k < l->n; k++)
				l->rules[k] = random_rule();
		}
	return policy;
}

static void add(char *text, size_t size, const char *format, ...)
{
	size_t len = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + len, size - len, format, args);
	va_end(args);
}

static void add_list(
    char *text, size_t size, const struct model_rules *l, const char *name, const char *peer)
{
	add(text, size, ", %s: [", name);
	for (unsigned i = 0; i < l->n; i++) {
		const struct model_rule *rule = &l->rules[i];
		const char *proto = rule->proto == IPPROTO_TCP    ? "tcp"
				    : rule->proto == IPPROTO_UDP  ? "udp"
				    : rule->proto == IPPROTO_ICMP ? "icmp"
								  : "any";

		add(text, size, "%s{%s, protocol: %s", i ? ", " : "", peer, proto);
		if (rule->first)
			add(text, size, ", ports: %u-%u", rule->first, rule->last);
		add(text, size, "%s}", rule->deny ? ", action: deny" : "");
	}
	add(text, size, "]");
}

static void publish(struct rig *r, unsigned gw, const struct model_policy *policy)
{
	char text[4096] = WEB_HEAD;

	if (policy->number != MODEL_RANDOM) {
		rig_publish(r, gw, 0, policies[policy->number]);
		return;
	}
	add_list(text, sizeof text, &policy->lists[1][1], "egress", "to: db");
	add_list(text, sizeof text, &policy->lists[1][0], "ingress", "from: db");
	add(text, sizeof text, "}\n" DB_HEAD);
	add_list(text, sizeof text, &policy->lists[0][1], "egress", "to: web");
	add_list(text, sizeof text, &policy->lists[0][0], "ingress", "from: web");
	add(text, sizeof text, "}\n");
	rig_publish(r, gw, 0, text);
}

/* ---- packets ---------------------------------------------------------------------- */

#define END RIG_CHAIN_END
#define HOP IPPROTO_HOPOPTS
#define DST IPPROTO_DSTOPTS
#define RH IPPROTO_ROUTING
#define FRAG IPPROTO_FRAGMENT
static const uint8_t chains[][6] = {{HOP, END}, {DST, END}, {FRAG, END}, {HOP, DST, FRAG, DST, END},
    {DST, HOP, END}, {RH, END}, {HOP, RH, END}, {DST, DST, DST, DST, END},
    {DST, DST, DST, DST, DST, END}};

static struct model_packet random_packet(void)
{
	static const uint8_t flags[] = {MODEL_SYN, MODEL_SYN, MODEL_SYN | MODEL_ACK,
	    MODEL_SYN | MODEL_ACK, MODEL_ACK, MODEL_ACK, MODEL_ACK, MODEL_ACK, MODEL_ACK,
	    MODEL_FIN | MODEL_ACK, MODEL_RST, MODEL_RST | MODEL_ACK, 0, MODEL_FIN,
	    MODEL_SYN | MODEL_FIN, MODEL_SYN | MODEL_RST};
	static const uint16_t db_ports[] = {80, 80, 81, 53},
			      web_ports[] = {4000, 4000, 4001, 40000};
	struct model_packet p = {.from_web = rnd(2),
	    .ipv6 = rnd(3) == 0,
	    .proto = rnd(3) ? IPPROTO_TCP : IPPROTO_UDP,
	    .flags = flags[rnd(sizeof flags)],
	    .web_port = rnd(4) ? web_ports[rnd(4)] : 53,
	    .db_port = db_ports[rnd(4)]};

	if (rnd(8) == 0) {
		p.proto = IPPROTO_ICMP;
		p.reply = rnd(2);
		bool web_asks = p.from_web != p.reply;
		uint16_t id = rnd(2) ? 7 : 0; /* with 0, both sides' requests look alike */
		p.web_port = web_asks ? id : 0;
		p.db_port = web_asks ? 0 : id;
	}
	return p;
}

/* One that is sent in parts: what comes next, and how long it is. */
struct datagram {
	struct model_packet p;
	unsigned next, len;
};

static unsigned whole_len(const struct model_packet *p)
{
	return PAYLOAD + (p->proto == IPPROTO_TCP ? 20 : 8);
}

/* In order mostly; else anywhere, and now and then with lengths that cannot be. */
static struct model_packet random_part(struct datagram *d)
{
	if (d->next >= d->len || rnd(5) == 0) {
		*d = (struct datagram){.p = random_packet()};
		if (rnd(2) && d->p.proto == IPPROTO_TCP)
			d->p.flags = MODEL_ACK;
		d->p.part = true;
		d->p.id = (uint16_t)(1 + rnd(3)); /* few, so that datagrams meet */
		d->len = whole_len(&d->p);
	}
	struct model_packet p = d->p;

	p.begin = rnd(3) ? d->next : 8 * rnd(d->len / 8);
	p.end = p.begin + 8 * (1 + rnd(p.begin ? 3 : 8));
	p.more = (p.end < d->len || (p.begin > 0 && rnd(16) == 0)) && (p.begin == 0 || rnd(3));
	if (p.more && rnd(20) == 0)
		p.end -= 3;
	if (!p.more) {
		p.begin = p.begin > 0 && p.begin < d->len ? p.begin : 8;
		p.end = d->len;
		if (p.begin + 16 <= p.end && rnd(8) == 0)
			p.end -= 8; /* there are two ends, then */
	}
	if (p.begin == d->next)
		d->next = p.end % 8 ? d->len : p.end;
	return p;
}

static struct rig_packet rig_form(const struct model_packet *p, bool from_web)
{
	bool echo = p->proto == IPPROTO_ICMP;
	struct rig_packet f = {.from = from_web ? WEB : DB,
	    .to = from_web ? DB : WEB,
	    .ipv6 = p->ipv6,
	    .protocol = echo && p->ipv6 ? IPPROTO_ICMPV6 : p->proto,
	    .src_port = from_web ? p->web_port : p->db_port,
	    .dst_port = from_web ? p->db_port : p->web_port,
	    .tcp_flags = p->flags,
	    .payload = p->part ? PAYLOAD : 8};

	if (echo) {
		f.src_port = p->ipv6 ? (p->reply ? 129 : 128) : (p->reply ? 0 : 8);
		f.dst_port = p->web_port + p->db_port;
	}
	return f;
}

/* An ICMP error of the one about what the other has sent, with as little of it as may be quoted. */
static bool send_error(struct rig *r, const struct model_packet *p)
{
	struct rig_packet quoted = rig_form(p, !p->from_web);
	uint8_t frame[RIG_FRAME_MAX];
	bool later = p->quotes == QUOTES_LATER;

	if (p->quotes == QUOTES_WHOLE)
		rig_build(r, frame, &quoted);
	else
		rig_cut(r, frame, &quoted, 0, 8, true, 1);
	/* What would be the ports is there, but is not that. */
	if (later)
		rig_put16(frame + rig_l2(&quoted) + (p->ipv6 ? 42 : 6), p->ipv6 ? 9 : 0x2001);
	const struct rig_packet error = {.from = quoted.to,
	    .to = quoted.from,
	    .ipv6 = p->ipv6,
	    .protocol = p->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
	    .src_port = p->ipv6 ? 1 : 3,
	    .inside = frame + rig_l2(&quoted),
	    .payload = (uint16_t)((p->ipv6 ? 40 : 20) + 8 +
				  (p->ipv6 && p->quotes != QUOTES_WHOLE ? 8 : 0))};

	return rig_passes(r, &error, NULL, NULL);
}

static bool send_it(struct rig *r, const struct model_packet *p)
{
	struct rig_packet f = rig_form(p, p->from_web);
	uint8_t frame[RIG_FRAME_MAX];
	size_t len;

	if (p->quotes != QUOTES_NONE)
		return send_error(r, p);
	if (p->part)
		len = rig_cut(r, frame, &f, p->begin, p->end, p->more, p->id);
	else if (p->chain)
		len = rig_chained(r, frame, &f, p->chain, false);
	else
		return rig_passes(r, &f, NULL, NULL);
	return rig_sent(r, &f, frame, len);
}

/* ---- the run ----------------------------------------------------------------- */

/* And turns the workers, until they have swept all flows. */
static unsigned pass_time(struct rig *r, unsigned step)
{
	for (unsigned g = 0; g < 2; g++) {
		lm_dp_pass_time(r->gw[g].dp, 0, step);
		for (unsigned i = 0; i < 20; i++)
			lm_dp_poll_once(r->gw[g].dp, 0);
	}
	return step;
}

static struct model_packet next_packet(struct datagram *datagrams)
{
	struct model_packet p;

	if (rnd(3) == 0)
		return random_part(&datagrams[rnd(DATAGRAMS)]);
	p = random_packet();
	if (rnd(16) == 0) {
		p.quotes = QUOTES_WHOLE + rnd(3);
		p.from_web = !p.from_web; /* who complains did not send it */
	}
	if (p.ipv6 && rnd(3) == 0)
		p.chain = chains[rnd(sizeof chains / sizeof chains[0])];
	return p;
}

/* At one gateway or both. How much time passed. */
static unsigned change_policy(struct rig *r, struct model *models)
{
	struct model_policy policy = random_policy();
	unsigned g = rnd(4);
	bool ended = false;

	for (unsigned i = 0; i < 2; i++) {
		if (i == g)
			continue;
		model_set_policy(&models[i], &policy);
		publish(r, i, &policy);
		ended = ended || models[i].ended;
	}
	/*
	 * A connection that it does not allow has ended, even if the next one would: but only the
	 * sweep sees that of one without packets.
	 */
	return ended ? pass_time(r, STEP_SECONDS) : 0;
}

static void complain(uint64_t seed, unsigned step, const struct model_packet *p, bool seen)
{
	fprintf(stderr,
	    "\n    seed %llu, step %u: %s: IPv%u proto %u flags %u %s:%u db:%u quotes %u chain %u"
	    " part %u id %u %u-%u%s\n",
	    (unsigned long long)seed, step, seen ? "passed" : "did not pass", p->ipv6 ? 6 : 4,
	    p->proto, p->flags, p->from_web ? "from web" : "to web", p->web_port, p->db_port,
	    p->quotes, p->chain ? (unsigned)((p->chain - chains[0]) / sizeof chains[0]) + 1 : 0,
	    p->part, p->id, p->begin, p->end, p->more ? "+" : "");
	CU_FAIL_FATAL("the gateways and the model disagree");
}

/* How much of it there was. */
struct tally {
	uint64_t passed, later_passed, errors_passed, chains_passed, refused;
};

static void count(struct tally *t, const struct model_packet *p, bool seen)
{
	t->passed += seen;
	t->later_passed += seen && p->part && p->begin > 0;
	t->errors_passed += seen && p->quotes != QUOTES_NONE;
	t->chains_passed += seen && p->chain;
}

static void run(uint64_t seed, struct tally *t)
{
	static struct model models[2];
	struct rig *r = rig_create(&rig_one_worker);
	struct datagram datagrams[DATAGRAMS] = {0};
	uint64_t passed = t->passed;
	unsigned now = 0;

	state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	memset(models, 0, sizeof models);
	for (unsigned g = 0; g < 2; g++) {
		publish(r, g, &models[g].policy);
		lm_dp_set_flow_seconds(r->gw[g].dp, &model_seconds);
		lm_dp_poll_once(r->gw[g].dp, 0);
	}
	for (unsigned i = 0; i < STEPS; i++) {
		struct model_packet p = next_packet(datagrams);

		if (rnd(100) == 0) {
			now += change_policy(r, models);
		} else if (rnd(6) == 0) {
			now += pass_time(r, STEP_SECONDS * (rnd(10) ? 1 + rnd(3) : rnd(60)));
		}
		unsigned first = p.from_web ? 0 : 1;
		bool expected =
		    model_passes(&models[first], &p, now) && model_passes(&models[!first], &p, now);
		bool seen = send_it(r, &p);
		count(t, &p, seen);
		if (seen != expected)
			complain(seed, i, &p, seen);
	}
	passed = t->passed - passed;
	CU_ASSERT_TRUE(passed > STEPS / 20 && passed < STEPS * 9 / 10);
	t->refused += models[0].refused + models[1].refused;
	rig_end(r);
}

static void test_random(void)
{
	const char *first = getenv("LM_RANDOM_FIRST"), *seeds = getenv("LM_RANDOM_SEEDS");
	uint64_t from = first ? strtoull(first, NULL, 10) : 1;
	uint64_t n = seeds ? strtoull(seeds, NULL, 10) : SEEDS;
	struct tally t = {0};

	for (uint64_t i = 0; i < n; i++)
		run(from + i, &t);
	printf(
	    "%llu packets: %llu passed; later fragments %llu, errors %llu, with extension headers"
	    " %llu; rates refused %llu\n",
	    (unsigned long long)(n * STEPS), (unsigned long long)t.passed,
	    (unsigned long long)t.later_passed, (unsigned long long)t.errors_passed,
	    (unsigned long long)t.chains_passed, (unsigned long long)t.refused);
	/* What never passes is not tried. */
	CU_ASSERT_TRUE(t.refused > n && t.later_passed > 10 * n && t.errors_passed > 2 * n &&
		       t.chains_passed > 10 * n);
}

LM_SUITE("connections_random", {"random", test_random})
