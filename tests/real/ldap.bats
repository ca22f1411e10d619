#!/usr/bin/env bats
# curfew-provider-ldap against a real OpenLDAP server, over the line protocol.

bats_require_minimum_version 1.5.0

SERVER=ldap
load one_server

# connect [DN PASSWORD [OPTIONS-JSON]]
connect() {
	provider_start "$CURFEW_BUILD/curfew-provider-ldap"
	ask_json "$(jq -nc --arg url "$(ld_url)" --arg user "${1:-$LD_CURFEW}" --arg base "$LD_BASE" \
		--arg secret "${2:-$LD_ADMIN}" --argjson more "${3:-$none}" \
		'{verb: "hello", protocol: 1, connection: "ld",
		  options: ({url: $url, user: $user, base: $base} + $more), secret: $secret}')"
}

probe_secret() { # name secret life
	ask probe account "$(svc "$1")" kind password credential x secret "$2"
	expect .status ok
	expect .life "$3"
}

ids() { # name
	ask list account "$(svc "$1")"
	item '.what == "credential"' | jq -r .id | sort
}

@test "hello binds: a wrong password is refused, an absent server is retried" {
	connect "$LD_CURFEW" wrong
	expect .status refused
	[[ $(got .error) == *49* ]]
	provider_stop
	connect "$LD_CURFEW" "$LD_ADMIN" '{"url":"ldap://127.0.0.1:1"}'
	expect .status retry
	provider_stop
	connect "$LD_CURFEW" "$LD_ADMIN" '{"url":"http://127.0.0.1"}'
	expect .status refused
	provider_stop
	connect "$LD_CURFEW" "$LD_ADMIN" '{"lock":"maybe"}'
	expect .status refused
	provider_stop
	export LDAPURI=ldap://nowhere LDAPBASE=dc=nobody LDAPTLS_REQCERT=never LDAPCONF=/nowhere
	connected
	unset LDAPURI LDAPBASE LDAPTLS_REQCERT LDAPCONF
	expect .provider ldap
	expect .facts.password.overlap true
}

@test "list: entries with a password, each of them a credential, what is curfew's own" {
	ld_new l_bot l-one l-two
	ld_new l_bare
	ld_new l_clear raw:l-clear
	connected
	open_ldap l_bot l-one
	ask list
	expect .status ok
	expect .complete true
	[ "$(item ".what == \"account\" and .account == \"$(svc l_bot)\"" | jq -r .state)" = active ]
	[[ $(item ".what == \"account\" and .account == \"$(svc l_bot)\"" | jq -r .created) == "$(date -u +%Y)"-*Z ]]
	[ "$(item ".what == \"credential\" and .account == \"$(svc l_bot)\" and .attributes.scheme == \"SSHA\"" | wc -l)" = 2 ]
	[ "$(item ".what == \"session\" and .account == \"$(svc l_bot)\"" | wc -l)" = 1 ]
	[ "$(item ".account == \"$(svc l_bare)\"" | wc -l)" = 0 ]
	[ "$(item ".account == \"$LD_CURFEW\" and .what == \"account\" and .self" | wc -l)" = 1 ]
	! grep -qE 'SSHA}|l-clear' <<<"$ITEMS"
	ask list account "$(svc l_bare)"
	[ "$(item '.what == "account"' | jq -r .state)" = disabled ]
	ask list account "$(svc l_nobody)"
	expect .status absent
	ask list account 'no dn at all'
	expect .status absent
}

