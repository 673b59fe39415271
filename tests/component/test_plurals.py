# SPDX-License-Identifier: LGPL-2.1-or-later
"""Texts that count say "1 host" and "2 hosts": a word behind a number is plural()'s."""

import re

from conftest import ROOT

COUNTED = re.compile(r'%(?:zu|lu|llu|u|" PRIu64 ")(?: (?:more|other|broken|wrong))? ([a-z]+?(?:s|ies))\b')
# Limits, which are never one; and what is no noun, or is only said of several.
LIMITS = re.compile(r"(?i:more than|at most|larger than|up to|first|expected|are|has|one has) %(?:zu|lu|llu|u)\b")
NO_NOUN = {"is", "was", "has", "characters", "bytes", "this", "ms", "us", "s", "as", "gives", "times", "addresses", "exports", "machines"}


def test_no_word_is_counted_without_it():
    found = []
    for path in sorted([*ROOT.glob("hagw-*/**/*.c"), *ROOT.glob("libhagw/**/*.c")]):
        for n, line in enumerate(path.read_text().splitlines(), 1):
            for m in COUNTED.finditer(line):
                if m[1] not in NO_NOUN and not LIMITS.search(line[:m.end()]):
                    found.append(f"{path.relative_to(ROOT)}:{n}: {m[0]}")
    assert not found, "\n".join(found)


def test_no_plural_is_made_by_hand():
    by_hand = re.compile(r'[=>] ?1 \? "(s|es|ies|)"')
    found = [str(path.relative_to(ROOT)) for path in [*ROOT.glob("hagw-*/**/*.c"), *ROOT.glob("libhagw/**/*.c")] if by_hand.search(path.read_text())]
    assert not found, found
