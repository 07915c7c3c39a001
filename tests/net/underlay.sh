#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# On the underlay a gateway is a host: ARP, ND, ping, and a default gateway when
# its peer is behind a router.
. "$(dirname "$0")/common.bash"

neighbour()
{
	ip -n "$LM_ID-tenant" neigh show "$1" | grep -o 'lladdr [0-9a-f:]*' | cut -d' ' -f2
}

begin
owner shop
segment net1
namespace router
plug router left net0 left
plug router right net1 right
at router tee /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding <<<1 >/dev/null
ip -n "$LM_ID-router" addr add 192.0.2.254/24 dev left
ip -n "$LM_ID-router" addr add 2001:db8::fe/64 dev left nodad
ip -n "$LM_ID-router" addr add 198.51.100.254/24 dev right
ip -n "$LM_ID-router" addr add 2001:db8:1::fe/64 dev right nodad
ip -n "$LM_ID-tenant" route add default via 192.0.2.254
ip -n "$LM_ID-tenant" -6 route add default via 2001:db8::fe

gateway alpha
gateway beta net1
echo 198.51.100.2 >"$T/gateway/beta/address4"
echo 2001:db8:1::2 >"$T/gateway/beta/address6"
for gw in alpha beta; do
	cat >"$T/gateway/$gw/underlay" <<-END
	addresses = ["$(address4 $gw)/24", "$(cat "$T/gateway/$gw/address6")/64"];
	gateway4 = "$(address4 $gw | sed 's/[0-9]*$/254/')";
	gateway6 = "$(sed 's/[0-9]*$/fe/' "$T/gateway/$gw/address6")";
	END
done
workload web alpha
workload cache alpha
workload db beta
gateway_start alpha
gateway_start beta

eventually 5 "a host on the link pings alpha" reaches tenant 192.0.2.1
eventually 5 "over IPv6" reaches tenant 2001:db8::1
mac=$(at alpha cat /sys/class/net/wan/address)
is "ARP says the port's MAC" "$mac" "$(neighbour 192.0.2.1)"
is "ND says the port's MAC" "$mac" "$(neighbour 2001:db8::1)"
expect "all sizes" at tenant ping -q -c 3 -i 0.1 -W 1 -s 1472 192.0.2.1
refuse "alpha is nobody else" reaches tenant 192.0.2.3
eventually 5 "through the router, beta answers" reaches tenant 198.51.100.2
eventually 5 "over IPv6" reaches tenant 2001:db8:1::2

shop_attach
open_members | shop_network 1
shop_addresses
eventually 10 "workloads reach each other through the router" reaches web 100.64.10.20
is "the session's address" 198.51.100.2:4500 "$(query alpha /leasemesh/sessions '.sessions[0].address')"

# The same over IPv6 outside.
open_members | manifest shop shop 2 >/dev/null
sed 's/"198.51.100.2:4500"/"[2001:db8:1::2]:4500"/; s/"192.0.2.1:4500"/"[2001:db8::1]:4500"/' \
	"$T/manifest/shop-2.yaml" >"$T/six.yaml"
leasemesh manifest sign --key "$T/owner/shop/key" -o "$T/six" "$T/six.yaml" >/dev/null
submit alpha "$T/six"
await 10 in_force beta shop 2
gateway_stop beta
gateway_start beta
on_six()
{
	[ "$(query alpha /leasemesh/sessions '.sessions[0] | select(.state == "up") | .address')" = "[2001:db8:1::2]:4500" ]
}
eventually 20 "the session moves to IPv6" on_six
eventually 10 "workloads reach each other over it" reaches web fd5a:10::20
