#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A gateway without traffic costs next to nothing.
. "$(dirname "$0")/common.bash"

hz=$(getconf CLK_TCK)

# CPU time of a gateway in clock ticks, all threads
ticks()
{
	awk '{ print $14 + $15 }' "/proc/$(cat "$T/gateway/$1/pid")/stat"
}

# idle GATEWAY: for three seconds it takes less than 3 % of one core
idle()
{
	local before used

	before=$(ticks "$1")
	sleep 3 # the measurement itself
	used=$((($(ticks "$1") - before) * 1000 / hz / 3))
	echo "$1: $used ms of CPU a second" >&3
	[ $used -lt 30 ]
}

# Its workers' real-time priority.
priority()
{
	ps -L -o comm=,rtprio= -p "$(cat "$T/gateway/$1/pid")" | sed -n 's/.*worker.* //p'
}

shop_up
exec 3>&1
is "alpha's worker is a real-time thread, which runs when it is woken" 1 "$(priority alpha)"
# What start and DHCP have caused goes on for a moment.
for gw in alpha beta; do
	within 15 "$gw takes less than 3 % of one core" idle $gw
done
expect "and wakes up at once" at web ping -q -c 3 -i 0.5 -W 1 100.64.10.20
