#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 180
# DHCPv6 by three clients, two of which do DHCPv4 and router advertisements as well: the endpoint's
# address and names, renewal, another address by a new manifest, and (two of them) giving it back;
# one declines it first.
. "$(dirname "$0")/common.bash"

export LM_DHCP_LEASE=6

# aside WORKLOAD NAME COMMANDS: a client that uses files of the host gets a /run of its own, and no
# say over the host's name. Its process id is kept.
aside()
{
	ip netns exec "$LM_ID-$1" unshare -m -u sh -euc "mount -t tmpfs none /run; $3" \
		>"$T/workload/$1/$2.log" 2>&1 </dev/null &
	echo $! >"$T/workload/$1/client"
}

client()
{
	cat "$T/workload/$1/client"
}

# It configures the interface itself; our script in place of its hooks notes what they would get.
# Leases are shorter here than its probes for IPv4 conflicts take (-A).
dhcpcd_start()
{
	cat >"$T/workload/$1/event" <<-END
	#!/bin/sh
	echo "event=\$reason dns4=\$new_domain_name_servers search4=\$new_domain_search" \\
		"dns6=\$new_dhcp6_name_servers search6=\$new_dhcp6_domain_search" \\
		"rdnss=\$nd1_rdnss1_servers dnssl=\$nd1_dnssl1_search" >>$T/workload/$1/events
	END
	chmod +x "$T/workload/$1/event"
	aside "$1" dhcpcd "mount -t tmpfs none /var/lib/dhcpcd
		exec dhcpcd -A -B -f /dev/null -c '$T/workload/$1/event' -o domain_name_servers \\
			-o domain_search -o dhcp6_name_servers -o dhcp6_domain_search eth0"
}

# Where /sys is read-only it does not wait for udev.
networkd_start()
{
	aside "$1" networkd "mount -o remount,ro /sys
		mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases
		printf '%s\n' '[Match]' Name=eth0 '[Network]' DHCP=yes '[DHCPv4]' UseDomains=yes \
			'[DHCPv6]' UseDomains=yes '[IPv6AcceptRA]' UseDomains=yes \
			>/run/systemd/network/eth0.network
		chown -R systemd-network: /run/systemd/netif
		SYSTEMD_LOG_LEVEL=debug exec /lib/systemd/systemd-networkd"
}

# networkd_is WORKLOAD KEY VALUES: what it knows of eth0, whether from one source or three
networkd_is()
{
	[ "$(nsenter -m -t "$(client "$1")" sh -c 'cat /run/systemd/netif/links/*' |
		sed -n "s/^$2=//p" | tail -n 1 | tr ' ' '\n' | sort -u | paste -sd' ')" = "$3" ]
}

has_address()
{
	ip -n "$LM_ID-$1" addr show dev eth0 scope global -tentative 2>/dev/null | grep -qF " $2/"
}

# Of each, one that lives: addresses WORKLOAD NUMBER
addresses()
{
	has_address "$1" "fd5a:10::$2" && { [ "$1" = web ] || has_address "$1" "100.64.10.$2"; }
}

has_only()
{
	addresses "$@" && [ "$(ip -n "$LM_ID-$1" -6 addr show dev eth0 scope global | grep -c inet6)" = 1 ]
}

# counted GATEWAY REASON N
counted()
{
	query "$1" /leasemesh/drops ".control.workload_$2 >= $3" >/dev/null
}

# With one more, which has IPv6 only: members SED-SCRIPT
members()
{
	{
		open_members
		cat <<-END
		  - name: app
		    deployment: 1005
		    endpoints: [{provider: alpha, ipv6: "fd5a:10::13"}]
		END
	} | sed -E "$1"
}

begin
shop_hosts
workload app alpha
gateway_start alpha
gateway_start beta
shop_attach
attach app shop shop app 0 1005
members '' | shop_network 1
await 5 active alpha web
await 5 active beta db

dhcpcd_start cache
networkd_start db

# A script tells dhclient by this status that somebody else has the address.
cat >"$T/conflict" <<'END'
#!/bin/sh
[ "$reason" != BOUND6 ] || exit 3
END
chmod +x "$T/conflict"
await 5 has_link_local app
dhclient_run app 6 -d -sf "$T/conflict" >"$T/workload/app/decline.log" 2>&1 &
eventually 10 "dhclient declines" counted alpha dhcp6_declined 1
expect "which is said" contains "app: the workload declined fd5a:10::13" "$T/gateway/alpha/log"
eventually 10 "it is not offered for a moment" counted alpha dhcp_held 1
expect "dhclient gets a lease" dhcp web dhclient6
is "dhclient: what it was told" \
	"event=bound6 ip=fd5a:10::10 lease=6 dns=fd5a:10::1 search=shop.internal." \
	"$(head -n 1 "$T/workload/web/lease6")"
eventually 15 "dhcpcd has both addresses" addresses cache 11
eventually 15 "systemd-networkd has both addresses" addresses db 20
events=$T/workload/cache/events
eventually 5 "dhcpcd: names by DHCPv4" grep -q "event=BOUND dns4=100.64.10.1 search4=shop.internal " "$events"
eventually 5 "dhcpcd: names by DHCPv6" grep -q "event=BOUND6 .*dns6=fd5a:10::1 search6=shop.internal " "$events"
expect "dhcpcd: names by advertisement" \
	grep -q "event=ROUTERADVERT .*rdnss=fd5a:10::1 dnssl=shop.internal$" "$events"
eventually 10 "systemd-networkd is content" networkd_is db ADMIN_STATE configured
expect "systemd-networkd: DNS servers" networkd_is db DNS "100.64.10.1 fd5a:10::1"
expect "systemd-networkd: domain" networkd_is db DOMAINS shop.internal

eventually 10 "dhcpcd renews" grep -q "event=RENEW6" "$events"
eventually 10 "systemd-networkd renews" grep -qE "DHCPv6 client: State changed: re(new|bind) -> bound" \
	"$T/workload/db/networkd.log"

eventually 5 "web reaches dhcpcd's address" reaches web fd5a:10::11
eventually 5 "and systemd-networkd's" reaches web fd5a:10::20
eventually 10 "dhclient renews" grep -q "event=renew6 ip=fd5a:10::10" "$T/workload/web/lease6"

# At their next renewal they move: DHCPv6 by one reply, DHCPv4 by a NAK.
members 's/(10\.|10::)(1[01]|20)\b/\11\2/g' | shop_network 2
eventually 10 "dhclient has its new address only" has_only web 110
eventually 15 "dhcpcd has its new addresses only" has_only cache 111
eventually 15 "systemd-networkd has its new addresses only" has_only db 120
eventually 5 "and they reach each other" reaches web fd5a:10::120
expect "alpha has refused dhcpcd's old address" counted alpha refusal 1

expect "dhclient gives its address back" dhclient_run web 6 -r
kill -s ALRM "$(client cache)"
eventually 5 "alpha has heard dhclient and dhcpcd" counted alpha dhcp_released 2
expect "and gets it again" dhcp web dhclient6
is "dhclient: the same" fd5a:10::110 "$(tail -n 1 "$T/workload/web/lease6" | grep -o 'fd5a[^ ]*' | head -n 1)"
