#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
# timeout: 180
#
# A storm of valid, invalid and random packets from both sides: every packet is
# accounted for exactly once, no buffer is lost, and those who behave are served.
. "$(dirname "$0")/common.bash"

# Packet buffers that are not in the pool: those that wait in the ports' queues, and lost ones.
in_use()
{
	query "$1" /leasemesh/info .mbufs_in_use
}

few_in_use()
{
	[ "$(in_use alpha)" -le "$1" ]
}

storm()
{
	at "$1" "$LM_ROOT/tests/net/storm" "${@:2}"
}

shop_up
lan=$(ip -n "$LM_ID-web" neigh show 100.64.10.20 | grep -o 'lladdr [0-9a-f:]*' | cut -d' ' -f2)
wan=$(at alpha cat /sys/class/net/wan/address)
for round in 1 2 3; do
	stream_start web db 100.64.10.20 200
	echo "from a workload: $(storm web access eth0 $round 20000 100.64.10.10 fd5a:10::10 "$lan" \
		100.64.10.20 fd5a:10::20)"
	echo "from the underlay: $(storm switch underlay alpha $round 20000 "$wan" 192.0.2.1)"
	stream_end
	echo "beside it, $LOST of $SENT packets of a flow were lost"
	expect "a flow beside the storm goes on" test $((LOST * 2)) -lt "$SENT"
	for gw in alpha beta; do
		eventually 5 "$gw: rx + injected = tx + dropped + punted ($(sums $gw))" conserved $gw
	done
	echo "buffers in use at alpha: $(in_use alpha)"
	[ $round -gt 1 ] || first=$(in_use alpha)
done
eventually 5 "no buffer is lost" few_in_use $((first + 8))
for reason in malformed spoofed_source no_route ttl_expired multicast unknown_spi replay auth_failed not_ours; do
	expect "the storm had $reason ($(drops alpha $reason))" test "$(drops alpha $reason)" -gt 0
done
eventually 5 "web reaches db" reaches web 100.64.10.20
eventually 10 "the session is up" sessions_up alpha beta
