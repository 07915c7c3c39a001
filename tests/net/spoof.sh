#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who uses somebody else's address is dropped, and every packet of it is counted.
. "$(dirname "$0")/common.bash"

# dropped REASON N WHAT COMMAND...: the command's packets are dropped at alpha, exactly N
dropped()
{
	local before

	before=$(drops alpha "$1")
	refuse "$3" "${@:4}"
	await 5 dropped_since "$1" $((before + $2)) || true
	is "  counted as $1" "$2" $(($(drops alpha "$1") - before))
}

dropped_since()
{
	[ "$(drops alpha "$1")" -ge "$2" ]
}

shop_up
mac=$(cat "$T/workload/web/mac")
# Neighbours are known: only the packets themselves are counted below.
for to in 100.64.10.20 fd5a:10::20 100.64.10.11; do
	await 5 reaches web $to
done

ip -n "$LM_ID-web" addr add 100.64.10.11/32 dev eth0
ip -n "$LM_ID-web" addr add 192.0.2.77/32 dev eth0
ip -n "$LM_ID-web" addr add fd5a:10::11/128 dev eth0 nodad
dropped spoofed_source 5 "web as cache, to db" at web ping -q -c 5 -i 0.05 -W 1 -I 100.64.10.11 100.64.10.20
dropped spoofed_source 5 "web as somebody outside" at web ping -q -c 5 -i 0.05 -W 1 -I 192.0.2.77 100.64.10.20
dropped spoofed_source 5 "web as cache, IPv6" at web ping -q -c 5 -i 0.05 -W 1 -I fd5a:10::11 fd5a:10::20
expect "web as itself" reaches web 100.64.10.20

gw=$(ip -n "$LM_ID-web" neigh show 100.64.10.20 | grep -o 'lladdr [0-9a-f:]*' | cut -d' ' -f2)
# A kernel reports its IPv6 groups in the name of a new MAC: it shall not be counted with the rest.
quiet web
ip -n "$LM_ID-web" link set eth0 address 02:00:00:00:66:66
ip -n "$LM_ID-web" neigh replace 100.64.10.20 lladdr "$gw" dev eth0 nud permanent
[ "$(query alpha /leasemesh/attachments '.attachments | length')" = 2 ] || die "attachments"
dropped spoofed_mac 5 "web with another MAC" at web ping -q -c 5 -i 0.05 -W 1 100.64.10.20
ip -n "$LM_ID-web" link set eth0 address "$mac"
ip -n "$LM_ID-web" neigh flush dev eth0
eventually 5 "web with its own MAC" reaches web 100.64.10.20
expect "spoofed packets are shown by endpoint" \
	query alpha /leasemesh/endpoints '.endpoints[] | select(.member == "web") | .spoofed >= 15'
