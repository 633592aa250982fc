# Sourced by the benchmarks: a Docker engine of their own, a base image as `python:3.13-slim` is made, and the taking of
# times. Sets `work` (a folder that goes away), `invar` (a release build) and `DOCKER_HOST`. Needs root and Debian.
for need in dockerd:docker.io mmdebstrap:mmdebstrap time:time; do
    command -v "${need%%:*}" >/dev/null || apt-get install -qq -y --no-install-recommends "${need##*:}" >/dev/null
done
cargo build --release --quiet
invar=$PWD/target/release/invar
work=$(mktemp -d)
export DOCKER_HOST=unix://$work/docker.sock DOCKER_BUILDKIT=0
dockerd --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/pid" -H "$DOCKER_HOST" \
    --iptables=false --ip6tables=false --bridge=none >"$work/dockerd.log" 2>&1 &
daemon=$!
trap 'kill $daemon; wait $daemon || true; umount "$work"/exec/netns/* 2>/dev/null || true; rm -rf "$work"' EXIT
until docker version >/dev/null 2>&1; do sleep 0.2; done

# The base image `invar-bench-base`, from the mirror that apt uses here, with the packages that are named besides.
base_image() { # PACKAGES, joined by commas
    local mirror
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | sort -u | head -n 1)
    mmdebstrap --quiet --variant=minbase --include="python3,python3-venv,ca-certificates${1:+,$1}" trixie \
        "$work/base.tar" "$mirror" 2>/dev/null
    mkdir "$work/ca"
    cp /etc/ssl/certs/ca-certificates.crt "$work/ca/"
    tar -rf "$work/base.tar" -C "$work/ca" --transform 's|^|usr/local/share/host-|' ca-certificates.crt
    local ca=/usr/local/share/host-ca-certificates.crt
    docker import --change "ENV SSL_CERT_FILE=$ca PIP_CERT=$ca" "$work/base.tar" invar-bench-base >/dev/null
}

measure() { # NAME COMMAND...: appends "seconds kilobytes" to NAME's figures
    local name=$1
    shift
    command time -f '%e %M' -o "$work/time" "$@" >"$work/output" 2>&1 || { cat "$work/output"; exit 1; }
    cat "$work/time" >>"$work/figures-$name"
}

# The median of NAME's seconds, and the most memory of any run in megabytes.
median() { sort -n "$work/figures-$1" | awk '{ s[NR] = $1; if ($2 > m) m = $2 } END { printf "%s %d\n", s[int((NR + 1) / 2)], m / 1024 }'; }
