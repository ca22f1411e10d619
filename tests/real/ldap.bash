# shellcheck shell=bash
# An OpenLDAP server of our own, in a temporary folder, on a free port.
#
# start_ldap [CONFIG-LINE...] sets and exports LD_DIR, LD_PORT and LD_ADMIN (the
# password of cn=curfew,$LD_BASE, who may read and write passwords); the lines go
# behind the database's own.  stop_ldap ends it and removes the folder.
# Needs provider.bash.

# shellcheck source=tests/real/server.bash
. "${BASH_SOURCE[0]%/*}/server.bash"

LD_BASE=dc=example,dc=org
LD_CURFEW=cn=curfew,$LD_BASE

ld_url() {
	echo "ldap://127.0.0.1:$LD_PORT"
}

ld_up() {
	(shut_pipes && slapd -f "$LD_DIR/slapd.conf" -h "$(ld_url) $*") >"$LD_DIR/said" 2>&1 || return
	wait_until ldapsearch -x -H "$(ld_url)" -s base -b ''
}

ld_down() { # [signal]
	end_by_pid "$LD_DIR/pid" "${1:-TERM}"
}

start_ldap() {
	LD_ADMIN=adm-$RANDOM$RANDOM$RANDOM
	LD_DIR=$(mktemp -d /tmp/curfew-ld.XXXXXX)
	guard_server ldap LD_DIR
	export LD_GUARD=$GUARD
	mkdir "$LD_DIR/db"
	{
		cat <<-END
			include /etc/ldap/schema/core.schema
			include /etc/ldap/schema/cosine.schema
			include /etc/ldap/schema/inetorgperson.schema
			modulepath /usr/lib/ldap
			moduleload back_mdb
			moduleload back_monitor
			moduleload pw-sha2
			pidfile $LD_DIR/pid
			$([ -f "$LD_DIR/global" ] && cat "$LD_DIR/global")
			database monitor
			access to * by dn.exact="$LD_CURFEW" read by * none
			database mdb
			suffix "$LD_BASE"
			rootdn "cn=root,$LD_BASE"
			rootpw root-pw
			directory $LD_DIR/db
			access to attrs=userPassword by dn.exact="$LD_CURFEW" manage by self write by anonymous auth by * none
			access to * by dn.exact="$LD_CURFEW" manage by self write by * read
		END
		[ $# = 0 ] || printf '%s\n' "$@"
	} >"$LD_DIR/slapd.conf"
	export LD_DIR LD_PORT LD_ADMIN
	on_a_port LD_PORT ld_up
	ld_root <<-END
		dn: $LD_BASE
		changetype: add
		objectClass: domain
		dc: example

		dn: $LD_CURFEW
		changetype: add
		objectClass: applicationProcess
		objectClass: simpleSecurityObject
		cn: curfew
		userPassword: $(slappasswd -s "$LD_ADMIN")

		dn: ou=svc,$LD_BASE
		changetype: add
		objectClass: organizationalUnit
		ou: svc
	END
}

stop_ldap() {
	[ -n "${LD_DIR:-}" ] || return 0
	unguard "${LD_GUARD:-}"
	ld_down KILL
	rm -rf "$LD_DIR"
}

# ld_root <LDIF: as the one who may everything
ld_root() {
	ldapmodify -x -H "$(ld_url)" -D "cn=root,$LD_BASE" -w root-pw >/dev/null 3>&-
}

svc() { # name: its DN
	echo "uid=$1,ou=svc,$LD_BASE"
}

# ld_new NAME PASSWORD...: an entry that needs no userPassword
ld_new() {
	local name=$1 p
	shift
	{
		printf '%s\n' "dn: $(svc "$name")" 'changetype: add' 'objectClass: inetOrgPerson' \
			"uid: $name" "cn: $name" "sn: $name"
		for p in "$@"; do
			case $p in
			{*) echo "userPassword: $p" ;;
			raw:*) echo "userPassword: ${p#raw:}" ;;
			*) echo "userPassword: $(slappasswd -s "$p")" ;;
			esac
		done
	} | ld_root
}

# ld_values NAME: the stored passwords, decoded
ld_values() {
	ldapsearch -x -H "$(ld_url)" -D "cn=root,$LD_BASE" -w root-pw -LLL -o ldif-wrap=no \
		-b "$(svc "$1")" -s base userPassword 3>&- |
		sed -n 's/^userPassword:: //p' | while read -r v; do base64 -d <<<"$v"; echo; done | sort
}

# ld_login NAME PASSWORD: in, or the result code
ld_login() {
	local said
	if said=$(ldapwhoami -x -H "$(ld_url)" -D "$(svc "$1")" -w "$2" 2>&1 3>&-); then
		echo in
	else
		sed -n 's/.*(\([0-9]*\))$/\1/p' <<<"$said" | head -1
	fi
}

# open_ldap NAME PASSWORD: a bound connection held open; session_note TEXT
# writes to its own entry
open_ldap() {
	SESSION_DN=$(svc "$1")
	hold_session ldapmodify -x -c -H "$(ld_url)" -D "$SESSION_DN" -w "$2"
	session_note here-i-am
	wait_until session_noted here-i-am
}

session_note() {
	session_do "dn: $SESSION_DN
changetype: modify
replace: description
description: $1
"
}

session_noted() {
	ldapsearch -x -H "$(ld_url)" -LLL -b "$SESSION_DN" -s base description | grep -q "$1"
}
