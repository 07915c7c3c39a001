#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
#
# What rules can say, in packets: denials in order, labels, prefixes with exceptions,
# names of services and a default; what gateways refuse; and what they report.
. "$(dirname "$0")/common.bash"

# members EGRESS INGRESS: rules of web and of db
members()
{
	cat <<-END
	  - name: web
	    deployment: 1001
	    labels: [front]
	    endpoints: [{provider: alpha, ipv4: 100.64.10.10, ipv6: "fd5a:10::10"}]
	    egress: [$1]
	  - name: cache
	    deployment: 1003
	    endpoints: [{provider: alpha, ipv4: 100.64.10.11, ipv6: "fd5a:10::11"}]
	    egress: [{prefixes: 100.64.10.16/28, protocol: tcp}]
	  - name: db
	    deployment: 1002
	    endpoints: [{provider: beta, ipv4: 100.64.10.20, ipv6: "fd5a:10::20"}]
	    ingress: [$2]
	END
}

# denied GATEWAY REASON WHAT COMMAND...: fails, and this gateway has counted why
denied()
{
	local before

	before=$(drops "$1" "$2")
	refuse "$3" "${@:4}"
	expect "counted at $1 as $2" test "$(drops "$1" "$2")" -gt "$before"
}

network()
{
	query alpha /leasemesh/networks ".networks[] | select(.name == \"shop\") | .$1"
}

# hits GATEWAY MEMBER DIRECTION RULE: how often it decided there; RULE null: the default
hits()
{
	query "$1" /leasemesh/rules,0 \
		".rules[] | select(.member == \"$2\" and .direction == \"$3\" and .rule == $4) | .hits"
}

# traced GATEWAY FROM TO FLOW...: "passes verdict egress-line ingress-line", of IPv4
traced()
{
	leasemesh trace --json --prefix "$LM_ID-$1" --network shop --from "$2" --to "$3" "${@:4}" |
		jq -r '"\(.passes) \(.flows[0] | "\(.verdict) \(.egress_line) \(.ingress_line)")"' || true
}

# line TEXT: of the first manifest
line()
{
	grep -n -m 1 "$1" "$T/manifest/shop-1.yaml" | cut -d : -f 1
}

# noted GATEWAY FROM TO PORT: how it was noted there
noted()
{
	query "$1" /leasemesh/denied ".denied[] | select(.src == \"$2\" and .dst == \"$3\" and
		.dport == $4) | \"\(.network) \(.verdict) \(.direction) \(.line != null)\"" | sort -u
}

begin
shop_hosts
gateway_start alpha
gateway_start beta
shop_attach
members '{to: db, protocol: tcp, ports: 8000, action: deny}, {to: any, protocol: tcp}' \
	'{prefixes: [100.64.10.0/24], except: 100.64.10.10, protocol: tcp, ports: https, action: deny},
	 {labels: front, protocol: tcp, ports: [postgresql, https], log: true}, {from: cache, protocol: any}' |
	shop_network 1
shop_addresses
listen db 443 5432 8000 9000
listen web 7000

eventually 10 "web to db 5432: by its label" tcp web 100.64.10.20 5432
expect "the same over IPv6" tcp web fd5a:10::20 5432
expect "web to db 443: an exception of what is denied" tcp web 100.64.10.20 443
denied alpha policy_ingress "cache to db 443: denied by its address" tcp cache 100.64.10.20 443
expect "cache to db 9000: a later rule" tcp cache 100.64.10.20 9000
denied alpha policy_egress "cache to db by IPv6: not in the prefix" tcp cache fd5a:10::20 9000
denied alpha policy_egress "web to db 8000: denied before all is allowed" tcp web 100.64.10.20 8000
denied alpha policy_ingress "web to db 9000: no rule of db's" tcp web 100.64.10.20 9000
expect "counted: web's rule that denies" test "$(hits alpha web egress 0)" -gt 0
is "which beta was never asked" 0 "$(hits beta web egress 0)"
expect "web's rule that allows, at alpha" test "$(hits alpha web egress 1)" -gt 0
expect "and at beta" test "$(hits beta web egress 1)" -gt 0
is "no packet of web's came to its default" 0 "$(hits alpha web egress null)"
expect "db's rule that denies" test "$(hits alpha db ingress 0)" -gt 0
is "a connection is counted once, at alpha" 1 "$(hits alpha db ingress 2)"
is "and at beta" 1 "$(hits beta db ingress 2)"
expect "db's default" test "$(hits alpha db ingress null)" -gt 0
is "the tool says so, too" "ingress 2 allow 1" "$(leasemesh network rules --prefix "$LM_ID-alpha" shop |
	awk '$1 == "db" && $3 == 2 { print $2, $3, $5, $6 }')"
is "what web's rule denied is listed" "shop denied egress true" \
	"$(noted alpha 100.64.10.10 100.64.10.20 8000)"
