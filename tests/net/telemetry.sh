#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Telemetry answers whoever asks: long names page by page, nonsense with an error, many
# clients at once, and none of them keeps the gateway from stopping.
# sanitize
. "$(dirname "$0")/common.bash"

long()
{
	printf '%s-%s' "$1" "$(printf 'x%.0s' {1..200})" | cut -c "1-$2"
}

# ask COUNT PARAMETER: a client that asks for everything, in no particular order
ask()
{
	local i command

	for ((i = 0; i < $1; i++)); do
		for command in $(shuf -e info ports sessions networks endpoints attachments lanes \
			flows drops workers); do
			telemetry alpha "/leasemesh/$command${2:+,$2}" >/dev/null 2>&1 || true
		done
	done
}

begin
owner shop
gateway alpha
workload host alpha lan
network=$(long net 63)
port=$(long lan 31)
gateway_conf alpha | sed "s/name = \"lan\"/name = \"$port\"/" >"$T/gateway/alpha/gateway.conf"
{
	for i in {0..49}; do
		echo "  - name: $(long "m$i" 63)"
		echo "    deployment: $((1000 + i))"
		echo "    endpoints: [{provider: alpha, ipv4: 100.64.10.$((100 + i)), ipv6: \"fd5a:10::1111:2222:3333:44$((10 + i))\"}]"
	done
} >"$T/members"
for i in {0..49}; do
	{ # the longest names that there are: a page of rows must fit into an answer
		echo "lease = \"$(cat "$T/owner/shop/id")/$((1000 + i))/1/1/$(cat "$T/gateway/alpha/id")\";"
		echo "network = \"$network\"; member = \"$(long "m$i" 63)\"; replica = 0;"
		echo "port = \"$port\"; mac = \"06:00:00:00:00:$((10 + i))\";"
	} >"$T/gateway/alpha/attachments/$(long "a$i" 127).conf"
done
gateway_start alpha
submit alpha "$(manifest shop "$network" 1 <"$T/members")" >/dev/null
await 5 in_force alpha "$network" 1
is "attachments, all pages" 50 "$(query alpha /leasemesh/attachments ".attachments | length")"
is "endpoints, all pages" 50 "$(query alpha /leasemesh/endpoints ".endpoints | length")"

for parameter in -1 99999999999999999999 4294967295 4294967296 0,0 x '"' "$(long y 1000)"; do
	ask 1 "$parameter"
	expect "the gateway still answers after '${parameter:0:24}'" gateway_answers alpha
done

clients=()
for i in {1..10}; do
	ask 15 "$((RANDOM % 60))" &
	clients+=($!)
done
wait "${clients[@]}"
expect "ten clients at once" gateway_answers alpha

for i in {1..10}; do ask 1000 & clients+=($!); done
sleep 0.2 # what they ask meanwhile is what this is about
kill -TERM "$(cat "$T/gateway/alpha/pid")"
eventually 5 "it stops under questions" not gateway_alive alpha
kill "${clients[@]}" 2>/dev/null || true
wait "$(cat "$T/gateway/alpha/pid")"
