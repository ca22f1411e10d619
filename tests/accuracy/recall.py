#!/usr/bin/env python3
"""How many random secrets are found in files of known forms?

usage: recall.py SCAN [SEED [EACH]]

Every case is a file of its own with one secret that was drawn for it: random characters in the alphabet that such a
value has.  Prints for every form how many of EACH are told, and how many of them as high.  Exit status 1 when a form
is below what it must reach (LEAST, of 100), which is well below what it reaches.
"""
import base64, collections, json, os, random, subprocess, sys, tempfile

LOWER, DIGIT = "abcdefghijklmnopqrstuvwxyz", "0123456789"
ALNUM = LOWER + LOWER.upper() + DIGIT
HEX = DIGIT + "abcdef"
B64 = ALNUM + "+/"
DJANGO = LOWER + DIGIT + "!@#$%^&*(-_=+)"
WORDPRESS = ALNUM + "!@#%^&*()-_[]{}<>~+=,.;:/?|"
SIGNS = ALNUM + "!#%*-_=+."

def draw(r, alphabet, n):
    text = "".join(r.choice(alphabet) for _ in range(n))
    return text if not set(text) <= set(LOWER) else draw(r, alphabet, n)

def b64(text):
    return base64.b64encode(text.encode()).decode()

# name of the form: file, alphabet, lengths, text with {} for the value, least of 100; "b64" in the name: it is encoded
FORMS = [
    (".pgpass", ".pgpass", ALNUM, (12, 16), "db1.internal:5432:app:app:{}\n", 95),
    (".netrc", ".netrc", ALNUM, (12, 20), "machine api.internal\n  login deploy\n  password {}\n", 95),
    (".netrc, one line", ".netrc", ALNUM, (12, 20), "machine git.internal login ci password {}\n", 95),
    (".npmrc _auth, b64", ".npmrc", ALNUM, (12, 20), "registry=https://npm.internal/\n_auth={}\n", 95),
    (".npmrc _password, b64", ".npmrc", ALNUM, (12, 20), "//npm.internal/:username=ci\n//npm.internal/:_password={}\n", 95),
    (".npmrc _authToken", ".npmrc", ALNUM, (36, 36), "//npm.internal/:_authToken={}\n", 95),
    ("wp-config DB_PASSWORD", "wp-config.php", ALNUM, (12, 16),
     "<?php\ndefine('DB_NAME', 'wp');\ndefine('DB_USER', 'wp');\ndefine('DB_PASSWORD', '{}');\ndefine('DB_HOST', 'localhost');\n", 95),
    ("wp-config DB_PASSWORD, signs", "wp-config.php", SIGNS, (14, 20),
     "<?php\n/** MySQL database password */\ndefine( 'DB_PASSWORD', '{}' );\n", 95),
    ("define('DB_PASSWORD') alone", "config.php", ALNUM, (10, 16), "define('DB_PASSWORD', '{}');\n", 95),
    ("wp-config AUTH_KEY", "wp-config.php", WORDPRESS, (64, 64),
     "define('AUTH_KEY',         '{}');\n", 90),
    ("Django SECRET_KEY", "settings.py", DJANGO, (50, 50), "import os\n\nDEBUG = True\nSECRET_KEY = '{}'\n\nALLOWED_HOSTS = []\n", 95),
    ("Rails secret_key_base", "config/secrets.yml", HEX, (128, 128), "production:\n  secret_key_base: {}\n", 95),
    ("Rails config/master.key", "config/master.key", HEX, (32, 32), "{}", 95),
    (".erlang.cookie", ".erlang.cookie", LOWER.upper(), (20, 20), "{}", 95),
    ("rsyncd.secrets", "rsyncd.secrets", ALNUM, (10, 16), "backup:{}\n", 95),
    ("Spring properties", "application.properties", ALNUM, (12, 16),
     "spring.datasource.url=jdbc:mysql://db:3306/app\nspring.datasource.username=app\nspring.datasource.password={}\n", 95),
    ("Spring YAML", "application.yml", ALNUM, (12, 16),
     "spring:\n  datasource:\n    username: app\n    password: {}\n", 95),
    ("docker-compose map", "docker-compose.yml", ALNUM, (12, 16),
     "services:\n  db:\n    image: postgres:15\n    environment:\n      POSTGRES_USER: app\n      POSTGRES_PASSWORD: {}\n", 95),
    ("docker-compose list", "docker-compose.yml", ALNUM, (12, 16),
     "services:\n  db:\n    image: mysql:8\n    environment:\n      - MYSQL_USER=app\n      - MYSQL_ROOT_PASSWORD={}\n", 95),
    ("k8s Secret data, b64", "secret.yaml", ALNUM, (16, 24),
     "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ntype: Opaque\ndata:\n  password: {}\n", 90),
    ("k8s Secret data, bare key, b64", "secret.yaml", ALNUM, (16, 24),
     "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  DATABASE_URL: {}\n", 0),
    ("k8s stringData", "secret.yaml", ALNUM, (12, 16),
     "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: {}\n", 95),
    ("Terraform tfvars", "prod.tfvars", ALNUM, (12, 20), 'region = "eu-west-1"\ndb_password = "{}"\n', 95),
    ("Terraform resource", "main.tf", ALNUM, (12, 20),
     'resource "aws_db_instance" "main" {{\n  username = "app"\n  password = "{}"\n}}\n', 95),
    (".env", ".env", ALNUM, (12, 20), "APP_ENV=production\nDB_HOST=db\nDB_PASSWORD={}\n", 95),
    ("appsettings.json", "appsettings.json", ALNUM, (12, 16),
     '{{"ConnectionStrings": {{"Default": "Server=db1;Database=app;User Id=app;Password={};"}}}}\n', 95),
    (".my.cnf", ".my.cnf", ALNUM, (12, 16), "[client]\nuser=backup\npassword={}\n", 95),
    ("redis requirepass", "redis.conf", ALNUM, (16, 32), "bind 127.0.0.1\nrequirepass {}\n", 95),
    ("PHP mysqli", "db.php", ALNUM, (12, 16), "<?php\n$db = new mysqli('localhost', 'app', '{}', 'app');\n", 0),
    (".git-credentials", ".git-credentials", ALNUM, (16, 20), "https://ci:{}@git.internal\n", 95),
    ("Maven settings.xml", "settings.xml", ALNUM, (12, 16),
     "<servers><server>\n  <id>nexus</id>\n  <username>ci</username>\n  <password>{}</password>\n</server></servers>\n", 95),
    ("Dockerfile ENV", "Dockerfile", ALNUM, (12, 20), "FROM debian:12\nENV DB_PASSWORD={}\n", 95),
    ("systemd Environment", "app.service", ALNUM, (12, 20), '[Service]\nEnvironment="API_TOKEN={}"\nExecStart=/usr/bin/app\n', 95),
    ("Ansible vars", "group_vars/all.yml", ALNUM, (12, 20), "db_user: app\ndb_password: {}\n", 95),
    (".s3cfg", ".s3cfg", B64, (40, 40), "[default]\nsecret_key = {}\n", 95),
    (".pypirc", ".pypirc", ALNUM, (12, 20), "[internal]\nrepository = https://pypi.internal/\nusername = ci\npassword = {}\n", 95),
    ("Composer auth.json", "auth.json", ALNUM, (12, 20),
     '{{"http-basic": {{"repo.internal": {{"username": "ci", "password": "{}"}}}}}}\n', 95),
    ("curl -u", "deploy.sh", ALNUM, (12, 20), "#!/bin/sh\ncurl -sS -u deploy:{} https://ci.internal/build\n", 95),
    (".htpasswd, apr1", ".htpasswd", ALNUM, (22, 22), "admin:$apr1$k3Xq9vR7$" + "{}\n", 95),
    (".htpasswd, bcrypt", ".htpasswd", ALNUM, (53, 53), "admin:$2y$10$" + "{}\n", 95),
    ("shadow, SHA-512", "etc/shadow", ALNUM, (86, 86), "root:$6$k3Xq9vR7mT2n$" + "{}:19700:0:99999:7:::\n", 95),
]

