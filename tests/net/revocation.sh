#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
# timeout: 180
#
# A manifest without a provider cuts it off: within seconds everything between the
# others is under keys that it does not have, though it keeps all that it ever had.
. "$(dirname "$0")/common.bash"

export LM_KEY_LOG=yes

members()
{
	open_members
	cat <<-END
	  - name: job
	    deployment: 1004
	    endpoints: [{provider: $1, ipv4: 100.64.10.30}]
	    egress: [{to: any, protocol: any}]
	    ingress: [{from: any, protocol: any}]
	END
}

# opened GATEWAY CAPTURE: inner packets that this gateway's keys open
opened()
{
	mkdir -p "$T/home/.config/wireshark"
	cp "$T/gateway/$1/esp_sa" "$T/home/.config/wireshark/esp_sa"
	HOME=$T/home XDG_CONFIG_HOME=$T/home/.config tshark -r "$2" \
		-o esp.enable_encryption_decode:TRUE \
		-o esp.enable_null_encryption_decode_heuristic:FALSE \
		-Y 'icmp' -T fields -e icmp.type 2>/dev/null | wc -l
}

# capture FILE COMMAND...: what passes alpha's link during the command
capture()
{
	capture_start switch alpha "$1" 'udp port 4500 and udp[8:4] != 0'
	"${@:2}"
	await 5 captured "$1" 20 || die "not all of it was captured"
	capture_stop
}

# The SPIs with which alpha and beta send.
sending()
{
	local gw

	for gw in alpha beta; do
		query "$gw" /leasemesh/lanes '.lanes[] | select(.direction == "out") | .spi' || return
	done
}

begin
shop_hosts
gateway gamma
workload job gamma
gateway_start alpha
gateway_start beta
gateway_start gamma
shop_attach
attach job shop shop job 0 1004
members gamma | shop_network 1
await 10 in_force gamma shop 1
shop_addresses
await 5 active gamma job
dhcp job
await 10 reaches web 100.64.10.20
eventually 10 "job, at gamma, reaches web" reaches job 100.64.10.10

capture "$T/before.pcap" at job ping -q -c 20 -i 0.05 -W 1 100.64.10.10
expect "gamma's keys open what is sent to it: the test can fail" \
	test "$(opened gamma "$T/before.pcap")" -ge 20

stream_start web db 100.64.10.20
export LM_PROVIDERS="alpha beta"
open_members | manifest shop shop 2 >"$T/name"
old=$(sending)
started=$SECONDS
submit beta "$(cat "$T/name")"
eventually 5 "alpha has serial 2" in_force alpha shop 2
eventually 5 "job is cut off" not reaches job 100.64.10.10
eventually 5 "alpha and beta send by new keys" renewed "$old" sending
expect "within seconds: $((SECONDS - started))" test $((SECONDS - started)) -le 15
expect "gamma still believes in serial 1" in_force gamma shop 1
eventually 5 "alpha has no session with gamma any more" query alpha /leasemesh/sessions \
	'.sessions | length == 1'

stream_lossless "between the others meanwhile"
capture "$T/after.pcap" at web ping -q -c 20 -i 0.05 -W 1 100.64.10.20
expect "alpha's own keys open it" test "$(opened alpha "$T/after.pcap")" -ge 20
is "of what passes now, gamma's keys open" 0 "$(opened gamma "$T/after.pcap")"