is "beta saw nothing of it" "" "$(noted beta 100.64.10.10 100.64.10.20 8000)"
is "what db's default denied" "shop denied ingress false" \
	"$(noted alpha 100.64.10.10 100.64.10.20 9000)"
is "what is to be logged, at beta" "shop allowed ingress true" \
	"$(noted beta fd5a:10::10 fd5a:10::20 5432)"
is "what is allowed and not to be logged" "" "$(noted alpha 100.64.10.11 100.64.10.20 9000)"
expect "the tool lists it, too" sh -c "'$LM_BUILD/app/cli/leasemesh' status --prefix \
	'$LM_ID-alpha' denied | grep -q 'denied .* 100.64.10.20:8000 *egress'"
is "rules that alpha has compiled" 6 "$(network rules)"
expect "and what they take" test "$(network rules_bytes)" -gt 0

# The gateway says beforehand what it did above, and why.
web=$(line 'to: db, protocol: tcp, ports: 8000') cache=$(line 'prefixes: 100.64.10.16/28')
https=$(line 'except: 100.64.10.10') db=$(line 'labels: front, protocol')
for gw in alpha beta; do
	is "trace at $gw: web to db 5432" "yes allow $web $db" "$(traced $gw web/0 db/0 tcp 5432)"
	is "trace at $gw: denied by egress" "no deny_egress $web null" \
		"$(traced $gw web/0 db/0 tcp 8000)"
	is "trace at $gw: no rule of db's" "no deny_ingress $web null" \
		"$(traced $gw web db tcp 9000)"
	is "trace at $gw: denied by ingress" "no deny_ingress $cache $https" \
		"$(traced $gw cache 100.64.10.20 tcp 443)"
done
is "trace by IPv6: not in the prefix" "no deny_egress null $db" \
	"$(traced alpha cache/0 fd5a:10::20 tcp 9000)"
is "trace of icmp: one for each family" "2 no" "$(leasemesh trace -j -p "$LM_ID-alpha" -N shop \
	-f web/0 -t db/0 icmp | jq -r '"\(.flows | length) \(.passes)"' || true)"
# untraced WHY FROM TO
untraced()
{
	expect "no trace: $1" contains "$1" \
		<(leasemesh trace -p "$LM_ID-alpha" -N shop -f "$2" -t "$3" icmp 2>&1 || true)
}
untraced "there is no member 'wbe'" wbe/0 db/0
untraced "'web' has 1 replicas, none is '1'" web/1 db/0
untraced "no endpoint has the address 100.64.10.99" web/0 100.64.10.99
untraced "100.64.10.1 is the gateways' own address" web/0 100.64.10.1
untraced "the same endpoint" web/0 100.64.10.10
untraced "no addresses of one family" 100.64.10.10 fd5a:10::20

# A manifest whose tests fail is neither signed nor sent. (That gateways refuse it, too, is a unit
# test's: nobody here signs one.)
members '{to: db, protocol: any}' '{from: web, protocol: tcp, ports: 9000}' >"$T/members"
name=$(manifest shop shop 2 <"$T/members")
cp "${name%.signed}.yaml" "$T/tested.yaml"
expect "nothing is tested" leasemesh policy test "$T/tested.yaml"
echo 'tests: [{from: web, to: db, protocol: tcp, port: 5432, expect: allow}]' >>"$T/tested.yaml"
refuse "a test that fails" leasemesh policy test "$T/tested.yaml"
refuse "nor is it signed" leasemesh manifest sign -k "$T/owner/shop/key" "$T/tested.yaml"

# What no rule matches is allowed.
members '{to: any, protocol: tcp, ports: 8000, action: deny}' '' >"$T/members"
echo 'policy: {default: allow}' >>"$T/members"
shop_network 4 <"$T/members"
eventually 10 "web to db 9000: nothing says no" tcp web 100.64.10.20 9000
expect "db to web 7000: absent lists are lists, too" tcp db 100.64.10.10 7000
denied alpha policy_egress "web to db 8000: a rule does" tcp web 100.64.10.20 8000
expect "counted anew" test "$(hits alpha web egress 0)" -gt 0
expect "what no rule matches and is allowed" test "$(hits alpha db egress null)" -gt 0
is "rules of the newer manifest" 2 "$(network rules)"

# What nobody serves is not reached, whatever the rules say.
unserved()
{
	[ "$(leasemesh trace -j -p "$LM_ID-$1" -N shop -f web/0 -t db/0 tcp 9000 |
		jq -r '"\(.passes) \(.flows[0].verdict) \(.to.where) \(.to.reason)"')" = \
		"no allow $2" ]
}
is "trace: served at beta" "yes allow null null" "$(traced alpha web/0 db/0 tcp 9000)"
detach db
eventually 10 "trace: not attached at beta" unserved beta "nowhere it is not attached at this gateway"
eventually 15 "trace: nor known at alpha to be" unserved alpha \
	"peer its gateway takes no part in the network"
