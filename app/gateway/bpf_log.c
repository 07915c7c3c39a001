/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AF_XDP's libraries print to stderr while a port starts and stops: sections that
 * they skip, a file system that they can do without. Here these lines become ours:
 * warnings while ports start, which say why one fails, stay visible; the rest is
 * for debugging.
 *
 * DPDK's driver brings the libraries along, or does not: we do not link them, and
 * only talk to those that are there.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

#define LM_LOG_MODULE "xdp"

/* As bpf/libbpf.h and xdp/libxdp.h declare them; both are stable since their version 1. */
enum print_level { PRINT_WARN, PRINT_INFO, PRINT_DEBUG };
typedef int (*print_fn)(enum print_level level, const char *fmt, va_list ap);
typedef print_fn (*set_print_fn)(print_fn fn);

static enum lm_log_level warning = LM_WARN;

static int print(enum print_level level, const char *fmt, va_list ap)
{
	char line[512];
	int n = vsnprintf(line, sizeof(line), fmt, ap);

	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '\0')
		return n;
	if (level == PRINT_WARN)
		lm_log_write(warning, LM_LOG_MODULE, "%s", line);
	else if (level == PRINT_INFO)
		lm_debug("%s", line);
	return n;
}

static void take_over(const char *library, const char *setter)
{
	/* RTLD_NOLOAD: a library that is not there has nothing to say. */
	void *handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
	set_print_fn set_print;

	if (!handle)
		return;
	void *symbol = dlsym(handle, setter);
	if (symbol) {
		memcpy(&set_print, &symbol, sizeof(set_print));
		set_print(print);
	}
	dlclose(handle);
}

void gw_bpf_log_ports_are_up(void)
{
	warning = LM_DEBUG;
}

void gw_bpf_log(void)
{
	/* The dispatcher shares an interface among several XDP programs. A port is ours alone, and
	 * without it nothing is pinned to bpffs, so nothing stays behind whatever kills us. */
	setenv("LIBXDP_SKIP_DISPATCHER", "1", 0);
	take_over("libbpf.so.1", "libbpf_set_print");
	take_over("libxdp.so.1", "libxdp_set_print");
}
