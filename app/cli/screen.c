/* SPDX-License-Identifier: Apache-2.0 */
#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS 80 /* where nobody knows */
#define LINES 24

static struct termios before;
static bool active; /* the terminal is ours */
static int signals = -1;

static void put(const char *text)
{
	fputs(text, stdout);
	fflush(stdout);
}

void screen_end(void)
{
	if (!active)
		return;
	active = false;
	put("\033[?25h\033[?1049l"); /* the cursor, and what was there before */
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

void screen_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool screen_begin(void)
{
	struct termios raw;

	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) < 0)
		return false;
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) < 0)
		return false;
	active = true;
	atexit(screen_end);
	put("\033[?1049h\033[?25l");
	return true;
}

static void window(unsigned *columns, unsigned *lines)
{
	struct winsize size = {0};

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*columns = size.ws_col > 0 ? size.ws_col : COLUMNS;
	*lines = size.ws_row > 0 ? size.ws_row : LINES;
}

/* Bytes of so many characters: those that go on in UTF-8 take no place of their own. */
static size_t fitting(const char *text, size_t len, unsigned columns)
{
	unsigned used = 0;

	for (size_t i = 0; i < len; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80 && used++ == columns)
			return i;
	return len;
}

void screen_draw(const char *text)
{
	unsigned columns, lines;

	window(&columns, &lines);
	fputs("\033[H", stdout);
	for (unsigned line = 0; line < lines && *text != '\0'; line++) {
		size_t len = strcspn(text, "\n");

		/* No newline behind the last line, which would move everything up. */
		printf("%s%.*s\033[K", line ? "\r\n" : "", (int)fitting(text, len, columns), text);
		text += len + (text[len] != '\0');
	}
	put("\033[J");
}

/* True: one of those that end it. */
static bool take_signal(bool *resized)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	*resized |= info.ssi_signo == SIGWINCH;
	return info.ssi_signo != SIGWINCH;
}

static bool take_key(void)
{
	char key;
	ssize_t n = read(STDIN_FILENO, &key, 1);

	/* Ctrl-D comes as a byte. */
	return n == 0 || (n < 0 && errno != EINTR) || key == 'q' || key == 'Q' || key == 4;
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool screen_wait(double seconds, bool *resized)
{
	double end = seconds_now() + seconds;

	*resized = false;
	while (!*resized) {
		double left = end - seconds_now();
		struct pollfd fds[2] = {{.fd = signals, .events = POLLIN},
		    {.fd = active ? STDIN_FILENO : -1, .events = POLLIN}};

		if (left <= 0)
			return true;
		if (poll(fds, 2, (int)(left * 1000) + 1) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents && take_signal(resized))
			return false;
		if (fds[1].revents && take_key())
			return false;
	}
	return true;
}
