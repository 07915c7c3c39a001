#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A gateway gets another address while it runs: its peer follows it, because what
# arrives from there is authentic.
. "$(dirname "$0")/common.bash"

followed()
{
	[ "$(query beta /leasemesh/sessions '.sessions[0] | select(.state == "up") | .address')" = "$1" ]
}

shop_up
epoch=$(query beta /leasemesh/sessions '.sessions[0].epoch')
sed -i 's,"192.0.2.1/24","192.0.2.51/24",' "$T/gateway/alpha/gateway.conf"
expect "a new address by reload" leasemesh reload --prefix "$LM_ID-alpha"
# The workload's own traffic is what beta hears first.
eventually 15 "web reaches db again" reaches web 100.64.10.20
eventually 15 "beta's session follows to the new address" followed 192.0.2.51:4500
is "the session is the same one" "$epoch" "$(query beta /leasemesh/sessions '.sessions[0].epoch')"
expect "db reaches web" at db ping -q -c 5 -i 0.05 -W 1 100.64.10.10
eventually 5 "alpha answers at the new address" reaches tenant 192.0.2.51
refuse "and no more at the old one" reaches tenant 192.0.2.1
