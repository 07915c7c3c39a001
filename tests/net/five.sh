#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
#
# Five gateways, a member at each, the manifest submitted at one of them; then each
# is killed and started again in turn, while the others' traffic loses nothing.
. "$(dirname "$0")/common.bash"

gateways=(alpha beta gamma delta epsilon)
LM_MEMORY_MB=${LM_MEMORY_MB:-256} LM_MBUFS=${LM_MBUFS:-8192}

members()
{
	local i

	for i in 1 2 3 4 5; do
		cat <<-END
		  - name: m$i
		    deployment: 100$i
		    endpoints: [{provider: ${gateways[i - 1]}, ipv4: 100.64.10.$((10 + i))}]
		    egress: [{to: any, protocol: any}]
		    ingress: [{from: any, protocol: any}]
		END
	done
}

# all_reach FROM: every other member
all_reach()
{
	local to

	for to in 1 2 3 4 5; do
		[ "$to" = "$1" ] || reaches "m$1" "100.64.10.$((10 + to))" || return 1
	done
}

begin
owner shop
for i in 1 2 3 4 5; do
	gateway "${gateways[i - 1]}"
	workload "m$i" "${gateways[i - 1]}"
done
for gw in "${gateways[@]}"; do
	gateway_start "$gw"
done
for i in 1 2 3 4 5; do
	attach "m$i" shop shop "m$i" 0 "100$i"
done
submit gamma "$(members | manifest shop shop 1)"
for i in 1 2 3 4 5; do
	eventually 15 "${gateways[i - 1]} has the manifest" in_force "${gateways[i - 1]}" shop 1
	await 10 active "${gateways[i - 1]}" "m$i"
	dhcp "m$i"
done
for i in 1 2 3 4 5; do
	eventually 20 "m$i reaches all others" all_reach $i
done
expect "gamma knows of all five" sh -c "'$LM_BUILD/app/cli/leasemesh' network show \
	--prefix '$LM_ID-gamma' -j shop |
	jq -e '[.[0].gateways[] | select(.part != \"out\" and .serial == 1)] | length == 5'"

for i in 1 2 3 4 5; do
	# From the next one to the one after that; both stay.
	from=$((i % 5 + 1)) to=$(((i + 1) % 5 + 1))
	stream_start "m$from" "m$to" "100.64.10.$((10 + to))" 100
	gateway_kill "${gateways[i - 1]}"
	gateway_start "${gateways[i - 1]}"
	expect "${gateways[i - 1]} has the manifest from its store" \
		in_force "${gateways[i - 1]}" shop 1
	await 10 active "${gateways[i - 1]}" "m$i"
	eventually 30 "m$i reaches all others again" all_reach $i
	stream_lossless "from m$from to m$to while ${gateways[i - 1]} dies and returns" 20
done
