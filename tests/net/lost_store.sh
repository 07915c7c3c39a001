#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
#
# A gateway notices that its store was lost, or is an old copy, says so, and forgets it no more; it
# serves nevertheless, but does not vote. One that is new, or whose folders were moved, says nothing
# of the kind.
. "$(dirname "$0")/common.bash"
# shellcheck source=tests/net/decided.bash
. "$(dirname "$0")/decided.bash"

LM_MEMORY_MB=256 LM_MBUFS=16384

store()
{
	query alpha /leasemesh/info .store
}

# started WHAT STATE: alpha starts, and says that of its store
started()
{
	: >"$G/log"
	gateway_start alpha
	is "$1" "$2" "$(store)"
}

stopped()
{
	gateway_stop alpha || die "alpha did not end well"
}

said()
{
	contains "what this gateway has promised in the chains of networks is lost" "$G/log"
}

signed()
{
	printf '  - {name: web, deployment: 1001, replicas: 1}\n' | manifest shop shop "$1"
}

votes()
{
	query alpha /leasemesh/chain,0 .votes
}

mark()
{
	cut -d' ' -f3 "$G/key.store"
}

# With what is mounted below, nothing could be removed.
finish()
{
	local status=$?

	set +e
	umount -l "$G/state" "$G/elsewhere" 2>/dev/null
	(exit $status)
	evidence
}

begin
trap finish EXIT
owner shop
gateway alpha
workload web alpha
G=$T/gateway/alpha
started "a new gateway" kept
refuse "which says nothing of a loss" said
is "its mark is nobody else's to write" 600 "$(stat -c %a "$G/key.store")"
stopped
started "started again" kept
gateway_kill alpha
started "killed and started again" kept
id=$(mark)
file=$(signed 1)
submit alpha "$file"
is "it votes in its network" yes "$(votes)"
attach web shop shop web 0 1001
eventually 10 "and has done so" noted alpha web/0 alpha 1

cp -r "$G/state" "$G/copy"
stopped
mv "$G/state" "$G/good"
mv "$G/copy" "$G/state"
started "an old copy in its place" lost
expect "which is said" said
expect "and why" contains "this store is an old copy" "$G/log"
expect "the manifest is there" in_force alpha shop 1
is "but it votes no more" never "$(votes)"
expect "status says so" sh -c "'$LM_BUILD/app/cli/leasemesh' status -p $LM_ID-alpha gateway | grep -q 'store was lost'"
stopped
rm -r "$G/state"
started "no store at all" lost
expect "which is said" said
expect "and why" contains "this store knows nothing of the key" "$G/log"
is "the mark still waits for the one that was lost" "$id" "$(mark)"
expect "it takes manifests nevertheless" submit alpha "$file"
is "and votes in none" never "$(votes)"
stopped
started "it is not forgotten" lost
expect "the manifest is there" in_force alpha shop 1
is "nor the network" never "$(votes)"
stopped
rm -r "$G/state"
mv "$G/good" "$G/state"
started "the good one put back" kept
refuse "nothing is missed" said
is "it votes as before" yes "$(votes)"
submit alpha "$(signed 2)"
stopped

mkdir "$G/elsewhere"
mv "$G/key" "$G/key.store" "$G/state" "$G/elsewhere"
sed -i "s,$G/key,$G/elsewhere/key,; s,$G/state,$G/elsewhere/state," "$G/gateway.conf"
started "all moved elsewhere" kept
stopped
echo lost >"$G/elsewhere/key.store"
started "an operator says that it was lost" lost
stopped

# A new key begins anew, with the same store, and is nobody's double.
leasemesh keygen -o "$G/elsewhere/new" >/dev/null
leasemesh key show --public "$G/elsewhere/new" >"$G/public"
sed -i "s,elsewhere/key,elsewhere/new," "$G/gateway.conf"
started "a new key" kept
submit alpha "$(signed 3)"
is "it may vote where it has a seat" no "$(votes)"
stopped
sed -i "s,elsewhere/new,elsewhere/key," "$G/gateway.conf"
rm "$G/elsewhere/key.store"
started "the old key is remembered to have lost" lost
stopped
sed -i "s,elsewhere/key,elsewhere/new," "$G/gateway.conf"

echo nonsense >"$G/elsewhere/new.store"
at alpha "$LM_BUILD/app/gateway/leasemeshd" -c "$G/gateway.conf" >"$G/log" 2>&1 && die "it started"
expect "a mark that is none: no start" contains "$G/elsewhere/new.store: does not say" "$G/log"
rm "$G/elsewhere/new.store"

# Root writes everywhere but here.
mount --bind "$G/elsewhere" "$G/elsewhere"
mkdir "$G/state" && mount --bind "$G/elsewhere/state" "$G/state"
mount -o remount,bind,ro "$G/elsewhere"
sed -i "s,$G/elsewhere/state,$G/state," "$G/gateway.conf"
started "a folder that it may not write to" unmarked
expect "which is said, with what it means" contains "$G/elsewhere/new.store: Read-only file system: if the store is lost" "$G/log"
stopped
