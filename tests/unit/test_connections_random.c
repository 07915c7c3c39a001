/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random packets, policies and times through two gateways, beside a second reckoning of
 * what must pass: slow, obvious, and written from the guides, not from the code.
 * LM_RANDOM_FIRST=seed and LM_RANDOM_SEEDS=count run others.
 */
#include "dp_fixture.h"

#define STEPS 4000
#define STEP_SECONDS 20 /* time passes in these; timeouts lie in between */
#define CONNS_MAX 256
#define SYN 2
#define ACK 16
#define FIN 1
#define RST 4

static const struct lm_flow_seconds seconds = {.tcp_opening = 50,
    .tcp_established = 1010,
    .tcp_closing = 210,
    .tcp_closed = 30,
    .udp_one_way = 70,
    .udp = 290,
    .icmp = 30,
    .other = 300,
    .tcp_pickup = 1510};

/* web's and db's rules in three ways. */
static const char *const policies[] = {
    "  - {name: web, deployment: 1, endpoints: [{provider: a, ipv4: 100.64.10.10}],\n"
    "     egress: [{to: db, protocol: any}]}\n"
    "  - {name: db, deployment: 3, endpoints: [{provider: b, ipv4: 100.64.10.20}],\n"
    "     ingress: [{from: web, protocol: tcp, ports: 80}, {from: web, protocol: udp},\n"
    "               {from: web, protocol: icmp}]}\n",
    "  - {name: web, deployment: 1, endpoints: [{provider: a, ipv4: 100.64.10.10}],\n"
    "     egress: [{to: db, protocol: tcp}], ingress: [{from: db, protocol: udp, ports: 53}]}\n"
    "  - {name: db, deployment: 3, endpoints: [{provider: b, ipv4: 100.64.10.20}],\n"
    "     ingress: [{from: web, protocol: tcp, ports: [80, 81]}],\n"
    "     egress: [{to: web, protocol: any, rate: 12/h}]}\n",
    "  - {name: web, deployment: 1, endpoints: [{provider: a, ipv4: 100.64.10.10}],\n"
    "     egress: [{to: db, protocol: any, rate: 36/h}],\n"
    "     ingress: [{from: db, protocol: any, rate: 45/h}]}\n"
    "  - {name: db, deployment: 3, endpoints: [{provider: b, ipv4: 100.64.10.20}],\n"
    "     ingress: [{from: web, protocol: any}], egress: [{to: web, protocol: any}]}\n",
};

/* The same once more, as a table to read. */
static bool allowed(unsigned policy, bool from_web, uint8_t proto, uint16_t port)
{
	if (policy == 2)
		return true;
	if (policy == 1)
		return from_web ? proto == IPPROTO_TCP && (port == 80 || port == 81)
				: proto == IPPROTO_UDP && port == 53;
	return from_web && (proto == IPPROTO_TCP ? port == 80 : true);
}

/* Likewise what rules let begin in an hour; 0: no rate. */
static unsigned rate_of(unsigned policy, bool of_web, bool egress)
{
	if (policy == 1)
		return !of_web && egress ? 12 : 0;
	if (policy == 2)
		return !of_web ? 0 : egress ? 36 : 45;
	return 0;
}

struct packet {
	bool from_web;
	uint8_t proto, flags;
	bool reply; /* echo */
	uint16_t web_port,
	    db_port; /* echo: the identifier is the asking side's, the other's is 0 */
};

struct conn {
	bool used, by_web; /* who opened it */
	struct packet name; /* protocol and ports */
	bool answered, confirmed, closed, fin_opener, fin_other;
	unsigned seen;
};

struct model {
	struct conn conns[CONNS_MAX];
	unsigned policy;
	bool ended; /* connections, with the last policy */
	double used[2][2]; /* of the rates, by member and direction, now */
	unsigned at; /* which is then */
	unsigned refused;
};

static unsigned lasts(const struct conn *c)
{
	if (c->name.proto == IPPROTO_ICMP)
		return seconds.icmp;
	if (c->name.proto == IPPROTO_UDP)
		return c->answered ? seconds.udp : seconds.udp_one_way;
	if (c->closed)
		return seconds.tcp_closed;
	if (!c->confirmed)
		return seconds.tcp_opening;
	return c->fin_opener || c->fin_other ? seconds.tcp_closing : seconds.tcp_established;
}

static uint16_t service(const struct packet *p, bool of_web)
{
	return p->proto == IPPROTO_ICMP ? 0 : of_web ? p->web_port : p->db_port;
}

