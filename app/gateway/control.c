/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "base/number.h"
#include "gateway.h"

#define LM_LOG_MODULE "control"

#define PUNTS_PER_TURN 16 /* then timers and the other descriptors get a look */
#define USED_EVERY (5 * GW_SECOND)

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * GW_SECOND + (uint64_t)ts.tv_nsec;
}

struct lm_now gw_now(void)
{
	return (struct lm_now){
	    .mono = clock_ns(CLOCK_MONOTONIC),
	    .wall = clock_ns(CLOCK_REALTIME),
	};
}

static int watch(struct gateway *gw, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(gw->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

int gw_control_open(struct gateway *gw)
{
	sigset_t set;
	int err = 0;

	/* Blocked before DPDK starts its threads (main.c), so that all inherit the mask. */
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	gw->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	gw->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	gw->ask_fd = gw_ask_open();
	if (gw->signal_fd < 0 || gw->epoll_fd < 0 || gw->ask_fd < 0)
		err = -errno;
	if (!err)
		err = watch(gw, gw->signal_fd);
	if (!err)
		err = watch(gw, gw->ask_fd);
	if (!err)
		err = watch(gw, gw->reader_fd);
	if (!err)
		err = watch(gw, gw->attachments.inotify_fd);
	if (!err)
		err = watch(gw, lm_dp_punt_fd(gw->dp));
	if (err)
		lm_error("cannot set up the event loop: %s", strerror(-err));
	return err;
}

void gw_control_close(struct gateway *gw)
{
	gw_ask_close();
	if (gw->signal_fd >= 0)
		close(gw->signal_fd);
	if (gw->epoll_fd >= 0)
		close(gw->epoll_fd);
}

static void on_signal(struct gateway *gw)
{
	struct signalfd_siginfo si;
	struct lm_why text = {0};

	while (read(gw->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGHUP) {
			gw_reload(gw, &text);
			continue;
		}
		lm_info("%s: stopping", strsignal((int)si.ssi_signo));
		gw->stopping = true;
	}
}

static int wait_ms(uint64_t now, uint64_t next)
{
	if (next <= now)
		return 0;
	/* Rounded up: waking before a timer is due would only spin. */
	uint64_t ms = (next - now + 999999) / 1000000;
	return ms > 60000 ? 60000 : (int)ms;
}

static void count_turn(struct gw_turns *t, uint64_t ns)
{
	t->n++;
	t->busy_ns += ns;
	if (ns > t->longest_ns)
		t->longest_ns = ns;
	t->over_10ms += ns > GW_SECOND / 100;
	t->over_100ms += ns > GW_SECOND / 10;
	t->over_1s += ns > GW_SECOND;
}

void gw_control_run(struct gateway *gw)
{
	struct epoll_event events[8];
	uint64_t used_at = 0, turn_began = gw_now().mono;
	bool more = false;

	while (!gw->stopping) {
		struct lm_now now = gw_now();
		/* First the attachments: membership is to hear of them. */
		uint64_t next = gw_attachments_tick(gw, now.mono);

		next = lm_min_u64(next, lm_membership_tick(gw->membership, &now));
		next = lm_min_u64(next, lm_underlay_tick(gw->underlay, now.mono));
		next = lm_min_u64(next, gw_advertise_tick(gw, now.mono));
		next = lm_min_u64(next, gw_dns_tick(gw, now.mono));
		next = lm_min_u64(next, gw_rates_tick(gw, now.mono));
		if (gw_networks_tick(gw))
			next = now.mono;
		if (gw->records)
			lm_journal_flush(gw->records);
		if (now.mono - used_at >= USED_EVERY) {
			gw_paths_used(gw);
			used_at = now.mono;
		}
		next = lm_min_u64(next, used_at + USED_EVERY);

		count_turn(&gw->turns, gw_now().mono - turn_began);
		int n = epoll_wait(gw->epoll_fd, events, 8, more ? 0 : wait_ms(now.mono, next));
		turn_began = gw_now().mono;
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == gw->signal_fd)
				on_signal(gw);
			else if (fd == gw->ask_fd)
				gw_ask_serve(gw);
			else if (fd == gw->reader_fd)
				gw_reader_serve(gw);
			else if (fd == gw->attachments.inotify_fd)
				gw_attachments_event(gw);
		}
		more = lm_dp_punts(gw->dp, PUNTS_PER_TURN, gw_punt, gw) == PUNTS_PER_TURN;
	}
}