def main():
    scan = os.path.abspath(sys.argv[1])
    r = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    each = int(sys.argv[3]) if len(sys.argv) > 3 else 40
    values = {}
    with tempfile.TemporaryDirectory() as top:
        for i, (name, path, alphabet, (low, high), text, _) in enumerate(FORMS):
            for k in range(each):
                value = draw(r, alphabet, r.randint(low, high))
                if "_auth, b64" in name:
                    value = b64("ci:" + value)
                elif "b64" in name:
                    value = b64(value)
                value = value.replace("'", "x")
                where = os.path.join(top, f"{i}-{k}", path)
                os.makedirs(os.path.dirname(where))
                with open(where, "w") as f:
                    f.write(text.format(value))
                values[f"{i}-{k}"] = value
        report = os.path.join(top, "report.json")
        subprocess.run([scan, "scan", "--dir", "-q", "--built-in", "--exit-code", "0", "--report-format", "json",
                        "--report-path", report, top], check=True)
        found, high = collections.Counter(), collections.Counter()
        best = {}
        for f in json.load(open(report)):
            case = os.path.relpath(f["File"], top).split("/")[0]
            secret = f["Secret"]
            if case in values and len(secret) >= 6 and (secret in values[case] or values[case] in secret or "b64" in
                                                        FORMS[int(case.split("-")[0])][0]):
                best[case] = max(best.get(case, 0), ("low", "medium", "high").index(f["Confidence"]))
    for case, c in best.items():
        i = int(case.split("-")[0])
        found[i] += 1
        high[i] += c == 2
    bad = 0
    print(f"{'form':34} {'told':>5} {'high':>5}  of {each}")
    for i, form in enumerate(FORMS):
        low = found[i] * 100 < form[5] * each
        bad += low
        print(f"{form[0]:34} {found[i]:5} {high[i]:5}{'  BELOW ' + str(form[5]) + ' of 100' if low else ''}")
    print(f"{'all':34} {sum(found.values()):5} {sum(high.values()):5}  of {each * len(FORMS)}")
    sys.exit(bad > 0)

main()
