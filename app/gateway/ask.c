/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ask.h"

/* One question at a time; its owner holds `turn` until it has the answer. */
static struct {
	pthread_mutex_t turn;
	pthread_mutex_t lock; /* of everything below */
	pthread_cond_t answered;
	gw_answer answer;
	const char *params;
	struct rte_tel_data *d;
	int result;
	bool pending, closed;
	int fd;
} ask = {
    .turn = PTHREAD_MUTEX_INITIALIZER,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .answered = PTHREAD_COND_INITIALIZER,
    .closed = true,
    .fd = -1,
};

int gw_ask_open(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	pthread_mutex_lock(&ask.lock);
	ask.fd = fd;
	ask.closed = false;
	pthread_mutex_unlock(&ask.lock);
	return fd;
}

int gw_ask(gw_answer answer, const char *params, struct rte_tel_data *d)
{
	int result = -ESHUTDOWN;

	pthread_mutex_lock(&ask.turn);
	pthread_mutex_lock(&ask.lock);
	if (!ask.closed) {
		ask.answer = answer;
		ask.params = params ? params : "";
		ask.d = d;
		/* Cannot fail, but if it did nobody would ever look at what is asked. */
		ask.result = -EIO;
		ask.pending = eventfd_write(ask.fd, 1) == 0;
		while (ask.pending)
			pthread_cond_wait(&ask.answered, &ask.lock);
		result = ask.result;
	}
	pthread_mutex_unlock(&ask.lock);
	pthread_mutex_unlock(&ask.turn);
	return result;
}

void gw_ask_serve(struct gateway *gw)
{
	eventfd_t ignored;

	pthread_mutex_lock(&ask.lock);
	eventfd_read(ask.fd, &ignored);
	if (ask.pending) {
		ask.result = ask.answer(gw, ask.params, ask.d);
		ask.pending = false;
		pthread_cond_signal(&ask.answered);
	}
	pthread_mutex_unlock(&ask.lock);
}

void gw_ask_close(void)
{
	pthread_mutex_lock(&ask.lock);
	ask.closed = true;
	if (ask.pending) {
		ask.result = -ESHUTDOWN;
		ask.pending = false;
		pthread_cond_signal(&ask.answered);
	}
	if (ask.fd >= 0)
		close(ask.fd);
	ask.fd = -1;
	pthread_mutex_unlock(&ask.lock);
}
