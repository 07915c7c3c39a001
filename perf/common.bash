# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the benchmarks in namespaces share; needs app/demo/topology.sh.

# build_release PACKAGES...: installs those, builds gateway and tool in $LM_BUILD.
build_release()
{
	local ipsec_mb log=$LM_BUILD.log

	[ "${LM_PERF_INSTALL:-yes}" != yes ] || "$LM_ROOT/drivers-config/install" "$@"
	(
		[ -e "$LM_BUILD/build.ninja" ] || {
			ipsec_mb=$("$LM_ROOT/drivers-config/ipsec-mb")
			meson setup "$LM_BUILD" "$LM_ROOT" --buildtype=release -Dtests=false \
				-Dipsec_mb="$ipsec_mb"
		}
		ninja -C "$LM_BUILD" app/gateway/leasemeshd app/cli/leasemesh
	) >"$log" 2>&1 || {
		tail -n 40 "$log" >&2
		die "the build failed"
	}
	rm -f "$log"
}

# median FILE: of numbers, one a line; - is standard input.
median()
{
	sort -n "$@" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

machine()
{
	echo "$(sed -n 's/^model name[^:]*: //p;T;q' /proc/cpuinfo), $(nproc) CPUs, Linux $(uname -r)"
}

# versions PACKAGE...
versions()
{
	dpkg-query -W -f '${Package} ${Version}  ' "$@"
	echo
}
