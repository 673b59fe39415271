# SPDX-License-Identifier: LGPL-2.1-or-later
"""Accounts, orders, authorizations, challenges, certificates (RFC 8555 section 7.1): what they are and how they change."""

import asyncio
import dataclasses
import datetime
import itertools
import re
import secrets

from . import caa, pki
from .jose import Key, encode
from .problem import Problem, compound
from .validation import METHODS

NAMES_MAX = 100
AUTHORIZATION_LIFETIME = 3600.0
NAME = re.compile(r"(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?")
REASONS = {0, 1, 3, 4, 5}
numbers = itertools.count(1)


def rfc3339(t):
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclasses.dataclass
class Account:
    key: Key
    url: str
    contact: list = dataclasses.field(default_factory=list)
    status: str = "valid"
    external: str | None = None

    def document(self):
        return {"status": self.status, "contact": self.contact, "orders": f"{self.url}/orders"}


@dataclasses.dataclass
class Challenge:
    type: str
    url: str
    authorization: "Authorization"
    token: str = dataclasses.field(default_factory=lambda: encode(secrets.token_bytes(32)))
    status: str = "pending"
    error: Problem | None = None
    validated: datetime.datetime | None = None

    def document(self):
        d = {"type": self.type, "url": self.url, "token": self.token, "status": self.status}
        if self.error:
            d["error"] = self.error.document()
        if self.validated:
            d["validated"] = rfc3339(self.validated)
        return d


@dataclasses.dataclass
class Authorization:
    account: Account
    url: str
    name: str  # "*.x" for a wildcard
    expires: datetime.datetime
    challenges: list[Challenge] = dataclasses.field(default_factory=list)
    status: str = "pending"

    @property
    def plain(self):
        return self.name.removeprefix("*.")

    def document(self):
        d = {"identifier": {"type": "dns", "value": self.plain}, "status": self.status, "expires": rfc3339(self.expires),
             "challenges": [c.document() for c in self.challenges]}
        return d | ({"wildcard": True} if self.name != self.plain else {})

    @property
    def method(self):
        """That it was validated by."""
        return next(c.type for c in self.challenges if c.status == "valid")


@dataclasses.dataclass
class Order:
    account: Account
    url: str
    names: list[str]
    authorizations: list[Authorization]
    profile: str
    replaces: str | None
    expires: datetime.datetime
    stage: str = "open"  # then "processing", "valid", "invalid"
    error: Problem | None = None
    certificate: "Certificate | None" = None

    @property
    def status(self):
        if self.stage != "open":
            return self.stage
        states = {a.status for a in self.authorizations}
        return "ready" if states == {"valid"} else "invalid" if states - {"valid", "pending"} else "pending"

    def document(self):
        d = {"status": self.status, "expires": rfc3339(self.expires), "profile": self.profile,
             "identifiers": [{"type": "dns", "value": n} for n in self.names],
             "authorizations": [a.url for a in self.authorizations], "finalize": f"{self.url}/finalize"}
        if self.error:
            d["error"] = self.error.document()
        if self.replaces:
            d["replaces"] = self.replaces
        return d | ({"certificate": self.certificate.url} if self.status == "valid" else {})


@dataclasses.dataclass
class Certificate:
    account: Account
    url: str
    leaf: object
    names: list[str]
    profile: str
    revoked: int | None = None  # the reason
    revoked_by: str | None = None  # an account's URL, or "key"
    replaced_by: Order | None = None
    window: tuple[datetime.datetime, datetime.datetime] | None = None  # a test's own
    explanation: str | None = None


