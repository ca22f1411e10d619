#!/usr/bin/env bats
# Secrets without a shape: found where they are real, not where a placeholder,
# a variable or a call stands.  All samples are made up.

load scan

setup() {
	scan=$CURFEW_BUILD/curfew-scan
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	cd "$BATS_TEST_TMPDIR"
	scan_cache "$BATS_FILE_TMPDIR/cache"
}

# Every line of standard input by itself, in a file of that name, must have
# exactly what is wanted of the generic rule.
each() { # WANT NAME
	local want=$1 line i=0
	mkdir -p in
	while IFS= read -r line; do
		[ -n "$line" ] || continue
		i=$((i + 1))
		mkdir -p "in/$i"
		printf '%b\n' "$line" >"in/$i/$2"
	done
	"$scan" scan --dir --exit-code 0 --report-format json --report-path out.json in
	python3 - "$want" "$i" "$2" <<-'P'
	import json, sys
	want, n, name = sys.argv[1] == "found", int(sys.argv[2]), sys.argv[3]
	found = {f["File"].split("/")[1] for f in json.load(open("out.json"))}
	for i in range(1, n + 1):
	    if (str(i) in found) != want:
	        sys.exit(f"{'missed' if want else 'told'}: " + open(f"in/{i}/{name}").read())
	P
}

@test "values that are real are found in many shapes" {
	each found app.txt <<-'S'
	password = "kR7vXq2mWz9p"
	db.password: 'zq8Wn3xKvT5r'
	DB_PASSWORD=Vx93kqPwz7Lm
	export API_TOKEN="q8Zk3vXw7Rm2Tn5Yp9Lb"
	{"client_secret": "wK3zQ9vX7mR2nT5yL8pB"}
	{\\"password\\": \\"kR7vXq2mWz9p\\"}
	<property name="password" value="kR7vXq2mWz9p"/>
	<password>kR7vXq2mWz9p</password>
	"secret" => "wK3zQ9vX7mR2nT5yL8pB",
	const password = process.env.PASS || 'kR7vXq2mWz9p';
	conn.setPassword("kR7vXq2mWz9p");
	mysqldump --user=root --password=kR7vXq2mWz9p app
	curl -u deploy:kR7vXq2mWz9p https://ci.internal/job
	Server=db1;Database=app;User Id=sa;Password=kR7vXq2mWz9p;
	ALTER USER app IDENTIFIED BY 'kR7vXq2mWz9p';
	Authorization: Basic ZGVwbG95OmtSN3ZYcTJtV3o5cA==
	encryption_key = \n    "wK3zQ9vX7mR2nT5yL8pBwK3zQ9vX"
	S
}

@test "placeholders, variables, calls, words and messages are not" {
	each clean app.txt <<-'S'
	password = "changeme"
	password = os.getenv("DB_PASSWORD")
	password: ${DB_PASSWORD}
	password: {{ vault_db_password }}
	password = "<your password>"
	password = "********"
	password = password
	self.password = self.get_password(user)
	DB_PASSWORD=
	token = request.headers["X-Token"]
	token = null
	"password": "password"
	"PASSWORD_LABEL": "Enter your password"
	<input type="password" name="password">
	const key = Object.keys(options)[0];
	key: "description"
	http://user:password@localhost/
	sort_key = "created_at"
	password_file: /run/secrets/db_password
	tokenUrl: "https://auth.internal/oauth/token"
	if password == "":
	return fmt.Errorf("token: unexpected %s", tok)
	S
}

# NAME, then lines of standard input as a file each: told, with that confidence.
told_as() { # CONFIDENCE NAME
	rm -rf in; mkdir in
	local line i=0
	while IFS= read -r line; do
		i=$((i + 1)); mkdir "in/$i"
		printf '%b\n' "$line" >"in/$i/$2"
	done
	"$scan" scan --dir --exit-code 0 -f json -r out.json in
	python3 - "$1" "$i" "$2" <<-'P'
	import json, sys
	want, n, name = sys.argv[1] == "high", int(sys.argv[2]), sys.argv[3]
	high = {f["File"].split("/")[1] for f in json.load(open("out.json")) if f["Confidence"] == "high"}
	for i in range(1, n + 1):
	    if (str(i) in high) != want:
	        sys.exit(("not high: " if want else "high: ") + open(f"in/{i}/{name}").read())
	P
}

