#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes ./configure from configure.ac; a release tarball carries it ready-made.
cd "$(dirname "$0")" && exec autoreconf --install --force