class Book:
    """Everything the authority has written down, by URL, and the rules for writing. Loses nothing but by a test's hand."""

    def __init__(self, settings, view, base):
        self.settings, self.view, self.base, self.pki = settings, view, base, pki.Pki()
        self.accounts, self.orders, self.authorizations, self.challenges = {}, {}, {}, {}
        self.certificates, self.by_id = {}, {}
        self.tasks = set()

    def url(self, kind):
        return f"{self.base}/{kind}/{next(numbers)}"

    def later(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # --- accounts ---

    def find_account(self, key):
        return next((a for a in self.accounts.values() if a.key.thumbprint == key.thumbprint), None)

    def add_account(self, key, contact, external):
        account = Account(key, self.url("account"), contact, external=external)
        self.accounts[account.url] = account
        return account

    def deactivate(self, account):
        """RFC 8555 section 7.3.6: what is pending of it is over, too."""
        account.status = "deactivated"
        for order in self.orders.values():
            if order.account is account and order.stage == "open":
                order.stage = "invalid"

    # --- orders ---

    def check_names(self, identifiers):
        if not isinstance(identifiers, list) or not 0 < len(identifiers) <= NAMES_MAX:
            raise Problem("malformed", "identifiers are missing, or are too many")
        names, bad = [], []
        for i in identifiers:
            if not isinstance(i, dict) or set(i) != {"type", "value"} or not isinstance(i["value"], str):
                raise Problem("malformed", "this is no identifier")
            name = i["value"]
            if i["type"] != "dns":
                bad.append(Problem("unsupportedIdentifier", f"identifiers of type {i['type']} are not taken", identifier=name))
            elif len(name) > 253 or not NAME.fullmatch(name):
                bad.append(Problem("rejectedIdentifier", f"{name} is no name that is issued for", identifier=name))
            elif any(name == b or name.endswith(f".{b}") for b in self.settings.blocked):
                bad.append(Problem("rejectedIdentifier", f"{name} is not issued for by policy", identifier=name))
            names.append(name)
        if bad:
            raise compound(bad)
        if len(set(names)) != len(names):
            raise Problem("malformed", "a name stands there twice")
        return names

    def check_replaces(self, account, identifier, names):
        """RFC 9773 section 5, in the words of the public authorities."""
        certificate = self.by_id.get(identifier)
        if not certificate:
            raise Problem("malformed", "could not find an order for the given certificate", 404)
        if certificate.account is not account:
            raise Problem("unauthorized", "requester account did not request the certificate being replaced by this order", 403)
        if certificate.leaf.not_valid_after_utc < pki.now():
            raise Problem("malformed", "the certificate being replaced has expired")
        if not set(certificate.names) & set(names):
            raise Problem("malformed", "the certificate being replaced shares no name with the order")
        if certificate.replaced_by and certificate.replaced_by.status != "invalid":
            raise Problem("alreadyReplaced", "the certificate has a replacement order already")
        return certificate

    def add_order(self, account, request):
        names = self.check_names(request.get("identifiers"))
        profile = request.get("profile", self.settings.default_profile)
        if profile not in self.settings.profiles:
            raise Problem("invalidProfile", f"there is no profile {profile}")
        if "notBefore" in request or "notAfter" in request:
            raise Problem("malformed", "notBefore and notAfter are not taken")
        replaced = self.check_replaces(account, request["replaces"], names) if "replaces" in request else None
        expires = pki.now() + pki.seconds(AUTHORIZATION_LIFETIME)
        order = Order(account, self.url("order"), names, [self.authorize(account, n, expires) for n in names], profile,
                      request.get("replaces"), expires)
        self.orders[order.url] = order
        if replaced:
            replaced.replaced_by = order
        return order

    def authorize(self, account, name, expires):
        for a in self.authorizations.values():
            if self.settings.reuse_authorizations and a.account is account and a.name == name and a.status == "valid":
                return a
        a = Authorization(account, self.url("authorization"), name, expires)
        methods = [m for m in self.settings.challenges if m == "dns-01" or a.plain == name]
        a.challenges = [Challenge(m, self.url("challenge"), a) for m in methods]
        self.authorizations[a.url] = a
        self.challenges.update({c.url: c for c in a.challenges})
        return a

    # --- validation ---

    def begin(self, challenge):
        if challenge.status == "pending" and challenge.authorization.status == "pending":
            challenge.status = "processing"
            self.later(self.validate(challenge))

    async def judge(self, name, account, method):
        if self.settings.judge_caa:
            await caa.judge(self.view, name, self.settings.identities, account.url, method)

    async def validate(self, c):
        a = c.authorization
        try:
            await METHODS[c.type](self.view, a.plain, c.token, a.account.key.thumbprint)
            await self.judge(a.name, a.account, c.type)
            c.status = a.status = "valid"
            c.validated = pki.now()
        except Problem as e:
            c.status = a.status = "invalid"
            c.error = e

    # --- certificates ---

    def finalize(self, order, csr):
        if order.status != "ready":
            raise Problem("orderNotReady", f"the order is {order.status}")
        key = pki.check_request(csr, order.names, order.account.key.public)
        order.stage = "processing"
        self.later(self.issue(order, key))

    async def judge_order(self, order):
        """Once more: what stands now counts, and the names may have been validated a while ago."""
        problems = []
        for a in order.authorizations:
            try:
                await self.judge(a.name, order.account, a.method)
            except Problem as e:
                problems.append(e)
        if problems:
            raise compound(problems)

    async def issue(self, order, key):
        try:
            await self.judge_order(order)
        except Problem as e:
            order.stage, order.error = "invalid", e
            return
        await asyncio.sleep(self.settings.processing)
        leaf = self.pki.issue(key, order.names, self.settings.profiles[order.profile].lifetime, self.settings.backdate)
        certificate = Certificate(order.account, self.url("certificate"), leaf, order.names, order.profile)
        self.certificates[certificate.url] = self.by_id[pki.certificate_id(leaf)] = order.certificate = certificate
        order.stage = "valid"

    def renewal_window(self, certificate):
        if certificate.window:
            return certificate.window
        start = certificate.leaf.not_valid_before_utc
        return tuple(start + (certificate.leaf.not_valid_after_utc - start) * part for part in self.settings.renewal_window)

    def holds(self, account, names):
        """It has shown of each that it is its own (RFC 8555 section 7.6)."""
        held = {a.name for a in self.authorizations.values() if a.account is account and a.status == "valid"}
        return account is not None and set(names) <= held

    def revoke(self, leaf, reason, by_account, by_key):
        certificate = self.by_id.get(pki.certificate_id(leaf))
        if not certificate or certificate.leaf != leaf:
            raise Problem("malformed", "no certificate of this authority", 404)
        if by_account is not certificate.account and not self.holds(by_account, certificate.names) and (not by_key or pki.spki(by_key.public) != pki.spki(leaf.public_key())):
            raise Problem("unauthorized", "neither the certificate's account nor its names' nor its key signed this", 403)
        if not isinstance(reason, int) or reason not in REASONS:
            raise Problem("badRevocationReason", f"the reason {reason} is not taken")
        if certificate.revoked is not None:
            raise Problem("alreadyRevoked", "it is revoked already")
        certificate.revoked, certificate.revoked_by = reason, "key" if by_key else by_account.url
