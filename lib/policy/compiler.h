/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler's two files share. Private to lib/policy; on the control thread. */
#ifndef LM_POLICY_COMPILER_H
#define LM_POLICY_COMPILER_H

#include "policy/layout.h"

/* An array that grows. */
struct lm_pool {
	void *data;
	size_t n, room;
};

struct lm_compiler {
	struct lm_policy *policy;
	struct lm_pool rules, rates, carried, names, points, points6, bits;
	/* Of the list and dimension that is compiled now. */
	struct lm_pool pairs, events;
	const struct lm_rule *list;
	unsigned n_list, words;
	size_t bytes; /* of what stays */
};

/*
 * Room for n more items of this size in *at; they are zero. -ENOMEM, -E2BIG: beyond what a policy
 * may take.
 */
int lm_compiler_add(struct lm_compiler *c, struct lm_pool *p, size_t n, size_t size, void *at);
/* The same for what is needed while compiling only. */
int lm_compiler_scratch(struct lm_pool *p, size_t n, size_t size, void *at);

static inline void lm_set_bit(uint64_t *vector, unsigned i)
{
	vector[i / LM_POLICY_WORD_BITS] |= UINT64_C(1) << i % LM_POLICY_WORD_BITS;
}

/* The dimensions with ranges for keys: where to, and the peer's address. */
int lm_compile_targets(struct lm_compiler *c, struct lm_policy_index *index);
int lm_compile_addresses(struct lm_compiler *c, struct lm_policy_index *index, int family);

#endif
