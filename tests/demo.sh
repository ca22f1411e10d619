#!/usr/bin/env bash
# demo: leak -> found -> whose -> kill -> proved dead -> report, in a temporary
# folder, without any server.  Usage: tests/demo.sh BUILD_DIR
set -euo pipefail
bin=$(cd "${1:?usage: tests/demo.sh BUILD_DIR}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/curfew-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
export PATH="$bin:$PATH" CURFEW_DIR="$work/vault"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=dev GIT_AUTHOR_EMAIL=dev@example.org
export GIT_COMMITTER_NAME=dev GIT_COMMITTER_EMAIL=dev@example.org
cd "$work"

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }
[ -t 1 ] || say() { printf '\n# %s\n' "$*"; }

say "A web server lets two keys in: a person's and ci-bot's deploy key."
mkdir -p srv/home/deploy/.ssh
ssh-keygen -q -t ed25519 -N '' -C ann@laptop -f ann
ssh-keygen -q -t ed25519 -N '' -C ci-bot -f deploy_key
cat ann.pub deploy_key.pub > srv/home/deploy/.ssh/authorized_keys
chmod 700 srv/home/deploy/.ssh
chmod 600 srv/home/deploy/.ssh/authorized_keys

say "Somebody commits the deploy key, notices, and removes it in the next commit."
git init -q repo
cp deploy_key repo/
git -C repo add . && git -C repo commit -q -m "deploy script"
git -C repo rm -q deploy_key && git -C repo commit -q -m "oops"
git -C repo log --oneline

say "curfew: make a vault, connect the server's keys, say who ci-bot is, look."
run curfew init --generate-key-file "$work/vault.key"
export CURFEW_KEY_FILE="$work/vault.key"
run curfew connect ssh web1 --set "file.deploy=$work/srv/home/deploy/.ssh/authorized_keys"
cat >> "$CURFEW_DIR/curfew.toml" <<TOML

[identity.ci-bot]
owner = "platform@example.org"
workflow = "nightly-deploy"
accounts = ["web1/deploy#$(ssh-keygen -lf deploy_key.pub | cut -d' ' -f2)"]

[workflow.nightly-deploy]
owner = "platform@example.org"
TOML
run curfew sync
run curfew list credentials

say "The leak, found by curfew-scan in the whole history."
run curfew-scan scan repo || true
curfew-scan scan --report-format json --report-path hits.json repo || true
hit=$(sed -n 's/.*"Fingerprint": *"\([^:"]*:[^:"]*\):.*/\1/p' hits.json | head -n1)
git -C repo show "$hit" > leaked && chmod 600 leaked
fp=$(ssh-keygen -lf leaked | cut -d' ' -f2)

say "Whose is it?"
run curfew show "$fp"

say "Kill it."
run curfew kill ci-bot --reason "key found in git history"

say "What happened, and is the record whole?"
run curfew incident export "INC-$(date -u +%Y%m%d)-1" --format md
run curfew audit verify

say "The person's key is untouched, the bot's is gone:"
ssh-keygen -lf srv/home/deploy/.ssh/authorized_keys
! grep -qF "$(cut -d' ' -f2 deploy_key.pub)" srv/home/deploy/.ssh/authorized_keys
