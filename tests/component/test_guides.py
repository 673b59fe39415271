# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guides lead where they say, and docs/troubleshooting.md has a heading for each sentence that hagw-ctl status can say."""

import json
import re

import pytest
from conftest import ROOT
from ctl_tools import ctl  # noqa: F401 (fixture)

GUIDES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
SHIPPED = re.search(r"dist_guides_DATA = ((?:.*\\\n)*.*)", (ROOT / "man" / "Makefile.inc").read_text())[1].replace("\\\n", "").split()

# Who makes findings: status_problem() and status_notice() by themselves, the others as text that these pass on.
JUDGES = sorted((ROOT / "hagw-ctl").glob("judge-*.c"))
LITERAL = r'"(?:[^"\\]|\\.)*"'
GROUP = rf'{LITERAL}(?:\s*(?:PRI\w+\s*)?{LITERAL})*'


def sentence(group):
    """A format as somebody reads it: … for what is filled in."""
    text = "".join(bytes(x[1:-1], "utf-8").decode("unicode_escape").encode("latin-1").decode() for x in re.findall(LITERAL, group))
    return re.sub(r"…(?:[ :]*…)+", "…", re.sub(r"%[-0-9.]*(?:l|z)*[a-zA-Z]", "…", text.replace("%%", "%"))).strip()


def call(text, begin):
    """What stands between the parentheses that open there."""
    depth, i = 0, begin
    while True:
        if text[i] == '"':
            i = re.compile(LITERAL).match(text, i).end()
            continue
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        i += 1
        if depth == 0:
            return text[begin:i]


def sentences():
    for path in JUDGES:
        text = path.read_text()
        for m in re.finditer(r"status_(?:problem|notice)\)?\(", text):
            first = re.split(r'",\s*[^"\s]', call(text, text.index("(", m.end() - 1)) + '", x')[0] + '"'
            for group in re.findall(GROUP, first):
                said = sentence(group)
                if len(said) > 20:
                    yield path.name, said


# What the judges pass on is put together by these, as whole sentences.
PASSED_ON = [ROOT / "hagw-ctl" / f"{name}.c" for name in ("admitted", "ways", "delegation-say", "servers", "glue")]


def passed_on():
    for path in PASSED_ON:
        for group in re.findall(GROUP, re.sub(r"^#.*$", "", path.read_text(), flags=re.M)):
            said = sentence(group)
            if len(said) > 20 and said[0].isupper():
                yield path.name, said


def told_of_services():
    """What a look at a service has found, which status tells as it is."""
    text = (ROOT / "hagw-proxyd/wire/finding.c").read_text()
    table = re.search(r"texts\[_FINDING_MAX\] = \{\n(.*?)\n\};", text, re.S)[1]
    yield from (("finding.c", sentence(group)) for group in re.findall(GROUP, table))


def told_of_daemons():
    """Why a daemon could not be asked. That it does not run, or answers root only, status says of all together."""
    text = (ROOT / "hagw-ctl/explain.c").read_text()
    errors = re.findall(rf'\{{ "((?:org\.varlink|io\.systemd)\.[\w.]+)", \w+,\s*({GROUP})', text)
    numbers = re.findall(rf"\{{ (E\w+), E\w+,\s*({GROUP})", text)
    for what, group in [*errors, *numbers]:
        if what.rpartition(".")[2] not in ("PermissionDenied", "InvalidParameter", "ENOENT", "ECONNREFUSED", "EACCES", "EPERM"):
            yield "explain.c", re.sub(r"\{\w+\}", "…", sentence(group))


