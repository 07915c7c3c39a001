/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include "gateway.h"

#define LM_LOG_MODULE "eal"

#define ARGS_MAX 96

struct args {
	char *v[ARGS_MAX];
	int n;
	bool failed;
};

static void arg(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void arg(struct args *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (a->n == ARGS_MAX - 1 || vasprintf(&a->v[a->n], fmt, ap) < 0)
		a->failed = true;
	else
		a->n++;
	va_end(ap);
}

/* "0000:01:00.0" or "01:00.0", maybe with arguments behind a comma. */
static bool is_pci(const char *device)
{
	unsigned a, b, c, d;

	return sscanf(device, "%x:%x:%x.%x", &a, &b, &c, &d) == 4 ||
	       sscanf(device, "%x:%x.%x", &a, &b, &c) == 3;
}

/* All processors that this process may use, as a list for --lcores. */
static void cpu_list(char *out, size_t size)
{
	cpu_set_t set;
	size_t len = 0;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = 0; cpu < CPU_SETSIZE && len < size - 8; cpu++)
		if (CPU_ISSET(cpu, &set))
			len += (size_t)snprintf(out + len, size - len, "%s%d", len ? "," : "", cpu);
}

/*
 * Lcore 0 is control, 1 .. n are the workers, whatever processors they run on: so
 * the rest of the code need not care whether they are pinned.
 */
static void lcores(struct args *a, const struct lm_gateway_config *c)
{
	char map[2048], all[512];
	size_t len;

	if (c->pin) {
		len = (size_t)snprintf(map, sizeof(map), "0@%u", c->control_core);
		for (unsigned i = 0; i < c->n_workers && len < sizeof(map); i++)
			len += (size_t)snprintf(
			    map + len, sizeof(map) - len, ",%u@%u", i + 1, c->worker_cores[i]);
		if (len >= sizeof(map))
			a->failed = true;
	} else {
		cpu_list(all, sizeof(all));
		snprintf(map, sizeof(map), "(0-%u)@(%s)", c->n_workers, all);
	}
	arg(a, "--lcores=%s", map);
	arg(a, "--main-lcore=0");
}

static void extra(struct args *a, const char *text)
{
	while (*text) {
		size_t skip = strspn(text, " \t"), len = strcspn(text + skip, " \t");
		if (len)
			arg(a, "%.*s", (int)len, text + skip);
		text += skip + len;
	}
}

int gw_eal_start(const struct lm_gateway_config *c)
{
	/* EAL keeps pointers into its arguments, so they are never freed, and rewrites the array.
	 */
	static struct args a;
	char *argv[ARGS_MAX];
	unsigned pci = 0;

	arg(&a, "leasemeshd");
	lcores(&a, c);
	/* No files shared with other processes: nothing is left behind, whatever kills us. (DPDK
	 * refuses --in-memory without huge pages.) */
	arg(&a, c->huge_pages ? "--in-memory" : "--no-shconf");
	arg(&a, "--file-prefix=%s", c->file_prefix);
	arg(&a, "-m%u", c->memory_mb);
	if (!c->huge_pages)
		arg(&a, "--no-huge");
	for (unsigned i = 0; i < c->n_ports; i++)
		if (is_pci(c->ports[i].device)) {
			arg(&a, "-a%s", c->ports[i].device);
			pci++;
		}
	if (!pci)
		arg(&a, "--no-pci");
	if (c->log_level < LM_DEBUG)
		arg(&a, "--log-level=*:warning");
	extra(&a, c->eal_args);
	if (a.failed) {
		lm_error("too many arguments for DPDK");
		return -E2BIG;
	}
	memcpy(argv, a.v, sizeof(argv));
	if (rte_eal_init(a.n, argv) < 0) {
		lm_error("DPDK does not start: %s%s", rte_strerror(rte_errno),
		    c->huge_pages
			? " (are huge pages reserved? see drivers-config/README.md, or set "
			  "dpdk.huge_pages = false)"
			: "");
		return rte_errno ? -rte_errno : -EIO;
	}
	return 0;
}
