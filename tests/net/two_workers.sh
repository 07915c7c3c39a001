#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 180
# Two workers a gateway: several flows spread over lanes and workers, and nothing is
# lost. AF_XDP has one queue here, so one worker polls and hands over; AF_PACKET has
# two, so both poll.
. "$(dirname "$0")/common.bash"

export LM_WORKERS="1, 2"

# While packets flow, what top shows of alpha agrees with itself: both of its workers do something,
# and nobody is busier than the clock allows.
top_is_right()
{
	leasemesh top -p "$LM_ID-alpha" --once --json -i 1.5 >"$T/top.json"
	expect "top shows what workers do" jq -e '(.workers | length) == 2 and
		all(.workers[]; .busy > 0 and .busy <= 101 and .sent > 0 and .cycles > 0) and
		([.workers[].received] | add) > 10 and .networks[0].network == "shop" and
		.endpoints[0].member == "web" and .endpoints[0].rx_bytes > 1000' "$T/top.json"
}

two_workers()
{
	local gw top

	shop_up
	is "lanes of the session" 2 "$(query alpha /leasemesh/sessions '.sessions[0].lanes')"
	iperf_server db
	stream_start web db 100.64.10.20
	expect "a hundred pings" at web ping -q -c 100 -i 0.01 -W 1 100.64.10.20
	stream_lossless "with two workers"
	top_is_right &
	top=$!
	tcp_flows "eight TCP flows" web 100.64.10.20 -P 8 -t 3
	wait "$top" || die "top is not right"
	expect "every one of them moved" jq -e 'all(.end.streams[]; .receiver.bytes > 0)' "$T/iperf.json"
	for gw in alpha beta; do
		expect "both workers of $gw carry packets" \
			query $gw /leasemesh/workers 'all(.workers[]; .tx > 100)'
		expect "both lanes of $gw, both ways, each at a worker of its own" \
			query $gw /leasemesh/lanes '[.lanes[] | select(.packets > 20)] |
				length >= 4 and (map(.worker) | unique | length) == 2'
		expect "no replay was seen at $gw" query $gw /leasemesh/drops '.drops.replay == 0'
	done
}

for row in "af_xdp 1" "af_packet 2"; do
	read -r LM_DRIVER LM_QUEUES <<<"$row"
	export LM_DRIVER LM_QUEUES
	echo "--- $LM_DRIVER, $LM_QUEUES queue"
	(two_workers)
done
