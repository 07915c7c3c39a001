#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Others read our bytes: with the keys that the gateway was told to write, tshark
# shows the inner packets of captured ESP; Scapy opens them with their integrity
# check, and the gateway opens what Scapy has sealed.
. "$(dirname "$0")/common.bash"

export LM_KEY_LOG=yes
shop_up
capture_start switch alpha "$T/esp.pcap" udp port 4500
expect "web reaches db" at web ping -q -c 5 -i 0.05 -W 1 -p 1ea5e -s 200 100.64.10.20
expect "web reaches db (IPv6)" at web ping -q -c 5 -i 0.05 -W 1 fd5a:10::20
await 5 captured "$T/esp.pcap" 20 'udp[8:4] != 0' || die "not all of it was captured"
capture_stop

# $HOME is ours: no profile of whoever runs this gets in the way.
mkdir -p "$T/home/.config/wireshark"
cp "$T/gateway/alpha/esp_sa" "$T/home/.config/wireshark/esp_sa"
expect "the key log is for nobody else" test "$(stat -c %a "$T/gateway/alpha/esp_sa")" = 600
HOME=$T/home XDG_CONFIG_HOME=$T/home/.config tshark -r "$T/esp.pcap" \
	-o esp.enable_encryption_decode:TRUE -o esp.enable_null_encryption_decode_heuristic:FALSE \
	-Y 'icmp || icmpv6' -T fields -e ip.src -e ip.dst -e ipv6.src -e ipv6.dst \
	-e icmp.type -e icmpv6.type >"$T/inner" 2>"$T/tshark.log"
for row in "100.64.10.10 100.64.10.20 8" "100.64.10.20 100.64.10.10 0" \
	"fd5a:10::10 fd5a:10::20 128" "fd5a:10::20 fd5a:10::10 129"; do
	read -r src dst type <<<"$row"
	is "tshark: packets from $src to $dst of type $type" 5 \
		"$(grep -F "$src" "$T/inner" | grep -F "$dst" | grep -cE "[[:space:]]${type}[[:space:]]*\$")"
done

# The peer's next packet, sealed by Scapy: an echo request from db, far enough ahead of what beta sends.
before=$(query alpha /leasemesh/drops .drops.auth_failed)
at switch "$LM_ROOT/tests/net/esp-peer" "$T/esp.pcap" "$T/gateway/alpha/esp_sa" alpha \
	192.0.2.2 192.0.2.1 100.64.10.20 100.64.10.10 >"$T/peer" 2>&1 ||
	die "$(cat "$T/peer")"
cat "$T/peer"
expect "Scapy opens what we sealed" grep -q '^opened 10 of 10$' "$T/peer"
expect "web has answered Scapy's request: what it sealed was opened" grep -q '^answered$' "$T/peer"
is "packets that failed authentication" "$before" "$(query alpha /leasemesh/drops .drops.auth_failed)"
