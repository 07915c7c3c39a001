#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 420
#
# Five gateways decide who has which address. Any two of them die at a time: nothing is lost between
# the others, and new workloads get addresses all the while.
. "$(dirname "$0")/common.bash"
# shellcheck source=tests/net/decided.bash
. "$(dirname "$0")/decided.bash"

gateways=(alpha beta gamma delta epsilon)
LM_MEMORY_MB=256 LM_MBUFS=8192

# all_reach FROM: every other member
all_reach()
{
	local to

	for to in 1 2 3 4 5; do
		[ "$to" = "$1" ] || reaches "m$1" "${ADDRESS[to]}" || return 1
	done
}

begin
owner shop
for i in 1 2 3 4 5; do
	gateway "${gateways[i - 1]}"
	workload "m$i" "${gateways[i - 1]}"
	workload "n$i" "${gateways[i - 1]}"
done
for gw in "${gateways[@]}"; do
	gateway_start "$gw"
done
for i in 1 2 3 4 5; do
	attach "m$i" shop shop m $((i - 1)) 1001
done
{
	replicated m 1001 5
	replicated n 1002 5
} | manifest shop shop 1 >"$T/name"
submit gamma "$(cat "$T/name")"
for i in 1 2 3 4 5; do
	eventually 30 "m$i is served" active "${gateways[i - 1]}" "m$i"
	dhcp "m$i"
	ADDRESS[i]=$(lease4 "m$i")
done
is "each has its own address" 5 "$(printf '%s\n' "${ADDRESS[@]}" | sort -u | wc -l)"
for i in 1 2 3 4 5; do
	eventually 20 "m$i reaches all others" all_reach $i
done

for i in 1 2 3 4 5; do
	# These two die; the next three stay.
	a=$i b=$((i % 5 + 1)) from=$(((i + 1) % 5 + 1)) to=$(((i + 2) % 5 + 1)) new=$(((i + 3) % 5 + 1))
	stream_start "m$from" "m$to" "${ADDRESS[to]}" 100
	gateway_kill "${gateways[a - 1]}"
	gateway_kill "${gateways[b - 1]}"
	attach "n$new" shop shop n $((new - 1)) 1002
	eventually 20 "without ${gateways[a - 1]} and ${gateways[b - 1]}, n$new is served" \
		active "${gateways[new - 1]}" "n$new"
	dhcp "n$new"
	expect "its address is nobody else's: $(lease4 "n$new")" \
		not grep -qxF "$(lease4 "n$new")" <(printf '%s\n' "${ADDRESS[@]}")
	ADDRESS[new + 5]=$(lease4 "n$new")
	eventually 10 "m$from reaches it" reaches "m$from" "${ADDRESS[new + 5]}"
	gateway_start "${gateways[a - 1]}"
	gateway_start "${gateways[b - 1]}"
	for j in $a $b; do
		eventually 30 "m$j is served again" active "${gateways[j - 1]}" "m$j"
		eventually 30 "m$j reaches all others again" all_reach "$j"
	done
	stream_lossless "from m$from to m$to while two die and return" 20
done
for i in 1 2 3 4 5; do
	is "m$i has kept its address" "${ADDRESS[i]}" \
		"$(decided_at "${gateways[i % 5]}" m/$((i - 1)) ipv4)"
done
