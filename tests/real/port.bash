# shellcheck shell=bash
# A port on loopback for a server of our own.  Who can bind port 0 and tell what
# he got needs none of this.

# Below the ports that the system hands out to clients: a server that is started
# again finds its own taken by somebody's connection otherwise.
free_port() {
	local p
	while :; do
		p=$((20000 + RANDOM % 12000))
		(exec 9<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || break
	done
	echo "$p"
}

# on_a_port VARIABLES COMMAND...: COMMAND with a free port in each of VARIABLES;
# when it fails with other ones, as somebody may have been quicker.  A server
# that answers there may be his: COMMAND is to ask its own one.
on_a_port() {
	local on_variable on_variables=$1
	shift
	for _ in 1 2 3 4 5; do
		for on_variable in $on_variables; do
			printf -v "$on_variable" %s "$(free_port)"
		done
		"$@" && return 0
	done
	return 1
}
