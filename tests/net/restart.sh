#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
#
# A gateway that was killed comes back from its store: nobody submits anything
# again, and workloads notice a pause.
. "$(dirname "$0")/common.bash"

shop_up
gateway_kill beta
refuse "db is unreachable while beta is down" reaches web 100.64.10.20
gateway_start beta
expect "the manifest is in force from the store" in_force beta shop 1
expect "db's attachment is active" active beta db
eventually 15 "alpha and beta find each other" reaches web 100.64.10.20
expect "the session is up" sessions_up alpha beta

gateway_kill alpha
gateway_kill beta
sed -i 's/name = "wan";/& rx_descriptors = 512;/' "$T/gateway/alpha/gateway.conf"
gateway_start alpha
expect "its queues hold what the configuration says" grep -q 'port wan: .* queues of 512/' "$T/gateway/alpha/log"
expect "or what suits the driver" grep -q 'port web: .* queues of 2048/' "$T/gateway/alpha/log"
expect "alpha alone: the manifest is in force from the store" in_force alpha shop 1
await 5 active alpha web
eventually 5 "it serves its own workloads before it has heard of any peer" reaches web 100.64.10.11
expect "and gives them their addresses" dhcp web
gateway_kill alpha
gateway_start beta
gateway_start alpha
eventually 15 "both killed: the same" reaches db 100.64.10.10
expect "local traffic, too" reaches web 100.64.10.11
open_members | shop_network 2
