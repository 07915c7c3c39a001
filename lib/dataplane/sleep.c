/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker with nothing to do sleeps in poll(), on the sockets of its ports and on
 * an eventfd that others kick after they put something into one of its rings.
 *
 * No wake-up is lost: the worker announces its sleep, and looks at its rings once
 * more; the others fill the ring, and look whether it announced sleep. With a full
 * fence between the two steps on either side, one of them sees the other.
 */
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>
#include <rte_ring.h>
#include "dataplane/worker.h"

#define SLEEP_MS 1000 /* while there are flows to age */
/* Without sockets to wait on: naps from short to this. */
#define NAP_MAX_US 100u
#define POLL_FDS_MAX (LM_DP_PORTS_MAX * LM_DP_WORKERS_MAX + 1)

void lm_worker_wake(struct lm_worker *w)
{
	const uint64_t one = 1;

	if (!w)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&w->asleep, __ATOMIC_RELAXED) == 0 ||
	    __atomic_exchange_n(&w->asleep, 0, __ATOMIC_RELAXED) == 0)
		return;
	ssize_t n = write(w->wake_fd, &one, sizeof one);
	(void)n; /* full means that it is readable, which is all we want */
}

static bool rings_empty(const struct lm_worker *w)
{
	for (unsigned i = 0; i < w->dp->config.n_workers; i++)
		if (i != w->index && !rte_ring_empty(w->from[i]))
			return false;
	return rte_ring_empty(w->down);
}

/* False: one of our ports has no sockets to wait on. */
static bool collect(const struct lm_worker *w, struct pollfd *fds, unsigned *n)
{
	for (unsigned i = 0; i < w->n_rxq; i++) {
		const struct lm_port *port = &w->dp->ports[w->rxq[i].port];
		if (port->n_fds == 0)
			return false;
		for (unsigned k = 0; k < port->n_fds; k++)
			if (port->fd_queues[k] == LM_PORT_ANY_QUEUE ||
			    port->fd_queues[k] == w->rxq[i].queue)
				fds[(*n)++] = (struct pollfd){.fd = port->fds[k], .events = POLLIN};
	}
	return true;
}

void lm_worker_sleep(struct lm_worker *w)
{
	struct pollfd fds[POLL_FDS_MAX];
	unsigned n = 1;
	uint64_t rung;

	fds[0] = (struct pollfd){.fd = w->wake_fd, .events = POLLIN};
	bool sockets = collect(w, fds, &n);
	__atomic_store_n(&w->asleep, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!rings_empty(w) || __atomic_load_n(&w->dp->stopping, __ATOMIC_RELAXED)) {
		__atomic_store_n(&w->asleep, 0, __ATOMIC_RELAXED);
		return;
	}
	if (sockets) {
		poll(fds, n, w->flows.count > 0 ? SLEEP_MS : -1);
	} else {
		/* Longer with every nap in a row. */
		struct timespec nap = {.tv_nsec = 1000L * RTE_MIN(w->idle / 4, NAP_MAX_US)};

		ppoll(fds, 1, &nap, NULL);
	}
	__atomic_store_n(&w->asleep, 0, __ATOMIC_RELAXED);
	ssize_t got = read(w->wake_fd, &rung, sizeof rung);
	(void)got; /* nobody rang, then */
}
