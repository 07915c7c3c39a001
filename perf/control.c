/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   leasemesh-control one GATEWAYS LEASES IDLE-MINUTES
 *   leasemesh-control many GATEWAYS NETWORKS MEMBERS IDLE-MINUTES
 *
 * perf/control runs it.
 */
#include <stdlib.h>
#include <string.h>
#include "control.h"

static int usage(void)
{
	fputs("usage: leasemesh-control one GATEWAYS LEASES IDLE-MINUTES\n"
	      "       leasemesh-control many GATEWAYS NETWORKS MEMBERS IDLE-MINUTES\n",
	    stderr);
	return 2;
}

int main(int argc, char **argv)
{
	unsigned n[4] = {0};
	struct control_options options = {.seed = 1};

	for (int i = 2; i < argc && i < 6; i++) {
		n[i - 2] = (unsigned)strtoul(argv[i], NULL, 10);
		if (n[i - 2] == 0)
			return usage();
	}
	options.gateways = n[0];
	if (argc == 5 && strcmp(argv[1], "one") == 0) {
		options.leases = n[1];
		options.idle_minutes = n[2];
		return control_one_network(&options);
	}
	if (argc == 6 && strcmp(argv[1], "many") == 0) {
		options.networks = n[1];
		options.members = n[2];
		options.idle_minutes = n[3];
		return control_many_networks(&options);
	}
	return usage();
}
