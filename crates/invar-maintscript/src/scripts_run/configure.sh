#!/bin/sh
# Configures the packages that /run/invar/packages lists: "NAME-IN-THE-DATABASE PACKAGE ARCHITECTURE", one a line.
set -eu
umask 022
cd /

# Set-user-ID and set-group-ID bits, which no file has that comes out of the store.
xargs -0 -r -n 2 chmod -- </run/invar/special

if [ -s /run/invar/selections ]; then
    debconf-set-selections /run/invar/selections
fi

# The surroundings are those that dpkg gives a script (Debian Policy, section 6.1; dpkg(1)).
while read -r name package architecture <&3; do
    script=/var/lib/dpkg/info/$name.preinst
    [ -e "$script" ] || continue
    status=0
    DEBCONF_PACKAGE=$package DPKG_ADMINDIR=/var/lib/dpkg DPKG_MAINTSCRIPT_ARCH=$architecture \
        DPKG_MAINTSCRIPT_DEBUG=0 DPKG_MAINTSCRIPT_NAME=preinst DPKG_MAINTSCRIPT_PACKAGE=$package \
        DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1 DPKG_ROOT='' \
        "$script" install </dev/null 3<&- || status=$?
    if [ "$status" -ne 0 ]; then
        # As dpkg itself says it.
        echo " new $name package pre-installation script subprocess returned error exit status $status" >&2
        exit 1
    fi
done 3</run/invar/packages

# In this order; dpkg itself sees that a package comes after those it depends on.
if [ -s /run/invar/packages ]; then
    # shellcheck disable=SC2046 # The names of packages have no blanks.
    dpkg --configure $(cut -d ' ' -f 1 /run/invar/packages) </dev/null
fi
dpkg --configure --pending </dev/null

# Sockets and pipes that programs left behind are no files that an image can have.
find / -xdev '(' -type s -o -type p ')' -exec rm -f '{}' +
