/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain's protocol for spin: two heights, each a single-decree Paxos among the members that the
 * block before names. Explored: every order of steps; loss, doubling and delay of every message
 * (messages are sets that only grow: whoever reads takes any of them, again, late, or never); and
 * crashes at any moment, since a step depends on nothing but messages and what is durable.
 *
 * Three gateways, 0 .. 2, all members at height 0. Its block may be LESS, which takes gateway 2
 * off, or ALONE, which takes 1 and 2 off: then two, or one, are left to decide height 1. Ballot b > 0 is gateway b - 1's; ballot 0 of height 1 is
 * the maker's of the block before, with no prepare round. So that all of it can be explored, 0 and 1
 * propose at height 0; at height 1 the maker does, 1, and 2, which may have been taken off.
 *
 * Checked: no two values are ever chosen at one height, where chosen means accepted in one ballot by
 * a majority of those whom the block before names; and nobody proposes two values in one ballot.
 * Lies are not modelled.
 *
 * With one of the mistakes below (spin -DANY_VALUE ...) spin must find an error; tests/model/run
 * makes sure that it does.
 */
#define N 3
#define HEIGHTS 2
#define BALLOTS 4
#define NONE 0
#define LESS 4 /* these two are proposed by gateway 0 */
#define ALONE 5
/* The values 1, 2, 3 are plain, of gateway v - 1. */

#define B(h, b) ((h) * BALLOTS + (b))
#define G(g, h) ((g) * HEIGHTS + (h))
#define GB(g, h, b) (((g) * HEIGHTS + (h)) * BALLOTS + (b))

/* Durable, of gateway g at height h. Ballots are kept plus one; 0 is none. */
byte promised[N * HEIGHTS];
byte accepted[N * HEIGHTS];
byte value[N * HEIGHTS]; /* that was accepted */
byte known[N * HEIGHTS]; /* the decided one, once it is learned */

/* Messages. */
bool prepare[HEIGHTS * BALLOTS];
bool said[N * HEIGHTS * BALLOTS]; /* g promised (h, b), and what it had accepted then: */
byte said_ballot[N * HEIGHTS * BALLOTS];
byte said_value[N * HEIGHTS * BALLOTS];
byte request[HEIGHTS * BALLOTS]; /* accept this */
bool voted[N * HEIGHTS * BALLOTS]; /* g accepted it */

byte chosen[HEIGHTS]; /* what an onlooker knows */

#define FIRST(g) known[G(g, 0)]
#define MAKER(v) ((v) >= LESS -> 0 : (v) - 1)

/* Who votes at h, and how many of them decide, if the block before is this. */
#define TRULY(g, h, first) \
	((h) == 0 || (first) < LESS || (g) == 0 || ((first) == LESS && (g) == 1))
#define ENOUGH(h, first) ((h) == 1 && (first) == ALONE -> 1 : 2)
#ifdef OLD_MEMBERS /* mistake: they are taken from the wrong block */
#define MEMBER(g, h, first) true
#define MAJORITY(h, first) 2
#else
#define MEMBER(g, h, first) TRULY(g, h, first)
#define MAJORITY(h, first) ENOUGH(h, first)
#endif

/* It knows the block before, not yet this one, and votes here. */
#define TURN(g, h) \
	(known[G(g, h)] == NONE && ((h) == 0 || FIRST(g) != NONE) && MEMBER(g, h, FIRST(g)))

#ifdef FORGET_PROMISE /* mistake: a promise is not durable */
#define KEEP_PROMISE(g, h, b) skip
#else
#define KEEP_PROMISE(g, h, b) promised[G(g, h)] = (b) + 1
#endif

#ifdef ACCEPT_BELOW /* mistake: what was promised does not bind */
#define MAY_ACCEPT(g, h, b) true
#else
#define MAY_ACCEPT(g, h, b) (promised[G(g, h)] <= (b) + 1)
#endif

#ifdef REUSE /* mistake: an owner forgets that it has used its ballot */
#define UNUSED(g, h, b) true
#else
#define UNUSED(g, h, b) (accepted[G(g, h)] != (b) + 1)
#endif

#ifdef FIRST_FOR_ALL /* mistake: the ballot with no prepare round is anybody's */
#define OWNS_FIRST(g) true
#else
#define OWNS_FIRST(g) (MAKER(FIRST(g)) == (g))
#endif

/* Is (h, b) decided, as the gateways see it, or as it truly is? */
#define SEEN(g, h, b) (voted[GB(g, h, b)] && MEMBER(g, h, chosen[0]))
#define TRUE(g, h, b) (voted[GB(g, h, b)] && TRULY(g, h, chosen[0]))
#define DECIDED(h, b) \
	(SEEN(0, h, b) + SEEN(1, h, b) + SEEN(2, h, b) >= MAJORITY(h, chosen[0]) || \
	    TRUE(0, h, b) + TRUE(1, h, b) + TRUE(2, h, b) >= ENOUGH(h, chosen[0]))

inline vote(g, h, b)
{
	promised[G(g, h)] = b + 1;
	accepted[G(g, h)] = b + 1;
	value[G(g, h)] = request[B(h, b)];
	voted[GB(g, h, b)] = true;
	if
	:: DECIDED(h, b) ->
		assert(chosen[h] == NONE || chosen[h] == request[B(h, b)]);
		chosen[h] = request[B(h, b)]
	:: else
	fi
}

