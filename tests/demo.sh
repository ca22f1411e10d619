#!/usr/bin/env bash
# demo: leak -> refused by the hook -> found -> whose -> killed -> proved dead ->
# report, in a temporary folder, without any server.  Usage: tests/demo.sh BUILD_DIR
set -euo pipefail
bin=$(cd "${1:?usage: tests/demo.sh BUILD_DIR}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/curfew-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
export PATH="$bin:$PATH" CURFEW_DIR="$work/vault" HOME="$work"
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

say "curfew: make a vault, connect the server's keys, say who ci-bot is, look."
run curfew init --generate-key-file "$work/vault.key" | sed '/^next/,$d'
export CURFEW_KEY_FILE="$work/vault.key"
run curfew connect ssh web1 --set "file.deploy=$work/srv/home/deploy/.ssh/authorized_keys" 2>&1 | sed '/live sessions/d'
cat >> "$CURFEW_DIR/curfew.toml" <<TOML

[identity.ci-bot]
owner = "platform@example.org"
workflow = "nightly-deploy"
accounts = ["web1/deploy#$(ssh-keygen -lf deploy_key.pub | cut -d' ' -f2)"]

[workflow.nightly-deploy]
owner = "platform@example.org"
TOML
run curfew sync

say "Somebody commits the deploy key, notices, and removes it in the next commit."
git init -q repo
cp deploy_key repo/
git -C repo add . && git -C repo commit -q -m "deploy script"
git -C repo rm -q deploy_key && git -C repo commit -q -m "oops"
git -C repo log --oneline

say "A git server with the hook refuses both commits."
git init -q --bare server.git
mkdir spool
run curfew hook publish known.set | tee published.txt | sed '/^hooks/,$d'
mapfile -t keys < <(grep -oE '(known|spool)-key [0-9a-f]{64}' published.txt | cut -d' ' -f2)
run curfew-scan hook install --known known.set --known-key "${keys[0]}" \
	--spool spool --spool-key "${keys[1]}" server.git
git -C repo push "$work/server.git" HEAD:main 2>&1 | sed '/^ \|^To\|^error/d' || true

say "The agent takes what the hook found (sealed), and says whose it is."
printf '\n[spool]\nfolder = "%s"\n' "$work/spool" >> "$CURFEW_DIR/curfew.toml"
run curfew respond || true

say "The same key lies in the history of the clone: found, and whose."
run curfew scan repo || true

say "Kill it."
id=$(curfew --json finding list | sed -n 's/.*"id": "\(.*\)".*/\1/p')
run curfew kill --finding "$id" --reason "key found in git history"

say "What happened, and is the record whole?"
run curfew incident export "INC-$(date -u +%Y%m%d)-1" --format md
run curfew audit verify

say "The person's key is untouched, the bot's is gone:"
ssh-keygen -lf srv/home/deploy/.ssh/authorized_keys
! grep -qF "$(cut -d' ' -f2 deploy_key.pub)" srv/home/deploy/.ssh/authorized_keys
