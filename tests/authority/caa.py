# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may issue for a name (RFC 8659), with which account and by which way (RFC 8657)."""

import re

from .view import Failure
from .problem import Problem

CRITICAL = 128
KNOWN = {"issue", "issuewild", "iodef", "contactemail", "contactphone", "issuemail", "issuevmc"}
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
DOMAIN = re.compile(rf"{LABEL}(?:\.{LABEL})*")
PARAMETER = re.compile(rf"({LABEL})[ \t]*=[ \t]*([\x21-\x3a\x3c-\x7e]*)")


def parse(value):
    """An issue or issuewild value as (domain or "", [(tag, value)]). ValueError: it is none (section 4.2)."""
    domain, *parameters = value.decode("ascii").split(";")
    domain, found = domain.strip(" \t").rstrip("."), []
    if domain and not DOMAIN.fullmatch(domain):
        raise ValueError("no domain")
    for text in parameters:
        if not text.strip(" \t"):
            continue
        match = PARAMETER.fullmatch(text.strip(" \t"))
        if not match:
            raise ValueError("no parameter")
        found.append((match[1].lower(), match[2]))
    return domain.lower(), found


def admits(value, identities, account, method):
    """None where the value lets the account have a certificate by this method, else why not."""
    try:
        domain, parameters = parse(value)
    except (ValueError, UnicodeDecodeError):
        return "it is malformed"
    if domain not in identities:
        return f"it names {domain or 'nobody'}"
    accounts = [v for t, v in parameters if t == "accounturi"]
    methods = [v for t, v in parameters if t == "validationmethods"]
    if len(accounts) > 1 or len(methods) > 1:
        return "a parameter stands there twice"
    if accounts and accounts[0] != account:
        return f"it is for the account {accounts[0]}"
    if methods and method not in methods[0].split(","):
        return f"it is for {methods[0]}"
    return None


def judge_set(records, wildcard, identities, account, method):
    """None, or why the set of CAA records forbids."""
    for r in records:
        if r.flags & CRITICAL and r.tag.decode("ascii", "replace").lower() not in KNOWN:
            return f"the critical tag {r.tag.decode('ascii', 'replace')} is not understood"
    by_tag = {tag: [r.value for r in records if r.tag.lower() == tag.encode()] for tag in ("issue", "issuewild")}
    values = wildcard and by_tag["issuewild"] or by_tag["issue"]
    if not values:
        return None
    reasons = [admits(v, identities, account, method) for v in values]
    return None if None in reasons else "; ".join(reasons)


async def relevant(view, name):
    """The closest set of records upwards from the name (section 3), and where it stands."""
    labels = name.removeprefix("*.").split(".")
    for i in range(len(labels)):
        at = ".".join(labels[i:])
        found = await view.ask(at, "CAA")
        if found.records:
            return at, found.records
    return None, []


async def judge(view, name, identities, account, method):
    """Raises the problem of a name (maybe *.NAME) whose CAA records forbid, or cannot be known."""
    plain = name.removeprefix("*.")
    try:
        at, records = await relevant(view, plain)
    except Failure as e:
        raise Problem("caa", f"CAA of {name} cannot be known: {e}", identifier=plain) from None
    why = judge_set(records, name != plain, identities, account, method)
    if why:
        raise Problem("caa", f"CAA records at {at} forbid {name}: {why}", identifier=plain)
