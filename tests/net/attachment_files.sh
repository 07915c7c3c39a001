#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The attachments directory as others' software treats it: links, files that are no
# files, more of them than there is room for, and the directory itself replaced.
# sanitize
. "$(dirname "$0")/common.bash"

files=

# put NAME REPLICA [MAC]: the file of web/REPLICA, renamed into place
put()
{
	{
		echo "lease = \"$(cat "$T/owner/shop/id")/1001/1/1/$(cat "$T/gateway/alpha/id")\";"
		echo "network = \"shop\"; member = \"web\"; replica = $2; port = \"lan\";"
		echo "mac = \"${3:-06:00:00:00:00:0$2}\";"
	} >"$T/new"
	mv "$T/new" "$files/$1.conf"
}

is_state()
{
	attached alpha "$@"
}

count()
{
	[ "$(query alpha /leasemesh/attachments '.attachments | length')" = "$1" ]
}

begin
owner shop
gateway alpha
workload host alpha lan
files=$T/gateway/alpha/attachments
gateway_conf alpha | sed 's/endpoints = 1024/endpoints = 5/' >"$T/gateway/alpha/gateway.conf"
gateway_start alpha
{
	echo "  - name: web"
	echo "    deployment: 1001"
	echo "    endpoints: [$(for i in 0 1 2 3 4 5; do
		echo "{provider: alpha, ipv4: 100.64.10.2$i}, "
	done)]"
} | sed 's/, \]/]/' >"$T/members"
submit alpha "$(manifest shop shop 1 <"$T/members")" >/dev/null
await 5 in_force alpha shop 1

# Links: only their creation is seen, nobody closes them after writing.
put zero 0
eventually 5 "a file that is renamed into place" is_state zero active
mkdir "$T/elsewhere"
put one 1
mv "$files/one.conf" "$T/elsewhere/one.conf"
eventually 5 "a file that is moved away" is_state one absent
ln -s "$T/elsewhere/one.conf" "$files/one.conf"
eventually 5 "a symbolic link" is_state one active
rm "$files/one.conf"
eventually 5 "a link that is removed" is_state one absent
ln "$T/elsewhere/one.conf" "$files/one.conf"
eventually 5 "a hard link" is_state one active

# What is no file of ours does no harm.
mkfifo "$files/pipe.conf"
mkdir "$files/folder.conf"
ln -s /dev/zero "$files/zeros.conf"
ln -s nowhere "$files/dangling.conf"
truncate -s 1G "$T/elsewhere/huge.conf"
mv "$T/elsewhere/huge.conf" "$files/huge.conf"
eventually 5 "a huge file is refused" is_state huge refused
expect "with the reason" grep -q 'larger than' <(attachment alpha huge reason)
expect "the others stay" is_state zero active
rm -rf "$files"/{pipe,folder,zeros,dangling,huge}.conf
eventually 5 "and is forgotten" count 2

# Who was there first keeps what it has, whatever the newcomer's name.
put a-thief 0
eventually 5 "a second file of an endpoint is refused" is_state a-thief refused
expect "the first one stays" is_state zero active
rm "$files/one.conf"
eventually 5 "room" is_state one absent
put b-thief 2 06:00:00:00:00:00
eventually 5 "a second file of a MAC is refused" is_state b-thief refused
expect "the first one stays" is_state zero active
rm "$files/zero.conf"
eventually 5 "until it goes" is_state b-thief active
eventually 5 "until it goes" is_state a-thief refused
rm "$files"/*-thief.conf
eventually 5 "an empty directory" count 0

# Two that swap their endpoints, one file after the other.
put first 0 06:00:00:00:00:01
put second 1 06:00:00:00:00:02
eventually 5 "two" is_state second active
put first 1 06:00:00:00:00:01
eventually 5 "one of them wants the other's place" is_state first refused
expect "the other one keeps it" is_state second active
put second 0 06:00:00:00:00:02
eventually 5 "until it moves" is_state first active
eventually 5 "both have swapped" is_state second active

# More than limits.endpoints: the rest waits for room.
for i in 2 3 4 5; do put "more$i" "$i"; done
eventually 5 "as many as there is room for" count 5
rm "$files"/{first,second}.conf
eventually 5 "the others follow" is_state more5 active
eventually 5 "the others follow" is_state more4 active

# The directory itself: replaced as a whole, removed, made again.
cp -r "$files" "$T/elsewhere/next"
rm "$T/elsewhere/next/more2.conf"
mv "$files" "$T/elsewhere/old"
mv "$T/elsewhere/next" "$files"
eventually 5 "a new directory in its place is read" is_state more2 absent
# Between the two moves there was no directory, which may have been seen.
eventually 5 "the others are there" is_state more3 active
put six 0
eventually 5 "and watched" is_state six active
rm -rf "$files"
eventually 5 "no directory, no attachments" count 0
mkdir "$files"
put seven 1
eventually 5 "a directory that is made again is read" is_state seven active
put eight 2
eventually 5 "and watched" is_state eight active
gateway_stop alpha