inline say(g, h, b)
{
	said[GB(g, h, b)] = true;
	said_ballot[GB(g, h, b)] = accepted[G(g, h)];
	said_value[GB(g, h, b)] = value[G(g, h)]
}

/* A proposer promises itself first, so that its ballot is used. */
#define PREPARE(g, h) \
	:: atomic { \
		TURN(g, h) && promised[G(g, h)] < (g) + 2 && !prepare[B(h, (g) + 1)] -> \
		prepare[B(h, (g) + 1)] = true; \
		promised[G(g, h)] = (g) + 2; \
		say(g, h, (g) + 1) \
	}

#define PROMISE(g, h, b) \
	:: atomic { \
		prepare[B(h, b)] && !said[GB(g, h, b)] && TURN(g, h) && \
		    promised[G(g, h)] < (b) + 1 -> \
		say(g, h, b); \
		KEEP_PROMISE(g, h, b) \
	}

#define SAID(g, h, b) said_ballot[GB(g, h, b)]

#ifdef ANY_VALUE /* mistake: what was accepted before is not looked at */
#define HIGHEST(g, k, h, b) 0
#elif defined(LOWER_VALUE) /* mistake: the lower one of two is taken */
#define HIGHEST(g, k, h, b) \
	(SAID(g, h, b) == 0 -> SAID(k, h, b) : \
	    (SAID(k, h, b) == 0 || SAID(g, h, b) < SAID(k, h, b) -> SAID(g, h, b) : SAID(k, h, b)))
#else
#define HIGHEST(g, k, h, b) (SAID(g, h, b) > SAID(k, h, b) -> SAID(g, h, b) : SAID(k, h, b))
#endif
#define VALUE_OF(g, k, h, b, ballot) \
	(SAID(g, h, b) == (ballot) -> said_value[GB(g, h, b)] : said_value[GB(k, h, b)])

/* With its own promise and k's: a majority of three, and of two. */
#define ASK(g, k, h) \
	:: atomic { \
		TURN(g, h) && MEMBER(k, h, FIRST(g)) && said[GB(g, h, (g) + 1)] && \
		    said[GB(k, h, (g) + 1)] && UNUSED(g, h, (g) + 1) && \
		    MAY_ACCEPT(g, h, (g) + 1) -> \
		if \
		:: HIGHEST(g, k, h, (g) + 1) == 0 -> wish = (g) + 1 \
		:: HIGHEST(g, k, h, (g) + 1) == 0 && (g) == 0 && (h) == 0 -> wish = LESS \
		:: HIGHEST(g, k, h, (g) + 1) == 0 && (g) == 0 && (h) == 0 -> wish = ALONE \
		:: HIGHEST(g, k, h, (g) + 1) != 0 -> \
			wish = VALUE_OF(g, k, h, (g) + 1, HIGHEST(g, k, h, (g) + 1)) \
		fi; \
		assert(request[B(h, (g) + 1)] == NONE || request[B(h, (g) + 1)] == wish); \
		request[B(h, (g) + 1)] = wish; \
		vote(g, h, (g) + 1); \
		wish = NONE \
	}

/* The maker of the block before: the lowest ballot of all needs no promises. */
#define ASK_AT_ONCE(g) \
	:: atomic { \
		TURN(g, 1) && OWNS_FIRST(g) && promised[G(g, 1)] == 0 -> \
		assert(request[B(1, 0)] == NONE || request[B(1, 0)] == (g) + 1); \
		request[B(1, 0)] = (g) + 1; \
		vote(g, 1, 0) \
	}

#define ACCEPT(g, h, b) \
	:: atomic { \
		request[B(h, b)] != NONE && !voted[GB(g, h, b)] && TURN(g, h) && \
		    MAY_ACCEPT(g, h, b) -> \
		vote(g, h, b) \
	}

/* A certificate proves itself, whoever passes it on. */
#define LEARN(g, h) \
	:: atomic { \
		chosen[h] != NONE && known[G(g, h)] == NONE && \
		    ((h) == 0 || known[G(g, 0)] != NONE) -> \
		known[G(g, h)] = chosen[h]; \
		forget(g, h) \
	}

/* Nobody asks what was voted at a height that is over. */
inline forget(g, h)
{
	promised[G(g, h)] = 0;
	accepted[G(g, h)] = 0;
	value[G(g, h)] = 0
}

#define PROPOSER(g, i, k, h) \
	PREPARE(g, h) \
	PROMISE(i, h, (g) + 1) \
	PROMISE(k, h, (g) + 1) \
	ASK(g, i, h) \
	ASK(g, k, h) \
	ACCEPT(i, h, (g) + 1) \
	ACCEPT(k, h, (g) + 1)

active proctype network()
{
	byte wish = NONE;
end:
	do
	PROPOSER(0, 1, 2, 0)
	PROPOSER(1, 0, 2, 0)
	PROPOSER(1, 0, 2, 1)
	PROPOSER(2, 0, 1, 1)
	ASK_AT_ONCE(0)
	ASK_AT_ONCE(1)
	ACCEPT(0, 1, 0)
	ACCEPT(1, 1, 0)
	ACCEPT(2, 1, 0)
	LEARN(0, 0)
	LEARN(1, 0)
	LEARN(2, 0)
	LEARN(0, 1)
	LEARN(1, 1)
	LEARN(2, 1)
	od
}
