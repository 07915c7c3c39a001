#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two workers a gateway: several flows spread over lanes and workers, each of them
# stays in order, and nothing is lost.
. "$(dirname "$0")/common.bash"

export LM_WORKERS="1, 2" LM_QUEUES=2
shop_up
is "lanes of the session" 2 "$(query alpha /leasemesh/sessions '.sessions[0].lanes')"
ip netns exec "$LM_ID-db" iperf3 -s >/dev/null 2>&1 </dev/null &
await 5 listening db 5201
stream_start web db 100.64.10.20
at web iperf3 -J -P 8 -t 3 -c 100.64.10.20 >"$T/out.json"
jq -r '"8 flows: \(.end.sum_received.bits_per_second / 1e6 | round) Mb/s"' "$T/out.json"
expect "eight TCP flows" jq -e '.end.sum_received.bits_per_second > 5e7' "$T/out.json"
expect "every one of them moved" jq -e 'all(.end.streams[]; .receiver.bytes > 0)' "$T/out.json"
for gw in alpha beta; do
	expect "both workers of $gw carry packets" \
		query $gw /leasemesh/workers 'all(.workers[]; .tx > 100)'
	expect "both lanes of $gw, both ways" query $gw /leasemesh/lanes \
		'[.lanes[] | select(.packets > 20)] | length >= 4 and (map(.worker) | unique | length) == 2'
	expect "no replay was seen at $gw" query $gw /leasemesh/drops '.drops.replay == 0'
done
stream_lossless "with two workers, beside TCP"
