#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# With huge pages, where this kernel gives them, and nothing is left of them.
. "$(dirname "$0")/common.bash"

export LM_HUGE=auto LM_MEMORY_MB=256
pages=$(cat /proc/sys/vm/nr_hugepages)
(
	shop_up
	echo "huge pages: $(grep -h huge_pages "$T/gateway/alpha/gateway.conf")"
	expect "web reaches db" reaches web 100.64.10.20
)
# Another instance may hold its own for a moment.
given_back()
{
	[ "$(cat /proc/sys/vm/nr_hugepages)" -le "$pages" ]
}
eventually 20 "the pool has its $pages pages again" given_back