static struct conn *lookup(struct model *m, const struct packet *p, unsigned now)
{
	for (unsigned i = 0; i < CONNS_MAX; i++) {
		struct conn *c = &m->conns[i];

		if (!c->used || c->name.proto != p->proto || c->name.web_port != p->web_port ||
		    c->name.db_port != p->db_port)
			continue;
		if (now - c->seen <= lasts(c))
			return c;
		c->used = false;
	}
	return NULL;
}

static void set_policy(struct model *m, unsigned policy)
{
	m->policy = policy;
	m->ended = false;
	memset(m->used, 0, sizeof m->used);
	for (unsigned i = 0; i < CONNS_MAX; i++) {
		struct conn *c = &m->conns[i];

		if (!c->used ||
		    allowed(policy, c->by_web, c->name.proto, service(&c->name, !c->by_web)))
			continue;
		c->used = false;
		m->ended = true;
	}
}

/* A leaking bucket for each rule: so much is in it, and it holds what an hour lets begin. */
static void leak(struct model *m, unsigned now)
{
	for (unsigned web = 0; web < 2; web++)
		for (unsigned egress = 0; egress < 2; egress++) {
			double *used = &m->used[web][egress];
			*used -= (now - m->at) * (rate_of(m->policy, web, egress) / 3600.0);
			if (*used < 0)
				*used = 0;
		}
	m->at = now;
}

/* Is there room for one more that web, or db, begins? Both rules' buckets, or neither. */
static bool ration(struct model *m, bool by_web, unsigned now)
{
	unsigned out = rate_of(m->policy, by_web, true), in = rate_of(m->policy, !by_web, false);

	leak(m, now);
	if ((out && m->used[by_web][true] + 1 > out + 0.001) ||
	    (in && m->used[!by_web][false] + 1 > in + 0.001)) {
		m->refused++;
		return false;
	}
	m->used[by_web][true] += out > 0;
	m->used[!by_web][false] += in > 0;
	return true;
}

static void add(struct model *m, const struct packet *p, bool by_web, unsigned now)
{
	for (unsigned i = 0; i < CONNS_MAX; i++) {
		struct conn *c = &m->conns[i];

		if (c->used && now - c->seen <= lasts(c))
			continue;
		*c = (struct conn){.used = true, .by_web = by_web, .name = *p, .seen = now};
		c->answered = by_web != p->from_web;
		if (p->proto == IPPROTO_TCP && (p->flags & FIN))
			*(c->answered ? &c->fin_other : &c->fin_opener) = true;
		return;
	}
	CU_FAIL_FATAL("too many connections for the model");
}

static bool possible(uint8_t flags)
{
	return flags == SYN || flags == (SYN | ACK) || flags == ACK || flags == (FIN | ACK) ||
	       flags == RST || flags == (RST | ACK);
}

static bool opens(struct model *m, const struct packet *p, unsigned now)
{
	bool tcp = p->proto == IPPROTO_TCP;
	bool may = allowed(m->policy, p->from_web, p->proto, service(p, !p->from_web));
	bool by_web = p->from_web;

	if (p->reply || (tcp && p->flags == (SYN | ACK)))
		return false;
	if (!may && tcp && p->flags != SYN && now < seconds.tcp_pickup) {
		may = allowed(m->policy, !p->from_web, p->proto, service(p, p->from_web));
		by_web = !p->from_web;
	}
	may = may && ration(m, by_web, now);
	if (may && !(tcp && (p->flags & RST)))
		add(m, p, by_web, now);
	return may;
}

static bool tcp_goes_on(struct model *m, struct conn *c, const struct packet *p, unsigned now)
{
	bool opener = c->by_web == p->from_web;

	if (p->flags == SYN)
		return opener ||
		       (allowed(m->policy, p->from_web, p->proto, service(p, !p->from_web)) &&
			   ration(m, p->from_web, now));
	if (p->flags & RST) {
		c->closed = true;
		return true;
	}
	if (p->flags == (SYN | ACK) && opener && (c->confirmed || c->closed))
		return false;
	if (c->closed)
		return true;
	if (opener && c->answered)
		c->confirmed = true;
	if (!opener)
		c->answered = true;
	if (p->flags & FIN)
		*(opener ? &c->fin_opener : &c->fin_other) = true;
	c->closed = c->confirmed && c->fin_opener && c->fin_other;
	return true;
}

