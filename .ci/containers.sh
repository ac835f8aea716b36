#!/usr/bin/env bash
# Makes a bare Debian able to run containers, as test/scenario/pod.test.ts needs them: podman with runc, and the base image that deploy/Dockerfile names,
# put together from Debian's packages and the `node` of npm, since a machine without access to an image registry cannot pull it. Run as root; about a
# minute the first time, then nothing.
set -euo pipefail

base=docker.io/library/node:24-bookworm-slim
release=bookworm

if ! { command -v podman && command -v runc && command -v debootstrap; } > /dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends podman runc fuse-overlayfs netavark aardvark-dns catatonit slirp4netns iproute2 iptables debootstrap ca-certificates > /dev/null
fi

# runc, because crun refuses to start where it may not set up the cgroups itself; and limits of open files and processes that this machine may give.
mkdir -p /etc/containers/containers.conf.d
printf '[engine]\nruntime = "runc"\n[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n' > /etc/containers/containers.conf.d/leadline.conf

if podman image exists "$base"; then exit 0; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
debootstrap --variant=minbase "$release" "$root" > /dev/null
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
# What this machine trusts, so that npm works inside a build as it does outside.
mkdir -p "$root/etc/ssl/certs"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"

(cd "$work" && npm install --silent --no-audit --no-fund --prefix "$work/node" node@24 npm@11 > /dev/null)
install -m 0755 "$work/node/node_modules/node/bin/node" "$root/usr/local/bin/node"
mkdir -p "$root/usr/local/lib/node_modules" "$root/usr/local/etc"
cp -a "$work/node/node_modules/npm" "$root/usr/local/lib/node_modules/"
for program in npm npx; do ln -s "../lib/node_modules/npm/bin/$program-cli.js" "$root/usr/local/bin/$program"; done
echo 'cafile=/etc/ssl/certs/ca-certificates.crt' > "$root/usr/local/etc/npmrc"
chroot "$root" useradd --create-home --uid 1000 node

tar -C "$root" -c . | podman import --quiet --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' --change 'CMD ["node"]' - "$base" > /dev/null