@test "disabled and enabled: the password works again, whatever it was stored as" {
	ld_new d_ssha d-pw
	ld_new d_many d-pw d-two
	ld_new d_512 "$(slappasswd -o module-load=/usr/lib/ldap/pw-sha2.so -h '{SSHA512}' -s d-pw)"
	ld_new d_crypt "{CRYPT}$(openssl passwd -6 d-pw)"
	ld_new d_clear raw:d-pw
	ld_new d_md5 "$(slappasswd -h '{SMD5}' -s d-pw)"
	connected
	local n before
	for n in d_ssha d_many d_512 d_crypt d_clear d_md5; do
		before=$(ld_values $n)
		echo "$n: $(ld_login $n d-pw)"
		[ "$(ld_login $n d-pw)" = in ]
		ask disable account "$(svc $n)"
		expect .status ok
		[ "$(ld_login $n d-pw)" = 49 ]
		# the stored text itself lets nobody in
		while read -r v; do [ "$(ld_login $n "$v")" = 49 ]; [ "$(ld_login $n "${v#*\}}")" = 49 ]; done < <(ld_values $n)
		probe_secret $n d-pw dead
		expect .proof refusal
		ask probe account "$(svc $n)"
		expect .life dead
		expect .proof record
		ask disable account "$(svc $n)"
		expect .status ok
		ask enable account "$(svc $n)"
		expect .status ok
		[ "$(ld_login $n d-pw)" = in ]
		[ $n = d_clear ] || [ "$(ld_values $n)" = "$before" ]
	done
}

@test "one of two: disabled, enabled, revoked; the other goes on; restore brings it back" {
	ld_new p_bot p-old p-new
	connected
	local before snapshot old
	before=$(ld_values p_bot)
	ask set account "$(svc p_bot)" kind password secret p-old
	expect .status ok
	old=$(got .credential)
	[ "$(ld_values p_bot)" = "$before" ]
	ask snapshot account "$(svc p_bot)"
	snapshot=$(got .snapshot)
	ask disable account "$(svc p_bot)" kind password credential "$old"
	expect .status ok
	[ "$(ld_login p_bot p-old)" = 49 ]
	[ "$(ld_login p_bot p-new)" = in ]
	ids p_bot | grep -q "$old"
	ask enable account "$(svc p_bot)" kind password credential "$old"
	[ "$(ld_login p_bot p-old)" = in ]
	ask revoke account "$(svc p_bot)" kind password credential "$old"
	expect .status ok
	probe_secret p_bot p-old dead
	probe_secret p_bot p-new alive
	ask probe account "$(svc p_bot)" kind password credential "$old"
	expect .life dead
	ask revoke account "$(svc p_bot)" kind password credential "$old"
	expect .status absent
	ask revoke account "$(svc p_bot)"
	expect .status ok
	[ "$(ld_login p_bot p-new)" = 49 ]
	ask_json "{\"verb\":\"restore\",\"account\":\"$(svc p_bot)\",\"snapshot\":$snapshot}"
	expect .status ok
	[ "$(ld_values p_bot)" = "$before" ]
	# another entry under the same name
	ldapdelete -x -H "$(ld_url)" -D "cn=root,$LD_BASE" -w root-pw "$(svc p_bot)"
	ld_new p_bot other-pw
	ask_json "{\"verb\":\"restore\",\"account\":\"$(svc p_bot)\",\"snapshot\":$snapshot}"
	expect .status refused
	[ "$(ld_login p_bot other-pw)" = in ]
	ask disable account "$(svc p_gone)"
	expect .status absent
}

@test "a schema that wants a password gets one that nobody has" {
	ld_root <<-END
		dn: $(svc must_bot)
		changetype: add
		objectClass: account
		objectClass: simpleSecurityObject
		uid: must_bot
		userPassword: $(slappasswd -s m-pw)
	END
	connected
	ask revoke account "$(svc must_bot)"
	expect .status ok
	[ "$(ld_login must_bot m-pw)" = 49 ]
	[ "$(ids must_bot)" = "" ]
	ask probe account "$(svc must_bot)"
	expect .life dead
	ask set account "$(svc must_bot)" kind password secret m-two
	expect .status ok
	[ "$(ld_values must_bot | wc -l)" = 1 ]
	[ "$(ld_login must_bot m-two)" = in ]
}

@test "set beside and in the place of, in each scheme; nothing in clear text is kept or logged" {
	local o scheme one two
	for scheme in ssha ssha512; do
		ld_new set_$scheme set-1
		connected "$LD_CURFEW" "$LD_ADMIN" "{\"scheme\":\"$scheme\"}"
		one=$(ids set_$scheme)
		ask_json "{\"verb\":\"set\",\"account\":\"$(svc set_$scheme)\",\"kind\":\"password\",\"add\":true,\"secret\":\"set-2-ä\\\"x\"}"
		expect .status ok
		two=$(got .credential)
		[ "$(ids set_$scheme)" = "$(printf '%s\n' "$one" "$two" | sort)" ]
		[ "$(ld_login set_$scheme set-1)" = in ]
		[ "$(ld_login set_$scheme 'set-2-ä"x')" = in ]
		# the same again is done already
		ask_json "{\"verb\":\"set\",\"account\":\"$(svc set_$scheme)\",\"kind\":\"password\",\"add\":true,\"secret\":\"set-2-ä\\\"x\"}"
		expect .credential "$two"
		[ "$(ld_values set_$scheme | wc -l)" = 2 ]
		ask set account "$(svc set_$scheme)" kind password credential "$one" secret set-3-pw
		expect .status ok
		[ "$(ids set_$scheme)" = "$(printf '%s\n' "$(got .credential)" "$two" | sort)" ]
		[ "$(ld_login set_$scheme set-1)" = 49 ]
		[ "$(ld_login set_$scheme set-3-pw)" = in ]
		! ld_values set_$scheme | grep -E 'set-[23]'
		! grep -E 'set-[23]' "$PROVIDER_LOG" || false
		provider_stop
	done
	ld_new set_exop set-1
	connected "$LD_CURFEW" "$LD_ADMIN" '{"scheme":"exop"}'
	ask set account "$(svc set_exop)" kind password secret set-4
	expect .status ok
	[ "$(ids set_exop)" = "$(got .credential)" ]
	[ "$(ld_login set_exop set-4)" = in ]
	[ "$(ld_login set_exop set-1)" = 49 ]
	ask_json "{\"verb\":\"set\",\"account\":\"$(svc set_exop)\",\"kind\":\"password\",\"add\":true,\"secret\":\"x\"}"
	expect .status refused
	ask set account "$(svc set_exop)" kind password secret ''
	expect .status refused
}

@test "a bound connection outlives it all: seen, told, and gone after a restart" {
	ld_new s_bot s-pw
	connected
	open_ldap s_bot s-pw
	ask disable account "$(svc s_bot)"
	probe_secret s_bot s-pw dead
	session_note still-working
	wait_until session_noted still-working
	ask probe account "$(svc s_bot)"
	expect .life alive
	[[ $(got .evidence) == *"1 connections are still bound"* ]]
	ask cut_sessions account "$(svc s_bot)"
	expect .status retry
	[[ $(got .error) == *"restart slapd"* ]]
	ask list account "$(svc s_bot)"
	local id
	id=$(item '.what == "session"' | jq -r .id)
	ask probe account "$(svc s_bot)" kind session credential "$id"
	expect .life alive
	ld_down
	ld_up
	ask cut_sessions account "$(svc s_bot)"
	expect .status ok
	ask probe account "$(svc s_bot)"
	expect .life dead
	ask probe account "$(svc s_bot)" kind session credential "$id"
	expect .life dead
}

@test "a snapshot taken after disable still knows what was open" {
	ld_new k_open k-one k-two
	connected
	local before snapshot
	before=$(ld_values k_open)
	ask disable account "$(svc k_open)"
	ask snapshot account "$(svc k_open)"
	snapshot=$(got .snapshot)
	ask revoke account "$(svc k_open)"
	ask_json "{\"verb\":\"restore\",\"account\":\"$(svc k_open)\",\"snapshot\":$snapshot}"
	expect .status ok
	[ "$(ld_values k_open)" = "$before" ]
}

@test "server down is unknown, never dead; killed and started again, what was done holds" {
	ld_new o_bot o-pw
	connected
	probe_secret o_bot o-pw alive
	ld_down KILL
	probe_secret o_bot o-pw unknown
	ask disable account "$(svc o_bot)"
	[[ $(got .status) =~ ^(retry|unknown)$ ]]
	ask list
	expect .status retry
	ld_up
	probe_secret o_bot o-pw alive
	ask disable account "$(svc o_bot)"
	expect .status ok
	ld_down KILL
	ld_up
	probe_secret o_bot o-pw dead
}

@test "an admin without the rights is told; cn=Monitor that is shut is no clean look" {
	ld_new r_adm r-adm
	ld_new r_bot r-pw
	connected "$(svc r_adm)" r-adm
	ask disable account "$(svc r_bot)"
	[ "$(ld_login r_bot r-pw)" = in ]
	ask probe account "$(svc r_bot)"
	[ "$(got .life)" != alive ] || true
	ask cut_sessions account "$(svc r_bot)"
	expect .status unsupported
	ask set account "$(svc r_bot)" kind password secret x
	expect .status refused
	[[ $(got .error) == *"(50)"* ]]
}

@test "TLS: StartTLS and ldaps, the named authority's certificate for that name only" {
	local d=$LD_DIR/tls n secure
	mkdir -p "$d"
	for n in ca other; do
		openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$n" \
			-keyout "$d/$n.key" -out "$d/$n.crt"
	done 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$d/s.key" \
		-out "$d/s.csr" 2>/dev/null
	openssl x509 -req -in "$d/s.csr" -CA "$d/ca.crt" -CAkey "$d/ca.key" \
		-CAcreateserial -days 2 -out "$d/s.crt" 2>/dev/null \
		-extfile <(echo "subjectAltName = DNS:localhost, DNS:$(hostname)")
	ld_down
	cp "$LD_DIR/slapd.conf" "$LD_DIR/plain.conf"
	sed -i "1i TLSCACertificateFile $d/ca.crt\nTLSCertificateFile $d/s.crt\nTLSCertificateKeyFile $d/s.key" "$LD_DIR/slapd.conf"
	ld_secure() { ld_up "ldaps://localhost:$secure"; }
	on_a_port secure ld_secure
	ld_new t_bot t-pw
	# libldap checks this machine's own name when 'localhost' was given
	local start="\"url\":\"ldap://localhost:$LD_PORT\",\"tls\":\"on\"" u
	for u in "$start" "\"url\":\"ldaps://localhost:$secure\""; do
		connected "$LD_CURFEW" "$LD_ADMIN" "{$u,\"cafile\":\"$d/ca.crt\"}"
		probe_secret t_bot t-pw alive
		probe_secret t_bot wrong dead
		provider_stop
		connect "$LD_CURFEW" "$LD_ADMIN" "{$u,\"cafile\":\"$d/other.crt\"}"
		expect .status retry
		provider_stop
		connect "$LD_CURFEW" "$LD_ADMIN" "{${u/localhost/127.0.0.1},\"cafile\":\"$d/ca.crt\"}"
		expect .status retry
		provider_stop
	done
	ld_down
	mv "$LD_DIR/plain.conf" "$LD_DIR/slapd.conf"
	ld_up
	# a server without TLS is not talked to in the clear instead
	connect "$LD_CURFEW" "$LD_ADMIN" "{$start,\"cafile\":\"$d/ca.crt\"}"
	expect .status retry
}

@test "password policy: the lock counts where pwdLockout is on; no failed bind on an account in use" {
	# a server without it
	ld_new pp_none pp-pw
	connected "$LD_CURFEW" "$LD_ADMIN" '{"lock":"ppolicy"}'
	ask disable account "$(svc pp_none)"
	expect .status refused
	[[ $(got .error) == *"lock=password"* ]]
	provider_stop
	ld_down
	sed -i 's/^moduleload pw-sha2/&\nmoduleload ppolicy/' "$LD_DIR/slapd.conf"
	printf '%s\n' 'overlay ppolicy' "ppolicy_default cn=policy,$LD_BASE" >>"$LD_DIR/slapd.conf"
	ld_up
	ld_root <<-END
		dn: cn=policy,$LD_BASE
		changetype: add
		objectClass: device
		objectClass: pwdPolicy
		cn: policy
		pwdAttribute: userPassword
		pwdLockout: TRUE
		pwdMaxFailure: 3
	END
	ld_new pp_bot pp-pw
	ld_new pp_two pp-pw
	local p="\"lock\":\"ppolicy\",\"policy\":\"cn=policy,$LD_BASE\"" before i
	connected "$LD_CURFEW" "$LD_ADMIN" "{$p}"
	before=$(ld_values pp_bot)
	ask disable account "$(svc pp_bot)"
	expect .status ok
	[ "$(ld_values pp_bot)" = "$before" ]
	[ "$(ld_login pp_bot pp-pw)" = 49 ]
	probe_secret pp_bot pp-pw dead
	ask probe account "$(svc pp_bot)"
	expect .life dead
	ask enable account "$(svc pp_bot)"
	[ "$(ld_login pp_bot pp-pw)" = in ]
	# old passwords are asked after, often: the account goes on
	for i in 1 2 3 4 5; do
		probe_secret pp_two old-pw dead
		expect .proof record
	done
	[ "$(ld_login pp_two pp-pw)" = in ]
	provider_stop
	connected "$LD_CURFEW" "$LD_ADMIN" '{"lock":"ppolicy"}'
	ask disable account "$(svc pp_two)"
	ask probe account "$(svc pp_two)"
	expect .life unknown
	[[ $(got .evidence) == *pwdLockout* ]]
	provider_stop
	ld_down
	# the entries that were locked stay readable
	sed '/^overlay/d; /^ppolicy_default/d' "$LD_DIR/slapd.conf" >"$LD_DIR/plain.conf"
	mv "$LD_DIR/plain.conf" "$LD_DIR/slapd.conf"
	ld_up
}

@test "the conformance suite, on a password of one entry of several" {
	ld_new conf_bot conf-pw
	connected
	local id
	id=$(ids conf_bot)
	provider_stop
	echo "$LD_ADMIN" >"$BATS_TEST_TMPDIR/secret"
	run "$BATS_TEST_DIRNAME/../conformance" \
		--options "{\"url\":\"$(ld_url)\",\"user\":\"$LD_CURFEW\",\"base\":\"$LD_BASE\"}" \
		--secret-file "$BATS_TEST_TMPDIR/secret" \
		--account "$(svc conf_bot)" --kind password --credential "$id" \
		"$CURFEW_BUILD/curfew-provider-ldap"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"a restored credential is listed as active"* ]]
}

curfew() {
	"$CURFEW_BUILD/curfew" --no-input --no-color "$@" 3>&-
}

@test "a kill from end to end: a live connection keeps it alive until it is gone, then all is dead" {
	ld_new ci_bot ci-pw
	ld_new by_bot by-pw
	export CURFEW_DIR=$BATS_TEST_TMPDIR/vault CURFEW_TEST_GAP_MS=250 CURFEW_TEST_BACKOFF_MS=300
	PROVIDER_PID=''
	curfew init --generate-key-file "$BATS_TEST_TMPDIR/key" >/dev/null
	cat >"$CURFEW_DIR/curfew.toml" <<-END
		[identity.ci-bot]
		owner = "build@example.org"
		accounts = ["dir/$(svc ci_bot)"]
		[vault]
		key_file = "$BATS_TEST_TMPDIR/key"
	END
	curfew connect ldap dir --set url="$(ld_url)" --set user="$LD_CURFEW" --set base="$LD_BASE" \
		--secret-stdin <<<"$LD_ADMIN" >/dev/null
	curfew sync >/dev/null
	curfew learn "dir/$(svc ci_bot)" --secret-stdin <<<ci-pw >/dev/null
	# the intruder is bound, and gives itself a second password
	open_ldap ci_bot ci-pw
	session_do "dn: $SESSION_DN
changetype: modify
add: userPassword
userPassword: $(slappasswd -s intruder-pw)
"
	intruder_in() { [ "$(ld_login ci_bot intruder-pw)" = in ]; }
	wait_until intruder_in
	run curfew kill ci-bot --reason 'seen in a public log' --yes --wait 3s
	echo "$output"
	[ "$status" -ne 0 ]
	[ "$(ld_login ci_bot ci-pw)" = 49 ]
	[ "$(ld_login ci_bot intruder-pw)" = 49 ]
	[[ $output == *"$(svc ci_bot)"*ALIVE* ]]
	! [[ $output == *DEAD* ]] || false
	# it writes itself another password while it still can, then it is thrown out
	session_do "dn: $SESSION_DN
changetype: modify
add: userPassword
userPassword: $(slappasswd -s third-pw)
"
	third_in() { [ "$(ld_login ci_bot third-pw)" = in ]; }
	wait_until third_in
	ld_down
	ld_up
	run curfew resume --wait 60s
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(ld_login ci_bot ci-pw)" = 49 ]
	[ "$(ld_login ci_bot intruder-pw)" = 49 ]
	[ "$(ld_login ci_bot third-pw)" = 49 ]
	[ "$(ld_login by_bot by-pw)" = in ]
	! grep -raqF ci-pw "$CURFEW_DIR" || false
}
