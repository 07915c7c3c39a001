#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
# timeout: 90
#
# Names inside the networks, asked for by real clients: every record, over UDP and TCP,
# for two networks with the same names and addresses; replicas that go away and come back;
# other names refused, or answered by the operator's resolver.
. "$(dirname "$0")/common.bash"

GW4=100.64.10.1 GW6=fd5a:10::1
ZONE6=0.0.0.0.0.0.0.0.0.1.0.0.a.5.d.f.ip6.arpa

# ask WORKLOAD DIG-ARGUMENTS...: what came, without comments
ask()
{
	at "$1" dig +noall +answer +tries=1 +time=2 "@$GW4" "${@:2}" | tr -s '\t ' ' '
}

# short WORKLOAD DIG-ARGUMENTS...: the data alone, sorted, on one line
short()
{
	at "$1" dig +short +tries=2 +time=2 "@$GW4" "${@:2}" | sort | xargs
}

# header WORKLOAD DIG-ARGUMENTS...: "NOERROR qr aa rd"
header()
{
	at "$1" dig +noall +comments +tries=1 +time=2 "@$GW4" "${@:2}" |
		sed -n 's/.*status: \([A-Z]*\),.*/\1/p; s/^;; flags: \([a-z ]*\);.*/\1/p' | xargs
}

# authority WORKLOAD DIG-ARGUMENTS...
authority()
{
	at "$1" dig +noall +authority +tries=1 +time=2 "@$GW4" "${@:2}" | tr -s '\t ' ' '
}

says()
{
	[ "$(short "${@:2}")" = "$1" ]
}

count()
{
	query alpha /leasemesh/drops ".control.$1"
}

# kdig WORKLOAD ARGUMENTS...: Knot's client, the data alone
kshort()
{
	at "$1" kdig +short +retry=1 +time=2 "@$GW4" "${@:2}" | sort | xargs
}

members()
{
	cat <<-END
	  - name: web
	    deployment: 1001
	    endpoints: [{provider: alpha, ipv4: 100.64.10.10, ipv6: "fd5a:10::10"}]
	  - name: db
	    deployment: 1002
	    endpoints:
	      - {provider: beta, ipv4: 100.64.10.20, ipv6: "fd5a:10::20"}
	      - {provider: alpha, ipv4: 100.64.10.21, ipv6: "fd5a:10::21"}
	      - {provider: beta, ipv4: 100.64.10.22}
	END
	# More than fits into a datagram; their own names are there though nobody serves them.
	echo "  - name: many"
	echo "    deployment: 1005"
	echo "    endpoints:"
	for i in $(seq 100 199); do
		echo "      - {provider: alpha, ipv4: 100.64.10.$i}"
	done
}

bank_members()
{
	cat <<-END
	  - name: web
	    deployment: 2001
	    endpoints: [{provider: alpha, ipv4: 100.64.10.10}]
	  - name: db
	    deployment: 2002
	    endpoints: [{provider: alpha, ipv4: 100.64.10.30}]
	  - name: vault
	    deployment: 2003
	    endpoints: [{provider: beta, ipv4: 100.64.10.20}]
	END
}

begin
owner shop
owner bank
gateway alpha
gateway beta
workload web alpha
workload db1 alpha
workload db0 beta
workload db2 beta
workload bank-web alpha
workload bank-db alpha
gateway_start alpha
gateway_start beta
attach web shop shop web 0 1001
attach db0 shop shop db 0 1002
attach db1 shop shop db 1 1002
attach bank-web bank bank web 0 2001
attach bank-db bank bank db 0 2002
members | shop_network 1
submit alpha "$(bank_members | manifest bank bank 1)"
await 10 in_force alpha bank 1
for w in web bank-web; do
	await 5 active alpha "$w"
	dhcp "$w"
done
address6 web fd5a:10::10

# ---- what is served now

eventually 5 "db is all replicas that are served" says "100.64.10.20 100.64.10.21" web db.shop.internal
is "IPv6" "fd5a:10::20 fd5a:10::21" "$(short web db.shop.internal AAAA)"
is "the gateway's IPv6 address answers, too" "100.64.10.20 100.64.10.21" \
	"$(at web dig +short "@$GW6" db.shop.internal | sort | xargs)"
is "TCP" "100.64.10.20 100.64.10.21" "$(short web db.shop.internal +tcp)"
is "TCP over IPv6" "100.64.10.20 100.64.10.21" \
	"$(at web dig +short +tcp "@$GW6" db.shop.internal | sort | xargs)"
is "kdig" "100.64.10.20 100.64.10.21" "$(kshort web db.shop.internal)"
is "kdig, TCP" "fd5a:10::20 fd5a:10::21" "$(kshort web +tcp db.shop.internal AAAA)"
is "two questions on one connection" "100.64.10.10 100.64.10.20 100.64.10.21" \
	"$(kshort web +tcp +keepopen web.shop.internal db.shop.internal)"
