#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
#
# Rules with a rate: so many connections begin and no more, those go on, and people are told.
. "$(dirname "$0")/common.bash"

# members RULE: of db's
members()
{
	cat <<-END
	  - name: web
	    deployment: 1001
	    endpoints: [{provider: alpha, ipv4: 100.64.10.10, ipv6: "fd5a:10::10"}]
	    egress: [{to: db, protocol: any}]
	  - name: cache
	    deployment: 1003
	    endpoints: [{provider: alpha, ipv4: 100.64.10.11, ipv6: "fd5a:10::11"}]
	  - name: db
	    deployment: 1002
	    endpoints: [{provider: beta, ipv4: 100.64.10.20, ipv6: "fd5a:10::20"}]
	    ingress: [$1, {from: web, protocol: any}]
	END
}

# of_rule GATEWAY KEY: of db's first rule
of_rule()
{
	query "$1" /leasemesh/rules,0 \
		".rules[] | select(.member == \"db\" and .direction == \"ingress\" and .rule == 0) | .$2"
}

trace()
{
	leasemesh trace --prefix "$LM_ID-$1" --network shop --from web/0 --to db/0 tcp 8000
}

begin
shop_hosts
gateway_start alpha
gateway_start beta
shop_attach
members '{from: web, protocol: tcp, ports: 8000-8100, rate: 5/h}' | shop_network 1
shop_addresses
listen db 8000 9000
eventually 10 "web reaches db" reaches web 100.64.10.20
eventually 10 "by TCP" tcp web 100.64.10.20 9000

# Each port that is asked is a new flow, open or not. An hour's five, and the next in 12 minutes.
at web nmap -n -Pn -sT -T5 --max-retries 0 -p 8001-8030 -oG "$T/scan" 100.64.10.20 >/dev/null
is "of 30 ports so many answer" 5 "$(tr ',' '\n' <"$T/scan" | grep -c /closed/ || true)"
refuse "and then none" tcp web 100.64.10.20 8000
expect "but by another rule" tcp web 100.64.10.20 9000
is "refused by its rate at alpha" "$(drops alpha rule_rate)" "$(of_rule alpha refused)"
expect "as many at least as were scanned" test "$(of_rule alpha refused)" -ge 26
is "what alpha refused did not come to beta" 0 "$(of_rule beta refused)"
is "what came to beta" 5 "$(of_rule beta hits)"
is "how it is listed" "over rate ingress" "$(query alpha /leasemesh/denied \
	'.denied[] | select(.dport == 8000) | "\(.verdict) \(.direction)"' | sort -u)"
expect "trace tells it" contains ", at most 5/h" <(trace alpha)

# The same rules go on with what they have counted, whatever else comes and goes.
detach cache
eventually 10 "cache is gone" attached alpha cache absent
refuse "and still nothing" tcp web 100.64.10.20 8000