static bool passes(struct model *m, const struct packet *p, unsigned now)
{
	if (p->proto == IPPROTO_TCP && !possible(p->flags))
		return false;
	struct conn *c = lookup(m, p, now);
	if (c && c->closed && p->flags == SYN && p->proto == IPPROTO_TCP) {
		c->used = false;
		c = NULL;
	}
	if (!c)
		return opens(m, p, now);
	bool opener = c->by_web == p->from_web, pass = true;
	if (p->proto == IPPROTO_TCP)
		pass = tcp_goes_on(m, c, p, now);
	else if (p->proto == IPPROTO_ICMP)
		pass = opener != p->reply;
	else if (!opener)
		c->answered = true;
	if (pass)
		c->seen = now;
	return pass;
}

/* ---- the run ----------------------------------------------------------------- */

static uint64_t state;

static uint32_t rnd(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 16) % n);
}

static struct packet random_packet(void)
{
	static const uint8_t flags[] = {SYN, SYN, SYN | ACK, SYN | ACK, ACK, ACK, ACK, ACK, ACK,
	    FIN | ACK, RST, RST | ACK, 0, FIN, SYN | FIN, SYN | RST};
	static const uint16_t db_ports[] = {80, 80, 81, 53};
	struct packet p = {.from_web = rnd(2),
	    .proto = rnd(4) ? IPPROTO_TCP : IPPROTO_UDP,
	    .flags = flags[rnd(sizeof flags)],
	    .web_port = (uint16_t)(rnd(4) ? 4000 + rnd(2) : 53),
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

static bool send_it(struct rig *r, const struct packet *p)
{
	bool web = p->from_web, echo = p->proto == IPPROTO_ICMP;
	struct rig_packet f = {.from = web ? WEB : DB,
	    .to = web ? DB : WEB,
	    .protocol = p->proto,
	    .src_port = web ? p->web_port : p->db_port,
	    .dst_port = web ? p->db_port : p->web_port,
	    .tcp_flags = p->flags,
	    .payload = 8};

	if (echo) {
		f.src_port = p->reply ? 0 : 8;
		f.dst_port = p->web_port + p->db_port;
	}
	return rig_passes(r, &f, NULL, NULL);
}

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

/* How often a rate refused. */
static unsigned run(uint64_t seed)
{
	static struct model models[2];
	struct rig *r = rig_create(&rig_one_worker);
	unsigned now = 0, passed = 0;

	state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	memset(models, 0, sizeof models);
	for (unsigned g = 0; g < 2; g++) {
		rig_publish(r, g, 0, policies[0]);
		lm_dp_set_flow_seconds(r->gw[g].dp, &seconds);
		lm_dp_poll_once(r->gw[g].dp, 0);
	}
	for (unsigned i = 0; i < STEPS; i++) {
		struct packet p = random_packet();

		if (rnd(100) == 0) {
			unsigned g = rnd(2);
			set_policy(&models[g], rnd(3));
			rig_publish(r, g, 0, policies[models[g].policy]);
			/*
			 * A connection that it does not allow has ended, even if the next one
			 * would: but only the sweep sees that of one without packets.
			 */
			if (models[g].ended)
				now += pass_time(r, STEP_SECONDS);
		} else if (rnd(6) == 0) {
			now += pass_time(r, STEP_SECONDS * (rnd(10) ? 1 + rnd(3) : rnd(60)));
		}
		unsigned first = p.from_web ? 0 : 1;
		bool expected = passes(&models[first], &p, now) && passes(&models[!first], &p, now);
		bool seen = send_it(r, &p);
		passed += seen;
		if (seen != expected) {
			fprintf(stderr,
			    "\n    seed %llu, step %u: %s: proto %u flags %u %s:%u db:%u\n",
			    (unsigned long long)seed, i, seen ? "passed" : "did not pass", p.proto,
			    p.flags, p.from_web ? "from web" : "to web", p.web_port, p.db_port);
			CU_FAIL_FATAL("the gateways and the model disagree");
		}
	}
	CU_ASSERT_TRUE(passed > STEPS / 10 && passed < STEPS * 9 / 10);
	rig_end(r);
	return models[0].refused + models[1].refused;
}

static void test_random(void)
{
	const char *first = getenv("LM_RANDOM_FIRST"), *seeds = getenv("LM_RANDOM_SEEDS");
	uint64_t from = first ? strtoull(first, NULL, 10) : 1;

	uint64_t n = seeds ? strtoull(seeds, NULL, 10) : 20, refused = 0;

	for (uint64_t i = 0; i < n; i++)
		refused += run(from + i);
	CU_ASSERT_TRUE(refused > n);
}

LM_SUITE("connections_random", {"random", test_random})
