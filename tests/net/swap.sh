#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 180
#
# One serial after the other, with other rules and the members in another order: a
# stream that all of them allow loses no packet, at rest and beside a flood of UDP,
# and what is not allowed any more ends.
. "$(dirname "$0")/common.bash"

# member NAME EGRESS INGRESS
member()
{
	local -A place=([web]="1001 alpha 10" [cache]="1003 alpha 11" [db]="1002 beta 20")
	local deployment provider host

	read -r deployment provider host <<<"${place[$1]}"
	cat <<-END
	  - name: $1
	    deployment: $deployment
	    endpoints: [{provider: $provider, ipv4: 100.64.10.$host, ipv6: "fd5a:10::$host"}]
	    egress: [$2]
	    ingress: [$3]
	END
}

# Both allow the stream (7007) and iperf3 (5201); only the odd ones ICMP.
odd()
{
	member web '{to: db, protocol: any}' '{from: db, protocol: udp}'
	member cache "" ""
	member db '{to: web, protocol: udp}' '{from: web, protocol: any}'
}

even()
{
	member db "" '{from: web, protocol: udp, ports: 7007},
		{prefixes: 100.64.10.0/28, protocol: tcp, ports: 5201},
		{prefixes: 100.64.10.0/28, protocol: udp, ports: 5201}'
	member cache '{to: any, protocol: any}' '{from: any, protocol: any}'
	member web '{to: db, protocol: udp, ports: [5201, 7007]}, {to: db, protocol: tcp}' ""
}

# serials FIRST LAST
serials()
{
	local serial

	for ((serial = $1; serial <= $2; serial++)); do
		if ((serial % 2)); then odd; else even; fi | shop_network "$serial"
	done
	echo "ok: serials $1 to $2 came into force"
}

begin
shop_hosts
gateway_start alpha
gateway_start beta
shop_attach
odd | shop_network 1
shop_addresses
await 10 reaches web 100.64.10.20 || die "web does not reach db"

stream_start web db 100.64.10.20
serials 2 20
refuse "what serial 20 does not allow has ended" reaches web 100.64.10.20
serials 21 21
eventually 5 "and serial 21 allows it again" reaches web 100.64.10.20
stream_lossless "while serials change"

iperf_server db
iperf web 100.64.10.20 -u -b 20M -l 1200 -t 10 &
flood=$!
stream_start web db 100.64.10.20
serials 22 32
stream_lossless "while serials change beside a flood"
wait "$flood"
expect "the flood moved: $(jq '.end.sum.packets' "$T/iperf.json") packets" \
	jq -e '.end.sum.packets > 1000' "$T/iperf.json"
