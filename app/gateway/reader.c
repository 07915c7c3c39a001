/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway.h"

/* Bytes: what is smaller takes five milliseconds at most, its tests included. */
#define LARGE (16u << 10)
#define WAITING_MAX 8 /* documents; more than that wait where they were brought */
#define NICE 5 /* the control thread, on whose core this one is, comes first */

struct job {
	STAILQ_ENTRY(job) link;
	uint64_t number;
	struct lm_document document;
	uint64_t check_us;
	size_t len;
	uint8_t bytes[];
};
STAILQ_HEAD(jobs, job);

struct gw_reader {
	pthread_t thread;
	int fd;
	unsigned n; /* the control thread's: taken and not served yet */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t news;
	struct jobs waiting, done;
	bool stopping;
};

/* ---- the thread ---------------------------------------------------------------- */

/* NULL: it is to end. */
static struct job *next_job(struct gw_reader *r)
{
	struct job *j = NULL;

	pthread_mutex_lock(&r->lock);
	while (!r->stopping && STAILQ_EMPTY(&r->waiting))
		pthread_cond_wait(&r->news, &r->lock);
	if (!r->stopping) {
		j = STAILQ_FIRST(&r->waiting);
		STAILQ_REMOVE_HEAD(&r->waiting, link);
	}
	pthread_mutex_unlock(&r->lock);
	return j;
}

static void *read_all(void *arg)
{
	struct gw_reader *r = arg;
	struct job *j;

	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	while ((j = next_job(r))) {
		lm_document_open(&j->document, j->bytes, j->len);
		uint64_t begin = gw_now().mono;
		lm_document_check(&j->document);
		j->check_us = (gw_now().mono - begin) / 1000;
		pthread_mutex_lock(&r->lock);
		STAILQ_INSERT_TAIL(&r->done, j, link);
		pthread_mutex_unlock(&r->lock);
		eventfd_write(r->fd, 1);
	}
	return NULL;
}

/* ---- the control thread ---------------------------------------------------------- */

int gw_reader_open(struct gw_reader **out, int *fd)
{
	struct gw_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	STAILQ_INIT(&r->waiting);
	STAILQ_INIT(&r->done);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->news, NULL);
	r->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int err = r->fd < 0 ? -errno : -pthread_create(&r->thread, NULL, read_all, r);
	if (err) {
		if (r->fd >= 0)
			close(r->fd);
		free(r);
		return err;
	}
	pthread_setname_np(r->thread, "lm-reader");
	*fd = r->fd;
	*out = r;
	return 0;
}

static void free_jobs(struct jobs *jobs)
{
	struct job *j;

	while ((j = STAILQ_FIRST(jobs))) {
		STAILQ_REMOVE_HEAD(jobs, link);
		lm_document_free(&j->document);
		free(j);
	}
}

void gw_reader_close(struct gw_reader *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	pthread_cond_signal(&r->news);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	free_jobs(&r->waiting);
	free_jobs(&r->done);
	pthread_cond_destroy(&r->news);
	pthread_mutex_destroy(&r->lock);
	close(r->fd);
	free(r);
}

int gw_reader_take(void *gateway, uint64_t number, const uint8_t *bytes, size_t len)
{
	struct gw_reader *r = ((struct gateway *)gateway)->reader;
	struct job *j;

	if (len < LARGE)
		return -EAGAIN;
	if (r->n == WAITING_MAX)
		return -EBUSY;
	j = calloc(1, sizeof(*j) + len);
	if (!j)
		return -ENOMEM;
	j->number = number;
	j->len = len;
	memcpy(j->bytes, bytes, len);
	r->n++;
	pthread_mutex_lock(&r->lock);
	STAILQ_INSERT_TAIL(&r->waiting, j, link);
	pthread_cond_signal(&r->news);
	pthread_mutex_unlock(&r->lock);
	return 0;
}

void gw_reader_serve(struct gateway *gw)
{
	struct gw_reader *r = gw->reader;
	struct jobs done = STAILQ_HEAD_INITIALIZER(done);
	eventfd_t ignored;
	struct job *j;

	eventfd_read(r->fd, &ignored);
	pthread_mutex_lock(&r->lock);
	STAILQ_CONCAT(&done, &r->done);
	pthread_mutex_unlock(&r->lock);
	STAILQ_FOREACH(j, &done, link)
	{
		struct lm_now now = gw_now();

		r->n--;
		/* If it comes into force it is published from inside of the call, with these rules.
		 */
		gw_rules_offer(gw, &j->document, j->check_us);
		lm_membership_read(gw->membership, &now, j->number, &j->document);
		gw_rules_offer(gw, NULL, 0);
	}
	free_jobs(&done);
}
