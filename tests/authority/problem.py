# SPDX-License-Identifier: LGPL-2.1-or-later
"""Problem documents (RFC 7807, RFC 8555 section 6.7)."""

PREFIX = "urn:ietf:params:acme:error:"
STATUS = {
    "accountDoesNotExist": 400, "alreadyReplaced": 409, "alreadyRevoked": 400, "badCSR": 400, "badNonce": 400, "badPublicKey": 400,
    "badRevocationReason": 400, "badSignatureAlgorithm": 400, "caa": 403, "compound": 400, "connection": 400, "dns": 400,
    "externalAccountRequired": 403, "incorrectResponse": 403, "invalidContact": 400, "invalidProfile": 400, "malformed": 400,
    "orderNotReady": 403, "rateLimited": 429, "rejectedIdentifier": 403, "serverInternal": 500, "tls": 400, "unauthorized": 401,
    "unsupportedContact": 400, "unsupportedIdentifier": 400, "userActionRequired": 403}


class Problem(Exception):
    page = None  # what a load balancer in front says instead: HTML

    def __init__(self, kind, detail, status=None, identifier=None, retry_after=None, location=None, **more):
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail, self.status = kind, detail, status or STATUS[kind]
        self.identifier, self.retry_after, self.location, self.more = identifier, retry_after, location, more

    def document(self):
        d = {"type": PREFIX + self.kind, "detail": self.detail, "status": self.status, **self.more}
        if self.identifier:
            d["identifier"] = {"type": "dns", "value": self.identifier}
        return d


def compound(problems):
    """One problem of several identifiers (RFC 8555 section 6.7.1)."""
    if len(problems) == 1:
        return problems[0]
    kinds = {p.kind for p in problems}
    kind = kinds.pop() if len(kinds) == 1 else "compound"
    return Problem(kind, "several names are refused", problems[0].status, subproblems=[p.document() for p in problems])
