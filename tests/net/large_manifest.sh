#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
# timeout: 180
#
# A manifest of thousands of rules is read on a thread of its own: meanwhile the gateway
# answers others and carries packets, a newer serial is not held up, and a stop waits.
# One whose rules take too much memory is refused wherever it is brought.
. "$(dirname "$0")/common.bash"

# crowd RULES: members without endpoints that have so many rules
crowd()
{
	awk -v rules="$1" 'BEGIN {
		for (m = 0; m < rules / 100; m++) {
			printf "  - name: m%d\n    deployment: %d\n    endpoints: []\n    ingress:\n", m, m + 1
			for (r = 0; r < 100; r++)
				printf "      - {from: [web, m%d], protocol: tcp, ports: [%d, %d-%d]}\n",
					(m * 7 + r) % (rules / 100), r + 1, 1000 + 3 * r, 1000 + 4 * r
		}
	}'
}

# ports: a document of a megabyte that has nothing but ports
ports()
{
	awk 'BEGIN {
		for (m = 0; m < 15; m++) {
			printf "  - name: m%d\n    deployment: %d\n    endpoints: []\n    ingress:\n", m, m + 1
			for (r = 0; r < 256; r++) {
				printf "      - {from: any, protocol: tcp, ports: ["
				for (i = 0; i < 32; i++)
					printf "%s%d", i ? "," : "", 1 + 2 * (i * 256 + r)
				print "]}"
			}
		}
	}'
}

# turn GATEWAY: the control thread's longest, ms
turn()
{
	query "$1" /leasemesh/control .longest_us | awk '{ printf "%.1f", $1 / 1000 }'
}

rules_of()
{
	query "$1" /leasemesh/networks '.networks[] | select(.name == "shop") | .rules'
}

shop_up
stream_start web db 100.64.10.20
for serial in 2 3; do
	{ open_members && crowd $((serial * 1000)); } | shop_network "$serial"
	for gw in alpha beta; do
		is "rules at $gw" $((serial * 1000 + 6)) "$(rules_of "$gw")"
	done
done
stream_lossless "while large manifests come"
for gw in alpha beta; do
	expect "$gw says what its rules take: $(query $gw /leasemesh/networks '.networks[] |
		"\(.rules_bytes) bytes, \(.rules_compile_us) us"'); the longest turn $(turn $gw) ms" \
		query $gw /leasemesh/networks '.networks[] | .rules_bytes > 50000 and .rules_compile_us > 0'
done
expect "leasemesh network show says it, too" contains "3006 rules, compiled to" \
	<(leasemesh network show --prefix "$LM_ID-alpha" shop)

# A small one is not held up by a large one before it, and whoever comes later is older then.
{ open_members && crowd 4000; } | manifest shop shop 4 >"$T/large"
open_members | manifest shop shop 5 >"$T/small"
submit alpha "$(cat "$T/large")" >"$T/said" 2>&1 &
large=$!
submit alpha "$(cat "$T/small")"
wait "$large" || expect "the large one came too late" contains "older than serial 5" "$T/said"
eventually 10 "serial 5 is in force" in_force alpha shop 5
eventually 10 "and at beta" in_force beta shop 5

# Too large: the tool says so, and what is in force stays.
{ sed '/^members:/q' "$T/manifest/shop-5.yaml" | sed 's/^serial: 5/serial: 6/' && ports; } >"$T/ports.yaml"
for command in "manifest check" "manifest sign -k $T/owner/shop/key" "policy test"; do
	# shellcheck disable=SC2086
	leasemesh $command "$T/ports.yaml" >"$T/said" 2>&1 && status=0 || status=$?
	is "leasemesh ${command%% -*}: exit status" 1 "$status"
	expect "it says why" contains "the rules take more than" "$T/said"
done
expect "serial 5 stays" in_force alpha shop 5

# Stopped in the middle of it.
submit alpha "$(cat "$T/large")" >/dev/null 2>&1 &
large=$!
gateway_stop alpha
kill "$large" 2>/dev/null || true
wait "$large" || true
gateway_start alpha
eventually 20 "alpha has what it had" in_force alpha shop 5
expect "and carries packets" await 20 reaches web 100.64.10.20