@test "what stands for a secret, or is there to be read, is not high" {
	told_as less app.txt <<-'S'
	crypted_password: 'kR7vXq2mWz9pLs8TnQ4y'
	<input name="csrf_token" value="kR7vXq2mWz9pLs8TnQ4yBd6F">
	recaptcha_site_key = "kR7vXq2mWz9pLs8TnQ4yBd6F"
	 * "password": "kR7vXq2mWz9pLs8T",
	return x; // {"secretKey":"kR7vXq2mWz9pLs8T"}
	<pre><code>password=kR7vXq2mWz9pLs8T</code></pre>
	<span class="s">password = "kR7vXq2mWz9pLs8T"</span>
	password: 00742970dc9e6319f8019fd54864d3ea740f04b1
	open("https://shop.internal/a?route=x&token=kR7vXq2mWz9pLs8TnQ4yBd6F")
	open("https://video.internal/show?viewkey=kR7vXq2mWz9pLs8T")
	TOKEN = credentials('kR7vXq2mWz9pLs8TnQ4yBd6F')
	Sec-WebSocket-Key: "kR7vXq2mWz9pLs8TnQ4yBd=="
	"assets/seeds.svg": "38c5f28d16ac7cf162213cdfdf40a66b",
	S
	told_as high app.txt <<-'S'
	password: 'kR7vXq2mWz9pLs8TnQ4y'
	# db_password = "kR7vXq2mWz9pLs8T"
	// db_password = "kR7vXq2mWz9pLs8T"
	DB_PASSWORD=00742970dc9e6319f8019fd54864d3ea740f04b1
	client_secret = "kR7vXq2mWz9pLs8TnQ4yBd6F"
	get("https://api.internal/a?q=x&api_key=kR7vXq2mWz9pLs8TnQ4yBd6F")
	S
}

@test "ids, rows of tables, forms, pages and code in comments are not high" {
	told_as less app.txt <<-'S'
	    $gateway->key = 'hxd6gwg3ekb9tb3v9lptgx1mqyg69zu9';
	[user]\n\tname = x\n\tsigningkey = D85B9BE7F83EC50F
	"token_identifier": "kR7vXq2mWz9pLs8TnQ4yBd6F"
	'_token' => 'RpkUNg0gHYfzLKPCJG3EtmshGiwDUeytRG53b1Or',
	const tokens = await make.generateAuthTokens('5db5d97e287ebe4e58de5f28');
	[{"k": 1, "token": "kR7vXq2mWz9pLs8T"},\n{"k": 2, "token": "Zb4nWq8xKv2mRt6L"}]
	<p data-x="{&quot;sdkToken&quot;: &quot;kR7vXq2mWz9pLs8TnQ4yB&quot;}">
	<script>window.page_token = "kR7vXq2mWz9pLs8TnQ4yBd6F";</script>
	POSTHOG_API_KEY=phc_kR7vXq2mWz9pLs8TnQ4yBd6FkR7vXq2mWz9p
	x = 1;\n/*\n{\n  "token": "7f388cf8096aa0bca1477aee9d91e156c61f8fa8282c7f"\n}\n*/\n
	{\n  "token": "7f388cf8096aa0bca1477aee9d91e156c61f8fa8282c7f"\n}\n*/\nint x;
	# A user:\n#\n#   user.password = "mUc3m00RsqyReK4x"\n#   user.save\n
	#Shop_Key="LTqIA87hOKdjevsf5Rw"
	// "token" : "Bpd4oEAgPqn3AbG7xKv2mRt6L",
	app_token = "2k6i15xddsg0"
	"security-token": "IQoJb3JpZ2luX2VjEKz5kR7vXq2mWz9p"
	key: "bsfH264Mp4toannexb",
	gotpantheon: "kR7v-Xq2mWz9p,Ls8T"
	htpasswd: "k10:$apr1$uRI0a4Fm$MGXWCGNP9k5Qe2/926o/q0"
	DEF_PASSWORD = "e10adc3949ba59abbe56e057f20f883e";
	S
	told_as high app.txt <<-'S'
	//registry.internal/:_authToken=kR7vXq2mWz9pLs8TnQ4yBd6FkR7vXq2mWz9p
	#define  CLIENT_SECRET "kR7vXq2mWz9pLs8TnQ4y"
	api_key: '3b6621f970ab18887c4f6dca78d3f8bb'
	encryptKey: 3b6621f970ab18887c4f6dca78d3f8bb
	client_token: "kR7vXq2mWz9pLs8TnQ4yBd6FkR7vXq"
	password: 'kR7vXq2mWz9pLs8T'\npassword: 'Zb4nWq8xKv2mRt6L'
	/* the server */\npassword = "kR7vXq2mWz9pLs8T";\n/* and more */\nx = 1;
	# password = "kR7vXq2mWz9pLs8T"\n# user = "bob"
	S
}

@test "a password in a commit's message is not high, a vendor's token is" {
	git init -q m
	cd m
	git config user.email t@t
	git config user.name t
	git commit -q --allow-empty -m 'prints password = "kR7vXq2mWz9pLs8T" now'
	git commit -q --allow-empty -m "gl""pat-kR7vXq2mWz9pLs8TnQ4y"
	"$scan" scan --exit-code 0 -f json -r out.json .
	python3 -c '
import json
d = {f["RuleID"]: f["Confidence"] for f in json.load(open("out.json"))}
assert d["generic-secret"] == "medium", d
assert d["gitlab-token"] == "high", d'
}

