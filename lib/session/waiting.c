/* SPDX-License-Identifier: Apache-2.0 */
#include "session/waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int lm_waiting_put(struct lm_waiting *w, uint8_t type, const void *body, size_t len)
{
	uint8_t *copy = NULL;

	if (w->n == LM_WAITING_MAX)
		return -ENOBUFS;
	if (len && !(copy = malloc(len)))
		return -ENOMEM;
	if (len)
		memcpy(copy, body, len);
	w->at[w->n++] = (struct lm_waiting_message){type, (uint16_t)len, copy};
	return 0;
}

void lm_waiting_clear(struct lm_waiting *w)
{
	while (w->n)
		free(w->at[--w->n].body);
}