def commands():
    """What is printed, or stands in a guide, as something to type: (where, the words behind hagw-ctl)."""
    for folder in ("libhagw", *(f"hagw-{n}" for n in ("ctl", "acmed", "netd", "dnsd", "proxyd", "webd", "keyd", "tenantd", "bind"))):
        for path in sorted((ROOT / folder).glob("**/*.c")):
            for group in re.findall(GROUP, path.read_text()):
                yield from ((path.name, c) for c in re.findall(r"hagw-ctl ((?:[a-z]+ ?|--[a-z-]+[= ]?)+)", sentence(group)))
    for guide in [*GUIDES, *sorted((ROOT / "man").glob("hagw*.[578]")), *sorted((ROOT / "etc").glob("**/*.conf"))]:
        text = re.sub(r"\\\n\s*", " ", guide.read_text())
        for code in [*re.findall(r"`(hagw-ctl [^`]*)`", text), *re.findall(r"^\s*(?:sudo )?(hagw-ctl .*)$", text, re.M), *re.findall(r"^\.Ic (hagw-ctl .*)$", text, re.M)]:
            yield guide.name, re.sub(r"\s#.*| {3,}.*|[;|&<].*", "", code.removeprefix("hagw-ctl ")).replace("\\&", "")


def test_commands_exist(ctl):
    """Every one that we tell people to type: its verb is there, and takes these options."""
    verbs = {" ".join(filter(None, (v["group"], v["name"]))): v for v in json.loads(ctl.run("--help", "--json").stdout)["verbs"]}
    groups = {v["group"] for v in verbs.values()}
    common = {o["name"] for o in json.loads(ctl.run("--help", "--json").stdout)["common"]}
    wrong, seen = [], set()
    for where, command in commands():
        words = command.split()
        plain = [w for w in words if not w.startswith("-")]
        verb = next((" ".join(plain[:n]) for n in (3, 2, 1) if " ".join(plain[:n]) in verbs), None)
        if not verb and (not plain or words[0] == "--help" or plain[0] in groups or not re.fullmatch("[a-z]+", plain[0]) or plain[0] in ("changes", "cannot", "help")):
            continue  # a group, or hagw-ctl is whom the sentence is about
        if not verb:
            wrong.append(f"{where}: hagw-ctl {command}")
            continue
        seen.add(verb)
        known = common | {o["name"] for o in verbs[verb]["options"]}
        wrong += [f"{where}: hagw-ctl {verb} has no {w}" for w in words
                  if w.startswith("--") and w.strip(",.;:)\"'").removeprefix("--").split("=")[0] not in known]
    assert not wrong, "\n".join(wrong)
    assert len(seen) > 15


def headings():
    text = (ROOT / "docs" / "troubleshooting.md").read_text()
    return [h.replace("`", "") for h in re.findall(r"^### (.*)$", text, re.M)]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda g: g.name)
def test_links_lead_somewhere(guide):
    for link in re.findall(r"\]\(([^)#\s]+)", guide.read_text()):
        if "://" not in link:
            assert (guide.parent / link).exists(), link
            if guide.name == "README.md" or f"docs/{guide.name}" in SHIPPED:
                assert str((guide.parent / link).resolve().relative_to(ROOT)) in [*SHIPPED, "README.md"], f"{link} is not in the package"


def test_every_sentence_has_its_heading():
    known, passed = headings(), list(passed_on())
    said = [*sentences(), *passed]
    assert {name for name, _ in passed} == {path.name for path in PASSED_ON}
    assert len(said) > 40 and len(set(known)) == len(known)
    missing = [f"{name}: {s}" for name, s in said if not any(s.startswith(h.rstrip("….")) for h in known)]
    more = [*told_of_services(), *told_of_daemons()]
    assert len(more) > 20
    missing += [f"{name}: {s}" for name, s in more if not any(h.rstrip("….") in s for h in known)]
    assert not missing, "\n".join(missing)


def test_every_heading_is_said():
    """Or by what the judges pass on."""
    everything = "".join(sentence(g) + "\n" for path in sorted((ROOT / "hagw-ctl").glob("*.c")) for g in re.findall(GROUP, path.read_text()))
    everything += "".join(re.sub(r"\{\w+\}", "…", sentence(g)) + "\n" for g in re.findall(GROUP, (ROOT / "hagw-ctl/explain.c").read_text()))
    everything += "".join(sentence(g) + "\n" for d in ("libhagw", *(f"hagw-{n}" for n in ("acmed", "netd", "dnsd", "proxyd", "webd", "keyd", "tenantd")))
                          for path in sorted((ROOT / d).glob("**/*.c")) for g in re.findall(GROUP, path.read_text()))
    for h in headings():
        assert h.rstrip("….") in everything, h