@test "the rule can be disabled and silenced as any other" {
	echo 'password = "kR7vXq2mWz9p"' >f
	run "$scan" scan f
	[ "$status" -eq 1 ]
	[[ $output == *generic-secret* && $output == *because* ]]
	printf '[extend]\nuseDefault = true\ndisabledRules = ["generic-secret"]\n' >c.toml
	run "$scan" scan --config c.toml f
	[ "$status" -eq 0 ]
	printf '[extend]\nuseDefault = true\n[[rules]]\nid = "generic-secret"\n[[rules.allowlists]]\nregexes = ["kR7v"]\n' >c.toml
	run "$scan" scan --config c.toml f
	[ "$status" -eq 0 ]
	echo 'password = "kR7vXq2mWz9p" # curfew:allow' >f
	run "$scan" scan f
	[ "$status" -eq 0 ]
}

@test "the report explains the score" {
	echo 'password = "kR7vXq2mWz9p"' >f
	run "$scan" scan --report-format json --report-path out.json f
	python3 -c '
import json
f, = json.load(open("out.json"))
assert f["RuleID"] == "generic-secret" and f["Secret"] == "kR7vXq2mWz9p", f
assert f["Match"] == "password = \"kR7vXq2mWz9p", f
assert len(f["Reasons"]) == 3 and all(": " in r for r in f["Reasons"]), f'
}

@test "the trees add up as the reference says" {
	mkdir t
	cp "$root"/tests/cli/*.bats "$root"/docs/*.md "$root"/hooks/scan/*.c t
	"$CURFEW_BUILD/features" t >features.tsv
	run python3 "$root/tests/accuracy/reference.py" "$root/hooks/scan/model/trees.tab" features.tsv
	[ "$status" -eq 0 ]
	[[ $output == *"rows agree"* ]]
	[ "${output%% *}" -gt 300 ]
}

@test "history has the same secrets with deltas and without" {
	git init -q r
	cd r
	git config user.email a@example.org; git config user.name A
	for i in $(seq 12); do
		{
			seq 1 "$i"
			echo "user = app"
			[ $((i % 3)) = 0 ] || echo "password = kR7vXq2mWz9p"
			seq 100 140
			echo "secret_key: '$(printf 'wK3zQ9vX7m%sR2nT5yL8pB' "$((i / 4))")'"
			seq 200 240
		} >f
		git add f; git commit -qm "$i"
	done
	git repack -qadf --depth=50
	cd ..
	for how in "" --whole; do
		"$scan" scan $how --exit-code 0 --list-objects "o$how" --report-path "r$how.json" r
		sort -o "o$how" "o$how"
	done
	cmp o o--whole
	cmp r.json r--whole.json
	[ "$(grep -c generic-secret o)" -gt 15 ]
}

@test "every key that ssh-keygen makes is high" {
	cd "$BATS_TEST_TMPDIR"
	for kind in "ed25519" "ecdsa" "rsa -b 2048" "rsa -b 2048 -m PEM" "ecdsa -m PKCS8"; do
		rm -f id_ci id_ci.pub
		# shellcheck disable=SC2086
		ssh-keygen -q -t $kind -N '' -C ci -f id_ci
		run "$CURFEW_BUILD/curfew-scan" scan --min-confidence high id_ci
		echo "$kind: $output"
		[ "$status" -eq 1 ]
	done
}

@test "a rule that asks for a path hides no finding elsewhere" {
	mkdir in; echo "password:kR7vXq2mWz9p" >in/f
	cp in/f in/rsyncd.secrets
	"$scan" scan --dir --exit-code 0 -f json -r out.json in
	python3 -c '
import json
found = {(f["File"].split("/")[-1], f["RuleID"]) for f in json.load(open("out.json"))}
assert {("f", "generic-secret"), ("rsyncd.secrets", "rsyncd-secrets-file")} <= found, found'
}

@test "a random password in an address is high, as behind a name; no made-up one" {
	p=xK9mQ2vL7pR4wZ
	for line in "DATABASE_URL=postgres://app:$p@db.internal/app" \
		"url: \"mongodb+srv://svc:$p@10.1.2.3:27017/x\"" \
		"Server=db.corp.net;Database=x;User Id=sa;Password=$p;"; do
		echo "$line" >.env
		run "$scan" scan --min-confidence high .env
		echo "$line: $output"
		[ "$status" -eq 1 ]
	done
	for line in "DATABASE_URL=postgres://app:$p@localhost:5432/app" \
		"DATABASE_URL=postgres://app:$p@db.example.com/app" \
		"DATABASE_URL=postgres://app:abcdefgh1234567@db.internal/app"; do
		echo "$line" >.env
		run "$scan" scan --min-confidence high .env
		echo "$line: $output"
		[ "$status" -eq 0 ]
	done
	mkdir -p in/tests
	echo "DATABASE_URL=postgres://app:$p@db.internal/app" >in/tests/.env
	run "$scan" scan --dir --min-confidence high in
	[ "$status" -eq 0 ]
}

@test "a rule that asks for a path says nothing of a text without one" {
	printf 'qX7mKp2RvT9wLz4Nc8Yd' >.erlang.cookie
	run "$scan" scan --min-confidence high .erlang.cookie
	[ "$status" -eq 1 ]
	run "$scan" scan --stdin <.erlang.cookie
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "random secrets in files of known forms are found" {
	run python3 "$root/tests/accuracy/recall.py" "$scan" 7 20
	echo "$output"
	[ "$status" -eq 0 ]
}
