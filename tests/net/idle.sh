#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A gateway without traffic costs next to nothing.
. "$(dirname "$0")/common.bash"

# CPU time of a gateway in clock ticks, all threads
ticks()
{
	awk '{ print $14 + $15 }' "/proc/$(cat "$T/gateway/$1/pid")/stat"
}

shop_up
hz=$(getconf CLK_TCK)
sleep 1 # what start and DHCP have caused is over
declare -A before=([alpha]=$(ticks alpha) [beta]=$(ticks beta))
sleep 3 # the measurement itself
for gw in alpha beta; do
	used=$((($(ticks $gw) - before[$gw]) * 1000 / hz / 3))
	echo "$gw: $used ms of CPU a second"
	expect "$gw takes less than 3 % of one core" test $used -lt 30
done
expect "and wakes up at once" at web ping -q -c 3 -i 0.5 -W 1 100.64.10.20
