# SPDX-License-Identifier: LGPL-2.1-or-later
"""Profiles of certificate authorities (draft-ietf-acme-profiles): what is asked for is judged by what the authority offers, and
certificates of days, or of minutes, are renewed, tried again and shouted about in time."""

import pytest

from acme_tools import ZONE, check_certificate
from authority_tools import Fault, Profile
from test_acmed_caa import authority, begin, gateway  # noqa: F401

OFFERED = "it offers: classic, tlsserver, shortlived"


def life(certificate):
    """Days."""
    return (certificate["notAfterUSec"] - certificate["notBeforeUSec"]) / 86400e6


@pytest.mark.parametrize("profile, days", [(None, 90), ("tlsserver", 64), ("shortlived", 160 / 24)])
def test_profile(gateway, authority, profile, days):  # noqa: F811
    """It goes along with the order, and the certificate is renewed as its life wants it."""
    certificate = begin(gateway, authority, **({"profile": profile} if profile else {}))
    check_certificate(certificate, gateway.keyd, [ZONE, f"*.{ZONE}"])
    assert authority.orders()[0].profile == profile or profile is None and authority.orders()[0].profile == "classic"
    assert life(certificate) == pytest.approx(days, abs=0.1)
    assert certificate["notBeforeUSec"] < certificate["nextUSec"] < certificate["notAfterUSec"]


def test_a_profile_that_is_not_offered(gateway, authority):  # noqa: F811
    """Told with what is, before anything is ordered; the correction is tried at once."""
    gateway.start(authority.directory, authority.root, profile="six-days")
    failed = gateway.wait(state="failed")
    assert f'no profile "six-days"; {OFFERED}' in failed["error"] and "Correct acme.profile" in failed["error"]
    assert authority.count("newAccount") == authority.count("newOrder") == 0
    gateway.configure(authority.directory, authority.root, profile="shortlived")
    gateway.acmed.reload()
    assert life(gateway.wait()) < 7


def test_an_authority_without_profiles(gateway, authority):  # noqa: F811
    authority.settings.profiles = {}
    gateway.start(authority.directory, authority.root, profile="tlsserver")
    assert 'no profile "tlsserver"; it offers none' in gateway.wait(state="failed")["error"]


def test_odd_profiles(gateway, authority):  # noqa: F811
    """Names that nobody could ask for, and more than one could read: what can be used is."""
    authority.settings.profiles = {"": Profile(), "x" * 65: Profile(), "a b": Profile(), "\u001b[31m": Profile(), "käse": Profile(),
                                   **{f"p{i:02}": Profile() for i in range(40)}}
    gateway.start(authority.directory, authority.root, profile="six-days")
    offered = gateway.wait(state="failed")["error"].partition("it offers: ")[2].partition(". ")[0]
    assert offered == ", ".join(f"p{i:02}" for i in range(16))


def test_a_profile_that_is_refused(gateway, authority):  # noqa: F811
    """Offered and refused, for these names say: the authority's own words."""
    authority.settings.faults = [Fault("newOrder", 403, "invalidProfile", "not for you")]
    gateway.start(authority.directory, authority.root, profile="tlsserver")
    assert "not for you [invalidProfile]" in gateway.wait(state="failed")["error"]


def test_a_changed_profile_waits_for_the_renewal(gateway, authority):  # noqa: F811
    """A good certificate stays; the next one has the new profile."""
    before = begin(gateway, authority)
    gateway.configure(authority.directory, authority.root, profile="shortlived")
    gateway.acmed.reload()
    assert gateway.get()["keyId"] == before["keyId"] and authority.count("newOrder") == 1
    gateway.acmed.call("Renew", name=ZONE)
    assert life(gateway.changed(before)) < 7