is "one replica" "0.db.shop.internal. 1 IN A 100.64.10.20" "$(ask web 0.db.shop.internal)"
is "one that nobody serves: its address is for life" 100.64.10.22 "$(short web 2.db.shop.internal)"
is "the host name that DHCP gave" 100.64.10.21 "$(short web db-1.shop.internal)"
is "capitals are kept" "dB.SHOP.Internal." "$(ask web dB.SHOP.Internal | cut -d' ' -f1 | sort -u)"
is "flags" "NOERROR qr aa rd" "$(header web db.shop.internal)"

# Rotation: of many questions, each replica comes first now and then.
both_first()
{
	for _ in $(seq 20); do at web dig +short "@$GW4" db.shop.internal | head -n 1; done |
		sort -u | xargs
}
is "each replica is first now and then" "100.64.10.20 100.64.10.21" "$(both_first)"

# The plain name, as programs use it, by what DHCP says of servers and domains.
getent4()
{
	by_name "$1" getent ahostsv4 "$2" | sed -n 's/ .*STREAM.*//p' | sort | xargs
}
is "a program's plain name" "100.64.10.20 100.64.10.21" "$(getent4 web db)"
is "likewise bank's" 100.64.10.30 "$(getent4 bank-web db)"

# ---- every other record

SOA="shop.internal. nobody.invalid. 1 3600 1200 604800 1"
is "PTR" 0.db.shop.internal. "$(short web -x 100.64.10.20)"
is "PTR, IPv6" 1.db.shop.internal. "$(short web -x fd5a:10::21)"
is "PTR of the gateway" shop.internal. "$(short web -x $GW4)"
is "PTR of nobody" "NXDOMAIN qr aa rd" "$(header web -x 100.64.10.99)"
is "with SOA" "10.64.100.in-addr.arpa. 1 IN SOA $SOA" "$(authority web -x 100.64.10.99)"
is "PTR of nobody, IPv6" "$ZONE6. 1 IN SOA $SOA" "$(authority web -x fd5a:10::99)"
is "SOA" "$SOA" "$(short web shop.internal SOA)"
is "NS" shop.internal. "$(short web shop.internal NS)"
is "the name server's address" "$GW4" "$(short web shop.internal)"
is "ANY is minimal (RFC 8482)" 'db.shop.internal. 1 IN HINFO "RFC8482" ""' \
	"$(ask web db.shop.internal ANY +notcp)"
is "no such name" "NXDOMAIN qr aa rd" "$(header web ghost.shop.internal)"
is "with SOA" "shop.internal. 1 IN SOA $SOA" "$(authority web ghost.shop.internal)"
is "no such record" "NOERROR qr aa rd" "$(header web db.shop.internal MX)"
is "with SOA" "shop.internal. 1 IN SOA $SOA" "$(authority web db.shop.internal MX)"
is "no address of this family" "NOERROR qr aa rd" "$(header web 2.db.shop.internal AAAA)"
is "a member that nobody serves" "NOERROR qr aa rd" "$(header web many.shop.internal)"
is "another name" "REFUSED qr rd" "$(header web example.com)"
is "another network's" "REFUSED qr rd" "$(header web db.bank.internal)"
is "another address" "REFUSED qr rd" "$(header web -x 100.64.11.20)"
is "a transfer" "; Transfer failed." "$(at web dig +short "@$GW4" shop.internal AXFR)"
is "another class" "REFUSED qr rd" "$(header web version.bind TXT CH)"
is "another version of EDNS" "BADVERS qr rd" "$(header web db.shop.internal +edns=1 +noednsneg)"
is "an unknown EDNS option" "NOERROR qr aa rd" "$(header web db.shop.internal +ednsopt=65001:abcd)"
is "NOTIFY" "NOTIMP qr" "$(header web shop.internal SOA +opcode=notify +noedns +norec)"
is "no EDNS, none back" "" "$(at web dig +noall +comments +noedns "@$GW4" db.shop.internal | grep EDNS || true)"
is "DO is repeated, but nothing is signed" "; EDNS: version: 0, flags: do; udp: 1232" \
	"$(at web dig +noall +comments +dnssec "@$GW4" db.shop.internal | grep EDNS)"

# ---- two tenants, same names, same addresses

is "bank's db" 100.64.10.30 "$(short bank-web db.bank.internal)"
is "the same address is somebody else" 0.vault.bank.internal. "$(short bank-web -x 100.64.10.20)"
is "shop's names are not bank's" "REFUSED qr rd" "$(header bank-web db.shop.internal)"
is "nor at shop's addresses" "NXDOMAIN qr aa rd" "$(header bank-web -x 100.64.10.22)"

# ---- as soon as the ledger knows

attach db2 shop shop db 2 1002
eventually 2 "db/2 is attached at beta: it is in the answer" \
	says "100.64.10.20 100.64.10.21 100.64.10.22" web db.shop.internal
