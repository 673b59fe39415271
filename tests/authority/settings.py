# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an authority is like, and what it does wrong on demand. A test may change all of it while it runs."""

import dataclasses


@dataclasses.dataclass
class Profile:
    lifetime: float = 90 * 86400.0  # seconds
    description: str = "as always"


@dataclasses.dataclass
class Fault:
    """The next `times` requests at the resource (a directory's field, or order, authz, challenge, finalize, cert, account) are
    refused so."""

    at: str
    status: int = 500
    type: str = "serverInternal"
    detail: str = "as the test wants it"
    retry_after: int | str | None = None
    times: float = float("inf")
    body: str | None = None  # instead of a problem document: text/html
    afterwards: bool = False  # what is asked for is done, and only then refused: an answer that gets lost
    accounts: tuple[str, ...] = ()  # only theirs (URLs); none: everybody's


@dataclasses.dataclass
class Settings:
    identities: tuple[str, ...] = ("authority.example",)  # caaIdentities
    # Zone -> where to ask, ("address", port). "." is a resolver for all the rest; without it a name in no zone does not exist.
    servers: dict[str, tuple[str, int]] = dataclasses.field(default_factory=dict)
    http_port: int = 80
    listen: tuple[str, int] = ("127.0.0.1", 0)
    names: tuple[str, ...] = ("localhost", "127.0.0.1")  # in its own server certificate
    judge_caa: bool = True
    dns_cache: bool = False  # keeps CAA answers for their TTL, as authorities may (RFC 8659 section 5.6)
    dns_timeout: float = 5.0
    profiles: dict[str, Profile] = dataclasses.field(default_factory=lambda: {
        "classic": Profile(), "tlsserver": Profile(64 * 86400.0, "for servers"), "shortlived": Profile(160 * 3600.0, "six days")})
    default_profile: str = "classic"
    backdate: float = 60.0  # seconds that certificates are older than they are
    renewal_window: tuple[float, float] = (0.6, 0.7)  # of the lifetime, for ARI
    renewal_retry_after: int = 6 * 3600
    external_accounts: dict[str, str] = dataclasses.field(default_factory=dict)  # key id -> base64url key; any: required
    reject_nonces: int = 0  # in a hundred
    reuse_authorizations: bool = False
    challenges: tuple[str, ...] = ("dns-01", "http-01")
    blocked: tuple[str, ...] = ()  # names it never issues for
    poll_after: int | None = 1  # Retry-After of pending and processing objects, seconds
    processing: float = 0.0  # seconds that an order is in processing behind its finalize
    processing_after: int | None = None  # Retry-After meanwhile; None: poll_after
    clock: float = 0.0  # seconds that its clock (Date) is ahead
    faults: list[Fault] = dataclasses.field(default_factory=list)

    def take_fault(self, at, account_url=None):
        for fault in self.faults:
            if fault.at == at and fault.times > 0 and (not fault.accounts or account_url in fault.accounts):
                fault.times -= 1
                return fault
        return None


def from_json(values):
    """Settings from what json.load() gives."""
    values = dict(values)
    values["profiles"] = {k: Profile(**v) for k, v in values["profiles"].items()} if "profiles" in values else Settings().profiles
    values["faults"] = [Fault(**f) for f in values.get("faults", ())]
    for field in dataclasses.fields(Settings):
        if field.name in values and isinstance(values[field.name], list) and field.name != "faults":
            values[field.name] = tuple(values[field.name])
    values["servers"] = {zone: (address, port) for zone, (address, port) in values.get("servers", {}).items()}
    return Settings(**values)
