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

begin
shop_hosts
gateway_start alpha
gateway_start beta
shop_attach
members '{to: db, protocol: tcp, ports: 8000, action: deny}, {to: any, protocol: tcp}' \
	'{prefixes: [100.64.10.0/24], except: 100.64.10.10, protocol: tcp, ports: https, action: deny},
	 {labels: front, protocol: tcp, ports: [postgresql, https]}, {from: cache, protocol: any}' |
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
is "rules that alpha has compiled" 6 "$(network rules)"
expect "and what they take" test "$(network rules_bytes)" -gt 0

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