detach db0
eventually 1 "db/0 goes: it is out within a second" says "100.64.10.21 100.64.10.22" web db.shop.internal
detach db1
eventually 1 "a local one, too" says "100.64.10.22" web db.shop.internal
gateway_stop beta
eventually 1 "beta says goodbye: nothing is left" says "" web db.shop.internal
is "which is no error" "NOERROR qr aa rd" "$(header web db.shop.internal)"

# ---- sizes

for i in $(seq 0 99); do
	{
		echo "lease = \"$(cat "$T/owner/shop/id")/1005/1/1/$(cat "$T/gateway/alpha/id")\";"
		echo "network = \"shop\"; member = \"many\"; replica = $i; port = \"db1\";"
		printf 'mac = "02:01:00:00:00:%02x";\n' "$i"
	} >"$T/gateway/alpha/attachments/.many$i"
	mv "$T/gateway/alpha/attachments/.many$i" "$T/gateway/alpha/attachments/many$i.conf"
done
answers()
{
	[ "$(at web dig +short "@$GW4" many.shop.internal "${@:2}" | grep -c '^100\.')" = "$1" ]
}
eventually 5 "a large answer: dig asks again by TCP" answers 100
expect "29 addresses fit into 512 bytes" answers 29 +ignore +noedns
expect "74 into 1232, whatever dig takes" answers 74 +ignore +bufsize=4096
expect "fewer, if it takes less" answers 42 +ignore +bufsize=720
is "truncated" "NOERROR qr aa tc rd" "$(header web many.shop.internal +ignore)"
expect "100 over TCP" answers 100 +tcp +noedns

# ---- other names

namespace resolver
plug resolver eth0
host_end resolver eth0
ip -n "$LM_ID-resolver" addr add 192.0.2.53/24 dev eth0
ip -n "$LM_ID-resolver" addr add 2001:db8::53/64 dev eth0 nodad
at resolver dnsmasq -k -C /dev/null --no-resolv --no-hosts --user=root --pid-file \
	--address=/www.example.com/198.51.100.7 --host-record=v6.example.com,2001:db8::7 \
	--txt-record="long.example.com,$(printf 'x%.0s' $(seq 200)),$(printf 'y%.0s' $(seq 200)),$(printf 'z%.0s' $(seq 200))" \
	>"$T/dnsmasq.log" 2>&1 </dev/null &
await 5 at resolver sh -c 'ss -Hlun "sport = :53" | grep -q .'
echo 'dns = { forward = ["192.0.2.77", "192.0.2.53"]; };' >>"$T/gateway/alpha/gateway.conf"
expect "a resolver, live" leasemesh reload --prefix "$LM_ID-alpha"
is "a name of elsewhere, though the first resolver is silent" 198.51.100.7 \
	"$(at web dig +short +tries=1 +time=4 "@$GW4" www.example.com)"
is "flags" "NOERROR qr rd ra" "$(header web www.example.com)"
is "our own names say so, too" "NOERROR qr aa rd ra" "$(header web shop.internal)"
is "IPv6" 2001:db8::7 "$(short web v6.example.com AAAA)"
is "TCP" 198.51.100.7 "$(short web www.example.com +tcp)"
is "TCP, without EDNS" 198.51.100.7 "$(short web www.example.com +tcp +noedns)"
is "capitals" "wWw.Example.com." "$(ask web wWw.Example.com | cut -d' ' -f1)"
is "more than 512 bytes without EDNS" 1 \
	"$(short web long.example.com TXT +noedns | grep -c xxx)"
is "the resolver's refusal" "REFUSED qr rd ra" "$(header web nowhere.example.org)"
is "bank's names are asked elsewhere: none of ours" "REFUSED qr rd ra" "$(header web db.bank.internal)"
before=$(drops alpha not_ours)
at resolver sh -c 'echo unasked | nc -u -p 5353 -q 0 192.0.2.1 40000'
unasked()
{
	[ "$(drops alpha not_ours)" -gt "$before" ]
}
eventually 2 "what no resolver sent is dropped by the workers" unasked
sed -i 's/^dns = .*/dns = { forward = ["2001:db8::53"]; };/' "$T/gateway/alpha/gateway.conf"
expect "a resolver by IPv6" leasemesh reload --prefix "$LM_ID-alpha"
is "answers as well" 198.51.100.7 "$(short web www.example.com)"
sed -i '/^dns = /d' "$T/gateway/alpha/gateway.conf"
expect "no resolver any more" leasemesh reload --prefix "$LM_ID-alpha"
is "refused again" "REFUSED qr rd" "$(header web www.example.com)"

# ---- counted

for reason in noerror nodata nxdomain refused badvers notimp truncated forwarded \
	forward_answered forward_retry; do
	expect "counted: $reason" test "$(count dns_$reason)" -gt 0
done
is "no forwarded question was lost" 0 "$(count dns_forward_gone)"
expect "connections were counted" test "$(count dns_tcp_opened)" -ge 5
