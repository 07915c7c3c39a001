/* SPDX-License-Identifier: Apache-2.0 */
#include "config/source.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Ours need three levels: the file, a list or group, a group inside it. */
#define DEPTH_MAX 16
/* Keys of the groups that are open at one time; no group of ours has more than 20. */
#define KEYS_MAX 256

struct key {
	const char *name;
	size_t len;
	unsigned line;
};

struct scan {
	const char *file, *at, *end;
	unsigned line;
	struct key keys[KEYS_MAX]; /* of all open scopes, innermost last */
	unsigned n_keys;
	struct {
		char close;
		unsigned first_key, line;
	} scopes[DEPTH_MAX];
	unsigned depth;
	struct key last; /* the latest word: a key, if '=' follows */
	struct lm_why *why;
};

static int refuse(struct scan *s, unsigned line, const char *reason)
{
	return lm_why(s->why, EINVAL, "%s:%u: %s", s->file, line, reason);
}

static bool starts(const struct scan *s, const char *what)
{
	size_t n = strlen(what);

	return (size_t)(s->end - s->at) >= n && memcmp(s->at, what, n) == 0;
}

static void step(struct scan *s, size_t n)
{
	for (; n > 0 && s->at < s->end; n--, s->at++)
		if (*s->at == '\n')
			s->line++;
}

static int string(struct scan *s)
{
	unsigned start = s->line;

	for (step(s, 1); s->at < s->end; step(s, 1)) {
		if (*s->at == '"') {
			step(s, 1);
			return 0;
		}
		if (starts(s, "\\x00") || starts(s, "\\X00"))
			return refuse(s, s->line, "a string must not contain NUL");
		if (starts(s, "\\\\") || starts(s, "\\\""))
			step(s, 1);
	}
	return refuse(s, start, "this string does not end");
}

static int block_comment(struct scan *s)
{
	unsigned start = s->line;

	for (step(s, 2); s->at < s->end; step(s, 1)) {
		if (starts(s, "*/")) {
			step(s, 2);
			return 0;
		}
	}
	return refuse(s, start, "this comment does not end");
}

static void line_comment(struct scan *s)
{
	while (s->at < s->end && *s->at != '\n')
		s->at++;
}

static void word(struct scan *s)
{
	s->last = (struct key){.name = s->at, .line = s->line};
	while (s->at < s->end && (isalnum((unsigned char)*s->at) || strchr("-_*", *s->at)))
		s->at++;
	s->last.len = (size_t)(s->at - s->last.name);
}

/*
 * libconfig 1.5 as Debian 12 has it wraps numbers of more than 32 bits without a word. None of our
 * keys is that large, so they are refused here, where the digits are still to be seen.
 */
static int number(struct scan *s)
{
	const struct key *k = s->n_keys ? &s->keys[s->n_keys - 1] : NULL;
	bool hexadecimal = starts(s, "0x") || starts(s, "0X");
	uint64_t n = 0;

	if (hexadecimal)
		step(s, 2);
	for (; s->at < s->end && isxdigit((unsigned char)*s->at); s->at++) {
		unsigned digit = isdigit((unsigned char)*s->at)
				     ? (unsigned)(*s->at - '0')
				     : (unsigned)(*s->at | 0x20) - 'a' + 10;
		if (digit > 9 && !hexadecimal)
			break; /* the exponent of a float: its reader refuses it */
		n = n * (hexadecimal ? 16 : 10) + digit;
		if (n > INT32_MAX)
			return lm_why(s->why, EINVAL, "%s:%u: %.*s%snumber too large", s->file,
			    s->line, k ? (int)(k->len < 64 ? k->len : 64) : 0, k ? k->name : "",
			    k ? ": " : "");
	}
	return 0;
}

static int assign(struct scan *s)
{
	struct key *k = &s->last;
	unsigned i = s->depth ? s->scopes[s->depth - 1].first_key : 0;

	step(s, 1);
	if (!k->len)
		return 0; /* libconfig will say that this is no syntax */
	for (; i < s->n_keys; i++)
		if (s->keys[i].len == k->len && memcmp(s->keys[i].name, k->name, k->len) == 0)
			return lm_why(s->why, EINVAL, "%s:%u: %.*s: given twice, first in line %u",
			    s->file, k->line, (int)(k->len < 64 ? k->len : 64), k->name,
			    s->keys[i].line);
	if (s->n_keys == KEYS_MAX)
		return refuse(s, k->line, "too many keys");
	s->keys[s->n_keys++] = *k;
	k->len = 0;
	return 0;
}

static int open_scope(struct scan *s)
{
	if (s->depth == DEPTH_MAX)
		return refuse(s, s->line, "nested too deeply");
	s->scopes[s->depth].close = *s->at == '{' ? '}' : *s->at == '(' ? ')' : ']';
	s->scopes[s->depth].first_key = s->n_keys;
	s->scopes[s->depth].line = s->line;
	s->depth++;
	s->last.len = 0;
	step(s, 1);
	return 0;
}

static int close_scope(struct scan *s)
{
	if (s->depth == 0)
		return lm_why(s->why, EINVAL, "%s:%u: '%c' without an opening bracket", s->file,
		    s->line, *s->at);
	s->depth--;
	if (s->scopes[s->depth].close != *s->at)
		return lm_why(s->why, EINVAL, "%s:%u: '%c' where line %u wants '%c'", s->file,
		    s->line, *s->at, s->scopes[s->depth].line, s->scopes[s->depth].close);
	s->n_keys = s->scopes[s->depth].first_key;
	s->last.len = 0;
	step(s, 1);
	return 0;
}

static int token(struct scan *s)
{
	char c = *s->at;

	if (c == '"')
		return string(s);
	if (starts(s, "/*"))
		return block_comment(s);
	if (c == '#' || starts(s, "//"))
		return line_comment(s), 0;
	if (isalpha((unsigned char)c) || c == '*')
		return word(s), 0;
	if (isdigit((unsigned char)c))
		return number(s);
	if (c == '=' || c == ':')
		return assign(s);
	if (c == '{' || c == '(' || c == '[')
		return open_scope(s);
	if (c == '}' || c == ')' || c == ']')
		return close_scope(s);
	if (starts(s, "@include"))
		return refuse(s, s->line, "@include: not supported, write one file");
	step(s, 1);
	return 0;
}

int lm_source_scan(const char *name, const char *text, size_t len, struct lm_why *why)
{
	struct scan s = {.file = name, .at = text, .end = text + len, .line = 1, .why = why};

	while (s.at < s.end) {
		/* strchr and libconfig both take NUL for the end of the text. */
		if (*s.at == '\0')
			break;
		int r = token(&s);
		if (r)
			return r;
	}
	const char *nul = memchr(text, '\0', len);
	if (nul) {
		s.line = 1;
		for (s.at = text; s.at < nul; s.at++)
			s.line += *s.at == '\n';
		return refuse(&s, s.line, "contains a NUL byte");
	}
	if (s.depth)
		return lm_why(why, EINVAL, "%s:%u: the bracket opened here is not closed", name,
		    s.scopes[s.depth - 1].line);
	return 0;
}
